//! What one exchange says about one check; pure, so that recorded exchanges are judged as live ones are.

use serde_json::Value;

use super::location::astray;
use super::state::{apply, covers, differences, get, is_empty};

pub(super) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Pass,
    /// Could not be tried, or does not concern this endpoint.
    Skip,
    Warn,
    Fail,
}

impl Status {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One exchange with what is known around it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The resource before a write, or the one that is asked for.
    pub current: Value,
    pub method: String,
    /// What was sent; null for nothing.
    pub sent: Value,
    pub status: u16,
    pub content_type: Option<String>,
    pub location: Option<String>,
    /// The URL that paths of the endpoint are below; empty where it is not known.
    pub base: String,
    /// The answer, or after a write the resource as read back; null where there is none or where it is not JSON.
    pub body: Value,
    /// The answer had a body, JSON or not.
    pub has_body: bool,
}

/// A judgement with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub status: Status,
    pub why: String,
}

fn pass() -> Judgement {
    Judgement { status: Status::Pass, why: String::new() }
}

pub(super) fn fail(why: impl Into<String>) -> Judgement {
    Judgement { status: Status::Fail, why: why.into() }
}

pub(super) fn warn(why: impl Into<String>) -> Judgement {
    Judgement { status: Status::Warn, why: why.into() }
}

/// Judges an exchange by the check `id` (wire.md 23); `None` where one exchange alone does not decide it.
pub fn judge(id: &str, seen: &Seen) -> Option<Judgement> {
    Some(match id {
        "C-01" => no_hit(seen),
        "C-02" if resources(&seen.body).is_empty() => pass(),
        "C-02" => fail(format!("{} resources for a value that nobody has", resources(&seen.body).len())),
        "C-03" | "C-40" | "C-41" | "C-35" | "C-56" => found(seen),
        "C-06" => scim_json(seen),
        "C-11" => without_members(seen),
        "C-12" => conflict(seen),
        "C-13" => created(seen),
        "C-14" => inactive(seen),
        "C-15" if seen.method == "DELETE" && !seen.current.is_null() => match seen.status {
            204 => pass(),
            200 | 202 => warn(format!("{} instead of 204", seen.status)),
            other => fail(format!("{other} instead of 204")),
        },
        "C-15" if seen.status == 404 => error_shape(seen),
        "C-15" => fail(format!("{} instead of 404", seen.status)),
        "C-17" => content_type(seen),
        "C-18" => error_shape(seen),
        "C-19" => page(seen),
        "C-20" => cleared(seen),
        "C-21" => match (seen.status, get(&seen.body, "id"), seen.has_body) {
            (204, ..) | (200, Some(_), true) => pass(),
            (200, _, false) => fail("200 without a body"),
            (200, None, true) => fail("200 with something that is not the resource"),
            (other, ..) => fail(format!("{other} instead of 200 or 204")),
        },
        "C-23" => match (get(&seen.current, "id"), get(&seen.body, "id")) {
            (Some(known), Some(found)) if known == found => pass(),
            (_, None) if seen.status == 204 => pass(),
            (known, found) => {
                let shown = |id: Option<&Value>| id.map_or_else(|| "missing".to_owned(), Value::to_string);
                fail(format!("`id` is {}, was {}", shown(found), shown(known)))
            }
        },
        "C-24" if seen.status < 300 => fail("an operation that cannot be carried out was accepted"),
        "C-24" if !is_empty(&seen.body) && get(&seen.body, "id").is_some() => {
            told(differences(&seen.current, &seen.current, &seen.body))
        }
        "C-24" => pass(),
        "C-04" | "C-05" | "C-07" | "C-08" | "C-09" | "C-10" | "C-16" | "C-22" | "C-25" | "C-26" | "C-27" | "C-28"
        | "C-29" | "C-30" | "C-33" | "C-34" | "C-43" | "C-52" | "C-55" | "C-57" | "C-61" | "C-62" => patched(seen),
        _ => return None,
    })
}

fn told(differences: Vec<String>) -> Judgement {
    if differences.is_empty() { pass() } else { fail(differences.join("; ")) }
}

/// Whether the resource after a PATCH is what the operations make of it.
fn patched(seen: &Seen) -> Judgement {
    if seen.status >= 300 {
        return fail(refused(seen));
    }
    if seen.body.is_null() {
        return pass();
    }
    let operations = seen.sent["Operations"].as_array().cloned().unwrap_or_default();
    told(differences(&seen.current, &apply(&seen.current, &operations), &seen.body))
}

/// The status and what the server says to it.
pub(super) fn refused(seen: &Seen) -> String {
    let word = |name| get(&seen.body, name).and_then(Value::as_str);
    match (word("scimType"), word("detail")) {
        (Some(kind), detail) => format!("{} {kind}: {}", seen.status, detail.unwrap_or("no detail")),
        (None, Some(detail)) => format!("{}: {detail}", seen.status),
        (None, None) => format!("status {}", seen.status),
    }
}

pub(super) fn resources(body: &Value) -> &[Value] {
    match get(body, "Resources").unwrap_or(body) {
        Value::Array(list) => list,
        _ => &[],
    }
}

fn names(body: &Value, urn: &str) -> bool {
    get(body, "schemas").and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one == urn))
}

pub(super) fn is_list(seen: &Seen) -> Result<(), Judgement> {
    if seen.status != 200 {
        return Err(fail(format!("{} instead of 200 with a list", refused(seen))));
    }
    if !names(&seen.body, LIST) {
        return Err(fail("the answer is not a ListResponse"));
    }
    if !get(&seen.body, "totalResults").is_some_and(Value::is_u64) {
        return Err(fail("`totalResults` is not an integer"));
    }
    Ok(())
}

fn no_hit(seen: &Seen) -> Judgement {
    match is_list(seen) {
        Err(judgement) => judgement,
        Ok(()) if get(&seen.body, "totalResults") == Some(&Value::from(0)) && resources(&seen.body).is_empty() => {
            pass()
        }
        Ok(()) => fail("`totalResults` is not 0 for a value that nobody has"),
    }
}

fn found(seen: &Seen) -> Judgement {
    if let Err(judgement) = is_list(seen) {
        return judgement;
    }
    let same = |name| get(&seen.current, name).filter(|value| !value.is_null());
    let held = |one: &&Value| match same("id") {
        Some(id) => get(one, "id") == Some(id),
        None => same("userName").is_some_and(|name| {
            let found = get(one, "userName").and_then(Value::as_str).unwrap_or_default();
            name.as_str().is_some_and(|name| name.to_lowercase() == found.to_lowercase())
        }),
    };
    match (resources(&seen.body), resources(&seen.body).iter().find(held)) {
        ([], _) => fail("nothing was found"),
        (_, None) => fail("something else was found"),
        ([_], Some(_)) => pass(),
        (several, Some(_)) => fail(format!("{} resources were found instead of one", several.len())),
    }
}

fn scim_json(seen: &Seen) -> Judgement {
    let html = seen.content_type.as_deref().is_some_and(|kind| !kind.to_ascii_lowercase().contains("json"));
    match seen.status {
        200 if seen.body.is_null() || html => fail("the answer is not JSON"),
        200 => pass(),
        _ => fail(refused(seen)),
    }
}

fn without_members(seen: &Seen) -> Judgement {
    if seen.status != 200 {
        return fail(refused(seen));
    }
    let list = get(&seen.body, "Resources").is_some();
    let groups = if list { resources(&seen.body) } else { std::slice::from_ref(&seen.body) };
    let mut worst = pass();
    for group in groups {
        match get(group, "members") {
            None | Some(Value::Null) => {}
            Some(Value::Array(members)) if members.is_empty() => worst = warn("`members` is there, though empty"),
            Some(_) => return fail("`members` is there and filled"),
        }
    }
    worst
}

fn conflict(seen: &Seen) -> Judgement {
    if seen.status != 409 {
        return fail(format!("{} instead of 409", refused(seen)));
    }
    match error_shape(seen) {
        fine if fine.status == Status::Pass => {}
        wrong => return wrong,
    }
    match get(&seen.body, "scimType").and_then(Value::as_str) {
        Some("uniqueness") => pass(),
        Some(other) => fail(format!("`scimType` is `{other}` instead of `uniqueness`")),
        None => fail("409 without `scimType`"),
    }
}

fn error_shape(seen: &Seen) -> Judgement {
    if seen.status < 400 {
        return fail(format!("{} instead of an error", seen.status));
    }
    if !names(&seen.body, ERROR) {
        return fail(format!("{} without a SCIM Error as its body", seen.status));
    }
    match get(&seen.body, "status") {
        Some(Value::String(text)) if *text == seen.status.to_string() => pass(),
        Some(Value::String(text)) => fail(format!("`status` is `{text}` in an answer {}", seen.status)),
        Some(_) => fail("`status` is not a string"),
        None => fail("the Error has no `status`"),
    }
}

fn created(seen: &Seen) -> Judgement {
    if !(200..300).contains(&seen.status) {
        return fail(refused(seen));
    }
    if get(&seen.body, "id").and_then(Value::as_str).is_none_or(str::is_empty) {
        return fail("the answer has no `id` that is a string");
    }
    let mut wanted = seen.sent.as_object().cloned().unwrap_or_default();
    for owned in ["schemas", "meta", "password", "groups"] {
        wanted.remove(owned);
    }
    for (key, wanted) in &wanted {
        let found = get(&seen.body, key).unwrap_or(&Value::Null);
        if !covers(wanted, found) {
            return fail(format!("`{key}` is {found} in the answer, sent was {wanted}"));
        }
    }
    if seen.status != 201 {
        return warn(format!("{} instead of 201", seen.status));
    }
    let kind = get(&seen.body, "meta").and_then(|meta| get(meta, "resourceType"));
    if let Some(astray) = astray(seen) {
        return warn(astray);
    }
    match (&seen.location, kind) {
        (None, _) => warn("201 without a `Location` header"),
        (_, None | Some(Value::Null)) => warn("the answer has no `meta.resourceType`"),
        (Some(_), Some(_)) => pass(),
    }
}

fn inactive(seen: &Seen) -> Judgement {
    let list = get(&seen.body, "Resources").is_some();
    let one = if list { resources(&seen.body).first() } else { Some(&seen.body) };
    match (seen.status, one.and_then(|one| get(one, "active"))) {
        (200, Some(Value::Bool(false))) => pass(),
        (200, None) if one.is_none() => fail("the inactive user is not found"),
        (200, other) => fail(format!("`active` is {other:?} instead of false")),
        _ => fail(format!("the inactive user is not returned: {}", refused(seen))),
    }
}

fn content_type(seen: &Seen) -> Judgement {
    if !seen.has_body {
        return pass();
    }
    let kind = seen.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/scim+json" => pass(),
        "application/json" | "text/json" => warn(format!("`Content-Type: {kind}`")),
        "" => fail("no `Content-Type`"),
        _ => fail(format!("`Content-Type: {kind}`")),
    }
}

fn page(seen: &Seen) -> Judgement {
    if let Err(judgement) = is_list(seen) {
        return judgement;
    }
    let wrong = ["startIndex", "itemsPerPage"]
        .into_iter()
        .find(|name| get(&seen.body, name).is_some_and(|value| !value.is_u64()));
    match wrong {
        Some(name) => fail(format!("`{name}` is not an integer")),
        None => pass(),
    }
}

fn cleared(seen: &Seen) -> Judgement {
    let operations = seen.sent["Operations"].as_array().cloned().unwrap_or_default();
    match seen.status {
        400 => pass(),
        200..300 if seen.body.is_null() => pass(),
        200..300 => told(differences(&seen.current, &apply(&seen.current, &operations), &seen.body)),
        _ => fail(refused(seen)),
    }
}
