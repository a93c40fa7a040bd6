//! `verify`, `discover` and `explain`: they look and write nothing (service.md D-40, 22.3).

use provisiond::model::ObjectKind;
use serde_json::{Value, json};

use crate::bench::{Bench, anchor, login, row};

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
