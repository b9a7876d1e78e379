//! The log: events of this crate, and of librdkafka through the `log` crate, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.level` is no filter.
    #[error("log.level: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A log was set up before.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Sets up the log of this process, once: JSON objects or readable lines, of the events that `directives` lets through (a
/// level, or `target=level` pairs separated by commas).
///
/// # Errors
/// Directives that do not parse, or a second call.
pub fn init(json: bool, directives: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(directives)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()?;
    } else {
        registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()?;
    }
    Ok(())
}
