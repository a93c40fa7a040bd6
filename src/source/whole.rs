//! How complete a set is: sequences, pages, totals and the manifest (sources.md 16.2).

use std::collections::BTreeMap;

use super::manifest::sha256;
use super::read::Reading;
use super::report::{Completeness, FileReport, Level, Problem};
use super::shape::Shape;

/// Says how complete the set is: as complete as its least complete file (sources.md 16.2).
pub fn completeness(reading: &mut Reading<'_>, files: &[FileReport]) -> Completeness {
    let mut least = if files.is_empty() { Completeness::Incomplete } else { Completeness::Proven };
    let mut problems = Vec::new();
    for (pattern, group) in groups(files) {
        let complete = of_group(&pattern, &group, &mut problems);
        least = least.min(complete);
    }
    for file in files.iter().filter(|file| file.error.is_none()) {
        if was_ended(reading, file) {
            let message = "the last line has no line end, which earlier exports had: the file may be cut";
            problems.push(
                Problem::new(Level::Set, "set.incomplete", message).in_file(&file.file).with_help("export again"),
            );
        }
    }
    for problem in problems {
        least = Completeness::Incomplete;
        reading.problems.add(problem);
    }
    check_manifest(reading, files, &mut least);
    least
}

/// A CSV without a line end at its end is plausible only if the last had none either.
fn was_ended(reading: &Reading<'_>, file: &FileReport) -> bool {
    let pattern = Shape::of(&file.file).pattern;
    let last = reading.memory.and_then(|memory| memory.files.get(&pattern));
    file.format == Some("csv") && !file.ended && last.is_some_and(|last| last.final_newline)
}

/// Files by sequence; one without a number is alone.
pub(super) fn groups(files: &[FileReport]) -> BTreeMap<String, Vec<(Option<u64>, &FileReport)>> {
    let mut groups: BTreeMap<String, Vec<(Option<u64>, &FileReport)>> = BTreeMap::new();
    for file in files {
        let shape = Shape::of(&file.file);
        let key = if shape.number.is_some() { shape.pattern } else { file.file.clone() };
        groups.entry(key).or_default().push((shape.number, file));
    }
    for group in groups.values_mut() {
        group.sort_by_key(|(number, _)| *number);
    }
    groups
}

pub(super) fn of_group(
    pattern: &str,
    group: &[(Option<u64>, &FileReport)],
    problems: &mut Vec<Problem>,
) -> Completeness {
    let set = |code, message: String, help: &str, file: &str| {
        Problem::new(Level::Set, code, message).in_file(file).with_help(help)
    };
    let mut least = Completeness::Proven;
    for pair in group.windows(2) {
        let [(Some(a), first), (Some(b), file)] = pair else { continue };
        // changes of several days may have the same numbers
        if a == b && Shape::of(&first.file).date == Shape::of(&file.file).date {
            let message = format!("`{}` and `{}` have the same number", first.file, file.file);
            let help = "say in `source.files` which of them is meant, or take one away";
            problems.push(set("set.ambiguous", message, help, &file.file));
            least = Completeness::Incomplete;
        }
        if b - a > 1 {
            let message = format!("between `{}` and `{}` files of `{pattern}` are missing", first.file, file.file);
            problems.push(set("set.gap", message, "export all pages into the folder", &file.file));
            least = Completeness::Incomplete;
        }
    }
    let pages: Vec<&FileReport> = group.iter().map(|(_, file)| *file).collect();
    let has_pages = pages.iter().any(|file| file.complete == Completeness::Page);
    if has_pages {
        let ends = pages.iter().filter(|file| file.document.is_some_and(|(next, _)| !next)).count();
        let last = pages.last().is_some_and(|file| file.document.is_some_and(|(next, _)| !next));
        if !(ends == 1 && last) {
            let message = format!("of the pages of `{pattern}` the last is missing: each says that another follows");
            let message = if ends > 1 || !last && ends > 0 {
                format!("the pages of `{pattern}` do not belong together")
            } else {
                message
            };
            let file = pages.last().map_or("", |file| &file.file);
            problems.push(set(
                "set.incomplete",
                message,
                "follow @odata.nextLink to its end and save every page",
                file,
            ));
            return Completeness::Incomplete;
        }
    }
    // several lists that each end are no pages of one, and of a list that was cut in pieces nobody knows the last
    let ends = pages.iter().filter(|file| file.is_graph && file.complete == Completeness::Proven).count();
    if ends > 1 && !has_pages {
        least = Completeness::Plausible;
    }
    let totals: Vec<u64> = pages.iter().filter_map(|file| file.total).collect();
    let sum: u64 = pages.iter().map(|file| file.records).sum();
    let scim = !totals.is_empty() && totals.len() == pages.len() && pages.iter().all(|file| file.error.is_none());
    for file in pages {
        let complete = match file.complete {
            Completeness::Page => Completeness::Proven,
            Completeness::Proven | Completeness::Incomplete if scim => {
                if totals.iter().all(|total| *total == sum) {
                    Completeness::Proven
                } else {
                    Completeness::Incomplete
                }
            }
            other => other,
        };
        if complete == Completeness::Incomplete && file.error.is_none() {
            let message = match (file.total, file.unfinished) {
                (Some(total), _) => format!("the file speaks of {total} resources, and {sum} are there"),
                (None, Some(unfinished)) => unfinished.message.to_owned(),
                (None, None) => "the file is not whole".to_owned(),
            };
            let line = file.unfinished.and_then(|unfinished| unfinished.line);
            problems.push(set("set.incomplete", message, "export again, to the end", &file.file).on_line(line));
        }
        least = least.min(complete);
    }
    least
}

fn check_manifest(reading: &mut Reading<'_>, files: &[FileReport], least: &mut Completeness) {
    let Some(manifest) = reading.set.manifest.clone() else { return };
    let disagree = |file: &str, message: String| {
        Problem::new(Level::Set, "set.manifest", message)
            .in_file(file)
            .with_help("export again, or have the exporter write the manifest last")
    };
    let mut problems = Vec::new();
    let mut agreed = 0;
    for stated in &manifest.files {
        let Some(found) = reading.set.files.iter().find(|found| found.name == stated.name) else {
            problems.push(disagree(
                &stated.name,
                "`manifest.json` names the file, but it is not among those read".to_owned(),
            ));
            continue;
        };
        if let Some(bytes) = stated.bytes.filter(|bytes| *bytes != found.stamp.size) {
            problems.push(disagree(
                &stated.name,
                format!("`manifest.json` says {bytes} bytes, the file has {}", found.stamp.size),
            ));
        }
        if let Some(digest) = &stated.sha256 {
            let own = found.open().and_then(sha256).unwrap_or_default();
            if !own.eq_ignore_ascii_case(digest.trim()) {
                problems.push(disagree(&stated.name, "the file's SHA-256 is not that of `manifest.json`".to_owned()));
            }
        }
        let report = files.iter().find(|file| file.file == stated.name);
        if let (Some(records), Some(report)) = (stated.records, report) {
            if records == report.records {
                agreed += 1;
            } else {
                problems.push(disagree(
                    &stated.name,
                    format!("`manifest.json` says {records} records, the file has {}", report.records),
                ));
            }
        }
    }
    if !problems.is_empty() {
        *least = Completeness::Incomplete;
    } else if agreed == files.len() && agreed > 0 && *least >= Completeness::Page {
        *least = Completeness::Proven;
    }
    for problem in problems {
        reading.problems.add(problem);
    }
}
