//! Items by source: the one label whose values come with the items, so their number is bounded here.

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

/// The items of one transaction by source. Cleared, it keeps the names it knows, so that a name is copied once.
#[derive(Clone, Debug, Default)]
pub struct SourceCounts(HashMap<Box<str>, u64>);

impl SourceCounts {
    /// One more item of `source`.
    pub fn add(&mut self, source: Option<&str>) {
        let name = match source {
            None => UNNAMED,
            Some(name) if name.is_empty() || name.len() > NAME || name.contains(char::is_control) => OTHER,
            Some(name) if self.0.len() >= SOURCES && !self.0.contains_key(name) => OTHER,
            Some(name) => name,
        };
        match self.0.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(name.into(), 1)),
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.values_mut().for_each(|count| *count = 0);
    }

    fn seen(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (&**name, *count))
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
    counters: IntCounterVec,
    named: Mutex<HashSet<Box<str>>>,
}

impl Sources {
    pub(super) fn new(counters: IntCounterVec) -> Sources {
        Sources { counters, named: Mutex::default() }
    }

    pub(super) fn add(&self, counts: &SourceCounts) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, count) in counts.seen() {
            let own = name == UNNAMED || named.contains(name) || named.len() < SOURCES && named.insert(name.into());
            self.counters.with_label_values(&[if own { name } else { OTHER }]).inc_by(count);
        }
    }
}
