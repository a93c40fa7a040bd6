//! Stories over weeks: a leaver, a quarantined job, an object in escrow (service.md 14, 16.2, 17).

use provisiond::model::{JobCode, QuarantineReason, ScheduleState};
use serde_json::json;

use crate::bench::{Bench, anchor, login, row};

#[test]
fn a_leaver_is_disabled_and_deleted_after_thirty_days() {
    let mut bench = Bench::new();
    bench.crowd(4);
    assert_eq!(bench.cycle().counts(), [4, 0, 0, 0, 0, 0, 0, 0]);
    // One of four is missing from now on.
    bench.crowd(3).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [0, 0, 1, 0, 0, 0, 0, 3]);
    assert_eq!(cycle.of(&anchor(3)).reason, "SoftDeleted");
    assert_eq!(bench.account(&login(3)).expect("kept")["active"], false);
    let shown = bench.run(&["log", "--user", &anchor(3), "--output", "json"]).text();
    assert!(shown.contains("to be deleted from 2026-05-01T00:40:00Z on"), "the planned deletion is shown: {shown}");

    bench.after_hours(29 * 24);
    let (quiet, requests) = bench.requests(|| bench.cycle());
    assert_eq!((quiet.counts(), requests), ([0, 0, 0, 0, 0, 0, 0, 3], 0), "nothing changes, nothing is asked");
    bench.after_hours(24);
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 0, "{}", ran.errors());
    assert_eq!(ran.json()["counts"]["delete"], 1);
    assert!(bench.account(&login(3)).is_none());
    assert_eq!(bench.link(&anchor(3)), "none");
    bench.after_hours(24);
    assert_eq!(bench.cycle().counts(), [0, 0, 0, 0, 0, 0, 0, 3]);
}

#[test]
fn a_leaver_who_comes_back_keeps_the_account() {
    let mut bench = Bench::new();
    bench.crowd(4);
    bench.cycle();
    let id = bench.account(&login(3)).expect("made")["id"].clone();
    bench.crowd(3).after_minutes(40);
    bench.cycle();
    bench.crowd(4).after_hours(24 * 10);
    let cycle = bench.cycle();
    assert_eq!(cycle.of(&anchor(3)).reason, "Reactivated");
    let account = bench.account(&login(3)).expect("kept");
    assert_eq!((&account["id"], &account["active"]), (&id, &json!(true)));
    bench.after_hours(24 * 40);
    assert_eq!(bench.cycle().counts()[7], 4, "nobody is deleted who came back");
}

/// Hours after the quarantine began at which cycles really asked the target, by trying every hour.
fn attempts(bench: &mut Bench, hours: i64) -> Vec<i64> {
    let mut found = Vec::new();
    for hour in 1..=hours {
        bench.after_hours(1);
        let (_, requests) = bench.requests(|| bench.cycle());
        if requests > 0 {
            found.push(hour);
        }
    }
    found
}

#[test]
fn a_quarantined_job_is_tried_rarely_and_disabled_after_four_weeks() {
    let mut bench = Bench::with(provisiond::mock::Options { token: Some("secret".to_owned()), ..Default::default() });
    bench.crowd(3);
    bench.cycle();
    bench.standin.expire_tokens();
    bench.crowd(4).after_minutes(40);
    let ran = bench.run_cycle(&[]);
    assert_eq!(ran.status(), 3, "{}", ran.errors());
    let status = bench.status();
    let quarantine = status.quarantine.expect("401 quarantines at once");
    assert_eq!(quarantine.reason, QuarantineReason::EncounteredQuarantineException);
    assert_eq!(quarantine.next_attempt, Some(bench.now() + jiff::SignedDuration::from_hours(6)));
    let mut expected = vec![6, 12];
    expected.extend((1..=5).map(|day| day * 24));
    assert_eq!(attempts(&mut bench, 5 * 24), expected);
    let status = bench.status();
    assert_eq!(status.quarantine.expect("still").series_count, 8);
    bench.after_hours(23 * 24 + 1);
    let ran = bench.run_cycle(&[]);
    assert_eq!(ran.status(), 4, "{}", ran.text());
    let status = bench.status();
    assert_eq!((status.code, status.schedule), (JobCode::Quarantine, ScheduleState::Disabled));
    // Only a start brings it back; the credentials are good again.
    bench.standin.add_token("secret", None);
    assert_eq!(bench.run_cycle(&[]).status(), 4);
    assert_eq!(bench.run(&["start"]).status(), 0);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [1, 0, 0, 0, 0, 0, 0, 3], "the watermark did not move meanwhile");
    assert!(bench.status().quarantine.is_none());
}

#[test]
fn good_credentials_start_and_restart_lift_a_quarantine() {
    let ways: [(&[&str], [u64; 8]); 3] = [
        (&["test-connection"], [1, 0, 0, 0, 0, 0, 0, 3]),
        (&["start"], [1, 0, 0, 0, 0, 0, 0, 3]),
        (&["restart"], [1, 0, 0, 0, 3, 0, 0, 0]),
    ];
    for (way, expected) in ways {
        let mut bench =
            Bench::with(provisiond::mock::Options { token: Some("secret".to_owned()), ..Default::default() });
        bench.crowd(3);
        bench.cycle();
        bench.standin.expire_tokens();
        bench.crowd(4).after_minutes(40);
        bench.cycle();
        assert!(bench.status().quarantine.is_some());
        bench.after_minutes(40);
        assert_eq!(bench.run_cycle(&[]).status(), 4, "no attempt is due");
        bench.standin.add_token("secret", None);
        assert_eq!(bench.run(way).status(), 0, "{way:?}");
        assert!(bench.status().quarantine.is_none(), "{way:?}");
        assert_eq!(bench.cycle().counts(), expected, "{way:?}");
    }
}

#[test]
fn a_failed_object_is_retried_on_the_published_timetable() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    // The account of one person is answered 409: another account holds the new login name.
    bench.standin.create_user(&json!({"userName": "taken@example.jp"})).expect("made");
    let rows = format!(
        "{}{},taken@example.jp,Person 1,Sales,True\n{}",
        row(0, "Sales", true),
        anchor(1),
        row(2, "Sales", true)
    );
    bench.people(&rows).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [0, 0, 0, 0, 0, 1, 0, 2]);
    let entry = cycle.of(&anchor(1));
    assert_eq!(entry.reason, "Conflict");
    // Every 40 minutes a cycle, for three days.
    let mut tried = Vec::new();
    for count in 1..=110 {
        bench.after_minutes(40);
        if bench.cycle().counts()[5] > 0 {
            tried.push(count * 40);
        }
    }
    assert_eq!(tried, [40, 360, 720, 1440, 2880, 4320], "minutes after the first failure");
    let listed = bench.run(&["escrows", "list", "--output", "json"]).json();
    assert_eq!(listed[0]["attempts"], 7);
    assert_eq!(listed[0]["errorCode"], "Conflict");
    // By hand at once; the timetable stays.
    assert_eq!(bench.run(&["escrows", "retry", &anchor(1)]).status(), 0);
    bench.after_hours(24 * 365);
    assert_eq!(bench.cycle().counts()[5], 1);
    // After 28 days it is abandoned, and a change makes it due again.
    assert_eq!(bench.status().escrows, 0, "an abandoned entry is no open failure");
    let told = bench.run(&["status"]);
    assert!(told.text().contains("abandoned      1 failed for 28 days"), "{}", told.text());
    let jobs = bench.run(&["status", "--output", "json"]).json();
    assert_eq!((&jobs["jobs"][0]["escrows"], &jobs["jobs"][0]["abandonedEscrows"]), (&json!(0), &json!(1)));
    bench.after_hours(24);
    assert_eq!(bench.cycle().counts(), [0, 0, 0, 0, 0, 0, 0, 3]);
    bench.crowd(3).after_hours(1);
    assert_eq!(bench.cycle().counts()[5], 0);
    assert_eq!(bench.run(&["escrows", "list", "--output", "json"]).json(), json!([]));
    assert_eq!(bench.status().abandoned, 0);
    assert!(!bench.run(&["status"]).text().contains("abandoned"));
}

#[test]
fn an_escrow_ends_by_skip_and_by_a_run_on_demand() {
    for by_hand in [true, false] {
        let mut bench = Bench::new();
        bench.crowd(2);
        bench.standin.create_user(&json!({"userName": login(0), "externalId": "x", "id": "a"})).expect("made");
        bench.standin.create_user(&json!({"userName": "else@example.jp", "externalId": anchor(1)})).expect("made");
        bench.cycle();
        bench.erase(provisiond::model::ObjectKind::User, "a");
        bench
            .people(&format!("{},{},Renamed,Sales,True\n{}", anchor(0), login(0), row(1, "Sales", true)))
            .after_hours(1);
        let cycle = bench.cycle();
        assert_eq!(cycle.of(&anchor(0)).reason, "InvalidAnchor");
        assert_eq!(bench.status().escrows, 1);
        for _ in 0..3 {
            bench.after_hours(24);
            assert_eq!(bench.cycle().counts()[5], 0, "`InvalidAnchor` has no timed retries");
        }
        if by_hand {
            assert_eq!(bench.run(&["escrows", "skip", &anchor(0)]).status(), 0);
        } else {
            assert_eq!(bench.one(&login(0)).reason, "TargetMissingRecreated");
            assert!(bench.account(&login(0)).is_some());
        }
        assert_eq!(bench.status().escrows, 0);
        bench.after_hours(24);
        assert_eq!(bench.cycle().counts(), [0, 0, 0, 0, 0, 0, 0, 2]);
    }
}

#[test]
fn one_object_that_fails_for_28_days_disables_the_job_only_where_that_is_set() {
    for strict in [false, true] {
        let mut bench = Bench::new();
        bench.job(&format!("escrow: {{ strict_expiry: {strict} }}")).crowd(2);
        let liar = crate::liar::Liar::start(&bench, |asked, _| {
            (asked.method == "POST" && asked.body.contains("user00001")).then(|| (400, json!({"status": "400"})))
        });
        bench.standin_url(&liar.url());
        assert_eq!(bench.cycle().counts(), [1, 0, 0, 0, 0, 1, 0, 0]);
        bench.after_hours(28 * 24 - 1);
        assert_eq!(bench.cycle().counts()[5], 1, "missed retries collapse into one");
        assert_eq!((bench.status().escrows, bench.status().schedule), (1, ScheduleState::Active));
        // The last retry of the timetable.
        bench.after_hours(1);
        let last = bench.run_cycle(&["--output", "json"]);
        assert_eq!(last.json()["counts"]["failure"], 1);
        let warned = last.json()["warnings"].to_string().contains("escrow.expired");
        let listed = bench.run(&["escrows", "list", "--output", "json"]).json();
        let state = (warned, bench.status().schedule, listed.as_array().map(Vec::len));
        bench.after_hours(24);
        match strict {
            false => {
                assert_eq!(state, (false, ScheduleState::Active, Some(1)), "it stays as abandoned");
                assert_eq!(bench.run_cycle(&[]).status(), 0);
            }
            true => {
                assert_eq!(state, (true, ScheduleState::Disabled, Some(0)), "the entry goes, and the job with it");
                let refused = bench.run_cycle(&[]);
                assert_eq!(refused.status(), 4);
                let said = refused.text() + &refused.errors();
                assert!(said.contains("strict_expiry"), "{said}");
                assert_eq!(bench.run(&["start"]).status(), 0);
                assert_eq!(bench.run_cycle(&[]).status(), 0);
            }
        }
    }
}
