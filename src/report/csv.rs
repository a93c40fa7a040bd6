//! The log as three CSV files that the change id joins (service.md 20.6).

use std::borrow::Cow;
use std::io::{self, Write};

use super::entry::{ErrorInformation, JobContext, kind_name, status_name, step_type};
use super::time::time;
use crate::model::{Entry, Initiator};

/// Names of the three files: records, steps, modified properties.
pub const CSV_FILES: [&str; 3] =
    ["ProvisioningLogs.csv", "ProvisioningLogs_ProvisioningSteps.csv", "ProvisioningLogs_ModifiedProperties.csv"];

const RECORD_COLUMNS: [&str; 20] = [
    "id",
    "changeId",
    "cycleId",
    "jobId",
    "activityDateTime",
    "provisioningAction",
    "status",
    "errorCode",
    "reason",
    "additionalDetails",
    "recommendedAction",
    "durationInMilliseconds",
    "initiatedBy",
    "identityType",
    "sourceIdentityId",
    "sourceIdentityDisplayName",
    "targetIdentityId",
    "targetIdentityDisplayName",
    "sourceSystem",
    "targetSystem",
];
const STEP_COLUMNS: [&str; 7] = ["id", "changeId", "name", "provisioningStepType", "status", "description", "details"];
const PROPERTY_COLUMNS: [&str; 5] = ["id", "changeId", "displayName", "oldValue", "newValue"];

/// Writes entries as they come; nothing is kept.
pub struct CsvExport<W: Write> {
    records: csv::Writer<W>,
    steps: csv::Writer<W>,
    properties: csv::Writer<W>,
}

impl<W: Write> CsvExport<W> {
    /// Writes the headings; the writers are in the order of [`CSV_FILES`].
    pub fn new([records, steps, properties]: [W; 3]) -> io::Result<Self> {
        let mut export = Self {
            records: csv::Writer::from_writer(records),
            steps: csv::Writer::from_writer(steps),
            properties: csv::Writer::from_writer(properties),
        };
        export.records.write_record(RECORD_COLUMNS)?;
        export.steps.write_record(STEP_COLUMNS)?;
        export.properties.write_record(PROPERTY_COLUMNS)?;
        Ok(export)
    }

    pub fn write(&mut self, entry: &Entry, job: &JobContext) -> io::Result<()> {
        let error = ErrorInformation::of(entry);
        let error = error.as_ref();
        let target = entry.target.as_ref();
        row(
            &mut self.records,
            [
                entry.id.as_str(),
                &entry.change_id,
                &entry.cycle_id,
                &job.job_id,
                &time(entry.at),
                entry.action.as_str(),
                status_name(entry.status),
                error.map_or("", |error| error.code),
                error.and_then(|error| error.reason).unwrap_or_default(),
                error.and_then(|error| error.additional.as_deref()).unwrap_or_default(),
                error.and_then(|error| error.remedy).unwrap_or_default(),
                &entry.duration_ms.to_string(),
                match &entry.initiator {
                    Initiator::System => "provisiond",
                    Initiator::Operator(name) => name.as_str(),
                },
                kind_name(entry.kind),
                &entry.source.id,
                &entry.source.display_name,
                target.map_or("", |target| target.id.as_str()),
                target.map_or("", |target| target.display_name.as_str()),
                &job.source,
                &job.application,
            ],
        )?;
        for step in &entry.steps {
            let details = serde_json::to_string(&step.details)?;
            row(
                &mut self.steps,
                [
                    &entry.id,
                    &entry.change_id,
                    step.name.as_str(),
                    step_type(step.kind),
                    status_name(step.status),
                    &step.description,
                    &details,
                ],
            )?;
        }
        for property in &entry.modified {
            let (old, new) = (property.old.as_deref(), property.new.as_deref());
            row(
                &mut self.properties,
                [entry.id.as_str(), &entry.change_id, &property.name, old.unwrap_or_default(), new.unwrap_or_default()],
            )?;
        }
        Ok(())
    }

    /// Writes what is still buffered.
    pub fn finish(mut self) -> io::Result<()> {
        self.records.flush()?;
        self.steps.flush()?;
        self.properties.flush()
    }
}

fn row<'a, W: Write>(writer: &mut csv::Writer<W>, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    for cell in cells {
        writer.write_field(harmless(cell).as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}

/// Keeps a spreadsheet from taking a value for a formula.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::{job, redundant, refused};
    use super::*;

    #[test]
    fn three_files_share_the_change_id() {
        let mut failed = refused();
        failed.source.display_name = "=HYPERLINK(\"x\")".into();
        failed.modified[0].new = Some("+81 3".into());
        let mut files = [Vec::new(), Vec::new(), Vec::new()];
        let [records, steps, properties] = &mut files;
        let mut export = CsvExport::new([records, steps, properties]).expect("memory takes everything");
        for entry in [&failed, &redundant()] {
            export.write(entry, &job()).expect("memory takes everything");
        }
        export.finish().expect("memory takes everything");
        let [records, steps, properties] = files.map(|file| String::from_utf8(file).expect("UTF-8"));
        let records: Vec<&str> = records.lines().collect();
        assert_eq!(records.len(), 3);
        assert_eq!(
            records[1],
            "record-1,change-1,cycle-1,job-1,2026-11-21T03:00:00Z,create,failure,EntryConflict,\
             409 uniqueness: userName `taro` is taken,this operation was retried 2 times; it will be retried again \
             after 2026-11-21T09:00:00Z; kintone-username-immutable: the login name stays as it is,\
             change the login name on one side,125,root,User,a-1,\"'=HYPERLINK(\"\"x\"\")\",,,entra-csv,kintone"
        );
        assert!(
            records[2]
                .starts_with("record-1,change-1,cycle-1,job-1,2026-11-21T03:00:00Z,other,skipped,RedundantExport,")
        );
        assert_eq!(steps.lines().count(), 1 + 4 + 4);
        assert_eq!(
            properties,
            "id,changeId,displayName,oldValue,newValue\nrecord-1,change-1,userName,,'+81 3\n\
             record-1,change-1,displayName,Taro,佐藤 太郎\nrecord-1,change-1,title,[Redact],\n"
        );
    }
}
