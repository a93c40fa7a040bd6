//! The vectors of kind `serve`: what a Kintone-like target answers (wire.md 20.2, 22).

use std::path::PathBuf;

use axum::body::Bytes;
use http::{Request, Response};
use provisiond::mock::{Options, Profile, Service};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let folder = match std::env::var_os("PROVISIOND_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"),
    };
    let path = folder.join("wire.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).unwrap();
    let all = file["vectors"].as_array().expect("`vectors` is an array");
    all.iter().filter(|vector| vector["kind"] == "serve").cloned().collect()
}

fn request(vector: &Value) -> Request<Bytes> {
    let asked = &vector["request"];
    let mut uri = format!("/scim/v2{}", asked["path"].as_str().unwrap_or_default());
    match asked["query"].as_str() {
        None | Some("") => {}
        Some(query) => uri = format!("{uri}?{query}"),
    }
    let mut builder = Request::builder().method(asked["method"].as_str().unwrap_or("GET")).uri(uri);
    for (name, value) in asked["headers"].as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            builder = builder.header(name, value);
        }
    }
    let body = match asked.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(body) => Bytes::from(body.to_string()),
    };
    builder.body(body).unwrap()
}

/// Says whether `got` holds everything that `wanted` shows; `schemas` is a set.
fn shows(wanted: &Value, got: &Value, name: &str) -> bool {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().all(|(name, value)| got.get(name).is_some_and(|got| shows(value, got, name)))
        }
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len()
                && match name {
                    "schemas" => wanted.iter().all(|urn| got.contains(urn)),
                    _ => wanted.iter().zip(got).all(|(w, g)| shows(w, g, "")),
                }
        }
        (Value::String(wanted), Value::String(got)) => match wanted.as_str() {
            "{random}" => !got.is_empty(),
            wanted => wanted == got,
        },
        (wanted, got) => wanted == got,
    }
}

fn differences(vector: &Value, response: &Response<Bytes>) -> Vec<String> {
    let wanted = &vector["response"];
    let mut out = Vec::new();
    let status = u64::from(response.status().as_u16());
    let write = ["PUT", "PATCH"].contains(&vector["request"]["method"].as_str().unwrap_or(""));
    let no_body = status == 204 && wanted["status"] == 200 && write;
    if wanted["status"].as_u64() != Some(status) && !no_body {
        out.push(format!("status {status}, not {}", wanted["status"]));
    }
    for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
        let got = response.headers().get(name).map(|got| got.to_str().unwrap());
        // A media type may carry parameters.
        let bare = got.map(|got| got.split(';').next().unwrap_or(got));
        let same = value.as_str() == got || name.eq_ignore_ascii_case("content-type") && value.as_str() == bare;
        if !same && !no_body {
            out.push(format!("header {name} is {got:?}, not {value}"));
        }
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    match wanted.get("body") {
        None | Some(Value::Null) => {}
        Some(_) if no_body => {}
        Some(wanted) if shows(wanted, &body, "") => {}
        Some(wanted) => out.push(format!("body {body}, not {wanted}")),
    }
    out
}

#[test]
fn serve_vectors_are_answered_as_written() {
    let vectors = vectors();
    assert!(!vectors.is_empty(), "there are no serve vectors");
    let (mut run, mut wrong) = (0, Vec::new());
    for vector in &vectors {
        let id = vector["id"].as_str().expect("a vector has an id");
        let options = Options { profile: Profile::Kintone, ..Options::default() };
        let service = Service::open(&options, "https://example.cybozu.com/scim/v2").unwrap();
        for user in vector["current"].as_array().into_iter().flatten() {
            service.create_user(user).unwrap();
        }
        let response = service.answer(&request(vector));
        let differences = differences(vector, &response);
        run += 1;
        match differences.is_empty() {
            true => println!("{id} ok"),
            false => {
                println!("{id} WRONG {}", differences.join("; "));
                wrong.push(id);
            }
        }
    }
    assert_eq!(run, vectors.len());
    assert!(wrong.is_empty(), "wrong: {wrong:?}");
}
