//! A broker that goes away, each time in another way.

use std::thread;

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::desk::Desk;
use crate::harness::leash::Signal;
use crate::harness::proxy::{Answers, Proxy, api};
use crate::harness::wait::{eventually, lived, seconds};
use crate::harness::worker::{Settings, Worker};

/// Sends a backlog, lets the outage happen in the middle of it, and expects the worker to go on by itself.
fn survive(desk: &mut Desk, broker: &mut Broker, worker: &Worker, outage: fn(&mut Broker)) -> Backlog {
    let before = desk.sent.len();
    let backlog = Backlog::send(desk, before as u64 * 10, 1_200);
    desk.outcomes().await_total(before + 200, &[worker]);
    outage(broker);
    worker.assert_alive();
    let alive = worker.get("/livez").expect("the admin server answers");
    assert_eq!(alive.status, 200, "a broker's outage is no worker's death: {}", alive.body);
    desk.reconnect();
    desk.settle(&[worker]);
    backlog
}

#[test]
fn the_broker_goes_away_and_comes_back() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let worker = Worker::start(&desk, "a");
    let outages: [fn(&mut Broker); 2] = [
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
    ];
    let backlogs = outages.map(|outage| survive(&mut desk, &mut broker, &worker, outage));
    let ledger = desk.close(vec![worker]);
    backlogs.iter().for_each(|backlog| backlog.assert_published_once(&ledger));
}

#[test]
fn the_broker_freezes_for_longer_than_a_transaction_may_take() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let worker = Worker::start(&desk, "a");
    let backlog = survive(&mut desk, &mut broker, &worker, |broker| {
        broker.pause();
        thread::sleep(seconds(12));
        broker.resume();
    });
    let ledger = desk.close(vec![worker]);
    backlog.assert_published_once(&ledger);
}

#[test]
fn a_worker_without_a_broker_still_ends_in_time() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let worker = Worker::start_with(&desk, &Settings::named("a").shutdown_seconds(4));
    let transactions = desk.open_transactions();
    worker.await_ready();
    let backlog = Backlog::send(&mut desk, 0, 1_200);
    transactions.wait();
    broker.kill();
    worker.signal(Signal::Term);
    let code = worker.exit_code(seconds(10));
    assert!(code.is_some(), "it ends by itself, not by a signal");
    broker.start_again();
    let ledger = desk.close(vec![Worker::start(&desk, "a")]);
    backlog.assert_published_once(&ledger);
}

/// Sending offsets waits for the group's coordinator as long as that is away, whatever its time-out says (librdkafka #5456,
/// #5511).
#[test]
fn a_commit_that_hangs_is_given_up_for_new_clients() {
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let mut desk = Desk::open(&broker);
    let worker = Worker::start_with(&desk, &Settings::named("a").through(&proxy));
    worker.await_ready();
    // The consumer has found the coordinator of its group; the producer looks for it when it first commits.
    proxy.answers(Answers::Misleading, &[api::FIND_COORDINATOR]);
    let started = lived();
    let backlog = Backlog::send(&mut desk, 0, 400);
    eventually("the hanging commit is given up", seconds(40), || {
        match worker.metric("copydesk_worker_restarts_total", &[])? {
            0.0 => Err(format!("{} answers were misleading", proxy.touched())),
            _ => Ok(()),
        }
    });
    let took = lived() - started;
    assert!(took > seconds(15), "given up after {took:?}, which is no hang");
    proxy.answers(Answers::Pass, &[]);
    let log = worker.log();
    assert!(log.contains("a commit gives no sign"), "{log}");
    backlog.assert_published_once(&desk.close(vec![worker]));
}
