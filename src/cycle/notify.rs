//! Who is told by mail that a job needs somebody (service.md 17.4, 18).

use super::service::Service;
use crate::config::Job;
use crate::mail::{self, Letter, Occasion, Server};
use crate::model::{Quarantine, QuarantineReason, StagedBatch};
use crate::telemetry::events::MailNotSent;

/// The health of a job, as far as mails are about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Healthy {
    pub quarantine: Option<Quarantine>,
    /// Withheld because they are too many.
    pub staged: Option<StagedBatch>,
}

impl Healthy {
    /// What there is to tell of the change from `self` to `after`, if anything.
    fn occasion<'a>(&self, after: &'a Self) -> Option<Occasion<'a>> {
        let reason = |health: &Self| health.quarantine.as_ref().map(|quarantine| quarantine.reason);
        let batch = |health: &Self| health.staged.as_ref().map(|staged| staged.batch.clone());
        if let Some(quarantine) = after.quarantine.as_ref().filter(|now| reason(self) != Some(now.reason)) {
            return Some(Occasion::Quarantine(quarantine));
        }
        // In a quarantine for another reason nothing else tells of a new batch.
        let told = reason(after) == Some(QuarantineReason::TooManyDeletes) && batch(self).is_none();
        after.staged.as_ref().filter(|_| batch(after) != batch(self) && !told).map(Occasion::Staged)
    }
}

impl Service {
    /// Sends the mail that a change of health calls for; returns why it was not sent, where it should have been.
    pub(super) async fn notify(&self, job: &Job, before: &Healthy, after: &Healthy) -> Option<String> {
        let settings = &job.notifications;
        let smtp = settings.smtp.as_ref().filter(|_| settings.enabled && !settings.recipients.is_empty())?;
        let letter = Letter::about(&job.name, before.occasion(after)?, after.staged.as_ref());
        let password = smtp.password.as_ref().map(|secret| secret.resolve(self.environment())).transpose();
        let sent = match password {
            Err(error) => Err(error.to_string()),
            Ok(password) => {
                let server = Server {
                    host: smtp.host.clone(),
                    port: smtp.port,
                    credentials: smtp.user.clone().zip(password),
                    from: smtp.from.clone(),
                };
                let sent = mail::send(&server, &settings.recipients, &letter, self.now().into()).await;
                sent.map_err(|error| error.to_string())
            }
        };
        let why = sent.err()?;
        MailNotSent { job: &job.name, why: &why }.emit();
        Some(format!("notifications: no mail was sent: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn one_mail_for_each_entry_and_each_new_reason() {
        use QuarantineReason::{EncounteredQuarantineException as Broken, TooManyDeletes};
        let health = |reason: Option<QuarantineReason>, batch: Option<&str>| Healthy {
            quarantine: reason.map(|reason| Quarantine {
                reason,
                series_began: Timestamp::UNIX_EPOCH,
                current_began: Timestamp::UNIX_EPOCH,
                series_count: 1,
                next_attempt: None,
                error: None,
            }),
            staged: batch.map(|batch| StagedBatch { batch: batch.to_owned(), began: Timestamp::UNIX_EPOCH, count: 3 }),
        };
        let cases = [
            (health(None, None), health(None, None), None),
            (health(None, None), health(Some(Broken), None), Some("quarantine")),
            (health(Some(Broken), None), health(Some(Broken), None), None),
            (health(Some(Broken), None), health(None, None), None),
            (health(Some(Broken), None), health(Some(TooManyDeletes), Some("b")), Some("quarantine")),
            (health(None, None), health(Some(TooManyDeletes), Some("b")), Some("quarantine")),
            (health(Some(TooManyDeletes), Some("b")), health(Some(TooManyDeletes), Some("b")), None),
            (health(Some(TooManyDeletes), Some("b")), health(Some(TooManyDeletes), Some("c")), Some("staged")),
            (health(Some(Broken), None), health(Some(Broken), Some("b")), Some("staged")),
        ];
        for (number, (before, after, expected)) in cases.iter().enumerate() {
            let told = before.occasion(after).map(|occasion| match occasion {
                Occasion::Quarantine(_) => "quarantine",
                Occasion::Staged(_) => "staged",
            });
            assert_eq!(told, *expected, "case {number}");
        }
    }
}
