//! The worker's decisions, without I/O, clock or threads: what may be taken, what a transaction holds, when it is due, what
//! it commits, where to go back to when it fails, and what a rebalance leaves.
//!
//! The driver (`worker.rs`) tells the core what happened and does what the core answers. The rules it keeps:
//!
//! 1. A record is taken only from a lane that is open, and only at the offset that comes next or after it.
//! 2. An open transaction never outlives a revocation: it is committed or aborted before lanes are given up, because its
//!    outputs for a lane would otherwise commit without that lane's offset.
//! 3. Only offsets of lanes owned now are committed; the coordinator checks member and generation, not ownership.
//! 4. After an abort every open lane goes back to where its last commit left it, and the table forgets what was pending.
//! 5. What a restore brings counts only if the lane was not given up and taken again meanwhile: an epoch tells.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    dedup::{Sighting, Table, Verdict},
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

/// A transaction is closed at this many bytes of output.
pub const MAX_BYTES: usize = 8 << 20;
/// … or at this many items.
pub const MAX_ITEMS: usize = 10_000;
/// … or at this age, even while more items wait.
pub const MAX_AGE: Duration = Duration::from_millis(500);
/// At least this long between the starts of two commits, so that a trickle does not cost a transaction an item.
pub const PACE: Duration = Duration::from_millis(15);

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
    Open { since: Clock, items: usize, bytes: usize },
    Sealed,
}

/// What to do with a record that was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is no longer ours, or was read before a seek: drop it, it will come again where it belongs.
    Stale,
    /// Take it; a transaction is open.
    Take,
    /// Take it, after beginning a transaction.
    Begin,
}

/// The state of one worker.
#[derive(Debug)]
pub struct Core {
    lanes: BTreeMap<Lane, Owned>,
    epochs: Epoch,
    txn: Txn,
    last_commit: Option<Clock>,
}

impl Default for Core {
    fn default() -> Self {
        Core { lanes: BTreeMap::new(), epochs: 0, txn: Txn::Idle, last_commit: None }
    }
}

impl Core {
    /// Lanes were assigned. They are to be paused, and opened under the returned epochs.
    pub fn assigned(&mut self, lanes: impl IntoIterator<Item = Lane>) -> Vec<(Lane, Epoch)> {
        lanes
            .into_iter()
            .map(|lane| {
                self.epochs += 1;
                self.lanes.insert(lane, Owned { epoch: self.epochs, phase: Phase::Opening });
                (lane, self.epochs)
            })
            .collect()
    }

    /// A lane's position, and for a normalized one its table, were read. `true`: seek there and resume it. `false`: it is
    /// not (or no longer) waited for.
    pub fn opened(&mut self, lane: Lane, epoch: Epoch, position: i64, table: Option<Box<Table>>) -> bool {
        match self.lanes.get_mut(&lane) {
            Some(owned) if owned.epoch == epoch && matches!(owned.phase, Phase::Opening) => {
                owned.phase = Phase::Open { committed: position, next: position, table };
                true
            }
            _ => false,
        }
    }

    /// Lanes are gone: revoked or lost. No transaction may be open.
    pub fn dropped(&mut self, lanes: &[Lane]) {
        debug_assert!(self.txn == Txn::Idle, "a transaction never outlives a revocation");
        for lane in lanes {
            self.lanes.remove(lane);
        }
    }

    /// Whether a polled record may be taken now, and whether a transaction must begin first.
    pub fn admit(&self, lane: Lane, offset: i64) -> Admission {
        match self.lanes.get(&lane).map(|owned| &owned.phase) {
            Some(Phase::Open { next, .. }) if offset >= *next => match self.txn {
                Txn::Idle => Admission::Begin,
                Txn::Open { .. } | Txn::Sealed => Admission::Take,
            },
            _ => Admission::Stale,
        }
    }

    /// A transaction has begun.
    pub fn begun(&mut self, now: Clock) {
        debug_assert!(self.txn == Txn::Idle);
        self.txn = Txn::Open { since: now, items: 0, bytes: 0 };
    }

    /// Decides a sighting on a normalized lane. `None` where the lane has no table: it is not ours.
    pub fn sight(&mut self, partition: i32, sighting: &Sighting) -> Option<Verdict> {
        match self.lanes.get_mut(&Lane { input: Input::Normalized, partition })?.phase {
            Phase::Open { table: Some(ref mut table), .. } => Some(table.sight(sighting)),
            _ => None,
        }
    }

    /// A record's outputs are in the open transaction: `bytes` of them.
    pub fn taken(&mut self, lane: Lane, offset: i64, bytes: usize) {
        if let Some(Owned { phase: Phase::Open { next, .. }, .. }) = self.lanes.get_mut(&lane) {
            *next = offset + 1;
        }
        if let Txn::Open { items, bytes: sum, .. } = &mut self.txn {
            *items += 1;
            *sum += bytes;
        }
    }

    /// Whether the open transaction should be committed now. `drained`: no further record is waiting.
    pub fn due(&self, now: Clock, drained: bool) -> bool {
        let Txn::Open { since, items, bytes } = self.txn else { return false };
        let full = bytes >= MAX_BYTES || items >= MAX_ITEMS || now.saturating_sub(since) >= MAX_AGE;
        full || (drained && self.patience(now).is_zero())
    }

    /// How long a drained transaction still waits, to keep the pace.
    pub fn patience(&self, now: Clock) -> Duration {
        self.last_commit.map_or(Duration::ZERO, |last| (last + PACE).saturating_sub(now))
    }

    /// Closes the open transaction for its commit: the next offset of every lane it moved. Until [`committed`] or
    /// [`aborted`] nothing further may be taken into it.
    ///
    /// [`committed`]: Core::committed
    /// [`aborted`]: Core::aborted
    pub fn seal(&mut self, now: Clock) -> Vec<(Lane, i64)> {
        self.txn = Txn::Sealed;
        self.last_commit = Some(now);
        self.lanes
            .iter()
            .filter_map(|(lane, owned)| match owned.phase {
                Phase::Open { committed, next, .. } if next > committed => Some((*lane, next)),
                _ => None,
            })
            .collect()
    }

    /// The transaction was committed: its offsets and pending entries are facts.
    pub fn committed(&mut self) {
        self.txn = Txn::Idle;
        for owned in self.lanes.values_mut() {
            if let Phase::Open { committed, next, table } = &mut owned.phase {
                *committed = *next;
                if let Some(table) = table {
                    table.commit();
                }
            }
        }
    }

    /// The transaction was aborted: where every open lane must be read from again.
    pub fn aborted(&mut self) -> Vec<(Lane, i64)> {
        self.txn = Txn::Idle;
        self.lanes
            .iter_mut()
            .filter_map(|(lane, owned)| match &mut owned.phase {
                Phase::Open { committed, next, table } => {
                    *next = *committed;
                    if let Some(table) = table {
                        table.abort();
                    }
                    Some((*lane, *committed))
                }
                Phase::Opening => None,
            })
            .collect()
    }

    /// Whether a transaction is open and takes items.
    pub fn in_transaction(&self) -> bool {
        matches!(self.txn, Txn::Open { .. })
    }

    /// Bytes of output in the open transaction.
    pub fn open_bytes(&self) -> usize {
        match self.txn {
            Txn::Open { bytes, .. } => bytes,
            _ => 0,
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: Lane = Lane { input: Input::Raw, partition: 0 };
    const MS: Duration = Duration::from_millis(1);

    fn open() -> Core {
        let mut core = Core::default();
        let opening = core.assigned([RAW]);
        assert!(core.opened(RAW, opening[0].1, 10, None));
        core
    }

    #[test]
    fn a_lane_takes_nothing_before_it_is_open() {
        let mut core = Core::default();
        assert_eq!(core.admit(RAW, 0), Admission::Stale);
        let opening = core.assigned([RAW]);
        assert_eq!(core.admit(RAW, 0), Admission::Stale);
        core.opened(RAW, opening[0].1, 10, None);
        assert_eq!(core.admit(RAW, 9), Admission::Stale);
        assert_eq!(core.admit(RAW, 10), Admission::Begin);
        assert_eq!(core.admit(RAW, 12), Admission::Begin, "transaction markers leave gaps");
    }

    #[test]
    fn a_restore_of_an_earlier_ownership_is_refused() {
        let mut core = Core::default();
        let first = core.assigned([RAW])[0].1;
        core.dropped(&[RAW]);
        assert!(!core.opened(RAW, first, 0, None));
        let second = core.assigned([RAW])[0].1;
        assert!(!core.opened(RAW, first, 0, None));
        assert!(core.opened(RAW, second, 0, None));
        assert!(!core.opened(RAW, second, 5, None), "opened once");
    }

    #[test]
    fn an_abort_goes_back_to_the_last_commit_of_every_open_lane() {
        let mut core = open();
        core.begun(MS);
        core.taken(RAW, 10, 1);
        assert_eq!(core.seal(MS), [(RAW, 11)]);
        core.committed();
        core.begun(MS);
        core.taken(RAW, 11, 1);
        core.taken(RAW, 12, 1);
        assert_eq!(core.admit(RAW, 12), Admission::Stale);
        assert_eq!(core.aborted(), [(RAW, 11)]);
        assert_eq!(core.admit(RAW, 11), Admission::Begin);
    }

    #[test]
    fn lanes_that_did_not_move_commit_no_offset() {
        let mut core = open();
        let other = Lane { input: Input::Raw, partition: 1 };
        let opening = core.assigned([other]);
        core.opened(other, opening[0].1, 5, None);
        core.begun(MS);
        core.taken(RAW, 10, 1);
        assert_eq!(core.seal(MS), [(RAW, 11)]);
    }

    #[test]
    fn a_drained_transaction_is_due_at_once_but_keeps_the_pace() {
        let mut core = open();
        assert!(!core.due(MS, true), "nothing to commit");
        core.begun(100 * MS);
        core.taken(RAW, 10, 1);
        assert!(!core.due(100 * MS, false));
        assert!(core.due(100 * MS, true));
        core.seal(100 * MS);
        assert!(!core.due(100 * MS, true), "one commit at a time");
        core.committed();
        core.begun(101 * MS);
        core.taken(RAW, 11, 1);
        assert!(!core.due(101 * MS, true));
        assert!(core.due(100 * MS + PACE, true));
    }

    #[test]
    fn a_backlog_closes_a_transaction_by_bytes_items_or_age() {
        let mut core = open();
        core.begun(MS);
        core.taken(RAW, 10, MAX_BYTES - 1);
        assert!(!core.due(MS, false));
        assert!(core.due(MS + MAX_AGE, false));
        core.taken(RAW, 11, 1);
        assert!(core.due(MS, false));
    }
}
