//! Texts of the log, packed: nearly all that an entry says has been said before, by others or by itself, and the log is by far
//! the largest part of the state.
//!
//! The number of the words, the length of the text (four octets, the lowest first), and a block of LZ4.

use lz4_flex::block::{compress_into_with_dict, decompress_with_dict, get_maximum_output_size};

use super::StoreError;

/// What entries have in common. Words are never changed once released: what was packed with them is unpacked with them.
const WORDS: [&[u8]; 1] = [include_bytes!("log_words.txt")];
/// The words that are packed with.
const CURRENT: u8 = 0;
const HEAD: usize = 5;
/// What one octet of a block comes to at most.
const MOST: usize = 255;

/// `None` where the text has more than 4 GiB.
pub(super) fn pack(text: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(text.len()).ok()?;
    let mut packed = vec![0; HEAD + get_maximum_output_size(text.len())];
    packed[0] = CURRENT;
    packed[1..HEAD].copy_from_slice(&length.to_le_bytes());
    let block = compress_into_with_dict(text, &mut packed[HEAD..], WORDS[usize::from(CURRENT)]).ok()?;
    packed.truncate(HEAD + block);
    Some(packed)
}

/// # Errors
/// Not what [`pack`] made, or made by a newer version.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let fail = |why: &str| StoreError::Decode(format!("an entry of the log cannot be unpacked: {why}"));
    let Some((&[words, a, b, c, d], block)) = packed.split_first_chunk::<HEAD>() else {
        return Err(fail("it is cut off"));
    };
    let words = WORDS.get(usize::from(words)).ok_or_else(|| fail("its words are not known"))?;
    // A damaged length must not take all memory.
    let length = Some(u32::from_le_bytes([a, b, c, d]) as usize).filter(|length| *length / MOST <= block.len());
    let length = length.ok_or_else(|| fail("its length is wrong"))?;
    let text = decompress_with_dict(block, length, words).map_err(|error| fail(&error.to_string()))?;
    if text.len() == length { Ok(text) } else { Err(fail("its length is wrong")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let words = WORDS[0];
        let long = words.repeat(40);
        for text in [&b""[..], b"a", b"{}", "ゆう".as_bytes(), words, &words[17..900], &long, &[0; 70_000]] {
            let packed = pack(text).expect("it is short");
            assert_eq!(unpack(&packed).expect("as it was packed"), text);
        }
        // Here and there a text that nobody said before.
        let mut noise: Vec<u8> =
            (0..20_000_u64).map(|at| xxhash_rust::xxh3::xxh3_64(&at.to_le_bytes()) as u8).collect();
        noise.splice(5_000..5_000, words.iter().copied());
        assert_eq!(unpack(&pack(&noise).expect("it is short")).expect("as it was packed"), noise);
    }

    #[test]
    fn what_entries_have_in_common_takes_no_room() {
        let text =
            r#""steps":[{"kind":"import","name":"EntryImportAdd","status":"success","description":"read the user at "#;
        assert!(pack(text.as_bytes()).expect("it is short").len() < 40);
    }

    #[test]
    fn damage_is_told() {
        let packed = pack(&WORDS[0][..2_000]).expect("it is short");
        let mut cases: Vec<Vec<u8>> = (0..packed.len()).map(|length| packed[..length].to_vec()).collect();
        for (at, octet) in [(0, 7), (1, 0), (4, 0xff)] {
            let mut case = packed.clone();
            case[at] = octet;
            cases.push(case);
        }
        for case in cases {
            let told = unpack(&case).expect_err("it is damaged").to_string();
            assert!(told.contains("an entry of the log cannot be unpacked"), "{told}");
        }
    }
}
