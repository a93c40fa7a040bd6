//! Entries of the log and what is known of people, packed: nearly all that one says has been said before, by others or by itself, and
//! both are by far the largest parts of the state.
//!
//! The number of the form, the length of what is packed (four octets, the lowest first), and a block of LZ4.

use std::cell::RefCell;

use lz4_flex::block::{compress_into_with_dict, decompress_with_dict, get_maximum_output_size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// How an entry is written down before it is packed.
#[derive(Clone, Copy)]
enum Coding {
    Json,
    /// Names and texts as they are, each behind its length: nothing to escape, and a sixth shorter.
    MessagePack,
    /// It is a text.
    Text,
}

/// A coding, and what entries have in common in it. A form is never changed once released: what was packed with it is unpacked
/// with it.
struct Form {
    coding: Coding,
    words: &'static [u8],
}

const FORMS: [Form; 3] = [
    Form { coding: Coding::Json, words: include_bytes!("log_words_0.txt") },
    // What typical entries are without their values: a disable, and a create with many attributes.
    Form { coding: Coding::MessagePack, words: include_bytes!("log_words_1.msgpack") },
    // What is known of typical people without its values: LDIF entries of AD and OpenLDAP, and objects.
    Form { coding: Coding::Text, words: include_bytes!("known_words_0.txt") },
];
/// The form that entries of the log are packed in.
const LOG: u8 = 1;
/// The form of what is known of people.
const KNOWN: u8 = 2;
const HEAD: usize = 5;
/// What one octet of a block comes to at most.
const MOST: usize = 255;
/// Room that a thread keeps for its next entry.
const ROOM: usize = 1 << 20;

/// The entry being packed: plain, and packed.
#[derive(Default)]
struct Scratch {
    plain: Vec<u8>,
    packed: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// `None` where the entry has no form, or more than 4 GiB.
pub(super) fn pack<T: Serialize>(entry: &T) -> Option<Box<[u8]>> {
    SCRATCH.with_borrow_mut(|Scratch { plain, packed }| {
        plain.clear();
        rmp_serde::encode::write_named(plain, entry).ok()?;
        let done = pack_in(LOG, plain, packed);
        plain.shrink_to(ROOM);
        done
    })
}

/// Packs what is known of somebody.
///
/// # Errors
/// It has more than 4 GiB.
pub(super) fn pack_text(text: &str) -> Result<Box<[u8]>, StoreError> {
    let packed = SCRATCH.with_borrow_mut(|Scratch { packed, .. }| pack_in(KNOWN, text.as_bytes(), packed));
    packed.ok_or_else(|| StoreError::Decode("what is known of an object is larger than 4 GiB".to_owned()))
}

fn pack_in(form: u8, plain: &[u8], packed: &mut Vec<u8>) -> Option<Box<[u8]>> {
    let length = u32::try_from(plain.len()).ok()?;
    let most = HEAD + get_maximum_output_size(plain.len());
    if packed.len() < most {
        packed.resize(most, 0);
    }
    packed[0] = form;
    packed[1..HEAD].copy_from_slice(&length.to_le_bytes());
    let block = compress_into_with_dict(plain, &mut packed[HEAD..], FORMS[usize::from(form)].words).ok()?;
    let done = packed[..HEAD + block].into();
    if packed.len() > ROOM {
        *packed = Vec::new();
    }
    Some(done)
}

/// # Errors
/// Not what [`pack`] made, made by a newer version, or no `T`.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, StoreError> {
    let (coding, plain) = plain_of(packed)?;
    match coding {
        Coding::Json => Ok(serde_json::from_slice(&plain)?),
        Coding::MessagePack => rmp_serde::from_slice(&plain).map_err(|error| damage(&error.to_string())),
        Coding::Text => Err(damage("it is a text")),
    }
}

/// # Errors
/// Not what [`pack_text`] made, or made by a newer version.
pub(super) fn unpack_text(packed: &[u8]) -> Result<String, StoreError> {
    let (coding, plain) = plain_of(packed)?;
    match coding {
        Coding::Text => String::from_utf8(plain).map_err(|error| damage(&error.to_string())),
        Coding::Json | Coding::MessagePack => Err(damage("it is no text")),
    }
}

/// Says whether an entry may hold a text, in upper or lower case: of most that do not it is told without reading them.
///
/// # Errors
/// As of [`unpack`].
pub(super) fn may_hold(packed: &[u8], text: &str) -> Result<bool, StoreError> {
    let (_, plain) = plain_of(packed)?;
    // others are written otherwise in JSON, or in letters of other lengths
    let stays = |c: char| match c {
        '"' | '\\' => false,
        _ if c.is_ascii() => !c.is_ascii_control(),
        _ => c.to_lowercase().eq([c]) && c.to_uppercase().eq([c]),
    };
    let Some(first) = text.bytes().next().filter(|_| text.chars().all(stays)) else { return Ok(true) };
    let begins =
        |at: usize| plain[at..].get(..text.len()).is_some_and(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    let (small, large) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    Ok(memchr::memchr2_iter(small, large, &plain).any(begins) || memchr::memmem::find(&plain, KELVIN).is_some())
}

/// The one sign beyond ASCII whose lower case is a letter of it.
const KELVIN: &[u8] = "\u{212a}".as_bytes();

fn plain_of(packed: &[u8]) -> Result<(Coding, Vec<u8>), StoreError> {
    let Some((&[form, a, b, c, d], block)) = packed.split_first_chunk::<HEAD>() else {
        return Err(damage("it is cut off"));
    };
    let form = FORMS.get(usize::from(form)).ok_or_else(|| damage("its form is not known"))?;
    // A damaged length must not take all memory.
    let length = Some(u32::from_le_bytes([a, b, c, d]) as usize).filter(|length| *length / MOST <= block.len());
    let length = length.ok_or_else(|| damage("its length is wrong"))?;
    let plain = decompress_with_dict(block, length, form.words).map_err(|error| damage(&error.to_string()))?;
    if plain.len() != length {
        return Err(damage("its length is wrong"));
    }
    Ok((form.coding, plain))
}

fn damage(why: &str) -> StoreError {
    StoreError::Decode(format!("an entry of the state cannot be unpacked: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        // Here and there a text that nobody said before.
        let noise: String = (0..20_000_u64).map(|at| char::from(33 + (at * at * 7 + at / 3) as u8 % 90)).collect();
        let words = String::from_utf8_lossy(FORMS[0].words);
        let texts =
            ["", "a", "ゆう", "a \"quoted\" \n\t line", &words, &words.repeat(40), &noise, &"x".repeat(3_000_000)];
        for text in texts {
            let packed = pack_text(text).expect("it has a form");
            assert_eq!(unpack_text(&packed).expect("as it was packed"), text);
            assert!(unpack::<Value>(&packed).is_err());
            for value in [json!(text), json!({ "status": 201, "none": null, "list": [text, -1, 0.5, true] })] {
                let packed = pack(&value).expect("it has a form");
                assert_eq!(unpack::<Value>(&packed).expect("as it was packed"), value);
            }
        }
    }

    #[test]
    fn what_was_packed_as_json_is_read() {
        let text =
            r#"{"steps":[{"kind":"import","name":"EntryImportAdd","status":"success","description":"read the user"}]}"#;
        let block = lz4_flex::block::compress_with_dict(text.as_bytes(), FORMS[0].words);
        let packed = [&[0], &(text.len() as u32).to_le_bytes()[..], &block].concat();
        assert_eq!(unpack::<Value>(&packed).expect("as it was packed").to_string(), text);
    }

    #[test]
    fn what_entries_have_in_common_takes_no_room() {
        let step = json!({"kind": "import", "name": "EntryImportAdd", "status": "success", "description": "read the user at "});
        assert!(pack(&json!({ "steps": [step] })).expect("it has a form").len() < 40);
    }

    #[test]
    fn what_an_entry_does_not_hold_is_told_without_reading_it() {
        let names = ["Mori@Example.com", "森 結子", "\u{212a}aren", "Ærø", "a \"b\"", "line\nbreak"];
        for name in names {
            let packed = pack(&json!({"source": {"display_name": name}, "steps": ["s"]})).expect("it has a form");
            for held in [name.to_lowercase(), name.to_uppercase(), name.to_owned()] {
                assert!(may_hold(&packed, &held).expect("read"), "{name} {held}");
            }
            assert!(may_hold(&packed, "").expect("read"));
            let is_unsure = name.starts_with('\u{212a}');
            for other in ["mori@example.co.jp", "森 結衣", "zzz"] {
                assert_eq!(may_hold(&packed, other).expect("read"), is_unsure, "{name} {other}");
            }
        }
        assert!(('\u{80}'..=char::MAX).filter(|c| c.to_lowercase().all(|lower| lower.is_ascii())).eq(['\u{212a}']));
    }

    #[test]
    fn damage_is_told() {
        let words = String::from_utf8_lossy(FORMS[0].words);
        let packed = pack(&&words[..2_000]).expect("it has a form").into_vec();
        assert!(unpack_text(&packed).is_err());
        let mut cases: Vec<Vec<u8>> = (0..packed.len()).map(|length| packed[..length].to_vec()).collect();
        for (at, octet) in [(0, 7), (1, 0), (4, 0xff)] {
            let mut case = packed.clone();
            case[at] = octet;
            cases.push(case);
        }
        for case in cases {
            let told = unpack::<String>(&case).expect_err("it is damaged").to_string();
            assert!(told.contains("an entry of the state cannot be unpacked"), "{told}");
        }
    }
}
