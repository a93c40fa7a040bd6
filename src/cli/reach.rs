//! How commands without a job reach an endpoint: the same settings as a job's `target:`, and the usual ones as options.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::error::CliError;
use super::session::{Session, eprint};
use crate::config::{Environment, TargetFile, target_file};
use crate::diagnostic::{Diagnostic, Style, render_all};
use crate::target::{Auth, Proxy, Settings, SetupFault};
use crate::wire::{Dialect, Profile, Reading, TenantUrl};

/// Options that reach an endpoint.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reaching the endpoint")]
pub struct Reach {
    /// Bearer token: `env:NAME`, `file:PATH` or the text itself, which others see in the list of processes
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// File with a `target:` block as in the configuration (`probe` prints one): `auth` with OAuth and the rest,
    /// `ca_file`, `client_certificate`, `proxy`, `timeout`, …; with `--job` that of the job
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// More certificate authorities, as PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The proxy to go through: `environment`, `none` or a URL
    #[arg(long, value_name = "PROXY")]
    proxy: Option<String>,
    /// Allows plain `http://` beyond this machine
    #[arg(long)]
    allow_insecure_http: bool,
}

/// An endpoint and how it is reached.
pub struct Reached {
    /// As it was given.
    pub text: String,
    pub url: TenantUrl,
    pub settings: Settings,
    pub profile: Profile,
    /// The dialect that the block names outright.
    pub dialect: Option<&'static Dialect>,
    /// The keys of a `target:` block that reach it so, without those that are about more than that.
    pub block: Value,
}

/// The keys of a block that say how an endpoint is reached.
const KEYS: [&str; 6] = ["auth", "allow_insecure_http", "ca_file", "client_certificate", "proxy", "timeout"];
/// Where a printed block says that the token is.
const TOKEN_VARIABLE: &str = "SCIM_TOKEN";

impl Reach {
    /// Reads what reaches `url`, or else the URL of the `target:` block.
    pub fn read(&self, url: Option<&str>, session: &Session) -> Result<Reached, CliError> {
        let (target, effective) = self.block(session)?.unzip();
        let text = match (url, &target) {
            (Some(url), _) => url.to_owned(),
            (None, Some(target)) => target.url_text.clone(),
            (None, None) => {
                return Err(CliError::usage("url", "no endpoint is named")
                    .with_help("give its URL, a `--target` file, or a `--job` of the configuration"));
            }
        };
        let insecure = self.allow_insecure_http || target.as_ref().is_some_and(|target| target.allow_insecure_http);
        let options = target.as_ref().map(|target| target.options.clone()).unwrap_or_default();
        let dialect = target.as_ref().and_then(|target| target.dialect);
        let reading = Reading {
            dialect,
            allow_insecure_http: insecure,
            passthrough_query: options.passthrough_query,
            pass_flags: options.pass_flags,
            ignore_2020_flag: false,
        };
        let url = TenantUrl::parse(&text, reading).map_err(|fault| {
            let help = fault.help.replace("set `allow_insecure_http: true`", "give `--allow-insecure-http`");
            CliError::usage("url", fault.message).with_help(help)
        })?;
        if !session.global.quiet {
            for remark in &url.remarks {
                eprint(&format!("warning[{}]: {}\n", remark.code, remark.detail));
            }
        }
        let mut settings = match &target {
            Some(target) => {
                let read = target.settings(&Environment::of_process());
                let mut settings = read.map_err(|error| CliError::usage("secret", error.to_string()))?;
                settings.base.clone_from(&url.base);
                settings
            }
            None => Settings::new(url.base.clone()),
        };
        if let Some(text) = &self.token {
            settings.auth = Auth::Bearer(token(text)?);
        }
        if let Some(path) = &self.ca_file {
            settings.ca = Some(std::fs::read(path).map_err(|error| CliError::io("read", path, &error))?);
        }
        match self.proxy.as_deref() {
            None => {}
            Some("environment") => settings.proxy = Proxy::Environment,
            Some("none") => settings.proxy = Proxy::None,
            Some(url) => settings.proxy = Proxy::Url(url.to_owned()),
        }
        let block = self.written(effective.unwrap_or_default());
        let profile = target.as_ref().map(|target| target.profile).unwrap_or_default();
        Ok(Reached { text, url, settings, profile, dialect, block })
    }

    /// The block of the file or of the job, where one of them is named.
    fn block(&self, session: &Session) -> Result<Option<(crate::config::Target, Value)>, CliError> {
        if let Some(path) = &self.target {
            let TargetFile { target, problems, effective } = target_file(path);
            let Some(target) = target else { return Err(CliError::of_problems(problems)) };
            show(&problems, session);
            return Ok(Some((target, effective)));
        }
        if session.global.job.is_none() && session.global.config.is_none() {
            return Ok(None);
        }
        let loaded = session.load()?;
        let effective = loaded.effective;
        let Some(config) = loaded.config else { return Err(CliError::of_problems(loaded.problems)) };
        let job = session.job(&config)?;
        let mut jobs = effective["jobs"].as_array().into_iter().flatten();
        let block = jobs.find(|one| one["name"] == job.name.as_str()).map(|one| one["target"].clone());
        Ok(Some((job.target.clone(), block.unwrap_or_default())))
    }

    /// What a configuration has to say to reach it in the same way.
    fn written(&self, effective: Value) -> Value {
        let mut block = serde_json::Map::new();
        let usual = json!({ "allow_insecure_http": false, "proxy": "environment", "timeout": "PT30S" });
        for key in KEYS {
            if let Some(value) = effective.get(key).filter(|value| !value.is_null() && usual.get(key) != Some(*value)) {
                block.insert(key.to_owned(), value.clone());
            }
        }
        let place = match self.token.as_deref().map(|text| text.split_once(':')) {
            Some(Some(("env", name))) => Some(json!({ "env": name })),
            Some(Some(("file", path))) => Some(json!({ "file": path })),
            Some(_) => Some(json!({ "env": TOKEN_VARIABLE })),
            None => (!block.contains_key("auth")).then(|| json!({ "env": TOKEN_VARIABLE })),
        };
        if let Some(place) = place {
            block.insert("auth".to_owned(), json!({ "bearer": place }));
        }
        if self.allow_insecure_http {
            block.insert("allow_insecure_http".to_owned(), json!(true));
        }
        if let Some(path) = &self.ca_file {
            block.insert("ca_file".to_owned(), json!(path.display().to_string()));
        }
        if let Some(proxy) = &self.proxy {
            block.insert("proxy".to_owned(), json!(proxy));
        }
        Value::Object(block)
    }
}

fn show(problems: &[Diagnostic], session: &Session) {
    use std::io::IsTerminal as _;
    if !session.global.quiet && !problems.is_empty() {
        let color = session.global.color.applies(std::io::stderr().is_terminal());
        eprint(&render_all(problems, Style { color }));
    }
}

/// A client cannot be made of these settings.
pub fn unusable(fault: &SetupFault) -> CliError {
    CliError::usage("setup", fault.message.clone()).with_help(fault.help.clone())
}

/// Reads a token as it is given to the commands that take one.
fn token(text: &str) -> Result<SecretString, CliError> {
    if let Some(name) = text.strip_prefix("env:") {
        let found = std::env::var(name).map_err(|_| {
            CliError::usage("token_missing", format!("the variable `{name}` is not set"))
                .with_help("set it, or give the token as `file:PATH`")
        })?;
        return Ok(SecretString::from(found));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = Path::new(path);
        let read = std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
        return Ok(SecretString::from(read.trim_end_matches(['\r', '\n']).to_owned()));
    }
    Ok(SecretString::from(text.to_owned()))
}
