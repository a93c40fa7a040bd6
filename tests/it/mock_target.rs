//! The stand-in target: what it understands, each of its defects, each of its faults.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use http::Request;
use provisiond::mock::{Defect, OAuth, Options, Profile, RequestLog, RequestRecord, Service, Standin, defects, start};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A stand-in without a socket that holds three users and a group of them.
struct Bench {
    service: Service,
    ids: Vec<(&'static str, String)>,
}

/// An answer, taken apart.
struct Got {
    status: u16,
    kind: String,
    body: Value,
    text: String,
    etag: Option<String>,
}

impl Got {
    /// Returns what a row looks at: `status`, `type`, `text`, or a JSON pointer into the body.
    fn look(&self, at: &str) -> Value {
        match at {
            "status" => self.status.into(),
            "type" => self.kind.as_str().into(),
            "text" => self.text.as_str().into(),
            pointer => self.body.pointer(pointer).cloned().unwrap_or_default(),
        }
    }
}

impl Bench {
    fn new(options: &Options) -> Self {
        let service = Service::open(options, "http://127.0.0.1/scim/v2").unwrap();
        let ids = ["u", "v", "w", "g"].map(|name| (name, format!("id-{name}")));
        let bench = Self { service, ids: ids.into() };
        let users = [
            json!({"id": "id-u", "userName": "Ann.Lee", "externalId": "E1", "title": "lead", "active": true,
                "name": {"givenName": "Ann", "familyName": "Lee"},
                "emails": [{"type": "work", "value": "Ann@x.jp", "primary": true}, {"type": "home", "value": "a@y.jp"}],
                "roles": [{"value": "A", "primary": true}, {"value": "B", "primary": false}],
                ENTERPRISE: {"department": "R&D", "manager": {"value": "id-v"}}}),
            json!({"id": "id-v", "userName": "bob", "externalId": "E2"}),
            json!({"id": "id-w", "userName": "cy", "active": false}),
        ];
        for user in &users {
            bench.service.create_user(user).unwrap();
        }
        let group = json!({"id": "id-g", "displayName": "Staff",
            "members": [{"value": "id-u"}, {"value": "id-v"}, {"value": "id-w", "display": "Cy"}]});
        bench.service.create_group(&group).unwrap();
        bench
    }

    fn with(defects: &[Defect]) -> Self {
        Self::new(&Options { defects: defects.into(), ..Options::default() })
    }

    /// Sends one line: `METHOD[-accept][+charset] PATH [BODY]`; `{u}` is the id of a user.
    fn send(&self, line: &str) -> Got {
        let mut line = line.replace("ENT:", &format!("{ENTERPRISE}:"));
        line = line.replace("CORE:", &format!("{CORE}:"));
        for (name, id) in &self.ids {
            line = line.replace(&format!("{{{name}}}"), id);
        }
        let mut parts = line.splitn(3, ' ');
        let (verb, path, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or(""));
        let method = verb.split(['-', '+']).next().unwrap();
        let mut request = Request::builder().method(method).uri(format!("/scim/v2{path}"));
        if !verb.contains("-accept") {
            request = request.header("accept", "application/scim+json");
        }
        if !body.is_empty() {
            let charset = if verb.contains("+charset") { "; charset=utf-8" } else { "" };
            request = request.header("content-type", format!("application/scim+json{charset}"));
        }
        let response = self.service.answer(&request.body(Bytes::from(body.to_owned())).unwrap());
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Got {
            status: response.status().as_u16(),
            kind: header("content-type").unwrap_or_default(),
            etag: header("etag"),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
            text: String::from_utf8_lossy(response.body()).into_owned(),
        }
    }

    fn run(&self, lines: &[&str], look: &str) -> Value {
        let mut last = Value::Null;
        for line in lines {
            last = self.send(line).look(look);
        }
        last
    }

    /// Sends a PATCH with these operations.
    fn patch(&self, path: &str, operations: &str) -> Got {
        self.send(&format!("PATCH {path} {{\"Operations\":{operations}}}"))
    }
}

/// A defect: what is sent, where to look at the last answer, what is right and what is wrong.
struct Row {
    name: &'static str,
    lines: &'static [&'static str],
    look: &'static str,
    right: Value,
    wrong: Value,
}

fn row(
    name: &'static str,
    lines: &'static [&'static str],
    look: &'static str,
    right: impl Into<Value>,
    wrong: impl Into<Value>,
) -> Row {
    let (right, wrong) = (right.into(), wrong.into());
    Row { name, lines, look, right, wrong }
}

const READ_U: &str = "GET /Users/{u}";
const READ_V: &str = "GET /Users/{v}";
const READ_G: &str = "GET /Groups/{g}";

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let null = Value::Null;
    vec![
        row("op-case-sensitive", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Replace","path":"title","value":"x"}]}"#], "status", 200, 400),
        row("string-boolean-refused", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#], "status", 200, 400),
        row("string-boolean-stored", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#, READ_U], "/active", false, "False"),
        row("string-false-is-true", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#, READ_U], "/active", false, true),
        row("add-existing-refused", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Add","path":"title","value":"x"}]}"#], "status", 200, 400),
        row("valuepath-add-refused", &[r#"PATCH /Users/{v} {"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"b@x.jp"}]}"#], "status", 200, 400),
        row("valuepath-add-no-type", &[r#"PATCH /Users/{v} {"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"b@x.jp"}]}"#, READ_V], "/emails/0/type", "work", null.clone()),
        row("valuepath-replace-notarget", &[r#"PATCH /Users/{v} {"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@x.jp"}]}"#], "/scimType", null.clone(), "noTarget"),
        row("pathless-dotted-ignored", &[r#"PATCH /Users/{v} {"Operations":[{"op":"add","value":{"name.givenName":"B","title":"t"}}]}"#, READ_V], "/name/givenName", "B", null.clone()),
        row("pathless-dotted-literal", &[r#"PATCH /Users/{v} {"Operations":[{"op":"add","value":{"name.givenName":"B","title":"t"}}]}"#, READ_V], "/name.givenName", null.clone(), "B"),
        row("pathless-urn-ignored", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","value":{"ENT:department":"HR","title":"t"}}]}"#, "GET /Users?filter=ENT:department+eq+%22HR%22"], "/totalResults", 1, 0),
        row("urn-path-misparsed", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","path":"ENT:department","value":"HR"}]}"#], "status", 200, 400),
        row("core-urn-refused", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","path":"CORE:name.givenName","value":"X"}]}"#], "status", 200, 400),
        row("manager-string-refused", &[r#"PATCH /Users/{v} {"Operations":[{"op":"add","path":"ENT:manager","value":"id-u"}]}"#], "status", 200, 400),
        row("manager-filter-refused", &[r#"PATCH /Users/{u} {"Operations":[{"op":"remove","path":"ENT:manager[value eq \"id-v\"]"}]}"#], "status", 200, 400),
        row("member-remove-wipes", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"Remove","path":"members","value":[{"value":"id-u"}]}]}"#, READ_G], "/members/1/value", "id-w", null.clone()),
        row("member-remove-ignored", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"Remove","path":"members","value":[{"value":"id-u"}]}]}"#, READ_G], "/members/0/value", "id-v", "id-u"),
        row("ref-null-refused", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"Add","path":"members","value":[{"value":"n","$ref":null}]}]}"#], "status", 204, 400),
        row("member-replace-adds", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"replace","path":"members","value":[{"value":"id-w"}]}]}"#, READ_G], "/members/0/value", "id-w", "id-u"),
        row("member-duplicate", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"add","path":"members","value":[{"value":"id-u"}]}]}"#, READ_G], "/members/3/value", null.clone(), "id-u"),
        row("roles-text-stored", &[r#"PATCH /Users/{v} {"Operations":[{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"R\",\"displayName\":\"Role\"}"}]}]}"#, READ_V], "/roles/0/value", "R", r#"{"id":"1","value":"R","displayName":"Role"}"#),
        row("primary-string-nomatch", &[r#"PATCH /Users/{u} {"Operations":[{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"C"}]}"#, READ_U], "/roles/0/value", "C", "A"),
        row("roles-leak", &[r#"PATCH /Users/{u} {"Operations":[{"op":"add","path":"roles[value eq \"A\"].display","value":"Aa"}]}"#, READ_U], "/roles/1/display", null.clone(), "Aa"),
        row("primary-as-text", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","path":"title","value":"x"}]}"#, READ_U], "/emails/0/primary", true, "true"),
        row("filter-valuepath-refused", &["GET /Users?filter=emails%5btype+eq+%22work%22%5d.value+eq+%22ann@x.jp%22"], "/totalResults", 1, null.clone()),
        row("accept-required", &["GET-accept /Users"], "status", 200, 406),
        row("charset-refused", &[r#"POST+charset /Users {"userName":"new"}"#], "status", 201, 415),
        row("plain-json-answers", &["GET /Users"], "type", "application/scim+json", "application/json"),
        row("nomatch-404", &["GET /Users?filter=userName+eq+%22nobody%22"], "status", 200, 404),
        row("no-groups", &["GET /Groups"], "status", 200, 404),
        row("html-errors", &["GET /Users/none"], "type", "application/scim+json", "text/html"),
        row("filter-case-sensitive", &["GET /Users?filter=userName+eq+%22ANN.LEE%22"], "/totalResults", 1, 0),
        row("attribute-case-sensitive", &[r#"POST /Users {"userName":"new","DisplayName":"N"}"#], "/displayName", "N", null.clone()),
        row("path-slash-404", &["GET //Users/"], "status", 200, 404),
        row("exclude-ignored", &["GET /Groups/{g}?excludedAttributes=members"], "/members/0/value", null.clone(), "id-u"),
        row("group-filter-refused", &["GET /Groups?filter=displayName+eq+%22staff%22"], "/totalResults", 1, null.clone()),
        row("filter-externalid-refused", &["GET /Users?filter=externalId+eq+%22E1%22"], "/totalResults", 1, null.clone()),
        row("filter-ignored", &["GET /Users?filter=userName+eq+%22nobody%22"], "/totalResults", 0, 3),
        row("conflict-500", &[r#"POST /Users {"userName":"ANN.lee"}"#], "status", 409, 500),
        row("conflict-no-scimtype", &[r#"POST /Users {"userName":"ANN.lee"}"#], "/scimType", "uniqueness", null.clone()),
        row("text-errors", &["GET /Users/none"], "type", "application/scim+json", "text/plain; charset=utf-8"),
        row("pathless-active-refused", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","value":{"active":false}}]}"#], "status", 200, 400),
        row("unknown-urn-refused", &[r#"POST /Groups {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","urn:okta:custom:group:1.0"],"displayName":"n"}"#], "status", 201, 400),
        row("put-rename-ignored", &[r#"PUT /Groups/{g} {"displayName":"People","members":[]}"#], "/displayName", "People", "Staff"),
        row("discovery-array", &["GET /Schemas"], "/totalResults", 3, null.clone()),
        row("display-name-mixed", &[READ_G], "/members/2/displayName", null.clone(), "Cy"),
        row("lowercases-values", &[r#"POST /Users {"userName":"New.One"}"#], "/userName", "New.One", "new.one"),
        row("verbs-blocked", &["DELETE /Users/{v}"], "status", 204, 405),
        row("token-expired", &["GET /Users"], "status", 200, 401),
        row("throttle", &["GET /Users"; 30], "status", 200, 429),
        row("null-500", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","path":"title","value":""}]}"#], "status", 200, 500),
        row("etag-412", &[r#"PATCH /Users/{u} {"Operations":[{"op":"replace","path":"title","value":"x"}]}"#], "status", 200, 412),
        row("inactive-hidden", &["GET /Users/{w}"], "status", 200, 404),
        row("formatted-readonly", &[r#"PATCH /Users/{u} {"Operations":[{"op":"add","path":"name.formatted","value":"A L"}]}"#], "status", 200, 400),
        row("array-for-single-refused", &[r#"POST /Groups {"displayName":[{"value":"n"}]}"#], "status", 201, 400),
        row("group-replace-wipes", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"replace","value":{"displayName":"People"}}]}"#, READ_G], "/members/0/value", "id-u", null.clone()),
        row("empty-members-refused", &[r#"PATCH /Groups/{g} {"Operations":[{"op":"replace","path":"members","value":[]}]}"#], "status", 204, 400),
        row("inactive-conflict", &[r#"POST /Users {"userName":"cy"}"#, "GET /Users?filter=userName+eq+%22cy%22"], "/totalResults", 1, 0),
        row("empty-externalid-collides", &[r#"POST /Users {"userName":"n1","externalId":""}"#, r#"POST /Users {"userName":"n2","externalId":""}"#], "status", 201, 409),
    ]
}

#[test]
fn every_defect_shows_and_nothing_else_does() {
    let rows = rows();
    let mut listed: Vec<&str> = rows.iter().map(|row| row.name).collect();
    // Three more take a socket, many members, or time: they have tests of their own.
    listed.extend(["tls-drop", "members-cut-100", "slow-probe"]);
    listed.sort_unstable();
    let mut known: Vec<&str> = defects().iter().map(|row| row.name).collect();
    known.sort_unstable();
    assert_eq!(listed, known);
    let mut failures = Vec::new();
    for row in &rows {
        let defect: Defect = row.name.parse().unwrap();
        let clock = |options: Options| Options { clock: Arc::new(|| jiff::Timestamp::UNIX_EPOCH), ..options };
        let healthy = Bench::new(&clock(Options::default())).run(row.lines, row.look);
        let broken =
            Bench::new(&clock(Options { defects: vec![defect], ..Options::default() })).run(row.lines, row.look);
        if healthy != row.right {
            failures.push(format!("{}: without it {healthy}, not {}", row.name, row.right));
        }
        if broken != row.wrong {
            failures.push(format!("{}: with it {broken}, not {}", row.name, row.wrong));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn members_are_cut_at_a_hundred_only_by_the_defect() {
    let members: Vec<Value> = (0..150).map(|n| json!({"value": format!("m{n}")})).collect();
    let operations = json!([{"op": "add", "path": "members", "value": members}]).to_string();
    for (defects, expected) in [(vec![], 153), (vec![Defect::MembersCut100], 103)] {
        let bench = Bench::with(&defects);
        assert_eq!(bench.patch("/Groups/{g}", &operations).status, 204);
        let group = bench.send(READ_G).body;
        assert_eq!(group["members"].as_array().unwrap().len(), expected);
    }
}

#[test]
fn filters_select_by_the_whole_grammar() {
    let bench = Bench::with(&[]);
    for (filter, expected) in [
        (r#"userName eq "ANN.LEE""#, &["id-u"][..]),
        (r#"externalId eq "e1""#, &[]),
        (r#"id eq "id-v" and userName sw "B""#, &["id-v"]),
        (r#"title pr"#, &["id-u"]),
        (r#"not (title pr) and not (active eq false)"#, &["id-v"]),
        (r#"emails[type eq "work" and value ew "x.jp"]"#, &["id-u"]),
        (r#"emails.type eq "home" or userName eq "bob""#, &["id-u", "id-v"]),
        (&format!(r#"{ENTERPRISE}:manager.value eq "id-v""#), &["id-u"]),
        (r#"groups.value eq "id-g""#, &["id-u", "id-v", "id-w"]),
        (r#"meta.created gt "1999-01-01T00:00:00Z""#, &["id-u", "id-v", "id-w"]),
    ] {
        let encoded: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let got = bench.send(&format!("GET /Users?filter={encoded}"));
        let list = got.body["Resources"].as_array().cloned().unwrap_or_default();
        let ids: Vec<&str> = list.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{filter}: {}", got.text);
    }
    let got = bench.send("GET /Groups?filter=id+eq+%22id-g%22+and+members+eq+%22id-v%22");
    assert_eq!(got.body["totalResults"], 1);
    let got = bench.send("GET /Users?filter=userName+is+%22x%22");
    assert_eq!((got.status, &got.body["scimType"]), (400, &json!("invalidFilter")));
}

#[test]
fn pages_walk_everybody_once_in_any_order() {
    let bench = Bench::with(&[]);
    for n in 0..12 {
        let line = format!(r#"POST /Users {{"userName":"user{n:02}"}}"#);
        assert_eq!(bench.send(&line).status, 201);
    }
    for order in ["", "&sortBy=userName", "&sortBy=name.familyName&sortOrder=descending"] {
        let mut seen = Vec::new();
        for start in [1, 6, 11, 16] {
            let got = bench.send(&format!("GET /Users?startIndex={start}&count=5{order}")).body;
            assert_eq!(got["totalResults"], 15);
            let page = got["Resources"].as_array().unwrap().clone();
            assert_eq!(got["itemsPerPage"], page.len());
            seen.extend(page.iter().map(|one| one["id"].to_string()));
        }
        assert_eq!(seen.len(), 15);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 15, "{order}");
    }
    let names = bench.send("GET /Users?sortBy=userName&count=2&attributes=userName").body;
    assert_eq!(names["Resources"][0]["userName"], "Ann.Lee");
    assert_eq!(names["Resources"][0]["emails"], Value::Null);
    assert_eq!(bench.send("GET /Users?count=0").body["itemsPerPage"], 0);
    assert_eq!(bench.send("GET /Users?count=x").status, 400);
    assert_eq!(bench.send("GET /Users?count=-1&startIndex=-5").body["startIndex"], 1);
}

#[test]
fn patches_land_where_they_should() {
    let cases: Vec<(&str, Value, &str, Value)> = vec![
        ("u", json!([{"op": "Remove", "path": "title"}]), "/title", Value::Null),
        ("u", json!([{"op": "replace", "path": "title", "value": null}]), "/title", Value::Null),
        (
            "u",
            json!([{"op": "replace", "path": "name", "value": {"givenName": "N"}}]),
            "/name",
            json!({"givenName": "N", "familyName": "Lee"}),
        ),
        ("u", json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]), "/emails/1", Value::Null),
        (
            "u",
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "n@x.jp"}]),
            "/emails",
            json!([{"type": "work", "value": "n@x.jp", "primary": true}, {"type": "home", "value": "a@y.jp"}]),
        ),
        (
            "v",
            json!([{"op": "add", "path": "emails", "value": [{"type": "work", "value": "b@x.jp"}]}]),
            "/emails",
            json!([{"type": "work", "value": "b@x.jp"}]),
        ),
        (
            "v",
            json!([{"op": "add", "path": "roles[primary eq \"True\"].value", "value": "R"}]),
            "/roles",
            json!([{"primary": true, "value": "R"}]),
        ),
        (
            "u",
            json!([{"op": "Remove", "path": format!("{ENTERPRISE}:manager"), "value": [{"value": "id-v"}]}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({"department": "R&D"}),
        ),
        (
            "v",
            json!([{"op": "add", "value": {"nickName": "B", "name.givenName": "Bob", format!("{ENTERPRISE}:costCenter"): "7",
            ENTERPRISE: {"division": "D"}, "unknown": 1}}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({"costCenter": "7", "division": "D"}),
        ),
        (
            "v",
            json!([{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge", "value": 12}]),
            "/urn:ietf:params:scim:schemas:extension:acme:2.0:User/badge",
            json!(12),
        ),
        ("u", json!([{"op": "replace", "path": "roles", "value": []}]), "/roles", Value::Null),
        ("g", json!([{"op": "replace", "value": {"id": "id-g", "displayName": "New"}}]), "/displayName", json!("New")),
        (
            "g",
            json!([{"op": "remove", "path": "members[value eq \"id-v\"]"}, {"op": "remove", "path": "members[value eq \"id-u\"]"}]),
            "/members/0/value",
            json!("id-w"),
        ),
        (
            "g",
            json!([{"op": "add", "path": "members", "value": [{"value": "id-u"}, {"value": "new"}]}]),
            "/members/3/value",
            json!("new"),
        ),
        ("g", json!([{"op": "remove", "path": "members"}]), "/members", Value::Null),
    ];
    for (who, operations, pointer, expected) in cases {
        let bench = Bench::with(&[]);
        let path = if who == "g" { "/Groups/{g}".into() } else { format!("/Users/{{{who}}}") };
        let got = bench.patch(&path, &operations.to_string());
        assert!((200..300).contains(&got.status), "{operations}: {}", got.text);
        let read = bench.send(&format!("GET {path}"));
        assert_eq!(read.look(pointer), expected, "{operations}: {}", read.text);
    }
}

#[test]
fn a_wrong_patch_changes_nothing() {
    for (operations, kind) in [
        (r#"[{"op":"replace","path":"bogus","value":1}]"#, "invalidPath"),
        (r#"[{"op":"replace","path":"name[","value":1}]"#, "invalidPath"),
        (r#"[{"op":"replace","path":"id","value":"x"}]"#, "mutability"),
        (r#"[{"op":"remove","path":"userName"}]"#, "mutability"),
        (r#"[{"op":"remove"}]"#, "noTarget"),
        (r#"[{"op":"move","path":"title"}]"#, "invalidSyntax"),
        (r#"[{"op":"replace","path":"active","value":"maybe"}]"#, "invalidValue"),
        (r#"[{"op":"replace","path":"title","value":["a","b"]}]"#, "invalidValue"),
        (r#"[]"#, "invalidSyntax"),
    ] {
        let bench = Bench::with(&[]);
        let before = bench.send(READ_U).body;
        let list = operations.replacen('[', r#"[{"op":"replace","path":"title","value":"new"},"#, 1);
        let list = list.replace(",]", "]");
        let sent = if operations == "[]" { operations } else { &list };
        let got = bench.patch("/Users/{u}", sent);
        assert_eq!((got.status, &got.body["scimType"]), (400, &json!(kind)), "{operations}");
        assert_eq!(got.body["status"], "400");
        assert_eq!(bench.send(READ_U).body, before, "{operations}");
    }
}

#[test]
fn values_that_nest_too_deep_are_refused() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let bench = Bench::with(&[]);
    let line = format!(r#"POST /Users {{"userName":"n","urn:x:y:1.0:User":{{"a":{deep}}}}}"#);
    assert_eq!(bench.send(&line).status, 400);
    let operations = format!(r#"[{{"op":"add","path":"urn:x:y:1.0:User:a","value":{deep}}}]"#);
    assert_eq!(bench.patch("/Users/{u}", &operations).status, 400);
}

#[test]
fn groups_and_users_know_of_each_other() {
    let bench = Bench::with(&[]);
    let user = bench.send(READ_U).body;
    assert_eq!(user["groups"][0]["value"], "id-g");
    assert_eq!(user["groups"][0]["display"], "Staff");
    let group = bench.send(READ_G).body;
    assert_eq!(group["members"][0]["type"], "User");
    assert_eq!(group["members"][0]["$ref"], "http://127.0.0.1/scim/v2/Users/id-u");
    assert_eq!(bench.send("DELETE /Users/{u}").status, 204);
    assert_eq!(bench.send(READ_U).status, 404);
    assert_eq!(bench.send("DELETE /Users/{u}").status, 404);
    let group = bench.send("GET /Groups/{g}?excludedAttributes=displayName").body;
    assert_eq!(group["members"].as_array().unwrap().len(), 2);
    assert_eq!(group["displayName"], Value::Null);
    assert_eq!(bench.send("DELETE /Groups/{g}").status, 204);
    assert_eq!(bench.send(READ_V).body["groups"], Value::Null);
}

#[test]
fn bulk_resolves_references_in_any_order() {
    let bench = Bench::with(&[]);
    let got = bench.send(
        r#"POST /Bulk {"Operations":[
            {"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"G","members":[{"value":"bulkId:u"}]}},
            {"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"bulk"}},
            {"method":"PATCH","path":"/Users/bulkId:u","data":{"Operations":[{"op":"add","path":"title","value":"t"}]}},
            {"method":"DELETE","path":"/Users/id-v"},
            {"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"bulk"}},
            {"method":"PATCH","path":"/Users/bulkId:nobody","data":{}}]}"#,
    );
    let states: Vec<&str> =
        got.body["Operations"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["201", "201", "200", "204", "409", "409"], "{}", got.text);
    let user = bench.send("GET /Users?filter=userName+eq+%22bulk%22").body["Resources"][0].clone();
    assert_eq!(user["title"], "t");
    assert_eq!(user["groups"][0]["display"], "G");
    let got = bench.send(
        r#"POST /Bulk {"failOnErrors":1,"Operations":[{"method":"DELETE","path":"/Users/none"},{"method":"DELETE","path":"/Users/id-w"}]}"#,
    );
    assert_eq!(got.body["Operations"].as_array().unwrap().len(), 1);
    assert_eq!(bench.send("GET /Users/{w}").status, 200);
}

fn kintone() -> Bench {
    let options = Options { profile: Profile::Kintone, ..Options::default() };
    let service = Service::open(&options, "http://127.0.0.1/scim/v2").unwrap();
    Bench { service, ids: Vec::new() }
}

#[test]
fn kintone_keeps_seven_attributes() {
    let bench = kintone();
    let got = bench.send(
        r#"POST /Users {"userName":"sato","externalId":"s1","displayName":"佐藤","password":"x","groups":[],"title":"t",
            "name":{"givenName":"昇","familyName":"佐藤","formatted":"x"},"roles":[{"value":"r"}],
            "emails":[{"type":"home","value":"h@x"},{"type":"work","value":"w@x","primary":true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d"}}"#,
    );
    assert_eq!(got.status, 201);
    assert_eq!(got.etag, None);
    let mut body = got.body;
    let id = body["id"].as_str().unwrap().to_owned();
    for name in ["meta", "id", "schemas"] {
        body.as_object_mut().unwrap().remove(name);
    }
    let expected = json!({"userName": "sato", "externalId": "s1", "displayName": "佐藤", "active": true,
        "name": {"givenName": "昇", "familyName": "佐藤"}, "emails": [{"type": "work", "value": "w@x"}]});
    assert_eq!(body, expected);
    let path = format!("/Users/{id}");
    for (operations, status) in [
        (r#"[{"op":"Replace","path":"userName","value":"sato"},{"op":"Add","path":"title","value":"x"}]"#, 200),
        (r#"[{"op":"Replace","path":"userName","value":"other"}]"#, 400),
        (r#"[{"op":"replace","value":{"active":"False","emails[type eq \"work\"].value":"n@x"}}]"#, 200),
        (r#"[{"op":"Add","path":"nonsense","value":"x"}]"#, 200),
    ] {
        assert_eq!(bench.patch(&path, operations).status, status, "{operations}");
    }
    let read = bench.send(&format!("GET {path}")).body;
    assert_eq!((&read["active"], &read["emails"][0]["value"]), (&json!(false), &json!("n@x")));
    assert_eq!(read["title"], Value::Null);
    let put = bench.send(&format!(r#"PUT {path} {{"userName":"else"}}"#));
    assert_eq!((put.status, &put.body["scimType"]), (400, &json!("mutability")));
}

#[test]
fn kintone_refuses_what_it_refuses() {
    let bench = kintone();
    for n in 0..130 {
        let line = format!(r#"POST /Users {{"userName":"u{n}","externalId":"e{n}"}}"#);
        assert_eq!(bench.send(&line).status, 201);
    }
    let taken = "[SLASH_SC03] The specified resource already exists.";
    for (line, status, at, value) in [
        (r#"POST /Users {"userName":"U1"}"#, 409, "/detail", json!(taken)),
        (r#"POST /Users {"userName":"new","externalId":"e1"}"#, 409, "/scimType", json!("uniqueness")),
        (r#"POST /Users {"displayName":"x"}"#, 400, "/scimType", json!("invalidValue")),
        ("GET /Users?filter=displayName+eq+%22x%22", 400, "/scimType", json!("invalidFilter")),
        ("GET /Users?filter=userName+sw+%22u%22", 400, "/scimType", json!("invalidFilter")),
        ("GET /Users?filter=userName+eq+%22U7%22", 200, "/totalResults", json!(1)),
        ("GET /Users?filter=externalId+eq+%22e7%22", 200, "/totalResults", json!(1)),
        ("GET /Users?startIndex=1&count=500", 200, "/itemsPerPage", json!(100)),
        ("GET /Groups", 404, "/status", json!("404")),
        ("POST /Groups {}", 404, "/status", json!("404")),
        ("POST /Bulk {}", 404, "/status", json!("404")),
        ("GET /ServiceProviderConfig", 200, "/etag/supported", json!(false)),
        ("GET /Users/none", 404, "/status", json!("404")),
        ("DELETE /Users/5001", 204, "/status", Value::Null),
        ("GET /Users/5001", 404, "/status", json!("404")),
    ] {
        let got = bench.send(line);
        assert_eq!((got.status, got.look(at)), (status, value), "{line}: {}", got.text);
    }
    let other = r#"[{"op":"add","path":"externalId","value":"e5"}]"#;
    assert_eq!(bench.patch("/Users/5003", other).body["detail"], taken);
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn standin(options: Options) -> Standin {
    start(local(), options).await.unwrap()
}

/// What came over the socket: everything up to the end of the connection.
async fn raw(target: &Standin, line: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(target.address()).await.unwrap();
    let length = body.len();
    let text =
        format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
    let mut out = Vec::new();
    // A peer that drops the connection makes either of the two fail, which is an empty answer.
    if stream.write_all(text.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut out).await;
    }
    String::from_utf8_lossy(&out).into_owned()
}

async fn status(target: &Standin, line: &str, headers: &str, body: &str) -> Option<u16> {
    let answer = raw(target, line, headers, body).await;
    answer.split(' ').nth(1)?.parse().ok()
}

const USERS: &str = "GET /scim/v2/Users";
const NEW: (&str, &str) = ("POST /scim/v2/Users", r#"{"userName":"new"}"#);

#[tokio::test]
async fn a_token_is_asked_for_and_can_end() {
    let target = standin(Options { token: Some("right".into()), ..Options::default() }).await;
    for (headers, expected) in [
        ("", 401),
        ("authorization: Bearer wrong\r\n", 401),
        ("authorization: Bearer \r\n", 401),
        ("authorization: Bearer right\r\n", 200),
        ("authorization: bearer right\r\n", 200),
    ] {
        assert_eq!(status(&target, USERS, headers, "").await, Some(expected), "{headers}");
    }
    assert_eq!(target.expire_tokens(), 1);
    let right = "authorization: Bearer right\r\n";
    assert_eq!(status(&target, USERS, right, "").await, Some(401));
    target.add_token("next", None);
    let next = "authorization: Bearer next\r\n";
    assert_eq!(status(&target, USERS, next, "").await, Some(200));
    assert_eq!(target.request_count(), 7);
    assert_eq!(target.requests_by_method()["GET"], 7);
    target.shutdown().await;
}

#[tokio::test]
async fn client_credentials_give_a_token_that_ends() {
    let now = Arc::new(Mutex::new(jiff::Timestamp::UNIX_EPOCH));
    let clock = now.clone();
    let target = standin(Options {
        oauth: Some(OAuth {
            client_id: "id".into(),
            client_secret: "secret".into(),
            lifetime: Duration::from_secs(60),
        }),
        clock: Arc::new(move || *clock.lock().unwrap()),
        ..Options::default()
    })
    .await;
    let line = "POST /oauth/token";
    let form = "grant_type=client_credentials&client_id=id&client_secret=";
    assert_eq!(status(&target, line, "", &format!("{form}wrong")).await, Some(401));
    let answer = raw(&target, line, "", &format!("{form}secret")).await;
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["expires_in"], 60);
    let headers = format!("authorization: Bearer {}\r\n", body["access_token"].as_str().unwrap());
    assert_eq!(status(&target, USERS, &headers, "").await, Some(200));
    *now.lock().unwrap() += Duration::from_secs(61);
    assert_eq!(status(&target, USERS, &headers, "").await, Some(401));
}

#[tokio::test]
async fn versions_guard_writes() {
    let target = standin(Options::default()).await;
    let user = target.create_user(&json!({"userName": "a"})).unwrap();
    let line = format!("PUT /scim/v2/Users/{}", user["id"].as_str().unwrap());
    assert_eq!(user["meta"]["version"], "W/\"1\"");
    let body = r#"{"userName":"a","title":"t"}"#;
    for (headers, expected) in [
        ("if-match: W/\"7\"\r\n", 412),
        ("if-match: W/\"1\"\r\n", 200),
        ("if-match: W/\"1\"\r\n", 412),
        ("if-match: *\r\n", 200),
        ("", 200),
    ] {
        assert_eq!(status(&target, &line, headers, body).await, Some(expected), "{headers}");
    }
    let read = line.replace("PUT", "GET");
    let tag = "if-none-match: W/\"4\"\r\n";
    assert_eq!(status(&target, &read, tag, "").await, Some(304));
}

#[tokio::test]
async fn the_switch_and_the_local_list_are_simulated() {
    let target = standin(Options { profile: Profile::Kintone, ..Options::default() }).await;
    target.create_user(&json!({"userName": "Sato", "id": "9"})).unwrap();
    let body = r#"{"userName":"sato"}"#;
    assert!(target.delete_locally("SATO").unwrap());
    assert!(!target.delete_locally("sato").unwrap());
    assert_eq!(status(&target, NEW.0, "", body).await, Some(409));
    let switch = "POST /_standin/propagate";
    assert_eq!(status(&target, switch, "", r#"{"on":false}"#).await, Some(200));
    assert_eq!(status(&target, USERS, "", "").await, Some(403));
    assert_eq!(status(&target, switch, "", r#"{"on":1}"#).await, Some(400));
    assert_eq!(status(&target, switch, "", r#"{"on":true}"#).await, Some(200));
    assert_eq!(status(&target, NEW.0, "", body).await, Some(201));
    let local = "POST /_standin/delete-locally";
    assert!(raw(&target, local, "", r#"{"userName":"sato"}"#).await.contains("true"));
    let counts = raw(&target, "GET /_standin/requests", "", "").await;
    assert!(counts.contains(r#""total":3"#), "{counts}");
    assert!(raw(&target, "GET /_standin/users", "", "").await.ends_with("[]"));
}

fn faulty(names: &[&str]) -> Options {
    Options { faults: names.iter().map(|name| name.parse().unwrap()).collect(), ..Options::default() }
}

#[tokio::test]
async fn cuts_come_before_or_after_the_write() {
    for (fault, kept) in [("cut-before", 0), ("cut-after", 1)] {
        let target = standin(faulty(&[fault])).await;
        assert_eq!(raw(&target, NEW.0, "", NEW.1).await, "", "{fault}");
        assert_eq!(target.users().len(), kept, "{fault}");
        assert_eq!(status(&target, USERS, "", "").await, Some(200), "{fault}");
    }
}

#[tokio::test]
async fn bursts_are_refused_with_and_without_a_hint() {
    for (fault, hint) in [("throttle", true), ("throttle-bare", false)] {
        let target = standin(faulty(&[fault])).await;
        let mut refused = 0;
        for _ in 0..50 {
            let answer = raw(&target, USERS, "", "").await;
            if answer.starts_with("HTTP/1.1 429") {
                refused += 1;
                assert_eq!(answer.contains("retry-after: 1"), hint);
            }
        }
        assert_eq!(refused, 10);
    }
}

#[tokio::test]
async fn answers_can_be_what_nobody_wants() {
    let target = standin(faulty(&["html:2", "redirect"])).await;
    assert!(raw(&target, USERS, "", "").await.starts_with("HTTP/1.1 302"));
    assert!(raw(&target, USERS, "", "").await.contains("text/html"));
    let target = standin(faulty(&["huge"])).await;
    let mut stream = TcpStream::connect(target.address()).await.unwrap();
    stream.write_all(b"GET /scim/v2/Users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => total += read,
        }
    }
    assert!(total > 100 << 20, "{total}");
}

#[tokio::test]
async fn answers_can_be_late_or_never_come() {
    let wait = |target: Standin, limit: u64| async move {
        let began = Instant::now();
        let limit = Duration::from_millis(limit);
        let answer = tokio::time::timeout(limit, raw(&target, USERS, "", "")).await;
        target.shutdown().await;
        (answer.ok(), began.elapsed())
    };
    let hang = wait(standin(faulty(&["hang"])).await, 300);
    let drip = wait(standin(faulty(&["drip"])).await, 300);
    let slow = wait(standin(faulty(&["slow"])).await, 10_000);
    let late = wait(standin(Options { latency: Duration::from_millis(200), ..Options::default() }).await, 10_000);
    let (hang, drip, slow, late) = tokio::join!(hang, drip, slow, late);
    assert_eq!(hang.0, None);
    assert_eq!(drip.0, None);
    assert!(slow.0.unwrap().starts_with("HTTP/1.1 200") && slow.1 >= Duration::from_secs(2));
    assert!(late.0.unwrap().starts_with("HTTP/1.1 200") && late.1 >= Duration::from_millis(200));
}

#[tokio::test]
async fn chance_is_the_same_under_the_same_seed() {
    let run = async |seed| {
        let target = standin(Options { seed, ..faulty(&["random-30"]) }).await;
        let mut out = Vec::new();
        for n in 0..60 {
            let body = format!(r#"{{"userName":"u{n}"}}"#);
            let limit = Duration::from_millis(150);
            let one = status(&target, NEW.0, "", &body);
            out.push(tokio::time::timeout(limit, one).await.ok().flatten());
        }
        (out, target.users().len())
    };
    let (first, again, other) = tokio::join!(run(1), run(1), run(2));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert!(first.0.contains(&Some(429)) && first.0.contains(&None));
}

#[tokio::test]
async fn two_defects_need_the_socket() {
    let with = |defect| Options { defects: vec![defect], ..Options::default() };
    let target = standin(with(Defect::TlsDrop)).await;
    assert_eq!(raw(&target, USERS, "", "").await, "");
    let target = standin(with(Defect::SlowProbe)).await;
    target.create_user(&json!({"userName": "a"})).unwrap();
    let began = Instant::now();
    let hit = format!("{USERS}?filter=userName+eq+%22a%22");
    assert_eq!(status(&target, &hit, "", "").await, Some(200));
    assert!(began.elapsed() < Duration::from_secs(1));
    let miss = format!("{USERS}?filter=userName+eq+%22b%22");
    assert_eq!(status(&target, &miss, "", "").await, Some(200));
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_file_keeps_the_state_through_a_cut_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("target.jsonl");
    let options = Options { data: Some(path.clone()), ..Options::default() };
    let url = "http://127.0.0.1/scim/v2";
    let service = Service::open(&options, url).unwrap();
    for n in 0..3 {
        service.create_user(&json!({"userName": format!("u{n}"), "id": format!("i{n}")})).unwrap();
    }
    let group = json!({"displayName": "G", "id": "g", "members": [{"value": "i0"}, {"value": "i1"}]});
    service.create_group(&group).unwrap();
    let bench = Bench { service, ids: Vec::new() };
    let operations =
        r#"[{"op":"add","path":"members","value":[{"value":"i2"}]},{"op":"remove","path":"members[value eq \"i0\"]"}]"#;
    assert_eq!(bench.patch("/Groups/g", operations).status, 204);
    assert_eq!(bench.send("DELETE /Users/i1").status, 204);
    let (users, groups) = (bench.service.users(), bench.service.groups());
    assert!(Service::open(&options, url).is_err(), "the file is in use");
    drop(bench);
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(br#"{"gone":"User","id":"i"#);
    std::fs::write(&path, text).unwrap();
    for _ in 0..2 {
        let service = Service::open(&options, url).unwrap();
        assert_eq!((service.users(), service.groups()), (users.clone(), groups.clone()));
    }
    std::fs::write(&path, "{}\n").unwrap();
    let error = Service::open(&options, url).err().unwrap().to_string();
    assert!(error.contains("line 1"), "{error}");
}

#[tokio::test]
async fn requests_are_told_without_the_token() {
    let seen: Arc<Mutex<Vec<RequestRecord>>> = Arc::default();
    let sink = seen.clone();
    let target = standin(Options {
        token: Some("hush".into()),
        log: RequestLog::Callback(Arc::new(move |record| {
            sink.lock().unwrap().push(record.clone());
        })),
        ..Options::default()
    })
    .await;
    let line = format!("{USERS}?count=1");
    status(&target, &line, "authorization: Bearer hush\r\n", "").await;
    let seen = seen.lock().unwrap();
    let [one] = seen.as_slice() else { panic!("one request was sent") };
    assert_eq!((one.path.as_str(), one.query.as_str()), ("/scim/v2/Users", "count=1"));
    assert_eq!(one.status.map(|status| status.as_u16()), Some(200));
    assert!(!format!("{one:?}").contains("hush"));
}
