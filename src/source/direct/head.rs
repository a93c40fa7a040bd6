//! What a line or member begins with, compared as a number.

/// Most are not longer.
const LENGTH: usize = 16;

/// Octets with which something that came before began.
pub struct Head {
    pub text: Box<[u8]>,
    /// Its first octets, and which there are.
    first: u128,
    mask: u128,
}

impl Head {
    pub fn new(text: &[u8]) -> Self {
        let length = text.len().min(LENGTH);
        let (mut first, mut mask) = ([0; LENGTH], [0; LENGTH]);
        first[..length].copy_from_slice(&text[..length]);
        mask[..length].fill(0xff);
        let [first, mask] = [first, mask].map(u128::from_le_bytes);
        Self { text: text.into(), first, mask }
    }

    /// Says whether `text` begins so, which may go on behind what is compared.
    #[inline]
    pub fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(first) if self.text.len() <= LENGTH => u128::from_le_bytes(*first) & self.mask == self.first,
            Some(_) | None => text.starts_with(&self.text),
        }
    }
}
