//! What stands before the story: headline, deck, byline, date, and what a site has above them.

use super::{End, HEADLINE_WORDS, Pass, Place, Verdict};
use crate::edit::stamp::is_stamp;
use crate::edit::words::Words;
use crate::edit::{Hints, Label, byline};

/// Paragraphs of the story whose words its headline shares.
const STORY: usize = 6;
/// Words of the story from which a line is surely its headline, where those above it share none or hardly any.
const SHARED: f32 = 3.0;
/// Words that what stands above a headline has mostly: `News`, `Latest Weather Blog`.
const KICKER_WORDS: usize = 5;

impl Pass<'_, '_, '_> {
    /// What stands before the story.
    pub(super) fn head(&mut self, story: usize, hints: &Hints<'_>) {
        let shared = self.shared(story);
        let title = if hints.headline.is_none() { self.title(story, &shared) } else { None };
        let mut headline: Option<usize> = None;
        for (i, &shared) in shared.iter().enumerate() {
            if self.found[i].is_some() && !(headline.is_none() && self.may_head(i, story)) {
                continue;
            }
            let block = &self.blocks[i];
            self.found[i] = Some(if hints.headline.is_some_and(|h| same_words(h, &block.text)) {
                headline = headline.or(Some(i));
                Verdict::evidence(Label::Headline, "the headline sent beside the text")
            } else if is_stamp(&block.text) {
                Verdict::evidence(Label::Date, "a date and nothing else")
            } else if self.sentence(i) && !(headline.is_none() && self.exclaims(i)) {
                match self.dated(i) || self.may_be_credited(i) {
                    true => Verdict::evidence(Label::Caption, "a sentence before the dateline"),
                    false => Verdict::evidence(Label::Subhead, "a summary above the dateline"),
                }
            } else if title.is_some_and(|title| i < title) {
                Verdict::evidence(Label::Boilerplate, "above the headline")
            } else if title == Some(i) {
                headline = Some(i);
                Verdict::evidence(Label::Headline, "the first line with words of the story")
            } else if headline.is_some() && block.text.ends_with(')') && self.may_be_credited(i) {
                Verdict::evidence(Label::Caption, "credited, under the headline")
            } else if headline.is_some_and(|h| self.blocks[h].text == block.text) {
                Verdict::evidence(Label::Headline, "the headline again")
            } else if headline.is_some_and(|h| names_image(&block.text, &self.blocks[h].text)) {
                Verdict::evidence(Label::Boilerplate, "the headline as the name of a picture")
            } else if i > 0 && self.label(i - 1) == Some(Label::Byline) && self.is_outlet(i) {
                Verdict::evidence(Label::Boilerplate, "the outlet under a byline")
            } else if self.is_byline(i, headline.is_some(), shared) {
                Verdict::evidence(Label::Byline, "names and nothing else")
            } else if (2..=5).contains(&block.shape.words) && self.rules.agencies.is_agency(&block.text) {
                Verdict::evidence(Label::Byline, "an agency and nothing else")
            } else if headline.is_none() && self.is_headline_like(i) {
                headline = Some(i);
                Verdict::evidence(Label::Headline, "the first line, without a full stop")
            } else if block.shape.words < 2 {
                Verdict::evidence(Label::Boilerplate, "a single word before the story")
            } else {
                Verdict::evidence(Label::Subhead, "between headline and story")
            });
        }
    }

    fn is_headline_like(&self, i: usize) -> bool {
        let block = &self.blocks[i];
        (2..=HEADLINE_WORDS).contains(&block.shape.words) && block.shape.end != End::Colon
    }

    /// The headline, where lines of a site's stand above it: the first line that shares words with the story as none above
    /// it does. None if the first line is as good.
    fn title(&self, story: usize, shared: &[f32]) -> Option<usize> {
        let open = |i: &usize| {
            self.found[*i].is_none()
                && self.is_headline_like(*i)
                && (!self.sentence(*i) || self.exclaims(*i))
                && !is_stamp(&self.blocks[*i].text)
        };
        let lines: Vec<usize> = (0..story).filter(open).collect();
        let most = lines.iter().map(|i| shared[*i]).fold(1.0, f32::max);
        let best = lines.iter().position(|i| shared[*i] * 2.0 >= most).filter(|best| *best > 0)?;
        let above = lines[..best].iter().map(|i| shared[*i]).fold(0.0, f32::max);
        let count = shared[lines[best]];
        let kicker = above == 0.0 && self.blocks[lines[0]].shape.words <= KICKER_WORDS;
        ((count >= SHARED && above * 4.0 <= count) || (count >= 2.0 && kicker)).then(|| lines[best])
    }

    /// How many words each line before the story shares with its first paragraphs, where that can tell anything: of two lines
    /// that may be the headline, or of names.
    fn shared(&self, story: usize) -> Vec<f32> {
        let open = || (0..story).filter(|i| self.found[*i].is_none() && self.is_headline_like(*i));
        if open().count() < 2 && !open().any(|i| byline::people(&self.blocks[i].text).is_some_and(|people| people > 0))
        {
            return vec![0.0; story];
        }
        let mut words = Words::default();
        self.blocks[..story].iter().for_each(|block| words.push(&block.text));
        let copy = (story..self.blocks.len()).filter(|i| self.found[*i].is_none_or(|v| v.label == Label::Body));
        copy.take(STORY).for_each(|i| words.push(&self.blocks[i].text));
        let spread = words.spread(|line| line >= story);
        (0..story).map(|line| words.known(line, &spread, 0).count).collect()
    }

    /// A line that would be a link inside the story (`Exclusive: …`), where nothing else before the story can be its headline.
    fn may_head(&self, i: usize, story: usize) -> bool {
        let link = self.found[i].and_then(|v| v.rule).is_some_and(|r| {
            r.place == Place::After && r.label == Label::Boilerplate && !r.cut && !r.list && !r.section
        });
        link && self.blocks[i].shape.words >= 4 && (i + 1..story).all(|j| self.found[j].is_some() || self.sentence(j))
    }

    /// Two names or more; or one, with the name of an agency, under a headline or over the name of an outlet. Names that the
    /// story speaks of, in `shared` words, and places are none of who wrote it.
    fn is_byline(&self, i: usize, headline: bool, shared: f32) -> bool {
        let text = self.blocks[i].text.as_ref();
        let named = text.rsplit_once(", ").filter(|(_, outlet)| self.rules.agencies.is_agency(outlet));
        let outlet = || self.blocks.get(i + 1).is_some_and(|_| self.is_outlet(i + 1));
        let people = byline::people(named.map_or(text, |(names, _)| names)).unwrap_or(0);
        let told = shared == 0.0 && !self.rules.agencies.is_place(text);
        people > 0 && (named.is_some() || outlet() || (told && (people > 1 || headline)))
    }

    fn is_outlet(&self, i: usize) -> bool {
        let block = &self.blocks[i];
        block.shape.words <= 3 && (block.letters().all_caps() || self.rules.agencies.is_agency(&block.text))
    }
}

/// Whether `text` is `headline` with the size of a picture and who filed it behind: `Ferries return 150 150 admin`.
fn names_image(text: &str, headline: &str) -> bool {
    let Some(rest) = text.strip_prefix(headline) else { return false };
    let mut words = rest.split_whitespace();
    let size = |word: Option<&str>| word.is_some_and(|w| w.len() <= 5 && w.bytes().all(|b| b.is_ascii_digit()));
    size(words.next()) && size(words.next()) && words.count() <= 2
}

/// Equal but for case and white space.
fn same_words(a: &str, b: &str) -> bool {
    let fold = |s: &str| s.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    a.len().abs_diff(b.len()) <= a.len() / 4 + 8 && fold(a) == fold(b)
}
