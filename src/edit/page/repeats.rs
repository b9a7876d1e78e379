//! One headline and one byline a page, wherever they stand on it again.

use super::context::{self, BYLINE, Chances};
use super::features::Seen;
use super::{headline, lexicon, names};
use crate::edit::Label;
use crate::edit::lines::{Block, End};
use crate::edit::stamp::is_stamp;
use crate::edit::story::Verdict;

/// Letters and figures that a headline must have to be looked for elsewhere.
const TITLE: usize = 15;
/// How much a line that holds the headline may add to it, and how much of it a line must be that is a part of it.
const AROUND: f32 = 1.3;
const PART: f32 = 0.4;
/// The chance from which the page's likeliest byline is one.
const BYLINE_LEAST: f32 = 0.03;
/// Lines from the byline within which another one is more of it.
const BESIDE: usize = 4;
/// Characters of a line that holds a name of the byline and is more than one of its repetitions.
const NAMING: usize = 80;
/// Words from which a line with a full stop is a sentence.
const SENTENCE: usize = 6;
/// A name that stands on more lines than this is the site's, not a writer's.
const OFTEN: usize = 12;

/// Lines that repeat the page's headline, or most of it, or put little around it, are it.
pub(super) fn headlines(
    seen: &Seen,
    chances: &[Chances],
    verdicts: &mut [Verdict<'_>],
    blocks: &[Block<'_>],
    given: Option<&str>,
) -> Option<usize> {
    let best = headline::best(seen, chances, verdicts, blocks).map(|k| seen.lines[k]);
    let title = match (given, best) {
        (Some(given), _) => names::folded(given),
        (None, Some(best)) => {
            verdicts[best] = Verdict::evidence(Label::Headline, "reads and stands like one");
            names::folded(&blocks[best].text)
        }
        (None, None) => return None,
    };
    let long = title.chars().count() >= TITLE;
    let is_it = |text: &str| {
        // A line of quite another length holds no more and no less than it.
        if text.len() > 3 * title.len() + 60 || text.len() * 3 < title.len() {
            return false;
        }
        let line = names::folded(text);
        let size = line.len() as f32 / title.len() as f32;
        line == title
            || (long && size <= AROUND && line.contains(&title))
            || (long && size >= PART && line.len() >= TITLE && title.contains(&line))
    };
    for (verdict, block) in verdicts.iter_mut().zip(blocks) {
        if matches!(verdict.label, Label::Boilerplate | Label::Subhead | Label::Headline)
            && block.shape.words >= 3
            && is_it(&block.text)
        {
            *verdict = Verdict::evidence(Label::Headline, "the headline, as it stands elsewhere too");
        }
    }
    for i in &seen.lines {
        if verdicts[*i].label == Label::Headline && Some(*i) != best && !is_it(&blocks[*i].text) {
            verdicts[*i] = Verdict::evidence(Label::Boilerplate, "reads like a headline, but not of this story");
        }
    }
    best
}

fn first_body(seen: &Seen, verdicts: &[Verdict<'_>]) -> usize {
    seen.lines.iter().position(|i| verdicts[*i].label == Label::Body).unwrap_or(0)
}

/// The page's likeliest byline, and short lines that hold its names.
pub(super) fn bylines(
    seen: &Seen,
    chances: &[Chances],
    verdicts: &mut [Verdict<'_>],
    blocks: &[Block<'_>],
    headline: Option<usize>,
) {
    for (verdict, block) in verdicts.iter_mut().zip(blocks).filter(|(v, _)| v.label == Label::Byline) {
        if is_credit(&block.text) {
            *verdict = Verdict::evidence(Label::Credit, "words of a picture credit");
        } else if is_stamp(&block.text) {
            *verdict = Verdict::evidence(Label::Date, "reads like a byline, but is a date");
        } else if is_sentence(block) {
            *verdict = Verdict::evidence(Label::Boilerplate, "reads like a byline, but is a sentence");
        }
    }
    let story = first_body(seen, verdicts);
    // The headline may stand on the page several times: the byline is below the one nearest above the story.
    let titled = |k: &usize| headline.is_some() && verdicts[seen.lines[*k]].label == Label::Headline;
    let title = (0..story).rev().find(titled).or_else(|| seen.lines.iter().position(|i| Some(*i) == headline));
    let title = title.unwrap_or(story.saturating_sub(context::UNTITLED));
    let Some(best) = context::best_byline(chances, title, story).filter(|k| chances[*k][BYLINE] >= BYLINE_LEAST) else {
        return;
    };
    let best = seen.lines[best];
    let taken = matches!(verdicts[best].label, Label::Body | Label::Date | Label::Headline);
    if taken || is_credit(&blocks[best].text) || is_stamp(&blocks[best].text) || is_sentence(&blocks[best]) {
        return;
    }
    verdicts[best] = Verdict::evidence(Label::Byline, "reads and stands like one");
    for i in &seen.lines {
        if verdicts[*i].label == Label::Byline && i.abs_diff(best) > BESIDE {
            verdicts[*i] = Verdict::evidence(Label::Boilerplate, "reads like a byline, but not of this story");
        }
    }
    let short: Vec<(usize, String)> = (0..blocks.len())
        .filter(|i| matches!(verdicts[*i].label, Label::Boilerplate | Label::Credit | Label::Subhead))
        .filter(|i| !blocks[*i].shape.long && blocks[*i].text.chars().count() <= NAMING)
        .map(|i| (i, names::folded(&blocks[i].text)))
        .collect();
    for name in names::in_byline(&blocks[best].text) {
        let named: Vec<usize> = short.iter().filter(|(_, line)| line.contains(&name)).map(|(i, _)| *i).collect();
        if named.len() <= OFTEN {
            named.into_iter().for_each(|i| verdicts[i] = Verdict::evidence(Label::Byline, "a name in the byline"));
        }
    }
}

/// Whether a line that could be a byline is a sentence that does not begin with who wrote it.
fn is_sentence(block: &Block<'_>) -> bool {
    block.shape.end == End::Sentence && block.shape.words >= SENTENCE && lexicon::by_word(&block.text) < 2.0
}

/// Whether a line that could be a byline is a picture's credit: an agency alone may have written the story.
fn is_credit(text: &str) -> bool {
    let credit = lexicon::credit(text);
    let agency_alone = credit.agency && credit.count < 2.0;
    credit.any() && !agency_alone && lexicon::by_word(text) == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::lines;
    use crate::edit::page::context::{BODY, BOILERPLATE, HEADLINE};
    use crate::edit::page::testing::{chances, seen};

    const TITLE_LINE: &str = "Storm over: harbour of Ostheim opens again";

    /// The labels that `lines` get, with the first guesses in `likely`, the likeliest first.
    fn labels(text: &[&str], likely: &[(usize, usize)], given: Option<&str>) -> Vec<Label> {
        let text = text.join("\n");
        let seen = seen(&text.lines().collect::<Vec<_>>());
        let mut guesses = chances(&vec![BOILERPLATE; seen.lines.len()]);
        likely
            .iter()
            .zip(0u8..)
            .for_each(|((line, class), rank)| guesses[*line][*class] = 0.3 - 0.02 * f32::from(rank));
        let blocks = lines::unwrapped(&lines::rows(&text));
        let mut verdicts = vec![Verdict::evidence(Label::Boilerplate, ""); blocks.len()];
        for (line, _) in likely.iter().filter(|(_, class)| *class == BODY) {
            verdicts[*line] = Verdict::evidence(Label::Body, "");
        }
        let headline = headlines(&seen, &guesses, &mut verdicts, &blocks, given);
        bylines(&seen, &guesses, &mut verdicts, &blocks, headline);
        verdicts.iter().map(|v| v.label).collect()
    }

    #[test]
    fn the_headline_is_found_again_whole_in_part_and_with_a_little_around_it() {
        let lines = [
            TITLE_LINE,
            "Share: Storm over: harbour of Ostheim opens again",
            "Harbour of Ostheim opens again",
            "Harbour of Holm opens",
        ];
        use Label::{Boilerplate, Headline};
        assert_eq!(labels(&lines, &[(0, HEADLINE)], None), [Headline, Headline, Headline, Boilerplate]);
        assert_eq!(labels(&lines, &[], Some(TITLE_LINE)), [Headline, Headline, Headline, Boilerplate]);
        assert_eq!(labels(&lines, &[], None), [Boilerplate; 4]);
    }

    #[test]
    fn a_teaser_that_holds_the_headline_and_much_more_is_not_it() {
        let teaser = "News Harbour Weather Ferries Storm over: harbour of Ostheim opens again";
        assert_eq!(labels(&[TITLE_LINE, teaser], &[(0, HEADLINE)], None)[1], Label::Boilerplate);
    }

    #[test]
    fn the_names_of_the_byline_are_found_wherever_they_stand() {
        let lines =
            ["By Kit Marlow, Harbour Desk", "Ferries are late", "Kit Marlow", "Write to Kit Marlow here", "Kit Onslow"];
        use Label::{Boilerplate, Byline};
        assert_eq!(labels(&lines, &[(0, BYLINE)], None), [Byline, Boilerplate, Byline, Byline, Boilerplate]);
    }

    #[test]
    fn the_byline_is_below_the_headline_next_to_the_story() {
        let story = "The harbour of Ostheim opened again on Monday after a week of storms, the harbour office said.";
        let lines = [TITLE_LINE, "Harbour Quiz", "Tide Tables", TITLE_LINE, "Kit Marlow", story];
        let likely = [(0, HEADLINE), (1, BYLINE), (4, BYLINE), (5, BODY)];
        use Label::{Body, Boilerplate, Byline, Headline};
        assert_eq!(labels(&lines, &likely, None), [Headline, Boilerplate, Boilerplate, Headline, Byline, Body]);
    }

    #[test]
    fn a_headline_that_reads_like_a_byline_too_stays_one() {
        let likely = [(0, HEADLINE), (0, BYLINE)];
        assert_eq!(labels(&[TITLE_LINE, "Ferries"], &likely, None), [Label::Headline, Label::Boilerplate]);
    }

    #[test]
    fn a_name_all_over_the_page_is_the_sites() {
        let mut lines = vec!["By Harbour Post"];
        lines.extend(["Harbour Post Tickets"; OFTEN + 1]);
        assert_eq!(labels(&lines, &[(0, BYLINE)], None)[1], Label::Boilerplate);
    }

    #[test]
    fn a_sentence_is_a_byline_only_if_it_begins_as_one() {
        let byline = |line| labels(&[TITLE_LINE, line], &[(0, HEADLINE), (1, BYLINE)], None)[1] == Label::Byline;
        assert!(!byline("Die Fähren liegen am Kai von Ostheim."));
        assert!(byline("Von Kit Marlow und Ana Brandt, Ostheim."));
    }

    #[test]
    fn a_date_is_no_byline() {
        let date = labels(&[TITLE_LINE, "May 5, 2026 Uppdaterad 14:30"], &[(0, HEADLINE), (1, BYLINE)], None)[1];
        assert_ne!(date, Label::Byline);
    }

    #[test]
    fn a_picture_credit_is_no_byline() {
        assert!(is_credit("Getty Images") && is_credit("Credits: Supplied Image"));
        assert!(!is_credit("AFP, OSTHEIM") && !is_credit("By Kit Marlow and AFP") && !is_credit("Kit Marlow"));
        assert_eq!(labels(&["Getty Images"], &[(0, BYLINE)], None), [Label::Boilerplate]);
    }
}
