//! The state of each job as Prometheus reads it (contract.md 3.1, `listen`).

use std::fmt::Write as _;

use jiff::Timestamp;

use super::status::code_name;
use crate::model::{JobCode, JobStatus};

/// Every code, so that a graph shows the one that holds as 1 and the others as 0.
const CODES: [JobCode; 5] =
    [JobCode::NotConfigured, JobCode::NotRun, JobCode::Active, JobCode::Paused, JobCode::Quarantine];

/// What is measured of a job; `None` where there is nothing to tell yet.
type Gauge = (&'static str, &'static str, fn(&JobStatus) -> Option<f64>);

const GAUGES: [Gauge; 14] = [
    ("users", "Provisioned users.", |job| Some(count(job.users))),
    ("groups", "Provisioned groups.", |job| Some(count(job.groups))),
    ("escrows", "Objects set aside after a failure.", |job| Some(count(job.escrows))),
    ("abandoned_escrows", "Objects that failed for 28 days and are not tried any more.", |job| {
        Some(count(job.abandoned))
    }),
    ("staged_deletions", "Deprovisionings that await approval.", |job| {
        Some(job.staged.as_ref().map_or(0.0, |staged| count(staged.count)))
    }),
    ("degraded", "1 where more than the share of a small job fails.", |job| Some(flag(job.degraded.is_some()))),
    ("complete_failures", "Cycles in a row that failed as a whole.", |job| {
        Some(count(job.count_successive_complete_failures))
    }),
    ("cycle_running", "1 while a cycle is under way.", |job| Some(flag(job.running_since.is_some()))),
    ("cycle_objects_done", "Objects that the running cycle has handled.", |job| {
        job.progress.map(|(done, ..)| count(done))
    }),
    ("cycle_objects_total", "Objects that the running cycle handles.", |job| {
        job.progress.map(|(_, total, _)| count(total))
    }),
    ("last_cycle_end_seconds", "When the last cycle ended, in Unix time.", |job| {
        job.last_execution.as_ref().map(|run| seconds(run.time_ended))
    }),
    ("last_success_end_seconds", "When the last cycle without any error ended, in Unix time.", |job| {
        job.last_successful_execution.as_ref().map(|run| seconds(run.time_ended))
    }),
    ("last_cycle_exported", "Objects that the last cycle wrote.", |job| {
        job.last_execution.as_ref().map(|run| count(run.count_exported))
    }),
    ("next_cycle_seconds", "When the next cycle is due, in Unix time.", |job| job.next_cycle.map(seconds)),
];

/// Returns the exposition text of all jobs.
pub fn metrics_text(jobs: &[JobStatus]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, "job_code", "1 for the state that the job is in.");
    for job in jobs {
        for code in CODES {
            let value = flag(job.code == code);
            let _ = writeln!(
                text,
                "provisiond_job_code{{job=\"{}\",code=\"{}\"}} {value}",
                label(&job.name),
                code_name(code)
            );
        }
    }
    for (name, help, measure) in GAUGES {
        let measured = jobs.iter().filter_map(|job| Some((&job.name, measure(job)?)));
        let lines: String =
            measured.map(|(job, value)| format!("provisiond_{name}{{job=\"{}\"}} {value}\n", label(job))).collect();
        if !lines.is_empty() {
            let _ = head(&mut text, name, help);
            text.push_str(&lines);
        }
    }
    text
}

fn head(text: &mut String, name: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP provisiond_{name} {help}\n# TYPE provisiond_{name} gauge")
}

fn label(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Counts of people: exact in f64 far beyond any directory.
fn count(number: u64) -> f64 {
    number as f64
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::{fresh, troubled};
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_number_with_its_job() {
        let mut odd = fresh();
        odd.name = "a \"job\"".into();
        let text = metrics_text(&[troubled(), odd]);
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (series, value) = line.rsplit_once(' ').expect(line);
            assert!(series.starts_with("provisiond_") && series.ends_with('}'), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
        for expected in [
            "provisiond_job_code{job=\"kintone\",code=\"Quarantine\"} 1\n",
            "provisiond_job_code{job=\"kintone\",code=\"Active\"} 0\n",
            "provisiond_job_code{job=\"a \\\"job\\\"\",code=\"NotConfigured\"} 1\n",
            "# TYPE provisiond_escrows gauge\nprovisiond_escrows{job=\"kintone\"} 1\n",
            "provisiond_staged_deletions{job=\"kintone\"} 612\n",
            "provisiond_cycle_objects_done{job=\"kintone\"} 149\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert_eq!(text.matches("provisiond_next_cycle_seconds{").count(), 1, "nothing is due in a fresh job");
    }
}
