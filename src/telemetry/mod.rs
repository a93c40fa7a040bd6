//! Logs: text on a terminal, JSON lines otherwise, to standard error.

pub mod events;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What is logged where `RUST_LOG` says nothing.
    pub level: LevelFilter,
    /// As text for a person; JSON lines otherwise.
    pub terminal: bool,
    pub color: bool,
}

/// Sets up the logs of this process, once; a second call changes nothing.
///
/// A `RUST_LOG` that cannot be read is reported as a warning and its readable parts hold.
pub fn init<W>(settings: Settings, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // What libraries say matters only when something is wrong; `RUST_LOG` shows more of it.
    let usual = || format!("{},provisiond={}", settings.level.min(LevelFilter::WARN), settings.level);
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.trim().is_empty());
    let filter = EnvFilter::builder().parse_lossy(wanted.unwrap_or_else(usual));
    // A line that cannot be written is lost: saying so on the same standard error would end the program.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    let builder = builder.with_env_filter(filter).with_writer(writer).with_ansi(settings.color);
    // Fails only where a subscriber is set already, which then stays.
    let _ = if settings.terminal {
        builder.with_target(false).compact().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    };
}
