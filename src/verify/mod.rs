//! Did every raw item end in exactly one place? Recomputed from the topics themselves, never from counters.
//!
//! In: the six topics, as a reader of committed records sees them. Out: a [`Report`] of what is missing, double or altered.
//! Every raw item of the span is edited and hashed once more; then the [`books`] compare what it should have become with
//! what the other five topics say of it. `read` is the Kafka side, and the only one.
//!
//! A running pipeline can be verified: the positions of the group are read first and the outputs after them, so everything
//! before those positions has its outcome by then.

pub mod books;
mod read;

use std::sync::Arc;

use rdkafka::{
    Message as _,
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
};
use serde::Deserialize;

use self::{
    books::{At, Books, Duplicate, Item, Place},
    read::{Source, Starts},
};
use crate::{
    config::{Config, Start},
    dedup::{Identity, record},
    edit::Desk,
    fingerprint::ContentHash,
    normalize::Normalizer,
    stream::{headers, publish, topics::Role},
    wire::Status,
};

pub use self::books::{Finding, Report};

/// Which raw items to verify, by their timestamps in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Older items are left out.
    pub from: Option<i64>,
    /// Items of this time on are left out.
    pub until: Option<i64>,
}

/// Outputs of a span are looked for from this long before it on: clocks differ, and brokers take raw items that are stamped up
/// to an hour ahead.
const SLACK_MS: i64 = 65 * 60 * 1000;

/// How far the reading of one topic is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Which topic.
    pub role: Role,
    /// Offsets read.
    pub read: u64,
    /// Offsets to read.
    pub total: u64,
}

/// Why the topics cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The brokers refuse, or do not answer.
    #[error("cannot read {topic}: {error}")]
    Kafka {
        /// The topic.
        topic: String,
        /// What the client says.
        error: KafkaError,
    },
    /// A topic that does not exist.
    #[error("there is no topic {0}; see [topics], or create it: copydesk topics --create")]
    Missing(String),
    /// A partition whose end stays hidden.
    #[error(
        "{topic}/{partition} was read to {reached} of {end} and then nothing came for {seconds} s: is its leader there?"
    )]
    Stuck {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to come.
        reached: i64,
        /// The end that was to be reached.
        end: i64,
        /// How long nothing came.
        seconds: u64,
    },
}

/// Verifies a span of raw items.
///
/// # Errors
/// Where the topics cannot be read to their ends.
pub fn verify(
    config: &Config,
    desk: &Desk,
    span: Span,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, VerifyError> {
    let source = Source::new(config)?;
    let raw_topic: Arc<str> = config.topics.raw.as_str().into();
    // The positions first, the outputs after them.
    let raw_ends = source.committed(Role::Raw)?;
    let decided = source.committed(Role::Normalized)?;
    let mut books = Books::new(config.dedup.window());
    // A span that begins later has no first outcome to go by.
    if config.kafka.start == Start::Latest && span.from.is_none() {
        books.begins_late();
    }

    let mut normalizer = Normalizer::new(desk, &config.article.authority, config.item.max_bytes);
    let starts = source.starts(Role::Raw, span.from)?;
    for (partition, start) in &starts {
        let end = raw_ends.get(partition).copied().unwrap_or(0);
        books.covers(*partition, *start..end);
    }
    source.read(Role::Raw, &Starts { from: starts, ends: Some(raw_ends) }, progress, &mut |message| {
        let time = message.timestamp().to_millis().unwrap_or(0);
        let is_within = span.from.is_none_or(|from| time >= from) && span.until.is_none_or(|until| time < until);
        let item = is_within.then(|| item(message, &raw_topic, &mut normalizer));
        books.raw(at(message), item);
    })?;

    let since = span.from.map(|from| from.saturating_sub(SLACK_MS));
    let by_same_rules = |message: &BorrowedMessage<'_>| headers::find(message, headers::RULES) == Some(desk.rules_id());
    let mut read = |role: Role, from: Option<i64>, take: &mut dyn FnMut(&BorrowedMessage<'_>)| {
        source.read(role, &Starts { from: source.starts(role, from)?, ends: None }, progress, take)
    };
    read(Role::Normalized, since, &mut |message| {
        let is_decided = decided.get(&message.partition()).is_some_and(|next| message.offset() < *next);
        if let (Some(from), Some(identity)) = (origin(message, &raw_topic), identity(message)) {
            books.normalized(from, is_decided);
            books.edited(from, by_same_rules(message).then_some(identity));
        }
    })?;
    read(Role::Articles, since, &mut |message| match (origin(message, &raw_topic), identity(message)) {
        (Some(from), Some(identity)) => {
            books.edited(from, by_same_rules(message).then_some(identity));
            books.article(from, identity, place(Role::Articles, message));
        }
        _ => books.foreign(place(Role::Articles, message)),
    })?;
    read(Role::Duplicates, since, &mut |message| match duplicate(message) {
        Some(duplicate) => {
            if !duplicate.is_replay {
                books.edited(duplicate.from, by_same_rules(message).then_some(duplicate.identity));
            }
            books.duplicate(duplicate, place(Role::Duplicates, message));
        }
        None => books.foreign(place(Role::Duplicates, message)),
    })?;
    read(Role::Rejected, since, &mut |message| {
        let omitted = headers::find(message, headers::OMITTED).is_some();
        let digest = (!omitted).then(|| digest(message.payload().unwrap_or_default()));
        // A dead letter of the second step names a record of the internal topic: a foreign one, no raw item.
        if let Some(from) = origin(message, &raw_topic) {
            books.rejected(from, digest, place(Role::Rejected, message));
        }
    })?;
    read(Role::Seen, None, &mut |message| {
        if let Ok(change) = record::read(message.key().unwrap_or_default(), message.payload()) {
            books.seen(message.partition(), change, place(Role::Seen, message));
        }
    })?;
    for role in [Role::Articles, Role::Duplicates, Role::Rejected] {
        books.kept_since(source.kept_since(role)?);
    }
    books.remembers_since(source.kept_since(Role::Seen)?);
    Ok(books.close())
}

fn at(message: &BorrowedMessage<'_>) -> At {
    At { partition: message.partition(), offset: message.offset() }
}

fn place(role: Role, message: &BorrowedMessage<'_>) -> Place {
    Place { role, at: at(message) }
}

/// What a raw record should become.
fn item(message: &BorrowedMessage<'_>, topic: &Arc<str>, normalizer: &mut Normalizer<'_>) -> Item {
    let (origin, edited) = publish::edit(message, topic, normalizer);
    let identity = edited.ok().map(|normalized| Identity::new(&normalized.hash, normalized.status));
    Item { time: origin.timestamp, digest: digest(message.payload().unwrap_or_default()), identity }
}

/// 64 bits of a hash of the raw bytes.
fn digest(value: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(value).as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The raw record an output was made of, if it says so.
fn origin(message: &BorrowedMessage<'_>, raw_topic: &str) -> Option<At> {
    // A dead letter carries the original headers first, which may have the same name.
    let ours = message.headers()?.iter().filter(|header| header.key == headers::SOURCE).last()?;
    let (rest, offset) = std::str::from_utf8(ours.value?).ok()?.rsplit_once('/')?;
    let (topic, partition) = rest.rsplit_once('/')?;
    (topic == raw_topic).then_some(At { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
}

fn identity(message: &BorrowedMessage<'_>) -> Option<Identity> {
    let hash: ContentHash = headers::find(message, headers::HASH)?.parse().ok()?;
    let status = status(headers::find(message, headers::STATUS)?)?;
    Some(Identity::new(&hash, status))
}

fn status(word: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|known| known.as_str() == word)
}

fn duplicate(message: &BorrowedMessage<'_>) -> Option<Duplicate> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Value<'v> {
        content_hash: &'v str,
        status: &'v str,
        kind: &'v str,
        source: At,
        first: First,
    }
    #[derive(Deserialize)]
    struct First {
        source: At,
    }
    let value: Value<'_> = serde_json::from_slice(message.payload()?).ok()?;
    Some(Duplicate {
        from: value.source,
        identity: Identity::new(&value.content_hash.parse().ok()?, status(value.status)?),
        first: value.first.source,
        is_replay: value.kind == crate::telemetry::DuplicateKind::Replay.code(),
    })
}
