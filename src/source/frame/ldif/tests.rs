//! Framing and decoding of LDIF as a table of cases.

use super::super::trace::{frames_what_was_known, trace};
use super::super::{FileFacts, Format, Limits};
use super::{LdifFacts, LdifFormat, OptionRules, Stated};
use crate::source::encoding::{Choice, Reason, by_label};

fn read_as(file: &[u8], limits: Limits) -> (String, LdifFacts) {
    let choice =
        Choice { encoding: by_label("utf-8").expect("a label"), mark: 0, reason: Reason::Format, fallback: None };
    let rules = OptionRules { strip: vec!["adcsn".to_owned()], drop_if: vec!["deleted".to_owned()] };
    match trace(file, &choice, &Format::Ldif(LdifFormat { options: Some(rules), fallback: None }), limits) {
        (steps, FileFacts::Ldif(facts)) => (steps, facts),
        (_, facts) => panic!("facts of another format: {facts:?}"),
    }
}

fn read(file: &str) -> (String, LdifFacts) {
    read_as(file.as_bytes(), Limits::default())
}

#[test]
fn reads_entries() {
    for (file, expected) in [
        ("dn: o=x\na: 1\nA: 2\nb: 3\n\ndn: o=y\na: 1\n", "1 dn=o=x a=1,2 b=3 / 6 dn=o=y a=1"),
        ("dn: o=x\r\na: 1\r\r\n\r\ndn: o=y\r\na: 1\r\n", "1 dn=o=x a=1 / 4 dn=o=y a=1"),
        ("version: 1\ndn: o=x\n\n\n\ndn: o=y\n", "2 dn=o=x / 6 dn=o=y"),
        ("\n# c\n  more\nVersion:0\n\n#\nDN: o=x\n#in\n side\na:1\n", "7 dn=o=x a=1"),
        // folding joins bytes, even of one character
        ("dn: o=\n x\na:: 44\n GC\nb: 1\n\t2\n  3\n", "1 dn=o=x a=あ b=12 3"),
        ("dn: o=x\na:  1 \nb::\nc:\nd: :x\n", "1 dn=o=x a=1  b= c= d=:x"),
        ("dn:: bz14\na:: AP8=\nb:: YQ== \nc:< file:///x\n", "1 dn=o=x a=[00, ff] b=a c=<file:///x>"),
        (
            "dn: o=x\ncn;lang-b;Lang-a: 1\ncn;lang-a;lang-b: 2\nt;adcsn-1: 3\nu;deleted: 4\nv;binary:: YQ==\n",
            "1 dn=o=x cn;lang-b;Lang-a=1,2 t=3 v=[61]",
        ),
        ("dn: o=x\nm;range=0-1: a\nm;range=2-*: b\nn;range=0-*: c\n", "1 dn=o=x m=a,b… n=c"),
        // the root entry and blocks are none
        ("dn:\na: 1\n\ndn: o=x\n\nsearch: 2\nresult: 0 Success\n\nref: ldap://x\n", "4 dn=o=x"),
        // of pages the next entry follows without an empty line
        (
            "dn: o=x\n\n# search result\nsearch: 2\nresult: 0 Success\npagedresults: cookie=AA=\n =\n# y\ndn: o=y\na: 1\n\n# z\nDN: o=z\n",
            "1 dn=o=x / 9 dn=o=y a=1 / 13 dn=o=z",
        ),
        ("ref: ldap://x\r\ndn: o=x\r\n\r\nresult: 0\r\r\n\r\r\ndn: o=y\n", "2 dn=o=x / 6 dn=o=y"),
        // a line of blanks is empty where nothing continues
        ("dn: o=x\n\n  \ndn: o=y\n", "1 dn=o=x / 4 dn=o=y"),
        ("\n\n", "!!file.empty"),
        ("", "!!file.empty"),
        ("version: 1\n", ""),
        ("dn: o=x\n\r\r\r\ndn: o=y\n", "1 dn=o=x / 3 dn=o=y"),
    ] {
        assert_eq!(read(file).0, expected, "{file:?}");
    }
    let split = read_as(b"dn: o=x\na: \xe3\x81\n \x82\nb: \xff\n", Limits::default()).0;
    assert_eq!(split, "1 dn=o=x a=あ b=[ff]");
}

#[test]
fn refuses_records_by_line() {
    for (file, expected) in [
        ("dn: o=x\na: 1\nb\n\ndn: o=y\n", "1!ldif.no_colon@3 / 5 dn=o=y"),
        ("dn: o=x\n_a: 1\n", "1!ldif.attribute_name@2"),
        ("dn: o=x\na:: YQ\n", "1!ldif.base64@2"),
        ("dn: o=x\na:: YQ=\n =x\n", "1!ldif.base64@2"),
        ("dn: o=x\na:: Y!Q=\n", "1!ldif.base64@2"),
        ("cn: x\nsn: y\n\ndn: o=y\n", "1!ldif.no_dn / 4 dn=o=y"),
        ("dn: x\na: 1\n", "1!ldif.dn"),
        ("dn:< file:///x\na: 1\n", "1!ldif.url_refused"),
        ("dn: o=x\na: 1\r2\n", "1!ldif.bare_cr@2"),
        ("dn: o=x\na: 1\0\n", "1!text.nul@2"),
        ("dn: o=x\n\n stray\ndn: o=y\n\ndn: o=z\n", "1 dn=o=x / 3!ldif.stray_continuation / 6 dn=o=z"),
        ("dn: o=x\n\n stray\n\ndn: o=y\n", "1 dn=o=x / 3!ldif.stray_continuation / 5 dn=o=y"),
        ("dn: o=x\na: 1\ndn: o=y\n", "1!ldif.unexpected_line@3"),
        ("dn: o=x\na: 1", "1!ldif.no_final_newline@2"),
        ("dn: o=x\ra: 1\r\rdn: o=y\r", "1!ldif.bare_cr"),
        ("dn: o=x\na: 1\rb: 2", "1!ldif.bare_cr@2"),
        ("dn: o=x\na: 1\r", "1!ldif.no_final_newline@2"),
        ("dn: o=x\n\ndn: o=y", "1 dn=o=x / 3!ldif.no_final_newline"),
        ("version: 2\ndn: o=x\n", "1!!ldif.version"),
        ("version: x\ndn: o=x\n", "1!!ldif.version"),
    ] {
        assert_eq!(read(file).0, expected, "{file:?}");
    }
    assert_eq!(read_as(b"dn: o=\xff\na: 1\n", Limits::default()).0, "1!encoding.invalid");
}

#[test]
fn reads_changes() {
    for (file, expected) in [
        ("dn: o=x\nchangetype: add\na: 1\n", "1 dn=o=x a=1 add"),
        ("dn: o=x\nChangeType: Delete\n", "1 dn=o=x delete"),
        ("dn: o=x\nchangetype: delete\na: 1\n", "1!ldif.unexpected_line@3"),
        (
            "dn: o=x\nchangetype: modify\nadd: a\na: 1\na: 2\n-\ndelete: b\n-\nreplace: c\nc:: YQ==\n-\n",
            "1 dn=o=x Add a=1,2 Delete b= Replace c=a",
        ),
        ("dn: o=x\nchangetype: modify\nadd: a\nb: 1\n-\n", "1!ldif.unexpected_line@4"),
        ("dn: o=x\nchangetype: modify\nadd: a\na: 1\n", "1!ldif.unexpected_line@3"),
        ("dn: o=x\nchangetype: modify\nput: a\n-\n", "1!ldif.unexpected_line@3"),
        ("dn: o=x\nchangetype: modify\nadd: a b\n-\n", "1!ldif.attribute_name@3"),
        ("dn: o=x\nchangetype: modrdn\nnewrdn: o=y\ndeleteoldrdn: 1\n", "1 dn=o=x rename o=y true -"),
        (
            "dn: o=x\nchangetype: moddn\nnewrdn: o=y\ndeleteoldrdn: 0\nnewsuperior:: ZGM9eg==\n",
            "1 dn=o=x rename o=y false dc=z",
        ),
        ("dn: o=x\nchangetype: modrdn\nnewrdn: o=y,o=z\ndeleteoldrdn: 1\n", "1!ldif.dn@3"),
        ("dn: o=x\nchangetype: modrdn\nnewrdn: o=y\ndeleteoldrdn: 2\n", "1!ldif.unexpected_line@4"),
        ("dn: o=x\nchangetype: modrdn\nnewrdn: o=y\n", "1!ldif.unexpected_line"),
        ("dn: o=x\nchangetype: move\n", "1!ldif.changetype@2"),
        ("dn: o=x\na: 1\nchangetype: add\n", "1!ldif.unexpected_line@3"),
        (
            "dn: o=x\ncontrol: 1.2.840.113556.1.4.805 true\ncontrol: 1.2.3 false: x\ncontrol: 1.2.3\nchangetype: delete\n",
            "1 dn=o=x delete-tree",
        ),
        ("dn: o=x\ncontrol: 1.2.3 true: x\nchangetype: delete\n", "1!ldif.unexpected_line@2"),
        ("dn: o=x\ncontrol: 1.2.3\na: 1\n", "1!ldif.changetype@2"),
    ] {
        assert_eq!(read(file).0, expected, "{file:?}");
    }
}

#[test]
fn knows_what_the_file_says_of_itself() {
    let (_, facts) = read(
        "# extended LDIF\n\ndn: o=x\n\n# y\ndn: o=y\nchangetype: delete\n\ndn:\na: 1\n\n# search result\nsearch: 2\nresult: 4 Size limit exceeded\n\
         \n# numResponses: 3\n# numEntries: 2\n# returned 5 records\n# 4 entries\n# 1 referrals\n",
    );
    assert_eq!((facts.entries, facts.changes, facts.final_newline), (3, 1, true));
    assert_eq!(facts.result, Some(Stated { number: 4, line: 14 }));
    assert_eq!(facts.entry_counts, [Stated { number: 2, line: 17 }, Stated { number: 4, line: 19 }]);
    assert_eq!(facts.returned, Some(Stated { number: 5, line: 18 }));
    let (_, facts) = read("version: 1\ndn: o=x\n\nversion: 1\ndn: o=y\n\nversion: 1\ndn: o=z\n# numEntries: 3");
    assert_eq!((facts.version, facts.entries, facts.final_newline), (Some(1), 3, false));
    assert_eq!(
        facts.warnings.iter().map(|warning| (warning.code, warning.line)).collect::<Vec<_>>(),
        [("ldif.version_again", Some(4))]
    );
}

#[test]
fn hears_whether_pages_follow() {
    let entry = |name: &str| format!("dn: o={name}\n\n");
    let page = |cookie: &str| format!("search: 2\nresult: 0 Success\npagedresults: estimate=2 cookie={cookie}\n");
    for (file, entries_at_result, next_page) in [
        (entry("x") + &page("AA=="), Some(1), Some(5)),
        (entry("x") + &page("AA==") + &entry("y"), Some(1), Some(5)),
        (entry("x") + &page("AA==") + &entry("y") + &page(""), Some(2), None),
        (entry("x") + &page("AA==") + &entry("y") + "search: 3\nresult: 53 No\n\n" + &page("AA=="), Some(2), Some(13)),
        (entry("x") + "# pagedresults: cookie=AA==\n" + &entry("y"), None, Some(3)),
        (entry("x") + "# pagedresults: cookie=AA==\n" + &entry("y") + "# pagedresults: cookie=\n", None, None),
        (page(&"A".repeat(1000)) + "\n# numResponses: 1\n", Some(0), Some(3)),
    ] {
        let (_, facts) = read(&file);
        assert_eq!((facts.entries_at_result, facts.next_page), (entries_at_result, next_page), "{file:?}");
    }
    assert_eq!(read("result: 0 Success\n\n# numResponses: 1\n").1.responses, Some(Stated { number: 1, line: 3 }));
}

#[test]
fn keeps_to_its_limits() {
    let limits = Limits { line: 12, record: 40, values: 2, columns: 3, ..Limits::default() };
    let comment = format!("# {}\n", "x".repeat(100));
    for (file, expected) in [
        ("dn: o=x\na: 123456789\n\ndn: o=y\n", "1 dn=o=x a=123456789 / 4 dn=o=y"),
        ("dn: o=x\na: 1234567890\n\ndn: o=y\n", "1!limit.line@2 / 4 dn=o=y"),
        ("dn: o=x\na: 12345\n 67890\nb: 1\n\ndn: o=y\n", "1!limit.line@2 / 6 dn=o=y"),
        ("dn: o=x\na: 1\nb: 2\na: 3\nb: 4\nb: 5\n\ndn: o=y\n", "1!limit.values@6 / 8 dn=o=y"),
        ("dn: o=x\na: 1\nb: 2\nc: 3\nd: 5\n\ndn: o=y\n", "1!limit.columns@5 / 7 dn=o=y"),
        ("dn: o=x\na: 123456\na: 123456\na: 123456\na: 123456\n\ndn: o=y\n", "1!limit.record@5 / 7 dn=o=y"),
        ("dn: o=x\na: 1234567890", "1!limit.line@2"),
        ("dn: o=x\na: 1\na: 2\nb: 3\nb: 4", "1!ldif.no_final_newline@5"),
    ] {
        assert_eq!(read_as(file.as_bytes(), limits).0, expected, "{file:?}");
    }
    // comments are passed over without being held, outside and inside a record
    let file = format!("{comment}\n{comment}dn: o=x\n{comment}a: 1\n{comment} and more\nb: 2\n\n{comment}");
    assert_eq!(read_as(file.as_bytes(), limits).0, "4 dn=o=x a=1 b=2");
}

#[test]
fn what_was_a_record_is_taken_only_where_it_is_one() {
    let parts = [
        "dn: o=x\n",
        "dn: o=y\n\n",
        "\n",
        "\n",
        "a: 1\n",
        "a: 1\r\n",
        "\r\n",
        "\r",
        " z\n",
        "# c\n",
        "dn:\n",
        "d",
        "changetype: add\n",
        "version: 1\n",
        "# numEntries: 2\n",
        "search: 2\n",
        "pagedresults: cookie=A\n",
        " ",
    ];
    let choice =
        Choice { encoding: by_label("utf-8").expect("a label"), mark: 0, reason: Reason::Format, fallback: None };
    let format = Format::Ldif(LdifFormat { options: None, fallback: None });
    frames_what_was_known("", &parts, &choice, &format, Limits::default());
    frames_what_was_known("", &parts, &choice, &format, Limits { record: 12, ..Limits::default() });
}
