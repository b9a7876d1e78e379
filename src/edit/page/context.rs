//! The second look: what the first guesses say about each line's surroundings.
//!
//! The first trees see a line and its neighbours; the second also see what the first thought of them, of the page's best
//! headline and byline, and of the pieces that the likely story falls into: a page may hold another story, comments on it,
//! and what the site says of cookies (auto-context, Tu and Bai 2010).

use super::features::{COPIES, FIRST, LENGTH, MUCH, Seen};
use super::habits::{self, Habits};
use super::matrix::{Matrix, Sums, largest_run};
use super::model::{CLASS_COUNT, CLASSES};
use super::pieces::{self, Pieces};
use crate::edit::Label;
use crate::edit::words::Spread;

/// Numbers a line is described by at the second look.
pub const SECOND: usize =
    FIRST + CLASS_COUNT + AROUND + STORY + 2 * BEST + 2 * pieces::NUMBERS + BETWEEN + habits::NUMBERS;
/// Chances of four neighbours.
const AROUND: usize = 4 * CLASS_COUNT;
/// Where the likely story is, and what it is like.
const STORY: usize = 21;
/// How a line stands to the best headline, and to the best byline.
const BEST: usize = 7;
/// Between which surely story lines a line stands.
const BETWEEN: usize = 14;

/// The chance of being boilerplate from which a line surely is.
const SURE: f32 = 0.85;

/// The chance of being of a class below which a line is not the best of it.
const LEAST: f32 = 0.02;
/// Lines that a story's headline may stand behind where the story seems to begin.
const SLACK: usize = 3;
/// Lines above a story without a headline in which its byline may be.
pub(super) const UNTITLED: usize = 10;

/// What the classes' chances are for one line.
pub type Chances = [f32; CLASS_COUNT];

pub(super) const fn class(label: Label) -> usize {
    let mut i = 0;
    while i < CLASS_COUNT {
        if CLASSES[i] as u8 == label as u8 {
            return i;
        }
        i += 1;
    }
    0
}

pub(super) const BOILERPLATE: usize = class(Label::Boilerplate);
pub(super) const BODY: usize = class(Label::Body);
pub(super) const SUBHEAD: usize = class(Label::Subhead);
pub(super) const HEADLINE: usize = class(Label::Headline);
pub(super) const BYLINE: usize = class(Label::Byline);
pub(super) const DATE: usize = class(Label::Date);
pub(super) const CAPTION: usize = class(Label::Caption);

/// The features of the second look. `chances`: what the first look gives each class, a line.
#[must_use]
pub fn widen(seen: &Seen, chances: &[Chances]) -> Matrix {
    let n = chances.len();
    let story = Story::of(seen, chances);
    let headline = best_headline(seen, chances, story.from);
    let byline = best_byline(chances, headline.unwrap_or(story.from.saturating_sub(UNTITLED)), story.from);
    let pieces = [3, 10].map(|gap| Pieces::of(seen, chances, gap, headline));
    let between = [Between::of(seen, chances, 0.5), Between::of(seen, chances, 0.8)];
    let habits = Habits::of(seen, chances);
    let mut wide = Matrix::new(SECOND, n);
    for i in 0..n {
        wide.push(seen.first.row(i));
        wide.push(&chances[i]);
        for offset in [-2, -1, 1, 2] {
            let near = i.checked_add_signed(offset).and_then(|j| chances.get(j));
            wide.push(near.unwrap_or(&[-0.1; CLASS_COUNT]));
        }
        wide.push(&story.numbers(seen, chances, i));
        wide.push(&beside(seen, chances, HEADLINE, headline, i));
        wide.push(&beside(seen, chances, BYLINE, byline, i));
        pieces.iter().for_each(|p| wide.push(&p.numbers(seen, i)));
        between.iter().for_each(|b| wide.push(&b.numbers(seen, i)));
        wide.push(&habits.numbers(seen, chances, i));
        wide.end_row();
    }
    wide
}

/// Where the likely story is, and what it is like.
struct Story {
    body: Sums,
    letters: Sums,
    from: usize,
    to: usize,
    /// The first and the last line that are rather body than not.
    first: usize,
    last: usize,
    /// The middle length of its lines.
    middle: f32,
    vocabulary: Spread,
    /// The words of what is surely around it.
    around: Spread,
}

impl Story {
    fn of(seen: &Seen, chances: &[Chances]) -> Story {
        let (from, to) = largest_run(chances.iter().map(|c| c[BODY] + 0.5 * (c[SUBHEAD] + c[CAPTION]) - 0.2));
        let length = |i: usize| seen.first.row(i)[LENGTH].min(400.0);
        let mut lengths: Vec<f32> = (0..chances.len()).filter(|i| chances[*i][BODY] > 0.5).map(length).collect();
        lengths.sort_by(f32::total_cmp);
        Story {
            body: Sums::of(chances.iter().map(|c| c[BODY])),
            letters: Sums::of(chances.iter().enumerate().map(|(i, c)| c[BODY] * length(i))),
            from,
            to,
            first: chances.iter().position(|c| c[BODY] > 0.5).unwrap_or(0),
            last: chances.iter().rposition(|c| c[BODY] > 0.5).unwrap_or(chances.len()),
            middle: lengths.get(lengths.len() / 2).copied().unwrap_or(200.0),
            vocabulary: seen.words.spread(|i| chances[i][BODY] > 0.3),
            around: seen.words.spread(|i| chances[i][BOILERPLATE] > SURE),
        }
    }

    fn numbers(&self, seen: &Seen, chances: &[Chances], i: usize) -> [f32; STORY] {
        let (k, n) = (i as isize, chances.len() as isize);
        let (from, to) = (self.from, self.to);
        let inside = i >= from && i < to;
        let known = seen.words.known(i, &self.vocabulary, u32::from(chances[i][BODY] > 0.3));
        let around = seen.words.known(i, &self.around, u32::from(chances[i][BOILERPLATE] > SURE));
        let from_here = |j: usize| (i as f32 - j as f32).clamp(-15.0, 15.0);
        [
            self.body.between(k - 4, k),
            self.body.between(k + 1, k + 5),
            self.body.between(k - 10, k),
            self.body.between(k + 1, k + 11),
            self.body.between(k - 30, k),
            self.body.between(k + 1, k + 31),
            self.letters.between(0, k).min(MUCH),
            self.letters.between(k + 1, n).min(MUCH),
            from_here(from),
            from_here(to),
            f32::from(u8::from(inside)),
            if inside { (i - from) as f32 / (to - from) as f32 } else { -1.0 },
            self.body.between(from as isize, to as isize) / (to - from).max(1) as f32,
            from_here(self.first),
            from_here(self.last),
            seen.first.row(i)[LENGTH].min(400.0) / self.middle.max(1.0),
            self.middle,
            known.count.min(20.0),
            known.share,
            around.count.min(20.0),
            around.share,
        ]
    }
}

/// How line `i` stands to the best line of a class.
fn beside(seen: &Seen, chances: &[Chances], class: usize, best: Option<usize>, i: usize) -> [f32; BEST] {
    let Some(b) = best else { return [-99.0, 0.0, 0.0, 0.0, 0.0, 0.0, -99.0] };
    [
        (i as f32 - b as f32).clamp(-30.0, 40.0),
        f32::from(u8::from(seen.keys[b] == seen.keys[i])),
        seen.words.alike(b, i),
        seen.words.covered(i, b),
        seen.words.covered(b, i),
        chances[b][class],
        (seen.at[i] as f32 - seen.at[b] as f32).clamp(-60.0, 200.0),
    ]
}

/// The line most likely to be of `class`, if any is at all.
fn best(chances: &[Chances], class: usize, bonus: impl Fn(usize) -> f32) -> Option<usize> {
    let lines = (0..chances.len()).filter(|i| chances[*i][class] > LEAST);
    lines.max_by(|a, b| (chances[*a][class] + bonus(*a)).total_cmp(&(chances[*b][class] + bonus(*b))))
}

/// The line most likely to be the headline of the story that begins at about `story`: above it, and on the page again but
/// not all over it.
fn best_headline(seen: &Seen, chances: &[Chances], story: usize) -> Option<usize> {
    best(chances, HEADLINE, |i| {
        let copies = seen.first.row(i)[COPIES] - 1.0;
        let far = i.abs_diff(story).saturating_sub(12).min(60) as f32;
        let behind = if i > story + SLACK { 0.3 } else { 0.0 };
        let menu = if copies > 4.0 { 1.0 } else { 0.0 };
        0.1 * copies.min(3.0) - 0.002 * far - behind - menu
    })
}

/// The line most likely to be the byline: rather between headline and story than elsewhere.
pub(super) fn best_byline(chances: &[Chances], headline: usize, story: usize) -> Option<usize> {
    best(chances, BYLINE, |i| {
        let between = if i > headline && i <= story + 1 { 0.5 } else { 0.0 };
        between - 0.002 * i.abs_diff(story).min(60) as f32
    })
}

/// Between which surely story lines each line stands: an item of a list has them close on both sides, a link behind the
/// story has not.
struct Between {
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
    /// Lines that are surely boilerplate.
    sure: Sums,
}

impl Between {
    fn of(seen: &Seen, chances: &[Chances], least: f32) -> Between {
        let n = chances.len();
        let (mut before, mut after) = (vec![None; n], vec![None; n]);
        let mut last = None;
        for (i, slot) in before.iter_mut().enumerate() {
            *slot = last;
            last = if chances[i][BODY] > least { Some(i) } else { last };
        }
        last = None;
        for (i, slot) in after.iter_mut().enumerate().rev() {
            *slot = last;
            last = if chances[i][BODY] > least { Some(i) } else { last };
        }
        debug_assert_eq!(seen.lines.len(), n);
        Between { before, after, sure: Sums::of(chances.iter().map(|c| f32::from(u8::from(c[BOILERPLATE] > SURE)))) }
    }

    fn numbers(&self, seen: &Seen, i: usize) -> [f32; BETWEEN / 2] {
        // Lines that the gate left out are boilerplate for certain.
        let furniture = |a: usize, b: usize| {
            let left_out = (seen.at[b] - seen.at[a]) as f32 - (b - a) as f32;
            (left_out + self.sure.between(a as isize, b as isize)).min(20.0)
        };
        let side = |other: Option<usize>| match other {
            Some(j) => (i.abs_diff(j).min(25) as f32, furniture(i.min(j), i.max(j))),
            None => (30.0, 30.0),
        };
        let (before, between_before) = side(self.before[i]);
        let (after, between_after) = side(self.after[i]);
        [
            before,
            after,
            between_before,
            between_after,
            before.min(after),
            between_before.max(between_after),
            before + after,
        ]
    }
}

/// The chances that scores stand for.
#[must_use]
pub fn softmax(scores: Chances) -> Chances {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut chances = scores.map(|s| (s - top).exp());
    let sum: f32 = chances.iter().sum();
    chances.iter_mut().for_each(|c| *c /= sum);
    chances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::page::testing::{chances, seen};

    const STORY: &str =
        "The harbour of Ostheim opened again on Monday after a week of storms, the harbour office said.";

    #[test]
    fn every_class_is_where_its_label_says() {
        assert_eq!(CLASSES[BODY], Label::Body);
        assert_eq!(CLASSES[CAPTION], Label::Caption);
        assert_eq!(CLASSES[BOILERPLATE], Label::Boilerplate);
    }

    #[test]
    fn chances_add_up_to_one_and_keep_their_order() {
        let chances = softmax([0.0, 3.0, 1.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((chances.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(chances[1] > chances[2] && chances[2] > chances[0] && chances[0] > chances[3]);
    }

    #[test]
    fn a_line_far_down_a_long_story_sees_as_much_of_it_as_any() {
        let seen = seen(&[STORY; 120]);
        let guesses = chances(&[BODY; 120]);
        let story = Story::of(&seen, &guesses);
        let before = |i| story.numbers(&seen, &guesses, i)[6];
        assert!(before(10) < before(60), "{} {}", before(10), before(60));
        assert_eq!(before(60), before(110));
    }

    #[test]
    fn a_line_sees_its_neighbours_guesses_and_none_beyond_the_page() {
        let seen = seen(&["Ferry", STORY, STORY]);
        let guesses = chances(&[BOILERPLATE, BODY, BODY]);
        let wide = widen(&seen, &guesses);
        assert_eq!((wide.len(), wide.row(0).len()), (3, SECOND));
        let around = |line: usize| &wide.row(line)[FIRST + CLASS_COUNT..FIRST + CLASS_COUNT + AROUND];
        assert_eq!(around(1)[..CLASS_COUNT], [-0.1; CLASS_COUNT], "nothing stands two lines above");
        assert_eq!(around(1)[CLASS_COUNT..2 * CLASS_COUNT], guesses[0]);
        assert_eq!(around(1)[2 * CLASS_COUNT..3 * CLASS_COUNT], guesses[2]);
    }

    #[test]
    fn the_headline_stands_again_but_not_in_every_menu() {
        let mut lines =
            vec!["Storm over: harbour of Ostheim opens", "Tickets", "Storm over: harbour of Ostheim opens", STORY];
        let best = |lines: &[&str], story| {
            let seen = seen(lines);
            let mut guesses = chances(&vec![BOILERPLATE; lines.len()]);
            guesses.iter_mut().for_each(|c| c[HEADLINE] = 0.2);
            guesses[1][HEADLINE] = 0.25;
            best_headline(&seen, &guesses, story)
        };
        assert_eq!(best(&lines, 3), Some(2), "a copy outweighs a little");
        lines.extend(["Storm over: harbour of Ostheim opens"; 4]);
        assert_eq!(best(&lines, 3), Some(1), "what stands everywhere is a menu");
    }

    #[test]
    fn the_byline_is_rather_between_headline_and_story() {
        let mut guesses = chances(&[BOILERPLATE; 8]);
        guesses[0][BYLINE] = 0.4;
        guesses[5][BYLINE] = 0.1;
        assert_eq!(best_byline(&guesses, 3, 6), Some(5));
        assert_eq!(best_byline(&guesses, 5, 6), Some(0));
        guesses.iter_mut().for_each(|c| c[BYLINE] = 0.01);
        assert_eq!(best_byline(&guesses, 3, 6), None);
    }

    #[test]
    fn an_item_between_story_lines_has_them_close_on_both_sides() {
        let seen = seen(&[STORY, "Bread, two loaves", STORY, "Harbour quiz", "Tide tables"]);
        let between = Between::of(&seen, &chances(&[BODY, BOILERPLATE, BODY, BOILERPLATE, BOILERPLATE]), 0.5);
        assert_eq!(between.numbers(&seen, 1)[..2], [1.0, 1.0]);
        assert_eq!(between.numbers(&seen, 4)[..2], [2.0, 30.0]);
    }
}
