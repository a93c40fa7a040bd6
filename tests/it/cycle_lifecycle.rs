//! The situations of `lifecycle.json` in whole cycles: the source before, a cycle, the source after, a cycle, against
//! the stand-in target (service.md 13, 25.2).

use provisiond::model::{Entry, LoggedAction, LoggedStatus, ObjectKind};
use serde_json::{Map, Value, json};

use crate::bench::{Bench, HEADING, MAPPING, login, row};
use crate::vectors;

#[test]
fn lifecycle_vectors_hold_in_whole_cycles() {
    let file = vectors::load("lifecycle.json");
    let cases = file["vectors"].as_array().expect("a list of vectors");
    vectors::run_all(cases, |case| check(case, &file["mappings"]));
}

fn check(case: &Value, mappings: &Value) -> Result<(), String> {
    let case = &with_guids(case);
    let given = &case["given"];
    let mut stage = Stage::new(given, mappings);
    let link = given["link"]["state"].as_str().unwrap_or("none");
    stage.seed_other_owner();
    if link != "none" {
        stage.link(link);
    } else if given["trigger"] == "incremental" {
        // An unlinked object of an incremental cycle: the first cycle saw it, if it was there, out of scope.
        stage.write(&given["sourceBefore"], false);
        stage.settings(None);
        stage.bench.cycle();
    }
    stage.fail_first();
    stage.put_target();
    stage.write(&given["sourceAfter"], true);
    stage.settings(Some(&given["settings"]));
    stage.refuse_export();
    let cycle = match given["trigger"].as_str() {
        Some("initial") => stage.bench.initial(),
        _ => stage.bench.cycle(),
    };
    let anchor = stage.anchor.clone();
    let entry = cycle.entries.iter().find(|entry| entry.source.id == anchor);
    let logged = stage
        .bench
        .log()
        .into_iter()
        .rev()
        .find(|entry| entry.source.id == anchor && entry.cycle_id == cycle.report.id);
    if let (Some(shown), Some(logged)) = (entry, &logged)
        && (shown.reason != logged.reason || shown.action != logged.action)
    {
        return Err(format!("shown {shown:?}, logged {logged:?}"));
    }
    let then = &case["then"];
    let found = match entry.or(logged.as_ref()) {
        Some(entry) => json!({
            "action": action(entry), "reason": entry.reason, "status": status(entry),
            "changes": changes(entry), "linkAfter": stage.bench.link(&anchor),
        }),
        // Nothing is shown of it: why it was passed over cannot be seen from outside but by its consequence.
        None => json!({
            "action": if then["status"] == "notEvaluated" { json!("None") } else { json!("Skip") },
            "reason": unseen(then, &cycle.report), "status": if then["status"] == "notEvaluated" { json!("notEvaluated") } else { json!("skipped") },
            "changes": [], "linkAfter": stage.bench.link(&anchor),
        }),
    };
    if &found == then {
        Ok(())
    } else {
        Err(format!(
            "expected {then}, got {found}; error {:?}, counts {:?}, warnings {:?}",
            cycle.report.error,
            cycle.counts(),
            cycle.report.warnings
        ))
    }
}

/// The case with anchors as the export has them: identifiers of Entra are GUIDs.
fn with_guids(case: &Value) -> Value {
    let mut names: Vec<&str> = Vec::new();
    for side in ["sourceBefore", "sourceAfter"] {
        names.extend(case["given"][side]["attributes"]["objectId"].as_str());
    }
    names.extend(
        case["given"]["target"].as_array().into_iter().flatten().filter_map(|account| account["linkedTo"].as_str()),
    );
    let mut text = case.to_string();
    for name in names {
        let number: u64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number");
        text = text.replace(&format!("\"{name}\""), &format!("\"{}\"", guid(number)));
    }
    serde_json::from_str(&text).expect("it was JSON before")
}

fn guid(number: u64) -> String {
    format!("22222222-0000-4000-8000-{number:012}")
}

/// The reasons of objects that are not shown one by one, checked by the report where it tells.
fn unseen(then: &Value, report: &provisiond::model::CycleReport) -> Value {
    let refused = report.error.as_ref().is_some_and(|error| error.code == "IngestionInterrupted");
    match then["reason"].as_str() {
        Some("SourceIncomplete") if !refused => json!("the export was not refused"),
        Some("NotEvaluated" | "EscrowNotDue") if report.counts.not_evaluated == 0 => json!("it was evaluated"),
        // D-55: skips of objects that never had a link are not recorded.
        Some(
            reason @ ("NotEvaluated"
            | "EscrowNotDue"
            | "SourceIncomplete"
            | "NotEffectivelyEntitled"
            | "CreateDisabled"
            | "ImportSkipped"),
        ) => json!(reason),
        _ => json!("nothing was recorded"),
    }
}

fn action(entry: &Entry) -> &'static str {
    match (entry.status, entry.action) {
        (LoggedStatus::Failure, _) => "None",
        (LoggedStatus::Skipped, _) => "Skip",
        (_, LoggedAction::Create) => "Create",
        (_, LoggedAction::Update) => "Update",
        (_, LoggedAction::Disable) => "Disable",
        (_, LoggedAction::Delete) => "Delete",
        (_, LoggedAction::StagedAction | LoggedAction::StagedDelete | LoggedAction::Other) => "None",
    }
}

fn status(entry: &Entry) -> &'static str {
    match entry.status {
        LoggedStatus::Success | LoggedStatus::Warning => "success",
        LoggedStatus::Failure => "failure",
        LoggedStatus::Skipped => "skipped",
        LoggedStatus::NotEvaluated => "notEvaluated",
    }
}

fn changes(entry: &Entry) -> Vec<&str> {
    let mut names: Vec<&str> = entry.modified.iter().map(|property| property.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// One case on the bench.
struct Stage<'a> {
    bench: Bench,
    given: &'a Value,
    mappings: &'a Value,
    kind: ObjectKind,
    anchor: String,
}

impl<'a> Stage<'a> {
    fn new(given: &'a Value, mappings: &'a Value) -> Self {
        let kind = if given["objectType"] == "group" { ObjectKind::Group } else { ObjectKind::User };
        let anchor = ["sourceAfter", "sourceBefore"]
            .iter()
            .find_map(|side| given[side]["attributes"]["objectId"].as_str())
            .expect("an anchor")
            .to_owned();
        let mut bench = Bench::new();
        // Attributes that no preset knows are handed on as they stand.
        bench.source("preset: entra-graph-json\nscope: all");
        Self { bench, given, mappings, kind, anchor }
    }

    /// The mapping file and the job for the cycle under test, or without any restriction for the cycles before it.
    fn settings(&mut self, settings: Option<&Value>) {
        let flag = |name: &str, otherwise: bool| settings.and_then(|all| all[name].as_bool()).unwrap_or(otherwise);
        let object = self.given["objectType"].as_str().expect("a kind");
        let mut text = String::new();
        for kind in ["user", "group"] {
            if kind == "group" && object != "group" {
                continue;
            }
            let own = self.given["mappings"].as_array().filter(|_| kind == object);
            let mapped = own.or_else(|| self.mappings[kind].as_array()).expect("a mapping set");
            text.push_str(&format!("{kind}s:\n"));
            if kind == object {
                let names = ["create", "update", "delete"];
                let on = |name: &&&str| settings.is_none_or(|all| all["actions"][**name] != false);
                let actions: Vec<&str> = names.iter().filter(on).copied().collect();
                text.push_str(&format!("  actions: [{}]\n", actions.join(", ")));
            }
            text.push_str("  scope:\n    - - { attribute: companyName, operator: EQUALS, value: in }\n  attributes:\n");
            for mapping in mapped {
                let source = mapping["source"].as_str();
                let follows = source.is_some_and(|source| source.contains("IsSoftDeleted"));
                if follows && kind == "user" && !flag("mapsIsSoftDeleted", true) {
                    continue;
                }
                text.push_str(&line(mapping));
            }
        }
        self.bench.mapping(&text);
        let scope = self.given["settings"]["scopeMode"].as_str().unwrap_or("all");
        self.bench.source(&format!("preset: entra-graph-json\nscope: {scope}"));
        self.bench.target(&format!("supports_soft_delete: {}", flag("targetSupportsSoftDelete", true)));
        let protection = settings.map(|all| &all["accidentalDeletion"]);
        self.bench.job(&format!(
            "skip_out_of_scope_deletions: {}\non_missing_target: {}\naccidental_deletion: {{ enabled: {}, threshold: {} }}",
            flag("skipOutOfScopeDeletions", false),
            settings.and_then(|all| all["onMissingTarget"].as_str()).unwrap_or("service"),
            protection.and_then(|protection| protection["enabled"].as_bool()).unwrap_or(true),
            protection.and_then(|protection| protection["threshold"].as_u64()).unwrap_or(500),
        ));
    }

    /// Writes an export: people nobody asks about, and the object in question as `side` says.
    fn write(&mut self, side: &Value, last: bool) {
        let planned = self.given["cycle"]["plannedDeprovisions"].as_u64().unwrap_or(0);
        let mut records: Vec<Value> =
            vec![json!({"id": guid(999), "userPrincipalName": "zero@example.com", "displayName": "Zero",
            "deletedDateTime": null,
            "assigned": true, "companyName": "in", "accountEnabled": true})];
        for number in 1..planned {
            let login = format!("filler{number}@example.com");
            records.push(json!({"id": guid(1000 + number), "userPrincipalName": login, "displayName": "F",
                "assigned": !last, "companyName": "in", "accountEnabled": true}));
        }
        if let Some(other) = self.other_owner() {
            records.push(json!({"id": other, "userPrincipalName": "other@example.com", "displayName": "Other",
                "assigned": true, "companyName": "in", "accountEnabled": true}));
        }
        records.extend(self.record(side));
        self.bench.file("users.json", &json!({"value": records}).to_string());
    }

    fn record(&self, side: &Value) -> Option<Value> {
        let mut record = Map::new();
        for (name, value) in side["attributes"].as_object()? {
            let name = if name == "objectId" { "id" } else { name };
            record.insert(name.to_owned(), value.clone());
        }
        record.insert("id".to_owned(), json!(self.anchor));
        if self.kind == ObjectKind::Group {
            record.insert("@odata.type".to_owned(), json!("#microsoft.graph.group"));
        }
        let state = side["state"].as_str().unwrap_or("active");
        record.insert("accountEnabled".to_owned(), json!(state != "disabled"));
        if state == "softDeleted" {
            record.insert("deletedDateTime".to_owned(), json!("2026-03-31T00:00:00Z"));
        }
        if state == "hardDeleted" {
            record.insert("purged".to_owned(), json!(true));
        }
        record.insert("assigned".to_owned(), json!(side["assigned"] != false));
        record.insert("companyName".to_owned(), json!(if side["passesFilter"] == false { "out" } else { "in" }));
        Some(Value::Object(record))
    }

    fn other_owner(&self) -> Option<&'a str> {
        self.given["target"].as_array().into_iter().flatten().find_map(|account| account["linkedTo"].as_str())
    }

    fn seed_other_owner(&mut self) {
        // The account is made by a cycle for its owner and takes its attributes afterwards.
        if self.other_owner().is_some() {
            self.write(&Value::Null, false);
            self.settings(None);
            self.bench.cycle();
        }
    }

    /// Brings the link about that the case begins with.
    fn link(&mut self, state: &str) {
        let mut entitled = self.given["sourceBefore"].clone();
        entitled["state"] = json!("active");
        entitled["assigned"] = json!(true);
        entitled["passesFilter"] = json!(true);
        self.write(&entitled, false);
        self.settings(None);
        self.bench.cycle();
        assert_eq!(self.bench.link(&self.anchor), "managed");
        if state == "released" {
            // A deleted record says nothing of its scope: it left the scope before it was deleted.
            entitled["assigned"] = self.given["sourceBefore"]["assigned"].clone();
            entitled["passesFilter"] = self.given["sourceBefore"]["passesFilter"].clone();
            self.write(&entitled, false);
            self.bench.cycle();
        }
        if self.given["sourceBefore"] != entitled {
            self.write(&self.given["sourceBefore"], false);
            self.bench.cycle();
        }
        assert_eq!(self.bench.link(&self.anchor), state, "the link before");
    }

    /// Gives the target the accounts of the case; those that cycles made keep their identifiers.
    fn put_target(&mut self) {
        let accounts = self.given["target"].as_array().cloned().unwrap_or_default();
        let linked = self.bench.key(|store, key| {
            store.object(key, &provisiond::model::SourceAnchor(self.anchor.clone())).expect("the state is read")
        });
        let linked = linked.and_then(|row| row.link.target().cloned()).map(|id| id.to_string());
        let named = self.given["link"]["targetId"].as_str();
        if let Some(linked) = &linked
            && !accounts.iter().any(|account| account["id"].as_str() == named)
        {
            self.bench.erase(self.kind, linked);
        }
        for account in &accounts {
            let body = body(account);
            let owned = account["linkedTo"].as_str().is_some().then(|| {
                let owner = self.bench.account("other@example.com").expect("the owner has an account");
                owner["id"].as_str().expect("an id").to_owned()
            });
            let known = if account["id"].as_str() == named { linked.clone() } else { None };
            let mut body = body;
            if let Some(id) = owned.or(known) {
                body["id"] = json!(id);
            }
            self.bench.put(self.kind, &body);
        }
    }

    /// Puts the object into escrow with a retry that is not due.
    fn fail_first(&mut self) {
        if self.given["cycle"]["retryDue"].as_bool() != Some(false) {
            return;
        }
        let mut changed = self.given["sourceBefore"].clone();
        changed["attributes"]["displayName"] = json!("Something Else");
        self.write(&changed, false);
        let row = self.bench.key(|store, key| {
            store.object(key, &provisiond::model::SourceAnchor(self.anchor.clone())).expect("the state is read")
        });
        let id = row.and_then(|row| row.link.target().cloned()).expect("the case is linked");
        self.bench.erase(self.kind, id.as_str());
        self.bench.cycle();
        // What is under test begins unchanged, and with a failure whose retry is not due.
        self.write(&self.given["sourceBefore"], false);
        self.bench.cycle();
        assert_eq!(self.bench.status().escrows, 1);
    }

    fn refuse_export(&mut self) {
        if self.given["cycle"]["exportComplete"] == false {
            self.bench.file(
                "users.json",
                "{\"value\": [{\"id\": \"22222222-0000-4000-8000-000000000999\", \"userPrincipalName\": \"zero@ex",
            );
        }
    }
}

/// The account as a resource.
fn body(account: &Value) -> Value {
    let mut body = json!({"id": account["id"]});
    for (key, value) in account["attributes"].as_object().into_iter().flatten() {
        let path: provisiond::model::TargetPath = key.parse().expect("a path");
        match (path.filter(), path.sub()) {
            (None, None) => body[path.attribute()] = value.clone(),
            (None, Some(sub)) => body[path.attribute()][sub] = value.clone(),
            (Some(filter), sub) => {
                body[path.attribute()] = json!([{&filter.sub: filter.literal, sub.unwrap_or("value"): value}]);
            }
        }
    }
    body
}

fn line(mapping: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    match mapping["source"].as_str() {
        Some(source) if source.contains('(') => parts.push(format!("expression: '{source}'")),
        Some(source) => parts.push(format!("source: {source}")),
        None => parts.push("none: true".to_owned()),
    }
    if let Some(priority) = mapping["matchingPriority"].as_u64().filter(|priority| *priority > 0) {
        parts.push(format!("match: {priority}"));
    }
    if mapping["apply"] == "onlyOnCreation" {
        parts.push("apply: on-create".to_owned());
    }
    for (name, key) in [
        ("caseExact", "case_exact"),
        ("defaultValue", "default"),
        ("flowNullValues", "flow_null_values"),
        ("sourceFlowNullValues", "source_flow_null_values"),
    ] {
        if !mapping[name].is_null() {
            parts.push(format!("{key}: {}", mapping[name]));
        }
    }
    format!("    {}: {{ {} }}\n", mapping["target"].as_str().expect("a target"), parts.join(", "))
}

#[test]
fn a_file_of_changes_is_one_where_the_settings_say_so() {
    let mut bench = Bench::new();
    let files = "files:\n  - { match: \"a-users.csv\" }\n  - { match: \"delta*.csv\", role: changes }";
    bench.source(&format!("preset: entra-csv\n{files}"));
    let export = |rows: &str| format!("{HEADING}{rows}");
    let all: String = (0..5).map(|number| row(number, "Sales", true)).collect();
    bench.file("a-users.csv", &export(&all));
    assert_eq!(bench.cycle().counts()[0], 5);
    // one is disabled, one joins, and nobody is gone
    let changes = row(2, "Sales", false) + &row(9, "Sales", true);
    bench.file("delta-1.csv", &export(&changes)).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[0], cycle.counts()[2]), (1, 1), "{:?}", cycle.report);
    let is_active = |bench: &Bench, number| bench.account(&login(number)).map(|account| account["active"] == true);
    let stands = |bench: &Bench, why: &str| {
        let active: Vec<_> = [0, 2, 4, 9].map(|number| is_active(bench, number)).into();
        assert_eq!(active, [Some(true), Some(false), Some(true), Some(true)], "{why}");
    };
    stands(&bench, "changed");
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
    // what the changes said stays known whatever is read anew
    assert_eq!(bench.run(&["restart"]).status(), 0);
    bench.after_minutes(40).cycle();
    stands(&bench, "restarted");
    bench.mapping(&format!("{MAPPING}    title: department\n")).after_minutes(40);
    bench.cycle();
    stands(&bench, "another mapping");
    // a later complete export has the last word
    let all: String = (0..6).map(|number| row(number, "Sales", true)).collect();
    bench.file("a-users.csv", &export(&all)).after_minutes(40);
    bench.cycle();
    assert_eq!((is_active(&bench, 2), is_active(&bench, 9)), (Some(true), Some(false)));
}
