//! The metrics of a run. Names, labels and units are a contract: `docs/metrics.md`, held against this file by a test.
//!
//! Item counters move only when a transaction has committed, all at once ([`Metrics::committed`]), so they count what
//! readers can see: read = normalized + rejected, normalized = published + duplicates + rejected.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::counts::Counts;
use super::labels::{
    BrakeEvent, DuplicateKind, Input, PartitionState, RebalanceKind, ReloadOutcome, Stage, TxnOutcome,
};
use super::sources::Sources;
use crate::reject::Reason;

const COMMIT_SECONDS: &[f64] = &[0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
const LATENCY_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
const RESTORE_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
const TRANSACTION_ITEMS: &[f64] = &[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5];

/// The metrics of a run, shared by all its threads. Build it once.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    build: IntGaugeVec,
    rules: Mutex<String>,
    reloads: IntCounterVec,
    reload_time: IntGaugeVec,
    raw_items: IntCounter,
    raw_bytes: IntCounter,
    normalized: IntCounter,
    handed_on: IntCounter,
    sources: Sources,
    published: IntCounter,
    duplicates: IntCounterVec,
    rejected: IntCounterVec,
    brake: IntCounterVec,
    forgotten: IntCounter,
    transactions: IntCounterVec,
    transaction_items: Histogram,
    commit_duration: Histogram,
    latency: Histogram,
    restore_duration: Histogram,
    restore_remaining: IntGaugeVec,
    dedup_entries: IntGaugeVec,
    lag: IntGaugeVec,
    inflight_bytes: IntGauge,
    partitions: IntGaugeVec,
    rebalances: IntCounterVec,
    worker_restarts: IntCounter,
    lost: IntCounterVec,
    kafka_errors: IntCounter,
}

impl Metrics {
    /// Fresh metrics of a process that edits by the rule set `rules`. Every series with a closed set of labels exists from
    /// the start, at zero, so that a rate over it is right from the first event on.
    pub fn new(rules: &str) -> Metrics {
        let registry = Registry::new();
        let new = Factory { registry: &registry };
        let build = new.gauges("build_info", "Constant 1; what runs here.", &["version", "rules"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), rules]).set(1);
        let inner = Inner {
            build,
            rules: Mutex::new(rules.to_owned()),
            reloads: new.counters("reloads_total", "Reloads of rules and log level.", &["outcome"]),
            reload_time: new.gauges("reload_timestamp_seconds", "Unix time of the latest reload.", &["outcome"]),
            raw_items: new.counter("raw_items_total", "Raw items read, in committed transactions."),
            raw_bytes: new.counter("raw_bytes_total", "Bytes of the values of raw items read."),
            normalized: new.counter("normalized_total", "Items edited."),
            handed_on: new.counter(
                "handed_on_total",
                "Of them, those sent through the topic between the steps, to the owner of their content hash.",
            ),
            sources: Sources::new([
                new.counters("source_items_total", "Items edited, by the feed or agency they name.", &["source"]),
                new.counters("source_duplicates_total", "Of them, those that were duplicates.", &["source"]),
                new.counters("source_rejected_total", "Dead letters, by the feed or agency they name.", &["source"]),
            ]),
            published: new.counter("published_total", "Articles published."),
            duplicates: new.counters("duplicates_total", "Items whose content had been published.", &["kind"]),
            rejected: new.counters("rejected_total", "Items sent to the dead letters.", &["stage", "reason"]),
            brake: new.counters("brake_total", "Times too many raw items became dead letters.", &["event"]),
            forgotten: new.counter("forgotten_total", "Orders to forget a content carried out."),
            transactions: new.counters("transactions_total", "Transactions ended.", &["outcome"]),
            transaction_items: new.histogram(
                "transaction_items",
                "Records read in one committed transaction, of both input topics.",
                TRANSACTION_ITEMS,
            ),
            commit_duration: new.histogram(
                "commit_duration_seconds",
                "From closing a transaction until it is committed.",
                COMMIT_SECONDS,
            ),
            latency: new.histogram(
                "latency_seconds",
                "From the timestamp of a raw record until the commit of its article or duplicate.",
                LATENCY_SECONDS,
            ),
            restore_duration: new.histogram(
                "restore_duration_seconds",
                "From the assignment of a partition until its dedup state is restored.",
                RESTORE_SECONDS,
            ),
            restore_remaining: new.gauges(
                "restore_remaining_records",
                "Changelog records left to read before the partition is served.",
                &["partition"],
            ),
            dedup_entries: new.gauges("dedup_entries", "Contents remembered.", &["partition"]),
            lag: new.gauges(
                "lag_records",
                "Committed records of an assigned partition that are not yet read.",
                &["topic", "partition"],
            ),
            inflight_bytes: new
                .gauge("inflight_bytes", "Bytes of records read ahead, which wait for their transaction."),
            partitions: new.gauges("partitions", "Assigned partitions.", &["topic", "state"]),
            rebalances: new.counters("rebalances_total", "Rebalance events.", &["kind"]),
            worker_restarts: new.counter("worker_restarts_total", "Times a worker replaced its consumer and producer."),
            lost: new.counters("lost_records_total", "Records that were gone before they were read.", &["topic"]),
            kafka_errors: new.counter("kafka_errors_total", "Errors reported by the Kafka client, retried or not."),
            registry: registry.clone(),
        };
        inner.create_closed_series();
        new.process();
        Metrics(Arc::new(inner))
    }

    /// A transaction committed at `now_ms` (milliseconds since the Unix epoch); closing it took `took`.
    pub fn committed(&self, counts: &Counts, took: Duration, now_ms: i64) {
        let inner = &self.0;
        inner.raw_items.inc_by(counts.raw_items);
        inner.raw_bytes.inc_by(counts.raw_bytes);
        inner.normalized.inc_by(counts.normalized);
        inner.handed_on.inc_by(counts.handed_on);
        inner.sources.add(&counts.sources);
        inner.published.inc_by(counts.published);
        inner.forgotten.inc_by(counts.forgotten);
        for (kind, count) in DuplicateKind::ALL.iter().zip(counts.duplicates) {
            inner.duplicates.with_label_values(&[kind.code()]).inc_by(count);
        }
        for (stage, reasons) in Stage::ALL.iter().zip(counts.rejected) {
            for (reason, count) in Reason::ALL.iter().zip(reasons).filter(|(_, count)| *count > 0) {
                inner.rejected.with_label_values(&[stage.code(), reason.code()]).inc_by(count);
            }
        }
        let latency = inner.latency.local();
        for raw_ms in &counts.decided_at {
            latency.observe(now_ms.saturating_sub(*raw_ms).max(0) as f64 / 1000.0);
        }
        latency.flush();
        inner.transaction_items.observe(counts.records() as f64);
        inner.commit_duration.observe(took.as_secs_f64());
        self.transaction(TxnOutcome::Committed);
    }

    /// A transaction was aborted; its counts are void.
    pub fn aborted(&self) {
        self.transaction(TxnOutcome::Aborted);
    }

    /// A transaction ended with its producer; its counts are void.
    pub fn fatal(&self) {
        self.transaction(TxnOutcome::Fatal);
    }

    /// A reload ended; where it is done, these are the rules now.
    pub fn reloaded(&self, outcome: ReloadOutcome, rules: &str) {
        let inner = &self.0;
        inner.reloads.with_label_values(&[outcome.code()]).inc();
        inner.reload_time.with_label_values(&[outcome.code()]).set(jiff::Timestamp::now().as_second());
        let mut known = inner.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome == ReloadOutcome::Done && *known != rules {
            let version = env!("CARGO_PKG_VERSION");
            inner.build.with_label_values(&[version, rules]).set(1);
            // It was set when `known` was.
            let _ = inner.build.remove_label_values(&[version, &known]);
            rules.clone_into(&mut known);
        }
    }

    /// Too many raw items became dead letters.
    pub fn brake(&self, event: BrakeEvent) {
        self.0.brake.with_label_values(&[event.code()]).inc();
    }

    /// A rebalance event arrived.
    pub fn rebalance(&self, kind: RebalanceKind) {
        self.0.rebalances.with_label_values(&[kind.code()]).inc();
    }

    /// A worker replaced its consumer and producer.
    pub fn worker_restarted(&self) {
        self.0.worker_restarts.inc();
    }

    /// Records of `input` were gone before they were read.
    pub fn lost(&self, input: Input, records: u64) {
        self.0.lost.with_label_values(&[input.code()]).inc_by(records);
    }

    /// The Kafka client reported an error.
    pub fn kafka_error(&self) {
        self.0.kafka_errors.inc();
    }

    /// A partition's state is restored, this long after its assignment.
    pub fn restored(&self, took: Duration) {
        self.0.restore_duration.observe(took.as_secs_f64());
    }

    /// How many changelog records are left before `partition` is served.
    pub fn set_restore_remaining(&self, partition: i32, records: u64) {
        self.0.restore_remaining.with_label_values(&[&partition.to_string()]).set(clamp(records));
    }

    /// How many contents `partition` remembers.
    pub fn set_dedup_entries(&self, partition: i32, entries: u64) {
        self.0.dedup_entries.with_label_values(&[&partition.to_string()]).set(clamp(entries));
    }

    /// How many committed records of `partition` are not yet read.
    pub fn set_lag(&self, input: Input, partition: i32, records: u64) {
        self.0.lag.with_label_values(&[input.code(), &partition.to_string()]).set(clamp(records));
    }

    /// Removes the series of a partition that is no longer ours: somebody else reports it now.
    pub fn forget_partition(&self, input: Input, partition: i32) {
        let partition = partition.to_string();
        // A series that was never set is no error.
        let _ = self.0.lag.remove_label_values(&[input.code(), &partition]);
        if input == Input::Normalized {
            let _ = self.0.restore_remaining.remove_label_values(&[&partition]);
            let _ = self.0.dedup_entries.remove_label_values(&[&partition]);
        }
    }

    /// A worker's part of the bytes read ahead.
    pub fn inflight_bytes(&self) -> Share {
        Share { gauge: self.0.inflight_bytes.clone(), held: 0 }
    }

    /// A worker's part of the partitions of `input` in `state`.
    pub fn partitions(&self, input: Input, state: PartitionState) -> Share {
        Share { gauge: self.0.partitions.with_label_values(&[input.code(), state.code()]), held: 0 }
    }

    /// The Prometheus text format.
    ///
    /// # Errors
    /// A family without name or samples, which would be a defect here.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.0.registry.gather())
    }

    fn transaction(&self, outcome: TxnOutcome) {
        self.0.transactions.with_label_values(&[outcome.code()]).inc();
    }
}

impl Inner {
    fn create_closed_series(&self) {
        for stage in Stage::ALL {
            for reason in Reason::ALL {
                self.rejected.with_label_values(&[stage.code(), reason.code()]);
            }
        }
        for kind in DuplicateKind::ALL {
            self.duplicates.with_label_values(&[kind.code()]);
        }
        for outcome in TxnOutcome::ALL {
            self.transactions.with_label_values(&[outcome.code()]);
        }
        for outcome in ReloadOutcome::ALL {
            self.reloads.with_label_values(&[outcome.code()]);
            self.reload_time.with_label_values(&[outcome.code()]);
        }
        for event in BrakeEvent::ALL {
            self.brake.with_label_values(&[event.code()]);
        }
        for kind in RebalanceKind::ALL {
            self.rebalances.with_label_values(&[kind.code()]);
        }
        for input in Input::ALL {
            self.lost.with_label_values(&[input.code()]);
            for state in PartitionState::ALL {
                self.partitions.with_label_values(&[input.code(), state.code()]);
            }
        }
    }
}

/// One worker's part of a gauge that sums over workers. Dropping it, or panicking with it, gives the part back.
pub struct Share {
    gauge: IntGauge,
    held: i64,
}

impl Share {
    /// Sets this worker's part.
    pub fn set(&mut self, value: u64) {
        let value = clamp(value);
        self.gauge.add(value - self.held);
        self.held = value;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.gauge.sub(self.held);
    }
}

fn clamp(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Makes and registers metrics under the `copydesk` namespace.
struct Factory<'r> {
    registry: &'r Registry,
}

impl Factory<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(options(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(options(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(options(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(options(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts { common_opts: options(name, help), buckets: buckets.to_vec() };
        self.register(Histogram::with_opts(options))
    }

    /// Nothing here depends on input: names, labels and buckets are constants, and any test that builds [`Metrics`]
    /// would fail on a bad one.
    #[allow(clippy::expect_used)]
    fn register<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("metric options are constants");
        self.registry.register(Box::new(metric.clone())).expect("metric names are distinct constants");
        metric
    }

    /// CPU, memory and descriptors of the process, where the system shows them.
    #[allow(clippy::expect_used)]
    fn process(&self) {
        #[cfg(target_os = "linux")]
        self.registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("the process is registered once");
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("copydesk")
}

#[cfg(test)]
mod tests;
