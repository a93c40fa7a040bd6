//! Reads a HAR document for a replay.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

use super::har::{Entry, Request};

/// Largest document that is read, in bytes.
const LARGEST: u64 = 256 << 20;
/// Where the part of a path begins that every SCIM endpoint has, in lower case.
const ENDPOINTS: [&str; 7] = ["users", "groups", "serviceproviderconfig", "schemas", "resourcetypes", "bulk", "me"];

/// A conversation in the order in which it was held.
#[derive(Debug)]
pub struct Recording {
    /// Base of the target that was recorded, without a slash at the end.
    pub(super) base: String,
    pub(super) exchanges: Vec<Exchange>,
    /// Somebody showed who he was.
    pub(super) has_identity: bool,
}

/// One exchange of a recording.
#[derive(Debug)]
pub(super) struct Exchange {
    pub entry: Entry,
    pub began: Option<Timestamp>,
    /// Path and query below the base; `None` where it went elsewhere.
    pub below: Option<String>,
    /// Which credentials it carried.
    pub identity: Identity,
    /// The body of the request, and that of the answer; `None` where not all of it is known.
    pub sent: Option<Vec<u8>>,
    pub received: Option<Vec<u8>>,
}

/// What a recorded request showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    None,
    /// Credentials that were let in.
    Right,
    /// Credentials that were always refused, or what stands for them.
    Wrong(String),
}

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    #[error("it is no HAR document: {0}")]
    NotHar(serde_json::Error),
    #[error("it holds no exchange")]
    Empty,
    #[error("none of its requests is for a SCIM endpoint")]
    NotScim,
}

#[derive(Deserialize)]
struct Document {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(rename = "_target")]
    target: Option<String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

impl Recording {
    /// Reads the document at `path`.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let mut text = Vec::new();
        std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LARGEST {
            return Err(LoadError::TooLarge);
        }
        Self::read(&text)
    }

    /// Reads a document; one that was cut off in the middle of an exchange ends with the exchange before.
    pub fn read(text: &[u8]) -> Result<Self, LoadError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let document: Document = match serde_json::from_slice(text) {
            Ok(document) => document,
            Err(error) => {
                mended(text).and_then(|text| serde_json::from_slice(&text).ok()).ok_or(LoadError::NotHar(error))?
            }
        };
        let Log { target, mut entries } = document.log;
        if entries.is_empty() {
            return Err(LoadError::Empty);
        }
        let began = |entry: &Entry| entry.started_date_time.parse::<Timestamp>().ok();
        // Those without a time stay where they are, behind the one before.
        let mut last = Timestamp::MIN;
        let mut keyed: Vec<(Timestamp, Entry)> = Vec::with_capacity(entries.len());
        for entry in entries.drain(..) {
            last = began(&entry).unwrap_or(last);
            keyed.push((last, entry));
        }
        keyed.sort_by_key(|(began, _)| *began);
        let base = target.or_else(|| keyed.iter().find_map(|(_, entry)| guessed(&entry.request.url)));
        let base = base.ok_or(LoadError::NotScim)?.trim_end_matches('/').to_owned();
        let mut let_in: HashMap<String, bool> = HashMap::new();
        for (_, entry) in &keyed {
            if let Some(shown) = entry.request.header("authorization") {
                let let_in = let_in.entry(shown.to_owned()).or_default();
                *let_in |= !matches!(entry.response.status, 0 | 401);
            }
        }
        let exchanges = keyed.into_iter().map(|(_, entry)| {
            let identity = match entry.request.header("authorization") {
                None => Identity::None,
                Some(shown) if let_in.get(shown) == Some(&true) => Identity::Right,
                Some(shown) => Identity::Wrong(label(shown)),
            };
            Exchange {
                began: began(&entry),
                below: below(&base, &entry.request.url),
                sent: sent(&entry.request),
                received: received(&entry),
                identity,
                entry,
            }
        });
        let exchanges: Vec<Exchange> = exchanges.collect();
        if exchanges.iter().all(|exchange| exchange.below.is_none()) {
            return Err(LoadError::NotScim);
        }
        let has_identity = exchanges.iter().any(|exchange| exchange.identity != Identity::None);
        Ok(Self { base, exchanges, has_identity })
    }

    /// How many exchanges there are.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// There is none; such a document is not read.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }
}

/// A secret that was refused is as good as any other wrong one: that of another recorder is not sent.
fn label(shown: &str) -> String {
    if shown.contains("[secret-") { shown.to_owned() } else { "Bearer [secret]".to_owned() }
}

/// Our own documents have a line an exchange: what is cut in the middle of one is whole without that line.
fn mended(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.windows(2).rposition(|two| two == b",\n")?;
    Some([&text[..end], b"\n]}}"].concat())
}

/// The base of a URL by the first segment that every SCIM endpoint has.
fn guessed(url: &str) -> Option<String> {
    let (start, path) = split(url)?;
    let mut base = start.to_owned();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    for segment in path.split('/').skip(1) {
        if ENDPOINTS.contains(&segment.to_ascii_lowercase().as_str()) {
            return Some(base);
        }
        base.push('/');
        base.push_str(segment);
    }
    None
}

/// Scheme and authority, and the rest.
fn split(url: &str) -> Option<(&str, &str)> {
    let authority = url.find("://")? + 3;
    let path = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    Some((&url[..path], &url[path..]))
}

/// What of `url` lies below `base`; scheme and host may be written in another case.
pub(super) fn below(base: &str, url: &str) -> Option<String> {
    let ((start, path), (base_start, base_path)) = (split(url)?, split(base)?);
    if !start.eq_ignore_ascii_case(base_start) {
        return None;
    }
    let rest = path.strip_prefix(base_path)?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then(|| rest.to_owned())
}

fn sent(request: &Request) -> Option<Vec<u8>> {
    let Some(data) = &request.post_data else { return Some(Vec::new()) };
    if data.partial {
        return None;
    }
    decoded(&data.text, data.encoding.as_deref())
}

fn received(entry: &Entry) -> Option<Vec<u8>> {
    let content = &entry.response.content;
    if content.partial || entry.response.status == 0 {
        return None;
    }
    match &content.text {
        Some(text) => decoded(text, content.encoding.as_deref()),
        // Browsers leave bodies out of some documents.
        None => (content.size <= 0).then(Vec::new),
    }
}

fn decoded(text: &str, encoding: Option<&str>) -> Option<Vec<u8>> {
    match encoding {
        Some("base64") => STANDARD.decode(text).ok(),
        Some(_) | None => Some(text.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_found_in_urls() {
        let cases = [
            ("https://a.example/scim/v2/Users?filter=x", Some("https://a.example/scim/v2")),
            ("http://127.0.0.1:8080/Groups/1", Some("http://127.0.0.1:8080")),
            ("https://a.example/x/users", Some("https://a.example/x")),
            ("https://a.example/login?to=/Users", None),
            ("mailto:a", None),
        ];
        for (url, base) in cases {
            assert_eq!(guessed(url).as_deref(), base, "{url}");
        }
        assert_eq!(below("https://A.example/s", "https://a.example/s/Users?x").as_deref(), Some("/Users?x"));
        assert_eq!(below("https://a.example/s", "https://a.example/store"), None);
    }

    #[test]
    fn what_is_no_recording_is_refused_and_what_was_cut_is_mended() {
        for text in ["", "[]", "{}", r#"{"log":{}}"#, r#"{"log":{"entries":[]}}"#, r#"{"log":{"entries":[1]}}"#] {
            assert!(Recording::read(text.as_bytes()).is_err(), "{text}");
        }
        let entry = r#"{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://a/Users"},"response":{"status":200}}"#;
        let whole = format!("{{\"log\":{{\"entries\":[\n{entry},\n{entry}\n]}}}}\n");
        let count = |text: &str| Recording::read(text.as_bytes()).map(|recording| recording.len()).ok();
        assert_eq!(count(&whole), Some(2));
        assert_eq!(count(&whole[..whole.len() - 20]), Some(1));
    }
}
