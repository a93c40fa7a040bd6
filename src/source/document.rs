//! What `source --output json` prints (sources.md 24).

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::changes::Change;
use super::find::{FileSet, Found, find};
use super::identity::Identity;
use super::raw::{LdifChange, ModifyOperation, RawValue};
use super::read::{Read, read};
use super::recognise::Nothing;
use super::report::{Counts, FileReport, Level, Problem, SetMode, SetReport};
use super::settings::Settings;
use crate::model::{Attributes, Deletion, ObjectKind, SourceObject, SourceValue};

/// Reads the folder and shows what its files hold, before and whatever the judgement; nothing is applied.
///
/// Of the records at most the first `most` are shown; how many there are beside them is said with the document. `judged`: what
/// there is to say of the set beside the last one, which the files do not show.
pub fn document(settings: &Settings, most: usize, judged: &[Problem]) -> (Value, usize) {
    let settings = whole(settings);
    let set = FileSet { is_hashed: true, ..find(&settings) };
    let mut records: Vec<Shown> = Vec::new();
    let mut left = 0;
    let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
        match read {
            Read::Withdrawn { file, hash, .. } => {
                let before = records.len();
                records.retain(|shown| (shown.file, shown.hash) != (file, hash));
                left -= usize::from(records.len() == before && left > 0);
            }
            read if records.len() < most => records.extend(show(read)),
            read => left += usize::from(is_shown(&read)),
        }
        Ok(())
    };
    let Ok(mut report) = read(&settings, &set, None, &mut Nothing, &mut sink);
    let identity = identity(&set, &report);
    judge(&mut report, judged);
    let several = report.files.len() > 1;
    let records = records.into_iter().map(|shown| {
        let found = several.then(|| &set.files[shown.file]);
        shown.value(found)
    });
    let mut document = Map::from_iter([("records".to_owned(), records.collect::<Value>())]);
    document.extend(around(&report, identity).map(|(name, value)| (name.to_owned(), value)));
    document.insert("refused".to_owned(), refused(&report.files));
    (Value::Object(document), left)
}

/// Writes the same with every record, none of which is held; says whether the set is refused.
pub fn write_document(settings: &Settings, judged: &[Problem], out: &mut dyn Write) -> io::Result<bool> {
    let settings = whole(settings);
    let mut set = find(&settings);
    // which record a later file takes the place of is known only at the end
    let mut withdrawn: HashSet<(usize, u128)> = HashSet::new();
    let mut several = set.files.len() > 1;
    if several {
        let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
            if let Read::Withdrawn { file, hash, .. } = read {
                withdrawn.insert((file, hash));
            }
            Ok(())
        };
        let Ok(report) = read(&settings, &set, None, &mut Nothing, &mut sink);
        several = report.files.len() > 1;
    }
    set.is_hashed = true;
    out.write_all(b"{\"records\":[")?;
    let mut is_first = true;
    let mut sink = |read: Read<'_>| -> io::Result<()> {
        let Some(shown) = show(read).filter(|shown| !withdrawn.contains(&(shown.file, shown.hash))) else {
            return Ok(());
        };
        out.write_all(if std::mem::take(&mut is_first) { b"\n" } else { b",\n" })?;
        let found = several.then(|| &set.files[shown.file]);
        Ok(serde_json::to_writer(&mut *out, &shown.value(found))?)
    };
    let mut report = read(&settings, &set, None, &mut Nothing, &mut sink)?;
    let identity = identity(&set, &report);
    judge(&mut report, judged);
    out.write_all(b"],\n\"refused\":")?;
    serde_json::to_writer(&mut *out, &refused(&report.files))?;
    for (name, value) in around(&report, identity) {
        write!(out, ",\n\"{name}\":")?;
        serde_json::to_writer(&mut *out, &value)?;
    }
    out.write_all(b"}\n")?;
    Ok(report.refused)
}

fn judge(report: &mut SetReport, judged: &[Problem]) {
    let known: HashSet<&str> = report.problems.iter().map(|problem| problem.code).collect();
    let fresh: Vec<Problem> = judged.iter().filter(|problem| !known.contains(problem.code)).cloned().collect();
    report.refused |= fresh.iter().any(|problem| matches!(problem.level, Level::File | Level::Set));
    report.problems.extend(fresh);
}

/// Everything is read, and references are followed.
fn whole(settings: &Settings) -> Settings {
    Settings { wanted: None, references: true, ..settings.clone() }
}

fn is_shown(read: &Read<'_>) -> bool {
    matches!(read, Read::Object { .. } | Read::Change { .. })
}

fn show(read: Read<'_>) -> Option<Shown> {
    match read {
        Read::Object { file, fingerprint, object, renamed_to, self_reference, .. } => {
            // here only canonical names are shown
            let others = object.unread_rest();
            let mut object = object.into_object();
            object.unknown.retain(|name| !others.contains(name));
            Some(Shown { file, hash: fingerprint.hash, record: record(&object, renamed_to, self_reference) })
        }
        Read::Change { file, hash, change } => Some(Shown { file, hash, record: change_record(&change) }),
        Read::Known { .. }
        | Read::Run { .. }
        | Read::Ignored { .. }
        | Read::Withdrawn { .. }
        | Read::Refused { .. }
        | Read::Gone { .. } => None,
    }
}

/// The members beside the records.
fn around(report: &SetReport, identity: Value) -> impl Iterator<Item = (&'static str, Value)> {
    let files = report.files.iter().map(file).collect::<Value>();
    [
        ("identity", identity),
        ("complete", json!(report.complete.name())),
        ("files", files),
        ("counts", counts(report.counts)),
        ("problems", report.problems.iter().map(|problem| problem.to_diagnostic().to_json()).collect()),
        ("set", judgement(report)),
    ]
    .into_iter()
}

/// What the export is told from others by, as it was read; nothing where a file cannot be read.
fn identity(set: &FileSet, report: &SetReport) -> Value {
    let of_read = report.identity.as_ref().map(Identity::digest);
    json!(of_read.or_else(|| set.identity().ok().map(|identity| identity.digest())))
}

struct Shown {
    file: usize,
    hash: u128,
    record: Map<String, Value>,
}

impl Shown {
    /// `found`: the record's file, where there are several.
    fn value(mut self, found: Option<&Found>) -> Value {
        if let Some(found) = found {
            self.record.insert("file".to_owned(), json!(found.name));
        }
        Value::Object(self.record)
    }
}

fn file(report: &FileReport) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    put("file", json!(report.file));
    put("preset", json!(report.preset));
    put("format", json!(report.format));
    put("status", json!(if report.error.is_some() { "refused" } else { "accepted" }));
    put("complete", json!(report.complete.name()));
    if let Some(encoding) = &report.encoding {
        put("encoding", json!(encoding));
    }
    if let Some(delimiter) = report.delimiter {
        put("delimiter", json!(delimiter));
    }
    if let Some(columns) = &report.columns {
        put("columns", json!(columns));
    }
    if let Some((next_link, delta)) = report.document {
        put("next_link", json!(next_link));
        put("delta", json!(delta));
    }
    if let Some(code) = report.result_code {
        put("result_code", json!(code));
    }
    if let Some((code, line)) = report.error {
        let mut error = Map::from_iter([("code".to_owned(), json!(code))]);
        error.extend(line.map(|line| ("line".to_owned(), json!(line))));
        put("error", Value::Object(error));
    }
    let warnings = report.warnings.iter().map(|warning| {
        let mut map = Map::new();
        map.extend(warning.line.map(|line| ("line".to_owned(), json!(line))));
        map.insert("code".to_owned(), json!(warning.code));
        map.extend(warning.attribute.as_ref().map(|name| ("attribute".to_owned(), json!(name))));
        Value::Object(map)
    });
    put("warnings", warnings.collect());
    Value::Object(map)
}

fn counts(counts: Counts) -> Value {
    json!({
        "users": counts.users,
        "groups": counts.groups,
        "ignored": counts.ignored,
        "changes": counts.changes,
        "refused": counts.refused,
        "disabled": counts.disabled,
        "enabled_unknown": counts.enabled_unknown,
        "soft_deleted": counts.soft_deleted,
        "hard_deleted": counts.hard_deleted,
    })
}

fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
    }
}

fn record(object: &SourceObject, renamed_to: Option<String>, self_reference: Option<String>) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    put("line", json!(object.origin.line));
    put("kind", json!(kind_name(object.kind)));
    put("anchor", json!(object.anchor.as_str()));
    let deletion = match object.deletion {
        Deletion::None => "none",
        Deletion::Soft => "soft",
        Deletion::Hard => "hard",
    };
    put("deletion", json!(deletion));
    put("attributes", values(&object.attributes));
    if !object.rest.is_empty() {
        put("rest", values(&object.rest));
    }
    for (name, set) in [("unknown", &object.unknown), ("cleared", &object.cleared), ("incomplete", &object.incomplete)]
    {
        if !set.is_empty() {
            put(name, json!(set));
        }
    }
    if !object.unresolved.is_empty() {
        put("unresolved", json!(object.unresolved));
    }
    if let Some(name) = self_reference {
        put("dropped_self_reference", json!(name));
    }
    if let Some(name) = renamed_to {
        put("rename_to", json!(name));
    }
    map
}

fn values(attributes: &Attributes) -> Value {
    let value = |value: &SourceValue| match value {
        SourceValue::Bool(truth) => json!(truth),
        SourceValue::Integer(number) => json!(number.to_string()),
        SourceValue::Text(text) => json!(text),
        SourceValue::List(list) => json!(list),
        SourceValue::Roles(roles) => json!(roles),
    };
    Value::Object(attributes.iter().map(|(name, attribute)| (name.to_string(), value(attribute))).collect())
}

fn change_record(change: &Change) -> Map<String, Value> {
    let mut map = Map::from_iter([("line".to_owned(), json!(change.line)), ("dn".to_owned(), json!(change.dn))]);
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    match &change.change {
        LdifChange::Add => put("op", json!("add")),
        LdifChange::Delete { .. } => put("op", json!("delete")),
        LdifChange::Modify(parts) => {
            put("op", json!("modify"));
            let mods = parts.iter().map(|part| {
                let op = match part.operation {
                    ModifyOperation::Add => "add",
                    ModifyOperation::Delete => "delete",
                    ModifyOperation::Replace => "replace",
                    ModifyOperation::Increment => "increment",
                };
                let secret = super::canonical::is_secret(&part.attribute);
                let values: Vec<Value> = if secret { Vec::new() } else { part.values.iter().map(raw_value).collect() };
                json!({"op": op, "attr": &*part.attribute, "values": values})
            });
            put("mods", mods.collect());
        }
        LdifChange::Rename { new_rdn, delete_old_rdn, new_superior } => {
            put("op", json!("rename"));
            put("newrdn", json!(new_rdn));
            put("deleteoldrdn", json!(delete_old_rdn));
            put("newsuperior", json!(new_superior));
        }
    }
    map
}

/// Values that are not printable text are base64.
fn raw_value(value: &RawValue<'_>) -> Value {
    let base64 = |octets: &[u8]| {
        use base64::Engine;
        json!({"base64": base64::engine::general_purpose::STANDARD.encode(octets)})
    };
    match value {
        RawValue::Bytes(octets) => base64(octets),
        RawValue::Null => Value::Null,
        RawValue::Url(url) => json!(url),
        RawValue::Text(_) | RawValue::Bool(_) | RawValue::Number(_) => {
            let text = value.as_text().unwrap_or_default();
            let printable = text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'));
            if printable { json!(text) } else { base64(text.as_bytes()) }
        }
    }
}

fn refused(files: &[FileReport]) -> Value {
    let with_some = files.iter().filter(|file| !file.refused.is_empty());
    let list = |file: &FileReport| {
        let records = file.refused.iter().map(|record| {
            let mut map =
                Map::from_iter([("line".to_owned(), json!(record.line)), ("code".to_owned(), json!(record.code))]);
            map.extend(record.at.map(|at| ("at".to_owned(), json!(at))));
            map.extend(record.first_line.map(|line| ("first_line".to_owned(), json!(line))));
            Value::Object(map)
        });
        records.collect::<Value>()
    };
    Value::Object(with_some.map(|file| (file.file.clone(), list(file))).collect())
}

fn judgement(report: &SetReport) -> Value {
    let mode = match report.mode {
        SetMode::Snapshot => "snapshot",
        SetMode::Changes => "changes",
        SetMode::Both => "both",
    };
    json!({
        "mode": mode,
        "complete": report.complete.name(),
        "refused": report.refused,
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn problem(problem: &Problem) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
    put("level", json!(Level::letter(problem.level)));
    put("code", json!(problem.code));
    if let Some(file) = &problem.file {
        put("file", json!(file));
    }
    for (name, number) in [("line", problem.line), ("column", problem.column), ("at", problem.at)] {
        if let Some(number) = number {
            put(name, json!(number));
        }
    }
    if let Some(attribute) = &problem.attribute {
        put("attribute", json!(attribute));
    }
    put("message", json!(problem.message));
    put("help", json!(problem.help));
    Value::Object(map)
}
