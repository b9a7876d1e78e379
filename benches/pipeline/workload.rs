//! The raw items of the measurements, and the broker they lie on.

use crate::harness::broker::Broker;
use crate::harness::corpus::report;
use crate::harness::desk::{Desk, Raw};
use crate::harness::jars::VERSION;
use crate::harness::worker::Worker;

/// A broker with the memory a small production one would have.
pub fn broker() -> Broker {
    Broker::start(VERSION, &["-Xmx1g", "-Xms512m"]).unwrap_or_else(|error| panic!("{error}"))
}

/// A broker that has compiled its hot paths: a young JVM takes several times the CPU of one that has run for a while.
pub fn warm_broker() -> Broker {
    const ITEMS: usize = 100_000;
    let broker = broker();
    let mut desk = Desk::open(&broker);
    preload(&mut desk, ITEMS);
    let worker = Worker::start(&desk, "warm-up");
    desk.outcomes().await_total(ITEMS, &[&worker]);
    worker.finish();
    broker
}

/// Report number `turn` of a feed of which every fifth repeats an earlier one, with its advertisements elsewhere.
pub fn item(turn: usize) -> Raw {
    if turn % 5 == 4 {
        Raw::bytes(report((turn * 2 / 5) as u64).text_with_ads())
    } else {
        Raw::from(&report((turn - turn / 5) as u64))
    }
}

/// How many distinct reports the first `items` hold.
pub fn stories(items: usize) -> usize {
    items - items / 5
}

/// Sends the first `items`, and answers how many bytes they are.
pub fn preload(desk: &mut Desk, items: usize) -> usize {
    let mut bytes = 0;
    for first in (0..items).step_by(10_000) {
        let chunk: Vec<Raw> = (first..items.min(first + 10_000)).map(item).collect();
        bytes += chunk.iter().map(Raw::size).sum::<usize>();
        desk.send(chunk);
    }
    bytes
}
