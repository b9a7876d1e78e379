//! Reads topics from an offset or a time to their ends, as a reader of committed records.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult},
    message::BorrowedMessage,
    types::RDKafkaErrorCode,
};

use super::{Progress, VerifyError};
use crate::{
    config::Config,
    stream::{
        clients::{self, Isolation, Reader},
        span::Spans,
        topics::Role,
    },
    telemetry::Metrics,
};

/// How long a question may take, and how long a partition may yield nothing before its end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);

/// Where to read from, and how far; to the present end without `ends`.
pub(super) struct Starts {
    pub from: BTreeMap<i32, i64>,
    pub ends: Option<BTreeMap<i32, i64>>,
}

/// The six topics.
pub(super) struct Source<'c> {
    config: &'c Config,
    asker: Reader,
    metrics: Metrics,
}

impl<'c> Source<'c> {
    pub fn new(config: &'c Config) -> Result<Self, VerifyError> {
        let metrics = Metrics::new("verify");
        let asker = reader(config, &metrics).map_err(|error| failed(&config.topics.raw, error))?;
        Ok(Source { config, asker, metrics })
    }

    fn topic(&self, role: Role) -> &'c str {
        role.topic(&self.config.topics)
    }

    fn partitions(&self, role: Role) -> Result<Vec<i32>, VerifyError> {
        let topic = self.topic(role);
        // All topics, because asking for one by name may create it.
        let metadata = self.asker.fetch_metadata(None, PATIENCE).map_err(|error| failed(topic, error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map(|found| found.partitions().iter().map(|partition| partition.id()).collect());
        partitions.ok_or_else(|| VerifyError::Missing(topic.to_owned()))
    }

    /// Where the group stands in every partition; 0 where it has not been.
    pub fn committed(&self, role: Role) -> Result<BTreeMap<i32, i64>, VerifyError> {
        let topic = self.topic(role);
        let mut list = TopicPartitionList::new();
        for partition in self.partitions(role)? {
            list.add_partition(topic, partition);
        }
        let answer = self.asker.committed_offsets(list, PATIENCE).map_err(|error| failed(topic, error))?;
        let offset = |offset| if let Offset::Offset(next) = offset { next } else { 0 };
        Ok(answer.elements().iter().map(|element| (element.partition(), offset(element.offset()))).collect())
    }

    /// The first offset of every partition that is not older than `from`, or the first there is.
    pub fn starts(&self, role: Role, from: Option<i64>) -> Result<BTreeMap<i32, i64>, VerifyError> {
        let topic = self.topic(role);
        let mut starts = BTreeMap::new();
        for partition in self.partitions(role)? {
            let (low, high) = self.watermarks(topic, partition)?;
            let start = match from {
                None => low,
                Some(time) => self.offset_at(topic, partition, time)?.unwrap_or(high),
            };
            starts.insert(partition, start.clamp(low, high));
        }
        Ok(starts)
    }

    /// The oldest time from which on a topic has lost nothing to its retention; `None` where it never lost anything.
    pub fn kept_since(&self, role: Role) -> Result<Option<i64>, VerifyError> {
        let topic = self.topic(role);
        let mut oldest = None;
        for partition in self.partitions(role)? {
            let (low, high) = self.watermarks(topic, partition)?;
            if low == 0 {
                continue;
            }
            let mut kept = i64::MAX;
            if low < high {
                let one = Starts { from: [(partition, low)].into(), ends: Some([(partition, low + 1)].into()) };
                self.read(role, &one, &mut |_| (), &mut |message| kept = message.timestamp().to_millis().unwrap_or(0))?;
            }
            oldest = oldest.max(Some(kept));
        }
        Ok(oldest)
    }

    fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), VerifyError> {
        self.asker.fetch_watermarks(topic, partition, PATIENCE).map_err(|error| failed(topic, error))
    }

    fn offset_at(&self, topic: &str, partition: i32, time: i64) -> Result<Option<i64>, VerifyError> {
        let mut list = TopicPartitionList::new();
        let asked = list.add_partition_offset(topic, partition, Offset::Offset(time));
        let answer = asked.and_then(|()| self.asker.offsets_for_times(list, PATIENCE));
        let answer = answer.map_err(|error| failed(topic, error))?;
        let found = answer.elements().first().map(|element| element.offset());
        Ok(if let Some(Offset::Offset(offset)) = found { Some(offset) } else { None })
    }

    /// Calls `take` with every committed record between.
    pub fn read(
        &self,
        role: Role,
        starts: &Starts,
        progress: &mut dyn FnMut(Progress),
        take: &mut dyn FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), VerifyError> {
        let topic = self.topic(role);
        let failed = |error| failed(topic, error);
        let mut left = Spans::default();
        let mut assigned = TopicPartitionList::new();
        for (partition, start) in &starts.from {
            let (_, stable) = self.watermarks(topic, *partition)?;
            let end = starts.ends.as_ref().map_or(stable, |ends| ends.get(partition).copied().unwrap_or(0).min(stable));
            if *start < end {
                assigned.add_partition_offset(topic, *partition, Offset::Offset(*start)).map_err(failed)?;
                left.add(*partition, *start..end);
            }
        }
        let total = left.left();
        let reader = reader(self.config, &self.metrics).map_err(failed)?;
        reader.assign(&assigned).map_err(failed)?;
        let (mut well, mut told) = (Instant::now(), Instant::now());
        while let Some((partition, span)) = left.first() {
            let outcome = match reader.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    well = Instant::now();
                    if left.take(message.partition(), message.offset()) {
                        take(&message);
                    }
                    Ok(())
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => left.end(&reader, topic, partition),
                // Told once, and then nothing comes.
                Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                    return Err(failed(error));
                }
                Some(Err(error)) => Err(error),
                None if well.elapsed() > PATIENCE => {
                    let (topic, reached, end) = (topic.to_owned(), span.next(), span.end());
                    return Err(VerifyError::Stuck { topic, partition, reached, end, seconds: PATIENCE.as_secs() });
                }
                None => Ok(()),
            };
            if well.elapsed() > PATIENCE {
                outcome.map_err(failed)?;
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                progress(Progress { role, read: total - left.left(), total });
            }
        }
        progress(Progress { role, read: total, total });
        Ok(())
    }
}

fn reader(config: &Config, metrics: &Metrics) -> KafkaResult<Reader> {
    clients::reader(config, Isolation::Committed, metrics.clone())
}

fn failed(topic: &str, error: KafkaError) -> VerifyError {
    VerifyError::Kafka { topic: topic.to_owned(), error }
}
