//! What a worker sends: normalized items, articles with their changelog entries, duplicates, dead letters.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedHeaders, BorrowedMessage, Header, OwnedHeaders, ToBytes},
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
pub fn edit(
    message: &BorrowedMessage<'_>,
    topic: &Arc<str>,
    normalizer: &mut Normalizer<'_, Arc<Desk>>,
) -> (Origin, Result<Normalized, Reject>) {
    let origin = Origin {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(0),
    };
    let value = message.payload().unwrap_or_default();
    let content_type = headers::find(message, headers::CONTENT_TYPE);
    let result = catch_unwind(AssertUnwindSafe(|| normalizer.normalize(value, content_type, Some(&origin))))
        .unwrap_or_else(|_| Err(Reject::new(Reason::Internal, "the edit desk panicked on this item")));
    (origin, result)
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

    /// Sends an item, normalized by the rule set `rules`, to the partition that owns its content.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn hand_on(
        &self,
        raw: &BorrowedMessage<'_>,
        origin: &Origin,
        item: &Normalized,
        rules: &str,
    ) -> KafkaResult<()> {
        let hash = item.hash.to_hex().to_hex();
        let record = BaseRecord::to(&self.service.config.topics.normalized)
            .partition(item.hash.partition(self.layout.partitions))
            .key(hash.as_str())
            .payload(&item.json)
            .headers(headers::normalized(item, origin, rules, raw));
        self.send(record)
    }

    /// Publishes a normalized item as an article, and records its sighting.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn publish(&self, item: &BorrowedMessage<'_>, arrival: &Arrival<'_>, entry: &Entry) -> KafkaResult<()> {
        let topics = &self.service.config.topics;
        let key = story_key(arrival.uri, &arrival.hash);
        let headers = item.headers().map_or_else(OwnedHeaders::new, BorrowedHeaders::detach);
        let payload = item.payload().unwrap_or_default();
        self.send(BaseRecord::to(&topics.articles).key(&key).payload(payload).headers(headers))?;
        let (key, value) = (record::key(&arrival.hash, arrival.status), record::value(entry));
        let seen = BaseRecord::to(&topics.seen).partition(item.partition()).key(&key).payload(&value);
        self.send(seen)
    }

    /// Says of a normalized item what it is a duplicate of.
    ///
    /// # Errors
    /// Where the producer takes no more records.
    pub fn duplicate(&self, arrival: &Arrival<'_>, kind: DuplicateKind, first: &Entry) -> KafkaResult<()> {
        let topics = &self.service.config.topics;
        let value = Duplicate::new(arrival, kind, first, &topics.raw).to_json();
        let hash = arrival.hash.to_hex().to_hex();
        self.send(BaseRecord::to(&topics.duplicates).key(hash.as_str()).payload(&value))
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
    status: &'static str,
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
            status: arrival.status.as_str(),
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
