//! What a run wrote that did not come to its end, or was no cycle, is held against the exports that come after it.

use std::collections::HashSet;

use jiff::Timestamp;
use provisiond::model::SourceAnchor;
use provisiond::store::Claimed;

use crate::bench::{Bench, MAPPING, anchor, login, row};

fn export(bench: &mut Bench, disabled: &[usize]) {
    let rows: String = (0..8).map(|number| row(number, "Sales", !disabled.contains(&number))).collect();
    bench.people(&rows).after_minutes(40);
}

fn active(bench: &Bench, number: usize) -> bool {
    bench.account(&login(number)).expect("there")["active"] == true
}

#[test]
fn an_export_that_is_taken_back_is_taken_back_of_whom_it_was_carried_out_for() {
    let mut bench = Bench::new();
    export(&mut bench, &[]);
    assert_eq!(bench.cycle().counts()[0], 8);
    // a wrong export, of which some was carried out
    export(&mut bench, &[1, 2, 3]);
    assert_eq!(bench.one(&login(1)).action.as_str(), "disable");
    assert!(!active(&bench, 1) && active(&bench, 2));
    // the right one again, octet by octet
    export(&mut bench, &[]);
    let (_, requests) = bench.requests(|| bench.cycle());
    assert!(active(&bench, 1), "{requests}");
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
    // the same where only some others changed, and what was written agrees with the export
    export(&mut bench, &[4]);
    bench.one(&login(5));
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], active(&bench, 4)), (1, false), "{:?}", cycle.report);
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
}

#[test]
fn whom_a_killed_cycle_was_at_is_looked_at_again() {
    let mut bench = Bench::new();
    export(&mut bench, &[]);
    bench.cycle();
    // its request went out, and nothing came to be written down
    let at = SourceAnchor(anchor(6));
    bench.edit(&login(6), |account| drop(account.insert("active".to_owned(), false.into())));
    let owner = "cycle:gone".to_owned();
    let claimed = bench.key(|store, key| bench.wait(store.claim(key, at.clone(), owner, Timestamp::now())));
    assert!(matches!(claimed, Ok(Claimed::Ours(_))), "{claimed:?}");
    bench.after_minutes(40);
    bench.cycle();
    assert!(active(&bench, 6));
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
}

#[test]
fn links_are_not_broken_of_whom_the_export_does_not_entitle() {
    let orphans = |bench: &mut Bench| {
        bench.write_files();
        let ran = bench.run(&["restart", "--reset", "Full"]);
        let named: HashSet<usize> = (0..8).filter(|number| ran.errors().contains(&anchor(*number))).collect();
        (ran.status(), named)
    };
    for prepare in [
        // left since the last cycle, disabled and gone
        (|bench: &mut Bench| export(bench, &[1, 2])) as fn(&mut Bench),
        |bench| {
            let rows: String = [0, 3, 4, 5, 6, 7].map(|number| row(number, "Sales", true)).concat();
            bench.people(&rows);
        },
        // withheld
        |bench| {
            bench.job("accidental_deletion: { threshold: 1 }");
            export(bench, &[1, 2]);
            assert!(bench.cycle().report.staged.is_some());
        },
    ] {
        let mut bench = Bench::new();
        bench.mapping(MAPPING);
        export(&mut bench, &[]);
        bench.cycle();
        prepare(&mut bench);
        assert_eq!(orphans(&mut bench), (4, HashSet::from([1, 2])));
        // nobody knows who is entitled
        bench.file("users.csv", "");
        assert_eq!(orphans(&mut bench).0, 4);
        export(&mut bench, &[]);
        assert_eq!(orphans(&mut bench), (0, HashSet::new()));
        assert_eq!(orphans(&mut bench), (0, HashSet::new()));
    }
}

#[test]
fn a_cycle_that_has_no_token_is_told_by_the_status() {
    let mut bench = Bench::new();
    export(&mut bench, &[]);
    bench.write_files();
    let path = bench.path().join("provisiond.yaml");
    let text = std::fs::read_to_string(&path).expect("written").replace("{ env: TOKEN }", "{ file: token }");
    std::fs::write(&path, text).expect("written");
    let token = |text: Option<&str>| {
        let path = bench.path().join("token");
        match text {
            Some(text) => std::fs::write(&path, text).expect("written"),
            None => std::fs::remove_file(&path).expect("removed"),
        }
    };
    let last = || {
        let last = bench.run_beside(&["status", "--output", "json"]).json();
        let last = &last["jobs"][0]["status"]["lastExecution"];
        (last["state"].clone(), last["error"]["code"].clone())
    };
    token(Some("secret"));
    assert_eq!(bench.run_beside(&["cycle"]).status(), 0);
    assert_eq!(last().0, "Succeeded");
    token(None);
    assert_eq!(bench.run_beside(&["cycle"]).status(), 2);
    assert_eq!(last(), ("Failed".into(), "secret".into()));
    token(Some("secret"));
    assert_eq!(bench.run_beside(&["cycle"]).status(), 0);
    assert_eq!(last().0, "Succeeded");
}
