//! Which preset a file is of (sources.md 6).

use std::collections::BTreeSet;

use super::names::fold;
use super::{DetectForm, Preset};

/// What the beginning of a file shows.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Columns in order, or the names of attributes in the first records.
    pub names: Vec<String>,
    /// Lines passed over before the heading.
    pub lines: Vec<String>,
    /// `@odata.context`.
    pub context: Option<String>,
    /// `schemas` of the document and of the records.
    pub schemas: Vec<String>,
    /// JSON: the name of the array of records, empty for the top level.
    pub under: Option<String>,
    /// Whether the file is whole and holds no record: a page without people.
    pub is_empty: bool,
}

/// Returns the index of the preset that fits best: the one with most of its names present, those first that it reads: an export is
/// no other server's because that one leaves more of it out.
///
/// The error holds the indexes of those that fit equally well; it is empty if none fits.
pub fn choose<'a>(candidates: impl Iterator<Item = (&'a Preset, &'a Evidence)>) -> Result<usize, Vec<usize>> {
    let mut best: Vec<usize> = Vec::new();
    let mut most = (0, 0);
    for (index, (preset, evidence)) in candidates.enumerate() {
        let reads_there = evidence.under.as_ref().is_none_or(|name| preset.json.records.contains(name));
        let fits = |detect: &DetectForm| {
            reads_there && if evidence.is_empty { fits_document(detect, evidence) } else { fits(detect, evidence) }
        };
        if !preset.detect.as_ref().is_some_and(fits) {
            continue;
        }
        let names: BTreeSet<_> = evidence.names.iter().filter_map(|name| preset.names.find(name)).collect();
        // what a document without records says of itself is all that it shows
        let is_named = evidence.is_empty && preset.detect.as_ref().is_some_and(|detect| is_named(detect, evidence));
        let read = names.iter().filter(|slot| preset.use_of(**slot).used).count();
        let shown = (read + usize::from(is_named), names.len());
        if best.is_empty() || shown > most {
            best = vec![index];
            most = shown;
        } else if shown == most {
            best.push(index);
        }
    }
    match best[..] {
        [index] => Ok(index),
        _ => Err(best),
    }
}

/// Returns the names of `header_all` that the columns lack.
pub fn missing<'a>(detect: &'a DetectForm, columns: &[impl AsRef<str>]) -> Vec<&'a str> {
    let columns: BTreeSet<String> = columns.iter().map(|column| fold(column.as_ref()).into_owned()).collect();
    detect.header_all.iter().map(String::as_str).filter(|name| !columns.contains(&*fold(name))).collect()
}

/// All that are given must hold.
fn fits(detect: &DetectForm, evidence: &Evidence) -> bool {
    let names: BTreeSet<String> = evidence.names.iter().map(|name| fold(name).into_owned()).collect();
    let has = |name: &String| {
        let name = fold(name);
        let below = format!("{name}.");
        names.contains(&*name) || names.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
    };
    let all = |list: &[String]| list.iter().all(&has);
    let any = |list: &[String]| list.is_empty() || list.iter().any(&has);
    let first = |name: &String| evidence.names.first().is_some_and(|first| fold(first) == fold(name));
    let starts =
        |start: &String| evidence.lines.iter().any(|line| line.to_lowercase().starts_with(&start.to_lowercase()));
    all(&detect.header_all)
        && any(&detect.header_any)
        && detect.header_first.iter().all(first)
        && (detect.first_line_starting.is_empty() || detect.first_line_starting.iter().any(starts))
        && all(&detect.names_all)
        && any(&detect.names_any)
        && fits_document(detect, evidence)
        && any(&detect.attributes_any)
}

/// Whether the document says of itself what it must.
fn is_named(detect: &DetectForm, evidence: &Evidence) -> bool {
    (!detect.context_contains.is_empty() && evidence.context.is_some()) || !detect.schemas_any.is_empty()
}

/// What the document says of itself, beside its records; a list that was saved without its context says nothing.
fn fits_document(detect: &DetectForm, evidence: &Evidence) -> bool {
    let context = |context: &String| detect.context_contains.iter().any(|text| context.contains(text.as_str()));
    (detect.context_contains.is_empty() || evidence.context.as_ref().is_none_or(context))
        && (detect.schemas_any.is_empty() || detect.schemas_any.iter().any(|schema| evidence.schemas.contains(schema)))
}
