//! The thread that opens lanes: each goes through the steps on its own, and all of them share two clients.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, Sender, TryRecvError},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult},
};

use super::{
    Command, Left, Opened, Unreadable, changelog,
    position::{Gap, position},
};
use crate::{
    config::Config,
    dedup::Table,
    stream::{
        clients::{self, Isolation, Reader},
        core::{Epoch, Lane},
        span::Span,
    },
    telemetry::{Input, Metrics},
};

/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(5);
/// How long to wait before asking again, after an error or while a mark is not reached.
const AGAIN: Duration = Duration::from_millis(50);

/// How long the clients may fail, or read nothing of what they should, before they are replaced.
const PATIENCE: Duration = Duration::from_secs(12);

enum Step {
    Position,
    Mark { position: i64 },
    Stable { position: i64, mark: i64, waits: bool },
    Reading { position: i64, span: Span, table: Box<Table> },
}

struct Pending {
    epoch: Epoch,
    since: Instant,
    step: Step,
    /// Whether the last question about it failed.
    failed: bool,
}

/// What came of asking about lanes.
#[derive(Default)]
struct Turn {
    moved: bool,
    failed: bool,
}

pub(super) struct Work {
    committed: Reader,
    uncommitted: Reader,
    config: Config,
    partitions: i32,
    metrics: Metrics,
    pending: BTreeMap<Lane, Pending>,
    /// When the clients last did what they were asked to.
    well: Instant,
    outbox: Sender<Result<Opened, Unreadable>>,
    left: Left,
}

impl Work {
    pub fn new(
        config: &Config,
        partitions: i32,
        metrics: &Metrics,
        outbox: Sender<Result<Opened, Unreadable>>,
        left: Left,
    ) -> KafkaResult<Self> {
        Ok(Work {
            committed: clients::reader(config, Isolation::Committed, metrics.clone())?,
            uncommitted: clients::reader(config, Isolation::Uncommitted, metrics.clone())?,
            config: config.clone(),
            partitions,
            metrics: metrics.clone(),
            pending: BTreeMap::new(),
            well: Instant::now(),
            outbox,
            left,
        })
    }

    pub fn run(mut self, inbox: &Receiver<Command>) {
        loop {
            let command = match self.pending.is_empty() {
                true => inbox.recv().map_err(|_| TryRecvError::Disconnected),
                false => inbox.try_recv(),
            };
            match command {
                Ok(command) => {
                    self.take(command);
                    continue;
                }
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {}
            }
            let turn = self.advance().and_then(|turn| Ok(Turn { moved: self.read()? || turn.moved, ..turn }));
            match turn {
                Ok(Turn { moved: true, .. }) => self.well = Instant::now(),
                Ok(Turn { failed, .. }) => {
                    if !failed && !self.is_reading() {
                        self.well = Instant::now();
                    }
                    thread::sleep(if failed { AGAIN * 10 } else { AGAIN });
                }
                Err(Trouble::Kafka(error)) => {
                    tracing::warn!(%error, "opening partitions: asking again");
                    thread::sleep(AGAIN * 10);
                }
                Err(Trouble::Unreadable(error)) => {
                    let _ = self.outbox.send(Err(error));
                    return;
                }
                Err(Trouble::Gone) => return,
            }
            if self.well.elapsed() > PATIENCE
                && let Err(error) = self.start_over()
            {
                tracing::error!(%error, "the clients that open partitions cannot be replaced");
                return;
            }
        }
    }

    /// Replaces the clients and opens every lane from the first step on. A client may have lost its brokers for good.
    fn start_over(&mut self) -> KafkaResult<()> {
        tracing::warn!(lanes = self.pending.len(), "opening partitions with new Kafka clients");
        self.committed = clients::reader(&self.config, Isolation::Committed, self.metrics.clone())?;
        self.uncommitted = clients::reader(&self.config, Isolation::Uncommitted, self.metrics.clone())?;
        for pending in self.pending.values_mut() {
            (pending.step, pending.failed) = (Step::Position, false);
        }
        self.well = Instant::now();
        Ok(())
    }

    fn is_reading(&self) -> bool {
        self.pending.values().any(|pending| matches!(pending.step, Step::Reading { .. }))
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Open(lanes) => {
                self.well = Instant::now();
                for (lane, epoch) in lanes {
                    self.stop_reading(lane);
                    self.pending
                        .insert(lane, Pending { epoch, since: Instant::now(), step: Step::Position, failed: false });
                }
            }
            Command::Close(lanes) => {
                for lane in lanes {
                    self.stop_reading(lane);
                    self.pending.remove(&lane);
                    self.left.forget(lane);
                }
            }
        }
    }

    fn stop_reading(&self, lane: Lane) {
        if matches!(self.pending.get(&lane), Some(Pending { step: Step::Reading { .. }, .. }))
            && let Err(error) = self.committed.incremental_unassign(&self.seen(lane.partition, Offset::Beginning))
        {
            tracing::debug!(%error, "unassigning a changelog partition");
        }
    }

    fn seen(&self, partition: i32, offset: Offset) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        // Fails only for offsets that cannot be written down; these can.
        let _ = list.add_partition_offset(&self.config.topics.seen, partition, offset);
        list
    }

    fn topic(&self, lane: Lane) -> &str {
        match lane.input {
            Input::Raw => &self.config.topics.raw,
            Input::Normalized => &self.config.topics.normalized,
        }
    }

    /// Moves every lane that is not reading yet one step on. One whose partition does not answer holds up none of the
    /// others: it is asked about again once those are read.
    fn advance(&mut self) -> Result<Turn, Trouble> {
        let mut turn = Turn::default();
        for (lane, committed) in self.committed_offsets()? {
            let outcome = committed.map_err(Trouble::from).and_then(|committed| self.locate(lane, committed));
            self.note(&mut turn, lane, outcome)?;
        }
        for lane in self.pending.keys().copied().collect::<Vec<_>>() {
            let outcome = self.step(lane);
            self.note(&mut turn, lane, outcome)?;
        }
        Ok(turn)
    }

    fn note(&mut self, turn: &mut Turn, lane: Lane, outcome: Result<bool, Trouble>) -> Result<(), Trouble> {
        let failed = match outcome {
            Ok(moved) => {
                turn.moved |= moved;
                false
            }
            Err(Trouble::Kafka(error)) => {
                let topic = self.topic(lane);
                tracing::warn!(topic, partition = lane.partition, %error, "opening a partition: asking again");
                true
            }
            Err(trouble) => return Err(trouble),
        };
        turn.failed |= failed;
        if let Some(pending) = self.pending.get_mut(&lane) {
            pending.failed = failed;
        }
        Ok(())
    }

    /// Whether a lane is to be asked about now.
    fn is_due(&self, pending: &Pending) -> bool {
        !pending.failed || !self.is_reading()
    }

    /// Finds out where a lane is read from. `true`, for it moved.
    fn locate(&mut self, lane: Lane, committed: Offset) -> Result<bool, Trouble> {
        let position = self.position(lane, committed)?;
        match lane.input {
            Input::Raw => self.finish(lane, position, None)?,
            Input::Normalized => self.set(lane, Step::Mark { position }),
        }
        Ok(true)
    }

    /// Moves a lane on towards the reading of its changelog. `true` if it moved.
    fn step(&mut self, lane: Lane) -> Result<bool, Trouble> {
        let seen = &self.config.topics.seen;
        match self.pending.get(&lane).filter(|pending| self.is_due(pending)).map(|pending| &pending.step) {
            Some(&Step::Mark { position }) => {
                let marker = if mutant!("restore-to-stable-end") { &self.committed } else { &self.uncommitted };
                let (_, mark) = marker.fetch_watermarks(seen, lane.partition, ASK)?;
                self.set(lane, Step::Stable { position, mark, waits: false });
                Ok(true)
            }
            Some(&Step::Stable { position, mark, waits }) => {
                let (low, stable) = self.committed.fetch_watermarks(seen, lane.partition, ASK)?;
                self.left.set(lane.partition, u64::try_from(mark - low).unwrap_or(0));
                if stable < mark {
                    if !waits {
                        let hidden = mark - stable;
                        tracing::info!(partition = lane.partition, hidden, "waiting for open transactions");
                        self.set(lane, Step::Stable { position, mark, waits: true });
                    }
                    return Ok(false);
                }
                self.committed.incremental_assign(&self.seen(lane.partition, Offset::Beginning))?;
                let table = Box::new(Table::new(self.config.dedup.window()));
                self.set(lane, Step::Reading { position, span: Span::new(low..mark), table });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn set(&mut self, lane: Lane, step: Step) {
        if let Some(pending) = self.pending.get_mut(&lane) {
            pending.step = step;
        }
    }

    /// What the group has committed of each lane that asks for its position.
    fn committed_offsets(&self) -> Result<Vec<(Lane, KafkaResult<Offset>)>, Trouble> {
        let is_asking = |pending: &Pending| matches!(pending.step, Step::Position) && self.is_due(pending);
        let asking = || self.pending.iter().filter(|(_, pending)| is_asking(pending)).map(|(lane, _)| *lane);
        let mut list = TopicPartitionList::new();
        for lane in asking() {
            list.add_partition(self.topic(lane), lane.partition);
        }
        if list.count() == 0 {
            return Ok(Vec::new());
        }
        let list = self.committed.committed_offsets(list, ASK)?;
        let committed = asking().filter_map(|lane| {
            let found = list.find_partition(self.topic(lane), lane.partition)?;
            Some((lane, found.error().map(|()| found.offset())))
        });
        Ok(committed.collect())
    }

    fn position(&self, lane: Lane, committed: Offset) -> Result<i64, Trouble> {
        let topic = self.topic(lane);
        let (low, high) = self.uncommitted.fetch_watermarks(topic, lane.partition, ASK)?;
        let (next, gap) = position(lane.input, committed, low, high, self.config.kafka.start);
        let partition = lane.partition;
        match gap {
            Gap::None => {}
            Gap::Expired(lost) => tracing::error!(
                topic,
                partition,
                lost,
                "records expired before they were read: raise the retention of the topic"
            ),
            Gap::Anew { committed } => tracing::error!(
                topic,
                partition,
                committed,
                end = high,
                "the topic ends before the committed offset: it was made anew; reading it from the start"
            ),
        }
        self.metrics.lost(lane.input, gap.lost());
        Ok(next)
    }

    /// Reads what there is of the changelog. `true` if anything was read.
    fn read(&mut self) -> Result<bool, Trouble> {
        if !self.is_reading() {
            return Ok(false);
        }
        for turn in 0..10_000 {
            match self.committed.poll(if turn == 0 { AGAIN } else { Duration::ZERO }) {
                None => return Ok(turn > 0),
                Some(Ok(message)) => {
                    let lane = Lane { input: Input::Normalized, partition: message.partition() };
                    let Some(Pending { step: Step::Reading { span, table, .. }, .. }) = self.pending.get_mut(&lane)
                    else {
                        continue;
                    };
                    span.advance(message.offset() + 1);
                    fault!("mid-restore");
                    changelog::take(table, &message, self.partitions)?;
                    if message.offset() % 10_000 == 0 {
                        self.left.set(lane.partition, span.left());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => self.at_end(partition)?,
                Some(Err(error)) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// The end of a partition of the changelog is reported.
    fn at_end(&mut self, partition: i32) -> Result<(), Trouble> {
        let lane = Lane { input: Input::Normalized, partition };
        let Some(Pending { step: Step::Reading { position, span, table }, .. }) = self.pending.get_mut(&lane) else {
            return Ok(());
        };
        if !span.ends(&self.committed, &self.config.topics.seen, partition)? {
            return Ok(());
        }
        let empty = Box::new(Table::new(self.config.dedup.window()));
        let (position, table) = (*position, std::mem::replace(table, empty));
        self.stop_reading(lane);
        self.finish(lane, position, Some(table))
    }

    fn finish(&mut self, lane: Lane, position: i64, table: Option<Box<Table>>) -> Result<(), Trouble> {
        let Some(pending) = self.pending.remove(&lane) else { return Ok(()) };
        self.left.forget(lane);
        if let Some(table) = &table {
            self.metrics.restored(pending.since.elapsed());
            tracing::info!(
                partition = lane.partition,
                entries = table.len(),
                ms = pending.since.elapsed().as_millis() as u64,
                "restored"
            );
        }
        self.outbox.send(Ok(Opened { lane, epoch: pending.epoch, position, table })).map_err(|_| Trouble::Gone)
    }
}

enum Trouble {
    Kafka(KafkaError),
    Unreadable(Unreadable),
    Gone,
}

impl From<Unreadable> for Trouble {
    fn from(unreadable: Unreadable) -> Self {
        Trouble::Unreadable(unreadable)
    }
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        Trouble::Kafka(error)
    }
}
