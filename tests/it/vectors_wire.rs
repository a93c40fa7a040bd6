//! The published behaviour of the dialects, as data (wire.md 22).

use provisiond::model::{ObjectKind, Resource, Role, RoleForm, TargetId, TargetPath, TargetValue};
use provisiond::validator::{Seen, judge};
use provisiond::wire::{
    Answer, Assertion, Change, ClientAuth, Desired, Dialect, Fault, FaultKind, Grant, Member, Membership, Mode,
    Options, Profile, Reading, Refusal, Remark, Request, Response, Retry, TenantUrl, Wire, basic, bearer, read_token,
    token_request,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::vectors::{load, run_all};

const GUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const TOKEN: &str = "s3cr3t";
/// Names of the vectors' `options` that are not options of the provisioner but facts of the situation.
const FACTS: [&str; 7] = ["match", "matchAttribute", "groups", "memberDisplay", "totalResults", "now", "clearOnNull"];

#[test]
fn vectors_of_the_wire_hold() {
    let file = load("wire.json");
    let cases = file["vectors"].as_array().expect("the file has vectors");
    let elsewhere = |case: &&Value| text(case, "kind") == "serve";
    let (others, ours): (Vec<_>, Vec<_>) = cases.iter().cloned().partition(|case| elsewhere(&case));
    for case in &others {
        println!("{} is for the stand-in target", text(case, "id"));
    }
    println!("{} vectors: {} here, {} elsewhere", cases.len(), ours.len(), others.len());
    if std::env::var_os("PROVISIOND_VECTORS").is_none() {
        assert_eq!((ours.len(), others.len()), (84, 4), "vectors here and elsewhere");
    }
    run_all(&ours, check);
}

/// What came of a vector, in the vectors' words.
#[derive(Default)]
struct Came {
    request: Option<Value>,
    result: &'static str,
    code: Option<String>,
    target_id: Option<String>,
    retry: Option<Retry>,
    warnings: Vec<&'static str>,
    hints: Vec<&'static str>,
}

fn check(case: &Value) -> Result<(), String> {
    if text(case, "kind") == "check" {
        return judgement(case);
    }
    let came = run(case)?;
    compare_request(&case["request"], came.request.as_ref(), text(case, "kind") == "classify")?;
    let outcome = &case["outcome"];
    let same = |what: &str, expected: &Value, found: Option<&str>| match expected.as_str() {
        Some(wanted) if found != Some(wanted) => Err(format!("{what}: expected {wanted}, found {found:?}")),
        _ => Ok(()),
    };
    same("result", &outcome["result"], Some(came.result))?;
    same("code", &outcome["code"], came.code.as_deref())?;
    same("targetId", &outcome["targetId"], came.target_id.as_deref())?;
    let (retry, seconds) = match came.retry {
        None => ("none", None),
        Some(Retry::NextCycle) => ("next-cycle", None),
        Some(Retry::After(pause)) => ("after", pause.map(|pause| pause.as_secs())),
        Some(Retry::Quarantine) => ("quarantine", None),
        Some(Retry::Admin) => ("admin", None),
    };
    same("retry", &outcome["retry"], Some(retry))?;
    if let Some(wanted) = outcome["retryAfter"].as_u64()
        && seconds != Some(wanted)
    {
        return Err(format!("retryAfter: expected {wanted}, found {seconds:?}"));
    }
    for (what, found) in [("warnings", &came.warnings), ("hints", &came.hints)] {
        for wanted in outcome[what].as_array().into_iter().flatten() {
            if !found.iter().any(|found| wanted == found) {
                return Err(format!("{what}: expected {wanted}, found {found:?}"));
            }
        }
    }
    Ok(())
}

/// Gives a recorded exchange to one check of the validator.
fn judgement(case: &Value) -> Result<(), String> {
    let (id, answer) = (text(&case["desired"], "check"), &case["response"]);
    let header = |wanted: &str| {
        let headers = answer["headers"].as_object().into_iter().flatten();
        let found = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    let seen = Seen {
        current: case["current"].clone(),
        method: text(&case["request"], "method").to_owned(),
        sent: case["request"]["body"].clone(),
        status: answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).ok_or("no status")?,
        content_type: header("Content-Type"),
        location: header("Location"),
        base: String::new(),
        body: answer["body"].clone(),
        has_body: !answer["body"].is_null() || answer["text"].as_str().is_some_and(|text| !text.is_empty()),
    };
    let found = judge(id, &seen).ok_or(format!("{id} judges no single exchange"))?;
    match found.status.as_str() == text(&case["outcome"], "verdict") {
        true => Ok(()),
        false => Err(format!("verdict: {} because {}", found.status.as_str(), found.why)),
    }
}

fn run(case: &Value) -> Result<Came, String> {
    match text(case, "kind") {
        "tenant-url" => tenant_url(case),
        "token" => token(case),
        _ => exchange(case),
    }
}

fn tenant_url(case: &Value) -> Result<Came, String> {
    let options = options_of(case)?;
    let reading = Reading {
        passthrough_query: options.passthrough_query,
        pass_flags: options.pass_flags,
        allow_insecure_http: case["desired"]["options"]["allowInsecureHttp"] == true,
        ..Reading::default()
    };
    let Ok(url) = TenantUrl::parse(text(&case["desired"], "tenantUrl"), reading) else {
        return Ok(Came { result: "config-error", ..Came::default() });
    };
    if url.dialect.name != text(case, "dialect") {
        return Err(format!("dialect: found {}", url.dialect.name));
    }
    let wire = Wire::new(&url, options, Profile::Generic, Mode::StandIn);
    let request = wire.read(kind_of(case), &TargetId(text(&case["desired"], "targetId").to_owned()));
    let mut shown = show(&request);
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    shown["url"] = json!(format!("{}{}{query}", url.base, request.path));
    Ok(Came { request: Some(shown), result: "ok", warnings: codes(&url.remarks), ..Came::default() })
}

fn token(case: &Value) -> Result<Came, String> {
    let auth = &case["desired"]["auth"];
    let owned = |name: &str| auth[name].as_str().unwrap_or_default().to_owned();
    let secret = |name: &str| SecretString::from(owned(name));
    let scope = auth["scope"].as_str().map(str::to_owned);
    let client_auth = if auth["clientAuth"] == "basic" { ClientAuth::Basic } else { ClientAuth::Body };
    let grant = match text(auth, "type") {
        "client-credentials" => Grant::ClientCredentials {
            client_id: owned("clientId"),
            client_secret: secret("clientSecret"),
            scope,
            client_auth,
        },
        "federated" => {
            let who = Assertion {
                tenant: owned("tenant"),
                app_id: owned("clientId"),
                object_id: owned("clientId"),
                audience: auth["audience"].as_str().map(str::to_owned),
            };
            // The signature is made where the key is; the shape of a compact JWS is what counts here.
            let part = who.claims(now(case)).len();
            Grant::Federated { client_id: owned("clientId"), assertion: format!("e30.{part}.c2ln").into(), scope }
        }
        "refresh" => Grant::Refresh {
            client_id: owned("clientId"),
            client_secret: secret("clientSecret"),
            token: secret("refreshToken"),
        },
        other => return Err(format!("unknown kind of authentication {other}")),
    };
    let request = token_request(&grant);
    let pairs = request.body();
    let form: Vec<Value> = pairs
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!([name, decode(value)])
        })
        .collect();
    let mut headers = json!({ "content-type": "application/x-www-form-urlencoded", "accept": "application/json" });
    if let Some((user, password)) = &request.basic {
        headers["authorization"] = json!(basic(user, secrecy::ExposeSecret::expose_secret(password)));
    }
    let shown = json!({ "method": "POST", "url": auth["tokenEndpoint"], "headers": headers, "form": form });
    let Answer::Ok(response) = answer_of(&case["response"]) else { return Err("no answer".to_owned()) };
    let came = Came { request: Some(shown), result: "ok", ..Came::default() };
    Ok(match read_token(&response) {
        Ok(_) => came,
        Err(refusal) => {
            let kind = if refusal.credentials { FaultKind::Credentials } else { FaultKind::Token };
            let refusal = wire_of(case)?.refused_by_fault(&Fault::new(kind, refusal.message));
            refused(came, &refusal)
        }
    })
}

fn exchange(case: &Value) -> Result<Came, String> {
    let wire = wire_of(case)?;
    let kind = kind_of(case);
    let desired_json = &case["desired"];
    let facts = &desired_json["options"];
    let answer = answer_of(&case["response"]);
    let id = TargetId(desired_json["targetId"].as_str().unwrap_or("u-1").to_owned());
    let step = case["step"].as_u64().unwrap_or(1);
    let operation = match text(case, "kind") {
        "classify" => text(desired_json, "operation"),
        kind => kind,
    };
    let attributes = attributes_of(desired_json)?;
    let desired: Vec<Desired<'_>> = attributes.iter().map(Attribute::desired).collect();
    let mut came = Came::default();
    match operation {
        "test-connection" => {
            let path = facts["matchAttribute"].as_str().unwrap_or("userName");
            let requests = wire.probes(&path_of(path)?, facts["groups"] == true, [GUID, GUID]);
            count_steps(case, requests.len())?;
            let request = nth(requests, step)?;
            let read = wire.probed(&request, &answer, now(case));
            came.request = Some(show(&request));
            Ok(match read {
                Ok(read) => Came { result: "connected", warnings: codes(&read.remarks), ..came },
                Err(refusal) => refused(came, &refusal),
            })
        }
        "match" => {
            let order = facts["match"].as_array().ok_or("no matching attributes")?;
            let by = |name: &str| {
                desired
                    .iter()
                    .find(|entry| entry.path.as_str() == name)
                    .and_then(|entry| Some((entry.path, entry.value?)))
            };
            let usable: Vec<_> = order.iter().filter_map(|name| by(name.as_str()?)).collect();
            let Some((path, value)) = usable.get(usize::try_from(step).map_err(|_| "a step")? - 1) else {
                // Who has no value to match by is skipped by the plan, without a word to the target.
                return Ok(Came { result: "skipped", code: Some("ImportSkipped".to_owned()), ..came });
            };
            came.request = Some(show(&wire.find(kind, path, value)));
            Ok(match wire.found(path, value, &answer, now(case)) {
                Ok(read) => match read.value {
                    provisiond::wire::Found::None => {
                        Came { result: "no-match", warnings: codes(&read.remarks), ..came }
                    }
                    provisiond::wire::Found::One(resource) => Came {
                        result: "matched",
                        target_id: Some(resource.id().to_string()),
                        warnings: codes(&read.remarks),
                        ..came
                    },
                },
                Err(refusal) => refused(came, &refusal),
            })
        }
        "create" => {
            let password = wire.sends_password().then_some("Xk3w9Qp2");
            came.request = Some(show(&wire.create(kind, &desired, password)));
            Ok(match wire.created(&desired, &answer, now(case)) {
                Ok(read) => Came {
                    result: "created",
                    target_id: Some(read.value.id().to_string()),
                    warnings: codes(&read.remarks),
                    ..came
                },
                Err(refusal) => refused(came, &refusal),
            })
        }
        "read" => {
            came.request = Some(show(&wire.read(kind, &id)));
            Ok(match wire.resource(&id, &answer, now(case)) {
                Ok(read) => Came {
                    result: "ok",
                    target_id: Some(read.value.id().to_string()),
                    warnings: codes(&read.remarks),
                    ..came
                },
                Err(refusal) => refused(came, &refusal),
            })
        }
        "delete" => {
            came.request = Some(show(&wire.delete(kind, &id, None)));
            Ok(match wire.deleted(&answer, now(case)) {
                Ok(read) => {
                    let gone = read.value == provisiond::wire::Deleted::AlreadyGone;
                    Came { result: if gone { "already-gone" } else { "deleted" }, ..came }
                }
                Err(refusal) => refused(came, &refusal),
            })
        }
        "list" => {
            let total = facts["totalResults"].as_u64().unwrap_or(0);
            let mut start = 1;
            for _ in 1..step {
                let received = usize::try_from((total + 1 - start).min(100)).map_err(|_| "a total")?;
                start = wire.next_start(start, received, total).ok_or("the walk ended early")?;
            }
            came.request = Some(show(&wire.list(kind, start)));
            if case["response"].is_null() {
                return Ok(Came { result: "ok", ..came });
            }
            Ok(match wire.listed(&answer, now(case)) {
                Ok(read) => Came { result: "ok", warnings: codes(&read.remarks), ..came },
                Err(refusal) => refused(came, &refusal),
            })
        }
        "update" if text(case, "kind") == "classify" => {
            came.request = Some(json!({ "method": "PATCH", "path": format!("/Users/{id}"), "query": "" }));
            Ok(updated(&wire, &id, &answer, came, now(case)))
        }
        "update" => update(case, &wire, kind, &attributes, &answer),
        other => Err(format!("unknown operation {other}")),
    }
}

fn update(
    case: &Value,
    wire: &Wire,
    kind: ObjectKind,
    attributes: &[Attribute],
    answer: &Answer,
) -> Result<Came, String> {
    let facts = &case["desired"]["options"];
    let current = Resource::new(case["current"].clone()).ok_or("`current` is no resource")?;
    let mut changes: Vec<Change<'_>> = Vec::new();
    for attribute in attributes {
        let (path, held) = (&attribute.path, current.get(&attribute.path));
        let change = match &attribute.value {
            Some(TargetValue::Roles(_, roles)) if roles.is_empty() && held.is_none() => false,
            Some(value) => !held.is_some_and(|held| value.agrees_with(held, true)),
            None => held.is_some() && (attribute.is_reference || facts["clearOnNull"] == true),
        };
        if change {
            changes.push(Change { path, set: attribute.value.as_ref(), present: held.is_some() });
        }
    }
    let ids = |name: &str| -> Vec<TargetId> {
        let list = case["desired"]["members"][name].as_array();
        list.into_iter().flatten().filter_map(Value::as_str).map(|id| TargetId(id.to_owned())).collect()
    };
    let (joining, leaving) = (ids("add"), ids("remove"));
    let display = |id: &TargetId| facts["memberDisplay"][id.as_str()].as_str();
    let add: Vec<Member<'_>> = joining.iter().map(|id| Member { id, display: display(id) }).collect();
    let remove: Vec<&TargetId> = leaving.iter().collect();
    let membership = case["desired"].get("members").map(|_| Membership { add: &add, remove: &remove });
    let update = wire.update(kind, &current, &changes, membership);
    let hints: Vec<&str> = update.hints.iter().map(|hint| hint.as_str()).collect();
    let warnings = codes(&wire.remarks_on(&current, attributes.iter().map(|attribute| &attribute.path)));
    if update.requests.is_empty() {
        return Ok(Came { result: "unchanged", warnings, hints, ..Came::default() });
    }
    count_steps(case, update.requests.len())?;
    let request = nth(update.requests, case["step"].as_u64().unwrap_or(1))?;
    let came = Came { request: Some(show(&request)), warnings, hints, ..Came::default() };
    Ok(updated(wire, current.id(), answer, came, now(case)))
}

fn updated(wire: &Wire, id: &TargetId, answer: &Answer, came: Came, now: jiff::Timestamp) -> Came {
    match wire.updated(id, answer, now) {
        Ok(read) => {
            let warnings = came.warnings.iter().copied().chain(codes(&read.remarks)).collect();
            Came { result: "updated", warnings, ..came }
        }
        Err(refusal) => refused(came, &refusal),
    }
}

fn refused(came: Came, refusal: &Refusal) -> Came {
    Came {
        result: "failed",
        code: Some(refusal.failure.code.to_string()),
        retry: Some(refusal.retry),
        warnings: codes(&refusal.remarks),
        hints: came.hints.iter().copied().chain(refusal.hints.iter().map(|hint| hint.as_str())).collect(),
        ..came
    }
}

fn count_steps(case: &Value, found: usize) -> Result<(), String> {
    let steps = case["steps"].as_u64().unwrap_or(1);
    if found as u64 == steps { Ok(()) } else { Err(format!("steps: expected {steps}, found {found}")) }
}

fn nth(requests: Vec<Request>, step: u64) -> Result<Request, String> {
    let at = usize::try_from(step - 1).map_err(|_| "a step")?;
    requests.into_iter().nth(at).ok_or_else(|| format!("there is no request {step}"))
}

fn codes(remarks: &[Remark]) -> Vec<&'static str> {
    remarks.iter().map(|remark| remark.code).collect()
}

/// An attribute of `desired`, with a place for its value to live.
struct Attribute {
    path: TargetPath,
    value: Option<TargetValue>,
    single_role: bool,
    is_reference: bool,
}

impl Attribute {
    fn desired(&self) -> Desired<'_> {
        Desired { path: &self.path, value: self.value.as_ref(), single_role: self.single_role }
    }
}

fn attributes_of(desired: &Value) -> Result<Vec<Attribute>, String> {
    let mut attributes = Vec::new();
    for entry in desired["attributes"].as_array().into_iter().flatten() {
        let expression = entry["expression"].as_str();
        attributes.push(Attribute {
            path: path_of(text(entry, "path"))?,
            value: value_of(&entry["value"], expression)?,
            single_role: expression == Some("SingleAppRoleAssignment"),
            is_reference: false,
        });
    }
    for entry in desired["references"].as_array().into_iter().flatten() {
        let value = entry["targetId"].as_str().map(|id| TargetValue::Reference(id.to_owned()));
        let path = path_of(text(entry, "path"))?;
        attributes.push(Attribute { path, value, single_role: false, is_reference: true });
    }
    Ok(attributes)
}

fn value_of(value: &Value, expression: Option<&str>) -> Result<Option<TargetValue>, String> {
    let form = match expression {
        Some("AppRoleAssignmentsComplex") => Some(RoleForm::Additive),
        Some("AssertiveAppRoleAssignmentsComplex") => Some(RoleForm::Assertive),
        _ => None,
    };
    Ok(match (value, form) {
        (Value::Array(roles), Some(form)) => {
            let text = |role: &Value, name: &str| role[name].as_str().map(str::to_owned);
            let role = |role: &Value| Role {
                id: text(role, "id"),
                value: text(role, "value").unwrap_or_default(),
                display: text(role, "displayName"),
            };
            Some(TargetValue::Roles(form, roles.iter().map(role).collect()))
        }
        (Value::Null, _) => None,
        (Value::String(text), _) => (!text.is_empty()).then(|| TargetValue::Text(text.clone())),
        (Value::Bool(flag), _) => Some(TargetValue::Boolean(*flag)),
        (Value::Number(number), _) => Some(TargetValue::Integer(number.as_i64().ok_or("an odd number")?)),
        (Value::Array(list), None) => {
            let list: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            (!list.is_empty()).then_some(TargetValue::List(list))
        }
        (Value::Object(_), _) => return Err(format!("no mapped value: {value}")),
    })
}

fn wire_of(case: &Value) -> Result<Wire, String> {
    let dialect = Dialect::named(text(case, "dialect")).ok_or("an unknown dialect")?;
    let profile = if case["target"] == "kintone" { Profile::Kintone } else { Profile::Generic };
    let reading = Reading { dialect: Some(dialect), ..Reading::default() };
    let url = TenantUrl::parse("https://api.example.com/scim", reading).map_err(|fault| fault.to_string())?;
    Ok(Wire::new(&url, options_of(case)?, profile, Mode::StandIn))
}

fn options_of(case: &Value) -> Result<Options, String> {
    let given = case["desired"]["options"].as_object().cloned().unwrap_or_default();
    let ours = given.into_iter().filter(|(name, _)| !FACTS.contains(&name.as_str()) && name != "allowInsecureHttp");
    let ours: Map<String, Value> = ours.map(|(name, value)| (snake_case(&name), value)).collect();
    serde_json::from_value(Value::Object(ours)).map_err(|error| error.to_string())
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

fn answer_of(response: &Value) -> Answer {
    if let Some(kind) = response["transport"].as_str() {
        let kind = match kind {
            "tls-error" => FaultKind::Tls,
            "timeout" => FaultKind::Timeout,
            "connect-error" => FaultKind::Connect,
            other => panic!("unknown transport fault {other}"),
        };
        return Err(Fault::new(kind, "the exchange failed"));
    }
    let header = |name: &str| {
        let headers = response["headers"].as_object()?;
        let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str().map(str::to_owned)
    };
    let body = match (&response["body"], response["text"].as_str()) {
        (_, Some(text)) => text.as_bytes().to_vec(),
        (Value::Null, None) => Vec::new(),
        (body, None) => body.to_string().into_bytes(),
    };
    Ok(Response {
        status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
        content_type: header("content-type"),
        location: header("location"),
        etag: header("etag"),
        retry_after: header("retry-after"),
        body,
    })
}

fn now(case: &Value) -> jiff::Timestamp {
    let given = case["desired"]["options"]["now"].as_str();
    given.unwrap_or("2026-01-01T00:00:00Z").parse().expect("`now` is a time")
}

fn show(request: &Request) -> Value {
    let mut headers = Map::new();
    headers.extend(request.headers.iter().map(|(name, value)| (name.to_string(), json!(value))));
    headers.insert("authorization".to_owned(), json!(bearer(TOKEN)));
    json!({
        "method": request.method.as_str(),
        "path": request.path,
        "query": request.query,
        "headers": headers,
        "body": request.body,
    })
}

fn compare_request(expected: &Value, found: Option<&Value>, classified: bool) -> Result<(), String> {
    let (expected, found) = match (expected.as_object(), found) {
        (None, None) => return Ok(()),
        (None, Some(found)) => return Err(format!("no request expected, found {found}")),
        (Some(_), None) => return Err("a request expected, none found".to_owned()),
        (Some(expected), Some(found)) => (expected, found),
    };
    for (name, wanted) in expected {
        let held = &found[name];
        match name.as_str() {
            // An answer is classified by what was done to which resource.
            "query" if classified => {}
            "headers" => compare_headers(wanted, held)?,
            "query" => {
                let fold = |query: &Value| fold_hex(query.as_str().unwrap_or_default());
                if !fits(&json!(fold(wanted)), &json!(fold(held))) {
                    return Err(format!("query: expected {wanted}, found {held}"));
                }
            }
            "form" => {
                let pairs = |form: &Value| form.as_array().cloned().unwrap_or_default();
                let (wanted, held) = (pairs(wanted), pairs(held));
                let same =
                    wanted.len() == held.len() && wanted.iter().all(|pair| held.iter().any(|other| fits(pair, other)));
                if !same {
                    return Err(format!("form: expected {wanted:?}, found {held:?}"));
                }
            }
            _ if !fits(wanted, held) => return Err(format!("{name}: expected {wanted}, found {held}")),
            _ => {}
        }
    }
    let has_body = |body: Option<&Value>| body.is_some_and(|body| !body.is_null());
    if !classified && has_body(found.get("body")) != has_body(expected.get("body")) {
        return Err(format!("body: expected {:?}, found {:?}", expected.get("body"), found.get("body")));
    }
    Ok(())
}

fn compare_headers(expected: &Value, found: &Value) -> Result<(), String> {
    for (name, wanted) in expected.as_object().into_iter().flatten() {
        let held = found.get(name.to_ascii_lowercase()).unwrap_or(&Value::Null);
        if !fits(wanted, held) {
            return Err(format!("header {name}: expected {wanted}, found {held}"));
        }
    }
    Ok(())
}

/// Compares by value: key order ignored, arrays in order except `schemas`, placeholders filled.
fn fits(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(wanted), Value::Object(held)) => {
            wanted.len() == held.len()
                && wanted.iter().all(|(key, wanted)| match (held.get(key), wanted) {
                    (Some(Value::Array(held)), Value::Array(wanted)) if key == "schemas" => {
                        wanted.len() == held.len() && wanted.iter().all(|schema| held.contains(schema))
                    }
                    (Some(held), wanted) => fits(wanted, held),
                    (None, _) => false,
                })
        }
        (Value::Array(wanted), Value::Array(held)) => {
            wanted.len() == held.len() && wanted.iter().zip(held).all(|(wanted, held)| fits(wanted, held))
        }
        (Value::String(wanted), Value::String(held)) => text_fits(wanted, held),
        _ => expected == found,
    }
}

fn text_fits(expected: &str, found: &str) -> bool {
    let pattern = regex::escape(expected)
        .replace(r"\{uuid\}", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
        .replace(r"\{token\}", &regex::escape(TOKEN))
        .replace(r"\{jwt\}", r"[\w-]+\.[\w-]+\.[\w-]+")
        .replace(r"\{random\}", "(?s:.+)");
    regex::Regex::new(&format!("^(?:{pattern})$")).expect("a pattern").is_match(found)
}

fn fold_hex(query: &str) -> String {
    let mut out = String::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        out.push('%');
        let (hex, tail) = after.split_at(after.len().min(2));
        out.push_str(&hex.to_ascii_lowercase());
        rest = tail;
    }
    out + rest
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("two hex digits"));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn kind_of(case: &Value) -> ObjectKind {
    if case["desired"]["object"] == "Group" { ObjectKind::Group } else { ObjectKind::User }
}

fn path_of(text: &str) -> Result<TargetPath, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("`{name}` is no text in {value}"))
}
