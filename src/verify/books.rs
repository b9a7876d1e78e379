//! The books: what each raw item should have become, what the topics say it did, and where the two differ.
//!
//! Pure. Fed the raw items first and the changelog last, in its own order; the others in any. Of outputs and memory only what
//! concerns a raw item of the span is kept, so that a short span takes little, however long the window is.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map},
    fmt, mem,
    ops::Range,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    dedup::{Entry, Identity, UriTag, record::Change},
    stream::topics::Role,
};

/// Partition and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// A record of one of the topics, by the topic's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which topic.
    pub role: Role,
    /// Where in it.
    pub at: At,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role.key(), self.at)
    }
}

/// A raw item, read and edited once more.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its event time, milliseconds since the Unix epoch.
    pub time: i64,
    /// 64 bits of a hash of its bytes.
    pub digest: u64,
    /// Its content, unless it cannot be read.
    pub identity: Option<Identity>,
}

/// A record of the duplicates.
#[derive(Clone, Copy, Debug)]
pub struct Duplicate {
    /// The raw item that was suppressed.
    pub from: At,
    /// Its content.
    pub identity: Identity,
    /// The raw item in which that was first seen.
    pub first: At,
    /// It is the very record that was first, read again: not its end, but a repetition of it.
    pub is_replay: bool,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// What it is, in a sentence with all coordinates.
    pub what: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A raw item without any outcome.
    Missing,
    /// A raw item with several outcomes, or a content published twice inside the window.
    Double,
    /// A duplicate of something that was not published.
    Unfounded,
    /// An output that is not what its raw item gives.
    Altered,
    /// A published content that the changelog does not remember, or the other way round.
    Unremembered,
    /// An output of no raw item.
    Stray,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Missing => "missing",
            Kind::Double => "double",
            Kind::Unfounded => "unfounded",
            Kind::Altered => "altered",
            Kind::Unremembered => "unremembered",
            Kind::Stray => "stray",
        })
    }
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Raw items of the span that were read by the group.
    pub items: u64,
    /// … that were published.
    pub published: u64,
    /// … that were suppressed as duplicates.
    pub duplicates: u64,
    /// … that went to the dead letters.
    pub rejected: u64,
    /// … that wait between the two steps.
    pub in_flight: u64,
    /// … that are older than what the outputs still hold, so nothing can be said of them.
    pub expired: u64,
    /// … that lie before the first outcome of their partition, where a group may begin behind them.
    pub skipped: u64,
    /// … that were edited by other rules, so that only their coordinates were compared.
    pub by_other_rules: u64,
    /// Repetitions of items that were read again after offsets had been set back.
    pub replays: u64,
    /// Everything that is wrong, by kind and place.
    pub findings: Vec<Finding>,
}

#[derive(Default)]
struct Fate {
    item: Option<Item>,
    /// Whether its normalized record was decided; `None`: there is no such record.
    decided: Option<bool>,
    by_other_rules: bool,
    altered: bool,
    ends: [Option<Place>; 2],
    count: u32,
}

/// What is remembered of a content while the changelog is followed.
struct Remembered {
    entry: Entry,
    recorded: i64,
}

/// A published article of a raw item of the span.
struct Article {
    from: At,
    identity: Identity,
    place: Place,
}

/// Takes everything in, then tells.
pub struct Books {
    window: i64,
    covered: BTreeMap<i32, Range<i64>>,
    left_out: HashSet<At>,
    fates: HashMap<At, Fate>,
    articles: Vec<Article>,
    duplicates: Vec<(Duplicate, Place)>,
    stream_time: HashMap<i32, i64>,
    /// The contents of the span; `None`: not remembered.
    remembered: HashMap<Identity, Option<Remembered>>,
    forgotten: HashSet<Identity>,
    kept_since: i64,
    remembers_since: i64,
    begins_late: bool,
    /// The partition in which an outcome has been met.
    begun: Option<i32>,
    report: Report,
}

impl Books {
    /// Empty books of a pipeline that remembers contents for `window`.
    pub fn new(window: Duration) -> Self {
        Books {
            window: i64::try_from(window.as_millis()).unwrap_or(i64::MAX),
            covered: BTreeMap::new(),
            left_out: HashSet::new(),
            fates: HashMap::new(),
            articles: Vec::new(),
            duplicates: Vec::new(),
            stream_time: HashMap::new(),
            remembered: HashMap::new(),
            forgotten: HashSet::new(),
            kept_since: i64::MIN,
            remembers_since: i64::MIN,
            begins_late: false,
            begun: None,
            report: Report::default(),
        }
    }

    /// The raw items of these offsets are verified.
    pub fn covers(&mut self, partition: i32, offsets: Range<i64>) {
        self.covered.insert(partition, offsets);
    }

    /// The group began with what arrived after it: Kafka does not tell where, so nothing before the first outcome of a
    /// partition is missing.
    pub fn begins_late(&mut self) {
        self.begins_late = true;
    }

    /// A raw record of the span; `None` is one that lies in it but is left out.
    pub fn raw(&mut self, at: At, item: Option<Item>) {
        let Some(item) = item else {
            self.left_out.insert(at);
            return;
        };
        self.fates.entry(at).or_default().item = Some(item);
        if let Some(identity) = item.identity {
            self.remembered.entry(identity).or_default();
        }
    }

    /// The record between the steps, where there is one: whether the second has decided it.
    pub fn normalized(&mut self, from: At, is_decided: bool) {
        if let Some(fate) = self.fates.get_mut(&from) {
            fate.decided = Some(is_decided);
        }
    }

    /// What an output says that its raw item was made into: its content, where it was edited by the rules in force now.
    pub fn edited(&mut self, from: At, content: Option<Identity>) {
        let Some(fate) = self.fates.get_mut(&from) else { return };
        fate.by_other_rules |= content.is_none();
        if let (Some(content), Some(item)) = (content, fate.item)
            && item.identity != Some(content)
            && !mem::replace(&mut fate.altered, true)
        {
            self.find(Kind::Altered, format!("raw {from} gives another content than was made of it by the same rules"));
        }
    }

    /// A published article.
    pub fn article(&mut self, from: At, identity: Identity, place: Place) {
        if self.is_of_span(from) {
            self.remembered.entry(identity).or_default();
            self.articles.push(Article { from, identity, place });
        }
        self.end(from, place);
    }

    /// A suppressed repetition.
    pub fn duplicate(&mut self, duplicate: Duplicate, place: Place) {
        if self.is_of_span(duplicate.first) {
            self.duplicates.push((duplicate, place));
        }
        if duplicate.is_replay {
            self.report.replays += u64::from(self.fates.contains_key(&duplicate.from));
        } else {
            self.end(duplicate.from, place);
        }
    }

    /// A dead letter, with a hash of its bytes unless they were left out for their size.
    pub fn rejected(&mut self, from: At, digest: Option<u64>, place: Place) {
        let raw = self.fates.get(&from).and_then(|fate| fate.item).map(|item| item.digest);
        if let (Some(digest), Some(raw)) = (digest, raw)
            && digest != raw
        {
            self.find(Kind::Altered, format!("{place} does not hold the bytes of raw {from}"));
        }
        self.end(from, place);
    }

    /// A record in an output topic that does not say what it was made of.
    pub fn foreign(&mut self, place: Place) {
        self.find(Kind::Stray, format!("{place} does not say which raw item it was made of"));
    }

    /// A record of the changelog. The rule is that of the dedup window, written down a second time on purpose.
    pub fn seen(&mut self, partition: i32, change: Change, place: Place) {
        let entry = match change {
            Change::Seen(entry) => entry,
            Change::Forget(identity) => {
                if let Some(remembered) = self.remembered.get_mut(&identity) {
                    *remembered = None;
                    self.forgotten.insert(identity);
                }
                return;
            }
        };
        let stream_time = self.stream_time.entry(partition).or_insert(i64::MIN);
        let newest = mem::replace(stream_time, entry.time.max(*stream_time));
        let recorded = *stream_time;
        if !self.remembered.contains_key(&entry.identity) && !self.is_of_span(source(&entry)) {
            return;
        }
        let known = self.remembered.entry(entry.identity).or_default().replace(Remembered { entry, recorded });
        if let Some(known) = known {
            self.again(&known, &entry, newest, place);
        }
    }

    /// A content that is recorded again, of which the span has the earlier or the later raw item.
    fn again(&mut self, known: &Remembered, entry: &Entry, newest: i64, place: Place) {
        let (first, second) = (source(&known.entry), source(entry));
        if !self.is_of_span(first) && !self.is_of_span(second) {
            return;
        }
        let is_remembered = known.recorded >= newest.saturating_sub(self.window);
        let is_within = known.entry.time.abs_diff(entry.time) <= self.window.unsigned_abs();
        if first == second && (entry.version <= known.entry.version || known.entry.uri == UriTag(0)) {
            self.find(Kind::Double, format!("{place} records the same version of the same content again"));
        } else if first != second && is_remembered && is_within {
            let what =
                format!("one content was published of raw {first} and of raw {second} inside the window ({place})");
            self.find(Kind::Double, what);
        }
    }

    /// An output topic holds nothing older than this any more.
    pub fn kept_since(&mut self, time: Option<i64>) {
        self.kept_since = self.kept_since.max(time.unwrap_or(i64::MIN));
    }

    /// The changelog holds nothing older than this any more.
    pub fn remembers_since(&mut self, time: Option<i64>) {
        self.remembers_since = time.unwrap_or(i64::MIN);
    }

    /// Compares.
    pub fn close(mut self) -> Report {
        let fates = mem::take(&mut self.fates);
        let mut order: Vec<At> = fates.keys().copied().collect();
        order.sort_unstable();
        for at in order {
            self.judge(at, &fates[&at]);
        }
        let time = |at: At| fates.get(&at)?.item.map(|item| item.time);
        let mut articles = mem::take(&mut self.articles);
        articles.sort_unstable_by_key(|article| article.from);
        let is_published = |identity: Identity, from: At| {
            let first = articles.partition_point(|article| article.from < from);
            articles[first..]
                .iter()
                .take_while(|article| article.from == from)
                .any(|article| article.identity == identity)
        };
        let remembered = mem::take(&mut self.remembered);
        for Article { from, identity, place } in &articles {
            let is_due = time(*from).is_some_and(|time| time >= self.remembers_since);
            let is_remembered = remembered.get(identity).is_some_and(Option::is_some);
            if is_due && !is_remembered && !self.forgotten.contains(identity) {
                self.find(Kind::Unremembered, format!("{place}, of raw {from}, is not in the changelog"));
            }
        }
        for (duplicate, place) in mem::take(&mut self.duplicates) {
            let Duplicate { from, identity, first, .. } = duplicate;
            let is_due = time(first).is_some_and(|time| time >= self.kept_since);
            if is_due && !is_published(identity, first) {
                self.find(
                    Kind::Unfounded,
                    format!("{place} calls raw {from} a duplicate of raw {first}, which was not published as that"),
                );
            }
        }
        for Remembered { entry, .. } in remembered.values().flatten() {
            let from = source(entry);
            let is_due = time(from).is_some_and(|time| time >= self.kept_since);
            if is_due && !is_published(entry.identity, from) {
                self.find(
                    Kind::Unremembered,
                    format!("the changelog holds raw {from}, of which nothing was published"),
                );
            }
        }
        self.report.findings.sort_by_key(|finding| finding.kind);
        self.report
    }

    /// Judges one item, in the order of the items.
    fn judge(&mut self, at: At, fate: &Fate) {
        let [first, second] = fate.ends;
        if first.is_some() || fate.decided.is_some() {
            self.begun = Some(at.partition);
        }
        let Some(item) = fate.item else {
            if let Some(place) = first {
                self.find(Kind::Stray, format!("{place} was made of raw {at}, which is not there"));
            }
            return;
        };
        self.report.items += 1;
        self.report.by_other_rules += u64::from(fate.by_other_rules);
        match (first.map(|place| place.role), second) {
            (_, Some(second)) => {
                let first = first.map_or_else(String::new, |place| place.to_string());
                let more = if fate.count > 2 { format!(" and {} more", fate.count - 2) } else { String::new() };
                self.find(Kind::Double, format!("raw {at} ended in {first}, {second}{more}"));
            }
            (Some(Role::Articles), None) => self.report.published += 1,
            (Some(Role::Duplicates), None) => self.report.duplicates += 1,
            (Some(_), None) => self.report.rejected += 1,
            (None, None) if fate.decided == Some(false) => self.report.in_flight += 1,
            (None, None) if item.time < self.kept_since => self.report.expired += 1,
            (None, None) if self.begins_late && self.begun != Some(at.partition) => self.report.skipped += 1,
            (None, None) => {
                let step = if fate.decided.is_some() { "was normalized, but not decided" } else { "has no outcome" };
                self.find(Kind::Missing, format!("raw {at} {step}"));
            }
        }
    }

    fn end(&mut self, from: At, place: Place) {
        let is_covered = self.covered.get(&from.partition).is_some_and(|covered| covered.contains(&from.offset));
        let fate = match self.fates.entry(from) {
            hash_map::Entry::Occupied(fate) => fate.into_mut(),
            hash_map::Entry::Vacant(none) if is_covered && !self.left_out.contains(&from) => {
                none.insert(Fate::default())
            }
            hash_map::Entry::Vacant(_) => return,
        };
        if let Some(slot) = fate.ends.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(place);
        }
        fate.count += 1;
    }

    fn is_of_span(&self, at: At) -> bool {
        self.fates.get(&at).is_some_and(|fate| fate.item.is_some())
    }

    fn find(&mut self, kind: Kind, what: String) {
        self.report.findings.push(Finding { kind, what });
    }
}

/// The raw item that made a content known.
fn source(entry: &Entry) -> At {
    At { partition: entry.source.partition(), offset: entry.source.offset() }
}

#[cfg(test)]
mod tests;
