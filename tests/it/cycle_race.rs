//! Two processes and one account (service.md D-25, D-26), or one state file (D-53).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use provisiond::model::{Link, LoggedAction, ObjectKind, SourceAnchor, SourceState, TargetId};
use provisiond::store::{Choices, Committed, EscrowChange, ObjectCommit, ObjectRow, RowChange};
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
    let (asked, said) = (AtomicBool::new(false), Arc::new(Mutex::new(None)));
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
        left_out: false,
        active_in_target: Some(true),
        left_at: None,
    };
    let commit = |row: ObjectRow| ObjectCommit {
        anchor: row.anchor.clone(),
        row: RowChange::Put(row),
        escrow: EscrowChange::Keep,
        kept: vec![("title".to_owned(), Some("digest".to_owned()))],
        choices: Choices::default(),
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

/// Holds up whoever comes until it is opened.
#[derive(Default)]
struct Gate {
    /// How many came, and whether it is open.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().expect("nobody panics with it");
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, is_open)| !*is_open).expect("nobody panics with it"));
    }

    fn wait_for(&self, count: usize) {
        let state = self.state.lock().expect("nobody panics with it");
        drop(self.changed.wait_while(state, |(came, _)| *came < count).expect("nobody panics with it"));
    }

    fn open(&self) {
        self.state.lock().expect("nobody panics with it").1 = true;
        self.changed.notify_all();
    }
}

#[test]
fn a_run_on_demand_comes_through_while_every_request_of_a_cycle_hangs() {
    let mut bench = Bench::new();
    bench.target("concurrency: 2\ntimeout: PT10M").crowd(40);
    let gate = Arc::new(Gate::default());
    // Far behind the place where the cycle is.
    let wanted = [30, 31, 32];
    let held = gate.clone();
    let liar = Liar::start(&bench, move |asked, truth| {
        let is_wanted = wanted.iter().any(|number| asked.body.contains(&login(*number)));
        if asked.method == "POST" && truth.is_null() && !is_wanted {
            held.pass();
        }
        None
    });
    bench.standin_url(&liar.url());
    bench.write_files();
    let mut cycle = bench.command(&["cycle"]).spawn().expect("the cycle starts");
    gate.wait_for(2);
    for number in wanted {
        let ran = bench.run_beside(&["provision-now", "--user", &login(number), "--output", "json"]);
        assert_eq!(ran.status(), 0, "{}", ran.errors());
        assert_eq!(ran.json()["value"]["provisioningAction"], "create");
    }
    assert!(cycle.try_wait().expect("it can be asked").is_none(), "the cycle runs on");
    assert_eq!(bench.standin.users().len(), wanted.len(), "what the cycle sent still hangs");
    // Beside a cycle there is no second one.
    assert_eq!(bench.run_beside(&["cycle"]).status(), 4);
    // Whoever is in flight is waited for.
    let mut same = bench.command(&["provision-now", "--user", &login(0)]).spawn().expect("it starts");
    gate.open();
    assert!(same.wait().expect("it ends").success());
    assert!(cycle.wait().expect("it ends").success());
    let creates = bench.log().iter().filter(|entry| entry.action == LoggedAction::Create).count();
    assert_eq!((bench.standin.users().len(), creates), (40, 40));
    assert_eq!(bench.standin.requests_by_method()["POST"], 40, "each account was asked for once");
}
