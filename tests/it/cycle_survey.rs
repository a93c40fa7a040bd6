//! `verify`, `discover` and `explain`: they look and write nothing (service.md D-40, 22.3).

use provisiond::model::ObjectKind;
use serde_json::{Value, json};

use crate::bench::{Bench, anchor, login, row};
use crate::directory::{self, Directory, ENTERPRISE};
use crate::liar::{Asked, Liar};

fn states(document: &Value) -> Vec<&str> {
    document["objects"].as_array().expect("objects").iter().map(|one| one["state"].as_str().expect("a state")).collect()
}

#[test]
fn verify_reports_every_kind_of_drift_and_writes_nothing() {
    let mut bench = Bench::new();
    bench.crowd(5);
    bench.cycle();
    bench.edit(&login(1), |account| drop(account.insert("displayName".to_owned(), json!("By Hand"))));
    bench.edit(&login(2), |account| drop(account.insert("active".to_owned(), json!(false))));
    let id = bench.account(&login(3)).expect("made")["id"].as_str().expect("an id").to_owned();
    bench.erase(ObjectKind::User, &id);
    let before = (bench.standin.users(), bench.standin.requests_by_method());
    let ran = bench.run(&["verify", "--output", "json"]);
    assert_eq!(ran.status(), 0, "{}", ran.errors());
    let document = ran.json();
    assert_eq!(states(&document), ["same", "differs", "inactive", "missing", "same"]);
    let expected = json!([{"displayName": "displayName", "oldValue": "By Hand", "newValue": "Person 1"}]);
    assert_eq!(document["objects"][1]["differences"], expected);
    assert_eq!(bench.standin.users(), before.0);
    let after = bench.standin.requests_by_method();
    assert!(before.1.iter().all(|(method, count)| method == "GET" || after[method] == *count), "reads only");
    let text = bench.run(&["verify"]).text();
    assert!(text.contains("1 differ, 1 inactive, 1 missing, 2 same"), "{text}");
    assert_eq!(bench.log().len(), 5, "the log holds the five creates alone");
}

#[test]
fn discover_sorts_every_account() {
    let mut bench = Bench::new();
    bench.mapping(&crate::bench::MAPPING.replace(
        "  attributes",
        "  scope:\n    - - { attribute: department, operator: EQUALS, value: Sales }\n  attributes",
    ));
    bench.people(&format!("{}{}{}", row(0, "Sales", true), row(1, "Buying", true), row(2, "Sales", true)));
    for name in [login(0), login(1), "local@example.jp".to_owned()] {
        bench.standin.create_user(&json!({"userName": name})).expect("made");
    }
    let before = bench.standin.users();
    let ran = bench.run(&["discover", "--output", "json"]);
    assert_eq!(ran.status(), 0, "{}", ran.errors());
    let document = ran.json();
    assert_eq!(document["counts"], json!({"local": 1, "unassigned": 1, "assigned": 1}));
    assert_eq!(document["accounts"][0]["source"], anchor(0));
    assert_eq!(document["accounts"][2]["state"], "local");
    assert_eq!(bench.standin.users(), before);
}

#[test]
fn explain_tells_where_each_value_comes_from() {
    let mut bench = Bench::new();
    bench.mapping(&format!("{}    title: Join(\"/\", [department], [displayName])\n", crate::bench::MAPPING));
    bench.crowd(3);
    bench.cycle();
    let ran = bench.run(&["explain", "--user", &login(1), "--output", "json"]);
    assert_eq!(ran.status(), 0, "{}", ran.errors());
    let story = ran.json();
    assert_eq!(story["source"], json!({"file": "users.csv", "line": 3}));
    let title = story["expressions"].as_array().expect("expressions").iter().find(|one| one["target"] == "title");
    let title = title.expect("the mapping is told");
    assert_eq!(title["value"], "Sales/Person 1");
    assert_eq!(title["inputs"], json!({"department": "Sales", "displayName": "Person 1"}));
    assert_eq!(story["now"]["provisioningSteps"].as_array().expect("steps").len(), 4, "import, scope, match, decision");
    assert_eq!(story["log"][0]["provisioningAction"], "create");
    let cycle = story["log"][0]["cycleId"].as_str().expect("a cycle").to_owned();
    let text = bench.run(&["explain", "--user", &login(1), "--cycle", &cycle]).text();
    for part in ["users.csv:3", "[department] is `Sales`", "POST /Users", "201"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(bench.standin.users().len(), 3);
    assert_ne!(bench.run(&["explain", "--user", "nobody@example.jp"]).status(), 0);
}

#[test]
fn verify_sees_managers_who_were_changed_by_hand() {
    for dialect in ["entra-legacy", "okta-oin", "strict"] {
        let bench = directory::bench(dialect, "", "");
        let mut day = Directory::default();
        day.person("ann", None).person("eve", None).person("bob", Some("ann")).person("cy", Some("ann"));
        // One whose manager has left, and one whose manager has no account: neither is drift.
        day.person("dan", Some("gone")).person("gone", None).person("fay", Some("nobody"));
        day.group("all", &["ann", "bob"]);
        day.export(&bench);
        assert_eq!(bench.run(&["cycle"]).status, Some(0), "{dialect}");
        day.people.get_mut("gone").expect("there").active = false;
        day.export(&bench);
        assert_eq!(bench.run(&["cycle"]).status, Some(0), "{dialect}");
        let drifts = || {
            let document = bench.json(&["verify"], 0);
            let drifts = document["objects"].as_array().expect("objects").iter();
            let mut drifts: Vec<Value> = drifts.filter(|one| one["state"] != "same").cloned().collect();
            drifts.sort_by_key(|one| one["differences"][0]["oldValue"].to_string());
            drifts
        };
        assert_eq!(drifts(), [json!(null); 0], "{dialect}");

        let users = bench.standin().users();
        let find = |name: &str| users.iter().find(|user| user["displayName"] == name).expect("an account").clone();
        let edit = |name: &str, manager: Option<&str>| {
            let mut user = find(name).as_object().expect("an object").clone();
            user.shift_remove(ENTERPRISE);
            if let Some(manager) = manager {
                user.insert(ENTERPRISE.to_owned(), json!({ "manager": { "value": find(manager)["id"] } }));
            }
            bench.standin().update_user(find(name)["id"].as_str().expect("an id"), user).expect("edited");
        };
        edit("bob", Some("eve"));
        edit("cy", None);
        edit("eve", Some("ann"));
        let before = (bench.standin().users(), bench.standin().requests_by_method());
        let found = drifts();
        let path = format!("{ENTERPRISE}:manager");
        let expected = [("bob", Some("eve"), Some("ann")), ("cy", None, Some("ann")), ("eve", Some("ann"), None)];
        assert_eq!(found.len(), expected.len(), "{dialect}: {found:?}");
        for (name, was, wanted) in expected {
            let one = found.iter().find(|one| one["target"] == find(name)["id"]).expect("it differs");
            let id = |name: Option<&str>| name.map_or(Value::Null, |name| find(name)["id"].clone());
            let difference = json!([{ "displayName": path, "oldValue": id(was), "newValue": id(wanted) }]);
            assert_eq!((&one["state"], &one["differences"]), (&json!("differs"), &difference), "{dialect}: {name}");
        }
        assert_eq!(bench.standin().users(), before.0, "{dialect}");
        let writes = |of: &std::collections::BTreeMap<String, u64>| {
            of.iter().filter(|(method, _)| *method != "GET").map(|(_, count)| count).sum::<u64>()
        };
        assert_eq!(writes(&bench.standin().requests_by_method()), writes(&before.1), "{dialect}: reads only");

        // What it tells is what an evaluation writes.
        assert_eq!(bench.run(&["cycle", "--initial"]).status, Some(0), "{dialect}");
        assert_eq!(drifts(), [json!(null); 0], "{dialect}");
    }
}

/// The accounts of one page and `totalResults`, as the target gives them from `start` on.
type Pages = fn(accounts: &[Value], start: usize) -> (Vec<Value>, Value);

fn page(accounts: &[Value], from: usize) -> Vec<Value> {
    accounts.iter().skip(from).take(3).cloned().collect()
}

fn start_of(asked: &Asked) -> Option<usize> {
    asked.query.split('&').find_map(|item| item.strip_prefix("startIndex="))?.parse().ok()
}

#[test]
fn discover_says_where_the_pages_of_the_target_do_not_add_up() {
    let cases: [(&str, Pages, &[&str]); 7] = [
        ("as it should be", |all, start| (page(all, start - 1), json!(4)), &[]),
        ("never reached", |all, start| (page(all, start - 1), json!(9)), &["list-count"]),
        ("too small", |all, start| (page(all, start - 1), json!(2)), &["list-count"]),
        ("the first page again", |all, _| (page(all, 0), json!(4)), &["unstable-order", "list-count"]),
        ("one comes again", |all, start| (page(all, (start - 1).min(2)), json!(4)), &["unstable-order"]),
        ("counted from 0", |all, start| (page(all, start), json!(4)), &["list-count"]),
        ("a text", |all, start| (page(all, start - 1), json!("4")), &["list-total-string"]),
    ];
    for (case, pages, expected) in cases {
        let mut bench = Bench::new();
        for number in 0..4 {
            bench.standin.create_user(&json!({ "userName": login(number) })).expect("made");
        }
        let accounts = bench.standin.users();
        let liar = Liar::start(&bench, move |asked, truth| {
            let (listed, total) = pages(&accounts, start_of(asked)?);
            let mut told = truth.clone();
            told["totalResults"] = total;
            told["Resources"] = json!(listed);
            Some((0, told))
        });
        bench.standin_url(&liar.url()).crowd(1);
        let ran = bench.run(&["discover", "--output", "json"]);
        assert_eq!(ran.status(), 0, "{case}: {}", ran.errors());
        let document = ran.json();
        let warnings = document["warnings"].as_array().expect("warnings").iter();
        let codes: Vec<&str> = warnings.map(|one| one["code"].as_str().expect("a code")).collect();
        assert_eq!(codes, expected, "{case}: {document}");
        let errors = bench.run(&["discover"]).errors();
        let shown = errors.lines().filter_map(|line| line.strip_prefix("warning[")?.split(']').next());
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{case}: {errors}");
    }
}

#[test]
fn a_connection_test_warns_of_a_count_without_resources() {
    let mut bench = Bench::new();
    let liar = Liar::start(&bench, |asked, truth| {
        let mut told = truth.clone();
        told["totalResults"] = json!(5);
        asked.query.contains("filter=").then_some((0, told))
    });
    bench.standin_url(&liar.url()).crowd(1);
    let document = bench.run(&["test-connection", "--output", "json"]).json();
    assert_eq!(document["ok"], true, "{document}");
    let warning = "list-count: `totalResults` is 5 for 0 resources";
    assert_eq!(document["checks"][0]["warnings"], json!([warning]));
    let text = bench.run(&["test-connection"]).text();
    assert!(text.contains(warning), "{text}");
    // Okta asks for the first of many, so a count beyond the page says nothing.
    bench.target("dialect: okta-oin").crowd(1);
    for number in 0..5 {
        bench.standin.create_user(&json!({ "userName": login(number) })).expect("made");
    }
    let document = bench.run(&["test-connection", "--output", "json"]).json();
    assert_eq!((&document["ok"], &document["checks"][0]["warnings"]), (&json!(true), &json!([])), "{document}");
}
