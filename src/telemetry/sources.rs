//! Items, duplicates and dead letters by source: the one label whose values come with the items, so their number is bounded here.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use prometheus::IntCounterVec;

/// Sources with a series of their own; later ones share [`OTHER`].
const SOURCES: usize = 100;

/// Bytes of a name beyond which it is no name.
const NAME: usize = 64;

/// The series of sources beyond the bound, and of names that are none.
pub const OTHER: &str = "other";

/// The series of items that name no source.
pub const UNNAMED: &str = "unnamed";

/// What is counted of a source's items.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// Edited, and sent to the owner of its hash.
    Edited,
    /// A duplicate.
    Duplicate,
    /// A dead letter.
    Rejected,
}

/// A number for each [`Fate`].
type Fates<N> = [N; 3];

/// The items of one transaction by source. Cleared, it keeps the names it knows, so that a name is copied once.
#[derive(Clone, Debug, Default)]
pub struct SourceCounts(HashMap<Box<str>, Fates<u64>>);

impl SourceCounts {
    /// One more item of `source` that ended so.
    pub fn add(&mut self, source: Option<&str>, fate: Fate) {
        let name = match source {
            None => UNNAMED,
            Some(name) if name.is_empty() || name.len() > NAME || name.contains(char::is_control) => OTHER,
            Some(name) if self.0.len() >= SOURCES && !self.0.contains_key(name) => OTHER,
            Some(name) => name,
        };
        match self.0.get_mut(name) {
            Some(counts) => counts[fate as usize] += 1,
            None => {
                let mut counts = [0; 3];
                counts[fate as usize] = 1;
                self.0.insert(name.into(), counts);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.values_mut().for_each(|counts| *counts = [0; 3]);
    }

    fn seen(&self) -> impl Iterator<Item = (&str, Fates<u64>)> {
        self.0.iter().filter(|(_, counts)| **counts != [0; 3]).map(|(name, counts)| (&**name, *counts))
    }
}

impl PartialEq for SourceCounts {
    fn eq(&self, other: &Self) -> bool {
        self.seen().collect::<HashMap<_, _>>() == other.seen().collect()
    }
}

impl Eq for SourceCounts {}

/// The counters of all sources; the first to come get series of their own.
pub(super) struct Sources {
    counters: Fates<IntCounterVec>,
    named: Mutex<HashSet<Box<str>>>,
}

impl Sources {
    pub(super) fn new(counters: Fates<IntCounterVec>) -> Sources {
        Sources { counters, named: Mutex::default() }
    }

    pub(super) fn add(&self, counts: &SourceCounts) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, counts) in counts.seen() {
            let own = name == UNNAMED || named.contains(name) || named.len() < SOURCES && named.insert(name.into());
            let name = if own { name } else { OTHER };
            // All three, so that a rate over any of them is right from the first event on.
            for (counter, count) in self.counters.iter().zip(counts) {
                counter.with_label_values(&[name]).inc_by(count);
            }
        }
    }
}
