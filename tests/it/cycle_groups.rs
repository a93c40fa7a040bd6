//! Groups and their members in whole cycles (service.md 15, 18, D-39, D-41, D-44; wire.md 12, 18).

use std::collections::BTreeMap;

use provisiond::cycle::{CycleOptions, OnDemandOptions};
use provisiond::model::{LoggedAction, LoggedStatus, Operation};
use serde_json::json;

use crate::town::{DIALECTS, Person, Plan, Town, anchor};

fn held(groups: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let names = |members: &[&str]| members.iter().map(|name| (*name).to_owned()).collect();
    groups.iter().map(|(group, members)| ((*group).to_owned(), names(members))).collect()
}

fn people(town: &mut Town, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("p{number:06}")).collect();
    for name in &names {
        town.person(name, Person::new());
    }
    names
}

/// Created empty, filled afterwards, changed by the difference, nested as members, in every dialect.
#[tokio::test(flavor = "multi_thread")]
async fn members_follow_the_source_in_every_dialect() {
    for dialect in DIALECTS {
        let mut town = Town::new(Plan { dialect, ..Plan::default() }).await;
        for name in ["ann", "bob", "cy", "dan"] {
            town.person(name, Person::new());
        }
        town.group("all", &["ann", "bob", "team"]);
        town.group("team", &["cy"]);
        town.group("none", &[]);
        let first = town.cycle().await;
        assert_eq!((first.counts.create, first.counts.failure), (7, 0), "{dialect}: {:#?}", town.entries());
        let expected = held(&[("all", &["ann", "bob", "team"]), ("none", &[]), ("team", &["cy"])]);
        assert_eq!(town.held(), expected, "{dialect}");

        town.group("all", &["cy", "bob", "dan"]);
        town.groups.get_mut("team").expect("there").0 = "crew".to_owned();
        let second = town.cycle().await;
        assert_eq!((second.counts.update, second.counts.failure), (2, 0), "{dialect}: {second:#?}");
        let expected = held(&[("all", &["bob", "cy", "dan"]), ("crew", &["cy"]), ("none", &[])]);
        assert_eq!(town.held(), expected, "{dialect}: {:#?}", town.writes());

        assert_eq!(town.cycle().await.requests, 0, "{dialect}");
        let again = town.run(CycleOptions { initial: true, ..CycleOptions::default() }).await;
        assert_eq!((again.counts.skipped, town.writes().len()), (7, 0), "{dialect}: {:#?}", town.writes());
    }
}

/// A full push replaces the list: whoever was a member before is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_loses_nobody() {
    for dialect in ["okta-oin", "okta-aiw"] {
        let target = "      options: { full_push: true, member_batch: 2 }\n";
        let mut town = Town::new(Plan { dialect, target, ..Plan::default() }).await;
        for name in ["ann", "bob", "cy", "dan", "eve"] {
            town.person(name, Person::new());
        }
        town.group("all", &["ann", "bob", "cy"]);
        town.cycle().await;
        assert_eq!(town.held(), held(&[("all", &["ann", "bob", "cy"])]), "{dialect}");
        town.group("all", &["bob", "cy", "dan", "eve"]);
        town.cycle().await;
        assert_eq!(
            town.held(),
            held(&[("all", &["bob", "cy", "dan", "eve"])]),
            "{dialect}: {:#?}",
            town.member_writes()
        );
        town.group("all", &["cy"]);
        town.cycle().await;
        assert_eq!(town.held(), held(&[("all", &["cy"])]), "{dialect}: {:#?}", town.member_writes());
        assert_eq!(town.cycle().await.requests, 0, "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_go_before_removals_with_entra_and_behind_them_with_okta() {
    for (dialect, order) in [
        ("entra-legacy", vec!["add", "remove"]),
        ("entra-2020", vec!["add", "remove"]),
        ("strict", vec!["add", "remove"]),
        ("okta-oin", vec!["remove", "add"]),
    ] {
        let mut town = Town::new(Plan { dialect, ..Plan::default() }).await;
        for name in ["ann", "bob"] {
            town.person(name, Person::new());
        }
        town.group("all", &["ann"]);
        town.cycle().await;
        town.group("all", &["bob"]);
        town.cycle().await;
        let operations = town.member_writes().into_iter().flat_map(|seen| {
            let operations = seen.body["Operations"].as_array().cloned().unwrap_or_default();
            let about = operations.into_iter().filter(|operation| operation["path"].to_string().contains("members"));
            about.map(|operation| operation["op"].as_str().expect("a verb").to_lowercase()).collect::<Vec<_>>()
        });
        assert_eq!(operations.collect::<Vec<_>>(), order, "{dialect}");
        assert_eq!(town.held(), held(&[("all", &["bob"])]), "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_who_come_into_scope_later_join_in_that_cycle() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::new());
    town.person("bob", Person { department: "Out".to_owned(), ..Person::new() });
    town.group("all", &["ann", "bob"]);
    town.cycle().await;
    assert_eq!(town.held(), held(&[("all", &["ann"])]));
    let warned = town.entries().into_iter().find(|entry| entry.status == LoggedStatus::Warning).expect("a warning");
    assert_eq!(warned.reason, "UnableToResolveReferenceAttributeValue");
    assert_eq!(town.cycle().await.requests, 0);
    town.person("bob", Person::new());
    let report = town.cycle().await;
    assert_eq!((report.counts.create, report.counts.update, report.counts.not_evaluated), (1, 1, 1), "{report:#?}");
    assert_eq!(town.held(), held(&[("all", &["ann", "bob"])]));
    assert_eq!(town.cycle().await.requests, 0);
}

/// A reactivated user gets the memberships again that were exported (D-39), unless the service is followed strictly.
#[tokio::test(flavor = "multi_thread")]
async fn reactivation_restores_memberships() {
    for (job, restored) in [("", true), ("    references: { resolve_later: false }\n", false)] {
        let mut town = Town::new(Plan { job, ..Plan::default() }).await;
        town.person("ann", Person::new());
        town.person("bob", Person::new());
        town.group("all", &["ann", "bob"]);
        town.cycle().await;
        town.person("bob", Person { active: false, ..Person::new() });
        assert_eq!(town.cycle().await.counts.disable, 1);
        // The target takes disabled people out of its groups by itself.
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "remove", "path": format!("members[value eq \"{}\"]", town.account("bob")) }],
        });
        let request = http::Request::patch(format!("/scim/Groups/{}", town.account("all")))
            .header("content-type", "application/scim+json");
        town.target.answer(&request.body(axum::body::Bytes::from(body.to_string())).expect("a request"));
        assert_eq!(town.held(), held(&[("all", &["ann"])]));
        town.person("bob", Person::new());
        let report = town.cycle().await;
        assert_eq!(report.counts.failure, 0);
        let expected: &[&str] = if restored { &["ann", "bob"] } else { &["ann"] };
        assert_eq!(town.held(), held(&[("all", expected)]), "{job}");
        assert_eq!(town.cycle().await.requests, 0);
    }
}

/// One bad member among a thousand: the rest is delivered, and only that one is set aside.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_is_halved_until_the_bad_member_is_found() {
    for (dialect, most) in
        [("entra-legacy", 24), ("entra-2020", 24), ("strict", 24), ("okta-oin", 44), ("okta-aiw", 44)]
    {
        let mut town = Town::new(Plan { dialect, ..Plan::default() }).await;
        let names = people(&mut town, 1000);
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        town.group("all", &[]);
        town.cycle().await;
        town.refused.lock().expect("a list").push(town.account(all[617]));
        town.group("all", &all);
        let report = town.cycle().await;
        assert_eq!((report.counts.failure, report.counts.update), (1, 0), "{dialect}: {report:#?}");
        let held = town.held();
        assert_eq!(held["all"].len(), 999, "{dialect}");
        assert!(!held["all"].contains(&names[617]), "{dialect}");
        let sent = town.member_writes().len();
        assert!(sent <= most, "{dialect}: {sent} requests");
        println!("{dialect}: one bad member of 1000 found with {sent} requests");
        let escrows = town.service().store().escrows(town.job()).expect("escrows");
        assert_eq!(escrows.len(), 1, "{dialect}");
        assert_eq!((escrows[0].operation, escrows[0].reference), (Operation::Reference, true), "{dialect}");
        assert!(escrows[0].message.contains(&anchor(all[617])), "{dialect}: {}", escrows[0].message);

        // The retry is due in the next cycle and concerns that member alone.
        town.refused.lock().expect("a list").clear();
        let report = town.cycle().await;
        assert_eq!((report.counts.update, report.counts.failure), (1, 0), "{dialect}: {report:#?}");
        assert_eq!(town.held()["all"].len(), 1000, "{dialect}");
        assert!(town.service().store().escrows(town.job()).expect("escrows").is_empty(), "{dialect}");
        assert_eq!(town.cycle().await.requests, 0, "{dialect}");
    }
}

/// A target that refuses everybody is not asked a thousand times.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_every_member_is_left_alone_soon() {
    let mut town = Town::new(Plan::default()).await;
    let names = people(&mut town, 500);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    town.group("all", &all);
    town.refused.lock().expect("a list").push("members".to_owned());
    let report = town.cycle().await;
    assert_eq!((report.counts.create, report.counts.failure), (500, 1), "{report:#?}");
    assert!(town.member_writes().len() < 60, "{}", town.member_writes().len());
    town.refused.lock().expect("a list").clear();
    town.cycle().await;
    assert_eq!(town.held()["all"].len(), 500);
}

/// Whoever is nobody in the export neither joins nor makes others leave; who is named twice joins once.
#[tokio::test(flavor = "multi_thread")]
async fn dangling_and_repeated_members() {
    let mut town = Town::new(Plan::default()).await;
    for name in ["ann", "bob"] {
        town.person(name, Person::new());
    }
    town.group("all", &["ann", "nobody", "ann", "bob"]);
    let report = town.cycle().await;
    assert_eq!(report.counts.failure, 0);
    assert!(report.warnings.iter().any(|warning| warning.contains("reference.unresolved")), "{:?}", report.warnings);
    assert_eq!(town.held(), held(&[("all", &["ann", "bob"])]));
    // Only dangling names are left: nothing is known about the others.
    town.group("all", &["nobody"]);
    town.cycle().await;
    assert_eq!(town.held(), held(&[("all", &["ann", "bob"])]));
    town.group("all", &["bob", "nobody"]);
    town.cycle().await;
    assert_eq!(town.held(), held(&[("all", &["bob"])]));
    assert_eq!(town.cycle().await.requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_a_group_with_one_id_are_named() {
    let mut town = Town::new(Plan::default()).await;
    town.person("same", Person::new());
    town.person("ann", Person::new());
    town.group("same", &["ann"]);
    let report = town.cycle().await;
    assert!(report.warnings.iter().any(|warning| warning.contains("anchor.two_kinds")), "{:?}", report.warnings);
    assert_eq!(report.counts.create, 2, "{report:#?}");
    assert_eq!(town.target.users().len() + town.target.groups().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_groups_with_one_name_do_not_share_an_account() {
    let mut town = Town::new(Plan::default()).await;
    town.person("ann", Person::new());
    town.group("one", &["ann"]);
    town.group("two", &[]);
    town.groups.get_mut("two").expect("there").0 = "one".to_owned();
    let report = town.cycle().await;
    assert_eq!((report.counts.create, report.counts.failure), (2, 1), "{report:#?}");
    assert_eq!(town.target.groups().len(), 1);
}

/// Groups that leave the export are deleted, and count for accidental deletion prevention.
#[tokio::test(flavor = "multi_thread")]
async fn group_deletions_are_withheld_above_the_threshold() {
    let job = "    accidental_deletion: { enabled: true, threshold: 1 }\n";
    let mut town = Town::new(Plan { job, ..Plan::default() }).await;
    town.person("ann", Person::new());
    // An export in which nobody is a member of anything would be taken for a broken one.
    for name in ["one", "two", "three", "rest"] {
        town.group(name, &["ann"]);
    }
    town.cycle().await;
    town.groups.remove("one");
    let report = town.cycle().await;
    assert_eq!((report.counts.delete, report.counts.staged), (1, 0), "{report:#?}");
    town.groups.retain(|name, _| name == "rest");
    let report = town.cycle().await;
    assert_eq!((report.counts.delete, report.counts.staged), (0, 2), "{report:#?}");
    assert_eq!(town.target.groups().len(), 3);
    let staged = town.entries();
    assert!(staged.iter().all(|entry| entry.action == LoggedAction::StagedDelete), "{staged:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_group_that_returns_is_filled_again() {
    let job = "    accidental_deletion: { enabled: false }\n";
    let mut town = Town::new(Plan { job, ..Plan::default() }).await;
    town.person("ann", Person::new());
    town.person("bob", Person::new());
    town.group("all", &["ann", "bob"]);
    town.group("rest", &["ann"]);
    town.cycle().await;
    let group = town.groups.remove("all").expect("there");
    town.cycle().await;
    assert_eq!(town.held(), held(&[("rest", &["ann"])]));
    town.groups.insert("all".to_owned(), group);
    town.cycle().await;
    assert_eq!(town.held(), held(&[("all", &["ann", "bob"]), ("rest", &["ann"])]));
    assert_eq!(town.cycle().await.requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_sends_one_group_and_a_few_of_its_members() {
    let mut town = Town::new(Plan::default()).await;
    let names = people(&mut town, 20);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    town.cycle().await;
    town.group("all", &all);
    let answer = town.group_now("all", &[], OnDemandOptions { dry_run: true, ..OnDemandOptions::default() }).await;
    assert!(answer.entry.is_some() && town.target.groups().is_empty(), "{answer:#?}");
    let answer = town.group_now("all", &[], OnDemandOptions::default()).await;
    assert_eq!(answer.entry.as_ref().expect("an entry").status, LoggedStatus::Success, "{answer:#?}");
    assert_eq!(town.held()["all"].len(), 5);
    let last = "p000019@example.com";
    town.group_now("all", &[last], OnDemandOptions::default()).await;
    assert!(town.held()["all"].contains(&"p000019".to_owned()));
    assert!(town.held()["all"].len() <= 6);
    town.group_now("all", &[], OnDemandOptions { all_members: true, ..OnDemandOptions::default() }).await;
    assert_eq!(town.held()["all"].len(), 20);
    town.cycle().await;
    assert_eq!(town.cycle().await.requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whom_nobody_knows_or_the_group_has_not_is_told_of() {
    let mut town = Town::new(Plan::default()).await;
    for name in ["ann", "bob", "cy"] {
        town.person(name, Person::new());
    }
    town.group("all", &["ann"]);
    town.cycle().await;
    town.group("all", &["bob"]);
    for (members, why) in [
        (&["zoe@example.com"][..], "nobody in the source is called `zoe@example.com`"),
        (&["cy@example.com"], "`cy@example.com` is no member of the group"),
        (&["bob@example.com", "cy@example.com"], "`cy@example.com` is no member of the group"),
    ] {
        let answer = town.group_now("all", members, OnDemandOptions::default()).await;
        let error = answer.error.expect("told");
        assert_eq!(error.code, "SourceObjectNotFound");
        assert!(error.message.contains(why), "{error:?}");
        assert_eq!(town.seen().len(), 0, "nothing was sent");
    }
    // who joins and who leaves is a member, by any name
    let answer = town.group_now("all", &["bob@example.com", &anchor("ann")], OnDemandOptions::default()).await;
    assert_eq!(answer.error, None);
    assert_eq!(town.held(), held(&[("all", &["bob"])]));
}

/// Groups whose members only change their order, and dry runs.
#[tokio::test(flavor = "multi_thread")]
async fn order_is_no_change_and_a_dry_run_sends_nothing() {
    let mut town = Town::new(Plan::default()).await;
    for name in ["ann", "bob", "cy"] {
        town.person(name, Person::new());
    }
    town.group("all", &["ann", "bob"]);
    town.cycle().await;
    town.group("all", &["bob", "ann"]);
    assert_eq!(town.cycle().await.requests, 0);
    town.group("all", &["cy", "ann"]);
    let report = town.run(CycleOptions { dry_run: true, ..CycleOptions::default() }).await;
    assert_eq!(report.counts.update, 1, "{report:#?}");
    assert!(town.writes().is_empty());
    let step =
        town.entries().into_iter().flat_map(|entry| entry.steps).find(|step| step.name == "EntryReferenceResolution");
    let step = step.expect("members are shown");
    assert_eq!((step.details.get("joined"), step.details.get("left")), (Some(&1.into()), Some(&1.into())), "{step:?}");
    town.cycle().await;
    assert_eq!(town.held(), held(&[("all", &["ann", "cy"])]));
}

/// Many members, in bounded requests; `benches/groups.py` has the hundred thousand.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_goes_in_batches() {
    let target = "      options: { member_batch: 500 }\n      concurrency: 16\n";
    let mut town = Town::new(Plan { target, ..Plan::default() }).await;
    let names = people(&mut town, 2_000);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    town.group("all", &all);
    town.cycle().await;
    assert_eq!(town.held()["all"].len(), 2_000);
    let most = town
        .member_writes()
        .iter()
        .map(|seen| seen.body["Operations"][0]["value"].as_array().map_or(0, Vec::len))
        .max();
    assert_eq!(most, Some(500));
    town.group("all", &all[10..]);
    town.cycle().await;
    assert_eq!(town.held()["all"].len(), 1_990);
    assert_eq!(town.member_writes().len(), 1);
    assert_eq!(town.cycle().await.requests, 0);
}

/// With `flatten` the members of inner groups are members of the outer one; a loop is named and ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nested_groups_are_flattened_where_the_mapping_says_so() {
    let mut town = Town::new(Plan { groups: "  flatten: true\n", ..Plan::default() }).await;
    for name in ["ann", "bob", "cy", "dan"] {
        town.person(name, Person::new());
    }
    town.group("all", &["ann", "team"]);
    town.group("team", &["bob", "crew"]);
    town.group("crew", &["cy"]);
    let first = town.cycle().await;
    assert_eq!(first.counts.failure, 0, "{first:#?}");
    let expected = held(&[("all", &["ann", "bob", "cy"]), ("crew", &["cy"]), ("team", &["bob", "cy"])]);
    assert_eq!(town.held(), expected);
    assert_eq!(town.cycle().await.requests, 0);

    // Only the innermost group changes, and those around it follow; it closes a loop besides.
    town.group("crew", &["dan", "all"]);
    let second = town.cycle().await;
    let everybody: &[&str] = &["ann", "bob", "dan"];
    assert_eq!(town.held(), held(&[("all", everybody), ("crew", everybody), ("team", everybody)]), "{second:#?}");
    let loops: Vec<&String> = second.warnings.iter().filter(|warning| warning.starts_with("groups.loop")).collect();
    assert_eq!(loops.len(), 1, "{:?}", second.warnings);
    for name in ["all", "team", "crew"] {
        assert!(loops[0].contains(&anchor(name)), "{loops:?}");
    }
    assert_eq!(town.cycle().await.requests, 0);
}
