//! Has this content been seen inside the window?
//!
//! In: a [`Sighting`]. Out: a [`Verdict`]. State: one [`Table`] a partition of `wire.normalized`, rebuilt from the
//! [`record`]s of `wire.seen` when the partition is assigned. Pure: no I/O, and no clock, because the window is measured in
//! event time, so that a replay decides as the first run did.
//!
//! The identity of a sighting is its content hash *and* its publication status, so that a kill which repeats the killed
//! text is no duplicate of it.

pub mod record;
mod table;

pub use table::Table;

use std::time::Duration;

use crate::{fingerprint::ContentHash, wire::Status};

/// What makes two sightings the same content: the first 120 bits of the content hash, and the publication status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity([u8; 16]);

impl Identity {
    /// The identity of a content in a publication status.
    pub fn new(hash: &ContentHash, status: Status) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_bytes()[..16]);
        id[15] = status as u8;
        Identity(id)
    }

    /// The partition that owns it among `partitions`: that of its content hash, see [`ContentHash::partition`].
    pub fn partition(&self, partitions: i32) -> i32 {
        (self.bucket() % u64::from(partitions.max(1).unsigned_abs())) as i32
    }

    /// 64 bits for the table's index. The identity is already the output of a hash function.
    fn bucket(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// 64 bits of a provider's uri; zero where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriTag(pub u64);

impl UriTag {
    /// The tag of a uri.
    pub fn of(uri: Option<&str>) -> Self {
        uri.map_or(UriTag(0), |uri| {
            let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(uri.as_bytes()).as_bytes();
            UriTag(u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1))
        })
    }
}

/// Partition and offset of a raw record, packed in 64 bits: 16 for the partition, 48 for the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(u64);

impl Source {
    const OFFSET_BITS: u32 = 48;

    /// Packs coordinates; `None` where they exceed 65,535 partitions or 2⁴⁸ offsets, or are negative.
    pub fn new(partition: i32, offset: i64) -> Option<Self> {
        let partition = u16::try_from(partition).ok()?;
        let offset = u64::try_from(offset).ok().filter(|offset| offset >> Self::OFFSET_BITS == 0)?;
        Some(Source(u64::from(partition) << Self::OFFSET_BITS | offset))
    }

    /// The raw partition.
    pub fn partition(self) -> i32 {
        (self.0 >> Self::OFFSET_BITS) as i32
    }

    /// The offset in it.
    pub fn offset(self) -> i64 {
        (self.0 & ((1 << Self::OFFSET_BITS) - 1)) as i64
    }
}

/// One arrival of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What arrived.
    pub identity: Identity,
    /// When: the raw record's timestamp, milliseconds since the Unix epoch.
    pub time: i64,
    /// Under which uri.
    pub uri: UriTag,
    /// As which version of it.
    pub version: u64,
    /// From which raw record.
    pub source: Source,
}

/// What is remembered of a content: its first sighting, and the highest version published since.
pub type Entry = Sighting;

/// Why a sighting is no article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The content was published under another uri, or one of the two has none.
    Copy,
    /// The same raw record again: offsets were reset, or a span replayed.
    Replay,
    /// The same uri in a version already published.
    Stale,
}

/// What becomes of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen inside the window: publish. The entry is to be recorded in the changelog.
    First(Entry),
    /// A newer version under the uri that published this content: publish it as that. The entry, updated, is to be recorded.
    Newer(Entry),
    /// Seen: a duplicate of the entry.
    Repeat(Repeat, Entry),
}

/// The decision table. `entry` is what is remembered of the sighting's identity.
pub fn decide(entry: Option<&Entry>, sighting: &Sighting, window: Duration) -> Verdict {
    let within = |entry: &&Entry| u128::from(entry.time.abs_diff(sighting.time)) <= window.as_millis();
    match entry.filter(within) {
        None => Verdict::First(*sighting),
        Some(entry) if entry.source == sighting.source => Verdict::Repeat(Repeat::Replay, *entry),
        Some(entry) if entry.uri != sighting.uri || sighting.uri == UriTag(0) => Verdict::Repeat(Repeat::Copy, *entry),
        Some(entry) if sighting.version > entry.version => {
            Verdict::Newer(Entry { version: sighting.version, ..*entry })
        }
        Some(entry) => Verdict::Repeat(Repeat::Stale, *entry),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sighting(content: u8, time: i64, uri: &str, version: u64, offset: i64) -> Sighting {
        let hash = ContentHash::from([content; 32]);
        Sighting {
            identity: Identity::new(&hash, Status::Usable),
            time,
            uri: UriTag::of((!uri.is_empty()).then_some(uri)),
            version,
            source: Source::new(0, offset).unwrap(),
        }
    }

    const WINDOW: Duration = Duration::from_millis(100);

    #[test]
    fn the_decision_table_holds_row_by_row() {
        let first = sighting(1, 0, "a", 1, 0);
        let case = |uri, version, offset| decide(Some(&first), &sighting(1, 10, uri, version, offset), WINDOW);
        assert_eq!(decide(None, &first, WINDOW), Verdict::First(first));
        assert_eq!(case("b", 2, 1), Verdict::Repeat(Repeat::Copy, first));
        assert_eq!(case("", 2, 1), Verdict::Repeat(Repeat::Copy, first));
        assert_eq!(case("a", 2, 1), Verdict::Newer(Entry { version: 2, ..first }));
        assert_eq!(case("a", 1, 1), Verdict::Repeat(Repeat::Stale, first));
        assert_eq!(case("a", 2, 0), Verdict::Repeat(Repeat::Replay, first));
        let without_uri = sighting(1, 0, "", 1, 0);
        let verdict = decide(Some(&without_uri), &sighting(1, 10, "", 2, 1), WINDOW);
        assert_eq!(verdict, Verdict::Repeat(Repeat::Copy, without_uri));
    }

    #[test]
    fn the_window_reaches_both_ways_in_event_time() {
        let entry = sighting(1, 1_000, "", 1, 0);
        for (time, seen) in [(1_100, true), (1_101, false), (900, true), (899, false)] {
            let verdict = decide(Some(&entry), &sighting(1, time, "", 1, 1), WINDOW);
            assert_eq!(matches!(verdict, Verdict::Repeat(..)), seen, "at {time}");
        }
    }

    #[test]
    fn a_kill_of_a_text_is_another_identity_than_the_text() {
        let hash = ContentHash::from([7; 32]);
        assert_ne!(Identity::new(&hash, Status::Usable), Identity::new(&hash, Status::Canceled));
    }

    #[test]
    fn an_identity_lies_in_the_partition_of_its_hash() {
        for n in 0..50u8 {
            let hash = ContentHash::from(*blake3::hash(&[n]).as_bytes());
            assert_eq!(Identity::new(&hash, Status::Canceled).partition(12), hash.partition(12));
        }
    }

    #[test]
    fn coordinates_pack_and_unpack_or_are_refused() {
        let source = Source::new(65_535, (1 << 48) - 1).unwrap();
        assert_eq!((source.partition(), source.offset()), (65_535, (1 << 48) - 1));
        for (partition, offset) in [(-1, 0), (65_536, 0), (0, -1), (0, 1 << 48)] {
            assert_eq!(Source::new(partition, offset), None);
        }
    }
}
