//! Reads a mapping file (contract.md 4): mappings, filters, permitted actions.

use std::collections::BTreeSet;

use super::check::File;
use super::item::{Block, Item, Value};
use super::mapping_keys;
use super::shape::Shape;
use super::yaml::{Entry, Kind, Node, Style, quoted};
use crate::diagnostic::{Diagnostic, Severity};
use crate::mapping::{self, Draft, Known, ObjectMapping, Part, Source, TargetRules, canonical};
use crate::model::{Actions, ApplyMode, Mutability, ObjectKind, ValueKind};
use crate::scoping::{self, AttributeType, ClauseDraft, Filter, GroupDraft, Schema};

/// What a mapping file says, compiled.
#[derive(Debug)]
pub struct MappingFile {
    pub users: ObjectRules,
    /// `None` where groups are not provisioned.
    pub groups: Option<ObjectRules>,
}

/// Everything about one kind of object.
#[derive(Debug)]
pub struct ObjectRules {
    /// Path below the tenant URL.
    pub endpoint: String,
    pub actions: Actions,
    pub scope: Filter,
    /// Who fails it is not processed at all (service.md D-20).
    pub input_scope: Filter,
    /// Groups only: the members of inner groups become members of the outer group.
    pub flatten: bool,
    pub mapping: ObjectMapping,
    /// The same before it was compiled.
    pub written: ObjectDraft,
}

/// Filters and mappings of one kind of object as written.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectDraft {
    pub scope: Vec<GroupDraft>,
    pub input_scope: Vec<GroupDraft>,
    pub attributes: Vec<Draft>,
}

impl MappingFile {
    /// Compiles the text of a mapping file; `name` is how people know the file.
    ///
    /// The diagnostics hold every problem; the file is `None` where one of them is an error.
    pub fn read(name: &str, text: &str, rules: &TargetRules, known: &Known) -> (Option<Self>, Vec<Diagnostic>) {
        let mut file = File::new(name, text);
        let read = Self::compile(&mut file, rules, known).filter(|_| !file.has_errors());
        (read, file.into_faults())
    }

    fn compile(file: &mut File<'_>, rules: &TargetRules, known: &Known) -> Option<Self> {
        let root = file.parse()?;
        let entries = file.entries(&root)?;
        let names = mapping_keys::ROOT.iter().map(|key| key.name);
        for (name, entry) in &entries {
            if !mapping_keys::ROOT.iter().any(|key| key.name == *name) {
                file.unknown_key(entry, name, names.clone());
            }
        }
        let find = |wanted: &str| entries.iter().find(|(name, _)| *name == wanted).map(|(_, entry)| *entry);
        let users = match find("users") {
            Some(entry) => object(file, &entry.value, ObjectKind::User, rules, known),
            None => {
                let help = "add `users:` with `attributes:` below it";
                file.error("missing_key", root.span.start..root.span.start, "the key `users` is missing", help);
                None
            }
        };
        let groups = find("groups").and_then(|entry| object(file, &entry.value, ObjectKind::Group, rules, known));
        Some(Self { users: users?, groups })
    }

    /// The source attributes whose change may matter to the job, by canonical name (service.md D-15).
    pub fn names(&self) -> BTreeSet<String> {
        let objects = [Some(&self.users), self.groups.as_ref()];
        let mut names = BTreeSet::new();
        for object in objects.into_iter().flatten() {
            names.extend(object.mapping.names());
            let filters = object.scope.attributes().chain(object.input_scope.attributes());
            names.extend(filters.map(|name| canonical(name).to_owned()));
        }
        names
    }

    /// A digest of the meaning: comments, quotes and order of keys do not change it, a changed mapping or filter does.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let objects = [Some(&self.users), self.groups.as_ref()];
        for object in objects {
            let Some(object) = object else {
                hasher.update(b"none");
                continue;
            };
            let mut write = |bytes: &[u8]| {
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            };
            write(object.endpoint.as_bytes());
            let Actions { create, update, delete } = object.actions;
            write(&[u8::from(create), u8::from(update), u8::from(delete)]);
            if object.flatten {
                write(b"flatten");
            }
            write(b"scope");
            object.scope.feed(&mut write);
            write(b"input");
            object.input_scope.feed(&mut write);
            write(b"mapping");
            object.mapping.feed(&mut write);
        }
        hasher.finalize()
    }
}

/// Reads `users` or `groups`; `None` where groups are off.
fn object(
    file: &mut File<'_>,
    node: &Node,
    kind: ObjectKind,
    rules: &TargetRules,
    known: &Known,
) -> Option<ObjectRules> {
    let keys = match kind {
        ObjectKind::User => mapping_keys::USERS,
        ObjectKind::Group => mapping_keys::GROUPS,
    };
    let item = file.check(node, &Shape::Block(keys))?;
    let block = item.block()?;
    let enabled = block.flag("enabled").unwrap_or(true);
    let entries: Vec<(String, Node)> = match &node.kind {
        Kind::Map { entries } => {
            entries.iter().filter_map(|entry| Some((entry.key.scalar()?.text.clone(), entry.value.clone()))).collect()
        }
        Kind::Scalar(_) | Kind::List { .. } => Vec::new(),
    };
    let find = |wanted: &str| entries.iter().find(|(name, _)| name == wanted).map(|(_, node)| node);
    if kind == ObjectKind::Group && enabled && !rules.groups {
        let message = format!("a target of profile `{}` has no groups", rules.profile);
        let span = find("enabled").map_or(node.span.start..node.span.start + 1, |node| node.span.clone());
        file.error("unsupported_groups", span, message, "write `groups: { enabled: false }`, or leave `groups` out");
    }
    let scope = filter(file, block, "scope", known);
    let input_scope = filter(file, block, "input_scope", known);
    let off = kind == ObjectKind::Group && !enabled;
    let mut written = Vec::new();
    let mapping = match find("attributes") {
        Some(attributes) => attributes_of(file, attributes, kind, rules, known, off, &mut written),
        None if off => return None,
        None => {
            let help = "add `attributes:` with at least the attribute that accounts are matched on";
            file.error("missing_key", node.span.start..node.span.start + 1, "the key `attributes` is missing", help);
            None
        }
    };
    if off {
        return None;
    }
    let actions = block.texts("actions");
    let may = |action: &str| actions.iter().any(|name| name == action);
    Some(ObjectRules {
        endpoint: endpoint(file, block)?,
        actions: Actions { create: may("create"), update: may("update"), delete: may("delete") },
        scope: scope?,
        input_scope: input_scope?,
        flatten: block.flag("flatten").unwrap_or(false),
        mapping: mapping?,
        written: ObjectDraft {
            scope: group_drafts(block, "scope"),
            input_scope: group_drafts(block, "input_scope"),
            attributes: written,
        },
    })
}

fn endpoint(file: &mut File<'_>, block: &Block) -> Option<String> {
    let item = block.get("endpoint")?;
    let text = item.text()?.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    if text.starts_with('/') && text.len() > 1 && text.chars().all(plain) {
        return Some(text.to_owned());
    }
    let span = item.span.clone().unwrap_or_default();
    let message = format!("`{text}` is no path of resources");
    file.error("invalid_value", span, message, "write a path below the tenant URL, such as `/Users`");
    None
}

/// Types that Entra's schema declares for attributes that filters treat apart (service.md 9.3).
pub(super) fn schema() -> Schema {
    use AttributeType::{Boolean, MultiValued};
    let types = [
        ("accountEnabled", Boolean),
        ("dirSyncEnabled", Boolean),
        ("securityEnabled", Boolean),
        ("assigned", Boolean),
        ("otherMails", MultiValued),
        ("proxyAddresses", MultiValued),
    ];
    Schema::new(types.into_iter().map(|(name, ty)| (name.to_owned(), ty)))
}

fn filter(file: &mut File<'_>, block: &Block, key: &str, known: &Known) -> Option<Filter> {
    let groups = block.list(key);
    let clauses = groups.iter().flat_map(Item::list).filter_map(Item::block);
    clauses.filter_map(|clause| clause.get("attribute")).for_each(|item| tested(file, item, known));
    let drafts = group_drafts(block, key);
    let place = |fault: &scoping::Fault| {
        let group = groups.get(fault.group)?;
        let Some((clause, part)) = fault.clause else { return group.span.clone() };
        let clause = group.list().get(clause)?;
        let name = match part {
            scoping::Part::Attribute => "attribute",
            scoping::Part::Operator => "operator",
            scoping::Part::Value => "value",
        };
        clause.block()?.get(name).and_then(|item| item.span.clone()).or_else(|| clause.span.clone())
    };
    let (filter, faults) = match Filter::compile(&drafts, &schema()) {
        Ok((filter, hints)) => (Some(filter), hints),
        Err(faults) => (None, faults),
    };
    for fault in faults {
        // a clause without an operator was reported as that
        let operator = |(clause, _): (usize, scoping::Part)| {
            drafts.get(fault.group)?.clauses.get(clause).map(|one| one.operator.is_empty())
        };
        if fault.code == scoping::Code::UnknownOperator && fault.clause.and_then(operator) == Some(true) {
            continue;
        }
        let span = place(&fault).unwrap_or_default();
        let diagnostic = Diagnostic::new(fault.severity, fault.code.as_str(), fault.message);
        file.faults.push(diagnostic.at(file.name, file.text, span, None).with_help(fault.help));
    }
    filter
}

/// Judges the name that a clause tests: of one that nobody has every clause but a negative one leaves everybody out.
fn tested(file: &mut File<'_>, item: &Item, known: &Known) {
    let Some(name) = item.text().filter(|name| !name.trim().is_empty()) else { return };
    let Some(misnamed) = known.judge(name) else { return };
    let help = misnamed.help.clone().unwrap_or_else(|| "test another attribute".to_owned());
    let diagnostic = misnamed.at(file.name, file.text, item.span.clone().unwrap_or_default(), None);
    file.faults.push(diagnostic.with_help(help));
}

fn group_drafts(block: &Block, key: &str) -> Vec<GroupDraft> {
    let groups = block.list(key).iter().enumerate();
    groups
        .map(|(index, group)| GroupDraft {
            name: format!("filter {}", index + 1),
            clauses: group.list().iter().filter_map(Item::block).map(clause).collect(),
        })
        .collect()
}

fn clause(block: &Block) -> ClauseDraft {
    ClauseDraft {
        attribute: block.text("attribute").map(canonical).unwrap_or_default().to_owned(),
        operator: block.owned("operator").unwrap_or_default(),
        values: block.owned("value").into_iter().collect(),
    }
}

/// One mapping with the nodes it was written in.
struct Written<'n> {
    entry: &'n Entry,
    draft: Draft,
}

fn attributes_of(
    file: &mut File<'_>,
    node: &Node,
    kind: ObjectKind,
    rules: &TargetRules,
    known: &Known,
    off: bool,
    drafts: &mut Vec<Draft>,
) -> Option<ObjectMapping> {
    let mut written = Vec::new();
    for (target, entry) in entries_of(node) {
        // faults of shape were reported with the block; here only what passed is read
        let mut quiet = File::new(file.name, file.text);
        let Some(item) = quiet.check(&entry.value, &Shape::TextOr(mapping_keys::ATTRIBUTE)) else { continue };
        if quiet.has_errors() {
            continue;
        }
        if let Some(draft) = draft(file, target, entry, &item) {
            written.push(Written { entry, draft });
        }
    }
    let complete = written.len() == entries_of(node).len();
    drafts.extend(written.iter().map(|one| one.draft.clone()));
    let (mapping, faults) = match ObjectMapping::compile(kind, drafts, rules, known) {
        Ok((mapping, warnings)) => (Some(mapping), warnings),
        Err(faults) => (None, faults),
    };
    for fault in faults {
        // a fault of shape may be why nothing is matched on
        let consequence = fault.code == "no_matching_attribute" && (!complete || off);
        // what a profile without groups takes is no question for a group mapping that is off
        if consequence || (off && fault.code == "unsupported_target_attribute") {
            continue;
        }
        report(file, node, &written, fault);
    }
    mapping
}

fn entries_of(node: &Node) -> Vec<(&str, &Entry)> {
    let Kind::Map { entries } = &node.kind else { return Vec::new() };
    let mut found: Vec<(&str, &Entry)> = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(key) = entry.key.scalar()
            && !found.iter().any(|(name, _)| *name == key.text)
        {
            found.push((&key.text, entry));
        }
    }
    found
}

fn draft(file: &mut File<'_>, target: &str, entry: &Entry, item: &Item) -> Option<Draft> {
    let block = match &item.value {
        Value::Text(text) => return Some(Draft::new(target, Source::of_text(text))),
        Value::Block(block) => block,
        _ => return None,
    };
    let source = if let Some(name) = block.owned("source") {
        Source::Attribute(name)
    } else if let Some(text) = block.owned("expression") {
        Source::Expression(text)
    } else if let Some(text) = block.owned("constant") {
        Source::Constant(text)
    } else if block.flag("none") == Some(true) {
        Source::None
    } else {
        let span = entry.value.span.clone();
        file.error("invalid_value", span, "`none` takes `true` only", "write `none: true`, or name a `source`");
        return None;
    };
    let word = |key: &str| block.text(key);
    Some(Draft {
        default: block.owned("default"),
        matching: block.count("match").map(|precedence| u32::try_from(precedence).unwrap_or(u32::MAX)),
        apply: word("apply").map(|apply| match apply {
            "on-create" => ApplyMode::OnCreate,
            "multi-value-add-only" => ApplyMode::MultiValueAddOnly,
            _ => ApplyMode::Always,
        }),
        always: word("flow") == Some("always"),
        kind: word("type").map(|kind| match kind {
            "Boolean" => ValueKind::Boolean,
            "Integer" => ValueKind::Integer,
            "DateTime" => ValueKind::DateTime,
            "Reference" => ValueKind::Reference,
            "Binary" => ValueKind::Binary,
            _ => ValueKind::String,
        }),
        multivalued: block.flag("multivalued"),
        required: block.flag("required").unwrap_or(false),
        case_exact: block.flag("case_exact").unwrap_or(true),
        mutability: match word("mutability") {
            Some("ReadOnly") => Mutability::ReadOnly,
            Some("Immutable") => Mutability::Immutable,
            Some("WriteOnly") => Mutability::WriteOnly,
            _ => Mutability::ReadWrite,
        },
        flow_null_values: block.flag("flow_null_values").unwrap_or(false),
        source_flow_null_values: block.flag("source_flow_null_values").unwrap_or(false),
        ..Draft::new(target, source)
    })
}

/// Puts the caret of a mapping's fault where it was written.
fn report(file: &mut File<'_>, attributes: &Node, written: &[Written<'_>], fault: mapping::Fault) {
    let Some(one) = fault.mapping.and_then(|index| written.get(index)) else {
        let start = attributes.span.start;
        let diagnostic = Diagnostic::new(fault.severity, fault.code, fault.message);
        let diagnostic = diagnostic.at(file.name, file.text, start..start + 1, fault.label.as_deref());
        file.faults.push(Diagnostic { help: fault.help, ..diagnostic });
        return;
    };
    let keys: &[&str] = match fault.part {
        Part::Target => &[],
        Part::Source => &["source", "expression", "constant", "none"],
        Part::Default => &["default"],
        Part::Match => &["match"],
        Part::Apply => &["apply"],
        Part::Mutability => &["mutability"],
        Part::FlowNullValues => &["flow_null_values", "source_flow_null_values"],
    };
    let node = match (fault.part, &one.entry.value.kind) {
        (Part::Target, _) => &one.entry.key,
        (_, Kind::Map { entries }) => entries
            .iter()
            .find(|entry| entry.key.scalar().is_some_and(|key| keys.contains(&key.text.as_str())))
            .map_or(&one.entry.value, |entry| &entry.value),
        (_, Kind::Scalar(_) | Kind::List { .. }) => &one.entry.value,
    };
    let span = match fault.range {
        Some(range) => node.place(file.text, range),
        None => node.span.clone(),
    };
    let cut =
        (fault.part == Part::Source && fault.severity == Severity::Error).then(|| cut_text(file.text, node)).flatten();
    let help = match cut {
        Some(whole) => Some(format!("YAML ends an unquoted text at ` #`; put it in single quotes: {}", quoted(whole))),
        None => fault.help,
    };
    let diagnostic = Diagnostic::new(fault.severity, fault.code, fault.message);
    let diagnostic = diagnostic.at(file.name, file.text, span, fault.label.as_deref());
    file.faults.push(Diagnostic { help, ..diagnostic });
}

/// The whole line of a plain scalar that YAML cut at ` #`.
fn cut_text<'t>(text: &'t str, node: &Node) -> Option<&'t str> {
    if node.scalar()?.style != Style::Plain {
        return None;
    }
    let rest = text[node.span.end..].split('\n').next()?;
    let cut = rest.trim_start_matches([' ', '\t']).starts_with('#') && rest.starts_with([' ', '\t']);
    cut.then(|| text[node.span.start..node.span.end + rest.len()].trim_end())
}
