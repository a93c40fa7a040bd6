//! Presets by name, by path, or all of them for detection.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use super::built_in;
use super::compile::compile;
use super::form::{FormatName, PresetForm};
use super::{Preset, built_in_names};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::source::settings::Settings;

/// The presets that a set may need, compiled once for all threads.
#[derive(Debug, Default)]
pub struct Presets {
    ready: Mutex<BTreeMap<String, Ready>>,
    keys: Mutex<BTreeMap<String, Arc<Preset>>>,
}

/// What references are compared with, beside anchors.
const KEYS: [&str; 3] = ["onPremisesDistinguishedName", "userPrincipalName", "employeeId"];

/// A preset, or what is wrong with it.
type Ready = Result<Arc<Preset>, Vec<Diagnostic>>;

impl Presets {
    /// Returns the preset called `name`, or the one in the file at that path; what is wrong with it is said each time.
    pub fn get(&self, name: &str, settings: &Settings) -> Ready {
        let mut known = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = known.get(name) {
            return ready.clone();
        }
        let loaded = load(name, settings).and_then(|(form, file)| ready(form, settings, &file));
        known.insert(name.to_owned(), loaded.clone());
        loaded
    }

    /// Returns the same preset reading only what references are compared with; `settings`: of a reading that wants nothing else.
    pub fn keys_of(&self, name: &str, settings: &Settings) -> Option<Arc<Preset>> {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = known.get(name) {
            return Some(Arc::clone(ready));
        }
        let (mut form, _) = load(name, settings).ok()?;
        let anchors = [&form.anchor, &form.anchor_if_allowed].into_iter().flatten().flatten().chain(&settings.anchor);
        let keys: BTreeSet<String> =
            anchors.map(String::as_str).chain(KEYS).map(|name| name.to_ascii_lowercase()).collect();
        let is_key = |name: &str| keys.contains(&name.to_ascii_lowercase());
        form.attributes.iter_mut().for_each(|attributes| attributes.retain(|name, _| is_key(name)));
        form.derived = None;
        let mut settings = Settings { derived: Default::default(), ..settings.clone() };
        settings.attributes.retain(|name, _| is_key(name));
        let compiled = compile(form, &settings).ok()?;
        let compiled = Arc::new(Preset { keeps_rest: false, ..compiled });
        known.insert(name.to_owned(), Arc::clone(&compiled));
        Some(compiled)
    }

    /// Returns all built-in presets of a format that can be detected; others are not parsed for it.
    pub fn detectable(&self, format: FormatName, settings: &Settings) -> Vec<Arc<Preset>> {
        let detectable = |name: &&str| built_in::find(name).is_some_and(|form| form.detect.is_some());
        built_in::names_of(format).filter(detectable).filter_map(|name| self.get(name, settings).ok()).collect()
    }
}

/// Checks the preset that `source.preset` or an entry of `source.files` names.
pub fn check(name: &str, settings: &Settings) -> Vec<Diagnostic> {
    if name == "detect" {
        return Vec::new();
    }
    Presets::default().get(name, settings).err().unwrap_or_default()
}

/// The source's own names that the presets of a source read, and those that are secret.
#[derive(Debug, Default)]
pub struct ReadNames {
    pub read: BTreeSet<String>,
    pub secret: BTreeSet<String>,
}

/// Returns what mappings on this source may name besides canonical attributes; with `detect`, what any preset reads.
pub fn names_read(settings: &Settings) -> ReadNames {
    let presets = Presets::default();
    let named = settings.files.iter().filter_map(|entry| entry.preset.as_deref()).chain([settings.preset.as_str()]);
    let mut all: Vec<Arc<Preset>> = Vec::new();
    for name in named {
        match name {
            "detect" => {
                let formats = [FormatName::Csv, FormatName::Json, FormatName::Ldif];
                all.extend(formats.into_iter().flat_map(|format| presets.detectable(format, settings)));
            }
            name => all.extend(presets.get(name, settings).ok()),
        }
    }
    let mut names = ReadNames::default();
    for preset in all {
        for slot in preset.names.slots() {
            let (name, usage) = (preset.names.name(slot).to_owned(), preset.use_of(slot));
            if usage.secret {
                names.secret.insert(name);
            } else if usage.used || preset.keeps_rest {
                names.read.insert(name);
            }
        }
        names.read.extend(preset.attributes.iter().map(|attribute| attribute.name.to_string()));
    }
    names
}

fn ready(form: PresetForm, settings: &Settings, file: &str) -> Ready {
    compile(form, settings).map(Arc::new).map_err(|messages| {
        let diagnostic = |message| Diagnostic::error("source.preset", message).with_place(Place::of_file(file));
        messages.into_iter().map(diagnostic).collect()
    })
}

/// Returns the form, keys of other presets filled in, and what to call it in messages.
fn load(name: &str, settings: &Settings) -> Result<(PresetForm, String), Vec<Diagnostic>> {
    if let Some(form) = built_in::find(name) {
        return Ok((form.clone(), format!("preset {name}")));
    }
    let path = settings.base.join(name);
    if !name.ends_with(".yaml") && !name.ends_with(".yml") && !path.is_file() {
        let diagnostic = Diagnostic::error("source.preset", format!("there is no preset `{name}`"));
        let help = match nearest(name, built_in_names()) {
            Some(near) => format!("did you mean `{near}`? a file of your own is named by its path"),
            None => format!(
                "use `detect`, the path of a preset file, or one of: {}",
                built_in_names().collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(vec![diagnostic.with_help(help)]);
    }
    let file = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| {
        vec![
            Diagnostic::error("source.preset", format!("the preset file `{name}` cannot be read: {error}"))
                .with_help("name a file that exists and is readable"),
        ]
    })?;
    let mut form: PresetForm = serde_saphyr::from_str(&text).map_err(|error| {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().to_owned();
        let place = match error.location() {
            Some(location) => Place { column: Some(location.column()), ..Place::of_line(&file, location.line()) },
            None => Place::of_file(&file),
        };
        vec![
            Diagnostic::error("source.preset", first)
                .with_place(place)
                .with_help("write the file in the form of the built-in presets"),
        ]
    })?;
    let unknown = form.inherit(|base| built_in::find(base).cloned());
    if unknown.is_empty() {
        return Ok((form, file));
    }
    let diagnostic = |base: String| {
        Diagnostic::error("source.preset", format!("there is no preset `{base}` to take a key from"))
            .with_place(Place::of_file(&file))
            .with_help(format!("use one of: {}", built_in_names().collect::<Vec<_>>().join(", ")))
    };
    Err(unknown.into_iter().map(diagnostic).collect())
}
