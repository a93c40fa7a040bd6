//! Where in a JSON text a member stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

/// A step from a value to one inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'p> {
    Member(&'p str),
    Index(usize),
}

/// The bytes of `text` that hold the value at the end of `path`, or of the last step that exists.
pub(super) fn locate(text: &str, path: &[Step<'_>]) -> Range<usize> {
    let mut inner = text.trim();
    for step in path {
        let next: Option<&RawValue> = match step {
            Step::Member(name) => serde_json::from_str::<BTreeMap<String, &RawValue>>(inner)
                .ok()
                .and_then(|members| members.get(*name).copied()),
            Step::Index(index) => {
                serde_json::from_str::<Vec<&RawValue>>(inner).ok().and_then(|items| items.get(*index).copied())
            }
        };
        match next {
            Some(raw) => inner = raw.get(),
            None => break,
        }
    }
    let start = inner.as_ptr() as usize - text.as_ptr() as usize;
    start..start + inner.len()
}

/// The path as people write it.
pub(super) fn spelled(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.push_str(&format!(".{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
