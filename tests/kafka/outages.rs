//! A broker that goes away, each time in another way.

use std::thread;

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::desk::Desk;
use crate::harness::leash::Signal;
use crate::harness::wait::seconds;
use crate::harness::worker::{Settings, Worker};

#[test]
fn the_broker_goes_away_and_comes_back() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let worker = Worker::start_with(&desk, &Settings::named("a").shutdown_seconds(5));
    let mut backlogs = Vec::new();
    let outages: [fn(&mut Broker); 3] = [
        |broker| {
            broker.kill();
            thread::sleep(seconds(2));
            broker.start_again();
        },
        |broker| {
            broker.stop();
            thread::sleep(seconds(2));
            broker.start_again();
        },
        |broker| {
            // Longer than the worker's transactions may stay open.
            broker.pause();
            thread::sleep(seconds(12));
            broker.resume();
        },
    ];
    for (number, outage) in outages.into_iter().enumerate() {
        let before = desk.sent.len();
        backlogs.push(Backlog::send(&mut desk, number as u64 * 10_000, 1_200));
        desk.outcomes().await_total(before + 200, &[&worker]);
        outage(&mut broker);
        desk.reconnect();
        worker.assert_alive();
        assert_eq!(
            worker.get("/livez").expect("the admin server answers").status,
            200,
            "a broker's outage is no worker's death"
        );
        desk.settle(&[&worker]);
    }
    worker.await_ready();
    worker.finish();
    let ledger = crate::harness::ledger::Ledger::read(&desk);
    ledger.audit(&desk);
    backlogs.iter().for_each(|backlog| backlog.assert_published_once(&ledger));
}

#[test]
fn a_worker_without_a_broker_still_ends_in_time() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let worker = Worker::start_with(&desk, &Settings::named("a").shutdown_seconds(4));
    let backlog = Backlog::send(&mut desk, 0, 1_200);
    desk.outcomes().await_total(100, &[&worker]);
    broker.kill();
    worker.signal(Signal::Term);
    let code = worker.exit_code(seconds(10));
    assert!(code.is_some(), "it ends by itself, not by a signal");
    broker.start_again();
    let ledger = desk.close(vec![Worker::start(&desk, "a")]);
    backlog.assert_published_once(&ledger);
}
