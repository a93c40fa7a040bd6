//! Every key of a file of mapping tests (`provisiond test`).

use super::shape::{Key, Shape};

pub(super) const ROOT: &[Key] = &[
    Key::new("mapping", Shape::Path, "The mapping file under test, relative to this file.").required(),
    Key::new("profile", Shape::Choice(&["generic", "kintone"]), "What the target takes, as in `target.profile`.")
        .or("generic"),
    Key::new("cases", Shape::List(&Shape::Block(CASE)), "One source object each, and what is expected of it.")
        .required(),
];

/// The codes with which a mapping or a filter fails for one object.
pub(super) const ERRORS: &[&str] = &[
    "AttributeEvaluationFailed",
    "MandatoryFieldsMissing",
    "SchemaPropertyCanOnlyAcceptValue",
    "ScopeEvaluationFailed",
];

const CASE: &[Key] = &[
    Key::new("name", Shape::Text, "What the case shows, unique in this file.").required(),
    Key::new("object", Shape::Choice(&["user", "group"]), "Which of the two mappings is tested.").or("user"),
    Key::new(
        "source",
        Shape::Table(&Shape::Data),
        "The source object by canonical attribute names: texts, `true`, `false`, whole numbers, lists of texts.",
    )
    .required(),
    Key::new("assigned", Shape::Flag, "Whether the object is assigned to the application.").or("true"),
    Key::new(
        "is_soft_deleted",
        Shape::Flag,
        "What `[IsSoftDeleted]` says; by default true where `accountEnabled` is false, the object is not assigned or a \
         `scope` filter fails.",
    ),
    Key::new("now", Shape::Time, "What `Now()` says.").or("2026-01-01T00:00:00Z"),
    Key::new("taken", Shape::List(&Shape::Text), "Values that `SelectUniqueValue` finds taken in the target.").or("[]"),
    Key::new(
        "expect",
        Shape::Table(&Shape::Data),
        "The attributes of the new account, all of them: what is not named must have no value.",
    ),
    Key::new("error", Shape::Choice(ERRORS), "The code with which the object fails, in the place of `expect`."),
    Key::new("scope", Shape::Flag, "Whether the object passes the filters of `scope`."),
    Key::new("input_scope", Shape::Flag, "Whether the object passes the filters of `input_scope`."),
];
