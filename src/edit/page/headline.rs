//! Which line is the page's headline: the likely ones of a page against each other.
//!
//! The trees see each line by itself, and what reads most like a headline may be another story's, the place in the site, or
//! a caption. What stands around the likely lines tells them apart. The weights are those of a conditional logit (McFadden
//! 1974) over pages whose publishers the trees had not seen, to the nearest half.

use super::context::{Chances, DATE, HEADLINE, SUBHEAD};
use super::features::Seen;
use crate::edit::Label;
use crate::edit::lines::Block;
use crate::edit::story::Verdict;

/// The chance above which a line may be the headline.
const LEAST: f32 = 0.01;
/// Characters that it has at most.
const LONGEST: usize = 300;
/// Words from which it is no mere name of a section.
const WORDS: usize = 4;
/// Lines below the headline in which the story's date is looked for, and above a line in which a standfirst is.
const BELOW: usize = 6;
const ABOVE: usize = 2;

/// The page's likeliest headline: a line of those that were looked at.
pub(super) fn best(seen: &Seen, chances: &[Chances], verdicts: &[Verdict<'_>], blocks: &[Block<'_>]) -> Option<usize> {
    let block = |k: usize| &blocks[seen.lines[k]];
    let is_story = |k: usize| verdicts[seen.lines[k]].label == Label::Body;
    let story = (0..chances.len()).find(|k| is_story(*k)).unwrap_or(0);
    let told = seen.words.spread(is_story);
    let flag = |b: bool| f32::from(u8::from(b));
    let score = |k: usize| {
        let most = |class: usize, lines: &[Chances]| lines.iter().map(|c| c[class]).fold(0.0, f32::max);
        let above = &chances[k.saturating_sub(ABOVE)..k];
        let below = &chances[k + 1..(k + 1 + BELOW).min(chances.len())];
        let left_out = k.checked_sub(1).map_or(10, |j| seen.lines[k] - seen.lines[j] - 1);
        0.5 * chances[k][HEADLINE].ln() + 1.5 * most(SUBHEAD, &below[..below.len().min(1)]) - 1.5 * most(SUBHEAD, above)
            + most(DATE, below)
            + seen.words.known(k, &told, 0).share
            + 0.1 * left_out.min(10) as f32
            - flag(k > story)
            - flag(block(k).shape.words < WORDS)
            - flag(block(k).text.ends_with(['.', '。']))
    };
    let may_be = |k: &usize| {
        chances[*k][HEADLINE] > LEAST
            && !is_story(*k)
            && block(*k).shape.words >= 2
            && block(*k).text.chars().count() < LONGEST
    };
    (0..chances.len()).filter(may_be).map(|k| (k, score(k))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::lines;
    use crate::edit::page::context::{BODY, BOILERPLATE};
    use crate::edit::page::testing;

    const STORY: &str =
        "The harbour of Ostheim opened again on Monday after a week of storms, the harbour office said.";

    /// Which of `text` is the headline, where each line is of a class and all but the story are a headline by a chance.
    fn best_of(text: &[(&str, usize, f32)]) -> Option<usize> {
        let texts: Vec<&str> = text.iter().map(|(line, _, _)| *line).collect();
        let seen = testing::seen(&texts);
        let mut chances = testing::chances(&text.iter().map(|(_, class, _)| *class).collect::<Vec<_>>());
        chances.iter_mut().zip(text).for_each(|(c, (_, _, headline))| c[HEADLINE] = *headline);
        let joined = texts.join("\n");
        let blocks = lines::unwrapped(&lines::rows(&joined));
        let label = |class| if class == BODY { Label::Body } else { Label::Boilerplate };
        let verdicts: Vec<_> = text.iter().map(|(_, class, _)| Verdict::evidence(label(*class), "")).collect();
        best(&seen, &chances, &verdicts, &blocks)
    }

    #[test]
    fn what_has_the_standfirst_and_the_date_below_it_is_the_headline() {
        let page = [
            ("Tides", BOILERPLATE, 0.01),
            ("Lanterns for the fishing fleet", BOILERPLATE, 0.4),
            ("Ferries are late in Holm again", BOILERPLATE, 0.2),
            ("Crews wait for days", SUBHEAD, 0.01),
            ("Monday, noon", DATE, 0.01),
            (STORY, BODY, 0.01),
        ];
        assert_eq!(best_of(&page), Some(2));
    }

    #[test]
    fn what_the_story_says_too_is_rather_its_headline_than_what_reads_more_like_one() {
        let page = [
            ("Tides", BOILERPLATE, 0.01),
            ("Lanterns for the fishing fleet", BOILERPLATE, 0.4),
            ("Harbour Ostheim opened after storms", BOILERPLATE, 0.2),
            (STORY, BODY, 0.01),
            ("Harbour Ostheim opened after storms", BOILERPLATE, 0.2),
        ];
        assert_eq!(best_of(&page), Some(2));
    }

    #[test]
    fn names_of_sections_and_sentences_are_rarely_headlines_and_unlikely_lines_never() {
        let page = [
            ("Tides", BOILERPLATE, 0.01),
            ("Tide tables", BOILERPLATE, 0.3),
            ("Ferries wait for the tide.", BOILERPLATE, 0.3),
            ("Ferries wait for the tide", BOILERPLATE, 0.15),
            (STORY, BODY, 0.01),
        ];
        assert_eq!(best_of(&page), Some(3));
        assert_eq!(best_of(&[("Ferries wait for the tide", BOILERPLATE, 0.005), (STORY, BODY, 0.01)]), None);
    }
}
