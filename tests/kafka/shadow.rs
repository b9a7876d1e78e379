//! `copydesk run --shadow`: decides like the live worker, and leaves no trace.

use std::fs;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::reader::Isolation;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

fn shadow(desk: &Desk, settings: &Settings, from: &str) -> Worker {
    let shadow = Worker::spawn(desk, settings, "run", &["--shadow", "--from", from]);
    shadow.await_ready();
    shadow
}

#[track_caller]
fn await_counts(worker: &Worker, expected: [f64; 3]) {
    let names = ["copydesk_published_total", "copydesk_duplicates_total", "copydesk_rejected_total"];
    eventually(&format!("counts of {expected:?}"), seconds(20), || {
        worker.assert_alive();
        let found = names.map(|name| worker.metric(name, &[]).unwrap_or(-1.0));
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

#[test]
fn a_shadow_decides_as_the_live_worker_with_its_memory() {
    let mut desk = Desk::open(Broker::shared());
    let live = Worker::start(&desk, "a");
    desk.send((0..5).map(|number| Raw::from(&story(number))));
    desk.settle(&[&live]);
    let shadow = shadow(&desk, &Settings::named("s"), "latest");
    let items = (3..9).chain(3..9).map(|number| Raw::from(&story(number))).chain([Raw::bytes(" ")]);
    desk.send(items);
    desk.settle(&[&live]);
    await_counts(&shadow, [4.0, 8.0, 1.0]);
    shadow.finish();
    let ledger = desk.close(vec![live]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (9, 8), "5 before the shadow, 4 with it");
}

#[test]
fn a_shadow_with_other_rules_decides_by_them() {
    let tides =
        |day: &str| format!("The tides of {day} are sent by mail to readers who ask the harbour office for them.");
    let rules = tempfile::tempdir().unwrap();
    let rule = format!(
        "[[rule]]\nid = \"test/tides\"\nclass = \"boilerplate\"\npatterns = ['{}']\nmatches = [\"{}\"]\n\
         rejects = [\"Tides rose by a metre.\"]\n",
        tides("\\w+"),
        tides("Monday")
    );
    fs::write(rules.path().join("tides.toml"), rule).unwrap();
    let mut desk = Desk::open(Broker::shared());
    let live = Worker::start(&desk, "a");
    live.await_ready();
    let shadow = shadow(&desk, &Settings::named("s").rules(rules.path()), "latest");
    desk.send(["Monday", "Tuesday"].map(|day| Raw::bytes(format!("{}\n\n{}\n", story(1).text(), tides(day)))));
    desk.settle(&[&live]);
    await_counts(&live, [2.0, 0.0, 0.0]);
    await_counts(&shadow, [1.0, 1.0, 0.0]);
    shadow.finish();
    desk.close(vec![live]);
}

#[test]
fn a_shadow_alone_writes_nothing_and_commits_nothing() {
    let mut desk = Desk::open(Broker::shared());
    desk.send((0..20).chain(0..5).map(|number| Raw::from(&story(number))));
    let shadow_of_today = shadow(&desk, &Settings::named("s"), "earliest");
    await_counts(&shadow_of_today, [20.0, 5.0, 0.0]);
    let log = shadow_of_today.log();
    shadow_of_today.finish();
    assert!(log.contains("nothing is written"), "{log}");
    for topic in &desk.topics.all()[1..] {
        assert_eq!(desk.read(topic, Isolation::Uncommitted), [], "{topic}");
    }
    assert!(desk.committed(&desk.topics.raw).values().all(|offset| *offset == 0));
}
