//! Cuts a file into records, and recognises them on the way.

use super::fetch::Feed;
use super::frame::{FileFacts, FileFault, Framed, Framer, RecordFault};
use super::hash::Hasher;
use super::recognise::{Ahead, Fingerprint, Follow, Recognised};

/// Cuts a file into records.
///
/// Most records of an export are those of last time, in the same order: where the next one is as long as the one expected and has
/// its hash, its end is not looked for.
pub struct Cutter<'f, R> {
    framer: Framer<R>,
    follow: Option<&'f mut dyn Follow>,
    hasher: Hasher,
    in_batches: bool,
}

/// A record, or why it is none.
pub enum Cut<'c> {
    /// As expected.
    Ahead {
        line: u64,
        ahead: Ahead,
    },
    /// Elsewhere than expected.
    Known {
        line: u64,
        hash: u128,
        recognised: Recognised,
    },
    Record {
        line: u64,
        bytes: &'c [u8],
    },
    Refused {
        fault: RecordFault,
        bytes: &'c [u8],
    },
}

impl<'f, R: Feed> Cutter<'f, R> {
    /// `seed`: of the hashes of its records.
    pub fn new(framer: Framer<R>, follow: Option<&'f mut dyn Follow>, seed: u64) -> Self {
        Self { framer, follow, hasher: Hasher::new(seed), in_batches: false }
    }

    /// For a caller who finds records by [`super::recognise::FindAny`] once [`Cutter::is_lost`] holds.
    pub fn in_batches(self) -> Self {
        Self { in_batches: true, ..self }
    }

    /// Says whether the order of last time is lost.
    pub fn is_lost(&self) -> bool {
        self.follow.as_ref().is_some_and(|follow| follow.is_lost())
    }

    /// See [`Follow::go_on_behind`].
    pub fn go_on_behind(&mut self, record: &[u8]) {
        if let Some(follow) = &mut self.follow {
            follow.go_on_behind(self.hasher.hash(record));
        }
    }

    /// The next record, or none at the end; after a fault of the file it must not be called again.
    #[allow(clippy::should_implement_trait)] // lends from its own buffer
    pub fn next(&mut self) -> Result<Option<Cut<'_>>, FileFault> {
        let Self { framer, follow, hasher, in_batches } = self;
        if let Some(follow) = follow
            && let Some(ahead) = follow.ahead()
        {
            let Fingerprint { hash, extent } = ahead.fingerprint;
            if let Some(line) = framer.take(extent, |bytes| hasher.hash(bytes) == hash)? {
                follow.advance(&ahead);
                return Ok(Some(Cut::Ahead { line, ahead }));
            }
        }
        Ok(framer.next()?.map(|framed| match framed {
            Framed::Record { line, bytes } => {
                let follow = follow.as_mut().filter(|follow| !*in_batches || !follow.is_lost());
                let known = follow.and_then(|follow| {
                    let hash = hasher.hash(bytes);
                    Some((hash, follow.find(hash)?))
                });
                match known {
                    Some((hash, recognised)) => Cut::Known { line, hash, recognised },
                    None => Cut::Record { line, bytes },
                }
            }
            Framed::Refused { fault, bytes } => Cut::Refused { fault, bytes },
        }))
    }

    pub fn finish(self) -> FileFacts {
        self.framer.finish()
    }
}
