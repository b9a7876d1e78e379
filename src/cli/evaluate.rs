//! `copydesk evaluate`: how good the edit desk is on labelled items.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Config;
use crate::edit::Desk;
use crate::evaluate::{Gold, Outcome, Tally};
use crate::{normalize, wire};

mod report;

/// What a gzip file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Measure the edit desk, with your rules, on items that people labelled
///
/// GOLD is JSON lines, plain or gzip, one item each: {"id", "lines": [...], "labels": [...], "dateline", "credits":
/// [{"credit"}], "source"}. `lines` are the non-empty lines of the item in order; each has its label: headline, subhead,
/// byline, date, caption, credit, signoff, note, boilerplate, body, or ambiguous, which does not count. `dateline`,
/// `credits` and `source` may be left out. `copydesk process --labels` gives lines and labels to begin from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk evaluate gold.jsonl                 the figures, and what went wrong
  copydesk evaluate --worst 20 gold.jsonl.gz   more of what went wrong
  copydesk evaluate --json gold.jsonl | jq .body_f1")]
pub struct Args {
    /// Files of labelled items; - is standard input
    #[arg(value_name = "GOLD", required = true)]
    golds: Vec<PathBuf>,

    /// Show the N items of each set that came out worst, with their wrong lines
    #[arg(long, value_name = "N", default_value_t = 5)]
    worst: usize,

    /// Write one JSON object a set, and of several sets one for all together
    #[arg(long)]
    json: bool,
}

/// A set of labelled items and how they came out.
struct Set {
    names: Vec<String>,
    tally: Tally,
    /// The worst items, the very worst first.
    worst: Vec<(String, Outcome)>,
}

/// Runs the command.
///
/// # Errors
/// When a rule file is wrong, or a gold file cannot be read or is none.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let desk = super::desk(config)?;
    let mut out = anstream::stdout().lock();
    let mut all = Set::new(Vec::new());
    for path in &args.golds {
        let set = measure(path, &desk, config.item.max_bytes, args.worst)?;
        report::write(&mut out, &set, args.json)?;
        all.names.extend(set.names);
        all.tally.merge(&set.tally);
    }
    if args.golds.len() > 1 {
        report::write(&mut out, &all, args.json)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn measure(path: &Path, desk: &Desk, max_bytes: usize, worst: usize) -> anyhow::Result<Set> {
    let name = path.display().to_string();
    let mut set = Set::new(vec![name.clone()]);
    let mut input = open(path).with_context(|| format!("cannot read {name}"))?;
    super::read::lines(&name, 1, &mut input, &mut |place, value| {
        let gold = Gold::parse(value).with_context(|| place.to_string())?;
        let envelope = gold.envelope();
        let item = wire::read(envelope.as_bytes(), None, max_bytes).ok();
        let copy = item.as_ref().map(|item| normalize::edit(desk, item, None));
        let outcome = set.tally.add(&gold, copy.as_ref());
        set.keep(gold.id, outcome, worst);
        Ok(())
    })?;
    Ok(set)
}

/// A file of lines, unpacked if it is packed.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut input: Box<dyn BufRead> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(BufReader::new(File::open(path)?)) };
    let mut head = Vec::new();
    input.by_ref().take(GZIP.len() as u64).read_to_end(&mut head)?;
    let packed = head == GZIP;
    let whole = io::Cursor::new(head).chain(input);
    Ok(if packed { Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole))) } else { Box::new(whole) })
}

impl Set {
    fn new(names: Vec<String>) -> Set {
        Set { names, tally: Tally::default(), worst: Vec::new() }
    }

    /// Keeps the outcome if it is among the `most` worst.
    fn keep(&mut self, id: String, outcome: Outcome, most: usize) {
        let severity = |o: &Outcome| (o.error, o.wrong.len());
        let at = self.worst.partition_point(|(_, kept)| severity(kept) >= severity(&outcome));
        if at < most && !outcome.wrong.is_empty() {
            self.worst.insert(at, (id, outcome));
            self.worst.truncate(most);
        }
    }
}
