//! LDIF: records by empty lines, entries and changes by their lines (sources.md 9).

mod changes;
mod comments;
mod decode;
mod description;
mod dn;
mod framer;
mod lines;
mod long;
mod near;
#[cfg(test)]
mod tests;

use encoding_rs::Encoding;

use super::FileWarning;

pub use decode::LdifDecoder;
pub use description::Descriptions;
pub use dn::{is_dn, is_dn_in};
pub use framer::LdifFramer;

/// How an LDIF file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LdifFormat {
    /// None keeps every name as the file has it.
    pub options: Option<OptionRules>,
    /// For values that are not UTF-8.
    pub fallback: Option<&'static Encoding>,
}

/// Which options of an attribute name are no part of it, besides `binary` and `range=` (sources.md 9.3).
///
/// Compared without case; `adcsn` stands for `adcsn-…` too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionRules {
    /// Options that are dropped.
    pub strip: Vec<String>,
    /// Options that say that the value is not there any more.
    pub drop_if: Vec<String>,
}

/// A number that the file says, and the line that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    pub number: i64,
    pub line: u64,
}

/// What reading an LDIF file to its end has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LdifFacts {
    pub version: Option<u64>,
    /// `result: N`, as ldapsearch ends its output; the first one that is not 0, else the last.
    pub result: Option<Stated>,
    /// `# numEntries: N` of ldapsearch and `# N entries` of ldbsearch.
    pub entry_counts: Vec<Stated>,
    /// `# returned N records` of ldbsearch.
    pub returned: Option<Stated>,
    /// `# numResponses: N` of ldapsearch, which is there where no entry was found too.
    pub responses: Option<Stated>,
    /// Entries read when the last `result: N` came.
    pub entries_at_result: Option<u64>,
    /// The last `pagedresults:` line, if by it another page follows.
    pub next_page: Option<u64>,
    /// Entries and changes read; refused ones and the root entry counted, closing blocks not.
    pub entries: u64,
    /// Those of them that have a `changetype`.
    pub changes: u64,
    pub final_newline: bool,
    /// `ldif.version_again`.
    pub warnings: Vec<FileWarning>,
}
