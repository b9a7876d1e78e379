//! `copydesk tap`: what goes through a topic, as it comes, for people or as JSON lines.

mod facts;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;

use super::record::Record;
use crate::config::Config;
use crate::stream::scan::{Next, Position, Scan};
use crate::stream::topics::Role;
use facts::Facts;

/// How long a poll waits for records.
const IDLE: Duration = Duration::from_millis(200);

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Watch a topic live: raw items, articles, duplicates, dead letters
///
/// Shows what committed readers see, one line a record, until Ctrl-C. It belongs to no group and commits nothing, so it
/// disturbs nobody. Filters are joined by "and".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk tap                               articles as they are published
  copydesk tap rejected --from 1h            dead letters of the last hour
  copydesk tap duplicates --hash 788061d2    what a content suppressed
  copydesk tap raw --from -20 --end          the last 20 of each partition
  copydesk tap rejected --from earliest --end --json > letters.ndjson
                                             for copydesk replay, or for jq")]
pub struct Args {
    /// Which topic, by its role
    #[arg(value_name = "TOPIC", value_enum, default_value_t = Topic::Articles)]
    topic: Topic,

    /// Begin with: earliest, latest, -N (the last N records of each partition), an age such as 2h, or a time such as
    /// 2026-11-24T06:30:00Z
    #[arg(long, value_name = "WHERE", default_value = "latest", allow_hyphen_values = true)]
    from: Position,

    /// Stop at the present end instead of waiting for more
    #[arg(long)]
    end: bool,

    /// Stop after N records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Only this partition; may be given several times
    #[arg(long = "partition", value_name = "P")]
    partitions: Vec<i32>,

    /// Only of this feed or agency (which duplicates do not name), or made of this raw record (topic/partition/offset)
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// Only with this uri
    #[arg(long)]
    uri: Option<String>,

    /// Only with a content hash that begins so
    #[arg(long, value_name = "HEX")]
    hash: Option<String>,

    /// Only with this reason (of rejected) or kind (of duplicates)
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,

    /// Only whose text holds this, in capitals or not
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,

    /// Write each record as one JSON object: topic, partition, offset, time, key, headers, value
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Topic {
    Raw,
    Normalized,
    Articles,
    Duplicates,
    Rejected,
    Seen,
}

impl Topic {
    fn role(self) -> Role {
        match self {
            Topic::Raw => Role::Raw,
            Topic::Normalized => Role::Normalized,
            Topic::Articles => Role::Articles,
            Topic::Duplicates => Role::Duplicates,
            Topic::Rejected => Role::Rejected,
            Topic::Seen => Role::Seen,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Brokers that do not answer, or a topic that is not there or may not be read.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let role = args.topic.role();
    let topic = role.topic(&config.topics);
    let mut scan = Scan::new(config, topic)?;
    let mut spans = BTreeMap::new();
    for partition in super::partitions(config, role, &args.partitions)? {
        let start = scan.offset(partition, args.from).with_context(|| format!("{topic}/{partition}"))?;
        let end = if args.end { scan.bounds(partition)?.end } else { i64::MAX };
        spans.insert(partition, start..end);
    }
    scan.begin(&spans)?;
    let mut out = anstream::stdout().lock();
    let mut shown = 0;
    while args.limit.is_none_or(|limit| shown < limit) {
        let record = match scan.next(IDLE).with_context(|| format!("cannot read {topic}"))? {
            Next::Done => break,
            Next::Nothing => {
                out.flush()?;
                continue;
            }
            Next::Record(message) => Record::of(&message),
        };
        let facts = Facts::of(role, &record);
        if !args.wants(&record, &facts) {
            continue;
        }
        shown += 1;
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&record)?)?;
        } else {
            line(&mut out, &record, &facts)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn wants(&self, record: &Record, facts: &Facts) -> bool {
        let is = |wish: &Option<String>, fact: &Option<String>| wish.is_none() || wish == fact;
        let of = |wish: &String| {
            facts.raw.as_ref() == Some(wish) || facts.names.iter().any(|name| name.eq_ignore_ascii_case(wish))
        };
        let begins = |wish: &String| {
            let digits = wish.strip_prefix("blake3:").unwrap_or(wish).to_ascii_lowercase();
            facts.hash.as_ref().is_some_and(|hash| hash.starts_with(&digits))
        };
        let holds = |wish: &String| record.text().to_lowercase().contains(&wish.to_lowercase());
        self.source.as_ref().is_none_or(of)
            && is(&self.uri, &facts.uri)
            && self.hash.as_ref().is_none_or(begins)
            && is(&self.reason, &facts.reason)
            && self.grep.as_ref().is_none_or(holds)
    }
}

/// One line for the eye: when, where, what it is, what it says.
fn line(out: &mut dyn Write, record: &Record, facts: &Facts) -> std::io::Result<()> {
    let time = record.time.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
    write!(out, "{DIM}{time} {:>2}/{:<6}{DIM:#}", record.partition, record.offset)?;
    if let Some(reason) = &facts.reason {
        let style = AnsiColor::Yellow.on_default();
        write!(out, " {style}{}{style:#}", shown(reason))?;
    }
    if let Some(hash) = &facts.hash {
        let style = AnsiColor::Cyan.on_default();
        write!(out, " {style}{}{style:#}", shown(hash.get(..12).unwrap_or(hash)))?;
    }
    for fact in &facts.others {
        write!(out, " {}", shown(fact))?;
    }
    if let Some(uri) = &facts.uri {
        let style = AnsiColor::Blue.on_default();
        write!(out, " {style}{}{style:#}", shown(uri))?;
    }
    if let Some(title) = &facts.title {
        write!(out, " {BOLD}{}{BOLD:#}", super::explain::clip(&shown(title), 100))?;
    }
    if let Some(raw) = &facts.raw {
        write!(out, " {DIM}← {}{DIM:#}", shown(raw))?;
    }
    writeln!(out)
}

/// Text of an item without what would command a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::record::tests::record;
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &[&str]) -> Args {
        Line::parse_from([&["tap"], words].concat()).args
    }

    fn wants(words: &[&str]) -> bool {
        let headers = [("copydesk-reason", "no_copy"), ("copydesk-source", "wire.raw/0/7")];
        let letter = record(br#"{"text": "Harbour opens", "source": "NWA", "uri": "urn:nwa:1"}"#, &headers);
        args(words).wants(&letter, &Facts::of(Role::Rejected, &letter))
    }

    #[test]
    fn filters_are_joined_by_and() {
        assert!(wants(&[]));
        for filter in [
            ["--source", "nwa"],
            ["--source", "wire.raw/0/7"],
            ["--uri", "urn:nwa:1"],
            ["--reason", "no_copy"],
            ["--grep", "HARBOUR"],
        ] {
            assert!(wants(&filter), "{filter:?}");
            assert!(!wants(&[&filter[..], &["--hash", "7"]].concat()), "{filter:?}");
        }
        for filter in [["--source", "other"], ["--uri", "urn:nwa:2"], ["--reason", "empty"], ["--hash", "7"]] {
            assert!(!wants(&filter), "{filter:?}");
        }
    }

    #[test]
    fn a_negative_count_is_a_position_and_no_option() {
        assert_eq!(args(&["raw", "--from", "-20"]).from, Position::Last(20));
    }

    #[test]
    fn what_would_command_a_terminal_is_not_shown() {
        let letter = record(b"\x1b]0;owned\x07Harbour\nopens", &[("copydesk-reason", "no\x1b[2Jcopy")]);
        let mut out = Vec::new();
        line(&mut out, &letter, &Facts::of(Role::Raw, &letter)).unwrap();
        line(&mut out, &letter, &Facts::of(Role::Rejected, &letter)).unwrap();
        let plain = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert!(plain.contains("owned") && plain.chars().all(|c| c == '\n' || !c.is_control()), "{plain:?}");
        assert_eq!(plain.lines().count(), 2, "{plain:?}");
    }
}
