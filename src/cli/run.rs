//! `copydesk run`: the workers, watched over until a signal or a failure ends them.

mod reload;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::desk;
use crate::config::{Config, ConfigError, LogFormat};
use crate::stream::brake::Brake;
use crate::stream::scan::Position;
use crate::stream::topics::{self, TopicError};
use crate::stream::{self, Layout, Running, Service};
use crate::telemetry::{Health, Metrics, Traces, admin, logging};
use reload::Reloader;

/// How long the brokers get to answer the questions of a start-up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before asking brokers again that did not answer.
const RETRY: Duration = Duration::from_secs(2);

/// How often the workers are looked after.
const TICK: Duration = Duration::from_millis(50);

/// How long open requests to the admin server may take at the end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Run the pipeline until SIGTERM or SIGINT
///
/// Waits for brokers that do not answer yet; refuses topics that would break a guarantee. The first signal drains: what is
/// read is committed, the group is left, the exit code is 0. A second one ends the process at once, and nothing is lost by it.
///
/// SIGHUP reads the rules and log.level anew. Where anything is wrong with them, or with the rest of the configuration,
/// everything stays as it was, and the log says so. Other keys need a restart. It also lets go on what the dead-letter brake
/// (brake.action of the configuration) has halted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Follow the live traffic without writing anything: what would these rules do?
    ///
    /// Edits and decides every raw item beside the live workers, beginning with what they remember, outside their group, and
    /// commits nothing. The metrics and the log count what would be published, a duplicate or rejected; log.level =
    /// "copydesk=debug" tells it of every item.
    #[arg(long)]
    shadow: bool,

    /// Where the shadow begins: earliest, latest, -N (the last N records of each partition), an age such as 2h, or a time
    #[arg(long, value_name = "WHERE", default_value = "latest", requires = "shadow", allow_hyphen_values = true)]
    from: Position,
}

/// Runs the command; `load` reads the configuration anew.
///
/// # Errors
/// A start-up that cannot succeed, a worker that gave up or panicked, a drain that took too long.
pub fn run(
    args: &Args,
    config: &Config,
    load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
) -> anyhow::Result<ExitCode> {
    let level = logging::init(config.log.format == LogFormat::Json, &config.log.level)?;
    log_panics();
    #[cfg(feature = "failpoints")]
    crate::faults::arm();
    let desk = desk(config)?;
    let metrics = Metrics::new(desk.rules_id());
    let health = Health::new(if args.shadow { 1 } else { config.worker.threads });
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        rules = desk.rules_id(),
        instance = config.kafka.instance_name(),
        "copydesk"
    );
    for weakness in config.kafka.weaknesses() {
        tracing::warn!("{weakness}");
    }
    tracing::debug!(?config, "configuration");
    let (sender, desk) = watch::channel(Arc::new(desk));
    let traces = match config.telemetry.otlp_endpoint.as_str() {
        "" => Traces::default(),
        endpoint => Traces::export(endpoint, &config.kafka.instance_name())?,
    };
    let brake = Brake::new(config.brake.clone(), metrics.clone(), Arc::clone(&health));
    let service =
        Service { config: config.clone(), desk, metrics, health, brake: Arc::clone(&brake), traces: traces.clone() };
    let reloader = Reloader::new(config.clone(), load, sender, level, service.metrics.clone(), brake);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.block_on(supervise(args, service, reloader));
    runtime.shutdown_timeout(GOODBYE);
    traces.finish();
    if let Err(error) = &outcome {
        tracing::error!("{error:#}");
    }
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn supervise(args: &Args, service: Service, reloader: Reloader) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    reload::on_hangup(reloader)?;
    let (close, closed) = oneshot::channel::<()>();
    let listener = listen(&service.config).await?;
    tokio::spawn(admin::serve(listener, service.metrics.clone(), Arc::clone(&service.health), async {
        closed.await.ok();
    }));
    let running = if args.shadow {
        stream::start_shadow(&service, args.from)
    } else {
        let Some(layout) = layout(&service.config, &mut signals).await? else { return Ok(()) };
        stream::start(&service, layout)
    };
    let running = running.context("starting the worker threads")?;
    let outcome = watch(running, &service, &mut signals).await;
    drop(close);
    outcome
}

async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let wanted = config.admin.listen;
    let listener =
        TcpListener::bind(wanted).await.with_context(|| format!("cannot listen on {wanted} (admin.listen)"))?;
    tracing::info!(address = %listener.local_addr()?, "metrics and probes");
    Ok(listener)
}

/// The layout of the topics, as soon as the brokers tell it; `None` where a signal comes first. Waits for brokers, not for
/// topics.
async fn layout(config: &Config, signals: &mut Signals) -> anyhow::Result<Option<Layout>> {
    let mut said = String::new();
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        let (asked, stopped) = (config.clone(), Arc::clone(&stop));
        let mut asking = tokio::task::spawn_blocking(move || topics::verify(&asked, PATIENCE, &stopped));
        let answer = tokio::select! {
            answer = &mut asking => answer?,
            () = signals.next() => {
                // A client that outlived `main` would find OpenSSL taken apart, and crash.
                stop.store(true, Ordering::Release);
                let _ = asking.await;
                return Ok(None);
            }
        };
        match answer {
            Ok(layout) => return Ok(Some(layout)),
            Err(error @ TopicError::Unreachable { .. }) => {
                let error = error.to_string();
                if error == said {
                    tracing::debug!("{error}; trying again");
                } else {
                    tracing::warn!("{error}; trying again, and silent about it");
                    said = error;
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => (),
            () = signals.next() => return Ok(None),
        }
    }
}

/// Lets the workers work until a signal, or until one of them fails; then gives all of them the configured time to drain.
async fn watch(running: Running, service: &Service, signals: &mut Signals) -> anyhow::Result<()> {
    let timeout = service.config.shutdown.timeout();
    let mut deadline: Option<Instant> = None;
    let mut asked = false;
    while !running.is_finished() {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            bail!(
                "the workers did not drain within {} s (shutdown.timeout_seconds); what they held is read again",
                timeout.as_secs()
            );
        }
        if deadline.is_none() && service.health.has_failed() {
            deadline = Some(Instant::now() + timeout);
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => (),
            () = signals.next() => {
                if asked {
                    bail!("ended by a second signal; what the workers held is read again");
                }
                tracing::info!("draining: what is read is committed; a second signal ends at once");
                running.stop();
                asked = true;
                deadline = Some(Instant::now() + timeout);
            }
        }
    }
    running.wait()?;
    Ok(())
}

/// The signals that ask a process to end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        tokio::signal::ctrl_c().await.ok();
    }
}

/// Panics go to the log like everything else, so that a log of JSON stays one. What a panic says may quote the text it was
/// about, so that is told at debug alone.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(thread, place, "panic (log.level = \"debug\" shows its message, which may quote an item)");
        tracing::debug!(thread, "panic: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_over_an_item_does_not_quote_it() {
        let said = |level: tracing::Level| {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber =
                tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(subscriber, || {
                let default = std::panic::take_hook();
                super::log_panics();
                let item = String::from("Zürich harbour");
                std::panic::catch_unwind(|| item[..2].len()).unwrap_err();
                std::panic::set_hook(default);
            });
            String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
        };
        let (info, debug) = (said(tracing::Level::INFO), said(tracing::Level::DEBUG));
        assert!(info.contains("panic") && info.contains("run.rs"), "{info}");
        assert!(!info.contains("harbour"), "{info}");
        assert!(debug.contains("harbour"), "the test would notice: {debug}");
    }
}
