//! Reads a topic from its beginning to its end, the way a reader of it would.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::wait::{eventually, seconds};

/// What a reader gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Only what has been committed: what copydesk's promises hold for.
    Committed,
    /// Everything that was ever written, aborted transactions included.
    Uncommitted,
}

/// One record of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Event time in milliseconds since 1970.
    pub timestamp: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// The value of the first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(std::str::from_utf8(value).unwrap_or_else(|_| panic!("header {name} is text: {self:?}")))
    }

    /// The key as text.
    pub fn key_text(&self) -> &str {
        std::str::from_utf8(self.key.as_deref().unwrap_or_default()).expect("the key is text")
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_deref().unwrap_or_else(|| panic!("a record without a value: {self:?}"));
        serde_json::from_slice(value).unwrap_or_else(|error| panic!("the value is JSON ({error}): {self:?}"))
    }

    fn of(message: &BorrowedMessage<'_>) -> Record {
        let headers = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
        });
        Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }
}

/// Follows all partitions of one topic from their beginning.
pub struct Reader {
    consumer: BaseConsumer,
    partitions: usize,
    at_end: HashSet<i32>,
}

impl Reader {
    /// A reader before the first record of `topic`, which sees what is committed at once.
    pub fn open(bootstrap: &str, topic: &str, isolation: Isolation) -> Reader {
        Reader::with(bootstrap, topic, isolation, &[("fetch.wait.max.ms", "20")])
    }

    /// A reader of committed records that costs the broker little, and sees them up to a fifth of a second later.
    pub fn at_leisure(bootstrap: &str, topic: &str) -> Reader {
        let seldom =
            [("fetch.wait.max.ms", "200"), ("fetch.min.bytes", "4000000"), ("max.partition.fetch.bytes", "4000000")];
        Reader::with(bootstrap, topic, Isolation::Committed, &seldom)
    }

    fn with(bootstrap: &str, topic: &str, isolation: Isolation, settings: &[(&str, &str)]) -> Reader {
        let mut config = ClientConfig::new();
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer = config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "copydesk-test-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set(
                "isolation.level",
                if isolation == Isolation::Committed { "read_committed" } else { "read_uncommitted" },
            )
            .set("fetch.queue.backoff.ms", "5")
            .set("reconnect.backoff.max.ms", "100")
            .create()
            .expect("a consumer's settings are right");
        let partitions = partitions(&consumer, topic);
        let mut all = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions).expect("few partitions") {
            all.add_partition_offset(topic, partition, Offset::Beginning).expect("a valid offset");
        }
        consumer.assign(&all).expect("existing partitions can be assigned");
        Reader { consumer, partitions, at_end: HashSet::new() }
    }

    /// The records that come within `wait`; fewer, and at once, when the end of every partition is reached.
    pub fn advance(&mut self, wait: Duration) -> Vec<Record> {
        let mut records = Vec::new();
        self.each(wait, |message| records.push(Record::of(message)));
        records
    }

    /// As [`Reader::advance`], but only counts them.
    pub fn count(&mut self, wait: Duration) -> usize {
        let mut count = 0;
        self.each(wait, |_| count += 1);
        count
    }

    fn each(&mut self, wait: Duration, mut take: impl FnMut(&BorrowedMessage<'_>)) {
        let started = Instant::now();
        let mut any = false;
        loop {
            let left = wait.saturating_sub(started.elapsed());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    self.at_end.remove(&message.partition());
                    take(&message);
                    any = true;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.at_end.insert(partition);
                }
                // A broker that is away, or comes back: the client goes on by itself.
                Some(Err(_)) => {}
                None => {}
            }
            if left.is_zero() || (any && self.at_end.len() == self.partitions) {
                return;
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.at_end.len() == self.partitions
    }
}

/// All records of `topic` up to its present end. Waits until no open transaction hides a part of it.
pub fn read(bootstrap: &str, topic: &str, isolation: Isolation) -> Vec<Record> {
    await_open_transactions(bootstrap, topic);
    let mut reader = Reader::open(bootstrap, topic, isolation);
    let mut records = Vec::new();
    eventually(&format!("{topic} is read to its end"), seconds(60), || {
        records.extend(reader.advance(Duration::from_millis(500)));
        match reader.is_at_end() {
            true => Ok(()),
            false => Err(format!("{} records, at the end of partitions {:?}", records.len(), reader.at_end)),
        }
    });
    records
}

/// Waits until the last stable offset of every partition is its end.
fn await_open_transactions(bootstrap: &str, topic: &str) {
    let ends = Ends::of(bootstrap, topic);
    eventually(&format!("no open transaction holds {topic}"), seconds(30), || match ends.hidden()? {
        0 => Ok(()),
        hidden => Err(format!("{hidden} records are hidden")),
    });
}

/// The ends of a topic's partitions, as readers of committed records and as all others see them. A client's isolation
/// level decides which of them it is told.
pub struct Ends {
    topic: String,
    partitions: i32,
    committed: BaseConsumer,
    uncommitted: BaseConsumer,
}

impl Ends {
    /// Watches the ends of `topic`.
    pub fn of(bootstrap: &str, topic: &str) -> Ends {
        let client = |isolation: &str| -> BaseConsumer {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", bootstrap).set("isolation.level", isolation);
            config.create().expect("a client's settings are right")
        };
        let (committed, uncommitted) = (client("read_committed"), client("read_uncommitted"));
        let partitions = i32::try_from(partitions(&committed, topic)).expect("few partitions");
        Ends { topic: topic.to_owned(), partitions, committed, uncommitted }
    }

    /// How many offsets open transactions hide from readers of committed records.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn hidden(&self) -> Result<i64, String> {
        Ok(self.hidden_by_partition()?.into_iter().sum())
    }

    /// As [`Ends::hidden`], each partition apart.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn hidden_by_partition(&self) -> Result<Vec<i64>, String> {
        let hidden = |partition| {
            let end_for = |client: &BaseConsumer| match client.fetch_watermarks(&self.topic, partition, seconds(5)) {
                Ok((_, end)) => Ok(end),
                Err(error) => Err(error.to_string()),
            };
            let (end, stable) = (end_for(&self.uncommitted)?, end_for(&self.committed)?);
            Ok((end - stable).max(0))
        };
        (0..self.partitions).map(hidden).collect()
    }
}

/// How many partitions `topic` has.
fn partitions(consumer: &BaseConsumer, topic: &str) -> usize {
    eventually(&format!("{topic} exists"), seconds(10), || {
        let metadata = consumer.fetch_metadata(Some(topic), seconds(5)).map_err(|error| error.to_string())?;
        match metadata.topics().first().map(|found| found.partitions().len()) {
            Some(count) if count > 0 => Ok(count),
            other => Err(format!("{other:?} partitions")),
        }
    })
}
