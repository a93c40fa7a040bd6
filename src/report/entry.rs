//! The provisioning log as `provisioningObjectSummary` (service.md 20.1 to 20.3).

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::time::{short, time};
use crate::model::{
    Class, Details, Entry, Identity, Initiator, LoggedStatus, ModifiedProperty, ObjectKind, Retry, Step, StepKind,
};

/// What a record says about its job, beside what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobContext {
    pub job_id: String,
    /// Stands where the service has the tenant.
    pub instance_id: String,
    pub application: String,
    pub application_url: String,
    /// The source by its folder or preset.
    pub source: String,
}

/// Returns one record of the log as a value; see [`EntryRecord`].
pub fn entry_json(entry: &Entry, job: &JobContext) -> Value {
    // Names are texts and every part has a form in JSON.
    JobParts::new(job).and_then(|parts| serde_json::to_value(EntryRecord::new(entry, job, &parts))).unwrap_or_default()
}

/// What all records of a job say alike, as it is printed: a quarter of each.
#[derive(Debug)]
pub struct JobParts {
    service_principal: Box<RawValue>,
    source_system: Box<RawValue>,
    target_system: Box<RawValue>,
}

impl JobParts {
    pub fn new(job: &JobContext) -> serde_json::Result<Self> {
        let service_principal = Named { id: &job.job_id, display_name: &job.application };
        let source_system = SystemRecord { id: &job.instance_id, display_name: &job.source, details: &NOTHING };
        let target_system = SystemRecord {
            id: &job.job_id,
            display_name: &job.application,
            details: TargetDetails {
                application_id: &job.job_id,
                service_principal_id: &job.job_id,
                service_principal_display_name: &job.application,
                endpoint: &job.application_url,
            },
        };
        Ok(Self {
            service_principal: to_raw_value(&service_principal)?,
            source_system: to_raw_value(&source_system)?,
            target_system: to_raw_value(&target_system)?,
        })
    }
}

/// One record of the log as it is printed; every field is always present. Written without a tree of values in between, as a
/// cycle prints one for each object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryRecord<'a> {
    id: &'a str,
    activity_date_time: String,
    tenant_id: &'a str,
    job_id: &'a str,
    cycle_id: &'a str,
    change_id: &'a str,
    provisioning_action: &'static str,
    duration_in_milliseconds: u64,
    initiated_by: InitiatorRecord<'a>,
    service_principal: &'a RawValue,
    source_system: &'a RawValue,
    target_system: &'a RawValue,
    source_identity: IdentityRecord<'a>,
    target_identity: IdentityRecord<'a>,
    provisioning_status_info: StatusRecord<'a>,
    provisioning_steps: Vec<StepRecord<'a>>,
    modified_properties: Vec<PropertyRecord<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InitiatorRecord<'a> {
    id: &'a str,
    display_name: &'a str,
    initiator_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    id: &'a str,
    display_name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SystemRecord<'a, D> {
    id: &'a str,
    display_name: &'a str,
    details: D,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetDetails<'a> {
    application_id: &'a str,
    service_principal_id: &'a str,
    service_principal_display_name: &'a str,
    endpoint: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityRecord<'a> {
    id: &'a str,
    display_name: &'a str,
    identity_type: &'static str,
    details: &'a Details,
}

/// What is told of what is not there: an object without values.
static NOTHING: Details = Details::new();

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusRecord<'a> {
    status: &'static str,
    error_information: Option<ErrorInformation<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepRecord<'a> {
    name: &'a str,
    provisioning_step_type: &'static str,
    status: &'static str,
    description: &'a str,
    details: &'a Details,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyRecord<'a> {
    display_name: &'a str,
    old_value: Option<&'a str>,
    new_value: Option<&'a str>,
}

impl<'a> EntryRecord<'a> {
    pub fn new(entry: &'a Entry, job: &'a JobContext, parts: &'a JobParts) -> Self {
        let step = |step: &'a Step| StepRecord {
            name: &step.name,
            provisioning_step_type: step_type(step.kind),
            status: status_name(step.status),
            description: &step.description,
            details: &step.details,
        };
        let property = |property: &'a ModifiedProperty| PropertyRecord {
            display_name: &property.name,
            old_value: property.old.as_deref(),
            new_value: property.new.as_deref(),
        };
        Self {
            id: &entry.id,
            activity_date_time: time(entry.at),
            tenant_id: &job.instance_id,
            job_id: &job.job_id,
            cycle_id: &entry.cycle_id,
            change_id: &entry.change_id,
            provisioning_action: entry.action.as_str(),
            duration_in_milliseconds: entry.duration_ms,
            initiated_by: initiator(&entry.initiator),
            service_principal: &parts.service_principal,
            source_system: &parts.source_system,
            target_system: &parts.target_system,
            source_identity: identity(Some(&entry.source), entry.kind),
            target_identity: identity(entry.target.as_ref(), entry.kind),
            provisioning_status_info: StatusRecord {
                status: status_name(entry.status),
                error_information: ErrorInformation::of(entry),
            },
            provisioning_steps: entry.steps.iter().map(step).collect(),
            modified_properties: entry.modified.iter().map(property).collect(),
        }
    }
}

/// The status as Graph spells it, which has no name for what was not looked at.
pub(super) fn status_name(status: LoggedStatus) -> &'static str {
    match status {
        LoggedStatus::Success => "success",
        LoggedStatus::Failure => "failure",
        LoggedStatus::Skipped | LoggedStatus::NotEvaluated => "skipped",
        LoggedStatus::Warning => "warning",
    }
}

pub(super) fn step_type(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Import => "import",
        StepKind::Scoping => "scoping",
        StepKind::Matching => "matching",
        StepKind::Processing => "processing",
        StepKind::ReferenceResolution => "referenceResolution",
        StepKind::Export => "export",
    }
}

pub(super) fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
    }
}

/// Says how often a failed object was tried again and when it will be (service.md 16.2).
pub(super) fn retry_sentence(retry: &Retry) -> String {
    let times = match retry.attempts {
        0 => "this operation was not retried yet".to_owned(),
        1 => "this operation was retried once".to_owned(),
        many => format!("this operation was retried {many} times"),
    };
    match retry.next {
        Some(next) => format!("{times}; it will be retried again after {}", short(next)),
        None => format!("{times}; it will not be retried by itself"),
    }
}

/// Why an object ended as it did, in one sentence, where there is no failure: what the last step says.
pub(super) fn outcome_sentence(entry: &Entry) -> Option<&str> {
    entry.steps.last().map(|step| step.description.as_str()).filter(|text| !text.is_empty())
}

fn initiator(initiator: &Initiator) -> InitiatorRecord<'_> {
    match initiator {
        Initiator::System => InitiatorRecord { id: "", display_name: "provisiond", initiator_type: "system" },
        Initiator::Operator(name) => InitiatorRecord { id: name, display_name: name, initiator_type: "user" },
    }
}

/// The published samples print an object without values where there is no identity.
fn identity(identity: Option<&Identity>, kind: ObjectKind) -> IdentityRecord<'_> {
    match identity {
        Some(identity) => IdentityRecord {
            id: &identity.id,
            display_name: &identity.display_name,
            identity_type: kind_name(kind),
            details: &identity.details,
        },
        None => IdentityRecord { id: "", display_name: "", identity_type: "", details: &NOTHING },
    }
}

/// Why an object did not end in success, or what was noticed although it did (service.md 20.2).
#[derive(Debug, Serialize)]
pub(super) struct ErrorInformation<'a> {
    #[serde(rename = "errorCode")]
    pub code: &'a str,
    pub reason: Option<&'a str>,
    #[serde(rename = "additionalDetails")]
    pub additional: Option<String>,
    #[serde(rename = "errorCategory")]
    pub category: &'static str,
    #[serde(rename = "recommendedAction")]
    pub remedy: Option<&'a str>,
}

impl<'a> ErrorInformation<'a> {
    pub fn of(entry: &'a Entry) -> Option<Self> {
        let retries = entry.retry.as_ref().map(retry_sentence);
        let additional: Vec<String> = retries.into_iter().chain(entry.warnings.iter().cloned()).collect();
        let additional = (!additional.is_empty()).then(|| additional.join("; "));
        if let Some(failure) = &entry.failure {
            return Some(Self {
                code: failure.code.as_str(),
                reason: Some(&failure.message),
                additional,
                category: category(failure.class),
                remedy: Some(&failure.remedy),
            });
        }
        let category = match entry.status {
            LoggedStatus::Success if additional.is_none() => return None,
            LoggedStatus::Failure => "failure",
            LoggedStatus::Success | LoggedStatus::Skipped | LoggedStatus::Warning | LoggedStatus::NotEvaluated => {
                "success"
            }
        };
        let code = match entry.status {
            // Read, and nothing more came of it.
            LoggedStatus::NotEvaluated => "EntrySynchronizationSkipped",
            LoggedStatus::Success | LoggedStatus::Failure | LoggedStatus::Skipped | LoggedStatus::Warning => {
                &entry.reason
            }
        };
        Some(Self { code, reason: outcome_sentence(entry), additional, category, remedy: None })
    }
}

/// Whether the operator or the application has to mend a failure, or it passes (service.md 16.1, 20.2).
fn category(class: Class) -> &'static str {
    match class {
        Class::Transient => "failure",
        Class::Permanent | Class::Critical | Class::Special => "nonServiceFailure",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{ErrorCode, Failure, LoggedAction};

    pub fn job() -> JobContext {
        JobContext {
            job_id: "job-1".into(),
            instance_id: "instance-1".into(),
            application: "kintone".into(),
            application_url: "https://sample.kintone.com/scim/v2/".into(),
            source: "entra-csv".into(),
        }
    }

    fn object(value: Value) -> Details {
        serde_json::from_value(value).expect("an object")
    }

    /// A creation that the target refused.
    pub fn refused() -> Entry {
        let step = |kind, name: &'static str, status, description: &'static str, details| Step {
            kind,
            name: name.into(),
            status,
            description: description.into(),
            details: object(details),
        };
        Entry {
            id: "record-1".into(),
            change_id: "change-1".into(),
            cycle_id: "cycle-1".into(),
            at: "2026-11-21T03:00:00Z".parse().expect("a time"),
            duration_ms: 125,
            kind: ObjectKind::User,
            action: LoggedAction::Create,
            status: LoggedStatus::Failure,
            reason: "EntryConflict".into(),
            failure: Some(
                Failure::new(ErrorCode::EntryConflict, "409 uniqueness: userName `taro` is taken")
                    .with_remedy("change the login name on one side"),
            ),
            retry: Some(Retry { attempts: 2, next: Some("2026-11-21T09:00:00Z".parse().expect("a time")) }),
            source: Identity {
                id: "a-1".into(),
                display_name: "佐藤 太郎".into(),
                details: object(json!({"userPrincipalName": "taro@example.jp", "file": "users.csv", "line": 7})),
            },
            target: None,
            initiator: Initiator::Operator("root".into()),
            steps: vec![
                step(
                    StepKind::Import,
                    "EntryImportAdd",
                    LoggedStatus::Success,
                    "read from `users.csv` line 7",
                    json!({"userPrincipalName": "taro@example.jp", "department": "Sales"}),
                ),
                step(
                    StepKind::Scoping,
                    "EntrySynchronizationScoping",
                    LoggedStatus::Success,
                    "in scope",
                    json!({
                        "IsActive": "True",
                        "ScopeEvaluationResult": r#"{"department EQUALS Sales":true}"#,
                        "clauses": [
                            {"attribute": "department", "operator": "EQUALS", "value": "Sales", "tested": "Sales", "result": true},
                        ],
                    }),
                ),
                step(
                    StepKind::Matching,
                    "EntryMatching",
                    LoggedStatus::Success,
                    "nobody in the target has this login name",
                    json!({"userName": "taro"}),
                ),
                step(
                    StepKind::Export,
                    "EntryExportAdd",
                    LoggedStatus::Failure,
                    "the target refused the creation",
                    json!({}),
                ),
            ],
            modified: vec![
                ModifiedProperty { name: "userName".into(), old: None, new: Some("taro".into()) },
                ModifiedProperty {
                    name: "displayName".into(),
                    old: Some("Taro".into()),
                    new: Some("佐藤 太郎".into()),
                },
                ModifiedProperty { name: "title".into(), old: Some("[Redact]".into()), new: None },
            ],
            warnings: vec!["kintone-username-immutable: the login name stays as it is".into()],
            exchanges: vec![],
        }
    }

    /// An account that agrees already.
    pub fn redundant() -> Entry {
        let mut entry = refused();
        entry.action = LoggedAction::Other;
        entry.status = LoggedStatus::Skipped;
        entry.reason = "RedundantExport".into();
        entry.failure = None;
        entry.retry = None;
        entry.initiator = Initiator::System;
        entry.target = Some(Identity { id: "t-9".into(), display_name: "Taro".into(), details: Details::new() });
        entry.steps.pop();
        entry.steps.push(Step {
            kind: StepKind::Processing,
            name: "EntrySynchronizationSkip".into(),
            status: LoggedStatus::Skipped,
            description: "source and target already agree".into(),
            details: object(json!({"SkipReason": "RedundantExport"})),
        });
        entry.modified.clear();
        entry.warnings.clear();
        entry
    }

    #[test]
    fn a_failure_has_every_published_field() {
        let summary = entry_json(&refused(), &job());
        let names: Vec<&str> = summary.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "id",
                "activityDateTime",
                "tenantId",
                "jobId",
                "cycleId",
                "changeId",
                "provisioningAction",
                "durationInMilliseconds",
                "initiatedBy",
                "servicePrincipal",
                "sourceSystem",
                "targetSystem",
                "sourceIdentity",
                "targetIdentity",
                "provisioningStatusInfo",
                "provisioningSteps",
                "modifiedProperties"
            ]
        );
        assert_eq!(summary["activityDateTime"], "2026-11-21T03:00:00Z");
        assert_eq!(summary["initiatedBy"], json!({"id": "root", "displayName": "root", "initiatorType": "user"}));
        assert_eq!(summary["targetIdentity"], json!({"id": "", "displayName": "", "identityType": "", "details": {}}));
        assert_eq!(
            summary["provisioningStatusInfo"],
            json!({
                "status": "failure",
                "errorInformation": {
                    "errorCode": "EntryConflict",
                    "reason": "409 uniqueness: userName `taro` is taken",
                    "additionalDetails": "this operation was retried 2 times; it will be retried again after \
                        2026-11-21T09:00:00Z; kintone-username-immutable: the login name stays as it is",
                    "errorCategory": "nonServiceFailure",
                    "recommendedAction": "change the login name on one side",
                },
            })
        );
        assert_eq!(
            summary["modifiedProperties"][0],
            json!({"displayName": "userName", "oldValue": null, "newValue": "taro"})
        );
        assert_eq!(summary["provisioningSteps"][3]["provisioningStepType"], "export");
        assert_eq!(summary["provisioningSteps"][3]["status"], "failure");
    }

    #[test]
    fn a_skip_names_its_reason_and_a_success_has_no_error() {
        let mut entry = redundant();
        let summary = entry_json(&entry, &job());
        assert_eq!(
            summary["provisioningStatusInfo"]["errorInformation"],
            json!({
                "errorCode": "RedundantExport",
                "reason": "source and target already agree",
                "additionalDetails": null,
                "errorCategory": "success",
                "recommendedAction": null,
            })
        );
        assert_eq!(summary["provisioningSteps"][3]["details"]["SkipReason"], "RedundantExport");
        assert_eq!(summary["targetIdentity"]["identityType"], "User");
        entry.status = LoggedStatus::Success;
        assert_eq!(
            entry_json(&entry, &job())["provisioningStatusInfo"],
            json!({"status": "success", "errorInformation": null})
        );
    }

    #[test]
    fn retries_read_as_sentences() {
        let next = Some("2026-01-02T00:00:00Z".parse().expect("a time"));
        let cases = [
            (
                Retry { attempts: 0, next },
                "this operation was not retried yet; it will be retried again after 2026-01-02T00:00:00Z",
            ),
            (
                Retry { attempts: 1, next },
                "this operation was retried once; it will be retried again after 2026-01-02T00:00:00Z",
            ),
            (
                Retry { attempts: 31, next: None },
                "this operation was retried 31 times; it will not be retried by itself",
            ),
        ];
        for (retry, expected) in cases {
            assert_eq!(retry_sentence(&retry), expected);
        }
    }
}
