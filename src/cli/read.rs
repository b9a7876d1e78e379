//! The items that commands read without Kafka: files, lines of files, standard input.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use super::record::Record;
use crate::stream::headers::CONTENT_TYPE;

/// Where an item stands: for the messages.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The file; `-` is standard input.
    pub file: &'p str,
    /// The line the item begins at, from 1.
    pub line: usize,
    /// The content-type header, where the line is a record of Kafka.
    pub content_type: Option<&'p str>,
}

impl<'p> Place<'p> {
    fn new(file: &'p str, line: usize) -> Self {
        Place { file, line, content_type: None }
    }
}

impl std::fmt::Display for Place<'_> {
    /// `FILE:LINE`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Calls `each` with every item of a file in turn; `-` is standard input.
///
/// A file holds one item, but one named `*.ndjson` or `*.jsonl` holds one a line. Standard input holds one a line if its
/// first line is a whole JSON object, else one item. A line can also be a record as `copydesk tap --json` writes it, whose
/// value is the item.
///
/// # Errors
/// When the file cannot be read, and those of `each`.
pub fn items(path: &Path, each: &mut dyn FnMut(Place<'_>, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            writeln!(io::stderr(), "reading an item from the terminal; Ctrl-D ends it")?;
        }
        return stream("-", &mut io::stdin().lock(), each);
    }
    let name = path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl") {
        let file = fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
        return lines(&name, 1, &mut io::BufReader::new(file), &mut |place, line| item(place, line, each));
    }
    let value = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    each(Place::new(&name, 1), &value)
}

fn stream(
    name: &str,
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(Place<'_>, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut value = Vec::new();
    input.read_until(b'\n', &mut value).context("cannot read standard input")?;
    let object = value.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(&value).is_ok();
    if object {
        item(Place::new(name, 1), &value, each)?;
        return lines(name, 2, input, &mut |place, line| item(place, line, each));
    }
    input.read_to_end(&mut value).context("cannot read standard input")?;
    each(Place::new(name, 1), &value)
}

/// Calls `each` with the item of a line: the line, or the value of the record it is.
fn item(
    place: Place<'_>,
    line: &[u8],
    each: &mut dyn FnMut(Place<'_>, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // An envelope has no topic; a record begins with it.
    let record = line.starts_with(b"{\"topic\"").then(|| serde_json::from_slice::<Record>(line).ok()).flatten();
    match record {
        Some(record) => each(Place { content_type: record.header(CONTENT_TYPE), ..place }, record.value()),
        None => each(place, line),
    }
}

/// Calls `each` with every line that is not empty, the first being line `first` of `file`.
///
/// # Errors
/// When `input` cannot be read, and those of `each`.
pub fn lines(
    file: &str,
    first: usize,
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(Place<'_>, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut value = Vec::new();
    for line in first.. {
        value.clear();
        if input.read_until(b'\n', &mut value).with_context(|| format!("cannot read {file}"))? == 0 {
            break;
        }
        if !value.trim_ascii().is_empty() {
            each(Place::new(file, line), &value)?;
        }
    }
    Ok(())
}
