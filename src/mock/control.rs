//! The handle's view of the stand-in, and the same over HTTP under `/_standin/`:
//!
//! | request | does |
//! |---|---|
//! | `GET /_standin/users`, `GET /_standin/groups` | returns all of them as an array |
//! | `GET /_standin/requests` | returns the requests so far, in all and by method |
//! | `POST /_standin/propagate {"on": false}` | turns Propagate Provisioning off or on; on empties the list of locally deleted users |
//! | `POST /_standin/delete-locally {"userName": "sato"}` | deletes a user as an administrator would in Kintone |
//! | `POST /_standin/expire-tokens` | ends the validity of every token |
//! | `POST /_standin/tokens {"token": "…"}` | adds a valid token |
//!
//! These need no token: the stand-in is for trying things out.

use axum::body::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::failure::Refusal;
use super::journal::Record;
use super::matching::fold;
use super::query::Projection;
use super::schema::Resource;
use super::service::Service;
use super::store::Index;
use super::token::plain_json;

impl Service {
    pub(super) fn control(&self, what: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let done = |result: Result<Value, Refusal>| match result {
            Ok(body) => plain_json(StatusCode::OK, &body),
            Err(refusal) => plain_json(refusal.status, &json!({ "error": refusal.detail })),
        };
        let wrong = |expected: &str| {
            let error = json!({ "error": format!("the body must be {expected}") });
            plain_json(StatusCode::BAD_REQUEST, &error)
        };
        match (request.method().as_str(), what) {
            ("GET", "users") => plain_json(StatusCode::OK, &self.all(Resource::User).into()),
            ("GET", "groups") => plain_json(StatusCode::OK, &self.all(Resource::Group).into()),
            ("GET", "requests") => {
                let by_method = self.counts().clone();
                let total: u64 = by_method.values().sum();
                let body = json!({"total": total, "byMethod": by_method});
                plain_json(StatusCode::OK, &body)
            }
            ("POST", "propagate") => match body.get("on").and_then(Value::as_bool) {
                Some(on) => done(self.set_propagate(on).map(|()| json!({"on": on}))),
                None => wrong("`{\"on\": true}` or `{\"on\": false}`"),
            },
            ("POST", "delete-locally") => match body.get("userName").and_then(Value::as_str) {
                Some(name) => done(self.delete_locally(name).map(|was| json!({"deleted": was}))),
                None => wrong("`{\"userName\": \"…\"}`"),
            },
            ("POST", "expire-tokens") => done(Ok(json!({"expired": self.tokens.expire_all()}))),
            ("POST", "tokens") => match body.get("token").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    self.tokens.add(token, None);
                    done(Ok(json!({"added": true})))
                }
                Some(_) | None => wrong("`{\"token\": \"…\"}`"),
            },
            _ => plain_json(StatusCode::NOT_FOUND, &json!({"error": "no such control"})),
        }
    }

    /// Returns every resource of a kind as JSON, in the order of creation.
    pub(super) fn all(&self, resource: Resource) -> Vec<Value> {
        let store = self.read();
        store
            .of(resource)
            .iter()
            .map(|(id, entry)| {
                let mut doc = entry.doc();
                self.complete(&store, resource, id, entry, &mut doc);
                Value::Object(doc)
            })
            .collect()
    }

    pub(super) fn set_propagate(&self, on: bool) -> Result<(), Refusal> {
        let mut store = self.write();
        if on && !store.propagate {
            store.deleted_locally.clear();
        }
        store.propagate = on;
        self.record(&Record::state(&store))
    }

    /// Deletes a user as an administrator does in Kintone: not over SCIM, and remembered.
    pub(super) fn delete_locally(&self, user_name: &str) -> Result<bool, Refusal> {
        let mut store = self.write();
        let found = store.users.find(Index::Name, user_name).next();
        let Some(id) = found.map(|(id, _)| id.to_owned()) else {
            return Ok(false);
        };
        store.deleted_locally.insert(fold(user_name));
        self.record(&Record::state(&store))?;
        let resource = Resource::User;
        self.record(&Record::Gone { resource, id: &id })?;
        Ok(store.remove(resource, &id))
    }

    /// Puts a resource in as if it had always been there, under its own `id` if it has one.
    pub(super) fn seed(&self, resource: Resource, body: &Value) -> Result<Value, Refusal> {
        let Value::Object(body) = body else {
            return Err(Refusal::invalid_syntax("a resource must be an object"));
        };
        let id = match body.get("id").and_then(Value::as_str) {
            None => {
                let answer = self.create(resource, body)?;
                let body = answer.body.unwrap_or_default();
                return serde_json::from_slice(&body).map_err(|error| Refusal::invalid_syntax(error.to_string()));
            }
            Some(id) => id,
        };
        let attributes = self.shaper(resource).body(body)?;
        let mut store = self.write();
        self.commit(&mut store, resource, id, attributes, None)?;
        self.shown(&store, resource, id)
    }

    fn shown(&self, store: &super::store::Store, resource: Resource, id: &str) -> Result<Value, Refusal> {
        let entry = store.of(resource).get(id).ok_or_else(|| Refusal::not_found(id))?;
        let body = self.render(store, resource, id, entry, &Projection::default());
        serde_json::from_slice(&body).map_err(|error| Refusal::invalid_syntax(error.to_string()))
    }

    /// Replaces what a client may set of a resource, as an administrator would by hand.
    pub(super) fn overwrite(
        &self,
        resource: Resource,
        id: &str,
        attributes: Map<String, Value>,
    ) -> Result<Value, Refusal> {
        self.replace(resource, id, &attributes, &HeaderMap::new())?;
        self.shown(&self.read(), resource, id)
    }
}
