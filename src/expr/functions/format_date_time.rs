use super::{Body, Example, Function, Param, Presence};
use crate::expr::evaluate::{Arguments, Evaluated, Stop};
use crate::expr::fault::{ARITY, Fault};
use crate::expr::syntax::Call;
use crate::expr::time::{Format, Reading, Styles, read_general};
use crate::expr::value::Value;

const INPUT: Param = Param {
    name: "inputFormat",
    presence: Presence::Optional,
    doc: "How the source is written, such as `yyyyMMdd`; may be empty for a date.",
    ..Param::TEXT
};
const OUTPUT: Param = Param { name: "outputFormat", doc: "How to write it, such as `yyyy-MM-dd`.", ..Param::TEXT };
const SOURCE: Param = Param { name: "source", doc: "A date, or text in the input format.", ..Param::TEXT };

/// The parameters of the older form with three arguments.
pub(super) const OLDER_PARAMS: &[Param] = &[SOURCE, INPUT, OUTPUT];

pub(super) static FORMAT_DATE_TIME: Function = Function {
    name: "FormatDateTime",
    summary: "Reads a date in one format and writes it in another.",
    params: &[
        SOURCE,
        Param {
            name: "dateTimeStyles",
            presence: Presence::Optional,
            doc: "Style names of .NET joined by commas; blanks around the text are allowed when empty.",
            ..Param::TEXT
        },
        INPUT,
        OUTPUT,
    ],
    least: 3,
    notes: "Three arguments are the older form without styles. `m` is minutes and `M` months.",
    examples: &[
        Example {
            expression: r#"FormatDateTime([x], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
            source: r#"{"x": "20150123105347.1Z"}"#,
            gives: r#""2015-01-23""#,
        },
        Example {
            expression: r#"FormatDateTime(CDate("2020-03-16-07:00"), , , "dd MMM yyyy HH:mm")"#,
            source: "{}",
            gives: r#""16 Mar 2020 07:00""#,
        },
    ],
    body: Body::Whole(format_date_time),
    check,
    constant,
    ..Function::TEXT
};

fn format_date_time<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let last = args.len() - 1;
    let source = args.value(0)?;
    if source.is_null() {
        return Ok(Value::Null);
    }
    let styles = match args.text(1)?.filter(|_| last == 3) {
        None => Styles::DEFAULT,
        Some(names) if names.trim().is_empty() => Styles::DEFAULT,
        Some(names) => Styles::of(&names).map_err(|what| args.fail(what))?,
    };
    let input = if args.is_given(last - 1) { args.text(last - 1)? } else { None };
    let input = input.map(|text| format(args, last - 1, &text)).transpose()?;
    let output = args.text(last)?.unwrap_or_default();
    let output = if output.is_empty() { Format::general() } else { Format::of(&output) };
    let output = output.map_err(|bad| args.fail(format!("`outputFormat` {}", bad.0)))?;
    let reading = match (source, input) {
        (Value::DateTime(instant), None) => Reading::from(instant),
        (source, input) => {
            let text = args.text_of(0, source)?.unwrap_or_default();
            if text.is_empty() {
                return Ok(Value::Null);
            }
            let reading = match input {
                Some(format) => Reading::read(&text, &format, styles, args.context().now),
                None => read_general(&text).map(Reading::from),
            };
            let what = if args.is_given(last - 1) { "does not fit `inputFormat`" } else { "cannot be read as a date" };
            reading.ok_or_else(|| args.fail(format!("`source` is a text that {what}")))?
        }
    };
    Ok(Value::Text(reading.write(&output).into()))
}

fn format(args: &Arguments<'_, '_>, index: usize, text: &str) -> Result<Format, Stop> {
    Format::of(text).map_err(|bad| args.fail(format!("`{}` {}", args.parameter(index), bad.0)))
}

fn check(call: &Call, faults: &mut Vec<Fault>) {
    if call.arguments.len() == 3 {
        faults.push(
            Fault::warning(ARITY, call.name_span.clone(), "`FormatDateTime` with three arguments is an older form")
                .help("write the styles as an empty second argument: `FormatDateTime(source, , inputFormat, outputFormat)`"),
        );
    }
}

fn constant(param: &str, text: &str) -> Result<(), String> {
    match param {
        "dateTimeStyles" if !text.trim().is_empty() => Styles::of(text).map(drop),
        "inputFormat" => Format::of(text).map(drop).map_err(|bad| format!("`inputFormat` {}", bad.0)),
        "outputFormat" if !text.is_empty() => {
            Format::of(text).map(drop).map_err(|bad| format!("`outputFormat` {}", bad.0))
        }
        _ => Ok(()),
    }
}
