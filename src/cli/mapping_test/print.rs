//! Results of mapping tests as text, JSON and JUnit XML.

use serde_json::{Value as Json, json};

use super::run::{Difference, Tested, Verdict};
use crate::diagnostic::Style;
use crate::report::{JunitCase, JunitOutcome, JunitSuite, junit_xml, plain};

pub fn json(tested: &[Tested<'_>]) -> Json {
    let files: Vec<Json> = tested.iter().map(file_json).collect();
    let failed: usize = tested.iter().map(Tested::failed).sum();
    let cases: usize = tested.iter().map(|one| one.cases.len()).sum();
    json!({ "ok": failed == 0, "passed": cases - failed, "failed": failed, "files": files })
}

fn file_json(tested: &Tested<'_>) -> Json {
    let cases = tested.cases.iter().map(|Verdict { case, differences }| {
        let differences: Vec<Json> = differences
            .iter()
            .map(|one| json!({ "attribute": one.of, "expected": one.expected, "got": one.got, "message": one.why }))
            .collect();
        json!({ "name": case.name, "line": case.line, "ok": differences.is_empty(), "differences": differences })
    });
    let gaps = tested.gaps.iter().map(|gap| json!({ "object": gap.object, "name": gap.name, "missing": gap.missing }));
    json!({
        "file": tested.test.file,
        "mapping": tested.test.mapping_file,
        "cases": cases.collect::<Vec<_>>(),
        "notExercised": gaps.collect::<Vec<_>>(),
    })
}

pub fn text(tested: &[Tested<'_>], style: Style) -> String {
    let paint = |code: &str, text: &str| {
        if style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    for one in tested {
        out.push_str(&format!("{}\n", plain(&one.test.file)));
        for Verdict { case, differences } in &one.cases {
            let mark = if differences.is_empty() { paint("32", "pass") } else { paint("1;31", "FAIL") };
            let place = if differences.is_empty() { String::new() } else { format!("  (line {})", case.line) };
            out.push_str(&format!("  {mark}  {}{place}\n", plain(&case.name)));
            out.push_str(&table(differences, "        "));
        }
        for gap in &one.gaps {
            let mark = paint("33", "not exercised");
            out.push_str(&format!("  {mark}: {} `{}` {}\n", gap.object, plain(&gap.name), gap.missing));
        }
    }
    let failed: usize = tested.iter().map(Tested::failed).sum();
    let cases: usize = tested.iter().map(|one| one.cases.len()).sum();
    out.push_str(&format!("{} passed, {failed} failed\n", cases - failed));
    out
}

/// The differences of a case in columns: attribute, expected, got.
fn table(differences: &[Difference], indent: &str) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let mut rows = vec![["attribute".to_owned(), "expected".to_owned(), "got".to_owned()]];
    rows.extend(differences.iter().map(|one| {
        let got = match &one.why {
            Some(why) if one.got.is_null() => plain(why).into_owned(),
            Some(why) => format!("{} ({})", shown(&one.got), plain(why)),
            None => shown(&one.got),
        };
        [plain(&one.of).into_owned(), shown(&one.expected), got]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1)];
    let line =
        |[of, expected, got]: &[String; 3]| format!("{indent}{of:<0$}  {expected:<1$}  {got}\n", widths[0], widths[1]);
    rows.iter().map(line).collect()
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        other => plain(&other.to_string()).into_owned(),
    }
}

pub fn junit(tested: &[Tested<'_>]) -> String {
    let suites: Vec<JunitSuite> = tested
        .iter()
        .map(|one| JunitSuite {
            name: one.test.file.clone(),
            cases: one.cases.iter().map(|verdict| junit_case(&one.test.file, verdict)).collect(),
            output: one
                .gaps
                .iter()
                .map(|gap| format!("not exercised: {} `{}` {}\n", gap.object, gap.name, gap.missing))
                .collect(),
        })
        .collect();
    junit_xml("provisiond test", &suites)
}

fn junit_case(file: &str, Verdict { case, differences }: &Verdict<'_>) -> JunitCase {
    let message = match differences.len() {
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    let outcome = match differences.is_empty() {
        true => JunitOutcome::Passed,
        false => JunitOutcome::Failed { message, story: format!("line {}\n{}", case.line, table(differences, "")) },
    };
    JunitCase { class: file.to_owned(), name: case.name.clone(), outcome }
}
