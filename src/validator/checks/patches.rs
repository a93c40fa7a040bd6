//! Checks of changing users with PATCH.

use serde_json::{Value, json};

use super::super::conversation::{Checked, Conversation, Finding, Form, id_of, path_of};
use super::super::judge::{Status, judge, refused};
use super::super::state::get;
use crate::model::ObjectKind;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const WORK: &str = "emails[type eq \"work\"].value";

/// The verb as the form spells it.
fn op(form: Form, verb: &str) -> String {
    match form {
        Form::Legacy => verb[..1].to_ascii_uppercase() + &verb[1..],
        Form::Flag | Form::Okta | Form::Wizard | Form::Rfc => verb.to_owned(),
    }
}

/// A truth value as the form writes it.
fn flag(form: Form, value: bool) -> Value {
    match form {
        Form::Legacy => json!(if value { "True" } else { "False" }),
        Form::Flag | Form::Okta | Form::Wizard | Form::Rfc => json!(value),
    }
}

/// An attribute or a sub-attribute with its value.
fn nested(path: &str, value: &str) -> Value {
    match path.split_once('.') {
        Some((attribute, sub)) => json!({ attribute: { sub: value } }),
        None => json!({ path: value }),
    }
}

pub(in super::super) async fn op_case(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let user = cx
        .patched("C-04", form, &user, json!([{ "op": op(form, "replace"), "path": "displayName", "value": "Other" }]))
        .await?;
    let Some(path) = cx.spare("displayName") else { return Ok(()) };
    let user =
        cx.patched("C-04", form, &user, json!([{ "op": op(form, "add"), "path": path, "value": "One" }])).await?;
    // What an endpoint cannot do without is no attribute to remove.
    if !["title", "nickName"].contains(&path) {
        return Ok(());
    }
    cx.patched("C-04", form, &user, json!([{ "op": op(form, "remove"), "path": path }])).await.map(drop)
}

pub(in super::super) async fn boolean_string(cx: &mut Conversation, form: Form) -> Checked {
    let mut user = cx.user(json!({})).await?;
    for value in [false, true] {
        let operations = json!([{ "op": op(form, "replace"), "path": "active", "value": flag(form, value) }]);
        user = cx.patched("C-05", form, &user, operations).await?;
    }
    Ok(())
}

pub(in super::super) async fn valuepath_add(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let address = format!("{}@example.com", cx.name());
    cx.patched("C-07", form, &user, json!([{ "op": op(form, "add"), "path": WORK, "value": address }])).await.map(drop)
}

pub(in super::super) async fn pathless_dotted(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({ "name": { "familyName": "Jensen" } })).await?;
    let department = format!("{ENTERPRISE}:department");
    let mut both = json!({});
    for (path, value) in [("name.givenName", "Anne"), ("displayName", "Lead"), ("title", "Chief"), ("nickName", "Anne")]
    {
        if cx.maps(path) && both.as_object().is_some_and(|both| both.len() < 2) {
            both[path] = json!(value);
        }
    }
    let user = cx.patched("C-08", form, &user, json!([{ "op": "replace", "value": both }])).await?;
    if cx.kintone || !cx.maps(&department) {
        return Ok(());
    }
    let mut two = json!({ department: "Sales" });
    if cx.maps("title") {
        two["title"] = json!("Chief");
    }
    let two = json!([{ "op": "add", "value": two }]);
    let user = cx.patched("C-08", form, &user, two).await?;
    let object = json!([{ "op": "replace", "value": { ENTERPRISE: { "department": "Tours" } } }]);
    cx.patched("C-08", form, &user, object).await.map(drop)
}

pub(in super::super) async fn manager(cx: &mut Conversation, form: Form) -> Checked {
    let (first, second, user) = (cx.user(json!({})).await?, cx.user(json!({})).await?, cx.user(json!({})).await?);
    let path = format!("{ENTERPRISE}:manager");
    let mut now = user;
    for (verb, boss) in [("add", first), ("replace", second)] {
        let operations = json!([{ "op": op(form, verb), "path": path, "value": id_of(&boss) }]);
        let seen = cx.patch(form, &now, operations).await?;
        if cx.kintone {
            return cx.judged_accepted(&seen);
        }
        cx.verdict("C-16", &seen)?;
        now = seen.body;
    }
    Ok(())
}

impl Conversation {
    /// A Kintone-like endpoint takes what it does not store, and stores nothing of it.
    fn judged_accepted(&self, seen: &super::super::judge::Seen) -> Checked {
        if seen.status < 300 { Ok(()) } else { self.fails(refused(seen)) }
    }
}

pub(in super::super) async fn null_update(cx: &mut Conversation, form: Form) -> Checked {
    let Some(attribute) = cx.spare("") else { return Err(Finding::not_here("the mapping sends no plain text")) };
    for value in [json!(""), json!(null)] {
        let user = cx.user(nested(attribute, "Something")).await?;
        let operations = json!([{ "op": op(form, "replace"), "path": attribute, "value": value }]);
        cx.patched("C-20", form, &user, operations).await?;
    }
    if !cx.maps("externalId") {
        return Ok(());
    }
    let (one, two) = (cx.user(json!({ "externalId": cx.prefix_name() })).await?, cx.user(json!({})).await?);
    for user in [one, two] {
        let operations = json!([{ "op": op(form, "replace"), "path": "externalId", "value": "" }]);
        cx.patched("C-20", form, &user, operations).await?;
    }
    Ok(())
}

impl Conversation {
    fn prefix_name(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

pub(in super::super) async fn no_empty_200(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": op(form, "replace"), "path": "displayName", "value": "Other" }] });
    let seen = cx.write(form, http::Method::PATCH, &path_of(&user), Some(body)).await?;
    if seen.status >= 300 {
        return Err(Finding::skip(format!("the PATCH is refused: {}", refused(&seen))));
    }
    cx.verdict("C-21", &seen)
}

pub(in super::super) async fn add_existing(cx: &mut Conversation, form: Form) -> Checked {
    let Some(attribute) = cx.spare("") else { return Err(Finding::not_here("the mapping sends no plain text")) };
    let user = cx.user(nested(attribute, "Before")).await?;
    cx.patched("C-22", form, &user, json!([{ "op": op(form, "add"), "path": attribute, "value": "After" }]))
        .await
        .map(drop)
}

pub(in super::super) async fn atomic_patch(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let operations = json!([
        { "op": op(form, "replace"), "path": "displayName", "value": "Changed" },
        { "op": "explode", "path": "displayName", "value": "x" },
    ]);
    let seen = cx.patch(form, &user, operations).await?;
    if seen.status < 300 {
        return cx.fails("an operation that does not exist was accepted");
    }
    let read = cx.get(&path_of(&user), "").await?;
    if get(&read.body, "displayName") != get(&user, "displayName") {
        return cx.fails("the first operation was applied though the second was refused");
    }
    Ok(())
}

pub(in super::super) async fn valuepath_replace(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let address = format!("{}@example.com", cx.name());
    let operations = json!([{ "op": op(form, "replace"), "path": WORK, "value": address }]);
    let seen = cx.patch(form, &user, operations).await?;
    if seen.status == 400 {
        return cx.warns(format!("{} (RFC 7644 allows it, Entra then fails in every cycle)", refused(&seen)));
    }
    cx.verdict("C-25", &seen)
}

pub(in super::super) async fn urn_path(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let operations = json!([{ "op": op(form, "add"), "path": format!("{ENTERPRISE}:department"), "value": "Sales" }]);
    let seen = cx.patch(form, &user, operations).await?;
    if cx.kintone {
        return cx.judged_accepted(&seen);
    }
    cx.verdict("C-26", &seen)
}

pub(in super::super) async fn core_urn_path(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let operations = json!([{ "op": op(form, "replace"), "path": format!("{CORE}:displayName"), "value": "Other" }]);
    cx.patched("C-27", form, &user, operations).await.map(drop)
}

pub(in super::super) async fn manager_clear(cx: &mut Conversation, form: Form) -> Checked {
    let boss = cx.user(json!({})).await?;
    let user =
        cx.user(json!({ "schemas": [CORE, ENTERPRISE], ENTERPRISE: { "manager": { "value": id_of(&boss) } } })).await?;
    if get(&user, ENTERPRISE).and_then(|more| get(more, "manager")).is_none() {
        return Err(Finding::not_here("the endpoint keeps no manager"));
    }
    let path = format!("{ENTERPRISE}:manager");
    let operations = match form {
        Form::Legacy => json!([{ "op": "Replace", "path": path, "value": "" }]),
        Form::Flag => json!([{ "op": "remove", "path": format!("{path}[value eq \"{}\"]", id_of(&boss)) }]),
        Form::Okta | Form::Wizard | Form::Rfc => json!([{ "op": "remove", "path": path }]),
    };
    cx.patched("C-28", form, &user, operations).await.map(drop)
}

pub(in super::super) async fn roles_forms(cx: &mut Conversation, form: Form) -> Checked {
    let (one, two) = (json!({ "value": "Admin", "display": "A" }), json!({ "value": "User", "display": "U" }));
    let text = |value: &str| json!({ "value": json!({ "id": "1", "value": value, "displayName": value }).to_string() });
    let user = cx.user(json!({})).await?;
    let roles = match form {
        Form::Legacy => json!([text("Admin"), text("User")]),
        Form::Flag | Form::Okta | Form::Wizard | Form::Rfc => json!([one, two]),
    };
    let seen = cx.patch(form, &user, json!([{ "op": op(form, "add"), "path": "roles", "value": roles }])).await?;
    if cx.kintone {
        return cx.judged_accepted(&seen);
    }
    if seen.status >= 300 {
        return cx.fails(refused(&seen));
    }
    cx.roles_are(&seen.body, &["Admin", "User"])?;
    let operations =
        json!([{ "op": op(form, "replace"), "path": "roles", "value": [{ "value": "Owner", "display": "O" }] }]);
    let seen = cx.patch(form, &seen.body, operations).await?;
    if seen.status >= 300 {
        return cx.fails(refused(&seen));
    }
    cx.roles_are(&seen.body, &["Owner"])
}

impl Conversation {
    fn roles_are(&self, user: &Value, wanted: &[&str]) -> Checked {
        let roles = get(user, "roles").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut values: Vec<&str> = roles.iter().filter_map(|role| get(role, "value")?.as_str()).collect();
        values.sort_unstable();
        if values != wanted {
            return self.fails(format!("the roles are {values:?} instead of {wanted:?}"));
        }
        if roles.iter().any(|role| get(role, "displayName").is_some() && get(role, "display").is_none()) {
            return self.fails("roles come back with `displayName` instead of `display`");
        }
        Ok(())
    }
}

pub(in super::super) async fn roles_primary(cx: &mut Conversation, form: Form) -> Checked {
    let mut user = cx.user(json!({ "roles": [{ "primary": true, "value": "First" }] })).await?;
    for value in ["Second", "Third"] {
        let operations =
            json!([{ "op": op(form, "replace"), "path": "roles[primary eq \"True\"].value", "value": value }]);
        let seen = cx.patch(form, &user, operations).await?;
        if cx.kintone {
            return cx.judged_accepted(&seen);
        }
        if seen.status >= 300 {
            return cx.fails(refused(&seen));
        }
        let roles = get(&seen.body, "roles").and_then(Value::as_array).cloned().unwrap_or_default();
        let primary: Vec<_> = roles.iter().filter(|role| get(role, "primary") == Some(&json!(true))).collect();
        if primary.len() != 1 || get(primary[0], "value") != Some(&json!(value)) {
            return cx.fails(format!("the roles are {}, with `{value}` as the one primary wanted", Value::from(roles)));
        }
        user = seen.body;
    }
    Ok(())
}

pub(in super::super) async fn element_isolation(cx: &mut Conversation, form: Form) -> Checked {
    if cx.kintone {
        return Err(Finding::not_here("Kintone keeps one address (wire.md 20.1)"));
    }
    let name = cx.name();
    let emails = json!([{ "type": "work", "value": format!("{name}@example.com") },
        { "type": "home", "value": format!("{name}@home.example") }]);
    let user = cx.user(json!({ "emails": emails })).await?;
    let operations = json!([{ "op": op(form, "replace"), "path": WORK, "value": format!("{name}.new@example.com") }]);
    cx.patched("C-33", form, &user, operations).await.map(drop)
}

pub(in super::super) async fn types_kept(cx: &mut Conversation, form: Form) -> Checked {
    let name = cx.name();
    let mut emails = json!([{ "type": "work", "primary": true, "value": format!("{name}@example.com") }]);
    if cx.kintone {
        // It keeps the address and nothing else of the element; `active` stays a boolean all the same.
        emails = json!([{ "type": "work", "value": format!("{name}@example.com") }]);
    }
    let user = cx.user(json!({ "emails": emails })).await?;
    let operations = json!([{ "op": op(form, "replace"), "path": "displayName", "value": "Other" }]);
    cx.patched("C-34", form, &user, operations).await.map(drop)
}

pub(in super::super) async fn okta_pathless(cx: &mut Conversation, form: Form) -> Checked {
    let mut user = cx.user(json!({})).await?;
    for value in [false, true] {
        let status = json!({ "active": value });
        user = match form {
            Form::Wizard => cx.replaced("C-43", form, &user, status).await?,
            Form::Legacy | Form::Flag | Form::Okta | Form::Rfc => {
                cx.patched("C-43", form, &user, json!([{ "op": "replace", "value": status }])).await?
            }
        };
    }
    if cx.with_groups().is_ok() {
        let group = cx.group(&[]).await?;
        if form == Form::Wizard {
            let group = cx.replaced("C-43", form, &group, json!({ "members": [{ "value": id_of(&user) }] })).await?;
            let name = cx.name();
            return cx.replaced("C-43", form, &group, json!({ "displayName": name })).await.map(drop);
        }
        let operations = json!([{ "op": "replace", "value": { "members": [{ "value": id_of(&user) }] } }]);
        let group = cx.patched("C-43", form, &group, operations).await?;
        let renamed = json!([{ "op": "replace", "value": { "id": id_of(&group), "displayName": cx.name() } }]);
        cx.patched("C-43", form, &group, renamed).await?;
    }
    Ok(())
}

pub(in super::super) async fn no_etag(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let operations = json!([{ "op": op(form, "replace"), "path": "displayName", "value": "Other" }]);
    let seen = cx.patch(form, &user, operations).await?;
    match seen.status {
        412 | 428 => cx.fails(refused(&seen)),
        _ if seen.status >= 300 => Ok(()),
        _ => cx.verdict("C-52", &seen),
    }
}

pub(in super::super) async fn formatted(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({ "name": { "givenName": "A", "familyName": "B" } })).await?;
    for path in ["name.formatted", "displayName"] {
        let seen =
            cx.patch(form, &user, json!([{ "op": op(form, "replace"), "path": path, "value": "Other" }])).await?;
        if seen.status >= 300 {
            return cx.warns(format!("`{path}`: {}", refused(&seen)));
        }
    }
    Ok(())
}

pub(in super::super) async fn array_for_single(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let operations = json!([{ "op": op(form, "replace"), "path": "displayName", "value": [{ "value": "Other" }] }]);
    let seen = cx.patch(form, &user, operations).await?;
    if seen.status < 300 { Ok(()) } else { cx.warns(refused(&seen)) }
}

pub(in super::super) async fn multi_op(cx: &mut Conversation, form: Form) -> Checked {
    let address = format!("{}@example.com", cx.name());
    let emails = json!([{ "type": "work", "value": format!("old.{address}") }]);
    let user = cx.user(json!({ "name": { "givenName": "A", "familyName": "B" }, "emails": emails })).await?;
    let parts = [("displayName", json!("Other")), ("name.givenName", json!("C")), (WORK, json!(address))];
    let mapped = parts.into_iter().filter(|(path, _)| cx.maps(path)).chain([("active", flag(form, false))]);
    let mut operations: Vec<Value> =
        mapped.map(|(path, value)| json!({ "op": op(form, "replace"), "path": path, "value": value })).collect();
    if !cx.kintone && cx.maps(&format!("{ENTERPRISE}:department")) {
        operations.push(json!({ "op": op(form, "add"), "path": format!("{ENTERPRISE}:department"), "value": "Sales" }));
    }
    cx.patched("C-55", form, &user, Value::from(operations)).await.map(drop)
}

pub(in super::super) async fn restore(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({ "name": { "givenName": "A", "familyName": "B" } })).await?;
    let mut now = user.clone();
    for value in [false, true] {
        let status = json!({ "active": value });
        let operation = match form {
            Form::Wizard => {
                now = cx.replaced("C-57", form, &now, status).await?;
                continue;
            }
            Form::Okta => json!({ "op": "replace", "value": status }),
            Form::Legacy | Form::Flag | Form::Rfc => {
                json!({ "op": op(form, "replace"), "path": "active", "value": value })
            }
        };
        let seen = cx.patch(form, &now, json!([operation])).await?;
        if seen.status >= 300 {
            return cx.fails(refused(&seen));
        }
        now = seen.body;
    }
    let lost = super::super::state::differences(&user, &user, &now);
    if lost.is_empty() { Ok(()) } else { cx.fails(lost.join("; ")) }
}

pub(in super::super) async fn rename_user(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let old = get(&user, "userName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let new = format!("{}@example.com", cx.name());
    let operations = match form {
        Form::Flag => json!([{ "op": "replace", "value": { "userName": new } }]),
        Form::Legacy | Form::Okta | Form::Wizard | Form::Rfc => {
            json!([{ "op": op(form, "replace"), "path": "userName", "value": new }])
        }
    };
    let seen = cx.patch(form, &user, operations).await?;
    if cx.kintone {
        return match seen.status {
            400 => Ok(()),
            other => cx.warns(format!("{other} instead of 400 for a login name that cannot change")),
        };
    }
    cx.verdict("C-04", &seen)?;
    let mut found = cx.find(form, ObjectKind::User, "userName", &new).await?;
    found.current = seen.body;
    cx.verdict("C-03", &found)?;
    let gone = cx.find(form, ObjectKind::User, "userName", &old).await?;
    match judge("C-02", &gone) {
        Some(wrong) if wrong.status == Status::Fail => cx.fails("the old login name still finds the user"),
        _ => Ok(()),
    }
}
