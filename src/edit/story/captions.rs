//! Captions by their place and looks, where no rule names them: repeated, dated, credited.

use super::{Label, Pass, Verdict, is_year, reports_speech};
use crate::edit::dateline::month_number;
use crate::edit::rules::{At, Rule};

/// Words that a caption without a date or a credit may have.
pub(super) const CAPTION_WORDS: usize = 40;
/// Paragraphs from a caption within which its text may stand again, and bytes of page furniture that may be fused to it.
const NEAR: usize = 2;
const CHROME: usize = 16;

impl Pass<'_, '_, '_> {
    /// Ends in what may be the credit of a picture: before a dateline that is enough.
    pub(super) fn may_be_credited(&self, i: usize) -> bool {
        let credit = |r: &Rule| r.label == Label::Credit && r.in_scope(&self.sources);
        self.rules.find_in_caption(At::End, &self.blocks[i].text, credit).is_some()
    }

    /// Names a year, as the caption of a picture does.
    pub(super) fn dated(&self, i: usize) -> bool {
        self.blocks[i].text.split([' ', ',', '.']).any(is_year)
    }

    /// Names a day of a year: `May 4, 2026`, `4 May 2026`.
    fn dated_to_the_day(&self, i: usize) -> bool {
        let words: Vec<&str> = self.blocks[i].text.split([' ', ',', '.']).filter(|word| !word.is_empty()).collect();
        let day = |word: &str| word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
        words.windows(2).any(|w| is_year(w[1]) && (day(w[0]) || month_number(w[0]).is_some()))
    }

    /// A paragraph that stands twice in a row, before anything that is story, is a caption; where neither a dateline nor its own
    /// looks say so, it is the lead, which stands above itself as a summary.
    pub(super) fn repetitions(&mut self, head: usize, dateline: bool) {
        let cut = |i: &usize| self.found[*i].is_some_and(|v| v.rule.is_some_and(|r| r.cut));
        let end = (0..head).find(cut).unwrap_or(head);
        let open: Vec<usize> = (0..end).filter(|i| self.found[*i].is_none()).collect();
        for (k, &i) in open.iter().enumerate() {
            let own = self.rules.agencies.dateline(&self.blocks[i].text, true).is_some();
            if own || self.found[i].is_some() || !self.sentence(i) {
                continue;
            }
            let later = open[k + 1..].iter().take(2);
            let twins: Vec<usize> = later.copied().filter(|j| self.blocks[*j].text == self.blocks[i].text).collect();
            if twins.is_empty() && !(dateline && self.dated(i)) {
                return;
            }
            let story = |j: &usize| self.sentence(*j) && self.blocks[*j].text != self.blocks[i].text;
            if !dateline && !open[k + 1..].iter().any(story) {
                return;
            }
            let lead = !dateline && !self.dated(i) && !self.may_be_credited(i);
            let (last, above) = twins.split_last().map_or((None, [].as_slice()), |(last, rest)| (Some(*last), rest));
            for j in above.iter().copied().chain(last.map(|_| i)).chain(last.filter(|_| !lead)) {
                self.found[j] = Some(match lead {
                    true => Verdict::evidence(Label::Subhead, "the lead, which stands again below"),
                    false => Verdict::evidence(Label::Caption, "repeated in the head"),
                });
            }
            if lead {
                return;
            }
        }
    }

    /// What a caption close by begins with is a caption as well.
    pub(super) fn captions_again(&mut self, from: usize, to: usize) {
        for i in from..to {
            let near = i.saturating_sub(NEAR)..to.min(i + NEAR + 1);
            let begins = |j: usize| {
                let caption = self.blocks[j].text.as_ref();
                self.label(j) == Some(Label::Caption)
                    && (0..=CHROME).any(|at| caption.get(at..).is_some_and(|c| c.starts_with(&*self.blocks[i].text)))
            };
            if self.found[i].is_none() && self.sentence(i) && near.into_iter().any(begins) {
                self.found[i] = Some(Verdict::evidence(Label::Caption, "a caption without its credit"));
            }
        }
    }

    /// A caption between paragraphs, in the copy of agencies that end one with their name: the story goes on behind it, and
    /// it is dated, as a caption is, or credited to the agency whose story this is: a sign-off would end the item.
    pub(super) fn captions(&mut self, from: usize) {
        let text = |i: usize| self.blocks[i].text.as_ref();
        let open = |i: &usize| self.found[*i].is_none();
        let Some(last) = (from..self.blocks.len()).rev().find(|i| open(i) && self.sentence(*i)) else { return };
        let credited: Vec<(usize, &str)> = (from..last)
            .filter(open)
            .filter_map(|i| Some((i, self.rules.agencies.known(bracketed_at_end(text(i))?)?)))
            .collect();
        // Paragraphs credited to several agencies are a digest.
        if credited.iter().any(|(_, agency)| *agency != credited[0].1) {
            return;
        }
        for &(i, agency) in &credited {
            let own = || {
                matches!(credited.len(), 1 | 2)
                    && self.sources.contains(&agency)
                    && !(from..self.blocks.len()).any(|i| self.has_dateline(i))
                    && self.blocks[i].shape.words <= CAPTION_WORDS
                    && !reports_speech(text(i))
            };
            if self.dated_to_the_day(i) || own() {
                self.found[i] = Some(Verdict::evidence(Label::Caption, "credited to an agency between paragraphs"));
            }
        }
    }
}

/// What stands in the brackets that a paragraph ends with: `The mayor waits. (AP)` → `AP`.
fn bracketed_at_end(text: &str) -> Option<&str> {
    let inner = text.strip_suffix(')')?;
    Some(&inner[inner.rfind('(')? + 1..])
}
