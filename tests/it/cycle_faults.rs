//! Targets that fail at random, that lie, and that are not there (service.md 10, 16, 17).

use std::collections::BTreeSet;

use provisiond::cycle::OnDemandOptions;
use provisiond::mock::{Defect, Options};
use provisiond::model::{CycleState, ErrorCode, LoggedStatus, ObjectKind, QuarantineReason};
use serde_json::{Value, json};

use crate::bench::{Bench, Cycle, anchor, login, row};
use crate::liar::Liar;

fn with_defects(names: &[&str]) -> Bench {
    let defects: Vec<Defect> = names.iter().map(|name| name.parse().expect("a defect")).collect();
    Bench::with(Options { defects, ..Options::default() })
}

fn with_faults(names: &[&str], seed: u64) -> Options {
    Options { faults: names.iter().map(|name| name.parse().expect("a fault")).collect(), seed, ..Options::default() }
}

fn codes(cycle: &Cycle) -> Vec<String> {
    let mut codes: Vec<String> = cycle
        .entries
        .iter()
        .filter_map(|entry| entry.failure.as_ref().map(|failure| failure.code.to_string()))
        .collect();
    codes.sort_unstable();
    codes
}

#[test]
fn three_in_ten_requests_fail_and_five_cycles_are_enough() {
    for seed in [1] {
        let mut bench = Bench::with(with_faults(&["random-30"], seed));
        // One request at a time, so that the same requests meet the same faults in each run of the test.
        bench.target("timeout: PT1S\nconcurrency: 1").crowd(12);
        let mut cycles = 0;
        // The cycles begin when something is due: the next one, then 6, 12 and 24 hours after the first failure.
        for hours in [0, 1, 5, 6, 12] {
            bench.after_hours(hours);
            let cycle = bench.cycle();
            cycles += 1;
            println!("seed {seed}, cycle {cycles}: {:?} {:?}", cycle.counts(), cycle.report.error);
            if cycle.report.error.is_none() && bench.status().escrows == 0 {
                break;
            }
        }
        let accounts = bench.standin.users();
        let names: BTreeSet<&str> = accounts.iter().filter_map(|account| account["userName"].as_str()).collect();
        assert_eq!((accounts.len(), names.len()), (12, 12), "seed {seed}: everybody once after {cycles} cycles");
        assert_eq!(bench.status().escrows, 0, "seed {seed}");
        // Everybody changes, and half of them leave.
        let rows: String =
            (0..12).map(|number| row(number, "Sales", number >= 6).replace("Person", "People")).collect();
        bench.people(&rows);
        for hours in [1, 1, 5, 6, 12] {
            bench.after_hours(hours);
            let cycle = bench.cycle();
            if cycle.report.error.is_none() && bench.status().escrows == 0 {
                break;
            }
        }
        let accounts = bench.standin.users();
        assert_eq!(accounts.len(), 12, "seed {seed}");
        for account in &accounts {
            let number: usize = account["userName"].as_str().expect("a name")[4..9].parse().expect("a number");
            assert_eq!(account["active"], json!(number >= 6), "seed {seed}: {account}");
            assert!(
                number < 6 || account["displayName"] == json!(format!("People {number}")),
                "seed {seed}: {account}"
            );
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let mut bench = Bench::new();
    bench.crowd(3).write_files();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device that is always full");
    let mut command = bench.command(&["cycle"]);
    let status = command.env("RUST_LOG", "info").stderr(full).status().expect("the program runs");
    assert_eq!((status.code(), bench.standin.users().len()), (Some(0), 3));
}

#[test]
fn ten_transient_failures_in_a_row_end_the_cycle_and_three_such_cycles_quarantine() {
    let mut bench = Bench::new();
    bench.target("timeout: PT1S\nconcurrency: 1").crowd(30);
    bench.cycle();
    // The probes pass; every read of a person fails.
    let liar = Liar::start(&bench, |request, _| request.path_has_id().then(|| (500, json!({}))));
    let rows: String = (0..30).map(|number| row(number, "Sales", true).replace("Person", "People")).collect();
    bench.people(&rows);
    bench.standin_url(&liar.url());
    for count in 1..=3 {
        bench.after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!(cycle.report.state, CycleState::Failed);
        assert_eq!((cycle.counts()[5], cycle.counts()[7]), (10, 20), "cycle {count}: ten fail, the rest waits");
        let status = bench.status();
        assert_eq!(status.count_successive_complete_failures, count);
        let reason = status.quarantine.map(|quarantine| quarantine.reason);
        assert_eq!(reason, (count == 3).then_some(QuarantineReason::EncounteredQuarantineException));
    }
    liar.behave();
    bench.after_hours(6);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[1], 30, "the watermark stayed: everybody is done");
    assert!(bench.status().quarantine.is_none());
}

#[test]
fn throttling_does_not_trip_the_breaker() {
    let mut bench = Bench::with(with_faults(&["throttle"], 0));
    bench.crowd(30);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [30, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bench.standin.users().len(), 30);
}

#[test]
fn a_target_that_is_not_there_is_no_fault_of_any_object() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.standin_url("http://127.0.0.1:9/scim/v2");
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 3, "{}", ran.errors());
    assert_eq!(ran.json()["counts"]["notEvaluated"], 3);
    assert_eq!(bench.status().escrows, 0);
}

#[test]
fn a_target_that_ignores_filters_is_found_out_before_anything_is_written() {
    let mut bench = with_defects(&["filter-ignored"]);
    bench.standin.create_user(&json!({"userName": "somebody@example.jp"})).expect("made");
    bench.crowd(3);
    let before = bench.standin.users();
    let ran = bench.run_cycle(&[]);
    assert_eq!(ran.status(), 3, "{}{}", ran.text(), ran.errors());
    assert_eq!(bench.standin.users(), before);
    assert_eq!(bench.status().quarantine.expect("at once").reason, QuarantineReason::EncounteredQuarantineException);
}

#[test]
fn lies_cost_one_object() {
    // For each: what the target does to the second person alone, the code, and what must hold afterwards.
    type Lie = fn(&crate::liar::Asked, &Value) -> Option<(u16, Value)>;
    let lies: [(&str, Lie, Option<ErrorCode>); 8] = [
        (
            "create-without-id",
            |asked, _| is_create(asked).then(|| (201, json!({"userName": login(1)}))),
            Some(ErrorCode::ScimServiceIncompatible),
        ),
        (
            "create-with-numeric-id",
            |asked, _| is_create(asked).then(|| (201, json!({"id": 7, "userName": login(1)}))),
            Some(ErrorCode::ScimServiceIncompatible),
        ),
        (
            "create-with-the-id-of-another",
            |asked, first| is_create(asked).then(|| (201, json!({"id": first["id"], "userName": login(1)}))),
            Some(ErrorCode::ScimServiceIncompatible),
        ),
        (
            "conflict-without-a-match",
            |asked, _| is_create(asked).then(|| (409, json!({"status": "409", "scimType": "uniqueness"}))),
            Some(ErrorCode::EntryConflict),
        ),
        (
            "another-person-for-the-filter",
            |asked, first| is_find(asked).then(|| (200, list(&[first]))),
            Some(ErrorCode::ScimServiceIncompatibleFiltering),
        ),
        (
            "two-people-for-the-filter",
            |asked, first| is_find(asked).then(|| (200, list(&[first, first]))),
            Some(ErrorCode::DuplicateTargetEntries),
        ),
        (
            "html-for-the-create",
            |asked, _| is_create(asked).then(|| (201, Value::Null)),
            Some(ErrorCode::ScimServiceIncompatible),
        ),
        (
            "refused-domain",
            |asked, _| is_create(asked).then(|| (403, json!({"status": "403"}))),
            Some(ErrorCode::InsufficientRights),
        ),
    ];
    for (name, lie, code) in lies {
        let mut bench = Bench::new();
        bench.crowd(1);
        bench.cycle();
        let first = bench.account(&login(0)).expect("made");
        let liar = Liar::start(&bench, move |asked, _| lie(asked, &first));
        bench.standin_url(&liar.url());
        bench.crowd(4).after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!(cycle.counts(), [2, 0, 0, 0, 0, 1, 0, 1], "{name}: {:?}", cycle.report.error);
        assert_eq!(codes(&cycle), code.map(|code| code.to_string()).into_iter().collect::<Vec<_>>(), "{name}");
        assert_eq!(bench.link(&anchor(1)), "none", "{name}");
        assert_eq!(bench.status().escrows, 1, "{name}");
        assert!(
            bench.account(&login(0)).expect("kept")["displayName"] == "Person 0",
            "{name}: nobody else is written to"
        );
        // As soon as the target tells the truth everything is right, and nobody is there twice.
        liar.behave();
        bench.after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!(cycle.counts()[5], 0, "{name}: {:?}", codes(&cycle));
        assert_eq!(bench.standin.users().len(), 4, "{name}");
        assert_eq!(bench.link(&anchor(1)), "managed", "{name}");
    }
}

fn is_create(asked: &crate::liar::Asked) -> bool {
    asked.method == "POST" && asked.text().contains("user00001")
}

fn is_find(asked: &crate::liar::Asked) -> bool {
    asked.method == "GET" && asked.text().contains("user00001")
}

fn list(resources: &[&Value]) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": resources.len(), "Resources": resources})
}

#[test]
fn a_read_that_answers_with_somebody_else_writes_nothing() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    let (first, second) = (bench.account(&login(0)).expect("made"), bench.account(&login(1)).expect("made"));
    let id = second["id"].as_str().expect("an id").to_owned();
    let liar = Liar::start(&bench, move |asked, _| {
        (asked.method == "GET" && asked.path.ends_with(&id)).then(|| (200, first.clone()))
    });
    bench.standin_url(&liar.url());
    let rows: String = (0..3).map(|number| row(number, "Sales", true).replace("Person", "People")).collect();
    bench.people(&rows).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [0, 2, 0, 0, 0, 1, 0, 0], "{:?}", codes(&cycle));
    assert_eq!(bench.account(&login(1)).expect("kept")["displayName"], "Person 1");
}

#[test]
fn two_people_of_one_login_name_never_share_an_account() {
    for exists in [false, true] {
        let mut bench = Bench::new();
        if exists {
            bench.standin.create_user(&json!({"userName": login(0)})).expect("made");
        }
        let twin = format!("{},{},Twin,Sales,True\n", anchor(7), login(0));
        bench.people(&format!("{}{}{twin}", row(0, "Sales", true), row(1, "Sales", true)));
        let cycle = bench.cycle();
        assert_eq!(cycle.counts()[5], 1, "exists {exists}: {:?}", cycle.report.error);
        let code = if exists { "DuplicateSourceEntries" } else { "EntryConflict" };
        // Without an account both may find nobody; the target then refuses the second one.
        assert!(
            [code.to_owned(), "DuplicateSourceEntries".to_owned()].contains(&codes(&cycle)[0]),
            "{:?}",
            codes(&cycle)
        );
        assert_eq!(bench.standin.users().len(), 2);
        let linked = [0, 7].iter().filter(|number| bench.link(&anchor(**number)) == "managed").count();
        assert_eq!(linked, 1);
        bench.after_minutes(40);
        assert_eq!(codes(&bench.cycle()), ["DuplicateSourceEntries"], "matched again at its retry, and named");
    }
}

#[test]
fn an_attribute_that_never_comes_back_is_named() {
    let mut bench = Bench::new();
    bench.mapping("users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n    displayName: displayName\n    title: department\n");
    bench.crowd(2);
    let liar = Liar::start(&bench, |_, answer| {
        let mut answer = answer.clone();
        hide(&mut answer);
        Some((0, answer))
    });
    bench.standin_url(&liar.url());
    let cycle = bench.cycle();
    assert_eq!(cycle.of(&anchor(0)).status, LoggedStatus::Warning, "the answer to the create lacks what was sent");
    let entry = bench.one(&login(0));
    assert_eq!(entry.reason, "AttributesChanged", "it differs at every evaluation");
    let warned = entry.warnings.iter().any(|warning| warning.starts_with("attribute-not-returned: `title`"));
    assert!(warned, "{:?}", entry.warnings);
}

fn hide(body: &mut Value) {
    if let Some(body) = body.as_object_mut() {
        body.remove("title");
        for resource in body.get_mut("Resources").and_then(Value::as_array_mut).into_iter().flatten() {
            hide(resource);
        }
    }
}

#[test]
fn a_write_that_is_ignored_is_a_warning_that_names_the_attribute() {
    let mut bench = Bench::new();
    bench.target("verify_writes: read-back").crowd(2);
    bench.cycle();
    let liar = Liar::start(&bench, |asked, _| (asked.method == "PATCH").then(|| (204, Value::Null)));
    bench.standin_url(&liar.url());
    bench
        .people(&format!("{},{},Renamed,Sales,True\n{}", anchor(0), login(0), row(1, "Sales", true)))
        .after_minutes(40);
    let cycle = bench.cycle();
    let entry = cycle.of(&anchor(0));
    assert_eq!(entry.status, LoggedStatus::Warning);
    assert!(entry.warnings.iter().any(|warning| warning.contains("`displayName`")), "{:?}", entry.warnings);
}

#[test]
fn a_delete_that_only_deactivates_is_done_once() {
    let mut bench = Bench::new();
    bench.target("supports_soft_delete: false").crowd(4);
    bench.cycle();
    let liar = Liar::start(&bench, |asked, _| (asked.method == "DELETE").then(|| (204, Value::Null)));
    bench.standin_url(&liar.url());
    bench.crowd(3).after_minutes(40);
    assert_eq!(bench.cycle().counts(), [0, 0, 0, 1, 0, 0, 0, 3]);
    assert_eq!(bench.link(&anchor(3)), "none");
    bench.after_hours(24 * 31);
    assert_eq!(bench.cycle().counts(), [0, 0, 0, 0, 0, 0, 0, 3], "it is not tried for ever");
    // Back again: the account that is still there is matched, not made twice.
    bench.crowd(4).after_hours(1);
    let cycle = bench.cycle();
    assert!(["MatchedExisting", "RedundantExport"].contains(&cycle.of(&anchor(3)).reason.as_str()));
    assert_eq!(bench.standin.users().len(), 4);
}

#[test]
fn a_failed_share_degrades_a_small_job_and_prunes_an_initial_cycle() {
    let everybody_fails = |bench: &Bench| {
        Liar::start(bench, |asked, _| (asked.method == "POST").then(|| (400, json!({"status": "400"}))))
    };
    let mut bench = Bench::new();
    bench.crowd(12);
    let liar = everybody_fails(&bench);
    bench.standin_url(&liar.url());
    bench.cycle();
    let status = bench.status();
    assert!(status.degraded.is_some() && status.quarantine.is_none(), "{status:?}");

    let mut bench = Bench::new();
    bench.job("quarantine: { minimum_failures: 10 }").crowd(12);
    let liar = everybody_fails(&bench);
    bench.standin_url(&liar.url());
    bench.cycle();
    let status = bench.status();
    assert!(status.escrows_pruned && status.quarantine.is_none(), "{status:?}");
    assert_eq!(status.escrows, 0, "an initial cycle drops them and pauses");
    bench.after_minutes(40);
    assert_eq!(bench.run_cycle(&[]).status(), 4);
    liar.behave();
    bench.run(&["start"]);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[0], 12, "those who failed are tried again after the clean-up");

    // In an incremental cycle the same share quarantines.
    let mut bench = Bench::new();
    bench.job("quarantine: { minimum_failures: 10 }").crowd(2);
    bench.cycle();
    let liar = everybody_fails(&bench);
    bench.standin_url(&liar.url());
    bench.crowd(14).after_minutes(40);
    bench.cycle();
    let reason = bench.status().quarantine.map(|quarantine| quarantine.reason);
    assert_eq!(reason, Some(QuarantineReason::EncounteredEscrowProportionThreshold));
    let answers = bench.now_for(&[&login(0)], OnDemandOptions::default());
    assert!(answers[0].entry.is_some(), "runs on demand go on in quarantine");
    liar.behave();
    bench.after_hours(6);
    bench.cycle();
    assert!(bench.status().quarantine.is_none(), "a successful attempt ends it");
}

#[test]
fn a_vanished_account_follows_the_setting() {
    for (setting, reason) in
        [("service", "InvalidAnchor"), ("rematch", "TargetMissingRecreated"), ("error", "InvalidAnchor")]
    {
        let mut bench = Bench::new();
        bench.job(&format!("on_missing_target: {setting}")).crowd(2);
        bench.cycle();
        let id = bench.account(&login(0)).expect("made")["id"].as_str().expect("an id").to_owned();
        bench.erase(ObjectKind::User, &id);
        bench
            .people(&format!("{},{},Renamed,Sales,True\n{}", anchor(0), login(0), row(1, "Sales", true)))
            .after_minutes(40);
        assert_eq!(bench.cycle().of(&anchor(0)).reason, reason, "{setting}");
        let later = bench.initial();
        match setting {
            "service" => assert_eq!(later.of(&anchor(0)).reason, "TargetMissingRecreated"),
            "error" => assert_eq!(later.of(&anchor(0)).reason, "InvalidAnchor"),
            _ => assert_eq!(later.of(&anchor(0)).reason, "RedundantExport"),
        }
    }
}
