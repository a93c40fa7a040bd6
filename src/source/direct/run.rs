//! Lines of one description one after the other, in the same words as in the entry before: the classes of an object, as a rule.

use std::ops::Range;

use memchr::memchr;

use super::head::Head;

/// Such lines, as they were met last.
#[derive(Debug)]
pub struct Run {
    /// From the first to the last, without its line end; empty: none were met.
    text: Vec<u8>,
    /// Where the values lie in it, of each line one.
    values: Vec<Range<usize>>,
    number: u64,
    /// So often it is learned anew before it is met again.
    patience: u8,
}

/// A run in an entry.
#[derive(Clone, Copy)]
pub struct Met<'r> {
    pub values: &'r [Range<usize>],
    /// Where it begins in the entry.
    pub from: usize,
    /// Of other words another one, whatever their description.
    pub number: u64,
}

/// Longer ones are of members or certificates, and differ from entry to entry.
const MOST_OCTETS: usize = 512;
/// Entries of several kinds come in turn.
const PATIENCE: u8 = 16;

impl Default for Run {
    fn default() -> Self {
        Self { text: Vec::new(), values: Vec::new(), number: 0, patience: PATIENCE }
    }
}

impl Run {
    /// The run in `entry`, if it begins there.
    #[inline]
    pub fn meet(&mut self, entry: &[u8], from: usize) -> Option<Met<'_>> {
        let rest = &entry[from..];
        let is_it = !self.text.is_empty()
            && rest.starts_with(&self.text)
            && matches!(rest[self.text.len()..], [] | [b'\n'] | [b'\n', b'!'..=b'~', ..]);
        if !is_it {
            return None;
        }
        self.patience = PATIENCE;
        Some(Met { values: &self.values, from, number: self.number })
    }

    pub fn may_be_learned(&self) -> bool {
        self.patience > 0
    }

    /// Learns the run that begins there, of the description `head`; `next`: the next number of one.
    pub fn learn(&mut self, head: &Head, rest: &[u8], next: &mut u64) {
        self.patience = self.patience.saturating_sub(1);
        self.values.clear();
        let mut at = 0;
        while let Some(line) = rest.get(at..).filter(|line| head.begins(line)) {
            let length = memchr(b'\n', line).unwrap_or(line.len());
            let behind = head.text.len();
            let is_plain = matches!(line.get(behind..behind + 2), Some([b' ', b'!'..=b'~']))
                && !matches!(line.get(length + 1), Some(b' ' | b'\t'));
            if !is_plain || at + length > MOST_OCTETS {
                self.values.clear();
                break;
            }
            self.values.push(at + behind + 1..at + length);
            at += length + 1;
        }
        self.text.clear();
        if let (2.., Some(last)) = (self.values.len(), self.values.last()) {
            self.text.extend_from_slice(&rest[..last.end]);
        }
        self.number = *next;
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is met in `entry` of the run that `before` begins with.
    fn met(before: &str, entry: &str) -> Option<Vec<String>> {
        let mut run = Run::default();
        run.learn(&Head::new(b"objectClass:"), before.as_bytes(), &mut 0);
        let met = run.meet(entry.as_bytes(), 0)?;
        Some(met.values.iter().map(|range| entry[range.clone()].to_owned()).collect())
    }

    #[test]
    fn the_same_lines_are_met_and_no_others() {
        let run = "objectClass: top\nobjectClass: user ";
        let values = Some(vec!["top".to_owned(), "user ".to_owned()]);
        for behind in ["", "\n", "\ncn: a", "\nobjectClass: person", "\n#"] {
            assert_eq!(met(&format!("{run}\ncn: a"), &format!("{run}{behind}")), values, "{behind:?}");
        }
        for other in [
            &format!("{run}\n on"),
            &format!("{run}\n\ton"),
            &format!("{run}s\ncn: a"),
            "objectClass: top\nobjectClass: person",
            "objectClass: top",
            "",
        ] {
            assert_eq!(met(run, other), None, "{other:?}");
        }
        let many = "objectClass: top\n".repeat(MOST_OCTETS);
        for none in [
            "objectClass: top\ncn: a",
            "objectClass: top\nobjectClass:: dXNlcg==",
            "objectClass: top\nobjectClass:  user",
            "objectClass: top\nobjectClass: user\n on",
            "objectClass: top\nobjectClass:",
            &many,
        ] {
            assert_eq!(met(none, none), None, "{none:.50?}");
        }
    }

    #[test]
    fn what_differs_from_entry_to_entry_is_not_learned_for_ever() {
        let (mut run, mut next) = (Run::default(), 0);
        let entry = |number: u64| format!("member: a\nmember: {number}\ncn: a");
        while run.may_be_learned() {
            assert!(next < u64::from(PATIENCE));
            assert!(run.meet(entry(next).as_bytes(), 0).is_none());
            run.learn(&Head::new(b"member:"), entry(next).as_bytes(), &mut next);
        }
        let met = run.meet(entry(next - 1).as_bytes(), 0).map(|met| met.number);
        assert_eq!(met, Some(next - 1));
        assert!(run.may_be_learned());
    }
}
