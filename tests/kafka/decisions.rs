//! The decision table, row by row, through Kafka.

use serde_json::json;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw, now};
use crate::harness::worker::Worker;

const HOUR: i64 = 3_600_000;

fn desk() -> (Desk, Worker) {
    let desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    (desk, worker)
}

/// Sends one item and waits until it has its outcome, so that the next one finds it decided.
macro_rules! send {
    ($desk:ident, $worker:ident, $item:expr) => {{
        let at = $desk.send_one($item);
        $desk.settle(&[&$worker]);
        at
    }};
}

#[test]
fn an_unseen_item_is_published_with_its_provenance() {
    let (mut desk, worker) = desk();
    let story = story(1);
    let envelope = json!({"text": story.text_with_ads(), "source": "NWA", "uri": "urn:nwa:1", "version": 3});
    let with_uri = desk.send_one(Raw::envelope(&envelope).on(2));
    let without = desk.send_one(Raw::from(&crate::harness::corpus::story(2)));
    let ledger = desk.close(vec![worker]);

    let article = ledger.article(with_uri);
    assert_eq!(article.record.key_text(), "urn:nwa:1", "an article is keyed by its story");
    assert_eq!(article.version.as_deref(), Some("3"));
    assert_eq!(article.json["uri"], "urn:nwa:1");
    assert_eq!(article.status, "usable");
    assert_eq!(article.json["headlines"][0]["value"], *story.headline);
    let body = article.json["bodies"][0]["value"].as_str().expect("a body");
    let paragraphs: Vec<&str> = body.split("\n\n").collect();
    assert_eq!(paragraphs, story.paragraphs, "the copy, whole, in order, and nothing else");

    let article = ledger.article(without);
    assert_eq!(article.record.key_text(), article.hash, "an article without a uri is keyed by its content");
}

#[test]
fn the_same_text_under_another_uri_or_none_is_a_copy_of_the_first() {
    let (mut desk, worker) = desk();
    let story = story(10);
    let first = send!(desk, worker, Raw::story(&story, json!({"uri": "urn:nwa:10", "version": 1})));
    let other = send!(desk, worker, Raw::story(&story, json!({"uri": "urn:elsewhere:10", "version": 2})));
    let plain = send!(desk, worker, Raw::bytes(story.text_with_ads()));
    let ledger = desk.close(vec![worker]);

    assert_eq!(ledger.articles.len(), 1);
    for copy in [other, plain] {
        let duplicate = ledger.duplicate(copy);
        assert_eq!((duplicate.kind.as_str(), duplicate.first), ("copy", first));
        assert_eq!(duplicate.hash, ledger.article(first).hash);
        assert_eq!(duplicate.record.key_text(), duplicate.hash);
        assert_eq!(duplicate.json["status"], "usable");
    }
    assert_eq!(ledger.duplicate(other).json["uri"], "urn:elsewhere:10");
}

#[test]
fn a_text_first_seen_without_a_uri_stays_one_content_when_a_uri_comes_later() {
    let (mut desk, worker) = desk();
    let first = send!(desk, worker, &story(11));
    let named = send!(desk, worker, Raw::story(&story(11), json!({"uri": "urn:nwa:11", "version": 1})));
    let newer = send!(desk, worker, Raw::story(&story(11), json!({"uri": "urn:nwa:11", "version": 2})));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.articles.len(), 1);
    assert_eq!((ledger.duplicate(named).first, ledger.duplicate(newer).first), (first, first));
}

#[test]
fn a_newer_version_of_the_same_uri_is_published_as_that_version() {
    let (mut desk, worker) = desk();
    let version = |number: u64| Raw::story(&story(20), json!({"uri": "urn:nwa:20", "version": number}));
    let first = send!(desk, worker, version(1));
    let copy = send!(desk, worker, Raw::story(&story(20), json!({"uri": "urn:elsewhere:20", "version": 9})));
    let second = send!(desk, worker, version(2));
    let seventh = send!(desk, worker, version(7));
    let ledger = desk.close(vec![worker]);

    for (at, version) in [(first, "1"), (second, "2"), (seventh, "7")] {
        let article = ledger.article(at);
        assert_eq!((article.version.as_deref(), article.record.key_text()), (Some(version), "urn:nwa:20"));
        assert_eq!(article.hash, ledger.article(first).hash);
    }
    assert_eq!(ledger.duplicate(copy).kind, "copy");
    assert_eq!(ledger.seen.len(), 3, "every published version is in the changelog");
}

#[test]
fn the_same_or_an_older_version_of_a_uri_is_stale() {
    let (mut desk, worker) = desk();
    let version = |number: u64| Raw::story(&story(30), json!({"uri": "urn:nwa:30", "version": number}));
    let first = send!(desk, worker, version(2));
    let same = send!(desk, worker, version(2).on(1));
    let older = send!(desk, worker, version(1));
    let newer = send!(desk, worker, version(3));
    let now_older = send!(desk, worker, version(2));
    let ledger = desk.close(vec![worker]);

    assert_eq!(ledger.published_of(&[first, newer]), 2);
    for at in [same, older, now_older] {
        let duplicate = ledger.duplicate(at);
        assert_eq!((duplicate.kind.as_str(), duplicate.first), ("stale", first));
        assert_eq!(duplicate.json["uri"], "urn:nwa:30");
    }
}

#[test]
fn a_kill_that_repeats_the_killed_text_is_no_duplicate() {
    let (mut desk, worker) = desk();
    let item = |status: &str| Raw::story(&story(40), json!({"uri": "urn:nwa:40", "version": 1, "status": status}));
    let held = send!(desk, worker, item("withheld"));
    let released = send!(desk, worker, item("usable"));
    let killed = send!(desk, worker, item("canceled"));
    let killed_again = send!(desk, worker, item("canceled"));
    let ledger = desk.close(vec![worker]);

    for (at, status) in [(held, "withheld"), (released, "usable"), (killed, "canceled")] {
        assert_eq!(ledger.article(at).status, status);
        assert_eq!(ledger.article(at).hash, ledger.article(held).hash);
    }
    let repeated = ledger.duplicate(killed_again);
    assert_eq!((repeated.first, &repeated.json["status"]), (killed, &json!("canceled")));
}

#[test]
fn changed_words_under_the_same_uri_are_new_content() {
    let (mut desk, worker) = desk();
    let first = desk.send_one(Raw::story(&story(50), json!({"uri": "urn:nwa:50", "version": 1})));
    let rewritten = desk.send_one(Raw::story(&story(51), json!({"uri": "urn:nwa:50", "version": 2})));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&[first, rewritten]), 2);
    assert_ne!(ledger.article(first).hash, ledger.article(rewritten).hash);
    assert_eq!(
        ledger.article(first).record.partition,
        ledger.article(rewritten).record.partition,
        "one story, one partition"
    );
}

#[test]
fn a_copy_on_another_raw_partition_is_caught() {
    let (mut desk, worker) = desk();
    let stories: Vec<_> = (100..250).map(story).collect();
    let mut sent = Vec::new();
    for partition in 0..4 {
        sent.push(desk.send(stories.iter().map(|story| match partition % 2 {
            0 => Raw::from(story).on(partition),
            _ => Raw::bytes(story.text_with_ads()).on(partition),
        })));
    }
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (150, 450));
    for number in 0..150 {
        let copies: Vec<_> = sent.iter().map(|partition| partition[number]).collect();
        assert_eq!(ledger.published_of(&copies), 1, "one of the four copies {copies:?}");
    }
}

#[test]
fn the_window_forgets_in_event_time() {
    let (mut desk, worker) = desk();
    let start = now() - 300 * HOUR;
    let seen_at = |hours: i64| Raw::from(&story(60)).at(start + hours * HOUR);
    let first = send!(desk, worker, seen_at(0));
    let inside = send!(desk, worker, seen_at(71));
    let outside = send!(desk, worker, seen_at(73));
    let inside_the_second = send!(desk, worker, seen_at(144));
    worker.finish();
    // What a restart reads back forgets and remembers the same.
    let worker = Worker::start(&desk, "a");
    let still_inside = send!(desk, worker, seen_at(144));
    let outside_again = send!(desk, worker, seen_at(146));
    let ledger = desk.close(vec![worker]);

    assert_eq!(ledger.duplicate(inside).first, first);
    for at in [inside_the_second, still_inside] {
        assert_eq!(ledger.duplicate(at).first, outside);
    }
    assert_eq!(ledger.published_of(&[first, outside, outside_again]), 3);
}

#[test]
fn items_from_the_future_do_not_empty_the_window() {
    let (mut desk, worker) = desk();
    let first = send!(desk, worker, &story(70));
    // A sender that takes milliseconds for microseconds, on every partition between the stages.
    desk.send((300..340).map(|number| Raw::from(&story(number)).at(now() * 1000)));
    let copy = send!(desk, worker, &story(70));
    let fresh = send!(desk, worker, &story(71));
    let copy_of_fresh = send!(desk, worker, &story(71));
    let copy_of_future = send!(desk, worker, &story(300));
    let ledger = desk.close(vec![worker]);

    assert_eq!(ledger.articles.len(), 42);
    assert_eq!((ledger.duplicate(copy).first, ledger.duplicate(copy_of_fresh).first), (first, fresh));
    assert_eq!(ledger.duplicate(copy_of_future).kind, "copy");
}
