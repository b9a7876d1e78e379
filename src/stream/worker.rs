//! One worker thread and its sessions.
//!
//! A session is one pair of consumer and producer. Whatever breaks a session ends it, and a new one goes on from the
//! committed offsets; the worker ends when it is told to, or when going on would be wrong (another process has taken its
//! name, or the changelog is of a newer version).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer as _,
};

use super::{
    Layout, Service,
    clients::{self, Identity, WireConsumer, WireProducer},
    orphans::Watch,
    publish::Publisher,
    restore::{Opener, Unreadable},
    session::Session,
    topics::rules::ENVELOPE_BYTES,
    transaction::{Committer, Gone, Remedy, remedy},
};
use crate::telemetry::{Phase, WorkerHealth};

/// How long `init_transactions` may take before it is tried again.
const INIT: Duration = Duration::from_secs(10);
/// After so many tries a new producer is made: this one may have lost its brokers for good.
const INIT_ATTEMPTS: u32 = 3;
/// How long to wait before a new session: doubled up to the second, back to the first after a session that lasted.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
const LASTING: Duration = Duration::from_secs(60);
/// How long leaving the group may take, and how often it is looked at; the request itself goes out within one such look.
const LEAVE: Duration = Duration::from_secs(3);
const LEAVE_GLANCE: Duration = Duration::from_millis(100);

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
    #[error("cannot create a Kafka client: {}; see kafka.properties", clients::refusal(.0))]
    Client(KafkaError),
    /// The worker thread panicked.
    #[error("worker {0} panicked: a defect of copydesk; please report it with the log")]
    Panicked(usize),
}

/// Why a session ended.
pub(super) enum End {
    /// The worker was told to stop, and everything it took is committed.
    Stopped,
    /// A client is of no further use.
    Renew(KafkaError),
    /// The group is to share its partitions out again.
    Rejoin,
    /// The group has another member of this name: another process, or this one as it was. A client whose session has timed
    /// out joins anew, and its own heartbeats of before are then refused as another's (librdkafka #3437).
    Fenced,
    /// Going on would be wrong.
    Fail(WorkerError),
}

impl From<KafkaError> for End {
    fn from(error: KafkaError) -> Self {
        End::Renew(error)
    }
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        End::Renew(KafkaError::ClientCreation(gone.to_string()))
    }
}

/// What a worker is and works with, through all its sessions.
#[derive(Clone, Copy)]
pub(super) struct Worker<'w> {
    pub service: &'w Service,
    pub layout: Layout,
    pub thread: usize,
    pub identity: &'w Identity,
    pub stop: &'w AtomicBool,
    pub health: &'w WorkerHealth,
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
    let identity = &Identity::new(&service.config, thread);
    let worker = Worker { service, layout, thread, identity, stop, health };
    let timeout = clients::transaction_timeout(&service.config);
    let (mut pause, mut fenced) = (PAUSE, false);
    loop {
        let started = Instant::now();
        let end = worker.session().unwrap_or_else(|end| end);
        if started.elapsed() > LASTING {
            (pause, fenced) = (PAUSE, false);
        }
        // Of a session as young as this no transaction can have timed out.
        let end = match end {
            End::Renew(error) if has_lost_its_name(&error) && started.elapsed() < timeout => End::Fenced,
            end => end,
        };
        match end {
            End::Stopped => return Ok(()),
            End::Fail(error) => return Err(error),
            // It has taken its name back, and somebody else has done so too.
            End::Fenced if fenced => return Err(WorkerError::Replaced(identity.instance_id.clone())),
            End::Fenced => {
                tracing::warn!(
                    thread,
                    error = "fenced by a member of the same name",
                    "starting over with new Kafka clients"
                );
                fenced = true;
            }
            End::Rejoin => {}
            End::Renew(error) => {
                tracing::warn!(thread, %error, "starting over with new Kafka clients");
                fenced |= has_lost_its_name(&error);
            }
        }
        service.metrics.worker_restarted();
        let until = Instant::now() + pause;
        while Instant::now() < until && !stop.load(Ordering::Acquire) {
            health.beat();
            thread::sleep(PAUSE / 2);
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl<'w> Worker<'w> {
    /// One session, from its clients to its end.
    fn session(self) -> Result<End, End> {
        let Service { config, metrics, .. } = self.service;
        let client = |error| End::Fail(WorkerError::Client(error));
        self.health.set_phase(Phase::Starting);
        // The producer first: its initialisation aborts what an earlier incarnation left open, which would otherwise hold
        // back every reader, the restore among them.
        let producer = self.new_producer()?;
        let consumer = clients::consumer(config, self.identity, metrics.clone()).map_err(client)?;
        let opener = Opener::start(config, self.layout.partitions, metrics).map_err(client)?;
        let committer = Committer::start(Arc::clone(&producer))?;
        // The threads of a process have one name, and so one watch.
        let orphans = (self.thread == 0).then(|| Watch::start(config, metrics)).transpose().map_err(client)?;
        self.health.set_phase(Phase::Joining);
        consumer.subscribe(&[&config.topics.raw, &config.topics.normalized])?;
        let closing = Closing(&consumer);
        let end = match Session::new(self, &consumer, producer, committer, opener, orphans).run() {
            End::Renew(_) if is_fenced(&consumer) => End::Fenced,
            end => end,
        };
        drop(closing);
        if matches!(end, End::Stopped | End::Rejoin) {
            self.leave(&consumer);
        }
        Ok(end)
    }

    /// Leaves the group, so that others take over at once. A static member that is only closed keeps its place until its
    /// session times out; one that unsubscribes, gives up its partitions and is still there to say so leaves.
    fn leave(self, consumer: &WireConsumer) {
        consumer.unsubscribe();
        let until = Instant::now() + LEAVE;
        while Instant::now() < until && consumer.assignment().is_ok_and(|assigned| assigned.count() > 0) {
            self.health.beat();
            consumer.poll(LEAVE_GLANCE);
        }
        consumer.poll(LEAVE_GLANCE);
    }

    /// A producer that has ended what an earlier one of its name left open.
    pub fn new_producer(self) -> Result<Arc<WireProducer>, End> {
        let max_bytes = self.layout.max_record_bytes.max(self.layout.max_rejected_bytes) + ENVELOPE_BYTES;
        let producer = clients::producer(&self.service.config, self.identity, max_bytes, self.service.metrics.clone())
            .map_err(|error| End::Fail(WorkerError::Client(error)))?;
        let mut attempts = 0;
        loop {
            self.health.beat();
            attempts += 1;
            match producer.init_transactions(INIT) {
                Ok(()) => return Ok(Arc::new(producer)),
                Err(_) if self.stop.load(Ordering::Acquire) => return Err(End::Stopped),
                Err(error) if remedy(&error) == Remedy::Retry && attempts < INIT_ATTEMPTS => {
                    tracing::warn!(%error, "waiting for the transaction coordinator");
                }
                Err(error) => return Err(End::Renew(error)),
            }
        }
    }

    /// What sends by `producer`.
    pub fn publisher(self, producer: Arc<WireProducer>) -> Publisher<'w> {
        Publisher::new(self.service, self.layout, producer, self.health)
    }
}

/// Dropped when nobody handles rebalances any more. librdkafka waits for an answer to every one, also while it closes: without
/// this, a session that panics would never end.
struct Closing<'c>(&'c WireConsumer);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.context().close();
        while let Some(rebalance) = self.0.context().next_rebalance() {
            rebalance.answer_at_close(self.0);
        }
    }
}

/// Whether the producer was fenced: its transaction has timed out, or another has taken its name.
fn has_lost_its_name(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.code() == RDKafkaErrorCode::Fenced)
}

/// Whether the group has refused this member for another of its name, whichever call has told.
fn is_fenced(consumer: &WireConsumer) -> bool {
    consumer.client().fatal_error().is_some_and(|(code, _)| code == RDKafkaErrorCode::FencedInstanceId)
}
