//! Many seeds of a target that fails at random; started by `tests/random/run`.

use std::collections::{BTreeMap, BTreeSet};

use provisiond::mock::Options;

use crate::bench::{Bench, row};

/// Hours between the beginnings of cycles: each begins when a retry is due (service.md D-43).
const HOURS: [i64; 8] = [0, 1, 5, 6, 12, 24, 24, 24];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "runs for minutes: tests/random/run"]
fn seed_after_seed() {
    let (first, seeds, people) = (number("FIRST_SEED", 1), number("SEEDS", 10), number("PEOPLE", 200) as usize);
    let mut needed: BTreeMap<usize, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        let faults = vec!["random-30".parse().expect("a fault")];
        let mut bench = Bench::with(Options { faults, seed, ..Options::default() });
        bench.target("timeout: PT1S\nconcurrency: 16").crowd(people);
        let created = until_right(&mut bench);
        let rows: String =
            (0..people).map(|number| row(number, "Sales", number % 10 > 0).replace("Person", "People")).collect();
        bench.people(&rows).after_hours(1);
        let changed = until_right(&mut bench);
        println!("seed {seed}: {created:?} cycles until everybody was there, {changed:?} until everybody was changed");
        let accounts = bench.standin.users();
        let names: BTreeSet<String> = accounts.iter().map(|account| account["userName"].to_string()).collect();
        assert_eq!((accounts.len(), names.len()), (people, people), "seed {seed}: everybody once");
        for account in &accounts {
            let name = account["displayName"].as_str().expect("a name");
            let number: usize = name.rsplit(' ').next().and_then(|text| text.parse().ok()).expect("a number");
            let wrong = match number % 10 {
                // Who leaves keeps the old name (service.md D-36).
                0 => account["active"] != false,
                _ => account["active"] != true || !name.starts_with("People"),
            };
            assert!(!wrong, "seed {seed}: {account}");
        }
        for cycles in [created, changed] {
            *needed.entry(cycles.expect("right after eight cycles at the latest")).or_default() += 1;
        }
    }
    for (cycles, times) in needed {
        println!("{cycles} cycles: {times} times");
    }
}

/// Runs cycles until nothing is left to do; returns how many it took.
fn until_right(bench: &mut Bench) -> Option<usize> {
    for (count, hours) in HOURS.into_iter().enumerate() {
        bench.after_hours(hours);
        let cycle = bench.cycle();
        if cycle.report.error.is_none() && bench.status().escrows == 0 {
            return Some(count + 1);
        }
    }
    None
}
