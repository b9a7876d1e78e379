//! Ways in which librdkafka is not what it seems, beside the calls of transactions.

use std::thread;
use std::time::{Duration, Instant};

use copydesk::dedup::{Entry, Identity, Source, UriTag, record};
use copydesk::fingerprint::ContentHash;
use copydesk::stream::clients::{self, Isolation};
use copydesk::stream::core::Lane;
use copydesk::stream::restore::{Opened, Opener};
use copydesk::stream::span::Span;
use copydesk::stream::transaction::Outcome;
use copydesk::telemetry::{Input, Metrics};
use copydesk::wire::Status;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::bench::{Bench, PATIENCE};

/// Writes records outside any transaction.
fn write<'r>(bench: &Bench, topic: &str, records: impl IntoIterator<Item = (&'r str, &'r str)>) {
    // The mock cluster answers a fetch with one batch.
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", bench.cluster.bootstrap_servers()).set("batch.num.messages", "4");
    let producer: ThreadedProducer<_> = client.create().expect("a producer");
    for (key, value) in records {
        producer.send(BaseRecord::to(topic).partition(0).key(key).payload(value)).expect("the queue has room");
    }
    producer.flush(PATIENCE).expect("the records are delivered");
}

/// Offsets of a partition that the member does not own are taken like any: nobody but the core keeps them out.
#[test]
fn the_client_commits_offsets_of_partitions_that_are_not_its_own() {
    let bench = Bench::new();
    let assigned = bench.consumer.assignment().expect("an assignment");
    assert_eq!(assigned.elements_for_topic(&bench.config.topics.normalized).len(), 0);
    bench.begin(1);
    let outcome = bench.commit_for(&bench.config.topics.normalized);
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
}

/// Dropping a consumer polls it until it is closed, so its last revocation comes when no worker is there to answer: without
/// an answer the drop would never end.
#[test]
fn a_consumer_that_is_dropped_answers_its_last_revocation_itself() {
    let bench = Bench::new();
    let mut config = bench.config.clone();
    config.kafka.group = "another".into();
    let consumer = Bench::member(&config, 0, &config.topics.raw);
    assert!(consumer.assignment().expect("an assignment").count() > 0);
    consumer.context().close();
    let dropping = thread::spawn(move || drop(consumer));
    let started = Instant::now();
    while !dropping.is_finished() {
        assert!(started.elapsed() < PATIENCE, "the drop does not end");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Opens lanes, until so many of them are.
fn open(bench: &Bench, lanes: &[Lane], enough: usize) -> Vec<Opened> {
    let opener = Opener::start(&bench.config, 1, &Metrics::new("test")).expect("an opener");
    opener.open(lanes.iter().map(|lane| (*lane, 1)).collect());
    let mut opened: Vec<Opened> = Vec::new();
    let started = Instant::now();
    while opened.len() < enough {
        assert!(started.elapsed() < 2 * PATIENCE, "opened {opened:?}");
        opened.extend(opener.next().expect("the opener lives"));
        thread::sleep(Duration::from_millis(5));
    }
    opened
}

/// The end of a partition is reported without its topic, so a restore must not read two of them with one client: lanes of
/// the same number on both inputs are opened together, and only the changelog's own end makes a table complete.
#[test]
fn lanes_of_one_number_are_opened_each_with_what_belongs_to_it() {
    let bench = Bench::new();
    let (hash, topics) = (ContentHash::from([9; 32]), &bench.config.topics);
    let entries: Vec<(String, String)> = [Status::Usable, Status::Withheld, Status::Canceled]
        .into_iter()
        .map(|status| {
            let source = Source::new(0, 1).expect("coordinates");
            let identity = Identity::new(&hash, status);
            let entry = Entry { identity, time: i64::MAX / 2, uri: UriTag::of(None), version: 1, source };
            (record::key(&hash, status), record::value(&entry))
        })
        .collect();
    write(&bench, &topics.seen, entries.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    write(&bench, &topics.raw, [("", "an item"); 7]);
    let lanes = [Input::Raw, Input::Normalized].map(|input| Lane { input, partition: 0 });
    let mut opened = open(&bench, &lanes, lanes.len());
    opened.sort_by_key(|opened| opened.lane);
    let found = opened.iter().map(|opened| (opened.lane, opened.table.as_ref().map(|table| table.len())));
    assert_eq!(found.collect::<Vec<_>>(), [(lanes[0], None), (lanes[1], Some(3))]);
}

/// An end is reported once. One that came early is reported again after a seek, and where the leader has told its watermarks in
/// between, nothing more is to come: no reader waits for offsets that hold no record. The real broker's part of it is in the
/// Kafka tests (`restores`).
#[test]
fn an_early_end_is_believed_the_second_time_and_only_after_the_leader_has_told_its_watermarks() {
    let bench = Bench::new();
    let topic = bench.config.topics.raw.as_str();
    write(&bench, topic, [("", "an item"); 7]);
    let reader = clients::reader(&bench.config, Isolation::Committed, Metrics::new("test")).expect("a reader");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(0)).expect("an offset");
    reader.assign(&list).expect("the topic is there");
    let mut read = 0;
    let mut at_end = |span: &mut Span| {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "no end after {read} records");
            match reader.poll(Duration::from_millis(100)) {
                Some(Ok(_)) => read += 1,
                Some(Err(KafkaError::PartitionEOF(0))) => return span.ends(&reader, topic, 0),
                _ => {}
            }
        }
    };
    let mut span = Span::new(0..9);
    // What a leader that does not know how much is committed answers to the questions for both ends (KIP-207).
    let told = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    let untold = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE;
    bench.cluster.request_errors(RDKafkaApiKey::ListOffsets, &[told, untold]);
    at_end(&mut span).expect_err("the leader does not answer");
    assert_eq!((at_end(&mut span), span.left()), (Ok(false), 2));
    assert_eq!((at_end(&mut span), span.left()), (Ok(true), 2));
    assert_eq!(read, 7, "nothing is read twice");
}

/// A question about a partition whose leader is away takes its whole time-out, and is asked again and again.
#[test]
fn a_partition_that_does_not_answer_holds_up_none_of_the_others() {
    let bench = Bench::on(2, &[]);
    bench.cluster.partition_leader(&bench.config.topics.raw, 0, Some(2)).expect("a broker of the cluster");
    bench.cluster.broker_down(2).expect("a broker of the cluster");
    let lanes = [Input::Raw, Input::Normalized].map(|input| Lane { input, partition: 0 });
    let opened = open(&bench, &lanes, 1);
    assert_eq!(opened.iter().map(|opened| opened.lane).collect::<Vec<_>>(), [lanes[1]]);
}

/// `ALL_BROKERS_DOWN` is never raised by this build of librdkafka (#5282), so what is said of the connections comes from the
/// statistics.
#[test]
fn a_consumer_without_a_broker_is_known_by_its_statistics() {
    let bench = Bench::with(&[("statistics.interval.ms", "200")]);
    let await_cut_off = |expected: bool| {
        let started = Instant::now();
        while bench.consumer.context().is_cut_off() != expected {
            assert!(started.elapsed() < PATIENCE, "it is not known within {PATIENCE:?}");
            if let Some(Err(KafkaError::MessageConsumption(error))) = bench.consumer.poll(Duration::from_millis(50)) {
                println!("on the way: {error}");
            }
        }
    };
    await_cut_off(false);
    bench.cluster.broker_down(1).expect("a broker of the cluster");
    await_cut_off(true);
    bench.cluster.broker_up(1).expect("a broker of the cluster");
    await_cut_off(false);
}

/// By default a fetch is parked for a second whenever the queue is full.
#[test]
fn a_full_queue_does_not_park_the_next_fetch_for_a_second() {
    let value = "x".repeat(4_000);
    let read = |properties: &[(&str, &str)]| {
        let bench = Bench::with(&[&[("queued.max.messages.kbytes", "16")], properties].concat());
        write(&bench, &bench.config.topics.raw, (0..40).map(|_| ("", value.as_str())));
        let (started, mut count) = (Instant::now(), 0);
        while count < 40 {
            assert!(started.elapsed() < 4 * PATIENCE, "{count} of 40 records were read");
            if let Some(Ok(message)) = bench.consumer.poll(Duration::from_millis(20)) {
                count += usize::from(message.payload_len() == value.len());
            }
        }
        started.elapsed()
    };
    let (ours, default) = (read(&[]), read(&[("fetch.queue.backoff.ms", "1000")]));
    assert!(3 * ours < default, "{ours:?}, and {default:?} with librdkafka's default");
}
