//! Whether a file holds changes, as far as its first bytes show it.

use super::encoding::{self, Look};
use super::find::Found;
use super::frame::{FormatGuess, guess_format};
use super::open::{HEAD, head_of, open};
use super::preset::Presets;
use super::settings::Settings;

/// What the first bytes of a file show of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// No changes.
    None,
    /// Entries that are added, which ldifde writes of a plain export too.
    Additions,
    Changes,
}

/// Says whether the file is one of changes: the next one does not take its place.
pub fn is_of_changes(found: &Found, settings: &Settings, presets: &Presets) -> bool {
    let Some(shown) = look(found) else { return false };
    match shown {
        Shows::None => false,
        Shows::Changes => true,
        Shows::Additions => open(found, settings, presets, false, &[], Look::Head)
            .is_ok_and(|opened| !opened.preset.ldif.all_add_is_content),
    }
}

fn look(found: &Found) -> Option<Shows> {
    let mut file = found.open().ok()?;
    let head = head_of(&mut file).ok()?;
    let choice = encoding::choose(&mut file, FormatGuess::Json, None, &[], Look::Head).ok()?;
    let text = encoding::decode_head(&head, &choice);
    Some(shows(guess_format(&text), &text))
}

/// Judges the first bytes of text, in UTF-8 and without mark.
pub fn shows(guess: FormatGuess, text: &[u8]) -> Shows {
    let text = &text[..text.len().min(HEAD)];
    match guess {
        FormatGuess::Csv => Shows::None,
        FormatGuess::Json => {
            let marks: [&[u8]; 3] = [b"\"@odata.deltaLink\"", b"\"@removed\"", b"/delta?"];
            let has = |mark: &[u8]| memchr::memmem::find(text, mark).is_some();
            if marks.into_iter().any(has) { Shows::Changes } else { Shows::None }
        }
        FormatGuess::Ldif => {
            let kinds = text.split(|&byte| byte == b'\n').filter_map(|line| {
                let (name, kind) = line.split_at_checked(b"changetype:".len())?;
                name.eq_ignore_ascii_case(b"changetype:").then(|| kind.trim_ascii())
            });
            kinds.fold(Shows::None, |shown, kind| match (shown, kind.eq_ignore_ascii_case(b"add")) {
                (Shows::None | Shows::Additions, true) => Shows::Additions,
                (Shows::None | Shows::Additions, false) | (Shows::Changes, _) => Shows::Changes,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shows, shows};
    use crate::source::frame::FormatGuess::{self, Csv, Json, Ldif};

    #[test]
    fn changes_are_seen_in_the_first_bytes() {
        let cases: [(FormatGuess, &str, Shows); 8] = [
            (Csv, "changetype: delete\n", Shows::None),
            (Json, r#"{"value":[{"id":"1"}]}"#, Shows::None),
            (Json, r#"{"@odata.deltaLink":"x","value":[]}"#, Shows::Changes),
            (Json, r#"{"value":[{"id":"1","@removed":{}}]}"#, Shows::Changes),
            (Ldif, "dn: o=x\nobjectClass: top\n", Shows::None),
            (Ldif, "dn: o=x\r\nchangeType:  ADD\r\n", Shows::Additions),
            (Ldif, "dn: o=x\nchangetype: add\n\ndn: o=y\nchangetype: delete\n", Shows::Changes),
            (Ldif, "dn: o=x\nchangetype: modify\n\ndn: o=y\nchangetype: add\n", Shows::Changes),
        ];
        for (guess, text, expected) in cases {
            assert_eq!(shows(guess, text.as_bytes()), expected, "{text}");
        }
    }
}
