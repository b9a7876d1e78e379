//! One worker thread: polls both input topics, edits, decides, publishes, one transaction after the other.
//!
//! Decisions are [`core`](super::core)'s; this is the driver that talks to Kafka. A session is one pair of consumer and
//! producer. Whatever breaks a session ends it, and a new one goes on from the committed offsets; the worker ends when it is
//! told to, or when going on would be wrong (another process has taken its name, or the changelog is of a newer version).

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, OwnedHeaders},
    producer::{BaseRecord, Producer as _},
};
use serde::Serialize;

use super::{
    Layout, Service,
    clients::{self, Identity, Rebalance, WireConsumer, WireProducer},
    core::{self, Action, Admission, Core, Lane},
    headers,
    restore::{Opener, Unreadable},
    transaction::{self, Committer, Gone, Outcome, Remedy, remedy},
};
use crate::{
    article::{Origin, story_key},
    dedup::{Entry, Repeat, Verdict, record},
    normalize::{Normalized, Normalizer},
    reject::{Reason, Reject},
    telemetry::{Counts, DuplicateKind, Input, PartitionState, Phase, RebalanceKind, Share, Stage, WorkerHealth},
};

/// How long a poll waits on an idle wire.
const IDLE: Duration = Duration::from_millis(100);
/// How long a poll waits while a commit is under way: its end is looked for that often.
const GLANCE: Duration = Duration::from_millis(1);
/// How long an outcome is waited for at a stretch, where nothing else can be done.
const STRETCH: Duration = Duration::from_secs(1);
/// How long `init_transactions` may take before it is tried again.
const INIT: Duration = Duration::from_secs(10);
/// How long a full producer queue is waited for.
const QUEUE_FULL: Duration = Duration::from_secs(30);
/// How often gauges are brought up to date.
const GAUGES: Duration = Duration::from_secs(1);
/// Bytes of input held back while a commit is under way.
const AHEAD_BYTES: usize = core::MAX_BYTES;
/// The most a record may be larger than its value: key, headers, framing.
const RECORD_OVERHEAD: usize = 16 << 10;

/// Why a worker gave up.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Another process runs under the same instance name.
    #[error(
        "another copydesk has joined the group as instance {0:?}; give every replica its own kafka.instance (or host name)"
    )]
    Replaced(String),
    /// The changelog cannot be read.
    #[error("cannot restore the dedup state: {0}")]
    Changelog(#[from] Unreadable),
    /// A client could not be made: a property is refused.
    #[error("cannot create a Kafka client: {0}; see kafka.properties")]
    Client(KafkaError),
    /// The worker thread panicked.
    #[error("worker {0} panicked: a defect of copydesk; please report it with the log")]
    Panicked(usize),
}

/// Why a session ended.
enum End {
    Stopped,
    Renew(KafkaError),
    Fail(WorkerError),
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        End::Renew(KafkaError::ClientCreation(gone.to_string()))
    }
}

/// Runs worker number `thread` until `stop` is set.
///
/// # Errors
/// A [`WorkerError`] where going on would be wrong.
pub fn run(
    service: &Service,
    layout: Layout,
    thread: usize,
    stop: &AtomicBool,
    health: &WorkerHealth,
) -> Result<(), WorkerError> {
    let identity = Identity::new(&service.config, thread);
    let mut pause = Duration::from_millis(100);
    loop {
        let started = Instant::now();
        match session(service, layout, &identity, stop, health) {
            End::Stopped => return Ok(()),
            End::Fail(error) => return Err(error),
            End::Renew(error) => {
                tracing::warn!(thread, %error, "starting over with new Kafka clients");
                service.metrics.worker_restarted();
            }
        }
        if started.elapsed() > Duration::from_secs(60) {
            pause = Duration::from_millis(100);
        }
        let until = Instant::now() + pause;
        while Instant::now() < until && !stop.load(Ordering::Acquire) {
            health.beat();
            thread::sleep(Duration::from_millis(50));
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn session(service: &Service, layout: Layout, identity: &Identity, stop: &AtomicBool, health: &WorkerHealth) -> End {
    health.set_phase(Phase::Starting);
    let Service { config, metrics, .. } = service;
    let client = |error| End::Fail(WorkerError::Client(error));
    // The producer first: its initialisation aborts what an earlier incarnation left open, which would otherwise hold back
    // every reader, the restore among them.
    let producer = match new_producer(service, layout, identity, stop, health) {
        Ok(producer) => producer,
        Err(end) => return end,
    };
    let consumer = match clients::consumer(config, identity, metrics.clone()) {
        Ok(consumer) => consumer,
        Err(error) => return client(error),
    };
    let opener = match Opener::start(config, metrics) {
        Ok(opener) => opener,
        Err(error) => return client(error),
    };
    let committer = match Committer::start(Arc::clone(&producer)) {
        Ok(committer) => committer,
        Err(error) => return End::Renew(KafkaError::ClientCreation(error.to_string())),
    };
    health.set_phase(Phase::Joining);
    if let Err(error) = consumer.subscribe(&[&config.topics.raw, &config.topics.normalized]) {
        return End::Renew(error);
    }
    let session = Session {
        service,
        layout,
        identity,
        stop,
        health,
        consumer: &consumer,
        producer,
        committer,
        opener,
        core: Core::default(),
        normalizer: Normalizer::new(&service.desk, &config.article.authority, config.item.max_bytes),
        raw_topic: config.topics.raw.as_str().into(),
        started: Instant::now(),
        turns: 0,
        ahead: VecDeque::new(),
        ahead_bytes: 0,
        counts: Counts::default(),
        sealed: None,
        aborts: 0,
        gauges: Gauges::new(service),
    };
    let end = session.run();
    consumer.context().close();
    if matches!(end, End::Stopped) {
        // A static member that is only closed keeps its place until the session times out; one that unsubscribes leaves.
        consumer.unsubscribe();
    }
    // librdkafka waits for an answer to every rebalance, also while it closes.
    while let Some(rebalance) = consumer.context().next_rebalance() {
        rebalance.answer(&consumer).unwrap_or_else(|error| tracing::debug!(%error, "rebalance while closing"));
    }
    end
}

fn new_producer(
    service: &Service,
    layout: Layout,
    identity: &Identity,
    stop: &AtomicBool,
    health: &WorkerHealth,
) -> Result<Arc<WireProducer>, End> {
    let max_bytes = layout.max_record_bytes + RECORD_OVERHEAD;
    let producer = clients::producer(&service.config, identity, max_bytes, service.metrics.clone())
        .map_err(|error| End::Fail(WorkerError::Client(error)))?;
    loop {
        health.beat();
        match producer.init_transactions(INIT) {
            Ok(()) => return Ok(Arc::new(producer)),
            Err(_) if stop.load(Ordering::Acquire) => return Err(End::Stopped),
            Err(error) if remedy(&error) == Remedy::Retry => {
                tracing::warn!(%error, "waiting for the transaction coordinator");
            }
            Err(error) => return Err(End::Renew(error)),
        }
    }
}

/// An item that is ready for a transaction.
enum Prepared<'c> {
    Normalized { message: BorrowedMessage<'c>, origin: Origin, item: Box<Normalized> },
    Rejected { message: BorrowedMessage<'c>, stage: Stage, reject: Reject },
    Arrived { message: BorrowedMessage<'c> },
}

impl<'c> Prepared<'c> {
    fn message(&self) -> &BorrowedMessage<'c> {
        match self {
            Prepared::Normalized { message, .. }
            | Prepared::Rejected { message, .. }
            | Prepared::Arrived { message } => message,
        }
    }
}

/// A transaction whose commit is under way.
struct Sealed {
    since: Instant,
    counts: Counts,
}

struct Session<'s> {
    service: &'s Service,
    layout: Layout,
    identity: &'s Identity,
    stop: &'s AtomicBool,
    health: &'s WorkerHealth,
    consumer: &'s WireConsumer,
    producer: Arc<WireProducer>,
    committer: Committer,
    opener: Opener,
    core: Core,
    normalizer: Normalizer<'s>,
    raw_topic: Arc<str>,
    started: Instant,
    turns: u32,
    /// Read and edited while a commit is under way, for the next transaction.
    ahead: VecDeque<Prepared<'s>>,
    ahead_bytes: usize,
    counts: Counts,
    sealed: Option<Sealed>,
    aborts: u32,
    gauges: Gauges,
}

impl<'s> Session<'s> {
    fn run(mut self) -> End {
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
        self.catch_up()?;
        let actions = self.core.tick(self.started.elapsed(), quiet);
        self.perform(actions)
    }

    /// How long the next poll may wait.
    fn patience(&self) -> Duration {
        if self.sealed.is_some() {
            return GLANCE;
        }
        if !self.core.in_transaction() {
            return IDLE;
        }
        match self.core.patience(self.started.elapsed()) {
            Duration::ZERO => Duration::ZERO,
            wait => wait.max(GLANCE),
        }
    }

    /// What need not be looked at for every record.
    fn housekeeping(&mut self, quiet: bool) -> Result<(), End> {
        self.health.beat();
        while let Some(rebalance) = self.consumer.context().next_rebalance() {
            self.rebalance(rebalance)?;
        }
        self.open_lanes()?;
        if self.stop.load(Ordering::Acquire) {
            self.health.set_phase(Phase::Draining);
            let actions = self.core.stop(self.started.elapsed());
            self.perform_to_the_end(actions)?;
        }
        self.health.idle(quiet && !self.core.in_transaction() && self.sealed.is_none());
        let inflight = self.core.open_bytes() + self.ahead_bytes;
        self.gauges.refresh(&self.core, inflight as u64);
        Ok(())
    }

    /// Performs what the core decided.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), End> {
        for action in actions {
            match action {
                Action::Open(lanes) => {
                    let list = self.list(lanes.iter().map(|(lane, _)| (*lane, 0)));
                    if list.count() > 0 {
                        self.consumer.pause(&list).map_err(End::Renew)?;
                    }
                    self.opener.open(lanes);
                }
                Action::Resume(lane, position) => {
                    self.seek(&[(lane, position)])?;
                    self.consumer.resume(&self.list([(lane, position)])).map_err(End::Renew)?;
                }
                Action::Commit(offsets) => self.commit(&offsets),
                Action::Abort => {
                    self.service.metrics.aborted();
                    transaction::abort(&self.producer).map_err(End::Renew)?;
                    let actions = self.core.aborted();
                    self.perform(actions)?;
                }
                Action::Rewind(positions) => {
                    self.counts.clear();
                    self.ahead.clear();
                    self.ahead_bytes = 0;
                    self.seek(&positions)?;
                }
                Action::GiveUp(lanes) => {
                    let raw = &self.raw_topic;
                    self.ahead.retain(|prepared| !lanes.contains(&lane(prepared.message(), raw)));
                    self.ahead_bytes = self.ahead.iter().map(|prepared| prepared.message().payload_len()).sum();
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
            self.health.beat();
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
        let prepared = match lane.input {
            Input::Raw => self.prepare(message),
            Input::Normalized => Prepared::Arrived { message },
        };
        if admission != Admission::Hold && self.ahead.is_empty() {
            return self.take(prepared);
        }
        self.ahead_bytes += prepared.message().payload_len();
        self.ahead.push_back(prepared);
        while self.ahead_bytes >= AHEAD_BYTES && self.sealed.is_some() {
            self.health.beat();
            self.settle(STRETCH)?;
        }
        Ok(())
    }

    /// The normalize stage: pure, so it may run ahead of its transaction.
    fn prepare(&mut self, message: BorrowedMessage<'s>) -> Prepared<'s> {
        let origin = Origin {
            topic: Arc::clone(&self.raw_topic),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(0),
        };
        let value = message.payload().unwrap_or_default();
        let content_type = headers::find(&message, headers::CONTENT_TYPE);
        let normalizer = &mut self.normalizer;
        let result = catch_unwind(AssertUnwindSafe(|| normalizer.normalize(value, content_type, Some(&origin))))
            .unwrap_or_else(|_| Err(Reject::new(Reason::Internal, "the edit desk panicked on this item")));
        let result = result.and_then(|item| match item.json.len() > self.layout.max_record_bytes {
            true => Err(Reject::new(
                Reason::TooLarge,
                format!(
                    "its article has {} bytes, a record may have {}",
                    item.json.len(),
                    self.layout.max_record_bytes
                ),
            )),
            false => Ok(item),
        });
        match result {
            Ok(item) => Prepared::Normalized { message, origin, item: Box::new(item) },
            Err(reject) => Prepared::Rejected { message, stage: Stage::Normalize, reject },
        }
    }

    /// Puts what was held back into transactions, now that one may be opened.
    fn catch_up(&mut self) -> Result<(), End> {
        while self.sealed.is_none()
            && let Some(prepared) = self.ahead.pop_front()
        {
            self.ahead_bytes -= prepared.message().payload_len().min(self.ahead_bytes);
            self.take(prepared)?;
        }
        Ok(())
    }

    /// Takes an item into the open transaction, opening one if need be.
    fn take(&mut self, prepared: Prepared<'s>) -> Result<(), End> {
        let (lane, offset) = (lane(prepared.message(), &self.raw_topic), prepared.message().offset());
        match self.core.admit(lane, offset) {
            Admission::Stale => return Ok(()),
            Admission::Hold => {
                self.ahead_bytes += prepared.message().payload_len();
                self.ahead.push_front(prepared);
                return Ok(());
            }
            Admission::Take => {}
            Admission::Begin => {
                self.producer.begin_transaction().map_err(End::Renew)?;
                self.core.begun(self.started.elapsed());
            }
        }
        if lane.input == Input::Raw {
            self.counts.raw_items += 1;
            self.counts.raw_bytes += prepared.message().payload_len() as u64;
        }
        let bytes = match prepared {
            Prepared::Normalized { message, origin, item } => self.hand_on(&message, &origin, &item)?,
            Prepared::Rejected { message, stage, reject } => self.reject(&message, stage, &reject)?,
            Prepared::Arrived { message } => match self.decide(&message)? {
                Ok(bytes) => bytes,
                Err(reject) => self.reject(&message, Stage::Dedup, &reject)?,
            },
        };
        self.core.taken(lane, offset, bytes);
        Ok(())
    }

    /// Sends a normalized item to the partition that owns its content.
    fn hand_on(&mut self, message: &BorrowedMessage<'_>, origin: &Origin, item: &Normalized) -> Result<usize, End> {
        self.counts.normalized += 1;
        let hash = item.hash.to_hex().to_hex();
        let record = BaseRecord::to(&self.service.config.topics.normalized)
            .partition(item.hash.partition(self.layout.partitions))
            .key(hash.as_str())
            .payload(&item.json)
            .headers(headers::normalized(item, origin, self.service.desk.rules_id(), message));
        self.send(record)
    }

    /// The dedup stage.
    fn decide(&mut self, message: &BorrowedMessage<'_>) -> Result<Result<usize, Reject>, End> {
        let arrival = match headers::arrival(message) {
            Ok(arrival) => arrival,
            Err(reject) => return Ok(Err(reject)),
        };
        if arrival.hash.partition(self.layout.partitions) != message.partition() {
            let reject =
                Reject::new(Reason::BadNormalized, "the record lies in a partition that its hash does not own");
            return Ok(Err(reject));
        }
        let Some(verdict) = self.core.sight(message.partition(), &arrival.sighting) else {
            // An open lane of this input has a table; without one the session's state is not to be trusted.
            return Err(End::Renew(KafkaError::ClientCreation("an open partition has no dedup state".into())));
        };
        let topics = &self.service.config.topics;
        match verdict {
            Verdict::First(entry) | Verdict::Newer(entry) => {
                let key = story_key(arrival.uri, &arrival.hash);
                let article = BaseRecord::to(&topics.articles)
                    .key(&key)
                    .payload(message.payload().unwrap_or_default())
                    .headers(message.headers().map_or_else(OwnedHeaders::new, |headers| {
                        use rdkafka::message::BorrowedHeaders;
                        BorrowedHeaders::detach(headers)
                    }));
                let seen_key = record::key(&arrival.hash, arrival.status);
                let seen_value = record::value(&entry);
                let seen =
                    BaseRecord::to(&topics.seen).partition(message.partition()).key(&seen_key).payload(&seen_value);
                let bytes = self.send(article)? + self.send(seen)?;
                self.counts.published(arrival.sighting.time);
                Ok(Ok(bytes))
            }
            Verdict::Repeat(repeat, first) => {
                let kind = duplicate_kind(repeat);
                let duplicate = Duplicate::new(&arrival, kind, &first, &self.raw_topic);
                let value = match serde_json::to_vec(&duplicate) {
                    Ok(value) => value,
                    Err(error) => return Ok(Err(Reject::new(Reason::Internal, error.to_string()))),
                };
                let hash = arrival.hash.to_hex().to_hex();
                let bytes = self.send(BaseRecord::to(&topics.duplicates).key(hash.as_str()).payload(&value))?;
                self.counts.duplicate(kind, arrival.sighting.time);
                Ok(Ok(bytes))
            }
        }
    }

    /// Sends a record to the dead letters, its bytes untouched.
    fn reject(&mut self, message: &BorrowedMessage<'_>, stage: Stage, reject: &Reject) -> Result<usize, End> {
        self.counts.rejected(stage, reject.reason);
        let source = format!("{}/{}/{}", message.topic(), message.partition(), message.offset());
        tracing::debug!(%source, stage = stage.code(), reason = reject.reason.code(), detail = reject.detail, "rejected");
        let mut headers = headers::rejected(message, &source, stage, reject);
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.service.config.topics.rejected);
        record.key = message.key();
        record.payload = message.payload();
        if let Some(payload) = message.payload().filter(|payload| payload.len() > self.layout.max_rejected_bytes) {
            let size = payload.len().to_string();
            headers = headers.insert(rdkafka::message::Header { key: headers::OMITTED, value: Some(size.as_str()) });
            record.payload = None;
        }
        self.send(record.headers(headers))
    }

    /// Sends one record, waiting while the producer's queue is full. Returns its size.
    fn send<K, P>(&self, mut record: BaseRecord<'_, K, P>) -> Result<usize, End>
    where
        K: rdkafka::message::ToBytes + ?Sized,
        P: rdkafka::message::ToBytes + ?Sized,
    {
        let bytes = record.payload.map_or(0, |payload| payload.to_bytes().len());
        let started = Instant::now();
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(bytes),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if started.elapsed() < QUEUE_FULL =>
                {
                    self.health.beat();
                    thread::sleep(GLANCE);
                    record = back;
                }
                Err((error, _)) => return Err(End::Renew(error)),
            }
        }
    }

    /// Hands the open transaction to the committer.
    fn commit(&mut self, offsets: &[(Lane, i64)]) {
        let counts = std::mem::take(&mut self.counts);
        self.sealed = Some(Sealed { since: Instant::now(), counts });
        match self.consumer.group_metadata() {
            Some(group) => self.committer.commit(self.list(offsets.iter().copied()), group),
            None => tracing::error!("the consumer belongs to no group"),
        }
    }

    /// Looks for the end of the commit that is under way, for `wait` at most.
    fn settle(&mut self, wait: Duration) -> Result<(), End> {
        if self.sealed.is_none() {
            return Ok(());
        }
        let Some(outcome) = self.committer.outcome(wait)? else { return Ok(()) };
        let Some(Sealed { since, counts }) = self.sealed.take() else { return Ok(()) };
        let actions = match outcome {
            Outcome::Committed { doubtful } => {
                self.aborts = 0;
                self.health.committed();
                self.service.metrics.committed(&counts, since.elapsed(), jiff::Timestamp::now().as_millisecond());
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
                self.service.metrics.fatal();
                return Err(End::Renew(error));
            }
        };
        self.perform(actions)
    }

    fn renew_producer(&mut self) -> Result<(), End> {
        tracing::info!("a commit was repeated: moving on to a new producer epoch");
        self.producer = new_producer(self.service, self.layout, self.identity, self.stop, self.health)?;
        self.committer = Committer::start(Arc::clone(&self.producer))
            .map_err(|error| End::Renew(KafkaError::ClientCreation(error.to_string())))?;
        Ok(())
    }

    fn seek(&self, positions: &[(Lane, i64)]) -> Result<(), End> {
        if positions.is_empty() {
            return Ok(());
        }
        let list = self.list(positions.iter().copied());
        let sought = self.consumer.seek_partitions(list, Duration::from_secs(10)).map_err(End::Renew)?;
        for element in sought.elements() {
            element.error().map_err(End::Renew)?;
        }
        Ok(())
    }

    fn consumer_error(&self, error: KafkaError) -> Result<(), End> {
        match error {
            KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId) => {
                Err(End::Fail(WorkerError::Replaced(self.identity.instance_id.clone())))
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
                self.service.metrics.rebalance(RebalanceKind::Assigned);
                rebalance.answer(self.consumer).map_err(End::Renew)?;
                let actions = self.core.assigned(lanes);
                self.perform(actions)?;
            }
            Rebalance::Revoke(list) => {
                let lanes = self.lanes_of(list);
                let lost = self.consumer.assignment_lost();
                tracing::info!(partitions = ?Names(&lanes), lost, "revoked");
                self.service.metrics.rebalance(if lost { RebalanceKind::Lost } else { RebalanceKind::Revoked });
                let actions = if lost { self.core.lost(lanes) } else { self.core.revoked(lanes, now) };
                let finished = self.perform_to_the_end(actions);
                // Answered in any case: a revocation left open would block the close of the consumer.
                rebalance.answer(self.consumer).map_err(End::Renew)?;
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
        self.health.assigned(owned);
        self.health.restoring(opening);
        self.health.set_phase(if opening > 0 { Phase::Restoring } else { Phase::Running });
        self.gauges.due = None;
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
                Input::Normalized => &self.service.config.topics.normalized,
            };
            // Fails only for offsets that cannot be written down; these were read from Kafka.
            let _ = list.add_partition_offset(topic, lane.partition, Offset::Offset(offset));
        }
        list
    }
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

fn duplicate_kind(repeat: Repeat) -> DuplicateKind {
    match repeat {
        Repeat::Copy => DuplicateKind::Copy,
        Repeat::Replay => DuplicateKind::Replay,
        Repeat::Stale => DuplicateKind::Stale,
    }
}

/// The value of a record in `wire.duplicates`: which content, which item, first seen when and where.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Duplicate<'a> {
    content_hash: String,
    status: crate::wire::Status,
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
    fn new(arrival: &headers::Arrival<'a>, kind: DuplicateKind, first: &Entry, topic: &'a str) -> Self {
        let coordinates = |source: crate::dedup::Source| Coordinates {
            topic,
            partition: source.partition(),
            offset: source.offset(),
        };
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
}

/// The gauges of one worker, refreshed now and then.
struct Gauges {
    metrics: crate::telemetry::Metrics,
    inflight: Share,
    partitions: Vec<(Input, PartitionState, Share)>,
    due: Option<Instant>,
}

impl Gauges {
    fn new(service: &Service) -> Self {
        let metrics = service.metrics.clone();
        let mut partitions = Vec::new();
        for input in Input::ALL {
            for state in PartitionState::ALL {
                partitions.push((*input, *state, metrics.partitions(*input, *state)));
            }
        }
        Gauges { inflight: metrics.inflight_bytes(), partitions, metrics, due: None }
    }

    fn refresh(&mut self, core: &Core, inflight: u64) {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        self.due = Some(Instant::now() + GAUGES);
        self.inflight.set(inflight);
        for (input, state, share) in &mut self.partitions {
            let active = *state == PartitionState::Active;
            let held = core.lanes().filter(|(lane, open)| lane.input == *input && open.is_some() == active).count();
            share.set(held as u64);
        }
        for (lane, entries) in core.lanes().filter(|(lane, _)| lane.input == Input::Normalized) {
            if let Some(entries) = entries {
                self.metrics.set_dedup_entries(lane.partition, entries as u64);
            }
        }
    }

    fn forget(&self, lanes: &[Lane]) {
        for lane in lanes {
            self.metrics.forget_partition(lane.input, lane.partition);
        }
    }
}
