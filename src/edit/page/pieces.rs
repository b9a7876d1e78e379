//! The pieces that the likely story of a page falls into, and how each stands to the largest.

use super::context::{BODY, BYLINE, CAPTION, Chances, HEADLINE, SUBHEAD, class};
use super::features::{LENGTH, MUCH, Seen};
use crate::edit::Label;
use crate::edit::words::Spread;

/// Numbers of [`Pieces::numbers`].
pub(super) const NUMBERS: usize = 14;
/// Numbers about a piece.
const PIECE: usize = 10;
/// Chance of being text of a story from which a line belongs to a piece.
const TEXT: f32 = 0.35;

/// Runs of likely story with no more than some lines of something else in between.
pub(super) struct Pieces {
    /// Which piece each line is in.
    of: Vec<Option<usize>>,
    about: Vec<[f32; PIECE]>,
    /// First and last line of the largest piece.
    largest: (usize, usize),
    largest_piece: usize,
    words: Spread,
    text: Vec<bool>,
}

impl Pieces {
    pub(super) fn of(seen: &Seen, chances: &[Chances], gap: usize, headline: Option<usize>) -> Pieces {
        let text: Vec<bool> = chances.iter().map(|c| c[BODY] + 0.5 * (c[SUBHEAD] + c[CAPTION]) > TEXT).collect();
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for i in (0..text.len()).filter(|i| text[*i]) {
            match pieces.last_mut() {
                Some((_, last)) if i - *last <= gap => *last = i,
                _ => pieces.push((i, i)),
            }
        }
        let mut of = vec![None; text.len()];
        for (p, (first, last)) in pieces.iter().enumerate() {
            of[*first..=*last].fill(Some(p));
        }
        let mass = |i: usize| chances[i][BODY] * seen.first.row(i)[LENGTH].min(400.0);
        let masses: Vec<f32> = pieces.iter().map(|(a, b)| (*a..=*b).map(mass).sum()).collect();
        let largest = (0..masses.len()).max_by(|a, b| masses[*a].total_cmp(&masses[*b])).unwrap_or(0);
        let words = seen.words.spread(|i| text[i] && of[i] == Some(largest));
        let most = masses.get(largest).copied().unwrap_or(0.0).max(1.0);
        let (from, to) = pieces.get(largest).copied().unwrap_or((0, 0));
        let above = |first: usize, lines: usize, class: usize| {
            (first.saturating_sub(lines)..=first).map(|i| chances[i][class]).fold(0.0, f32::max)
        };
        let about = pieces
            .iter()
            .enumerate()
            .map(|(p, &(first, last))| {
                let own = u32::from(p == largest);
                let (mut shared, mut all, mut titled) = (0.0, 0.0, 0.0f32);
                for i in (first..=last).filter(|i| text[*i]) {
                    shared += seen.words.known(i, &words, own).count;
                    all += seen.words.of(i).len() as f32;
                    titled = titled.max(headline.map_or(-1.0, |h| seen.words.covered(i, h)));
                }
                let away = match p.cmp(&largest) {
                    std::cmp::Ordering::Less => seen.at[from] - seen.at[last],
                    std::cmp::Ordering::Equal => 0,
                    std::cmp::Ordering::Greater => seen.at[first] - seen.at[to],
                };
                [
                    masses[p].min(MUCH),
                    masses[p] / most,
                    (p as f32 - largest as f32).clamp(-5.0, 5.0),
                    away.min(100) as f32,
                    if all > 0.0 { shared / all } else { -1.0 },
                    titled,
                    above(first, 8, HEADLINE),
                    above(first, 3, class(Label::Date)),
                    above(first, 3, BYLINE),
                    masses[p] / (last + 1 - first) as f32,
                ]
            })
            .collect();
        Pieces { of, about, largest: (from, to), largest_piece: largest, words, text }
    }

    pub(super) fn numbers(&self, seen: &Seen, i: usize) -> [f32; NUMBERS] {
        let about = self.of[i].and_then(|p| self.about.get(p)).unwrap_or(&[-1.0; PIECE]);
        let own = u32::from(self.text[i] && self.of[i] == Some(self.largest_piece));
        let away = |j: usize| (i as f32 - j as f32).clamp(-15.0, 15.0);
        let mut numbers = [0.0; NUMBERS];
        numbers[..PIECE].copy_from_slice(about);
        numbers[PIECE..].copy_from_slice(&[
            away(self.largest.0),
            away(self.largest.1),
            self.about.len().min(12) as f32,
            seen.words.known(i, &self.words, own).share,
        ]);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::page::testing::{chances, seen};

    const STORY: &str =
        "The harbour of Ostheim opened again on Monday after a week of storms, the harbour office said.";

    #[test]
    fn a_gap_parts_the_story_into_pieces_that_know_the_largest() {
        let seen = seen(&[
            STORY,
            STORY,
            "Tides",
            "Ferry",
            "Lamps",
            "Another harbour story of Ostheim, a short one this time.",
        ]);
        let chances = chances(&[BODY, BODY, BOILER, BOILER, BOILER, BODY]);
        let apart = Pieces::of(&seen, &chances, 3, None);
        assert_eq!(apart.of, [Some(0), Some(0), None, None, None, Some(1)]);
        assert_eq!(apart.largest, (0, 1));
        let (first, last) = (apart.numbers(&seen, 0), apart.numbers(&seen, 5));
        assert_eq!((first[1], first[2], first[3]), (1.0, 0.0, 0.0));
        assert!(last[1] < 1.0 && last[2] == 1.0 && last[3] == 4.0, "{last:?}");
        assert!(last[4] > 0.0, "it shares words with the largest: {last:?}");
        let together = Pieces::of(&seen, &chances, 4, None);
        assert_eq!(together.of, [Some(0); 6]);
    }

    const BOILER: usize = class(Label::Boilerplate);
}
