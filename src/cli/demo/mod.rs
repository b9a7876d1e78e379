//! `copydesk demo`: the whole flow in one process, on bundled items.
//!
//! An embedded mock broker (or a real one, with `--kafka`), the real pipeline, bundled items fed into it, and what comes out of
//! the topics shown as it comes. It knows how every item must end and says so when one does not.

mod broker;
mod feed;
mod items;
mod ledger;
mod table;
mod watch;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{future, thread};

use anyhow::{Context, anyhow, bail};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::broker::Broker;
use self::ledger::{Ledger, Totals};
use self::table::Table;
use self::watch::Watch;
use crate::config::Config;
use crate::edit::Desk;
use crate::stream::brake::Brake;
use crate::stream::{self, Running, Service};
use crate::telemetry::{Health, Metrics, Traces, admin, logging};

/// How long the workers may take to join the group. The mock makes the first member wait three seconds.
const JOIN: Duration = Duration::from_secs(30);
/// Time between two items, so that the eye can follow.
const PACE: Duration = Duration::from_millis(40);
/// How long after the last item the demo waits for one that has not come out.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the counters may take to say what the topics say.
const SETTLED: Duration = Duration::from_secs(3);
/// How long it goes on looking for records that should not be there.
const AFTERMATH: Duration = Duration::from_millis(300);

/// See the whole flow in ten seconds: an embedded Kafka, bundled wire items, and what becomes of each
///
/// Needs no broker and no network. Its broker is the mock of librdkafka: it shows the flow and proves no guarantee; with
/// --kafka the same runs on a real one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep serving /metrics after the last item, until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// Run on this Kafka instead of the embedded mock, in topics under a fresh prefix
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
}

/// Runs the demo. The exit code is 1 if an item did not end as it must.
///
/// # Errors
/// When the broker, the admin server or the pipeline does not start, or the pipeline fails.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // A second set-up of the log is no error here: the first one stays.
    let _ = logging::init(false, "warn,librdkafka=off,rdkafka=off");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;

    let broker = Broker::start(args.kafka.as_deref())?;
    let mut config = broker.config();
    config.item.max_bytes = items::MAX_BYTES;
    let layout = broker.create_topics(&config)?;

    let desk = Desk::builtin()?;
    let metrics = Metrics::new(desk.rules_id());
    let health = Health::new(config.worker.threads);
    let (_, desk) = tokio::sync::watch::channel(Arc::new(desk));
    let brake = Brake::new(config.brake.clone(), metrics.clone(), Arc::clone(&health));
    let service = Service { config, desk, metrics, health, brake, traces: Traces::default() };
    let address = serve(&runtime, &service)?;

    let mut table = Table::new(anstream::stdout());
    table.opening(&broker, address)?;
    let pipeline = stream::start(&service, layout).context("cannot start the pipeline")?;
    wait_until_ready(&pipeline, &service.health)?;
    let ledger = play(&service.config, &pipeline, &mut table)?;
    let mut problems = ledger.problems();
    problems.extend(counters_disagree(&service.metrics, ledger.totals()));
    table.closing(&ledger, &problems, &broker)?;
    if args.keep {
        table.keeping(address)?;
        runtime.block_on(tokio::signal::ctrl_c()).context("cannot wait for Ctrl-C")?;
    }
    pipeline.stop();
    pipeline.wait().context("the pipeline failed")?;
    // The clients' threads outlive the workers by a moment, and would complain of a broker that is gone.
    std::mem::forget(broker);
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves `/metrics` and the probes on a free port for as long as the process lives.
fn serve(runtime: &Runtime, service: &Service) -> anyhow::Result<SocketAddr> {
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("cannot listen on a local port for /metrics")?;
    let address = listener.local_addr()?;
    runtime.spawn(admin::serve(listener, service.metrics.clone(), Arc::clone(&service.health), future::pending()));
    Ok(address)
}

fn wait_until_ready(pipeline: &Running, health: &Health) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let verdict = health.ready();
        if verdict.is_ok() {
            return Ok(());
        }
        if pipeline.is_finished() || started.elapsed() > JOIN {
            bail!("the pipeline does not get ready: {verdict}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Holds the counters of `/metrics` against the topics. They follow a commit at once, but not in the same instant.
fn counters_disagree(metrics: &Metrics, totals: Totals) -> Option<String> {
    let Totals { published, duplicates, rejected } = totals;
    let started = Instant::now();
    loop {
        let text = metrics.render().unwrap_or_default();
        let counted = Totals {
            published: counter(&text, "copydesk_published_total"),
            duplicates: counter(&text, "copydesk_duplicates_total"),
            rejected: counter(&text, "copydesk_rejected_total"),
        };
        if counted == totals && counter(&text, "copydesk_raw_items_total") == published + duplicates + rejected {
            return None;
        }
        if started.elapsed() > SETTLED {
            return Some(format!("the counters of /metrics say otherwise: {counted:?}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The sum over the series of the counter `name` in the Prometheus text format.
fn counter(text: &str, name: &str) -> usize {
    text.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum()
}

/// Feeds the items and shows what comes out, until all have, or none has come for too long.
fn play(config: &Config, pipeline: &Running, table: &mut Table<impl Write>) -> anyhow::Result<Ledger> {
    let watch = Watch::start(config)?;
    let mut ledger = Ledger::default();
    let mut latest = Instant::now();
    thread::scope(|scope| {
        let feeder = scope.spawn(|| feed::feed(config, PACE));
        loop {
            if let Some((item, outcome)) = watch.next(Duration::from_millis(50))? {
                ledger.add(item, outcome.clone());
                table.show(item, outcome, &ledger)?;
                latest = Instant::now();
            }
            let enough = if ledger.is_complete() { AFTERMATH } else { PATIENCE };
            if feeder.is_finished() && latest.elapsed() > enough {
                break;
            }
            if pipeline.is_finished() {
                bail!("the pipeline has ended before the items were through");
            }
        }
        feeder.join().map_err(|_| anyhow!("the feeder panicked"))?
    })?;
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_the_sum_of_its_series() {
        let text = "# HELP a_total b\na_total{kind=\"x\"} 2\na_total{kind=\"y\"} 3\na_total_other 9\nb_total 1\n";
        assert_eq!(counter(text, "a_total"), 5);
        assert_eq!(counter(text, "b_total"), 1);
        assert_eq!(counter(text, "c_total"), 0);
    }
}
