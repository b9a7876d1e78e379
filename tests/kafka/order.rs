//! What is sent in which order, seen from between worker and broker.

use std::time::Duration;

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::Desk;
use crate::harness::proxy::{Answers, Proxy, api};
use crate::harness::worker::{Settings, Worker};

/// The client takes offsets for a transaction whose records are still under way, and a record that fails then is no
/// longer in time to stop them.
#[test]
fn offsets_are_sent_only_when_every_record_is_delivered() {
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let mut desk = Desk::open(&broker);
    proxy.answers(Answers::Late(Duration::from_millis(60)), &[api::PRODUCE]);
    let worker = Worker::start_with(&desk, &Settings::named("a").through(&proxy));
    worker.await_short_cut();
    let (before, _) = proxy.offsets();
    for number in 0..10 {
        desk.send_one(&story(number));
        desk.settle(&[&worker]);
    }
    let (sent, early) = proxy.offsets();
    assert_eq!((sent - before, early), (10, 0), "transactions, and those whose offsets overtook a record");
    let backlog = Backlog::send(&mut desk, 100, 400);
    backlog.assert_published_once(&desk.close(vec![worker]));
    let (sent, early) = proxy.offsets();
    assert_eq!(early, 0, "of {sent} transactions");
}

/// A commit whose answer is lost may have happened or not: the client asks again, and nothing is lost or doubled.
#[test]
fn a_commit_whose_answer_is_lost_is_neither_lost_nor_repeated() {
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let mut desk = Desk::open(&broker);
    let settings = Settings::named("a").through(&proxy).property("socket.timeout.ms", "2000");
    let worker = Worker::start_with(&desk, &settings);
    worker.await_ready();
    proxy.answers(Answers::Lost, &[api::END_TXN]);
    let backlog = Backlog::send(&mut desk, 0, 800);
    std::thread::sleep(Duration::from_secs(5));
    proxy.answers(Answers::Pass, &[]);
    backlog.assert_published_once(&desk.close(vec![worker]));
    assert!(proxy.touched() > 0, "an answer was lost");
}
