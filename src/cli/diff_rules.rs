//! `copydesk diff-rules`: what a change of the rules would change, item by item and in sum.

mod report;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::read::{self, Place};
use crate::config::Config;
use crate::edit::{Copy, Desk};
use crate::normalize::{self, Normalizer};
use crate::wire;
use report::{Difference, Report};

/// Show what a change of the rules would change, on your own items
///
/// OLD and NEW are directories of rule files, as `edit.rules` names one, or the word builtin for the built-in rules alone.
/// ITEMS are read as `copydesk process` reads them, and as `copydesk tap raw --json` writes them. A line whose label changes
/// is shown with both labels and both reasons. Where the hash of an item changes, its next copy is published once more,
/// because the memory knows it under the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk tap raw --from -500 --end --json > live.ndjson
  copydesk diff-rules builtin rules/ live.ndjson
  copydesk diff-rules --json rules/ rules.new/ live.ndjson | jq .summary")]
pub struct Args {
    /// The rules as they are
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The rules as they would be
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Files of items; - is standard input
    #[arg(value_name = "ITEMS", required = true)]
    items: Vec<PathBuf>,

    /// Only the summary
    #[arg(long)]
    summary: bool,

    /// Write one JSON object a changed item, and one with the summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Rules that are wrong, or items that cannot be read.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    let (old, new) = (desk(&args.old)?, desk(&args.new)?);
    let (mut old, mut new) = (Side::new(&old, config), Side::new(&new, config));
    let mut report = Report::default();
    let mut out = anstream::stdout().lock();
    for path in &args.items {
        read::items(path, &mut |place, value| {
            let item = wire::read(value, place.content_type, config.item.max_bytes);
            let (before, after) = (old.edit(item.as_ref().ok()), new.edit(item.as_ref().ok()));
            let hashes = [old.hash(place, value), new.hash(place, value)];
            let difference = Difference::between(place.to_string(), &before, &after, hashes);
            report.add(&difference);
            match args {
                Args { summary: true, .. } => {}
                Args { json: true, .. } if difference.is_any() => {
                    writeln!(out, "{}", serde_json::to_string(&difference)?)?;
                }
                Args { json: false, .. } if difference.is_any() => difference.write(&mut out)?,
                _ => {}
            }
            Ok(())
        })?;
    }
    if args.json {
        writeln!(out, "{}", serde_json::json!({"summary": report}))?;
    } else {
        report.write(&mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn desk(rules: &Path) -> anyhow::Result<Desk> {
    let desk = if rules == Path::new("builtin") { Desk::builtin() } else { Desk::load(rules) };
    desk.with_context(|| format!("the rules of {}", rules.display()))
}

/// One of the two rule sets, and what it makes of items.
struct Side<'d> {
    desk: &'d Desk,
    normalizer: Normalizer<'d>,
}

impl<'d> Side<'d> {
    fn new(desk: &'d Desk, config: &'d Config) -> Self {
        Side { desk, normalizer: Normalizer::new(desk, &config.article.authority, config.item.max_bytes) }
    }

    fn edit<'t>(&self, item: Option<&'t wire::Item<'_>>) -> Copy<'t>
    where
        'd: 't,
    {
        item.map(|item| normalize::edit(self.desk, item, None)).unwrap_or_default()
    }

    /// The content hash, or the reason why there is none.
    fn hash(&mut self, place: Place<'_>, value: &[u8]) -> String {
        match self.normalizer.normalize(value, place.content_type, None) {
            Ok(item) => item.hash.to_string(),
            Err(reject) => reject.reason.code().to_owned(),
        }
    }
}
