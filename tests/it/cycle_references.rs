//! Managers in whole cycles (service.md 15, D-39, D-44; wire.md 10.5).

use std::collections::BTreeMap;

use provisiond::cycle::{CycleOptions, OnDemandOptions};
use provisiond::model::{Entry, LoggedStatus, Operation};

use crate::town::{DIALECTS, ENTERPRISE, Person, Plan, Town, anchor};

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Everybody under somebody, in a circle, in every dialect; the third run sends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn circles_of_managers_are_set_after_everybody_exists() {
    for dialect in DIALECTS {
        let mut town = Town::new(Plan { dialect, ..Plan::default() }).await;
        for (name, manager) in [("ann", "bob"), ("bob", "cy"), ("cy", "ann"), ("dan", "ann")] {
            town.person(name, Person::under(manager));
        }
        let first = town.cycle().await;
        assert_eq!((first.counts.create, first.counts.failure), (4, 0), "{dialect}: {first:#?}");
        let expected = pairs(&[("ann", "bob"), ("bob", "cy"), ("cy", "ann"), ("dan", "ann")]);
        assert_eq!(town.managers(), expected, "{dialect}");
        let writes = town.writes();
        let created = writes.iter().rposition(|seen| seen.method == "POST").expect("a creation");
        let referred = writes.iter().position(|seen| seen.method != "POST").expect("a reference");
        assert!(created < referred, "{dialect}: references come after all objects");

        town.person("dan", Person::under("cy"));
        let second = town.cycle().await;
        assert_eq!((second.counts.update, second.counts.skipped, second.counts.failure), (1, 0, 0), "{dialect}");
        assert_eq!(town.managers()["dan"], "cy", "{dialect}");
        assert_eq!(town.writes().len(), 1, "{dialect}: the manager travels alone");

        let third = town.cycle().await;
        assert_eq!(third.requests, 0, "{dialect}");
        let again = town.run(CycleOptions { initial: true, ..CycleOptions::default() }).await;
        assert_eq!((again.counts.skipped, town.writes().len()), (4, 0), "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_who_comes_into_scope_later_is_set_in_that_cycle() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::under("bob"));
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    let first = town.cycle().await;
    assert_eq!((first.counts.create, first.counts.failure), (1, 0));
    assert!(town.managers().is_empty());
    let entries = town.entries();
    let warned = entries.iter().find(|entry| entry.status == LoggedStatus::Warning).expect("a warning");
    assert_eq!(warned.reason, "UnableToResolveReferenceAttributeValue");
    assert_eq!(warned.source.display_name, "ann");

    assert_eq!(town.cycle().await.requests, 0, "what waits costs no request");

    town.person("bob", Person::new());
    let third = town.cycle().await;
    assert_eq!((third.counts.create, third.counts.update, third.counts.not_evaluated), (1, 1, 0), "{third:#?}");
    assert_eq!(town.managers(), pairs(&[("ann", "bob")]));
    assert_eq!(town.cycle().await.requests, 0);
}

/// An account whose person is not entitled is left alone (service.md 11.4), until they are again.
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_who_comes_later_is_not_written_onto_those_who_are_not_entitled() {
    let job = "    accidental_deletion: { threshold: 3 }\n";
    for dialect in ["entra-2020", "okta-oin"] {
        let mut town = Town::new(Plan { dialect, job, ..Plan::default() }).await;
        let out = || Person { department: "Out".to_owned(), ..Person::new() };
        let subordinates = ["ann", "cy", "dan", "eve"];
        for name in subordinates {
            town.person(name, Person::under("bob"));
        }
        town.person("bob", out());
        assert_eq!(town.cycle().await.counts.create, 4, "{dialect}");
        town.person("ann", Person { active: false, ..Person::under("bob") });
        town.person("cy", Person { department: "Out".to_owned(), ..Person::under("bob") });
        let dan = town.people.remove("dan").expect("there");
        assert_eq!(town.cycle().await.counts.disable, 3, "{dialect}");

        town.person("bob", Person::new());
        let dry = town.run(CycleOptions { dry_run: true, ..CycleOptions::default() }).await;
        assert_eq!((dry.counts.create, dry.counts.update), (1, 1), "{dialect}: {dry:#?}");
        let report = town.cycle().await;
        assert_eq!((report.counts.create, report.counts.update), (1, 1), "{dialect}: {report:#?}");
        assert_eq!(town.managers(), pairs(&[("eve", "bob")]), "{dialect}");
        town.now(&["ann@example.com"], OnDemandOptions::default()).await;
        assert_eq!(town.cycle().await.requests, 0, "{dialect}: nothing is tried for those who wait");
        assert_eq!(town.managers(), pairs(&[("eve", "bob")]), "{dialect}");

        town.person("ann", Person::under("bob"));
        town.person("cy", Person::under("bob"));
        town.person("dan", dan);
        town.cycle().await;
        assert_eq!(town.managers(), subordinates.iter().map(|name| ((*name).to_owned(), "bob".to_owned())).collect());
        assert_eq!(town.cycle().await.requests, 0, "{dialect}");
    }
}

/// Whose deprovisioning is withheld is entitled no more, though the account is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_who_comes_later_is_not_written_onto_those_who_are_staged() {
    let job = "    accidental_deletion: { threshold: 1 }\n";
    let mut town = Town::new(Plan { job, ..Plan::default() }).await;
    for name in ["ann", "cy", "eve"] {
        town.person(name, Person::under("bob"));
    }
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    town.cycle().await;
    for name in ["ann", "cy"] {
        town.person(name, Person { active: false, ..Person::under("bob") });
    }
    town.person("bob", Person::new());
    for (dry_run, set) in [(true, &["eve"][..]), (false, &["eve"]), (true, &[])] {
        let report = town.run(CycleOptions { dry_run, ..CycleOptions::default() }).await;
        assert_eq!(report.counts.staged, 2, "{report:#?}");
        let entries = town.entries();
        let is_set = |entry: &&Entry| entry.modified.iter().any(|one| one.name.ends_with(":manager"));
        let names: Vec<&str> = entries.iter().filter(is_set).map(|entry| &*entry.source.display_name).collect();
        assert_eq!(names, set, "{dry_run}");
    }
    assert_eq!(town.managers(), pairs(&[("eve", "bob")]));
    for name in ["ann", "cy"] {
        town.person(name, Person::under("bob"));
    }
    town.cycle().await;
    assert_eq!(town.managers(), pairs(&[("ann", "bob"), ("cy", "bob"), ("eve", "bob")]));
    assert_eq!(town.cycle().await.requests, 0);
}

/// A hundred thousand that wait cost an unchanged cycle nothing: they are not looked through again before something changes.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_rest_until_a_run_on_demand_makes_the_account() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::under("bob"));
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    let rests = |town: &Town| {
        let now = jiff::Timestamp::now();
        town.service().store().references_rest(town.job(), now).expect("asked")
    };
    town.cycle().await;
    assert_eq!(town.cycle().await.requests, 0);
    assert!(rests(&town), "nothing can be sent");
    town.person("bob", Person::new());
    town.now(&[&anchor("bob")], OnDemandOptions::default()).await;
    assert!(!rests(&town), "the account may be waited for");
    assert_eq!(town.cycle().await.counts.update, 1);
    assert_eq!(town.managers(), pairs(&[("ann", "bob")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_resolve_later_nothing_is_set_until_the_object_is_evaluated_again() {
    let plan = Plan { job: "    references: { resolve_later: false }\n", ..Plan::default() };
    let mut town = Town::new(plan).await;
    town.person("ann", Person::under("bob"));
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    town.cycle().await;
    town.person("bob", Person::new());
    assert_eq!(town.cycle().await.counts.create, 1);
    assert!(town.managers().is_empty(), "as the service does");
    town.run(CycleOptions { initial: true, ..CycleOptions::default() }).await;
    assert_eq!(town.managers(), pairs(&[("ann", "bob")]));
}

/// A manager is cleared only where both gates of null flow are open.
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_who_is_gone_is_cleared_only_through_both_gates() {
    let both = ", flow_null_values: true, source_flow_null_values: true";
    for dialect in DIALECTS {
        for (manager, cleared) in [("", false), (both, true)] {
            let mut town = Town::new(Plan { dialect, manager, ..Plan::default() }).await;
            town.person("ann", Person::under("bob"));
            town.person("bob", Person::new());
            // An export without any manager would leave all of them unknown.
            town.person("cy", Person::under("bob"));
            town.cycle().await;
            assert_eq!(town.managers().len(), 2, "{dialect}");
            town.person("ann", Person::new());
            let report = town.cycle().await;
            assert_eq!(report.counts.failure, 0, "{dialect}: {:#?}", town.entries());
            assert_eq!(town.managers().len() == 1, cleared, "{dialect} {manager}: {:#?}", town.writes());
            assert_eq!(town.cycle().await.requests, 0, "{dialect}");
        }
    }
}

/// Somebody who was never exported as a record, and oneself: nobody's manager.
#[tokio::test(flavor = "multi_thread")]
async fn dangling_managers_are_left_out() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::under("nobody"));
    town.person("bob", Person::under("bob"));
    let report = town.cycle().await;
    assert_eq!((report.counts.create, report.counts.failure), (2, 0));
    assert!(town.managers().is_empty());
    assert!(report.warnings.iter().any(|warning| warning.contains("reference.unresolved")), "{:?}", report.warnings);
    assert_eq!(town.cycle().await.requests, 0);
}

/// The account vanished from the target before the manager could be set.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_fails_goes_to_escrow_and_counts_as_a_failure() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::under("bob"));
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    town.cycle().await;
    assert!(town.target.users().len() == 1);
    town.target.answer(
        &http::Request::delete(format!("/scim/Users/{}", town.account("ann")))
            .body(axum::body::Bytes::new())
            .expect("a request"),
    );
    town.person("bob", Person::new());
    let report = town.cycle().await;
    assert_eq!((report.counts.create, report.counts.failure), (1, 1), "{report:#?}");
    let escrows = town.service().store().escrows(town.job()).expect("escrows");
    assert_eq!(escrows.len(), 1);
    assert_eq!((escrows[0].operation, escrows[0].reference), (Operation::Reference, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_references_and_sends_none() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::new());
    town.person("bob", Person::new());
    town.cycle().await;
    town.person("ann", Person::under("bob"));
    let report = town.run(CycleOptions { dry_run: true, ..CycleOptions::default() }).await;
    assert_eq!((report.counts.update, report.counts.skipped), (1, 0), "{report:#?}");
    assert!(town.writes().is_empty());
    let entries = town.entries();
    let step = entries.iter().flat_map(|entry| &entry.steps).find(|step| step.name == "EntryReferenceResolution");
    let step = step.expect("the reference is shown");
    assert!(step.details.get(&format!("{ENTERPRISE}:manager")).is_some(), "{step:?}");
    town.cycle().await;
    assert_eq!(town.managers(), pairs(&[("ann", "bob")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_sets_the_manager_of_one_person() {
    let mut town = Town::new(Plan::default()).await;
    town.person("bob", Person::new());
    town.cycle().await;
    town.person("ann", Person::under("bob"));
    let answers = town.now(&["ann@example.com"], OnDemandOptions::default()).await;
    let entry = answers[0].entry.as_ref().expect("an entry");
    assert_eq!(entry.status, LoggedStatus::Success, "{entry:#?}");
    assert_eq!(town.managers(), pairs(&[("ann", "bob")]));
    assert_eq!(town.cycle().await.counts.create, 0);
    assert_eq!(town.cycle().await.requests, 0);
}
