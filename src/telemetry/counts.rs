//! What one transaction did, in numbers.

use super::labels::{DuplicateKind, Stage};
use super::sources::{Fate, SourceCounts};
use crate::reject::Reason;

/// What one transaction did. Filled while it is open, handed to [`Metrics::committed`](super::Metrics::committed) once it is
/// not, or dropped with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Raw items read.
    pub raw_items: u64,
    /// Bytes of their values.
    pub raw_bytes: u64,
    /// Records read of the topic between the steps.
    pub arrived: u64,
    pub(super) normalized: u64,
    /// Edited items that another worker decides, or this one later.
    pub handed_on: u64,
    pub(super) sources: SourceCounts,
    /// Orders to forget a content that were carried out.
    pub forgotten: u64,
    pub(super) published: u64,
    pub(super) duplicates: [u64; DuplicateKind::ALL.len()],
    pub(super) rejected: [[u64; Reason::ALL.len()]; Stage::ALL.len()],
    pub(super) decided_at: Vec<i64>,
}

impl Counts {
    /// An item of this source was edited.
    pub fn normalized(&mut self, source: Option<&str>) {
        self.normalized += 1;
        self.sources.add(source, Fate::Edited);
    }

    /// An article was published; its raw record carried this timestamp (milliseconds since the Unix epoch).
    pub fn published(&mut self, raw_timestamp_ms: i64) {
        self.published += 1;
        self.decided_at.push(raw_timestamp_ms);
    }

    /// An item of this source was a duplicate; its raw record carried this timestamp (milliseconds since the Unix epoch).
    pub fn duplicate(&mut self, kind: DuplicateKind, raw_timestamp_ms: i64, source: Option<&str>) {
        self.duplicates[kind as usize] += 1;
        self.sources.add(source, Fate::Duplicate);
        self.decided_at.push(raw_timestamp_ms);
    }

    /// An item of this source went to the dead letters.
    pub fn rejected(&mut self, stage: Stage, reason: Reason, source: Option<&str>) {
        self.rejected[stage as usize][reason as usize] += 1;
        self.sources.add(source, Fate::Rejected);
    }

    /// Raw items of this transaction that went to the dead letters.
    pub fn unreadable(&self) -> u64 {
        self.rejected[Stage::Normalize as usize].iter().sum()
    }

    /// Records read in this transaction, of both input topics.
    pub fn records(&self) -> u64 {
        self.raw_items + self.arrived
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates.iter().sum()
    }

    pub(super) fn rejects(&self) -> u64 {
        self.rejected.iter().flatten().sum()
    }

    pub(super) fn articles(&self) -> u64 {
        self.published
    }

    /// Empties it for the next transaction, keeping its memory.
    pub fn clear(&mut self) {
        let mut decided_at = std::mem::take(&mut self.decided_at);
        decided_at.clear();
        let mut sources = std::mem::take(&mut self.sources);
        sources.clear();
        *self = Counts { decided_at, sources, ..Counts::default() };
    }
}
