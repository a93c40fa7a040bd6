use super::cbool::truth;
use super::{Body, Example, Function, Param, Presence, Type};

pub(super) static IIF: Function = Function {
    name: "IIF",
    summary: "Returns one of two values, as a condition decides.",
    params: &[
        Param {
            name: "condition",
            key: Some("one"),
            ty: Type::Condition,
            doc: "A comparison with `=`, `<>`, `>`, `>=`, `<` or `<=`, or a truth value.",
            ..Param::TEXT
        },
        Param { name: "valueIfTrue", key: Some("four"), ty: Type::Any, doc: "Taken when it holds.", ..Param::TEXT },
        Param {
            name: "valueIfFalse",
            key: Some("five"),
            ty: Type::Any,
            presence: Presence::Optional,
            doc: "Taken when it does not hold; null when empty.",
        },
    ],
    result: Type::Any,
    notes: "A comparison with null or empty text is false for every operator; use `IsPresent`, or `Switch` with the key \
            `\"\"`. AND is nested in the true branch, OR in the false branch.",
    examples: &[
        Example {
            expression: r#"IIF([country]="USA",[country],[department])"#,
            source: r#"{"country": "France", "department": "Sales"}"#,
            gives: r#""Sales""#,
        },
        Example {
            expression: "IIF(IsPresent([displayName]), [displayName], [cn])",
            source: r#"{"cn": "jdoe"}"#,
            gives: r#""jdoe""#,
        },
    ],
    body: Body::Whole(|args| args.value(if truth(args, 0)? { 1 } else { 2 })),
    ..Function::TEXT
};
