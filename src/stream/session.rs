//! One session of a worker: polls both input topics, edits, decides, publishes, one transaction after the other.
//!
//! Decisions are [`core`]'s; this is the driver that talks to Kafka and performs them.

mod commit;
mod items;
mod ownership;

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio::sync::watch;

use self::commit::Sealed;
use super::{
    brake::Tally,
    clients::{WireConsumer, WireProducer},
    core::{Action, Admission, Batch, Core, Lane, MAX_BYTES, MAX_ITEMS},
    gauges::Gauges,
    orphans::Watch,
    publish::{Prepared, Publisher, prepare},
    restore::Opener,
    transaction::{self, Committer},
    worker::{End, Worker},
};
use crate::{
    config::Config,
    edit::Desk,
    normalize::Normalizer,
    telemetry::{Counts, Input, Phase, traces::BatchSpan},
};

/// How long a poll waits on an idle wire.
const IDLE: Duration = Duration::from_millis(100);
/// How long records gather at a stretch, where none was waiting.
const REST: Duration = Duration::from_millis(10);
/// How long an outcome is waited for at a stretch, where nothing else can be done.
const STRETCH: Duration = Duration::from_secs(1);
/// How long a seek may take.
const SEEK: Duration = Duration::from_secs(10);
/// Read ahead at most, while a commit is under way: bytes of input, and items, for each takes memory beside its bytes.
const AHEAD_BYTES: usize = 2 * MAX_BYTES;
const AHEAD_ITEMS: usize = 2 * MAX_ITEMS;

pub struct Session<'s> {
    worker: Worker<'s>,
    consumer: &'s WireConsumer,
    publisher: Publisher<'s>,
    committer: Committer,
    opener: Opener,
    orphans: Option<Watch>,
    core: Core,
    desk: Arc<Desk>,
    desks: watch::Receiver<Arc<Desk>>,
    normalizer: Normalizer<'s, Arc<Desk>>,
    raw_topic: Arc<str>,
    /// What the names of this session's barriers begin with.
    barriers: String,
    started: Instant,
    turns: u32,
    /// Read and edited, for the next transaction.
    ahead: Vec<Prepared<'s>>,
    batch: Batch,
    counts: Counts,
    /// The span of the open transaction, where somebody wants to know.
    span: Option<BatchSpan>,
    sealed: Option<Sealed>,
    aborts: u32,
    gauges: Gauges,
}

impl<'s> Session<'s> {
    /// A session of `worker` with its clients, which have joined the group but own nothing yet.
    pub fn new(
        worker: Worker<'s>,
        consumer: &'s WireConsumer,
        producer: Arc<WireProducer>,
        committer: Committer,
        opener: Opener,
        orphans: Option<Watch>,
    ) -> Self {
        let Config { article, item, topics, .. } = &worker.service.config;
        let desks = worker.service.desk.clone();
        let desk = own(&desks.borrow());
        Session {
            worker,
            consumer,
            publisher: worker.publisher(producer),
            committer,
            opener,
            orphans,
            core: Core::default(),
            normalizer: Normalizer::new(Arc::clone(&desk), &article.authority, item.max_bytes),
            desk,
            desks,
            raw_topic: topics.raw.as_str().into(),
            barriers: format!("{}/{}/", worker.identity.transactional_id, jiff::Timestamp::now().as_nanosecond()),
            started: Instant::now(),
            turns: 0,
            ahead: Vec::new(),
            batch: Batch::default(),
            counts: Counts::default(),
            span: None,
            sealed: None,
            aborts: 0,
            gauges: Gauges::new(&worker.service.metrics),
        }
    }

    /// Turns until something ends the session.
    pub fn run(mut self) -> End {
        loop {
            if let Err(end) = self.turn() {
                return end;
            }
        }
    }

    /// One turn of the loop: one record, or the knowledge that there is none.
    fn turn(&mut self) -> Result<(), End> {
        let quiet = match self.consumer.poll(self.patience()) {
            Some(Ok(message)) => {
                self.receive(message)?;
                false
            }
            Some(Err(error)) => {
                self.consumer_error(error)?;
                true
            }
            None => true,
        };
        self.turns = self.turns.wrapping_add(1);
        if quiet || self.turns.is_multiple_of(256) {
            self.housekeeping(quiet)?;
        }
        self.settle(Duration::ZERO)?;
        let now = self.started.elapsed();
        if self.core.is_due(&self.batch, now, quiet) || self.core.wants_barriers(now) {
            self.transact()
        } else if quiet {
            self.rest()
        } else {
            Ok(())
        }
    }

    /// How long the next poll may wait.
    fn patience(&self) -> Duration {
        if self.sealed.is_some() || !self.ahead.is_empty() { Duration::ZERO } else { IDLE }
    }

    /// Lets records gather until the commit under way has ended, or the pace asks for the next. A poll would wake up for
    /// each handful of them, and that costs a steady wire as much as the edit.
    fn rest(&mut self) -> Result<(), End> {
        if self.sealed.is_some() {
            return self.settle(REST);
        }
        if !self.ahead.is_empty() {
            thread::sleep(self.core.patience(self.started.elapsed()).min(REST));
        }
        Ok(())
    }

    /// What need not be looked at for every record.
    fn housekeeping(&mut self, quiet: bool) -> Result<(), End> {
        self.worker.health.beat();
        while let Some(rebalance) = self.consumer.context().next_rebalance() {
            self.rebalance(rebalance)?;
        }
        self.open_lanes()?;
        if self.consumer.context().is_cut_off() {
            return Err(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown).into());
        }
        if self.worker.stop.load(Ordering::Acquire) {
            self.worker.health.set_phase(Phase::Draining);
            let actions = self.core.stop(self.started.elapsed());
            self.perform_to_the_end(actions)?;
        }
        self.follow_brake()?;
        let actions = self.core.lose_patience(self.started.elapsed());
        self.perform(actions)?;
        if let Some(partitions) = self.orphans.as_ref().and_then(Watch::found) {
            tracing::warn!(partitions, "belong to nobody in the group: leaving it once, so that it shares them out");
            return Err(End::Rejoin);
        }
        self.worker.health.idle(quiet && self.ahead.is_empty() && self.sealed.is_none());
        self.gauges.refresh(
            &self.core,
            self.batch.bytes as u64,
            |lane| self.consumer.context().lag(lane),
            |partition| self.opener.left(partition),
        );
        Ok(())
    }

    /// Performs what the core decided.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), End> {
        for action in actions {
            match action {
                Action::Open(lanes) => {
                    let list = self.list(lanes.iter().map(|(lane, _)| (*lane, 0)));
                    if list.count() > 0 {
                        self.consumer.pause(&list)?;
                    }
                    self.opener.open(lanes);
                }
                Action::Resume(lane, position) => {
                    self.seek(&[(lane, position)])?;
                    self.consumer.resume(&self.list([(lane, position)]))?;
                }
                Action::Hold(lanes) if lanes.is_empty() => {}
                Action::Hold(lanes) => self.consumer.pause(&self.list(lanes.into_iter().map(|lane| (lane, 0))))?,
                Action::Commit(offsets) => self.commit(&offsets)?,
                Action::Abort => {
                    self.worker.service.metrics.aborted();
                    transaction::abort(self.publisher.producer())?;
                    let actions = self.core.aborted();
                    self.perform(actions)?;
                }
                Action::Rewind(positions) => {
                    self.counts.clear();
                    self.ahead.clear();
                    self.batch = Batch::default();
                    self.seek(&positions)?;
                }
                Action::GiveUp(lanes) => {
                    let raw = &self.raw_topic;
                    self.ahead.retain(|prepared| !lanes.contains(&lane(prepared.message(), raw)));
                    self.batch.items = self.ahead.len();
                    self.batch.bytes = self.ahead.iter().map(Prepared::bytes).sum();
                    self.opener.close(lanes);
                }
                Action::Leave => {
                    tracing::info!("drained: every item taken is committed");
                    return Err(End::Stopped);
                }
            }
        }
        Ok(())
    }

    /// Performs actions, and waits until the transaction they end has ended.
    fn perform_to_the_end(&mut self, actions: Vec<Action>) -> Result<(), End> {
        self.perform(actions)?;
        while self.core.is_waiting() {
            self.worker.health.beat();
            self.settle(STRETCH)?;
        }
        Ok(())
    }

    fn receive(&mut self, message: BorrowedMessage<'s>) -> Result<(), End> {
        let lane = lane(&message, &self.raw_topic);
        let admission = self.core.admit(lane, message.offset());
        if admission == Admission::Stale {
            return Ok(());
        }
        self.follow_rules();
        let prepared = match lane.input {
            Input::Raw => prepare(message, &self.raw_topic, &mut self.normalizer, self.worker.layout.max_record_bytes),
            Input::Normalized => Prepared::Arrived { message },
        };
        if self.ahead.is_empty() {
            self.batch.since = self.started.elapsed();
        }
        self.batch.items += 1;
        self.batch.bytes += prepared.bytes();
        self.ahead.push(prepared);
        while (self.batch.bytes >= AHEAD_BYTES || self.batch.items >= AHEAD_ITEMS) && self.sealed.is_some() {
            self.worker.health.beat();
            self.settle(STRETCH)?;
        }
        Ok(())
    }

    /// Sends the whole batch through one transaction.
    fn transact(&mut self) -> Result<(), End> {
        self.follow_brake()?;
        self.batch = Batch::default();
        let mut ahead = std::mem::take(&mut self.ahead);
        for prepared in ahead.drain(..) {
            self.take(prepared)?;
        }
        self.ahead = ahead;
        let now = self.started.elapsed();
        if self.core.wants_barriers(now) {
            self.write_barriers(now)?;
        }
        let actions = self.core.close(now);
        self.perform(actions)
    }

    /// Halts when the brake of this process does, and goes on when it is released.
    fn follow_brake(&mut self) -> Result<(), End> {
        let halted = self.worker.service.brake.is_halted();
        if halted == self.core.is_halted() {
            return Ok(());
        }
        self.gauges.expire();
        let actions = if halted { self.core.halt() } else { self.core.release() };
        self.perform(actions)
    }

    /// Edits by the newest rules from the next item on. Not while items wait that were edited by the old ones.
    fn follow_rules(&mut self) {
        if self.ahead.is_empty() && self.desks.has_changed().unwrap_or(false) {
            let Config { article, item, .. } = &self.worker.service.config;
            self.desk = own(&self.desks.borrow_and_update());
            self.normalizer = Normalizer::new(Arc::clone(&self.desk), &article.authority, item.max_bytes);
        }
    }

    fn seek(&self, positions: &[(Lane, i64)]) -> Result<(), End> {
        if positions.is_empty() {
            return Ok(());
        }
        let list = self.list(positions.iter().copied());
        let sought = self.consumer.seek_partitions(list, SEEK)?;
        for element in sought.elements() {
            element.error()?;
        }
        Ok(())
    }

    fn consumer_error(&self, error: KafkaError) -> Result<(), End> {
        match error {
            KafkaError::MessageConsumptionFatal(_)
            | KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => Err(End::Renew(error)),
            // Everything else librdkafka retries by itself; the context has counted and logged it.
            _ => Ok(()),
        }
    }

    fn list(&self, offsets: impl IntoIterator<Item = (Lane, i64)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (lane, offset) in offsets {
            let topic = match lane.input {
                Input::Raw => &*self.raw_topic,
                Input::Normalized => &self.worker.service.config.topics.normalized,
            };
            // Fails only for offsets that cannot be written down; these were read from Kafka.
            let _ = list.add_partition_offset(topic, lane.partition, Offset::Offset(offset));
        }
        list
    }
}

/// What the brake is to know of a transaction.
fn tally(counts: &Counts) -> Tally {
    Tally { read: counts.raw_items, rejected: counts.unreadable() }
}

/// A desk of the worker's own: scratch memory that threads share is handed over under a lock.
fn own(desk: &Desk) -> Arc<Desk> {
    Arc::new(desk.clone())
}

/// The lane a message came on.
fn lane(message: &BorrowedMessage<'_>, raw_topic: &str) -> Lane {
    let input = if message.topic() == raw_topic { Input::Raw } else { Input::Normalized };
    Lane { input, partition: message.partition() }
}
