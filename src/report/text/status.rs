//! The state of each job.

use jiff::Timestamp;

use super::super::cycle::state_name;
use super::super::plain;
use super::super::status::{code_name, reason_name, schedule_name};
use super::super::time::short;
use super::columns::push_padded;
use super::{Style, Tone, painted};
use crate::model::{JobCode, JobStatus, Pace, RunSummary};

/// Returns one paragraph for each job.
pub fn status_text(jobs: &[JobStatus], style: Style) -> String {
    let mut text = String::new();
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        push_job(&mut text, job, style);
    }
    text
}

/// How fast the target is asked.
pub(super) fn pace_text(pace: Pace) -> String {
    let rate = pace.rate.map_or("any number".to_owned(), |rate| format!("at most {rate:.1}"));
    format!("{} in flight, {rate} a second", pace.concurrency)
}

fn push_job(text: &mut String, job: &JobStatus, style: Style) {
    let tone = match job.code {
        JobCode::Active => Tone::Good,
        JobCode::Quarantine => Tone::Bad,
        JobCode::Paused => Tone::Odd,
        JobCode::NotConfigured | JobCode::NotRun => Tone::Quiet,
    };
    text.push_str(&format!("{}: {}\n", plain(&job.name), painted(code_name(job.code), tone, style)));
    let mut field = |name: &str, value: String| {
        text.push_str("  ");
        push_padded(text, name, 15);
        text.push_str(&plain(&value));
        text.push('\n');
    };
    field("schedule", format!("{}, every {}", schedule_name(job.schedule), job.interval));
    field("next cycle", time(job.next_cycle));
    if let Some(since) = job.running_since {
        field("running since", short(since));
    }
    if let Some((done, total, observed)) = job.progress {
        field("progress", format!("{done} of {total} objects at {}", short(observed)));
    }
    if let Some(pace) = job.pace {
        field("pace", pace_text(pace));
    }
    field("last cycle", job.last_execution.as_ref().map_or_else(|| "never".to_owned(), run));
    if let Some(error) = job.last_execution.as_ref().and_then(|run| run.error.as_ref()) {
        field("", format!("{}: {}", error.code, error.message));
        if !error.help.is_empty() {
            field("", format!("do: {}", error.help));
        }
    }
    field("last success", job.last_successful_execution.as_ref().map_or_else(|| "never".to_owned(), run));
    field("provisioned", format!("{} users, {} groups", job.users, job.groups));
    if let Some(quarantine) = &job.quarantine {
        field(
            "quarantine",
            format!(
                "{} since {}, confirmed {} times, next attempt {}",
                reason_name(quarantine.reason),
                short(quarantine.series_began),
                quarantine.series_count,
                time(quarantine.next_attempt)
            ),
        );
        if let Some(error) = &quarantine.error {
            field("", format!("{}: {}", error.code, error.message));
            if !error.help.is_empty() {
                field("", format!("do: {}", error.help));
            }
        }
    }
    if job.escrows > 0 {
        field("escrows", format!("{}; see `provisiond escrows list`", job.escrows));
    }
    if job.abandoned > 0 {
        let rest = "failed for 28 days and are not tried any more; see `provisiond escrows list`";
        field("abandoned", format!("{} {rest}", job.abandoned));
    }
    if let Some(staged) = &job.staged {
        field(
            "staged",
            format!("{} deprovisionings since {}; see `provisiond deletions list`", staged.count, short(staged.began)),
        );
    }
    if let Some(degraded) = &job.degraded {
        field("degraded", degraded.clone());
    }
    for warning in &job.warnings {
        field("warning", warning.clone());
    }
}

fn run(run: &RunSummary) -> String {
    format!(
        "{} at {}, {} of {} exported, {} escrowed",
        state_name(run.state),
        short(run.time_ended),
        run.count_exported,
        run.count_exports,
        run.count_escrowed
    )
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "none".to_owned(), short)
}

#[cfg(test)]
mod tests {
    use super::super::super::status::tests::{fresh, troubled};
    use super::*;

    #[test]
    fn each_job_is_a_paragraph() {
        assert_eq!(
            status_text(&[fresh(), troubled()], Style::default()),
            "\
kintone: NotConfigured
  schedule       Disabled, every PT40M
  next cycle     none
  last cycle     never
  last success   never
  provisioned    0 users, 0 groups

kintone: Quarantine
  schedule       Active, every PT40M
  next cycle     2026-11-21T09:00:00Z
  running since  2026-11-21T03:00:00Z
  progress       149 of 250 objects at 2026-11-21T03:00:01Z
  pace           8 in flight, at most 12.5 a second
  last cycle     Failed at 2026-11-20T03:00:09Z, 0 of 3 exported, 1 escrowed
                 Unauthorized: the target answered 401
                 do: renew the token
  last success   never
  provisioned    240 users, 0 groups
  quarantine     EncounteredQuarantineException since 2026-11-20T03:00:09Z, confirmed 2 times, next attempt 2026-11-21T09:00:00Z
                 Unauthorized: the target answered 401
                 do: renew the token
  escrows        1; see `provisiond escrows list`
  abandoned      2 failed for 28 days and are not tried any more; see `provisiond escrows list`
  staged         612 deprovisionings since 2026-11-20T03:00:00Z; see `provisiond deletions list`
  degraded       6 of 12 objects failed
  warning        the token of `kintone` ends in 7 days
"
        );
    }
}
