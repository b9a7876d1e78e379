//! The Kafka clients a worker is made of, and the properties that make them exactly-once.
//!
//! What stands here is not configurable, because the guarantee rests on it; everything else is passed through from
//! `[kafka.properties]`.

mod events;
mod producer;

use std::time::Duration;

use rdkafka::{
    config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
    producer::FutureProducer,
};

pub use self::{
    events::{ConsumerEvents, ProducerEvents, ReaderEvents, Rebalance},
    producer::WireProducer,
};
use crate::{config::Config, telemetry::Metrics};

/// The consumer of a worker: both input topics.
pub type WireConsumer = BaseConsumer<ConsumerEvents>;

/// A consumer outside the group.
pub type Reader = BaseConsumer<ReaderEvents>;

/// After how long the broker aborts an open transaction by itself, and fences its producer, unless it is told otherwise.
const TRANSACTION: Duration = Duration::from_secs(10);

/// After how long this configuration lets the broker abort an open transaction by itself: ten seconds, or what the properties say.
pub fn transaction_timeout(config: &Config) -> Duration {
    let given = config.kafka.properties.get("transaction.timeout.ms").and_then(|ms| ms.trim().parse().ok());
    given.map_or(TRANSACTION, Duration::from_millis)
}

/// Who a worker thread is to Kafka.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Stable over restarts, so that a new incarnation aborts what the old one left open at once.
    pub transactional_id: String,
    /// Stable over restarts, so that a quick restart moves no partition.
    pub instance_id: String,
}

impl Identity {
    /// The identity of worker thread number `thread` of this replica.
    pub fn new(config: &Config, thread: usize) -> Self {
        let instance_id = format!("{}-{thread}", config.kafka.instance_name());
        let mut transactional_id = format!("{}-{instance_id}", config.kafka.group);
        if mutant!("random-transactional-id") {
            transactional_id = format!("{transactional_id}-{}", std::process::id());
        }
        Identity { transactional_id, instance_id }
    }
}

/// The name that the clients of this replica go by: quotas may ask for another than its own.
pub fn client_id(config: &Config) -> String {
    let given = config.kafka.properties.get("client.id").cloned();
    given.unwrap_or_else(|| format!("copydesk-{}", config.kafka.instance_name()))
}

/// What every client shares: the brokers and the user's properties, over our defaults.
pub fn base(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.kafka.brokers)
        .set("client.id", client_id(config))
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("statistics.interval.ms", "0")
        .set_log_level(log_level(config));
    client
}

/// What librdkafka hands to the log, which filters it once more. It says nothing below notices unless `debug` asks it to.
fn log_level(config: &Config) -> RDKafkaLogLevel {
    if config.kafka.properties.contains_key("debug") { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Warning }
}

/// What librdkafka says of a property that it refuses, without the value, which may be a password.
pub fn refusal(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, said, property, _) => format!("{property}: {said}"),
        other => other.to_string(),
    }
}

/// What a client is made for. librdkafka warns of properties that are of no use to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Member,
    Reader,
    Producer,
}

/// Properties of consumers only, by their beginnings.
const CONSUMING: [&str; 7] =
    ["queued.", "fetch.", "check.crcs", "isolation.", "enable.partition.eof", "auto.", "consume."];
/// Properties of group members only.
const MEMBERSHIP: [&str; 6] =
    ["session.", "heartbeat.", "max.poll.", "group.", "partition.assignment.", "coordinator."];
/// Properties of producers only.
const PRODUCING: [&str; 14] = [
    "transaction",
    "enable.idempotence",
    "enable.gapless",
    "linger.",
    "queue.buffering.",
    "queuing.",
    "compression",
    "batch.",
    "message.timeout.",
    "message.send.",
    "delivery.",
    "request.",
    "retries",
    "sticky.",
];

impl Purpose {
    fn uses(self, property: &str) -> bool {
        let any = |list: &[&str]| list.iter().any(|start| property.starts_with(start));
        match self {
            Purpose::Member => !any(&PRODUCING),
            Purpose::Reader => !any(&PRODUCING) && !any(&MEMBERSHIP),
            Purpose::Producer => !any(&CONSUMING) && !any(&MEMBERSHIP),
        }
    }
}

fn with_user_properties(client: &mut ClientConfig, config: &Config, purpose: Purpose) {
    for (name, value) in config.kafka.properties.iter().filter(|(name, _)| purpose.uses(name)) {
        client.set(name, value);
    }
}

/// A consumer that belongs to no group: for watermarks, and for reading the changelog.
///
/// # Errors
/// Where librdkafka refuses a property.
pub fn reader(config: &Config, isolation: Isolation, metrics: Metrics) -> KafkaResult<Reader> {
    let mut client = base(config);
    // The end of a partition is what a restore waits for, so no fetch is held back for more records to come.
    client
        .set("fetch.wait.max.ms", "10")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.queue.backoff.ms", "5")
        .set("check.crcs", "true");
    with_user_properties(&mut client, config, Purpose::Reader);
    client
        .set("group.id", &config.kafka.group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", isolation.as_str());
    BaseConsumer::from_config_and_context(&client, ReaderEvents::new(metrics))
}

/// The partitions of a topic.
///
/// # Errors
/// Where the brokers do not answer within `wait`, refuse, or have no such topic.
pub fn partitions(reader: &Reader, topic: &str, wait: Duration) -> KafkaResult<Vec<i32>> {
    let metadata = reader.fetch_metadata(Some(topic), wait)?;
    let topic = metadata.topics().first();
    if let Some(error) = topic.and_then(|topic| topic.error()) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    Ok(topic.into_iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect())
}

/// What a reader sees of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Up to the last stable offset, without aborted records.
    Committed,
    /// Up to the high watermark.
    Uncommitted,
}

impl Isolation {
    fn as_str(self) -> &'static str {
        match self {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        }
    }
}

/// The worker's consumer.
///
/// # Errors
/// Where librdkafka refuses a property.
pub fn consumer(config: &Config, identity: &Identity, metrics: Metrics) -> KafkaResult<WireConsumer> {
    let mut client = base(config);
    client
        .set("session.timeout.ms", "30000")
        .set("heartbeat.interval.ms", "1000")
        .set("max.poll.interval.ms", "120000")
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", "8192")
        // The default parks a fetch for a second whenever the queue is full, which caps a backlog at a fifth of its speed.
        .set("fetch.queue.backoff.ms", "5")
        // An answer for every single record would cost a steady wire more than all the rest of the work.
        .set("fetch.min.bytes", "32768")
        .set("fetch.wait.max.ms", "10")
        .set("fetch.max.bytes", "4194304")
        .set("statistics.interval.ms", "2000");
    with_user_properties(&mut client, config, Purpose::Member);
    client
        .set("group.id", &config.kafka.group)
        .set("group.instance.id", &identity.instance_id)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Positions come from the restore; a position that fell off the log must be seen, not papered over.
        .set("auto.offset.reset", "error");
    BaseConsumer::from_config_and_context(&client, ConsumerEvents::new(config.topics.clone(), metrics))
}

/// The worker's producer. `max_bytes` bounds one record.
///
/// # Errors
/// Where librdkafka refuses a property.
pub fn producer(config: &Config, identity: &Identity, max_bytes: usize, metrics: Metrics) -> KafkaResult<WireProducer> {
    let mut client = base(config);
    client
        .set("transaction.timeout.ms", transaction_timeout(config).as_millis().to_string())
        // A batch is sent in one go, so records that follow are there at once or not at all.
        .set("linger.ms", "2")
        .set("queue.buffering.max.kbytes", "131072")
        .set("partitioner", "murmur2_random");
    with_user_properties(&mut client, config, Purpose::Producer);
    client
        .set("transactional.id", &identity.transactional_id)
        .set("message.max.bytes", max_bytes.to_string())
        .set("delivery.report.only.error", "true");
    WireProducer::start(&client, ProducerEvents::new(metrics))
}

/// How long a [`messenger`] tries to deliver.
pub const DELIVERY: Duration = Duration::from_secs(10);

/// A producer outside any transaction, for a single message.
///
/// # Errors
/// Where librdkafka refuses a property.
pub fn messenger(config: &Config) -> KafkaResult<FutureProducer> {
    let mut client = base(config);
    with_user_properties(&mut client, config, Purpose::Producer);
    client
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("message.timeout.ms", DELIVERY.as_millis().to_string())
        .create()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_transaction_may_take_is_what_the_producer_is_told() {
        let mut config = Config::default();
        assert_eq!(transaction_timeout(&config), TRANSACTION);
        config.kafka.properties.insert("transaction.timeout.ms".into(), "3000".into());
        assert_eq!(transaction_timeout(&config), Duration::from_secs(3));
    }

    #[test]
    fn what_librdkafka_is_asked_to_debug_reaches_the_log() {
        let mut config = Config::default();
        assert_eq!(base(&config).log_level as i32, RDKafkaLogLevel::Warning as i32);
        config.kafka.properties.insert("debug".into(), "broker,security".into());
        assert_eq!(base(&config).log_level as i32, RDKafkaLogLevel::Debug as i32);
    }

    #[test]
    fn the_group_knows_a_replica_by_the_name_its_clients_are_given() {
        let mut config = Config::default();
        config.kafka.instance = "a".into();
        assert_eq!(client_id(&config), "copydesk-a");
        config.kafka.properties.insert("client.id".into(), "desk".into());
        assert_eq!(client_id(&config), "desk");
    }
}
