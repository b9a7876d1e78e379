//! A backlog, as fast as it goes.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::harness::broker::Broker;
use crate::harness::desk::Desk;
use crate::harness::ledger::Ledger;
use crate::harness::worker::Worker;
use crate::probe::Probe;
use crate::report::{decimals, figure, title};
use crate::workload::{preload, stories, warm_broker};

/// What was so at one moment.
struct Sample {
    at: Instant,
    worker: f64,
    broker: f64,
    outcomes: usize,
}

/// How often the worker is asked how far it is. A reader of the articles would take the cores from it: the audit reads them,
/// afterwards.
const GLANCE: Duration = Duration::from_millis(100);
/// How often it is measured, on the same broker: every round has topics and a group of its own.
const ROUNDS: usize = 4;

/// Measures items a second and CPU time an item over a backlog of `items`, several times: the broker's JVM goes on compiling
/// its hot paths for a while, on the cores that are measured.
pub fn run(items: usize) {
    let broker = warm_broker();
    for round in 1..=ROUNDS {
        measure(&broker, items, round);
    }
}

fn measure(broker: &Broker, items: usize, round: usize) {
    let mut desk = Desk::open(broker);
    let bytes = preload(&mut desk, items);

    let spawned = Instant::now();
    let worker = Worker::start(&desk, "bench");
    let (of_worker, of_broker) = (Probe::new(worker.id()), Probe::new(broker.id().expect("a broker of our own")));
    worker.await_ready();
    let sample =
        |outcomes: usize| Sample { at: Instant::now(), worker: of_worker.cpu(), broker: of_broker.cpu(), outcomes };
    let start = sample(0);
    let mut half = None;
    loop {
        thread::sleep(GLANCE);
        worker.assert_alive();
        let outcomes = worker.outcomes() as usize;
        if half.is_none() && outcomes >= items / 2 {
            half = Some(sample(outcomes));
        }
        if outcomes == items {
            break;
        }
    }
    let end = sample(items);
    let half = half.expect("half comes before the end");
    let (transactions, commits, committing) = (
        worker.metric("copydesk_transactions_total", &["outcome=\"committed\""]).expect("the metric exists"),
        worker.metric("copydesk_commit_duration_seconds_count", &[]).expect("the metric exists"),
        worker.metric("copydesk_commit_duration_seconds_sum", &[]).expect("the metric exists"),
    );
    let peak = of_worker.peak();
    worker.finish();
    let ledger = Ledger::read(&desk);
    ledger.audit(&desk);
    assert_eq!(ledger.articles.len(), stories(items), "every story once");

    let per_item = |cpu: f64, count: usize| decimals(cpu / count as f64 * 1e6, 1);
    let wall = (end.at - start.at).as_secs_f64();
    title(&format!(
        "throughput: {items} items, {} MB, 4 partitions, one worker thread, round {round}",
        bytes / 1_000_000
    ));
    figure("items/s", decimals(items as f64 / wall, 0), "at least 20,000");
    figure("seconds from ready to the last outcome", decimals(wall, 2), "");
    figure("seconds from process start to ready", decimals((start.at - spawned).as_secs_f64(), 2), "");
    figure("worker CPU µs/item, process start included", per_item(end.worker, items), "at most 45");
    figure("worker CPU µs/item, second half", per_item(end.worker - half.worker, items - half.outcomes), "");
    figure("broker CPU µs/item", per_item(end.broker - start.broker, items), "");
    figure("worker peak memory, MB", decimals(peak, 0), "");
    figure("transactions", decimals(transactions, 0), "");
    figure("commit, mean ms", decimals(committing / commits * 1e3, 1), "");
    figure("lost / published twice", "0 / 0", "audited");
}
