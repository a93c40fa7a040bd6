//! What a filter matches: comparison by type and by the case rules of the schema.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::defect::{Defect, DefectSet};
use super::filter::{ElementPath, Filter, Operator, Test};
use super::path::{get, is_empty};
use super::schema::{Attribute, Kind, Resource};

/// Evaluates filters over resources of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matcher {
    pub(super) resource: Resource,
    pub(super) defects: DefectSet,
}

impl Matcher {
    /// Says whether `doc` matches.
    pub(super) fn matches(self, filter: &Filter, doc: &Map<String, Value>) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.matches(part, doc)),
            Filter::Or(parts) => parts.iter().any(|part| self.matches(part, doc)),
            Filter::Not(inner) => !self.matches(inner, doc),
            Filter::Attribute(path, test) => {
                let attribute = path.attribute(self.resource);
                let value = path.value(doc, self.defects);
                self.test(value, attribute, path.sub.as_deref(), test)
            }
            Filter::Element(path, test) => self.elements(path, doc).any(|element| match test {
                None => true,
                Some(test) => {
                    let list = path.list.attribute(self.resource);
                    self.test(Some(element), list, path.sub.as_deref(), test)
                }
            }),
        }
    }

    /// Returns the elements that a value path selects.
    fn elements<'v>(self, path: &'v ElementPath, doc: &'v Map<String, Value>) -> impl Iterator<Item = &'v Value> {
        let list = path.list.attribute(self.resource);
        let value = path.list.value(doc, self.defects);
        let elements = match value {
            Some(Value::Array(items)) => items.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        };
        elements.iter().filter(move |element| self.selects(&path.filter, element, list))
    }

    /// Says whether the filter of a value path selects one element of the list `list`.
    pub(super) fn selects(self, filter: &Filter, element: &Value, list: Option<&Attribute>) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.selects(part, element, list)),
            Filter::Or(parts) => parts.iter().any(|part| self.selects(part, element, list)),
            Filter::Not(inner) => !self.selects(inner, element, list),
            Filter::Attribute(path, test) => self.test(Some(element), list, Some(&path.name), test),
            // A value path inside a value path is not in the grammar and selects nothing.
            Filter::Element(..) => false,
        }
    }

    /// Applies a test to a value, to any element of a list, to a sub-attribute when one is named.
    fn test(self, value: Option<&Value>, attribute: Option<&Attribute>, sub: Option<&str>, test: &Test) -> bool {
        // `ne` is the opposite of `eq`, also for a list and for a missing value.
        if let Test::Compare(Operator::Ne, literal) = test {
            let equal = Test::Compare(Operator::Eq, literal.clone());
            return !self.test(value, attribute, sub, &equal);
        }
        let value = match value {
            None | Some(Value::Null) => return test_absent(test),
            Some(value) => value,
        };
        match value {
            Value::Array(items) => match items.is_empty() {
                true => test_absent(test),
                false => items.iter().any(|item| self.test(Some(item), attribute, sub, test)),
            },
            Value::Object(members) => match (sub, test) {
                (None, Test::Present) => !members.is_empty(),
                // A comparison with the list itself is one with `value` (RFC 7643 section 2.4).
                (sub, _) => {
                    let name = sub.unwrap_or("value");
                    let inner = attribute.and_then(|attribute| attribute.sub(name));
                    self.test(get(members, name, self.defects), inner, None, test)
                }
            },
            // An element kept as bare text has a `value` and nothing else.
            single => match sub {
                Some(sub) if !sub.eq_ignore_ascii_case("value") => test_absent(test),
                Some(_) | None => match test {
                    Test::Present => !is_empty(single),
                    Test::Compare(operator, literal) => self.compare(single, attribute, *operator, literal),
                },
            },
        }
    }

    fn compare(self, value: &Value, attribute: Option<&Attribute>, operator: Operator, literal: &Value) -> bool {
        match (value, literal) {
            (Value::Bool(is), literal) => {
                let wanted = match literal {
                    Value::String(_) if self.defects.has(Defect::PrimaryStringNomatch) => None,
                    literal => boolean(literal),
                };
                operator == Operator::Eq && wanted == Some(*is)
            }
            (Value::Number(is), Value::Number(wanted)) => {
                let (is, wanted) = (is.as_f64(), wanted.as_f64());
                is.partial_cmp(&wanted).is_some_and(|order| holds(operator, order))
            }
            (Value::String(is), Value::Bool(wanted)) => {
                operator == Operator::Eq && boolean(&Value::from(is.as_str())) == Some(*wanted)
            }
            (Value::String(is), Value::String(wanted)) => self.compare_text(is, attribute, operator, wanted),
            _ => false,
        }
    }

    fn compare_text(self, is: &str, attribute: Option<&Attribute>, operator: Operator, wanted: &str) -> bool {
        if attribute.is_some_and(|attribute| attribute.kind == Kind::DateTime) {
            let instants = (is.parse::<jiff::Timestamp>(), wanted.parse::<jiff::Timestamp>());
            if let (Ok(is), Ok(wanted)) = instants {
                return holds(operator, is.cmp(&wanted));
            }
        }
        let exact = attribute.is_some_and(|attribute| {
            attribute.case_exact || (self.defects.has(Defect::FilterCaseSensitive) && attribute.name == "userName")
        });
        match exact {
            true => text_holds(is, operator, wanted),
            false => text_holds(&fold(is), operator, &fold(wanted)),
        }
    }
}

/// Returns the form in which text is compared where case does not matter.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Reads a boolean, also from text in any case: `primary eq "True"`.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(is) => Some(*is),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Answers a test on a missing value: only `eq null` holds.
fn test_absent(test: &Test) -> bool {
    matches!(test, Test::Compare(Operator::Eq, Value::Null))
}

fn text_holds(is: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Co => is.contains(wanted),
        Operator::Sw => is.starts_with(wanted),
        Operator::Ew => is.ends_with(wanted),
        Operator::Eq | Operator::Ne | Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => {
            holds(operator, is.cmp(wanted))
        }
    }
}

fn holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order == Ordering::Equal,
        Operator::Ne => order != Ordering::Equal,
        Operator::Gt => order == Ordering::Greater,
        Operator::Ge => order != Ordering::Less,
        Operator::Lt => order == Ordering::Less,
        Operator::Le => order != Ordering::Greater,
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_match_by_the_rules_of_the_schema() {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "Ab1", "userName": "Sato", "active": true, "title": "lead",
            "name": {"familyName": "佐藤"},
            "emails": [{"type": "work", "value": "sato@example.jp", "primary": true},
                       {"type": "home", "value": "n@example.org"}],
            "meta": {"created": "2026-01-02T00:00:00Z"},
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "9"}},
        });
        let Value::Object(user) = user else { unreachable!("an object was written") };
        let matcher = Matcher { resource: Resource::User, defects: DefectSet::default() };
        for (filter, expected) in [
            (r#"userName eq "SATO""#, true),
            (r#"USERNAME EQ "sato""#, true),
            (r#"id eq "ab1""#, false),
            (r#"userName ne "x""#, true),
            (r#"nickName ne "x""#, true),
            (r#"userName co "at" and active eq true"#, true),
            (r#"userName sw "sa" and not (title ew "D")"#, false),
            (r#"title pr and nickName pr"#, false),
            (r#"nickName eq null"#, true),
            (r#"nickName pr or title pr and active eq "False""#, false),
            (r#"(nickName pr or title pr) and active eq "True""#, true),
            (r#"emails[type eq "work" and value co "@example.jp"]"#, true),
            (r#"emails[type eq "home"].value eq "n@example.org""#, true),
            (r#"emails[type eq "home"].value eq "sato@example.jp""#, false),
            (r#"emails.value eq "n@example.org""#, true),
            (r#"emails co "example.org""#, true),
            (r#"emails[primary eq "True"].type eq "work""#, true),
            (r#"name.familyName eq "佐藤""#, true),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "sato""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "9""#, true),
            (r#"meta.created gt "2026-01-01T23:00:00+01:00""#, true),
            (r#"meta.created le "2026-01-01T00:00:00Z""#, false),
            (r#"unknown eq "x""#, false),
        ] {
            let parsed = Filter::parse(filter, Resource::User).unwrap();
            assert_eq!(matcher.matches(&parsed, &user), expected, "{filter}");
        }
    }

    #[test]
    fn wrong_filters_are_refused_with_their_place() {
        let deep = format!("{}title pr{}", "(".repeat(5000), ")".repeat(5000));
        for filter in [
            "",
            "userName",
            "userName eq",
            "userName eq x",
            "userName xx \"a\"",
            "userName eq \"a\" \"b\"",
            "(title pr",
            "emails[type eq \"work\"",
            "emails[type eq \"work\"].value",
            "title pr and",
            "title pr) or (a pr",
            deep.as_str(),
        ] {
            let refusal = Filter::parse(filter, Resource::User).unwrap_err();
            assert_eq!(refusal.scim_type, Some("invalidFilter"), "{filter}");
        }
    }
}
