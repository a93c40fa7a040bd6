//! Reads a target's secrets and files when it is about to be spoken to.

use std::num::NonZeroUsize;
use std::path::Path;

use secrecy::SecretString;

use super::environment::Environment;
use super::secret::{Secret, SecretError};
use super::target::{Auth, Target};
use crate::target;
use crate::wire::{Assertion, ConfigFault, Reading, TenantUrl};

/// Larger than any bundle of certificates.
const MAX_PEM: u64 = 8 << 20;

impl Target {
    /// Reads secrets and certificates into what the client takes.
    ///
    /// # Errors
    /// The first secret or file that cannot be read.
    pub fn settings(&self, environment: &Environment) -> Result<target::Settings, SecretError> {
        let client_certificate = match &self.client_certificate {
            Some(certificate) => Some(target::ClientCertificate {
                chain: pem(&certificate.file)?,
                key: certificate.key.resolve(environment)?,
            }),
            None => None,
        };
        Ok(target::Settings {
            auth: self.auth.connect(environment)?,
            rate: self.rate,
            concurrency: NonZeroUsize::new(self.concurrency).unwrap_or(NonZeroUsize::MIN),
            timeout: self.timeout,
            ca: self.ca_file.as_deref().map(pem).transpose()?,
            client_certificate,
            proxy: self.proxy.clone(),
            honour_retry_after: self.options.honour_retry_after,
            ..target::Settings::new(self.url.base.as_str())
        })
    }
}

impl Target {
    /// The tenant URL as a run reads it: the real service does not see one flag on demand (wire.md 2).
    ///
    /// # Errors
    /// None that loading the configuration did not report.
    pub fn tenant_url(&self, on_demand: bool) -> Result<TenantUrl, ConfigFault> {
        let reading = Reading {
            dialect: self.dialect,
            allow_insecure_http: self.allow_insecure_http,
            passthrough_query: self.options.passthrough_query,
            pass_flags: self.options.pass_flags,
            ignore_2020_flag: on_demand && self.options.on_demand_ignores_flag,
        };
        TenantUrl::parse(&self.url_text, reading)
    }
}

impl Auth {
    fn connect(&self, environment: &Environment) -> Result<target::Auth, SecretError> {
        let read = |secret: &Secret| -> Result<SecretString, SecretError> { secret.resolve(environment) };
        Ok(match self {
            Self::Bearer(secret) => target::Auth::Bearer(read(secret)?),
            Self::Header(secret) => target::Auth::Header(read(secret)?),
            Self::Basic { user, password } => target::Auth::Basic { user: user.clone(), password: read(password)? },
            Self::OAuth2 { token_url, client_id, client_secret, scope, client_auth } => {
                target::Auth::ClientCredentials {
                    token_url: token_url.clone(),
                    client_id: client_id.clone(),
                    client_secret: read(client_secret)?,
                    scope: scope.clone(),
                    client_auth: *client_auth,
                }
            }
            Self::Federated { token_url, client_id, scope, key, audience, tenant, object_id } => {
                target::Auth::Federated(target::Federated {
                    token_url: token_url.clone(),
                    client_id: client_id.clone(),
                    scope: scope.clone(),
                    assertion: Assertion {
                        tenant: tenant.clone().unwrap_or_else(|| client_id.clone()),
                        app_id: client_id.clone(),
                        object_id: object_id.clone().unwrap_or_else(|| client_id.clone()),
                        audience: audience.clone(),
                    },
                    key: read(key)?,
                })
            }
            Self::Refresh { token_url, client_id, client_secret, token } => target::Auth::Refresh {
                token_url: token_url.clone(),
                client_id: client_id.clone(),
                client_secret: read(client_secret)?,
                token: read(token)?,
            },
        })
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, SecretError> {
    use std::io::Read as _;
    let unreadable = |error| SecretError::Certificate { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(unreadable)?.take(MAX_PEM).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
