//! GUIDs and SIDs (sources.md 11.4, 11.5).

use std::borrow::Cow;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Reads a GUID of 8-4-4-4-12 digits, with or without braces, as lower case.
pub fn guid_of_text(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    if inner.len() != 36 {
        return None;
    }
    if is_lower_guid(inner) {
        return Some(inner.into());
    }
    let uuid = Uuid::try_parse(inner).ok()?;
    Some(uuid.hyphenated().to_string().into())
}

/// Says whether a text is a GUID as [`guid_of_text`] returns it.
#[inline]
pub fn is_lower_guid(text: &str) -> bool {
    // a known length, so that it is compared as vectors
    let Ok(bytes) = <&[u8; 36]>::try_from(text.as_bytes()) else { return false };
    let is_digit = |byte: u8| byte.wrapping_sub(b'0') < 10 || byte.wrapping_sub(b'a') < 6;
    let digits = bytes.iter().fold(0_u8, |count, byte| count + u8::from(is_digit(*byte)));
    digits == 32 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-')
}

/// Reads 16 octets in Active Directory's order: the first three groups little-endian.
pub fn guid_of_octets(octets: &[u8]) -> Option<Hyphenated> {
    Some(Uuid::from_bytes_le(octets.try_into().ok()?).hyphenated())
}

/// Returns the text of a SID if `text` is one.
pub fn sid_text(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("S-").or_else(|| text.strip_prefix("s-"))?;
    let mut numbers = 0;
    for part in rest.split('-') {
        part.parse::<u64>().ok()?;
        numbers += 1;
    }
    (numbers >= 2).then_some(text)
}

/// The parts of a SID: revision, authority and sub-authorities, of which there is at least one.
fn sid_parts(octets: &[u8]) -> Option<(u8, u64, &[[u8; 4]])> {
    let (&[revision, count, ref authority @ ..], subs) = octets.split_first_chunk::<8>()?;
    let (subs, rest) = subs.as_chunks();
    let is_whole = rest.is_empty() && subs.len() == usize::from(count) && count > 0;
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    (revision == 1 && is_whole).then_some((revision, authority, subs))
}

/// Says whether these octets are a SID.
pub fn is_sid(octets: &[u8]) -> bool {
    sid_parts(octets).is_some()
}

/// Reads the octets of a SID as `S-1-…`.
pub(super) fn sid_of_octets(octets: &[u8]) -> Option<String> {
    let (revision, authority, subs) = sid_parts(octets)?;
    // each number has ten digits at most, but the authority
    let mut text = String::with_capacity(24 + 11 * subs.len());
    text.push_str("S-");
    let numbers = [u64::from(revision), authority].into_iter();
    let numbers = numbers.chain(subs.iter().map(|sub| u64::from(u32::from_le_bytes(*sub))));
    let mut digits = itoa::Buffer::new();
    for (index, number) in numbers.enumerate() {
        if index > 0 {
            text.push('-');
        }
        text.push_str(digits.format(number));
    }
    Some(text)
}

/// Returns the last part of a SID, whether octets or text.
pub fn rid_of(octets: &[u8]) -> Option<u32> {
    match sid_parts(octets) {
        Some((_, _, subs)) => subs.last().map(|sub| u32::from_le_bytes(*sub)),
        None => sid_text(std::str::from_utf8(octets).ok()?.trim())?.rsplit('-').next()?.parse().ok(),
    }
}
