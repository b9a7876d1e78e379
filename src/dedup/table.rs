//! The window of one partition: what was seen, in 48 bytes an entry plus 5 to 12 for the index.
//!
//! *Stream time* is the highest event time recorded so far; it follows the records, never a clock, and a restore finds it
//! again. An entry is remembered until stream time has moved on by the window since the entry was *recorded*, not since its
//! own event time: copies of a late item (a backfill into a live topic) are duplicates of each other too.
//!
//! Entries stand in the order of their first sighting in blocks that are dropped whole once they are out of the window;
//! an open-addressing index maps an identity to the entry's number. What a transaction adds is *pending*: visible at once
//! to later items of the same transaction, undone by [`Table::abort`], kept by [`Table::commit`].

use std::{collections::VecDeque, time::Duration};

use hashbrown::HashTable;

use super::{Entry, Identity, Sighting, Source, UriTag, Verdict, decide};

/// Entries a block: 48 KiB. Few in tests, which so meet the ends of blocks.
const BLOCK: usize = if cfg!(test) { 8 } else { 1024 };

/// The number of an entry: counted from the table's start, wrapping. 2³² entries would be 200 GB.
type Number = u32;

/// An entry as it lies in memory.
#[derive(Clone, Copy, Debug)]
struct Slot {
    identity: Identity,
    stamp: Stamp,
    uri: UriTag,
    version: u64,
    source: Source,
}

impl Slot {
    fn new(entry: &Entry, stream_time: i64) -> Self {
        let Entry { identity, time, uri, version, source } = *entry;
        Slot { identity, stamp: Stamp::new(time, stream_time), uri, version, source }
    }

    fn entry(&self) -> Entry {
        let Slot { identity, stamp, uri, version, source } = *self;
        Entry { identity, time: stamp.time(), uri, version, source }
    }
}

/// An event time, and how late it was when it was recorded: 42 bits of milliseconds since the Unix epoch, 22 bits of half
/// hours or so behind stream time, rounded up. That reaches as far back as the times do.
#[derive(Clone, Copy, Debug)]
struct Stamp(u64);

impl Stamp {
    const TIME_BITS: u32 = 42;
    const TIME_MAX: i64 = (1 << Self::TIME_BITS) - 1;
    const LATE_UNIT: i64 = 32 * 60_000;

    /// The stamp of an event time that is in [range](in_range), and not after stream time.
    fn new(time: i64, stream_time: i64) -> Self {
        const {
            assert!(Self::TIME_MAX / Self::LATE_UNIT < (1 << (u64::BITS - Self::TIME_BITS)) - 1);
        }
        let late = (stream_time - time + Self::LATE_UNIT - 1) / Self::LATE_UNIT;
        Stamp((late as u64) << Self::TIME_BITS | time as u64)
    }

    fn time(self) -> i64 {
        self.0 as i64 & Self::TIME_MAX
    }

    /// Stream time when the entry was recorded, up to a [unit](Self::LATE_UNIT) more.
    fn recorded(self) -> i64 {
        self.time() + (self.0 >> Self::TIME_BITS) as i64 * Self::LATE_UNIT
    }
}

/// The same with a time that a [`Stamp`] can hold: before 1970 and after the year 2109 the nearest.
fn in_range(sighting: &Sighting) -> Sighting {
    Sighting { time: sighting.time.clamp(0, Stamp::TIME_MAX), ..*sighting }
}

/// What one partition remembers.
#[derive(Debug)]
pub struct Table {
    window: Duration,
    index: HashTable<Number>,
    blocks: VecDeque<Vec<Slot>>,
    /// The number of the first entry of the first block.
    base: Number,
    len: usize,
    /// Stream time.
    newest: i64,
    journal: Vec<Undo>,
}

/// How to take one pending change back.
#[derive(Debug)]
enum Undo {
    Insert { replaced: Option<Number>, newest: i64 },
    Version { number: Number, was: u64 },
    Forget { number: Number },
}

impl Table {
    /// An empty table that remembers for `window` of event time.
    pub fn new(window: Duration) -> Self {
        Table {
            window,
            index: HashTable::new(),
            blocks: VecDeque::new(),
            base: 0,
            len: 0,
            newest: i64::MIN,
            journal: Vec::new(),
        }
    }

    /// How many contents are remembered.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Decides a sighting and takes the verdict into the pending part.
    pub fn sight(&mut self, sighting: &Sighting) -> Verdict {
        let found = self.find(&sighting.identity);
        let remembered = found.map(|number| self.slot(number)).filter(|slot| self.remembers(slot));
        let verdict = decide(remembered.map(Slot::entry).as_ref(), &in_range(sighting), self.window);
        match verdict {
            Verdict::First(entry) => self.insert(entry, found),
            Verdict::Newer(entry) => {
                if let Some(number) = found {
                    self.journal.push(Undo::Version { number, was: self.slot(number).version });
                    self.slot_mut(number).version = entry.version;
                }
            }
            Verdict::Repeat(..) => {}
        }
        verdict
    }

    /// Takes in one record of the changelog, in the order of the changelog. Nothing of it is pending.
    pub fn restore(&mut self, entry: Entry) {
        let entry = in_range(&entry);
        // A new version stands in the changelog with the first's time and source. The very record that was first, published
        // once more because it had been forgotten, may have the same ones.
        let is_version =
            |slot: &Slot| slot.source == entry.source && slot.stamp.time() == entry.time && self.remembers(slot);
        match self.find(&entry.identity) {
            Some(number) if is_version(self.slot(number)) => self.slot_mut(number).version = entry.version,
            found => self.insert(entry, found),
        }
        self.commit();
    }

    /// Takes in a tombstone of the changelog. Nothing of it is pending.
    pub fn restore_forgotten(&mut self, identity: &Identity) {
        self.forget(identity);
        self.commit();
    }

    /// Forgets a content, and takes that into the pending part. `false` where it was not remembered.
    pub fn forget(&mut self, identity: &Identity) -> bool {
        let Some(number) = self.find(identity) else { return false };
        self.journal.push(Undo::Forget { number });
        self.unlink(number);
        self.len -= 1;
        true
    }

    /// Makes the pending part permanent, and drops what has left the window.
    pub fn commit(&mut self) {
        self.journal.clear();
        let horizon = self.horizon();
        while self
            .blocks
            .front()
            .is_some_and(|block| block.len() == BLOCK && block.iter().rev().all(|slot| slot.stamp.recorded() < horizon))
        {
            let Some(block) = self.blocks.pop_front() else { break };
            for slot in &block {
                if self.unlink_at(&slot.identity, self.base) {
                    self.len -= 1;
                }
                self.base = self.base.wrapping_add(1);
            }
        }
        if self.index.capacity() > 4 * BLOCK && self.index.len() < self.index.capacity() / 4 {
            let blocks = &self.blocks;
            let base = self.base;
            self.index.shrink_to(self.index.len() * 2, |number| at(blocks, base, *number).identity.bucket());
        }
    }

    /// Forgets the pending part.
    pub fn abort(&mut self) {
        while let Some(undo) = self.journal.pop() {
            match undo {
                Undo::Version { number, was } => self.slot_mut(number).version = was,
                Undo::Forget { number } => {
                    self.link(number);
                    self.len += 1;
                }
                Undo::Insert { replaced, newest } => {
                    let last = self.next_number().wrapping_sub(1);
                    self.unlink(last);
                    self.len -= 1;
                    if let Some(block) = self.blocks.back_mut() {
                        block.pop();
                        if block.is_empty() {
                            self.blocks.pop_back();
                        }
                    }
                    if let Some(number) = replaced {
                        self.link(number);
                        self.len += 1;
                    }
                    self.newest = newest;
                }
            }
        }
    }

    fn remembers(&self, slot: &Slot) -> bool {
        slot.stamp.recorded() >= self.horizon()
    }

    /// What was recorded before this stream time is not remembered.
    fn horizon(&self) -> i64 {
        self.newest.saturating_sub(i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX))
    }

    fn insert(&mut self, entry: Entry, replaced: Option<Number>) {
        self.journal.push(Undo::Insert { replaced, newest: self.newest });
        if let Some(number) = replaced {
            self.unlink(number);
            self.len -= 1;
        }
        let number = self.next_number();
        self.newest = self.newest.max(entry.time);
        let slot = Slot::new(&entry, self.newest);
        match self.blocks.back_mut() {
            Some(block) if block.len() < BLOCK => block.push(slot),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(slot);
                self.blocks.push_back(block);
            }
        }
        self.link(number);
        self.len += 1;
    }

    fn next_number(&self) -> Number {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        self.base.wrapping_add((full + self.blocks.back().map_or(0, Vec::len)) as Number)
    }

    fn find(&self, identity: &Identity) -> Option<Number> {
        self.index.find(identity.bucket(), |number| self.slot(*number).identity == *identity).copied()
    }

    fn slot(&self, number: Number) -> &Slot {
        at(&self.blocks, self.base, number)
    }

    fn slot_mut(&mut self, number: Number) -> &mut Slot {
        let place = number.wrapping_sub(self.base) as usize;
        &mut self.blocks[place / BLOCK][place % BLOCK]
    }

    fn link(&mut self, number: Number) {
        let (blocks, base) = (&self.blocks, self.base);
        let hasher = |number: &Number| at(blocks, base, *number).identity.bucket();
        self.index.insert_unique(hasher(&number), number, hasher);
    }

    fn unlink(&mut self, number: Number) {
        let identity = self.slot(number).identity;
        self.unlink_at(&identity, number);
    }

    fn unlink_at(&mut self, identity: &Identity, number: Number) -> bool {
        match self.index.find_entry(identity.bucket(), |linked| *linked == number) {
            Ok(found) => {
                found.remove();
                true
            }
            Err(_) => false,
        }
    }
}

fn at(blocks: &VecDeque<Vec<Slot>>, base: Number, number: Number) -> &Slot {
    let place = number.wrapping_sub(base) as usize;
    &blocks[place / BLOCK][place % BLOCK]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::dedup::{Repeat, record::Change, tests::sighting};

    const MINUTE: i64 = 60_000;
    const UNIT: i64 = Stamp::LATE_UNIT;
    const YEAR: i64 = 365 * 24 * 60 * MINUTE;
    const WINDOW: Duration = Duration::from_millis(100 * MINUTE as u64);

    fn is_repeat(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Repeat(..))
    }

    #[test]
    fn an_entry_takes_forty_eight_bytes() {
        assert_eq!(size_of::<Slot>(), 48);
    }

    #[test]
    fn a_pending_sighting_is_seen_by_its_own_transaction_and_forgotten_by_an_abort() {
        let mut table = Table::new(WINDOW);
        let first = sighting(1, 0, "", 1, 0);
        assert_eq!(table.sight(&first), Verdict::First(first));
        assert!(is_repeat(table.sight(&sighting(1, 1, "", 1, 1))));
        assert!(!table.is_empty());
        table.abort();
        assert_eq!((table.len(), table.is_empty()), (0, true));
        assert_eq!(table.sight(&first), Verdict::First(first));
        table.commit();
        table.abort();
        assert!(is_repeat(table.sight(&sighting(1, 1, "", 1, 1))));
    }

    #[test]
    fn an_aborted_version_is_offered_again() {
        let mut table = Table::new(WINDOW);
        table.sight(&sighting(1, 0, "a", 1, 0));
        table.commit();
        let newer = sighting(1, 1, "a", 2, 1);
        assert!(matches!(table.sight(&newer), Verdict::Newer(entry) if entry.version == 2));
        assert!(matches!(table.sight(&sighting(1, 1, "a", 2, 2)), Verdict::Repeat(Repeat::Stale, _)));
        table.abort();
        assert!(matches!(table.sight(&newer), Verdict::Newer(_)));
    }

    #[test]
    fn a_forgotten_content_is_new_again_unless_the_transaction_aborts() {
        let mut table = Table::new(WINDOW);
        let first = sighting(1, 0, "", 1, 0);
        table.sight(&first);
        table.commit();
        assert!(table.forget(&first.identity) && !table.forget(&first.identity));
        let again = sighting(1, 1, "", 1, 1);
        assert_eq!(table.sight(&again), Verdict::First(again));
        table.abort();
        assert!(is_repeat(table.sight(&again)));
        assert_eq!(table.len(), 1);
        table.forget(&first.identity);
        table.commit();
        assert_eq!((table.len(), table.sight(&again)), (0, Verdict::First(again)));
    }

    #[test]
    fn what_leaves_the_window_leaves_the_memory() {
        let numbers_wrap = Number::MAX - 500;
        for base in [0, numbers_wrap] {
            let mut table = Table { base, ..Table::new(WINDOW) };
            let mut see = |n: i64, time: i64| {
                let mut s = sighting(0, time, "", 1, n);
                s.identity.0[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
                assert_eq!(table.sight(&s), Verdict::First(s));
                assert!(is_repeat(table.sight(&s)));
                table.commit();
                assert_eq!(table.index.len(), table.len());
                (table.len(), table.index.capacity())
            };
            let burst = (0..1_000).map(|n| see(n, 0)).last().unwrap();
            assert!(burst.0 == 1_000 && burst.1 >= 1_000, "{burst:?}");
            let trickle = (1_000..2_000).map(|n| see(n, n * MINUTE)).last().unwrap();
            assert!((101..=101 + BLOCK).contains(&trickle.0), "{trickle:?}");
            assert!(trickle.1 < 600, "the index shrinks too: {trickle:?}");
        }
    }

    #[test]
    fn what_lies_on_the_very_edge_of_the_window_is_remembered() {
        let mut table = Table::new(WINDOW);
        let block: Vec<_> = (0..BLOCK as u8).map(|n| sighting(n, 0, "", 1, i64::from(n))).collect();
        block.iter().for_each(|s| _ = table.sight(s));
        table.sight(&sighting(100, 100 * MINUTE, "", 1, 100));
        table.commit();
        assert!(block.iter().all(|s| is_repeat(table.sight(s))));
    }

    #[test]
    fn copies_of_an_item_that_is_later_than_the_window_are_still_duplicates() {
        let mut table = Table::new(WINDOW);
        table.sight(&sighting(1, 10_000 * MINUTE, "", 1, 0));
        let late = sighting(2, 5 * MINUTE, "", 1, 1);
        assert_eq!(table.sight(&late), Verdict::First(late));
        assert!(is_repeat(table.sight(&sighting(2, 6 * MINUTE, "", 1, 2))));
        table.sight(&sighting(3, 10_102 * MINUTE + UNIT, "", 1, 3));
        assert!(!is_repeat(table.sight(&sighting(2, 6 * MINUTE, "", 1, 4))), "stream time has moved on by the window");
    }

    #[test]
    fn a_newer_version_lives_no_longer_than_the_first_in_a_restored_table_either() {
        let first = sighting(1, 0, "a", 1, 0);
        let (other, last) = (sighting(2, 90 * MINUTE, "", 1, 1), sighting(3, 101 * MINUTE, "", 1, 2));
        let mut table = Table::new(WINDOW);
        [first, other, Entry { version: 2, ..first }, last].into_iter().for_each(|entry| table.restore(entry));
        let late = sighting(1, 50 * MINUTE, "a", 1, 3);
        assert_eq!(table.sight(&late), Verdict::First(late));
    }

    #[test]
    fn what_was_published_again_after_offsets_were_set_back_is_remembered_by_a_restored_table_too() {
        let (first, later) = (sighting(1, 0, "", 1, 0), sighting(2, 200 * MINUTE, "", 1, 1));
        let mut live = Table::new(WINDOW);
        let mut restored = Table::new(WINDOW);
        for record in [first, later, first] {
            assert_eq!(live.sight(&record), Verdict::First(record));
            live.commit();
            restored.restore(record);
        }
        let copy = sighting(1, MINUTE, "", 1, 2);
        assert_eq!(live.sight(&copy), Verdict::Repeat(Repeat::Copy, first));
        assert_eq!(restored.sight(&copy), Verdict::Repeat(Repeat::Copy, first));
    }

    #[test]
    fn copies_of_an_item_that_is_any_number_of_years_late_are_duplicates() {
        for (now, late) in [(10 * YEAR, 0), (56 * YEAR, 45 * YEAR), (Stamp::TIME_MAX, 0)] {
            let mut table = Table::new(WINDOW);
            table.sight(&sighting(1, now, "", 1, 0));
            assert!(!is_repeat(table.sight(&sighting(2, late, "", 1, 1))));
            assert!(is_repeat(table.sight(&sighting(2, late, "", 1, 2))), "{late} at {now}");
            table.commit();
            assert!(is_repeat(table.sight(&sighting(2, late, "", 1, 3))), "{late} at {now}, committed");
        }
    }

    #[test]
    fn times_outside_the_range_are_taken_for_the_nearest() {
        for (time, taken) in
            [(i64::MIN, 0), (-1, 0), (Stamp::TIME_MAX + 1, Stamp::TIME_MAX), (i64::MAX, Stamp::TIME_MAX)]
        {
            let mut table = Table::new(WINDOW);
            let (first, kept) = (sighting(1, time, "", 1, 0), sighting(1, taken, "", 1, 0));
            assert_eq!(table.sight(&first), Verdict::First(kept));
            assert!(is_repeat(table.sight(&sighting(1, time, "", 1, 1))), "{time}");
            let mut restored = Table::new(WINDOW);
            restored.restore(first);
            assert!(is_repeat(restored.sight(&sighting(1, time, "", 1, 1))), "{time}, restored");
        }
    }

    #[test]
    fn lateness_counts_in_whole_units_rounded_up() {
        let late = |behind: i64| Stamp::new(5, 5 + behind).recorded() - 5;
        assert_eq!([0, 1, UNIT, UNIT + 1].map(late), [0, UNIT, UNIT, 2 * UNIT]);
    }

    /// The table by its definition: a list of entries with their order, and copies of it for an abort.
    #[derive(Clone)]
    struct Model {
        /// Each entry with the stream time at which it was recorded, in whole units behind its event time.
        entries: HashMap<Identity, (Entry, i64)>,
        newest: i64,
    }

    impl Model {
        fn remembers(&self, identity: &Identity) -> bool {
            let horizon = self.newest.saturating_sub(WINDOW.as_millis() as i64);
            self.entries.get(identity).is_some_and(|(_, recorded)| *recorded >= horizon)
        }

        fn sight(&mut self, s: &Sighting) -> Verdict {
            let horizon = self.newest.saturating_sub(WINDOW.as_millis() as i64);
            let remembered = self.entries.get(&s.identity).filter(|(_, recorded)| *recorded >= horizon);
            let verdict = decide(remembered.map(|(entry, _)| entry), s, WINDOW);
            match verdict {
                Verdict::First(entry) => {
                    self.newest = self.newest.max(entry.time);
                    let units = (self.newest - entry.time + UNIT - 1) / UNIT;
                    self.entries.insert(entry.identity, (entry, entry.time + units * UNIT));
                }
                Verdict::Newer(entry) => {
                    self.entries.entry(entry.identity).and_modify(|(known, _)| *known = entry);
                }
                Verdict::Repeat(..) => {}
            }
            verdict
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Sight(u8, i64, u8, u64, i64),
        Forget(u8),
        Commit,
        Abort,
        Restart,
    }

    /// Mostly times that lie a few windows apart, now and then decades.
    fn time() -> impl Strategy<Value = i64> {
        let year = prop_oneof![20 => Just(30), 1 => 0..60i64];
        (year, 0..400i64).prop_map(|(year, minute)| year * YEAR + minute * MINUTE)
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0..12u8, time(), 0..3u8, 1..4u64, 0..20i64).prop_map(|(c, t, u, v, o)| Step::Sight(c, t, u, v, o)),
            2 => (0..12u8).prop_map(Step::Forget),
            3 => Just(Step::Commit),
            2 => Just(Step::Abort),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        #[test]
        fn the_table_decides_as_its_definition_through_aborts_and_restores(steps in prop::collection::vec(step(), 1..200)) {
            let mut table = Table::new(WINDOW);
            let mut model = Model { entries: HashMap::new(), newest: i64::MIN };
            let mut committed = model.clone();
            let (mut log, mut pending) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Sight(content, time, uri, version, offset) => {
                        let uri = ["", "a", "b"][uri as usize];
                        let s = sighting(content, time, uri, version, offset);
                        let verdict = table.sight(&s);
                        prop_assert_eq!(verdict, model.sight(&s));
                        if let Verdict::First(entry) | Verdict::Newer(entry) = verdict {
                            pending.push(Change::Seen(entry));
                        }
                    }
                    Step::Forget(content) => {
                        let identity = sighting(content, 0, "", 1, 0).identity;
                        prop_assert!(table.forget(&identity) || !model.remembers(&identity));
                        model.entries.remove(&identity);
                        pending.push(Change::Forget(identity));
                    }
                    Step::Commit => {
                        table.commit();
                        committed = model.clone();
                        log.append(&mut pending);
                    }
                    Step::Abort => {
                        table.abort();
                        model = committed.clone();
                        pending.clear();
                    }
                    Step::Restart => {
                        table = Table::new(WINDOW);
                        for change in &log {
                            match change {
                                Change::Seen(entry) => table.restore(*entry),
                                Change::Forget(identity) => table.restore_forgotten(identity),
                            }
                        }
                        model = committed.clone();
                        pending.clear();
                    }
                }
                prop_assert_eq!(table.index.len(), table.len());
            }
        }
    }
}
