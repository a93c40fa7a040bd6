//! Holds a recorded conversation again, one exchange after the other.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::compare::{Answer, Comparison, Difference, Spans};
use super::keep;
use super::load::{Exchange, Identity, Recording};
use super::renamed::Renamed;
use super::secrets::REMOVED;
use crate::target::Relay;
use crate::wire::{Fault, FaultKind, retry_after, retry_pause};

/// How often a request is repeated that the endpoint has no time for.
const REPEATS: u32 = 5;
/// Clocks of two machines differ.
const SLACK: SignedDuration = SignedDuration::from_mins(5);
/// What belongs to a connection, or is made anew.
const NOT_SENT: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Faults of requests that did not get to the endpoint.
const NEVER_THERE: [FaultKind; 5] =
    [FaultKind::Dns, FaultKind::Connect, FaultKind::Tls, FaultKind::Credentials, FaultKind::Token];

/// One exchange of the recording and what came of it.
#[derive(Debug)]
pub struct Compared {
    /// From 1, in the order of the conversation.
    pub number: usize,
    pub method: String,
    /// Path and query as recorded, below the base.
    pub path: String,
    pub recorded: Option<u16>,
    pub answered: Option<u16>,
    pub verdict: Verdict,
}

/// How the answers compare.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Different(Vec<Difference>),
    /// Sent or not, there is nothing to compare, because of this.
    LeftOut(String),
}

/// How a replay ended.
#[derive(Debug)]
pub enum Ended {
    Whole,
    Interrupted,
    /// Nobody answers at the endpoint.
    Unreached(Fault),
    /// The endpoint refuses credentials that were let in when it was recorded.
    Refused(u16),
}

/// Everything that came of a replay.
#[derive(Debug)]
pub struct Replayed {
    pub exchanges: Vec<Compared>,
    pub ended: Ended,
}

/// Sends the requests of `recording` to the target behind `relay` at `base`, and compares the answers.
pub async fn replay(
    recording: &Recording,
    relay: &Relay,
    base: &str,
    stop: &CancellationToken,
    mut progress: impl FnMut(&Compared),
) -> Replayed {
    let now = Timestamp::now();
    let times = || recording.exchanges.iter().filter_map(|exchange| exchange.began);
    let around = |from: Timestamp, to: Timestamp| (earlier(from), later(to));
    let mut run = Run {
        relay,
        old_base: &recording.base,
        new_base: base,
        renamed: Renamed::new(&recording.base, base),
        recorded: around(times().min().unwrap_or(now), times().max().unwrap_or(now)),
        began: earlier(now),
        anonymous: recording.has_identity,
        answers: 0,
    };
    let mut exchanges = Vec::with_capacity(recording.exchanges.len());
    for (index, exchange) in recording.exchanges.iter().enumerate() {
        if stop.is_cancelled() {
            return Replayed { exchanges, ended: Ended::Interrupted };
        }
        let one = tokio::select! {
            one = run.one(exchange) => one,
            () = stop.cancelled() => return Replayed { exchanges, ended: Ended::Interrupted },
        };
        let (answered, verdict) = match one {
            Ok(one) => one,
            Err(ended) => return Replayed { exchanges, ended },
        };
        let entry = &exchange.entry;
        let compared = Compared {
            number: index + 1,
            method: entry.request.method.clone(),
            path: exchange.below.clone().unwrap_or_else(|| entry.request.url.clone()),
            recorded: u16::try_from(entry.response.status).ok().filter(|status| *status > 0),
            answered,
            verdict,
        };
        progress(&compared);
        exchanges.push(compared);
    }
    Replayed { exchanges, ended: Ended::Whole }
}

fn earlier(time: Timestamp) -> Timestamp {
    time.checked_sub(SLACK).unwrap_or(Timestamp::MIN)
}

fn later(time: Timestamp) -> Timestamp {
    time.checked_add(SLACK).unwrap_or(Timestamp::MAX)
}

struct Run<'a> {
    relay: &'a Relay,
    old_base: &'a str,
    new_base: &'a str,
    renamed: Renamed,
    recorded: (Timestamp, Timestamp),
    began: Timestamp,
    /// A recorded request without credentials was meant to have none.
    anonymous: bool,
    /// How many answers came so far.
    answers: usize,
}

type One = (Option<u16>, Verdict);

impl Run<'_> {
    async fn one(&mut self, exchange: &Exchange) -> Result<One, Ended> {
        let left_out = |why: &str| Ok((None, Verdict::LeftOut(why.to_owned())));
        let entry = &exchange.entry;
        let Some(below) = &exchange.below else { return left_out("it went to another address") };
        let Some(sent) = &exchange.sent else { return left_out("not all of the request was kept") };
        if entry.fault.as_deref().is_some_and(|fault| NEVER_THERE.iter().any(|kind| keep::name(*kind) == fault)) {
            return left_out("it never reached the endpoint");
        }
        let told_to_wait = entry.response.header("retry-after").is_some();
        if entry.response.status == 429 || entry.response.status == 503 && told_to_wait {
            return left_out("the endpoint had no time for it; the client asked again");
        }
        self.renamed.said(below);
        self.renamed.said(&String::from_utf8_lossy(sent));
        let target = self.renamed.target(below);
        let (method, uri) = match (entry.request.method.parse::<Method>(), target.parse::<Uri>()) {
            (Ok(method), Ok(uri)) => (method, uri),
            _ => return left_out("its method or its path cannot be sent"),
        };
        let body = Bytes::from(renewed(self.renamed.body(sent)));
        let answer = match self.send(exchange, &method, &uri, &body).await {
            Ok(answer) => answer,
            Err(fault) if self.answers == 0 && is_unreached(fault.kind) => return Err(Ended::Unreached(fault)),
            Err(fault) if fault.kind == FaultKind::TooLarge && exchange.received.is_none() => {
                return left_out("the answer is too long to compare, as it was");
            }
            Err(fault) if entry.response.status == 0 => {
                return left_out(&format!("there was no answer, as now: {fault}"));
            }
            Err(fault) => {
                let recorded = Some(entry.response.status.to_string());
                let difference = Difference { at: "status".to_owned(), recorded, answered: Some(fault.message) };
                return Ok((None, Verdict::Different(vec![difference])));
            }
        };
        let (parts, received) = answer;
        let status = parts.status.as_u16();
        if status == 401 && entry.response.status != 401 && self.answers == 0 {
            return Err(Ended::Refused(status));
        }
        self.answers += 1;
        if entry.response.status == 0 {
            return Ok((Some(status), Verdict::LeftOut("no answer was recorded".to_owned())));
        }
        let answer = Answer { status, headers: &parts.headers, body: &received };
        let spans = Spans { recorded: self.recorded, replayed: (self.began, later(Timestamp::now())) };
        let mut comparison = Comparison {
            renamed: &mut self.renamed,
            spans,
            old_base: self.old_base,
            new_base: self.new_base,
            found: Vec::new(),
        };
        comparison.answers(&entry.response, exchange.received.as_deref(), &answer);
        let found = comparison.found;
        self.versions(exchange, &target, &answer);
        Ok((Some(status), if found.is_empty() { Verdict::Same } else { Verdict::Different(found) }))
    }

    async fn send(
        &mut self,
        exchange: &Exchange,
        method: &Method,
        uri: &Uri,
        body: &Bytes,
    ) -> Result<(http::response::Parts, Vec<u8>), Fault> {
        let mut repeats = 0;
        loop {
            let mut request = Request::new(Full::new(body.clone()).map_err(|never| match never {}).boxed_unsync());
            *request.method_mut() = method.clone();
            *request.uri_mut() = uri.clone();
            for header in &exchange.entry.request.headers {
                self.header(request.headers_mut(), &header.name, &header.value, uri.path());
            }
            let own = match &exchange.identity {
                Identity::Right => true,
                Identity::None => !self.anonymous,
                Identity::Wrong(text) => {
                    if let Ok(value) = HeaderValue::from_str(text) {
                        request.headers_mut().insert(AUTHORIZATION, value);
                    }
                    false
                }
            };
            let answer = self.relay.pass(request, own && self.relay.has_identity).await?;
            let busy = answer.status() == 429 || answer.status() == 503 && answer.headers().contains_key(RETRY_AFTER);
            if busy && repeats < REPEATS {
                let told = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let pause = told.and_then(|told| retry_after(told, Timestamp::now()));
                tokio::time::sleep(pause.unwrap_or_else(|| retry_pause(repeats)).min(Duration::from_secs(120))).await;
                repeats += 1;
                continue;
            }
            return self.relay.read(answer).await;
        }
    }

    fn header(&self, headers: &mut http::HeaderMap, name: &str, value: &str, resource: &str) {
        let lower = name.to_ascii_lowercase();
        // HTTP/2 has names of its own, which begin with a colon.
        if NOT_SENT.contains(&lower.as_str()) || lower.starts_with(':') || value.contains(REMOVED) {
            return;
        }
        let value = match lower.as_str() {
            "if-match" | "if-none-match" => self.renamed.version_of(resource, value).unwrap_or(value),
            // What cannot be unpacked cannot be compared.
            "accept-encoding" if value.contains("br") || value.contains("zstd") => "gzip, deflate",
            _ => value,
        };
        if let (Ok(name), Ok(value)) = (lower.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }

    /// Learns which version of which resource is now what the recording had.
    fn versions(&mut self, exchange: &Exchange, target: &str, answer: &Answer<'_>) {
        let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let path = target.split('?').next().unwrap_or_default();
        let resource =
            text("location").and_then(|url| super::load::below(self.new_base, url)).unwrap_or_else(|| path.to_owned());
        if let (Some(old), Some(new)) = (exchange.entry.response.header("etag"), text("etag")) {
            self.renamed.version(&resource, old, new);
        }
        let version = |body: &[u8]| {
            let body: serde_json::Value = serde_json::from_slice(body).ok()?;
            Some(body.get("meta")?.get("version")?.as_str()?.to_owned())
        };
        let old = exchange.received.as_deref().and_then(version);
        if let (Some(old), Some(new)) = (old, version(answer.body)) {
            self.renamed.version(&resource, &old, &new);
        }
    }
}

/// Whether there is nobody at the other end.
fn is_unreached(kind: FaultKind) -> bool {
    NEVER_THERE.contains(&kind) || kind == FaultKind::Timeout
}

/// Puts something new in the place of every secret that was removed from a body.
fn renewed(body: Vec<u8>) -> Vec<u8> {
    match std::str::from_utf8(&body) {
        Ok(text) if text.contains(REMOVED) => {
            // It has what rules for passwords commonly ask for.
            let secret = format!("Pv1-{}", uuid::Uuid::new_v4().simple());
            text.replace(REMOVED, &secret).into_bytes()
        }
        _ => body,
    }
}
