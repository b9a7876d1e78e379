//! A rolling restart under traffic: nothing lost or doubled, few rebalances, and how long articles wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::producer::DeliveryFuture;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{At, Desk, Raw, Sent, now};
use crate::harness::ledger::Ledger;
use crate::harness::reader::Record;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::Worker;

/// Items a second while the workers are restarted.
const PACE: Duration = Duration::from_millis(10);
/// How late an article may be in the worst case. A pause of a whole session (30 s) would mean that nobody took over.
const BOUND: Duration = seconds(15);

/// Rebalance events this worker has met.
fn rebalances(worker: &Worker) -> f64 {
    worker.metric("copydesk_rebalances_total", &[]).unwrap_or(0.0)
}

fn await_ready_with_partitions(worker: &Worker) {
    eventually("a share of the partitions", seconds(40), || {
        worker.assert_alive();
        worker.await_ready();
        match worker.metric("copydesk_partitions", &["state=\"active\""])? {
            0.0 => Err("no partitions".into()),
            _ => Ok(()),
        }
    });
}

/// The latest that an article came after its raw item, in milliseconds.
fn worst_latency(ledger: &Ledger) -> i64 {
    let late = |record: &Record| {
        let received: i64 = record.header("copydesk-received").expect("a header").parse().expect("a number");
        record.timestamp - received
    };
    ledger.articles.iter().map(|article| late(&article.record)).max().expect("articles")
}

/// Restarts two workers one after the other while items come, each as soon as its predecessor is gone, as a StatefulSet
/// does. Answers the latest article's delay, how many rebalance events all four processes met, and how many of them the one
/// that stayed.
fn roll(stop: fn(Worker) -> f64) -> (Duration, f64, f64) {
    let mut desk = Desk::open(Broker::shared());
    let (a, b) = (Worker::start(&desk, "a"), Worker::start(&desk, "b"));
    await_ready_with_partitions(&a);
    await_ready_with_partitions(&b);
    let joining = rebalances(&a) + rebalances(&b);
    let rolled = AtomicBool::new(false);
    let (posted, workers, met, stayed) = thread::scope(|scope| {
        let feed = scope.spawn(|| feed(&desk, &rolled));
        thread::sleep(seconds(1));
        let before = rebalances(&b);
        let mut met = stop(a);
        let a = Worker::start(&desk, "a");
        await_ready_with_partitions(&a);
        let mut stayed = rebalances(&b) - before;
        let before = rebalances(&a);
        met += stop(b);
        let b = Worker::start(&desk, "b");
        await_ready_with_partitions(&b);
        await_ready_with_partitions(&a);
        stayed += rebalances(&a) - before;
        thread::sleep(seconds(1));
        rolled.store(true, Ordering::Release);
        met += rebalances(&a) + rebalances(&b) - joining;
        (feed.join().expect("the feed"), vec![a, b], met, stayed)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (timestamp, delivery) in posted {
        let delivered = runtime.block_on(delivery).expect("the producer lives").expect("the item is delivered");
        let at = At { partition: delivered.partition, offset: delivered.offset };
        desk.sent.push(Sent { at, timestamp });
    }
    let ledger = desk.close(workers);
    assert_eq!(ledger.articles.len(), desk.sent.len(), "each item is a story of its own");
    assert!(desk.sent.len() > 200, "there was traffic: {} items", desk.sent.len());
    (Duration::from_millis(worst_latency(&ledger).unsigned_abs()), met, stayed)
}

/// Sends stories until told to stop.
fn feed(desk: &Desk, stop: &AtomicBool) -> Vec<(i64, DeliveryFuture)> {
    let mut posted = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Acquire) {
            break;
        }
        let timestamp = now();
        let item = Raw::from(&story(700_000 + number)).on((number % 4) as i32).at(timestamp);
        posted.push((timestamp, desk.post(&item)));
        thread::sleep(PACE);
    }
    posted
}

#[test]
fn a_rolling_restart_loses_nothing_and_articles_wait_only_for_the_hand_over() {
    let (delay, met, _) = roll(|worker| {
        let met = rebalances(&worker);
        worker.finish();
        met
    });
    println!("rolling restart by SIGTERM: worst delay {delay:?}, {met} rebalance events");
    assert!(delay < BOUND, "an article came {delay:?} late");
    assert!(met <= 16.0, "{met} rebalance events for two restarts");
}

/// A process that is killed does not leave the group: what a restart costs where the static member keeps its place.
#[test]
fn a_rolling_crash_and_restart_moves_no_partition() {
    let (delay, met, stayed) = roll(|worker| {
        let met = rebalances(&worker);
        worker.kill();
        met
    });
    println!("rolling restart by SIGKILL: worst delay {delay:?}, {met} rebalance events");
    assert!(delay < BOUND, "an article came {delay:?} late");
    assert_eq!(stayed, 0.0, "the replica that stayed met a rebalance");
}
