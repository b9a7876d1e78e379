//! `kill -9` in the middle of a backlog, and a restart.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::desk::{Desk, Outcomes};
use crate::harness::ledger::Ledger;
use crate::harness::worker::Worker;
use crate::report::{decimals, figure, title};
use crate::workload::{preload, stories, warm_broker};

/// How long after a kill everything that was committed before is visible.
const GRACE: Duration = Duration::from_millis(300);

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
    let before = visible(&mut outcomes, killed);
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

/// How many outcomes are visible shortly after a kill. What the dead one had committed is; the first new one ends the outage.
/// What it left open hides everything behind it, so nothing of it can be mistaken for new.
fn visible(outcomes: &mut Outcomes, killed: Instant) -> usize {
    while killed.elapsed() < GRACE {
        outcomes.refresh();
    }
    outcomes.total()
}

/// Three workers, one of which is killed: from the kill to the next committed outcome of whichever worker, and until every
/// partition of both inputs moves again.
pub fn run_of_three(items: usize) {
    let broker = warm_broker();
    let mut desk = Desk::open(&broker);
    preload(&mut desk, items);
    let mut outcomes = desk.outcomes();
    let names = ["a", "b", "c"];
    let mut workers: Vec<Worker> = names.iter().map(|name| Worker::start(&desk, name)).collect();
    workers.iter().for_each(Worker::await_ready);
    outcomes.await_total(items * 3 / 10, &workers.iter().collect::<Vec<_>>());
    workers.remove(0).kill();
    let killed = Instant::now();
    workers.push(Worker::start(&desk, names[0]));
    let before = visible(&mut outcomes, killed);
    let standing = Standing::of(&desk);
    outcomes.await_total(before + 1, &[]);
    let resumed = killed.elapsed();
    while !Standing::of(&desk).has_passed(&standing) {
        thread::sleep(Duration::from_millis(20));
    }
    let whole = killed.elapsed();
    outcomes.await_total(items, &workers.iter().collect::<Vec<_>>());
    workers.into_iter().for_each(Worker::finish);
    let ledger = Ledger::read(&desk);
    ledger.audit(&desk);
    assert_eq!(ledger.articles.len(), stories(items), "every story once");
    title(&format!("recovery: kill -9 of one of three workers at {before} of {items} items, restarted at once"));
    figure("seconds from the kill to the next outcome", decimals(resumed.as_secs_f64(), 2), "within 3");
    figure("seconds until every partition moves again", decimals(whole.as_secs_f64(), 2), "within 3");
    figure("lost / published twice", "0 / 0", "audited");
}

/// What the group has committed of both inputs, by partition.
struct Standing([HashMap<i32, i64>; 2]);

impl Standing {
    fn of(desk: &Desk) -> Standing {
        Standing([&desk.topics.raw, &desk.topics.normalized].map(|topic| desk.committed(topic)))
    }

    fn has_passed(&self, earlier: &Standing) -> bool {
        let moved = |(now, then): (&HashMap<i32, i64>, &HashMap<i32, i64>)| now.iter().all(|(p, at)| at > &then[p]);
        self.0.iter().zip(&earlier.0).all(moved)
    }
}
