//! From mappings as written to ones that can be evaluated, with every fault at once.

use std::sync::Arc;

use super::convert::Form;
use super::draft::{Draft, Source};
use super::fault::{Fault, Part};
use super::names::{IS_SOFT_DELETED, Known, UNKNOWN_ATTRIBUTE};
use super::rules::{TargetRules, is_multivalued, kind_of, same_place};
use super::{AttributeMapping, ObjectMapping, Rule};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::expr::{self, Class, Expression, KnownNames, OwnedValue, Slots};
use crate::model::{ApplyMode, AttributeRule, Flow, Mutability, ObjectKind, TargetPath, TargetValue, ValueKind};

impl ObjectMapping {
    /// Compiles the mappings of one kind of object; beside them come warnings.
    ///
    /// # Errors
    /// Every fault of every mapping, warnings among them, in the order of writing.
    pub fn compile(
        kind: ObjectKind,
        drafts: &[Draft],
        rules: &TargetRules,
        known: &Known,
    ) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut slots = Slots::new();
        let names = known.names();
        let mut attributes: Vec<AttributeMapping> = Vec::with_capacity(drafts.len());
        let mut paths: Vec<(usize, TargetPath)> = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let mut found = Compiling { draft, rules, known, names: &names, faults: Vec::new() };
            let path = found.path();
            if let Some(path) = &path {
                match paths.iter().find(|(_, other)| same_place(other, path)) {
                    Some(_) => found.faults.push(
                        Fault::error("duplicate_target", Part::Target, format!("`{path}` is mapped twice"))
                            .help("keep one of the two mappings"),
                    ),
                    None => paths.push((index, path.clone())),
                }
            }
            attributes.extend(found.mapping(path, &mut slots));
            faults.extend(found.faults.into_iter().map(|fault| Fault { mapping: Some(index), ..fault }));
        }
        faults.extend(matching_faults(drafts));
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(faults);
        }
        Ok((Self { kind, attributes, slots }, faults))
    }
}

/// Some attribute has to find existing accounts, and no two may have the same precedence.
fn matching_faults(drafts: &[Draft]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen: Vec<(u32, &str)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(precedence) = draft.matching else { continue };
        match seen.iter().find(|(other, _)| *other == precedence) {
            Some((_, target)) => faults.push(Fault {
                mapping: Some(index),
                ..Fault::error(
                    "duplicate_match",
                    Part::Match,
                    format!("`{target}` has the precedence {precedence} too"),
                )
                .help("number the matching attributes 1, 2, …")
            }),
            None => seen.push((precedence, &draft.target)),
        }
    }
    if seen.is_empty() {
        faults.push(Fault::error("no_matching_attribute", Part::Target, "no attribute is matched on").help(
            "add `match: 1` to the attribute that tells accounts apart, as in \
                 `userName: { source: userPrincipalName, match: 1 }`",
        ));
    }
    faults
}

/// One mapping while it is looked at.
struct Compiling<'d> {
    draft: &'d Draft,
    rules: &'d TargetRules,
    known: &'d Known,
    /// The same, as expressions take them.
    names: &'d KnownNames,
    faults: Vec<Fault>,
}

impl Compiling<'_> {
    fn path(&mut self) -> Option<TargetPath> {
        let text = self.draft.target.as_str();
        let path: TargetPath = match text.parse() {
            Ok(path) => path,
            Err(error) => {
                let range = error.at.min(text.len())..text.len();
                let fault =
                    Fault::error("invalid_target_path", Part::Target, format!("`{text}` is no target path: {error}"));
                self.faults.push(fault.at(range).help(
                    "write `title`, `name.givenName`, `emails[type eq \"work\"].value` or \
                     `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`",
                ));
                return None;
            }
        };
        if path.is_core("id") || path.is_core("meta") || path.is_core("schemas") {
            let fault = Fault::error("read_only_target", Part::Target, format!("the target itself sets `{path}`"));
            self.faults.push(fault.help("map your own identifier to `externalId`"));
            return None;
        }
        if path.is_core("password") {
            let fault = Fault::error("read_only_target", Part::Target, "passwords are never provisioned");
            self.faults.push(fault.help("remove this mapping"));
            return None;
        }
        if !self.rules.takes(&path) {
            let profile = self.rules.profile;
            let only = self.rules.only.unwrap_or_default();
            let help = match nearest(text, only.iter().copied()) {
                Some(name) => format!("an attribute with a similar name is taken: `{name}`"),
                None => {
                    format!("it takes {}", only.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
                }
            };
            let message = format!("a target of profile `{profile}` does not take `{path}`");
            self.faults.push(Fault::error("unsupported_target_attribute", Part::Target, message).help(help));
            return None;
        }
        Some(path)
    }

    fn mapping(&mut self, path: Option<TargetPath>, slots: &mut Slots) -> Option<AttributeMapping> {
        let draft = self.draft;
        let form = Form {
            kind: draft.kind.unwrap_or_else(|| path.as_ref().map_or(ValueKind::String, kind_of)),
            multivalued: draft.multivalued.unwrap_or_else(|| path.as_ref().is_some_and(is_multivalued)),
        };
        let value = self.rule(form, slots);
        let default = draft.default.as_deref().and_then(|text| self.fixed(text, form, Part::Default));
        let path = path?;
        let value = value?;
        let (class, attributes, redacted) = match &value {
            Rule::Expression(expression) => {
                let names: Vec<String> = expression.attributes().map(str::to_owned).collect();
                (expression.class(), names, expression.is_redacted())
            }
            Rule::Direct { .. } => (Class::Pure, vec![draft.source.text().trim().to_owned()], false),
            Rule::Constant(_) | Rule::None => (Class::Pure, Vec::new(), false),
        };
        if let Rule::Expression(expression) = &value {
            self.doubtful_calls(form, expression);
        }
        let single_role = matches!(&value, Rule::Expression(expression) if expression.calls("SingleAppRoleAssignment"));
        let asserts =
            matches!(&value, Rule::Expression(expression) if expression.calls("AssertiveAppRoleAssignmentsComplex"));
        let apply = self.apply(&path, class);
        let clears = self.clears(form);
        let rule = AttributeRule {
            apply,
            matching: draft.matching,
            default,
            default_when_empty: matches!(value, Rule::None),
            case_exact: draft.case_exact,
            always: draft.always,
            clears,
            asserts,
            mutability: draft.mutability,
            random: class == Class::Random,
            follows_state: attributes.iter().any(|name| name == IS_SOFT_DELETED),
            reference: form.kind == ValueKind::Reference,
            // What the target itself never shows is not for our logs either.
            redacted: redacted || draft.mutability == Mutability::WriteOnly,
            path,
        };
        if draft.matching.is_some() && rule.mutability == Mutability::WriteOnly {
            let fault = Fault::error("unusable_match", Part::Mutability, "a write-only attribute cannot be matched on");
            self.faults.push(fault.help("match on an attribute that the target returns"));
        }
        Some(AttributeMapping {
            rule: Arc::new(rule),
            kind: form.kind,
            multivalued: form.multivalued,
            required: draft.required,
            class,
            single_role,
            text: draft.source.text().to_owned(),
            value,
        })
    }

    /// Calls that work, but not as somebody may expect (expressions.md 5).
    fn doubtful_calls(&mut self, form: Form, expression: &Expression) {
        if form.kind == ValueKind::Reference && expression.calls("Switch") {
            let message = "`Switch` is not made for references";
            let help = "map the reference directly, such as `manager`";
            self.faults.push(Fault::warning("switch_on_reference", Part::Source, message).help(help));
        }
        let roles = ["AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex"];
        for name in roles.into_iter().filter(|name| self.known.everybody && expression.calls(name)) {
            let message = format!("`{name}` is for assigned people, and this job provisions everybody");
            let help = "set `scope: assigned` under `source`; else whoever is not assigned has no roles";
            self.faults.push(Fault::warning("roles_of_everybody", Part::Source, message).help(help));
        }
    }

    fn rule(&mut self, form: Form, slots: &mut Slots) -> Option<Rule> {
        match &self.draft.source {
            Source::None => {
                if self.draft.default.is_none() {
                    let fault = Fault::warning("nothing_mapped", Part::Source, "this mapping never sets anything");
                    self.faults.push(fault.help("give it a `default`, or remove it"));
                }
                Some(Rule::None)
            }
            Source::Constant(text) => self.fixed(text, form, Part::Source).map(Rule::Constant),
            Source::Attribute(name) => {
                let name = name.trim();
                self.attribute(name, 0..name.len()).then(|| Rule::Direct { slot: slots.place(name) })
            }
            Source::Expression(text) => {
                let expression = self.expression(text, slots)?;
                let secrets: Vec<String> =
                    expression.attributes().filter(|name| self.known.is_secret(name)).map(str::to_owned).collect();
                for name in &secrets {
                    let at = text.find(&format!("[{name}]")).map(|at| at..at + name.len() + 2);
                    self.known.judge(name).into_iter().for_each(|misnamed| self.misnamed(misnamed, at.clone()));
                }
                secrets.is_empty().then_some(Rule::Expression(expression))
            }
        }
    }

    /// Compiles an expression; attributes that are only perhaps unknown are warnings.
    fn expression(&mut self, text: &str, slots: &mut Slots) -> Option<Expression> {
        let mut faults = match expr::compile(text, slots, Some(self.names)) {
            Ok(expression) => {
                self.expression_faults(expression.warnings().to_vec());
                return Some(expression);
            }
            Err(faults) => faults,
        };
        let name_of = |fault: &expr::Fault| {
            let name = text.get(fault.span.clone()).unwrap_or_default();
            name.trim_start_matches('[').trim_end_matches(']').to_owned()
        };
        faults.retain(|fault| {
            fault.code != UNKNOWN_ATTRIBUTE
                || !(self.known.has_form(&name_of(fault)) || self.known.is_secret(&name_of(fault)))
        });
        if !self.known.complete {
            for fault in faults.iter_mut().filter(|fault| fault.code == UNKNOWN_ATTRIBUTE) {
                fault.severity = Severity::Warning;
            }
        }
        let failed = faults.iter().any(|fault| fault.severity == Severity::Error);
        self.expression_faults(faults);
        // the warnings of this second pass are among the faults of the first
        if failed { None } else { expr::compile(text, slots, None).ok() }
    }

    fn expression_faults(&mut self, faults: Vec<expr::Fault>) {
        self.faults.extend(faults.into_iter().map(|fault| Fault {
            code: fault.code,
            severity: fault.severity,
            mapping: None,
            part: Part::Source,
            range: Some(fault.span),
            message: fault.message,
            label: fault.label,
            help: fault.help,
        }));
    }

    /// Says whether a name may be read; one that is only perhaps unknown may.
    fn attribute(&mut self, name: &str, range: std::ops::Range<usize>) -> bool {
        let Some(misnamed) = self.known.judge(name) else { return true };
        let may_be = misnamed.severity == Severity::Warning;
        self.misnamed(misnamed, Some(range));
        may_be
    }

    fn misnamed(&mut self, misnamed: Diagnostic, range: Option<std::ops::Range<usize>>) {
        let Diagnostic { severity, code, message, help, place: _ } = misnamed;
        let help = help.unwrap_or_else(|| "remove this mapping".to_owned());
        let fault = Fault::new(severity, code, Part::Source, message).help(help);
        self.faults.push(Fault { range, ..fault });
    }

    /// A constant or a default, in the form of the attribute.
    fn fixed(&mut self, text: &str, form: Form, part: Part) -> Option<TargetValue> {
        match form.convert(OwnedValue::Text(text.to_owned())) {
            Ok(Flow::Value(value)) => Some(value),
            Ok(Flow::Null | Flow::Ignore) => {
                let fault = Fault::error("empty_value", part, "the empty text is no value and is never sent");
                self.faults.push(fault.help("write a text, or leave it out"));
                None
            }
            Err(misfit) => {
                let message = format!("`{text}` does not fit: {}", misfit.message);
                self.faults.push(Fault::error("invalid_value", part, message).help(format!("write a {:?}", form.kind)));
                None
            }
        }
    }

    fn apply(&mut self, path: &TargetPath, class: Class) -> ApplyMode {
        let written = self.draft.apply;
        if self.rules.is_on_create(path) {
            if matches!(written, Some(ApplyMode::Always | ApplyMode::MultiValueAddOnly)) {
                let message = format!("`{path}` cannot be changed in a target of profile `{}`", self.rules.profile);
                self.faults
                    .push(Fault::warning("applied_on_create", Part::Apply, message).help("write `apply: on-create`"));
            }
            return ApplyMode::OnCreate;
        }
        let apply = written.unwrap_or_default();
        match class {
            Class::Target => {
                if apply != ApplyMode::OnCreate {
                    let message = "`SelectUniqueValue` can only be used when an account is created";
                    self.faults
                        .push(Fault::error("unique_on_create", Part::Source, message).help("add `apply: on-create`"));
                }
                if self.draft.matching.is_some() {
                    let message = "`SelectUniqueValue` cannot be used on a matching attribute";
                    let help = "match on another attribute, or map this one without `SelectUniqueValue`";
                    self.faults.push(Fault::error("unique_matching", Part::Match, message).help(help));
                }
            }
            Class::Random => {
                if self.draft.matching.is_some() {
                    let message = "a random value cannot be matched on";
                    self.faults
                        .push(Fault::error("random_matching", Part::Match, message).help("match on another attribute"));
                } else if apply != ApplyMode::OnCreate {
                    let message = "a random value changes with every evaluation; it is sent beside other changes only";
                    self.faults.push(
                        Fault::warning("random_always", Part::Source, message)
                            .help("add `apply: on-create` to set it once"),
                    );
                }
            }
            Class::Pure | Class::Clock => {}
        }
        apply
    }

    /// Null flows through two gates, for single-valued attributes that are neither matched on nor required (D-31).
    fn clears(&mut self, form: Form) -> bool {
        let draft = self.draft;
        let open = draft.flow_null_values && draft.source_flow_null_values;
        let why = if form.multivalued {
            "it holds several values"
        } else if draft.matching.is_some() {
            "it is matched on"
        } else if draft.required {
            "it is required"
        } else {
            if draft.flow_null_values != draft.source_flow_null_values {
                let message = "only one of the two gates of null flow is open, so nothing is cleared";
                let help = "write both `flow_null_values: true` and `source_flow_null_values: true`";
                self.faults.push(Fault::warning("one_gate", Part::FlowNullValues, message).help(help));
            }
            return open;
        };
        if open {
            let message = format!("this attribute is never cleared: {why}");
            let help = "remove `flow_null_values` and `source_flow_null_values`";
            self.faults.push(Fault::warning("never_cleared", Part::FlowNullValues, message).help(help));
        }
        false
    }
}
