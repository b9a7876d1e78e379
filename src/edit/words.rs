//! The long words of lines, as hashes: what lines share with the story and with each other.

use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use hashbrown::HashMap;

/// Words that are counted have this many characters.
const WORD: usize = 5;
/// Characters of a word that are looked at: the stem matters, not the ending.
const STEM: usize = 7;
/// Words of one line that are counted, and bytes that are looked at.
const MOST: usize = 60;
const LIMIT: usize = 600;

/// The words of every line, each once a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    all: Vec<u64>,
    lines: Vec<Range<usize>>,
}

/// In how many lines each word stands.
pub(super) type Spread = HashMap<u64, u32, BuildHasherDefault<Same>>;

/// Words are hashes already.
#[derive(Default)]
pub(super) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Words {
    pub(super) fn push(&mut self, text: &str) {
        let start = self.all.len();
        let text = &text[..text.floor_char_boundary(LIMIT)];
        let (mut length, mut hash, mut wide, mut before) = (0usize, START, false, '\0');
        for c in text.chars().chain([' ']) {
            if self.all.len() - start >= MOST {
                break;
            }
            if c.is_alphanumeric() {
                if length == 0 {
                    (hash, wide) = (START, is_dense(c));
                }
                length += 1;
                let c = c.to_lowercase().next().unwrap_or(c);
                if wide {
                    if length > 1 {
                        self.all.push(mix(mix(START, before), c));
                    }
                } else if length <= STEM {
                    hash = mix(hash, c);
                }
                before = c;
            } else {
                if !wide && length >= WORD {
                    self.all.push(hash);
                }
                length = 0;
            }
        }
        self.all[start..].sort_unstable();
        let mut end = start;
        for i in start..self.all.len() {
            if i == start || self.all[i] != self.all[end - 1] {
                self.all[end] = self.all[i];
                end += 1;
            }
        }
        self.all.truncate(end);
        self.lines.push(start..end);
    }

    pub(super) fn of(&self, line: usize) -> &[u64] {
        &self.all[self.lines[line].clone()]
    }

    /// In how many of the lines that `wanted` takes each word stands.
    pub(super) fn spread(&self, wanted: impl Fn(usize) -> bool) -> Spread {
        let mut spread = Spread::default();
        for line in (0..self.lines.len()).filter(|i| wanted(*i)) {
            for word in self.of(line) {
                *spread.entry(*word).or_insert(0) += 1;
            }
        }
        spread
    }

    /// Of the words of `line`, those that stand in more than `own` lines: how many, their share, the widest spread.
    pub(super) fn known(&self, line: usize, spread: &Spread, own: u32) -> Known {
        let words = self.of(line);
        let (mut count, mut widest) = (0u32, 0);
        for word in words {
            let lines = spread.get(word).map_or(0, |n| n.saturating_sub(own));
            count += u32::from(lines > 0);
            widest = widest.max(lines);
        }
        let share = if words.is_empty() { -1.0 } else { count as f32 / words.len() as f32 };
        Known { count: count as f32, share, widest: widest as f32 }
    }

    /// Share of the words of `b` that `a` has; −1 if it has none.
    pub(super) fn covered(&self, a: usize, b: usize) -> f32 {
        let (a, b) = (self.of(a), self.of(b));
        if b.is_empty() { -1.0 } else { common(a, b) as f32 / b.len() as f32 }
    }

    /// Words both lines have, of those either has.
    pub(super) fn alike(&self, a: usize, b: usize) -> f32 {
        let (a, b) = (self.of(a), self.of(b));
        let both = common(a, b);
        both as f32 / (a.len() + b.len() - both).max(1) as f32
    }
}

/// What a line shares with others.
pub(super) struct Known {
    pub count: f32,
    pub share: f32,
    pub widest: f32,
}

/// Whether words of the script of `c` are not set apart by spaces, or are few letters long.
pub(super) fn is_dense(c: char) -> bool {
    c as u32 >= 0x0E00 && !('\u{1100}'..='\u{2E7F}').contains(&c)
}

const START: u64 = 0xCBF2_9CE4_8422_2325;

/// What a word of five letters or more counts as.
pub(super) fn stem(word: &str) -> u64 {
    word.chars().take(STEM).fold(START, mix)
}

fn mix(hash: u64, c: char) -> u64 {
    let hash = (hash ^ u64::from(c)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ (hash >> 32)
}

/// Both are sorted.
fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, both) = (i + 1, j + 1, both + 1),
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[&str]) -> Words {
        let mut words = Words::default();
        lines.iter().for_each(|line| words.push(line));
        words
    }

    #[test]
    fn words_are_long_stems_each_once_a_line() {
        let words = words(&["The harbour, the HARBOURS and a lighthouse", "a cat sat"]);
        assert_eq!(words.of(0).len(), 2, "harbour and lighthouse");
        assert!(words.of(0).contains(&stem("lighthouse")));
        assert!(words.of(1).is_empty());
    }

    #[test]
    fn scripts_without_spaces_have_pairs_of_letters() {
        let words = words(&["港の灯台", "灯台が"]);
        assert_eq!(words.of(0).len(), 3);
        assert_eq!(words.covered(0, 1), 0.5);
    }

    #[test]
    fn what_lines_share_is_counted_without_the_line_itself() {
        let words = words(&["harbour lighthouse", "harbour ferries", "lanterns"]);
        let spread = words.spread(|i| i < 2);
        let known = words.known(0, &spread, 1);
        assert_eq!((known.count, known.share, known.widest), (1.0, 0.5, 1.0));
        assert_eq!(words.known(2, &spread, 0).count, 0.0);
        assert_eq!(words.alike(0, 1), 1.0 / 3.0);
        assert_eq!(words.alike(0, 2), 0.0);
    }
}
