//! Framing and decoding of JSON as a table of cases.

use super::super::trace::{frames_what_was_known, trace};
use super::super::{FileFacts, Format, Limits};
use super::{JsonFacts, JsonFormat, JsonShape};
use crate::source::encoding::{Choice, Reason, by_label};

fn read_as(file: &[u8], records: &[&str], limits: Limits) -> (String, JsonFacts) {
    let choice =
        Choice { encoding: by_label("utf-8").expect("a label"), mark: 0, reason: Reason::Format, fallback: None };
    let format = Format::Json(JsonFormat { records: records.iter().map(|&name| name.to_owned()).collect() });
    match trace(file, &choice, &format, limits) {
        (steps, FileFacts::Json(facts)) => (steps, facts),
        (_, facts) => panic!("facts of another format: {facts:?}"),
    }
}

fn read(file: &str) -> (String, JsonFacts) {
    read_as(file.as_bytes(), &["value", ""], Limits::default())
}

#[test]
fn cuts_documents_into_records() {
    for (file, expected) in [
        ("{\n\"value\":[\n{\"a\":1},\n{\"a\":2}\n]\n}\n", "3 a=#1 / 4 a=#2"),
        ("{\"n\":{\"value\":[{\"a\":0}]},\"value\":[{\"a\":\"]}\\\"\"}],\"z\":1}", "1 a=]}\""),
        ("[{\"a\":1}\n,\n{\"a\":2}]", "1 a=#1 / 3 a=#2"),
        ("[]", ""),
        ("{\"value\" : [ ] }", ""),
        // in the frame
        ("[{\"a\":1}\n{\"a\":2}]", "1 a=#1 / 2!!json.syntax"),
        ("[{\"a\":1},\n,{\"a\":2}]", "1 a=#1 / 2!!json.syntax"),
        ("[{\"a\":1},\n]", "1 a=#1 / 2!!json.syntax"),
        ("[{\"a\":[1},\n{\"a\":2}]", "1!!json.syntax"),
        ("[{\"a\":{\"b\":1},\n{\"a\":2}\n]", "3!!json.syntax"),
        ("{\"value\":[{\"a\":1}]\n\"b\":2}", "1 a=#1 / 2!!json.syntax"),
        ("{\"value\":[{\"a\":1}],\n}", "1 a=#1 / 2!!json.syntax"),
        ("{\n\"x\" 1,\"value\":[]}", "2!!json.syntax"),
        ("{\"x\":tru,\"value\":[]}\n{}", "1!!json.syntax"),
        ("\n nonsense", "2!!json.syntax"),
        // cut
        ("{\"value\":[\n{\"a\":1}\n]\n\n", "2 a=#1 / 3!!json.truncated"),
        ("{\"value\":[\n{\"a\":1},\n\n", "2 a=#1 / 2!!json.truncated"),
        ("{\"value\":[\n{\"a\":1},\n{\"a\":\n \n", "2 a=#1 / 3!!json.truncated"),
        ("{\"value\":[\n{\"a\":1},\n{\"a\":\"x", "2 a=#1 / 3!!json.truncated"),
        ("[\n1", "2!!json.truncated"),
        ("{\n\"x\":12", "2!!json.truncated"),
        // after the end
        ("{\"value\":[]}\n{\"value\":[]}", "2!!json.trailing_data"),
        ("[]\n]", "2!!json.trailing_data"),
        // no records
        ("{\"error\":{\"code\":\"x\"}}", "1!!json.error_document"),
        ("{\n\"x\":1\n}", "1!!json.no_records"),
        ("{\n\"value\":null\n}", "1!!json.no_records"),
        (" \n", "!!file.empty"),
        ("", "!!file.empty"),
        // records that are refused alone
        (
            "[1,\n\"x\",\n[2],\nnull,{\"a\":1}]",
            "1!json.not_an_object / 2!json.not_an_object / 3!json.not_an_object / 4!json.not_an_object / 4 a=#1",
        ),
        (
            "[{\"a\":NaN},\n{\"a\":\"\\ud800\"},\n{\"a\":\"x\ty\"},\n{\"a\" 1},{\"a\":1}]",
            "1!json.syntax / 2!json.syntax / 3!json.syntax / 4!json.syntax / 4 a=#1",
        ),
        ("[{\"a\":\"\\u0000\"},{\"a\":1}]", "1!text.nul / 1 a=#1"),
    ] {
        assert_eq!(read(file).0, expected, "{file:?}");
    }
    let invalid = read_as(b"[{\"a\":1},\n{\"b\":\n\"\xff\"}]", &[""], Limits::default()).0;
    assert_eq!(invalid, "1 a=#1 / 3!!encoding.invalid");
    let unasked = read_as(b"[{\"a\":1}]", &["users"], Limits::default()).0;
    assert_eq!(unasked, "1!!json.no_records");
}

#[test]
fn reads_one_object_a_line() {
    for (file, expected, final_newline) in [
        ("{\"a\":1}\n\n{\"a\":2}\r\n", "1 a=#1 / 3 a=#2", true),
        ("{\"a\":1}\n{\"a\":2", "1 a=#1 / 2!json.syntax", false),
        ("{\"a\":1}\n{\"a\":2}", "1 a=#1 / 2 a=#2", false),
        (
            "{\"a\":1}\n{\"a\":2} x\n[]\n3\n{\"a\":4}\n",
            "1 a=#1 / 2!json.syntax / 3!json.not_an_object / 4!json.not_an_object / 5 a=#4",
            true,
        ),
    ] {
        let (steps, facts) = read(file);
        assert_eq!((steps.as_str(), facts.final_newline), (expected, final_newline), "{file:?}");
        assert_eq!(facts.shape, Some(JsonShape::Lines), "{file:?}");
    }
}

#[test]
fn keeps_what_stands_beside_the_records() {
    let (_, facts) = read("{\"@odata.nextLink\":\"h\\u0074tp\",\"value\":[{}],\"totalResults\":12,\"x\":{\"y\":[1]}}");
    assert_eq!(facts.shape, Some(JsonShape::Under("value".to_owned())));
    assert_eq!(facts.text("@odata.nextLink").as_deref(), Some("http"));
    assert_eq!(facts.number("totalResults"), Some(12));
    assert_eq!(facts.member("x"), Some("{\"y\":[1]}"));
}

#[test]
fn flattens_records() {
    for (record, expected) in [
        ("{\"a\":{\"b\":{\"c\":1},\"d\":null}}", "1 a= a.b= a.b.c=#1 a.d=<null>"),
        ("{\"a\":[\"x\",2,true,null],\"b\":[],\"c\":{}}", "1 a=x,#2,<true>,<null> b= c="),
        ("{\"a\":1,\"b\":2,\"a\":3}", "1 b=#2 a=#3"),
        (
            "{\"n\":12345678901234567890123,\"f\":1.50,\"e\":1e3,\"z\":-0}",
            "1 n=#12345678901234567890123 f=#1.50 e=#1e3 z=#-0",
        ),
        (
            "{\"emails\":[{\"value\":\"w\",\"type\":\"work\"},{\"value\":\"h\",\"primary\":true}]}",
            "1 emails= emails.value=w,h emails.type=work emails[type=work].value=w emails[type=work].type=work \
             emails.primary=<true> emails[primary=true].value=h emails[primary=true].primary=<true>",
        ),
        ("{\"\\u3042\":\"\\ud842\\udfb7\\n\"}", "1 あ=𠮷\n"),
    ] {
        assert_eq!(read(&format!("[{record}]")).0, expected, "{record}");
    }
}

#[test]
fn keeps_to_its_limits() {
    let deep = |levels: usize| format!("[{}1{},{{\"b\":1}}]", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(read(&deep(64)).0.ends_with("=#1 / 1 b=#1"));
    assert_eq!(read(&deep(65)).0, "1!json.too_deep / 1 b=#1");
    assert_eq!(read(&deep(20_000)).0, "1!json.too_deep / 1 b=#1");
    assert_eq!(read(&"[".repeat(20_000)).0, "1!!json.truncated");
    assert_eq!(read(&"{\"a\":".repeat(20_000)).0, "1!!json.truncated");

    let limits = Limits { record: 16, values: 3, columns: 3, ..Limits::default() };
    for (file, expected) in [
        ("[{\"a\":\"12345678\"},\n{\"a\":\"123456789\n\n\"},{\"a\":1}]", "1 a=12345678 / 2!limit.record / 4 a=#1"),
        ("[{\"a\":[1,2,3]},{\"a\":[1,2,3,4]}]", "1 a=#1,#2,#3 / 1!limit.values"),
        ("[{\"\":[1,2,3,4]}]", "1!limit.values"),
        ("{\"a\":1}\n{\"a\":\"1234567890\"}\n{\"a\":2}\n", "1 a=#1 / 2!limit.record / 3 a=#2"),
    ] {
        assert_eq!(read_as(file.as_bytes(), &[""], limits).0, expected, "{file:?}");
    }
    let wide = Limits { columns: 2, ..Limits::default() };
    assert_eq!(read_as(b"[{\"a\":1,\"b\":2,\"c\":3}]", &[""], wide).0, "1!limit.columns");
}

#[test]
fn takes_what_is_known_as_it_would_be_found() {
    let choice =
        Choice { encoding: by_label("utf-8").expect("a label"), mark: 0, reason: Reason::Format, fallback: None };
    let format = Format::Json(JsonFormat { records: vec!["value".to_owned(), String::new()] });
    let array = ["{\"a\":1},\n", "{\"a\":1}\n", "{\"a\":\"},\"},\n", "{\"b\":[\n{}]}\r\n,\n", "],\n", "1,\n"];
    let lines = ["{\"a\":1}\n", "{\"a\":1}\r\n", "{\"a\":1} \n", " {\"a\":1}\n", "{\"a\":1}{\n", "\n", "{\"a\":3}"];
    let pages = ["{\"a\":1},\n", "{\"a\":1},{\"a\":2},\n", "{\"a\":1}]\n", ",\"b\":{}\n", "}\n"];
    for (head, parts) in [("[\n", &array[..]), ("", &lines), ("{\"value\":[\n", &pages)] {
        frames_what_was_known(head, parts, &choice, &format, Limits::default());
        frames_what_was_known(head, parts, &choice, &format, Limits { record: 7, ..Limits::default() });
        frames_what_was_known(head, parts, &choice, &format, Limits { record: 9, ..Limits::default() });
    }
}
