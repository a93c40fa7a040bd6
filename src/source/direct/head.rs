//! What a line or member begins with, compared as numbers.

/// So many are compared at once.
const LENGTH: usize = 16;

/// Octets with which something that came before began.
pub struct Head {
    pub text: Box<[u8]>,
    /// Its first octets, and which there are.
    first: u128,
    mask: u128,
    /// The last octets of a longer one.
    last: u128,
}

impl Head {
    pub fn new(text: &[u8]) -> Self {
        let length = text.len().min(LENGTH);
        let (mut first, mut mask) = ([0; LENGTH], [0; LENGTH]);
        first[..length].copy_from_slice(&text[..length]);
        mask[..length].fill(0xff);
        let last = text.last_chunk().copied().unwrap_or_default();
        let [first, mask, last] = [first, mask, last].map(u128::from_le_bytes);
        Self { text: text.into(), first, mask, last }
    }

    /// Says whether `text` begins so, which may go on behind what is compared.
    #[inline]
    pub fn begins(&self, text: &[u8]) -> bool {
        let length = self.text.len();
        match text.first_chunk() {
            Some(first) if u128::from_le_bytes(*first) & self.mask != self.first => false,
            Some(_) if length <= LENGTH => true,
            // what lies between is in both
            Some(_) if length <= 2 * LENGTH => {
                let last = text.get(..length).and_then(<[u8]>::last_chunk);
                last.is_some_and(|last| u128::from_le_bytes(*last) == self.last)
            }
            Some(_) | None => text.starts_with(&self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_is_known_however_long() {
        for length in 1..50 {
            let text: Vec<u8> = (0..length).map(|at| b'a' + at % 23).collect();
            let head = Head::new(&text);
            for behind in 0..20 {
                let mut longer = [&text[..], &vec![b'z'; behind]].concat();
                assert!(head.begins(&longer), "{length} {behind}");
                assert!(!head.begins(&longer[..text.len() - 1]), "{length} {behind}");
                for at in 0..text.len() {
                    longer[at] ^= 1;
                    assert!(!head.begins(&longer), "{length} {behind} {at}");
                    longer[at] ^= 1;
                }
            }
        }
    }
}
