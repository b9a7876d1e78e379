//! The figures of a set: for the terminal, or as JSON.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};

use super::Set;
use crate::cli::explain::clip;
use crate::edit::Label;
use crate::evaluate::{Outcome, Score, Tally, Wrong};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const RIGHT: Style = AnsiColor::Green.on_default();
const WRONG: Style = AnsiColor::Red.on_default();

/// Wrong lines shown of one item.
const LINES: usize = 4;
/// Columns that a wrong line gets.
const WIDTH: usize = 84;

/// Writes one set.
///
/// # Errors
/// Those of `out`.
pub(super) fn write(out: &mut dyn Write, set: &Set, json: bool) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", object(set));
    }
    heading(out, set)?;
    figures(out, &set.tally)?;
    labels(out, &set.tally)?;
    confusion(out, &set.tally)?;
    worst(out, &set.worst)?;
    writeln!(out)
}

fn heading(out: &mut dyn Write, set: &Set) -> io::Result<()> {
    let name = match set.names.as_slice() {
        [name] => name.clone(),
        names => format!("all {} sets", names.len()),
    };
    let lines: u64 = Label::ALL.into_iter().map(|label| set.tally.lines(label)).sum();
    write!(out, "{BOLD}{name}{BOLD:#}  {DIM}{} items, {lines} lines{DIM:#}", set.tally.items)?;
    if set.tally.rejected > 0 {
        write!(out, ", {WRONG}{} could not be read{WRONG:#}", set.tally.rejected)?;
    }
    writeln!(out, "\n")
}

fn figures(out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
    let figures = tally.figures();
    let Score { precision, recall, f1 } = figures.body;
    let lost = tally.body - tally.right;
    let Tally { body, kept, leaked, datelines, datelines_exact, datelines_invented, credits, credits_exact, .. } =
        tally;
    row(out, "body", f1, &format!("F1 by words: precision {precision:.4}, recall {recall:.4}"))?;
    row(out, "false removal", figures.false_removal, &format!("{lost} of {body} body words are lost"))?;
    row(out, "leak", figures.leak, &format!("{leaked} of {kept} words kept as body are boilerplate"))?;
    if *datelines > 0 {
        let invented = if *datelines_invented == 0 { "none".to_owned() } else { datelines_invented.to_string() };
        let note = format!("{datelines_exact} of {datelines} as written, {invented} invented");
        row(out, "dateline", figures.dateline_exact, &note)?;
    }
    if *credits > 0 {
        let note = format!("{credits_exact} of {credits} split off as written");
        row(out, "credit split", figures.credit_exact, &note)?;
    }
    row(out, "macro F1", figures.macro_f1, "mean of the labels below, by lines")
}

fn row(out: &mut dyn Write, name: &str, figure: f64, note: &str) -> io::Result<()> {
    writeln!(out, "  {name:<14} {BOLD}{figure:.4}{BOLD:#}  {DIM}{note}{DIM:#}")
}

fn labels(out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
    writeln!(out, "\n  {DIM}{:<14} {:>6}  {:>9}  {:>6}  {:>5}{DIM:#}", "label", "F1", "precision", "recall", "lines")?;
    for (label, Score { precision, recall, f1 }) in tally.figures().labels {
        let (name, lines) = (label.name(), tally.lines(label));
        writeln!(out, "  {name:<14} {BOLD}{f1:.4}{BOLD:#}  {precision:>9.4}  {recall:>6.4}  {lines:>5}")?;
    }
    Ok(())
}

/// Gold labels down, given labels across; what is on the diagonal is right.
fn confusion(out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
    let rows = Label::ALL.into_iter().filter(|label| tally.lines(*label) > 0);
    let columns: Vec<Label> =
        Label::ALL.into_iter().filter(|label| tally.lines(*label) + tally.given(*label) > 0).collect();
    write!(out, "\n  {DIM}{:<12}", "is ↓ given →")?;
    columns.iter().try_for_each(|label| write!(out, " {:>5}", short(*label)))?;
    writeln!(out, "{DIM:#}")?;
    for gold in rows {
        write!(out, "  {:<12}", gold.name())?;
        for given in &columns {
            match tally.confused(gold, *given) {
                0 => write!(out, " {DIM}{:>5}{DIM:#}", "·")?,
                lines if gold == *given => write!(out, " {RIGHT}{lines:>5}{RIGHT:#}")?,
                lines => write!(out, " {WRONG}{lines:>5}{WRONG:#}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The label's name in five columns.
fn short(label: Label) -> &'static str {
    match label {
        Label::Headline => "headl",
        Label::Subhead => "subhd",
        Label::Byline => "byln",
        Label::Date => "date",
        Label::Caption => "captn",
        Label::Credit => "credt",
        Label::Signoff => "sign",
        Label::Note => "note",
        Label::Boilerplate => "boilr",
        Label::Body => "body",
    }
}

fn worst(out: &mut dyn Write, worst: &[(String, Outcome)]) -> io::Result<()> {
    if !worst.is_empty() {
        writeln!(out, "\n  {DIM}the worst items, by their share of words wrongly in or out of the body{DIM:#}")?;
    }
    for (id, outcome) in worst {
        writeln!(out, "  {BOLD}{:.4}{BOLD:#}  {id}", outcome.error)?;
        for line in outcome.wrong.iter().take(LINES) {
            let (gold, given) = (line.gold.name(), line.given.name());
            let why = line.reason.as_deref().unwrap_or("not given back");
            writeln!(out, "          {WRONG}{gold} → {given}{WRONG:#}  {DIM}{why}{DIM:#}")?;
            writeln!(out, "            {}", clip(&line.text, WIDTH))?;
        }
        if outcome.wrong.len() > LINES {
            writeln!(out, "          {DIM}and {} more lines{DIM:#}", outcome.wrong.len() - LINES)?;
        }
    }
    Ok(())
}

fn object(set: &Set) -> Value {
    let tally = &set.tally;
    let figures = tally.figures();
    let f1: Map<_, _> =
        figures.labels.iter().map(|(label, score)| (label.name().to_owned(), score.f1.into())).collect();
    let confusion: Map<_, _> =
        figures.labels.iter().map(|(gold, _)| (gold.name().to_owned(), given(tally, *gold))).collect();
    json!({
        "gold": set.names,
        "items": tally.items,
        "rejected": tally.rejected,
        "body_p": figures.body.precision,
        "body_r": figures.body.recall,
        "body_f1": figures.body.f1,
        "false_removal": figures.false_removal,
        "leak": figures.leak,
        "dateline_exact": figures.dateline_exact,
        "dateline_false": tally.datelines_invented,
        "credit_exact": figures.credit_exact,
        "f1": f1,
        "macro_f1": figures.macro_f1,
        "confusion": confusion,
        "worst": set.worst.iter().map(item).collect::<Vec<_>>(),
    })
}

/// What the lines that are `gold` were taken for.
fn given(tally: &Tally, gold: Label) -> Value {
    let counts = Label::ALL.into_iter().map(|given| (given, tally.confused(gold, given)));
    counts
        .filter(|(_, lines)| *lines > 0)
        .map(|(given, lines)| (given.name().to_owned(), lines.into()))
        .collect::<Map<_, _>>()
        .into()
}

fn item((id, outcome): &(String, Outcome)) -> Value {
    let line = |w: &Wrong| json!({"text": w.text, "gold": w.gold.name(), "given": w.given.name(), "reason": w.reason});
    json!({"id": id, "error": outcome.error, "wrong": outcome.wrong.iter().map(line).collect::<Vec<_>>()})
}
