//! What became of every item, read back from the topics themselves, and the audit of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::desk::{At, Desk};
use super::reader::{Isolation, Record};

/// A published article.
#[derive(Clone, Debug)]
pub struct Article {
    /// The raw item it was made of.
    pub source: At,
    /// Content hash, 64 hex characters.
    pub hash: String,
    /// Publication status.
    pub status: String,
    /// The version header.
    pub version: Option<String>,
    /// The ninjs document.
    pub json: Value,
    /// The record it came in.
    pub record: Record,
}

/// A suppressed repetition.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The raw item that was suppressed.
    pub source: At,
    /// Content hash, 64 hex characters.
    pub hash: String,
    /// `copy`, `replay` or `stale`.
    pub kind: String,
    /// The raw item in which the content was first seen.
    pub first: At,
    /// The whole value.
    pub json: Value,
    /// The record it came in.
    pub record: Record,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The raw item, where it was one.
    pub source: Option<At>,
    /// The reason code.
    pub reason: String,
    /// The stage that rejected it.
    pub stage: String,
    /// The record it came in.
    pub record: Record,
}

/// Everything that readers of committed records can see.
pub struct Ledger {
    /// `wire.normalized`.
    pub normalized: Vec<Record>,
    /// `wire.seen`.
    pub seen: Vec<Record>,
    /// `wire.articles`.
    pub articles: Vec<Article>,
    /// `wire.duplicates`.
    pub duplicates: Vec<Duplicate>,
    /// `wire.rejected`.
    pub rejected: Vec<Rejected>,
}

impl Ledger {
    /// Reads the five output topics of a desk to their ends.
    pub fn read(desk: &Desk) -> Ledger {
        let topics = &desk.topics;
        let read = |topic: &str| desk.read(topic, Isolation::Committed);
        Ledger {
            // Orders to forget and what carries them out are no items.
            normalized: read(&topics.normalized).into_iter().filter(|record| record.value.is_some()).collect(),
            seen: read(&topics.seen).into_iter().filter(|record| record.value.is_some()).collect(),
            articles: read(&topics.articles).into_iter().map(|record| article(record, &topics.raw)).collect(),
            duplicates: read(&topics.duplicates).into_iter().map(|record| duplicate(record, &topics.raw)).collect(),
            rejected: read(&topics.rejected).into_iter().map(|record| rejected(record, &topics.raw)).collect(),
        }
    }

    /// The article made of this item; panics when there is none.
    #[track_caller]
    pub fn article(&self, source: At) -> &Article {
        let found = self.articles.iter().find(|article| article.source == source);
        found.unwrap_or_else(|| panic!("no article was made of {source}: {}", self.outcome(source)))
    }

    /// The duplicate record of this item; panics when there is none.
    #[track_caller]
    pub fn duplicate(&self, source: At) -> &Duplicate {
        let found = self.duplicates.iter().find(|duplicate| duplicate.source == source);
        found.unwrap_or_else(|| panic!("{source} is no duplicate: {}", self.outcome(source)))
    }

    /// The dead letter of this item; panics when there is none.
    #[track_caller]
    pub fn rejection(&self, source: At) -> &Rejected {
        let found = self.rejected.iter().find(|rejected| rejected.source == Some(source));
        found.unwrap_or_else(|| panic!("{source} was not rejected: {}", self.outcome(source)))
    }

    /// How many of these items were published.
    pub fn published_of(&self, items: &[At]) -> usize {
        self.articles.iter().filter(|article| items.contains(&article.source)).count()
    }

    /// In words, for failure messages.
    fn outcome(&self, source: At) -> String {
        let places = self.places();
        places.get(&source).map_or_else(|| "it has no outcome at all".into(), |places| places.join(", "))
    }

    /// Where each raw item ended.
    fn places(&self) -> BTreeMap<At, Vec<String>> {
        let mut places: BTreeMap<At, Vec<String>> = BTreeMap::new();
        let mut note = |at: At, what: &str, record: &Record| {
            places.entry(at).or_default().push(format!("{what} at {}/{}", record.partition, record.offset));
        };
        self.articles.iter().for_each(|article| note(article.source, "published", &article.record));
        for duplicate in &self.duplicates {
            note(
                duplicate.source,
                &format!("duplicate ({}) of {}", duplicate.kind, duplicate.first),
                &duplicate.record,
            );
        }
        for rejected in &self.rejected {
            if let Some(source) = rejected.source {
                note(source, &format!("rejected ({})", rejected.reason), &rejected.record);
            }
        }
        places
    }

    /// Holds the books against what was sent: every item ends in exactly one place, and the topics agree.
    #[track_caller]
    pub fn audit(&self, desk: &Desk) {
        let mut complaints = self.complaints(desk);
        let count = complaints.len();
        complaints.truncate(12);
        assert!(count == 0, "{count} defects in the books of {}:\n  {}", desk.topics.raw, complaints.join("\n  "));
    }

    /// Everything that is wrong with the books.
    pub fn complaints(&self, desk: &Desk) -> Vec<String> {
        let mut complaints = Vec::new();
        self.audit_outcomes(desk, &mut complaints);
        self.audit_counts(desk, &mut complaints);
        self.audit_repetition(desk, &mut complaints);
        self.audit_partitions(desk, &mut complaints);
        self.audit_seen(&mut complaints);
        self.audit_offsets(desk, &mut complaints);
        complaints
    }

    fn audit_outcomes(&self, desk: &Desk, complaints: &mut Vec<String>) {
        let places = self.places();
        let sent: HashSet<At> = desk.sent.iter().map(|sent| sent.at).collect();
        for at in &sent {
            match places.get(at).map(Vec::as_slice) {
                Some([_one]) => {}
                Some(several) => {
                    complaints.push(format!("raw {at} ends in {} places: {}", several.len(), several.join(", ")))
                }
                None => complaints.push(format!("raw {at} is lost")),
            }
        }
        for (at, places) in places.iter().filter(|(at, _)| !sent.contains(at)) {
            complaints.push(format!("raw {at} was never sent, but: {}", places.join(", ")));
        }
    }

    fn audit_counts(&self, desk: &Desk, complaints: &mut Vec<String>) {
        let at_stage = |stage: &str| self.rejected.iter().filter(|rejected| rejected.stage == stage).count();
        let (first, second) = (at_stage("normalize"), at_stage("dedup"));
        if first + second != self.rejected.len() {
            complaints
                .push(format!("{} dead letters, {first} of normalize and {second} of dedup", self.rejected.len()));
        }
        let (published, duplicates) = (self.articles.len(), self.duplicates.len());
        if desk.sent.len() > published + duplicates + first {
            let sent = desk.sent.len();
            complaints.push(format!("{sent} sent, {published} published + {duplicates} duplicates + {first} rejected"));
        }
        // Only what another worker decides lies between the steps, and what strangers wrote there.
        let (mut handed_on, mut strangers) = (HashSet::new(), 0);
        for record in &self.normalized {
            match record.header("copydesk-source").and_then(|source| parse(source, &desk.topics.raw)) {
                Some(at) if !handed_on.insert(at) => complaints.push(format!("raw {at} was handed on twice")),
                Some(_) => {}
                None => strangers += 1,
            }
        }
        if strangers != second {
            complaints.push(format!("{strangers} of no raw item between the steps, {second} rejected there"));
        }
    }

    /// One content, uri and version is published once inside the window.
    fn audit_repetition(&self, desk: &Desk, complaints: &mut Vec<String>) {
        let times: HashMap<At, i64> = desk.sent.iter().map(|sent| (sent.at, sent.timestamp)).collect();
        let window = i64::from(desk.window_hours) * 3_600_000;
        let mut published: HashMap<_, Vec<&Article>> = HashMap::new();
        for article in &self.articles {
            published.entry((&article.hash, &article.status)).or_default().push(article);
        }
        for articles in published.values() {
            for (number, one) in articles.iter().enumerate() {
                for other in &articles[number + 1..] {
                    let (Some(a), Some(b)) = (times.get(&one.source), times.get(&other.source)) else { continue };
                    let is_new_version = one.json["uri"] == other.json["uri"] && one.version != other.version;
                    if (a - b).abs() < window && !is_new_version {
                        complaints
                            .push(format!("{} was published of {} and of {}", one.hash, one.source, other.source));
                    }
                }
            }
        }
    }

    fn audit_partitions(&self, desk: &Desk, complaints: &mut Vec<String>) {
        for record in &self.normalized {
            // What others write between the stages need not have a hash for its key.
            if partition_of(record.key_text(), desk).is_some_and(|partition| partition != record.partition) {
                complaints.push(format!("normalized {} lies on partition {}", record.key_text(), record.partition));
            }
        }
        for record in &self.seen {
            let hash = record.key_text().split(':').next().unwrap_or_default();
            if partition_of(hash, desk) != Some(record.partition) {
                complaints.push(format!("seen {hash} lies on partition {}", record.partition));
            }
        }
    }

    /// The changelog holds one record for each article, no more and no fewer.
    fn audit_seen(&self, complaints: &mut Vec<String>) {
        let mut balance: HashMap<String, i64> = HashMap::new();
        for article in &self.articles {
            *balance.entry(format!("{}:{}", article.hash, article.status)).or_default() += 1;
        }
        for record in &self.seen {
            *balance.entry(record.key_text().to_owned()).or_default() -= 1;
        }
        for (key, count) in balance.iter().filter(|(_, count)| **count != 0) {
            complaints.push(format!("{key}: {count:+} articles beyond its records in the changelog"));
        }
        let published: HashSet<(&str, At)> = self.articles.iter().map(|one| (one.hash.as_str(), one.source)).collect();
        for duplicate in self.duplicates.iter().filter(|one| !published.contains(&(one.hash.as_str(), one.first))) {
            let Duplicate { source, first, .. } = duplicate;
            complaints
                .push(format!("{source} is called a duplicate of {first}, which was not published as that content"));
        }
    }

    /// Nothing is left to read again.
    fn audit_offsets(&self, desk: &Desk, complaints: &mut Vec<String>) {
        let raw = desk.sent.iter().map(|sent| (sent.at.partition, sent.at.offset));
        let normalized = self.normalized.iter().map(|record| (record.partition, record.offset));
        behind(&desk.topics.raw, desk, raw, complaints);
        behind(&desk.topics.normalized, desk, normalized, complaints);
    }
}

fn behind(topic: &str, desk: &Desk, records: impl Iterator<Item = (i32, i64)>, complaints: &mut Vec<String>) {
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    for (partition, offset) in records {
        let last = last.entry(partition).or_default();
        *last = (*last).max(offset);
    }
    let committed = desk.committed(topic);
    for (partition, last) in last {
        let next = committed.get(&partition).copied().unwrap_or_default();
        if next <= last {
            complaints.push(format!("{topic}/{partition}: the group stands at {next}, the last record is {last}"));
        }
    }
}

/// The partition a content hash belongs to: its first eight bytes as a big-endian number, modulo the count.
pub fn partition_of(hash: &str, desk: &Desk) -> Option<i32> {
    let first = u64::from_str_radix(hash.get(..16)?, 16).ok()?;
    i32::try_from(first % desk.partitions()).ok()
}

fn article(record: Record, raw: &str) -> Article {
    let json = record.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alt = |role: &str| {
        let ids = json["altIds"].as_array().unwrap_or_else(|| panic!("an article without altIds: {json}"));
        let found = ids.iter().find(|id| id["role"] == role).unwrap_or_else(|| panic!("no altId {role}: {json}"));
        text(&found["value"])
    };
    let hash = alt("contentHash");
    let hash = hash.strip_prefix("blake3:").unwrap_or_else(|| panic!("a blake3 content hash: {hash}")).to_owned();
    let source =
        record.header("copydesk-source").unwrap_or_else(|| panic!("an article without its source: {record:?}"));
    assert_eq!(alt("kafka"), source, "the document and its header name the same source");
    assert_eq!(record.header("copydesk-hash"), Some(hash.as_str()), "the document and its header carry the same hash");
    let source = parse(source, raw).unwrap_or_else(|| panic!("{source} lies in {raw}"));
    let version = record.header("copydesk-version").map(str::to_owned);
    Article { source, hash, status: text(&json["pubStatus"]), version, json, record }
}

fn duplicate(record: Record, raw: &str) -> Duplicate {
    let json = record.json();
    let at = |source: &Value| {
        assert_eq!(source["topic"], raw, "a duplicate names raw items: {json}");
        let number = |name: &str| source[name].as_i64().unwrap_or_else(|| panic!("{name} of a source in {json}"));
        At { partition: i32::try_from(number("partition")).expect("a partition"), offset: number("offset") }
    };
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("text in {json}")).to_owned();
    Duplicate {
        source: at(&json["source"]),
        hash: text(&json["contentHash"]).trim_start_matches("blake3:").to_owned(),
        kind: text(&json["kind"]),
        first: at(&json["first"]["source"]),
        json: json.clone(),
        record,
    }
}

fn rejected(record: Record, raw: &str) -> Rejected {
    let header = |name: &str| {
        let value = record.header(name).unwrap_or_else(|| panic!("a dead letter without {name}: {record:?}"));
        value.to_owned()
    };
    Rejected {
        source: parse(&header("copydesk-source"), raw),
        reason: header("copydesk-reason"),
        stage: header("copydesk-stage"),
        record: record.clone(),
    }
}

/// `<topic>/<partition>/<offset>`, when the topic is this one.
fn parse(source: &str, topic: &str) -> Option<At> {
    let (partition, offset) = source.strip_prefix(topic)?.strip_prefix('/')?.split_once('/')?;
    Some(At { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
}
