//! `copydesk replay`: dead letters, or a span of the raw topic, once more into the raw topic.

mod plan;
mod summary;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::read;
use super::record::Record;
use crate::config::Config;
use crate::reject::Reason;
use crate::stream::refeed::{self, Refeed};
use crate::stream::scan::{Next, Position, Scan, moment};
use crate::stream::topics::Role;
use plan::Plan;
use summary::Summary;

/// How long a poll waits for records.
const IDLE: Duration = Duration::from_millis(200);
/// How often progress is told where there is no terminal to draw on.
const TELL: Duration = Duration::from_secs(10);

/// Feed dead letters, or a span of raw items, into the raw topic once more
///
/// What is replayed keeps its partition, key, value, headers and event time, and carries copydesk-replay-of, the raw record
/// it first was; its article carries it on.
///
/// It takes the way of every item, so nothing is published twice because it is replayed twice: a content that is published,
/// and still remembered, ends in the duplicates. It is published again where its text has become another one by new rules,
/// where `copydesk forget` made it forgotten, or where it has left the dedup window; raw items older than the window are
/// therefore left out unless --beyond-window asks for them.
///
/// Records and progress are committed together. A replay that was interrupted, however, goes on with --resume exactly where
/// it stopped; after a complete one, --resume takes what has come since.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk replay --reason unsupported_format --dry-run
                                        what would be replayed?
  copydesk replay --since 6h            dead letters of the last six hours
  copydesk replay --resume              … that came since the last replay
  copydesk replay raw --partition 3 --offsets 1000..2000 --rate 50
  copydesk tap rejected --from 1d --end --json > letters.ndjson
  copydesk replay letters.ndjson        after choosing among them")]
pub struct Args {
    /// What to replay: rejected, raw, or a file of records as `copydesk tap --json` writes them
    #[arg(value_name = "rejected|raw|FILE", default_value = "rejected")]
    what: What,

    /// Only dead letters of this reason; may be given several times
    #[arg(long = "reason", value_name = "CODE", value_parser = PossibleValuesParser::new(Reason::ALL.map(Reason::code)))]
    reasons: Vec<String>,

    /// Only this partition; may be given several times
    #[arg(long = "partition", value_name = "P")]
    partitions: Vec<i32>,

    /// Only these offsets of the one partition: from A up to, but without, B
    #[arg(long, value_name = "A..B", value_parser = offsets, requires = "partitions", conflicts_with = "resume")]
    offsets: Option<Range<i64>>,

    /// Only records of this time or later: an age such as 2h, or a time such as 2026-11-24T06:30:00Z
    ///
    /// The time of a dead letter is when it was rejected, that of a raw item its event time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<jiff::Timestamp>,

    /// Only records before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<jiff::Timestamp>,

    /// Go on behind the last record that an earlier replay of the same topic has handled
    #[arg(long)]
    resume: bool,

    /// Pass over the first N records of a file: those that an interrupted replay said it had handled
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,

    /// Stop after N items
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Feed at most N items a second, to leave room for what is live
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,

    /// Replay raw items older than the dedup window too, which publishes them a second time
    #[arg(long)]
    beyond_window: bool,

    /// Read and count, but write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Topic(Role),
    File(PathBuf),
}

impl FromStr for What {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "rejected" => What::Topic(Role::Rejected),
            "raw" => What::Topic(Role::Raw),
            file => What::File(file.into()),
        })
    }
}

fn offsets(text: &str) -> Result<Range<i64>, String> {
    let parsed = text.split_once("..").and_then(|(a, b)| Some(a.trim().parse::<i64>().ok()?..b.trim().parse().ok()?));
    parsed.filter(|span| span.start >= 0 && !span.is_empty()).ok_or_else(|| "expected A..B, such as 1000..2000".into())
}

/// Runs the command.
///
/// # Errors
/// Brokers that do not answer or refuse, a file that cannot be read. What was committed before stays, and is told.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    if args.offsets.is_some() && args.partitions.len() != 1 {
        bail!("--offsets needs exactly one --partition");
    }
    let partitions = super::partitions(config, Role::Raw, &[])?;
    let plan = Plan::new(args, config, i32::try_from(partitions.len())?);
    let mut replay = Replay {
        args,
        plan,
        refeed: if args.dry_run { None } else { Some(Refeed::start(config)?) },
        summary: Summary::default(),
        committed: Summary::default(),
        bar: ProgressBar::no_length(),
        told: Instant::now(),
        started: Instant::now(),
    };
    let done = match &args.what {
        What::Topic(role) => replay.topic(config, *role),
        What::File(path) => replay.file(path),
    };
    let done = done.and_then(|()| replay.commit());
    replay.bar.finish_and_clear();
    let mut out = anstream::stdout().lock();
    replay.committed.write(&mut out, &config.topics.raw, args.dry_run)?;
    done.with_context(|| match args.what {
        What::Topic(_) => "stopped; the same command with --resume goes on from there".to_owned(),
        What::File(_) => format!("stopped; --skip {} goes on from there", args.skip + replay.committed.read),
    })?;
    Ok(ExitCode::SUCCESS)
}

struct Replay<'a> {
    args: &'a Args,
    plan: Plan<'a>,
    /// `None` where nothing is to be written.
    refeed: Option<Refeed>,
    summary: Summary,
    /// The summary up to the last commit.
    committed: Summary,
    bar: ProgressBar,
    told: Instant,
    started: Instant,
}

impl Replay<'_> {
    fn topic(&mut self, config: &Config, role: Role) -> anyhow::Result<()> {
        let topic = role.topic(&config.topics);
        let mut scan = Scan::new(config, topic)?;
        let spans = spans(self.args, config, role, &scan)?;
        self.expect(spans.values().map(|span| span.end.saturating_sub(span.start).unsigned_abs()).sum());
        scan.begin(&spans)?;
        while !self.is_enough() {
            match scan.next(IDLE).with_context(|| format!("cannot read {topic}"))? {
                Next::Done => break,
                Next::Nothing => self.commit_if_due()?,
                Next::Record(message) => {
                    let record = Record::of(&message);
                    self.record(&record)?;
                    if let Some(refeed) = &mut self.refeed {
                        refeed.handled(topic, record.partition, record.offset)?;
                    }
                    self.commit_if_due()?;
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &std::path::Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        let open =
            || File::open(path).with_context(|| format!("cannot read {name}: no file, and neither rejected nor raw"));
        let mut records = 0;
        read::lines(&name, 1, &mut BufReader::new(open()?), &mut |_, _| {
            records += 1;
            Ok(())
        })?;
        self.expect(records);
        let mut number = 0;
        read::lines(&name, 1, &mut BufReader::new(open()?), &mut |place, line| {
            number += 1;
            if number <= self.args.skip || self.is_enough() {
                return Ok(());
            }
            let record = serde_json::from_slice(line)
                .with_context(|| format!("{place}: no record as `copydesk tap --json` writes it"))?;
            self.record(&record)?;
            self.commit_if_due()
        })
    }

    /// Takes one record: feeds it, or says why not.
    fn record(&mut self, record: &Record) -> anyhow::Result<()> {
        self.summary.read += 1;
        self.bar.inc(1);
        match self.plan.refed(record) {
            Err(left_out) => self.summary.leave_out(left_out),
            Ok(refed) => {
                self.summary.replay(record);
                if let Some(refeed) = &mut self.refeed {
                    refeed.send(refed)?;
                    self.pace();
                }
            }
        }
        Ok(())
    }

    /// Waits until the next item may go.
    fn pace(&self) {
        if let Some(rate) = self.args.rate {
            let due = Duration::from_secs_f64(self.summary.replayed as f64 / f64::from(rate));
            thread::sleep(due.saturating_sub(self.started.elapsed()));
        }
    }

    fn is_enough(&self) -> bool {
        self.args.limit.is_some_and(|limit| self.summary.replayed >= limit)
    }

    fn commit_if_due(&mut self) -> anyhow::Result<()> {
        if self.refeed.as_ref().is_some_and(Refeed::is_due) {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        if let Some(refeed) = &mut self.refeed {
            refeed.commit()?;
        }
        self.committed = self.summary.clone();
        if self.told.elapsed() >= TELL && !io::stderr().is_terminal() {
            self.told = Instant::now();
            let Summary { read, replayed, .. } = self.committed;
            writeln!(io::stderr(), "{read} of {} read, {replayed} replayed", self.bar.length().unwrap_or(0))?;
        }
        Ok(())
    }

    /// So many records are ahead.
    fn expect(&mut self, records: u64) {
        self.bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} · {per_sec} · {eta} left");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }
}

/// The spans of the topic that were asked for, as far as they are there.
fn spans(args: &Args, config: &Config, role: Role, scan: &Scan) -> anyhow::Result<BTreeMap<i32, Range<i64>>> {
    let topic = role.topic(&config.topics);
    let partitions = super::partitions(config, role, &args.partitions)?;
    let progress = if args.resume { refeed::progress(config, topic, &partitions)? } else { BTreeMap::new() };
    let mut spans = BTreeMap::new();
    for partition in partitions {
        let Range { mut start, mut end } = scan.bounds(partition)?;
        if let Some(since) = args.since {
            start = start.max(scan.offset(partition, Position::Time(since))?);
        }
        if let Some(progress) = progress.get(&partition) {
            start = start.max(*progress);
        }
        if let Some(offsets) = &args.offsets {
            start = start.max(offsets.start);
            end = end.min(offsets.end);
        }
        spans.insert(partition, start..end.max(start));
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_a_span() {
        assert_eq!(offsets("1000..2000"), Ok(1000..2000));
        for wrong in ["", "1000", "2000..1000", "5..5", "-3..4", "a..b"] {
            assert!(offsets(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_topic_is_a_file() {
        assert_eq!("rejected".parse(), Ok(What::Topic(Role::Rejected)));
        assert_eq!("raw".parse(), Ok(What::Topic(Role::Raw)));
        assert_eq!("letters.ndjson".parse(), Ok(What::File("letters.ndjson".into())));
    }
}
