//! What it means that an object of the last snapshot is not in this one (sources.md 16.3).

use super::memory::SetMemory;
use super::report::{Completeness, Level, Problem, SetMode, SetReport};
use super::settings::Settings;

/// Objects as they were and are, counted by who keeps the state; deleted ones are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Living objects of the last accepted snapshot; 0 if there was none.
    pub previous: u64,
    /// Living objects of this one.
    pub now: u64,
    /// Those of the last that are not in this one.
    pub absent: u64,
}

/// What is to be done about absent objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absences {
    /// The set is refused; nothing of it is applied.
    Refused,
    /// Nobody is absent this time.
    Suspended,
    /// They are soft-deleted, as one batch that awaits approval.
    Staged,
    /// They are soft-deleted from now on.
    Deleted,
    /// A change file makes nobody absent.
    None,
}

/// A decision about absences, with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub absences: Absences,
    pub problems: Vec<Problem>,
}

/// Judges absences in the order of the specification; `accepted`: a person confirmed exactly this export.
///
/// `examples` are absent people to name, at most twenty of which are shown.
pub fn judge_absences(
    settings: &Settings,
    report: &SetReport,
    census: Census,
    examples: &[String],
    accepted: bool,
) -> Judgement {
    if report.refused && !accepted {
        return Judgement { absences: Absences::Refused, problems: Vec::new() };
    }
    if report.mode == SetMode::Changes {
        return Judgement { absences: Absences::None, problems: Vec::new() };
    }
    let mut problems = Vec::new();
    if census.now == 0 {
        let message = "the export holds no object at all";
        let help = "a directory never empties itself overnight: look at the exporter";
        problems.push(Problem::new(Level::Set, "set.empty", message).with_help(help));
        return Judgement { absences: Absences::Refused, problems };
    }
    if (census.now as f64) < least(settings, census.previous) && !accepted {
        let message = format!(
            "the export holds {} objects where the last held {}; {} are absent{}",
            census.now,
            census.previous,
            census.absent,
            named(examples)
        );
        let help = "look at the exporter; if this is right, confirm exactly this export with `source accept`";
        problems.push(Problem::new(Level::Set, "set.shrink", message).with_help(help));
        return Judgement { absences: Absences::Refused, problems };
    }
    if report.refused_without_anchor > 0 {
        if census.absent > 0 {
            let message = format!(
                "{} records could not be read and may be anyone: none of the {} absent objects is taken for gone",
                report.refused_without_anchor, census.absent
            );
            let help = "repair the refused records; absences are judged again with the next export";
            problems.push(Problem::new(Level::Warning, "set.absences_suspended", message).with_help(help));
        }
        return Judgement { absences: Absences::Suspended, problems };
    }
    let allowed = settings.absences_without_proof.of(census.previous);
    if report.complete != Completeness::Proven && census.absent > allowed {
        let message = format!(
            "{} objects are absent and nothing proves the export whole; at most {allowed} may be{}",
            census.absent,
            named(examples)
        );
        let help = "approve the batch with `deletions approve`, or let the exporter prove that it wrote everything: a manifest with record counts";
        problems.push(Problem::new(Level::Warning, "set.absences_unproven", message).with_help(help));
        return Judgement { absences: Absences::Staged, problems };
    }
    Judgement { absences: Absences::Deleted, problems }
}

/// What is left of so many where no more went than `max_shrink` allows.
fn least(settings: &Settings, previous: u64) -> f64 {
    previous as f64 * (100.0 - settings.max_shrink) / 100.0
}

/// Judges assignment files as people are judged: a file that is cut, or empty, revokes nobody's account (sources.md, rule 1).
///
/// Where the last set had none, or it is not remembered, nothing is expected.
pub fn judge_assignments(
    settings: &Settings,
    report: &SetReport,
    last: Option<&SetMemory>,
    accepted: bool,
) -> Option<Problem> {
    let previous = last?.assigned.filter(|previous| *previous > 0)?;
    let now = report.memory.assigned?;
    let least = least(settings, previous);
    if now == 0 {
        let message = format!("the assignment files name nobody, where the last ones named {previous} ids");
        let help = "look at what writes them: nobody is deprovisioned for it; if really nobody is assigned any more, begin anew with `provisiond restart`";
        return Some(Problem::new(Level::Set, "set.empty", message).with_help(help));
    }
    let has_shrunk = (now as f64) < least && !accepted;
    has_shrunk.then(|| {
        let least = least.ceil();
        let message = format!(
            "the assignment files name {now} ids where the last ones named {previous}; at least {least} were expected"
        );
        let help = "look at what writes them; if this is right, confirm exactly this export with `source accept`";
        Problem::new(Level::Set, "set.shrink", message).with_help(help)
    })
}

/// Warns where more than `max_shrink` of the `previous` objects `changed` in what the mapping uses, and names some.
///
/// What they held before is known only as a hash of all that is used, so the attribute is not named.
pub fn judge_changes(settings: &Settings, changed: u64, previous: u64, examples: &[String]) -> Option<Problem> {
    if previous == 0 || changed as f64 <= previous as f64 * settings.max_shrink / 100.0 {
        return None;
    }
    let message =
        format!("{changed} of {previous} objects differ in attributes that the mapping uses{}", named(examples));
    let help = "an encoding or a column that is read differently looks like this; look at a few of them";
    Some(Problem::new(Level::Warning, "set.mass_change", message).with_help(help))
}

fn named(examples: &[String]) -> String {
    if examples.is_empty() {
        return String::new();
    }
    let first: Vec<String> = examples.iter().take(20).map(|name| format!("`{}`", super::file::shorten(name))).collect();
    format!(": {}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::report::Counts;

    fn report(complete: Completeness) -> SetReport {
        SetReport {
            mode: SetMode::Snapshot,
            complete,
            refused: false,
            changed_while_read: false,
            identity: None,
            presumed_wrongly: false,
            misread: false,
            lost: crate::source::LostNames::new(),
            files: Vec::new(),
            counts: Counts::default(),
            problems: Vec::new(),
            refused_without_anchor: 0,
            memory: SetMemory::default(),
            assignments: None,
        }
    }

    #[test]
    fn absences_are_judged_in_the_order_of_the_specification() {
        use Absences::{Deleted, Refused, Staged, Suspended};
        let cases = [
            // previous, now, absent, unreadable, completeness, accepted; what is done, why
            (100, 0, 100, 0, Completeness::Proven, true, Refused, Some("set.empty")),
            (100, 49, 51, 0, Completeness::Proven, false, Refused, Some("set.shrink")),
            (100, 49, 51, 0, Completeness::Proven, true, Deleted, None),
            (100, 50, 50, 0, Completeness::Proven, false, Deleted, None),
            (100, 94, 6, 0, Completeness::Plausible, false, Staged, Some("set.absences_unproven")),
            (100, 95, 5, 0, Completeness::Plausible, false, Deleted, None),
            (1000, 990, 10, 0, Completeness::Plausible, false, Deleted, None),
            (1000, 989, 11, 0, Completeness::Plausible, false, Staged, Some("set.absences_unproven")),
            (1000, 989, 11, 0, Completeness::Proven, false, Deleted, None),
            (100, 99, 1, 1, Completeness::Proven, false, Suspended, Some("set.absences_suspended")),
            (0, 10, 0, 0, Completeness::Plausible, false, Deleted, None),
        ];
        for (previous, now, absent, unreadable, complete, accepted, expected, code) in cases {
            let report = SetReport { refused_without_anchor: unreadable, ..report(complete) };
            let census = Census { previous, now, absent };
            let judgement = judge_absences(&Settings::default(), &report, census, &[], accepted);
            let codes: Vec<&str> = judgement.problems.iter().map(|problem| problem.code).collect();
            assert_eq!(
                (judgement.absences, codes),
                (expected, code.into_iter().collect()),
                "{previous} {now} {absent}"
            );
        }
    }

    #[test]
    fn only_a_change_of_most_is_a_mass_change() {
        let settings = Settings::default();
        for (changed, previous, warns) in [(51, 100, true), (50, 100, false), (1, 0, false), (0, 100, false)] {
            let problem = judge_changes(&settings, changed, previous, &["a".to_owned()]);
            assert_eq!(problem.map(|problem| problem.code), warns.then_some("set.mass_change"), "{changed} {previous}");
        }
    }
}
