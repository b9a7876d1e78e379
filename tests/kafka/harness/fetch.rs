//! The answer to a Fetch as a leader gives it that does not know yet how much is committed. Reads versions 13 and later.

use std::collections::HashSet;
use std::ops::Range;

/// The partitions that something was held back of, by the id of their topic.
#[derive(Default)]
pub struct HeldBack(HashSet<(Vec<u8>, Vec<u8>)>);

impl HeldBack {
    /// Lets an answer say that each partition ends before the records in it, and leaves these out; of a partition only once.
    /// Whether it says so of any.
    pub fn hold_back(&mut self, answer: &mut Vec<u8>) -> bool {
        let mut held = false;
        let parts = records(answer).unwrap_or_default();
        // From the last on, because everything behind records moves.
        for Part { place, ends, records, content } in parts.into_iter().rev() {
            let first = answer[content.clone()].get(..8).map(<[u8]>::to_vec);
            let Some(first) = first.filter(|_| self.0.insert(place)) else { continue };
            drop(answer.splice(records, [1]));
            for end in [ends, ends + 8] {
                answer[end..end + 8].copy_from_slice(&first);
            }
            held = true;
        }
        let size = i32::try_from(answer.len() - 4).expect("no longer than it was");
        answer[..4].copy_from_slice(&size.to_be_bytes());
        held
    }
}

/// What an answer says of one partition.
struct Part {
    /// The topic's id and the partition's number.
    place: (Vec<u8>, Vec<u8>),
    /// Where its high watermark stands, and behind that its last stable offset.
    ends: usize,
    /// Where its records stand with their length in front, and without; they begin with the first one's offset.
    records: Range<usize>,
    content: Range<usize>,
}

/// Every partition of an answer (a whole frame). `None` for one that is not understood.
fn records(answer: &[u8]) -> Option<Vec<Part>> {
    let mut reader = Reader { answer, at: 8 };
    reader.tags()?;
    // Throttling, error, session.
    reader.skip(4 + 2 + 4)?;
    let mut parts = Vec::new();
    for _ in 0..reader.count()? {
        let topic = reader.bytes(16)?.to_vec();
        for _ in 0..reader.count()? {
            let place = (topic.clone(), reader.bytes(4)?.to_vec());
            reader.skip(2)?;
            let ends = reader.at;
            // Both ends, and the log's start.
            reader.skip(8 + 8 + 8)?;
            for _ in 0..reader.count()? {
                // An aborted transaction.
                reader.skip(8 + 8)?;
                reader.tags()?;
            }
            // The preferred replica.
            reader.skip(4)?;
            let start = reader.at;
            let length = reader.count()?;
            let content = reader.at..reader.at + length;
            reader.skip(length)?;
            parts.push(Part { place, ends, records: start..reader.at, content });
            reader.tags()?;
        }
        reader.tags()?;
    }
    Some(parts)
}

struct Reader<'a> {
    answer: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.answer.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(|_| ())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.bytes(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The length of a compact array, string or record set: one more than it has, 0 for none.
    fn count(&mut self) -> Option<usize> {
        self.varint().map(|count| count.saturating_sub(1))
    }

    fn tags(&mut self) -> Option<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.skip(length)?;
        }
        Some(())
    }
}
