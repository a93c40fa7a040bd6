//! Drift, accounts and stories for people.

use super::super::plain;
use super::super::survey::{account_name, drift_name};
use super::{Style, Tone, entry_text, painted};
use crate::model::{Account, AccountState, Drift, DriftState, Entry, Story, Word};

pub fn drift_text(drift: &Drift, style: Style) -> String {
    let tone = match drift.state {
        DriftState::Same => Tone::Good,
        DriftState::Differs | DriftState::Inactive => Tone::Odd,
        DriftState::Missing => Tone::Bad,
    };
    let state = painted(drift_name(drift.state), tone, style);
    let mut text = format!("{state}  {}  {}\n", plain(&drift.source), plain(&drift.target));
    for one in &drift.differences {
        let shown =
            |value: &Option<Word>| value.as_deref().map_or("nothing".to_owned(), |value| format!("`{}`", plain(value)));
        text.push_str(&format!(
            "    {}: the target has {}, the source gives {}\n",
            plain(&one.name),
            shown(&one.old),
            shown(&one.new)
        ));
    }
    text
}

pub fn account_text(account: &Account, style: Style) -> String {
    let tone = match account.state {
        AccountState::Assigned => Tone::Good,
        AccountState::Unassigned => Tone::Odd,
        AccountState::Local => Tone::Bad,
    };
    let source = account.source.as_deref().map_or(String::new(), |source| format!("  {}", plain(source)));
    format!(
        "{}  {}  {}{source}\n",
        painted(account_name(account.state), tone, style),
        plain(&account.target),
        plain(&account.name)
    )
}

pub fn story_text(story: &Story, style: Style) -> String {
    let mut text = match &story.origin {
        Some(origin) => format!("`{}` is read from {}:{}\n", plain(&story.id), plain(&origin.file), origin.line),
        // otherwise the reason follows
        None if story.error.is_none() => format!("`{}` is not in the export\n", plain(&story.id)),
        None => String::new(),
    };
    if !story.expressions.is_empty() {
        text.push_str("\nwhat the mappings give:\n");
    }
    for one in &story.expressions {
        let value = match &one.value {
            Ok(Some(value)) => format!("`{}`", plain(value)),
            Ok(None) => "no value".to_owned(),
            Err(why) => painted(&plain(why), Tone::Bad, style),
        };
        text.push_str(&format!("  {} = {value}\n      from {}\n", plain(&one.target), plain(&one.text)));
        for (name, value) in &one.inputs {
            let value = value.as_deref().map_or("no value".to_owned(), |value| format!("`{}`", plain(value)));
            text.push_str(&format!("      [{}] is {value}\n", plain(name)));
        }
    }
    if let Some(entry) = &story.now {
        text.push_str("\nwhat would be done now (nothing was sent but reads):\n");
        text.push_str(&entry_text(entry, style));
        text.push_str(&exchanges_text(entry));
    }
    if let Some(error) = &story.error {
        text.push_str(&format!("\nnot evaluated: {}: {}\n", plain(&error.code), plain(&error.message)));
        if !error.help.is_empty() {
            text.push_str(&format!("  do: {}\n", plain(&error.help)));
        }
    }
    if story.log.is_empty() {
        text.push_str("\nthe log holds nothing of this person\n");
    } else {
        text.push_str("\nwhat was done, oldest first:\n");
    }
    for entry in &story.log {
        text.push_str(&format!("\n{}, cycle {}\n", entry.at, plain(&entry.cycle_id)));
        text.push_str(&entry_text(entry, style));
        text.push_str(&exchanges_text(entry));
    }
    text
}

/// The requests and answers of one evaluation.
fn exchanges_text(entry: &Entry) -> String {
    let mut text = String::new();
    for one in &entry.exchanges {
        text.push_str(&format!("  > {}\n", plain(&one.request)));
        for line in one.body.iter().map(|body| plain(body)) {
            text.push_str(&format!("    {line}\n"));
        }
        match (one.status, &one.fault) {
            (Some(status), _) => text.push_str(&format!("  < {status}\n")),
            (None, Some(fault)) => text.push_str(&format!("  < no answer: {}\n", plain(fault))),
            (None, None) => {}
        }
        for line in one.answer.iter().map(|answer| plain(answer)) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}
