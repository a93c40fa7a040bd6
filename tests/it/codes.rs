//! Every published error code (service.md 20.5), each reached by a whole run.

use std::sync::atomic::{AtomicBool, Ordering};

use provisiond::cycle::OnDemandOptions;
use provisiond::model::{ErrorCode, ObjectKind};
use serde_json::{Value, json};

use crate::bench::{Bench, MAPPING, anchor, login, row};
use crate::liar::{Asked, Liar};

/// How a code is reached.
enum Reached {
    /// The target answers the creation of the second person so.
    Create(u16, &'static str),
    /// The target answers the change of the second person so.
    Update(u16, &'static str),
    /// Anything else; returns what the code was.
    By(fn() -> String),
}

/// One row for each code: a new one does not compile without.
fn row_of(code: ErrorCode) -> Reached {
    use Reached::{By, Create, Update};
    match code {
        ErrorCode::Conflict => Update(409, "taken"),
        ErrorCode::DuplicateSourceEntries => By(duplicate_source),
        ErrorCode::DuplicateTargetEntries => By(duplicate_target),
        ErrorCode::EntryConflict => Create(409, "taken"),
        ErrorCode::InsufficientRights => Create(403, ""),
        ErrorCode::InternalError => By(longer_than_an_address),
        ErrorCode::InternalServerError => Create(500, ""),
        ErrorCode::InvalidAnchor => By(lost_account),
        ErrorCode::InvalidDomain => Create(400, "the domain example.jp is not allowed here"),
        ErrorCode::LicenseLimitExceeded => Create(403, "the licence limit of this tenant is exceeded"),
        ErrorCode::MandatoryFieldsMissing => By(|| mapped("    title: { source: jobTitle, required: true }\n")),
        ErrorCode::MethodNotAllowed => Update(405, ""),
        ErrorCode::MissingValues => By(nothing_to_create),
        ErrorCode::NotImplemented => Create(501, ""),
        ErrorCode::NotPermitted => By(rollback_of_a_group),
        ErrorCode::SchemaAttributeNotFound => Create(400, "attribute `displayName` is not defined in the schema"),
        ErrorCode::SchemaPropertyCanOnlyAcceptValue => {
            By(|| mapped("    title: { expression: 'Split([displayName], \" \")' }\n"))
        }
        ErrorCode::ScopeEvaluationFailed => By(filter_that_does_not_fit),
        ErrorCode::ScimBadRequest => Create(400, ""),
        ErrorCode::ScimCredentialValidationFailure => By(refused_credentials_in_the_status),
        ErrorCode::ScimMultipleEntriesInResponse => By(several_for_one),
        ErrorCode::ScimServiceIncompatible => Create(200, ""),
        ErrorCode::ScimServiceIncompatibleFiltering => By(somebody_else_for_the_filter),
        ErrorCode::Timeout => Create(504, ""),
        ErrorCode::TooManyRequests => Create(429, ""),
        ErrorCode::UnableToResolveReferenceAttributeValue => By(manager_out_of_scope),
        ErrorCode::Unauthorized => By(refused_credentials),
        ErrorCode::UnprocessableEntity => Create(422, ""),
        ErrorCode::WebExceptionProtocolError => Create(418, ""),
        ErrorCode::AttributeEvaluationFailed => {
            By(|| mapped("    title: { expression: 'FormatDateTime([displayName], , \"yyyy-MM-dd\", \"yyyy\")' }\n"))
        }
    }
}

#[test]
fn every_code_is_reached() {
    let mut wrong = Vec::new();
    for code in ErrorCode::ALL {
        let found = match row_of(code) {
            Reached::Create(status, detail) => answered("POST", status, detail),
            Reached::Update(status, detail) => answered("PATCH", status, detail),
            Reached::By(scenario) => scenario(),
        };
        if found != code.as_str() {
            wrong.push(format!("{code}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Codes of 20.5 that are no failures.
#[test]
fn skips_have_their_codes() {
    let mut bench = Bench::new();
    bench.people(&format!("{},,Nobody,Sales,True\n", anchor(0)));
    assert_eq!(bench.one(&anchor(0)).reason, "ImportSkipped");
    // A cycle records no such skip (D-55), and says in a line what everybody lacks.
    let report = bench.run_cycle(&["--output", "json"]).json();
    assert_eq!(report["objects"], json!([]));
    let warning = report["warnings"][0].as_str().unwrap_or_default();
    let expected = "match.no_value: 1 user was skipped, with no value for what accounts are matched by: `userName` (from `userPrincipalName`)";
    assert!(warning.starts_with(expected), "{report}");
    // A person who is gone for good and never had an account: read, and nothing came of it.
    let mut bench = Bench::new();
    bench.source("preset: entra-graph-json");
    let person = json!({"id": anchor(0), "userPrincipalName": login(0), "displayName": "Ann", "purged": true});
    bench.file("users.json", &json!({"value": [person]}).to_string());
    let ran = bench.run(&["provision-now", "--user", &anchor(0), "--output", "json"]);
    let code = &ran.json()["value"]["provisioningStatusInfo"]["errorInformation"]["errorCode"];
    assert_eq!(code, "EntrySynchronizationSkipped", "{}", ran.text());
}

#[test]
fn the_category_says_who_has_to_act() {
    for (status, category) in [(409, "nonServiceFailure"), (504, "failure")] {
        let (bench, _liar) = answering("POST", status, "");
        bench.cycle();
        let log = bench.run(&["log", "--user", &anchor(1), "--output", "json"]).json();
        let said = &log[0]["provisioningStatusInfo"]["errorInformation"];
        assert_eq!(said["errorCategory"], category, "{said:#}");
        assert!(said["recommendedAction"].as_str().is_some_and(|text| !text.is_empty()), "{said:#}");
    }
}

fn error(status: u16, detail: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": detail})
}

/// A bench of three people, of whom the target answers the writes of the second one so.
fn answering(method: &'static str, status: u16, detail: &'static str) -> (Bench, Liar) {
    let mut bench = Bench::new();
    bench.crowd(if method == "POST" { 1 } else { 3 });
    bench.cycle();
    let id = bench.account(&login(1)).map(|account| account["id"].as_str().expect("an id").to_owned());
    let about = move |asked: &Asked| match &id {
        Some(id) => asked.path.ends_with(id),
        None => asked.body.contains(&login(1)),
    };
    let liar = Liar::start(&bench, move |asked, _| {
        (asked.method == method && about(asked)).then(|| (status, error(status, detail)))
    });
    bench.standin_url(&liar.url());
    let rows: String = (0..3).map(|number| row(number, "Sales", true).replace("Person", "People")).collect();
    bench.people(&rows).after_minutes(40);
    (bench, liar)
}

fn answered(method: &'static str, status: u16, detail: &'static str) -> String {
    let (bench, _liar) = answering(method, status, detail);
    let cycle = bench.cycle();
    assert_eq!(cycle.report.counts.failure, 1, "{method} {status} costs one object: {:?}", cycle.report.error);
    cycle.of(&anchor(1)).reason.clone()
}

/// A cycle of one person with one more mapping.
fn mapped(line: &str) -> String {
    let mut bench = Bench::new();
    bench.mapping(&format!("{MAPPING}{line}")).crowd(1);
    let cycle = bench.cycle();
    cycle.of(&anchor(0)).reason.clone()
}

fn duplicate_source() -> String {
    let mut bench = Bench::new();
    bench.standin.create_user(&json!({"userName": login(0)})).expect("made");
    bench.people(&format!("{}{},{},Twin,Sales,True\n", row(0, "Sales", true), anchor(7), login(0)));
    let cycle = bench.cycle();
    let failed = cycle.entries.iter().find(|entry| entry.failure.is_some()).expect("one of the two");
    failed.reason.clone()
}

/// A target that answers the matching query of the first person so.
fn found(answer: impl Fn() -> Vec<Value> + Send + Sync + 'static) -> String {
    let mut bench = Bench::new();
    bench.crowd(1);
    let liar = Liar::start(&bench, move |asked, _| {
        let answer = || {
            let found = answer();
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": found.len(), "Resources": found})
        };
        (asked.method == "GET" && asked.text().contains(&login(0))).then(|| (200, answer()))
    });
    bench.standin_url(&liar.url());
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn user(id: &str, login: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": id, "userName": login})
}

fn duplicate_target() -> String {
    found(|| vec![user("1", &login(0)), user("2", &login(0))])
}

fn somebody_else_for_the_filter() -> String {
    found(|| vec![user("1", "else@example.jp")])
}

/// A request whose address is longer than one can be is never sent: what we cannot do is our own failure.
fn longer_than_an_address() -> String {
    let mut bench = Bench::new();
    bench.people(&format!("{},{}@example.jp,Long,Sales,True\n", anchor(0), "x".repeat(70_000)));
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn lost_account() -> String {
    let mut bench = Bench::new();
    bench.crowd(1);
    bench.cycle();
    let id = bench.account(&login(0)).expect("made")["id"].as_str().expect("an id").to_owned();
    bench.erase(ObjectKind::User, &id);
    bench.people(&row(0, "Sales", true).replace("Person", "People")).after_minutes(40);
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn nothing_to_create() -> String {
    let mut bench = Bench::new();
    let line = "    userName: { source: userPrincipalName, match: 1, mutability: ReadOnly }\n";
    bench.mapping(&format!("users:\n  attributes:\n{line}")).crowd(1);
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn rollback_of_a_group() -> String {
    let mut bench = Bench::new();
    let groups = "groups:\n  enabled: true\n  attributes:\n    displayName: { source: displayName, match: 1 }\n";
    bench.mapping(&format!("{MAPPING}{groups}")).source("preset: entra-graph-json");
    let group = json!({"@odata.type": "#microsoft.graph.group", "id": anchor(9), "displayName": "Team", "securityEnabled": true, "members": []});
    bench.file(
        "groups.json",
        &json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#groups", "value": [group]}).to_string(),
    );
    let cycle = bench.cycle();
    assert_eq!(cycle.report.counts.create, 1, "{:?}", cycle.report);
    bench.mapping(MAPPING);
    let ran = bench.run(&["rollback", "--cycle", &cycle.report.id, "--yes", "--output", "json"]);
    let said = &ran.json()["objects"][0]["provisioningStatusInfo"]["errorInformation"]["errorCode"];
    said.as_str().unwrap_or(&ran.text()).to_owned()
}

/// A pattern that gives up on the value of one person: neither in scope nor out of it.
fn filter_that_does_not_fit() -> String {
    let mut bench = Bench::new();
    let filter = "  scope: [[{ attribute: department, operator: REGEX MATCH, value: '^(a|aa)+(?=c)$' }]]\n  attributes";
    bench.mapping(&MAPPING.replace("  attributes", filter)).people(&row(0, &"a".repeat(80), true));
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn refuses_credentials() -> Bench {
    let options = provisiond::mock::Options { token: Some("another".to_owned()), ..Default::default() };
    let mut bench = Bench::with(options);
    bench.crowd(1);
    bench
}

fn refused_credentials() -> String {
    let bench = refuses_credentials();
    bench.cycle().report.error.expect("the cycle ends").code
}

fn refused_credentials_in_the_status() -> String {
    let bench = refuses_credentials();
    bench.cycle();
    bench.status().quarantine.and_then(|quarantine| quarantine.error).expect("an error").code
}

fn several_for_one() -> String {
    let mut bench = Bench::new();
    bench.crowd(1);
    bench.cycle();
    let lied = AtomicBool::new(false);
    let liar = Liar::start(&bench, move |asked, _| {
        let lie = asked.method == "GET" && asked.path_has_id() && !lied.swap(true, Ordering::SeqCst);
        lie.then(|| (200, json!({"Resources": [user("1", "a"), user("2", "b")], "totalResults": 2})))
    });
    bench.standin_url(&liar.url());
    bench.people(&row(0, "Sales", true).replace("Person", "People")).after_minutes(40);
    bench.cycle().of(&anchor(0)).reason.clone()
}

fn manager_out_of_scope() -> String {
    let mut bench = Bench::new();
    let line = "    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: manager\n";
    bench.mapping(&format!(
        "{}{line}",
        MAPPING.replace(
            "  attributes",
            "  scope: [[{ attribute: department, operator: EQUALS, value: Sales }]]\n  attributes"
        )
    ));
    bench.file(
        "users.csv",
        &format!(
            "id,userPrincipalName,displayName,department,accountEnabled,manager\n\
             {},{},Ann,Sales,True,{}\n{},{},Boss,Board,True,\n",
            anchor(0),
            login(0),
            anchor(1),
            anchor(1),
            login(1)
        ),
    );
    let cycle = bench.cycle();
    let warned = cycle.entries.iter().rev().find(|entry| entry.source.id == anchor(0)).expect("told");
    assert!(bench.now_for(&[&login(0)], OnDemandOptions::default())[0].error.is_none());
    warned.reason.clone()
}
