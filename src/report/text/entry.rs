//! One evaluation: as one line of a log, and told step by step for whoever has to understand it.

use super::super::entry::{kind_name, outcome_sentence, retry_sentence};
use super::super::plain;
use super::super::time::short;
use super::columns::push_padded;
use super::details::push_details;
use super::{NOTHING, Style, Tone, painted, tone};
use crate::model::{Entry, Identity, LoggedAction, LoggedStatus, ModifiedProperty, RunError, Step, StepKind};

/// Returns a line of the log: time, action, status, kind, source id, name, and why; with a line break.
pub fn entry_line(entry: &Entry, style: Style) -> String {
    let mut line = String::new();
    push_padded(&mut line, &short(entry.at), 22);
    push_padded(&mut line, entry.action.as_str(), 13);
    push_painted(&mut line, status_word(entry.status), tone(entry.status), style);
    push_padded(&mut line, &kind_name(entry.kind).to_lowercase(), 7);
    push_padded(&mut line, &plain(&entry.source.id), 38);
    line.push_str(&plain(&entry.source.display_name));
    if let Some(why) = why(entry) {
        line.push_str("  ");
        line.push_str(&plain(&why));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// Appends a status in its column; colour codes take no room.
fn push_painted(line: &mut String, word: &str, tone: Tone, style: Style) {
    line.push_str(&painted(word, tone, style));
    line.extend(std::iter::repeat_n(' ', 9usize.saturating_sub(word.len()).max(1)));
}

/// Tells an evaluation in five steps: what was read, whether it is in scope, what it matched, what was done, how it ended.
pub fn entry_text(entry: &Entry, style: Style) -> String {
    let mut text = format!(
        "{} {}: {} {}\n",
        kind_name(entry.kind).to_lowercase(),
        identity(&entry.source),
        action_words(entry.action),
        painted(status_word(entry.status), tone(entry.status), style)
    );
    for (number, stage) in Stage::ALL.into_iter().enumerate() {
        let steps: Vec<&Step> = entry.steps.iter().filter(|step| Stage::of(step.kind) == stage).collect();
        push_stage(&mut text, number + 1, stage, &steps, entry, style);
    }
    push_result(&mut text, entry, style);
    text
}

/// Returns the attributes of an entry before and after, one a line, to stand below its line.
pub fn modified_text(entry: &Entry) -> String {
    let mut text = String::new();
    push_modified(&mut text, &entry.modified);
    text
}

/// Says why somebody who was named was not evaluated.
pub fn not_evaluated_text(id: &str, error: &RunError, style: Style) -> String {
    let mut text = format!("{}: {}\n", plain(id), painted("failure", Tone::Bad, style));
    push_field(&mut text, "code", &error.code);
    push_field(&mut text, "why", &error.message);
    if !error.help.is_empty() {
        push_field(&mut text, "do", &error.help);
    }
    text
}

const INDENT: &str = "     ";

/// The four stages before the result, as the service's own page names them (service.md 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Import,
    Scope,
    Match,
    Action,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Import, Self::Scope, Self::Match, Self::Action];

    fn of(kind: StepKind) -> Self {
        match kind {
            StepKind::Import => Self::Import,
            StepKind::Scoping => Self::Scope,
            StepKind::Matching => Self::Match,
            StepKind::Processing | StepKind::ReferenceResolution | StepKind::Export => Self::Action,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Scope => "scope",
            Self::Match => "match",
            Self::Action => "action",
        }
    }
}

fn push_stage(text: &mut String, number: usize, stage: Stage, steps: &[&Step], entry: &Entry, style: Style) {
    let heading = |text: &mut String, tone, word: &str, description: &str| {
        push_heading(text, number, stage.name(), tone, word, description, style);
    };
    if steps.is_empty() {
        heading(text, Tone::Quiet, "not run", "");
    }
    for step in steps {
        heading(text, tone(step.status), status_word(step.status), &step.description);
        let details: Vec<_> = step.details.iter().map(|(name, value)| (name, value.to_json())).collect();
        push_details(text, details.iter().map(|(name, value)| (*name, value)), INDENT);
    }
    if stage == Stage::Action {
        push_modified(text, &entry.modified);
    }
}

fn push_heading(text: &mut String, number: usize, name: &str, tone: Tone, word: &str, description: &str, style: Style) {
    let mut line = String::new();
    push_padded(&mut line, &format!("  {number}  {name}"), 13);
    push_painted(&mut line, word, tone, style);
    line.push_str(&plain(description));
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Attributes before and after; what was tried, where it failed.
fn push_modified(text: &mut String, modified: &[ModifiedProperty]) {
    let widest = modified.iter().map(|property| super::columns::width(&plain(&property.name))).max().unwrap_or(0);
    for property in modified {
        text.push_str(INDENT);
        push_padded(text, &plain(&property.name), widest + 2);
        text.push_str(&shown(property.old.as_deref()));
        text.push_str(" → ");
        text.push_str(&shown(property.new.as_deref()));
        text.push('\n');
    }
}

fn push_result(text: &mut String, entry: &Entry, style: Style) {
    let sentence = match (&entry.failure, entry.status) {
        (Some(_), _) | (None, LoggedStatus::Success) => "",
        (None, LoggedStatus::Failure | LoggedStatus::Skipped | LoggedStatus::Warning | LoggedStatus::NotEvaluated) => {
            outcome_sentence(entry).unwrap_or_default()
        }
    };
    push_heading(text, 5, "result", tone(entry.status), status_word(entry.status), sentence, style);
    match &entry.failure {
        Some(failure) => {
            push_field(text, "code", failure.code.as_str());
            push_field(text, "why", &failure.message);
            push_field(text, "do", &failure.remedy);
        }
        None => push_field(text, "reason", &entry.reason),
    }
    if let Some(retry) = &entry.retry {
        push_field(text, "retry", &retry_sentence(retry));
    }
    if let Some(target) = &entry.target {
        push_field(text, "target", &identity(target));
    }
    for warning in &entry.warnings {
        push_field(text, "warning", warning);
    }
    push_field(text, "took", &format!("{} ms; change {}", entry.duration_ms, entry.change_id));
}

fn push_field(text: &mut String, name: &str, value: &str) {
    text.push_str(INDENT);
    push_padded(text, name, 9);
    text.push_str(&plain(value));
    text.push('\n');
}

fn identity(identity: &Identity) -> String {
    if identity.display_name.is_empty() {
        return plain(&identity.id).into_owned();
    }
    format!("{} ({})", plain(&identity.display_name), plain(&identity.id))
}

fn shown(value: Option<&str>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(value) => plain(value).into_owned(),
    }
}

fn why(entry: &Entry) -> Option<String> {
    match (&entry.failure, entry.status) {
        (Some(failure), _) => Some(failure.to_string()),
        (None, LoggedStatus::Success) if entry.warnings.is_empty() => None,
        (None, LoggedStatus::Success | LoggedStatus::Warning) => Some(entry.warnings.join("; ")),
        (None, LoggedStatus::Failure | LoggedStatus::Skipped | LoggedStatus::NotEvaluated) => {
            // what was found beside is all that somebody hears of a login name that cannot be sent
            let said = Some(&entry.reason).filter(|reason| !reason.is_empty()).into_iter().chain(&entry.warnings);
            let said: Vec<&str> = said.map(String::as_str).collect();
            (!said.is_empty()).then(|| said.join("; "))
        }
    }
}

fn status_word(status: LoggedStatus) -> &'static str {
    match status {
        LoggedStatus::Success => "success",
        LoggedStatus::Failure => "failure",
        LoggedStatus::Skipped => "skipped",
        LoggedStatus::Warning => "warning",
        LoggedStatus::NotEvaluated => "not run",
    }
}

fn action_words(action: LoggedAction) -> &'static str {
    match action {
        LoggedAction::Create => "create",
        LoggedAction::Update => "update",
        LoggedAction::Disable => "disable",
        LoggedAction::Delete => "delete",
        LoggedAction::StagedDelete => "staged delete",
        LoggedAction::StagedAction => "staged action",
        LoggedAction::Other => "no change",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::entry::tests::{redundant, refused};
    use super::*;

    #[test]
    fn a_failed_run_tells_its_story() {
        assert_eq!(
            entry_text(&refused(), Style::default()),
            "\
user 佐藤 太郎 (a-1): create failure
  1  import  success  read from `users.csv` line 7
     userPrincipalName  taro@example.jp
     department         Sales
  2  scope   success  in scope
     IsActive               True
     ScopeEvaluationResult  department EQUALS Sales: yes
     clauses                attribute department, operator EQUALS, value Sales, tested Sales, result yes
  3  match   success  nobody in the target has this login name
     userName  taro
  4  action  failure  the target refused the creation
     userName     - → taro
     displayName  Taro → 佐藤 太郎
     title        [Redact] → -
  5  result  failure
     code     EntryConflict
     why      409 uniqueness: userName `taro` is taken
     do       change the login name on one side
     retry    this operation was retried 2 times; it will be retried again after 2026-11-21T09:00:00Z
     warning  kintone-username-immutable: the login name stays as it is
     took     125 ms; change change-1
"
        );
    }

    #[test]
    fn a_skip_says_why() {
        let text = entry_text(&redundant(), Style::default());
        assert!(text.starts_with("user 佐藤 太郎 (a-1): no change skipped\n"), "{text}");
        assert!(
            text.ends_with(
                "  5  result  skipped  source and target already agree\n     reason   RedundantExport\n     \
                 target   Taro (t-9)\n     took     125 ms; change change-1\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn lines_of_the_log_have_fixed_columns() {
        let mut hostile = refused();
        hostile.source.id = "\u{1b}[2J".into();
        let mut renamed = redundant();
        renamed.warnings.push("kintone-username-immutable: it stays".into());
        let cases = [
            (
                refused(),
                "2026-11-21T03:00:00Z  create       failure  user   a-1                                   佐藤 太郎  EntryConflict: 409 uniqueness: userName `taro` is taken\n",
            ),
            (
                redundant(),
                "2026-11-21T03:00:00Z  other        skipped  user   a-1                                   佐藤 太郎  RedundantExport\n",
            ),
            (
                renamed,
                "2026-11-21T03:00:00Z  other        skipped  user   a-1                                   佐藤 太郎  RedundantExport; kintone-username-immutable: it stays\n",
            ),
            (
                hostile,
                "2026-11-21T03:00:00Z  create       failure  user   \\u{1b}[2J                             佐藤 太郎  EntryConflict: 409 uniqueness: userName `taro` is taken\n",
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(entry_line(&entry, Style::default()), expected);
        }
        let coloured = entry_line(&refused(), Style { color: true });
        assert!(coloured.contains("\u{1b}[31mfailure\u{1b}[0m  user   a-1"), "{coloured:?}");
    }

    #[test]
    fn nobody_found_says_what_to_do() {
        let error =
            RunError { code: "NotFound".into(), message: "nobody is called `x`".into(), help: "check it".into() };
        assert_eq!(
            not_evaluated_text("x", &error, Style::default()),
            "x: failure\n     code     NotFound\n     why      nobody is called `x`\n     do       check it\n"
        );
    }
}
