//! What comments and closing blocks say of a file.

use super::{LdifFacts, Stated};

/// How much of a comment is looked at.
pub(super) const LOOKED_AT: usize = 256;

/// First names of blocks that are no entries: ldapsearch and ldbsearch end their output with them.
const BLOCKS: &[&str] = &["search", "result", "ref", "control", "pagedresults", "matcheddn", "text"];

/// Takes the counts out of a comment.
pub(super) fn read_comment(facts: &mut LdifFacts, comment: &[u8], line: u64) {
    let Ok(text) = std::str::from_utf8(&comment[..comment.len().min(LOOKED_AT)]) else { return };
    let text = text.trim_start_matches('#').trim();
    let stated = |digits: &str| digits.parse().ok().map(|number| Stated { number, line });
    if let Some(count) = text.strip_prefix("numEntries:").and_then(|rest| stated(rest.trim())) {
        facts.entry_counts.push(count);
    } else if let Some(count) = text.strip_suffix(" entries").and_then(stated) {
        facts.entry_counts.push(count);
    } else if let Some(count) = text.strip_prefix("returned ").and_then(|rest| stated(rest.strip_suffix(" records")?)) {
        facts.returned = Some(count);
    } else if let Some(count) = text.strip_prefix("numResponses:").and_then(|rest| stated(rest.trim())) {
        facts.responses = Some(count);
    } else if let Some(value) = text.strip_prefix("pagedresults:") {
        read_page(facts, value, line);
    }
    // a hostile file may state many; the first ones are enough to disagree
    facts.entry_counts.truncate(16);
}

/// Says whether a block with this first line is no entry.
pub(super) fn is_closing_block(first_line: &[u8]) -> bool {
    let name = first_line.split(|&byte| byte == b':').next().unwrap_or_default();
    name.len() < first_line.len() && BLOCKS.iter().any(|block| name.eq_ignore_ascii_case(block.as_bytes()))
}

/// Takes out of a line of a closing block what it says of the search.
pub(super) fn read_closing_line(facts: &mut LdifFacts, text: &[u8], line: u64) {
    let Ok(text) = std::str::from_utf8(&text[..text.len().min(LOOKED_AT)]) else { return };
    let Some((name, value)) = text.split_once(':') else { return };
    if name.eq_ignore_ascii_case("pagedresults") {
        read_page(facts, value, line);
    }
    if !name.eq_ignore_ascii_case("result") {
        return;
    }
    facts.entries_at_result = Some(facts.entries);
    facts.next_page = None;
    if facts.result.is_none_or(|result| result.number == 0) {
        let digits = value.split_whitespace().next().unwrap_or_default();
        // what is no number is no success either
        facts.result = Some(Stated { number: digits.parse().unwrap_or(-1), line });
    }
}

/// Of a paged search: `cookie=…` after each page, empty after the last; an estimate may stand before it.
fn read_page(facts: &mut LdifFacts, value: &str, line: u64) {
    let Some((_, cookie)) = value.split_once("cookie=") else { return };
    facts.next_page = (!cookie.trim().is_empty()).then_some(line);
}
