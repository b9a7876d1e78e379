//! The second look: what the first guesses say about each line's surroundings.
//!
//! The first trees see a line and its neighbours; the second also see what the first thought of them, of the page's best
//! headline and byline, and where the bulk of the likely story is (auto-context, Tu and Bai 2010).

use super::features::{COUNT, Seen};
use super::model::{CLASS_COUNT, CLASSES};
use crate::edit::Label;

/// Numbers a line is described by at the second look.
pub const WIDE: usize = COUNT + EXTRA;
const EXTRA: usize = 45;

/// One line's numbers at the second look.
pub type Wide = [f32; WIDE];

const fn class(label: Label) -> usize {
    let mut i = 0;
    while i < CLASS_COUNT {
        if CLASSES[i] as u8 == label as u8 {
            return i;
        }
        i += 1;
    }
    0
}

const BOILERPLATE: usize = class(Label::Boilerplate);
const BODY: usize = class(Label::Body);
const SUBHEAD: usize = class(Label::Subhead);
const HEADLINE: usize = class(Label::Headline);
const BYLINE: usize = class(Label::Byline);
const CAPTION: usize = class(Label::Caption);

/// The features of the second look. `chances`: what the first look gives each class, a line.
#[must_use]
pub fn widen(seen: &Seen, chances: &[[f32; CLASS_COUNT]]) -> Vec<Wide> {
    let n = chances.len();
    let length = |i: usize| seen.features[i][4];
    let mut body = vec![0f32; n + 1];
    let mut letters = vec![0f32; n + 1];
    for i in 0..n {
        body[i + 1] = body[i] + chances[i][BODY];
        letters[i + 1] = letters[i] + chances[i][BODY] * length(i);
    }
    let between = |sums: &[f32], from: isize, to: isize| {
        let clamp = |i: isize| usize::try_from(i.max(0)).unwrap_or(0).min(n);
        sums[clamp(to).max(clamp(from))] - sums[clamp(from)]
    };
    let (from, to) = story(chances);
    let headline =
        best(chances, HEADLINE, |i| 0.02 * (seen.features[i][0] - 1.0) - 0.002 * i.abs_diff(from).min(60) as f32);
    let byline = best(chances, BYLINE, |i| -0.002 * i.abs_diff(from).min(60) as f32);
    let vocabulary = vocabulary(seen, chances);
    (0..n)
        .map(|i| {
            let mut wide = [0.0; WIDE];
            wide[..COUNT].copy_from_slice(&seen.features[i]);
            let k = i as isize;
            let near = |offset: isize, c: usize| {
                i.checked_add_signed(offset).and_then(|j| chances.get(j)).map_or(-0.1, |chance| chance[c])
            };
            let log = |x: f32| (1.0 + x.max(0.0)).log2();
            let flag = |b: bool| f32::from(u8::from(b));
            let inside = i >= from && i < to;
            let (title, same_title, like_title) = match headline {
                Some(h) => {
                    ((k - h as isize).clamp(-12, 12) as f32, flag(seen.keys[h] == seen.keys[i]), overlap(seen, h, i))
                }
                None => (-99.0, 0.0, 0.0),
            };
            let (author, same_author, like_author) = match byline {
                Some(b) => {
                    ((k - b as isize).clamp(-12, 12) as f32, flag(seen.keys[b] == seen.keys[i]), overlap(seen, b, i))
                }
                None => (-99.0, 0.0, 0.0),
            };
            let (known, share) = shared(seen, &vocabulary, i, chances[i][BODY]);
            let extra = [
                near(-1, BOILERPLATE),
                near(-1, BODY),
                near(-1, SUBHEAD),
                near(-1, CAPTION),
                near(1, BOILERPLATE),
                near(1, BODY),
                near(1, SUBHEAD),
                near(1, CAPTION),
                near(-2, BODY),
                near(-2, BOILERPLATE),
                near(2, BODY),
                near(2, BOILERPLATE),
                near(-1, HEADLINE),
                near(-1, BYLINE),
                between(&body, k - 4, k),
                between(&body, k + 1, k + 5),
                between(&body, k - 10, k),
                between(&body, k + 1, k + 11),
                between(&body, k - 30, k),
                between(&body, k + 1, k + 31),
                log(between(&letters, 0, k)),
                log(between(&letters, k + 1, n as isize)),
                (k - from as isize).clamp(-12, 12) as f32,
                (k - to as isize).clamp(-12, 12) as f32,
                flag(inside),
                if inside { (i - from) as f32 / (to - from) as f32 } else { -1.0 },
                between(&body, from as isize, to as isize) / (to - from).max(1) as f32,
                title,
                same_title,
                like_title,
                headline.map_or(0.0, |h| chances[h][HEADLINE]),
                author,
                same_author,
                like_author,
                byline.map_or(0.0, |b| chances[b][BYLINE]),
                known,
                share,
            ];
            wide[COUNT..COUNT + CLASS_COUNT].copy_from_slice(&chances[i]);
            wide[COUNT + CLASS_COUNT..].copy_from_slice(&extra);
            wide
        })
        .collect()
}

/// The run of lines with most likely story in it: first line, and the one after the last.
fn story(chances: &[[f32; CLASS_COUNT]]) -> (usize, usize) {
    let (mut best, mut range) = (f32::MIN, (0, 0));
    let (mut sum, mut start) = (0f32, 0);
    for (i, chance) in chances.iter().enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, i);
        }
        sum += chance[BODY] + 0.5 * (chance[SUBHEAD] + chance[CAPTION]) - 0.2;
        if sum > best {
            best = sum;
            range = (start, i + 1);
        }
    }
    range
}

/// The line most likely to be of `class`, if any is at all.
fn best(chances: &[[f32; CLASS_COUNT]], class: usize, bonus: impl Fn(usize) -> f32) -> Option<usize> {
    let lines = (0..chances.len()).filter(|i| chances[*i][class] > 0.05);
    lines.max_by(|a, b| (chances[*a][class] + bonus(*a)).total_cmp(&(chances[*b][class] + bonus(*b))))
}

/// Share of the long words of two lines that both have.
fn overlap(seen: &Seen, a: usize, b: usize) -> f32 {
    let (a, b) = (&seen.words[a], &seen.words[b]);
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let common = b.iter().filter(|w| a.contains(w)).count();
    common as f32 / (a.len() + b.len() - common).max(1) as f32
}

/// In how many lines that are probably story each long word stands.
fn vocabulary(seen: &Seen, chances: &[[f32; CLASS_COUNT]]) -> std::collections::HashMap<u64, f32> {
    let mut count = std::collections::HashMap::new();
    for (words, chance) in seen.words.iter().zip(chances) {
        if chance[BODY] > 0.3 {
            for word in words {
                *count.entry(*word).or_insert(0.0) += 1.0;
            }
        }
    }
    count
}

/// How many of a line's words the story has elsewhere, and their share.
fn shared(seen: &Seen, vocabulary: &std::collections::HashMap<u64, f32>, i: usize, body: f32) -> (f32, f32) {
    let own = if body > 0.3 { 1.0 } else { 0.0 };
    let words = &seen.words[i];
    let known = words.iter().filter(|w| vocabulary.get(w).is_some_and(|n| *n > own)).count() as f32;
    (known.min(20.0), if words.is_empty() { -1.0 } else { known / words.len() as f32 })
}

/// The chances that scores stand for.
#[must_use]
pub fn softmax(scores: [f32; CLASS_COUNT]) -> [f32; CLASS_COUNT] {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut chances = scores.map(|s| (s - top).exp());
    let sum: f32 = chances.iter().sum();
    chances.iter_mut().for_each(|c| *c /= sum);
    chances
}
