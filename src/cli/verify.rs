//! `copydesk verify`: did every raw item end in exactly one place?

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;

use crate::config::Config;
use crate::stream::scan::moment;
use crate::verify::{self, Progress, Report, Span};

/// Findings shown without `--all`.
const SHOWN: usize = 20;

/// How often progress is told to a log, which cannot be written over as a terminal can.
const SELDOM: Duration = Duration::from_secs(10);

/// Hold the topics against each other: is anything missing, double or altered?
///
/// Reads all six topics as a reader of committed records, edits and hashes every raw item of the span once more, and
/// compares what it should have become with what the topics say. The pipeline may be running meanwhile. Nothing is
/// written. Exit code 1 when something is wrong.
///
/// Items that the group has not read yet are left out, and nothing is said of items older than what the outputs still hold.
/// Memory: up to 500 bytes an item of the span, and 150 MB; how many are remembered does not matter.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk verify                   everything that is kept
  copydesk verify --from 24h        the items of the last day
  copydesk verify --from 2026-11-23T00:00Z --until 2026-11-24T00:00Z --json")]
pub struct Args {
    /// Begin with items of this time: an age such as 24h, or a time such as 2026-11-24T06:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,

    /// Leave out items from this time on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    /// Show every finding, not only the first
    #[arg(long)]
    all: bool,

    /// Answer with one JSON object, which holds every finding
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Topics that cannot be read, rules that are wrong.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let desk = super::desk(config)?;
    let span =
        Span { from: args.from.map(|time| time.as_millisecond()), until: args.until.map(|time| time.as_millisecond()) };
    let mut meter = Meter { terminal: io::stderr().is_terminal(), told: Instant::now() };
    let report = verify::verify(config, &desk, span, &mut |progress| meter.tell(progress));
    meter.clear();
    let report = report?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report).context("writing the report")?;
        writeln!(out)?;
    } else {
        write(&report, if args.all { usize::MAX } else { SHOWN }, &mut out)?;
    }
    out.flush()?;
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(report: &Report, shown: usize, out: &mut impl Write) -> io::Result<()> {
    let Report {
        items,
        published,
        duplicates,
        rejected,
        in_flight,
        expired,
        skipped,
        by_other_rules,
        replays,
        findings,
    } = report;
    writeln!(out, "{items} items = {published} published + {duplicates} duplicates + {rejected} rejected")?;
    for (count, what) in [
        (in_flight, "wait between the two steps"),
        (expired, "are older than what the outputs still hold: nothing can be said of them"),
        (skipped, "lie before the first outcome of their partition: skipped by kafka.start = latest"),
        (by_other_rules, "were edited by other rules: compared by their coordinates alone"),
        (replays, "were read again after offsets had been set back"),
    ] {
        if *count > 0 {
            writeln!(out, "{count} {what}")?;
        }
    }
    for finding in findings.iter().take(shown) {
        writeln!(out, "✗ {:<12} {}", finding.kind.to_string(), finding.what)?;
    }
    match findings.len() {
        0 => writeln!(out, "✓ every item ended in exactly one place"),
        count if count > shown => writeln!(out, "{count} findings; --all shows the other {}", count - shown),
        count => writeln!(out, "{count} findings"),
    }
}

/// Tells how far the reading is, on standard error.
struct Meter {
    terminal: bool,
    told: Instant,
}

impl Meter {
    fn tell(&mut self, Progress { role, read, total }: Progress) {
        // Who does not listen any more misses nothing.
        let line = format!("reading {}: {read} of {total}", role.key());
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        } else if self.told.elapsed() >= SELDOM {
            self.told = Instant::now();
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_time_is_an_instant_or_so_long_ago() {
        let from = |text: &str| Line::try_parse_from(["verify", "--from", text]).map(|line| line.args.from.unwrap());
        assert_eq!(from("2026-11-23T08:00:00Z").unwrap().as_millisecond(), 1_795_420_800_000);
        for age in ["24h", "1d"] {
            let ago = Timestamp::now().duration_since(from(age).unwrap());
            assert!((ago.as_secs() - 86_400).abs() < 5, "{ago:?}");
        }
        assert!(from("yesterday").unwrap_err().to_string().contains("2h"));
    }
}
