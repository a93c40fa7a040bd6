//! Parser and compiler: no input may panic, and printing a compiled expression must give a text of the same meaning.

use provisiond::expr::{Slots, compile};
use provisiond_fuzz::{EXPRESSION_WORDS, expression_seeds, run};

fn main() {
    let seeds: Vec<String> =
        expression_seeds().iter().filter_map(|case| case["expression"].as_str().map(str::to_owned)).collect();
    run(&seeds, EXPRESSION_WORDS, |_, input| match compile(input, &mut Slots::new(), None) {
        Ok(expression) => {
            let canonical = expression.canonical().to_owned();
            if canonical.chars().count() > 10_000 {
                return;
            }
            let again = compile(&canonical, &mut Slots::new(), None)
                .unwrap_or_else(|faults| panic!("{canonical:?} does not compile: {faults:?}"));
            assert_eq!(again.canonical(), canonical);
            assert_eq!(again.tree(), expression.tree());
            assert_eq!(again.class(), expression.class());
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(fault.span.start <= fault.span.end && fault.span.end <= input.len(), "{fault:?}");
                assert!(
                    input.is_char_boundary(fault.span.start) && input.is_char_boundary(fault.span.end),
                    "{fault:?}"
                );
            }
        }
    });
}
