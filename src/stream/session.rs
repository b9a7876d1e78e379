//! One session of a worker: polls both input topics, edits, decides, publishes, one transaction after the other.
//!
//! Decisions are [`core`]'s; this is the driver that talks to Kafka and performs them.

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
    producer::Producer as _,
};
use tokio::sync::watch;

use super::{
    brake::Tally,
    clients::{Rebalance, WireConsumer, WireProducer},
    core::{Action, Admission, Batch, Core, Lane, MAX_BYTES},
    gauges::Gauges,
    headers::{self, Arrival},
    publish::{Prepared, Publisher, prepare},
    restore::Opener,
    transaction::{self, Committer, Gone, Outcome},
    worker::{End, Worker, WorkerError},
};
use crate::{
    config::Config,
    dedup::{Identity, Repeat, Verdict},
    edit::Desk,
    normalize::Normalizer,
    reject::Reject,
    telemetry::{Counts, DuplicateKind, Input, Phase, RebalanceKind, Stage, TxnOutcome, traces::BatchSpan},
};

/// How long a poll waits on an idle wire.
const IDLE: Duration = Duration::from_millis(100);
/// How long records gather at a stretch, where none was waiting.
const REST: Duration = Duration::from_millis(10);
/// How long an outcome is waited for at a stretch, where nothing else can be done.
const STRETCH: Duration = Duration::from_secs(1);
/// How long a commit may give no sign. Sending offsets ignores its time-out, and may wait for ever for a group coordinator
/// that has left (librdkafka #5456, #5511).
const HANGS: Duration = Duration::from_secs(20);
/// How long a seek may take.
const SEEK: Duration = Duration::from_secs(10);
/// Bytes of input read ahead at most, while a commit is under way.
const AHEAD_BYTES: usize = 2 * MAX_BYTES;

/// A transaction whose commit is under way.
struct Sealed {
    since: Instant,
    counts: Counts,
    span: Option<BatchSpan>,
}

pub struct Session<'s> {
    worker: Worker<'s>,
    consumer: &'s WireConsumer,
    publisher: Publisher<'s>,
    committer: Committer,
    opener: Opener,
    core: Core,
    desk: Arc<Desk>,
    desks: watch::Receiver<Arc<Desk>>,
    normalizer: Normalizer<'s, Arc<Desk>>,
    raw_topic: Arc<str>,
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
            core: Core::default(),
            normalizer: Normalizer::new(Arc::clone(&desk), &article.authority, item.max_bytes),
            desk,
            desks,
            raw_topic: topics.raw.as_str().into(),
            started: Instant::now(),
            turns: 0,
            ahead: Vec::new(),
            batch: Batch::default(),
            counts: Counts::default(),
            span: None,
            sealed: None,
            aborts: 0,
            gauges: Gauges::new(worker.service),
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
        match self.core.is_due(&self.batch, self.started.elapsed(), quiet) {
            true => self.transact(),
            false if quiet => self.rest(),
            false => Ok(()),
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
        self.worker.health.idle(quiet && self.ahead.is_empty() && self.sealed.is_none());
        self.gauges.refresh(&self.core, self.batch.bytes as u64);
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
                    self.batch.bytes = self.ahead.iter().map(|prepared| prepared.message().payload_len()).sum();
                    self.gauges.forget(&lanes);
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
        self.batch.bytes += prepared.message().payload_len();
        self.ahead.push(prepared);
        while self.batch.bytes >= AHEAD_BYTES && self.sealed.is_some() {
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
        let actions = self.core.close(self.started.elapsed());
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

    /// Takes an item into the open transaction, opening one if need be.
    fn take(&mut self, prepared: Prepared<'s>) -> Result<(), End> {
        let (lane, offset) = (lane(prepared.message(), &self.raw_topic), prepared.message().offset());
        match self.core.admit(lane, offset) {
            // A batch is due only while no transaction is under way, so nothing is on hold here.
            Admission::Stale | Admission::Hold => return Ok(()),
            Admission::Take => {}
            Admission::Begin => {
                self.publisher.producer().begin_transaction()?;
                self.core.begun();
                self.span = self.worker.service.traces.batch();
            }
        }
        if let Some(span) = &mut self.span
            && let Some(traceparent) = headers::find(prepared.message(), headers::TRACEPARENT)
        {
            span.link(traceparent);
        }
        if lane.input == Input::Raw {
            self.counts.raw_items += 1;
            self.counts.raw_bytes += prepared.message().payload_len() as u64;
        }
        let mut one_too_many = false;
        match prepared {
            Prepared::Normalized { message, origin, item } => {
                self.counts.normalized(item.source.as_deref());
                self.publisher.hand_on(&message, &origin, &item, self.desk.rules_id())?;
            }
            Prepared::Rejected { message, reject } => {
                self.reject(&message, Stage::Normalize, &reject)?;
                one_too_many = self.worker.service.brake.rejected(tally(&self.counts), reject.reason);
            }
            Prepared::Arrived { message } if message.payload().is_none() => self.obey(&message)?,
            Prepared::Arrived { message } => match headers::arrival(&message, self.worker.layout.partitions) {
                Ok(arrival) => self.decide(&message, &arrival)?,
                Err(reject) => self.reject(&message, Stage::Dedup, &reject)?,
            },
        }
        fault!("after-produce");
        self.core.taken(lane, offset);
        if one_too_many { self.follow_brake() } else { Ok(()) }
    }

    /// The dedup stage.
    fn decide(&mut self, message: &BorrowedMessage<'_>, arrival: &Arrival<'_>) -> Result<(), End> {
        match self.core.sight(message.partition(), &arrival.sighting) {
            Some(Verdict::First(entry) | Verdict::Newer(entry)) => {
                self.counts.published(arrival.sighting.time);
                Ok(self.publisher.publish(message, arrival, &entry)?)
            }
            Some(Verdict::Repeat(repeat, first)) => {
                let kind = match repeat {
                    Repeat::Copy => DuplicateKind::Copy,
                    Repeat::Replay => DuplicateKind::Replay,
                    Repeat::Stale => DuplicateKind::Stale,
                };
                self.counts.duplicate(kind, arrival.sighting.time, arrival.feed);
                Ok(self.publisher.duplicate(arrival, kind, &first)?)
            }
            None => Err(stateless().into()),
        }
    }

    /// An order of an operator: a content is to be let through again.
    fn obey(&mut self, message: &BorrowedMessage<'_>) -> Result<(), End> {
        let order = match headers::order(message, self.worker.layout.partitions) {
            Ok(order) => order,
            Err(reject) => return self.reject(message, Stage::Dedup, &reject),
        };
        for status in &order.statuses {
            let identity = Identity::new(&order.hash, *status);
            let remembered = self.core.forget(message.partition(), &identity).ok_or_else(stateless)?;
            self.publisher.forgotten(message, &order.hash, *status, remembered)?;
        }
        tracing::info!(hash = %order.hash, partition = message.partition(), "forgotten, as ordered");
        self.counts.forgotten += 1;
        Ok(())
    }

    fn reject(&mut self, message: &BorrowedMessage<'_>, stage: Stage, reject: &Reject) -> Result<(), End> {
        self.counts.rejected(stage, reject.reason, reject.feed.as_deref());
        Ok(self.publisher.reject(message, stage, reject)?)
    }

    /// Hands the open transaction to the committer.
    fn commit(&mut self, offsets: &[(Lane, i64)]) -> Result<(), End> {
        let group = self.consumer.group_metadata();
        let group = group.ok_or_else(|| KafkaError::ClientCreation("the consumer belongs to no group".into()))?;
        self.committer.commit(self.list(offsets.iter().copied()), group);
        let counts = std::mem::take(&mut self.counts);
        self.sealed = Some(Sealed { since: Instant::now(), counts, span: self.span.take() });
        Ok(())
    }

    /// Looks for the end of the commit that is under way, for `wait` at most.
    fn settle(&mut self, wait: Duration) -> Result<(), End> {
        if self.sealed.is_none() {
            return Ok(());
        }
        let Some(outcome) = self.committer.outcome(wait)? else { return self.await_further() };
        let Some(Sealed { since, counts, span }) = self.sealed.take() else { return Ok(()) };
        if let Some(span) = span {
            let outcome = match &outcome {
                Outcome::Committed { .. } => TxnOutcome::Committed,
                Outcome::Abort(_) => TxnOutcome::Aborted,
                Outcome::Renew(_) => TxnOutcome::Fatal,
            };
            span.end(outcome, &counts);
        }
        let actions = match outcome {
            Outcome::Committed { doubtful } => {
                fault!("after-commit");
                self.aborts = 0;
                self.worker.health.committed();
                self.worker.service.brake.committed(tally(&counts));
                self.worker.service.metrics.committed(
                    &counts,
                    since.elapsed(),
                    jiff::Timestamp::now().as_millisecond(),
                );
                if doubtful {
                    self.renew_producer()?;
                }
                self.core.committed()
            }
            Outcome::Abort(error) => {
                tracing::warn!(%error, "transaction aborted; its items are read again");
                self.aborts += 1;
                if self.aborts > 1 {
                    thread::sleep(Duration::from_millis(20 << self.aborts.min(6)));
                }
                self.core.failed()
            }
            Outcome::Renew(error) => {
                self.worker.service.metrics.fatal();
                return Err(End::Renew(error));
            }
        };
        self.perform(actions)
    }

    /// Gives up a commit that hangs. New clients fence the producer that is left behind in it.
    fn await_further(&self) -> Result<(), End> {
        match &self.sealed {
            Some(sealed) if sealed.since.elapsed() > HANGS => {
                self.worker.service.metrics.fatal();
                Err(End::Renew(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)))
            }
            _ => Ok(()),
        }
    }

    fn renew_producer(&mut self) -> Result<(), End> {
        tracing::info!("a commit was repeated: moving on to a new producer epoch");
        let producer = self.worker.new_producer()?;
        self.committer = Committer::start(Arc::clone(&producer))?;
        self.publisher = self.worker.publisher(producer);
        Ok(())
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
            KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId) => {
                Err(End::Fail(WorkerError::Replaced(self.worker.identity.instance_id.clone())))
            }
            KafkaError::MessageConsumptionFatal(_)
            | KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => Err(End::Renew(error)),
            // Everything else librdkafka retries by itself; the context has counted and logged it.
            _ => Ok(()),
        }
    }

    fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), End> {
        let now = self.started.elapsed();
        match &rebalance {
            Rebalance::Assign(list) => {
                let lanes = self.lanes_of(list);
                tracing::info!(partitions = ?Names(&lanes), "assigned");
                self.worker.service.metrics.rebalance(RebalanceKind::Assigned);
                rebalance.answer(self.consumer)?;
                let actions = self.core.assigned(lanes);
                self.perform(actions)?;
            }
            Rebalance::Revoke(list) => {
                let lanes = self.lanes_of(list);
                let lost = self.consumer.assignment_lost();
                tracing::info!(partitions = ?Names(&lanes), lost, "revoked");
                self.worker.service.metrics.rebalance(if lost { RebalanceKind::Lost } else { RebalanceKind::Revoked });
                if lost {
                    // The group went on without this member. Its transaction ends with its producer, and clients that were
                    // away so long may never find back: everything is built anew.
                    rebalance.answer(self.consumer)?;
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AssignmentLost).into());
                }
                fault!("in-revoke");
                let actions = self.core.revoked(lanes, now);
                let finished = self.perform_to_the_end(actions);
                // Answered in any case: a revocation left open would block the close of the consumer.
                rebalance.answer(self.consumer)?;
                finished?;
            }
        }
        self.report_ownership();
        Ok(())
    }

    /// Reads on in the lanes whose position and state have been found.
    fn open_lanes(&mut self) -> Result<(), End> {
        loop {
            let opened = match self.opener.next() {
                Ok(Some(opened)) => opened,
                Ok(None) => return Ok(()),
                Err(Some(unreadable)) => return Err(End::Fail(unreadable.into())),
                Err(None) => return Err(Gone.into()),
            };
            let actions = self.core.opened(opened.lane, opened.epoch, opened.position, opened.table);
            self.perform(actions)?;
            self.report_ownership();
        }
    }

    fn report_ownership(&mut self) {
        let (owned, opening) = self.core.ownership();
        self.worker.health.assigned(owned);
        self.worker.health.restoring(opening);
        self.worker.health.set_phase(if opening > 0 { Phase::Restoring } else { Phase::Running });
        self.gauges.expire();
    }

    fn lanes_of(&self, list: &TopicPartitionList) -> Vec<Lane> {
        list.elements()
            .iter()
            .map(|element| Lane {
                input: if element.topic() == &*self.raw_topic { Input::Raw } else { Input::Normalized },
                partition: element.partition(),
            })
            .collect()
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

/// An open lane of normalized items has a table; without one the session's state is not to be trusted.
fn stateless() -> KafkaError {
    KafkaError::ClientCreation("an open partition has no dedup state".into())
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

/// Lanes as `raw/0 raw/1 normalized/3`, for the log.
struct Names<'l>(&'l [Lane]);

impl std::fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, lane) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{}/{}", lane.input.code(), lane.partition)?;
        }
        Ok(())
    }
}
