//! The harness itself: a test that cannot see a loss proves nothing by passing.

use crate::harness::broker::Broker;
use crate::harness::corpus::{report, story};
use crate::harness::desk::{Desk, Raw};
use crate::harness::reader::Isolation;

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
fn a_broker_killed_and_started_again_still_has_its_records() {
    let mut broker = Broker::private();
    let mut desk = Desk::open(&broker);
    desk.send((0..50).map(|number| Raw::from(&story(number))));
    broker.kill();
    broker.start_again();
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
