//! Where the story begins, and whether a dateline opens it.

use super::captions::CAPTION_WORDS;
use super::{Found, HEADLINE_WORDS, Pass};
use crate::edit::stamp::is_stamp;

/// Lines that are no sentences beyond which they are the story, not headline and deck.
const OPEN_LINES_BEFORE: usize = 4;
/// Figures that such a line may have where it is none of a table, and sentences that a story under them has.
const LINE_DIGITS: usize = 2;
const PROSE: usize = 3;
/// Words of all the points of a summary above a dateline at most.
const SUMMARY_WORDS: usize = 160;

impl Pass<'_, '_, '_> {
    /// Where the story begins if no dateline says so: at the first sentence, at a line that introduces a list, or in the
    /// middle of a sentence. If more lines come before it than a headline and its deck have, they are a list: the story, unless
    /// they are words and a story of sentences follows.
    pub(super) fn first_of_story(&self, head: usize) -> Option<usize> {
        let mut open: Vec<usize> = Vec::new();
        let begins = |i: &usize| {
            let middle = self.blocks[*i].text.starts_with(char::is_lowercase);
            (self.sentence(*i) && !self.is_headed(*i)) || self.blocks[*i].introduces() || middle
        };
        for i in (0..head).filter(|i| self.found[*i].is_none() && !is_stamp(&self.blocks[*i].text)) {
            if begins(&i) {
                return Some(i);
            }
            if !open.iter().any(|j| self.blocks[*j].text == self.blocks[i].text) {
                open.push(i);
            }
            if open.len() > OPEN_LINES_BEFORE {
                let story = (i + 1..head).find(|i| self.found[*i].is_none() && begins(i));
                return story.filter(|story| self.is_prose(*story, &open)).or(open.first().copied());
            }
        }
        None
    }

    /// A question or an exclamation at the top, over a longer sentence: one headline in ten is such a line, hardly a lead is.
    fn is_headed(&self, i: usize) -> bool {
        let open = |i: &usize| self.found[*i].is_none();
        let over = |next: usize| self.sentence(next) && self.blocks[next].shape.words > self.blocks[i].shape.words;
        let quoted = self.blocks[i].text.starts_with(['"', '“', '«', '„', '‘', '\'']);
        self.exclaims(i)
            && !quoted
            && (0..i).find(open).is_none()
            && (i + 1..self.blocks.len()).find(open).is_some_and(over)
    }

    /// Whether mostly sentences follow from `story` on, and the lines before it hold hardly any figures.
    fn is_prose(&self, story: usize, before: &[usize]) -> bool {
        let words = before.iter().filter(|i| self.blocks[**i].letters().digits <= LINE_DIGITS).count();
        let copy = || (story..self.blocks.len()).filter(|i| self.found[*i].is_none());
        let sentences = copy().filter(|i| self.sentence(*i)).count();
        words + 1 >= before.len() && sentences >= PROSE && sentences * 4 >= copy().count() * 3
    }

    /// Whether a sentence stands before `at` that no rule names and that is no headline and no caption by its looks: then the
    /// story has begun, and the dateline is one inside it.
    pub(super) fn story_before(&self, at: usize) -> bool {
        let caption = |i: usize| (self.dated(i) && !self.dateline_behind(at)) || self.may_be_credited(i);
        let open = |i: &usize| self.found[*i].is_none();
        let first = (0..at).find(open);
        let headline = |i: usize| first == Some(i) && self.exclaims(i);
        (0..at).filter(open).any(|i| (self.sentence(i) && !caption(i) && !headline(i)) || self.blocks[i].introduces())
    }

    /// Whether no more than a summary stands before the dateline of a place and an agency, and no other such dateline behind
    /// it, as in a round-up: one or two short sentences under another line, and points of a list.
    pub(super) fn summary_before(&self, at: usize, found: &Found<'_, '_>) -> bool {
        let point = |i: &usize| self.blocks[*i].text.starts_with(['-', '–', '—', '•', '*', '·', '▪', '●']);
        let says =
            |i: &usize| self.found[*i].is_none() && !point(i) && (self.sentence(*i) || self.blocks[*i].introduces());
        let (plain, rest): (Vec<usize>, Vec<usize>) = (0..at).partition(says);
        let words = |lines: &[usize]| lines.iter().map(|i| self.blocks[*i].shape.words).sum::<usize>();
        let points: Vec<usize> = rest.iter().copied().filter(|i| self.found[*i].is_none() && point(i)).collect();
        let short = match plain.len() {
            0 => true,
            1 | 2 => words(&plain) <= CAPTION_WORDS && rest.first() == Some(&0),
            _ => false,
        };
        found.place.is_some() && short && words(&points) <= SUMMARY_WORDS && !self.dateline_behind(at)
    }

    /// Whether a paragraph behind `at` begins with an agency's dateline.
    fn dateline_behind(&self, at: usize) -> bool {
        let last = || (0..self.blocks.len()).rev().find(|i| self.has_dateline(*i));
        self.last_dateline.get_or_init(last).is_some_and(|last| last > at)
    }

    /// A question or an exclamation as short as a headline.
    pub(super) fn exclaims(&self, i: usize) -> bool {
        let text = self.blocks[i].text.trim_end_matches(['"', '\'', '”', '’', '»', '›']);
        self.blocks[i].shape.words <= HEADLINE_WORDS && text.ends_with(['?', '!', '？', '！', '؟'])
    }
}
