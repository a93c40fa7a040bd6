//! What an evaluation needs besides the source object: clock, chance, the target.

use std::cell::RefCell;

use super::time::DateTime;

/// Everything that is not in the source object.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// Read once per object, so that two calls of `Now` agree.
    pub now: DateTime,
    pub random: &'c dyn Random,
    pub uniqueness: &'c dyn Uniqueness,
}

/// A source of unpredictable bytes for `Guid` and `RandomString`.
pub trait Random {
    fn fill(&self, bytes: &mut [u8]);
}

/// Answers for `SelectUniqueValue` whether an object in the target has `value` already.
pub trait Uniqueness {
    /// `Err` says in words why the target could not tell; the evaluation fails with them.
    fn is_taken(&self, value: &str) -> Result<bool, String>;
}

impl<F: Fn(&str) -> Result<bool, String>> Uniqueness for F {
    fn is_taken(&self, value: &str) -> Result<bool, String> {
        self(value)
    }
}

/// Cryptographic generator (the BLAKE3 output stream) over a seed that the caller draws from the system.
pub struct SeededRandom(RefCell<blake3::OutputReader>);

impl SeededRandom {
    pub fn new(seed: [u8; 32]) -> Self {
        Self(RefCell::new(blake3::Hasher::new_keyed(&seed).finalize_xof()))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill(bytes);
    }
}
