//! Workers that die, and what the next one makes of it.

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::leash::Signal;
use crate::harness::wait::{lived, seconds};
use crate::harness::worker::{Settings, Worker};

#[test]
fn dedup_survives_a_restart() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let first = desk.send((0..200).map(|number| Raw::from(&story(number))));
    desk.settle(&[&worker]);
    worker.finish();
    let worker = Worker::start(&desk, "another");
    let again = desk.send((0..200).map(|number| Raw::bytes(story(number).text_with_ads())));
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.published_of(&first), ledger.published_of(&again)), (200, 0));
    for (first, again) in first.into_iter().zip(again) {
        assert_eq!(ledger.duplicate(again).first, first);
    }
}

#[test]
fn a_worker_killed_in_the_middle_of_a_backlog_loses_nothing_and_publishes_nothing_twice() {
    let mut desk = Desk::open(Broker::shared());
    let backlog = Backlog::send(&mut desk, 0, 12_000);
    let worker = Worker::start_with(&desk, &Settings::named("a").reading_little_ahead());
    let mut outcomes = desk.outcomes();
    outcomes.await_total(500, &[&worker]);
    worker.kill();
    let worker = Worker::start(&desk, "a");
    assert!(outcomes.total() < backlog.items(), "the kill came in the middle");
    let ledger = desk.close(vec![worker]);
    backlog.assert_published_once(&ledger);
    assert_eq!(ledger.articles.len(), backlog.stories());
}

#[test]
fn a_worker_killed_again_and_again_in_open_transactions_publishes_each_story_once() {
    let mut desk = Desk::open(Broker::shared());
    let transactions = desk.open_transactions();
    let mut backlogs = Vec::new();
    let mut kills_in_transactions = 0;
    for kill in 0..20 {
        backlogs.push(Backlog::send(&mut desk, kill * 10_000, 400));
        let worker = Worker::start(&desk, "a");
        transactions.wait();
        worker.kill();
        kills_in_transactions += usize::from(transactions.any());
        if kills_in_transactions == 5 {
            break;
        }
    }
    assert_eq!(kills_in_transactions, 5, "too few kills left a transaction open: this run has shown nothing");
    let ledger = desk.close(vec![Worker::start(&desk, "a")]);
    backlogs.iter().for_each(|backlog| backlog.assert_published_once(&ledger));
}

#[test]
fn a_worker_of_another_name_takes_over_from_a_killed_one() {
    let mut desk = Desk::open(Broker::shared());
    let backlog = Backlog::send(&mut desk, 20_000, 12_000);
    let worker =
        Worker::start_with(&desk, &Settings::named("a").reading_little_ahead().property("session.timeout.ms", "6000"));
    let mut outcomes = desk.outcomes();
    outcomes.await_total(500, &[&worker]);
    worker.kill();
    outcomes.refresh();
    assert!(outcomes.total() < backlog.items(), "the kill came in the middle");
    // Nobody aborts what the dead one left open but the broker, and until then a part of the changelog cannot be read.
    let worker = Worker::start(&desk, "b");
    let ledger = desk.close(vec![worker]);
    backlog.assert_published_once(&ledger);
}

#[test]
fn sigterm_in_the_middle_of_a_backlog_loses_nothing() {
    let mut desk = Desk::open(Broker::shared());
    let backlog = Backlog::send(&mut desk, 40_000, 12_000);
    let worker = Worker::start_with(&desk, &Settings::named("a").reading_little_ahead());
    let mut outcomes = desk.outcomes();
    outcomes.await_total(300, &[&worker]);
    worker.finish();
    outcomes.refresh();
    assert!(outcomes.total() < backlog.items(), "SIGTERM came in the middle");
    let ledger = desk.close(vec![Worker::start(&desk, "a")]);
    backlog.assert_published_once(&ledger);
}

#[test]
fn sigterm_leaves_the_group_so_that_another_takes_over_at_once() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    desk.send_one(&story(1));
    desk.settle(&[&worker]);
    worker.finish();
    // The session of "a" would last another half a minute.
    let started = lived();
    let worker = Worker::start(&desk, "b");
    desk.send_one(&story(2));
    desk.settle(&[&worker]);
    let took = lived() - started;
    assert!(took < seconds(15), "taken over after {took:?}");
    desk.close(vec![worker]);
}

#[test]
fn sigint_ends_a_worker_as_sigterm_does() {
    let desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_ready();
    worker.signal(Signal::Int);
    assert_eq!(worker.exit_code(seconds(20)), Some(0));
}
