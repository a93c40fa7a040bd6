//! Every key of a mapping file (contract.md 4).

use super::shape::{Key, Shape};

pub(super) const ROOT: &[Key] = &[
    Key::new("users", Shape::Block(USERS), "Mapping of people.").required(),
    Key::new("groups", Shape::Block(GROUPS), "Mapping of groups."),
];

pub(super) const USERS: &[Key] = &[ENDPOINT_USERS, ACTIONS, SCOPE, INPUT_SCOPE, ATTRIBUTES];

pub(super) const GROUPS: &[Key] = &[
    Key::new("enabled", Shape::Flag, "Whether groups are provisioned.").or("true"),
    Key::new("flatten", Shape::Flag, "Whether the members of inner groups become members of the outer group; otherwise an inner group is a member itself.").or("false"),
    ENDPOINT_GROUPS,
    ACTIONS,
    SCOPE,
    INPUT_SCOPE,
    ATTRIBUTES,
];

const ENDPOINT_USERS: Key =
    Key::new("endpoint", Shape::Text, "Path of the resources below the tenant URL.").or("/Users");
const ENDPOINT_GROUPS: Key =
    Key::new("endpoint", Shape::Text, "Path of the resources below the tenant URL.").or("/Groups");

const ACTIONS: Key = Key::new(
    "actions",
    Shape::List(&Shape::Choice(&["create", "update", "delete"])),
    "What may be done to objects in the target.",
)
.or("[create, update, delete]");

const SCOPE: Key =
    Key::new("scope", FILTER, "Scoping filter: one inner list passes (OR), and inside it all clauses hold (AND).")
        .or("[]");

const INPUT_SCOPE: Key =
    Key::new("input_scope", FILTER, "Filter at reading time: who fails it is not processed, nor deprovisioned.")
        .or("[]");

const FILTER: Shape = Shape::List(&Shape::List(&Shape::Block(CLAUSE)));

pub(super) const CLAUSE: &[Key] = &[
    Key::new("attribute", Shape::Text, "The source attribute.").required(),
    Key::new("operator", Shape::Text, "The operator, such as `EQUALS` or `IS NOT NULL`.").required(),
    Key::new("value", Shape::Text, "What the attribute is compared with; not for `IS …` operators."),
];

const ATTRIBUTES: Key = Key::new(
    "attributes",
    Shape::Table(&Shape::TextOr(ATTRIBUTE)),
    "Target attribute to source attribute, expression or map.",
)
.or("{}");

pub(super) const ATTRIBUTE: &Shape = &Shape::OneOf { one: ATTRIBUTE_VALUE, beside: ATTRIBUTE_OPTIONS };

const ATTRIBUTE_VALUE: &[Key] = &[
    Key::new("source", Shape::Text, "A source attribute."),
    Key::new("expression", Shape::Text, "An expression."),
    Key::new("constant", Shape::Text, "A fixed text."),
    Key::new("none", Shape::Flag, "Leaves the attribute alone; `true` is the only value."),
];

const ATTRIBUTE_OPTIONS: &[Key] = &[
    Key::new("default", Shape::Text, "Used on create when the value is null."),
    Key::new("match", Shape::Count { least: 1 }, "Matching precedence, 1 first."),
    Key::new("apply", Shape::Choice(&["always", "on-create", "multi-value-add-only"]), "When the mapping applies."),
    Key::new("flow", Shape::Choice(&["when-changed", "always"]), "Whether the value is sent even when equal.")
        .or("when-changed"),
    Key::new(
        "type",
        Shape::Choice(&["String", "Boolean", "Integer", "DateTime", "Reference", "Binary"]),
        "How values are compared and sent; by default as the attribute's name says.",
    ),
    Key::new("multivalued", Shape::Flag, "Whether the attribute holds several values."),
    Key::new("required", Shape::Flag, "Whether an object without a value fails.").or("false"),
    Key::new("case_exact", Shape::Flag, "Whether a pure change of case is a change.").or("true"),
    Key::new(
        "mutability",
        Shape::Choice(&["ReadWrite", "ReadOnly", "Immutable", "WriteOnly"]),
        "Whether and when the target takes the attribute.",
    )
    .or("ReadWrite"),
    Key::new("flow_null_values", Shape::Flag, "Gate of the mapping for clearing values.").or("false"),
    Key::new("source_flow_null_values", Shape::Flag, "Gate of the source attribute for clearing values.").or("false"),
];
