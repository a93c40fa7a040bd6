//! Base64 of short values, of which a record of LDIF has many.

/// The six bits that a letter stands for; [`NONE`] for others.
const BITS: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = [NONE; 256];
    let mut at = 0;
    while at < letters.len() {
        bits[letters[at] as usize] = at as u8;
        at += 1;
    }
    bits
};
const NONE: u8 = 0xff;

/// Decodes padded base64 behind what is in `octets`; none where it is not as it is always written. What it was is then for others
/// to say.
pub fn decode(text: &[u8], octets: &mut Vec<u8>) -> Option<()> {
    let (quads, []) = text.as_chunks::<4>() else { return None };
    let Some((last, whole)) = quads.split_last() else { return Some(()) };
    octets.reserve(3 * quads.len());
    for quad in whole {
        octets.extend(three(*quad)?);
    }
    match *last {
        [a, b, b'=', b'='] => match three([a, b, b'A', b'A'])? {
            [one, 0, 0] => octets.push(one),
            _ => return None,
        },
        [a, b, c, b'='] => match three([a, b, c, b'A'])? {
            [one, two, 0] => octets.extend([one, two]),
            _ => return None,
        },
        quad => octets.extend(three(quad)?),
    }
    Some(())
}

#[inline]
fn three(quad: [u8; 4]) -> Option<[u8; 3]> {
    let [a, b, c, d] = quad.map(|letter| BITS[usize::from(letter)]);
    // six bits never have the highest one
    if (a | b | c | d) & 0x80 != 0 {
        return None;
    }
    Some([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn what_is_decoded_is_what_the_crate_decodes() {
        let letters = b"Aa+/9Z=Q\n _-";
        let mut octets = Vec::new();
        for number in 0..letters.len().pow(4) {
            let turns = [0, 1, 2, 3].map(|turn| letters[number / letters.len().pow(turn) % letters.len()]);
            for text in [&turns[..], &turns[..3], &[b"abcd", &turns[..]].concat()] {
                octets.clear();
                let decoded = decode(text, &mut octets).map(|()| octets.clone());
                assert_eq!(decoded, STANDARD.decode(text).ok(), "{text:?}");
            }
        }
        for octet in 0..=u8::MAX {
            let text = STANDARD.encode([octet; 7]);
            octets.clear();
            assert_eq!(decode(text.as_bytes(), &mut octets), Some(()));
            assert_eq!(octets, [octet; 7]);
        }
    }
}
