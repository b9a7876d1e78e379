//! Which records are replayed, and as what. Pure.

use rdkafka::message::{Header, OwnedHeaders};

use super::{Args, What};
use crate::cli::record::Record;
use crate::config::Config;
use crate::stream::headers;
use crate::stream::refeed::Refed;
use crate::stream::topics::Role;

/// Why a record is not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// By a filter.
    Filtered,
    /// Its value was too large for the dead letters; the raw record may still be there.
    Valueless,
    /// It was rejected between the stages: it is no raw item.
    NotRaw,
    /// It is older than the dedup window.
    BeyondWindow,
    /// A raw item that an earlier replay has written.
    Replayed,
}

impl LeftOut {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            LeftOut::Filtered => "not asked for",
            LeftOut::Valueless => {
                "without a value: too large for the dead letters, replay them with `copydesk replay raw`"
            }
            LeftOut::NotRaw => "no raw items: somebody else wrote to the normalized topic",
            LeftOut::Replayed => "written by an earlier replay",
            LeftOut::BeyondWindow => "older than the dedup window (see --beyond-window)",
        }
    }
}

/// What was asked for.
pub struct Plan<'a> {
    args: &'a Args,
    raw: &'a str,
    /// How many partitions the raw topic has.
    partitions: i32,
    /// The beginning of the dedup window.
    horizon: jiff::Timestamp,
}

impl<'a> Plan<'a> {
    pub fn new(args: &'a Args, config: &'a Config, partitions: i32) -> Self {
        let window = jiff::SignedDuration::try_from(config.dedup.window()).unwrap_or(jiff::SignedDuration::MAX);
        let horizon = jiff::Timestamp::now().checked_sub(window).unwrap_or(jiff::Timestamp::MIN);
        Plan { args, raw: &config.topics.raw, partitions, horizon }
    }

    /// The record as it is fed again.
    ///
    /// # Errors
    /// Why it is not.
    pub fn refed<'r>(&self, record: &'r Record) -> Result<Refed<'r>, LeftOut> {
        let reason = record.mark(headers::REASON);
        let outside = |time: jiff::Timestamp| {
            self.args.since.is_some_and(|since| time < since) || self.args.until.is_some_and(|until| time >= until)
        };
        let wanted = |wishes: &[String], found: Option<&str>| {
            wishes.is_empty() || found.is_some_and(|found| wishes.iter().any(|wish| wish == found))
        };
        let of_file = matches!(self.args.what, What::File(_));
        let other_partition =
            of_file && !self.args.partitions.is_empty() && !self.args.partitions.contains(&record.partition);
        if other_partition || !wanted(&self.args.reasons, reason) || record.time.is_some_and(outside) {
            return Err(LeftOut::Filtered);
        }
        if record.value.is_none() {
            return Err(LeftOut::Valueless);
        }
        let source = match reason {
            Some(_) => record.mark(headers::SOURCE).map(str::to_owned),
            None => Some(record.place()),
        };
        let lane = source.as_deref().and_then(|source| source.strip_prefix(self.raw)?.strip_prefix('/'));
        let lane = lane.and_then(|lane| lane.split_once('/')?.0.parse::<i32>().ok());
        if reason.is_some() && lane.is_none() {
            return Err(LeftOut::NotRaw);
        }
        let received = record.mark(headers::RECEIVED).and_then(|ms| ms.parse().ok());
        let timestamp = received.or_else(|| record.time.map(jiff::Timestamp::as_millisecond));
        let raw_topic = self.args.what == What::Topic(Role::Raw);
        let replayed = record.mark(headers::REPLAY_OF).map(str::to_owned);
        if raw_topic && replayed.is_some() {
            return Err(LeftOut::Replayed);
        }
        if raw_topic && !self.args.beyond_window && timestamp.is_some_and(|ms| ms < self.horizon.as_millisecond()) {
            return Err(LeftOut::BeyondWindow);
        }
        let first = replayed.or(source);
        Ok(Refed {
            partition: lane.filter(|lane| *lane < self.partitions),
            key: record.key.as_ref().map(|key| &*key.0),
            value: record.value.as_ref().map(|value| &*value.0),
            timestamp,
            headers: original_headers(record, first.as_deref()),
        })
    }
}

/// The headers it came with: without those of a dead letter, and with where it first was.
fn original_headers(record: &Record, first: Option<&str>) -> OwnedHeaders {
    let original = record.headers.iter().filter(|(name, _)| !name.starts_with(headers::OURS));
    let kept = original.fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: value.as_ref().map(|value| &value.0) })
    });
    kept.insert(Header { key: headers::REPLAY_OF, value: first })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rdkafka::message::Headers as _;

    use super::*;
    use crate::cli::record::tests::record;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(words: &[&str], test: impl FnOnce(Plan<'_>)) {
        let line = Line::parse_from([&["replay"], words].concat());
        test(Plan::new(&line.args, &Config::default(), 4));
    }

    fn letter(reason: &str, source: &str) -> Record {
        let headers = [
            ("content-type", "text/plain"),
            ("traceparent", "00-aa-bb-01"),
            ("copydesk-reason", reason),
            ("copydesk-stage", "normalize"),
            ("copydesk-detail", "nothing but white space"),
            ("copydesk-source", source),
            ("copydesk-received", "1700000000123"),
        ];
        record(b"Harbour opens", &headers)
    }

    fn headers_of(refed: &Refed<'_>) -> Vec<(String, String)> {
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        refed.headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
    }

    #[test]
    fn a_dead_letter_becomes_the_raw_item_it_was() {
        let letter = letter("empty", "wire.raw/3/77");
        plan(&[], |plan| {
            let refed = plan.refed(&letter).unwrap();
            assert_eq!((refed.partition, refed.timestamp), (Some(3), Some(1_700_000_000_123)));
            assert_eq!((refed.key, refed.value), (Some(&b"k"[..]), Some(&b"Harbour opens"[..])));
            let expected = [
                ("content-type", "text/plain"),
                ("traceparent", "00-aa-bb-01"),
                ("copydesk-replay-of", "wire.raw/3/77"),
            ];
            assert_eq!(headers_of(&refed), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        });
    }

    #[test]
    fn what_is_rejected_again_still_names_its_first_record() {
        let mut letter = letter("empty", "wire.raw/3/900");
        letter.headers.push(("copydesk-replay-of".into(), Some(crate::cli::record::Bytes(b"wire.raw/3/77".to_vec()))));
        plan(&[], |plan| {
            let headers = headers_of(&plan.refed(&letter).unwrap());
            assert_eq!(headers.last().unwrap().1, "wire.raw/3/77");
            assert_eq!(headers.iter().filter(|(name, _)| name == "copydesk-replay-of").count(), 1);
        });
    }

    #[test]
    fn a_partition_that_is_no_more_is_chosen_by_the_key() {
        let letter = letter("empty", "wire.raw/9/77");
        plan(&[], |plan| assert_eq!(plan.refed(&letter).unwrap().partition, None));
    }

    #[test]
    fn reasons_and_times_choose() {
        let letter = letter("empty", "wire.raw/3/77");
        let case = |words: &[&str], expected: Option<LeftOut>| {
            plan(words, |plan| assert_eq!(plan.refed(&letter).err(), expected, "{words:?}"));
        };
        case(&["--reason", "no_copy", "--reason", "empty"], None);
        case(&["--reason", "no_copy"], Some(LeftOut::Filtered));
        case(&["--since", "2026-11-24T06:30:00Z"], None);
        case(&["--since", "2026-11-24T06:30:01Z"], Some(LeftOut::Filtered));
        case(&["--until", "2026-11-24T06:30:00.123Z"], Some(LeftOut::Filtered));
        case(&["letters.ndjson", "--partition", "1"], Some(LeftOut::Filtered));
        case(&["letters.ndjson", "--partition", "2"], None);
    }

    #[test]
    fn what_is_no_whole_raw_item_is_left_out() {
        let mut without = letter("too_large", "wire.raw/3/77");
        without.value = None;
        let foreign = letter("bad_normalized", "wire.normalized/1/5");
        plan(&[], |plan| {
            assert_eq!(plan.refed(&without).err(), Some(LeftOut::Valueless));
            assert_eq!(plan.refed(&foreign).err(), Some(LeftOut::NotRaw));
        });
    }

    #[test]
    fn raw_items_older_than_the_window_are_replayed_only_on_demand() {
        let old = Record { topic: "wire.raw".into(), time: "2020-01-01T00:00:00Z".parse().ok(), ..record(b"x", &[]) };
        let new = Record { time: Some(jiff::Timestamp::now()), ..old.clone() };
        plan(&["raw"], |plan| {
            assert_eq!(plan.refed(&old).err(), Some(LeftOut::BeyondWindow));
            let refed = plan.refed(&new).unwrap();
            assert_eq!(headers_of(&refed), [("copydesk-replay-of".to_owned(), "wire.raw/2/41".to_owned())]);
        });
        plan(&["raw", "--beyond-window"], |plan| assert!(plan.refed(&old).is_ok()));
        let mut replayed = new.clone();
        replayed.headers.push(("copydesk-replay-of".into(), Some(crate::cli::record::Bytes(b"wire.raw/2/3".to_vec()))));
        plan(&["raw"], |plan| assert_eq!(plan.refed(&replayed).err(), Some(LeftOut::Replayed)));
    }
}
