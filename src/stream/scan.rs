//! Reading a topic from outside the group: spans of it, or what arrives from now on. Sees what is committed, commits nothing.

use std::{collections::BTreeMap, ops::Range, str::FromStr, time::Duration};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult},
    message::BorrowedMessage,
};

use super::{
    clients::{self, Isolation, Reader},
    span::Spans,
};
use crate::{config::Config, telemetry::Metrics};

/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Where to begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the oldest record there is.
    Earliest,
    /// With what arrives from now on.
    Latest,
    /// So many offsets before the end.
    Last(i64),
    /// With the first record of this time or later.
    Time(jiff::Timestamp),
}

impl FromStr for Position {
    type Err = String;

    /// `earliest`, `latest`, `-100`, a moment as [`moment`] reads it.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Position::Earliest),
            "latest" => Ok(Position::Latest),
            _ => match text.strip_prefix('-').map(str::parse::<u32>) {
                Some(Ok(count)) => Ok(Position::Last(count.into())),
                _ => moment(text).map(Position::Time).map_err(|_| {
                    "expected earliest, latest, -N for the last N records of each partition, an age such as 2h, or a time \
                     such as 2026-11-24T06:30:00Z"
                        .to_owned()
                }),
            },
        }
    }
}

/// A moment: RFC 3339 (`2026-11-24T06:30:00Z`), or an age (`90m`, `2h 30m`, `1d`).
///
/// # Errors
/// What was expected.
pub fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let age = || {
        let span: jiff::Span = text.parse().ok()?;
        let age = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?.abs();
        jiff::Timestamp::now().checked_sub(age).ok()
    };
    let moment = text.parse().ok().or_else(age);
    moment.ok_or_else(|| "expected a time such as 2026-11-24T06:30:00Z, or an age such as 2h".to_owned())
}

/// What [`Scan::next`] found.
pub enum Next<'m> {
    /// The next record.
    Record(BorrowedMessage<'m>),
    /// Nothing yet.
    Nothing,
    /// Every span is read.
    Done,
}

/// A reader of one topic.
pub struct Scan {
    consumer: Reader,
    topic: String,
    left: Spans,
}

impl Scan {
    /// A reader of `topic` that has not begun.
    ///
    /// # Errors
    /// Where librdkafka refuses a property.
    pub fn new(config: &Config, topic: &str) -> KafkaResult<Self> {
        let consumer = clients::reader(config, Isolation::Committed, Metrics::new(""))?;
        Ok(Scan { consumer, topic: topic.to_owned(), left: Spans::default() })
    }

    /// The partitions of the topic.
    ///
    /// # Errors
    /// Where the brokers do not answer, refuse, or have no such topic.
    pub fn partitions(&self) -> KafkaResult<Vec<i32>> {
        clients::partitions(&self.consumer, &self.topic, ASK)
    }

    /// The offsets of a partition that can be read now: up to the first open transaction.
    ///
    /// # Errors
    /// Where the brokers do not answer, or refuse.
    pub fn bounds(&self, partition: i32) -> KafkaResult<Range<i64>> {
        let (low, stable) = self.consumer.fetch_watermarks(&self.topic, partition, ASK)?;
        Ok(low..stable)
    }

    /// The offset of a position in a partition.
    ///
    /// # Errors
    /// Where the brokers do not answer, or refuse.
    pub fn offset(&self, partition: i32, position: Position) -> KafkaResult<i64> {
        let Range { start, end } = self.bounds(partition)?;
        Ok(match position {
            Position::Earliest => start,
            Position::Latest => end,
            Position::Last(count) => end.saturating_sub(count).max(start),
            Position::Time(time) => {
                let mut asked = TopicPartitionList::new();
                asked.add_partition_offset(&self.topic, partition, Offset::Offset(time.as_millisecond()))?;
                let answer = self.consumer.offsets_for_times(asked, ASK)?;
                match answer.find_partition(&self.topic, partition).map(|found| found.offset()) {
                    Some(Offset::Offset(offset)) => offset,
                    _ => end,
                }
            }
        })
    }

    /// Begins with these spans. One that ends at [`i64::MAX`] has no end.
    ///
    /// # Errors
    /// Where librdkafka refuses the assignment.
    pub fn begin(&mut self, spans: &BTreeMap<i32, Range<i64>>) -> KafkaResult<()> {
        let spans = spans.iter().filter(|(_, span)| !span.is_empty());
        let mut list = TopicPartitionList::new();
        for (partition, span) in spans {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(span.start))?;
            self.left.add(*partition, span.clone());
        }
        self.consumer.assign(&list)
    }

    /// The next record of a span that is not read yet.
    ///
    /// # Errors
    /// Where a partition cannot be read.
    pub fn next(&mut self, wait: Duration) -> KafkaResult<Next<'_>> {
        if self.left.first().is_none() {
            return Ok(Next::Done);
        }
        match self.consumer.poll(wait) {
            None => Ok(Next::Nothing),
            Some(Ok(message)) => Ok(match self.left.take(message.partition(), message.offset()) {
                true => Next::Record(message),
                false => Next::Nothing,
            }),
            Some(Err(error)) => {
                let outcome = match error {
                    KafkaError::PartitionEOF(partition) => self.left.end(&self.consumer, &self.topic, partition),
                    error => Err(error),
                };
                match outcome {
                    Err(error) if !error.rdkafka_error_code().is_some_and(is_passing) => Err(error),
                    _ => Ok(Next::Nothing),
                }
            }
        }
    }
}

/// Errors of a connection or of a partition that changes its leader, which librdkafka mends by itself.
fn is_passing(code: rdkafka::types::RDKafkaErrorCode) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::NodeUpdate
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_an_end_a_count_a_time_or_an_age() {
        assert_eq!("earliest".parse(), Ok(Position::Earliest));
        assert_eq!("latest".parse(), Ok(Position::Latest));
        assert_eq!("-25".parse(), Ok(Position::Last(25)));
        let time = "2026-11-24T06:30:00Z".parse().unwrap();
        assert_eq!("2026-11-24T06:30:00Z".parse(), Ok(Position::Time(time)));
        for (text, seconds) in [("2h 30m", 9_000), ("1d", 86_400), ("1w", 604_800)] {
            let Ok(Position::Time(ago)) = text.parse() else { panic!("an age is a time: {text}") };
            let age = jiff::Timestamp::now().duration_since(ago);
            assert!((seconds..seconds + 10).contains(&age.as_secs()), "{text}: {age:?}");
        }
        for wrong in ["", "25", "yesterday", "--5", "2h ago or so", "1mo", "19000y"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
