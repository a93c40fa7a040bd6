//! Accidental deletion prevention, unproven absences, refused exports (service.md 3 and 18).

use provisiond::model::{JobCode, LoggedAction, QuarantineReason};
use serde_json::json;

use crate::bench::{Bench, HEADING, anchor, login, row};

/// `count` people of whom the first `out` have their accounts blocked.
fn blocked(bench: &mut Bench, count: usize, out: usize) {
    let rows: String = (0..count).map(|number| row(number, "Sales", number >= out)).collect();
    bench.people(&rows);
}

fn batch(bench: &Bench) -> String {
    bench.status().staged.expect("a batch is open").batch
}

#[test]
fn too_many_leavers_are_withheld_until_approved() {
    let mut bench = Bench::new();
    bench.job("accidental_deletion: { threshold: 3 }").crowd(10);
    bench.cycle();
    // Exactly the threshold passes (D-51).
    blocked(&mut bench, 10, 3);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts(), [0, 0, 3, 0, 0, 0, 0, 7]);
    // Four more, and a joiner and a mover.
    let mut rows: String = (0..10).map(|number| row(number, "Sales", number >= 7)).collect();
    rows = rows.replace("Person 9", "Renamed");
    rows.push_str(&row(10, "Sales", true));
    bench.people(&rows).after_minutes(40);
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 5, "{}", ran.errors());
    let counts = ran.json()["counts"].clone();
    assert_eq!(
        (&counts["create"], &counts["update"], &counts["disable"], &counts["staged"]),
        (&json!(1), &json!(1), &json!(0), &json!(4))
    );
    let status = bench.status();
    assert_eq!(status.code, JobCode::Quarantine);
    assert_eq!(status.quarantine.expect("it is").reason, QuarantineReason::TooManyDeletes);
    assert!((3..7).all(|number| bench.account(&login(number)).expect("kept")["active"] == true));
    let listed = bench.run(&["deletions", "list", "--output", "json"]).json();
    assert_eq!((&listed[0]["count"], listed[0]["objects"].as_array().expect("objects").len()), (&json!(4), 4));
    let first = batch(&bench);
    // A quiet cycle asks nothing, and the batch stays.
    bench.after_minutes(40);
    let (cycle, requests) = bench.requests(|| bench.cycle());
    assert_eq!((cycle.counts()[6], requests), (4, 0));
    assert_eq!(batch(&bench), first);
    // One comes back and leaves the batch; another one leaves and waits with them.
    let mut rows: String = (0..11).map(|number| row(number, "Sales", number >= 7 || number == 3)).collect();
    rows = rows.replace("Person 9", "Renamed").replace("Person 8,Sales,True", "Person 8,Sales,False");
    bench.people(&rows).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[6], 4);
    assert_eq!(cycle.of(&anchor(8)).action, LoggedAction::StagedAction);
    // On demand a staged person is refused, unless forced.
    let refused = bench.run(&["provision-now", "--user", &login(4)]);
    assert_eq!(refused.status(), 5, "{}", refused.text());
    assert_eq!(bench.account(&login(4)).expect("kept")["active"], true);
    assert_eq!(bench.run(&["provision-now", "--user", &login(4), "--force"]).status(), 0);
    assert_eq!(bench.account(&login(4)).expect("kept")["active"], false);
    // Approval of another number is refused; of this one it lets them go.
    assert_eq!(bench.run(&["deletions", "approve", "another"]).status(), 4);
    assert_eq!(bench.run(&["deletions", "approve", &batch(&bench)]).status(), 0);
    bench.after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], cycle.counts()[6]), (3, 0));
    let status = bench.status();
    assert_eq!((status.code, status.staged.is_none()), (JobCode::Active, true));
    assert_eq!(bench.run_cycle(&[]).status(), 0);
}

#[test]
fn an_approval_does_not_spread_to_later_leavers() {
    let mut bench = Bench::new();
    bench.job("accidental_deletion: { threshold: 2 }").crowd(12);
    bench.cycle();
    blocked(&mut bench, 12, 3);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[6], 3);
    let first = batch(&bench);
    assert_eq!(bench.run(&["deletions", "approve", &first]).status(), 0);
    // Before the approved cycle runs, four others leave.
    blocked(&mut bench, 12, 7);
    bench.after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], cycle.counts()[6]), (3, 4), "three were approved, four are new");
    assert_ne!(batch(&bench), first);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[6], 4, "they wait for an approval of their own");
    assert!((3..7).all(|number| bench.account(&login(number)).expect("kept")["active"] == true));
}

#[test]
fn restart_with_forced_deletes_is_an_approval() {
    let mut bench = Bench::new();
    bench.job("accidental_deletion: { threshold: 0 }").crowd(3);
    bench.cycle();
    blocked(&mut bench, 3, 1);
    bench.after_minutes(40);
    assert_eq!(bench.run_cycle(&[]).status(), 5, "a threshold of 0 trips on the first");
    assert_eq!(bench.run(&["restart", "--reset", "ForceDeletes"]).status(), 0);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[2], 1);
    assert!(bench.status().quarantine.is_none());
}

#[test]
fn undoing_the_cause_rejects_a_batch() {
    let mut bench = Bench::new();
    bench.job("accidental_deletion: { threshold: 1 }").crowd(5);
    bench.cycle();
    blocked(&mut bench, 5, 3);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[6], 3);
    bench.crowd(5);
    assert_eq!(bench.run(&["restart"]).status(), 0);
    bench.after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[6], cycle.counts()[4]), (0, 5), "everybody is as they were");
    assert!(bench.status().staged.is_none() && bench.status().quarantine.is_none());
}

#[test]
fn unproven_absences_wait_without_a_quarantine() {
    let mut bench = Bench::new();
    bench.crowd(20);
    bench.cycle();
    // Six of twenty are gone, which nothing proves; another one is blocked.
    let rows: String = (0..14).map(|number| row(number, "Sales", number != 0)).collect();
    bench.people(&rows).after_minutes(40);
    let looked = bench.run(&["check"]);
    assert!(looked.status() == 0 && looked.text().contains("set.absences_unproven"), "{}", looked.text());
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], cycle.counts()[6]), (1, 6), "{:?}", cycle.report.warnings);
    assert_eq!(bench.status().code, JobCode::Active, "the job is not quarantined for it");
    bench.after_minutes(40);
    assert_eq!(bench.run_cycle(&[]).status(), 5, "they still wait");
    assert_eq!(bench.status().staged.expect("open").count, 6);
    // Deprovisionings for other causes go on meanwhile.
    let rows: String = (0..14).map(|number| row(number, "Sales", number > 1)).collect();
    bench.people(&rows).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], cycle.counts()[6]), (1, 6));
    let open = batch(&bench);
    assert_eq!(bench.run(&["deletions", "approve", &open]).status(), 0);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[2], 6);
    assert!(bench.status().staged.is_none());
}

#[test]
fn a_shrunken_export_is_refused_until_it_is_accepted() {
    let mut bench = Bench::new();
    bench.crowd(20);
    bench.cycle();
    bench.crowd(9).after_minutes(40);
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 6, "{}", ran.errors());
    assert_eq!(ran.json()["requests"], 0);
    // Whoever looks is told the same before the cycle is.
    for arguments in [&["check"][..], &["source"], &["source", "--output", "json"]] {
        let looked = bench.run(arguments);
        assert_eq!(looked.status(), 6, "{arguments:?}: {}", looked.text());
        assert!(looked.text().contains("set.shrink") && looked.text().contains("source accept"), "{}", looked.text());
    }
    // A run on demand is refused too; with --force it goes on for a person whose record was read.
    assert_eq!(bench.run(&["provision-now", "--user", &login(1)]).status(), 6);
    assert_eq!(bench.run(&["provision-now", "--user", &login(1), "--force"]).status(), 0);
    assert_eq!(bench.run(&["provision-now", "--user", &login(15), "--force"]).status(), 6);
    assert_eq!(bench.run(&["source", "accept"]).status(), 0);
    assert_eq!([&["check"][..], &["source"]].map(|looked| bench.run(looked).status()), [0, 0]);
    // Another export is judged afresh.
    bench.crowd(8).after_minutes(40);
    assert_eq!(bench.run_cycle(&[]).status(), 6);
    bench.crowd(9);
    bench.after_minutes(40);
    let again = bench.run_cycle(&[]);
    assert!([5, 6].contains(&again.status()), "{}", again.errors());
}

#[test]
fn a_cut_export_is_refused_and_quarantines_after_three_cycles() {
    let mut bench = Bench::new();
    bench.crowd(5);
    bench.cycle();
    bench.file("users.csv", &format!("{HEADING}{}{}", row(0, "Sales", true), &row(1, "Sales", true)[..60]));
    assert_eq!(
        bench.run(&["provision-now", "--user", &login(0)]).status(),
        6,
        "a line that was cut is of somebody else"
    );
    bench.file("users.csv", &format!("{HEADING}{}\"cut", row(0, "Sales", true)));
    assert_eq!(bench.run(&["provision-now", "--user", &login(0)]).status(), 6);
    for count in 1..=3 {
        bench.after_minutes(40);
        assert_eq!(bench.run_cycle(&[]).status(), 6, "cycle {count}");
        let reason = bench.status().quarantine.map(|quarantine| quarantine.reason);
        assert_eq!(reason, (count == 3).then_some(QuarantineReason::IngestionInterrupted));
    }
    bench.crowd(5).after_hours(6);
    assert_eq!(bench.run_cycle(&[]).status(), 0);
    assert!(bench.status().quarantine.is_none());
}

/// Rows of the people with these numbers; `bad` is said as `spoil` makes it.
fn rows(numbers: impl Iterator<Item = usize>, bad: usize, spoil: fn(String) -> String) -> String {
    numbers
        .map(|number| row(number, "Sales", true))
        .enumerate()
        .fold(String::new(), |rows, (at, row)| rows + &if at == bad { spoil(row) } else { row })
}

fn is_active(bench: &Bench, number: usize) -> bool {
    bench.account(&login(number)).expect("there")["active"] == true
}

#[test]
fn who_is_gone_beside_an_unreadable_record_is_gone_once_all_can_be_read() {
    // Text behind a quote: nobody knows whose record it is.
    let unreadable: fn(String) -> String = |row| row.replace("Person ", "\"Person\" ");
    for is_initial in [false, true] {
        let mut bench = Bench::new();
        bench.crowd(20);
        bench.cycle();
        for round in 0..2 {
            // the second of them is another export, in which they are absent for the second time
            bench.people(&rows(1..19, 1 + round, unreadable)).after_minutes(40);
            let cycle = if is_initial { bench.initial() } else { bench.cycle() };
            assert_eq!(cycle.counts()[2], 0, "{:?}", cycle.report.warnings);
            assert!(cycle.report.warnings.iter().any(|said| said.starts_with("set.absences_suspended")));
        }
        // They count where the next export is compared: it is half of twenty that it lacks, not of seventeen.
        bench.people(&rows(0..9, 20, unreadable)).after_minutes(40);
        let shrunken = bench.run_cycle(&[]);
        assert_eq!(shrunken.status(), 6, "{}", shrunken.errors());
        assert!(
            (shrunken.errors() + &shrunken.text()).contains("where the last held 20; 11 are absent"),
            "{}",
            shrunken.errors()
        );

        bench.people(&rows(1..19, 20, unreadable)).after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!(cycle.counts()[2], 2, "initial {is_initial}: {:?}", cycle.report.warnings);
        assert_eq!([0, 1, 18, 19].map(|number| is_active(&bench, number)), [false, true, true, false]);
        bench.people(&rows(0..19, 20, unreadable)).after_minutes(40);
        bench.cycle();
        assert!(is_active(&bench, 0), "who comes back is restored");
    }
}

#[test]
fn whose_own_record_was_refused_can_be_gone_afterwards() {
    let twice: fn(String) -> String = |row| row.clone() + &row.replace("Person", "Another");
    let cases: [fn(String) -> String; 2] = [|row| row.replace("True", "maybe"), twice];
    for spoil in cases {
        let mut bench = Bench::new();
        bench.crowd(10);
        bench.cycle();
        bench.people(&rows(0..10, 5, spoil)).after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!((cycle.counts()[2], cycle.report.source.refused > 0), (0, true), "{:?}", cycle.report.warnings);
        // The same octets are told of as before.
        bench.after_minutes(40);
        assert_eq!(bench.cycle().report.source, cycle.report.source);
        // As it was: nothing to do.
        bench.crowd(10).after_minutes(40);
        let (cycle, requests) = bench.requests(|| bench.cycle());
        assert_eq!((cycle.counts()[2], requests), (0, 0));
        bench.people(&rows(0..10, 5, spoil)).after_minutes(40);
        bench.cycle();
        let without = (0..10).filter(|number| *number != 5);
        bench.people(&rows(without, 20, spoil)).after_minutes(40);
        assert_eq!(bench.cycle().counts()[2], 1);
        assert!(!is_active(&bench, 5) && is_active(&bench, 6));
    }
}
