//! Evaluation: mutated expressions against mutated source objects, through the line of `eval --batch`.

use provisiond::expr::{DateTime, SeededRandom, answer_line};
use provisiond_fuzz::{Chance, EXPRESSION_WORDS, expression_seeds, mutate, run};
use serde_json::{Value, json};

/// Replaces some texts of a source object by mutated ones.
fn disturb(chance: &mut Chance, value: &mut Value, texts: &[String]) {
    match value {
        Value::String(text) if chance.below(3) == 0 => *text = mutate(chance, text, texts, EXPRESSION_WORDS),
        Value::Array(values) => values.iter_mut().for_each(|value| disturb(chance, value, texts)),
        Value::Object(members) => members.values_mut().for_each(|value| disturb(chance, value, texts)),
        other if chance.below(8) == 0 => {
            *other = match chance.below(6) {
                0 => Value::Null,
                1 => json!(true),
                2 => json!(-7),
                3 => json!(["a", "b", "a"]),
                4 => json!({ "displayName": "Admin" }),
                _ => json!("x".repeat(1 + chance.below(5_000))),
            };
        }
        _ => {}
    }
}

fn main() {
    let cases = expression_seeds();
    let seeds: Vec<String> = cases.iter().filter_map(|case| case["expression"].as_str().map(str::to_owned)).collect();
    let random = SeededRandom::new([3; 32]);
    let now = DateTime::from_unix_nanoseconds(1_800_000_000_000_000_000).expect("the year 2027 is a date");
    run(&seeds, EXPRESSION_WORDS, |chance, input| {
        let mut source = chance.pick(&cases)["source"].clone();
        if let Value::Object(members) = &mut source {
            for (name, value) in
                [("a", json!("2020-03-16")), ("list", json!(["x", "y"])), ("roles", json!([{"value": "r"}]))]
            {
                members.entry(name).or_insert(value);
            }
        }
        disturb(chance, &mut source, &seeds);
        let line = json!({ "id": "x", "expression": input, "source": source, "target_existing": ["x"] }).to_string();
        let line = if chance.below(50) == 0 { mutate(chance, &line, &seeds, EXPRESSION_WORDS) } else { line };
        let answer: Value = serde_json::from_str(&answer_line(&line, now, &random)).expect("an answer is JSON");
        match answer.get("error") {
            Some(error) => assert!(error["code"].is_string() && error["message"].is_string(), "{answer}"),
            None => assert!(answer.get("value").is_some(), "{answer}"),
        }
    });
}
