//! `plan` and `apply`: a cycle that is reviewed before it is sent.

use std::fmt;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use blake3::Hasher;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::intended::{Planned, Review, Side, feed, feed_json, hex};
use super::members::MEMBERS;
use super::progress::Observer;
use super::run::CycleOptions;
use super::service::{Service, meaning};
use crate::config::Job;
use crate::model::{CycleReport, SourceAnchor};
use crate::source;
use crate::store::{JobKey, JobState};

/// The form of plan files; one of another form is refused.
const FORM: &str = "2";

/// What a plan stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footing {
    configuration: String,
    state: String,
    /// Name and digest of each file of the source.
    files: Vec<(String, String)>,
}

/// Makes the digest of a plan out of its actions as they are written.
pub struct PlanDigest {
    prefix: String,
    hasher: Hasher,
}

impl PlanDigest {
    fn new(prefix: String) -> Self {
        Self { prefix, hasher: Hasher::new() }
    }

    /// Takes one action; the time it was planned at does not count, so that the same plan has the same digest.
    pub fn action(&mut self, action: &Value) {
        let mut action = action.clone();
        if let Value::Object(members) = &mut action {
            members.shift_remove("at");
        }
        feed_json(&mut self.hasher, &action);
    }

    /// The digest of the document: form, configuration, state, files, and everything that was decided.
    pub fn finish(mut self, job: &str, counts: &Value) -> String {
        feed(&mut self.hasher, job.as_bytes());
        feed(&mut self.hasher, self.prefix.as_bytes());
        feed_json(&mut self.hasher, counts);
        format!("{}:{}", self.prefix, self.hasher.finalize().to_hex())
    }
}

impl Footing {
    fn text(&self) -> String {
        let files: Vec<String> =
            self.files.iter().map(|(name, digest)| format!("{}={digest}", escaped(name))).collect();
        format!("{FORM}:{}:{}:{}", self.configuration, self.state, files.join(","))
    }

    fn parse(prefix: &str) -> Option<Self> {
        let mut parts = prefix.split(':');
        let (form, configuration, state, files) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if form != FORM || parts.next().is_some() {
            return None;
        }
        let file = |text: &str| text.split_once('=').map(|(name, digest)| (unescaped(name), digest.to_owned()));
        let files = files.split(',').filter(|text| !text.is_empty()).map(file).collect::<Option<_>>()?;
        Some(Self { configuration: configuration.to_owned(), state: state.to_owned(), files })
    }

    /// Names what differs in `now`.
    fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        for (name, digest) in &self.files {
            match now.files.iter().find(|(other, _)| other == name) {
                Some((_, other)) if other == digest => {}
                Some(_) => moved.push(format!("the source file `{name}` changed")),
                None => moved.push(format!("the source file `{name}` is gone")),
            }
        }
        let known = |name: &String| self.files.iter().any(|(other, _)| other == name);
        moved.extend(
            now.files
                .iter()
                .filter(|(name, _)| !known(name))
                .map(|(name, _)| format!("the source file `{name}` is new")),
        );
        if self.configuration != now.configuration {
            moved.push("the configuration or the mapping changed".to_owned());
        }
        if self.state != now.state {
            moved.push("the state moved: a cycle ran, or the job was restarted or approved".to_owned());
        }
        moved
    }
}

/// A plan that is being carried out.
#[derive(Debug)]
pub(super) struct Reviewed {
    footing: Footing,
    rows: Vec<(SourceAnchor, String)>,
    /// Whoever saw the review.
    pub review: Arc<Review>,
}

impl Service {
    /// Runs a dry cycle that shows every request, and returns what the digest of the plan begins with.
    ///
    /// # Errors
    /// As of [`Service::cycle`], and where the source changes while it is read.
    pub async fn plan(
        &self,
        job: &Job,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<(CycleReport, PlanDigest), ServiceError> {
        let store = self.store();
        let state = store.job_state(store.job(&job.name)?)?;
        let (footing, identity) = footing(job, &state)?;
        let review = Arc::new(Review { at: self.now(), identity, key: store.secret()?, planned: None });
        let reviewed = Reviewed { footing, rows: Vec::new(), review };
        let prefix = reviewed.footing.text();
        let options = CycleOptions { dry_run: true, initial: false };
        let report = self.cycle_of(job, options, Some(reviewed), observer, stop).await?;
        Ok((report, PlanDigest::new(prefix)))
    }

    /// Sends exactly what a plan file says, as a cycle.
    ///
    /// # Errors
    /// [`ServiceError::PlanFile`] where the file is no plan of this job as it was written, [`ServiceError::PlanMoved`] where
    /// source, state or configuration changed since: nothing was sent then.
    pub async fn apply(
        &self,
        job: &Job,
        path: &Path,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<CycleReport, ServiceError> {
        let store = self.store();
        let file = tokio::task::block_in_place(|| read(path))?;
        if file.job != job.name {
            let message = format!("`{}` was made for the job `{}`, not for `{}`", path.display(), file.job, job.name);
            return Err(ServiceError::PlanFile(message, "name that job with `--job`, or make a plan of this one"));
        }
        let key = store.secret()?;
        let mut planned = Planned::new(key);
        let mut rows = Vec::with_capacity(file.actions.len());
        for action in file.actions {
            match action.references {
                None => planned.put(&action.anchor, action.decision),
                Some(references) => {
                    for one in &references {
                        planned.put_reference(&action.anchor, &one.attribute, one.side());
                    }
                }
            }
            rows.push((action.anchor, action.state));
        }
        // What the source is now is judged under the lock of the cycle.
        let (_, identity) = footing(job, &store.job_state(store.job(&job.name)?)?)?;
        let at = file.at.unwrap_or_else(|| self.now());
        let review = Arc::new(Review { at, identity, key, planned: Some(planned) });
        let reviewed = Reviewed { footing: file.footing, rows, review };
        self.cycle_of(job, CycleOptions::default(), Some(reviewed), observer, stop).await
    }

    /// Refuses a plan whose footing moved.
    pub(super) fn still_stands(
        &self,
        job: &Job,
        key: JobKey,
        state: &JobState,
        reviewed: &Reviewed,
    ) -> Result<(), ServiceError> {
        let (now, identity) = footing(job, state)?;
        let mut moved = reviewed.footing.moved(&now);
        if moved.is_empty() && identity != reviewed.review.identity {
            moved.push("the source changed while it was read".to_owned());
        }
        for (anchor, known) in &reviewed.rows {
            let row = self.store().object(key, anchor)?;
            if reviewed.review.state_of(row.as_ref()) != *known {
                moved.push(format!("what the state holds of `{anchor}` changed"));
            }
        }
        if moved.is_empty() { Ok(()) } else { Err(ServiceError::PlanMoved(summary(&moved))) }
    }
}

fn summary(moved: &[String]) -> String {
    const SHOWN: usize = 20;
    let more = moved.len().saturating_sub(SHOWN);
    let mut text = moved.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn footing(job: &Job, state: &JobState) -> Result<(Footing, String), ServiceError> {
    let identity = source::find(&job.source).identity().map_err(|error| {
        ServiceError::Refused(format!("the source cannot be read: {error}"), "make the files readable for this user")
    })?;
    let whole = identity.digest();
    let files = identity.files.into_iter().map(|file| (file.name, short(file.digest.as_bytes()))).collect();
    let target = &job.target;
    let configuration = format!(
        "{} {} {:?} {:?} {} {} {:?} {:?} {:?} {:?}",
        meaning(job),
        target.url_text,
        target.profile,
        target.options,
        target.supports_soft_delete,
        job.skip_out_of_scope_deletions,
        job.on_missing_target,
        job.accidental_deletion,
        job.soft_delete_retention,
        job.resolve_references_later,
    );
    let watermark = state.watermark.as_ref().map(|watermark| (&watermark.identity, &watermark.meaning));
    let remembered = format!(
        "{} {} {:?} {:?} {:?}",
        state.revision, state.initial_due, watermark, state.batch, state.approved_batch
    );
    let footing =
        Footing { configuration: short(configuration.as_bytes()), state: short(remembered.as_bytes()), files };
    Ok((footing, whole))
}

fn short(bytes: &[u8]) -> String {
    hex(&blake3::hash(bytes).as_bytes()[..8])
}

/// Keeps the marks of the digest out of the name of a file.
fn escaped(name: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'/');
    utf8_percent_encode(name, &KEPT).to_string()
}

fn unescaped(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A plan as it was read back.
struct PlanFile {
    footing: Footing,
    job: String,
    at: Option<Timestamp>,
    actions: Vec<PlannedAction>,
}

struct PlannedAction {
    anchor: SourceAnchor,
    state: String,
    decision: [u8; 16],
    /// Of an action that sets references: each of them.
    references: Option<Vec<PlannedReference>>,
}

struct PlannedReference {
    attribute: String,
    before: Option<String>,
    joins: bool,
    source: Option<String>,
}

impl PlannedReference {
    fn of(change: &Value) -> Option<Self> {
        let text = |name: &str| change[name].as_str().map(str::to_owned);
        Some(Self {
            attribute: text("attribute")?,
            before: text("before"),
            joins: change["after"].is_string(),
            source: text("source"),
        })
    }

    fn side(&self) -> Side<'_> {
        match (self.attribute.as_str(), self.source.as_deref(), self.joins) {
            (MEMBERS, Some(member), true) => Side::Joins(member),
            (MEMBERS, Some(member), false) => Side::Leaves(member),
            (_, whom, _) => Side::Set { before: self.before.as_deref(), whom },
        }
    }
}

fn read(path: &Path) -> Result<PlanFile, ServiceError> {
    let bad = |message: String, help| ServiceError::PlanFile(format!("`{}` {message}", path.display()), help);
    let file = std::fs::File::open(path)
        .map_err(|error| bad(format!("cannot be read: {error}"), "write one with `provisiond plan --out FILE`"))?;
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let document = json.deserialize_map(DocumentVisitor).and_then(|document| json.end().map(|()| document));
    let document = document.map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => bad(format!("was cut off: {error}"), "make the plan again"),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Data => {
            bad(format!("is not a plan file: {error}"), "write one with `provisiond plan --out FILE`")
        }
    })?;
    let Document { digest, job, counts, actions } = document;
    let footing = digest.rsplit_once(':').and_then(|(prefix, _)| Some((prefix.to_owned(), Footing::parse(prefix)?)));
    let Some((prefix, footing)) = footing else {
        return Err(bad("has a digest of another form".to_owned(), "make the plan again with this version"));
    };
    let found = PlanDigest { prefix, hasher: actions.hasher }.finish(&job, &counts);
    if found != digest {
        return Err(bad(
            "was edited or damaged: its digest does not fit what it says".to_owned(),
            "apply a plan as it was written, or make it again",
        ));
    }
    Ok(PlanFile { footing, job, at: actions.at, actions: actions.planned })
}

struct Document {
    digest: String,
    job: String,
    counts: Value,
    actions: Actions,
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plan with `digest`, `job`, `counts` and `actions`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Document, M::Error> {
        let (mut digest, mut job, mut counts, mut actions) = (None, None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            let again = match name.as_str() {
                "digest" => digest.replace(map.next_value()?).is_some(),
                "job" => job.replace(map.next_value()?).is_some(),
                "counts" => counts.replace(map.next_value()?).is_some(),
                "actions" => actions.replace(map.next_value_seed(ActionsSeed)?).is_some(),
                other => return Err(M::Error::custom(format!("`{other}` is no member of a plan"))),
            };
            if again {
                return Err(M::Error::custom(format!("`{name}` is there twice")));
            }
        }
        Ok(Document {
            digest: digest.ok_or_else(|| M::Error::missing_field("digest"))?,
            job: job.ok_or_else(|| M::Error::missing_field("job"))?,
            counts: counts.ok_or_else(|| M::Error::missing_field("counts"))?,
            actions: actions.ok_or_else(|| M::Error::missing_field("actions"))?,
        })
    }
}

/// The actions of a plan as far as they matter, read one at a time: there may be a million.
struct Actions {
    hasher: Hasher,
    at: Option<Timestamp>,
    planned: Vec<PlannedAction>,
}

struct ActionsSeed;

impl<'de> DeserializeSeed<'de> for ActionsSeed {
    type Value = Actions;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Actions, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ActionsSeed {
    type Value = Actions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of actions")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Actions, S::Error> {
        let mut digest = PlanDigest::new(String::new());
        let mut actions = Actions { hasher: Hasher::new(), at: None, planned: Vec::new() };
        while let Some(action) = seq.next_element::<Value>()? {
            digest.action(&action);
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let Some(parts) = text(action.get("digest")) else { continue };
            let anchor = text(action.pointer("/source/id"));
            let decision = parts.split_once('-').and_then(|(state, decision)| Some((state, octets(decision)?)));
            let (Some(anchor), Some((state, decision))) = (anchor, decision) else {
                return Err(S::Error::custom(
                    "an action without the id of its object or with a digest of another form",
                ));
            };
            let at = text(action.get("at")).and_then(|at| at.parse().ok());
            let Some(at) = at.filter(|at| actions.at.is_none_or(|known| known == *at)) else {
                return Err(S::Error::custom("an action without the time of the plan"));
            };
            actions.at = Some(at);
            let changes = || action["changes"].as_array().into_iter().flatten();
            let references =
                (action["stage"] == "references").then(|| changes().filter_map(PlannedReference::of).collect());
            let (anchor, state) = (SourceAnchor(anchor), state.to_owned());
            actions.planned.push(PlannedAction { anchor, state, decision, references });
        }
        actions.hasher = digest.hasher;
        Ok(actions)
    }
}

fn octets(text: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footing(files: &[(&str, &str)], state: &str) -> Footing {
        let files = files.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
        Footing { configuration: "c0".to_owned(), state: state.to_owned(), files }
    }

    #[test]
    fn a_footing_comes_back_and_names_what_moved() {
        let then = footing(&[("sub/users, 佐藤:=%.csv", "01"), ("b.csv", "02")], "s1");
        assert_eq!(Footing::parse(&then.text()), Some(then.clone()), "{}", then.text());
        let now = footing(&[("b.csv", "03"), ("c.csv", "04")], "s2");
        let moved = then.moved(&now).join("; ");
        assert_eq!(
            moved,
            "the source file `sub/users, 佐藤:=%.csv` is gone; the source file `b.csv` changed; the source file `c.csv` is new; \
             the state moved: a cycle ran, or the job was restarted or approved"
        );
        assert_eq!(then.moved(&then), Vec::<String>::new());
    }
}
