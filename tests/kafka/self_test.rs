//! The harness itself: a test that cannot see a loss proves nothing by passing.

use crate::harness::broker::Broker;
use crate::harness::corpus::{report, story};
use crate::harness::desk::{At, Desk, Raw};
use crate::harness::ledger::{Article, Ledger};
use crate::harness::reader::{Isolation, Record};

#[test]
fn what_is_sent_is_read_back() {
    let mut desk = Desk::open(Broker::shared());
    let items = (0..100).map(|number| {
        Raw::from(&story(number)).key("k").header("feed", "a").at(1_000 + i64::try_from(number).unwrap())
    });
    let sent = desk.send(items);
    let records = desk.read(&desk.topics.raw, Isolation::Committed);
    assert_eq!(records.len(), 100);
    for (number, at) in sent.iter().enumerate() {
        let record =
            records.iter().find(|record| (record.partition, record.offset) == (at.partition, at.offset)).unwrap();
        assert_eq!(record.value.as_deref(), Some(story(number as u64).text().as_bytes()));
        assert_eq!(
            (record.key_text(), record.header("feed"), record.timestamp),
            ("k", Some("a"), 1_000 + number as i64)
        );
    }
}

#[test]
fn the_audit_sees_what_is_lost_doubled_repeated_and_left_unread() {
    let mut desk = Desk::open(Broker::shared());
    let sent = desk.send((0..4).map(|number| Raw::from(&story(number)).on(0)));
    let article = |source: At, hash: char, offset: i64| {
        let hash = hash.to_string().repeat(64);
        let record = Record { partition: 0, offset, timestamp: 0, key: None, value: None, headers: Vec::new() };
        Article { source, hash, status: "usable".into(), version: None, json: serde_json::Value::Null, record }
    };
    let articles = vec![
        article(sent[0], 'a', 0),
        article(sent[0], 'a', 1),
        article(sent[1], 'b', 2),
        article(sent[2], 'b', 3),
        article(At { partition: 3, offset: 7 }, 'c', 4),
    ];
    let (normalized, seen, duplicates, rejected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let ledger = Ledger { normalized, seen, articles, duplicates, rejected };
    let mut complaints = ledger.complaints(&desk);
    let ledger = Ledger { articles: Vec::new(), ..ledger };
    complaints.extend(ledger.complaints(&desk));
    let complaints = complaints.join("\n");
    for expected in [
        "raw 0/0 ends in 2 places: published at 0/0, published at 0/1",
        "raw 0/3 is lost",
        "raw 3/7 was never sent",
        "4 sent, 0 published + 0 duplicates + 0 rejected",
        "was published of 0/1 and of 0/2",
        "articles beyond its records in the changelog",
        "the group stands at 0, the last record is 3",
    ] {
        assert!(complaints.contains(expected), "{expected:?} is not among\n{complaints}");
    }
}

#[test]
fn a_broker_killed_and_started_again_still_has_its_records() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    desk.send((0..50).map(|number| Raw::from(&story(number))));
    broker.kill();
    broker.start_again();
    desk.reconnect();
    desk.send((50..60).map(|number| Raw::from(&story(number))));
    assert_eq!(desk.read(&desk.topics.raw, Isolation::Committed).len(), 60);
}

#[test]
fn no_two_stories_share_a_sentence() {
    let mut sentences = std::collections::HashSet::new();
    for number in 0..20_000 {
        let story = story(number);
        let length: usize = story.paragraphs.iter().map(String::len).sum();
        assert!(length > 500 && story.paragraphs.len() == 4, "story {number} is too short: {length}");
        for paragraph in story.paragraphs {
            assert!(sentences.insert(paragraph), "a paragraph of story {number} was written before");
        }
    }
    let length = report(1).text().len();
    assert!((2_000..4_000).contains(&length), "a report has about 3 KB: {length}");
}

/// What the tests say of versions and of order holds only if the raw log is in the order of sending, whatever happens to the
/// broker meanwhile.
#[test]
fn what_is_sent_while_the_broker_dies_lies_in_order_and_once() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| desk.send((0..20_000).map(|number| Raw::bytes(format!("item {number}")).on(0))));
        std::thread::sleep(std::time::Duration::from_millis(300));
        broker.kill();
        broker.start_again();
        sending.join().expect("everything is delivered")
    });
    let overtaken = sent.windows(2).filter(|pair| pair[0].offset >= pair[1].offset).count();
    let records = desk.read(&desk.topics.raw, Isolation::Committed).len();
    assert_eq!((overtaken, records), (0, 20_000), "items that lie before their predecessor, and items in the log");
}
