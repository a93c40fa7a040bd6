//! From the name of a file to a way of reading it: format, encoding, preset, columns (sources.md 5–8).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use encoding_rs::Encoding;

use super::anchor_source::AnchorSource;
use super::encoding::{self, Choice, Look, Reason};
use super::find::{Found, Stamp};
use super::frame::csv::{CsvFormat, HeaderStyle, Heading, read_heading};
use super::frame::json::{JsonFormat, JsonShape};
use super::frame::ldif::{LdifFormat, OptionRules};
use super::frame::{
    Decoder, Fault, FileFacts, FileFault, Format, FormatGuess, Framed, Framer, Limits, guess_format, probe,
    refuse_markup, sniff,
};
use super::peek::{self, Shows};
use super::preset::{self, Evidence, FormatName, Header, HeaderStyleName, Preset, Presets, fold};
use super::raw::{LdifChange, RawBody, RawRecord, RawValue};
use super::settings::Settings;

/// How much of a file is looked at to recognise it.
pub(super) const HEAD: usize = 64 << 10;
/// How much, where not even one record ends so soon.
const WIDE_HEAD: usize = 4 << 20;
/// How many of its records.
const FIRST: usize = 50;
/// How much of a CSV file is looked at for its heading.
const LONGEST_HEADING: usize = 512 << 10;
/// Fewer line ends than these may all stand before the end of a heading.
const LINES_AROUND_HEADING: usize = 16;

/// A file with all that is needed to read it.
pub struct Opened {
    pub stamp: Stamp,
    pub preset: Arc<Preset>,
    pub choice: Choice,
    pub format: Format,
    /// CSV: the names by position.
    pub columns: Vec<Arc<str>>,
    pub delimiter: Option<char>,
    /// The line of the heading.
    pub heading: Option<u64>,
    pub reasons: Vec<String>,
    pub anchor_sources: Arc<[AnchorSource]>,
}

/// What is known of a file that could not be opened.
#[derive(Debug, Default)]
pub struct Partly {
    pub preset: Option<String>,
    pub format: Option<FormatName>,
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    pub columns: Option<Vec<String>>,
}

/// Why a file is not read.
#[derive(Debug)]
pub enum NotOpened {
    /// Of no format that is known, and nobody asked for it.
    Skipped(FileFault),
    Refused(FileFault),
    /// The preset that is named is not there or is wrong.
    Preset(Vec<crate::diagnostic::Diagnostic>),
}

impl NotOpened {
    /// Says whether the file can be read, and none knows by which preset.
    pub fn is_for_want_of_preset(&self) -> bool {
        matches!(self, Self::Skipped(fault) | Self::Refused(fault) if fault.code == "format.ambiguous")
    }
}

/// Opens one file and finds out how it is to be read.
///
/// `siblings`: presets of the other exports, by one of which a file is read that shows no preset itself: one of changes, or without
/// a record.
pub fn open(
    found: &Found,
    settings: &Settings,
    presets: &Presets,
    known_before: bool,
    siblings: &[String],
    look: Look,
) -> Result<Opened, Box<(NotOpened, Partly)>> {
    let mut partly = Partly::default();
    open_inner(found, settings, presets, siblings, look, &mut partly).map_err(|refusal| {
        let refusal = match refusal {
            NotOpened::Refused(fault) if !found.is_named && !known_before && is_skippable(&found.name, &fault) => {
                NotOpened::Skipped(fault)
            }
            other => other,
        };
        Box::new((refusal, partly))
    })
}

/// A file that nobody asked for, whose name does not look like an export, may be anything.
fn is_skippable(name: &str, fault: &FileFault) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_export =
        [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".ldif", ".ldf"].iter().any(|end| lower.ends_with(end));
    !is_export && !matches!(fault.code, "file.unreadable" | "file.changed_while_read")
}

/// What is said where the exporter was still writing.
pub(super) fn changed() -> FileFault {
    let help = super::codes::help("file.changed_while_read");
    FileFault::new("file.changed_while_read", None, "the file was written while it was read", help)
}

pub(super) fn unreadable(error: &std::io::Error) -> FileFault {
    FileFault::new(
        "file.unreadable",
        None,
        format!("the file cannot be read: {error}"),
        super::codes::help("file.unreadable"),
    )
}

fn open_inner(
    found: &Found,
    settings: &Settings,
    presets: &Presets,
    siblings: &[String],
    look: Look,
    partly: &mut Partly,
) -> Result<Opened, NotOpened> {
    let refuse = NotOpened::Refused;
    let named = found.preset.as_deref().unwrap_or(&settings.preset);
    let named = match named {
        "detect" => None,
        name => Some(presets.get(name, settings).map_err(NotOpened::Preset)?),
    };
    if let Some(preset) = &named {
        partly.preset = Some(preset.name.clone());
        partly.format = Some(preset.format);
    }
    let mut file = found.open().map_err(|error| refuse(unreadable(&error)))?;
    let stamp = Stamp::of(&file.metadata().map_err(|error| refuse(unreadable(&error)))?);
    if stamp != found.stamp {
        return Err(refuse(changed()));
    }
    if stamp.size == 0 {
        let message = "the file has no bytes";
        return Err(refuse(FileFault::new("file.empty", None, message, super::codes::help("file.empty"))));
    }
    let mut head = head_of(&mut file).map_err(|error| refuse(unreadable(&error)))?;
    sniff(&head).map_err(refuse)?;
    let configured = configured_encoding(settings);
    let guess = match &named {
        Some(preset) => guess_of(preset.format),
        None => {
            let choice = encoding::choose(&mut file, FormatGuess::Json, None, &[], Look::Head).map_err(refuse)?;
            guess_format(&encoding::decode_head(&head, &choice))
        }
    };
    if guess == FormatGuess::Csv && head.len() == HEAD && line_ends(&head) < LINES_AROUND_HEADING {
        head = first_of(&mut file, LONGEST_HEADING).map_err(|error| refuse(unreadable(&error)))?;
        if head.len() == LONGEST_HEADING && line_ends(&head) == 0 {
            return Err(refuse(endless(&head, settings.limits)));
        }
    }
    let listed =
        |preset: &Preset| preset.csv.encodings.iter().filter_map(|label| encoding::by_label(label)).collect::<Vec<_>>();
    let list = named.as_ref().map(|preset| listed(preset)).unwrap_or_default();
    let mut choice = encoding::choose(&mut file, guess, configured, &list, look).map_err(refuse)?;
    partly.encoding = Some(encoding::name(choice.encoding));
    let text = encoding::decode_head(&head, &choice);
    refuse_markup(&text).map_err(refuse)?;
    if text.trim_ascii().is_empty() && stamp.size <= HEAD as u64 {
        let message = "the file holds nothing but white space";
        return Err(refuse(FileFault::new("file.empty", None, message, super::codes::help("file.empty"))));
    }
    let mut reasons = Vec::new();
    let preset = match named {
        Some(preset) => {
            reasons.push(format!("preset `{}`: named", preset.name));
            preset
        }
        None => {
            let preset = match detect(guess, &head, &text, &choice, settings, presets, siblings, &mut file) {
                Ok((preset, reason)) => {
                    reasons.push(format!("preset `{}`: {reason}", preset.name));
                    preset
                }
                Err(fault) => {
                    let preset = preset_of_changes(guess, &text, settings, presets, siblings).ok_or(refuse(fault))?;
                    reasons.push(format!("preset `{}`: the one of the export that the changes are for", preset.name));
                    preset
                }
            };
            let list = listed(&preset);
            if guess == FormatGuess::Csv && !list.is_empty() {
                choice = encoding::choose(&mut file, guess, configured, &list, look).map_err(refuse)?;
            }
            preset
        }
    };
    partly.preset = Some(preset.name.clone());
    partly.format = Some(preset.format);
    partly.encoding = Some(encoding::name(choice.encoding));
    reasons.push(format!("encoding `{}`: {}", encoding::name(choice.encoding), reason_of(choice.reason)));
    let text = encoding::decode_head(&head, &choice);
    let mut opened = Opened {
        stamp,
        format: Format::Json(JsonFormat::default()),
        columns: Vec::new(),
        delimiter: None,
        heading: None,
        reasons,
        choice,
        preset: Arc::clone(&preset),
        anchor_sources: Arc::new([]),
    };
    opened.format = match preset.format {
        FormatName::Json => Format::Json(JsonFormat { records: preset.json.records.clone() }),
        FormatName::Ldif => Format::Ldif(LdifFormat {
            options: Some(OptionRules {
                strip: preset.ldif.strip_options.clone(),
                drop_if: preset.ldif.drop_if_option.clone(),
            }),
            fallback: choice.fallback,
        }),
        FormatName::Csv => Format::Csv(csv_format(&text, &preset, settings, &mut opened, partly).map_err(refuse)?),
    };
    Ok(opened)
}

/// What is wrong with a CSV file whose first line does not end.
fn endless(head: &[u8], limits: Limits) -> FileFault {
    let columns = b",;\t".iter().map(|delimiter| memchr::memchr_iter(*delimiter, head).count()).max().unwrap_or(0);
    if columns > limits.columns {
        let message = format!("the heading has more than {columns} columns; at most {} are read", limits.columns);
        return FileFault::new("limit.columns", Some(1), message, "export fewer columns");
    }
    let message = format!("the first line is longer than {} bytes: it is no heading", head.len());
    FileFault::new("csv.no_known_heading", Some(1), message, "export the file anew; the first line names its columns")
}

fn line_ends(head: &[u8]) -> usize {
    memchr::memchr2_iter(b'\n', b'\r', head).take(LINES_AROUND_HEADING).count()
}

pub(super) fn head_of(file: &mut File) -> std::io::Result<Vec<u8>> {
    first_of(file, HEAD)
}

fn first_of(file: &mut File, length: usize) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(length);
    file.seek(SeekFrom::Start(0))?;
    file.take(length as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn configured_encoding(settings: &Settings) -> Option<&'static Encoding> {
    settings.encoding.as_deref().filter(|label| *label != "auto").and_then(encoding::by_label)
}

fn guess_of(format: FormatName) -> FormatGuess {
    match format {
        FormatName::Csv => FormatGuess::Csv,
        FormatName::Json => FormatGuess::Json,
        FormatName::Ldif => FormatGuess::Ldif,
    }
}

fn format_of(guess: FormatGuess) -> FormatName {
    match guess {
        FormatGuess::Csv => FormatName::Csv,
        FormatGuess::Json => FormatName::Json,
        FormatGuess::Ldif => FormatName::Ldif,
    }
}

fn reason_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Mark => "the file has a byte-order mark",
        Reason::Configured => "set in `source.encoding`",
        Reason::Preset => "the only one of the preset",
        Reason::Format => "JSON and LDIF are UTF-8",
        // as it turns out, or it is read again
        Reason::Provisional | Reason::Whole => "the whole file is UTF-8",
        Reason::Mostly => "most lines are UTF-8",
        Reason::Guessed => "guessed from the bytes",
    }
}

fn style_of(style: HeaderStyleName) -> HeaderStyle {
    match style {
        HeaderStyleName::Plain => HeaderStyle::Plain,
        HeaderStyleName::Bracketed => HeaderStyle::Bracketed,
        HeaderStyleName::SuffixBracket => HeaderStyle::SuffixBracket,
    }
}

/// Reads the heading with the delimiter that it shows most; where the preset does not know it so, with the one by which it does:
/// `Login name,Display name` has more blanks than commas, and both may stand between columns. Of two that it shows equally often
/// the other must stand in columns only that the preset knows.
fn heading_of(text: &[u8], preset: &Preset) -> Result<Heading, FileFault> {
    let mut delimiters: Vec<u8> = preset.csv.delimiters.iter().filter_map(|text| text.bytes().next()).collect();
    if delimiters.is_empty() {
        delimiters.push(b',');
    }
    let read = |delimiters: &[u8]| {
        read_heading(text, delimiters, style_of(preset.csv.header_style), &preset.csv.skip_lines_starting)
    };
    let shown = read(&delimiters)?;
    let Some(detect) = preset.detect.as_ref().filter(|detect| !detect.header_all.is_empty()) else { return Ok(shown) };
    let fits = |heading: &Heading| {
        let (is_heading, columns) = columns_of(heading, preset);
        is_heading && preset::missing(detect, &columns).is_empty()
    };
    if delimiters.len() == 1 || (!shown.is_delimiter_unsure && fits(&shown)) {
        return Ok(shown);
    }
    let names = column_names(preset);
    let is_whole = |cell: &String| {
        let known = names.contains_key(&fold(cell)) || preset.names.find(cell).is_some();
        known || !cell.bytes().any(|byte| delimiters.contains(&byte))
    };
    let others = delimiters.iter().filter_map(|delimiter| read(&[*delimiter]).ok());
    let mut fitting = others.filter(|heading| {
        let is_told = !shown.is_delimiter_unsure || heading.columns.iter().all(is_whole);
        !heading.is_delimiter_unsure && is_told && fits(heading)
    });
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Ok(shown),
    }
}

/// The names that the preset gives headings, which may be in the language of the console.
fn column_names(preset: &Preset) -> HashMap<Cow<'_, str>, &str> {
    let mut names: HashMap<Cow<'_, str>, &str> = HashMap::new();
    for (key, texts) in &preset.csv.column_names {
        for text in std::iter::once(key).chain(texts) {
            names.entry(fold(text)).or_insert(key);
        }
    }
    for name in &preset.csv.columns {
        names.entry(fold(name)).or_insert(name);
    }
    names
}

/// Columns as the preset names them; the heading may be left out (`header: auto`).
fn columns_of(heading: &Heading, preset: &Preset) -> (bool, Vec<String>) {
    let names = column_names(preset);
    let name_of = |cell: &String| names.get(&fold(cell)).copied();
    let by_position = || preset.csv.columns.clone();
    let named = || heading.columns.iter().map(|cell| name_of(cell).unwrap_or(cell).to_owned()).collect();
    match preset.csv.header {
        Header::Required => (true, named()),
        Header::Absent => (false, by_position()),
        Header::Auto => {
            let known = heading.columns.iter().filter(|cell| name_of(cell).is_some()).count();
            if known >= 2 { (true, named()) } else { (false, by_position()) }
        }
    }
}

fn csv_format(
    text: &[u8],
    preset: &Preset,
    settings: &Settings,
    opened: &mut Opened,
    partly: &mut Partly,
) -> Result<CsvFormat, FileFault> {
    let heading = heading_of(text, preset)?;
    let (is_heading, columns) = columns_of(&heading, preset);
    opened.delimiter = Some(char::from(heading.delimiter));
    partly.delimiter = opened.delimiter;
    partly.columns = Some(columns.clone());
    if is_heading {
        opened.heading = Some(heading.line);
        let several = preset.names.len() > 1;
        Heading { columns: columns.clone(), ..heading.clone() }.check(settings.limits, several)?;
        check_known(&heading, &columns, preset)?;
    }
    let delimiter = opened.delimiter.unwrap_or(',');
    opened.reasons.push(format!("delimiter `{}`: the one that the heading shows most", delimiter.escape_default()));
    opened.columns = columns.iter().map(|name| Arc::from(name.as_str())).collect();
    Ok(CsvFormat {
        delimiter: heading.delimiter,
        skip_lines_starting: preset.csv.skip_lines_starting.clone(),
        heading: is_heading,
        columns: opened.columns.clone(),
        unquoted_doubled_quotes: preset.csv.unquoted_doubled_quotes,
    })
}

fn check_known(heading: &Heading, columns: &[String], preset: &Preset) -> Result<(), FileFault> {
    let missing = preset.detect.as_ref().map(|detect| preset::missing(detect, columns)).unwrap_or_default();
    let known = columns.iter().any(|column| preset.names.find(column).is_some());
    if missing.is_empty() && known {
        return Ok(());
    }
    let lacks = if missing.is_empty() {
        "has none of its columns".to_owned()
    } else {
        format!("lacks `{}`", missing.join("`, `"))
    };
    Err(FileFault::new(
        "csv.no_known_heading",
        Some(heading.line),
        format!("the heading is not that of `{}`: it {lacks}", preset.name),
        "export with the heading row and these columns, or name the right preset in `source.preset`",
    ))
}

/// A few changes need not have a name by which a preset is recognised; the export that they are for has.
fn preset_of_changes(
    guess: FormatGuess,
    text: &[u8],
    settings: &Settings,
    presets: &Presets,
    siblings: &[String],
) -> Option<Arc<Preset>> {
    if peek::shows(guess, text) == Shows::None {
        return None;
    }
    let detectable = presets.detectable(format_of(guess), settings);
    let mut fitting = detectable.into_iter().filter(|preset| siblings.contains(&preset.name));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

#[allow(clippy::too_many_arguments)] // all of it is what one file shows
fn detect(
    guess: FormatGuess,
    head: &[u8],
    text: &[u8],
    choice: &Choice,
    settings: &Settings,
    presets: &Presets,
    siblings: &[String],
    file: &mut File,
) -> Result<(Arc<Preset>, &'static str), FileFault> {
    let candidates = presets.detectable(format_of(guess), settings);
    let show = |head: &[u8]| match guess {
        FormatGuess::Csv => candidates.iter().map(|preset| csv_evidence(text, preset)).collect(),
        FormatGuess::Json => vec![json_evidence(head, choice, settings.limits, &candidates); candidates.len()],
        FormatGuess::Ldif => vec![ldif_evidence(head, choice, settings.limits); candidates.len()],
    };
    let mut shown: Vec<Evidence> = show(head);
    let mut chosen = preset::choose(candidates.iter().map(Arc::as_ref).zip(&shown));
    if head.len() == HEAD && guess != FormatGuess::Csv && chosen.as_ref().is_err_and(Vec::is_empty) {
        // the first record may be longer: a photograph, a list of members
        let wide = first_of(file, WIDE_HEAD).map_err(|error| unreadable(&error))?;
        shown = show(&wide);
        chosen = preset::choose(candidates.iter().map(Arc::as_ref).zip(&shown));
    }
    match chosen {
        Ok(index) => Ok((Arc::clone(&candidates[index]), "recognised by its names")),
        Err(tied) if !tied.is_empty() => {
            let of_siblings = |index: &&usize| siblings.contains(&candidates[**index].name);
            let is_empty = shown.iter().any(|evidence| evidence.is_empty);
            let mut fitting = tied.iter().filter(of_siblings);
            if let (true, Some(only), None) = (is_empty, fitting.next(), fitting.next()) {
                return Ok((Arc::clone(&candidates[*only]), "the one of the other exports: it holds no record"));
            }
            let names: Vec<&str> = tied.iter().map(|index| candidates[*index].name.as_str()).collect();
            let what = if is_empty {
                "holds no record, and may be of several presets"
            } else {
                "fits several presets equally well"
            };
            let message = format!("the file {what}: `{}`", names.join("`, `"));
            Err(FileFault::new("format.ambiguous", None, message, super::codes::help("format.ambiguous")))
        }
        Err(_) => Err(unknown(guess, text, &candidates, &shown, settings, choice, file)),
    }
}

fn csv_evidence(text: &[u8], preset: &Preset) -> Evidence {
    let Ok(heading) = heading_of(text, preset) else { return Evidence::default() };
    let (is_heading, columns) = columns_of(&heading, preset);
    Evidence { names: if is_heading { columns } else { Vec::new() }, lines: heading.skipped, ..Evidence::default() }
}

fn json_evidence(head: &[u8], choice: &Choice, limits: Limits, candidates: &[Arc<Preset>]) -> Evidence {
    let mut records: Vec<String> = Vec::new();
    for name in candidates.iter().flat_map(|preset| &preset.json.records).filter(|name| !name.is_empty()) {
        if !records.contains(name) {
            records.push(name.clone());
        }
    }
    records.push(String::new());
    let (mut names, mut schemas) = (Names::default(), Vec::new());
    let shown = probe(head, choice, &Format::Json(JsonFormat { records }), limits, FIRST, |record| {
        names.note_record(record);
        let listed = record.attribute("schemas").into_iter().flat_map(|attribute| &attribute.values);
        schemas.extend(listed.filter_map(RawValue::as_text).map(str::to_owned));
    });
    let mut evidence = Evidence { names: names.list, is_empty: shown.has_none(), ..Evidence::default() };
    if let FileFacts::Json(facts) = &shown.facts {
        evidence.context = facts.text("@odata.context");
        evidence.under = facts.shape.as_ref().map(|shape| match shape {
            JsonShape::Under(name) => name.clone(),
            JsonShape::Array | JsonShape::Lines => String::new(),
        });
        let listed = facts.members.iter().find(|(name, _)| name == "schemas");
        let listed: Option<Vec<String>> = listed.and_then(|(_, text)| serde_json::from_str(text).ok());
        evidence.schemas.extend(listed.unwrap_or_default());
    }
    evidence.schemas.append(&mut schemas);
    evidence
}

fn ldif_evidence(head: &[u8], choice: &Choice, limits: Limits) -> Evidence {
    let format = LdifFormat { options: Some(OptionRules::default()), fallback: choice.fallback };
    let mut names = Names::default();
    let shown = probe(head, choice, &Format::Ldif(format), limits, FIRST, |record| names.note_record(record));
    // comments may fill all of it
    let is_empty = shown.has_none() && head.len() < HEAD;
    // what cannot be read shows all the same which server wrote it
    let lines = shown.refused.iter().flat_map(|bytes| bytes.split(|byte| matches!(byte, b'\n' | b'\r')));
    for name in lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once([':', ';'])).map(|(name, _)| name) {
        names.note(name);
    }
    Evidence { names: names.list, is_empty, ..Evidence::default() }
}

/// Names in the order in which they came first.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    /// The one behind that which came last: records have theirs in much the same order.
    next: usize,
}

impl Names {
    fn note_record(&mut self, record: &RawRecord<'_>) {
        let without_options = |name: &str| name.split(';').next().unwrap_or_default().len();
        for name in record.attributes.iter().map(|attribute| &*attribute.name) {
            self.note(&name[..without_options(name)]);
        }
        if let RawBody::Change(LdifChange::Modify(parts)) = &record.body {
            for name in parts.iter().map(|part| &*part.attribute) {
                self.note(&name[..without_options(name)]);
            }
        }
    }

    fn note(&mut self, name: &str) {
        let is_next = self.list.get(self.next).is_some_and(|next| next == name);
        let at = if is_next { Some(self.next) } else { self.list.iter().position(|other| other == name) };
        if at.is_none() {
            self.list.push(name.to_owned());
        }
        self.next = at.unwrap_or(self.list.len() - 1) + 1;
    }
}

/// What is wrong with a file that no preset takes.
fn unknown(
    guess: FormatGuess,
    text: &[u8],
    candidates: &[Arc<Preset>],
    shown: &[Evidence],
    settings: &Settings,
    choice: &Choice,
    file: &mut File,
) -> FileFault {
    match guess {
        FormatGuess::Csv => {
            if let Some(fault) = candidates.iter().find_map(|preset| without_delimiter(text, preset, settings.limits)) {
                return fault;
            }
            let nearest = candidates.iter().zip(shown).filter_map(|(preset, evidence)| {
                let detect = preset.detect.as_ref()?;
                let missing = preset::missing(detect, &evidence.names);
                let found = detect.header_all.len() - missing.len();
                Some((found, std::cmp::Reverse(missing.len()), preset, missing))
            });
            let line = candidates.iter().find_map(|preset| heading_of(text, preset).ok()).map(|heading| heading.line);
            let message = match nearest.max_by_key(|(found, missing, ..)| (*found, *missing)) {
                Some((found, _, preset, missing)) if found > 0 && !missing.is_empty() => {
                    format!(
                        "no preset knows the heading; the nearest is `{}`, whose columns `{}` it lacks",
                        preset.name,
                        missing.join("`, `")
                    )
                }
                Some((found, _, preset, _)) if found > 0 => {
                    let any = preset.detect.as_ref().map(|detect| detect.header_any.join("`, `")).unwrap_or_default();
                    format!(
                        "no preset knows the heading; the nearest is `{}`, which needs one of `{any}` too",
                        preset.name
                    )
                }
                _ => "no preset knows the heading".to_owned(),
            };
            FileFault::new(
                "csv.no_known_heading",
                line,
                message,
                "name the preset in `source.preset`, or write one of your own for these columns and name its file there",
            )
        }
        FormatGuess::Json => frame_fault(guess, settings, choice, candidates, file).unwrap_or_else(|| {
            let is_of_groups =
                |evidence: &Evidence| evidence.context.as_ref().is_some_and(|context| context.contains("$metadata#groups"));
            // read by the preset alone its groups would be people
            let help = match shown.iter().any(is_of_groups) {
                true => "say in `source.files` that it holds groups: `- { match: groups*.json, preset: entra-graph-json, role: groups }`",
                false => "name the preset in `source.preset`, or write one of your own and name its file there",
            };
            FileFault::new("format.ambiguous", None, "no preset knows the names of the records", help)
        }),
        FormatGuess::Ldif => frame_fault(guess, settings, choice, candidates, file).unwrap_or_else(|| {
            let message = "no preset knows the attributes: the export has none by which directories can be told apart";
            FileFault::new(
                "format.ambiguous",
                None,
                message,
                "name the preset in `source.preset`: openldap-ldif, 389ds-ldif, ad-ldif or edirectory-ldif",
            )
        }),
    }
}

/// What is wrong with a heading that is the preset's, if only its columns stood between one delimiter of the preset.
fn without_delimiter(text: &[u8], preset: &Preset, limits: Limits) -> Option<FileFault> {
    let detect = preset.detect.as_ref().filter(|detect| !detect.header_all.is_empty())?;
    let is_it = |heading: &Heading| {
        let (is_heading, columns) = columns_of(heading, preset);
        is_heading && preset::missing(detect, &columns).is_empty()
    };
    let shown = heading_of(text, preset).ok()?;
    if is_it(&shown) {
        return if shown.is_delimiter_unsure { shown.check(limits, true).err() } else { None };
    }
    let others = b",;\t|".iter().filter(|&&byte| !preset.csv.delimiters.iter().any(|own| own.as_bytes() == [byte]));
    others.copied().find_map(|delimiter| {
        let style = style_of(preset.csv.header_style);
        let heading = read_heading(text, &[delimiter], style, &preset.csv.skip_lines_starting).ok()?;
        is_it(&heading).then(|| {
            let own: Vec<String> =
                preset.csv.delimiters.iter().map(|text| format!("`{}`", text.escape_default())).collect();
            let message = format!(
                "the heading is that of `{}` with `{}` between its columns, which is none of {}",
                preset.name,
                char::from(delimiter).escape_default(),
                own.join(", ")
            );
            let help =
                "export the file with a delimiter of the preset, or begin it with a line `sep=` and the delimiter";
            FileFault::new("csv.no_delimiter", Some(heading.line), message, help)
        })
    })
}

/// What the file is refused for whatever its preset: an error document, a file that is cut, a version that is not known, bytes that
/// are not in the encoding.
fn frame_fault(
    guess: FormatGuess,
    settings: &Settings,
    choice: &Choice,
    candidates: &[Arc<Preset>],
    file: &mut File,
) -> Option<FileFault> {
    let format = match guess {
        FormatGuess::Ldif => Format::Ldif(LdifFormat { options: None, fallback: choice.fallback }),
        FormatGuess::Json | FormatGuess::Csv => {
            let mut records: Vec<String> = candidates.iter().flat_map(|preset| preset.json.records.clone()).collect();
            records.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            records.dedup();
            Format::Json(JsonFormat { records })
        }
    };
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut framer = Framer::new(file, choice, &format, settings.limits);
    // of the values none is asked for, and still they must be in the encoding
    let mut decoder = Decoder::of_wanted(&format, settings.limits, Some(std::rc::Rc::new(|_| false)));
    let mut count = 0_u64;
    loop {
        match framer.next() {
            Ok(Some(framed)) => {
                count += 1;
                if let Framed::Record { line, bytes } = framed
                    && let Err(Fault::File(fault)) = decoder.decode(bytes, line)
                {
                    return Some(fault);
                }
            }
            Ok(None) => break,
            Err(fault) => return Some(fault),
        }
    }
    // one object of which nothing is known is the answer of a service rather than the list of a directory
    let FileFacts::Json(facts) = framer.finish() else { return None };
    (count == 1 && facts.shape == Some(JsonShape::Lines)).then(|| {
        let message = "the document has no records: it is one object that no preset knows";
        FileFault::new("json.no_records", Some(1), message, "name the preset of the exporter, or export anew")
    })
}
