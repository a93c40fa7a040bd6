//! Where a secret is kept; its text is read only when it is needed.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::Environment;

/// Larger than any key or token.
const MAX_BYTES: u64 = 1 << 20;

/// The place a secret comes from (contract.md 3); never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A systemd credential, a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// An environment variable.
    Env(String),
    File(PathBuf),
}

/// Why a secret could not be read; never its text.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{0} needs `$CREDENTIALS_DIRECTORY`, which systemd sets for a unit with `LoadCredential=`")]
    NoCredentials(Secret),
    #[error("{0} names a path; a credential has a plain name")]
    CredentialName(Secret),
    #[error("{0} is not set")]
    Unset(Secret),
    #[error("{0} is no UTF-8 text")]
    NotText(Secret),
    #[error("{0} is empty")]
    Empty(Secret),
    #[error("{0} is larger than a secret can be")]
    TooLarge(Secret),
    #[error("{secret} cannot be read: {error}")]
    Unreadable { secret: Secret, error: std::io::Error },
    #[error("the certificates in `{}` cannot be read: {error}", path.display())]
    Certificate { path: PathBuf, error: std::io::Error },
}

impl Secret {
    /// Reads the secret; one line end after it is no part of it.
    pub fn resolve(&self, environment: &Environment) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Credential(name) => {
                let Some(folder) = &environment.credentials else {
                    return Err(SecretError::NoCredentials(self.clone()));
                };
                let mut parts = Path::new(name).components();
                let (Some(std::path::Component::Normal(_)), None) = (parts.next(), parts.next()) else {
                    return Err(SecretError::CredentialName(self.clone()));
                };
                self.read(&folder.join(name))?
            }
            Self::Env(name) => match environment.variable(name) {
                Some(Ok(text)) => Zeroizing::new(text),
                Some(Err(())) => return Err(SecretError::NotText(self.clone())),
                None => return Err(SecretError::Unset(self.clone())),
            },
            Self::File(path) => self.read(path)?,
        };
        let trimmed = text.strip_suffix('\n').unwrap_or(&text);
        let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
        if trimmed.is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(SecretString::from(trimmed))
    }

    fn read(&self, path: &Path) -> Result<Zeroizing<String>, SecretError> {
        use std::io::Read as _;
        let unreadable = |error| SecretError::Unreadable { secret: self.clone(), error };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SecretError::TooLarge(self.clone()));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText(self.clone()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Credential(name) => json!({ "credential": name }),
            Self::Env(name) => json!({ "env": name }),
            Self::File(path) => json!({ "file": path.display().to_string() }),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "the credential `{name}`"),
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_comes_from_three_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("it is written");
            path
        };
        file("token", "abc\r\n");
        let environment = Environment {
            credentials: Some(folder.path().to_owned()),
            variables: [("T".into(), " x \n\n".into()), ("E".into(), "".into())].into(),
        };
        let read = |secret: Secret| {
            secret.resolve(&environment).map(|text| text.expose_secret().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(read(Secret::Credential("token".into())), Ok("abc".to_owned()));
        assert_eq!(read(Secret::Env("T".into())), Ok(" x \n".to_owned()));
        assert_eq!(read(Secret::File(file("f", "k"))), Ok("k".to_owned()));
        assert_eq!(read(Secret::Env("E".into())), Err("the environment variable `E` is empty".to_owned()));
        assert_eq!(read(Secret::Env("U".into())), Err("the environment variable `U` is not set".to_owned()));
        for secret in
            [Secret::File(file("e", "\n")), Secret::Credential("../f".into()), Secret::File(folder.path().join("none"))]
        {
            assert!(read(secret.clone()).is_err(), "{secret}");
        }
    }
}
