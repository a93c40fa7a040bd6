//! Goes through a file beside its reading: for what has to be known before it, or was noticed only behind its end.

use std::ops::ControlFlow;

use super::frame::{Decoder, Framed, Framer, Wanted};
use super::raw::RawRecord;
use super::read::{Given, Plan};

/// Calls `each` with every record of the file that can be decoded, until it breaks off. What is wrong with the others, or with the
/// file, is said where it is read.
pub(super) fn each_record(
    given: Given<'_>,
    plan: &Plan,
    wanted: Option<Wanted>,
    mut each: impl FnMut(&mut RawRecord<'_>) -> ControlFlow<()>,
) {
    let (Some(opened), Ok(file)) = (plan.opened(), given.set.files[plan.index].open()) else { return };
    let limits = given.settings.limits;
    let mut framer = Framer::new(&file, &opened.choice, &opened.format, limits);
    let mut decoder = Decoder::of_wanted(&opened.format, limits, wanted);
    while let Ok(Some(framed)) = framer.next() {
        let Framed::Record { line, bytes } = framed else { continue };
        let Ok(mut record) = decoder.decode(bytes, line) else { continue };
        if each(&mut record).is_break() {
            return;
        }
    }
}
