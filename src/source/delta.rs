//! Finds Graph's change files before they are read: in them a missing name means "unchanged" (sources.md 8.3).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::find::Found;
use super::frame::{FileFacts, Framed, Framer, Limits};
use super::open::Opened;
use super::preset::FormatName;
use super::read::{Plan, Reading, State};
use super::report::{Level, Problem};
use super::settings::Role;
use super::shared;

/// Marks the change files among the plans, and leaves out those that were applied before.
pub fn mark(reading: &mut Reading<'_>, plans: &mut [Plan]) {
    let (files, limits) = (&reading.set.files, reading.settings.limits);
    let deltas = shared::each(plans.len(), || {
        let (plans, mut room) = (&*plans, Vec::new());
        move |at| {
            let Plan { index, .. } = plans[at];
            plans[at].opened().is_some_and(|opened| is_delta(&files[index], opened, limits, &mut room))
        }
    });
    for (plan, is_delta) in plans.iter_mut().zip(deltas) {
        let State::Ready(opened) = &plan.state else { continue };
        let found = &reading.set.files[plan.index];
        plan.is_delta = is_delta;
        let format = opened.preset.format;
        let may_change = plan.is_delta || format == FormatName::Ldif;
        let applied = reading.memory.is_some_and(|memory| {
            !memory.applied.is_empty()
                && may_change
                && digest(found).is_some_and(|digest| memory.applied.contains(&digest))
        });
        if applied {
            let message = "the changes of this file were applied before";
            reading.problems.add(
                Problem::new(Level::Info, "file.older", message)
                    .in_file(&found.name)
                    .with_help("nothing: changes are applied once"),
            );
            reading.applied_before = true;
            plan.state = State::Skipped;
        }
    }
}

/// Returns the digest by which a change file is applied once only.
pub fn digest(found: &Found) -> Option<String> {
    let mut file = found.open().ok()?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hasher.finalize().to_hex().to_string()),
            read => hasher.update(&buffer[..read]),
        };
    }
}

/// Says whether a file holds changes; `room`: to read in.
fn is_delta(found: &Found, opened: &Opened, limits: Limits, room: &mut Vec<u8>) -> bool {
    match opened.preset.format {
        // the records say it
        FormatName::Ldif => false,
        _ if found.role == Some(Role::Changes) => true,
        FormatName::Csv => false,
        FormatName::Json => opened.preset.partial.in_changes && is_graph_delta(found, opened, limits, room),
    }
}

/// A delta link, a next link of a delta query, or a record with `@removed`.
fn is_graph_delta(found: &Found, opened: &Opened, limits: Limits, room: &mut Vec<u8>) -> bool {
    let Ok(mut file) = found.open() else { return false };
    if opened.choice.encoding == encoding_rs::UTF_8 && !may_be(&mut file, room).unwrap_or(true) {
        return false;
    }
    if file.seek(SeekFrom::Start(0)).is_err() {
        return false;
    }
    let removed = Finder::new("\"@removed\"");
    let mut framer = Framer::new(&file, &opened.choice, &opened.format, limits);
    loop {
        match framer.next() {
            Ok(Some(Framed::Record { bytes, .. })) if removed.find(bytes).is_some() => return true,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    let FileFacts::Json(facts) = framer.finish() else { return false };
    facts.member("@odata.deltaLink").is_some()
        || facts.text("@odata.nextLink").is_some_and(|link| link.contains("/delta?"))
}

/// Looks for the words as bytes, which is many times faster than framing.
fn may_be(file: &mut File, room: &mut Vec<u8>) -> io::Result<bool> {
    // both at once, as vectors
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("@removed|delta").ok());
    const OVERLAP: usize = 16;
    let Some(words) = &*WORDS else { return Ok(true) };
    room.resize(256 << 10, 0);
    let mut kept = 0;
    loop {
        let read = file.read(&mut room[kept..])?;
        let filled = kept + read;
        if words.is_match(&room[..filled]) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let tail = filled.saturating_sub(OVERLAP);
        room.copy_within(tail..filled, 0);
        kept = filled - tail;
    }
}
