//! The ready mappings, and what their compiled form does.

use std::collections::{BTreeMap, BTreeSet};

use super::mapping_file::MappingFile;
use crate::expr::{Context, DateTime, SeededRandom};
use crate::mapping::{GENERIC, KINTONE, Known, TargetRules};
use crate::model::{
    ApplyMode, Attributes, Deletion, ErrorCode, Flow, ObjectKind, Origin, SourceAnchor, SourceObject, SourceValue,
    TargetValue,
};

const KINTONE_YAML: &str = include_str!("../../mappings/kintone.yaml");
const KINTONE_2023_YAML: &str = include_str!("../../mappings/kintone-2023.yaml");
const SCIM_YAML: &str = include_str!("../../mappings/scim.yaml");

fn read(text: &str, rules: &TargetRules) -> MappingFile {
    let (file, problems) = MappingFile::read("m.yaml", text, rules, &Known::default());
    assert_eq!(problems, [], "{text}");
    file.expect("it has no problems")
}

fn person(attributes: &[(&str, &str)]) -> SourceObject {
    let texts = attributes.iter().map(|(name, value)| ((*name).to_owned(), SourceValue::Text((*value).to_owned())));
    SourceObject {
        kind: ObjectKind::User,
        anchor: SourceAnchor("u-1".to_owned()),
        deletion: Deletion::None,
        attributes: texts.collect(),
        rest: Attributes::new(),
        unknown: BTreeSet::new(),
        cleared: BTreeSet::new(),
        incomplete: BTreeSet::new(),
        unresolved: BTreeMap::new(),
        choices: BTreeMap::new(),
        removed: BTreeMap::new(),
        partial: false,
        origin: Origin { file: "users.csv".into(), line: 2 },
    }
}

/// Target path and text of every value that is there; an error as its code.
fn mapped(
    file: &MappingFile,
    object: &SourceObject,
    is_soft_deleted: bool,
) -> Vec<(String, Result<String, ErrorCode>)> {
    let context = Context {
        now: DateTime::from_unix_nanoseconds(0).expect("1970 is a year"),
        random: &SeededRandom::new([7; 32]),
        uniqueness: &|_: &str| Ok(false),
    };
    let mapping = &file.users.mapping;
    let values = mapping.evaluate(object, is_soft_deleted, &context).into_iter();
    values
        .filter_map(|one| {
            let path = mapping.attributes()[one.index].rule.path.to_string();
            match one.value {
                Ok(Flow::Value(value)) => Some((path, Ok(value.to_text()))),
                Ok(Flow::Null | Flow::Ignore) => None,
                Err(failure) => Some((path, Err(failure.code))),
            }
        })
        .collect()
}

#[test]
fn the_kintone_mapping_gives_the_seven_attributes() {
    let object = person(&[
        ("objectId", "u-1"),
        ("userPrincipalName", "a@example.jp"),
        ("displayName", "佐藤 愛"),
        ("givenName", "愛"),
        ("surname", "佐藤"),
        ("mail", "ai@example.jp"),
        ("department", "Sales"),
    ]);
    for text in [KINTONE_YAML, KINTONE_2023_YAML] {
        let file = read(text, &KINTONE);
        assert!(file.groups.is_none());
        for (is_soft_deleted, active) in [(false, "True"), (true, "False")] {
            let expected = [
                ("userName", "a@example.jp"),
                ("active", active),
                ("displayName", "佐藤 愛"),
                ("name.givenName", "愛"),
                ("name.familyName", "佐藤"),
                ("emails[type eq \"work\"].value", "ai@example.jp"),
                ("externalId", "u-1"),
            ]
            .map(|(path, value)| (path.to_owned(), Ok(value.to_owned())));
            assert_eq!(mapped(&file, &object, is_soft_deleted), expected);
        }
        let attributes = file.users.mapping.attributes();
        assert_eq!(attributes[0].rule.apply, ApplyMode::OnCreate);
        assert!(attributes[1].rule.follows_state && !attributes[2].rule.follows_state);
        assert_eq!(file.users.mapping.first_matching_source(), Some("userPrincipalName"));
    }
}

#[test]
fn the_scim_mapping_joins_names_and_refers_to_managers() {
    let file = read(SCIM_YAML, &GENERIC);
    let object = person(&[("userPrincipalName", "a"), ("givenName", "Ai"), ("surname", "Sato"), ("manager", "u-2")]);
    let found = mapped(&file, &object, false);
    let get = |path: &str| found.iter().find(|(other, _)| other == path).map(|(_, value)| value.clone());
    assert_eq!(get("name.formatted"), Some(Ok("Ai Sato".to_owned())));
    assert_eq!(get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"), Some(Ok("u-2".to_owned())));
    assert_eq!(get("title"), None);
    let manager = file.users.mapping.attributes().last().expect("there are mappings");
    assert!(manager.rule.reference);
    assert!(file.names().contains("facsimileTelephoneNumber") && !file.names().contains("IsSoftDeleted"));
}

#[test]
fn values_are_judged_one_by_one() {
    let file = read(
        "users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n    active: { source: jobTitle }\n    \
         title: { source: otherMails }\n    nickName: { source: city, required: true }\n    locale: { constant: ja-JP }\n    \
         timezone: { none: true, default: Asia/Tokyo }\n    userType: Mid([department], [city], 1)\n    \
         profileUrl: IgnoreFlowIfNullOrEmpty([city])\n    displayName: officeLocation\n",
        &GENERIC,
    );
    let mut object = person(&[
        ("userPrincipalName", "a"),
        ("jobTitle", "boss"),
        ("department", "Sales"),
        ("physicalDeliveryOfficeName", "Tokyo"),
    ]);
    object.attributes.insert("otherMails".to_owned(), SourceValue::List(vec!["a".to_owned(), "b".to_owned()]));
    let expected = [
        ("userName", Ok("a")),
        ("active", Err(ErrorCode::AttributeEvaluationFailed)),
        ("title", Err(ErrorCode::SchemaPropertyCanOnlyAcceptValue)),
        ("nickName", Err(ErrorCode::MandatoryFieldsMissing)),
        ("locale", Ok("ja-JP")),
        ("userType", Err(ErrorCode::AttributeEvaluationFailed)),
        ("displayName", Ok("Tokyo")),
    ]
    .map(|(path, value)| (path.to_owned(), value.map(str::to_owned)));
    assert_eq!(mapped(&file, &object, false), expected);
    let none = &file.users.mapping.attributes()[5].rule;
    assert_eq!((none.default.clone(), none.default_when_empty), (Some(TargetValue::Text("Asia/Tokyo".into())), true));
}

#[test]
fn a_digest_is_of_the_meaning() {
    let digest = |text: &str| read(text, &GENERIC).digest();
    let first = "users:\n  scope:\n    - - { attribute: city, operator: EQUALS, value: X }\n  attributes:\n    \
                 userName: { source: userPrincipalName, match: 1 }\n    title: Append([mail],\"x\")\n";
    let same = "# why\nusers:\n  attributes:\n    userName: { match: 1, apply: always, source: 'userPrincipalName' }\n    \
                title: 'Append( [mail], \"x\" )' # how\n  scope:\n    - - { operator: equals, value: \"X\", attribute: City }\n";
    assert_eq!(digest(first), digest(same));
    for (from, to) in [
        ("value: X", "value: Y"),
        ("EQUALS", "NOT EQUALS"),
        ("match: 1", "match: 1, case_exact: false"),
        ("Append([mail],\"x\")", "Append([mail],\"y\")"),
        ("title:", "nickName:"),
        ("users:\n", "users:\n  actions: [create]\n"),
    ] {
        assert_ne!(digest(first), digest(&first.replace(from, to)), "{from} to {to}");
    }
}
