//! Several workers in one group.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::backlog::Backlog;
use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw, admin, block_on};
use crate::harness::leash::Signal;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

/// Waits until a worker owns partitions, all of them open.
pub fn await_share(worker: &Worker) {
    eventually("a share of the partitions", seconds(30), || {
        worker.assert_alive();
        let answer = worker.get("/readyz").map_err(|error| error.to_string())?;
        let assigned = worker.metric("copydesk_partitions", &[])?;
        if answer.status == 200 && assigned > 0.0 { Ok(()) } else { Err(format!("{} with {assigned}", answer.status)) }
    });
}

/// Waits until a worker shows the lag of the partitions that it owns, and of no other.
fn await_series_of_what_it_owns(worker: &Worker) {
    eventually("one lag for each owned partition", seconds(30), || {
        worker.assert_alive();
        let page = worker.get("/metrics").map_err(|error| error.to_string())?.body;
        for topic in ["topic=\"raw\"", "topic=\"normalized\""] {
            let owned = worker.metric("copydesk_partitions", &[topic])?;
            let is_lag = |line: &&str| line.starts_with("copydesk_lag_records{") && line.contains(topic);
            let lags: Vec<&str> = page.lines().filter(is_lag).collect();
            if lags.len() as f64 != owned {
                return Err(format!("{owned} partitions with {topic} and {lags:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn two_workers_share_the_partitions_and_a_third_joins() {
    let mut desk = Desk::open(Broker::shared());
    let (a, b) = (Worker::start(&desk, "a"), Worker::start(&desk, "b"));
    await_share(&a);
    await_share(&b);
    let first = Backlog::send(&mut desk, 0, 1_600);
    let c = Worker::start(&desk, "c");
    await_share(&c);
    let workers = [&a, &b, &c];
    desk.settle(&workers);
    eventually("each has its share of both topics' partitions", seconds(30), || {
        let owned = |labels: &[&str]| workers.map(|worker| worker.metric("copydesk_partitions", labels).unwrap());
        let mut shares = owned(&["state=\"active\""]);
        shares.sort_by(f64::total_cmp);
        if shares == [2.0, 3.0, 3.0] { Ok(()) } else { Err(format!("{shares:?}")) }
    });
    let counts = || workers.map(|worker| worker.metric("copydesk_raw_items_total", &[]).unwrap());
    let before = counts();
    let second = Backlog::send(&mut desk, 100_000, 800);
    desk.settle(&workers);
    let raw = workers.map(|worker| worker.metric("copydesk_partitions", &["topic=\"raw\""]).unwrap());
    eventually("who has partitions of raw items has read of them, and nobody else", seconds(5), || {
        let now = counts();
        let is_so = (0..3).all(|who| (now[who] > before[who]) == (raw[who] > 0.0));
        if is_so { Ok(()) } else { Err(format!("partitions {raw:?}, items {before:?}, now {now:?}")) }
    });
    let ledger = desk.close(vec![a, b, c]);
    first.assert_published_once(&ledger);
    second.assert_published_once(&ledger);
}

#[test]
fn partitions_that_belong_to_nobody_are_asked_for() {
    let desk = Desk::open(Broker::shared());
    let workers = [Worker::start(&desk, "a"), Worker::start(&desk, "b")];
    workers.iter().for_each(await_share);
    let admin = admin(&desk.bootstrap);
    let added = NewPartitions::new(&desk.topics.raw, 6);
    block_on(admin.create_partitions(&[added], &AdminOptions::new())).expect("an answer")[0]
        .as_ref()
        .expect("they are added");
    eventually("all partitions have an owner", seconds(90), || {
        let owned: Vec<f64> = workers
            .iter()
            .map(|worker| worker.metric("copydesk_partitions", &["topic=\"raw\""]))
            .collect::<Result<_, _>>()?;
        if owned.iter().sum::<f64>() == 6.0 { Ok(()) } else { Err(format!("{owned:?}")) }
    });
}

#[test]
fn a_worker_that_leaves_hands_its_partitions_over_in_the_middle_of_a_backlog() {
    let mut desk = Desk::open(Broker::shared());
    let (a, b) = (Worker::start(&desk, "a"), Worker::start_with(&desk, &Settings::named("b").threads(2)));
    await_share(&a);
    await_share(&b);
    let backlog = Backlog::send(&mut desk, 200_000, 2_400);
    desk.outcomes().await_total(200, &[&a, &b]);
    a.finish();
    let ledger = desk.close(vec![b]);
    backlog.assert_published_once(&ledger);
}

#[test]
fn of_two_workers_with_one_name_the_later_one_stays_and_nothing_is_published_twice() {
    let mut desk = Desk::open(Broker::shared());
    let first = Worker::start(&desk, "a");
    await_share(&first);
    let backlog = Backlog::send(&mut desk, 500_000, 2_000);
    desk.outcomes().await_total(200, &[&first]);
    let second = Worker::start(&desk, "a");
    let code = first.exit_code(seconds(30));
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    assert!(first.log().contains("kafka.instance"), "it says what to change:\n{}", first.log());
    let ledger = desk.close(vec![second]);
    backlog.assert_published_once(&ledger);
}

/// A client that joins anew after its session has timed out may be fenced by its own new self, which no other process is.
#[test]
fn a_worker_whose_name_was_taken_once_takes_it_back_and_goes_on() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    await_share(&worker);
    let first = Backlog::send(&mut desk, 600_000, 400);
    desk.outcomes().await_total(200, &[&worker]);
    let other: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &desk.bootstrap)
        .set("group.id", &desk.group)
        .set("group.instance.id", "a-0")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create()
        .expect("a consumer");
    other.subscribe(&[&desk.topics.raw, &desk.topics.normalized]).expect("a subscription");
    eventually("the worker starts over", seconds(30), || {
        other.poll(seconds(0));
        match worker.metric("copydesk_worker_restarts_total", &[])? {
            0.0 => Err("it has not been fenced".into()),
            _ => Ok(()),
        }
    });
    assert!(worker.log().contains("fenced by a member of the same name"), "{}", worker.log());
    let second = Backlog::send(&mut desk, 700_000, 400);
    let ledger = desk.close(vec![worker]);
    first.assert_published_once(&ledger);
    second.assert_published_once(&ledger);
}

#[test]
fn a_worker_frozen_past_its_session_and_woken_again_publishes_nothing_twice() {
    let mut desk = Desk::open(Broker::shared());
    let backlog = Backlog::send(&mut desk, 300_000, 15_000);
    let short = |name: &str| Settings::named(name).reading_little_ahead().property("session.timeout.ms", "6000");
    let zombie = Worker::start_with(&desk, &short("a"));
    let mut outcomes = desk.outcomes();
    outcomes.await_total(300, &[&zombie]);
    zombie.signal(Signal::Stop);
    outcomes.refresh();
    assert!(outcomes.total() < backlog.items(), "frozen in the middle");
    let heir = Worker::start_with(&desk, &short("b"));
    desk.settle(&[&heir]);
    zombie.signal(Signal::Cont);
    let after = desk.send((0..400).map(|number| Raw::from(&story(400_000 + number))));
    desk.settle(&[&heir]);
    await_share(&zombie);
    for worker in [&heir, &zombie] {
        await_series_of_what_it_owns(worker);
    }
    let ledger = desk.close(vec![heir, zombie]);
    backlog.assert_published_once(&ledger);
    assert_eq!(ledger.published_of(&after), after.len());
}
