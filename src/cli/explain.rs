//! `process --explain`: every line of an item with its label and the reason for it, then the parts it was taken into. On the
//! terminal, or as a page.

pub mod html;
mod segments;

use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style};

use crate::edit::{Copy, Label, Line};
use segments::{Fate, segments};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Columns that a line of the item gets.
const WIDTH: usize = 72;

/// Prints `copy`. Colours are ANSI codes: wrap `out` so that they vanish where they are not wanted.
///
/// # Errors
/// Those of `out`.
pub fn explain(out: &mut dyn Write, copy: &Copy) -> io::Result<()> {
    lines(out, copy)?;
    writeln!(out)?;
    parts(out, copy)
}

fn lines(out: &mut dyn Write, copy: &Copy) -> io::Result<()> {
    for line in &copy.lines {
        let style = style(line.label);
        let name = line.label.name();
        write!(out, "{style}{name:>11}{style:#} {DIM}│{DIM:#} ")?;
        let shown = text(out, line, copy)?;
        writeln!(out, "{:gap$} {DIM}{}{DIM:#}", "", line.reason, gap = WIDTH - shown)?;
    }
    Ok(())
}

/// The line in at most [`WIDTH`] columns, what is taken off it in the colour of where it goes; says how many.
fn text(out: &mut dyn Write, line: &Line<'_>, copy: &Copy) -> io::Result<usize> {
    let mut shown = 0;
    for (text, fate) in segments(line, copy) {
        let style = match fate {
            Fate::Stays if line.label == Label::Body || line.label == Label::Headline => Style::new(),
            Fate::Stays => style(line.label),
            Fate::Dateline => style(Label::Date),
            Fate::Signoff => style(Label::Signoff),
            Fate::Credit => style(Label::Credit).underline(),
            Fate::Removed => style(Label::Boilerplate).strikethrough(),
        };
        let text = clip(text, WIDTH - shown);
        write!(out, "{style}{text}{style:#}")?;
        shown += text.chars().count();
        if shown >= WIDTH || text.ends_with('…') {
            break;
        }
    }
    Ok(shown)
}

fn parts(out: &mut dyn Write, copy: &Copy) -> io::Result<()> {
    if let Some(raw) = copy.raw_headline {
        part(out, "as sent", raw, DIM)?;
    }
    if let Some(headline) = copy.headline {
        part(out, "headline", headline, BOLD)?;
    }
    for deck in &copy.deck {
        part(out, "deck", deck, Style::new())?;
    }
    if let Some(byline) = copy.byline {
        part(out, "byline", byline, Style::new())?;
    }
    if let Some(dateline) = &copy.dateline {
        let date = dateline.date.map(|d| d.to_string());
        let facts = [dateline.place, date.as_deref()].into_iter().flatten().chain(dateline.agencies.iter().copied());
        let facts = facts.collect::<Vec<_>>().join(" · ");
        part(out, "dateline", &format!("{}  {DIM}{facts}{DIM:#}", dateline.verbatim), Style::new())?;
    }
    if let Some(embargo) = copy.embargo {
        part(out, "embargo", embargo, style(Label::Note))?;
    }
    for caption in &copy.captions {
        part(out, "caption", caption.text, Style::new())?;
        if let Some(credit) = caption.credit {
            part(out, "credit", credit, style(Label::Credit))?;
        }
    }
    for note in &copy.notes {
        part(out, "note", note, Style::new())?;
    }
    for signoff in &copy.signoffs {
        part(out, "sign-off", signoff, Style::new())?;
    }
    let words: usize = copy.body.iter().map(|p| p.split_whitespace().count()).sum();
    let plural = if copy.body.len() == 1 { "" } else { "s" };
    part(out, "body", &format!("{} paragraph{plural}, {words} words", copy.body.len()), BOLD)?;
    for paragraph in &copy.body {
        writeln!(out)?;
        for line in wrapped(paragraph, WIDTH + 16) {
            writeln!(out, "              {line}")?;
        }
    }
    Ok(())
}

fn part(out: &mut dyn Write, name: &str, text: &str, style: Style) -> io::Result<()> {
    writeln!(out, "{DIM}{name:>11} ▸{DIM:#} {style}{text}{style:#}")
}

fn style(label: Label) -> Style {
    let colour = match label {
        Label::Body => AnsiColor::Green,
        Label::Headline | Label::Subhead => AnsiColor::BrightWhite,
        Label::Byline | Label::Date | Label::Signoff => AnsiColor::Blue,
        Label::Caption | Label::Credit => AnsiColor::Cyan,
        Label::Note => AnsiColor::Yellow,
        Label::Boilerplate => AnsiColor::Red,
    };
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// The first `width` characters of `text`.
pub(super) fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `text` in lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Desk, Hints};

    #[test]
    fn every_line_is_shown_with_its_label_and_its_reason_and_then_the_parts() {
        let desk = Desk::builtin().unwrap();
        let text = "Advertisement\n\nHarbour opens again\n\nMay 5 (UPI) -- The port of Ostheim opened on Monday.\n";
        let mut out = Vec::new();
        explain(&mut anstream::StripStream::new(&mut out), &desk.edit(text, &Hints::default())).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for expected in [
            "boilerplate │ Advertisement ",
            " common/advertisement\n",
            "headline │ Harbour opens again",
            "dateline ▸ May 5 (UPI) --  UPI",
            "body ▸ 1 paragraph, 7 words",
            "The port of Ostheim opened on Monday.",
        ] {
            assert!(shown.contains(expected), "{expected} is not in\n{shown}");
        }
    }
}
