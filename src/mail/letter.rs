//! What a mail says: the job, what happened, what to do; nobody's name.

use crate::model::{Quarantine, QuarantineReason, StagedBatch};

/// Why a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion<'a> {
    /// The job went into quarantine, or the reason of its quarantine changed.
    Quarantine(&'a Quarantine),
    /// More deprovisionings than the threshold allows await approval.
    Staged(&'a StagedBatch),
}

/// A mail before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub text: String,
}

impl Letter {
    /// Writes the mail about `job`; `staged` is its open batch of withheld deprovisionings.
    pub fn about(job: &str, occasion: Occasion<'_>, staged: Option<&StagedBatch>) -> Self {
        let mut lines = Vec::new();
        let subject = match occasion {
            Occasion::Quarantine(quarantine) => {
                lines.push(format!("The job {job} is in quarantine: {:?}.", quarantine.reason));
                lines.push(meaning(quarantine.reason).to_owned());
                if let Some(error) = &quarantine.error {
                    lines.push(format!("What was said: {}: {}", error.code, error.message));
                    lines.push(format!("What to do: {}", error.help));
                }
                if let Some(next) = quarantine.next_attempt {
                    lines.push(format!("The next attempt is at {next}; `provisiond start` tries at once."));
                }
                format!("provisiond: {job} is in quarantine ({:?})", quarantine.reason)
            }
            Occasion::Staged(_) => format!("provisiond: deprovisionings of {job} await approval"),
        };
        if let Some(batch) = staged {
            lines.push(format!(
                "{} deprovisionings are withheld as batch {}: look at them with `provisiond deletions list`, then run \
                 `provisiond deletions approve {}`, or undo their cause and run `provisiond restart`.",
                batch.count, batch.batch, batch.batch
            ));
        }
        // A line end in a name must not begin a header.
        let subject = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { subject, text: lines.join("\n\n") + "\n" }
    }
}

fn meaning(reason: QuarantineReason) -> &'static str {
    match reason {
        QuarantineReason::EncounteredQuarantineException => {
            "The target cannot be reached, refuses the credentials or does not speak SCIM; nothing is provisioned."
        }
        QuarantineReason::EncounteredEscrowProportionThreshold
        | QuarantineReason::EncounteredBaseEscrowThreshold
        | QuarantineReason::EncounteredTotalEscrowThreshold => {
            "Too many objects fail: see `provisiond escrows list` for the reasons."
        }
        QuarantineReason::TooManyDeletes => {
            "More accounts would be disabled or deleted than the threshold allows; creations and changes go on."
        }
        QuarantineReason::QuarantinedOnDemand => "Somebody put it there by hand.",
        QuarantineReason::IngestionInterrupted => {
            "The export was missing, unreadable or refused three times in a row: see `provisiond source`."
        }
        QuarantineReason::Unknown => "The reason is not known.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunError;

    #[test]
    fn a_mail_says_what_happened_and_what_to_do() {
        let time = |text: &str| text.parse().expect("a time");
        let quarantine = Quarantine {
            reason: QuarantineReason::EncounteredQuarantineException,
            series_began: time("2026-11-21T03:00:00Z"),
            current_began: time("2026-11-21T03:00:00Z"),
            series_count: 1,
            next_attempt: Some(time("2026-11-21T09:00:00Z")),
            error: Some(RunError {
                code: "Timeout".into(),
                message: "no answer".into(),
                help: "see whether it runs".into(),
            }),
        };
        let letter = Letter::about("kin\r\ntone", Occasion::Quarantine(&quarantine), None);
        assert_eq!(letter.subject, "provisiond: kin  tone is in quarantine (EncounteredQuarantineException)");
        for words in ["Timeout: no answer", "see whether it runs", "2026-11-21T09:00:00Z"] {
            assert!(letter.text.contains(words), "{}", letter.text);
        }
        let batch = StagedBatch { batch: "b1".into(), began: time("2026-11-21T03:00:00Z"), count: 612 };
        let letter = Letter::about("kintone", Occasion::Staged(&batch), Some(&batch));
        assert_eq!(letter.subject, "provisiond: deprovisionings of kintone await approval");
        assert!(letter.text.contains("612 deprovisionings") && letter.text.contains("approve b1"), "{}", letter.text);
    }
}
