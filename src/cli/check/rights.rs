//! What the brokers let us do, found out by doing it: reading, and writing in transactions that are aborted.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::{PATIENCE, RECORD_BYTES};
use crate::config::Config;
use crate::stream::clients::{self, Identity, Isolation, WireProducer};
use crate::telemetry::Metrics;

/// How often an answer is looked for.
const GLANCE: Duration = Duration::from_millis(5);

/// Whether the first partition of a topic can be read: up to its end, from which nothing is fetched but that it is the end.
///
/// # Errors
/// What the brokers say.
pub fn read(config: &Config, topic: &str) -> KafkaResult<()> {
    let reader = clients::reader(config, Isolation::Committed, Metrics::new("check"))?;
    let (_, end) = reader.fetch_watermarks(topic, 0, PATIENCE)?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(end))?;
    reader.assign(&list)?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match reader.poll(PATIENCE) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None => {}
        }
    }
    Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))
}

/// A producer whose transactions are all aborted.
pub struct DryRun(WireProducer);

impl DryRun {
    /// Connects under the transactional id of `identity`.
    ///
    /// # Errors
    /// What the coordinator says.
    pub fn start(config: &Config, identity: &Identity) -> KafkaResult<Self> {
        let producer = clients::producer(config, identity, RECORD_BYTES, Metrics::new("check"))?;
        producer.init_transactions(PATIENCE)?;
        Ok(DryRun(producer))
    }

    /// Writes a record without a value to `topic`.
    ///
    /// # Errors
    /// What the brokers say.
    pub fn write(&self, topic: &str) -> KafkaResult<()> {
        self.aborted(|| {
            let record = || BaseRecord::<str, [u8]>::to(topic).partition(0).key("copydesk check");
            self.0.send(record()).map_err(|(error, _)| error)?;
            let until = Instant::now() + PATIENCE;
            while self.0.in_flight_count() > 0 {
                if Instant::now() > until {
                    return Err(KafkaError::MessageProduction(RDKafkaErrorCode::OperationTimedOut));
                }
                thread::sleep(GLANCE);
            }
            if let Some(error) = self.0.events().take_failure() {
                return Err(error);
            }
            match self.0.send(record()) {
                Ok(()) => Ok(()),
                // A transaction that has failed takes no more records. It commits nothing either, but says why.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::State), _)) => self.0.commit_transaction(PATIENCE),
                Err((error, _)) => Err(error),
            }
        })
    }

    /// Adds an offset of the group.
    ///
    /// # Errors
    /// What the group's coordinator says.
    pub fn commit_offset(&self, config: &Config) -> KafkaResult<()> {
        let member: BaseConsumer<_> = clients::reader(config, Isolation::Committed, Metrics::new("check"))?;
        let group = member.group_metadata().ok_or_else(|| KafkaError::ClientCreation("no group".into()))?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&config.topics.raw, 0, Offset::Offset(0))?;
        self.aborted(|| self.0.send_offsets_to_transaction(&offsets, &group, PATIENCE))
    }

    /// Does something in a transaction, and aborts it.
    fn aborted(&self, step: impl FnOnce() -> KafkaResult<()>) -> KafkaResult<()> {
        self.0.begin_transaction()?;
        let done = step();
        let aborted = self.0.abort_transaction(PATIENCE);
        self.0.events().take_failure();
        done.and(aborted)
    }
}
