//! What was read of the source (sources.md 24).

use serde_json::Value;

use super::super::plain;
use super::columns::table;
use super::details::push_details;
use super::{NOTHING, Style, Tone, painted};

/// Records that are shown; the JSON form has all of them.
pub const SOURCE_RECORDS: usize = 3;

/// Turns the document of `source --output json` into text: files, counts, judgement, problems, first records.
///
/// `left`: how many records there are beside those of the document.
pub fn source_text(document: &Value, left: usize, style: Style) -> String {
    let mut text = files(&document["files"]);
    text.push('\n');
    text.push_str(&counts(&document["counts"]));
    let set = &document["set"];
    let (verdict, tone) = if set["refused"] == true { ("refused", Tone::Bad) } else { ("accepted", Tone::Good) };
    text.push_str(&format!(
        "{} as a {} ({})\n",
        painted(verdict, tone, style),
        word(&set["mode"]),
        word(&set["complete"])
    ));
    for problem in list(&set["problems"]) {
        push_problem(&mut text, problem, style);
    }
    let records = list(&document["records"]);
    if left > 0 {
        text.push_str(&format!("\nthe first {SOURCE_RECORDS} records; {left} more with `--output json`\n"));
    } else if !records.is_empty() {
        text.push('\n');
    }
    for record in records {
        push_record(&mut text, record);
    }
    text
}

fn files(files: &Value) -> String {
    let rows: Vec<[String; 6]> = list(files)
        .iter()
        .map(|file| ["file", "status", "format", "preset", "encoding", "complete"].map(|name| word(&file[name])))
        .collect();
    if rows.is_empty() {
        return "no files\n".to_owned();
    }
    table(["file", "status", "format", "preset", "encoding", "complete"], &rows)
}

fn counts(counts: &Value) -> String {
    let named = counts.as_object().into_iter().flatten().filter(|(name, count)| {
        // People and groups are always said, the rest where there is any.
        **count != 0 || matches!(name.as_str(), "users" | "groups")
    });
    let words: Vec<String> = named.map(|(name, count)| format!("{count} {}", plain(&name.replace('_', " ")))).collect();
    format!("{}\n", words.join(", "))
}

fn push_problem(text: &mut String, problem: &Value, style: Style) {
    let (label, tone) = match problem["level"].as_str() {
        Some("F" | "S") => ("error", Tone::Bad),
        Some("R" | "W") => ("warning", Tone::Odd),
        _ => ("info", Tone::Quiet),
    };
    let place: Vec<String> = ["file", "line", "column"]
        .iter()
        .map(|name| &problem[*name])
        .filter(|part| !part.is_null())
        .map(word)
        .collect();
    let place = if place.is_empty() { String::new() } else { format!(" {}:", place.join(":")) };
    text.push_str(&format!(
        "{}[{}]:{place} {}\n",
        painted(label, tone, style),
        word(&problem["code"]),
        word(&problem["message"])
    ));
    if let Some(help) = problem["help"].as_str().filter(|help| !help.is_empty()) {
        text.push_str(&format!("  = help: {}\n", plain(help)));
    }
}

fn push_record(text: &mut String, record: &Value) {
    let file = record["file"].as_str().map(|file| format!("{}:", plain(file))).unwrap_or_default();
    let kind = record["kind"].as_str().or(record["op"].as_str()).unwrap_or(NOTHING);
    let name = record["anchor"].as_str().or(record["dn"].as_str()).unwrap_or(NOTHING);
    text.push_str(&format!("{file}{}  {} {}\n", word(&record["line"]), plain(kind), plain(name)));
    let attributes = record["attributes"].as_object().into_iter().flatten();
    push_details(text, attributes.map(|(name, value)| (name.as_str(), value)), "  ");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) => plain(text).into_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_said_in_order() {
        let record = json!({"line": 2, "kind": "user", "anchor": "a-1", "attributes": {"mail": "a@example.jp", "accountEnabled": true}});
        let document = json!({
            "files": [{"file": "users.csv", "status": "accepted", "format": "csv", "preset": "entra-csv", "encoding": "UTF-8", "complete": "plausible"}],
            "counts": {"users": 4, "groups": 0, "disabled": 1, "soft_deleted": 0},
            "records": [record, record, record],
            "refused": {},
            "set": {"mode": "snapshot", "complete": "plausible", "refused": false, "problems": [
                {"level": "R", "code": "row.short", "file": "users.csv", "line": 7, "message": "a cell is missing", "help": "quote it"},
            ]},
        });
        assert_eq!(
            source_text(&document, 1, Style::default()),
            "\
FILE       STATUS    FORMAT  PRESET     ENCODING  COMPLETE
users.csv  accepted  csv     entra-csv  UTF-8     plausible

4 users, 0 groups, 1 disabled
accepted as a snapshot (plausible)
warning[row.short]: users.csv:7: a cell is missing
  = help: quote it

the first 3 records; 1 more with `--output json`
2  user a-1
  mail            a@example.jp
  accountEnabled  yes
2  user a-1
  mail            a@example.jp
  accountEnabled  yes
2  user a-1
  mail            a@example.jp
  accountEnabled  yes
"
        );
    }
}
