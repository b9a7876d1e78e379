//! What a worker sends: normalized items, articles with their changelog entries, duplicates, dead letters.

use std::{
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedMessage, Header, OwnedHeaders, ToBytes},
    producer::BaseRecord,
};
use serde::Serialize;

use super::{
    Layout, Service,
    clients::WireProducer,
    headers::{self, Arrival},
};
use crate::{
    article::{Origin, story_key},
    dedup::{Entry, Source, record},
    edit::Desk,
    fingerprint::ContentHash,
    normalize::{Normalized, Normalizer},
    reject::{Reason, Reject},
    telemetry::{DuplicateKind, Stage, WorkerHealth},
    wire::Status,
};

/// How far ahead of our clock the timestamp of a raw record may lie, in milliseconds: as far as brokers of Kafka 4 take it.
const AHEAD: i64 = 3_600_000;

/// How long a full producer queue is waited for, in all and at a time.
const QUEUE_FULL: Duration = Duration::from_secs(30);
const QUEUE_GLANCE: Duration = Duration::from_millis(1);

/// An item that is ready for a transaction.
pub enum Prepared<'c> {
    /// A raw item that was edited.
    Normalized {
        /// Its raw record.
        message: BorrowedMessage<'c>,
        /// Where that stood.
        origin: Origin,
        /// What came of it.
        item: Box<Normalized>,
    },
    /// A raw item that cannot be edited.
    Rejected {
        /// Its raw record.
        message: BorrowedMessage<'c>,
        /// Why.
        reject: Reject,
    },
    /// A normalized item, to be decided.
    Arrived {
        /// Its record.
        message: BorrowedMessage<'c>,
    },
}

impl<'c> Prepared<'c> {
    /// The record it came as.
    pub fn message(&self) -> &BorrowedMessage<'c> {
        match self {
            Prepared::Normalized { message, .. }
            | Prepared::Rejected { message, .. }
            | Prepared::Arrived { message } => message,
        }
    }

    /// What its record holds of the memory. What others wrote beside a value may be as large as one.
    pub fn bytes(&self) -> usize {
        let message = self.message();
        let headers = match self {
            Prepared::Arrived { .. } => 0,
            _ => message.headers().map_or(0, headers::size),
        };
        message.payload_len() + message.key_len() + headers
    }
}

/// The normalize stage: pure, so it may run ahead of its transaction. `max_bytes` bounds the article.
pub fn prepare<'c>(
    message: BorrowedMessage<'c>,
    topic: &Arc<str>,
    normalizer: &mut Normalizer<'_, Arc<Desk>>,
    max_bytes: usize,
) -> Prepared<'c> {
    match edit(&message, topic, normalizer) {
        (_, Ok(item)) if item.json.len() > max_bytes => {
            let detail = format!("its article has {} bytes, a record may have {max_bytes}", item.json.len());
            let reject = Reject::new(Reason::TooLarge, detail).of(item.source.as_deref());
            Prepared::Rejected { message, reject }
        }
        (origin, Ok(item)) => Prepared::Normalized { message, origin, item: Box::new(item) },
        (_, Err(reject)) => Prepared::Rejected { message, reject },
    }
}

/// Edits a raw record of `topic`: where it stood, and what came of it. A panic of the edit desk is a reason to reject it.
pub fn edit<D: Deref<Target = Desk>>(
    message: &BorrowedMessage<'_>,
    topic: &Arc<str>,
    normalizer: &mut Normalizer<'_, D>,
) -> (Origin, Result<Normalized, Reject>) {
    let origin = Origin {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp: event_time(message.timestamp().to_millis(), jiff::Timestamp::now().as_millisecond()),
    };
    let value = message.payload().unwrap_or_default();
    let content_type = headers::find(message, headers::CONTENT_TYPE);
    let result = catch_unwind(AssertUnwindSafe(|| normalizer.normalize(value, content_type, Some(&origin))))
        .unwrap_or_else(|_| Err(Reject::new(Reason::Internal, "the edit desk panicked on this item")));
    (origin, result)
}

/// The event time of a raw record. One from the future is of now: a sender with a wrong clock, or one that counts in
/// microseconds, would move the dedup window on past everything that is remembered, for all others too.
fn event_time(timestamp: Option<i64>, now: i64) -> i64 {
    timestamp.map_or(0, |time| if time > now.saturating_add(AHEAD) { now } else { time })
}

/// Sends records into the open transaction.
pub struct Publisher<'s> {
    service: &'s Service,
    layout: Layout,
    producer: Arc<WireProducer>,
    health: &'s WorkerHealth,
}

impl<'s> Publisher<'s> {
    /// A publisher that sends by `producer`.
    pub fn new(service: &'s Service, layout: Layout, producer: Arc<WireProducer>, health: &'s WorkerHealth) -> Self {
        Publisher { service, layout, producer, health }
    }

    /// The producer.
    pub fn producer(&self) -> &WireProducer {
        &self.producer
    }

    /// Sends an item to `partition`, which owns its content, for another worker to decide.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn hand_on(&self, partition: i32, item: &Normalized, headers: OwnedHeaders) -> KafkaResult<()> {
        let hash = item.hash.to_hex().to_hex();
        let record = BaseRecord::to(&self.service.config.topics.normalized)
            .partition(partition)
            .key(hash.as_str())
            .payload(&item.json)
            .headers(headers);
        self.send(record)
    }

    /// Sends a barrier to a partition of normalized items.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn barrier(&self, partition: i32, name: &str) -> KafkaResult<()> {
        let topic = &self.service.config.topics.normalized;
        self.send(BaseRecord::<str, [u8]>::to(topic).partition(partition).headers(headers::barrier(name)))
    }

    /// Publishes an article, and records its sighting.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn publish(
        &self,
        article: &[u8],
        headers: OwnedHeaders,
        arrival: &Arrival<'_>,
        entry: &Entry,
    ) -> KafkaResult<()> {
        let topics = &self.service.config.topics;
        let key = story_key(arrival.uri, &arrival.hash);
        self.send(BaseRecord::to(&topics.articles).key(&key).payload(article).headers(headers))?;
        let (key, value) = (record::key(&arrival.hash, arrival.status), record::value(entry));
        let partition = arrival.hash.partition(self.layout.partitions);
        self.send(BaseRecord::to(&topics.seen).partition(partition).key(&key).payload(&value))
    }

    /// Says of a normalized item what it is a duplicate of.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn duplicate(&self, arrival: &Arrival<'_>, kind: DuplicateKind, first: &Entry) -> KafkaResult<()> {
        let topics = &self.service.config.topics;
        let value = Duplicate::new(arrival, kind, first, &topics.raw).to_json();
        let hash = arrival.hash.to_hex().to_hex();
        let record = BaseRecord::to(&topics.duplicates).key(hash.as_str()).payload(&value);
        self.send(record.headers(headers::duplicate(arrival)))
    }

    /// Records in the changelog that a content is forgotten, as the order `message` wants it.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn forgotten(
        &self,
        message: &BorrowedMessage<'_>,
        hash: &ContentHash,
        status: Status,
        remembered: bool,
    ) -> KafkaResult<()> {
        let place = format!("{}/{}/{}", message.topic(), message.partition(), message.offset());
        let key = record::key(hash, status);
        let tombstone = BaseRecord::<str, [u8]>::to(&self.service.config.topics.seen)
            .partition(message.partition())
            .key(&key)
            .headers(headers::forgotten(&place, remembered));
        self.send(tombstone)
    }

    /// Sends a record to the dead letters, its bytes untouched.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn reject(&self, message: &BorrowedMessage<'_>, stage: Stage, reject: &Reject) -> KafkaResult<()> {
        let source = format!("{}/{}/{}", message.topic(), message.partition(), message.offset());
        tracing::debug!(%source, stage = stage.code(), reason = reject.reason.code(), detail = reject.detail, "rejected");
        let mut headers = headers::rejected(message, &source, stage, reject);
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.service.config.topics.rejected);
        record.key = message.key();
        record.payload = message.payload();
        let (key, value) = (message.key_len(), message.payload_len());
        if key + value > self.layout.max_rejected_bytes {
            headers = headers.insert(Header { key: headers::OMITTED, value: Some(value.to_string().as_str()) });
            record.payload = None;
            record.key = message.key().filter(|_| key <= self.layout.max_rejected_bytes);
        }
        self.send(record.headers(headers))
    }

    /// Sends one record, waiting while the producer's queue is full.
    fn send<K, P>(&self, mut record: BaseRecord<'_, K, P>) -> KafkaResult<()>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let started = Instant::now();
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if started.elapsed() < QUEUE_FULL =>
                {
                    self.health.beat();
                    thread::sleep(QUEUE_GLANCE);
                    record = back;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

/// The value of a record in `wire.duplicates`: which content, which item, first seen when and where.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Duplicate<'a> {
    content_hash: String,
    status: Status,
    kind: &'static str,
    source: Coordinates<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    version: u64,
    first: First<'a>,
}

#[derive(Serialize)]
struct First<'a> {
    seen: Option<jiff::Timestamp>,
    version: u64,
    source: Coordinates<'a>,
}

#[derive(Serialize)]
struct Coordinates<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
}

impl<'a> Duplicate<'a> {
    fn new(arrival: &Arrival<'a>, kind: DuplicateKind, first: &Entry, topic: &'a str) -> Self {
        let coordinates =
            |source: Source| Coordinates { topic, partition: source.partition(), offset: source.offset() };
        Duplicate {
            content_hash: arrival.hash.to_string(),
            status: arrival.status,
            kind: kind.code(),
            source: coordinates(arrival.sighting.source),
            uri: arrival.uri,
            version: arrival.sighting.version,
            first: First {
                seen: jiff::Timestamp::from_millisecond(first.time).ok(),
                version: first.version,
                source: coordinates(first.source),
            },
        }
    }
    fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: this cannot fail, and an empty value would still carry the key.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_from_the_future_is_of_now() {
        let now = 1_795_000_000_000;
        for (timestamp, time) in
            [(now - 1, now - 1), (now + AHEAD, now + AHEAD), (now + AHEAD + 1, now), (1000 * now, now)]
        {
            assert_eq!(event_time(Some(timestamp), now), time);
        }
        assert_eq!(event_time(None, now), 0);
    }
}
