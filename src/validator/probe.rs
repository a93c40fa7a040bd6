//! Learns what an endpoint accepts, so that a configuration can say so.
//!
//! Nothing is written, unless it is asked for: then the checks that decide a dialect are run, which remove what they make.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::answer::Standing;
use super::conversation::{Checked, Conversation, Form, bare, id_of};
use super::judge::{Judgement, Seen, Status, judge, refused, resources};
use super::state::get;
use super::table::{CHECKS, Severity};
use super::{Finding, Plan, Unreached, validate};
use crate::model::{ObjectKind, TargetPath, TargetValue};
use crate::target::{Client, Settings};
use crate::wire::{DIALECTS, Dialect, Fault, FaultKind, OKTA_AIW, OKTA_OIN, STRICT, TenantUrl};

/// Whether an answer stands in the way of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Yes,
    /// With a setting, or only in part.
    Partly,
    /// No job can work with it.
    No,
}

/// One thing that was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    pub id: &'static str,
    pub question: &'static str,
    pub answer: String,
    pub fit: Fit,
}

/// Everything that was learned, and what a job has to say because of it.
#[derive(Debug)]
pub struct Probed {
    pub learned: Vec<Learned>,
    /// `None` follows the flag in the URL.
    pub dialect: Option<&'static Dialect>,
    pub kintone: bool,
    /// The `Accept` that it takes to get an answer.
    pub accept: Option<&'static str>,
    pub interrupted: bool,
}

const SCIM_JSON: &str = "application/scim+json";
const KINTONE_HOSTS: [&str; 3] = [".kintone.com", ".cybozu.com", ".cybozu.cn"];

/// Asks the endpoint of `url`; with `write` it also tries each dialect on users and groups of its own, with this prefix.
///
/// # Errors
/// The endpoint is not reached or refuses the credentials.
pub async fn probe(
    settings: &Settings,
    url: &TenantUrl,
    kintone: bool,
    write: Option<String>,
    stop: CancellationToken,
) -> Result<Probed, Unreached> {
    let client = Client::new(settings)?;
    let kintone = kintone || KINTONE_HOSTS.iter().any(|host| url.host.ends_with(host));
    let mut asking = Asking {
        cx: Conversation::new(client, url.clone(), stop.clone(), String::new()),
        learned: Vec::new(),
        accept: None,
        no_hit_is_404: false,
        patch: None,
    };
    let fault = |finding: Finding| Unreached::Fault(Fault::new(FaultKind::Connect, finding.observed));
    if let Some(status) = asking.users().await.map_err(fault)? {
        return Err(Unreached::Refused(status));
    }
    // From here on an answer that does not come is something to tell.
    asking.rest().await;
    let Asking { learned, accept, no_hit_is_404, patch, .. } = asking;
    let mut probed = Probed { learned, dialect: None, kintone, accept, interrupted: stop.is_cancelled() };
    probed.dialect = match (no_hit_is_404, patch) {
        (true, Some(false)) => Some(&OKTA_AIW),
        (true, Some(true) | None) => Some(&OKTA_OIN),
        // Of those that ask for an empty list it is the one that can do without PATCH.
        (false, Some(false)) => Some(&STRICT),
        (false, Some(true) | None) => None,
    };
    if let Some(prefix) = write.filter(|_| !probed.interrupted) {
        // Who is let in is no question of the dialect.
        let deciding = CHECKS.iter().filter(|check| check.severity == Severity::Must && check.id != "C-49");
        let only = deciding.map(|check| check.id.to_owned());
        let plan = Plan { only: only.collect(), kintone, prefix, ..Plan::default() };
        let report = validate(settings, url, &plan, stop, |_| {}).await?;
        probed.try_out(&report, url.dialect);
    }
    Ok(probed)
}

impl Probed {
    /// Whether a job can work with the endpoint at all.
    pub fn fits(&self) -> bool {
        self.learned.iter().all(|learned| learned.fit != Fit::No)
    }

    /// Takes the first dialect that nothing speaks against, that of the URL before all; else the one with the fewest faults.
    fn try_out(&mut self, report: &super::Report, by_url: &'static Dialect) {
        let mut answers = report.answers();
        let against = |dialect: &Dialect| {
            let answer = answers.iter().find(|answer| answer.dialect == dialect.name);
            answer.map_or(usize::MAX, |answer| answer.because.len())
        };
        let mut order: Vec<&'static Dialect> = vec![by_url];
        order.extend(DIALECTS.into_iter().filter(|dialect| dialect.name != by_url.name));
        let best = order.iter().copied().min_by_key(|dialect| against(dialect)).unwrap_or(by_url);
        for answer in &mut answers {
            answer.open.retain(|id| id != "C-49");
            if answer.open.is_empty() && answer.standing == Standing::Open {
                answer.standing = Standing::Works;
            }
            let (text, fit) = match &answer.standing {
                Standing::Works => ("yes".to_owned(), Fit::Yes),
                Standing::Fails => (format!("no, because of {}", answer.because.join(", ")), Fit::Partly),
                Standing::Open => {
                    (format!("nothing seen against it; {} could not be tried", answer.open.join(", ")), Fit::Partly)
                }
            };
            self.learned.push(Learned { id: answer.dialect, question: answer.question, answer: text, fit });
        }
        self.interrupted |= report.interrupted;
        self.dialect = (best.name != by_url.name).then_some(best);
        for path in &report.left_behind {
            let answer = format!("`{path}`, remove it by hand");
            self.learned.push(Learned { id: "left-behind", question: "left behind", answer, fit: Fit::Partly });
        }
    }
}

struct Asking {
    cx: Conversation,
    learned: Vec<Learned>,
    accept: Option<&'static str>,
    no_hit_is_404: bool,
    patch: Option<bool>,
}

impl Asking {
    fn learn(&mut self, id: &'static str, question: &'static str, answer: impl Into<String>, fit: Fit) {
        self.learned.push(Learned { id, question, answer: answer.into(), fit });
    }

    /// Asks for a user that cannot exist, as Entra does; gives the status of an endpoint that refuses us.
    async fn users(&mut self) -> Checked<Option<u16>> {
        let nobody = uuid::Uuid::new_v4().to_string();
        let Ok(path) = "userName".parse::<TargetPath>() else { return Ok(None) };
        let request = self.cx.wire(Form::Legacy.dialect()).find(ObjectKind::User, &path, &TargetValue::Text(nobody));
        let plain = bare(request);
        let mut seen = self.cx.raw(plain.clone()).await?;
        if matches!(seen.status, 401 | 403) {
            return Ok(Some(seen.status));
        }
        if !is_scim(&seen) {
            let mut raw = plain;
            raw.headers.push(("accept", SCIM_JSON.to_owned()));
            let with = self.cx.raw(raw).await?;
            if is_scim(&with) {
                let answer = format!("no, it answers {}; the option `accept` helps", told(&seen));
                self.learn("no-accept", "a request without `Accept`", answer, Fit::Partly);
                self.accept = Some(SCIM_JSON);
                seen = with;
            }
        } else {
            self.learn("no-accept", "a request without `Accept`", "yes", Fit::Yes);
        }
        let question = "a filter on `userName` without a hit";
        let (answer, fit) = match judge("C-01", &seen) {
            Some(Judgement { status: Status::Pass, .. }) => ("an empty list".to_owned(), Fit::Yes),
            _ if seen.status == 404 => {
                self.no_hit_is_404 = true;
                ("404, which only Okta understands".to_owned(), Fit::Partly)
            }
            _ if !resources(&seen.body).is_empty() => {
                ("it is ignored: everybody comes, and a stranger would be matched".to_owned(), Fit::No)
            }
            Some(wrong) => (wrong.why, Fit::No),
            None => (told(&seen), Fit::No),
        };
        self.learn("filter", question, answer, fit);
        Ok(None)
    }

    async fn rest(&mut self) {
        self.somebody().await;
        self.filters().await;
        self.groups().await;
        self.discovery().await;
    }

    /// Looks at one user, where there is one.
    async fn somebody(&mut self) {
        let Ok(seen) = self.cx.get("/Users", "startIndex=1&count=1").await else { return };
        match judge("C-19", &seen) {
            Some(Judgement { status: Status::Pass, .. }) => {
                self.learn("list", "a page of all users", "yes", Fit::Yes);
            }
            Some(wrong) => self.learn("list", "a page of all users", wrong.why, Fit::Partly),
            None => {}
        }
        let Some(user) = resources(&seen.body).first().cloned() else { return };
        let mut odd = Vec::new();
        if id_of(&user).is_empty() {
            odd.push("`id` is no text");
        }
        if get(&user, "active").is_some_and(|active| !active.is_boolean()) {
            odd.push("`active` is no boolean");
        }
        let fit = if id_of(&user).is_empty() { Fit::No } else { Fit::Yes };
        let answer = if odd.is_empty() { "as it should be".to_owned() } else { odd.join(", ") };
        self.learn("user", "what a user looks like", answer, fit);
        let Some(name) = get(&user, "userName").and_then(Value::as_str).map(str::to_uppercase) else { return };
        if let Ok(mut seen) = self.cx.find(Form::Legacy, ObjectKind::User, "userName", &name).await {
            seen.current = user;
            let (answer, fit) = match judge("C-03", &seen) {
                Some(Judgement { status: Status::Pass, .. }) => ("yes".to_owned(), Fit::Yes),
                Some(wrong) => (wrong.why, Fit::Partly),
                None => (told(&seen), Fit::Partly),
            };
            self.learn("filter-case", "a user is found by `userName` in another case", answer, fit);
        }
    }

    /// Filters on other attributes, by values that nobody has.
    async fn filters(&mut self) {
        for (id, question, path) in [
            ("filter-externalid", "a filter on `externalId`", "externalId"),
            ("filter-valuepath", "a filter on `emails[type eq \"work\"].value`", "emails[type eq \"work\"].value"),
        ] {
            let nobody = uuid::Uuid::new_v4().to_string();
            if let Ok(seen) = self.cx.find(Form::Legacy, ObjectKind::User, path, &nobody).await {
                let found = resources(&seen.body).len();
                let (answer, fit) = match seen.status {
                    200 if found == 0 => ("yes".to_owned(), Fit::Yes),
                    200 => (format!("it is ignored: {found} users come; do not match by it"), Fit::Partly),
                    _ => (format!("no, it answers {}; do not match by it", told(&seen)), Fit::Partly),
                };
                self.learn(id, question, answer, fit);
            }
        }
    }

    async fn groups(&mut self) {
        let nobody = uuid::Uuid::new_v4().to_string();
        let Ok(seen) = self.cx.find(Form::Legacy, ObjectKind::Group, "displayName", &nobody).await else { return };
        let found = resources(&seen.body).len();
        let (answer, fit) = match seen.status {
            200 if found == 0 => ("offered".to_owned(), Fit::Yes),
            200 => (format!("offered, but a filter is ignored: {found} come"), Fit::Partly),
            404 => ("not offered: keep `groups.enabled: false` in the mapping".to_owned(), Fit::Yes),
            _ => (format!("it answers {}", told(&seen)), Fit::Partly),
        };
        self.learn("groups", "groups", answer, fit);
    }

    async fn discovery(&mut self) {
        if let Ok(seen) = self.cx.get("/ServiceProviderConfig", "").await {
            let supported =
                |name: &str| get(&seen.body, name).and_then(|one| get(one, "supported")).and_then(Value::as_bool);
            if seen.status == 200 {
                self.patch = supported("patch");
                let word = |name| match supported(name) {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "not said",
                };
                let answer =
                    ["patch", "filter", "etag", "bulk", "sort"].map(|name| format!("{name} {}", word(name))).join(", ");
                self.learn("announced", "what it says it supports", answer, Fit::Yes);
                let schemes =
                    get(&seen.body, "authenticationSchemes").and_then(Value::as_array).cloned().unwrap_or_default();
                let kinds: Vec<&str> = schemes.iter().filter_map(|scheme| get(scheme, "type")?.as_str()).collect();
                if !kinds.is_empty() {
                    self.learn("authentication", "how it authenticates", kinds.join(", "), Fit::Yes);
                }
            } else {
                let answer = format!("nothing: it answers {}", told(&seen));
                self.learn("announced", "what it says it supports", answer, Fit::Partly);
            }
        }
        if let Ok(seen) = self.cx.get("/Schemas", "").await {
            let ids: Vec<&str> = resources(&seen.body)
                .iter()
                .map(id_of)
                .filter(|id| id.ends_with(":User") || id.ends_with(":Group"))
                .collect();
            if seen.status == 200 && !ids.is_empty() {
                self.learn("schemas", "schemas", ids.join(", "), Fit::Yes);
            }
        }
    }
}

fn is_scim(seen: &Seen) -> bool {
    !seen.body.is_null() && seen.status != 406
}

/// What was answered, in a few words.
fn told(seen: &Seen) -> String {
    if seen.body.is_null() && seen.has_body {
        let kind = seen.content_type.as_deref().unwrap_or("no type");
        return format!("{} with a body that is no JSON ({kind})", seen.status);
    }
    refused(seen)
}
