//! `copydesk verify` on topics that are as they should be, and on topics that were tampered with.

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{At, Desk, Raw};
use crate::harness::ledger::Ledger;
use crate::harness::reader::Isolation;
use crate::harness::worker::{Settings, Worker};

/// A worker has taken in stories, copies and poison, and has left.
fn pipeline() -> Desk {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    desk.send((0..200).map(|number| Raw::from(&story(number))));
    desk.send((0..50).map(|number| Raw::bytes(story(number * 4).text_with_ads())));
    desk.send((0..10).map(|_| Raw::bytes(b" \n\t ".to_vec())));
    desk.send(
        (1..4).map(|version| Raw::story(&story(900), serde_json::json!({"uri": "urn:nwa:1", "version": version}))),
    );
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len(), ledger.rejected.len()), (203, 50, 10));
    desk
}

fn verify(desk: &Desk) -> (Option<i32>, Value) {
    let (code, said) = Worker::command(desk, "verify", &["--json"]);
    // On a slow machine it tells its progress first.
    let report = said.find('{').map_or(said.as_str(), |at| &said[at..]);
    (code, serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {said}")))
}

/// Exactly these findings: their kinds, and something each of them says.
#[track_caller]
fn assert_found(desk: &Desk, expected: &[(&str, String)]) {
    let (code, report) = verify(desk);
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), expected.len(), "{report:#}");
    for (kind, says) in expected {
        let is_it = |finding: &&Value| finding["kind"] == *kind && finding["what"].as_str().unwrap().contains(says);
        assert!(findings.iter().any(|finding| is_it(&finding)), "no {kind} of {says} in {report:#}");
    }
    assert_eq!(code, Some(i32::from(!expected.is_empty())), "the exit code tells");
}

/// Writes a copy of a record to its topic, headers and all.
fn inject_copy(desk: &Desk, topic: &str, of: usize) {
    let record = &desk.read(topic, Isolation::Committed)[of];
    desk.write_whole(topic, record);
}

/// Sets the group past the end of the raw topic, over whatever it has not read.
fn skip(desk: &Desk, at: At) {
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &desk.bootstrap)
        .set("group.id", &desk.group)
        .create()
        .expect("a consumer's settings are right");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&desk.topics.raw, at.partition, Offset::Offset(at.offset + 1)).expect("an offset");
    member.commit(&list, CommitMode::Sync).expect("a group without members takes offsets from anybody");
}

#[test]
fn a_pipeline_that_did_its_work_verifies() {
    let desk = pipeline();
    let (code, report) = verify(&desk);
    assert_eq!(report["findings"], serde_json::json!([]));
    for (count, of) in [(263, "items"), (203, "published"), (50, "duplicates"), (10, "rejected"), (0, "by_other_rules")]
    {
        assert_eq!(report[of], count, "{of}: {report:#}");
    }
    assert_eq!(code, Some(0));
    let (code, said) = Worker::command(&desk, "verify", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("263 items = 203 published + 50 duplicates + 10 rejected"), "{said}");
    assert!(said.contains("✓ every item ended in exactly one place"), "{said}");
}

#[test]
fn a_pipeline_at_work_verifies_too() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    for turn in 0..3 {
        desk.send((0..4_000).map(|number| Raw::from(&story(turn * 3_000 + number))));
        desk.outcomes().await_total(4_000 * turn as usize + 1_000, &[&worker]);
        assert_found(&desk, &[]);
    }
    desk.close(vec![worker]);
    assert_found(&desk, &[]);
}

#[test]
fn an_article_injected_twice_is_found() {
    let desk = pipeline();
    inject_copy(&desk, &desk.topics.articles, 7);
    let ledger = Ledger::read(&desk);
    let doubled = ledger.articles.iter().find(|one| ledger.published_of(&[one.source]) > 1).expect("it was injected");
    assert_found(&desk, &[("double", format!("raw {} ended in articles", doubled.source))]);
}

#[test]
fn an_item_and_a_poison_item_that_were_skipped_are_found() {
    let mut desk = pipeline();
    let item = desk.send_one(Raw::from(&story(500)).on(1));
    skip(&desk, item);
    assert_found(&desk, &[("missing", format!("raw {item} has no outcome"))]);
    let poison = desk.send_one(Raw::bytes(b"{\"text\": ".to_vec()).on(2));
    skip(&desk, poison);
    assert_found(&desk, &[("missing", item.to_string()), ("missing", format!("raw {poison} has no outcome"))]);
}

#[test]
fn what_is_not_read_yet_is_not_missing() {
    let mut desk = pipeline();
    desk.send((600..620).map(|number| Raw::from(&story(number))));
    let (code, report) = verify(&desk);
    assert_eq!((code, &report["items"]), (Some(0), &Value::from(263)));
}

#[test]
fn what_a_group_that_begins_late_has_left_out_is_counted_and_not_missing() {
    let mut desk = Desk::open(Broker::shared());
    desk.send((0..3).map(|number| Raw::from(&story(number)).on(0)));
    let late = Settings::named("a").starting_late();
    let worker = Worker::start_with(&desk, &late);
    worker.await_ready();
    desk.send((3..5).map(|number| Raw::from(&story(number)).on(0)));
    desk.outcomes().await_total(2, &[&worker]);
    worker.finish();
    let (code, said) = Worker::command_with(&desk, &late, "verify", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("5 items = 2 published") && said.contains("3 lie before the first outcome"), "{said}");
    let (code, said) = Worker::command(&desk, "verify", &[]);
    assert_eq!((code, said.matches("has no outcome").count()), (Some(1), 3), "{said}");
}

#[test]
fn changelog_entries_that_were_not_published_are_found() {
    let desk = pipeline();
    let records = desk.read(&desk.topics.seen, Isolation::Committed);
    let (of, other) =
        (&records[3], records.iter().find(|one| one.partition == records[3].partition && one.key != records[3].key));
    let value = String::from_utf8(of.value.clone().unwrap()).unwrap();
    let key = other.expect("another content of the partition").key_text().replace(":usable", ":canceled");
    desk.write(&desk.topics.seen, [(of.partition, key, value)]);
    assert_found(&desk, &[("unremembered", "of which nothing was published".into())]);
}

#[test]
fn a_span_leaves_out_what_lies_outside() {
    let mut desk = pipeline();
    let (code, said) = Worker::command(&desk, "verify", &["--until", "1h"]);
    assert!(code == Some(0) && said.contains("0 items"), "{said}");
    let lost = desk.send_one(Raw::from(&story(500)).on(1).at(1_700_000_000_000));
    skip(&desk, lost);
    let (code, said) = Worker::command(&desk, "verify", &["--from", "1h", "--until", "2099-01-01T00:00Z"]);
    assert!(code == Some(0) && said.contains("263 items"), "{said}");
    assert_found(&desk, &[("missing", lost.to_string())]);
}
