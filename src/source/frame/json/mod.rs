//! JSON: records by brackets, values by a full parser (sources.md 8).

mod decode;
mod flatten;
mod framer;
mod scan;
#[cfg(test)]
mod tests;

pub use decode::JsonDecoder;
pub(in crate::source) use flatten::text_of;
pub use framer::JsonFramer;

/// How a JSON file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonFormat {
    /// Names of the array of records at the top level; `""` allows the top-level array and one object a line.
    pub records: Vec<String>,
}

/// How the records lie in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonShape {
    /// In the array of this name.
    Under(String),
    Array,
    /// One object a line.
    Lines,
}

/// What reading a JSON file to its end has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonFacts {
    pub shape: Option<JsonShape>,
    /// Top-level members besides the records: name and JSON text, in file order.
    pub members: Vec<(String, String)>,
    /// Whether the last of the lines had its line end; true of documents. Without, warn `json.no_final_newline` at `last_record`
    /// if that record parses; if not, the file is incomplete.
    pub final_newline: bool,
    /// The line of the last record.
    pub last_record: Option<u64>,
}

impl JsonFacts {
    /// Returns the member of this name if it is a text; the last counts.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.member(name)?).ok()
    }

    /// Returns the member of this name if it is a whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.member(name)?.parse().ok()
    }

    /// Returns the JSON text of a top-level member.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().rev().find(|(member, _)| member == name).map(|(_, text)| text.as_str())
    }
}
