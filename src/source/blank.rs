//! The text of refused records as it is kept: short, and without secrets (sources.md 11.9, 17).

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
        Format::Ldif(_) => {
            let mut kept = String::with_capacity(text.len());
            let mut hides = false;
            for line in text.split_inclusive('\n') {
                if !line.starts_with([' ', '\t']) {
                    let name = line.split(':').next().unwrap_or_default();
                    hides = is_secret(name.trim());
                    if hides {
                        kept.push_str(name);
                        kept.push_str(": ");
                        kept.push_str(BLANK);
                        kept.push('\n');
                    }
                }
                if !hides {
                    kept.push_str(line);
                }
            }
            Some(kept)
        }
        // where a broken text ends a secret cannot be known
        Format::Json(_) => {
            let lower = text.to_lowercase();
            let names = preset
                .names
                .slots()
                .filter(|slot| preset.use_of(*slot).secret)
                .map(|slot| preset.names.name(slot).to_lowercase());
            let holds_secret = names
                .chain(canonical::secrets().map(str::to_lowercase))
                .any(|name| lower.contains(&format!("\"{name}")));
            (!holds_secret).then(|| text.into_owned())
        }
    }
}
