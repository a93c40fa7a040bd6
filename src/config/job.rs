//! One job of the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::check::File;
use super::fixed_hours::FixedHours;
use super::item::Block;
use super::load::read_text;
use super::mapping_file::MappingFile;
use super::secret::Secret;
use super::target::{self, Target};
use crate::diagnostic::Diagnostic;
use crate::mapping::{GENERIC, KINTONE, Known};
use crate::model::OnMissingTarget;
use crate::source;
use crate::wire::Profile;

/// A flow from one source to one target.
#[derive(Debug)]
pub struct Job {
    /// Unique in its configuration; the state is kept under it.
    pub name: String,
    pub source: source::Settings,
    pub scope_mode: ScopeMode,
    /// Only these people; empty is everyone. Anchors or first matching values.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// How long a soft-deleted object is kept (service.md D-02).
    pub soft_delete_retention: Duration,
    /// Whether a settled export starts a cycle at once.
    pub watch: bool,
    pub mapping: Arc<MappingFile>,
    pub mapping_path: PathBuf,
    pub target: Target,
    pub schedule: Schedule,
    pub accidental_deletion: AccidentalDeletion,
    pub skip_out_of_scope_deletions: bool,
    pub on_missing_target: OnMissingTarget,
    /// Sets references as soon as the other object is there (service.md D-44).
    pub resolve_references_later: bool,
    pub quarantine: Quarantine,
    pub escrow: Escrow,
    pub logs: Logs,
    pub notifications: Notifications,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeMode {
    All,
    Assigned,
}

/// When cycles start.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    Every(Duration),
    /// `schedule.cron`.
    Fixed(FixedHours),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccidentalDeletion {
    pub enabled: bool,
    pub threshold: u64,
}

/// When a job counts as unhealthy (service.md 17).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quarantine {
    pub minimum_failures: u64,
    /// In percent.
    pub proportion: f64,
    pub base_threshold: u64,
    pub total_threshold: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escrow {
    pub first_retry: FirstRetry,
    pub strict_expiry: bool,
}

/// When an object that failed is first tried again (service.md D-43).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRetry {
    NextCycle,
    After(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    pub retention: Duration,
    pub verbose_skips: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifications {
    pub enabled: bool,
    pub recipients: Vec<String>,
    pub smtp: Option<Smtp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub from: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

impl Job {
    /// Gives a checked block its types; what a shape cannot say is checked here. `None` only beside an error.
    pub(super) fn read(
        file: &mut File<'_>,
        block: &Block,
        base: &Path,
        columns: &dyn Fn(&source::Settings) -> Known,
        more: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let source_block = block.block("source");
        let mut source = source_block.and_then(|source| super::source::settings(file, source, base));
        let target = block.block("target").and_then(|target| target::read(file, target, base));
        let schedule = block.block("schedule").and_then(|schedule| schedule_of(file, schedule));
        let notifications = block.block("notifications").and_then(|notes| notifications_of(file, notes, base));
        let kintone = block.block("target").and_then(|target| target.text("profile")) == Some("kintone");
        let mut known = source.as_ref().map(columns).unwrap_or_default();
        known.everybody = source_block.is_some_and(|source| source.text("scope") != Some("assigned"));
        for (name, form) in source.iter().flat_map(|source| &source.attributes) {
            known.others.insert(name.clone());
            known.others.extend(form.from.iter().cloned());
        }
        let mapping = mapping_of(file, block, base, kintone, known, more);
        let (mapping, mapping_path) = mapping?;
        let source_block = source_block?;
        let scope_mode = match source_block.text("scope") {
            Some("assigned") => ScopeMode::Assigned,
            _ => ScopeMode::All,
        };
        if let Some(source) = &mut source {
            let names = mapping.names();
            source.references = names.contains("manager") || names.contains("members");
            // state, assignment, logs and `provision-now` read these, mapped or not
            let always = ["accountEnabled", "assigned", "displayName", "mail", "userPrincipalName", "deletedDateTime"];
            let mut wanted: std::collections::BTreeSet<String> =
                names.into_iter().chain(always.map(str::to_owned)).collect();
            if scope_mode == ScopeMode::Assigned {
                // members of an assigned group are assigned
                wanted.extend(["appRoleAssignments", "members"].map(str::to_owned));
                source.references = true;
            }
            source.wanted = Some(wanted);
        }
        let accidental = block.block("accidental_deletion")?;
        let quarantine = block.block("quarantine")?;
        let escrow = block.block("escrow")?;
        let logs = block.block("logs")?;
        Some(Self {
            name: block.owned("name")?,
            source: source?,
            scope_mode,
            include: source_block.texts("include"),
            exclude: source_block.texts("exclude"),
            soft_delete_retention: source_block.duration("soft_delete_retention")?,
            watch: source_block.flag("watch")?,
            mapping: Arc::new(mapping),
            mapping_path,
            target: target?,
            schedule: schedule?,
            accidental_deletion: AccidentalDeletion {
                enabled: accidental.flag("enabled")?,
                threshold: accidental.count("threshold")?,
            },
            skip_out_of_scope_deletions: block.flag("skip_out_of_scope_deletions")?,
            on_missing_target: match block.text("on_missing_target")? {
                "rematch" => OnMissingTarget::Rematch,
                "error" => OnMissingTarget::Error,
                _ => OnMissingTarget::Service,
            },
            resolve_references_later: block.block("references")?.flag("resolve_later")?,
            quarantine: Quarantine {
                minimum_failures: quarantine.count("minimum_failures")?,
                proportion: quarantine.number("proportion")?,
                base_threshold: quarantine.count("base_threshold")?,
                total_threshold: quarantine.count("total_threshold")?,
            },
            escrow: Escrow {
                first_retry: escrow.duration("first_retry").map_or(FirstRetry::NextCycle, FirstRetry::After),
                strict_expiry: escrow.flag("strict_expiry")?,
            },
            logs: Logs { retention: logs.duration("retention")?, verbose_skips: logs.flag("verbose_skips")? },
            notifications: notifications?,
        })
    }

    /// Whether the target is of this profile.
    pub fn is_profile(&self, profile: Profile) -> bool {
        self.target.profile == profile
    }

    /// The interval between starts; cron jobs have none.
    pub fn interval(&self) -> Option<Duration> {
        match self.schedule {
            Schedule::Every(interval) => Some(interval),
            Schedule::Fixed(_) => None,
        }
    }
}

fn mapping_of(
    file: &mut File<'_>,
    block: &Block,
    base: &Path,
    kintone: bool,
    known: Known,
    more: &mut Vec<Diagnostic>,
) -> Option<(MappingFile, PathBuf)> {
    let item = block.get("mapping")?;
    let written = item.text()?;
    let path = base.join(written);
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(why) => {
            let span = item.span.clone().unwrap_or_default();
            let message = format!("the mapping file `{written}` cannot be read: {why}");
            let help = "write the path of a mapping file, relative to this file; ready ones are in `mappings/`";
            file.error("unreadable_file", span, message, help);
            return None;
        }
    };
    let rules = if kintone { &KINTONE } else { &GENERIC };
    let (mapping, problems) = MappingFile::read(&path.display().to_string(), &text, rules, &known);
    more.extend(problems);
    mapping.map(|mapping| (mapping, path))
}

fn schedule_of(file: &mut File<'_>, block: &Block) -> Option<Schedule> {
    let Some(cron) = block.get("cron") else { return block.duration("interval").map(Schedule::Every) };
    let text = cron.text()?;
    let span = cron.span.clone().unwrap_or_default();
    if block.get("interval").is_some_and(|interval| interval.span.is_some()) {
        let help = "keep `interval` for a rhythm, or `cron` for fixed hours";
        file.error("exclusive_keys", span, "`cron` and `interval` exclude each other", help);
        return None;
    }
    match text.parse::<FixedHours>() {
        Ok(hours) => Some(Schedule::Fixed(hours)),
        Err(error) => {
            let help = "write minute, hour, day, month and weekday: `0 6,18 * * *`";
            file.error("invalid_value", span, error.to_string(), help);
            None
        }
    }
}

fn notifications_of(file: &mut File<'_>, block: &Block, base: &Path) -> Option<Notifications> {
    let enabled = block.flag("enabled")?;
    let recipients = block.texts("recipients");
    let smtp = block.block("smtp").and_then(|smtp| {
        let port = smtp.count("port")?;
        let Ok(port) = u16::try_from(port) else {
            let span = smtp.get("port").and_then(|item| item.span.clone()).unwrap_or_default();
            file.error("invalid_value", span, format!("`{port}` is no port"), "write a number from 1 to 65535");
            return None;
        };
        Some(Smtp {
            host: smtp.owned("host")?,
            port,
            from: smtp.owned("from")?,
            user: smtp.owned("user"),
            password: smtp.secret("password").map(|secret| target::based(secret, base)),
        })
    });
    let is_address =
        |text: &str| matches!(text.rsplit_once('@'), Some((name, host)) if !name.is_empty() && !host.is_empty());
    for text in recipients.iter().chain(smtp.as_ref().map(|smtp| &smtp.from)).filter(|text| !is_address(text)) {
        let span = block.get("recipients").and_then(|item| item.span.clone()).unwrap_or_default();
        file.error("invalid_value", span, format!("`{text}` is no mail address"), "write `NAME@EXAMPLE`");
    }
    if enabled && (recipients.is_empty() || block.get("smtp").is_none()) {
        let span = block.get("enabled").and_then(|item| item.span.clone()).unwrap_or_default();
        let help = "add `recipients: [NAME@EXAMPLE]` and `smtp:` with `host` and `from`";
        file.error("missing_key", span, "mail needs recipients and a server", help);
    }
    Some(Notifications { enabled, recipients, smtp })
}
