//! Bounds on what a file may ask of memory and time (sources.md 19).

/// Limits of reading; sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One unfolded LDIF line.
    pub line: usize,
    pub record: usize,
    /// Columns of a CSV file, attributes of a record.
    pub columns: usize,
    /// Values of one attribute.
    pub values: usize,
    /// Depth of brackets in a JSON record, its own brace counted.
    pub nesting: usize,
    pub files: usize,
    /// Of all files of a set.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 10 << 20,
            record: 16 << 20,
            columns: 4096,
            values: 100_000,
            nesting: 64,
            files: 100_000,
            total: 64 << 30,
        }
    }
}
