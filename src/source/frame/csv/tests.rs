//! Framing and decoding of CSV as a table of cases.

use super::super::trace::{frames_what_was_known, trace};
use super::super::{FileFacts, Format, Limits};
use super::{CsvFacts, CsvFormat, HeaderStyle, read_heading};
use crate::source::encoding::{Choice, Reason, by_label};

fn choice(label: &str, reason: Reason) -> Choice {
    Choice { encoding: by_label(label).expect("a label"), mark: 0, reason, fallback: None }
}

fn format(columns: &[&str], heading: bool) -> Format {
    Format::Csv(CsvFormat {
        delimiter: b',',
        skip_lines_starting: vec!["version:".to_owned()],
        heading,
        columns: columns.iter().map(|&name| name.into()).collect(),
        unquoted_doubled_quotes: false,
    })
}

fn read(file: &[u8]) -> (String, CsvFacts) {
    read_as(file, &choice("utf-8", Reason::Whole), Limits::default())
}

fn read_as(file: &[u8], choice: &Choice, limits: Limits) -> (String, CsvFacts) {
    match trace(file, choice, &format(&["a", "b"], true), limits) {
        (steps, FileFacts::Csv(facts)) => (steps, facts),
        (_, facts) => panic!("facts of another format: {facts:?}"),
    }
}

#[test]
fn cuts_and_splits_records() {
    for (file, expected) in [
        // line ends of every kind, counted
        ("a,b\n1,2\n3,4\n", "2 a=1 b=2 / 3 a=3 b=4"),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", "2 a=1 b=2 / 4 a=3 b=4"),
        ("a,b\r1,2\r\r3,4\r", "2 a=1 b=2 / 4 a=3 b=4"),
        ("a,b\r\r\n1,2\r\r\n3,4\r\r\n", "2 a=1 b=2 / 3 a=3 b=4"),
        ("a,b\n1,2\r3,4\n\r5,6\r\n", "2 a=1 b=2 / 3 a=3 b=4 / 5 a=5 b=6"),
        // blank records
        ("\n  \na,b\n \t \n1,2\n\n", "5 a=1 b=2"),
        // quotes
        ("a,b\n\"1\n2\",\"x\"\"y\"\n3,4\n", "2 a=1\n2 b=x\"y / 4 a=3 b=4"),
        ("a,b\n\"1\r\n\r2\",x\r\n3,4\r\n", "2 a=1\r\n\r2 b=x / 5 a=3 b=4"),
        ("a,b\n\"1\" ,2\n", "2 a=1 b=2"),
        ("a,b\n\"1\"x,2\n3,4\n", "2!csv.text_after_quote / 3 a=3 b=4"),
        ("a,b\nx\"y,z\"\"w\n", "2 a=x\"y b=z\"\"w"),
        ("a,b\n \"1\",2\n", "2 a=\"1\" b=2"),
        ("a,b\n1,\"2\n3,4\n", "2!!csv.unclosed_quote"),
        ("a,b\n1,2\n\"3\",\"4\"", "2 a=1 b=2 / 3 a=3 b=4"),
        ("a,b\n1,\"", "2!!csv.unclosed_quote"),
        ("a,b\n1,\"\"", "2 a=1"),
        // number of cells
        ("a,b\n1\n1,2,3\n1,2, ,\n", "2!csv.field_count / 3!csv.field_count / 4 a=1 b=2 ?csv.extra_empty_cells"),
        // values
        ("a,b\n  x y\t, \n", "2 a=x y"),
        ("a,b\n=\"0001\",\"=\"\"02\"\"\"\n", "2 a=0001 b=02"),
        ("a,b\n=1+3,-x\n", "2 a==1+3 b=-x"),
        ("a,b\n1,\0\n3,4\n", "2!text.nul / 3 a=3 b=4"),
        // before the heading
        ("sep=,\n#TYPE X\n\nversion:v1.0,,\na,b\nsep=x,2\n", "6 a=sep=x b=2"),
        ("a,b\n", ""),
        ("", ""),
    ] {
        assert_eq!(read(file.as_bytes()).0, expected, "{file:?}");
    }
}

#[test]
fn knows_whether_the_last_line_was_ended() {
    for (file, final_newline, last_record) in [
        ("a,b\n1,2\n", true, Some(2)),
        ("a,b\n1,2\r", true, Some(2)),
        ("a,b\n1,2", false, Some(2)),
        ("a,b\n1,2\n\n  ", true, Some(2)),
        ("a,b", false, Some(1)),
    ] {
        assert_eq!(read(file.as_bytes()).1, CsvFacts { final_newline, last_record }, "{file:?}");
    }
}

#[test]
fn refuses_the_record_with_undecodable_bytes() {
    let mostly = choice("utf-8", Reason::Mostly);
    let sjis = choice("shift_jis", Reason::Configured);
    for (file, choice, expected) in [
        (&b"a,b\n1,\xff\n3,4\n"[..], &mostly, "2!encoding.invalid / 3 a=3 b=4"),
        // after it quotes are not trusted: reading goes on after the next line end
        (b"a,b\n\"\xff,x\n3,4\n5,6\n", &mostly, "2!encoding.invalid / 3 a=3 b=4 / 4 a=5 b=6"),
        (b"a,b\n\"\xff\n3\",4\n5,6\n", &mostly, "2!encoding.invalid / 3 a=3\" b=4 / 4 a=5 b=6"),
        (b"a,b\n1,\x95\x5c\n\xfd\xfd,4\n5,6\n", &sjis, "2 a=1 b=表 / 3!encoding.invalid / 4 a=5 b=6"),
        (b"a,b\n1,\"\x94\x5c\"\n5,6\n", &sjis, "2 a=1 b=能 / 3 a=5 b=6"),
    ] {
        assert_eq!(read_as(file, choice, Limits::default()).0, expected, "{file:?}");
    }
}

#[test]
fn keeps_to_its_limits() {
    let limits = Limits { record: 10, ..Limits::default() };
    let utf8 = choice("utf-8", Reason::Whole);
    for (file, expected) in [
        ("a,b\n1234567,9a\n3,4\n", "2 a=1234567 b=9a / 3 a=3 b=4"),
        ("a,b\n1234567,9ab\n3,4\n", "2!limit.record / 3 a=3 b=4"),
        ("a,b\n1234567,9abcdefghijklmnop\r\n3,4\r\n", "2!limit.record / 3 a=3 b=4"),
        ("a,b\n\"1\n\",x23456789012\n3,4\n", "2!limit.record / 4 a=3 b=4"),
        ("a,b\n1,\"23456789012\"\n3,4\n", "2!!csv.unclosed_quote"),
        ("a,b\n1,23456789012", "2!limit.record"),
    ] {
        assert_eq!(read_as(file.as_bytes(), &utf8, limits).0, expected, "{file:?}");
    }
}

#[test]
fn reads_headings() {
    let skip = ["version:".to_owned()];
    let all = b",;\t";
    // file, style: line, delimiter, columns; or code
    for (file, style, expected) in [
        ("a,b;c,d\n", HeaderStyle::Plain, "1 , a|b;c|d"),
        ("\"a,x\";\"b;\"\"y\";c\n1,2", HeaderStyle::Plain, "1 ; a,x|b;\"y|c"),
        ("sep=;\nversion:v1\n\n a ; B,C,D \n", HeaderStyle::Plain, "4 ; a|B,C,D"),
        ("Name [displayName] Required,User [id],x\n", HeaderStyle::Bracketed, "1 , displayName|id|x"),
        ("Status [READ ONLY],a[b],c [d] e\n", HeaderStyle::SuffixBracket, "1 , Status|a|c [d] e"),
        ("e\u{301},b\n", HeaderStyle::Plain, "1 , é|b"),
        ("a,b;c\n", HeaderStyle::Plain, "csv.no_delimiter"),
        ("abc\n", HeaderStyle::Plain, "csv.no_delimiter"),
        ("a,,A\n", HeaderStyle::Plain, "csv.duplicate_column"),
        ("a,,b,\n", HeaderStyle::Plain, "1 , a||b|"),
        ("a,\"b\n", HeaderStyle::Plain, "csv.unclosed_quote"),
        ("\n \n", HeaderStyle::Plain, "file.empty"),
    ] {
        let heading = read_heading(file.as_bytes(), all, style, &skip);
        let got = heading.and_then(|heading| heading.check(Limits::default(), true).map(|()| heading));
        let got = match got {
            Ok(heading) => format!("{} {} {}", heading.line, char::from(heading.delimiter), heading.columns.join("|")),
            Err(fault) => fault.code.to_owned(),
        };
        assert_eq!(got, expected, "{file:?}");
    }
    let wide = read_heading("a,".repeat(5000).as_bytes(), b",", HeaderStyle::Plain, &[]).expect("it has a delimiter");
    assert_eq!(wide.check(Limits::default(), true).map_err(|fault| fault.code), Err("limit.columns"));
}

proptest::proptest! {
    #[test]
    fn splits_well_formed_files_as_the_csv_crate_does(
        rows in proptest::collection::vec(proptest::collection::vec("[ab,;\"\r\n あ]{0,6}", 3), 1..6),
        always in proptest::bool::ANY,
    ) {
        let quoting = if always { ::csv::QuoteStyle::Always } else { ::csv::QuoteStyle::Necessary };
        let mut writer = ::csv::WriterBuilder::new().quote_style(quoting).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).expect("a vector takes everything");
        }
        let file = writer.into_inner().expect("a vector takes everything");
        let format = format(&[], false);
        let utf8 = choice("utf-8", Reason::Whole);
        let mut framer = super::super::Framer::new(&file[..], &utf8, &format, Limits::default());
        let mut read = Vec::new();
        while let Some(super::super::Framed::Record { bytes, .. }) = framer.next().expect("the file is well-formed") {
            let mut cells = Vec::new();
            let record = std::str::from_utf8(bytes).expect("it was text");
            super::split_cells(record, b',', false, |_, cell| cells.push(cell.into_owned())).expect("it is well-formed");
            read.push(cells);
        }
        proptest::prop_assert_eq!(read, rows);
    }
}

#[test]
fn what_was_a_record_is_taken_only_where_it_is_one() {
    let parts = ["a", ",", "\"", "\n", "\n", "b,c\n", "\"x\ny\"\n", "\r\n", "\r", " ", "\u{e9}", "version:", "1,2\r\n"];
    for heading in [true, false] {
        let (choice, format) = (choice("utf-8", Reason::Whole), format(&["a", "b"], heading));
        frames_what_was_known("", &parts, &choice, &format, Limits::default());
        frames_what_was_known("", &parts, &choice, &format, Limits { record: 5, ..Limits::default() });
    }
}
