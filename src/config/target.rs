//! `target:` of a job (wire.md 2 to 4, contract.md 3).

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use serde_json::{Map, Value as Json};

use super::check::File;
use super::item::{Block, Item, Value};
use super::secret::Secret;
use crate::target::Proxy;
use crate::wire::{ClientAuth, Dialect, Options, Profile, Reading, TenantUrl};

/// The SCIM endpoint of a job; secrets are not yet read.
#[derive(Debug, Clone)]
pub struct Target {
    /// As written, flags included.
    pub url_text: String,
    pub url: TenantUrl,
    pub auth: Auth,
    /// When the credentials end.
    pub expires: Option<Date>,
    pub profile: Profile,
    /// The dialect named outright; `None` follows the URL's flag.
    pub dialect: Option<&'static Dialect>,
    /// Requests a second; `None` is no limit.
    pub rate: Option<NonZeroU32>,
    /// Requests in flight.
    pub concurrency: usize,
    pub timeout: Duration,
    pub allow_insecure_http: bool,
    pub ca_file: Option<PathBuf>,
    pub client_certificate: Option<ClientCertificate>,
    pub proxy: Proxy,
    pub supports_soft_delete: bool,
    pub verify_writes: VerifyWrites,
    pub options: Options,
}

/// How we authenticate (wire.md 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    Bearer(Secret),
    OAuth2 {
        token_url: String,
        client_id: String,
        client_secret: Secret,
        scope: Option<String>,
        client_auth: ClientAuth,
    },
    Federated {
        token_url: String,
        client_id: String,
        scope: Option<String>,
        key: Secret,
        audience: Option<String>,
        tenant: Option<String>,
        object_id: Option<String>,
    },
    Refresh {
        token_url: String,
        client_id: String,
        client_secret: Secret,
        token: Secret,
    },
    Basic {
        user: String,
        password: Secret,
    },
    /// The whole value of `Authorization`.
    Header(Secret),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub file: PathBuf,
    pub key: Secret,
}

/// How a write is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyWrites {
    Answer,
    ReadBack,
    Off,
}

impl Auth {
    /// Every secret that has to be read before the target can be spoken to.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Bearer(secret) | Self::Header(secret) => vec![secret],
            Self::OAuth2 { client_secret, .. } => vec![client_secret],
            Self::Federated { key, .. } => vec![key],
            Self::Refresh { client_secret, token, .. } => vec![client_secret, token],
            Self::Basic { password, .. } => vec![password],
        }
    }
}

/// Gives `target:` its types; what a shape cannot say is checked here.
pub(super) fn read(file: &mut File<'_>, block: &Block, base: &Path) -> Option<Target> {
    let allow_insecure_http = block.flag("allow_insecure_http")?;
    let dialect = block.text("dialect").and_then(Dialect::named);
    let options = block.get("options").and_then(|item| options(file, item));
    let auth_block = block.block("auth");
    let auth = auth_block.and_then(|auth| auth_of(file, auth, base, allow_insecure_http));
    let url = block.get("url").and_then(|item| {
        let reading = Reading {
            dialect,
            allow_insecure_http,
            passthrough_query: options.as_ref().is_some_and(|options| options.passthrough_query),
            pass_flags: options.as_ref().is_some_and(|options| options.pass_flags),
            ignore_2020_flag: false,
        };
        tenant_url(file, item, reading)
    });
    if let (Some(url), Some(auth)) = (&url, auth_block) {
        let speaks = url.dialect;
        for (name, allowed) in [("basic", speaks.basic), ("header", speaks.custom_header)] {
            if let Some(item) = auth.get(name)
                && !allowed
            {
                let span = item.span.clone().unwrap_or_default();
                let message = format!("the dialect `{}` does not authenticate with `{name}`", speaks.name);
                file.error("unsupported_auth", span, message, "use `bearer` or `oauth2`, or another dialect");
            }
        }
    }
    if let Some(item) = block.get("proxy")
        && item.text().and_then(|url| url.trim().parse::<http::Uri>().ok()).is_some_and(|url| has_user_info(&url))
    {
        let span = item.span.clone().unwrap_or_default();
        let help = "take the part before `@` out; or write `environment`, and set `HTTPS_PROXY` to the whole URL";
        file.error("plain_secret", span, "a secret is never written in this file", help);
    }
    if let Some(item) = block.get("ca_file") {
        existing_file(file, item, base);
    }
    let certificate = block.block("client_certificate");
    if let Some(item) = certificate.and_then(|certificate| certificate.get("file")) {
        existing_file(file, item, base);
    }
    let concurrency = block.get("concurrency")?;
    let in_flight = match concurrency.value {
        Value::Count(count @ 1..=256) => usize::try_from(count).ok()?,
        _ => {
            let span = concurrency.span.clone().unwrap_or_default();
            file.error("invalid_value", span, "more than 256 requests in flight", "write a number from 1 to 256");
            return None;
        }
    };
    let client_certificate = match certificate {
        Some(certificate) => Some(ClientCertificate {
            file: base.join(certificate.text("file")?),
            key: based(certificate.secret("key")?, base),
        }),
        None => None,
    };
    Some(Target {
        url_text: block.owned("url")?,
        url: url?,
        auth: auth?,
        expires: auth_block?.text("expires").and_then(|date| date.parse().ok()),
        profile: match block.text("profile")? {
            "kintone" => Profile::Kintone,
            _ => Profile::Generic,
        },
        dialect,
        rate: block.count("rate").and_then(|rate| NonZeroU32::new(u32::try_from(rate).unwrap_or(u32::MAX))),
        concurrency: in_flight,
        timeout: block.duration("timeout")?,
        allow_insecure_http,
        ca_file: block.text("ca_file").map(|path| base.join(path)),
        client_certificate,
        proxy: match block.text("proxy")? {
            "environment" => Proxy::Environment,
            "none" => Proxy::None,
            url => Proxy::Url(url.to_owned()),
        },
        supports_soft_delete: block.flag("supports_soft_delete")?,
        verify_writes: match block.text("verify_writes")? {
            "read-back" => VerifyWrites::ReadBack,
            "off" => VerifyWrites::Off,
            _ => VerifyWrites::Answer,
        },
        options: options?,
    })
}

fn has_user_info(url: &http::Uri) -> bool {
    url.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

fn tenant_url(file: &mut File<'_>, item: &Item, reading: Reading) -> Option<TenantUrl> {
    let span = item.span.clone().unwrap_or_default();
    match TenantUrl::parse(item.text()?, reading) {
        Ok(url) => {
            for remark in &url.remarks {
                let message = format!("{}: {}", remark.code, remark.detail);
                file.warning("tenant_url", span.clone(), message, "write the URL without it");
            }
            Some(url)
        }
        Err(fault) => {
            file.error("invalid_url", span, fault.message, fault.help);
            None
        }
    }
}

fn auth_of(file: &mut File<'_>, auth: &Block, base: &Path, insecure: bool) -> Option<Auth> {
    if let Some(secret) = auth.secret("bearer") {
        return Some(Auth::Bearer(based(secret, base)));
    }
    if let Some(secret) = auth.secret("header") {
        return Some(Auth::Header(based(secret, base)));
    }
    if let Some(basic) = auth.block("basic") {
        return Some(Auth::Basic { user: basic.owned("user")?, password: based(basic.secret("password")?, base) });
    }
    let (method, block) =
        ["oauth2", "federated", "refresh"].into_iter().find_map(|method| Some((method, auth.block(method)?)))?;
    let token_url = block.get("token_url").and_then(|item| token_url(file, item, insecure))?;
    let client_id = block.owned("client_id")?;
    let scope = block.owned("scope");
    let secret = |name: &str| block.secret(name).map(|secret| based(secret, base));
    Some(match method {
        "oauth2" => Auth::OAuth2 {
            token_url,
            client_id,
            client_secret: secret("client_secret")?,
            scope,
            client_auth: match block.text("client_auth") {
                Some("basic") => ClientAuth::Basic,
                _ => ClientAuth::Body,
            },
        },
        "federated" => {
            let text = |name: &str| block.owned(name);
            let (audience, tenant, object_id) = (text("audience"), text("tenant"), text("object_id"));
            Auth::Federated { token_url, client_id, scope, key: secret("key")?, audience, tenant, object_id }
        }
        _ => Auth::Refresh { token_url, client_id, client_secret: secret("client_secret")?, token: secret("token")? },
    })
}

/// A token endpoint gets the client's secret: plain HTTP for loopback only, as for the target.
fn token_url(file: &mut File<'_>, item: &Item, allow_insecure_http: bool) -> Option<String> {
    let text = item.text()?;
    match TenantUrl::parse(text, Reading { allow_insecure_http, passthrough_query: true, ..Reading::default() }) {
        Ok(_) => Some(text.to_owned()),
        Err(fault) => {
            let message = fault.message.replace("the tenant URL", "the URL of the token endpoint");
            let help = fault.help.replace(" and configure `auth` instead", ": `client_id` and `client_secret` say it");
            file.error("invalid_url", item.span.clone().unwrap_or_default(), message, help);
            None
        }
    }
}

/// A secret's path is relative to the configuration, like every other.
pub(super) fn based(secret: Secret, base: &Path) -> Secret {
    match secret {
        Secret::File(path) => Secret::File(base.join(path)),
        Secret::Credential(_) | Secret::Env(_) => secret,
    }
}

fn existing_file(file: &mut File<'_>, item: &Item, base: &Path) {
    if let Some(path) = item.text()
        && !base.join(path).is_file()
    {
        let span = item.span.clone().unwrap_or_default();
        let message = format!("there is no file `{path}`");
        file.error("unreadable_file", span, message, "write the path of a file, relative to this one");
    }
}

/// The table of keys has checked each option; the wire's own type takes them over.
fn options(file: &mut File<'_>, item: &Item) -> Option<Options> {
    let members: Map<String, Json> = match item.to_json() {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    match serde_json::from_value(Json::Object(members)) {
        Ok(options) => Some(options),
        Err(error) => {
            let span = item.span.clone().unwrap_or_default();
            file.error("invalid_value", span, format!("the options do not fit: {error}"), "correct the option");
            None
        }
    }
}
