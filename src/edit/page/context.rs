//! The second look: what the first guesses say about each line's surroundings.
//!
//! The first trees see a line and its neighbours; the second also see what the first thought of them, of the page's best
//! headline and byline, and of the pieces that the likely story falls into: a page may hold another story, comments on it,
//! and what the site says of cookies (auto-context, Tu and Bai 2010).

use super::features::{COPIES, FIRST, LENGTH, Seen};
use super::matrix::{Matrix, Sums, largest_run};
use super::model::{CLASS_COUNT, CLASSES};
use super::pieces::{self, Pieces};
use super::words::Spread;
use crate::edit::Label;

/// Numbers a line is described by at the second look.
pub const SECOND: usize = FIRST + CLASS_COUNT + AROUND + STORY + 2 * BEST + 2 * pieces::NUMBERS + BETWEEN;
/// Chances of four neighbours.
const AROUND: usize = 4 * CLASS_COUNT;
/// Where the likely story is, and what it is like.
const STORY: usize = 19;
/// How a line stands to the best headline, and to the best byline.
const BEST: usize = 7;
/// Between which surely story lines a line stands.
const BETWEEN: usize = 14;

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
pub(super) const CAPTION: usize = class(Label::Caption);

/// The features of the second look. `chances`: what the first look gives each class, a line.
#[must_use]
pub fn widen(seen: &Seen, chances: &[Chances]) -> Matrix {
    let n = chances.len();
    let story = Story::of(seen, chances);
    let headline = best(chances, HEADLINE, |i| {
        0.02 * (seen.first.row(i)[COPIES] - 1.0) - 0.002 * i.abs_diff(story.from).min(60) as f32
    });
    let byline = best(chances, BYLINE, |i| -0.002 * i.abs_diff(story.from).min(60) as f32);
    let pieces = [3, 10].map(|gap| Pieces::of(seen, chances, gap, headline));
    let between = [Between::of(seen, chances, 0.5), Between::of(seen, chances, 0.8)];
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
        }
    }

    fn numbers(&self, seen: &Seen, chances: &[Chances], i: usize) -> [f32; STORY] {
        let (k, n) = (i as isize, chances.len() as isize);
        let (from, to) = (self.from, self.to);
        let inside = i >= from && i < to;
        let known = seen.words.known(i, &self.vocabulary, u32::from(chances[i][BODY] > 0.3));
        let from_here = |j: usize| (i as f32 - j as f32).clamp(-15.0, 15.0);
        [
            self.body.between(k - 4, k),
            self.body.between(k + 1, k + 5),
            self.body.between(k - 10, k),
            self.body.between(k + 1, k + 11),
            self.body.between(k - 30, k),
            self.body.between(k + 1, k + 31),
            self.letters.between(0, k),
            self.letters.between(k + 1, n),
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
        (seen.lines[i] as f32 - seen.lines[b] as f32).clamp(-60.0, 200.0),
    ]
}

/// The line most likely to be of `class`, if any is at all.
pub(super) fn best(chances: &[Chances], class: usize, bonus: impl Fn(usize) -> f32) -> Option<usize> {
    let lines = (0..chances.len()).filter(|i| chances[*i][class] > 0.05);
    lines.max_by(|a, b| (chances[*a][class] + bonus(*a)).total_cmp(&(chances[*b][class] + bonus(*b))))
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
        Between { before, after, sure: Sums::of(chances.iter().map(|c| f32::from(u8::from(c[BOILERPLATE] > 0.85)))) }
    }

    fn numbers(&self, seen: &Seen, i: usize) -> [f32; BETWEEN / 2] {
        // Lines that the gate left out are boilerplate for certain.
        let furniture = |a: usize, b: usize| {
            let left_out = (seen.lines[b] - seen.lines[a]) as f32 - (b - a) as f32;
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
