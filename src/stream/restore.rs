//! Opening lanes: from which offset a lane is read, and for a normalized lane, what its partition has already seen.
//!
//! Runs beside the worker, with clients outside the group, so that other lanes go on meanwhile. The order is what makes the
//! restored table complete (it is Kafka Streams' order, and for the same reason):
//!
//! 1. the *stable* committed offset of the input: librdkafka waits while a transaction holds an offset of it pending;
//! 2. the high watermark of the changelog, as a *read-uncommitted* client sees it: whatever an earlier owner committed, or
//!    is about to, lies below it;
//! 3. wait until the last stable offset has reached that mark: no open transaction hides committed entries any more;
//! 4. read the changelog, committed records only, to its end, which lies at the mark or behind it ([`Span`]).
//!
//! Bounding the read by the last stable offset at once would lose entries that a crashed writer's open transaction hides.
//!
//! [`Span`]: super::span::Span

mod changelog;
mod position;
mod work;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender, TryRecvError},
    },
    thread,
};

use rdkafka::error::{KafkaError, KafkaResult};

use self::work::Work;
use super::core::{Epoch, Lane};
use crate::{
    config::Config,
    dedup::{Table, record::RecordError},
    telemetry::{Input, Metrics},
};

/// A lane that is ready to be read.
#[derive(Debug)]
pub struct Opened {
    /// Which lane.
    pub lane: Lane,
    /// Under which ownership it was asked for.
    pub epoch: Epoch,
    /// The offset to read from.
    pub position: i64,
    /// What a normalized lane's partition has seen.
    pub table: Option<Box<Table>>,
}

/// Why the changelog cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Another version of copydesk wrote it.
    #[error("{place}: {cause}; start the version of copydesk that wrote it, or a newer one")]
    Layout {
        /// Topic, partition and offset.
        place: String,
        /// What it says.
        cause: RecordError,
    },
    /// The number of partitions has changed since it was written.
    #[error(
        "{place}: the entry belongs to partition {owner} of {partitions}, so the number of partitions was changed; \
         contents would not be found where they were remembered. Create wire.normalized and wire.seen anew under other \
         names (topics.normalized, topics.seen), or set the number back"
    )]
    Partitions {
        /// Topic, partition and offset.
        place: String,
        /// Where the entry belongs now.
        owner: i32,
        /// How many partitions there are.
        partitions: i32,
    },
}

enum Command {
    Open(Vec<(Lane, Epoch)>),
    Close(Vec<Lane>),
}

/// How many records of the changelog are left to read, by the partition that is being opened.
#[derive(Clone, Default)]
struct Left(Arc<Mutex<BTreeMap<i32, u64>>>);

impl Left {
    fn set(&self, partition: i32, records: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, records);
    }

    fn forget(&self, lane: Lane) {
        if lane.input == Input::Normalized {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&lane.partition);
        }
    }
}

/// The opener of one worker: a thread that ends when this is dropped.
pub struct Opener {
    commands: Sender<Command>,
    results: Receiver<Result<Opened, Unreadable>>,
    left: Left,
}

impl Opener {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where librdkafka refuses a property.
    pub fn start(config: &Config, partitions: i32, metrics: &Metrics) -> KafkaResult<Self> {
        let (commands, inbox) = mpsc::channel();
        let (outbox, results) = mpsc::channel();
        let left = Left::default();
        let work = Work::new(config, partitions, metrics, outbox, left.clone())?;
        thread::Builder::new()
            .name("opener".into())
            .spawn(move || work.run(&inbox))
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Opener { commands, results, left })
    }

    /// Asks for lanes to be opened.
    pub fn open(&self, lanes: Vec<(Lane, Epoch)>) {
        // A thread that is gone shows in `next`.
        let _ = self.commands.send(Command::Open(lanes));
    }

    /// Lanes are no longer wanted.
    pub fn close(&self, lanes: Vec<Lane>) {
        let _ = self.commands.send(Command::Close(lanes));
    }

    /// How many records of the changelog are left to read before this partition is open, once that is known.
    pub fn left(&self, partition: i32) -> Option<u64> {
        self.left.0.lock().unwrap_or_else(PoisonError::into_inner).get(&partition).copied()
    }

    /// The next opened lane, if there is one.
    ///
    /// # Errors
    /// Where the changelog holds what this version cannot read, or the thread died (`None`).
    pub fn next(&self) -> Result<Option<Opened>, Option<Unreadable>> {
        match self.results.try_recv() {
            Ok(result) => result.map(Some).map_err(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(None),
        }
    }
}
