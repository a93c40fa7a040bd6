//! How complete a file is by itself, and what it says of itself (sources.md 16.2).

use super::file::Kinds;
use super::frame::FileFacts;
use super::frame::json::JsonShape;
use super::frame::ldif::LdifFacts;
use super::map::Remark;
use super::open::Opened;
use super::report::{Completeness, FileReport, Unfinished};

/// What a CSV record is refused for that has not the cells of the heading, or of which nobody can say.
const NOT_SPLIT: [&str; 5] =
    ["csv.field_count", "csv.text_after_quote", "encoding.invalid", "text.nul", "limit.record"];

/// Draws the conclusions of a file that was read to its end.
pub fn conclude(report: &mut FileReport, facts: &FileFacts, opened: &Opened, kinds: Kinds, remarks: &mut Vec<Remark>) {
    let mut remark = |line: Option<u64>, code: &'static str| {
        remarks.push(Remark { line: line.unwrap_or(1), code, attribute: None, once: false });
    };
    let last_refused = |last: Option<u64>, codes: &[&str]| {
        report
            .refused
            .last()
            .is_some_and(|refused| Some(refused.line) == last && (codes.is_empty() || codes.contains(&refused.code)))
    };
    report.complete = match facts {
        FileFacts::Csv(facts) => {
            report.ended = facts.final_newline;
            if !facts.final_newline {
                remark(facts.last_record, "csv.no_final_newline");
            }
            let is_cut = !facts.final_newline && last_refused(facts.last_record, &NOT_SPLIT);
            if is_cut { Completeness::Incomplete } else { Completeness::Plausible }
        }
        FileFacts::Json(facts) => {
            report.ended = facts.final_newline;
            let is_cut = !facts.final_newline && last_refused(facts.last_record, &[]);
            if !facts.final_newline && !is_cut {
                remark(facts.last_record, "json.no_final_newline");
            }
            let is_document = !matches!(facts.shape, Some(JsonShape::Lines));
            let has_next = facts.member("@odata.nextLink").is_some();
            if is_document {
                report.document = Some((has_next, report.changes));
            }
            report.is_graph = facts.text("@odata.context").is_some();
            let is_scim = matches!(&facts.shape, Some(JsonShape::Under(name)) if name == "Resources");
            report.total = facts.number("totalResults").filter(|_| is_scim);
            if is_cut {
                Completeness::Incomplete
            } else if has_next {
                Completeness::Page
            } else if report.is_graph || report.total == Some(report.records) {
                Completeness::Proven
            } else if report.total.is_some_and(|total| report.records < total) {
                Completeness::Incomplete
            } else {
                Completeness::Plausible
            }
        }
        FileFacts::Ldif(facts) => {
            report.ended = facts.final_newline;
            report.result_code = facts.result.map(|result| result.number);
            report.changes =
                kinds.other > 0 || (kinds.added > 0 && !(opened.preset.ldif.all_add_is_content && kinds.content == 0));
            if report.changes && kinds.content > 0 {
                remark(Some(1), "ldif.mixed_content_and_changes");
            }
            for warning in &facts.warnings {
                remark(warning.line, warning.code);
            }
            let failed = facts.result.filter(|result| result.number != 0);
            if let Some(result) = failed {
                remark(Some(result.line), "ldif.result_code");
            }
            let entries = i64::try_from(facts.entries).unwrap_or(i64::MAX);
            let stated: i64 = facts.entry_counts.iter().map(|stated| stated.number).sum();
            let disagrees = (!facts.entry_counts.is_empty() && stated != entries)
                .then(|| facts.entry_counts.first().map(|stated| stated.line))
                .flatten();
            if let Some(line) = disagrees {
                remark(Some(line), "ldif.entry_count");
            }
            report.unfinished = unfinished(facts);
            // of a search that found nothing no number of entries is stated
            let is_counted = !facts.entry_counts.is_empty() || (facts.entries == 0 && facts.responses.is_some());
            let is_samba = facts.returned.is_some() && !facts.entry_counts.is_empty();
            if !facts.final_newline || failed.is_some() || disagrees.is_some() || report.unfinished.is_some() {
                Completeness::Incomplete
            } else if (facts.result.is_some() && is_counted) || is_samba {
                Completeness::Proven
            } else {
                Completeness::Plausible
            }
        }
    };
}

/// Where a search goes on and the file does not.
fn unfinished(facts: &LdifFacts) -> Option<Unfinished> {
    let page = facts.next_page.map(|line| Unfinished {
        line: Some(line),
        message: "the search was made page by page, and says that another page follows: the file ends before the last",
    });
    let is_behind = facts.entries_at_result.is_some_and(|entries| entries < facts.entries);
    page.or_else(|| {
        is_behind.then_some(Unfinished {
            line: None,
            message: "entries follow the last `result:` block: the search that they are of has none",
        })
    })
}
