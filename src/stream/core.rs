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
//!
//! Records are read and edited ahead, and wait as a [`Batch`]; a transaction is opened only when the batch is due, takes all
//! of it at once and is committed. Its records reach the broker in few large requests, and no transaction stands open while
//! an item is edited.

use std::{collections::BTreeMap, time::Duration};

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

/// The state of one worker.
#[derive(Debug)]
pub struct Core {
    lanes: BTreeMap<Lane, Owned>,
    epochs: Epoch,
    txn: Txn,
    last_commit: Option<Clock>,
    waiting: Vec<Waiting>,
    halted: bool,
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
        }
    }
}

impl Core {
    /// The group assigned lanes.
    pub fn assigned(&mut self, lanes: impl IntoIterator<Item = Lane>) -> Vec<Action> {
        let opening = lanes
            .into_iter()
            .map(|lane| {
                self.epochs += 1;
                let kept = self.lanes.remove(&lane).filter(|_| mutant!("state-kept"));
                let phase = kept.map_or(Phase::Opening, |kept| kept.phase);
                self.lanes.insert(lane, Owned { epoch: self.epochs, phase });
                (lane, self.epochs)
            })
            .collect();
        vec![Action::Open(opening)]
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
                if self.is_held(lane) { Vec::new() } else { vec![Action::Resume(lane, position)] }
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
            Some(Phase::Open { next, .. }) if offset >= *next && !self.is_held(lane) => match self.txn {
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
        let mut positions = Vec::new();
        for (lane, owned) in &mut self.lanes {
            if let Phase::Open { committed, next, table } = &mut owned.phase {
                *next = *committed;
                if let Some(table) = table {
                    table.abort();
                }
                let leaving = self.waiting.iter().any(|w| matches!(w, Waiting::GiveUp(lanes) if lanes.contains(lane)));
                let held = self.halted && lane.input == Input::Raw;
                if !leaving && !held {
                    positions.push((*lane, *committed));
                }
            }
        }
        if mutant!("no-seek-after-abort") {
            positions.clear();
        }
        let mut actions = vec![Action::Rewind(positions)];
        actions.extend(self.settled());
        actions
    }

    /// The dead-letter brake holds: no raw record is taken any more, though a transaction that holds some goes on.
    pub fn halt(&mut self) -> Vec<Action> {
        self.halted = true;
        vec![Action::Hold(self.open_raw_lanes().map(|(lane, _)| lane).collect())]
    }

    /// The dead-letter brake is released.
    pub fn release(&mut self) -> Vec<Action> {
        self.halted = false;
        self.open_raw_lanes().map(|(lane, next)| Action::Resume(lane, next)).collect()
    }

    /// Whether the dead-letter brake holds.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Whether the dead-letter brake holds this lane.
    pub fn is_held(&self, lane: Lane) -> bool {
        self.halted && lane.input == Input::Raw
    }

    fn open_raw_lanes(&self) -> impl Iterator<Item = (Lane, i64)> {
        self.lanes.iter().filter_map(|(lane, owned)| match owned.phase {
            Phase::Open { next, .. } if lane.input == Input::Raw => Some((*lane, next)),
            _ => None,
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
                    }
                    actions.push(Action::GiveUp(lanes));
                }
                Waiting::Leave => actions.push(Action::Leave),
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::tests::sighting;

    const RAW: Lane = Lane { input: Input::Raw, partition: 0 };
    const OTHER: Lane = Lane { input: Input::Raw, partition: 1 };
    const NORMALIZED: Lane = Lane { input: Input::Normalized, partition: 0 };
    const MS: Duration = Duration::from_millis(1);

    fn epoch(actions: &[Action]) -> Epoch {
        match actions {
            [Action::Open(lanes)] => lanes[0].1,
            other => panic!("{other:?}"),
        }
    }

    fn open(core: &mut Core, lane: Lane, position: i64) {
        let epoch = epoch(&core.assigned([lane]));
        assert_eq!(core.opened(lane, epoch, position, None), [Action::Resume(lane, position)]);
    }

    fn opened() -> Core {
        let mut core = Core::default();
        open(&mut core, RAW, 10);
        core
    }

    fn take(core: &mut Core, lane: Lane, offset: i64) {
        match core.admit(lane, offset) {
            Admission::Begin => core.begun(),
            Admission::Take => {}
            other => panic!("{other:?}"),
        }
        core.taken(lane, offset);
    }

    #[test]
    fn a_lane_takes_nothing_before_it_is_open() {
        let mut core = Core::default();
        assert_eq!(core.admit(RAW, 0), Admission::Stale);
        let epoch = epoch(&core.assigned([RAW]));
        assert_eq!(core.admit(RAW, 0), Admission::Stale);
        core.opened(RAW, epoch, 10, None);
        assert_eq!(core.admit(RAW, 9), Admission::Stale);
        assert_eq!(core.admit(RAW, 10), Admission::Begin);
        assert_eq!(core.admit(RAW, 12), Admission::Begin, "transaction markers leave gaps");
    }

    #[test]
    fn a_restore_of_an_earlier_ownership_is_refused() {
        let mut core = Core::default();
        let first = epoch(&core.assigned([RAW]));
        assert_eq!(core.revoked(vec![RAW], MS), [Action::GiveUp(vec![RAW])]);
        assert_eq!(core.opened(RAW, first, 0, None), []);
        let second = epoch(&core.assigned([RAW]));
        assert_eq!(core.opened(RAW, first, 0, None), []);
        assert_eq!(core.opened(RAW, second, 0, None), [Action::Resume(RAW, 0)]);
        assert_eq!(core.opened(RAW, second, 5, None), [], "opened once");
    }

    #[test]
    fn an_abort_goes_back_to_the_last_commit_of_every_open_lane() {
        let mut core = opened();
        take(&mut core, RAW, 10);
        assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])]);
        assert_eq!(core.admit(RAW, 11), Admission::Hold);
        assert_eq!(core.committed(), []);
        take(&mut core, RAW, 11);
        take(&mut core, RAW, 12);
        assert_eq!(core.admit(RAW, 12), Admission::Stale);
        assert_eq!(core.close(MS + PACE), [Action::Commit(vec![(RAW, 13)])]);
        assert_eq!(core.failed(), [Action::Abort]);
        assert_eq!(core.admit(RAW, 13), Admission::Hold, "nothing is decided before the abort is through");
        assert_eq!(core.aborted(), [Action::Rewind(vec![(RAW, 11)])]);
        assert_eq!(core.admit(RAW, 11), Admission::Begin);
    }

    #[test]
    fn a_halt_takes_no_further_raw_record_and_a_release_goes_on_behind_the_last_one() {
        let mut core = opened();
        open(&mut core, NORMALIZED, 3);
        take(&mut core, RAW, 10);
        assert_eq!(core.halt(), [Action::Hold(vec![RAW])]);
        assert!(core.is_halted() && core.is_held(RAW) && !core.is_held(NORMALIZED));
        assert_eq!(core.admit(RAW, 11), Admission::Stale);
        assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])], "what was taken is committed");
        assert_eq!(core.committed(), []);
        let epoch = epoch(&core.assigned([OTHER]));
        assert_eq!(core.opened(OTHER, epoch, 5, None), [], "a lane that comes meanwhile waits too");
        assert_eq!(core.release(), [Action::Resume(RAW, 11), Action::Resume(OTHER, 5)]);
        assert!(!core.is_halted() && !core.is_held(RAW));
        assert_eq!(core.admit(RAW, 11), Admission::Begin);
    }

    #[test]
    fn what_a_halted_worker_could_not_commit_is_read_again_after_the_release() {
        let mut core = opened();
        take(&mut core, RAW, 10);
        core.halt();
        core.close(MS);
        assert_eq!(core.failed(), [Action::Abort]);
        assert_eq!(core.aborted(), [Action::Rewind(vec![])]);
        assert_eq!(core.release(), [Action::Resume(RAW, 10)]);
    }

    #[test]
    fn contents_are_decided_and_forgotten_only_where_a_table_is_open() {
        let mut core = opened();
        let first = sighting(1, 0, "", 1, 0);
        let epoch = epoch(&core.assigned([NORMALIZED]));
        assert_eq!((core.sight(0, &first), core.forget(0, &first.identity)), (None, None));
        assert_eq!(core.ownership(), (2, 1));
        assert_eq!(core.lanes().collect::<Vec<_>>(), [(RAW, Some(0)), (NORMALIZED, None)]);
        core.opened(NORMALIZED, epoch, 0, Some(Box::new(Table::new(MS))));
        assert_eq!(core.sight(0, &first), Some(Verdict::First(first)));
        assert_eq!((core.sight(1, &first), core.forget(1, &first.identity)), (None, None), "another partition's");
        assert_eq!(core.ownership(), (2, 0));
        assert_eq!(core.lanes().collect::<Vec<_>>(), [(RAW, Some(0)), (NORMALIZED, Some(1))]);
        assert_eq!(core.forget(0, &first.identity), Some(true));
        assert_eq!(core.forget(0, &first.identity), Some(false));
    }

    #[test]
    fn a_content_that_was_committed_outlives_the_next_abort() {
        let mut core = opened();
        let epoch = epoch(&core.assigned([NORMALIZED]));
        core.opened(NORMALIZED, epoch, 0, Some(Box::new(Table::new(MS))));
        take(&mut core, NORMALIZED, 0);
        core.sight(0, &sighting(1, 0, "", 1, 0));
        core.close(MS);
        core.committed();
        take(&mut core, NORMALIZED, 1);
        core.close(MS);
        core.failed();
        core.aborted();
        assert!(matches!(core.sight(0, &sighting(1, 0, "", 1, 1)), Some(Verdict::Repeat(..))));
    }

    #[test]
    fn lanes_that_did_not_move_commit_no_offset() {
        let mut core = opened();
        open(&mut core, OTHER, 5);
        take(&mut core, RAW, 10);
        assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])]);
    }

    #[test]
    fn lanes_asked_back_are_given_up_only_after_the_transaction_that_holds_them() {
        let mut core = opened();
        open(&mut core, OTHER, 5);
        take(&mut core, RAW, 10);
        assert_eq!(core.revoked(vec![RAW], MS), [Action::Commit(vec![(RAW, 11)])]);
        assert!(core.is_waiting());
        assert_eq!(core.committed(), [Action::GiveUp(vec![RAW])]);
        assert!(!core.is_waiting());
        assert_eq!(core.admit(RAW, 11), Admission::Stale);
        assert_eq!(core.admit(OTHER, 5), Admission::Begin);
    }

    #[test]
    fn lanes_asked_back_during_a_commit_wait_for_its_end_whatever_it_is() {
        for aborts in [false, true] {
            let mut core = opened();
            take(&mut core, RAW, 10);
            core.close(MS);
            assert_eq!(core.revoked(vec![RAW], MS), []);
            let actions = if aborts {
                assert_eq!(core.failed(), [Action::Abort]);
                core.aborted()
            } else {
                core.committed()
            };
            assert_eq!(actions.last(), Some(&Action::GiveUp(vec![RAW])));
        }
    }

    #[test]
    fn a_worker_leaves_once_everything_it_took_is_committed() {
        let mut core = opened();
        assert_eq!(opened().stop(MS), [Action::Leave]);
        take(&mut core, RAW, 10);
        assert_eq!(core.stop(MS), [Action::Commit(vec![(RAW, 11)])]);
        assert_eq!(core.committed(), [Action::Leave]);
    }

    #[test]
    fn a_drained_batch_is_due_at_once_but_keeps_the_pace() {
        let mut core = opened();
        let batch = |since: Clock| Batch { items: 1, bytes: 1, since };
        assert!(!core.is_due(&Batch::default(), MS, true), "nothing to commit");
        assert!(!core.is_due(&batch(100 * MS), 100 * MS, false));
        assert!(core.is_due(&batch(100 * MS), 100 * MS, true));
        assert!(!core.in_transaction());
        take(&mut core, RAW, 10);
        assert!(core.in_transaction());
        assert!(!core.is_due(&batch(100 * MS), 100 * MS, true), "one transaction at a time");
        assert_eq!(core.close(100 * MS).len(), 1);
        assert!(!core.in_transaction());
        assert!(!core.is_due(&batch(100 * MS), 100 * MS, true), "one commit at a time");
        core.committed();
        assert!(!core.is_due(&batch(101 * MS), 101 * MS, true));
        assert!(core.is_due(&batch(101 * MS), 100 * MS + PACE, true));
    }

    #[test]
    fn a_backlog_makes_batches_by_bytes_items_or_age() {
        let due =
            |items: usize, bytes: usize, now: Clock| opened().is_due(&Batch { items, bytes, since: MS }, now, false);
        assert!(!due(1, MAX_BYTES - 1, MS));
        assert!(due(1, MAX_BYTES, MS));
        assert!(due(MAX_ITEMS, 1, MS));
        assert!(due(1, 1, MS + MAX_AGE));
    }
}
