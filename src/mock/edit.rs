//! The three verbs of a PATCH at one place of a resource.

use http::StatusCode;
use serde_json::{Map, Value};

use super::defect::Defect;
use super::failure::Refusal;
use super::filter::{ElementPath, Filter, Operator, Test};
use super::matching::{Matcher, boolean};
use super::patch::{Patcher, Verb, no_attribute, prune};
use super::path::{AttributePath, is_empty};
use super::schema::{Attribute, Kind};

impl Patcher {
    /// Applies a verb at an attribute or sub-attribute.
    pub(super) fn attribute(
        self,
        doc: &mut Map<String, Value>,
        verb: Verb,
        path: &AttributePath,
        attribute: &'static Attribute,
        value: &Value,
    ) -> Result<(), Refusal> {
        let holder = self.shaper.holder(doc, path.urn.as_deref());
        let done = match &path.sub {
            None => self.whole(holder, verb, attribute, value),
            Some(sub) => match self.shaper.sub(attribute, sub) {
                Some(sub) => self.sub_attribute(holder, verb, attribute, sub, value),
                None if self.lenient => Ok(()),
                None => Err(no_attribute(path)),
            },
        };
        if let Some(urn) = &path.urn {
            prune(doc, urn);
        }
        done
    }

    fn whole(
        self,
        holder: &mut Map<String, Value>,
        verb: Verb,
        attribute: &'static Attribute,
        value: &Value,
    ) -> Result<(), Refusal> {
        let defects = self.shaper.defects;
        if verb == Verb::Remove {
            return self.remove(holder, attribute, value);
        }
        let members = attribute.name == "members";
        let empty_list = value.as_array().is_some_and(Vec::is_empty);
        if members && empty_list && defects.has(Defect::EmptyMembersRefused) {
            return Err(Refusal::invalid_value("`members` must not be empty"));
        }
        let Some(mut shaped) = self.shaper.value(attribute, value)? else {
            // An empty value unassigns; adding nothing to a list leaves the list.
            if !(attribute.multi && verb == Verb::Add) {
                return self.unassign(holder, attribute);
            }
            return Ok(());
        };
        if members
            && defects.has(Defect::MembersCut100)
            && let Value::Array(items) = &mut shaped
        {
            items.truncate(100);
        }
        let adds = verb == Verb::Add || members && defects.has(Defect::MemberReplaceAdds);
        match (holder.get_mut(attribute.name), shaped) {
            (Some(Value::Array(current)), Value::Array(new)) if attribute.multi && adds => {
                let duplicates = defects.has(Defect::MemberDuplicate);
                append(current, new, duplicates);
            }
            // A complex value is merged: what was not spoken of stays (RFC 7644 section 3.5.2.3).
            (Some(Value::Object(current)), Value::Object(new)) => current.extend(new),
            (Some(_), _) if verb == Verb::Add && !attribute.multi && defects.has(Defect::AddExistingRefused) => {
                return Err(Refusal::invalid_value(format!("`{}` has a value", attribute.name)));
            }
            (_, shaped) => {
                holder.insert(attribute.name.into(), shaped);
            }
        }
        Ok(())
    }

    fn unassign(self, holder: &mut Map<String, Value>, attribute: &Attribute) -> Result<(), Refusal> {
        if attribute.required {
            return Err(Refusal::mutability(format!("`{}` is required", attribute.name)));
        }
        holder.shift_remove(attribute.name);
        Ok(())
    }

    /// Removes an attribute; of a list only the elements that the value names, if it names any.
    fn remove(
        self,
        holder: &mut Map<String, Value>,
        attribute: &'static Attribute,
        value: &Value,
    ) -> Result<(), Refusal> {
        let defects = self.shaper.defects;
        let members = attribute.name == "members";
        let listed = match attribute.multi && !is_empty(value) {
            true => self.shaper.value(attribute, value)?,
            false => None,
        };
        match listed {
            Some(_) if members && defects.has(Defect::MemberRemoveIgnored) => Ok(()),
            Some(Value::Array(unwanted)) if !(members && defects.has(Defect::MemberRemoveWipes)) => {
                if let Some(Value::Array(current)) = holder.get_mut(attribute.name) {
                    current.retain(|element| !unwanted.iter().any(|one| covers(one, element)));
                    if current.is_empty() {
                        holder.shift_remove(attribute.name);
                    }
                }
                Ok(())
            }
            _ => self.unassign(holder, attribute),
        }
    }

    fn sub_attribute(
        self,
        holder: &mut Map<String, Value>,
        verb: Verb,
        attribute: &'static Attribute,
        sub: &'static Attribute,
        value: &Value,
    ) -> Result<(), Refusal> {
        let shaped = match verb {
            Verb::Remove => None,
            Verb::Add | Verb::Replace => self.shaper.value(sub, value)?,
        };
        if holder.get(attribute.name).is_none() && shaped.is_some() {
            let empty = Value::Object(Map::new());
            let fresh = match attribute.multi {
                true => Value::Array(vec![empty]),
                false => empty,
            };
            holder.insert(attribute.name.into(), fresh);
        }
        match holder.get_mut(attribute.name) {
            Some(Value::Object(members)) => {
                if verb == Verb::Add
                    && members.contains_key(sub.name)
                    && self.shaper.defects.has(Defect::AddExistingRefused)
                {
                    return Err(Refusal::invalid_value(format!("`{}` has a value", sub.name)));
                }
                put(members, sub.name, shaped.as_ref());
            }
            Some(Value::Array(items)) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    put(item, sub.name, shaped.as_ref());
                }
                items.retain(|item| !is_empty(item));
            }
            _ => {}
        }
        if holder.get(attribute.name).is_some_and(is_empty) {
            holder.shift_remove(attribute.name);
        }
        Ok(())
    }

    /// Applies a verb to the elements that a value path selects.
    pub(super) fn elements(
        self,
        doc: &mut Map<String, Value>,
        verb: Verb,
        path: &ElementPath,
        attribute: &'static Attribute,
        value: &Value,
    ) -> Result<(), Refusal> {
        let sub = match &path.sub {
            None => None,
            Some(name) => match self.shaper.sub(attribute, name) {
                Some(sub) => Some(sub),
                None if self.lenient => return Ok(()),
                None => return Err(no_attribute(&path.list)),
            },
        };
        if attribute.kind != Kind::Complex {
            return Err(Refusal::invalid_path(format!("`{}` has no elements to select", attribute.name)));
        }
        if !attribute.multi && self.shaper.defects.has(Defect::ManagerFilterRefused) {
            return Err(Refusal::invalid_path(format!("`{}` is single-valued", attribute.name)));
        }
        let holder = self.shaper.holder(doc, path.list.urn.as_deref());
        // A single value is a list of at most one here: Entra filters the manager (wire.md 10.4).
        let mut items = match holder.shift_remove(attribute.name) {
            Some(Value::Array(items)) => items,
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let done = self.in_elements(&mut items, verb, path, attribute, sub, value);
        items.retain(|item| !is_empty(item));
        let kept = match attribute.multi {
            true => (!items.is_empty()).then_some(Value::Array(items)),
            false => items.pop(),
        };
        if let Some(kept) = kept {
            holder.insert(attribute.name.into(), kept);
        }
        if let Some(urn) = &path.list.urn {
            prune(doc, urn);
        }
        done
    }

    fn in_elements(
        self,
        items: &mut Vec<Value>,
        verb: Verb,
        path: &ElementPath,
        attribute: &'static Attribute,
        sub: Option<&'static Attribute>,
        value: &Value,
    ) -> Result<(), Refusal> {
        let defects = self.shaper.defects;
        let matcher = Matcher { resource: self.shaper.resource, defects };
        let selected: Vec<bool> =
            items.iter().map(|item| matcher.selects(&path.filter, item, Some(attribute))).collect();
        let mut places = selected.iter();
        let mut is_selected = || *places.next().unwrap_or(&false);
        if verb == Verb::Remove {
            match sub {
                None => items.retain(|_| !is_selected()),
                Some(sub) => {
                    for item in items.iter_mut().filter(|_| is_selected()) {
                        if let Value::Object(item) = item {
                            item.shift_remove(sub.name);
                        }
                    }
                }
            }
            return Ok(());
        }
        // The value: of the sub-attribute, or an object of several for the element.
        let new = match sub {
            Some(sub) => {
                let mut one = Map::new();
                put(&mut one, sub.name, self.shaper.value(sub, value)?.as_ref());
                one
            }
            None => match self.shaper.value(attribute, value)? {
                Some(Value::Array(shaped)) => merged(shaped),
                Some(Value::Object(shaped)) => shaped,
                _ => Map::new(),
            },
        };
        let clears = sub.filter(|_| new.is_empty());
        if !selected.contains(&true) {
            if new.is_empty() {
                return Ok(());
            }
            let element = self.new_element(verb, path, attribute, new)?;
            items.push(Value::Object(element));
            return Ok(());
        }
        let leaks = attribute.multi && defects.has(Defect::RolesLeak);
        let refuses = verb == Verb::Add && defects.has(Defect::AddExistingRefused);
        for item in items.iter_mut().filter(|_| is_selected() || leaks) {
            let Value::Object(item) = item else { continue };
            if refuses && sub.is_some_and(|sub| item.contains_key(sub.name)) {
                return Err(Refusal::invalid_value("the element has a value"));
            }
            match clears {
                Some(sub) => drop(item.shift_remove(sub.name)),
                None => item.extend(new.clone()),
            }
        }
        Ok(())
    }

    /// Makes the element that a value path asks for and that is not there: Entra sends the path
    /// and expects the element (wire.md 10.2).
    fn new_element(
        self,
        verb: Verb,
        path: &ElementPath,
        attribute: &'static Attribute,
        new: Map<String, Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        let defects = self.shaper.defects;
        let refused = match verb {
            Verb::Add => defects.has(Defect::ValuepathAddRefused),
            Verb::Replace | Verb::Remove => defects.has(Defect::ValuepathReplaceNotarget),
        };
        let no_target = || Refusal::no_target("no element matches the path");
        if refused {
            return Err(no_target());
        }
        let mut element = Map::new();
        self.implied(&path.filter, attribute, &mut element)?;
        if element.is_empty() {
            return Err(no_target());
        }
        if defects.has(Defect::ValuepathAddNoType) {
            element.shift_remove("type");
        }
        element.extend(new);
        Ok(element)
    }

    /// Collects what an element must hold for the filter to select it; nothing when the filter
    /// leaves it open.
    fn implied(
        self,
        filter: &Filter,
        attribute: &'static Attribute,
        element: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        match filter {
            Filter::And(parts) => parts.iter().try_for_each(|part| self.implied(part, attribute, element)),
            Filter::Attribute(path, Test::Compare(Operator::Eq, literal)) => {
                let Some(sub) = self.shaper.sub(attribute, &path.name) else {
                    return Ok(());
                };
                let text = literal.is_string();
                let never = sub.kind == Kind::Boolean && text && self.shaper.defects.has(Defect::PrimaryStringNomatch);
                let literal = match (sub.kind, boolean(literal)) {
                    (Kind::Boolean, Some(is)) => Value::Bool(is),
                    _ => literal.clone(),
                };
                if !never && let Some(value) = self.shaper.value(sub, &literal)? {
                    element.insert(sub.name.into(), value);
                }
                Ok(())
            }
            Filter::Or(_) | Filter::Not(_) | Filter::Attribute(..) | Filter::Element(..) => Ok(()),
        }
    }
}

fn put(members: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(members.insert(name.into(), value.clone())),
        None => drop(members.shift_remove(name)),
    }
}

fn merged(shaped: Vec<Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for item in shaped {
        if let Value::Object(item) = item {
            out.extend(item);
        }
    }
    out
}

/// Appends elements to a list. One that is there already (by `value` and `type`) is replaced; a
/// new primary one takes the mark from the others (RFC 7643 section 2.4).
fn append(current: &mut Vec<Value>, new: Vec<Value>, duplicates: bool) {
    let same = |a: &Value, b: &Value| {
        a.get("value").is_some() && a.get("value") == b.get("value") && a.get("type") == b.get("type") || a == b
    };
    for element in new {
        if element.get("primary") == Some(&Value::Bool(true)) {
            for other in current.iter_mut() {
                if let Some(primary) = other.get_mut("primary") {
                    *primary = Value::Bool(false);
                }
            }
        }
        match current.iter_mut().find(|one| same(one, &element)) {
            Some(place) if !duplicates => *place = element,
            _ => current.push(element),
        }
    }
}

/// Says whether `element` is what `wanted` names: by `value` where there is one.
fn covers(wanted: &Value, element: &Value) -> bool {
    match (wanted, wanted.get("value")) {
        (_, Some(value)) => element.get("value") == Some(value),
        (Value::Object(wanted), None) => wanted.iter().all(|(name, value)| element.get(name) == Some(value)),
        _ => wanted == element,
    }
}

/// Refuses what only a broken server would answer with 500.
pub(super) fn broken(detail: &str) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}
