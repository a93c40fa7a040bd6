//! Values: from what the file has to what mappings see (sources.md 11).

mod ids;
mod text;
mod time;

use std::borrow::Cow;

use memchr::{memchr, memmem};

pub use ids::{guid_of_octets, guid_of_text, is_lower_guid, is_sid, rid_of, sid_text};
pub use text::{
    Octets, begins_bare, clean, has_no_controls, is_bare, is_clean, is_kept, is_placeholder, is_spreadsheet_number,
    is_type_name, trimmed,
};
pub use time::{Locale, swift_time, time_of};

use super::raw::RawValue;

/// How a value is read: the key `as` of a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Text,
    Bool,
    GuidText,
    AdGuid,
    Sid,
    GeneralizedTime,
    DateTime,
    UsDateTime,
    /// A date, in ISO 8601 or by a strftime pattern.
    Date(Option<String>),
}

/// What reading one value gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'v> {
    Text(Cow<'v, str>),
    Bool(bool),
    /// Empty, or a time that means "never".
    Absent,
    Unreadable,
    /// Text is wanted and these octets are none.
    NotText,
}

impl Reading {
    /// Parses the key `as`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "text" => Self::Text,
            "bool" => Self::Bool,
            "guid-text" => Self::GuidText,
            "ad-guid" => Self::AdGuid,
            "sid" => Self::Sid,
            "gentime" => Self::GeneralizedTime,
            "datetime" => Self::DateTime,
            "us-datetime" => Self::UsDateTime,
            "date" => Self::Date(None),
            other => {
                let pattern = other.strip_prefix("date ").ok_or_else(|| format!("use {}", Self::NAMES))?.trim();
                if !time::gives_dates(pattern) {
                    let help = "use a pattern with year, month and day, such as `date %d.%m.%Y`";
                    return Err(help.to_owned());
                }
                Self::Date(Some(pattern.to_owned()))
            }
        })
    }

    pub const NAMES: &'static str =
        "`text`, `bool`, `guid-text`, `ad-guid`, `sid`, `gentime`, `datetime`, `us-datetime`, `date` or `date PATTERN`";

    /// Says whether octets are as good as text.
    pub fn takes_octets(&self) -> bool {
        match self {
            Self::AdGuid | Self::Sid => true,
            Self::Text
            | Self::Bool
            | Self::GuidText
            | Self::GeneralizedTime
            | Self::DateTime
            | Self::UsDateTime
            | Self::Date(_) => false,
        }
    }
}

/// Reads one value; `controls` is set where control characters were removed from it.
#[inline]
pub fn read<'v>(value: &'v RawValue<'_>, reading: &Reading, locale: Locale, controls: &mut bool) -> Outcome<'v> {
    let octets = match reading {
        Reading::AdGuid => value.as_octets().and_then(ids::guid_of_octets).map(|guid| guid.to_string()),
        Reading::Sid => value.as_octets().and_then(ids::sid_of_octets),
        Reading::Text
        | Reading::Bool
        | Reading::GuidText
        | Reading::GeneralizedTime
        | Reading::DateTime
        | Reading::UsDateTime
        | Reading::Date(_) => None,
    };
    if let Some(text) = octets {
        return Outcome::Text(text.into());
    }
    let Some(raw) = value.as_text() else {
        return match value {
            RawValue::Bytes(bytes) if bytes.is_empty() => Outcome::Absent,
            RawValue::Bytes(_) if reading.takes_octets() => Outcome::Unreadable,
            RawValue::Bytes(_) => Outcome::NotText,
            RawValue::Null | RawValue::Text(_) | RawValue::Bool(_) | RawValue::Number(_) | RawValue::Url(_) => {
                Outcome::Absent
            }
        };
    };
    let text = clean(raw, controls);
    if text.is_empty() {
        return Outcome::Absent;
    }
    let read = match reading {
        Reading::Text => return Outcome::Text(cut_tombstone(text)),
        Reading::Bool => return bool_of(&text).map_or(Outcome::Unreadable, Outcome::Bool),
        Reading::GuidText | Reading::AdGuid => {
            let guid = match text {
                Cow::Borrowed(text) => guid_of_text(text),
                Cow::Owned(text) => guid_of_text(&text).map(|guid| guid.into_owned().into()),
            };
            return guid.map_or(Outcome::Unreadable, Outcome::Text);
        }
        Reading::Sid => sid_text(&text).map(str::to_owned),
        Reading::GeneralizedTime | Reading::DateTime => return time_of(&text, None),
        Reading::UsDateTime => return time_of(&text, Some(locale)),
        Reading::Date(pattern) => time::date(&text, pattern.as_deref()),
    };
    read.map_or(Outcome::Unreadable, |text| Outcome::Text(text.into()))
}

/// Reads a truth value (sources.md 11.3).
pub fn bool_of(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["true", "yes", "1"]) {
        Some(true)
    } else if is(["false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

const TOMBSTONE: &str = "\nDEL:";

/// Says whether there is nothing that [`cut_tombstone`] would cut, in a text however long.
pub fn has_no_tombstone(text: &[u8]) -> bool {
    memchr(b'\n', text).is_none() || memmem::find(text, TOMBSTONE.as_bytes()).is_none()
}

/// Names of deleted Active Directory objects end in a line break and `DEL:guid` (sources.md 12.2).
#[inline]
pub fn cut_tombstone(text: Cow<'_, str>) -> Cow<'_, str> {
    // the mark and a GUID
    if text.len() < 41 || memchr(b'\n', text.as_bytes()).is_none() {
        return text;
    }
    match text.rfind(TOMBSTONE) {
        Some(at) if guid_of_text(&text[at + 5..]).is_some() => Cow::Owned(text[..at].trim_end().to_owned()),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of<'v>(value: &'v RawValue<'_>, reading: &str) -> Outcome<'v> {
        let reading = Reading::parse(reading).expect("a reading");
        read(value, &reading, Locale::parse("en-US"), &mut false)
    }

    #[test]
    fn texts_are_read_by_their_kind() {
        let text = |text: &'static str| Outcome::Text(text.into());
        let cases = [
            ("text", "  a b\t", text("a b")),
            ("text", " \t ", Outcome::Absent),
            ("text", "Jose\u{301}", text("Jos\u{e9}")),
            ("text", "t.leaver\nDEL:7b7f7bdd-4cf9-4510-b83b-61e2bc8350ed", text("t.leaver")),
            ("text", "a\nDEL:b", text("a\nDEL:b")),
            ("bool", "TRUE", Outcome::Bool(true)),
            ("bool", "No", Outcome::Bool(false)),
            ("bool", "maybe", Outcome::Unreadable),
            ("guid-text", "{3D628091-EBB6-4E5B-A621-3648E0D9DC7A}", text("3d628091-ebb6-4e5b-a621-3648e0d9dc7a")),
            ("guid-text", "3d628091ebb64e5ba6213648e0d9dc7a", Outcome::Unreadable),
            ("ad-guid", "3D628091-ebb6-4e5b-a621-3648e0d9dc7a", text("3d628091-ebb6-4e5b-a621-3648e0d9dc7a")),
            ("sid", "S-1-5-21-1-2-3-1105", text("S-1-5-21-1-2-3-1105")),
            ("sid", "rubbish", Outcome::Unreadable),
        ];
        for (reading, value, expected) in cases {
            assert_eq!(text_of(&RawValue::Text(value.into()), reading), expected, "{reading} {value:?}");
        }
    }

    #[test]
    fn octets_are_read_by_their_kind() {
        let guid = [0x91, 0x80, 0x62, 0x3d, 0xb6, 0xeb, 0x5b, 0x4e, 0xa6, 0x21, 0x36, 0x48, 0xe0, 0xd9, 0xdc, 0x7a];
        let sid = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0x51, 4, 0, 0];
        fn bytes(bytes: &[u8]) -> RawValue<'_> {
            RawValue::Bytes(bytes.into())
        }
        assert_eq!(text_of(&bytes(&guid), "ad-guid"), Outcome::Text("3d628091-ebb6-4e5b-a621-3648e0d9dc7a".into()));
        assert_eq!(text_of(&bytes(&sid), "sid"), Outcome::Text("S-1-5-21-1-2-3-1105".into()));
        assert_eq!(text_of(&bytes(&guid[1..]), "ad-guid"), Outcome::Unreadable);
        assert_eq!(text_of(&bytes(&sid[1..]), "sid"), Outcome::Unreadable);
        assert_eq!(text_of(&bytes(&guid), "text"), Outcome::NotText);
    }
}
