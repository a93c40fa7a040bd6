//! Checks of groups and their members.

use http::Method;
use serde_json::{Value, json};

use super::super::conversation::{Checked, Conversation, Finding, Form, id_of, path_of};
use super::super::judge::{Seen, Status, judge, refused};
use super::super::state::get;
use crate::model::ObjectKind;

const GROUP: ObjectKind = ObjectKind::Group;

async fn users(cx: &mut Conversation, count: usize) -> Checked<Vec<String>> {
    cx.with_groups()?;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(id_of(&cx.user(json!({})).await?).to_owned());
    }
    Ok(ids)
}

async fn group_of(cx: &mut Conversation, ids: &[String]) -> Checked<Value> {
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    let group = cx.group(&members).await?;
    let held = get(&group, "members").and_then(Value::as_array).map_or(0, Vec::len);
    if held != ids.len() {
        return Err(Finding::skip(format!("a group made with {} members has {held}", ids.len())));
    }
    Ok(group)
}

fn capital(form: Form, verb: &'static str) -> String {
    match form {
        Form::Legacy => verb[..1].to_ascii_uppercase() + &verb[1..],
        Form::Flag | Form::Okta | Form::Wizard | Form::Rfc => verb.to_owned(),
    }
}

pub(in super::super) async fn member_remove(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 3).await?;
    let group = group_of(cx, &ids).await?;
    let operations = json!([{ "op": "Remove", "path": "members", "value": [{ "value": ids[1] }] }]);
    cx.patched("C-09", form, &group, operations).await.map(drop)
}

pub(in super::super) async fn member_add(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 3).await?;
    let mut group = group_of(cx, &ids[..2]).await?;
    for _ in 0..2 {
        let operations = json!([{ "op": capital(form, "add"), "path": "members", "value": [{ "value": ids[2] }] }]);
        group = cx.patched("C-10", form, &group, operations).await?;
    }
    Ok(())
}

pub(in super::super) async fn exclude_members(cx: &mut Conversation, _: Form) -> Checked {
    let ids = users(cx, 1).await?;
    let group = group_of(cx, &ids).await?;
    let mut read = cx.get(&path_of(&group), "excludedAttributes=members").await?;
    read.current = group.clone();
    cx.verdict("C-11", &read)?;
    let name = get(&group, "displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let seen = cx.find(Form::Legacy, GROUP, "displayName", &name).await?;
    if seen.status != 200 {
        return Ok(());
    }
    cx.verdict("C-11", &seen)
}

pub(in super::super) async fn ref_null(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 1).await?;
    let group = cx.group(&[]).await?;
    let operations =
        json!([{ "op": capital(form, "add"), "path": "members", "value": [{ "$ref": null, "value": ids[0] }] }]);
    cx.patched("C-29", form, &group, operations).await.map(drop)
}

pub(in super::super) async fn member_replace(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 3).await?;
    let group = group_of(cx, &ids[..2]).await?;
    let only = json!([{ "value": ids[2] }]);
    if form == Form::Wizard {
        return cx.replaced("C-30", form, &group, json!({ "members": only })).await.map(drop);
    }
    let operations = json!([{ "op": "replace", "path": "members", "value": only }]);
    cx.patched("C-30", form, &group, operations).await.map(drop)
}

pub(in super::super) async fn groups_probe(cx: &mut Conversation, form: Form) -> Checked {
    let seen = cx.find(form, GROUP, "displayName", &uuid::Uuid::new_v4().to_string()).await?;
    match (seen.status, cx.kintone) {
        (404, true) => Ok(()),
        (404, false) => cx.warns("groups are not offered: a job with groups switched on is quarantined"),
        (200, _) => Ok(()),
        // What is wrong with filters is told by the check for those.
        (400, _) => Ok(()),
        _ => cx.fails(refused(&seen)),
    }
}

pub(in super::super) async fn group_filter(cx: &mut Conversation, form: Form) -> Checked {
    // A group alone is found by a filter that is ignored.
    cx.group(&[]).await?;
    let group = cx.group(&[]).await?;
    let name = get(&group, "displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
    for name in [name.clone(), name.to_uppercase()] {
        let mut seen = cx.find(form, GROUP, "displayName", &name).await?;
        seen.current = group.clone();
        cx.verdict("C-40", &seen)?;
    }
    Ok(())
}

pub(in super::super) async fn many_members(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 150).await?;
    let group = cx.group(&[]).await?;
    let value: Value = ids.iter().map(|id| json!({ "value": id })).collect();
    let seen = cx.patch(form, &group, json!([{ "op": "add", "path": "members", "value": value }])).await?;
    if (400..500).contains(&seen.status) {
        return cx.warns(format!("150 members at once are refused: {}", refused(&seen)));
    }
    if seen.status >= 300 {
        return cx.fails(refused(&seen));
    }
    let held = get(&seen.body, "members").and_then(Value::as_array).map_or(0, Vec::len);
    if held == 150 { Ok(()) } else { cx.fails(format!("{held} of 150 members are there")) }
}

pub(in super::super) async fn unknown_id(cx: &mut Conversation, form: Form) -> Checked {
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "x" }] });
    let path = format!("/Users/{}", uuid::Uuid::new_v4());
    let seen = cx.write(form, Method::PATCH, &path, Some(body)).await?;
    if seen.status != 404 {
        return cx.warns(format!("a PATCH of an unknown id is answered with {}", seen.status));
    }
    if cx.with_groups().is_ok() {
        let (inner, outer) = (cx.group(&[]).await?, cx.group(&[]).await?);
        let operations = json!([{ "op": "add", "path": "members", "value": [{ "value": id_of(&inner) }] }]);
        let seen = cx.patch(form, &outer, operations).await?;
        if seen.status >= 500 {
            return cx.warns(format!("a group in a group: {}", refused(&seen)));
        }
    }
    Ok(())
}

pub(in super::super) async fn replace_scope(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 2).await?;
    let group = group_of(cx, &ids).await?;
    let renamed = json!([{ "op": "replace", "value": { "displayName": cx.name() } }]);
    let group = cx.patched("C-61", form, &group, renamed).await?;
    let operations = json!([{ "op": "replace", "path": "externalId", "value": cx.name() }]);
    let seen = cx.patch(form, &group, operations).await?;
    let members = |one: &Seen| get(&one.body, "members").and_then(Value::as_array).map_or(0, Vec::len);
    match judge("C-61", &seen) {
        Some(wrong) if wrong.status == Status::Fail && seen.status < 300 && members(&seen) != 2 => cx.fails(wrong.why),
        _ => Ok(()),
    }
}

pub(in super::super) async fn members_emptied(cx: &mut Conversation, form: Form) -> Checked {
    let ids = users(cx, 2).await?;
    let group = group_of(cx, &ids).await?;
    if form == Form::Wizard {
        return cx.replaced("C-62", form, &group, json!({ "members": [] })).await.map(drop);
    }
    cx.patched("C-62", form, &group, json!([{ "op": "replace", "path": "members", "value": [] }])).await?;
    let group = group_of(cx, &ids).await?;
    let name = get(&group, "displayName").cloned().unwrap_or_default();
    let whole = json!([{ "op": "replace", "value": { "members": [], "id": id_of(&group), "displayName": name } }]);
    cx.patched("C-62", form, &group, whole).await.map(drop)
}
