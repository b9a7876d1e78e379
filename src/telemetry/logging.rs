//! The log: events of this crate, and of librdkafka through the `log` crate, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.level` is no filter.
    #[error("log.level: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A log was set up before.
    #[error(transparent)]
    Twice(#[from] TryInitError),
    /// The log is gone.
    #[error(transparent)]
    Gone(#[from] reload::Error),
}

/// Sets up the log of this process, once: JSON objects or readable lines, of the events that `directives` lets through (a
/// level, or `target=level` pairs separated by commas).
///
/// # Errors
/// Directives that do not parse, or a second call.
pub fn init(json: bool, directives: &str) -> Result<Level, LogError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(directives)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()?;
    } else {
        registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()?;
    }
    Ok(Level(handle))
}

/// What the log lets through, to change it while it runs.
#[derive(Clone)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Lets through what `directives` say from now on.
    ///
    /// # Errors
    /// Directives that do not parse; the level stays as it was.
    pub fn set(&self, directives: &str) -> Result<(), LogError> {
        Ok(self.0.reload(EnvFilter::try_new(directives)?)?)
    }
}
