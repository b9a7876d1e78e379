//! What cannot be read ends in the dead letters, whole, with its reason and where it came from, and stops nothing.

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::worker::{Settings, Worker};

/// Bytes that are no text in any charset.
fn noise(count: u32) -> Vec<u8> {
    (0..count).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn every_unreadable_item_is_a_dead_letter_with_its_reason_and_coordinates() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start_with(&desk, &Settings::named("a").max_bytes(20_000));
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("empty", "text/plain", b"".to_vec()),
        ("empty", "text/plain", b" \n\n\t \r\n".to_vec()),
        (
            "undecodable",
            "text/plain",
            (0..2_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
        ),
        ("bad_envelope", "application/json", br#"{"text": "#.to_vec()),
        (
            "bad_envelope",
            "application/json",
            br#"{"source": "Holm Press", "headline": "A headline and no text"}"#.to_vec(),
        ),
        ("bad_envelope", "application/json", br#"{"text": 5}"#.to_vec()),
        ("unsupported_format", "text/html", b"<html><body><p>A page</p></body></html>".to_vec()),
        ("no_copy", "text/plain", b"Advertisement\n\nAdvertisement\n".to_vec()),
        ("too_large", "text/plain", story(1).text().repeat(40).into_bytes()),
    ];
    let items = cases.iter().enumerate().map(|(number, (_, content_type, value))| {
        Raw::bytes(value.clone())
            .key(&format!("key-{number}"))
            .header("content-type", content_type)
            .header("feed", "F 7")
    });
    let sent = desk.send(items);
    let ledger = desk.close(vec![worker]);

    assert_eq!(ledger.rejected.len(), cases.len());
    for (number, ((reason, content_type, value), at)) in cases.iter().zip(sent).enumerate() {
        let letter = ledger.rejection(at);
        assert_eq!((letter.reason.as_str(), letter.stage.as_str()), (*reason, "normalize"), "case {number}");
        assert_eq!(letter.record.value.as_deref().unwrap_or_default(), value, "the raw bytes, untouched");
        assert_eq!(letter.record.key_text(), format!("key-{number}"));
        assert_eq!(letter.record.header("content-type"), Some(*content_type));
        assert_eq!(letter.record.header("feed"), Some("F 7"));
        assert_eq!(letter.record.header("copydesk-source"), Some(format!("{}/{at}", desk.topics.raw).as_str()));
        let detail = letter.record.header("copydesk-detail").expect("a detail");
        assert!(!detail.is_empty() && detail.len() < 400, "a sentence: {detail}");
        let feed = value.starts_with(br#"{"source""#).then_some("Holm Press");
        assert_eq!(letter.record.header("copydesk-feed"), feed);
    }
}

#[test]
fn a_poison_item_does_not_stop_its_partition() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let items = (0..60_u64).map(|number| match number % 3 {
        1 if number % 2 == 0 => Raw::bytes(format!("{{\"text\": \"cut off at {number}")).on(2),
        1 => Raw::bytes(noise(500 + number as u32)).on(2),
        _ => Raw::from(&story(number)).on(2),
    });
    let sent = desk.send(items);
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.articles.len(), ledger.rejected.len()), (40, 20));
    assert_eq!(ledger.published_of(&sent[58..]), 1, "what follows the last poison is published");
}

#[test]
fn an_item_whose_article_no_topic_would_take_is_rejected_and_not_retried_for_ever() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    // Under the item limit as it comes, far over a record's limit once JSON has escaped its quotation marks.
    let quotes = "\"\"\"\"\"\"\"\"\"\"\"\" said Kermel, ".repeat(36_000);
    let text = format!("{}\n\n{quotes}\n", story(1).text());
    assert!(text.len() < 990_000, "the raw item itself is taken: {}", text.len());
    let large = desk.send_one(Raw::bytes(text.clone()).on(1));
    let next = desk.send_one(Raw::from(&story(2)).on(1));
    let ledger = desk.close(vec![worker]);
    let letter = ledger.rejection(large);
    assert_eq!(letter.reason, "too_large");
    assert_eq!(letter.record.value.as_deref(), Some(text.as_bytes()));
    assert_eq!(ledger.published_of(&[next]), 1);
}

#[test]
fn a_dead_letter_that_its_own_headers_make_too_large_stops_nothing() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    // As large as the broker takes a record: with the headers of a dead letter it would be larger.
    let heavy = Raw::bytes(noise(500_000)).header("trail", &"x".repeat(548_350)).on(3);
    let heavy = desk.send_one(heavy);
    let next = desk.send_one(Raw::from(&story(3)).on(3));
    let ledger = desk.close(vec![worker]);
    let letter = ledger.rejection(heavy);
    assert_eq!(letter.reason, "undecodable");
    assert_eq!(letter.record.header("copydesk-source"), Some(format!("{}/{heavy}", desk.topics.raw).as_str()));
    assert_eq!(ledger.published_of(&[next]), 1);
}

#[test]
fn an_item_with_a_monstrous_uri_stops_nothing() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    // It stands in the document, in a header and in the key of what is published: three times as large as it came.
    let uri = format!("urn:nwa:{}", "4".repeat(600_000));
    let monstrous = desk.send_one(Raw::story(&story(4), serde_json::json!({"uri": uri})).on(3));
    let next = desk.send_one(Raw::from(&story(5)).on(3));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&[next]), 1);
    assert_eq!(ledger.published_of(&[monstrous]) + ledger.rejected.len(), 1, "published or rejected, but once");
}

#[test]
fn a_foreign_record_between_the_stages_is_a_dead_letter_of_the_second() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let before = desk.send_one(&story(1));
    desk.settle(&[&worker]);
    let foreign = |partition| (partition, "not a hash".to_owned(), "not an article".to_owned());
    desk.write(&desk.topics.normalized, (0..4).map(foreign));
    let after = desk.send([2, 3, 4, 5, 6, 7].map(|number| Raw::from(&story(number))));
    desk.outcomes().await_total(desk.sent.len() + 4, &[&worker]);
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&after) + ledger.published_of(&[before]), 7);
    assert_eq!(ledger.rejected.len(), 4);
    for letter in &ledger.rejected {
        assert_eq!((letter.reason.as_str(), letter.stage.as_str()), ("bad_normalized", "dedup"));
        assert_eq!(letter.record.value.as_deref(), Some(b"not an article".as_slice()));
        assert_eq!(letter.record.key_text(), "not a hash");
        let source = letter.record.header("copydesk-source").expect("its source");
        assert!(source.starts_with(&format!("{}/", desk.topics.normalized)), "where it lay: {source}");
    }
}
