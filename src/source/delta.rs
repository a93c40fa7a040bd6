//! Finds Graph's change files before they are read: in them a missing name means "unchanged" (sources.md 8.3).

use std::io::{Read, Seek, SeekFrom};

use memchr::memmem::Finder;

use super::find::Found;
use super::frame::{FileFacts, Framed, Framer};
use super::open::Opened;
use super::preset::FormatName;
use super::read::{Plan, Reading, State};
use super::report::{Level, Problem};
use super::settings::Role;

/// Marks the change files among the plans, and leaves out those that were applied before.
pub fn mark(reading: &mut Reading<'_>, plans: &mut [Plan]) {
    for plan in plans {
        let State::Ready(opened) = &plan.state else { continue };
        let found = &reading.set.files[plan.index];
        // of LDIF the records say it
        let format = opened.preset.format;
        plan.is_delta = format != FormatName::Ldif && found.role == Some(Role::Changes)
            || format == FormatName::Json
                && opened.preset.partial.in_changes
                && is_delta(found, opened, reading.settings.limits);
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

/// A delta link, a next link of a delta query, or a record with `@removed`.
fn is_delta(found: &Found, opened: &Opened, limits: super::frame::Limits) -> bool {
    let Ok(mut file) = found.open() else { return false };
    if opened.choice.encoding == encoding_rs::UTF_8 && !may_be(&mut file).unwrap_or(true) {
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
fn may_be(file: &mut std::fs::File) -> std::io::Result<bool> {
    let words = [Finder::new("@removed"), Finder::new("delta")];
    const OVERLAP: usize = 16;
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        let filled = kept + read;
        if words.iter().any(|word| word.find(&buffer[..filled]).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let tail = filled.saturating_sub(OVERLAP);
        buffer.copy_within(tail..filled, 0);
        kept = filled - tail;
    }
}
