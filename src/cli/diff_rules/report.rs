//! The difference two rule sets make to an item, and all of them in sum.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::explain::clip;
use crate::edit::{Copy, Line};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const OLD: Style = AnsiColor::Red.on_default();
const NEW: Style = AnsiColor::Green.on_default();

/// Columns of a line of the item.
const WIDTH: usize = 60;

/// Something as it was and as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    old: T,
    new: T,
}

/// A label and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Judged {
    label: &'static str,
    reason: String,
}

/// A line whose label changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Relabelled {
    text: String,
    #[serde(flatten)]
    change: Change<Judged>,
}

/// What changes for one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    item: String,
    lines: Vec<Relabelled>,
    /// Headline, dateline, byline and captions that change without a line changing its label.
    parts: BTreeMap<&'static str, Change<String>>,
    /// The content hash, or the reason of the rejection.
    hash: Option<Change<String>>,
}

impl Difference {
    /// The difference between two edits of one item.
    pub fn between(item: String, old: &Copy<'_>, new: &Copy<'_>, [old_hash, new_hash]: [String; 2]) -> Self {
        let judged = |line: &Line<'_>| Judged { label: line.label.name(), reason: line.reason.to_owned() };
        let lines = old.lines.iter().zip(&new.lines).filter(|(old, new)| old.label != new.label);
        let lines = lines.map(|(old, new)| Relabelled {
            text: old.text.to_owned(),
            change: Change { old: judged(old), new: judged(new) },
        });
        let parts = parts(old).into_iter().zip(parts(new)).filter(|((_, old), (_, new))| old != new);
        Difference {
            item,
            lines: lines.collect(),
            parts: parts.map(|((name, old), (_, new))| (name, Change { old, new })).collect(),
            hash: (old_hash != new_hash).then_some(Change { old: old_hash, new: new_hash }),
        }
    }

    /// Whether there is one.
    pub fn is_any(&self) -> bool {
        !self.lines.is_empty() || !self.parts.is_empty() || self.hash.is_some()
    }

    /// Tells it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{BOLD}{}{BOLD:#}", self.item)?;
        for Relabelled { text, change: Change { old, new } } in &self.lines {
            let text = clip(text, WIDTH);
            writeln!(
                out,
                "  {OLD}{:>11}{OLD:#} → {NEW}{:<11}{NEW:#} {text:WIDTH$} {DIM}{} → {}{DIM:#}",
                old.label, new.label, old.reason, new.reason
            )?;
        }
        for (name, Change { old, new }) in &self.parts {
            let shown = |text: &str| clip(&text.replace('\n', " ¶ "), WIDTH);
            writeln!(out, "  {name:>11}   {OLD}{}{OLD:#} → {NEW}{}{NEW:#}", shown(old), shown(new))?;
        }
        if let Some(Change { old, new }) = &self.hash {
            let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
            writeln!(out, "         hash   {OLD}{}{OLD:#} → {NEW}{}{NEW:#}", short(old), short(new))?;
        }
        Ok(())
    }
}

/// The parts of an article that stand beside its body.
fn parts(copy: &Copy<'_>) -> [(&'static str, String); 4] {
    let captions = copy.captions.iter().map(|caption| match caption.credit {
        Some(credit) => format!("{} [{credit}]", caption.text),
        None => caption.text.to_owned(),
    });
    [
        ("headline", copy.headline.unwrap_or_default().to_owned()),
        ("dateline", copy.dateline.as_ref().map_or("", |dateline| dateline.verbatim).to_owned()),
        ("byline", copy.byline.unwrap_or_default().to_owned()),
        ("captions", captions.collect::<Vec<_>>().join("\n")),
    ]
}

/// All differences in sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    items: u64,
    changed: u64,
    /// Items whose content hash changes.
    hashes: u64,
    /// Items that are rejected only by the new rules, and only by the old ones.
    rejected: Rejections,
    /// How many lines go from which label to which.
    lines: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Rejections {
    newly: u64,
    no_longer: u64,
}

impl Report {
    /// One more item.
    pub fn add(&mut self, difference: &Difference) {
        self.items += 1;
        self.changed += u64::from(difference.is_any());
        for Relabelled { change: Change { old, new }, .. } in &difference.lines {
            *self.lines.entry(format!("{} → {}", old.label, new.label)).or_default() += 1;
        }
        if let Some(Change { old, new }) = &difference.hash {
            let is_hash = |text: &str| text.len() == 64;
            match (is_hash(old), is_hash(new)) {
                (true, true) => self.hashes += 1,
                (true, false) => self.rejected.newly += 1,
                (false, true) => self.rejected.no_longer += 1,
                (false, false) => {}
            }
        }
    }

    /// Tells it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Report { items, changed, hashes, rejected, lines } = self;
        writeln!(out, "{BOLD}{changed} of {items} items change{BOLD:#}")?;
        writeln!(out, "  {hashes:>6} get another content hash: their next copies are published once more")?;
        writeln!(out, "  {:>6} would be rejected, {} no longer", rejected.newly, rejected.no_longer)?;
        for (labels, count) in lines {
            writeln!(out, "  {count:>6} lines {labels}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Label;

    fn copy(label: Label, reason: &str) -> Copy<'_> {
        let line = Line { text: "Sign up for tides by mail", start: 0, label, reason };
        Copy { lines: vec![line], ..Copy::default() }
    }

    #[test]
    fn a_line_that_changes_its_label_is_told_with_both_reasons() {
        let (old, new) = (copy(Label::Body, "story"), copy(Label::Boilerplate, "mine/tides"));
        let hashes = ["1".repeat(64), "2".repeat(64)];
        let difference = Difference::between("a:1".into(), &old, &new, hashes);
        let mut out = Vec::new();
        difference.write(&mut anstream::StripStream::new(&mut out)).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert!(said.contains("body → boilerplate") && said.contains("story → mine/tides"), "{said}");
        assert!(said.contains("111111111111 → 222222222222"), "{said}");
        let mut report = Report::default();
        report.add(&difference);
        let summary = serde_json::to_value(&report).unwrap();
        assert_eq!(summary["lines"]["body → boilerplate"], 1);
        assert_eq!((&summary["changed"], &summary["hashes"]), (&1.into(), &1.into()));
    }

    #[test]
    fn an_item_that_stays_as_it_is_makes_no_difference() {
        let old = copy(Label::Body, "story");
        let same = Difference::between("a:1".into(), &old, &old, ["1".repeat(64), "1".repeat(64)]);
        assert!(!same.is_any());
    }

    #[test]
    fn rejections_are_counted_apart_from_hashes() {
        let mut report = Report::default();
        let copy = Copy::default();
        let mut add = |old: &str, new: &str| {
            report.add(&Difference::between("a:1".into(), &copy, &copy, [old.into(), new.into()]));
        };
        add(&"1".repeat(64), "no_copy");
        add("no_copy", &"1".repeat(64));
        add("no_copy", "no_copy");
        assert_eq!((report.items, report.changed, report.hashes), (3, 2, 0));
        assert_eq!(report.rejected, Rejections { newly: 1, no_longer: 1 });
    }
}
