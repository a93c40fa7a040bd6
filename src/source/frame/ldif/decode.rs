//! Turns the bytes of an LDIF record into its values.

use std::borrow::Cow;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use memchr::memchr;

use super::super::{Limits, RecordFault, Wanted};
use super::LdifFormat;
use super::changes;
use super::description::{Description, Descriptions};
use super::dn::is_dn;
use super::lines::{Line, Lines};
use crate::source::few::Few;
use crate::source::raw::{RawAttribute, RawBody, RawRecord, RawValue};

/// Turns the bytes of an LDIF record into its values.
pub struct LdifDecoder {
    pub(super) descriptions: Descriptions,
    fallback: Option<&'static Encoding>,
    limits: Limits,
    dn: Rc<str>,
    /// By slot of the name.
    places: Vec<Place>,
    stamp: u64,
    /// How many names this record has.
    names: usize,
}

/// What the record of this stamp has of a name.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    stamp: u64,
    /// Its place among the attributes.
    at: Option<usize>,
    values: usize,
}

/// A line cut at its colon.
pub(super) struct Cut<'a> {
    pub(super) name: &'a [u8],
    pub(super) spec: Spec<'a>,
}

/// What stands after the colon, blanks passed over.
pub(super) enum Spec<'a> {
    Text(&'a [u8]),
    Base64(&'a [u8]),
    Url(&'a [u8]),
}

impl LdifDecoder {
    pub fn new(format: &LdifFormat, limits: Limits, wanted: Option<Wanted>) -> Self {
        Self {
            descriptions: Descriptions::new(format.options.clone(), wanted),
            fallback: format.fallback,
            limits,
            dn: "dn".into(),
            places: Vec::new(),
            stamp: 0,
            names: 0,
        }
    }

    /// Reads an entry or a change; its DN comes first, as the attribute `dn`.
    pub fn decode<'a>(&mut self, bytes: &'a [u8], line: u64) -> Result<RawRecord<'a>, RecordFault> {
        check_characters(bytes, line)?;
        self.descriptions.begin_record();
        self.stamp += 1;
        self.names = 1;
        let mut lines = Lines::new(bytes, line).peekable();
        let Some(first) = lines.next() else {
            return Err(RecordFault::new(line, "ldif.no_dn", "the record has no `dn:` line"));
        };
        let dn = self.distinguished_name(first, line)?;
        let mut attributes = Vec::with_capacity(32);
        attributes.push(dn);
        let mut record = RawRecord { line, attributes, body: RawBody::Content, warnings: Vec::new() };
        if let Some(kind) = changes::change_type(&mut lines, line)? {
            record.body = RawBody::Change(changes::read(self, kind, &mut lines, &mut record.attributes, line)?);
            return Ok(record);
        }
        for next in lines {
            self.add_line(next, &mut record.attributes, line)?;
        }
        Ok(record)
    }

    /// Adds the value of a line to the attributes of an entry.
    pub(super) fn add_line<'a>(
        &mut self,
        line: Line<'a>,
        attributes: &mut Vec<RawAttribute<'a>>,
        record: u64,
    ) -> Result<(), RecordFault> {
        let at = line.number;
        match line.text {
            Cow::Borrowed(text) => {
                if let Some((slot, value)) = self.read_line(text, at, record)? {
                    self.add(slot, value, attributes, at, record)?;
                }
            }
            Cow::Owned(text) => {
                if let Some((slot, value)) = self.read_line(&text, at, record)? {
                    self.add(slot, value.map(RawValue::into_owned), attributes, at, record)?;
                }
            }
        }
        Ok(())
    }

    /// Reads a line of an entry: the number of its description, and the value unless nobody wants it.
    fn read_line<'t>(
        &mut self,
        text: &'t [u8],
        at: u64,
        record: u64,
    ) -> Result<Option<(usize, Option<RawValue<'t>>)>, RecordFault> {
        let cut = cut_text(text, at, record)?;
        if is_keyword(cut.name, &["dn", "changetype"]) {
            return Err(unexpected(record, at));
        }
        let Some(number) = self.descriptions.read(cut.name) else { return Err(bad_name(record, at)) };
        let description = self.descriptions.get(number);
        if description.is_dropped {
            return Ok(None);
        }
        // what nobody uses is not decoded (sources.md 9.6); a URL is told of
        let value = match &cut.spec {
            Spec::Text(_) if !description.is_wanted => None,
            spec => Some(value_of(spec, description, self.fallback, record, at)?),
        };
        Ok(Some((number, value)))
    }

    fn add<'a>(
        &mut self,
        number: usize,
        value: Option<RawValue<'a>>,
        attributes: &mut Vec<RawAttribute<'a>>,
        at: u64,
        record: u64,
    ) -> Result<(), RecordFault> {
        let slots = self.descriptions.slots();
        if self.places.len() < slots {
            self.places.resize(slots, Place::default());
        }
        let Description { slot, is_cut, name, is_wanted, .. } = self.descriptions.get(number);
        let place = &mut self.places[*slot];
        if place.stamp != self.stamp {
            if self.names > self.limits.columns {
                let message = format!("the record has more than {} attributes", self.limits.columns);
                return Err(RecordFault::new(record, "limit.columns", message).at(at));
            }
            self.names += 1;
            *place = Place { stamp: self.stamp, at: None, values: 0 };
        }
        if place.values >= self.limits.values {
            let message = format!("the attribute has more than {} values", self.limits.values);
            return Err(RecordFault::new(record, "limit.values", message).at(at).of_attribute(&**name));
        }
        place.values += 1;
        let Some(value) = value.filter(|value| *is_wanted || matches!(value, RawValue::Url(_))) else { return Ok(()) };
        let incomplete = is_cut.then_some(at);
        match place.at {
            Some(place) => {
                let attribute = &mut attributes[place];
                attribute.values.push(value);
                attribute.incomplete = attribute.incomplete.or(incomplete);
            }
            None => {
                place.at = Some(attributes.len());
                attributes.push(RawAttribute { name: Rc::clone(name), values: Few::One(value), line: at, incomplete });
            }
        }
        Ok(())
    }

    /// Reads a value that must be text, such as a DN.
    pub(super) fn text<'t>(
        &self,
        spec: &Spec<'t>,
        name: &str,
        record: u64,
        at: u64,
    ) -> Result<Cow<'t, str>, RecordFault> {
        let octets = octets_of(spec, name, record, at)?;
        if let RawValue::Text(text) = text_or_octets(octets, self.fallback) {
            return Ok(text);
        }
        let message = format!("`{name}` holds bytes that are not UTF-8");
        Err(RecordFault::new(record, "encoding.invalid", message).at(at).of_attribute(name))
    }

    /// Reads the value of a line that changes an attribute.
    pub(super) fn value(
        &mut self,
        cut: &Cut<'_>,
        record: u64,
        at: u64,
    ) -> Result<(Rc<str>, usize, RawValue<'static>), RecordFault> {
        let Some(number) = self.descriptions.read(cut.name) else { return Err(bad_name(record, at)) };
        let description = self.descriptions.get(number);
        let value = value_of(&cut.spec, description, self.fallback, record, at)?;
        Ok((Rc::clone(&description.name), description.slot, value.into_owned()))
    }

    pub(super) fn value_limit(&self) -> usize {
        self.limits.values
    }

    fn distinguished_name<'a>(&self, first: Line<'a>, line: u64) -> Result<RawAttribute<'a>, RecordFault> {
        let at = first.number;
        let text = match first.text {
            Cow::Borrowed(text) => self.dn_of(text, at, line)?,
            Cow::Owned(text) => self.dn_of(&text, at, line)?.into_owned().into(),
        };
        if !is_dn(&text) {
            let fault = RecordFault::new(line, "ldif.dn", "the text after `dn:` is no distinguished name");
            return Err(fault.at(at).of_attribute("dn"));
        }
        let values = Few::One(RawValue::Text(text));
        Ok(RawAttribute { name: Rc::clone(&self.dn), values, line: at, incomplete: None })
    }

    fn dn_of<'t>(&self, text: &'t [u8], at: u64, line: u64) -> Result<Cow<'t, str>, RecordFault> {
        let cut = cut_text(text, at, line)?;
        if !is_keyword(cut.name, &["dn"]) {
            let fault = RecordFault::new(line, "ldif.no_dn", "the first line of the record is no `dn:` line");
            return Err(fault.at(at));
        }
        self.text(&cut.spec, "dn", line, at)
    }
}

/// Refuses CRs that end no line, and NULs.
fn check_characters(bytes: &[u8], line: u64) -> Result<(), RecordFault> {
    let at = |position: usize| line + memchr::memchr_iter(b'\n', &bytes[..position]).count() as u64;
    if let Some(position) = memchr(0, bytes) {
        return Err(RecordFault::new(line, "text.nul", "the record holds a NUL character").at(at(position)));
    }
    let mut from = 0;
    while let Some(position) = memchr(b'\r', &bytes[from..]).map(|position| from + position) {
        from = position + bytes[position..].iter().take_while(|&&byte| byte == b'\r').count();
        if !matches!(bytes.get(from), Some(b'\n') | None) {
            return Err(bare_cr(line, at(position)));
        }
    }
    Ok(())
}

/// Cuts a line at its colon.
pub(super) fn cut<'a>(line: &'a Line<'_>, record: u64) -> Result<Cut<'a>, RecordFault> {
    cut_text(&line.text, line.number, record)
}

fn cut_text(text: &[u8], at: u64, record: u64) -> Result<Cut<'_>, RecordFault> {
    let Some(colon) = find_colon(text) else {
        return Err(RecordFault::new(record, "ldif.no_colon", "a line has no colon after the attribute's name").at(at));
    };
    let rest = &text[colon + 1..];
    let spec = match rest.first() {
        Some(b':') => Spec::Base64(after_blanks(&rest[1..])),
        Some(b'<') => Spec::Url(after_blanks(&rest[1..])),
        Some(_) | None => Spec::Text(after_blanks(rest)),
    };
    Ok(Cut { name: &text[..colon], spec })
}

/// How many bytes are looked at one by one: most names end before a search by vectors has begun.
const NEAR: usize = 16;

fn find_colon(text: &[u8]) -> Option<usize> {
    let near = &text[..text.len().min(NEAR)];
    match near.iter().position(|&byte| byte == b':') {
        Some(at) => Some(at),
        None => memchr(b':', &text[near.len()..]).map(|at| near.len() + at),
    }
}

fn after_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&byte| byte == b' ').count()..]
}

pub(super) fn is_keyword(name: &[u8], keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| name.eq_ignore_ascii_case(keyword.as_bytes()))
}

fn value_of<'t>(
    spec: &Spec<'t>,
    description: &Description,
    fallback: Option<&'static Encoding>,
    record: u64,
    at: u64,
) -> Result<RawValue<'t>, RecordFault> {
    if let Spec::Url(url) = spec {
        return Ok(RawValue::Url(String::from_utf8_lossy(url)));
    }
    let octets = octets_of(spec, &description.name, record, at)?;
    Ok(if description.is_octets { RawValue::Bytes(octets) } else { text_or_octets(octets, fallback) })
}

fn octets_of<'t>(spec: &Spec<'t>, name: &str, record: u64, at: u64) -> Result<Cow<'t, [u8]>, RecordFault> {
    let fault = |code, message: String| RecordFault::new(record, code, message).at(at).of_attribute(name);
    match spec {
        Spec::Text(text) => Ok(Cow::Borrowed(text)),
        Spec::Base64(text) => {
            let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
            STANDARD
                .decode(&text[..end])
                .map(Cow::Owned)
                .map_err(|_| fault("ldif.base64", format!("the value of `{name}` is not base64")))
        }
        Spec::Url(_) => Err(fault(
            "ldif.url_refused",
            format!("the value of `{name}` is in another place, which is never opened; leave out `-t` of ldapsearch"),
        )),
    }
}

fn text_or_octets<'t>(octets: Cow<'t, [u8]>, fallback: Option<&'static Encoding>) -> RawValue<'t> {
    // the text of a record is looked through for NULs before
    if matches!(&octets, Cow::Owned(octets) if memchr(0, octets).is_some()) {
        return RawValue::Bytes(octets);
    }
    let octets = match octets {
        Cow::Borrowed(octets) => match std::str::from_utf8(octets) {
            Ok(text) => return RawValue::Text(text.into()),
            Err(_) => Cow::Borrowed(octets),
        },
        Cow::Owned(octets) => match String::from_utf8(octets) {
            Ok(text) => return RawValue::Text(text.into()),
            Err(error) => Cow::Owned(error.into_bytes()),
        },
    };
    let decoded = fallback.and_then(|encoding| encoding.decode_without_bom_handling_and_without_replacement(&octets));
    match decoded {
        Some(text) => RawValue::Text(text.into_owned().into()),
        None => RawValue::Bytes(octets),
    }
}

pub(super) fn unexpected(record: u64, at: u64) -> RecordFault {
    RecordFault::new(record, "ldif.unexpected_line", "a line stands where it may not stand").at(at)
}

pub(super) fn bare_cr(record: u64, at: u64) -> RecordFault {
    RecordFault::new(record, "ldif.bare_cr", "a carriage return stands inside a line").at(at)
}

fn bad_name(record: u64, at: u64) -> RecordFault {
    RecordFault::new(record, "ldif.attribute_name", "the text before the colon is no attribute name").at(at)
}
