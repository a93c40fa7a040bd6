//! The files that `init` writes: a working configuration that explains itself.

use super::keys;
use super::shape::{Key, Shape};

/// What a new configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Kintone,
    /// Any SCIM 2.0 endpoint.
    Scim,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Relative to the new folder.
    pub path: &'static str,
    pub text: String,
}

impl Preset {
    pub const NAMES: [&'static str; 2] = ["kintone", "scim"];

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "kintone" => Some(Self::Kintone),
            "scim" => Some(Self::Scim),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kintone => "kintone",
            Self::Scim => "scim",
        }
    }

    fn mapping(self) -> (&'static str, &'static str) {
        match self {
            Self::Kintone => ("mappings/kintone.yaml", include_str!("../../mappings/kintone.yaml")),
            Self::Scim => ("mappings/scim.yaml", include_str!("../../mappings/scim.yaml")),
        }
    }

    /// What this preset writes for keys without a default.
    fn value(self, key: &str) -> Option<&'static str> {
        Some(match (self, key) {
            (_, "name") => self.name(),
            (_, "directory") => "source",
            (_, "mapping") => self.mapping().0,
            (Self::Kintone, "url") => "https://sample.kintone.com/scim/v2/",
            (Self::Scim, "url") => "https://app.example.com/scim/v2/",
            (Self::Kintone, "bearer") => "{ credential: kintone-token }",
            (Self::Scim, "bearer") => "{ credential: scim-token }",
            (Self::Kintone, "profile") => "kintone",
            _ => return None,
        })
    }
}

const HEAD: &str = "\
# Configuration of provisiond. Relative paths are relative to this file.
# What stands behind a `#` is the default: remove the `#` to change it.
# Check it with `provisiond check`; `provisiond schema` prints a JSON Schema for editors.
";

const README: &str = "\
Put the exports of your directory into the folder `source`: CSV, LDIF or JSON files.

In the Entra admin center: Users > Download users. The columns `id` and `userPrincipalName` are needed;
`accountEnabled`, `displayName`, `givenName`, `surname` and `mail` should be there.

Write a new export beside the old one and then remove the old one, or replace it in one step (`mv`).
`provisiond source` shows what was read, `provisiond cycle --dry-run` what would be sent.
";

/// The folder that exports belong into.
pub const SOURCE_FOLDER: &str = "source";

/// The files of a new folder: configuration, mapping, and a note on what belongs into the source folder.
///
/// The note lies beside that folder: in it, it would be a file that is no export.
pub fn init(preset: Preset) -> Vec<Template> {
    let (path, mapping) = preset.mapping();
    vec![
        Template { path: "provisiond.yaml", text: config(preset) },
        Template { path, text: mapping.to_owned() },
        Template { path: "README.txt", text: README.to_owned() },
    ]
}

fn config(preset: Preset) -> String {
    let mut out = HEAD.to_owned();
    for key in keys::ROOT {
        out.push('\n');
        match &key.shape {
            Shape::List(Shape::Block(job)) => {
                comment(&mut out, 0, key.doc);
                out.push_str("jobs:\n");
                let mut first = true;
                for key in *job {
                    if !first {
                        out.push('\n');
                    }
                    let start = out.len();
                    write_key(&mut out, preset, key, 4, true);
                    if first {
                        // the job's own dash stands before its first key
                        let name = out[start..].find("name:").map_or(start, |at| start + at);
                        out.replace_range(name - 2..name, "- ");
                    }
                    first = false;
                }
            }
            _ => write_key(&mut out, preset, key, 0, true),
        }
    }
    out
}

/// Writes a key with its sentence; what is optional is commented out.
fn write_key(out: &mut String, preset: Preset, key: &Key, indent: usize, live: bool) {
    comment(out, indent, key.doc);
    let given = preset.value(key.name).filter(|_| live);
    let block = match &key.shape {
        Shape::Block(keys) => Some((*keys, &[][..])),
        Shape::OneOf { one, beside } => Some((*beside, *one)),
        _ => None,
    };
    if let (Some((beside, one)), None) = (block, given) {
        let live = live && key.required;
        line(out, indent, live, &format!("{}:", key.name));
        for key in one.iter().chain(beside) {
            write_key(out, preset, key, indent + 2, live);
        }
        return;
    }
    let value = given.or(key.default).map_or_else(|| placeholder(&key.shape), str::to_owned);
    line(out, indent, given.is_some(), &format!("{}: {value}", key.name));
}

fn comment(out: &mut String, indent: usize, doc: &str) {
    out.push_str(&format!("{:indent$}# {doc}\n", ""));
}

fn line(out: &mut String, indent: usize, live: bool, text: &str) {
    let mark = if live { "" } else { "#" };
    out.push_str(&format!("{:indent$}{mark}{text}\n", ""));
}

/// An example for a key that has no default.
fn placeholder(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Path => "NAME".to_owned(),
        Shape::Url => "https://login.example.com/token".to_owned(),
        Shape::Date => "2027-03-31".to_owned(),
        Shape::Address => "127.0.0.1:9090".to_owned(),
        Shape::Time => "2026-04-01T00:00:00Z".to_owned(),
        Shape::Secret => "{ credential: NAME }".to_owned(),
        Shape::Flag => "true".to_owned(),
        Shape::Count { least } => least.to_string(),
        Shape::Choice([first, ..]) => (*first).to_owned(),
        Shape::List(_) => "[]".to_owned(),
        Shape::Or(word, _) => (*word).to_owned(),
        Shape::Choice([])
        | Shape::Data
        | Shape::Share
        | Shape::Percent
        | Shape::Duration { .. }
        | Shape::Size
        | Shape::TextOr(_)
        | Shape::Block(_)
        | Shape::OneOf { .. }
        | Shape::Table(_) => "{}".to_owned(),
    }
}
