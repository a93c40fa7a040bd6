//! PATCH (RFC 7644 section 3.5.2), with what Entra and Okta make of it (wire.md 10, 18).

use serde_json::{Map, Value};

use super::defect::Defect;
use super::failure::Refusal;
use super::filter::{PatchPath, clip};
use super::path::{AttributePath, get, is_empty, split_urn};
use super::schema::{Access, Resource};
use super::shape::{Shaper, check_depth};

/// The three verbs of a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
}

/// One operation, its path parsed.
#[derive(Debug)]
pub(super) struct Operation<'b> {
    pub(super) verb: Verb,
    pub(super) path: Option<PatchPath>,
    pub(super) value: &'b Value,
}

/// How a PATCH is applied to resources of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patcher {
    pub(super) shaper: Shaper,
    /// Ignores paths that name nothing instead of refusing them (wire.md 20.2).
    pub(super) lenient: bool,
}

impl Patcher {
    /// Reads the operations of a PATCH body.
    pub(super) fn operations<'b>(self, body: &'b Map<String, Value>) -> Result<Vec<Operation<'b>>, Refusal> {
        let list = get(body, "Operations", Default::default())
            .and_then(Value::as_array)
            .ok_or_else(|| Refusal::invalid_syntax("a PATCH needs an array `Operations`"))?;
        if list.is_empty() {
            return Err(Refusal::invalid_syntax("`Operations` is empty"));
        }
        list.iter().map(|item| self.operation(item)).collect()
    }

    fn operation<'b>(self, item: &'b Value) -> Result<Operation<'b>, Refusal> {
        let Value::Object(item) = item else {
            return Err(Refusal::invalid_syntax("an operation must be an object"));
        };
        let defects = self.shaper.defects;
        let word = get(item, "op", Default::default()).and_then(Value::as_str).unwrap_or("");
        let exact = defects.has(Defect::OpCaseSensitive);
        let is = |name: &str| word == name || (!exact && word.eq_ignore_ascii_case(name));
        let verb = match () {
            () if is("add") => Verb::Add,
            () if is("replace") => Verb::Replace,
            () if is("remove") => Verb::Remove,
            () => {
                return Err(Refusal::invalid_syntax(format!(
                    "`op` must be `add`, `replace` or `remove`, not `{}`",
                    clip(word)
                )));
            }
        };
        let path = match get(item, "path", Default::default()) {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path.is_empty() => None,
            Some(Value::String(path)) => {
                self.check_path(path)?;
                Some(PatchPath::parse(path, self.shaper.resource)?)
            }
            Some(_) => return Err(Refusal::invalid_path("`path` must be a string")),
        };
        let value = get(item, "value", Default::default());
        if verb != Verb::Remove && value.is_none() {
            return Err(Refusal::invalid_value("the operation has no `value`"));
        }
        Ok(Operation { verb, path, value: value.unwrap_or(&Value::Null) })
    }

    /// Shows the two defects of parsers that stumble over URNs.
    fn check_path(self, path: &str) -> Result<(), Refusal> {
        let defects = self.shaper.defects;
        let core = self.shaper.resource.urn();
        if defects.has(Defect::CoreUrnRefused) && path.starts_with(core) {
            return Err(Refusal::invalid_path(format!("no attribute `{core}`")));
        }
        match split_urn(path) {
            (Some(_), _) if defects.has(Defect::UrnPathMisparsed) => {
                let cut = path.split('.').next().unwrap_or(path);
                Err(Refusal::invalid_path(format!("no attribute `{}`", clip(cut))))
            }
            _ => Ok(()),
        }
    }

    /// Applies the operations in order; on a refusal `doc` is half done and must be thrown away.
    pub(super) fn apply(self, doc: &mut Map<String, Value>, operations: &[Operation<'_>]) -> Result<(), Refusal> {
        for operation in operations {
            match &operation.path {
                Some(path) => self.at_path(doc, operation.verb, path, operation.value)?,
                None => self.without_path(doc, operation)?,
            }
            self.side_effects(doc, operation);
        }
        if self.shaper.defects.has(Defect::PrimaryAsText) {
            primary_as_text(doc);
        }
        Ok(())
    }

    fn at_path(self, doc: &mut Map<String, Value>, verb: Verb, path: &PatchPath, value: &Value) -> Result<(), Refusal> {
        let names = match path {
            PatchPath::Attribute(path) => path,
            PatchPath::Element(element) => &element.list,
        };
        if names.name.is_empty() {
            return self.whole_extension(doc, verb, names, value);
        }
        let Some(attribute) = names.attribute(self.shaper.resource) else {
            return self.unknown(doc, verb, names, value);
        };
        if !self.shaper.knows(attribute, &names.name) {
            return Err(no_attribute(names));
        }
        self.check_writable(doc, attribute.name, attribute.access, verb, value)?;
        if matches!(attribute.access, Access::ReadOnly | Access::WriteOnly) {
            return Ok(());
        }
        let formatted = attribute.name == "displayName" && self.shaper.resource == Resource::User
            || names.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case("formatted"));
        if formatted && names.urn.is_none() && self.shaper.defects.has(Defect::FormattedReadonly) {
            return Err(Refusal::mutability("the attribute is derived and read-only"));
        }
        match path {
            PatchPath::Attribute(path) => self.attribute(doc, verb, path, attribute, value),
            PatchPath::Element(path) => self.elements(doc, verb, path, attribute, value),
        }
    }

    /// Refuses writes of what the server owns, unless they say what is so anyway.
    fn check_writable(
        self,
        doc: &Map<String, Value>,
        name: &str,
        access: Access,
        verb: Verb,
        value: &Value,
    ) -> Result<(), Refusal> {
        // Clients add extension URNs to `schemas`; the list follows the content by itself.
        let owned = access == Access::ReadOnly && name != "schemas";
        let same = verb != Verb::Remove && doc.get(name) == Some(value);
        match owned && !same && !self.lenient {
            true => Err(Refusal::mutability(format!("`{name}` is read-only"))),
            false => Ok(()),
        }
    }

    /// Writes an attribute that no schema describes: kept in an unknown extension, else no path.
    fn unknown(
        self,
        doc: &mut Map<String, Value>,
        verb: Verb,
        path: &AttributePath,
        value: &Value,
    ) -> Result<(), Refusal> {
        let urn = match &path.urn {
            Some(urn) if self.shaper.extension_urn(urn).is_none() => urn,
            Some(_) | None if self.lenient => return Ok(()),
            Some(_) | None => return Err(no_attribute(path)),
        };
        if self.shaper.defects.has(Defect::UnknownUrnRefused) {
            return Err(no_attribute(path));
        }
        check_depth(value)?;
        let holder = self.shaper.holder(doc, Some(urn));
        let target = match &path.sub {
            None => (holder, path.name.as_str()),
            Some(sub) => {
                let slot = holder.entry(path.name.as_str()).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(members) = slot else {
                    return Err(no_attribute(path));
                };
                (members, sub.as_str())
            }
        };
        match verb {
            Verb::Remove => drop(target.0.remove(target.1)),
            Verb::Add | Verb::Replace if is_empty(value) => drop(target.0.remove(target.1)),
            Verb::Add | Verb::Replace => drop(target.0.insert(target.1.into(), value.clone())),
        }
        prune(doc, urn);
        Ok(())
    }

    fn whole_extension(
        self,
        doc: &mut Map<String, Value>,
        verb: Verb,
        path: &AttributePath,
        value: &Value,
    ) -> Result<(), Refusal> {
        let urn = path.urn.as_deref().unwrap_or_default();
        let name = super::path::key(doc, urn, Default::default()).map(str::to_owned);
        if let (Verb::Remove | Verb::Replace, Some(name)) = (verb, name) {
            doc.shift_remove(&name);
        }
        match verb {
            Verb::Remove => Ok(()),
            Verb::Add | Verb::Replace => self.shaper.extension(doc, urn, value),
        }
    }

    /// Applies an operation without path: each key of the value is a path of its own, dotted,
    /// with a URN, or the URN of a schema with an object.
    fn without_path(self, doc: &mut Map<String, Value>, operation: &Operation<'_>) -> Result<(), Refusal> {
        let (verb, defects) = (operation.verb, self.shaper.defects);
        if verb == Verb::Remove {
            return Err(Refusal::no_target("a `remove` needs a path"));
        }
        let Value::Object(members) = operation.value else {
            return Err(Refusal::invalid_value("without a path the value must be an object"));
        };
        for (name, value) in members {
            let (urn, rest) = split_urn(name);
            let dotted = rest.contains('.') && !rest.contains('[');
            let refused = ["active", "members"].contains(&name.as_str());
            if refused && defects.has(Defect::PathlessActiveRefused) {
                return Err(Refusal::invalid_path("the operation needs a path"));
            }
            if dotted && defects.has(Defect::PathlessDottedLiteral) {
                doc.insert(name.clone(), value.clone());
                continue;
            }
            if dotted && defects.has(Defect::PathlessDottedIgnored)
                || urn.is_some() && !rest.is_empty() && defects.has(Defect::PathlessUrnIgnored)
            {
                continue;
            }
            self.pathless_key(doc, verb, name, value)?;
        }
        Ok(())
    }

    fn pathless_key(self, doc: &mut Map<String, Value>, verb: Verb, name: &str, value: &Value) -> Result<(), Refusal> {
        let resource = self.shaper.resource;
        let Ok(path) = PatchPath::parse(name, resource) else {
            // The core URN with an object holds plain attributes; anything else is no attribute.
            return match name.eq_ignore_ascii_case(resource.urn()) {
                true => match value {
                    Value::Object(members) => {
                        members.iter().try_for_each(|(name, value)| self.pathless_key(doc, verb, name, value))
                    }
                    _ => Ok(()),
                },
                false => Ok(()),
            };
        };
        if let PatchPath::Attribute(names) = &path {
            if names.name.is_empty() {
                // Keys of an extension object are merged: the others were not spoken of.
                return match value {
                    Value::Object(members) => members
                        .iter()
                        .try_for_each(|(inner, value)| self.pathless_key(doc, verb, &format!("{name}:{inner}"), value)),
                    _ => Ok(()),
                };
            }
            let known = names.attribute(resource);
            // What the server owns is echoed by Okta beside a rename; it is not a wish to write.
            let owned = known.is_some_and(|known| known.access == Access::ReadOnly);
            if owned || (known.is_none() && names.urn.is_none()) {
                return Ok(());
            }
        }
        self.at_path(doc, verb, &path, value)
    }

    /// Shows the defects of targets that touch the members in passing.
    fn side_effects(self, doc: &mut Map<String, Value>, operation: &Operation<'_>) {
        let defects = self.shaper.defects;
        if self.shaper.resource != Resource::Group || !defects.has(Defect::GroupReplaceWipes) {
            return;
        }
        let named = |path: &PatchPath, name: &str| matches!(path, PatchPath::Attribute(path) if path.name.eq_ignore_ascii_case(name));
        let expected = operation.path.as_ref().is_some_and(|path| named(path, "displayName") || named(path, "members"));
        if operation.verb == Verb::Replace && !expected {
            doc.shift_remove("members");
        }
    }
}

/// Removes an extension object that has become empty.
pub(super) fn prune(doc: &mut Map<String, Value>, urn: &str) {
    let Some(name) = super::path::key(doc, urn, Default::default()).map(str::to_owned) else {
        return;
    };
    if doc.get(&name).is_some_and(is_empty) {
        doc.shift_remove(&name);
    }
}

pub(super) fn no_attribute(path: &AttributePath) -> Refusal {
    let sub = path.sub.as_ref().map(|sub| format!(".{sub}"));
    Refusal::invalid_path(format!("no attribute `{}{}`", clip(&path.name), clip(&sub.unwrap_or_default())))
}

fn primary_as_text(doc: &mut Map<String, Value>) {
    let Some(Value::Array(emails)) = doc.get_mut("emails") else {
        return;
    };
    for email in emails {
        if let Some(slot @ Value::Bool(_)) = email.get_mut("primary") {
            *slot = Value::from(if slot == &Value::Bool(true) { "true" } else { "false" });
        }
    }
}
