//! Checks of creating, finding, reading and deleting users.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

use super::super::conversation::{CORE_USER, Checked, Conversation, Finding, Form, bare, id_of, merge, path_of};
use super::super::judge::{Judgement, Status, judge, refused, resources};
use super::super::location::astray;
use super::super::state::{covers, get};
use crate::model::ObjectKind;
use crate::target::Shown;
use crate::wire::segment;

const USER: ObjectKind = ObjectKind::User;

fn login(user: &Value) -> String {
    get(user, "userName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(in super::super) async fn list_shape(cx: &mut Conversation, form: Form) -> Checked {
    let seen = cx.find(form, USER, "userName", &uuid::Uuid::new_v4().to_string()).await?;
    cx.verdict("C-01", &seen)
}

pub(in super::super) async fn filter_honoured(cx: &mut Conversation, form: Form) -> Checked {
    cx.user(json!({})).await?;
    let seen = cx.find(form, USER, "userName", &uuid::Uuid::new_v4().to_string()).await?;
    cx.verdict("C-02", &seen)?;
    // A strange group is matched as a strange user is. Groups that cannot be made are the matter of other checks.
    if cx.with_groups().is_ok() && cx.group(&[]).await.is_ok() {
        let seen = cx.find(form, ObjectKind::Group, "displayName", &uuid::Uuid::new_v4().to_string()).await?;
        cx.verdict("C-02", &seen)?;
    }
    Ok(())
}

pub(in super::super) async fn filter_case(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let mut seen = cx.find(form, USER, "userName", &login(&user).to_uppercase()).await?;
    seen.current = user;
    cx.verdict("C-03", &seen)
}

pub(in super::super) async fn no_accept(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let request = cx.wire(form.dialect()).write(Method::GET, path_of(&user), None);
    let seen = cx.send(request).await?;
    cx.verdict("C-06", &seen)
}

fn full(cx: &mut Conversation) -> Value {
    let name = cx.name();
    let mut body = json!({
        "schemas": [CORE_USER], "externalId": name, "userName": format!("{name}@example.com"), "active": true,
        "displayName": "Babs Jensen", "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "type": "work", "primary": true, "value": format!("{name}@example.com") }],
    });
    if cx.kintone {
        // It keeps the address and nothing else of the element.
        body["emails"] = json!([{ "type": "work", "value": format!("{name}@example.com") }]);
    }
    cx.keep_to_mapping(&mut body);
    body
}

pub(in super::super) async fn conflict(cx: &mut Conversation, form: Form) -> Checked {
    let body = full(cx);
    let first = cx.write(Form::Rfc, Method::POST, "/Users", Some(body.clone())).await?;
    if first.status >= 300 {
        return Err(Finding::skip(format!("no user could be made: {}", refused(&first))));
    }
    let seen = cx.write(form, Method::POST, "/Users", Some(body.clone())).await?;
    cx.verdict("C-12", &seen)?;
    let mut shouted = body;
    shouted["userName"] = json!(login(&shouted).to_uppercase());
    let seen = cx.write(form, Method::POST, "/Users", Some(shouted)).await?;
    cx.verdict("C-12", &seen)
}

pub(in super::super) async fn create_echo(cx: &mut Conversation, form: Form) -> Checked {
    let mut body = full(cx);
    if form == Form::Legacy {
        merge(&mut body, json!({ "meta": { "resourceType": "User" } }));
    }
    let mut seen = cx.write(form, Method::POST, "/Users", Some(body.clone())).await?;
    let answered = cx.verdict("C-13", &seen);
    let write = cx.last.clone();
    if seen.status < 300 && get(&seen.body, "id").is_some() {
        let read = cx.get(&format!("/Users/{}", segment(id_of(&seen.body))), "").await?;
        seen.body = read.body;
        let kept = judge("C-13", &seen).filter(|kept| kept.status == Status::Fail);
        if let (Ok(()), Some(kept)) = (&answered, kept) {
            return cx.fails(format!("read back: {}", kept.why));
        }
        seen.location = read.location;
        if let (Ok(()), Some(astray)) = (&answered, astray(&seen)) {
            return cx.warns(format!("read back: {astray}"));
        }
    }
    cx.last = write;
    answered
}

pub(in super::super) async fn inactive_visible(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let path = path_of(&user);
    let off = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    let done = cx.write(Form::Rfc, Method::PATCH, &path, Some(off)).await?;
    if done.status >= 300 {
        return Err(Finding::skip(format!("no user could be disabled: {}", refused(&done))));
    }
    let seen = cx.get(&path, "").await?;
    cx.verdict("C-14", &seen)?;
    let mut seen = cx.find(form, USER, "userName", &login(&user)).await?;
    seen.body = json!({ "Resources": resources(&seen.body) });
    cx.verdict("C-14", &seen)
}

pub(in super::super) async fn delete_twice(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let path = path_of(&user);
    let mut seen = cx.write(form, Method::DELETE, &path, None).await?;
    seen.current = user;
    cx.verdict("C-15", &seen)?;
    for method in [Method::GET, Method::DELETE] {
        let seen = cx.write(Form::Rfc, method, &path, None).await?;
        cx.verdict("C-15", &seen)?;
    }
    Ok(())
}

pub(in super::super) async fn content_type(cx: &mut Conversation, _: Form) -> Checked {
    cx.user(json!({})).await?;
    let seen = cx.get("/Users", "startIndex=1&count=1").await?;
    let odd = cx.odd_types.iter().max_by_key(|odd| odd.status).cloned();
    match odd {
        Some(odd) => cx.judged(odd),
        None => cx.verdict("C-17", &seen),
    }
}

pub(in super::super) async fn error_shape(cx: &mut Conversation, form: Form) -> Checked {
    let seen = cx.get(&format!("/Users/{}", uuid::Uuid::new_v4()), "").await?;
    cx.verdict("C-18", &seen)?;
    let seen = cx.get("/Users", "filter=userName%20zz%20%22x%22").await?;
    if seen.status >= 400 {
        cx.verdict("C-18", &seen)?;
    } else {
        return cx.warns(format!("a filter that is none is answered with {}", seen.status));
    }
    let mut raw = bare(cx.wire(form.dialect()).write(Method::POST, "/Users".to_owned(), Some(json!({}))));
    raw.body = Some(Bytes::from_static(b"{\"schemas\": ["));
    let seen = cx.raw(raw).await?;
    cx.verdict("C-18", &seen)
}

pub(in super::super) async fn paging(cx: &mut Conversation, form: Form) -> Checked {
    let mut made = Vec::new();
    for _ in 0..12 {
        made.push(id_of(&cx.user(json!({})).await?).to_owned());
    }
    let (mut start, mut found) = (1, Vec::new());
    for _ in 0..400 {
        let seen = cx.get("/Users", &format!("startIndex={start}&count=5")).await?;
        cx.verdict("C-19", &seen)?;
        let page = resources(&seen.body);
        if page.len() > 5 {
            return cx.fails(format!("{} resources for `count=5`", page.len()));
        }
        found.extend(page.iter().map(|one| id_of(one).to_owned()));
        start += page.len();
        let total = get(&seen.body, "totalResults").and_then(Value::as_u64).unwrap_or_default();
        if page.is_empty() || start as u64 > total {
            break;
        }
    }
    if let Some(missing) = made.iter().find(|id| found.iter().filter(|one| one == id).count() != 1) {
        let times = found.iter().filter(|one| *one == missing).count();
        return cx.fails(format!("a user came {times} times instead of once while walking the pages"));
    }
    let seen = cx.get("/Users", "startIndex=1&count=0").await?;
    if seen.status != 200 || !resources(&seen.body).is_empty() {
        return cx.warns("`count=0` brings resources");
    }
    let seen = cx.get("/Users", "startIndex=1000000&count=5").await?;
    if seen.status != 200 || !resources(&seen.body).is_empty() {
        return cx.fails("a `startIndex` behind the end does not bring an empty page");
    }
    let _ = form;
    Ok(())
}

pub(in super::super) async fn id_stable(cx: &mut Conversation, form: Form) -> Checked {
    let body = full(cx);
    let mut made = cx.write(form, Method::POST, "/Users", Some(body.clone())).await?;
    if made.status >= 300 || id_of(&made.body).is_empty() {
        return Err(Finding::skip(format!("no user could be made: {}", refused(&made))));
    }
    let user = made.body.take();
    let path = format!("/Users/{}", segment(id_of(&user)));
    let mut seen = cx.get(&path, "").await?;
    match seen.status {
        200 => {}
        404 => return cx.fails("what was made is not found by the `id` of the create"),
        _ => return Err(Finding::skip(format!("what was made cannot be read: {}", refused(&seen)))),
    }
    seen.current = user.clone();
    cx.verdict("C-23", &seen)?;
    let seen = cx.find(form, USER, "userName", &login(&body)).await?;
    match resources(&seen.body).first() {
        Some(one) if id_of(one) == id_of(&user) => {}
        Some(_) => return cx.fails("the `id` in a list differs"),
        None => return Err(Finding::skip("the user is not found by its name")),
    }
    let renamed = json!([{ "op": "replace", "path": "displayName", "value": "Other" }]);
    let mut seen = cx.patch_alone(form, &path, renamed).await?;
    // What is no resource is told by C-21, and what is refused by the checks of PATCH.
    if seen.status < 300 && get(&seen.body, "id").is_some() {
        seen.current = user.clone();
        cx.verdict("C-23", &seen)?;
    }
    let mut seen = cx.get(&path, "").await?;
    if seen.status != 200 {
        return cx.fails(format!("after a PATCH the user is not found by its `id`: {}", refused(&seen)));
    }
    seen.current = user;
    cx.verdict("C-23", &seen)
}

pub(in super::super) async fn filter_valuepath(cx: &mut Conversation, form: Form) -> Checked {
    let address = format!("{}@example.com", cx.name());
    let user = cx.user(json!({ "emails": [{ "type": "work", "value": address }] })).await?;
    let mut seen = cx.find(form, USER, "emails[type eq \"work\"].value", &address).await?;
    if cx.kintone && seen.status == 400 {
        // Its matching attributes are `userName` and `externalId`; anything else it has to refuse (wire.md 20.2).
        return Ok(());
    }
    seen.current = user;
    cx.verdict("C-35", &seen)
}

pub(in super::super) async fn charset(cx: &mut Conversation, _: Form) -> Checked {
    let body = full(cx);
    let seen = cx.write(Form::Okta, Method::POST, "/Users", Some(body)).await?;
    match seen.status {
        200..300 => Ok(()),
        _ => cx.fails(refused(&seen)),
    }
}

pub(in super::super) async fn attribute_case(cx: &mut Conversation, form: Form) -> Checked {
    let name = format!("{}@example.com", cx.name());
    let body = json!({ "schemas": [CORE_USER], "username": name, "active": true });
    let seen = cx.write(Form::Rfc, Method::POST, "/Users", Some(body)).await?;
    if seen.status >= 300 {
        return cx.fails(format!("`username` for `userName`: {}", refused(&seen)));
    }
    let user = cx.user(json!({})).await?;
    let seen = cx.patch(form, &user, json!([{ "op": "replace", "path": "DisplayName", "value": "Other" }])).await?;
    cx.verdict("C-04", &seen)
}

pub(in super::super) async fn base_forms(cx: &mut Conversation, _: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let id = segment(id_of(&user));
    let plain = cx.get(&format!("/Users/{id}"), "").await?;
    for path in [format!("/Users/{id}/"), format!("//Users/{id}")] {
        let other = cx.get(&path, "").await?;
        if other.status != plain.status {
            return cx.warns(format!("`{path}` is answered with {} instead of {}", other.status, plain.status));
        }
    }
    Ok(())
}

pub(in super::super) async fn filter_externalid(cx: &mut Conversation, form: Form) -> Checked {
    let external = cx.name();
    let user = cx.user(json!({ "externalId": external })).await?;
    if get(&user, "externalId").is_none() {
        return cx.fails("`externalId` is not returned");
    }
    let mut seen = cx.find(form, USER, "externalId", &external).await?;
    seen.current = user;
    cx.verdict("C-41", &seen)
}

pub(in super::super) async fn probe_latency(cx: &mut Conversation, form: Form) -> Checked {
    let mut took = Vec::new();
    for _ in 0..20 {
        took.push(cx.timed(form, "userName").await?);
        // Five slow ones say enough.
        if took.len() >= 5 && took.iter().all(|one| *one > Duration::from_secs(1)) {
            break;
        }
    }
    took.sort();
    let median = took[took.len() / 2];
    if median >= Duration::from_secs(1) {
        return cx.warns(format!("the median of {} probes is {} ms", took.len(), median.as_millis()));
    }
    if cx.load {
        let before = cx.throttled;
        for _ in 0..250 {
            let begun = std::time::Instant::now();
            let seen = cx.find(form, USER, "userName", &uuid::Uuid::new_v4().to_string()).await?;
            if seen.status >= 500 {
                return cx.warns(format!("{} under 25 requests a second", seen.status));
            }
            tokio::time::sleep(Duration::from_millis(40).saturating_sub(begun.elapsed())).await;
        }
        if cx.throttled != before {
            return cx.warns("429 under 25 requests a second");
        }
    }
    Ok(())
}

pub(in super::super) async fn unknown_urn(cx: &mut Conversation, _: Form) -> Checked {
    let mut body = full(cx);
    let urn = "urn:ietf:params:scim:schemas:extension:unknown:2.0:User";
    body["schemas"] = json!([CORE_USER, urn]);
    body[urn] = json!({ "colour": "blue" });
    let seen = cx.write(Form::Rfc, Method::POST, "/Users", Some(body)).await?;
    if seen.status < 300 { Ok(()) } else { cx.fails(refused(&seen)) }
}

pub(in super::super) async fn put_merge(cx: &mut Conversation, form: Form) -> Checked {
    let user = cx.user(json!({ "name": { "givenName": "A", "familyName": "B" } })).await?;
    let mut body = user.clone();
    body["displayName"] = json!("Renamed");
    cx.put_applied(form, &user, body).await?;
    if cx.with_groups().is_ok() {
        let group = cx.group(&[]).await?;
        let mut body = group.clone();
        body["displayName"] = json!(format!("{} renamed", cx.name()));
        cx.put_applied(form, &group, body).await?;
    }
    Ok(())
}

impl Conversation {
    async fn put_applied(&mut self, form: Form, resource: &Value, body: Value) -> Checked {
        let path = path_of(resource);
        let seen = self.write(form, Method::PUT, &path, Some(body.clone())).await?;
        if seen.status >= 300 {
            return self.fails(refused(&seen));
        }
        let write = self.last.clone();
        let read = self.get(&path, "").await?;
        self.last = write;
        let name = get(&read.body, "displayName").unwrap_or(&Value::Null);
        if *name != body["displayName"] {
            return self.fails(format!("`displayName` is {name} after a PUT of {}", body["displayName"]));
        }
        Ok(())
    }
}

pub(in super::super) async fn discovery(cx: &mut Conversation, _: Form) -> Checked {
    for (path, list) in [("/ServiceProviderConfig", false), ("/Schemas", true), ("/ResourceTypes", true)] {
        let seen = cx.get(path, "").await?;
        if seen.status != 200 {
            return cx.warns(format!("`{path}`: {}", refused(&seen)));
        }
        if list {
            let shape = super::super::judge::is_list(&seen);
            shape.or_else(|wrong| cx.judged(Judgement { why: format!("`{path}`: {}", wrong.why), ..wrong }))?;
        } else if !seen.body["patch"]["supported"].is_boolean() {
            return cx.fails("`patch.supported` of `/ServiceProviderConfig` is not a boolean");
        }
    }
    Ok(())
}

pub(in super::super) async fn values_kept(cx: &mut Conversation, _: Form) -> Checked {
    let name = cx.name();
    let sent = json!({
        "userName": format!("{name}.MiXed@Example.com"), "displayName": "Jörg  山田 太郎 😀",
        "name": { "givenName": "Łukasz", "familyName": "O'Brien & Söhne" },
        "emails": [{ "type": "work", "value": format!("{name}.MiXed@Example.com") }],
    });
    let user = cx.user(sent.clone()).await?;
    let mut kept = sent.clone();
    cx.keep_to_mapping(&mut kept);
    for (key, wanted) in kept.as_object().into_iter().flatten() {
        let found = get(&user, key).unwrap_or(&Value::Null);
        if !covers(wanted, found) {
            return cx.fails(format!("`{key}` is {found} instead of {wanted}"));
        }
    }
    Ok(())
}

pub(in super::super) async fn verbs(cx: &mut Conversation, _: Form) -> Checked {
    let user = cx.user(json!({})).await?;
    let path = path_of(&user);
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let body = (method != Method::DELETE).then(|| json!({}));
        let seen = cx.write(Form::Rfc, method.clone(), &path, body).await?;
        if matches!(seen.status, 405 | 501) {
            return cx.fails(format!("{method} is answered with {}", seen.status));
        }
    }
    Ok(())
}

pub(in super::super) async fn bad_token(cx: &mut Conversation, form: Form) -> Checked {
    let list = cx.get("/Users", "startIndex=1&count=1").await?;
    if list.status == 401 {
        return cx.fails("the right token is refused");
    }
    for (what, shown) in [
        ("a wrong token", Shown::Text("Bearer not-the-token".to_owned())),
        ("an empty token", Shown::Text("Bearer ".to_owned())),
        ("no token", Shown::None),
    ] {
        let mut raw = bare(cx.wire(form.dialect()).write(Method::GET, "/Users".to_owned(), None));
        raw.identity = shown;
        raw.headers.push(("accept", "application/scim+json".to_owned()));
        let seen = cx.raw(raw).await?;
        if seen.status < 300 {
            // An endpoint that was reached without a token is open on purpose.
            return match cx.open() {
                true => Err(Finding::not_here("the endpoint asks for no token")),
                false => cx.fails(format!("{what} is answered with data")),
            };
        }
        if seen.status != 401 {
            return cx.fails(format!("{what} is answered with {} instead of 401", seen.status));
        }
        let shape = judge("C-18", &seen).filter(|shape| shape.status == Status::Fail);
        if let Some(shape) = shape {
            return cx.warns(format!("{what}: {}", shape.why));
        }
    }
    Ok(())
}

pub(in super::super) async fn throttling(cx: &mut Conversation, form: Form) -> Checked {
    if cx.load {
        for _ in 0..200 {
            if cx.throttled != (0, 0) {
                break;
            }
            cx.find(form, USER, "userName", &uuid::Uuid::new_v4().to_string()).await?;
        }
    }
    match cx.throttled {
        (0, 0) if cx.load => Ok(()),
        (0, 0) => Err(Finding::skip("no answer 429 came; `--load` asks for one")),
        (0, _) => Ok(()),
        (without, _) => cx.fails(format!("{without} answers 429 without `Retry-After`")),
    }
}

pub(in super::super) async fn filter_encoding(cx: &mut Conversation, _: Form) -> Checked {
    for part in ["a+b", "o'neil", "r&d", "x#y", "100%", "山田", "two words"] {
        let name = format!("{} {part}", cx.name());
        let address = format!("{}@example.com", cx.name());
        let user = cx.user(json!({ "userName": name, "emails": [{ "type": "work", "value": address }] })).await?;
        for form in [Form::Legacy, Form::Rfc] {
            let mut seen = cx.find(form, USER, "userName", &name).await?;
            seen.current = user.clone();
            cx.verdict("C-56", &seen)?;
        }
    }
    Ok(())
}

pub(in super::super) async fn reuse_after_delete(cx: &mut Conversation, form: Form) -> Checked {
    let body = full(cx);
    let first = cx.write(Form::Rfc, Method::POST, "/Users", Some(body.clone())).await?;
    if first.status >= 300 {
        return Err(Finding::skip(format!("no user could be made: {}", refused(&first))));
    }
    let gone = cx.write(Form::Rfc, Method::DELETE, &format!("/Users/{}", segment(id_of(&first.body))), None).await?;
    if gone.status >= 300 {
        return Err(Finding::skip(format!("no user could be deleted: {}", refused(&gone))));
    }
    let seen = cx.write(form, Method::POST, "/Users", Some(body)).await?;
    match (seen.status, cx.kintone) {
        (200..300, _) | (409, true) => Ok(()),
        _ => cx.fails(refused(&seen)),
    }
}

pub(in super::super) async fn reassign(cx: &mut Conversation, form: Form) -> Checked {
    let body = full(cx);
    let first = cx.write(Form::Rfc, Method::POST, "/Users", Some(body.clone())).await?;
    if first.status >= 300 {
        return Err(Finding::skip(format!("no user could be made: {}", refused(&first))));
    }
    let user = first.body;
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    let off = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": off });
    let done = cx.write(Form::Rfc, Method::PATCH, &format!("/Users/{}", segment(id_of(&user))), Some(off)).await?;
    if done.status >= 300 {
        return Err(Finding::skip(format!("no user could be disabled: {}", refused(&done))));
    }
    let seen = cx.write(Form::Rfc, Method::POST, "/Users", Some(body)).await?;
    if seen.status != 409 {
        return cx.fails(format!("{} instead of 409 for the login name of an inactive user", seen.status));
    }
    let mut seen = cx.find(form, USER, "userName", &login(&user)).await?;
    seen.current = user;
    cx.judged(match judge("C-03", &seen) {
        Some(wrong) if wrong.status != Status::Pass => {
            Judgement { why: format!("the inactive user is not found by filter: {}", wrong.why), ..wrong }
        }
        _ => Judgement { status: Status::Pass, why: String::new() },
    })
}
