//! The six topics of one test, and what it sent to the first of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::broker::Broker;
use super::corpus::Story;
use super::ledger::Ledger;
use super::reader::{Ends, Isolation, Reader, Record, read};
use super::wait::{eventually, seconds};
use super::worker::Worker;

/// How long a desk waits for its workers before it calls them stuck.
pub const PATIENCE: Duration = seconds(60);

/// One replica on one broker, three on three.
const BY_BROKERS: TopicReplication<'_> = TopicReplication::Fixed(-1);

/// Where a raw item lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// Partition of the raw topic.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// The names of one test's topics.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Raw items.
    pub raw: String,
    /// Cleaned and hashed items, partitioned by hash.
    pub normalized: String,
    /// The changelog of first sightings.
    pub seen: String,
    /// Published articles.
    pub articles: String,
    /// Suppressed repetitions.
    pub duplicates: String,
    /// Dead letters.
    pub rejected: String,
}

impl Topics {
    /// Topics nobody else uses.
    pub fn unique() -> Topics {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("t{:x}-{count}", now() * 10_000 + i64::from(std::process::id() % 10_000));
        let name = |topic: &str| format!("{prefix}.{topic}");
        Topics {
            raw: name("raw"),
            normalized: name("normalized"),
            seen: name("seen"),
            articles: name("articles"),
            duplicates: name("duplicates"),
            rejected: name("rejected"),
        }
    }

    /// The six names in the order data meets them.
    pub fn all(&self) -> [&str; 6] {
        [&self.raw, &self.normalized, &self.seen, &self.articles, &self.duplicates, &self.rejected]
    }
}

/// A raw item to send.
#[derive(Clone, Debug)]
pub struct Raw {
    value: Vec<u8>,
    key: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    partition: Option<i32>,
    timestamp: Option<i64>,
}

impl Raw {
    /// These bytes, as they are.
    pub fn bytes(value: impl Into<Vec<u8>>) -> Raw {
        Raw { value: value.into(), key: None, headers: Vec::new(), partition: None, timestamp: None }
    }

    /// A JSON envelope.
    pub fn envelope(envelope: &serde_json::Value) -> Raw {
        Raw::bytes(envelope.to_string())
    }

    /// A story in an envelope with these further fields.
    pub fn story(story: &Story, mut fields: serde_json::Value) -> Raw {
        fields["text"] = story.text().into();
        Raw::envelope(&fields)
    }

    /// On this partition of the raw topic; otherwise the items of a desk take turns.
    pub fn on(mut self, partition: i32) -> Raw {
        self.partition = Some(partition);
        self
    }

    /// With this event time, in milliseconds since 1970; otherwise now.
    pub fn at(mut self, timestamp: i64) -> Raw {
        self.timestamp = Some(timestamp);
        self
    }

    /// The size of its value in bytes.
    pub fn size(&self) -> usize {
        self.value.len()
    }

    /// With this key.
    pub fn key(mut self, key: &str) -> Raw {
        self.key = Some(key.into());
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Raw {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl From<&Story> for Raw {
    fn from(story: &Story) -> Raw {
        Raw::bytes(story.text())
    }
}

/// What a desk remembers of an item it sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Where it lies.
    pub at: At,
    /// Its event time.
    pub timestamp: i64,
}

/// One test's topics, group and sent items.
pub struct Desk {
    /// The broker.
    pub bootstrap: String,
    /// The topics.
    pub topics: Topics,
    /// The consumer group of this desk's workers.
    pub group: String,
    /// How long the workers of this desk remember a content.
    pub window_hours: u32,
    /// Every item sent.
    pub sent: Vec<Sent>,
    producer: FutureProducer,
    partitions: i32,
}

impl Desk {
    /// Six new topics of four partitions each.
    pub fn open(broker: &Broker) -> Desk {
        Desk::at(broker.bootstrap())
    }

    /// As [`Desk::open`], where the brokers are known by their addresses.
    pub fn at(bootstrap: &str) -> Desk {
        let desk = Desk::without_topics(bootstrap);
        desk.create(&desk.topics.all(), 4);
        desk
    }

    /// As [`Desk::open`], with one partition each: what a worker does then comes in a known order.
    pub fn narrow(broker: &Broker) -> Desk {
        let desk = Desk { partitions: 1, ..Desk::without_topics(broker.bootstrap()) };
        desk.create(&desk.topics.all(), 1);
        desk
    }

    /// The names, but no topics yet.
    pub fn without_topics(bootstrap: &str) -> Desk {
        let topics = Topics::unique();
        let producer = producer(bootstrap);
        let group = topics.raw.replace("raw", "copydesk");
        Desk { bootstrap: bootstrap.into(), topics, group, window_hours: 72, sent: Vec::new(), producer, partitions: 4 }
    }

    /// Takes a new client. After an outage the old one may never find back to its broker.
    pub fn reconnect(&mut self) {
        self.producer = producer(&self.bootstrap);
    }

    /// Creates topics that take and keep everything, whatever its event time.
    pub fn create(&self, names: &[&str], partitions: i32) {
        let admin = admin(&self.bootstrap);
        let ever = i64::MAX.to_string();
        let topic = |name| {
            let topic = NewTopic::new(name, partitions, BY_BROKERS).set("retention.ms", "-1");
            topic.set("message.timestamp.after.max.ms", &ever)
        };
        let topics: Vec<NewTopic<'_>> = names.iter().copied().map(topic).collect();
        let options = AdminOptions::new().operation_timeout(Some(seconds(20)));
        let created = block_on(admin.create_topics(&topics, &options)).expect("the broker answers");
        for topic in created {
            topic.unwrap_or_else(|(name, error)| panic!("topic {name} could not be created: {error}"));
        }
    }

    /// Sends items and waits until the broker has them all; answers where each lies.
    pub fn send(&mut self, items: impl IntoIterator<Item = Raw>) -> Vec<At> {
        let mut deliveries = Vec::new();
        for mut item in items {
            let turn = i32::try_from(self.sent.len() + deliveries.len()).expect("a test's items") % self.partitions;
            item.partition.get_or_insert(turn);
            let timestamp = *item.timestamp.get_or_insert_with(now);
            deliveries.push((timestamp, self.post(&item)));
        }
        let first = self.sent.len();
        block_on(async {
            for (timestamp, delivery) in deliveries {
                let delivered = delivery.await.expect("the producer lives");
                let delivered = delivered.unwrap_or_else(|(error, _)| panic!("an item was not delivered: {error}"));
                let at = At { partition: delivered.partition, offset: delivered.offset };
                self.sent.push(Sent { at, timestamp });
            }
        });
        self.sent[first..].iter().map(|sent| sent.at).collect()
    }

    /// Hands one item to the client and does not wait for it; the desk will not know of it.
    pub fn post(&self, item: &Raw) -> DeliveryFuture {
        let headers = item
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let mut record = FutureRecord::<[u8], [u8]>::to(&self.topics.raw).payload(&item.value).headers(headers);
        record.key = item.key.as_deref();
        record.partition = item.partition;
        record.timestamp = item.timestamp;
        self.producer.send_result(record).unwrap_or_else(|(error, _)| panic!("could not send: {error}"))
    }

    /// Sends one item; answers where it lies.
    pub fn send_one(&mut self, item: impl Into<Raw>) -> At {
        self.send([item.into()])[0]
    }

    /// Writes records (partition, key, value) to any topic, past the worker.
    pub fn write(&self, topic: &str, records: impl IntoIterator<Item = (i32, String, String)>) {
        let mut deliveries = Vec::new();
        for (partition, key, value) in records {
            let record = FutureRecord::to(topic).partition(partition).key(&key).payload(&value);
            let delivery = self.producer.send_result(record);
            deliveries.push(delivery.unwrap_or_else(|(error, _)| panic!("could not send: {error}")));
        }
        block_on(async {
            for delivery in deliveries {
                let delivered = delivery.await.expect("the producer lives");
                delivered.unwrap_or_else(|(error, _)| panic!("a record was not delivered: {error}"));
            }
        });
    }

    /// Writes a whole record, headers and all, to the partition it came from.
    pub fn write_whole(&self, topic: &str, record: &Record) {
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let mut copy = FutureRecord::<[u8], [u8]>::to(topic).partition(record.partition).headers(headers);
        copy.key = record.key.as_deref();
        copy.payload = record.value.as_deref();
        let delivery = self.producer.send_result(copy).unwrap_or_else(|(error, _)| panic!("could not send: {error}"));
        let delivered = block_on(delivery).expect("the producer lives");
        delivered.unwrap_or_else(|(error, _)| panic!("a record was not delivered: {error}"));
    }

    /// Follows the outcomes as they are committed.
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes_by(|topic| Reader::open(&self.bootstrap, topic, Isolation::Committed))
    }

    /// As [`Desk::outcomes`], but disturbs what is measured less, and knows of them a little later.
    pub fn outcomes_at_leisure(&self) -> Outcomes {
        self.outcomes_by(|topic| Reader::at_leisure(&self.bootstrap, topic))
    }

    fn outcomes_by(&self, open: impl Fn(&str) -> Reader) -> Outcomes {
        let Topics { articles, duplicates, rejected, .. } = &self.topics;
        Outcomes { readers: [open(articles), open(duplicates), open(rejected)], counts: [0; 3] }
    }

    /// Waits until there are as many outcomes as items were sent.
    #[track_caller]
    pub fn settle(&self, workers: &[&Worker]) {
        self.outcomes().await_total(self.sent.len(), workers);
    }

    /// What open transactions of the workers hide, in the topics both stages write to.
    pub fn open_transactions(&self) -> OpenTransactions {
        let of = |topic: &str| Ends::of(&self.bootstrap, topic);
        OpenTransactions([of(&self.topics.normalized), of(&self.topics.articles)])
    }

    /// Waits for the last outcome, ends the workers in order, and audits the books.
    #[track_caller]
    pub fn close(&self, workers: Vec<Worker>) -> Ledger {
        self.settle(&workers.iter().collect::<Vec<_>>());
        for worker in workers {
            worker.await_ready();
            worker.finish();
        }
        let ledger = Ledger::read(self);
        ledger.audit(self);
        ledger
    }

    /// How many partitions each topic has.
    pub fn partitions(&self) -> u64 {
        u64::try_from(self.partitions).expect("a count")
    }

    /// All records of one of the topics.
    pub fn read(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        read(&self.bootstrap, topic, isolation)
    }

    /// The group's committed offset of every partition of `topic`.
    pub fn committed(&self, topic: &str) -> HashMap<i32, i64> {
        let member: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", &self.group)
            .create()
            .expect("a consumer's settings are right");
        let mut all = TopicPartitionList::new();
        all.add_partition_range(topic, 0, self.partitions - 1);
        let offsets = eventually("the group's offsets are known", seconds(30), || {
            member.committed_offsets(all.clone(), seconds(5)).map_err(|error| error.to_string())
        });
        let of = |offset: Offset| match offset {
            Offset::Offset(next) => next,
            _ => 0,
        };
        offsets.elements().iter().map(|element| (element.partition(), of(element.offset()))).collect()
    }
}

/// Looks for transactions whose end is not known yet.
pub struct OpenTransactions([Ends; 2]);

impl OpenTransactions {
    /// Whether one is open right now.
    pub fn any(&self) -> bool {
        self.0.iter().any(|ends| ends.hidden().is_ok_and(|hidden| hidden > 0))
    }

    /// Waits for one.
    #[track_caller]
    pub fn wait(&self) {
        eventually("a transaction is open", seconds(30), || match self.any() {
            true => Ok(()),
            false => Err("nothing is hidden".into()),
        });
    }
}

fn producer(bootstrap: &str) -> FutureProducer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        // What is sent again must not fall behind what was sent after it.
        .set("enable.idempotence", "true")
        // The broker decides what is too large.
        .set("message.max.bytes", "10000000")
        .set("reconnect.backoff.max.ms", "100")
        .create()
        .expect("a producer's settings are right")
}

/// Counts the committed outcomes of a desk while they come.
pub struct Outcomes {
    readers: [Reader; 3],
    counts: [usize; 3],
}

impl Outcomes {
    /// Waits until `total` items have been published, suppressed or rejected.
    #[track_caller]
    pub fn await_total(&mut self, total: usize, workers: &[&Worker]) {
        eventually(&format!("{total} items have an outcome"), PATIENCE, || {
            self.refresh();
            if self.total() >= total {
                return Ok(());
            }
            workers.iter().for_each(|worker| worker.assert_alive());
            let [published, duplicates, rejected] = self.counts;
            Err(format!("{published} published, {duplicates} duplicates, {rejected} rejected"))
        });
    }

    /// Reads what has been committed meanwhile.
    pub fn refresh(&mut self) {
        for (reader, count) in self.readers.iter_mut().zip(&mut self.counts) {
            *count += reader.count(Duration::from_millis(10));
        }
    }

    /// How many outcomes there are so far.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("64 bits of milliseconds")
}

/// A client that makes and alters topics.
pub fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client")
}

/// Runs a future of the Kafka client to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread").block_on(future)
}
