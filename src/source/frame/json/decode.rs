//! Turns the bytes of a JSON record into its values.

use memchr::{memchr_iter, memchr2_iter};

use super::super::{Fault, Limits, RecordFault, Wanted};
use super::flatten::{Flattened, Problem};
use super::framer::not_utf8;
use super::scan::depth;
use crate::source::raw::{RawBody, RawRecord};

/// Turns the bytes of a JSON record into its values.
pub struct JsonDecoder {
    limits: Limits,
    flattened: Flattened,
}

impl JsonDecoder {
    pub fn new(limits: Limits, wanted: Option<Wanted>) -> Self {
        Self { limits, flattened: Flattened::new(limits, wanted) }
    }

    /// Parses an object and flattens it (sources.md 8.2).
    ///
    /// A nested object or array of objects also gives its own name, without values, so that it can be asked for.
    pub fn decode<'a>(&mut self, bytes: &'a [u8], line: u64) -> Result<RawRecord<'a>, Fault> {
        let refused = |code, message: String| Fault::Record(RecordFault::new(line, code, message));
        let text = simdutf8::compat::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            Fault::File(not_utf8(line + memchr_iter(b'\n', before).count() as u64))
        })?;
        if bytes.len() > self.limits.record {
            return Err(refused("limit.record", format!("the record is longer than {} bytes", self.limits.record)));
        }
        if may_be_deep(bytes, self.limits.nesting) && depth(bytes) as usize > self.limits.nesting {
            return Err(refused("json.too_deep", format!("the record is nested deeper than {}", self.limits.nesting)));
        }
        match self.flattened.read(text, line) {
            Ok(attributes) => Ok(RawRecord { line, attributes, body: RawBody::Content, warnings: Vec::new() }),
            Err(Problem::NotAnObject) => Err(refused("json.not_an_object", "the record is not an object".to_owned())),
            Err(Problem::Syntax(message)) => Err(refused("json.syntax", message)),
            Err(Problem::Nul) => Err(refused("text.nul", "the record holds a NUL character".to_owned())),
            Err(Problem::Columns) => {
                Err(refused("limit.columns", format!("the record has more than {} attributes", self.limits.columns)))
            }
            Err(Problem::Values) => {
                Err(refused("limit.values", format!("an attribute has more than {} values", self.limits.values)))
            }
        }
    }
}

/// Says whether there are brackets enough to nest deeper.
fn may_be_deep(bytes: &[u8], nesting: usize) -> bool {
    memchr2_iter(b'{', b'[', bytes).nth(nesting).is_some()
}
