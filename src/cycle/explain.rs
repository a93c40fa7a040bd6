//! One person's story: what the source says, what each expression makes of it, what would be done, what was done.

use std::ops::ControlFlow;

use super::error::ServiceError;
use super::on_demand::{OnDemandAnswer, OnDemandOptions};
use super::record::{REDACTED, source_value, text_of};
use super::search::{Before, search};
use super::service::Service;
use crate::config::Job;
use crate::expr::{Class, Context, DateTime, SeededRandom};
use crate::model::{Entry, Explained, Flow, ObjectKind, SourceAnchor, SourceObject, Story};
use crate::store::LogQuery;
use tokio_util::sync::CancellationToken;

impl Service {
    /// Tells the story of the person called `id`: now, by reads alone, and as the log has it; of one cycle where named.
    pub async fn explain(
        &self,
        job: &Job,
        id: &str,
        cycle: Option<String>,
        stop: CancellationToken,
    ) -> Result<Story, ServiceError> {
        let names = [id.to_owned()];
        let options = OnDemandOptions { dry_run: true, force: true, ..OnDemandOptions::default() };
        let mut answers = self.provision_now(job, &names, options, stop).await?;
        let OnDemandAnswer { entry: now, error, .. } =
            answers.pop().unwrap_or_else(|| OnDemandAnswer { id: id.to_owned(), entry: None, error: None });
        let before = Before::new(self.store(), self.store().job(&job.name)?)?;
        // Whoever was found by an old name has another in the export.
        let name = now.as_ref().map_or_else(|| id.to_owned(), |entry| entry.source.id.clone());
        let mut found =
            tokio::task::block_in_place(|| search(job, std::slice::from_ref(&name), ObjectKind::User, &before))?;
        let object = found.meant.found.remove(&name);
        let expressions = object.as_ref().map(|object| self.expressions(job, object, now.as_ref())).unwrap_or_default();
        let mut log: Vec<Entry> = Vec::new();
        let mut keep = |entry: Entry| {
            if cycle.as_ref().is_none_or(|cycle| entry.cycle_id == *cycle) {
                log.push(entry);
            }
            ControlFlow::Continue(())
        };
        let key = self.store().job(&job.name)?;
        if now.is_some() {
            self.store().history(key, &SourceAnchor(name), &mut keep)?;
        } else {
            let query = LogQuery { user: Some(name), cycle: cycle.clone(), ..LogQuery::default() };
            self.store().log(key, &query, &mut keep)?;
        }
        let origin = object.as_ref().map(|object| object.origin.clone());
        Ok(Story { id: id.to_owned(), origin, expressions, now, error, log })
    }

    fn expressions(&self, job: &Job, object: &SourceObject, now: Option<&Entry>) -> Vec<Explained> {
        let rules = match object.kind {
            ObjectKind::User => Some(&job.mapping.users),
            ObjectKind::Group => job.mapping.groups.as_ref(),
        };
        let Some(rules) = rules else { return Vec::new() };
        let mapping = &rules.mapping;
        let entitled = now.is_none_or(|entry| {
            let said = entry.steps.iter().find_map(|step| step.details.get("IsEffectivelyEntitledForProvisioning"));
            said.is_none_or(|said| said.as_str() == Some("True"))
        });
        let random = SeededRandom::new([0; 32]);
        let never = |_: &str| -> Result<bool, String> { Err("the target is asked only on creation".to_owned()) };
        let context = Context { now: DateTime::from(self.now()), random: &random, uniqueness: &never };
        let hidden = mapping.redacted_sources();
        let explain = |(index, one): (usize, &crate::mapping::AttributeMapping)| {
            let inputs = mapping.reads(index).into_iter().map(|name| {
                let value = match name.as_str() {
                    crate::mapping::IS_SOFT_DELETED => Some((if entitled { "False" } else { "True" }).to_owned()),
                    _ if hidden.contains(&name) => Some(REDACTED.to_owned()),
                    _ => object.attribute(&name).map(|value| text_of(&source_value(value))),
                };
                (name, value)
            });
            let value = match one.class {
                Class::Target => Err("it is chosen with the target when the account is created".to_owned()),
                Class::Pure | Class::Clock | Class::Random => {
                    match mapping.evaluate_one(index, object, !entitled, &context) {
                        Some(Ok(Flow::Value(_))) if one.rule.redacted => Ok(Some(REDACTED.to_owned())),
                        Some(Ok(Flow::Value(value))) => Ok(Some(value.to_text())),
                        Some(Ok(Flow::Null | Flow::Ignore)) | None => Ok(None),
                        Some(Err(failure)) => Err(failure.message),
                    }
                }
            };
            Explained { target: one.rule.path.to_string(), text: one.text.clone(), inputs: inputs.collect(), value }
        };
        mapping.attributes().iter().enumerate().map(explain).collect()
    }
}
