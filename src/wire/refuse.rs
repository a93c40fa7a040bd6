//! What an answer that is no success means (wire.md 15, 19, 20.3).

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use crate::model::{Class, ErrorCode, Failure};

use super::dialect::{ErrorReading, Probe};
use super::read::{has_urn, is_json};
use super::{Fault, FaultKind, Hint, Profile, Remark, Response, Wire, retry_after};

pub(super) const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// How much of the target's own words is kept, in bytes (wire.md 14).
const KEPT: usize = 2048;

/// Which step of the work an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    Probe,
    Find,
    Create,
    Read,
    Update,
    Delete,
    List,
    Discover,
}

/// What happens next after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    NextCycle,
    /// The target wants a pause; `None` where it does not say how long.
    After(Option<Duration>),
    /// The job goes into quarantine at once.
    Quarantine,
    /// A person has to act.
    Admin,
}

/// An answer that means failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub failure: Failure,
    pub retry: Retry,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    pub hints: Box<[Hint]>,
    /// What was odd about the answer besides.
    pub remarks: Vec<Remark>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            failure: Failure::new(code, message),
            retry: Retry::NextCycle,
            status: None,
            hints: Box::default(),
            remarks: Vec::new(),
        }
    }

    /// Whether the object is known to be gone from the target; success when it was to be disabled (wire.md 9).
    pub fn is_gone(&self) -> bool {
        self.failure.code == ErrorCode::InvalidAnchor
    }

    fn hinted(mut self, hint: Option<Hint>) -> Self {
        if let Some(hint) = hint {
            self.failure = self.failure.with_remedy(hint.advice());
        }
        self.hints = hint.into_iter().collect();
        self
    }
}

impl Wire {
    /// Reads an exchange that failed below SCIM.
    pub fn refused_by_fault(&self, fault: &Fault) -> Refusal {
        let (code, retry) = match fault.kind {
            FaultKind::Timeout => (ErrorCode::Timeout, Retry::NextCycle),
            FaultKind::Credentials => (ErrorCode::Unauthorized, Retry::Quarantine),
            FaultKind::TooLarge => (ErrorCode::ScimServiceIncompatible, Retry::NextCycle),
            FaultKind::Unsendable => (ErrorCode::InternalError, Retry::NextCycle),
            FaultKind::Dns
            | FaultKind::Connect
            | FaultKind::Tls
            | FaultKind::Closed
            | FaultKind::GivenUp
            | FaultKind::Protocol
            | FaultKind::Token => (ErrorCode::WebExceptionProtocolError, Retry::NextCycle),
        };
        let refusal = Refusal { retry, ..Refusal::new(code, fault.message.clone()) };
        refusal.hinted((fault.kind == FaultKind::Tls && self.is_kintone()).then_some(Hint::IpRestrictionPossible))
    }

    /// Reads an answer whose status is no success for this step.
    ///
    /// `now` is the clock, for a `Retry-After` that names a date.
    pub fn refused(&self, exchange: Exchange, response: &Response, now: jiff::Timestamp) -> Refusal {
        let words = Words::of(response);
        let (code, retry) = self.code_of(exchange, response, &words);
        let mut message = format!("the target answered {}", response.status);
        if let Some(scim_type) = &words.scim_type {
            message.push_str(&format!(" `{scim_type}`"));
        }
        if !words.text.is_empty() {
            message.push_str(": ");
            message.push_str(&words.text);
        }
        if exchange == Exchange::Create && response.status == 409 {
            message.push_str(
                "; an object that the matching query did not return may hold the same value, such as an inactive one",
            );
        }
        let mut refusal = Refusal { retry, status: Some(response.status), ..Refusal::new(code, message) };
        match response.status {
            429 | 503 if retry == Retry::After(None) => {
                let told = response.retry_after.as_deref().filter(|_| self.options.honour_retry_after);
                refusal.retry = Retry::After(told.and_then(|told| retry_after(told, now)));
            }
            300..=399 => {
                let place = response.location.as_deref().map(|place| format!(" to `{place}`")).unwrap_or_default();
                refusal.failure.message.push_str(&format!("; redirects{place} are not followed"));
                refusal.failure.remedy = "correct the tenant URL".to_owned();
            }
            // Who may not, or whether anybody may, the answer does not say (wire.md 20.2, service.md 26).
            403 if self.profile == Profile::Kintone => {
                refusal.failure.remedy =
                    "see whether “Propagate Provisioning” is switched on in Kintone, and whether the API token \
                                          is that of this domain"
                        .to_owned();
            }
            404 if retry == Retry::Quarantine => {
                refusal.failure = refusal.failure.with_class(Class::Critical).with_remedy(
                    "correct the tenant URL; a query without a hit must be answered 200 with an empty list",
                );
            }
            _ => {}
        }
        refusal.hinted(self.hint_of(exchange, response, &words))
    }

    fn code_of(&self, exchange: Exchange, response: &Response, words: &Words) -> (ErrorCode, Retry) {
        use ErrorCode as Code;
        let scim_type = words.scim_type.as_deref();
        let is_filter = match exchange {
            Exchange::Find => true,
            Exchange::Probe => self.dialect.probe == Probe::RandomFilter,
            Exchange::Create
            | Exchange::Read
            | Exchange::Update
            | Exchange::Delete
            | Exchange::List
            | Exchange::Discover => false,
        };
        let by_id = matches!(exchange, Exchange::Read | Exchange::Update | Exchange::Delete);
        let conflict = if exchange == Exchange::Create { Code::EntryConflict } else { Code::Conflict };
        let by_scim_type = self.dialect.errors == ErrorReading::ScimType;
        let code = match (response.status, scim_type) {
            (400..=499, Some("uniqueness")) if by_scim_type => Code::EntryConflict,
            (400..=499, Some("mutability")) if by_scim_type => Code::SchemaPropertyCanOnlyAcceptValue,
            (400..=499, Some("noTarget" | "invalidPath" | "invalidSyntax" | "invalidValue"))
                if by_scim_type && response.status != 404 && !is_filter =>
            {
                Code::ScimBadRequest
            }
            (400, Some("uniqueness")) => conflict,
            (400, Some("invalidFilter")) => Code::ScimServiceIncompatibleFiltering,
            (400, _) if is_filter => Code::ScimServiceIncompatibleFiltering,
            (400, _) => Code::ScimBadRequest,
            (401, _) => return (Code::Unauthorized, Retry::Quarantine),
            (403, _) => Code::InsufficientRights,
            (404, _) if by_id => return (Code::InvalidAnchor, Retry::Admin),
            (404, _) => return (Code::ScimServiceIncompatible, Retry::Quarantine),
            (405, _) => Code::MethodNotAllowed,
            (409, _) => conflict,
            (412, _) => Code::Conflict,
            (422, _) => Code::UnprocessableEntity,
            (429, _) => return (Code::TooManyRequests, Retry::After(None)),
            (501, _) => Code::NotImplemented,
            (503, _) if response.retry_after.is_some() => return (Code::InternalServerError, Retry::After(None)),
            (504, _) => Code::Timeout,
            (500..=599, _) => Code::InternalServerError,
            (200..=299, _) => Code::ScimServiceIncompatible,
            _ => Code::WebExceptionProtocolError,
        };
        let writes = matches!(exchange, Exchange::Create | Exchange::Update);
        let by_words = told_by(&words.text).filter(|_| writes && matches!(response.status, 400 | 403 | 422));
        (by_words.unwrap_or(code), Retry::NextCycle)
    }

    /// Whether the object changed since it was read: worth one more read and repeat, where what is sent is of what was read
    /// (wire.md 15.1, 19).
    pub fn is_stale(&self, refusal: &Refusal) -> bool {
        self.dialect.if_match && refusal.status == Some(412)
    }

    fn hint_of(&self, exchange: Exchange, response: &Response, words: &Words) -> Option<Hint> {
        if self.profile != Profile::Kintone {
            return None;
        }
        match (response.status, exchange) {
            (401, _) => Some(Hint::KintoneTokenValidity),
            (409, Exchange::Create) if words.text.contains("SLASH_SC03") => Some(Hint::KintoneExternalIdOrDeleted),
            (404, Exchange::Read | Exchange::Update) => Some(Hint::KintoneExternalIdOrDeleted),
            _ => None,
        }
    }

    fn is_kintone(&self) -> bool {
        let suffixes = [".kintone.com", ".cybozu.com", ".cybozu.cn"];
        self.profile == Profile::Kintone || suffixes.iter().any(|suffix| self.host.ends_with(suffix))
    }
}

/// Published codes that no status stands for: only the words of a refused write tell them (service.md 20.5).
///
/// Each line: the code, words of which one must be there, and words of which one must be there too.
const TOLD: [(ErrorCode, &[&str], &[&str]); 3] = [
    (
        ErrorCode::LicenseLimitExceeded,
        &["license", "licence", "licensing", "seats"],
        &[
            "limit",
            "exceed",
            "no more",
            "no available",
            "not available",
            "insufficient",
            "not enough",
            "quota",
            "maximum",
        ],
    ),
    (
        ErrorCode::InvalidDomain,
        &["domain"],
        &[
            "not allowed",
            "not accepted",
            "not permitted",
            "not verified",
            "unverified",
            "invalid",
            "unknown",
            "not registered",
        ],
    ),
    (
        ErrorCode::SchemaAttributeNotFound,
        &["attribute", "schema"],
        &[
            "not found",
            "not defined",
            "undefined",
            "unknown",
            "unrecognized",
            "unrecognised",
            "does not exist",
            "not supported",
        ],
    ),
];

/// The code that the words of a target tell, if they do.
fn told_by(text: &str) -> Option<ErrorCode> {
    if text.is_empty() {
        return None;
    }
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    TOLD.iter().find(|(_, about, what)| has(about) && has(what)).map(|(code, _, _)| *code)
}

/// The target's own words in an error answer.
struct Words {
    scim_type: Option<String>,
    text: String,
}

impl Words {
    fn of(response: &Response) -> Self {
        let parsed = serde_json::from_slice::<Value>(&response.body).ok().filter(|_| is_json(response));
        if let Some(error) = parsed.as_ref().filter(|body| has_urn(body, ERROR_URN)) {
            let field = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            return Self {
                scim_type: field("scimType").map(|text| cut(text, 64).into_owned()),
                text: field("detail").map(|text| cut(text, KEPT).into_owned()).unwrap_or_default(),
            };
        }
        let text = String::from_utf8_lossy(&response.body[..response.body.len().min(KEPT * 2)]);
        Self { scim_type: None, text: cut(text.trim(), KEPT).into_owned() }
    }
}

/// The first `limit` bytes of `text`, at a character boundary.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    match text.len() <= limit {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(limit)])),
    }
}

/// A secret shorter than this is taken out only where it stands alone: it may be part of any other word.
const DISTINCT: usize = 8;

/// Returns `body` with every occurrence of a secret replaced; `None` where there is none.
///
/// For error answers, which are kept in the target's own words (wire.md 14).
pub fn mask(body: &[u8], secrets: &[&str]) -> Option<Vec<u8>> {
    let mut masked: Option<Vec<u8>> = None;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let text = masked.as_deref().unwrap_or(body);
        let is_word = |at: Option<&u8>| at.is_some_and(|octet| octet.is_ascii_alphanumeric() || !octet.is_ascii());
        let is_it = |at: &usize| {
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            secret.len() >= DISTINCT || !is_word(before) && !is_word(text.get(at + secret.len()))
        };
        let places: Vec<usize> = memchr::memmem::find_iter(text, secret.as_bytes()).filter(is_it).collect();
        if places.is_empty() {
            continue;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for at in places {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(b"***");
            from = at + secret.len();
        }
        out.extend_from_slice(&text[from..]);
        masked = Some(out);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_words_that_hold_a_short_one_are_not() {
        let cases = [
            ("the token s3cr3t-token is bad", "s3cr3t-token", Some("the token *** is bad")),
            ("xs3cr3t-tokenx", "s3cr3t-token", Some("x***x")),
            ("{\"totalResults\": 0}", "t", None),
            ("bad token `t`, not t", "t", Some("bad token `***`, not ***")),
            ("nothing", "", None),
        ];
        for (text, secret, expected) in cases {
            let masked = mask(text.as_bytes(), &[secret]).map(|masked| String::from_utf8_lossy(&masked).into_owned());
            assert_eq!(masked.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn words_tell_what_no_status_does() {
        let cases = [
            ("The license limit of this tenant is exceeded", Some(ErrorCode::LicenseLimitExceeded)),
            ("no more seats", Some(ErrorCode::LicenseLimitExceeded)),
            ("the domain example.org is not allowed", Some(ErrorCode::InvalidDomain)),
            ("Unknown attribute: favouriteColour", Some(ErrorCode::SchemaAttributeNotFound)),
            ("attribute `userName` is required", None),
            ("a licence to change this is missing", None),
            ("the value is taken", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(told_by(text), expected, "{text}");
        }
    }
}
