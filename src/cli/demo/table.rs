//! What the demo says on the terminal: rows as items come out, sums, and where to look further.
//!
//! Rows are only ever appended, so that a log file and a terminal show the same. Colours are ANSI codes that the writer is
//! to take out where nobody sees them.

use std::io::{self, Write};
use std::net::SocketAddr;

use anstyle::{AnsiColor, Style};

use super::broker::Broker;
use super::items::ITEMS;
use super::ledger::{Ledger, Outcome};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// Characters of the two text columns.
const WHAT: usize = 50;
const NOTE: usize = 54;

/// The demo's output.
pub(super) struct Table<W> {
    out: W,
    /// Duplicates that were read before the article they repeat: the two topics are read side by side.
    waiting: Vec<(usize, Outcome)>,
}

impl<W: Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        Table { out, waiting: Vec::new() }
    }

    /// What is about to be seen.
    pub(super) fn opening(&mut self, broker: &Broker, metrics: SocketAddr) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(out, "{BOLD}copydesk demo{BOLD:#}: {} wire items through {broker}", ITEMS.len())?;
        if broker.is_mock() {
            writeln!(
                out,
                "{DIM}The mock shows the flow and proves no guarantee. On a real broker: demo --kafka HOST:PORT{DIM:#}"
            )?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "{DIM}feeds    web pages, agency wires, partner papers, an aggregator; each on a raw partition of its own{DIM:#}"
        )?;
        writeln!(out, "{DIM}metrics  http://{metrics}/metrics{DIM:#}")?;
        writeln!(out, "{DIM}joining the consumer group …{DIM:#}")?;
        writeln!(out)?;
        writeln!(
            out,
            "{DIM}{:<9} no {:<10} {:<WHAT$} how, or why not{DIM:#}",
            "became", "from", "headline, or what the item shows"
        )?;
        out.flush()
    }

    /// An item came out, and is in the ledger. A duplicate is shown once the article it repeats has been.
    pub(super) fn show(&mut self, item: usize, outcome: Outcome, ledger: &Ledger) -> io::Result<()> {
        self.waiting.insert(0, (item, outcome));
        let is_ready = |(_, outcome): &(usize, Outcome)| match outcome {
            Outcome::Duplicate { first: Some(first), .. } => ledger.headline(*first).is_some(),
            _ => true,
        };
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().partition(is_ready);
        self.waiting = waiting;
        ready.iter().try_for_each(|(item, outcome)| self.row(*item, outcome, ledger))
    }

    fn row(&mut self, item: usize, outcome: &Outcome, ledger: &Ledger) -> io::Result<()> {
        let (style, became, what, note) = match outcome {
            Outcome::Published { agency, headline, .. } => {
                let agency = agency.as_ref().map(|agency| format!("{agency} · ")).unwrap_or_default();
                (GREEN, "published", agency + headline, done(outcome))
            }
            Outcome::Duplicate { kind, first } => {
                (YELLOW, "duplicate", ITEMS[item].description(), same_as(kind, *first, ledger))
            }
            Outcome::Rejected { reason, detail } => {
                (RED, "rejected", ITEMS[item].description(), format!("{reason}: {detail}"))
            }
        };
        let (number, feed) = (ITEMS[item].number(), ITEMS[item].feed.name());
        let (what, note) = (fitted(&what, WHAT), fitted(&note, NOTE));
        let note_style = if matches!(outcome, Outcome::Published { .. }) { DIM } else { style };
        writeln!(
            self.out,
            "{style}{became:<9}{style:#} {number:>2} {DIM}{feed:<10}{DIM:#} {what:<WHAT$} {note_style}{}{note_style:#}",
            note.trim_end(),
        )?;
        self.out.flush()
    }

    /// The sums, whether they are right, and where to look further.
    pub(super) fn closing(&mut self, ledger: &Ledger, problems: &[String], broker: &Broker) -> io::Result<()> {
        for (item, outcome) in std::mem::take(&mut self.waiting) {
            self.row(item, &outcome, ledger)?;
        }
        let out = &mut self.out;
        let totals = ledger.totals();
        let (sign, style) = if problems.is_empty() { ("as it must be", GREEN) } else { ("NOT as it must be", RED) };
        writeln!(out)?;
        writeln!(
            out,
            "{BOLD}{} raw = {} published + {} duplicates + {} rejected{BOLD:#}   {style}{sign}{style:#}",
            ITEMS.len(),
            totals.published,
            totals.duplicates,
            totals.rejected,
        )?;
        let reasons: Vec<_> = ledger.reasons().into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        writeln!(out, "{DIM}rejected: {}{DIM:#}", reasons.join(", "))?;
        for problem in problems {
            writeln!(out, "{RED}  {problem}{RED:#}")?;
        }
        writeln!(out)?;
        writeln!(out, "Look further:")?;
        let program = std::env::args().next().unwrap_or_else(|| "copydesk".into());
        let mut hint = |what: &str, shows: &str| writeln!(out, "  {program} {what:<36} {DIM}{shows}{DIM:#}");
        hint("process --explain config/demo/01-*", "every line of item 01, with its label and why")?;
        hint("process config/demo/01-*", "its article: ninjs 3.1")?;
        hint("demo --keep", "go on serving /metrics until Ctrl-C")?;
        match broker {
            Broker::Mock(_) => hint("demo --kafka localhost:9092", "the same on a real broker")?,
            Broker::Real { prefix, .. } => writeln!(out, "The topics {prefix}.* stay; delete them when done.")?,
        }
        out.flush()
    }

    /// The items are through, and the process stays.
    pub(super) fn keeping(&mut self, metrics: SocketAddr) -> io::Result<()> {
        writeln!(self.out, "\nServing http://{metrics}/metrics until Ctrl-C.")?;
        self.out.flush()
    }
}

/// What the edit desk did to an article, and what is special about it.
fn done(outcome: &Outcome) -> String {
    let Outcome::Published { version, status, captions, stripped, .. } = outcome else { return String::new() };
    let count = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let status = match status.as_str() {
        "usable" => None,
        "canceled" => Some("a kill (canceled)".to_owned()),
        "withheld" => Some("under embargo (withheld)".to_owned()),
        other => Some(other.to_owned()),
    };
    let notes = [
        (version != "1").then(|| format!("version {version}")),
        status,
        count(*stripped, "ad or promo stripped", "ads and promos stripped"),
        count(*captions, "caption split off", "captions split off"),
    ];
    notes.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Which item a duplicate repeats.
fn same_as(kind: &str, first: Option<usize>, ledger: &Ledger) -> String {
    let Some(first) = first else { return "of an item of an earlier run".into() };
    let relation = match kind {
        "stale" => "older version of",
        "replay" => "once more",
        _ => "of",
    };
    format!("{relation} {} “{}”", ITEMS[first].number(), ledger.headline(first).unwrap_or(ITEMS[first].file))
}

/// `text` cut to `width` characters.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(item: usize, outcome: Outcome) -> String {
        let mut bytes = Vec::new();
        Table::new(anstream::StripStream::new(&mut bytes)).row(item, &outcome, &Ledger::default()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_published_row_tells_what_was_stripped() {
        let outcome = Outcome::Published {
            agency: Some("UPI".into()),
            headline: "Port Amberly funicular climbs again".into(),
            version: "2".into(),
            status: "canceled".into(),
            captions: 1,
            stripped: 0,
        };
        let row = shown(0, outcome);
        assert!(row.starts_with("published 01 web        UPI · Port Amberly funicular climbs again"), "{row}");
        assert!(row.ends_with("version 2, a kill (canceled), 1 caption split off\n"), "{row}");
    }

    #[test]
    fn a_rejected_row_tells_why_in_the_words_of_the_dead_letter() {
        let row = shown(53, Outcome::Rejected { reason: "empty".into(), detail: "nothing but white space".into() });
        assert!(row.starts_with("rejected  54 web        bad nothing but white space"), "{row}");
        assert!(row.ends_with("empty: nothing but white space\n"), "{row}");
    }

    #[test]
    fn a_duplicate_is_shown_after_the_article_it_repeats() {
        let mut bytes = Vec::new();
        let mut table = Table::new(anstream::StripStream::new(&mut bytes));
        let mut ledger = Ledger::default();
        let duplicate = Outcome::Duplicate { kind: "copy".into(), first: Some(0) };
        ledger.add(1, duplicate.clone());
        table.show(1, duplicate, &ledger).unwrap();
        let article = Outcome::Published {
            agency: None,
            headline: "H".into(),
            version: "1".into(),
            status: "usable".into(),
            captions: 0,
            stripped: 0,
        };
        ledger.add(0, article.clone());
        table.show(0, article, &ledger).unwrap();
        let shown = String::from_utf8(bytes).unwrap();
        let numbers: Vec<_> = shown.lines().map(|row| &row[10..12]).collect();
        assert_eq!(numbers, ["01", "02"], "{shown}");
        assert!(shown.ends_with("of 01 “H”\n"), "{shown}");
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis() {
        assert_eq!(fitted("Port Amberly", 12), "Port Amberly");
        assert_eq!(fitted("Port Amberly", 6), "Port…");
        assert_eq!(fitted("Grünau öffnet", 7), "Grünau…");
    }
}
