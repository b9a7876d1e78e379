//! One headline and one byline a page, wherever they stand on it again.

use super::context::{self, BYLINE, Chances, HEADLINE};
use super::features::{COPIES, Seen};
use crate::edit::lines::Block;
use crate::edit::story::Verdict;
use crate::edit::{Label, byline};

/// Letters and figures that a headline must have to be looked for elsewhere, and a name.
const TITLE: usize = 15;
const NAME: usize = 7;
/// The chance from which a line is a headline although it is not like the page's.
const OWN_RIGHT: f32 = 0.8;
/// The chance from which the page's likeliest byline is one.
const BYLINE_LEAST: f32 = 0.15;
/// Words of a byline, and how many more a line that holds the name may have.
const BYLINE_WORDS: usize = 6;
const MORE_WORDS: usize = 4;

/// Letters and figures of a line, in lower case.
pub(super) fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Lines that repeat the page's headline, or most of it, or put little around it, are it.
pub(super) fn headlines(
    seen: &Seen,
    chances: &[Chances],
    verdicts: &mut [Verdict<'_>],
    blocks: &[Block<'_>],
    given: Option<&str>,
) {
    let story = seen.lines.iter().position(|i| verdicts[*i].label == Label::Body).unwrap_or(0);
    let bonus = |k: usize| 0.02 * (seen.first.row(k)[COPIES] - 1.0) - 0.002 * k.abs_diff(story).min(60) as f32;
    let best = context::best(chances, HEADLINE, bonus).map(|k| seen.lines[k]);
    let title = match (given, best) {
        (Some(given), _) => folded(given),
        (None, Some(best)) => {
            verdicts[best] = Verdict::evidence(Label::Headline, "reads and stands like one");
            folded(&blocks[best].text)
        }
        (None, None) => return,
    };
    let long = title.chars().count() >= TITLE;
    let is_it = |text: &str| {
        // A line of another length holds no more and no less than it.
        if text.len() > 3 * title.len() + 60 || text.len() * 3 < title.len() {
            return false;
        }
        let line = folded(text);
        line == title
            || (long && line.len() * 5 <= title.len() * 9 && line.contains(&title))
            || (long && line.len() * 5 >= title.len() * 3 && line.len() >= TITLE && title.contains(&line))
    };
    for (verdict, block) in verdicts.iter_mut().zip(blocks) {
        if matches!(verdict.label, Label::Boilerplate | Label::Subhead | Label::Headline)
            && block.shape.words >= 3
            && is_it(&block.text)
        {
            *verdict = Verdict::evidence(Label::Headline, "the headline, as it stands elsewhere too");
        }
    }
    let other = |i: &usize| verdicts[*i].label == Label::Headline && Some(*i) != best && !is_it(&blocks[*i].text);
    let others: Vec<usize> = seen
        .lines
        .iter()
        .enumerate()
        .filter(|(k, i)| chances[*k][HEADLINE] < OWN_RIGHT && other(i))
        .map(|(_, i)| *i)
        .collect();
    for i in others {
        verdicts[i] = Verdict::evidence(Label::Boilerplate, "reads like a headline, but not of this story");
    }
}

/// The page's likeliest byline, and short lines that hold its names.
pub(super) fn bylines(seen: &Seen, chances: &[Chances], verdicts: &mut [Verdict<'_>], blocks: &[Block<'_>]) {
    let story = seen.lines.iter().position(|i| verdicts[*i].label == Label::Body).unwrap_or(0);
    let far = |k: usize| -0.002 * k.abs_diff(story).min(60) as f32;
    let Some(best) = context::best(chances, BYLINE, far).filter(|k| chances[*k][BYLINE] >= BYLINE_LEAST) else {
        return;
    };
    let best = seen.lines[best];
    if matches!(verdicts[best].label, Label::Body | Label::Date) {
        return;
    }
    verdicts[best] = Verdict::evidence(Label::Byline, "reads and stands like one");
    let name = folded(byline::without_mark(&blocks[best].text));
    let words = blocks[best].shape.words;
    if name.chars().count() < NAME || words > BYLINE_WORDS {
        return;
    }
    for (verdict, block) in verdicts.iter_mut().zip(blocks) {
        let short = block.shape.words <= words + MORE_WORDS && !block.shape.long && block.text.len() >= name.len();
        if short && matches!(verdict.label, Label::Boilerplate | Label::Credit) && folded(&block.text).contains(&name) {
            *verdict = Verdict::evidence(Label::Byline, "the name in the byline");
        }
    }
}
