//! Items made to harm: none stops what comes behind it, and none gets its text into the log.

use std::sync::mpsc;
use std::thread;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{At, Desk, Raw, Sent, admin, now};
use crate::harness::wait::seconds;
use crate::harness::worker::{Settings, Worker};

/// Sends records of blanks that hardly take room on the wire, from a thread of its own.
fn send_blanks(desk: &Desk, partition: i32, bytes: usize, codec: &'static str) -> KafkaResult<Sent> {
    let (bootstrap, topic) = (desk.bootstrap.clone(), desk.topics.raw.clone());
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("compression.type", codec)
            .set("message.max.bytes", "200000000")
            .set("message.timeout.ms", "20000")
            .create()
            .expect("a producer's settings are right");
        let (blanks, timestamp) = (vec![b' '; bytes], now());
        let record = FutureRecord::<[u8], [u8]>::to(&topic).partition(partition).timestamp(timestamp).payload(&blanks);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let delivered = runtime.block_on(producer.send(record, seconds(5)));
        let sent = delivered.map_err(|(error, _)| error).map(|delivery| {
            let at = At { partition: delivery.partition, offset: delivery.offset };
            Sent { at, timestamp }
        });
        let _ = done.send(sent);
    });
    outcome.recv_timeout(seconds(60)).expect("the producer gives up by itself")
}

#[test]
fn a_value_that_was_small_while_it_was_compressed_is_a_dead_letter_like_any_that_is_too_large() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let bombs: Vec<At> = ["gzip", "zstd"]
        .map(|codec| {
            let sent = send_blanks(&desk, 1, 30_000_000, codec).expect("the broker sees its compressed size alone");
            desk.sent.push(sent);
            sent.at
        })
        .into();
    let next = desk.send_one(Raw::from(&story(1)).on(1));
    let ledger = desk.close(vec![worker]);
    for bomb in bombs {
        let letter = ledger.rejection(bomb);
        assert_eq!(letter.reason, "too_large");
        assert_eq!(letter.record.value, None, "no topic would take it");
        assert_eq!(letter.record.header("copydesk-value-omitted"), Some("30000000"));
    }
    assert_eq!(ledger.published_of(&[next]), 1);
}

/// What SECURITY.md advises for a feed that is not trusted.
#[test]
fn a_topic_with_a_compression_of_its_own_refuses_such_a_value_at_the_door() {
    let desk = Desk::without_topics(Broker::shared().bootstrap());
    let admin = admin(&desk.bootstrap);
    let topic = NewTopic::new(&desk.topics.raw, 4, TopicReplication::Fixed(1)).set("compression.type", "uncompressed");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let options = AdminOptions::new().operation_timeout(Some(seconds(20)));
    let created = runtime.block_on(admin.create_topics(&[topic], &options)).expect("the broker answers");
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let refused = send_blanks(&desk, 0, 30_000_000, "zstd").expect_err("its size is judged as it is");
    assert!(matches!(refused, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)), "{refused}");
    assert!(send_blanks(&desk, 0, 500_000, "zstd").is_ok(), "and one of an ordinary size is taken");
}

#[test]
fn an_item_that_would_swell_on_its_way_stops_nothing() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    // Each line is named in the audit trail, which is longer than the line.
    let furniture = format!("{}\n\n{}", "Advertisement\n".repeat(68_000), story(1).text());
    assert!(furniture.len() < 1_000_000, "{}", furniture.len());
    let items = [
        Raw::bytes(furniture).on(2),
        Raw::from(&story(2)).on(2).header("tracestate", &"x=y,".repeat(200_000)),
        Raw::story(&story(3), serde_json::json!({"uri": format!("urn:nwa:{}", "4".repeat(340_000))})).on(2),
        Raw::story(&story(4), serde_json::json!({"source": "s".repeat(400_000), "headline": "h".repeat(400_000)}))
            .on(2),
        Raw::from(&story(5)).on(2),
    ];
    let sent = desk.send(items);
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&sent[..2]), 2, "what they carry beside the copy is cut, the copy is not");
    let removed = ledger.article(sent[0]).record.header("copydesk-removed").expect("an audit trail");
    assert!(removed.len() < 4_000 && removed.contains(" +"), "{} bytes", removed.len());
    let letter = ledger.rejection(sent[2]);
    assert_eq!(letter.reason, "bad_envelope");
    assert_eq!(letter.record.header("copydesk-detail"), Some("`uri` has 340008 bytes, and the limit is 4096"));
    assert_eq!(ledger.published_of(&sent[3..4]) + ledger.rejected.len() - 1, 1, "published or rejected, but once");
    assert_eq!(ledger.published_of(&sent[4..]), 1);
}

/// Keys, headers and names are copied beside what is copied anyway, so each of these would make a record that no topic takes.
#[test]
fn what_an_item_carries_beside_its_copy_stops_nothing() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let names =
        |text: serde_json::Value| Raw::envelope(&serde_json::json!({"text": text, "source": "s".repeat(600_000)}));
    let quotes = format!("{}\n\nHe said {}.\n", story(1).text(), "\"No.\" ".repeat(20_000));
    let trail = (0..800).fold(Raw::bytes(quotes), |raw, _| raw.header("tracestate", &"x=y,".repeat(256)));
    let items = [
        trail,
        names(story(2).text().into()),
        names(5.into()),
        Raw::bytes([b"\x1f\x8b\x08".as_slice(), &[0; 500_000]].concat()).key(&"k".repeat(548_300)),
        Raw::from(&story(3)),
    ];
    let sent = desk.send(items.map(|item| item.on(2)));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&sent), 3, "those that can be read");
    let handed_on = ledger.article(sent[0]).record.headers.iter().filter(|(name, _)| name == "tracestate").count();
    assert_eq!(handed_on, 1);
    assert_eq!(ledger.article(sent[1]).record.header("copydesk-feed"), Some("s".repeat(128).as_str()));
    assert_eq!(ledger.rejection(sent[2]).reason, "bad_envelope");
    assert_eq!(ledger.rejection(sent[3]).reason, "unsupported_format");
    assert_eq!(ledger.rejected.len(), 2);
}

#[test]
fn nothing_of_an_item_is_in_the_log_at_info_or_warn() {
    const MARK: &str = "Xyzzymark";
    let mut desk = Desk::open(Broker::shared());
    let brake = "[brake]\naction = \"warn\"\nshare = 0.01\nminimum = 1\n";
    let worker = Worker::start_with(&desk, &Settings::named("a").sections(brake));
    let text = format!("{}\n\nBy {MARK} Venn\n\nThe {MARK} harbour is open, {MARK} said.\n", story(1).text());
    let envelope = |field: &str, value: serde_json::Value| {
        let mut envelope = serde_json::json!({"text": text, "source": MARK, "headline": MARK});
        envelope[field] = value;
        Raw::envelope(&envelope).key(MARK).header("feed", MARK)
    };
    let items = [
        Raw::bytes(text.clone()),
        Raw::bytes(text.clone()).header("content-type", &format!("text/{MARK}; charset={MARK}")),
        envelope("uri", format!("urn:{MARK}").into()),
        envelope("uri", MARK.repeat(1_000).into()),
        envelope("url", MARK.into()),
        envelope("status", MARK.into()),
        envelope("version", MARK.into()),
        envelope("received", MARK.into()),
        envelope("language", MARK.into()),
        envelope("text", serde_json::json!([MARK])),
        envelope("content_type", format!("text/html; {MARK}").into()),
        envelope(MARK, MARK.into()),
        Raw::bytes(format!("{{\"text\": \"{MARK}")),
        Raw::bytes(format!("{{\"{MARK}\": {MARK}}}")),
        Raw::bytes(format!("<html><body><p>{MARK}</p></body></html>")).header("content-type", "text/html"),
        Raw::bytes([MARK.as_bytes(), b"\xff\xfe\x00\x81\x8d"].concat())
            .header("content-type", "text/plain; charset=utf-8"),
        Raw::bytes(format!("Advertisement\n\n{MARK}\n")).header("traceparent", MARK),
    ];
    let count = items.len();
    desk.send(items);
    let foreign = (0..4).map(|partition| (partition, MARK.to_owned(), format!("{{\"{MARK}\": 1}}")));
    desk.write(&desk.topics.normalized, foreign);
    desk.outcomes().await_total(count + 4, &[&worker]);
    let log = worker.log();
    assert!(log.contains("INFO") && log.contains("WARN"), "{log}");
    assert!(!log.contains(MARK), "{log}");
    worker.finish();
}
