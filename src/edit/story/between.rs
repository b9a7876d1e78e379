//! Lines that are no sentences between the paragraphs of a story: crossheads, links to other stories, lists.

use super::super::headline;
use crate::edit::stamp::is_day;

use super::{End, HEADLINE_WORDS, Label, Pass, Verdict, ends_in_word, reports_speech};

const SHORT: &str = "a short line between paragraphs";
const HEADLINE: &str = "a headline between paragraphs";
/// As many headlines between paragraphs divide a story.
const SERIES: usize = 3;
/// As many days between paragraphs make a timeline.
const DAYS: usize = 2;
/// Paragraphs that are looked through for the next one of the story.
const NEAR: usize = 32;
/// Words that a crosshead in capitals may have; longer ones are links.
const CAPITALS_WORDS: usize = 7;

impl<'r> Pass<'_, '_, 'r> {
    /// How a paragraph of the story ends; a sign-off glued to its last sentence does not count.
    fn end(&self, i: usize) -> End {
        match self.blocks[i].shape.end {
            End::Open if holds_sentence(&self.blocks[i].text) => End::Sentence,
            end => end,
        }
    }

    /// An unlabelled line that is no sentence.
    pub(super) fn is_open(&self, i: usize) -> bool {
        let (block, shape) = (&self.blocks[i], &self.blocks[i].shape);
        if shape.long || shape.words > HEADLINE_WORDS {
            return false;
        }
        let text = block.text.as_ref();
        let dots = text.ends_with("...") || text.ends_with('…');
        let open = match shape.end {
            End::Open => true,
            End::Sentence => {
                (dots && shape.words <= 5)
                    || text.ends_with(['?', '!']) && shape.words <= 12
                    || block.letters().all_caps()
            }
            End::Colon => shape.words <= 6 && block.letters().all_caps(),
        };
        is_time(text) || (open && !holds_sentence(without_number(text)))
    }

    /// Decides on a run of lines that are no sentences: one or two between paragraphs are crossheads or links, more are a
    /// list, which stays.
    pub(super) fn open_lines(&mut self, run: Vec<usize>, dateline: bool) {
        let (&[from] | &[from, _]) = run.as_slice() else { return };
        let to = run.last().map_or(from, |last| last + 1);
        let in_story = |j: &usize| self.found[*j].is_none_or(|v| v.label == Label::Body);
        let before = (0..from).rev().take(NEAR).find(in_story);
        let after = (to..self.blocks.len()).take(NEAR).find(in_story);
        let Some(before) = before else { return };
        let prose = |j: usize| self.end(j) != End::Open || self.blocks[j].shape.words >= 12;
        let followed = after.is_some_and(prose);
        if !prose(before) {
            return;
        }
        let before = self.end(before);
        let verdicts: Vec<_> =
            run.iter().map(|&i| self.open_line(i, dateline, before, followed, after.is_none())).collect();
        if run.len() == 2 && verdicts[0].map(|v| v.reason) == verdicts[1].map(|v| v.reason) {
            return;
        }
        for (i, verdict) in run.into_iter().zip(verdicts) {
            self.found[i] = verdict;
        }
    }

    fn open_line(&self, i: usize, dateline: bool, before: End, followed: bool, last: bool) -> Option<Verdict<'r>> {
        let (text, shape) = (self.blocks[i].text.as_ref(), &self.blocks[i].shape);
        let letters = self.blocks[i].letters();
        let framed = [("- ", " -"), ("– ", " –"), ("— ", " —")]
            .iter()
            .any(|(open, close)| text.starts_with(open) && text.ends_with(close))
            && !reports_speech(text);
        let first = text.chars().next()?;
        let tagged = first == '(' && headline::split(text).tag.is_some();
        let item = !framed
            && !tagged
            && (matches!(first, '-' | '–' | '—' | '*' | '•' | '·' | '(' | '[' | '@') || first.is_lowercase());
        if item || letters.upper + letters.lower < 2 || letters.digits > 6 {
            return None;
        }
        if before == End::Colon && !framed && !letters.all_caps() && !is_time(text) {
            return None;
        }
        let question = text.ends_with('?');
        if letters.all_caps() && !framed && !question && shape.words > CAPITALS_WORDS {
            return followed
                .then(|| Verdict::evidence(Label::Boilerplate, "a headline in capitals between paragraphs"));
        }
        let short = shape.words <= 6 || framed || letters.all_caps() || (question && shape.words <= 10);
        if short {
            return followed.then(|| Verdict::evidence(Label::Subhead, SHORT));
        }
        // Agency copy has no crossheads that long; features and lists without a dateline do.
        let quote = matches!(first, '"' | '“' | '«' | '„');
        if !dateline && followed && before == End::Sentence && !quote {
            return Some(Verdict::evidence(Label::Subhead, "a line between paragraphs"));
        }
        // A headline has it in the present.
        let told = text.contains(" said ") || text.contains(" told ");
        // At the very end of an item it may as well be copy that was cut off.
        let closed = followed || (last && i + 1 < self.blocks.len());
        let headline =
            !quote && shape.end == End::Open && shape.words >= 7 && text.contains(char::is_lowercase) && !told;
        let link = dateline && closed && headline && before == End::Sentence;
        let next = self.blocks.get(i + 1).filter(|_| followed);
        if next.is_some_and(|next| self.rules.agencies.dateline(&next.text, false).is_some()) {
            return Some(Verdict::evidence(Label::Subhead, "the headline of a further story"));
        }
        link.then(|| Verdict::evidence(Label::Boilerplate, HEADLINE))
    }

    /// Days between paragraphs, more than one: those of a timeline or a diary, not when the item was published.
    pub(super) fn dates(&mut self, from: usize) {
        let in_story = |i: &usize| self.found[*i].is_none_or(|v| v.label == Label::Body);
        let over_copy = |i: &usize| {
            let before = || (0..*i).rev().take(NEAR).find(in_story);
            self.label(*i) == Some(Label::Date)
                && is_day(&self.blocks[*i].text)
                && before().is_some_and(|before| self.sentence(before) || self.blocks[before].introduces())
                && self.blocks.get(i + 1).is_some_and(|_| in_story(&(i + 1)) && self.sentence(i + 1))
        };
        let days: Vec<usize> = (from..self.blocks.len()).filter(over_copy).collect();
        if days.len() >= DAYS {
            days.into_iter().for_each(|i| self.found[i] = Some(Verdict::evidence(Label::Subhead, "a day of many")));
        }
    }

    /// Headlines between paragraphs are links to other stories, unless they come in numbers and take the place of crossheads:
    /// live reports and questions-and-answers are divided by them.
    pub(super) fn series(&mut self, from: usize) {
        let reasons = || self.found.iter().skip(from).flatten().map(|verdict| verdict.reason);
        let many = reasons().filter(|reason| *reason == HEADLINE).count() >= SERIES;
        if !many || reasons().any(|reason| reason == SHORT) {
            return;
        }
        for verdict in self.found.iter_mut().skip(from).flatten().filter(|verdict| verdict.reason == HEADLINE) {
            *verdict = Verdict::evidence(Label::Subhead, "one headline of many between paragraphs");
        }
    }
}

/// `text` without the number that counts it: `2. The ferries` → `The ferries`.
fn without_number(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let counted = (1..=2).contains(&(text.len() - rest.len()));
    rest.strip_prefix(". ").filter(|_| counted).unwrap_or(text)
}

/// Only a time of day, as it stands over each entry of a running report: `11:40 a.m.`, `6 p.m.`.
fn is_time(text: &str) -> bool {
    let Some((clock, half)) = text.split_once(' ') else { return false };
    let digits = clock.bytes().all(|b| b.is_ascii_digit() || b == b':');
    digits && clock.len() <= 5 && matches!(half, "a.m." | "p.m." | "a.m" | "p.m" | "AM" | "PM" | "am" | "pm")
}

/// Whether a sentence ends inside `text`, be it that a sign-off is glued to it: `2,3 Prozent./ag/jha/`, `the office.Enditem`.
fn holds_sentence(text: &str) -> bool {
    let glued = |at: usize| text[..at].ends_with(char::is_lowercase) && text[at + 1..].starts_with(char::is_uppercase);
    let behind = |at: usize| text[at + 1..].starts_with([' ', '/', '(', '[', '–', '—']) || glued(at);
    text.match_indices('.').any(|(at, _)| behind(at) && ends_in_word(&text[..=at]))
}
