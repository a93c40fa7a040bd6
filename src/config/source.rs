//! `source:` of a job (sources.md 2).

use std::path::Path;

use globset::Glob;

use super::check::File;
use super::item::{Block, Item};
use crate::diagnostic::nearest;
use crate::mapping::{canonical, is_canonical, is_secret};
use crate::source::{
    self, Allowance, AttributeForm, FileEntry, Limits, Misfit, Mode, Ready, Role, Settings, check_preset, derived_rule,
    misfits,
};

/// Gives `source:` its types; what a shape cannot say is checked here.
pub(super) fn settings(file: &mut File<'_>, block: &Block, base: &Path) -> Option<Settings> {
    let defaults = Settings::default();
    let directory = block.get("directory")?;
    let path = base.join(directory.text()?);
    if !path.is_dir() {
        let span = directory.span.clone().unwrap_or_default();
        let message = format!("there is no folder `{}`", directory.text()?);
        file.warning("missing_folder", span, message, "write the path of the folder of exports, relative to this file");
    }
    for item in block.list("ignore") {
        glob(file, item);
    }
    let mut files = Vec::new();
    for entry in block.list("files").iter().filter_map(Item::block) {
        let Some(pattern) = entry.get("match") else { continue };
        glob(file, pattern);
        files.push(FileEntry {
            pattern: pattern.text()?.to_owned(),
            role: entry.text("role").and_then(Role::parse),
            preset: entry.owned("preset"),
        });
    }
    let anchor = block.get("anchor").and_then(|item| anchor(file, item));
    let encoding = block.get("encoding").and_then(|item| encoding(file, item));
    let mut attributes = std::collections::BTreeMap::new();
    if let Some(table) = block.block("attributes") {
        for (name, item) in &table.entries {
            let span = item.span.clone().unwrap_or_default();
            if is_secret(name) {
                file.error(
                    "secret_attribute",
                    span,
                    format!("`{name}` is a secret and is never read"),
                    "remove this attribute",
                );
                continue;
            }
            let Some(form) = item.block() else { continue };
            if form.list("from").is_empty() {
                file.error(
                    "missing_value",
                    span.clone(),
                    format!("`{name}` comes from nothing"),
                    "write `from: [COLUMN]`",
                );
            }
            let mut written = attribute(form);
            for Misfit { part, message, help } in misfits(name, &written) {
                let span = form.get(part).and_then(|item| item.span.clone()).unwrap_or_else(|| span.clone());
                file.error("invalid_value", span, message, help);
                // told once is enough: presets are compiled with the rest
                match part {
                    "from" => written.from.retain(|source| !source::is_secret(source)),
                    "as" => written.reading = None,
                    _ => written.split.clear(),
                }
            }
            if !written.from.is_empty() {
                attributes.insert(canonical(name).to_owned(), written);
            }
        }
    }
    let mut derived = std::collections::BTreeMap::new();
    for (name, item) in block.block("derived").map_or(&[][..], |table| table.entries.as_slice()) {
        let Some(rule) = item.text() else { continue };
        match derived_rule(name, rule) {
            Ok(()) => drop(derived.insert(name.clone(), rule.to_owned())),
            Err(Misfit { message, help, .. }) => {
                file.error("invalid_value", item.span.clone().unwrap_or_default(), message, help);
            }
        }
    }
    if let Some(item) = block.get("locale")
        && let Some(tag) = item.text().filter(|tag| !source::is_locale(tag))
    {
        let help = "write a tag such as `en-US` (month first), `en-GB` (day first) or `ja-JP` (year first)";
        file.error("invalid_value", item.span.clone().unwrap_or_default(), format!("`{tag}` is no language"), help);
    }
    let settings = Settings {
        directory: path,
        preset: block.owned("preset")?,
        base: base.to_owned(),
        mode: match block.text("mode")? {
            "snapshot" => Mode::Snapshot,
            "changes" => Mode::Changes,
            _ => Mode::Auto,
        },
        files,
        ignore: block.texts("ignore"),
        recursive: block.flag("recursive")?,
        anchor,
        allow_mutable_anchor: block.flag("allow_mutable_anchor")?,
        encoding,
        locale: block.owned("locale")?,
        settle: block.duration("settle")?,
        ready: match block.text("ready")? {
            "marker" => Ready::Marker,
            "manifest" => Ready::Manifest,
            _ => Ready::None,
        },
        max_shrink: block.number("max_shrink")?,
        absences_without_proof: allowance(block, "absences_without_proof").unwrap_or(defaults.absences_without_proof),
        max_refused: allowance(block, "max_refused").unwrap_or(defaults.max_refused),
        keep_refused: block.flag("keep_refused")?,
        attributes,
        derived,
        limits: limits(block.block("limits")?)?,
        wanted: None,
        references: true,
    };
    presets(file, block, &settings);
    Some(settings)
}

/// Built-in names, and the files of others.
fn presets(file: &mut File<'_>, block: &Block, settings: &Settings) {
    let of_files = block.list("files").iter().filter_map(|entry| entry.block()?.get("preset"));
    for item in block.get("preset").into_iter().chain(of_files) {
        let Some(name) = item.text() else { continue };
        for problem in check_preset(name, settings) {
            let span = item.span.clone().unwrap_or_default();
            match problem.place {
                Some(_) => file.faults.push(problem),
                None => file.faults.push(problem.at(file.name, file.text, span, None)),
            }
        }
    }
}

fn allowance(block: &Block, name: &str) -> Option<Allowance> {
    let block = block.block(name)?;
    Some(Allowance { count: block.count("count")?, percent: block.number("percent")? })
}

fn limits(block: &Block) -> Option<Limits> {
    let size = |name: &str| block.bytes(name).and_then(|bytes| usize::try_from(bytes).ok());
    let count = |name: &str| block.count(name).and_then(|count| usize::try_from(count).ok());
    Some(Limits {
        line: size("line")?,
        record: size("record")?,
        columns: count("columns")?,
        values: count("values")?,
        nesting: count("nesting")?,
        files: count("files")?,
        total: block.bytes("total")?,
    })
}

fn attribute(form: &Block) -> AttributeForm {
    AttributeForm {
        from: form.texts("from"),
        reading: form.owned("as"),
        multi: form.flag("multi").unwrap_or(false),
        split: form.texts("split"),
        split_before: form.texts("split_before"),
        merge: form.flag("merge").unwrap_or(false),
        skip_first: form.flag("skip_first").unwrap_or(false),
    }
}

fn glob(file: &mut File<'_>, item: &Item) {
    if let Some(text) = item.text()
        && let Err(error) = Glob::new(text)
    {
        let span = item.span.clone().unwrap_or_default();
        let message = format!("`{text}` is no glob: {}", error.kind());
        file.error("invalid_value", span, message, "write a pattern such as `users*.csv` or `archive/**`");
    }
}

fn anchor(file: &mut File<'_>, item: &Item) -> Option<String> {
    let name = item.text()?;
    if is_secret(name) {
        let span = item.span.clone().unwrap_or_default();
        file.error(
            "secret_attribute",
            span,
            format!("`{name}` is a secret and is never read"),
            "name an immutable identifier",
        );
        return None;
    }
    if !is_canonical(name) {
        let span = item.span.clone().unwrap_or_default();
        let help = match nearest(name, ["objectId", "employeeId", "externalId", "onPremisesImmutableId"]) {
            Some(near) => format!("an attribute with a similar name exists: `{near}`"),
            None => "name a canonical attribute, such as `objectId` or `employeeId`".to_owned(),
        };
        file.warning("unknown_attribute", span, format!("`{name}` is no canonical attribute"), help);
    }
    Some(canonical(name).to_owned())
}

/// `auto` is none; a label that nobody knows is refused.
fn encoding(file: &mut File<'_>, item: &Item) -> Option<String> {
    let label = item.text()?;
    if label == "auto" {
        return None;
    }
    if encoding_rs::Encoding::for_label(label.as_bytes()).is_none() {
        let span = item.span.clone().unwrap_or_default();
        let message = format!("`{label}` is no encoding");
        file.error(
            "invalid_value",
            span,
            message,
            "write a WHATWG label such as `utf-8`, `windows-1252` or `shift_jis`",
        );
        return None;
    }
    Some(label.to_owned())
}
