//! Feeding records into the raw topic again, in transactions that hold the progress too.
//!
//! The progress is the committed offsets of a consumer group that nobody joins, `<group>-replay`. They move in the same
//! transactions as the records, so whatever ends a replay, the next one goes on exactly behind it. One transactional id for
//! all replays of a group: of two at a time, the later one ends the earlier.

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{BaseRecord, Producer as _},
};

use super::{
    clients::{self, Identity, Isolation, Reader, WireProducer},
    transaction::{Committer, Gone, Outcome},
};
use crate::{config::Config, telemetry::Metrics};

/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);
/// A transaction is committed at this many records, bytes or this age.
const MAX_RECORDS: usize = 1_000;
const MAX_BYTES: usize = 4 << 20;
const MAX_AGE: Duration = Duration::from_secs(1);
/// The client's bound of a record: the broker decides what is too large.
const RECORD_BYTES: usize = 64 << 20;
/// How long a full producer queue is waited for at a time.
const QUEUE_GLANCE: Duration = Duration::from_millis(1);

/// Why a replay stopped. Whatever was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum RefeedError {
    /// Kafka refused.
    #[error("{}", said(.0))]
    Kafka(#[from] KafkaError),
    /// A defect.
    #[error(transparent)]
    Gone(#[from] Gone),
}

fn said(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(inner) => inner.string(),
        other => other.to_string(),
    }
}

/// A record to feed again.
#[derive(Debug, Default)]
pub struct Refed<'r> {
    /// The partition; without one, that of the key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'r [u8]>,
    /// The value.
    pub value: Option<&'r [u8]>,
    /// Milliseconds since the Unix epoch; without, now.
    pub timestamp: Option<i64>,
    /// The headers.
    pub headers: OwnedHeaders,
}

/// Writes to the raw topic.
pub struct Refeed {
    config: Config,
    producer: Arc<WireProducer>,
    committer: Committer,
    group: Reader,
    open: Option<Instant>,
    records: usize,
    bytes: usize,
    /// The next offset of each partition that was handled, by topic.
    handled: BTreeMap<(String, i32), i64>,
}

/// The configuration under which a replay keeps its progress.
fn with_own_group(config: &Config) -> Config {
    let mut config = config.clone();
    config.kafka.group.push_str("-replay");
    config
}

/// Where the last replay of `topic` came to, by partition.
///
/// # Errors
/// Where the brokers do not answer, or refuse.
pub fn progress(config: &Config, topic: &str, partitions: &[i32]) -> KafkaResult<BTreeMap<i32, i64>> {
    let group = clients::reader(&with_own_group(config), Isolation::Committed, Metrics::new(""))?;
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition(topic, *partition);
    }
    let answer = group.committed_offsets(asked, CALL)?;
    let mut progress = BTreeMap::new();
    for element in answer.elements() {
        element.error()?;
        if let Offset::Offset(next) = element.offset() {
            progress.insert(element.partition(), next);
        }
    }
    Ok(progress)
}

impl Refeed {
    /// Connects, and ends what an earlier replay left open.
    ///
    /// # Errors
    /// Where the brokers do not answer, or refuse.
    pub fn start(config: &Config) -> Result<Self, RefeedError> {
        let own = with_own_group(config);
        let group = clients::reader(&own, Isolation::Committed, Metrics::new(""))?;
        let (producer, committer) = connect(&own)?;
        Ok(Refeed {
            config: own,
            producer,
            committer,
            group,
            open: None,
            records: 0,
            bytes: 0,
            handled: BTreeMap::new(),
        })
    }

    /// Puts a record into the open transaction, opening one if need be.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn send(&mut self, record: Refed<'_>) -> Result<(), RefeedError> {
        self.begin()?;
        self.records += 1;
        self.bytes += record.value.map_or(0, <[u8]>::len);
        let mut base = BaseRecord::<[u8], [u8]>::to(&self.config.topics.raw).headers(record.headers);
        base.partition = record.partition;
        base.key = record.key;
        base.payload = record.value;
        base.timestamp = record.timestamp;
        loop {
            match self.producer.send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    thread::sleep(QUEUE_GLANCE);
                    base = back;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Notes that everything of a partition up to `offset` is handled: sent, or left out.
    ///
    /// # Errors
    /// Where no transaction can be begun.
    pub fn handled(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), RefeedError> {
        self.begin()?;
        self.handled.insert((topic.to_owned(), partition), offset + 1);
        Ok(())
    }

    /// Whether the open transaction holds enough.
    pub fn is_due(&self) -> bool {
        let old = self.open.is_some_and(|since| since.elapsed() >= MAX_AGE);
        old || self.records >= MAX_RECORDS || self.bytes >= MAX_BYTES
    }

    /// Commits what is open: the records, and how far they go.
    ///
    /// # Errors
    /// Where it is not committed, as far as is known.
    pub fn commit(&mut self) -> Result<(), RefeedError> {
        if self.open.take().is_none() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), next) in std::mem::take(&mut self.handled) {
            offsets.add_partition_offset(&topic, partition, Offset::Offset(next))?;
        }
        let group = self.group.group_metadata();
        let group = group.ok_or_else(|| KafkaError::ClientCreation("a client without a group".into()))?;
        self.committer.commit(offsets, group);
        (self.records, self.bytes) = (0, 0);
        loop {
            match self.committer.outcome(CALL)? {
                None => {}
                Some(Outcome::Committed { doubtful: false }) => return Ok(()),
                Some(Outcome::Committed { doubtful: true }) => {
                    (self.producer, self.committer) = connect(&self.config)?;
                    return Ok(());
                }
                Some(Outcome::Abort(error) | Outcome::Renew(error)) => return Err(error.into()),
            }
        }
    }

    fn begin(&mut self) -> Result<(), RefeedError> {
        if self.open.is_none() {
            self.producer.begin_transaction()?;
            self.open = Some(Instant::now());
        }
        Ok(())
    }
}

impl Drop for Refeed {
    /// What is open is of no use to anybody.
    fn drop(&mut self) {
        if self.open.is_some() {
            let _ = super::transaction::abort(&self.producer);
        }
    }
}

fn connect(config: &Config) -> Result<(Arc<WireProducer>, Committer), RefeedError> {
    let group = &config.kafka.group;
    let identity = Identity { transactional_id: group.clone(), instance_id: group.clone() };
    let producer = clients::producer(config, &identity, RECORD_BYTES, Metrics::new(""))?;
    producer.init_transactions(CALL)?;
    let producer = Arc::new(producer);
    let committer = Committer::start(Arc::clone(&producer))?;
    Ok((producer, committer))
}
