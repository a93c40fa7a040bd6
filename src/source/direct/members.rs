//! The members of a JSON object as values of a preset's names.

use std::collections::HashMap;

use memchr::{memchr, memchr2_iter};
use serde::de::IgnoredAny;

use super::head::Head;
use super::straight::Values;
use super::{NotPlain, is_asked_below};
use crate::source::bits::{Blocks, list};
use crate::source::fields::is_below;
use crate::source::frame::json::text_of;
use crate::source::frame::{Limits, Wanted};
use crate::source::preset::{Preset, Slot};
use crate::source::value::{begins_bare, is_type_name};

/// Reads the objects of one file.
pub struct Members {
    wanted: Option<Wanted>,
    limits: Limits,
    known: Vec<Known>,
    /// By the member that the name is below, and the name.
    by_name: HashMap<(usize, Box<str>), usize>,
    /// What came behind the beginning last.
    first: usize,
    quotes: Quotes,
    /// Counts the records.
    stamp: u64,
    /// The last record that has a name, by [`Slot`].
    met: Vec<u64>,
}

/// A name that came before.
struct Known {
    /// Between quotes, with the colon behind.
    head: Head,
    parent: usize,
    meaning: Meaning,
    /// What came behind it last: objects have their members in much the same order.
    next: usize,
    /// The last record that has it.
    stamp: u64,
}

#[derive(Debug, Clone, Copy)]
struct Meaning {
    /// None if nobody reads it.
    slot: Option<Slot>,
    is_vital: bool,
    /// A name below it is read.
    is_read_below: bool,
    /// For the general way.
    is_special: bool,
}

/// Where the quotes of a record stand that are not behind a backslash.
#[derive(Default)]
struct Quotes {
    places: Vec<u32>,
    count: usize,
    has_backslash: bool,
}

/// How far a record is read.
struct Walk<'r> {
    record: &'r str,
    at: usize,
    quotes: &'r Quotes,
    /// The next quote, by its number.
    next: usize,
    /// Strings may hold what must be escaped.
    has_controls: bool,
    /// The member that came last.
    last: Option<usize>,
    /// No fewer than there are names.
    count: usize,
}

/// The object itself, among the parents.
const TOP: usize = usize::MAX;
/// More names than this are not remembered.
const REMEMBERED: usize = 4096;
/// Objects that are nested deeper, or have more values of a name, are few.
const DEEPEST: usize = 4;
const MOST: usize = 1000;

impl Members {
    pub fn new(preset: &Preset, wanted: Option<&Wanted>, limits: Limits) -> Self {
        Self {
            wanted: wanted.cloned(),
            limits,
            known: Vec::new(),
            by_name: HashMap::new(),
            first: 0,
            quotes: Quotes::default(),
            stamp: 0,
            met: vec![0; preset.names.len()],
        }
    }

    pub fn cut(&mut self, record: &str, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        if record.len() > self.limits.record {
            return Err(NotPlain);
        }
        self.stamp += 1;
        let mut quotes = std::mem::take(&mut self.quotes);
        quotes.find(record);
        let has_controls = !values.into.clear.is_one_line;
        let mut walk = Walk { record, at: 0, quotes: &quotes, next: 0, has_controls, last: None, count: 0 };
        walk.blanks();
        let done = self.object(&mut walk, (TOP, DEEPEST), values).and_then(|()| {
            walk.blanks();
            if walk.at == record.len() { Ok(()) } else { Err(NotPlain) }
        });
        self.quotes = quotes;
        done
    }

    fn object(
        &mut self,
        walk: &mut Walk<'_>,
        (parent, depth): (usize, usize),
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        let mut goes_on = walk.opens(b'{', b'}')?;
        while goes_on {
            let number = self.member(walk, parent, values.preset)?;
            walk.blanks();
            self.value(walk, (number, depth), values)?;
            goes_on = walk.goes_on(b'}')?;
        }
        Ok(())
    }

    /// Reads a name and the colon behind it.
    #[inline]
    fn member(&mut self, walk: &mut Walk<'_>, parent: usize, preset: &Preset) -> Result<usize, NotPlain> {
        let expected = walk.last.map_or(self.first, |last: usize| self.known[last].next);
        let rest = &walk.record.as_bytes()[walk.at..];
        let number = match self.known.get(expected) {
            Some(known) if known.parent == parent && known.head.begins(rest) => {
                walk.at += known.head.text.len();
                walk.next += 2;
                expected
            }
            Some(_) | None => {
                let (from, to) = walk.string()?;
                walk.blanks();
                walk.take(b':')?;
                let number = self.find(&walk.record[from..to], parent, preset)?;
                match walk.last {
                    Some(last) => self.known[last].next = number,
                    None => self.first = number,
                }
                number
            }
        };
        walk.last = Some(number);
        walk.count += 1;
        let known = &mut self.known[number];
        let mut is_again = known.stamp == self.stamp;
        known.stamp = self.stamp;
        if let Some(slot) = known.meaning.slot {
            // in another case
            let met = &mut self.met[slot.index()];
            is_again |= *met == self.stamp;
            *met = self.stamp;
        }
        if is_again || known.meaning.is_special || walk.count > self.limits.columns {
            return Err(NotPlain);
        }
        Ok(number)
    }

    /// Finds a name among those that came before.
    fn find(&mut self, name: &str, parent: usize, preset: &Preset) -> Result<usize, NotPlain> {
        if name.contains(['\\', '\0']) {
            return Err(NotPlain);
        }
        let key = (parent, name.into());
        if let Some(number) = self.by_name.get(&key) {
            return Ok(*number);
        }
        if self.known.len() >= REMEMBERED {
            return Err(NotPlain);
        }
        let mut whole = name.to_owned();
        let mut above = parent;
        while let Some(known) = self.known.get(above) {
            let text = known.head.text.get(1..known.head.text.len() - 2).unwrap_or_default();
            whole = format!("{}.{whole}", String::from_utf8_lossy(text));
            above = known.parent;
        }
        let number = self.known.len();
        self.known.push(Known {
            head: Head::new(format!("\"{name}\":").as_bytes()),
            parent,
            meaning: self.meaning_of(&whole, preset),
            next: 0,
            stamp: 0,
        });
        self.by_name.insert(key, number);
        Ok(number)
    }

    fn meaning_of(&self, name: &str, preset: &Preset) -> Meaning {
        let is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted(name));
        let slot = preset.names.find(name).filter(|_| is_wanted);
        Meaning {
            slot,
            is_vital: slot.is_some_and(|slot| preset.use_of(slot).vital),
            // whether one that is not ASCII is below another is a longer question
            is_read_below: !name.is_ascii() || preset.names.slots().any(|slot| is_below(preset.names.name(slot), name)),
            is_special: is_asked_below(preset, name),
        }
    }

    #[inline]
    fn value(
        &mut self,
        walk: &mut Walk<'_>,
        (number, depth): (usize, usize),
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        let meaning = self.known[number].meaning;
        match walk.byte() {
            Some(b'{') => {
                meaning.slot.map_or(Ok(()), |slot| values.nothing(slot))?;
                match (meaning.is_read_below, depth.checked_sub(1)) {
                    (true, Some(depth)) => self.object(walk, (number, depth), values),
                    (true, None) => Err(NotPlain),
                    (false, _) => walk.pass_over(self.limits),
                }
            }
            Some(b'[') if meaning.slot.is_some() || meaning.is_read_below => walk.array(meaning, self.limits, values),
            Some(b'[') => walk.pass_over(self.limits),
            _ => walk.scalar(meaning, values),
        }
    }
}

impl Quotes {
    fn find(&mut self, record: &str) {
        let bytes = record.as_bytes();
        self.count = 0;
        let mut backslashes = 0;
        for block in Blocks::of(bytes) {
            backslashes |= block.bits_of(b'\\');
            self.count = list(block.bits_of(b'"'), block.from, &mut self.places, self.count);
        }
        self.has_backslash = backslashes != 0;
        if self.has_backslash {
            self.places.clear();
            let mut behind = 0;
            for at in memchr2_iter(b'"', b'\\', bytes) {
                match bytes[at] {
                    _ if at < behind => {}
                    b'\\' => behind = at + 2,
                    _ => self.places.push(u32::try_from(at).unwrap_or(u32::MAX)),
                }
            }
            self.count = self.places.len();
        }
    }

    #[inline]
    fn place(&self, number: usize) -> Option<usize> {
        self.places[..self.count].get(number).map(|place| *place as usize)
    }
}

impl<'r> Walk<'r> {
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.record.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), NotPlain> {
        if self.byte() != Some(byte) {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes behind the bracket that opens a list; false if it is closed at once.
    #[inline]
    fn opens(&mut self, open: u8, close: u8) -> Result<bool, NotPlain> {
        self.take(open)?;
        self.blanks();
        let is_empty = self.byte() == Some(close);
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Goes behind an element of a list to the next; false if the list is closed.
    #[inline]
    fn goes_on(&mut self, close: u8) -> Result<bool, NotPlain> {
        self.blanks();
        if self.byte() != Some(b',') {
            return self.take(close).map(|()| false);
        }
        self.at += 1;
        self.blanks();
        Ok(true)
    }

    /// Where the text of a string lies, as it is written.
    #[inline]
    fn string(&mut self) -> Result<(usize, usize), NotPlain> {
        let (Some(open), Some(close)) = (self.quotes.place(self.next), self.quotes.place(self.next + 1)) else {
            return Err(NotPlain);
        };
        if open != self.at {
            return Err(NotPlain);
        }
        self.next += 2;
        self.at = close + 1;
        let text = &self.record.as_bytes()[open + 1..close];
        if self.has_controls && text.iter().any(|byte| *byte < b' ') {
            return Err(NotPlain);
        }
        Ok((open + 1, close))
    }

    /// Reads what is no object and no array.
    #[inline]
    fn scalar(&mut self, meaning: Meaning, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        let from = self.at;
        match self.byte() {
            Some(b'"') => {
                let (from, to) = self.string()?;
                let text = self.record.get(from..to).ok_or(NotPlain)?;
                if self.quotes.has_backslash && memchr(b'\\', text.as_bytes()).is_some() {
                    let text = text_of(&self.record[from - 1..=to]).map_err(|_| NotPlain)?;
                    if text.contains('\0') {
                        return Err(NotPlain);
                    }
                    return meaning.give(&text, None, values);
                }
                return meaning.give(text, Some(from), values);
            }
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => {
                self.word("null")?;
                return meaning.slot.map_or(Ok(()), |slot| values.nothing(slot));
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(NotPlain),
        }
        meaning.give(&self.record[from..self.at], Some(from), values)
    }

    #[inline]
    fn word(&mut self, word: &str) -> Result<(), NotPlain> {
        if !self.record.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(NotPlain);
        }
        self.at += word.len();
        Ok(())
    }

    /// RFC 8259, 6.
    fn number(&mut self) -> Result<(), NotPlain> {
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotPlain> {
        let rest = &self.record.as_bytes()[self.at..];
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Err(NotPlain),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    /// Reads an array of what is neither object nor array.
    fn array(&mut self, meaning: Meaning, limits: Limits, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        if !self.opens(b'[', b']')? {
            return meaning.slot.map_or(Ok(()), |slot| values.nothing(slot));
        }
        for _ in 0..MOST.min(limits.values) {
            self.scalar(meaning, values)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
        Err(NotPlain)
    }

    /// Passes over an object or array that nobody reads.
    fn pass_over(&mut self, limits: Limits) -> Result<(), NotPlain> {
        let mut parser = serde_json::Deserializer::from_str(&self.record[self.at..]).into_iter::<IgnoredAny>();
        let is_json = matches!(parser.next(), Some(Ok(IgnoredAny)));
        let text = self.record.get(self.at..self.at + parser.byte_offset()).ok_or(NotPlain)?;
        // what is escaped is looked at more closely by the general way, and what is deep
        let is_simple = !(self.quotes.has_backslash && memchr(b'\\', text.as_bytes()).is_some());
        let may_be_deep =
            memchr2_iter(b'{', b'[', text.as_bytes()).nth(limits.nesting.saturating_sub(DEEPEST)).is_some();
        let is_long = self.count > limits.columns || text.len() / 2 > limits.values;
        if !is_json || !is_simple || may_be_deep || is_long {
            return Err(NotPlain);
        }
        self.at += text.len();
        while self.quotes.place(self.next).is_some_and(|quote| quote < self.at) {
            self.next += 1;
        }
        Ok(())
    }
}

impl Meaning {
    /// Hands over a value; `from`: where it is in the record, if it is there as it is.
    #[inline]
    fn give(self, text: &str, from: Option<usize>, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        let Some(slot) = self.slot else { return Ok(()) };
        let is_blank = || !begins_bare(text) && text.trim().is_empty();
        if is_type_name(text) || (self.is_vital && is_blank()) {
            return Err(NotPlain);
        }
        match from {
            Some(from) => values.in_record(slot, text, from),
            None => values.own(slot, text, false),
        }
    }
}
