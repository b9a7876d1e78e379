//! The short cut past the topic between the steps: a raw item whose content belongs to this worker is decided at once.
//!
//! Open, it must not overtake. Of an item's own raw partition, earlier items may still lie in the normalized partition that
//! owns its content: sent by this worker before it was given that partition, or by whoever read the raw one before. So after
//! each assignment the worker writes a barrier into each of its normalized partitions, reads no raw item until all of them
//! have come back, and only then takes the short cut. What it reads before a barrier was sent before it.

use std::{collections::BTreeSet, time::Duration};

use super::Clock;

/// How long raw items are held back for the barriers, at most. A transaction of a worker that died can hide one for longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// When it is tried again after that.
const PAUSE: Duration = Duration::from_secs(60);

/// Whether the short cut may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shortcut {
    /// No, and no barriers are to be written before this time.
    Shut(Clock),
    /// Not yet: barriers are on their way, and raw lanes are held.
    Clearing {
        /// The number of these barriers.
        number: u64,
        /// Since when.
        since: Clock,
        /// Partitions whose barrier has not come back. What comes back in a transaction counts once that is committed.
        missing: BTreeSet<i32>,
    },
    /// Yes.
    Open,
}

impl Shortcut {
    pub fn is_clearing(&self) -> bool {
        matches!(self, Shortcut::Clearing { .. })
    }

    /// Whether barriers may be written now.
    pub fn is_due(&self, now: Clock) -> bool {
        matches!(self, Shortcut::Shut(until) if *until <= now)
    }

    /// Shuts it until barriers have come back that are written at `until` or later. Answers whether any were on their way.
    pub fn shut(&mut self, until: Clock) -> bool {
        std::mem::replace(self, Shortcut::Shut(until)).is_clearing()
    }

    /// Shuts it where barriers are on their way: they are void after an abort, and may be written anew at once. Answers
    /// whether any were.
    pub fn call_off(&mut self) -> bool {
        self.is_clearing() && self.shut(Clock::ZERO)
    }

    /// Barriers of this number go into these partitions.
    pub fn clear(&mut self, number: u64, partitions: impl IntoIterator<Item = i32>, now: Clock) {
        let missing = partitions.into_iter().filter(|_| !mutant!("no-barrier")).collect();
        *self = Shortcut::Clearing { number, since: now, missing };
    }

    /// A barrier came back, in the open transaction.
    pub fn pass(&mut self, partition: i32, came: u64) {
        if let Shortcut::Clearing { number, missing, .. } = self
            && *number == came
        {
            missing.remove(&partition);
        }
    }

    /// The partition belongs to somebody else now.
    pub fn give_up(&mut self, partition: i32) {
        if let Shortcut::Clearing { missing, .. } = self {
            missing.remove(&partition);
        }
    }

    /// Opens it where no barrier is missing, now that no transaction is open. Answers whether it has just been opened.
    pub fn open(&mut self) -> bool {
        let is_clear = matches!(self, Shortcut::Clearing { missing, .. } if missing.is_empty());
        if is_clear {
            *self = Shortcut::Open;
        }
        is_clear
    }

    /// Shuts it where barriers are overdue. Answers whether it has just been shut.
    pub fn lose_patience(&mut self, now: Clock) -> bool {
        matches!(self, Shortcut::Clearing { since, .. } if now.saturating_sub(*since) > PATIENCE)
            && self.shut(now + PAUSE)
    }
}

#[cfg(test)]
mod tests;
