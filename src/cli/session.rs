//! What commands share: the configuration, the job in question, the service, the output.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use super::args::Global;
use super::error::CliError;
use super::output::Output;
use crate::config::{self, Config, Environment, Job, Loaded};
use crate::cycle::{Clock, Service};
use crate::diagnostic::{Style, nearest, render_all};
use crate::mapping::Known;
use crate::model::secrecy;
use crate::report::JobContext;
use crate::source::{self, Settings};

/// One run of the program.
pub struct Session {
    pub global: Global,
    pub output: Arc<Output>,
}

/// A configuration and the service on its state.
pub struct Opened {
    pub config: Config,
    pub service: Arc<Service>,
}

impl Session {
    /// Loads the configuration; warnings go to standard error.
    pub fn config(&self) -> Result<Config, CliError> {
        let Loaded { config, problems, .. } = self.load()?;
        let Some(config) = config else { return Err(CliError::of_problems(problems)) };
        if !self.global.quiet && !problems.is_empty() {
            eprint(&render_all(&problems, Style { color: self.global.color.applies(io::stderr().is_terminal()) }));
        }
        Ok(config)
    }

    /// Reads the configuration with all its problems.
    pub fn load(&self) -> Result<Loaded, CliError> {
        let environment = Environment::of_process();
        let path = environment.find_config(self.global.config.as_deref()).map_err(|error| {
            CliError::usage("configuration_missing", error.to_string())
                .with_help("name it with `--config`, or write one with `provisiond init DIR --preset kintone`")
        })?;
        Ok(config::load(&path, &environment, &known_names))
    }

    pub fn open(&self, clock: Clock) -> Result<Opened, CliError> {
        let config = self.config()?;
        Opened::new(config, Environment::of_process(), clock)
    }

    /// The one job that the command works on.
    pub fn job<'c>(&self, config: &'c Config) -> Result<&'c Job, CliError> {
        match (&self.global.job, config.jobs.as_slice()) {
            (None, [only]) => Ok(only),
            (None, jobs) => Err(CliError::usage("job_missing", "the configuration has several jobs")
                .with_help(format!("say which with `--job`: {}", names(jobs)))),
            (Some(name), jobs) => jobs.iter().find(|job| job.name == *name).ok_or_else(|| {
                let help = match nearest(name, jobs.iter().map(|job| job.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`"),
                    None => format!("the configuration has: {}", names(jobs)),
                };
                CliError::usage("job_unknown", format!("no job is called `{name}`")).with_help(help)
            }),
        }
    }

    /// The job that was named, else all of them.
    pub fn jobs<'c>(&self, config: &'c Config) -> Result<Vec<&'c Job>, CliError> {
        if self.global.job.is_some() { Ok(vec![self.job(config)?]) } else { Ok(config.jobs.iter().collect()) }
    }
}

impl Opened {
    pub fn new(config: Config, environment: Environment, clock: Clock) -> Result<Self, CliError> {
        let service = Arc::new(Service::open(&config, environment, clock)?);
        Ok(Self { config, service })
    }

    /// What log records of `job` say about it.
    pub fn context(&self, job: &Job) -> Result<JobContext, CliError> {
        let store = self.service.store();
        let state = store.job_state(store.job(&job.name)?)?;
        Ok(JobContext {
            job_id: state.id,
            instance_id: store.instance()?,
            application: job.name.clone(),
            application_url: secrecy::shown(&job.target.url_text),
            source: job.source.directory.display().to_string(),
        })
    }
}

/// What mappings on a source may name: what its presets read.
fn known_names(settings: &Settings) -> Known {
    let names = source::names_read(settings);
    // What a record holds besides is kept by some presets, so any other name is only perhaps a mistake.
    Known { others: names.read, complete: false, secret: names.secret, everybody: false }
}

fn names(jobs: &[Job]) -> String {
    jobs.iter().map(|job| format!("`{}`", job.name)).collect::<Vec<_>>().join(", ")
}

/// Runs a command that waits for the network or for time.
pub fn block_on<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::usage("runtime", format!("the threads of the process cannot be started: {error}")))?
        .block_on(future)
}

/// Writes to standard error; where that is gone there is nobody left to tell.
pub fn eprint(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
