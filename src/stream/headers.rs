//! The Kafka headers that travel with an item: what ninjs has no room for, and what the dedup stage needs, so that it never
//! parses an article.

use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};

use crate::{
    article::Origin,
    dedup::{Identity, Sighting, Source, UriTag},
    fingerprint::ContentHash,
    normalize::{MAX_REMOVED_BYTES, Normalized},
    reject::{Reason, Reject},
    stream::topics::rules::ENVELOPE_BYTES,
    telemetry::Stage,
    wire::{MAX_URI_BYTES, Status},
};

/// The content hash, 64 hexadecimal digits.
pub const HASH: &str = "copydesk-hash";
/// The raw record: `topic/partition/offset`.
pub const SOURCE: &str = "copydesk-source";
/// The raw record's timestamp, milliseconds since the Unix epoch: the event time.
pub const RECEIVED: &str = "copydesk-received";
/// The publication status.
pub const STATUS: &str = "copydesk-status";
/// The version under the uri.
pub const VERSION: &str = "copydesk-version";
/// The provider's uri, where there is one.
pub const URI: &str = "copydesk-uri";
/// The rule set the item was edited by.
pub const RULES: &str = "copydesk-rules";
/// The feed or agency, as the item names it, else its dateline.
pub const FEED: &str = "copydesk-feed";
/// What the edit desk took off: `rule@byte+length`, separated by spaces.
pub const REMOVED: &str = "copydesk-removed";
/// A dead letter's reason code.
pub const REASON: &str = "copydesk-reason";
/// The stage that rejected it.
pub const STAGE: &str = "copydesk-stage";
/// What was wrong, in a sentence.
pub const DETAIL: &str = "copydesk-detail";
/// Set to the size in bytes where a dead letter is too large for its topic and its value was left out.
pub const OMITTED: &str = "copydesk-value-omitted";

/// How the names of our own headers begin.
pub const OURS: &str = "copydesk-";
/// On what was replayed: the raw record it first was. Handed on.
pub const REPLAY_OF: &str = "copydesk-replay-of";
/// On a record between the stages that orders a content forgotten: the statuses, separated by spaces.
pub const FORGET: &str = "copydesk-forget";
/// On a record between the stages that a worker looks for itself: which of whose barriers it is.
pub const BARRIER: &str = "copydesk-barrier";
/// On the tombstone that carries such an order out: whether the content had been remembered.
pub const REMEMBERED: &str = "copydesk-remembered";

/// The MIME type of a raw record.
pub const CONTENT_TYPE: &str = "content-type";
/// The W3C trace context of a raw record.
pub const TRACEPARENT: &str = "traceparent";
/// What is handed on from the raw record.
const HANDED_ON: [&str; 3] = [TRACEPARENT, "tracestate", REPLAY_OF];

/// The value of the first header `name`, if it is text.
pub fn find<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let headers = message.headers()?;
    let found = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}

/// Bytes of the names and values of headers.
pub fn size(headers: &impl Headers) -> usize {
    headers.iter().map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len)).sum()
}

fn text<'h>(key: &'h str, value: &'h str) -> Header<'h, &'h str> {
    Header { key, value: Some(value) }
}

/// The headers of a normalized item, which its article keeps.
pub fn normalized(item: &Normalized, origin: &Origin, rules: &str, raw: &BorrowedMessage<'_>) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(11)
        .insert(text(HASH, item.hash.to_hex().to_hex().as_str()))
        .insert(text(SOURCE, &origin.to_string()))
        .insert(text(RECEIVED, &origin.timestamp.to_string()))
        .insert(text(STATUS, item.status.as_str()))
        .insert(text(VERSION, &item.version.to_string()))
        .insert(text(RULES, rules));
    if let Some(uri) = &item.uri {
        headers = headers.insert(text(URI, uri));
    }
    if let Some(feed) = &item.source {
        headers = headers.insert(text(FEED, cut(feed)));
    }
    if !item.removed.is_empty() {
        headers = headers.insert(text(REMOVED, &item.removed));
    }
    for name in HANDED_ON {
        let first = raw.headers().and_then(|headers| headers.iter().find(|header| header.key == name));
        if let Some(header) = first.filter(|header| header.value.is_none_or(|value| value.len() <= MAX_HANDED_ON)) {
            headers = headers.insert(header);
        }
    }
    headers
}

/// Bytes of a header that is handed on: twice what a trace context needs.
const MAX_HANDED_ON: usize = 1 << 10;

/// Bytes of a feed's name.
const MAX_FEED: usize = 128;

/// Whatever the item says, what stands beside an article fits the room there is for it: the uri as header and as key, what
/// was removed, what is handed on, the feed; the rest (hash, source with the longest name of a topic, numbers, names of
/// headers, framing) has less than a kilobyte.
const _: () =
    assert!(2 * MAX_URI_BYTES + MAX_REMOVED_BYTES + 3 * MAX_HANDED_ON + MAX_FEED + (1 << 10) <= ENVELOPE_BYTES);

/// A feed's name, cut to a bearable length.
fn cut(feed: &str) -> &str {
    &feed[..feed.floor_char_boundary(MAX_FEED)]
}

/// Bytes of original headers that a dead letter carries on. More are left out: a header is no place for a document, and the
/// record must fit its topic.
const MAX_ORIGINAL: usize = 8 << 10;

/// The headers of a dead letter: the original ones untouched, then ours.
pub fn rejected(record: &BorrowedMessage<'_>, source: &str, stage: Stage, reject: &Reject) -> OwnedHeaders {
    let original = record.headers().filter(|headers| size(*headers) <= MAX_ORIGINAL);
    let original = original.map_or_else(OwnedHeaders::new, |headers| headers.detach());
    let received = record.timestamp().to_millis().unwrap_or(0).to_string();
    let headers = original
        .insert(text(REASON, reject.reason.code()))
        .insert(text(STAGE, stage.code()))
        .insert(text(DETAIL, &reject.detail))
        .insert(text(SOURCE, source))
        .insert(text(RECEIVED, &received));
    match &reject.feed {
        Some(feed) => headers.insert(text(FEED, cut(feed))),
        None => headers,
    }
}

/// The headers of a duplicate.
pub fn duplicate(arrival: &Arrival<'_>) -> OwnedHeaders {
    let headers = OwnedHeaders::new();
    match arrival.rules {
        Some(rules) => headers.insert(text(RULES, rules)),
        None => headers,
    }
}

/// The headers of an order to forget a content.
pub fn forget(hash: &ContentHash, statuses: &[Status]) -> OwnedHeaders {
    let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    OwnedHeaders::new().insert(text(HASH, hash.to_hex().to_hex().as_str())).insert(text(FORGET, &statuses.join(" ")))
}

/// The headers of a barrier.
pub fn barrier(name: &str) -> OwnedHeaders {
    OwnedHeaders::new().insert(text(BARRIER, name))
}

/// The headers of a tombstone that carries out the order at `place`.
pub fn forgotten(place: &str, remembered: bool) -> OwnedHeaders {
    let remembered = if remembered { "true" } else { "false" };
    OwnedHeaders::new().insert(text(SOURCE, place)).insert(text(REMEMBERED, remembered))
}

/// An order to forget a content, which travels as a record without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    /// The content.
    pub hash: ContentHash,
    /// In which publication statuses.
    pub statuses: Vec<Status>,
}

/// Reads the headers of a record without a value between the stages.
///
/// # Errors
/// [`Reason::BadNormalized`] where it is no order, or lies in the wrong partition.
pub fn order(message: &BorrowedMessage<'_>, partitions: i32) -> Result<Forget, Reject> {
    let bad = |detail: &str| Reject::new(Reason::BadNormalized, detail);
    let statuses = find(message, FORGET).ok_or_else(|| bad("a record without a value that orders nothing"))?;
    let status = |name: &str| Status::ALL.into_iter().find(|known| known.as_str() == name);
    let statuses: Option<Vec<Status>> = statuses.split_whitespace().map(status).collect();
    let statuses = statuses.ok_or_else(|| bad("the order to forget names an unknown status"))?;
    let hash: Option<ContentHash> = find(message, HASH).and_then(|hash| hash.parse().ok());
    let hash = hash.ok_or_else(|| bad("the order to forget names no content hash"))?;
    if hash.partition(partitions) != message.partition() {
        return Err(bad("the order lies in a partition that does not own its hash"));
    }
    Ok(Forget { hash, statuses })
}

/// What the dedup stage reads of a normalized item.
#[derive(Clone, Debug)]
pub struct Arrival<'m> {
    /// Its content hash.
    pub hash: ContentHash,
    /// Its publication status.
    pub status: Status,
    /// The provider's uri.
    pub uri: Option<&'m str>,
    /// The feed or agency.
    pub feed: Option<&'m str>,
    /// The rule set it was edited by.
    pub rules: Option<&'m str>,
    /// The sighting to decide.
    pub sighting: Sighting,
}

impl<'m> Arrival<'m> {
    /// An item that its own worker decides. `None` where its coordinates cannot be remembered.
    pub fn of(item: &'m Normalized, origin: &Origin, rules: &'m str) -> Option<Self> {
        let sighting = Sighting {
            identity: Identity::new(&item.hash, item.status),
            time: window_time(origin.timestamp),
            uri: UriTag::of(item.uri.as_deref()),
            version: item.version,
            source: Source::new(origin.partition, origin.offset)?,
        };
        let feed = item.source.as_deref().map(cut);
        let uri = item.uri.as_deref();
        Some(Arrival { hash: item.hash, status: item.status, uri, feed, rules: Some(rules), sighting })
    }
}

/// The time that the dedup window is measured in.
fn window_time(received: i64) -> i64 {
    if mutant!("wall-clock-window") { jiff::Timestamp::now().as_millisecond() } else { received }
}

/// Reads the headers of a normalized item.
///
/// # Errors
/// [`Reason::BadNormalized`], naming the header that is missing or malformed, or saying that the record does not belong to
/// its partition: somebody else wrote to the topic.
pub fn arrival<'m>(message: &'m BorrowedMessage<'_>, partitions: i32) -> Result<Arrival<'m>, Reject> {
    const NAMES: [&str; 8] = [HASH, SOURCE, RECEIVED, STATUS, VERSION, URI, FEED, RULES];
    let mut fields: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        if let Some(at) = NAMES.iter().position(|name| *name == header.key) {
            fields[at] = header.value.and_then(|value| std::str::from_utf8(value).ok());
        }
    }
    let [hash, source, received, status, version, uri, feed, rules] = fields;
    let bad = |name: &str| Reject::new(Reason::BadNormalized, format!("header {name} is missing or malformed"));
    let hash: ContentHash = hash.and_then(|hash| hash.parse().ok()).ok_or_else(|| bad(HASH))?;
    if hash.partition(partitions) != message.partition() {
        return Err(Reject::new(Reason::BadNormalized, "the record lies in a partition that does not own its hash"));
    }
    let status = Status::ALL.into_iter().find(|known| Some(known.as_str()) == status).ok_or_else(|| bad(STATUS))?;
    let coordinates = source.and_then(parse_source).and_then(|(partition, offset)| Source::new(partition, offset));
    let sighting = Sighting {
        identity: Identity::new(&hash, status),
        time: received.and_then(|time| time.parse().ok()).map(window_time).ok_or_else(|| bad(RECEIVED))?,
        uri: UriTag::of(uri),
        version: version.and_then(|version| version.parse().ok()).ok_or_else(|| bad(VERSION))?,
        source: coordinates.ok_or_else(|| bad(SOURCE))?,
    };
    Ok(Arrival { hash, status, uri, feed, rules, sighting })
}

/// Partition and offset of `topic/partition/offset`.
fn parse_source(source: &str) -> Option<(i32, i64)> {
    let mut parts = source.rsplitn(3, '/');
    let offset = parts.next()?.parse().ok()?;
    let partition = parts.next()?.parse().ok()?;
    parts.next()?;
    Some((partition, offset))
}
