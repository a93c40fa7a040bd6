use super::{Body, Example, Function, Param, Presence, Type};
use crate::expr::evaluate::{Arguments, Evaluated};
use crate::expr::fault::{ARITY, Fault};
use crate::expr::syntax::Call;

pub(super) static SWITCH: Function = Function {
    name: "Switch",
    summary: "Returns the value of the key that equals the source, else the default.",
    params: &[
        Param { doc: "Text to look up, case-sensitively.", ..Param::SOURCE },
        Param {
            name: "defaultValue",
            ty: Type::Any,
            presence: Presence::Optional,
            doc: "Value when no key equals; null when empty.",
            ..Param::TEXT
        },
        Param { name: "key", key: Some("switchValue"), doc: "Text to compare with.", ..Param::TEXT },
        Param {
            name: "value",
            key: Some("switchValue"),
            ty: Type::Any,
            presence: Presence::Optional,
            doc: "Value for this key; null when empty.",
        },
    ],
    repeats: 2,
    least: 4,
    result: Type::Any,
    notes: "The key `\"\"` equals null and empty text. Not for references.",
    examples: &[
        Example {
            expression: r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
            source: r#"{"IsSoftDeleted": "False"}"#,
            gives: r#""True""#,
        },
        Example { expression: r#"Switch([BusinessTitle],[BusinessTitle],"","N/A")"#, source: "{}", gives: r#""N/A""# },
    ],
    body: Body::Whole(switch),
    check,
    ..Function::TEXT
};

fn switch<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let source = args.text(0)?;
    let source = source.as_deref().unwrap_or("");
    for key in (2..args.len()).step_by(2) {
        let is_equal = match args.borrowed(key) {
            Some(text) => text == source,
            None => args.text(key)?.as_deref().unwrap_or("") == source,
        };
        if is_equal {
            return args.value(key + 1);
        }
    }
    args.value(1)
}

fn check(call: &Call, faults: &mut Vec<Fault>) {
    if call.arguments.len() >= 4 && !call.arguments.len().is_multiple_of(2) {
        faults.push(
            Fault::error(ARITY, call.name_span.clone(), format!("`Switch` has {} arguments, an even number is wanted", call.arguments.len()))
                .label("a key without value, or no default")
                .help("write `Switch(source, default, key, value, ...)`; the default may be left empty: `Switch([a], , \"key\", \"value\")`"),
        );
    }
}
