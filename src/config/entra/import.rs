//! From a schema to a mapping file.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::attribute::{self, Definitions};
use super::find::{At, KINDS, definitions, endpoint, kind_of, list, object_mappings, text};
use super::place::{Step, locate, spelled};
use super::yaml::{self, Section};
use crate::config::mapping_file::schema;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::mapping::{Draft, Known, ObjectMapping, Part, TargetRules};
use crate::model::{Actions, ObjectKind};
use crate::scoping::{self, ClauseDraft, Filter, GroupDraft, PublishedError, published};

const HOLDS_SECRETS: &str = "plain_secret";

/// A schema taken over.
#[derive(Debug)]
pub struct Imported {
    /// The text of the mapping file.
    pub mapping: String,
    /// The document itself, for the export.
    pub document: Json,
    /// Doubtful, but honoured.
    pub warnings: Vec<Diagnostic>,
}

/// Takes over the JSON `text` of a synchronisation schema; `name` is how people know the file.
///
/// # Errors
/// Everything that cannot be honoured, completely; then nothing is taken over.
pub fn import(name: &str, text: &str, rules: &TargetRules) -> Result<Imported, Vec<Diagnostic>> {
    let document: Json = serde_json::from_str(text).map_err(|error| vec![no_json(name, text, &error)])?;
    let mut import = Import { name, text, document: &document, rules, faults: Vec::new() };
    let mapping = import.run();
    let mut faults = import.faults;
    // a line of the document may hold what must not be seen
    if faults.iter().any(|fault| fault.code == HOLDS_SECRETS) {
        faults.iter_mut().filter_map(|fault| fault.place.as_mut()).for_each(|place| place.excerpt = None);
    }
    faults.sort_by_key(|fault| fault.place.as_ref().map(|place| (place.line, place.column)));
    if faults.iter().any(Diagnostic::is_error) {
        return Err(faults);
    }
    let mapping = format!(
        "# Taken over from Entra's synchronisation schema `{}`.\n{mapping}",
        name.rsplit(['/', '\\']).next().unwrap_or(name).replace(char::is_control, " ")
    );
    Ok(Imported { mapping, document, warnings: faults })
}

fn no_json(name: &str, text: &str, error: &serde_json::Error) -> Diagnostic {
    let starts = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (starts + error.column().saturating_sub(1)).min(text.len());
    Diagnostic::error("json", format!("this is not JSON: {error}"))
        .at(name, text, at..at + 1, None)
        .with_help("export the schema again; it is one JSON document")
}

struct Import<'a> {
    name: &'a str,
    text: &'a str,
    document: &'a Json,
    rules: &'a TargetRules,
    faults: Vec<Diagnostic>,
}

/// What one object mapping says.
struct Object {
    enabled: bool,
    actions: Actions,
    scope: Vec<GroupDraft>,
    input_scope: Vec<GroupDraft>,
    attributes: Vec<Draft>,
}

impl<'a> Import<'a> {
    fn fault(&mut self, severity: Severity, code: &'static str, path: &[Step<'_>], message: &str, help: &str) {
        let span = locate(self.text, path);
        // a value of several lines is pointed at, not quoted
        let place = Place::of_span(self.name, self.text, span, None);
        let message = match spelled(path).as_str() {
            "" => message.to_owned(),
            path => format!("{message} (`{path}`)"),
        };
        self.faults.push(Diagnostic::new(severity, code, message).with_place(place).with_help(help));
    }

    fn error(&mut self, code: &'static str, path: &[Step<'_>], message: &str, help: &str) {
        self.fault(Severity::Error, code, path, message, help);
    }

    fn run(&mut self) -> String {
        if !self.document.get("synchronizationRules").is_some_and(Json::is_array) {
            let help = "export the schema of the synchronisation job; it has `directories` and `synchronizationRules`";
            self.error("no_schema", &[], "this is no synchronisation schema", help);
            return String::new();
        }
        if self.document.get("secrets").is_some() {
            let help = "remove the member `secrets`: credentials are not part of a schema";
            self.error(HOLDS_SECRETS, &[Step::Member("secrets")], "the document holds credentials", help);
        }
        let mut out = String::new();
        let all: Vec<(At, &Json)> = object_mappings(self.document).collect();
        for (at, mapping) in &all {
            let enabled = mapping.get("enabled").and_then(Json::as_bool).unwrap_or(true);
            if kind_of(mapping).is_none() && enabled {
                let name = text(mapping, "sourceObjectName").unwrap_or_default();
                let path = [&path_of(*at)[..], &[Step::Member("sourceObjectName")]].concat();
                let message = format!("objects of the kind `{name}` are not provisioned");
                self.error(
                    "unsupported_object",
                    &path,
                    &message,
                    "switch the mapping off: only users and groups are known",
                );
            }
        }
        for (kind, name) in KINDS {
            let mut found = all.iter().filter(|(_, mapping)| kind_of(mapping) == Some(kind));
            let first = found.next();
            for (at, _) in found {
                let message = format!("a second mapping of the kind `{name}`");
                self.error("duplicate_object", &path_of(*at), &message, "keep one: an object is mapped once");
            }
            match first {
                Some((at, mapping)) => {
                    let object = self.object(kind, *at, mapping);
                    if kind == ObjectKind::User && !object.enabled {
                        let path = [&path_of(*at)[..], &[Step::Member("enabled")]].concat();
                        let help = "switch it on: a mapping file cannot leave users out";
                        self.error("unsupported_object", &path, "the mapping of users is switched off", help);
                    }
                    let section = Section {
                        kind,
                        endpoint: endpoint(kind, mapping),
                        enabled: object.enabled,
                        actions: object.actions,
                        scope: &object.scope,
                        input_scope: &object.input_scope,
                        attributes: &object.attributes,
                    };
                    yaml::write(&mut out, &section);
                }
                None if kind == ObjectKind::User => {
                    let help = "add an object mapping whose `sourceObjectName` is `User`";
                    self.error(
                        "missing_key",
                        &[Step::Member("synchronizationRules")],
                        "there is no mapping of users",
                        help,
                    );
                }
                None => out.push_str("groups:\n  enabled: false\n"),
            }
        }
        out
    }

    fn object(&mut self, kind: ObjectKind, at: At, mapping: &'a Json) -> Object {
        let base = path_of(at);
        let rule = &list(self.document, "synchronizationRules")[at.rule];
        let names = |member| text(mapping, member).unwrap_or_default();
        let definitions = Definitions {
            source: definitions(self.document, rule, "sourceDirectoryName", names("sourceObjectName")),
            target: definitions(self.document, rule, "targetDirectoryName", names("targetObjectName")),
        };
        let enabled = mapping.get("enabled").and_then(Json::as_bool).unwrap_or(true);
        let (scope, input_scope) = self.scope(&base, mapping, enabled);
        let mut attributes = Vec::new();
        for (index, value) in list(mapping, "attributeMappings").iter().enumerate() {
            let (draft, refused) = attribute::read(value, definitions);
            let path = [&base[..], &[Step::Member("attributeMappings"), Step::Index(index)]].concat();
            for one in refused {
                let message =
                    format!("`{}` of `{}` is `{}`, which is not honoured", one.member, draft.target, one.value);
                let inner = [&path[..], &[Step::Member(one.member)]].concat();
                self.error("unsupported_value", &inner, &message, &format!("one of `{}`", one.known.join("`, `")));
            }
            attributes.push(draft);
        }
        self.check(kind, &base, &attributes, definitions, enabled);
        Object { enabled, actions: self.actions(&base, mapping), scope, input_scope, attributes }
    }

    fn actions(&mut self, base: &[Step<'_>], mapping: &Json) -> Actions {
        let mut actions = Actions { create: false, update: false, delete: false };
        let Some(flows) = text(mapping, "flowTypes") else {
            return Actions { create: true, update: true, delete: true };
        };
        for flow in flows.split(',').map(str::trim) {
            match flow.to_ascii_lowercase().as_str() {
                "add" => actions.create = true,
                "update" => actions.update = true,
                "delete" => actions.delete = true,
                "" | "none" => {}
                _ => {
                    let path = [base, &[Step::Member("flowTypes")]].concat();
                    let message = format!("the flow type `{flow}` is not known");
                    self.error(
                        "unsupported_value",
                        &path,
                        &message,
                        "write `Add`, `Update`, `Delete` with commas between",
                    );
                }
            }
        }
        actions
    }

    fn scope(&mut self, base: &[Step<'_>], mapping: &Json, enabled: bool) -> (Vec<GroupDraft>, Vec<GroupDraft>) {
        let path = [base, &[Step::Member("scope")]].concat();
        let filters = match published(mapping.get("scope").unwrap_or(&Json::Null)) {
            Ok(filters) => filters,
            Err(error) => {
                let (path, help) = match error {
                    PublishedError::CategoryFilters => (
                        [&path[..], &[Step::Member("categoryFilterGroups")]].concat(),
                        "express it with `groups`, or empty the list",
                    ),
                    PublishedError::Shape(_) => (path, "write `groups` with `clauses`"),
                };
                self.error("unsupported_filter", &path, &error.to_string(), help);
                return (Vec::new(), Vec::new());
            }
        };
        for (member, groups) in [("groups", &filters.scope), ("inputFilterGroups", &filters.input)] {
            let faults = match Filter::compile(groups, &schema()) {
                Ok(_) => Vec::new(),
                Err(faults) => faults,
            };
            for fault in faults.into_iter().filter(|fault| fault.severity == Severity::Error && enabled) {
                let mut path = [&path[..], &[Step::Member(member), Step::Index(fault.group)]].concat();
                if let Some((clause, part)) = fault.clause {
                    let part = match part {
                        scoping::Part::Attribute => "sourceOperandName",
                        scoping::Part::Operator => "operatorName",
                        scoping::Part::Value => "targetOperand",
                    };
                    path.extend([Step::Member("clauses"), Step::Index(clause), Step::Member(part)]);
                }
                self.error(fault.code.as_str(), &path, &fault.message, &fault.help);
            }
        }
        (without_titles(filters.scope), without_titles(filters.input))
    }

    /// Compiles the mappings, so that what is taken over is what can run.
    fn check(
        &mut self,
        kind: ObjectKind,
        base: &[Step<'_>],
        drafts: &[Draft],
        definitions: Definitions<'_>,
        enabled: bool,
    ) {
        let others: BTreeSet<String> =
            definitions.source.iter().filter_map(|one| text(one, "name").map(str::to_owned)).collect();
        let known = Known { complete: !others.is_empty(), others, secret: BTreeSet::new(), everybody: false };
        let faults = match ObjectMapping::compile(kind, drafts, self.rules, &known) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        };
        for fault in faults {
            if !enabled && matches!(fault.code, "no_matching_attribute" | "unsupported_target_attribute") {
                continue;
            }
            let mut path = [base, &[Step::Member("attributeMappings")]].concat();
            let mut message = fault.message;
            if let Some(index) = fault.mapping {
                path.push(Step::Index(index));
                let inner: &[Step<'_>] = match fault.part {
                    Part::Target => &[Step::Member("targetAttributeName")],
                    Part::Source => &[Step::Member("source"), Step::Member("expression")],
                    Part::Default => &[Step::Member("defaultValue")],
                    Part::Match => &[Step::Member("matchingPriority")],
                    Part::Apply => &[Step::Member("flowType")],
                    Part::Mutability | Part::FlowNullValues => &[],
                };
                path.extend(inner);
                if let (Part::Source, Some(draft)) = (fault.part, drafts.get(index)) {
                    message = format!("{message} in the mapping of `{}`", draft.target);
                }
            }
            let help = fault.help.unwrap_or_else(|| "change it in Entra, or in the exported file".to_owned());
            self.fault(fault.severity, fault.code, &path, &message, &help);
        }
    }
}

fn path_of(at: At) -> [Step<'static>; 4] {
    [
        Step::Member("synchronizationRules"),
        Step::Index(at.rule),
        Step::Member("objectMappings"),
        Step::Index(at.mapping),
    ]
}

/// Groups as a mapping file has them: numbered instead of titled.
pub(super) fn without_titles(groups: Vec<GroupDraft>) -> Vec<GroupDraft> {
    let numbered = groups.into_iter().enumerate();
    numbered
        .map(|(index, group)| GroupDraft {
            name: format!("filter {}", index + 1),
            clauses: group.clauses.into_iter().map(plain_clause).collect(),
        })
        .collect()
}

/// The clause as it is read back from a mapping file.
fn plain_clause(clause: ClauseDraft) -> ClauseDraft {
    let attribute = crate::mapping::canonical(clause.attribute.trim()).to_owned();
    let values = clause.values.into_iter().take(1).filter(|value| !value.is_empty()).collect();
    ClauseDraft { attribute, operator: clause.operator, values }
}
