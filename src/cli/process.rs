//! `copydesk process`: items in, articles out, without Kafka.
//!
//! What it does to a file is exactly what the stream does to a record, up to the article: nothing is deduplicated here.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::explain::html::{Explained, Page};
use super::read::{self, Place};
use super::{explain, labels};
use crate::config::Config;
use crate::edit::Desk;
use crate::normalize::{self, Normalizer};
use crate::reject::Reject;
use crate::wire;

/// Clean items without Kafka: raw items in, articles out as NDJSON
///
/// A FILE holds one item: plain text, or a JSON envelope. Files named *.ndjson and *.jsonl, and standard input that begins
/// with a whole JSON object on its first line, hold one envelope a line. Rejected items are named on standard error, as
/// FILE:LINE: reason: detail; if there was one, the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  copydesk process feed.ndjson > articles.ndjson
  copydesk process --explain story.txt
  copydesk process --explain --html page.html *.txt")]
pub struct Args {
    /// Files to read; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,

    /// Show every line with its label and the rule or reason that gave it, and the parts of the article
    #[arg(long)]
    explain: bool,

    /// Write the explanation to FILE instead, as one HTML page that needs nothing else; - is standard output
    #[arg(long, value_name = "FILE", requires = "explain")]
    html: Option<PathBuf>,

    /// Write the labels of every line instead of articles: one JSON object an item, rejected ones included
    ///
    /// {"uri", "lines": [{"text", "label", "reason"}], "dateline", "captions": [{"caption", "credit"}]}, and for an item
    /// that cannot be read no lines and "rejected" with the reason. Every item has its answer, so the exit code is 0.
    #[arg(long, conflicts_with = "explain")]
    labels: bool,

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
    let out: Box<dyn Write> = if args.explain {
        Box::new(anstream::stdout().lock())
    } else {
        Box::new(io::BufWriter::new(io::stdout().lock()))
    };
    let mut process = Process {
        args,
        config,
        desk: &desk,
        normalizer: Normalizer::new(&desk, &config.article.authority, config.item.max_bytes),
        out,
        errors: Box::new(io::stderr()),
        page: Page::default(),
        rejected: false,
    };
    for file in &args.files {
        read::items(file, &mut |place, value| process.item(place, value))?;
    }
    process.out.flush()?;
    if let Some(path) = &args.html {
        write_page(path, &process.page.finish(desk.rules_id()))?;
    }
    Ok(if process.rejected && !args.labels { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Process<'a> {
    args: &'a Args,
    config: &'a Config,
    desk: &'a Desk,
    normalizer: Normalizer<'a>,
    out: Box<dyn Write + 'a>,
    errors: Box<dyn Write + 'a>,
    page: Page,
    rejected: bool,
}

impl<'a> Process<'a> {
    fn item(&mut self, place: Place<'_>, value: &[u8]) -> anyhow::Result<()> {
        let outcome = match (self.args.labels, self.args.explain) {
            (true, _) => self.labels(place, value)?,
            (_, true) => self.explain(place, value)?,
            _ => self.article(place, value)?,
        };
        if let Err(reject) = outcome {
            self.rejected = true;
            writeln!(self.errors, "{place}: {reject}")?;
        }
        Ok(())
    }

    /// What is said on the command line, else what came with the item.
    fn content_type<'p>(&self, place: Place<'p>) -> Option<&'p str>
    where
        'a: 'p,
    {
        self.args.content_type.as_deref().or(place.content_type)
    }

    fn article(&mut self, place: Place<'_>, value: &[u8]) -> io::Result<Result<(), Reject>> {
        match self.normalizer.normalize(value, self.content_type(place), None) {
            Ok(normalized) => {
                self.out.write_all(&normalized.json)?;
                self.out.write_all(b"\n")?;
                Ok(Ok(()))
            }
            Err(reject) => Ok(Err(reject)),
        }
    }

    fn labels(&mut self, place: Place<'_>, value: &[u8]) -> io::Result<Result<(), Reject>> {
        let item = wire::read(value, self.content_type(place), self.config.item.max_bytes);
        let (answer, outcome) = match &item {
            Ok(item) => {
                let copy = normalize::edit(self.desk, item, None);
                (labels::labels_json(item.uri.as_deref(), Sent::of(value).text.as_deref(), &copy), Ok(()))
            }
            Err(reject) => {
                let mut answer = labels::labels_json(Sent::of(value).uri.as_deref(), None, &Default::default());
                answer["rejected"] = reject.reason.code().into();
                (answer, Err(reject.clone()))
            }
        };
        serde_json::to_writer(&mut self.out, &answer)?;
        self.out.write_all(b"\n")?;
        Ok(outcome)
    }

    fn explain(&mut self, place: Place<'_>, value: &[u8]) -> anyhow::Result<Result<(), Reject>> {
        let content_type = self.content_type(place);
        let outcome = self.normalizer.normalize(value, content_type, None).map(|_| ());
        let item = wire::read(value, content_type, self.config.item.max_bytes).ok();
        let copy = item.as_ref().map(|item| normalize::edit(self.desk, item, None));
        if self.args.html.is_some() {
            let (place, rejected) = (&place.to_string(), outcome.as_ref().err());
            self.page.add(&Explained { place, item: item.as_ref().zip(copy.as_ref()), rejected })?;
            return Ok(outcome);
        }
        let bold = anstyle::Style::new().bold();
        writeln!(self.out, "{bold}{place}{bold:#}")?;
        if let Some(copy) = &copy {
            explain::explain(&mut self.out, copy)?;
            writeln!(self.out)?;
        }
        Ok(outcome)
    }
}

fn write_page(path: &Path, page: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Ok(io::stdout().write_all(page.as_bytes())?);
    }
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

/// What an envelope says word for word, as far as it can be told, even where it was rejected.
#[derive(Default, serde::Deserialize)]
struct Sent<'v> {
    #[serde(borrow)]
    uri: Option<Cow<'v, str>>,
    #[serde(borrow)]
    text: Option<Cow<'v, str>>,
}

impl<'v> Sent<'v> {
    fn of(value: &'v [u8]) -> Self {
        serde_json::from_slice(value).unwrap_or_default()
    }
}
