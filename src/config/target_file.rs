//! A `target:` block on its own, for commands that speak to an endpoint without a job.

use std::path::Path;

use serde_json::Value as Json;

use super::check::File;
use super::keys;
use super::load::read_text;
use super::shape::{Key, Shape};
use super::target::{self, Target};
use crate::diagnostic::{Diagnostic, Place};

const ROOT: &[Key] =
    &[Key::new("target", Shape::Block(keys::TARGET), "The SCIM endpoint, as in the configuration.").required()];

/// What came of reading a file with a `target:` block.
#[derive(Debug)]
pub struct TargetFile {
    /// `None` where a problem is an error.
    pub target: Option<Target>,
    pub problems: Vec<Diagnostic>,
    /// The block with its defaults and without secrets.
    pub effective: Json,
}

/// Reads the `target:` block of the file at `path`; its paths are relative to that file.
pub fn target_file(path: &Path) -> TargetFile {
    let name = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(why) => {
            let problem = Diagnostic::error("unreadable_file", format!("the file cannot be read: {why}"))
                .with_place(Place::of_file(name))
                .with_help("`provisiond probe URL` prints a block to begin with");
            return TargetFile { target: None, problems: vec![problem], effective: Json::Null };
        }
    };
    let mut file = File::discreet(&name, &text);
    let checked = file.parse().and_then(|root| file.check(&root, &Shape::Block(ROOT)));
    let block = checked.as_ref().and_then(|item| item.block()?.block("target"));
    let base = path.parent().unwrap_or(Path::new(""));
    let target = block.and_then(|block| target::read(&mut file, block, base)).filter(|_| !file.has_errors());
    TargetFile { target, effective: block.map_or(Json::Null, |block| block.to_json()), problems: file.into_faults() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_in_the_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let cases = [
            ("target:\n  url: https://a.example/scim\n  auth: { bearer: { env: T } }\n", true),
            ("target:\n  url: https://a.example/scim\n", false),
            ("target:\n  url: http://a.example/scim\n  auth: { bearer: { env: T } }\n", false),
            ("target:\n  url: https://a.example/scim\n  auth: { bearer: secret }\n", false),
            ("jobs: []\n", false),
        ];
        for (text, good) in cases {
            let path = folder.path().join("target.yaml");
            std::fs::write(&path, text).expect("it is written");
            let read = target_file(&path);
            assert_eq!(read.target.is_some(), good, "{text}: {:?}", read.problems);
            assert_eq!(read.problems.iter().any(Diagnostic::is_error), !good, "{text}");
        }
        assert!(target_file(&folder.path().join("none.yaml")).target.is_none());
    }
}
