//! Workers that take over from dead ones while these have left a transaction open.
#![cfg(feature = "failpoints")]

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::wait::{eventually, lived, seconds};
use crate::harness::worker::{Settings, Worker};

/// A worker that is missed after three seconds, and whose open transaction the broker aborts after so many.
fn settings(name: &str, patience: u32) -> Settings {
    let patience = (patience * 1_000).to_string();
    Settings::named(name).property("session.timeout.ms", "3000").property("transaction.timeout.ms", &patience)
}

/// The transaction that publishes: the first writes a barrier, the second has read it.
const PUBLISHING: u32 = 3;

#[track_caller]
fn await_death(worker: Worker) {
    assert_eq!(worker.exit_code(seconds(30)), None, "it died, and did not end");
    assert!(worker.log().contains("dying on purpose"), "{}", worker.log());
}

/// What the heir commits lies behind the dead worker's open transaction, where readers of committed records cannot see it:
/// the next heir must wait until they can.
#[test]
fn an_heir_of_an_heir_knows_what_was_published_behind_an_open_transaction() {
    let mut desk = Desk::narrow(Broker::shared());
    let hidden = desk.open_transactions();
    let dead = Worker::start_with(&desk, &settings("a", 20).dying_at("before-offsets", PUBLISHING));
    dead.await_short_cut();
    desk.send_one(&story(0));
    await_death(dead);
    assert!(hidden.any(), "an article was sent");
    let heir = Worker::start_with(&desk, &settings("b", 20));
    desk.send((1..60).map(|number| Raw::from(&story(number))));
    eventually("the heir has published", seconds(60), || match heir.metric("copydesk_published_total", &[])? {
        60.0 => Ok(()),
        other => Err(other.to_string()),
    });
    heir.finish();
    let heir = Worker::start_with(&desk, &settings("c", 20));
    desk.send((0..60).map(|number| Raw::bytes(story(number).text_with_ads())));
    let ledger = desk.close(vec![heir]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (60, 60));
}

/// Under its old name a worker ends what its predecessor left open; otherwise every reader would wait for the broker to.
#[test]
fn a_worker_that_died_in_a_transaction_and_comes_back_goes_on_at_once() {
    let mut desk = Desk::narrow(Broker::shared());
    let hidden = desk.open_transactions();
    let dead = Worker::start_with(&desk, &settings("a", 120).dying_at("before-offsets", PUBLISHING));
    dead.await_short_cut();
    let backlog = Backlog::send(&mut desk, 0, 400);
    await_death(dead);
    assert!(hidden.any(), "articles were sent");
    let mut outcomes = desk.outcomes();
    outcomes.refresh();
    let (before, started) = (outcomes.total(), lived());
    let back = Worker::start_with(&desk, &settings("a", 120));
    outcomes.await_total(before + 1, &[&back]);
    let took = lived() - started;
    assert!(took < seconds(60), "the next article came after {took:?}");
    println!("the next article came {:.2} s after the start", took.as_secs_f64());
    backlog.assert_published_once(&desk.close(vec![back]));
}

/// A process that lives on with a dead worker keeps its partitions from everybody. The close of its consumer waits for
/// answers to rebalances, which a worker that panicked gives no more.
#[test]
fn a_worker_that_panics_ends_its_process_and_nothing_is_lost() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start_with(&desk, &settings("a", 20).panicking_at("after-produce", 100));
    worker.await_ready();
    let backlog = Backlog::send(&mut desk, 0, 400);
    assert_eq!(worker.exit_code(seconds(30)), Some(1), "{}", worker.log());
    assert!(worker.log().contains("worker 0 panicked"), "{}", worker.log());
    let back = Worker::start_with(&desk, &settings("a", 20));
    backlog.assert_published_once(&desk.close(vec![back]));
}
