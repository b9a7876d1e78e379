//! The pipeline as a shadow of the live one: reads the same raw items, edits and decides, and writes nothing.
//!
//! One thread, outside the group. It begins with the memory that the live workers have recorded, so what it calls a duplicate
//! is one, and then remembers by itself: with other rules, other contents.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{Message as _, error::KafkaResult, message::BorrowedMessage};

use super::{
    Service, publish,
    scan::{Next, Position, Scan},
};
use crate::{
    dedup::{
        Identity, Repeat, Sighting, Source, Table, UriTag, Verdict,
        record::{self, Change},
    },
    edit::Desk,
    normalize::Normalizer,
    telemetry::{Counts, DuplicateKind, Phase, Stage, WorkerHealth},
};

/// How long a poll waits for items.
const IDLE: Duration = Duration::from_millis(200);
/// How often the counters move.
const PERIOD: Duration = Duration::from_secs(1);
/// How often the log tells the sums.
const TELL: Duration = Duration::from_secs(10);
/// How long to wait before a broken reader is replaced.
const AGAIN: Duration = Duration::from_secs(2);

/// Follows the raw topic from `from` on until `stop` is set. Brokers that are away are waited for.
pub(super) fn run(service: &Service, from: Position, stop: &AtomicBool, health: &WorkerHealth) {
    let mut from = from;
    while !stop.load(Ordering::Acquire) {
        let shadow = Shadow::new(service, stop, health);
        match shadow.follow(from) {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the shadow starts over with what arrives from now on"),
        }
        from = Position::Latest;
        let until = Instant::now() + AGAIN;
        while Instant::now() < until && !stop.load(Ordering::Acquire) {
            health.beat();
            thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Shadow<'s> {
    service: &'s Service,
    stop: &'s AtomicBool,
    health: &'s WorkerHealth,
    desk: Arc<Desk>,
    desks: tokio::sync::watch::Receiver<Arc<Desk>>,
    normalizer: Normalizer<'s, Arc<Desk>>,
    table: Table,
    counts: Counts,
    since: Instant,
    sums: Sums,
    told: Instant,
}

/// What would have happened so far.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    items: u64,
    published: u64,
    duplicates: u64,
    rejected: u64,
}

impl<'s> Shadow<'s> {
    fn new(service: &'s Service, stop: &'s AtomicBool, health: &'s WorkerHealth) -> Self {
        let desks = service.desk.clone();
        let desk = Arc::clone(&desks.borrow());
        let config = &service.config;
        Shadow {
            service,
            stop,
            health,
            normalizer: Normalizer::new(Arc::clone(&desk), &config.article.authority, config.item.max_bytes),
            desk,
            desks,
            table: Table::new(config.dedup.window()),
            counts: Counts::default(),
            since: Instant::now(),
            sums: Sums::default(),
            told: Instant::now(),
        }
    }

    fn follow(mut self, from: Position) -> KafkaResult<()> {
        let config = &self.service.config;
        self.health.set_phase(Phase::Joining);
        let mut raw = Scan::new(config, &config.topics.raw)?;
        let mut spans = BTreeMap::new();
        for partition in raw.partitions()? {
            spans.insert(partition, raw.offset(partition, from)?..i64::MAX);
        }
        self.health.assigned(spans.len());
        self.health.set_phase(Phase::Restoring);
        self.remember()?;
        raw.begin(&spans)?;
        self.health.set_phase(Phase::Running);
        tracing::info!(
            remembered = self.table.len(),
            partitions = spans.len(),
            rules = self.desk.rules_id(),
            "shadow: nothing is written"
        );
        let topic: Arc<str> = config.topics.raw.as_str().into();
        while !self.stop.load(Ordering::Acquire) {
            self.health.beat();
            if let Next::Record(message) = raw.next(IDLE)? {
                self.item(&message, &topic);
            }
            self.report();
        }
        self.health.set_phase(Phase::Draining);
        self.settle();
        tracing::info!(sums = ?self.sums, "shadow: this would have happened");
        Ok(())
    }

    /// Takes over what the live workers have recorded.
    fn remember(&mut self) -> KafkaResult<()> {
        let config = &self.service.config;
        let mut seen = Scan::new(config, &config.topics.seen)?;
        let mut spans = BTreeMap::new();
        for partition in seen.partitions()? {
            spans.insert(partition, seen.bounds(partition)?);
        }
        seen.begin(&spans)?;
        while !self.stop.load(Ordering::Acquire) {
            self.health.beat();
            let message = match seen.next(IDLE)? {
                Next::Record(message) => message,
                Next::Nothing => continue,
                Next::Done => break,
            };
            match record::read(message.key().unwrap_or_default(), message.payload()) {
                Ok(Change::Seen(entry)) => self.table.restore(entry),
                Ok(Change::Forget(identity)) => self.table.restore_forgotten(&identity),
                Err(error) => {
                    tracing::debug!(%error, offset = message.offset(), "a record of the changelog was passed over")
                }
            }
        }
        Ok(())
    }

    fn item(&mut self, message: &BorrowedMessage<'_>, topic: &Arc<str>) {
        self.follow_rules();
        self.counts.raw_items += 1;
        self.counts.raw_bytes += message.payload_len() as u64;
        self.sums.items += 1;
        let (origin, edited) = publish::edit(message, topic, &mut self.normalizer);
        let item = match edited {
            Ok(item) => item,
            Err(reject) => {
                tracing::debug!(%origin, %reject, "would be rejected");
                self.counts.rejected(Stage::Normalize, reject.reason, reject.feed.as_deref());
                self.sums.rejected += 1;
                return;
            }
        };
        self.counts.normalized(item.source.as_deref());
        let Some(source) = Source::new(origin.partition, origin.offset) else { return };
        let sighting = Sighting {
            identity: Identity::new(&item.hash, item.status),
            time: origin.timestamp,
            uri: UriTag::of(item.uri.as_deref()),
            version: item.version,
            source,
        };
        match self.table.sight(&sighting) {
            // The live workers were quicker to record this very item.
            Verdict::First(_) | Verdict::Newer(_) | Verdict::Repeat(Repeat::Replay, _) => {
                tracing::debug!(%origin, hash = %item.hash, "would be published");
                self.counts.published(origin.timestamp);
                self.sums.published += 1;
            }
            Verdict::Repeat(repeat, first) => {
                let kind = if repeat == Repeat::Stale { DuplicateKind::Stale } else { DuplicateKind::Copy };
                let first = format!("{topic}/{}/{}", first.source.partition(), first.source.offset());
                tracing::debug!(%origin, hash = %item.hash, first, kind = kind.code(), "would be a duplicate");
                self.counts.duplicate(kind, origin.timestamp, item.source.as_deref());
                self.sums.duplicates += 1;
            }
        }
        self.table.commit();
    }

    fn follow_rules(&mut self) {
        if self.desks.has_changed().unwrap_or(false) {
            self.desk = Arc::clone(&self.desks.borrow_and_update());
            let config = &self.service.config;
            self.normalizer = Normalizer::new(Arc::clone(&self.desk), &config.article.authority, config.item.max_bytes);
        }
    }

    fn report(&mut self) {
        if self.since.elapsed() >= PERIOD {
            self.settle();
        }
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            tracing::info!(sums = ?self.sums, remembered = self.table.len(), "shadow");
        }
    }

    fn settle(&mut self) {
        if self.counts.records() > 0 {
            let now = jiff::Timestamp::now().as_millisecond();
            self.service.metrics.committed(&self.counts, Duration::ZERO, now);
            self.counts.clear();
        }
        self.health.committed();
        self.since = Instant::now();
    }
}
