//! `copydesk replay`: dead letters and raw items once more, each once.

use serde_json::json;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw, now};
use crate::harness::leash::Signal;
use crate::harness::ledger::Ledger;
use crate::harness::reader::{Isolation, Record};
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

const HOUR: i64 = 3_600_000;

/// Runs `copydesk replay`, which must succeed; answers what it said.
#[track_caller]
fn replay(desk: &Desk, arguments: &[&str]) -> String {
    let (code, said) = Worker::command(desk, "replay", arguments);
    assert_eq!(code, Some(0), "{said}");
    said
}

fn raw(desk: &Desk) -> Vec<Record> {
    desk.read(&desk.topics.raw, Isolation::Committed)
}

fn replayed(desk: &Desk) -> Vec<Record> {
    raw(desk).into_iter().filter(|record| record.header("copydesk-replay-of").is_some()).collect()
}

#[test]
fn dead_letters_are_fed_again_as_the_raw_items_they_were_and_publish_once() {
    let mut desk = Desk::open(Broker::shared());
    let narrow = Worker::start_with(&desk, &Settings::named("a").max_bytes(300));
    let item = Raw::from(&story(1)).key("k").header("content-type", "text/plain").at(now() - HOUR).on(2);
    let (at, empty) = (desk.send_one(item), desk.send_one(Raw::bytes(" \n")));
    desk.settle(&[&narrow]);
    narrow.finish();

    let said = replay(&desk, &["--dry-run"]);
    assert!(said.contains("2 of 2 records would go into"), "{said}");
    assert!(said.contains("1 too_large") && said.contains("1 empty"), "{said}");
    assert_eq!(replayed(&desk), [], "a dry run writes nothing");

    let said = replay(&desk, &["--reason", "too_large", "--since", "1h"]);
    assert!(said.contains("1 of 2 records went into") && said.contains("1 not asked for"), "{said}");
    let [again] = &replayed(&desk)[..] else { panic!("one record: {:?}", replayed(&desk)) };
    let original = raw(&desk).into_iter().find(|record| (record.partition, record.offset) == (2, at.offset)).unwrap();
    assert_eq!((again.partition, &again.key, &again.value), (2, &original.key, &original.value));
    assert_eq!(again.timestamp, original.timestamp, "the event time is that of the item");
    let source = format!("{}/{at}", desk.topics.raw);
    let expected = [("content-type", "text/plain"), ("copydesk-replay-of", source.as_str())];
    let headers: Vec<(&str, &[u8])> =
        again.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    assert_eq!(headers, expected.map(|(name, value)| (name, value.as_bytes())));

    let wide = Worker::start(&desk, "a");
    desk.outcomes().await_total(3, &[&wide]);
    let ledger = Ledger::read(&desk);
    let [article] = &ledger.articles[..] else { panic!("one article, not {}", ledger.articles.len()) };
    assert_eq!(article.record.header("copydesk-replay-of"), Some(source.as_str()), "an article says what it was");

    // The same letters again: what is published is a duplicate now, what is unreadable is unreadable still.
    replay(&desk, &[]);
    desk.outcomes().await_total(5, &[&wide]);
    let said = replay(&desk, &["--resume"]);
    assert!(said.contains("1 of 1 records went into"), "what has come since, which is the empty one again: {said}");
    desk.outcomes().await_total(6, &[&wide]);
    wide.finish();
    let ledger = Ledger::read(&desk);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len(), ledger.rejected.len()), (1, 1, 4));
    let letters = ledger.rejected.iter().filter(|letter| letter.reason == "empty");
    let first = format!("{}/{empty}", desk.topics.raw);
    for letter in letters.filter(|letter| letter.source != Some(empty)) {
        assert_eq!(letter.record.header("copydesk-replay-of"), Some(first.as_str()), "however often it is replayed");
    }
}

#[test]
fn a_replay_that_was_killed_goes_on_where_it_stopped() {
    let mut desk = Desk::open(Broker::shared());
    let sent = desk.send((0..2_000).map(|number| Raw::from(&story(number))));
    let killed = Worker::spawn(&desk, &Settings::named("a"), "replay", &["raw", "--rate", "100"]);
    let before = eventually("some of it is committed", seconds(30), || {
        killed.assert_alive();
        match replayed(&desk).len() {
            0..100 => Err("not yet".into()),
            some => Ok(some),
        }
    });
    killed.signal(Signal::Kill);
    assert_eq!(killed.exit_code(seconds(10)), None);
    assert!(before < sent.len(), "killed in the middle");
    replay(&desk, &["raw", "--resume"]);

    let again = replayed(&desk);
    let mut sources: Vec<&str> = again.iter().filter_map(|record| record.header("copydesk-replay-of")).collect();
    sources.sort_unstable();
    let count = sources.len();
    sources.dedup();
    assert_eq!(sources.len(), count, "nothing went twice");
    let originals = sent.iter().map(|at| format!("{}/{at}", desk.topics.raw));
    let missing: Vec<String> = originals.filter(|original| !sources.contains(&original.as_str())).collect();
    assert_eq!(missing, Vec::<String>::new(), "nothing was left out");
}

#[test]
fn a_span_of_raw_items_is_replayed_and_what_was_published_stays_published_once() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let items = (0..40)
        .map(|number| Raw::story(&story(number), json!({"uri": format!("urn:nwa:{number}"), "version": 1})).on(1));
    desk.send(items);
    let old = desk.send_one(Raw::from(&story(90)).at(now() - 100 * HOUR).on(1));
    desk.settle(&[&worker]);
    let said = replay(&desk, &["raw", "--partition", "1", "--offsets", "10..41"]);
    assert!(said.contains("30 of 31 records went into") && said.contains("1 older than the dedup window"), "{said}");
    desk.outcomes().await_total(71, &[&worker]);
    worker.finish();
    let ledger = Ledger::read(&desk);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (41, 30));
    assert_eq!(ledger.published_of(&[old]), 1);
    assert!(ledger.duplicates.iter().all(|duplicate| duplicate.kind == "stale"));
}

#[test]
fn letters_chosen_from_a_file_are_replayed_byte_for_byte() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let bytes = b"%PDF-1.7 \xff\xfe binary \x80".to_vec();
    let at = desk.send_one(Raw::bytes(bytes.clone()).header("content-type", "application/pdf").on(3));
    let other = desk.send_one(Raw::bytes(" ").on(1));
    desk.settle(&[&worker]);
    worker.finish();
    let (code, letters) = Worker::command(&desk, "tap", &["rejected", "--from", "earliest", "--end", "--json"]);
    assert_eq!((code, letters.lines().count()), (Some(0), 2), "{letters}");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("letters.ndjson");
    std::fs::write(&file, letters).unwrap();
    let file = file.display().to_string();
    let said = replay(&desk, &[&file, "--reason", "unsupported_format"]);
    assert!(said.contains("1 of 2 records went into"), "{said}");
    let [again] = &replayed(&desk)[..] else { panic!("one record") };
    assert_eq!((again.partition, again.value.as_deref()), (3, Some(&*bytes)));
    assert_eq!(again.header("copydesk-replay-of"), Some(&*format!("{}/{at}", desk.topics.raw)));
    replay(&desk, &[&file, "--reason", "empty"]);
    let source = format!("{}/{other}", desk.topics.raw);
    assert!(replayed(&desk).iter().any(|record| record.header("copydesk-replay-of") == Some(&source)));
}
