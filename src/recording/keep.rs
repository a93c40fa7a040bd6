//! Turns what was heard of an exchange into an entry of the file.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use jiff::Timestamp;

use super::har::{Content, Empty, Entry, Pair, PostData, Request, Response, Timings, pairs_of};
use super::secrets::{self, Secrets};
use super::tee::Kept;
use super::writer::Writer;
use crate::target::unpacked;
use crate::wire::{Fault, FaultKind};

/// Longest body that is kept after unpacking, in bytes.
pub(super) const LIMIT: usize = 2 << 20;

/// Keeps exchanges, one after the other as they end.
pub struct Recorder {
    kept: Mutex<(Writer, Secrets)>,
    heard: Box<dyn Fn(&Heard) + Send + Sync>,
}

/// One exchange, for a line of the log.
#[derive(Debug)]
pub struct Heard {
    pub method: Method,
    /// Path and query, without secrets.
    pub path: String,
    pub status: Option<u16>,
    pub milliseconds: u64,
    /// Why there was no answer, or why the exchange was not kept.
    pub trouble: Option<String>,
}

/// What is known of an exchange while it goes on.
#[derive(Debug)]
pub(super) struct Draft {
    pub began: Timestamp,
    pub clock: Instant,
    pub method: Method,
    pub url: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub sent: Kept,
    /// The head of the answer and how long it took, or why there is none.
    pub answer: Result<Head, Fault>,
    pub received: Kept,
}

#[derive(Debug)]
pub(super) struct Head {
    pub status: StatusCode,
    /// The words beside the status, where they are not the usual ones.
    pub reason: Option<String>,
    pub version: Version,
    pub headers: HeaderMap,
    pub after: f64,
}

impl Recorder {
    /// Begins the file; `heard` is told of every exchange.
    ///
    /// # Errors
    /// The file cannot be written, or holds something.
    pub fn create(path: &Path, base: &str, heard: impl Fn(&Heard) + Send + Sync + 'static) -> io::Result<Self> {
        let writer = Writer::create(path, base)?;
        Ok(Self { kept: Mutex::new((writer, Secrets::default())), heard: Box::new(heard) })
    }

    pub(super) fn keep(&self, draft: Draft) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (writer, secrets) = &mut *kept;
        let method = draft.method.clone();
        let entry = entry(draft, secrets);
        let written = writer.add(&entry);
        drop(kept);
        let trouble = match written {
            Ok(()) => entry.comment,
            Err(error) => Some(format!("not kept: {error}")),
        };
        let path = entry.request.url.parse::<Uri>().ok().and_then(|uri| Some(uri.path_and_query()?.to_string()));
        (self.heard)(&Heard {
            method,
            path: path.unwrap_or(entry.request.url),
            status: u16::try_from(entry.response.status).ok().filter(|status| *status > 0),
            milliseconds: entry.time.round() as u64,
            trouble,
        });
    }
}

fn entry(draft: Draft, secrets: &mut Secrets) -> Entry {
    let whole = draft.clock.elapsed().as_secs_f64() * 1000.0;
    let mut headers = pairs_of(&draft.headers);
    secrets.headers(&mut headers);
    let mut request = Request {
        method: draft.method.to_string(),
        url: String::new(),
        http_version: format!("{:?}", draft.version),
        cookies: Vec::new(),
        headers,
        query_string: Vec::new(),
        post_data: post_data(&draft.sent, &draft.headers, secrets),
        headers_size: -1,
        body_size: draft.sent.size(),
    };
    address(&mut request, &draft.url, secrets);
    let (mut response, after, mut fault) = match draft.answer {
        Ok(head) => (answer(&head, &draft.received, secrets), head.after, None),
        Err(fault) => (nothing(), whole, Some(fault)),
    };
    if let (None, Some(cut)) = (&fault, draft.received.fault()) {
        fault = Some(cut.clone());
        response.content.partial = true;
    }
    for header in request.headers.iter_mut().chain(&mut response.headers) {
        header.value = secrets.masked_text(std::mem::take(&mut header.value));
    }
    Entry {
        started_date_time: draft.began.to_string(),
        time: whole,
        request,
        response,
        cache: Empty::default(),
        timings: Timings { send: 0.0, wait: after, receive: (whole - after).max(0.0) },
        fault: fault.as_ref().map(|fault| name(fault.kind).to_owned()),
        comment: fault.map(|fault| fault.message),
    }
}

fn address(request: &mut Request, url: &Uri, secrets: &Secrets) {
    let query = url.query().map(|query| secrets::form(query).unwrap_or_else(|| query.to_owned()));
    let (scheme, authority) = (url.scheme_str().unwrap_or("http"), url.authority().map_or("", |one| one.as_str()));
    let mark = if query.is_some() { "?" } else { "" };
    let query = query.unwrap_or_default();
    request.url = secrets.masked_text(format!("{scheme}://{authority}{}{mark}{query}", url.path()));
    let shown = request.url.split_once('?').map_or("", |(_, query)| query);
    request.query_string = fields(shown);
}

/// The decoded fields of a query or a form.
fn fields(text: &str) -> Vec<Pair> {
    let base = reqwest::Url::parse(&format!("http://localhost/?{text}"));
    let pairs = base.iter().flat_map(|url| url.query_pairs());
    pairs.map(|(name, value)| Pair { name: name.into_owned(), value: value.into_owned() }).collect()
}

fn post_data(body: &Kept, headers: &HeaderMap, secrets: &Secrets) -> Option<PostData> {
    if body.size() == 0 {
        return None;
    }
    let mime_type = content_type(headers);
    let Some((text, encoding)) = body.read(headers).and_then(|bytes| safe(bytes, &mime_type, secrets)) else {
        return Some(PostData { mime_type, partial: true, ..PostData::default() });
    };
    let params = if is_form(&mime_type) { fields(&text) } else { Vec::new() };
    Some(PostData { mime_type, params, text, encoding, partial: body.is_partial() })
}

fn answer(head: &Head, body: &Kept, secrets: &mut Secrets) -> Response {
    let mut headers = pairs_of(&head.headers);
    secrets.headers(&mut headers);
    let mime_type = content_type(&head.headers);
    let unpacked = body.read(&head.headers);
    let whole = unpacked.as_ref().filter(|_| !body.is_partial());
    let size = whole.map_or(body.size(), |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    let kept = unpacked.and_then(|bytes| safe(bytes, &mime_type, secrets));
    let partial = body.is_partial() || kept.is_none();
    let (text, encoding) = kept.unzip();
    let redirect = headers.iter().find(|header| header.name == "location" && head.status.is_redirection());
    Response {
        status: i64::from(head.status.as_u16()),
        status_text: match &head.reason {
            Some(reason) => reason.clone(),
            None => head.status.canonical_reason().unwrap_or_default().to_owned(),
        },
        http_version: format!("{:?}", head.version),
        cookies: Vec::new(),
        redirect_url: redirect.map(|header| header.value.clone()).unwrap_or_default(),
        headers,
        content: Content { size, mime_type, text, encoding: encoding.flatten(), partial },
        headers_size: -1,
        body_size: body.size(),
    }
}

fn nothing() -> Response {
    Response {
        status: 0,
        status_text: String::new(),
        http_version: String::new(),
        cookies: Vec::new(),
        headers: Vec::new(),
        content: Content::default(),
        redirect_url: String::new(),
        headers_size: -1,
        body_size: -1,
    }
}

impl Kept {
    /// The body as its sender meant it; `None` where it is packed in a way that cannot be read.
    fn read(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        unpacked(self.bytes().to_vec(), headers, LIMIT).ok()
    }
}

/// The body without secrets, as text or as base64.
fn safe(bytes: Vec<u8>, mime_type: &str, secrets: &Secrets) -> Option<(String, Option<String>)> {
    let bytes = if is_form(mime_type) {
        let text = String::from_utf8_lossy(&bytes);
        secrets::form(&text).map_or_else(|| bytes.clone(), String::into_bytes)
    } else {
        secrets::json(&bytes)?
    };
    Some(match String::from_utf8(secrets.masked(bytes)) {
        Ok(text) => (text, None),
        Err(error) => (STANDARD.encode(error.as_bytes()), Some("base64".to_owned())),
    })
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned()).unwrap_or_default()
}

fn is_form(mime_type: &str) -> bool {
    mime_type.to_ascii_lowercase().contains("x-www-form-urlencoded")
}

/// The stable name of a fault in a recording.
pub(super) fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Dns => "dns",
        FaultKind::Connect => "connect",
        FaultKind::Tls => "tls",
        FaultKind::Timeout => "timeout",
        FaultKind::Closed => "closed",
        FaultKind::Protocol => "protocol",
        FaultKind::TooLarge => "too-large",
        FaultKind::Credentials => "credentials",
        FaultKind::Token => "token",
        FaultKind::Unsendable => "unsendable",
        FaultKind::GivenUp => "given-up",
    }
}
