//! The worker's decisions, without I/O, clock or threads: what may be taken, what a transaction holds, when it is due, what
//! it commits, where to go back to when it fails, and what a rebalance leaves.
//!
//! The driver (the session) tells the core what happened and performs the [`Action`]s it answers, in their order. The rules
//! it keeps:
//!
//! 1. A record is taken only from a lane that is open, and only at the offset that comes next or after it.
//! 2. An open transaction never outlives a revocation: it is committed or aborted before lanes are given up, because its
//!    outputs for a lane would otherwise commit without that lane's offset.
//! 3. Only offsets of lanes owned now are committed; the coordinator checks member and generation, not ownership.
//! 4. After an abort every open lane goes back to where its last commit left it, and the table forgets what was pending.
//! 5. What a restore brings counts only if the lane was not given up and taken again meanwhile: an epoch tells.
//! 6. While the dead-letter brake holds, no raw record is taken; a release goes on behind the last one that was.
//! 7. While a commit is under way nothing is decided: its entries are not facts yet, and not void either.
//! 8. A raw item is decided at once only where nothing of its raw partition can lie before it between the steps.
//!
//! Records are read and edited ahead, and wait as a [`Batch`]; a transaction is opened only when the batch is due, takes all
//! of it at once and is committed. Its records reach the broker in few large requests, and no transaction stands open while
//! an item is edited.

mod shortcut;

use std::{collections::BTreeMap, time::Duration};

use self::shortcut::Shortcut;
use crate::{
    dedup::{Identity, Sighting, Table, Verdict},
    telemetry::Input,
};

/// One partition of one input topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The topic.
    pub input: Input,
    /// The partition.
    pub partition: i32,
}

/// Tells one ownership of a lane from a later one.
pub type Epoch = u64;

/// Time since the worker started. The core owns no clock.
pub type Clock = Duration;

/// A batch is due at this many bytes of input.
pub const MAX_BYTES: usize = 8 << 20;
/// … or at this many items.
pub const MAX_ITEMS: usize = 10_000;
/// … or at this age, even while more items wait.
pub const MAX_AGE: Duration = Duration::from_millis(500);
/// At least this long between the starts of two commits, so that a trickle does not cost a transaction an item.
pub const PACE: Duration = Duration::from_millis(20);

/// How much has been read and prepared, and waits to go through one transaction together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Its records, of both input topics.
    pub items: usize,
    /// Their bytes.
    pub bytes: usize,
    /// When its first record was read.
    pub since: Clock,
}

/// What the driver is to do. It performs actions in their order, and tells the core what came of those that have an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pause these lanes and find out where to read them from; each is answered by [`Core::opened`].
    Open(Vec<(Lane, Epoch)>),
    /// Read this lane from this offset on.
    Resume(Lane, i64),
    /// Read nothing more of these lanes until they are resumed.
    Hold(Vec<Lane>),
    /// Commit the open transaction with these next offsets; answered by [`Core::committed`] or [`Core::failed`].
    Commit(Vec<(Lane, i64)>),
    /// Abort the open transaction; answered by [`Core::aborted`].
    Abort,
    /// Drop everything read ahead, and read these lanes from these offsets again.
    Rewind(Vec<(Lane, i64)>),
    /// Give these lanes up: nothing of them is held any more.
    GiveUp(Vec<Lane>),
    /// Leave: everything taken is committed.
    Leave,
}

/// What to do with a record that was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is no longer ours, or was read before a seek: drop it, it will come again where it belongs.
    Stale,
    /// A commit is under way: keep it for the next transaction, and ask again then.
    Hold,
    /// Take it; a transaction is open.
    Take,
    /// Take it, after beginning a transaction.
    Begin,
}

#[derive(Debug)]
enum Phase {
    Opening,
    Open { committed: i64, next: i64, table: Option<Box<Table>> },
}

#[derive(Debug)]
struct Owned {
    epoch: Epoch,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Txn {
    Idle,
    Open,
    /// Its commit is under way.
    Sealed,
    /// Its abort is under way.
    Aborting,
}

/// What waits for the transaction to end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Waiting {
    GiveUp(Vec<Lane>),
    Leave,
}

/// What keeps an open lane from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The dead-letter brake, until it is released.
    Brake,
    /// Barriers on their way through the topic between the steps, for seconds at most.
    Barrier,
}

/// The state of one worker.
#[derive(Debug)]
pub struct Core {
    lanes: BTreeMap<Lane, Owned>,
    epochs: Epoch,
    txn: Txn,
    last_commit: Option<Clock>,
    waiting: Vec<Waiting>,
    halted: bool,
    shortcut: Shortcut,
}

impl Default for Core {
    fn default() -> Self {
        Core {
            lanes: BTreeMap::new(),
            epochs: 0,
            txn: Txn::Idle,
            last_commit: None,
            waiting: Vec::new(),
            halted: false,
            shortcut: Shortcut::Shut(Clock::ZERO),
        }
    }
}

impl Core {
    /// The group assigned lanes.
    pub fn assigned(&mut self, lanes: impl IntoIterator<Item = Lane>) -> Vec<Action> {
        let opening: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                self.epochs += 1;
                let kept = self.lanes.remove(&lane).filter(|_| mutant!("state-kept"));
                let phase = kept.map_or(Phase::Opening, |kept| kept.phase);
                self.lanes.insert(lane, Owned { epoch: self.epochs, phase });
                (lane, self.epochs)
            })
            .collect();
        let mut actions = if opening.is_empty() { Vec::new() } else { self.shut(Clock::ZERO) };
        actions.push(Action::Open(opening));
        actions
    }

    /// A lane's position, and for a normalized one its table, were read. It is passed over if the lane is not (or no
    /// longer) waited for.
    pub fn opened(&mut self, lane: Lane, epoch: Epoch, position: i64, table: Option<Box<Table>>) -> Vec<Action> {
        match self.lanes.get_mut(&lane) {
            Some(Owned { phase: Phase::Open { committed, next, .. }, .. }) if mutant!("state-kept") => {
                (*committed, *next) = (position, position);
                vec![Action::Resume(lane, position)]
            }
            Some(owned)
                if (owned.epoch == epoch || mutant!("epoch-unchecked")) && matches!(owned.phase, Phase::Opening) =>
            {
                owned.phase = Phase::Open { committed: position, next: position, table };
                match self.held(lane) {
                    Some(_) => Vec::new(),
                    None => vec![Action::Resume(lane, position)],
                }
            }
            _ => Vec::new(),
        }
    }

    /// The group asks for lanes back: they are given up once no transaction is open.
    pub fn revoked(&mut self, lanes: Vec<Lane>, now: Clock) -> Vec<Action> {
        self.waiting.push(Waiting::GiveUp(lanes));
        self.finish(now)
    }

    /// The worker is to stop: it leaves once what it has taken is committed.
    pub fn stop(&mut self, now: Clock) -> Vec<Action> {
        self.waiting.push(Waiting::Leave);
        self.finish(now)
    }

    /// Whether the end of the transaction is all there is to wait for: nothing should be polled before.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a polled record may be taken now, and whether a transaction must begin first.
    pub fn admit(&self, lane: Lane, offset: i64) -> Admission {
        match self.lanes.get(&lane).map(|owned| &owned.phase) {
            Some(Phase::Open { next, .. }) if offset >= *next && self.held(lane).is_none() => match self.txn {
                Txn::Idle => Admission::Begin,
                Txn::Open => Admission::Take,
                Txn::Sealed | Txn::Aborting => Admission::Hold,
            },
            _ => Admission::Stale,
        }
    }

    /// A transaction has begun.
    pub fn begun(&mut self) {
        self.txn = Txn::Open;
    }

    /// Decides a sighting on a normalized lane. `None` where the lane has no table: it is not ours.
    pub fn sight(&mut self, partition: i32, sighting: &Sighting) -> Option<Verdict> {
        match self.lanes.get_mut(&Lane { input: Input::Normalized, partition })?.phase {
            Phase::Open { table: Some(ref mut table), .. } => Some(table.sight(sighting)),
            _ => None,
        }
    }

    /// Whether raw items whose content belongs to this partition are decided at once: it is ours, and the short cut is open.
    pub fn decides_at_once(&self, partition: i32) -> bool {
        let lane = self.lanes.get(&Lane { input: Input::Normalized, partition });
        let is_open = lane.is_some_and(|owned| matches!(owned.phase, Phase::Open { table: Some(_), .. }));
        is_open && self.takes_short_cut()
    }

    /// Whether the short cut is open.
    pub fn takes_short_cut(&self) -> bool {
        self.shortcut == Shortcut::Open
    }

    /// Whether a batch should go through a transaction with barriers behind it, however small it is.
    pub fn wants_barriers(&self, now: Clock) -> bool {
        let owns = |input: Input| self.lanes.keys().any(|lane| lane.input == input);
        self.shortcut.is_due(now)
            && matches!(self.txn, Txn::Idle | Txn::Open)
            && !(self.halted || self.is_waiting())
            && owns(Input::Raw)
            && owns(Input::Normalized)
            && self.lanes.values().all(|owned| matches!(owned.phase, Phase::Open { .. }))
    }

    /// Barriers go into the open transaction, one into each of these partitions, and raw lanes are held until they come back.
    pub fn barriers(&mut self, now: Clock) -> (u64, Vec<i32>, Vec<Action>) {
        self.epochs += 1;
        let normalized = self.lanes.keys().filter(|lane| lane.input == Input::Normalized);
        let partitions: Vec<i32> = normalized.map(|lane| lane.partition).collect();
        self.shortcut.clear(self.epochs, partitions.iter().copied(), now);
        (self.epochs, partitions, vec![self.hold()])
    }

    /// A barrier came back.
    pub fn passed(&mut self, partition: i32, number: u64) {
        self.shortcut.pass(partition, number);
    }

    /// Reads on without the short cut where barriers do not come back.
    pub fn lose_patience(&mut self, now: Clock) -> Vec<Action> {
        if self.shortcut.lose_patience(now) { self.resume() } else { Vec::new() }
    }

    fn shut(&mut self, until: Clock) -> Vec<Action> {
        if self.shortcut.shut(until) { self.resume() } else { Vec::new() }
    }

    /// Forgets a content on a normalized lane, as part of the open transaction; answers whether it was remembered. `None`
    /// where the lane has no table: it is not ours.
    pub fn forget(&mut self, partition: i32, identity: &Identity) -> Option<bool> {
        match self.lanes.get_mut(&Lane { input: Input::Normalized, partition })?.phase {
            Phase::Open { table: Some(ref mut table), .. } => Some(table.forget(identity)),
            _ => None,
        }
    }

    /// A record's outputs are in the open transaction.
    pub fn taken(&mut self, lane: Lane, offset: i64) {
        if let Some(Owned { phase: Phase::Open { next, .. }, .. }) = self.lanes.get_mut(&lane) {
            *next = offset + 1;
        }
    }

    /// Whether a batch should go through a transaction now. `drained`: no further record is waiting.
    pub fn is_due(&self, batch: &Batch, now: Clock, drained: bool) -> bool {
        let full = batch.bytes >= MAX_BYTES || batch.items >= MAX_ITEMS || now.saturating_sub(batch.since) >= MAX_AGE;
        let due = full || (drained && self.patience(now).is_zero());
        batch.items > 0 && self.txn == Txn::Idle && due
    }

    /// Everything that belongs into the open transaction is in it.
    pub fn close(&mut self, now: Clock) -> Vec<Action> {
        match self.txn {
            Txn::Open => self.commit(now),
            _ => Vec::new(),
        }
    }

    /// How long a batch still waits although nothing follows it, to keep the pace.
    pub fn patience(&self, now: Clock) -> Duration {
        self.last_commit.map_or(Duration::ZERO, |last| (last + PACE).saturating_sub(now))
    }

    /// The commit went through: its offsets and pending entries are facts.
    pub fn committed(&mut self) -> Vec<Action> {
        self.txn = Txn::Idle;
        for owned in self.lanes.values_mut() {
            if let Phase::Open { committed, next, .. } = &mut owned.phase {
                *committed = *next;
            }
        }
        if !mutant!("no-merge-after-commit") {
            self.merge();
        }
        self.settled()
    }

    /// The commit did not go through.
    pub fn failed(&mut self) -> Vec<Action> {
        self.abort()
    }

    /// The abort went through: everything is as the last commit left it.
    pub fn aborted(&mut self) -> Vec<Action> {
        self.txn = Txn::Idle;
        for owned in self.lanes.values_mut() {
            if let Phase::Open { committed, next, table } = &mut owned.phase {
                *next = *committed;
                if let Some(table) = table {
                    table.abort();
                }
            }
        }
        let is_leaving =
            |lane: Lane| self.waiting.iter().any(|w| matches!(w, Waiting::GiveUp(lanes) if lanes.contains(&lane)));
        let read_on = self.open_lanes().filter(|(lane, _)| !is_leaving(*lane) && self.held(*lane).is_none());
        let positions = read_on.filter(|_| !mutant!("no-seek-after-abort")).collect();
        let called_off = self.shortcut.call_off();
        let mut actions = vec![Action::Rewind(positions)];
        actions.extend(self.settled());
        if called_off {
            actions.extend(self.resume());
        }
        actions
    }

    /// The dead-letter brake holds: no raw record is taken any more, though a transaction that holds some goes on.
    pub fn halt(&mut self) -> Vec<Action> {
        self.halted = true;
        vec![self.hold()]
    }

    /// The dead-letter brake is released.
    pub fn release(&mut self) -> Vec<Action> {
        self.halted = false;
        self.resume()
    }

    /// Whether the dead-letter brake holds.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// What holds this lane, if anything does: only raw lanes are held.
    pub fn held(&self, lane: Lane) -> Option<Held> {
        match lane.input {
            Input::Normalized => None,
            Input::Raw if self.halted => Some(Held::Brake),
            Input::Raw => self.shortcut.is_clearing().then_some(Held::Barrier),
        }
    }

    fn hold(&self) -> Action {
        Action::Hold(self.open_raw_lanes().map(|(lane, _)| lane).collect())
    }

    /// Raw lanes go on, unless something else holds them.
    fn resume(&self) -> Vec<Action> {
        let free = self.open_raw_lanes().filter(|(lane, _)| self.held(*lane).is_none());
        free.map(|(lane, next)| Action::Resume(lane, next)).collect()
    }

    fn open_raw_lanes(&self) -> impl Iterator<Item = (Lane, i64)> {
        self.open_lanes().filter(|(lane, _)| lane.input == Input::Raw)
    }

    fn open_lanes(&self) -> impl Iterator<Item = (Lane, i64)> {
        self.lanes.iter().filter_map(|(lane, owned)| match owned.phase {
            Phase::Open { next, .. } => Some((*lane, next)),
            Phase::Opening => None,
        })
    }

    /// Whether a transaction is open and takes items.
    pub fn in_transaction(&self) -> bool {
        self.txn == Txn::Open
    }

    /// Lanes owned, and how many of them are still opening.
    pub fn ownership(&self) -> (usize, usize) {
        let opening = self.lanes.values().filter(|owned| matches!(owned.phase, Phase::Opening)).count();
        (self.lanes.len(), opening)
    }

    /// Every owned lane, with the number of contents its table remembers once it is open.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, Option<usize>)> {
        self.lanes.iter().map(|(lane, owned)| match &owned.phase {
            Phase::Open { table, .. } => (*lane, Some(table.as_ref().map_or(0, |table| table.len()))),
            Phase::Opening => (*lane, None),
        })
    }

    /// Ends the transaction as soon as it may end, then does what waits for that.
    fn finish(&mut self, now: Clock) -> Vec<Action> {
        match self.txn {
            Txn::Idle => self.settled(),
            Txn::Open => self.commit(now),
            Txn::Sealed | Txn::Aborting => Vec::new(),
        }
    }

    fn commit(&mut self, now: Clock) -> Vec<Action> {
        if mutant!("merge-before-commit") {
            self.merge();
        }
        self.txn = Txn::Sealed;
        self.last_commit = Some(now);
        let moved = self.lanes.iter().filter_map(|(lane, owned)| match owned.phase {
            Phase::Open { committed, next, .. } if next > committed || mutant!("offsets-not-owned") => {
                Some((*lane, next))
            }
            _ => None,
        });
        vec![Action::Commit(moved.collect())]
    }

    /// What is pending in the tables becomes fact.
    fn merge(&mut self) {
        for owned in self.lanes.values_mut() {
            if let Phase::Open { table: Some(table), .. } = &mut owned.phase {
                table.commit();
            }
        }
    }

    fn abort(&mut self) -> Vec<Action> {
        self.txn = Txn::Aborting;
        vec![Action::Abort]
    }

    /// No transaction is open: what has waited for that is done.
    fn settled(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::GiveUp(lanes) => {
                    for lane in
                        lanes.iter().filter(|_| !mutant!("state-kept")).filter(|_| !mutant!("offsets-not-owned"))
                    {
                        self.lanes.remove(lane);
                        if lane.input == Input::Normalized {
                            self.shortcut.give_up(lane.partition);
                        }
                    }
                    actions.push(Action::GiveUp(lanes));
                }
                Waiting::Leave => actions.push(Action::Leave),
            }
        }
        if self.shortcut.open() {
            actions.extend(self.resume());
        }
        actions
    }
}

#[cfg(test)]
mod tests;
