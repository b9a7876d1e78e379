//! What the page model sees of a line: language-neutral numbers about the line, its neighbours and its place on the page.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::edit::Label;
use crate::edit::byline;
use crate::edit::lines::{Block, End};
use crate::edit::rules::{At, Place, Rules};

/// Numbers a line is described by.
pub const COUNT: usize = OWN + 4 * NEAR + PLACE;
/// Numbers about the line itself.
const OWN: usize = 42;
/// Numbers about each of four neighbours.
const NEAR: usize = 8;
/// Numbers about where the line stands.
const PLACE: usize = 34;

/// One line's numbers.
pub type Features = [f32; COUNT];

/// Bytes of a line that are looked at.
const LIMIT: usize = 600;
/// Words whose spread over the page is counted must have this many characters.
const WORD: usize = 5;

type Hashed<T> = HashMap<u64, T, BuildHasherDefault<DefaultHasher>>;

/// What is known of a line before its neighbours are looked at.
struct Own {
    own: [f32; OWN],
    near: [f32; NEAR],
    /// Characters of running text.
    prose: f32,
    /// Characters, at most a few hundred.
    length: f32,
    open: bool,
}

/// A page as the model sees it: a line each, furniture left out.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Which lines of the page these are.
    pub lines: Vec<usize>,
    /// The numbers of the first look.
    pub features: Vec<Features>,
    /// Hashes of the long words.
    pub words: Vec<Vec<u64>>,
    /// Equal for equal lines.
    pub keys: Vec<u64>,
    /// The run of lines with most running text in it: first line, and the one after the last.
    pub main: (usize, usize),
}

/// Where a line's features say how much running text it is.
pub const PROSE: usize = 36;

/// Looks at a page.
pub(in crate::edit) fn look(rules: &Rules, blocks: &[Block<'_>]) -> Seen {
    let copies = copies(blocks);
    let lines: Vec<usize> = (0..blocks.len()).filter(|i| !is_furniture(rules, &blocks[*i], copies[*i].0)).collect();
    let kept: Vec<&Block<'_>> = lines.iter().map(|i| &blocks[*i]).collect();
    let copies: Vec<(f32, f32)> = lines.iter().map(|i| copies[*i]).collect();
    let words = kept.iter().map(|b| {
        let mut set: Vec<u64> = words(&b.text).take(60).collect();
        set.sort_unstable();
        set.dedup();
        set
    });
    let keys = kept.iter().map(|b| key(&b.text));
    let (words, keys) = (words.collect(), keys.collect());
    let (features, main) = features(rules, &kept, &copies);
    Seen { features, words, keys, lines, main }
}

/// Equal for lines that differ in white space and marks only.
pub(super) fn key(text: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.chars().filter(|c| c.is_alphanumeric()).for_each(|c| c.hash(&mut hasher));
    hasher.finish()
}

/// Ads and labels that stand on the page again and again: boilerplate, and in the way of seeing what is next to what.
fn is_furniture(rules: &Rules, block: &Block<'_>, copies: f32) -> bool {
    let repeated = copies >= 4.0 && block.shape.words <= 3;
    let short = !block.shape.long && block.shape.words <= 12;
    repeated
        || (short && rules.find(At::Line, &block.text, |r| r.label == Label::Boilerplate && r.in_scope(&[])).is_some())
}

/// The features of every line of a page.
fn features(rules: &Rules, blocks: &[&Block<'_>], copies: &[(f32, f32)]) -> (Vec<Features>, (usize, usize)) {
    let mut lines: Vec<Own> = blocks.iter().map(|b| own(rules, b)).collect();
    topic(blocks, &mut lines);
    for (i, line) in lines.iter_mut().enumerate() {
        let (count, earlier) = copies[i];
        line.own[0] = count.min(6.0);
        line.own[1] = earlier;
        line.near[0] = count.min(3.0);
        line.own[2] = f32::from(u8::from(i > 0 && blocks[i - 1].text == blocks[i].text));
        line.own[3] = f32::from(u8::from(blocks.get(i + 1).is_some_and(|next| next.text == blocks[i].text)));
    }
    let main = main_block(&lines);
    let place = places(&lines, main);
    let all = (0..lines.len())
        .map(|i| {
            let mut all = [0.0; COUNT];
            all[..OWN].copy_from_slice(&lines[i].own);
            for (k, offset) in [-2isize, -1, 1, 2].into_iter().enumerate() {
                let near = i.checked_add_signed(offset).and_then(|j| lines.get(j)).map_or([-1.0; NEAR], |l| l.near);
                all[OWN + k * NEAR..OWN + (k + 1) * NEAR].copy_from_slice(&near);
            }
            all[OWN + 4 * NEAR..].copy_from_slice(&place[i]);
            all
        })
        .collect();
    (all, main)
}

/// How often each line stands on the page, and whether it stood there before.
fn copies(blocks: &[Block<'_>]) -> Vec<(f32, f32)> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let earlier: Vec<u32> = blocks
        .iter()
        .map(|b| {
            let count = seen.entry(b.text.as_ref()).or_default();
            *count += 1;
            *count - 1
        })
        .collect();
    blocks.iter().zip(earlier).map(|(b, before)| (seen[b.text.as_ref()] as f32, before.min(3) as f32)).collect()
}

fn own(rules: &Rules, block: &Block<'_>) -> Own {
    let text = block.text.as_ref();
    let head = &text[..text.floor_char_boundary(LIMIT)];
    let (mut letters, mut upper, mut digits, mut marks, mut commas, mut stops, mut quotes) =
        (0f32, 0f32, 0f32, 0f32, 0f32, 0f32, 0f32);
    let (mut words, mut small, mut capital, mut unspaced) = (0f32, 0f32, 0f32, 0f32);
    let (mut in_word, mut last, mut count) = (false, ' ', 0f32);
    let (mut pipes, mut signs, mut fused) = (0f32, 0f32, 0f32);
    for c in head.chars() {
        count += 1.0;
        if c.is_whitespace() {
            if matches!(last, '.' | '!' | '?' | '。') {
                stops += 1.0;
            }
            in_word = false;
        } else {
            let alphabetic = c.is_alphabetic();
            if alphabetic {
                letters += 1.0;
                let is_upper = c.is_uppercase();
                upper += f32::from(u8::from(is_upper));
                fused += f32::from(u8::from(is_upper && last.is_lowercase()));
                unspaced += f32::from(u8::from(c as u32 >= 0x0E00 && !('\u{1100}'..='\u{2E7F}').contains(&c)));
            } else if c.is_numeric() {
                digits += 1.0;
            } else {
                marks += 1.0;
                match c {
                    ',' | '、' | '،' | ';' => commas += 1.0,
                    '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」' | '‘' | '’' => quotes += 1.0,
                    '|' | '•' | '·' | '›' | '/' | '>' => pipes += 1.0,
                    '©' | '@' | '#' | '&' | '+' | '$' | '€' | '%' => signs += 1.0,
                    '。' => stops += 1.0,
                    _ => {}
                }
            }
            if !in_word {
                in_word = true;
                words += 1.0;
                if c.is_lowercase() {
                    small += 1.0;
                } else if c.is_uppercase() {
                    capital += 1.0;
                }
            }
        }
        last = c;
    }
    // Korean and scripts without spaces pack more into a character.
    let weight = if unspaced > letters / 2.0 { 2.2 } else { 1.0 };
    let length = count * weight;
    words = words.max(unspaced / 2.2);
    let end = block.shape.end;
    let sentence = end == End::Sentence;
    let prose = if sentence && (words >= 7.0 || length > 60.0) {
        length
    } else if length > 180.0 {
        length * 0.5
    } else {
        0.0
    };
    let hit = |at, label: &[Label]| {
        let found = rules.find(at, text, |r| label.contains(&r.label) && r.in_scope(&[]) && r.place != Place::Tail);
        f32::from(u8::from(found.is_some()))
    };
    let rule = rules.find(At::Line, text, |r| r.in_scope(&[]));
    let class = rule.map_or(0.0, |h| 1.0 + h.rule.label as u8 as f32);
    let any = rule.is_some() as u8 as f32;
    let first = text.chars().next().unwrap_or(' ');
    let tail = text.chars().next_back().unwrap_or(' ');
    let kind = |c: char| match c {
        c if c.is_lowercase() => 1.0,
        c if c.is_uppercase() => 2.0,
        c if c.is_alphabetic() => 3.0,
        c if c.is_numeric() => 4.0,
        '"' | '“' | '„' | '«' | '‘' | '「' | '\'' => 5.0,
        '-' | '–' | '—' | '•' | '*' => 6.0,
        '(' | '[' => 7.0,
        _ => 8.0,
    };
    let last_kind = match tail {
        '.' | '。' => 1.0,
        '?' | '!' | '？' | '！' => 2.0,
        '"' | '”' | '“' | '«' | '»' | '’' | '」' => 3.0,
        ':' => 4.0,
        '…' => 5.0,
        ')' | ']' => 6.0,
        c if c.is_numeric() => 7.0,
        c if c.is_alphabetic() => 8.0,
        _ => 9.0,
    };
    let people = byline::people(text).unwrap_or(0).min(3) as f32;
    let per = |n: f32| if count > 0.0 { n / count } else { 0.0 };
    let ratio = |n: f32, of: f32| if of > 0.0 { n / of } else { 0.0 };
    let flag = |b: bool| f32::from(u8::from(b));
    let mut own = [0.0; OWN];
    own[4..].copy_from_slice(&[
        length.min(700.0),
        words.min(100.0),
        ratio(letters, words).min(20.0),
        match end {
            End::Open => 0.0,
            End::Colon => 1.0,
            End::Sentence => 2.0,
        },
        ratio(upper, letters),
        per(digits),
        digits.min(12.0),
        ratio(capital, words),
        ratio(small, words),
        small.min(30.0),
        commas.min(10.0),
        stops.min(10.0),
        quotes.min(6.0),
        per(marks),
        pipes.min(6.0),
        signs.min(4.0),
        fused.min(6.0),
        kind(first),
        last_kind,
        flag(text.contains('|')),
        flag(text.contains('©') || text.contains('ⓒ')),
        flag(text.contains('@')),
        flag(text.contains("http") || text.contains("www.")),
        flag(text.contains('(')),
        flag(text.contains(": ")),
        flag(text.contains('/')),
        flag(text.contains(" - ") || text.contains(" – ") || text.contains(" — ")),
        class,
        hit(At::Start, &[Label::Caption]),
        hit(At::End, &[Label::Credit]),
        people,
        flag(rules.agencies.dateline(text, false).is_some()),
        prose.min(700.0),
        weight,
        flag(text.len() > LIMIT),
        0.0, // topic: share of the line's long words that running text elsewhere has
        0.0, // topic: how many such words
        0.0, // topic: its strongest word
    ]);
    let near = [
        0.0,
        length.min(400.0),
        words.min(60.0),
        own[7],
        ratio(capital, words),
        class,
        prose.min(400.0),
        per(digits) + any,
    ];
    Own { own, near, prose, length: length.min(400.0), open: end == End::Open }
}

/// Fills in how much each line shares with the running text of the page: related stories do, navigation does not.
fn topic(blocks: &[&Block<'_>], lines: &mut [Own]) {
    let mut spread: Hashed<(u32, u32)> = HashMap::default();
    for (i, block) in blocks.iter().enumerate() {
        if lines[i].prose > 0.0 {
            for word in words(&block.text) {
                let entry = spread.entry(word).or_insert((0, u32::MAX));
                if entry.1 != i as u32 {
                    *entry = (entry.0 + 1, i as u32);
                }
            }
        }
    }
    for (i, block) in blocks.iter().enumerate() {
        let own_prose = u32::from(lines[i].prose > 0.0);
        let (mut known, mut total, mut strongest) = (0f32, 0f32, 0u32);
        for word in words(&block.text).take(60) {
            total += 1.0;
            let elsewhere = spread.get(&word).map_or(0, |(n, _)| n.saturating_sub(own_prose));
            known += f32::from(u8::from(elsewhere > 0));
            strongest = strongest.max(elsewhere);
        }
        let own = &mut lines[i].own;
        own[OWN - 3] = if total > 0.0 { known / total } else { -1.0 };
        own[OWN - 2] = known.min(30.0);
        own[OWN - 1] = strongest.min(15) as f32;
    }
}

/// Hashes of the long words of `text`; of its pairs of letters where words are not spaced.
fn words(text: &str) -> impl Iterator<Item = u64> + '_ {
    use std::hash::{Hash, Hasher};
    let text = &text[..text.floor_char_boundary(LIMIT)];
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).flat_map(|word| {
        let wide = word.chars().next().is_some_and(|c| c as u32 >= 0x0E00);
        let hash = |part: &str| {
            let mut hasher = DefaultHasher::new();
            part.to_lowercase().hash(&mut hasher);
            hasher.finish()
        };
        let long = (!wide && word.chars().count() >= WORD).then(|| {
            // The stem matters, not the ending.
            hash(&word[..word.char_indices().nth(7).map_or(word.len(), |(at, _)| at)])
        });
        let pairs = wide.then(|| {
            let ends: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
            (0..ends.len().saturating_sub(2)).map(|k| hash(&word[ends[k]..ends[k + 2]])).collect::<Vec<_>>()
        });
        long.into_iter().chain(pairs.into_iter().flatten())
    })
}

/// Where each line stands: against running text near it, against the main block of it, against the likely headline.
fn places(lines: &[Own], (from, to): (usize, usize)) -> Vec<[f32; PLACE]> {
    let n = lines.len();
    let sums = |value: &dyn Fn(&Own) -> f32| {
        let mut sums = vec![0f32; n + 1];
        for (i, line) in lines.iter().enumerate() {
            sums[i + 1] = sums[i] + value(line);
        }
        sums
    };
    let prose = sums(&|l| l.prose);
    let length = sums(&|l| l.length);
    let open = sums(&|l| f32::from(u8::from(l.open)));
    let between = |sums: &[f32], from: isize, to: isize| {
        let clamp = |i: isize| usize::try_from(i.max(0)).unwrap_or(0).min(n);
        sums[clamp(to).max(clamp(from))] - sums[clamp(from)]
    };
    let headline = likely_headline(lines, from);
    let mut last = None;
    let before: Vec<Option<usize>> = (0..n)
        .map(|i| {
            let seen = last;
            if lines[i].prose > 0.0 {
                last = Some(i);
            }
            seen
        })
        .collect();
    let mut next = None;
    let mut after = vec![None; n];
    for i in (0..n).rev() {
        after[i] = next;
        if lines[i].prose > 0.0 {
            next = Some(i);
        }
    }
    let log = |x: f32| (1.0 + x.max(0.0)).log2();
    (0..n)
        .map(|i| {
            let k = i as isize;
            let width = |a: isize, b: isize| (between(&length, k + a, k + b)) / (b - a) as f32;
            let gap = |j: Option<usize>| j.map_or(15.0, |j| (i.abs_diff(j) as f32).min(15.0));
            let at = |j: Option<usize>| j.map_or(0.0, |j| log(lines[j].prose));
            let distance = (i as f32 - from as f32).clamp(-12.0, 12.0);
            let past = (i as f32 - to as f32).clamp(-12.0, 12.0);
            let inside = i >= from && i < to;
            let title = headline.map_or(-99.0, |h| (i as f32 - h as f32).clamp(-12.0, 12.0));
            [
                log(between(&prose, k - 1, k)),
                log(between(&prose, k + 1, k + 2)),
                log(between(&prose, k - 3, k)),
                log(between(&prose, k + 1, k + 4)),
                log(between(&prose, k - 6, k)),
                log(between(&prose, k + 1, k + 7)),
                log(between(&prose, k - 15, k)),
                log(between(&prose, k + 1, k + 16)),
                log(between(&prose, 0, k)),
                log(between(&prose, k + 1, n as isize)),
                width(-3, 0),
                width(1, 4),
                width(-8, 0),
                width(1, 9),
                width(-20, 21),
                between(&open, k - 4, k),
                between(&open, k + 1, k + 5),
                between(&open, k - 12, k),
                between(&open, k + 1, k + 13),
                gap(before[i]),
                gap(after[i]),
                at(before[i]),
                at(after[i]),
                distance,
                past,
                f32::from(u8::from(inside)),
                if inside { (i - from) as f32 / (to - from) as f32 } else { -1.0 },
                between(&prose, from as isize, to as isize) / (to - from).max(1) as f32,
                log((to - from) as f32),
                title,
                i as f32 / n as f32,
                log(n as f32),
                prose[n].max(1.0).log2(),
                (i as f32).min(12.0),
            ]
        })
        .collect()
}

/// The run of lines with most running text in it, lines between counted against it: first line, and the one after the last.
fn main_block(lines: &[Own]) -> (usize, usize) {
    let (mut best, mut best_range) = (f32::MIN, (0, 0));
    let (mut sum, mut start) = (0f32, 0);
    for (i, line) in lines.iter().enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, i);
        }
        sum += if line.prose > 0.0 { line.prose.min(400.0) } else { -45.0 };
        if sum > best {
            best = sum;
            best_range = (start, i + 1);
        }
    }
    best_range
}

/// The line, not far above the main block, that shares most words with it, is long enough and perhaps stands elsewhere too.
fn likely_headline(lines: &[Own], story: usize) -> Option<usize> {
    let first = story.saturating_sub(40);
    let last = (story + 3).min(lines.len());
    let score = |i: usize| {
        let own = &lines[i].own;
        let (copies, length, words, known) = (own[0], own[4], own[5], own[OWN - 2]);
        if words < 3.0 || length > 260.0 || lines[i].prose > 0.0 {
            return 0.0;
        }
        let near = 1.0 - (story.abs_diff(i) as f32) / 80.0;
        (known.min(8.0) + 0.3 * words.min(12.0) + if copies > 1.0 { 2.0 } else { 0.0 }) * near
    };
    (first..last).map(|i| (i, score(i))).filter(|(_, s)| *s > 1.5).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}
