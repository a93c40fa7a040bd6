//! Two processes and one account (service.md D-25, D-26).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use provisiond::model::{Link, ObjectKind, SourceAnchor, SourceState, TargetId};
use provisiond::store::{Committed, EscrowChange, ObjectCommit, ObjectRow, RowChange};
use serde_json::{Value, json};

use crate::bench::{Bench, anchor, login, row};
use crate::liar::Liar;

#[test]
fn an_account_that_a_cycle_is_about_to_change_is_no_longer_for_others() {
    let mut bench = Bench::new();
    bench.standin.create_user(&json!({"userName": login(0), "displayName": "Before"})).expect("made");
    bench.target("concurrency: 1").people(&row(0, "Sales", true));
    // While the cycle changes the account, somebody runs a person of the same login name on demand.
    bench.write_files();
    let twin = bench.path().join("twin");
    std::fs::create_dir(&twin).expect("a folder");
    let text = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("the configuration");
    let text = text.replace("directory: source", "directory: twin");
    std::fs::write(bench.path().join("twin.yaml"), text).expect("written");
    let heading = crate::bench::HEADING;
    std::fs::write(twin.join("users.csv"), format!("{heading}{},{},Twin,Sales,True\n", anchor(7), login(0)))
        .expect("written");
    let command = bench.command(&["provision-now", "--config", "twin.yaml", "--user", &anchor(7), "--output", "json"]);
    let command = Mutex::new(command);
    let (asked, said) = (AtomicBool::new(false), std::sync::Arc::new(Mutex::new(None)));
    let heard = said.clone();
    let liar = Liar::start(&bench, move |request, _| {
        if request.method == "PATCH" && !asked.swap(true, Ordering::SeqCst) {
            let mut command = command.lock().expect("nobody panics with it");
            let output = command.stdout(std::process::Stdio::piped()).output().expect("it runs");
            *heard.lock().expect("nobody panics with it") = Some((output.status.code(), output.stdout));
        }
        None
    });
    bench.standin_url(&liar.url());
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [0, 1, 0, 0, 0, 0, 0, 0], "{:?}", cycle.report.error);
    let (status, out) = said.lock().expect("free").take().expect("it ran beside the cycle");
    let answer: Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(status, Some(1), "{answer:#}");
    assert_eq!(answer["key"]["details"]["errorCode"], "DuplicateSourceEntries", "{answer:#}");
    assert_eq!((bench.link(&anchor(0)), bench.link(&anchor(7))), ("managed".to_owned(), "none".to_owned()));
    assert_eq!(bench.account(&login(0)).expect("there")["displayName"], "Person 0");
}

#[test]
fn a_link_that_somebody_else_has_is_refused_and_nothing_stored() {
    let bench = Bench::new();
    let row = |anchor: &str, target: &str| ObjectRow {
        anchor: SourceAnchor(anchor.to_owned()),
        kind: ObjectKind::User,
        link: Link::Managed(TargetId(target.to_owned())),
        used: 1,
        state: SourceState::Active,
        assigned: true,
        filter_passed: true,
        active_in_target: Some(true),
        left_at: None,
    };
    let commit = |row: ObjectRow| ObjectCommit {
        anchor: row.anchor.clone(),
        row: RowChange::Put(row),
        escrow: EscrowChange::Keep,
        kept: vec![("title".to_owned(), Some("digest".to_owned()))],
        unstage: false,
        references: None,
        entry: None,
    };
    bench.key(|store, job| {
        bench.wait(async {
            assert_eq!(store.put_link(job, row("a", "1")).await.expect("stored"), Committed::Stored);
            assert_eq!(store.put_link(job, row("a", "1")).await.expect("again"), Committed::Stored);
            let taken = Committed::Taken(SourceAnchor("a".to_owned()));
            assert_eq!(store.put_link(job, row("b", "1")).await.expect("asked"), taken);
            assert_eq!(store.commit(job, commit(row("b", "1"))).await.expect("asked"), taken);
            let nobody = SourceAnchor("b".to_owned());
            assert_eq!(store.object(job, &nobody).expect("asked"), None);
            assert!(store.kept_values(job, &nobody).expect("asked").is_empty());
            assert_eq!(store.commit(job, commit(row("b", "2"))).await.expect("asked"), Committed::Stored);
        });
    });
}
