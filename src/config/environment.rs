//! What the process was given, read once so that everything behind it can be tested.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Environment variables, and the folder of systemd's credentials.
#[derive(Clone, Default)]
pub struct Environment {
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    pub variables: BTreeMap<String, OsString>,
}

/// No configuration was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no configuration was found; tried {}", list(tried))]
pub struct NotFound {
    pub tried: Vec<PathBuf>,
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, OsString> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Self { credentials: variables.get("CREDENTIALS_DIRECTORY").map(PathBuf::from), variables }
    }

    /// A variable's text; `Err` where it is no UTF-8.
    pub(super) fn variable(&self, name: &str) -> Option<Result<String, ()>> {
        self.variables.get(name).map(|value| value.clone().into_string().map_err(|_| ()))
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Finds the configuration (contract.md 2): `--config`, `$PROVISIOND_CONFIG`, the working folder, `/etc`.
    ///
    /// A place that was named outright is the only one that is tried.
    ///
    /// # Errors
    /// No file at any place, with the places tried.
    pub fn find_config(&self, named: Option<&Path>) -> Result<PathBuf, NotFound> {
        let places = match named.map(Path::to_path_buf).or_else(|| self.path("PROVISIOND_CONFIG")) {
            Some(named) => vec![named],
            None => vec![PathBuf::from("provisiond.yaml"), PathBuf::from("/etc/provisiond/provisiond.yaml")],
        };
        places.iter().find(|place| place.is_file()).cloned().ok_or(NotFound { tried: places })
    }
}

/// Names variables only: a value may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        f.debug_struct("Environment").field("credentials", &self.credentials).field("variables", &names).finish()
    }
}
