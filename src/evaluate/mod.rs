//! How good the edit desk is: its labels against items that people labelled.
//!
//! In: [`Gold`] records and the [`struct@Copy`] that the desk makes of them. Out: [`Figures`], the confusion of labels, and for
//! each item the lines that came out wrong. Pure: files and tables are the command's.
//!
//! The definitions, weighted by words unless said otherwise:
//!
//! - *body P, R, F1*: words kept as body that are body; body words kept; their harmonic mean.
//! - *false removal*: body words labelled as anything else, 1 − R.
//! - *leak*: words kept as body that are boilerplate, of all kept.
//! - *label F1*: by lines. *Macro*: the mean over the labels that occur in the gold.
//! - *dateline*: items whose dateline comes out as written, of those that have one or are given one; trailing dashes and
//!   spaces do not count. *Invented*: given where there is none.
//! - *credit split*: of the distinct picture credits of each item, those that come out as written; outer brackets, full
//!   stops and case do not count. A picture without a credit does not count either.
//!
//! Lines are matched by order and text, white space and invisible marks folded; a line that the desk does not give back counts as
//! boilerplate, and one that people found ambiguous does not count.

mod fold;
mod gold;

use std::collections::{BTreeSet, HashMap, VecDeque};

pub use gold::{Gold, GoldError};

use crate::edit::{Copy, Label, Line};
use crate::wire;
use fold::{bare, dateline, fold, words};

const LABELS: usize = Label::ALL.len();

/// Counts over the items of a gold set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items counted.
    pub items: u64,
    /// Items that could not be read: all their lines count as boilerplate.
    pub rejected: u64,
    /// Words kept as body.
    pub kept: u64,
    /// Words kept as body that are body.
    pub right: u64,
    /// Words that are body.
    pub body: u64,
    /// Words kept as body that are boilerplate.
    pub leaked: u64,
    /// Items with a dateline, in the gold or given.
    pub datelines: u64,
    /// Of these, given as written.
    pub datelines_exact: u64,
    /// Of these, given where there is none.
    pub datelines_invented: u64,
    /// Distinct credits of each item.
    pub credits: u64,
    /// Of these, given as written.
    pub credits_exact: u64,
    /// Lines by gold label and given label.
    confusion: [[u64; LABELS]; LABELS],
}

/// A line whose label is not that of the gold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line.
    pub text: String,
    /// What it is.
    pub gold: Label,
    /// What the desk took it for.
    pub given: Label,
    /// The desk's reason; none if the line was not given back.
    pub reason: Option<String>,
    /// Its words.
    pub words: u64,
}

impl Wrong {
    /// Whether the mistake takes words out of the story or puts some in.
    #[must_use]
    pub fn moves_body(&self) -> bool {
        (self.gold == Label::Body) != (self.given == Label::Body)
    }
}

/// How one item came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Share of the item's words that are body and were not kept, or were kept and are not.
    pub error: f64,
    /// The lines with a wrong label: those that move body first, longer ones before shorter ones.
    pub wrong: Vec<Wrong>,
}

/// Precision, recall and their harmonic mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Of what was given, how much is right.
    pub precision: f64,
    /// Of what is right, how much was given.
    pub recall: f64,
    /// The harmonic mean.
    pub f1: f64,
}

/// The figures of a set: see the definitions at the head of the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Body, by words.
    pub body: Score,
    /// Body words labelled as anything else, of all body words.
    pub false_removal: f64,
    /// Boilerplate words kept as body, of all words kept.
    pub leak: f64,
    /// Datelines as written, of those there are or were given.
    pub dateline_exact: f64,
    /// Credits as written, of those there are.
    pub credit_exact: f64,
    /// By lines, for each label that occurs in the gold, in the order of [`Label::ALL`].
    pub labels: Vec<(Label, Score)>,
    /// The mean F1 of the labels.
    pub macro_f1: f64,
}

impl Tally {
    /// Counts one item: what it is, and what the desk made of it; nothing, if it could not be read.
    pub fn add(&mut self, gold: &Gold, copy: Option<&Copy<'_>>) -> Outcome {
        self.items += 1;
        self.rejected += u64::from(copy.is_none());
        let nothing = Copy::default();
        let copy = copy.unwrap_or(&nothing);
        self.add_dateline(gold, copy);
        self.add_credits(gold, copy);
        self.add_lines(gold, copy)
    }

    fn add_lines(&mut self, gold: &Gold, copy: &Copy<'_>) -> Outcome {
        let mut given: HashMap<String, VecDeque<&Line<'_>>> = HashMap::new();
        for line in &copy.lines {
            given.entry(fold(line.text)).or_default().push_back(line);
        }
        let (mut error, mut total) = (0, 0);
        let mut wrong = Vec::new();
        for (text, label) in &gold.lines {
            let line = given.get_mut(&fold(&wire::folded(text))).and_then(VecDeque::pop_front);
            let Some(want) = *label else { continue };
            let have = line.map_or(Label::Boilerplate, |line| line.label);
            let words = words(text);
            total += words;
            self.body += if want == Label::Body { words } else { 0 };
            if have == Label::Body {
                self.kept += words;
                self.right += if want == Label::Body { words } else { 0 };
                self.leaked += if want == Label::Boilerplate { words } else { 0 };
            }
            self.confusion[want as usize][have as usize] += 1;
            if want != have {
                let reason = line.map(|line| line.reason.to_owned());
                let mistake = Wrong { text: text.clone(), gold: want, given: have, reason, words };
                error += if mistake.moves_body() { words } else { 0 };
                wrong.push(mistake);
            }
        }
        wrong.sort_by_key(|w| (!w.moves_body(), std::cmp::Reverse(w.words)));
        Outcome { error: ratio(error, total), wrong }
    }

    fn add_dateline(&mut self, gold: &Gold, copy: &Copy<'_>) {
        let want = gold.dateline.as_deref().and_then(dateline);
        let have = copy.dateline.as_ref().and_then(|d| dateline(d.verbatim));
        self.datelines += u64::from(want.is_some() || have.is_some());
        self.datelines_exact += u64::from(want.is_some() && want == have);
        self.datelines_invented += u64::from(want.is_none() && have.is_some());
    }

    fn add_credits(&mut self, gold: &Gold, copy: &Copy<'_>) {
        let distinct = |credits: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
            credits.map(bare).filter(|credit| !credit.is_empty()).collect()
        };
        let want = distinct(&mut gold.credits.iter().filter_map(|credit| credit.as_deref()));
        let have = distinct(&mut copy.captions.iter().filter_map(|caption| caption.credit));
        self.credits += want.len() as u64;
        self.credits_exact += want.intersection(&have).count() as u64;
    }

    /// Adds the counts of another set.
    pub fn merge(&mut self, other: &Tally) {
        self.items += other.items;
        self.rejected += other.rejected;
        self.kept += other.kept;
        self.right += other.right;
        self.body += other.body;
        self.leaked += other.leaked;
        self.datelines += other.datelines;
        self.datelines_exact += other.datelines_exact;
        self.datelines_invented += other.datelines_invented;
        self.credits += other.credits;
        self.credits_exact += other.credits_exact;
        let pairs = self.confusion.iter_mut().flatten().zip(other.confusion.iter().flatten());
        pairs.for_each(|(own, more)| *own += more);
    }

    /// Lines that are `gold` and were taken for `given`.
    #[must_use]
    pub fn confused(&self, gold: Label, given: Label) -> u64 {
        self.confusion[gold as usize][given as usize]
    }

    /// Lines that are `label`.
    #[must_use]
    pub fn lines(&self, label: Label) -> u64 {
        self.confusion[label as usize].iter().sum()
    }

    /// Lines taken for `label`.
    #[must_use]
    pub fn given(&self, label: Label) -> u64 {
        self.confusion.iter().map(|row| row[label as usize]).sum()
    }

    /// What the counts come to.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let body = Score::of(ratio(self.right, self.kept), ratio(self.right, self.body));
        let labels: Vec<_> = Label::ALL
            .into_iter()
            .filter(|label| self.lines(*label) > 0)
            .map(|label| {
                let right = self.confused(label, label);
                (label, Score::of(ratio(right, self.given(label)), ratio(right, self.lines(label))))
            })
            .collect();
        let sum: f64 = labels.iter().map(|(_, score)| score.f1).sum();
        Figures {
            body,
            false_removal: 1.0 - body.recall,
            leak: ratio(self.leaked, self.kept),
            dateline_exact: ratio(self.datelines_exact, self.datelines),
            credit_exact: ratio(self.credits_exact, self.credits),
            macro_f1: sum / labels.len().max(1) as f64,
            labels,
        }
    }
}

impl Score {
    fn of(precision: f64, recall: f64) -> Score {
        let sum = precision + recall;
        let f1 = if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum };
        Score { precision, recall, f1 }
    }
}

/// `part` of `whole`; 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests;
