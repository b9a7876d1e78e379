//! Where a partition ends, and who says so.

use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw, admin, block_on};
use crate::harness::proxy::{Answers, Proxy, api};
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

const ITEMS: u64 = 60;

/// A worker has published some stories and has left. From now on, what connects through the proxy meets a leader that does not
/// know how much is committed when it is first asked for records.
fn pipeline(broker: &Broker, proxy: &Proxy) -> Desk {
    let mut desk = Desk::open(broker);
    let worker = Worker::start(&desk, "a");
    desk.send((0..ITEMS).map(|number| Raw::from(&story(number))));
    desk.settle(&[&worker]);
    worker.finish();
    proxy.answers(Answers::Unaware, &[api::FETCH]);
    desk
}

#[test]
fn a_leader_that_does_not_know_what_is_committed_ends_no_restore() {
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let mut desk = pipeline(&broker, &proxy);
    let heir = Worker::start_with(&desk, &Settings::named("b").through(&proxy));
    heir.await_ready();
    let early = heir.log().matches("an end came early").count();
    desk.send((0..ITEMS).map(|number| Raw::bytes(story(number).text_with_ads())));
    let ledger = desk.close(vec![heir]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len()), (60, 60));
    assert_eq!(early, 4, "each partition of the changelog seemed to end at its beginning");
}

#[test]
fn nor_does_it_hide_anything_from_operators() {
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let desk = pipeline(&broker, &proxy);
    let through = Settings::named("a").through(&proxy);
    let (code, said) = Worker::command_with(&desk, &through, "verify", &[]);
    assert!(code == Some(0) && said.contains("60 items = 60 published"), "{said}");
    let verified = proxy.touched();
    let (code, said) =
        Worker::command_with(&desk, &through, "tap", &["articles", "--from", "earliest", "--end", "--json"]);
    assert_eq!((code, said.matches("\"offset\":").count()), (Some(0), 60), "{said}");
    assert!(proxy.touched() > verified && verified > 0, "nothing was held back");
}

/// What librdkafka says of its position when it reports the end of a partition, and the high watermark.
fn end(bootstrap: &str, topic: &str) -> (Offset, i64) {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "copydesk-test-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer's settings are right");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("a valid offset");
    reader.assign(&list).expect("an existing partition can be assigned");
    eventually("the end is reported", seconds(30), || match reader.poll(seconds(1)) {
        Some(Err(KafkaError::PartitionEOF(0))) => Ok(()),
        other => Err(format!("{:?}", other.map(|record| record.map(|_| ())))),
    });
    let position = reader.position().expect("a consumer has positions");
    let (_, high) = reader.fetch_watermarks(topic, 0, seconds(5)).expect("the broker answers");
    (position.find_partition(topic, 0).expect("it is assigned").offset(), high)
}

/// Where this did not hold, each restore would ask the leader once more.
#[test]
fn at_the_end_of_a_partition_the_position_is_behind_markers_and_aborted_records() {
    let desk = Desk::open(Broker::shared());
    let topic = &desk.topics.seen;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &desk.bootstrap)
        .set("transactional.id", topic)
        .create()
        .expect("a producer's settings are right");
    producer.init_transactions(seconds(20)).expect("a coordinator");
    assert_eq!(end(&desk.bootstrap, topic), (Offset::Invalid, 0));
    for (commits, expected) in [(false, 4), (true, 8), (false, 12)] {
        producer.begin_transaction().expect("none is open");
        for _ in 0..3 {
            let record = FutureRecord::to(topic).partition(0).key("key").payload("value");
            let delivery = producer.send_result(record).unwrap_or_else(|(error, _)| panic!("could not send: {error}"));
            block_on(delivery)
                .expect("the producer lives")
                .unwrap_or_else(|(error, _)| panic!("not delivered: {error}"));
        }
        let ended =
            if commits { producer.commit_transaction(seconds(20)) } else { producer.abort_transaction(seconds(20)) };
        ended.expect("a transaction of records that are there");
        assert_eq!(end(&desk.bootstrap, topic), (Offset::Offset(expected), expected));
    }
}

/// As the retention would do it, which takes minutes.
fn expire(desk: &Desk, offsets: &TopicPartitionList) {
    block_on(admin(&desk.bootstrap).delete_records(offsets, &AdminOptions::new())).expect("the broker deletes them");
}

#[test]
fn raw_items_that_expire_before_they_are_read_are_counted_and_an_internal_topic_that_was_read_is_not() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_short_cut();
    desk.send((0..20).map(|number| Raw::from(&story(number))));
    desk.settle(&[&worker]);
    worker.finish();
    let unread = desk.send((20..25).map(|number| Raw::from(&story(number)).on(1)));
    let mut gone = TopicPartitionList::new();
    gone.add_partition_offset(&desk.topics.raw, 1, Offset::Offset(unread[3].offset)).expect("an offset");
    for partition in 0..4 {
        gone.add_partition_offset(&desk.topics.normalized, partition, Offset::End).expect("an offset");
    }
    expire(&desk, &gone);

    let heir = Worker::start(&desk, "b");
    heir.await_ready();
    let lost = |topic: &str| heir.metric("copydesk_lost_records_total", &[&format!("topic=\"{topic}\"")]);
    assert_eq!((lost("raw"), lost("normalized")), (Ok(3.0), Ok(0.0)), "{}", heir.log());
    assert_eq!(heir.log().matches("records expired before they were read").count(), 1, "{}", heir.log());
    desk.outcomes().await_total(22, &[&heir]);
    heir.finish();
}
