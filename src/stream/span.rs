//! A span of a partition that is read from outside the group, and when the reading has come to its end.
//!
//! The end of a span is a watermark, or an offset before it. Its last offsets may hold nothing to read (markers, aborted or
//! compacted records), so a reader looks at where librdkafka stands when that reports the end of the partition.
//!
//! A report alone proves nothing. A follower that becomes leader may not know yet how much is committed: KIP-207 keeps it from
//! telling its watermarks until it does, but not from answering a fetch with nothing, as at the end. So a report before the
//! end of the span is believed only where it comes a second time, after the leader has told its watermarks.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use rdkafka::{Offset, consumer::Consumer as _, error::KafkaResult};

use super::clients::Reader;

/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(5);

/// What is left of a span. One that ends at [`i64::MAX`] has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    next: i64,
    end: i64,
    /// Whether the leader has told its watermarks since the reading came to `next`.
    told: bool,
}

impl Span {
    /// A span of which nothing is read yet.
    pub fn new(offsets: Range<i64>) -> Self {
        Span { next: offsets.start, end: offsets.end, told: false }
    }

    /// The offset to go on with.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// The offset behind its last one.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// How many offsets are left.
    pub fn left(&self) -> u64 {
        u64::try_from(self.end - self.next).unwrap_or(0)
    }

    /// Everything before `next` has been read.
    pub fn advance(&mut self, next: i64) {
        if next > self.next {
            (self.next, self.told) = (next, false);
        }
    }

    /// Whether nothing is left, now that `reader` has reported the end of the partition. Otherwise it reads on, and will
    /// report an end again.
    ///
    /// # Errors
    /// Where the brokers do not answer, or refuse; the reader reads on then too.
    pub fn ends(&mut self, reader: &Reader, topic: &str, partition: i32) -> KafkaResult<bool> {
        if self.end == i64::MAX {
            return Ok(false);
        }
        let positions = reader.position()?;
        // There is no position where nothing was read.
        if let Some(Offset::Offset(next)) = positions.find_partition(topic, partition).map(|found| found.offset()) {
            self.advance(next);
        }
        if self.left() == 0 || self.told || mutant!("end-believed-at-once") {
            return Ok(true);
        }
        let answer = reader.fetch_watermarks(topic, partition, ASK);
        self.told = answer.is_ok();
        // Where it stands it would not report the same end again.
        reader.seek(topic, partition, Offset::Offset(self.next), ASK)?;
        let (_, stable) = answer?;
        tracing::info!(topic, partition, next = self.next, end = self.end, stable, "an end came early: reading on");
        Ok(false)
    }
}

/// What is left of spans of one topic, by partition.
#[derive(Debug, Default)]
pub struct Spans(BTreeMap<i32, Span>);

impl Spans {
    /// Adds a span.
    pub fn add(&mut self, partition: i32, offsets: Range<i64>) {
        self.0.insert(partition, Span::new(offsets));
    }

    /// The first of them.
    pub fn first(&self) -> Option<(i32, &Span)> {
        self.0.first_key_value().map(|(partition, span)| (*partition, span))
    }

    /// How many offsets are left.
    pub fn left(&self) -> u64 {
        self.0.values().map(Span::left).sum()
    }

    /// Notes that a record was read. Whether it belongs to a span.
    pub fn take(&mut self, partition: i32, offset: i64) -> bool {
        let Some(span) = self.0.get_mut(&partition) else { return false };
        span.advance(offset + 1);
        let belongs = offset < span.end;
        if span.left() == 0 {
            self.0.remove(&partition);
        }
        belongs
    }

    /// Notes that `reader` has reported the end of a partition, as [`Span::ends`] does.
    ///
    /// # Errors
    /// As [`Span::ends`].
    pub fn end(&mut self, reader: &Reader, topic: &str, partition: i32) -> KafkaResult<()> {
        if let Some(span) = self.0.get_mut(&partition)
            && span.ends(reader, topic, partition)?
        {
            self.0.remove(&partition);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_leader_told_holds_until_more_is_read() {
        let mut span = Span::new(3..10);
        assert_eq!((span.next(), span.end(), span.left()), (3, 10, 7));
        span.told = true;
        span.advance(2);
        assert_eq!(span, Span { next: 3, end: 10, told: true });
        span.advance(8);
        assert_eq!(span, Span { next: 8, end: 10, told: false });
        span.advance(12);
        assert_eq!(span.left(), 0);
    }
}
