//! `copydesk forget`: a content is let through again, on a running worker and after a restart.

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::ledger::Ledger;
use crate::harness::reader::Isolation;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::Worker;

/// Publishes a story and a copy of it; answers its content hash.
fn published(desk: &mut Desk, worker: &Worker, number: u64) -> String {
    for _ in 0..2 {
        desk.send_one(Raw::from(&story(number)));
        desk.settle(&[worker]);
    }
    let ledger = Ledger::read(desk);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (1, 1));
    ledger.articles[0].hash.clone()
}

fn counts(desk: &Desk) -> (usize, usize) {
    let ledger = Ledger::read(desk);
    (ledger.articles.len(), ledger.duplicates.len())
}

#[test]
fn a_forgotten_content_is_published_again_without_a_restart_and_then_remembered_again() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let hash = published(&mut desk, &worker, 1);
    let (code, said) = Worker::command(&desk, "forget", &[&format!("blake3:{hash}")]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("usable    forgotten") && said.contains("canceled  was not remembered"), "{said}");
    for expected in [(2, 1), (2, 2)] {
        desk.send_one(Raw::from(&story(1)));
        desk.settle(&[&worker]);
        assert_eq!(counts(&desk), expected);
    }
    eventually("the order is counted", seconds(5), || match worker.metric("copydesk_forgotten_total", &[])? {
        1.0 => Ok(()),
        other => Err(other.to_string()),
    });
    worker.finish();
    assert_eq!(desk.read(&desk.topics.rejected, Isolation::Committed), [], "an order is no item");
}

#[test]
fn a_content_forgotten_before_a_restart_stays_forgotten_after_it() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let hash = published(&mut desk, &worker, 2);
    let (code, said) = Worker::command(&desk, "forget", &[&hash, "--status", "usable"]);
    assert_eq!(code, Some(0), "{said}");
    worker.kill();
    let worker = Worker::start(&desk, "a");
    for expected in [(2, 1), (2, 2)] {
        desk.send_one(Raw::from(&story(2)));
        desk.settle(&[&worker]);
        assert_eq!(counts(&desk), expected);
    }
    worker.finish();
}

#[test]
fn an_order_given_while_no_worker_runs_is_obeyed_by_the_next_one() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let hash = published(&mut desk, &worker, 3);
    worker.finish();
    let (code, said) = Worker::command(&desk, "forget", &[&hash, "--wait", "1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the order stays in the topic"), "{said}");
    let worker = Worker::start(&desk, "a");
    desk.send_one(Raw::from(&story(3)));
    desk.settle(&[&worker]);
    assert_eq!(counts(&desk), (2, 1));
    worker.finish();
}

#[test]
fn another_status_of_the_content_stays_remembered() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let hash = published(&mut desk, &worker, 4);
    let (code, said) = Worker::command(&desk, "forget", &[&hash, "--status", "canceled"]);
    assert_eq!(code, Some(0), "{said}");
    desk.send_one(Raw::from(&story(4)));
    desk.settle(&[&worker]);
    assert_eq!(counts(&desk), (1, 2));
    worker.finish();
}
