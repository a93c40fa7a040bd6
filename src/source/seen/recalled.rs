//! Where records that were recognised are, by their numbers in the last set.

use super::First;
use crate::source::read::ObjectKey;
use crate::source::recognise::Recall;

/// Four octets a record.
#[derive(Debug, Default)]
pub struct Recalled {
    /// How many there were last time.
    count: usize,
    /// By the number of the record, the line counted through all files; 0: not met. A line beyond four thousand million is only
    /// shown wrongly.
    lines: Vec<u32>,
    /// The file of each stretch of lines, and the line before its first.
    files: Vec<(u32, u32)>,
    /// The line met last.
    last: u32,
}

impl Recalled {
    pub fn after(count: usize) -> Self {
        Self { count, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn note(&mut self, number: usize, file: u32, line: u64) {
        let before = match self.files.last() {
            Some((other, before)) if *other == file => *before,
            Some(_) | None => {
                self.files.push((file, self.last));
                self.last
            }
        };
        self.last = u32::try_from(line).unwrap_or(u32::MAX).saturating_add(before);
        if self.lines.len() <= number {
            self.lines.resize(self.count.max(number + 1), 0);
        }
        if self.lines[number] == 0 {
            self.lines[number] = self.last;
        }
    }

    pub fn find(&self, key: ObjectKey, recall: &dyn Recall) -> Option<First> {
        if self.is_empty() {
            return None;
        }
        let line_of = |number: usize| self.lines.get(number).copied().filter(|line| *line > 0);
        let line = line_of(recall.number_of(key, &|number| line_of(number).is_some())?)?;
        let stretch = self.files.partition_point(|(_, before)| *before < line).checked_sub(1)?;
        let (file, before) = self.files.get(stretch)?;
        Some(First { file: *file, living: true, line: u64::from(line - before), print: 0 })
    }
}
