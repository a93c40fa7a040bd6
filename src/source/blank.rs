//! The text of refused records as it is kept: short, and without secrets (sources.md 11.9, 17).
//!
//! What is refused is damaged, so a secret need not stand where it should: rather too much is hidden.

use std::borrow::Cow;

use super::canonical;
use super::frame::Format;
use super::frame::csv::split_cells;
use super::preset::Preset;

/// How much of a record is kept.
const KEPT: usize = 16 << 10;
const BLANK: &str = "***";

/// Returns the text of a refused record with secrets blanked; none where they cannot be told from the rest.
pub fn blanked(bytes: &[u8], format: &Format, preset: &Preset) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT)]);
    let is_secret = |name: &str| {
        let base = name.split(';').next().unwrap_or(name);
        canonical::is_secret(base) || preset.names.find(base).is_some_and(|slot| preset.use_of(slot).secret)
    };
    match format {
        Format::Csv(csv) => {
            if !csv.columns.iter().any(|column| is_secret(column)) {
                return Some(text.into_owned());
            }
            let mut cells = Vec::new();
            split_cells(&text, csv.delimiter, csv.unquoted_doubled_quotes, |_, cell| cells.push(cell.into_owned()))
                .ok()?;
            if cells.len() != csv.columns.len() {
                return None;
            }
            for (cell, column) in cells.iter_mut().zip(&csv.columns) {
                if is_secret(column) {
                    BLANK.clone_into(cell);
                }
            }
            Some(cells.join(&char::from(csv.delimiter).to_string()))
        }
        Format::Ldif(_) => Some(blanked_lines(&text, &Secrets::of(preset), is_secret)),
        // where a broken text ends a secret cannot be known
        Format::Json(_) => (!Secrets::of(preset).begin_a_word_of(&unescaped(&text))).then(|| text.into_owned()),
    }
}

/// The names of secrets, in lower case.
struct Secrets(Vec<String>);

impl Secrets {
    fn of(preset: &Preset) -> Self {
        let own = preset.names.slots().filter(|slot| preset.use_of(*slot).secret);
        let own = own.map(|slot| preset.names.name(slot).to_lowercase());
        Self(own.chain(canonical::secrets().map(str::to_lowercase)).collect())
    }

    fn are_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.0.iter().any(|name| lower.contains(name))
    }

    fn begin_a_word_of(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let begins = |at: usize| !lower[..at].ends_with(char::is_alphanumeric);
        self.0.iter().any(|name| lower.match_indices(name).any(|(at, _)| begins(at)))
    }
}

/// Blanks the lines of an entry that have the name of a secret before their colon, or anywhere if they have none.
///
/// What goes on behind such a line without a name of its own may be its rest; so may be what continues a line that is not there.
fn blanked_lines(text: &str, secrets: &Secrets, is_secret: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut hides = true;
    for lines in unfolded(text) {
        let whole: String = lines.concat();
        let (line, is_rest) = (joined(&lines), whole.starts_with([' ', '\t']));
        let (name, is_named) = line.split_once(':').map_or((&*line, false), |(name, _)| (name, true));
        hides = secrets.are_in(name) || (hides && (is_rest || !is_named) && !whole.trim().is_empty());
        match hides {
            false => kept.push_str(&whole),
            true if is_secret(name.trim()) => kept.extend([name, ": ", BLANK, "\n"]),
            true => kept.extend([BLANK, "\n"]),
        }
    }
    kept
}

/// Physical lines by the line that they are of; a CR inside a line is an end too, as it is in damaged files.
fn unfolded(text: &str) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for line in text.split_inclusive('\n') {
        let length = line.trim_end_matches(['\r', '\n']).len();
        let inner = line[..length].rfind('\r').map_or(0, |at| at + 1);
        for piece in line[..inner].split_inclusive('\r').chain([&line[inner..]]) {
            match all.last_mut().filter(|_| piece.starts_with([' ', '\t'])) {
                Some(last) => last.push(piece),
                None => all.push(vec![piece]),
            }
        }
    }
    all
}

fn joined(lines: &[&str]) -> String {
    let pieces = lines.iter().enumerate().map(|(at, line)| {
        let line = line.trim_end_matches(['\r', '\n']);
        if at == 0 { line } else { line.get(1..).unwrap_or_default() }
    });
    pieces.collect()
}

/// Reads `\u0077` as what it stands for, wherever it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("\\u");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match code {
            Some(character) => {
                plain.push(character);
                plain.push_str(&part[4..]);
            }
            None => plain.extend(["\\u", part]),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::frame::json::JsonFormat;
    use crate::source::frame::ldif::LdifFormat;
    use crate::source::preset::Presets;
    use crate::source::settings::Settings;

    #[test]
    fn secrets_are_hidden_wherever_damage_left_them() {
        let preset = Presets::default().get("ad-ldif", &Settings::default()).expect("a preset");
        let ldif = Format::Ldif(LdifFormat::default());
        for (text, expected) in [
            ("dn: o=x\nuserPassword: S\n S\nsn: x\n", "dn: o=x\nuserPassword: ***\nsn: x\n"),
            ("userPassword;x-a:: S\r\nsn: x\r\n", "userPassword;x-a: ***\nsn: x\r\n"),
            ("userPassword S\nsn: x", "***\nsn: x"),
            ("a: b\nuserPassword S: S\n", "a: b\n***\n"),
            ("userPass\r\n word: S\n\ts\n", "userPassword: ***\n"),
            ("#unicodePwd:: S\nsn: x\n", "***\nsn: x\n"),
            // a value that was broken in two, or whose begin is elsewhere
            ("userPassword: S\nS\n\nsn: x\ny\n", "userPassword: ***\n***\n\nsn: x\ny\n"),
            (" S\nS\nsn: x\n", "***\n***\nsn: x\n"),
            ("sn: x\runicodePwd: S\rcn: y\r\n", "sn: x\runicodePwd: ***\ncn: y\r\n"),
            ("sn: x\n y\ntitle: my password\n", "sn: x\n y\ntitle: my password\n"),
        ] {
            assert_eq!(blanked(text.as_bytes(), &ldif, &preset).as_deref(), Some(expected), "{text:?}");
        }
        let json = Format::Json(JsonFormat::default());
        for (text, is_kept) in [
            (r#"{"id":"1","lastPasswordChange":NaN}"#, true),
            (r#"{"id":"1","pass\u0077ord":"S",}"#, false),
            (r#"{"id":"1","\u0050assword" : "S",}"#, false),
            (r#"{"id":"\u00","Password":"S"}"#, false),
            ("{id:1,password:'S'}", false),
            (r#"{"id":"\ud800\uzzzz"}"#, true),
        ] {
            assert_eq!(blanked(text.as_bytes(), &json, &preset).is_some(), is_kept, "{text}");
        }
    }
}
