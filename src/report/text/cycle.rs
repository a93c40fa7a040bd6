//! The end of a cycle.

use super::super::cycle::{kind_name, state_name};
use super::super::plain;
use super::super::status::reason_name;
use super::super::time::short;
use super::{Style, Tone, painted};
use crate::model::{Counts, CycleReport, CycleState};

/// Returns what stands below the lines of a cycle: totals, times, requests, and what a person has to do now.
pub fn cycle_text(report: &CycleReport, style: Style) -> String {
    let tone = match report.state {
        CycleState::Succeeded => Tone::Good,
        CycleState::Failed => Tone::Bad,
        CycleState::EntryLevelErrors => Tone::Odd,
    };
    let milliseconds = report.ended.as_millisecond().saturating_sub(report.began.as_millisecond()).max(0);
    let mut text = format!(
        "{} cycle of `{}`{}: {}\n  {}\n  {} in {}, {} in {}.{:03} s (cycle {})\n",
        kind_name(report.kind),
        plain(&report.job),
        if report.dry_run { ", dry run" } else { "" },
        painted(state_name(report.state), tone, style),
        counts(&report.counts, report.dry_run),
        counted(report.source.records, "record"),
        counted(report.source.files, "file"),
        counted(report.requests, "request"),
        milliseconds / 1000,
        milliseconds % 1000,
        plain(&report.id),
    );
    let mut line = |label: &str, tone: Tone, words: &str| {
        text.push_str("  ");
        text.push_str(&painted(label, tone, style));
        text.push_str(": ");
        text.push_str(&plain(words));
        text.push('\n');
    };
    if report.source.refused > 0 {
        line("refused", Tone::Bad, &format!("{} could not be read", counted(report.source.refused, "record")));
    }
    for warning in &report.warnings {
        line("warning", Tone::Odd, warning);
    }
    if let Some(staged) = &report.staged {
        line(
            "staged",
            Tone::Odd,
            &format!(
                "{} await approval; see `provisiond deletions list`, then `provisiond deletions approve {}`",
                counted(staged.count, "deprovisioning"),
                staged.batch
            ),
        );
    }
    if let Some(quarantine) = &report.quarantine {
        let next = quarantine.next_attempt.map_or_else(String::new, |next| format!("; next attempt {}", short(next)));
        line("quarantine", Tone::Bad, &format!("{}{next}", reason_name(quarantine.reason)));
    }
    if let Some(error) = &report.error {
        line("ended early", Tone::Bad, &format!("{}: {}", error.code, error.message));
        if !error.help.is_empty() {
            line("do", Tone::Good, &error.help);
        }
    }
    text
}

fn counts(counts: &Counts, dry_run: bool) -> String {
    let named = [
        (counts.create, if dry_run { "to create" } else { "created" }),
        (counts.update, if dry_run { "to update" } else { "updated" }),
        (counts.disable, if dry_run { "to disable" } else { "disabled" }),
        (counts.delete, if dry_run { "to delete" } else { "deleted" }),
        (counts.skipped, "skipped"),
        (counts.failure, "failed"),
        (counts.staged, "staged"),
        (counts.not_evaluated, "not evaluated"),
    ];
    let shown: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if shown.is_empty() { "nothing to do".to_owned() } else { shown.join(", ") }
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::super::cycle::tests::report;
    use super::*;
    use crate::model::RunError;

    #[test]
    fn totals_and_what_to_do() {
        let mut report = report();
        assert_eq!(
            cycle_text(&report, Style::default()),
            "\
incremental cycle of `kintone`: EntryLevelErrors
  1 created, 2 updated, 1 failed, 1 staged
  7 records in 1 file, 9 requests in 2.500 s (cycle cycle-1)
  warning: set.shrunk: 3 people fewer than last time
  staged: 1 deprovisioning await approval; see `provisiond deletions list`, then `provisiond deletions approve batch-1`
"
        );
        report.counts = Counts::default();
        report.dry_run = true;
        report.staged = None;
        report.warnings.clear();
        report.error = Some(RunError {
            code: "Unauthorized".into(),
            message: "the target answered 401".into(),
            help: "renew the token".into(),
        });
        assert_eq!(
            cycle_text(&report, Style::default()),
            "\
incremental cycle of `kintone`, dry run: EntryLevelErrors
  nothing to do
  7 records in 1 file, 9 requests in 2.500 s (cycle cycle-1)
  ended early: Unauthorized: the target answered 401
  do: renew the token
"
        );
    }
}
