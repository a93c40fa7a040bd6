//! Turns the bytes of an LDIF record into its values.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use memchr::memchr;

use super::super::{Limits, RecordFault};
use super::LdifFormat;
use super::changes;
use super::description::{Description, Descriptions};
use super::dn::is_dn;
use super::lines::{Line, Lines};
use crate::source::raw::{RawAttribute, RawBody, RawRecord, RawValue};

/// Turns the bytes of an LDIF record into its values.
pub struct LdifDecoder {
    pub(super) descriptions: Descriptions,
    fallback: Option<&'static Encoding>,
    limits: Limits,
    dn: Arc<str>,
    /// By slot of the name: its place among the attributes of this record, if `stamp` is its own.
    places: Vec<(u64, usize)>,
    stamp: u64,
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
    pub fn new(format: &LdifFormat, limits: Limits) -> Self {
        Self {
            descriptions: Descriptions::new(format.options.clone()),
            fallback: format.fallback,
            limits,
            dn: "dn".into(),
            places: Vec::new(),
            stamp: 0,
        }
    }

    /// Reads an entry or a change; its DN comes first, as the attribute `dn`.
    pub fn decode(&mut self, bytes: &[u8], line: u64) -> Result<RawRecord, RecordFault> {
        check_characters(bytes, line)?;
        self.descriptions.begin_record();
        self.stamp += 1;
        let mut lines = Lines::new(bytes, line).peekable();
        let Some(first) = lines.next() else {
            return Err(RecordFault::new(line, "ldif.no_dn", "the record has no `dn:` line"));
        };
        let dn = self.distinguished_name(&first, line)?;
        let mut record = RawRecord { line, attributes: vec![dn], body: RawBody::Content, warnings: Vec::new() };
        if let Some(kind) = changes::change_type(&mut lines, line)? {
            record.body = RawBody::Change(changes::read(self, kind, &mut lines, &mut record.attributes, line)?);
            return Ok(record);
        }
        for next in lines {
            self.add_line(&next, &mut record.attributes, line)?;
        }
        Ok(record)
    }

    /// Adds the value of a line to the attributes of an entry.
    pub(super) fn add_line(
        &mut self,
        line: &Line<'_>,
        attributes: &mut Vec<RawAttribute>,
        record: u64,
    ) -> Result<(), RecordFault> {
        let cut = cut(line, record)?;
        if is_keyword(cut.name, &["dn", "changetype"]) {
            return Err(unexpected(record, line.number));
        }
        let Some(description) = self.descriptions.read(cut.name) else { return Err(bad_name(record, line.number)) };
        if description.is_dropped {
            return Ok(());
        }
        let value = value_of(&cut.spec, description, self.fallback, record, line.number)?;
        let Description { slot, is_cut, .. } = *description;
        let name = description.name.clone();
        let slots = self.descriptions.slots();
        if self.places.len() < slots {
            self.places.resize(slots, (0, 0));
        }
        let place = &mut self.places[slot];
        if place.0 != self.stamp {
            if attributes.len() > self.limits.columns {
                let message = format!("the record has more than {} attributes", self.limits.columns);
                return Err(RecordFault::new(record, "limit.columns", message).at(line.number));
            }
            *place = (self.stamp, attributes.len());
            attributes.push(RawAttribute { name, values: Vec::new(), line: line.number, incomplete: None });
        }
        let attribute = &mut attributes[place.1];
        if attribute.values.len() >= self.limits.values {
            let message = format!("the attribute has more than {} values", self.limits.values);
            return Err(RecordFault::new(record, "limit.values", message)
                .at(line.number)
                .of_attribute(&*attribute.name));
        }
        attribute.values.push(value);
        if is_cut && attribute.incomplete.is_none() {
            attribute.incomplete = Some(line.number);
        }
        Ok(())
    }

    /// Reads a value that must be text, such as a DN.
    pub(super) fn text(&self, spec: &Spec<'_>, name: &str, record: u64, at: u64) -> Result<String, RecordFault> {
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
    ) -> Result<(Arc<str>, usize, RawValue), RecordFault> {
        let Some(description) = self.descriptions.read(cut.name) else { return Err(bad_name(record, at)) };
        let value = value_of(&cut.spec, description, self.fallback, record, at)?;
        Ok((description.name.clone(), description.slot, value))
    }

    pub(super) fn value_limit(&self) -> usize {
        self.limits.values
    }

    fn distinguished_name(&self, first: &Line<'_>, line: u64) -> Result<RawAttribute, RecordFault> {
        let cut = match cut(first, line) {
            Ok(cut) if is_keyword(cut.name, &["dn"]) => cut,
            Ok(_) => {
                return Err(RecordFault::new(line, "ldif.no_dn", "the first line of the record is no `dn:` line")
                    .at(first.number));
            }
            Err(fault) => return Err(fault),
        };
        let text = self.text(&cut.spec, "dn", line, first.number)?;
        if !is_dn(&text) {
            let fault = RecordFault::new(line, "ldif.dn", "the text after `dn:` is no distinguished name");
            return Err(fault.at(first.number).of_attribute("dn"));
        }
        let values = vec![RawValue::Text(text)];
        Ok(RawAttribute { name: self.dn.clone(), values, line: first.number, incomplete: None })
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
            let fault = RecordFault::new(line, "ldif.bare_cr", "a carriage return stands inside a line");
            return Err(fault.at(at(position)));
        }
    }
    Ok(())
}

/// Cuts a line at its colon.
pub(super) fn cut<'a>(line: &'a Line<'_>, record: u64) -> Result<Cut<'a>, RecordFault> {
    let text: &[u8] = &line.text;
    let Some(colon) = memchr(b':', text) else {
        return Err(
            RecordFault::new(record, "ldif.no_colon", "a line has no colon after the attribute's name").at(line.number)
        );
    };
    let rest = &text[colon + 1..];
    let spec = match rest.first() {
        Some(b':') => Spec::Base64(after_blanks(&rest[1..])),
        Some(b'<') => Spec::Url(after_blanks(&rest[1..])),
        Some(_) | None => Spec::Text(after_blanks(rest)),
    };
    Ok(Cut { name: &text[..colon], spec })
}

fn after_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&byte| byte == b' ').count()..]
}

pub(super) fn is_keyword(name: &[u8], keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| name.eq_ignore_ascii_case(keyword.as_bytes()))
}

fn value_of(
    spec: &Spec<'_>,
    description: &Description,
    fallback: Option<&'static Encoding>,
    record: u64,
    at: u64,
) -> Result<RawValue, RecordFault> {
    if let Spec::Url(url) = spec {
        return Ok(RawValue::Url(String::from_utf8_lossy(url).into_owned()));
    }
    let octets = octets_of(spec, &description.name, record, at)?;
    Ok(if description.is_octets { RawValue::Bytes(octets) } else { text_or_octets(octets, fallback) })
}

fn octets_of(spec: &Spec<'_>, name: &str, record: u64, at: u64) -> Result<Vec<u8>, RecordFault> {
    let fault = |code, message: String| RecordFault::new(record, code, message).at(at).of_attribute(name);
    match spec {
        Spec::Text(text) => Ok(text.to_vec()),
        Spec::Base64(text) => {
            let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
            STANDARD
                .decode(&text[..end])
                .map_err(|_| fault("ldif.base64", format!("the value of `{name}` is not base64")))
        }
        Spec::Url(_) => Err(fault(
            "ldif.url_refused",
            format!("the value of `{name}` is in another place, which is never opened; leave out `-t` of ldapsearch"),
        )),
    }
}

fn text_or_octets(octets: Vec<u8>, fallback: Option<&'static Encoding>) -> RawValue {
    if memchr(0, &octets).is_some() {
        return RawValue::Bytes(octets);
    }
    match String::from_utf8(octets) {
        Ok(text) => RawValue::Text(text),
        Err(error) => {
            let octets = error.into_bytes();
            let decoded =
                fallback.and_then(|encoding| encoding.decode_without_bom_handling_and_without_replacement(&octets));
            match decoded {
                Some(text) => RawValue::Text(text.into_owned()),
                None => RawValue::Bytes(octets),
            }
        }
    }
}

pub(super) fn unexpected(record: u64, at: u64) -> RecordFault {
    RecordFault::new(record, "ldif.unexpected_line", "a line stands where it may not stand").at(at)
}

fn bad_name(record: u64, at: u64) -> RecordFault {
    RecordFault::new(record, "ldif.attribute_name", "the text before the colon is no attribute name").at(at)
}
