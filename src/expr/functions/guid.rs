use super::{Body, Class, Example, Function};
use crate::expr::value::Value;

pub(super) static GUID: Function = Function {
    name: "Guid",
    summary: "Returns a new version 4 identifier.",
    class: Class::Random,
    examples: &[Example { expression: "IsPresent(Guid())", source: "{}", gives: r#""True""# }],
    body: Body::Whole(|args| {
        let mut bytes = [0; 16];
        args.context().random.fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        Ok(Value::Text(parts.join("-").into()))
    }),
    ..Function::TEXT
};
