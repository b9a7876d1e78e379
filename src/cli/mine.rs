//! `copydesk mine`: rules for the furniture that no rule knows yet.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::read::{self, Place};
use crate::config::Config;
use crate::edit::Desk;
use crate::fingerprint::Fingerprinter;
use crate::mine::{Miner, Sighting};
use crate::reject::{Reason, Reject};
use crate::{normalize, wire};

/// Propose rules for lines that recur across different stories of a source
///
/// ITEMS are read as `copydesk process` reads them: a FILE holds one item, one named *.ndjson or *.jsonl holds one
/// envelope a line. What is written is a rule file with the evidence in comments: delete what is copy, and put the rest
/// among your rules.
///
/// Proposed are lines that reach the article today: short ones without a full stop or with an address in them, and
/// sentences at the edges of their stories or in every tenth item of the source. Copies and versions of one story count
/// once, so what a syndicated story says is not proposed. Numbers and dates that change are left open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk mine archive.ndjson > proposed.toml
  copydesk mine --min-stories 10 2026-11-*.ndjson")]
pub struct Args {
    /// Files of items; - is standard input
    #[arg(value_name = "ITEMS", required = true)]
    items: Vec<PathBuf>,

    /// How many different stories of a source a line must recur in
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..))]
    min_stories: u64,

    /// The content-type that the items would carry in Kafka, such as "text/plain; charset=windows-1251"
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When a rule file is wrong, or a file cannot be read.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let desk = super::desk(config)?;
    let mut mine = Mine { desk: &desk, args, config, miner: Miner::default(), fingerprinter: Fingerprinter::default() };
    let mut rejected = 0_u64;
    for path in &args.items {
        read::items(path, &mut |place, value| {
            if let Err(reject) = mine.item(place, value) {
                rejected += 1;
                writeln!(io::stderr(), "{place}: {reject}")?;
            }
            Ok(())
        })?;
    }
    let mined = mine.miner.finish(args.min_stories);
    let mut out = io::stdout().lock();
    write!(out, "{mined}")?;
    out.flush()?;
    if rejected > 0 {
        writeln!(io::stderr(), "left out: {rejected} of {} items", mined.items + rejected)?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Mine<'a> {
    desk: &'a Desk,
    args: &'a Args,
    config: &'a Config,
    miner: Miner,
    fingerprinter: Fingerprinter,
}

impl Mine<'_> {
    fn item(&mut self, place: Place<'_>, value: &[u8]) -> Result<(), Reject> {
        let content_type = self.args.content_type.as_deref().or(place.content_type);
        let item = wire::read(value, content_type, self.config.item.max_bytes)?;
        let copy = normalize::edit(self.desk, &item, None);
        if copy.body.is_empty() {
            return Err(Reject::new(Reason::NoCopy, "no editorial text is left after editing"));
        }
        let headline = copy.headline.or(item.headline.as_deref());
        let hash = self.fingerprinter.hash(headline, &copy.body);
        let place = place.to_string();
        let sighting = Sighting { place: &place, source: item.source.as_deref(), uri: item.uri.as_deref(), hash };
        self.miner.see(&sighting, &copy);
        Ok(())
    }
}
