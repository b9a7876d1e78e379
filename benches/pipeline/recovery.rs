//! `kill -9` in the middle of a backlog, and a restart.

use std::time::{Duration, Instant};

use crate::harness::desk::Desk;
use crate::harness::ledger::Ledger;
use crate::harness::worker::Worker;
use crate::report::{decimals, figure, title};
use crate::workload::{preload, stories, warm_broker};

/// Measures the time from the kill to the next committed article.
pub fn run(items: usize) {
    let broker = warm_broker();
    let mut desk = Desk::open(&broker);
    preload(&mut desk, items);
    let mut outcomes = desk.outcomes();
    let worker = Worker::start(&desk, "bench");
    outcomes.await_total(items * 3 / 10, &[&worker]);
    worker.kill();
    let killed = Instant::now();
    let worker = Worker::start(&desk, "bench");
    // What the first one had committed is visible; the first new article ends the outage. What it left open hides
    // everything behind it, so nothing of it can be mistaken for new.
    let grace = Duration::from_millis(300);
    while killed.elapsed() < grace {
        outcomes.refresh();
    }
    let before = outcomes.total();
    outcomes.await_total(before + 1, &[&worker]);
    let resumed = killed.elapsed();
    outcomes.await_total(items, &[&worker]);
    worker.finish();
    let ledger = Ledger::read(&desk);
    ledger.audit(&desk);
    assert_eq!(ledger.articles.len(), stories(items), "every story once");
    title(&format!("recovery: kill -9 of the only worker at {before} of {items} items, restarted at once"));
    figure("seconds from the kill to the next outcome", decimals(resumed.as_secs_f64(), 2), "within 3");
    figure("lost / published twice", "0 / 0", "audited");
}
