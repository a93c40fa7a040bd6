//! `manifest.json`: what an exporter says it wrote (sources.md 4).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::report::{Level, Problem};

/// The manifest of a set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    pub files: Vec<ManifestFile>,
    #[serde(default)]
    pub mode: Option<ManifestMode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManifestMode {
    Snapshot,
    Changes,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ManifestFile {
    pub name: String,
    #[serde(default)]
    pub bytes: Option<u64>,
    #[serde(default)]
    pub sha256: Option<String>,
    #[serde(default)]
    pub records: Option<u64>,
}

/// More than any list of 100,000 names.
const LARGEST: u64 = 64 << 20;

impl Manifest {
    /// Reads the manifest of the folder, if it has one.
    pub fn read(folder: &Path) -> Result<Option<Self>, Box<Problem>> {
        let refused = |message: String| {
            let problem = Problem::new(Level::Set, "set.manifest", message).in_file("manifest.json");
            let help = r#"write {"files":[{"name":"users.csv","bytes":123}]}, or take the manifest away"#;
            Box::new(problem.with_help(help))
        };
        let path = folder.join("manifest.json");
        if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
        read.map_err(|error| refused(format!("the manifest cannot be read: {error}")))?;
        let text = text.trim_start_matches('\u{feff}');
        serde_json::from_str(text).map(Some).map_err(|error| {
            let problem = refused(format!("the manifest cannot be read: {error}"));
            Box::new(problem.on_line(Some(error.line() as u64)))
        })
    }
}

/// Returns the SHA-256 of what `file` holds, in lower-case digits.
pub fn sha256(mut file: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
