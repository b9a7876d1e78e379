//! Committing and aborting transactions: the normative order, and what each error means.
//!
//! Commit order: every record delivered → offsets added, under the group metadata of *now* → commit. Offsets are never
//! added while records are in flight, because librdkafka accepts that silently and the error of a record would surface only
//! afterwards.

use std::{
    cell::Cell,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::Producer as _,
};

use super::clients::WireProducer;
use crate::telemetry::health::HEARTBEAT;

/// How long one blocking call may take before it is looked at again.
const CALL: Duration = Duration::from_secs(5);
/// How often it is looked whether the records of a transaction are delivered.
const DRAIN_GLANCE: Duration = Duration::from_millis(1);
/// How long a transaction may take to end before its producer is given up.
const DEADLINE: Duration = Duration::from_secs(30);
/// A worker that aborts stands still meanwhile, and is not to be taken for one that hangs.
const _: () = assert!(DEADLINE.as_secs() + CALL.as_secs() < HEARTBEAT.as_secs());
/// How long a commit may give no sign. Sending offsets ignores its time-out, and may wait for ever for a group coordinator
/// that has left (librdkafka #5456, #5511).
const HANGS: Duration = Duration::from_secs(20);

/// What an error of a transactional call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Call the same function again.
    Retry,
    /// Abort the transaction and read its items again.
    Abort,
    /// The producer is of no further use: build a new one.
    Renew,
}

/// Classifies an error of a transactional call.
///
/// Source: librdkafka INTRODUCTION.md, “Transactional producer API”: no flag set means fatal. A commit that fails while it
/// flushes surfaces as [`KafkaError::Flush`], without flags.
pub fn remedy(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Remedy::Renew,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Remedy::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Remedy::Retry,
        KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => Remedy::Retry,
        // A client whose records time out may have lost its way to a partition or a broker for good (librdkafka #5430).
        KafkaError::Flush(RDKafkaErrorCode::MessageTimedOut)
        | KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut) => Remedy::Renew,
        KafkaError::Flush(_) | KafkaError::MessageProduction(_) => Remedy::Abort,
        _ => Remedy::Renew,
    }
}

/// How a commit ended.
#[derive(Debug)]
pub enum Outcome {
    /// Committed. `doubtful`: some call had to be repeated, so an EndTxn of this epoch may still be under way. The broker
    /// protocol librdkafka speaks cannot tell it from one of the *next* transaction (KIP-890), so the producer must be
    /// replaced, which moves on the epoch, before anything else is sent.
    Committed {
        /// Whether the producer must be replaced.
        doubtful: bool,
    },
    /// Not committed: abort, and read the items again.
    Abort(KafkaError),
    /// Not committed, as far as is known, and the producer is of no further use.
    Renew(KafkaError),
}

struct Job {
    offsets: TopicPartitionList,
    group: ConsumerGroupMetadata,
}

/// Commits transactions on a thread of its own, so that the next items are read and edited meanwhile.
pub struct Committer {
    jobs: Sender<Job>,
    outcomes: Receiver<Outcome>,
    since: Cell<Instant>,
}

impl Committer {
    /// Starts the thread for `producer`; it ends when the committer is dropped.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(producer: Arc<WireProducer>) -> KafkaResult<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (outbox, outcomes) = mpsc::channel();
        thread::Builder::new()
            .name("committer".into())
            .spawn(move || {
                let mut known = None;
                for Job { offsets, group } in inbox {
                    let cached = mutant!("cached-group-metadata");
                    let group = if cached { known.get_or_insert(group) } else { known.insert(group) };
                    if outbox.send(commit(&producer, &offsets, group)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Committer { jobs, outcomes, since: Cell::new(Instant::now()) })
    }

    /// Hands over the open transaction.
    pub fn commit(&self, offsets: TopicPartitionList, group: ConsumerGroupMetadata) {
        self.since.set(Instant::now());
        // A thread that is gone shows in `outcome`.
        let _ = self.jobs.send(Job { offsets, group });
    }

    /// How long the commit under way has taken.
    pub fn elapsed(&self) -> Duration {
        self.since.get().elapsed()
    }

    /// The outcome of the commit under way, if it is there within `wait`. One that hangs is given up: a new producer of the
    /// same name fences the one that is left behind in it.
    ///
    /// # Errors
    /// [`Gone`] where the thread died.
    pub fn outcome(&self, wait: Duration) -> Result<Option<Outcome>, Gone> {
        match self.outcomes.recv_timeout(wait) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(RecvTimeoutError::Timeout) if self.elapsed() > HANGS => {
                tracing::warn!(seconds = HANGS.as_secs(), "a commit gives no sign: its producer is given up");
                Ok(Some(Outcome::Renew(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut))))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }
}

/// A helper thread of a worker ended without being told to: a defect.
#[derive(Debug, thiserror::Error)]
#[error("a helper thread of the worker died")]
pub struct Gone;

fn commit(producer: &WireProducer, offsets: &TopicPartitionList, group: &ConsumerGroupMetadata) -> Outcome {
    let mut calls = Calls::new();
    let result = drain(producer)
        .and_then(|()| {
            fault!("before-offsets");
            calls.repeat(|| producer.send_offsets_to_transaction(offsets, group, CALL))
        })
        .and_then(|()| {
            fault!("before-commit");
            calls.repeat(|| producer.commit_transaction(CALL))
        });
    match result {
        Ok(()) => Outcome::Committed { doubtful: calls.repeated },
        Err(error) => match remedy(&error) {
            Remedy::Abort => Outcome::Abort(error),
            Remedy::Retry | Remedy::Renew => Outcome::Renew(error),
        },
    }
}

/// Waits until every record of the transaction is delivered. Not with `flush`, which never takes less than 100 ms while
/// anything is in flight.
fn drain(producer: &WireProducer) -> KafkaResult<()> {
    let started = Instant::now();
    while producer.in_flight_count() > 0 && !mutant!("offsets-before-drain") {
        if started.elapsed() > DEADLINE {
            return Err(KafkaError::Flush(RDKafkaErrorCode::MessageTimedOut));
        }
        thread::sleep(DRAIN_GLANCE);
    }
    producer.events().take_failure().map_or(Ok(()), Err)
}

/// Aborts the open transaction.
///
/// # Errors
/// Where the producer is of no further use.
pub fn abort(producer: &WireProducer) -> KafkaResult<()> {
    let result = Calls::new().repeat(|| producer.abort_transaction(CALL));
    producer.events().take_failure();
    result
}

/// Repeats retriable calls until a deadline.
struct Calls {
    started: Instant,
    repeated: bool,
}

impl Calls {
    fn new() -> Self {
        Calls { started: Instant::now(), repeated: false }
    }

    fn repeat(&mut self, call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
        loop {
            match call() {
                Err(error) if remedy(&error) == Remedy::Retry && self.started.elapsed() < DEADLINE => {
                    tracing::debug!(%error, "transaction call repeated");
                    self.repeated = true;
                    thread::sleep(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }
}
