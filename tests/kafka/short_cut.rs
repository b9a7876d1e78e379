//! What belongs to the worker that has read it is decided at once; only the rest passes the topic between the steps.

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::Worker;
use crate::membership::await_share;

fn handed_on(worker: &Worker) -> usize {
    worker.metric("copydesk_handed_on_total", &[]).unwrap() as usize
}

#[test]
fn a_worker_that_owns_everything_hands_nothing_on() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_short_cut();
    desk.send((0..300).map(|number| Raw::from(&story(number % 200))));
    desk.settle(&[&worker]);
    assert_eq!(handed_on(&worker), 0);
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len(), ledger.normalized.len()), (200, 100, 0));
}

#[test]
fn what_belongs_to_another_worker_is_handed_on_and_counted() {
    let mut desk = Desk::open(Broker::shared());
    let workers = [Worker::start(&desk, "a"), Worker::start(&desk, "b")];
    workers.iter().for_each(await_share);
    let backlog = Backlog::send(&mut desk, 700_000, 800);
    desk.settle(&workers.iter().collect::<Vec<_>>());
    let counted = workers.iter().map(handed_on).sum::<usize>();
    let ledger = desk.close(workers.into());
    backlog.assert_published_once(&ledger);
    assert_eq!(ledger.normalized.len(), counted);
    assert!(counted > 0, "neither can own everything");
}

/// Who died in the middle of a transaction hides what comes behind it until the broker aborts it.
#[test]
fn a_barrier_that_stays_hidden_holds_up_only_its_own_partition() {
    let mut desk = Desk::open(Broker::shared());
    let dead: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &desk.bootstrap)
        .set("transactional.id", format!("dead-{}", desk.topics.raw))
        .create()
        .expect("a producer");
    dead.init_transactions(seconds(30)).expect("a coordinator");
    dead.begin_transaction().expect("a transaction");
    dead.send(BaseRecord::to(&desk.topics.normalized).partition(0).key("k").payload("of no worker")).expect("room");
    dead.flush(seconds(30)).expect("it is delivered");

    let worker = Worker::start(&desk, "a");
    worker.await_ready();
    let backlog = Backlog::send(&mut desk, 800_000, 200);
    eventually("the other partitions go on", seconds(30), || {
        worker.assert_alive();
        assert_eq!(worker.metric("copydesk_partitions", &["state=\"halted\""]), Ok(0.0), "that is the brake's word");
        let published = worker.metric("copydesk_published_total", &[])?;
        if published > 50.0 { Ok(()) } else { Err(format!("{published} published")) }
    });
    assert!(worker.metric("copydesk_published_total", &[]).unwrap() < 200.0, "the hidden partition waits");
    dead.abort_transaction(seconds(30)).expect("it is aborted");
    backlog.assert_published_once(&desk.close(vec![worker]));
}
