//! Rules and log level of a running process, read anew on SIGHUP: all of it, or nothing.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;

use crate::config::{Config, ConfigError};
use crate::edit::Desk;
use crate::stream::brake::Brake;
use crate::telemetry::logging::Level;
use crate::telemetry::{Metrics, ReloadOutcome};

/// What a reload needs.
pub struct Reloader {
    /// What is in effect.
    config: Config,
    load: Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    desk: watch::Sender<Arc<Desk>>,
    level: Level,
    metrics: Metrics,
    brake: Arc<Brake>,
}

impl Reloader {
    pub fn new(
        config: Config,
        load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
        desk: watch::Sender<Arc<Desk>>,
        level: Level,
        metrics: Metrics,
        brake: Arc<Brake>,
    ) -> Self {
        Reloader { config, load: Box::new(load), desk, level, metrics, brake }
    }

    /// Reads everything anew, and puts it in effect if all of it is right.
    fn reload(&mut self) {
        match self.try_reload() {
            Ok(rules) => {
                self.metrics.reloaded(ReloadOutcome::Done, &rules);
                tracing::info!(rules, level = self.config.log.level, "reloaded");
                self.brake.release();
            }
            Err(error) => {
                self.metrics.reloaded(ReloadOutcome::Refused, "");
                let rules = self.desk.borrow().rules_id().to_owned();
                tracing::error!(rules, "not reloaded, rules and log level stay as they were: {error:#}");
            }
        }
    }

    fn try_reload(&mut self) -> anyhow::Result<String> {
        let config = (self.load)().context("the configuration")?;
        let desk = crate::cli::desk(&config)?;
        let rules = desk.rules_id().to_owned();
        self.level.set(&config.log.level)?;
        self.desk.send_replace(Arc::new(desk));
        self.config.log.level = config.log.level.clone();
        self.config.edit = config.edit.clone();
        let keys = changed(&self.config, &config);
        if !keys.is_empty() {
            tracing::warn!(
                keys = keys.join(", "),
                "changed in the configuration, but only a restart puts it in effect"
            );
        }
        Ok(rules)
    }
}

/// The keys in which two configurations differ.
fn changed(old: &Config, new: &Config) -> Vec<String> {
    let table = |config: &Config| toml::Table::try_from(config).unwrap_or_default();
    let (old, new) = (table(old), table(new));
    let mut keys = Vec::new();
    for (section, values) in &new {
        for (key, value) in values.as_table().into_iter().flatten() {
            if old.get(section).and_then(|section| section.get(key)) != Some(value) {
                keys.push(format!("{section}.{key}"));
            }
        }
    }
    keys
}

/// Reloads whenever the process is told to.
///
/// # Errors
/// Where the signal cannot be listened for.
#[cfg(unix)]
pub fn on_hangup(mut reloader: Reloader) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // Compiling rules takes a moment, in which the probes are to be answered.
            let done = tokio::task::spawn_blocking(move || {
                reloader.reload();
                reloader
            });
            let Ok(back) = done.await else { return };
            reloader = back;
        }
    });
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn on_hangup(_: Reloader) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_need_a_restart_are_named() {
        let old = Config::default();
        let mut new = old.clone();
        assert_eq!(changed(&old, &new), Vec::<String>::new());
        new.worker.threads = 4;
        new.kafka.properties.insert("linger.ms".into(), "9".into());
        assert_eq!(changed(&old, &new), ["kafka.properties", "worker.threads"]);
    }
}
