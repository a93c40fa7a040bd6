//! JSON files: documents, arrays and one object a line.

#[path = "../source.rs"]
mod source;

use provisiond::source::frame::Format;
use provisiond::source::frame::json::JsonFormat;
use provisiond_fuzz::run;

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\\"",
    "\\u0000",
    "\\ud800",
    "null",
    "NaN",
    "1e999",
    "-",
    "\n",
    "\"value\":[",
    "\"error\":{}",
    "{\"a\":",
    "\"type\":\"work\"",
    "あ",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
];

fn main() {
    let seeds = [
        r#"{"@odata.nextLink":"x","value":[{"id":"1","manager":{"id":"2"},"n":12345678901234567890},{"id":"2","m":["a"]}],"z":1}"#,
        "[{\"a\":1,\"a\":2},\n{\"emails\":[{\"value\":\"x\",\"type\":\"work\",\"primary\":true}]},\n3]\n",
        "{\"id\":1}\n\n{\"id\":2}\r\n{\"id\":3",
        r#"{"error":{"code":"x"}}"#,
    ]
    .map(str::to_owned);
    run(&seeds, WORDS, |chance, input| {
        let records: &[&str] = chance.pick::<&[&str]>(&[&["value", ""], &["value"], &[""]]);
        let records = records.iter().map(|&name| name.to_owned()).collect();
        source::read_both_ways(chance, input, &Format::Json(JsonFormat { records }));
    });
}
