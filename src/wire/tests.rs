//! Requests that no published vector shows.

use serde_json::{Value, json};

use super::*;
use crate::model::{ErrorCode, ObjectKind, Resource};

fn wire(dialect: &'static Dialect, options: Options) -> Wire {
    let reading = Reading { dialect: Some(dialect), ..Reading::default() };
    let url = TenantUrl::parse("https://app.example.com/scim", reading).expect("it is a URL");
    Wire::new(&url, options, Profile::Generic, Mode::Provisioning)
}

fn path(text: &str) -> TargetPath {
    text.parse().expect("it is a path")
}

fn text(value: &str) -> TargetValue {
    TargetValue::Text(value.to_owned())
}

fn bodies(update: Update) -> Vec<(String, Value)> {
    update
        .requests
        .into_iter()
        .map(|request| (request.method.to_string(), request.body.map(Body::into_value).unwrap_or_default()))
        .collect()
}

const E: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[test]
fn strict_replaces_where_the_target_cannot_patch() {
    let mut wire = wire(&STRICT, Options::default());
    wire.announced.patch = false;
    let current = json!({"schemas": ["s"], "id": "1", "meta": {"version": "W/1"}, "groups": [{"value": "g"}],
        "userName": "a", "title": "Boss", "emails": [{"type": "home", "value": "h"}]});
    let current = Resource::new(current).expect("a resource");
    let paths = [path("title"), path(r#"emails[type eq "work"].value"#), path(&format!("{E}:department"))];
    let (work, sales) = (text("w"), text("Sales"));
    let changes = [
        Change { path: &paths[0], set: None, present: true },
        Change { path: &paths[1], set: Some(&work), present: false },
        Change { path: &paths[2], set: Some(&sales), present: false },
    ];
    let update = wire.update(ObjectKind::User, &current, &changes, None);
    assert_eq!(update.requests[0].header("if-match"), Some("W/1"));
    let expected = json!({"schemas": ["s", E], "userName": "a",
        "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}], E: {"department": "Sales"}});
    assert_eq!(bodies(update), [("PUT".to_owned(), expected)]);
}

#[test]
fn strict_adds_several_parts_of_one_element_at_once() {
    let wire = wire(&STRICT, Options::default());
    let current = Resource::new(json!({"id": "1"})).expect("a resource");
    let paths =
        [path(r#"addresses[type eq "work"].locality"#), path("title"), path(r#"addresses[type eq "work"].country"#)];
    let (tokyo, lead, jp) = (text("Tokyo"), text("Lead"), text("JP"));
    let changes = [(0, &tokyo), (1, &lead), (2, &jp)].map(|(at, value)| Change {
        path: &paths[at],
        set: Some(value),
        present: false,
    });
    let update = wire.update(ObjectKind::User, &current, &changes, None);
    let operations = json!([
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Tokyo", "country": "JP"}]},
        {"op": "add", "path": "title", "value": "Lead"},
    ]);
    assert_eq!(bodies(update)[0].1["Operations"], operations);
}

#[test]
fn okta_activates_first_and_then_puts_the_profile() {
    let wire = wire(&OKTA_OIN, Options::default());
    let current = Resource::new(json!({"id": "1", "active": false, "title": "a", "groups": []})).expect("a resource");
    let paths = [path("title"), path("active")];
    let (title, active) = (text("b"), TargetValue::Boolean(true));
    let changes = [
        Change { path: &paths[0], set: Some(&title), present: true },
        Change { path: &paths[1], set: Some(&active), present: true },
    ];
    let found = bodies(wire.update(ObjectKind::User, &current, &changes, None));
    assert_eq!(found[0].1["Operations"], json!([{"op": "replace", "value": {"active": true}}]));
    assert_eq!(found[1], ("PUT".to_owned(), json!({"id": "1", "active": true, "title": "b", "groups": []})));
}

#[test]
fn members_go_as_the_dialect_has_them() {
    let (a, b, c) = (TargetId("a".into()), TargetId("b".into()), TargetId("c".into()));
    let add = [Member { id: &a, display: Some("ann") }, Member { id: &b, display: None }];
    let remove = [&c];
    let current = json!({"id": "g", "displayName": "G", "members": [{"value": "c"}, {"value": "d"}]});
    let current = Resource::new(current).expect("a resource");
    let send = |dialect, options, membership| {
        bodies(wire(dialect, options).update(ObjectKind::Group, &current, &[], membership))
    };
    let both = Some(Membership { add: &add, remove: &remove });
    let put = send(&OKTA_AIW, Options::default(), both);
    let members = json!([{"value": "d"}, {"value": "a", "display": "ann"}, {"value": "b", "display": null}]);
    assert_eq!((put.len(), &put[0].1["members"], &put[0].1["displayName"]), (1, &members, &json!("G")));
    assert_eq!(send(&ENTRA_LEGACY, Options::default(), both).len(), 2);
    let single = Options { member_batch: std::num::NonZeroUsize::new(1), ..Options::default() };
    assert_eq!(send(&ENTRA_2020, single, both).len(), 3);
    for dialect in DIALECTS {
        let full = Options { full_push: true, ..Options::default() };
        assert!(send(dialect, full, None).is_empty(), "{}: members that are not spoken of stay", dialect.name);
    }
    let full = Options { full_push: true, members_pathless: true, ..Options::default() };
    let pushed = send(&OKTA_OIN, full, Some(Membership::default()));
    let operation = json!({"op": "replace", "value": {"members": [], "id": "g", "displayName": "G"}});
    assert_eq!(pushed[1].1["Operations"], json!([operation]));
}

#[test]
fn keys_of_a_new_user_are_in_order() {
    let paths = ["name.familyName", "userName", "active", "externalId", r#"emails[type eq "work"].value"#].map(path);
    let value = text("x");
    let desired: Vec<Desired<'_>> =
        paths.iter().map(|path| Desired { path, value: Some(&value), single_role: false }).collect();
    let request = wire(&ENTRA_LEGACY, Options::default()).create(ObjectKind::User, &desired, None);
    let body = request.body.expect("a body").into_value();
    let keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["schemas", "externalId", "userName", "active", "emails", "meta", "name"]);
}

#[test]
fn statuses_have_their_codes() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let wire = wire(&ENTRA_LEGACY, Options::default());
    let cases = [
        (Exchange::Create, 302, "WebExceptionProtocolError", Retry::NextCycle),
        (Exchange::Create, 400, "SystemForCrossDomainIdentityManagementBadRequest", Retry::NextCycle),
        (Exchange::Find, 400, "SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering", Retry::NextCycle),
        (Exchange::Update, 401, "Unauthorized", Retry::Quarantine),
        (Exchange::Update, 403, "InsufficientRights", Retry::NextCycle),
        (Exchange::Find, 404, "SystemForCrossDomainIdentityManagementServiceIncompatible", Retry::Quarantine),
        (Exchange::Update, 404, "InvalidAnchor", Retry::Admin),
        (Exchange::Create, 405, "MethodNotAllowed", Retry::NextCycle),
        (Exchange::Update, 409, "Conflict", Retry::NextCycle),
        (Exchange::Update, 415, "WebExceptionProtocolError", Retry::NextCycle),
        (Exchange::Update, 422, "UnprocessableEntity", Retry::NextCycle),
        (Exchange::Update, 429, "TooManyRequests", Retry::After(None)),
        (Exchange::Update, 501, "NotImplemented", Retry::NextCycle),
        (Exchange::Update, 502, "InternalServerError", Retry::NextCycle),
        (Exchange::Update, 504, "Timeout", Retry::NextCycle),
    ];
    for (exchange, status, code, retry) in cases {
        let refusal = wire.refused(exchange, &Response { status, ..Response::default() }, now);
        assert_eq!((refusal.failure.code.as_str(), refusal.retry), (code, retry), "{exchange:?} {status}");
    }
}

#[test]
fn answers_that_are_no_scim_are_refused_without_a_panic() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let wire = wire(&ENTRA_LEGACY, Options::default());
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "\"x\"",
        "<html>",
        "{\"id\":7}",
        "{\"id\":\"\"}",
        deep.as_str(),
        "{\"totalResults\":\"x\"}",
        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\"totalResults\":1}",
        "{\"schemas\":7,\"totalResults\":0}",
        "{\"totalResults\":-1,\"Resources\":[]}",
        "{\"totalResults\":1,\"Resources\":[7]}",
        "{\"id\":\"u-1\",\"emails\":\"x\"}",
    ];
    for body in bodies {
        let answer: Answer = Ok(Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() });
        assert!(wire.found(&path("userName"), &text("a"), &answer, now).is_err(), "{body:.40}");
        assert!(wire.resource(&crate::model::TargetId("u-1".into()), &answer, now).is_err(), "{body:.40}");
        assert!(wire.created(&[], &answer, now).is_err(), "{body:.40}");
        assert!(wire.listed(&answer, now).is_err(), "{body:.40}");
    }
}

#[test]
fn secrets_are_masked() {
    assert_eq!(mask(b"a token b token", &["token", ""]).as_deref(), Some(&b"a *** b ***"[..]));
    assert_eq!(mask(b"nothing", &["token"]), None);
}

#[test]
fn a_single_role_has_its_type_with_entra_alone() {
    let role = path("roles[primary eq \"True\"].value");
    let admin = text("Admin");
    for (dialect, single_role, expected) in [
        (&ENTRA_2020, true, Some(json!("WindowsAzureActiveDirectoryRole"))),
        (&ENTRA_LEGACY, true, Some(json!("WindowsAzureActiveDirectoryRole"))),
        (&ENTRA_2020, false, None),
        (&STRICT, true, None),
    ] {
        let desired = [Desired { path: &role, value: Some(&admin), single_role }];
        let request = wire(dialect, Options::default()).create(ObjectKind::User, &desired, None);
        let body = request.body.expect("a creation has a body").into_value();
        assert_eq!(body["roles"][0]["value"], "Admin", "{body}");
        assert_eq!(body["roles"][0].get("type").cloned(), expected, "{single_role} {body}");
    }
}

#[test]
fn remarks_are_made_on_spellings_and_on_text_for_a_flag() {
    let wire = wire(&ENTRA_2020, Options::default());
    let paths =
        [path("displayName"), path("name.givenName"), path("name.familyName"), path(&format!("{E}:department"))];
    let codes = |body: Value| -> Vec<String> {
        let resource = Resource::new(body).expect("a resource");
        wire.remarks_on(&resource, &paths)
            .into_iter()
            .map(|remark| format!("{}: {}", remark.code, remark.detail))
            .collect()
    };
    assert_eq!(codes(json!({"id": "1", "displayName": "a", "name": {}, E: {}, "active": true})), [""; 0]);
    assert_eq!(codes(json!({"id": "1"})), [""; 0], "what is missing is no other spelling");
    assert_eq!(
        codes(json!({"id": "1", "displayname": "a", "Name": {}, "active": "True"})),
        [
            "attribute-case: the target spells `displayName` as `displayname`",
            "attribute-case: the target spells `name` as `Name`",
            "active-string: `active` of a resource is a text",
        ]
    );
    let lower = E.to_lowercase();
    let found = codes(json!({"id": "1", lower.clone(): {"department": "x"}}));
    assert_eq!(found, [format!("attribute-case: the target spells `{E}` as `{lower}`")]);
}

#[test]
fn only_a_version_that_no_longer_holds_is_stale_and_only_where_versions_are_sent() {
    for (name, repeats) in [("strict", true), ("entra-legacy", false), ("entra-2020", false), ("okta-oin", false)] {
        let wire = wire(Dialect::named(name).expect("a dialect"), Options::default());
        for status in [None, Some(400), Some(404), Some(409), Some(411), Some(412), Some(413), Some(500)] {
            let refusal = Refusal { status, ..Refusal::new(ErrorCode::Conflict, "refused") };
            assert_eq!(wire.is_stale(&refusal), repeats && status == Some(412), "{name} {status:?}");
        }
    }
}

/// What says that it failed has failed, whatever its status (wire.md 15.1).
#[test]
fn an_update_that_is_answered_with_an_error_was_not_taken() {
    let wire = wire(Dialect::named("entra-2020").expect("a dialect"), Options::default());
    let id = TargetId("7".to_owned());
    let answered = |body: Value| {
        let content_type = Some("application/scim+json".to_owned());
        let answer: Answer =
            Ok(Response { status: 200, content_type, body: body.to_string().into(), ..Response::default() });
        wire.updated(&id, &answer, jiff::Timestamp::UNIX_EPOCH)
    };
    let error =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "detail": "no such path"});
    let refusal = answered(error).expect_err("refused");
    assert_eq!(refusal.failure.code, ErrorCode::ScimServiceIncompatible);
    assert!(refusal.failure.message.contains("no such path"), "{}", refusal.failure.message);
    let codes = |read: Read<Option<Resource>>| read.remarks.iter().map(|remark| remark.code).collect::<Vec<_>>();
    let other = answered(json!({"id": "8", "userName": "a"})).expect("taken");
    assert!(other.value.is_none());
    assert_eq!(codes(other), ["update-other-id"]);
    assert!(answered(json!({"id": "7", "schemas": [], "userName": "a"})).expect("taken").value.is_some());
    assert!(answered(json!({})).expect("taken").value.is_none());
}
