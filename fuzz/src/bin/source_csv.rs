//! CSV files: framing, cells and headings.

#[path = "../source.rs"]
mod source;

use provisiond::source::frame::Format;
use provisiond::source::frame::csv::{CsvFormat, HeaderStyle, read_heading};
use provisiond_fuzz::run;

const WORDS: &[&str] = &[
    "\"", "\"\"", ",", ";", "\n", "\r\n", "\r\r\n", "\r", "sep=;", "#TYPE x", " ", "\t", "=\"1\"", "\",\"", "あ",
    "a,b\n",
];

fn main() {
    let seeds = [
        "sep=,\r\n#TYPE X\r\nid,name\r\n1,\"Sato, \"\"H\"\"\"\r\n\r\n2,\"two\r\nlines\"\r\n",
        "id;name;mail\n1;佐藤;a@b\n2;=\"0001\";\n3;x\n",
        "a,b\r1,2\r\r3,4",
    ]
    .map(str::to_owned);
    run(&seeds, WORDS, |chance, input| {
        let delimiter = *chance.pick(b",;\t ");
        let style = *chance.pick(&[HeaderStyle::Plain, HeaderStyle::Bracketed, HeaderStyle::SuffixBracket]);
        let columns = match read_heading(input.as_bytes(), b",;\t ", style, &[]) {
            Ok(heading) => heading.columns.iter().map(|name| name.as_str().into()).collect(),
            Err(_) => Vec::new(),
        };
        let format = CsvFormat {
            delimiter,
            skip_lines_starting: vec!["version:".to_owned()],
            heading: chance.below(2) == 0,
            columns,
            unquoted_doubled_quotes: chance.below(2) == 0,
        };
        source::read_both_ways(chance, input, &Format::Csv(format));
    });
}
