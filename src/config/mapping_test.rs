//! Reads a file of mapping tests: source objects in, target attributes out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;

use super::check::File;
use super::item::{Block, Item, Value};
use super::load::read_text;
use super::mapping_file::{MappingFile, ObjectRules};
use super::mapping_test_keys::ROOT;
use super::shape::Shape;
use super::yaml::{Entry, Kind, Node, Style};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::mapping::{GENERIC, KINTONE, Known, canonical, is_canonical};
use crate::model::{Attributes, Deletion, ObjectKind, Origin, RoleAssignment, SourceAnchor, SourceObject, SourceValue};

/// A file of mapping tests together with the mapping it is about.
#[derive(Debug)]
pub struct MappingTest {
    /// As it was named.
    pub file: String,
    /// The mapping file.
    pub mapping_file: String,
    pub mapping: MappingFile,
    pub cases: Vec<TestCase>,
}

/// One source object and what is expected of it.
#[derive(Debug)]
pub struct TestCase {
    pub name: String,
    /// Counts from 1.
    pub line: u64,
    pub object: SourceObject,
    pub assigned: bool,
    /// `None` where it follows from the object and the filters.
    pub is_soft_deleted: Option<bool>,
    pub now: Timestamp,
    /// In lower case.
    pub taken: BTreeSet<String>,
    pub expected: Expected,
}

/// What a case asks for; what is `None` may be anything.
#[derive(Debug)]
pub struct Expected {
    pub outcome: Option<Outcome>,
    pub scope: Option<bool>,
    pub input_scope: Option<bool>,
}

#[derive(Debug)]
pub enum Outcome {
    /// All attributes with a value, by target path as the mapping spells it.
    Attributes(BTreeMap<String, ExpectedValue>),
    /// Published code of the failure.
    Error(String),
}

/// A value as it was written, without its type: that follows from the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedValue {
    Absent,
    One(String),
    Several(Vec<String>),
}

impl MappingTest {
    /// Reads the file at `path` and the mapping it names.
    ///
    /// The diagnostics hold every problem of both; the test is `None` where one of them is an error.
    pub fn load(path: &Path) -> (Option<Self>, Vec<Diagnostic>) {
        let name = path.display().to_string();
        let text = match read_text(path) {
            Ok(text) => text,
            Err(why) => {
                let problem = Diagnostic::error("unreadable_file", format!("the test file cannot be read: {why}"))
                    .with_place(Place::of_file(name))
                    .with_help("name a file of mapping tests, such as `mappings/kintone.test.yaml`");
                return (None, vec![problem]);
            }
        };
        let mut file = File::new(&name, &text);
        let mut more = Vec::new();
        let test = read(&mut file, path.parent().unwrap_or(Path::new("")), &mut more);
        let failed = file.has_errors() || more.iter().any(Diagnostic::is_error);
        let mut problems = file.into_faults();
        problems.extend(more);
        (test.filter(|_| !failed), problems)
    }
}

impl TestCase {
    /// The mapping that the case is about; `None` where groups are off.
    pub fn rules<'m>(&self, mapping: &'m MappingFile) -> Option<&'m ObjectRules> {
        match self.object.kind {
            ObjectKind::User => Some(&mapping.users),
            ObjectKind::Group => mapping.groups.as_ref(),
        }
    }
}

fn read(file: &mut File<'_>, base: &Path, more: &mut Vec<Diagnostic>) -> Option<MappingTest> {
    let root = file.parse()?;
    let checked = file.check(&root, &Shape::Block(ROOT))?;
    let block = checked.block()?;
    let mapping = mapping_of(file, block, base, more);
    let list = block.get("cases")?;
    if list.list().is_empty() && !file.has_errors() {
        let span = list.span.clone().unwrap_or_default();
        file.error("missing_value", span, "there is no case", "add a case with `name`, `source` and `expect`");
    }
    let names = mapping.as_ref().map(|(_, mapping)| mapping.names()).unwrap_or_default();
    let mut cases: Vec<TestCase> = Vec::new();
    for item in list.list() {
        let Some(case) = item.block() else { continue };
        let Some(read) = case_of(file, item, case, mapping.as_ref().map(|(_, mapping)| mapping), &names) else {
            continue;
        };
        if let Some(other) = cases.iter().find(|other| other.name == read.name) {
            let span = case.get("name").and_then(|name| name.span.clone()).unwrap_or_default();
            let message = format!("the case in line {} is called `{}` too", other.line, other.name);
            file.error("duplicate_case", span, message, "give each case a name of its own: reports go by it");
        }
        cases.push(read);
    }
    let (mapping_file, mapping) = mapping?;
    Some(MappingTest { file: file.name.to_owned(), mapping_file, mapping, cases })
}

fn mapping_of(
    file: &mut File<'_>,
    block: &Block,
    base: &Path,
    more: &mut Vec<Diagnostic>,
) -> Option<(String, MappingFile)> {
    let item = block.get("mapping")?;
    let written = item.text()?;
    let path = base.join(written);
    let name = path.display().to_string();
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("the mapping file `{written}` cannot be read: {why}");
            let help = "write the path of a mapping file, relative to this file";
            file.error("unreadable_file", item.span.clone().unwrap_or_default(), message, help);
            return None;
        }
    };
    let rules = if block.text("profile") == Some("kintone") { &KINTONE } else { &GENERIC };
    let (mapping, problems) = MappingFile::read(&name, &text, rules, &Known::default());
    // Warnings about the mapping itself are for `check`.
    more.extend(problems.into_iter().filter(Diagnostic::is_error));
    Some((name, mapping?))
}

fn case_of(
    file: &mut File<'_>,
    item: &Item,
    block: &Block,
    mapping: Option<&MappingFile>,
    names: &BTreeSet<String>,
) -> Option<TestCase> {
    let start = item.span.clone().unwrap_or_default().start;
    let line = 1 + file.text[..start].matches('\n').count() as u64;
    let kind = if block.text("object") == Some("group") { ObjectKind::Group } else { ObjectKind::User };
    let source = source_of(file, block, names);
    let rules = mapping.map(|mapping| match kind {
        ObjectKind::User => Some(&mapping.users),
        ObjectKind::Group => mapping.groups.as_ref(),
    });
    if let Some(None) = rules {
        let span = block.get("object").and_then(|item| item.span.clone()).unwrap_or_default();
        let help = "switch groups on in the mapping, or remove the case";
        file.error("invalid_value", span, "the mapping does not provision groups", help);
    }
    let outcome = outcome_of(file, block, item.span.clone().unwrap_or_default(), rules.flatten());
    Some(TestCase {
        name: block.owned("name")?,
        line,
        object: object_of(kind, source, file.name, line),
        assigned: block.flag("assigned").unwrap_or(true),
        is_soft_deleted: block.flag("is_soft_deleted"),
        now: block.text("now")?.parse().ok()?,
        taken: block.texts("taken").iter().map(|value| value.to_lowercase()).collect(),
        expected: Expected { outcome, scope: block.flag("scope"), input_scope: block.flag("input_scope") },
    })
}

fn object_of(kind: ObjectKind, source: BTreeMap<String, SourceValue>, file: &str, line: u64) -> SourceObject {
    let (attributes, rest): (Vec<_>, Vec<_>) = source.into_iter().partition(|(name, _)| is_canonical(name));
    let (attributes, rest): (Attributes, Attributes) = (attributes.into_iter().collect(), rest.into_iter().collect());
    let anchor = match attributes.get("objectId") {
        Some(SourceValue::Text(text)) => text.clone(),
        _ => format!("line {line}"),
    };
    SourceObject {
        kind,
        anchor: SourceAnchor(anchor),
        deletion: Deletion::None,
        attributes,
        rest,
        unknown: BTreeSet::new(),
        cleared: BTreeSet::new(),
        incomplete: BTreeSet::new(),
        unresolved: BTreeMap::new(),
        choices: BTreeMap::new(),
        removed: BTreeMap::new(),
        partial: false,
        origin: Origin { file: file.into(), line },
    }
}

/// The attributes of a case; one that nobody knows is probably misspelt.
fn source_of(file: &mut File<'_>, block: &Block, names: &BTreeSet<String>) -> BTreeMap<String, SourceValue> {
    let mut source = BTreeMap::new();
    let Some(table) = block.block("source") else { return source };
    for (name, item) in &table.entries {
        let Value::Data(node) = &item.value else { continue };
        let known = is_canonical(name) || names.iter().any(|other| other.eq_ignore_ascii_case(name));
        if !known {
            let message = format!("no mapping or filter reads `{name}`");
            let help = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("an attribute with a similar name is read: `{near}`"),
                None => "remove it, or check its spelling".to_owned(),
            };
            file.warning("unread_attribute", key_before(file.text, node), message, help);
        }
        let Some(value) = source_value(file, node, name) else { continue };
        if source.insert(canonical(name).to_owned(), value).is_some() {
            let message = format!("`{}` is given twice, under two spellings", canonical(name));
            file.error("duplicate_key", key_before(file.text, node), message, "keep one of the two");
        }
    }
    source
}

/// The line of a value up to the value: its key.
fn key_before(text: &str, node: &Node) -> Range<usize> {
    let start = text[..node.span.start].rfind(['\n', ',', '{']).map_or(0, |at| at + 1);
    let key = text[start..node.span.start].trim_end().trim_end_matches(':');
    let from = start + (key.len() - key.trim_start().len());
    from..start + key.len()
}

fn source_value(file: &mut File<'_>, node: &Node, name: &str) -> Option<SourceValue> {
    let roles = name.eq_ignore_ascii_case("appRoleAssignments");
    match &node.kind {
        Kind::Scalar(_) if node.is_null() => None,
        Kind::Scalar(scalar) if roles => Some(SourceValue::Roles(vec![named_role(&scalar.text)])),
        Kind::Scalar(scalar) if scalar.style == Style::Plain => Some(match scalar.text.as_str() {
            "true" | "True" | "TRUE" => SourceValue::Bool(true),
            "false" | "False" | "FALSE" => SourceValue::Bool(false),
            // `007` is a text: a number would lose its zeros
            text => match text.parse::<i64>() {
                Ok(number) if number.to_string() == text => SourceValue::Integer(number),
                _ => SourceValue::Text(text.to_owned()),
            },
        }),
        Kind::Scalar(scalar) => Some(SourceValue::Text(scalar.text.clone())),
        Kind::List { items, .. } if roles => {
            let roles: Vec<RoleAssignment> = items.iter().filter_map(|item| role(file, item)).collect();
            (!roles.is_empty()).then_some(SourceValue::Roles(roles))
        }
        Kind::List { items, .. } => {
            let texts: Vec<String> = items.iter().filter_map(|item| text_of(file, item)).collect();
            (!texts.is_empty()).then_some(SourceValue::List(texts))
        }
        Kind::Map { .. } => {
            let help = "write a text, a number, `true`, `false` or a list; only `appRoleAssignments` holds maps";
            file.error("wrong_type", node.span.clone(), format!("`{name}` cannot be a map"), help);
            None
        }
    }
}

fn named_role(name: &str) -> RoleAssignment {
    RoleAssignment { id: None, value: Some(name.to_owned()), display_name: Some(name.to_owned()) }
}

fn role(file: &mut File<'_>, node: &Node) -> Option<RoleAssignment> {
    let Kind::Map { entries } = &node.kind else { return text_of(file, node).map(|name| named_role(&name)) };
    let mut role = RoleAssignment { id: None, value: None, display_name: None };
    for Entry { key, value } in entries {
        let text = text_of(file, value);
        match key.scalar().map(|key| key.text.as_str()) {
            Some("id") => role.id = text,
            Some("value") => role.value = text,
            Some("displayName") => role.display_name = text,
            _ => {
                let help = "a role assignment has `id`, `value` and `displayName`";
                file.error("unknown_key", key.span.clone(), "this is no part of a role assignment", help);
            }
        }
    }
    if role.value.is_none() && role.display_name.is_none() {
        let help = "write `{ value: NAME }`";
        file.error("missing_key", node.span.clone(), "a role assignment needs `value` or `displayName`", help);
        return None;
    }
    Some(role)
}

/// A single text of a list or a map.
fn text_of(file: &mut File<'_>, node: &Node) -> Option<String> {
    match node.scalar() {
        Some(scalar) if !node.is_null() => Some(scalar.text.clone()),
        _ => {
            file.wrong_type(node, "a text");
            None
        }
    }
}

fn outcome_of(
    file: &mut File<'_>,
    block: &Block,
    Range { start, end }: Range<usize>,
    rules: Option<&ObjectRules>,
) -> Option<Outcome> {
    let error = block.get("error");
    let Some(table) = block.block("expect") else {
        let asks = error.is_some() || block.get("scope").is_some() || block.get("input_scope").is_some();
        // a fault in one of them was reported as that
        let from = file.text[..start].matches('\n').count() as u64;
        let to = from + file.text[start..end].matches('\n').count() as u64 + 1;
        let faulty = |fault: &Diagnostic| {
            fault.place.as_ref().and_then(|place| place.line).is_some_and(|line| line > from && line <= to)
        };
        if !asks && !file.faults.iter().any(faulty) {
            let help = "add `expect` with the attributes of the account, `error`, or `scope`";
            file.error("missing_key", start..start + 1, "the case expects nothing", help);
        }
        return error.and_then(Item::text).map(|code| Outcome::Error(code.to_owned()));
    };
    if let Some(error) = error {
        let help = "keep one of the two: an object that fails gets no attributes";
        file.error("invalid_value", error.span.clone().unwrap_or_default(), "`error` stands beside `expect`", help);
    }
    let mut attributes = BTreeMap::new();
    for (target, item) in &table.entries {
        let Value::Data(node) = &item.value else { continue };
        if let Some(rules) = rules {
            let paths = rules.mapping.attributes().iter().map(|one| one.rule.path.as_str());
            if !paths.clone().any(|path| path == target) {
                let help = match nearest(target, paths) {
                    Some(near) => format!("an attribute with a similar name is mapped: `{near}`"),
                    None => "write the target attribute as the mapping spells it".to_owned(),
                };
                let message = format!("the mapping has no attribute `{target}`");
                file.error("unknown_target_attribute", key_before(file.text, node), message, help);
            }
        }
        let value = match &node.kind {
            Kind::Scalar(_) if node.is_null() => ExpectedValue::Absent,
            Kind::Scalar(scalar) => ExpectedValue::One(scalar.text.clone()),
            Kind::List { items, .. } => {
                ExpectedValue::Several(items.iter().filter_map(|item| text_of(file, item)).collect())
            }
            Kind::Map { .. } => {
                file.wrong_type(node, "a text or a list");
                continue;
            }
        };
        attributes.insert(target.clone(), value);
    }
    Some(Outcome::Attributes(attributes))
}
