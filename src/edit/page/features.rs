//! What the page model sees at its first look: language-neutral numbers about a line, its neighbours and its place on the page.
//!
//! Most of a page is navigation, and little is needed to tell so: the [`Page`] holds numbers that cost one pass over the text,
//! and the model's gate lets few lines through. Of these, `see` makes a closer picture, in which they are neighbours.

use std::hash::BuildHasherDefault;

use hashbrown::HashMap;

use super::glance::{Glance, NUMBERS};
use super::lexicon;
use super::matrix::{Matrix, Sums, largest_run};
use crate::edit::Label;
use crate::edit::byline;
use crate::edit::lines::Block;
use crate::edit::rules::{At, Place, Rules};
use crate::edit::words::{Same, Words};

/// Numbers about a line that the gate sees.
pub const GATE: usize = NUMBERS + COPY + 2 * NEAR + PLACE;
/// Numbers about a line that the first look sees.
pub const FIRST: usize = NUMBERS + COPY + CLOSER + 4 * (NEAR + 2) + PLACE + 4;
/// Numbers about where else a line stands.
const COPY: usize = 3;
/// Numbers about a neighbour.
const NEAR: usize = 7;
/// Numbers about where a line stands.
const PLACE: usize = 35;
/// Numbers that need a closer look.
const CLOSER: usize = 21;

/// Where a line's numbers say how long it is.
pub(super) const LENGTH: usize = 0;
/// Where they say how much running text it is.
pub(super) const PROSE: usize = 23;
/// Where they say how often it stands on the page.
pub(super) const COPIES: usize = NUMBERS;

/// Lines that stand on the page as often as this and have as few words as that are its furniture.
const OFTEN: u32 = 4;
const FEW_WORDS: f32 = 12.0;
/// Lines from this many above the main run of text to this many inside it are no furniture however often they stand on the
/// page: headline and byline are there.
const HEAD: (usize, usize) = (20, 4);

/// A page at a glance: what its furniture leaves of it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    glances: Vec<Glance>,
    copies: Vec<Copies>,
    /// How many lines stand before each, not counting what only parts paragraphs; last, how many there are.
    pub(super) at: Vec<usize>,
    /// Which lines of the page are no furniture.
    pub lines: Vec<usize>,
    /// What the gate sees of them.
    pub gate: Matrix,
    /// Of each line, how often its words stand beside running text, of how often they stand at all.
    beside: Vec<f32>,
}

/// Where else on the page a line stands.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    count: u32,
    before: u32,
    /// Lines to the nearest of them.
    near: usize,
}

impl Copies {
    /// Of each line.
    fn of(glances: &[Glance]) -> Vec<Copies> {
        let mut last: HashMap<u64, (u32, usize), BuildHasherDefault<Same>> =
            HashMap::with_capacity_and_hasher(glances.len(), Default::default());
        let mut copies: Vec<Copies> = Vec::with_capacity(glances.len());
        for (i, glance) in glances.iter().enumerate() {
            let (count, at) = last.entry(glance.key).or_insert((0, i));
            let near = if *count > 0 { i - *at } else { usize::MAX };
            copies.push(Copies { count: 0, before: *count, near });
            copies[*at].near = copies[*at].near.min(near);
            (*count, *at) = (*count + 1, i);
        }
        for (copies, glance) in copies.iter_mut().zip(glances) {
            copies.count = last[&glance.key].0;
        }
        copies
    }

    fn numbers(self) -> [f32; COPY] {
        [self.count.min(6) as f32, self.before.min(3) as f32, self.near.min(60) as f32]
    }
}

/// The lines that the gate let through.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Which lines of the page they are.
    pub lines: Vec<usize>,
    /// Where on the page each stands, not counting what only parts paragraphs.
    pub(super) at: Vec<usize>,
    /// What the first look sees of them.
    pub first: Matrix,
    pub(super) words: Words,
    pub(super) keys: Vec<u64>,
    /// The run of lines with most running text in it: first line, and the one after the last.
    pub(super) main: (usize, usize),
    /// What stands around each line on the page: keys of the lines from two before to two after.
    pub(super) around: Vec<[Option<(u64, u32)>; 4]>,
}

/// Looks over a page.
pub(in crate::edit) fn glance(blocks: &[Block<'_>]) -> Page {
    let glances: Vec<Glance> = blocks.iter().map(Glance::of).collect();
    let copies = Copies::of(&glances);
    let story = main_run(glances.iter()).0;
    let beside = beside_text(&glances, &copies);
    let at = positions(&glances, &copies, &beside);
    let furniture = |i: &usize| {
        let glance = &glances[*i];
        copies[*i].count >= OFTEN
            && !(*i + HEAD.0 >= story && *i < story + HEAD.1)
            && glance.words <= FEW_WORDS
            && glance.digits == 0.0
            && !(glance.is_credit_like() || lexicon::credit(&blocks[*i].text).any())
    };
    let lines: Vec<usize> = (0..blocks.len()).filter(|i| !furniture(i)).collect();
    let mut gate = Matrix::new(GATE, lines.len());
    let place = Places::of(&lines, &glances);
    for (k, i) in lines.iter().enumerate() {
        gate.push(&glances[*i].numbers());
        gate.push(&copies[*i].numbers());
        for offset in [-1, 1] {
            let near = k.checked_add_signed(offset).and_then(|j| lines.get(j));
            gate.push(&near.map_or([-1.0; NEAR], |j| near_numbers(&glances[*j], copies[*j].count)));
        }
        gate.push(&place.numbers(k, &lines, &at));
        gate.end_row();
    }
    Page { glances, copies, at, lines, gate, beside }
}

/// How often a line stands beside running text, of how often it stands on the page.
fn beside_text(glances: &[Glance], copies: &[Copies]) -> Vec<f32> {
    let prose = |i: usize| glances.get(i).is_some_and(|g| g.prose > 0.0);
    let mut beside: HashMap<u64, u32, BuildHasherDefault<Same>> = HashMap::default();
    for (i, glance) in glances.iter().enumerate() {
        *beside.entry(glance.key).or_insert(0) += u32::from(prose(i.wrapping_sub(1)) || prose(i + 1));
    }
    glances.iter().zip(copies).map(|(glance, copies)| beside[&glance.key] as f32 / copies.count as f32).collect()
}

/// Where each line stands if lines that only part paragraphs, such as the word for an advertisement, did not: those that are
/// on the page often, and mostly beside running text.
fn positions(glances: &[Glance], copies: &[Copies], beside: &[f32]) -> Vec<usize> {
    let parts = |i: usize| copies[i].count >= OFTEN && glances[i].words <= FEW_WORDS && beside[i] >= 0.6;
    let mut at = Vec::with_capacity(glances.len() + 1);
    let mut position = 0;
    for i in 0..glances.len() {
        at.push(position);
        position += usize::from(!parts(i));
    }
    at.push(position);
    at
}

/// Looks closer at the lines that the gate let through; each with its chance of being anything but boilerplate.
pub(in crate::edit) fn see(rules: &Rules, blocks: &[Block<'_>], page: &Page, kept: &[(usize, f32)]) -> Seen {
    let ruled: Vec<(usize, f32, Ruled)> = kept
        .iter()
        .map(|(i, chance)| (*i, *chance, Ruled::of(rules, &blocks[*i].text, &page.glances[*i])))
        .filter(|(i, _, ruled)| !(ruled.boilerplate && page.glances[*i].words <= FEW_WORDS))
        .collect();
    let lines: Vec<usize> = ruled.iter().map(|(i, _, _)| *i).collect();
    let mut words = Words::default();
    lines.iter().for_each(|i| words.push(&blocks[*i].text));
    let at = |k: usize| &page.glances[lines[k]];
    let place = Places::of(&lines, &page.glances);
    let main = place.main;
    let running = words.spread(|k| at(k).prose > 0.0);
    let in_main = |k: usize| k >= main.0 && k < main.1 && at(k).prose > 0.0;
    let story = words.spread(in_main);
    let shared: Vec<_> = (0..lines.len()).map(|k| words.known(k, &story, u32::from(in_main(k)))).collect();
    // What the page says outside of running text: its menus and teasers.
    let menus = words.spread(|k| at(k).prose == 0.0 && !(k >= main.0 && k < main.1));
    let title = likely_headline(main.0, lines.len(), |k| {
        let glance = at(k);
        let fits = glance.words >= 3.0 && glance.length <= 260.0 && glance.prose == 0.0;
        let often = if page.copies[lines[k]].count > 1 { 2.0 } else { 0.0 };
        if fits { shared[k].count.min(8.0) + 0.3 * glance.words.min(12.0) + often } else { 0.0 }
    });
    let mut first = Matrix::new(FIRST, lines.len());
    for (k, (i, chance, rule)) in ruled.iter().enumerate() {
        let glance = &page.glances[*i];
        let known = words.known(k, &running, u32::from(glance.prose > 0.0));
        let own = u32::from(glance.prose == 0.0 && !(k >= main.0 && k < main.1));
        let elsewhere = words.known(k, &menus, own);
        first.push(&glance.numbers());
        first.push(&page.copies[*i].numbers());
        first.push(&rule.numbers);
        first.push(&[
            words.of(k).iter().filter(|w| lexicon::is_service(**w)).count().min(5) as f32,
            known.share,
            known.count.min(30.0),
            known.widest.min(15.0),
            shared[k].share,
            shared[k].count.min(30.0),
            title.map_or(-99.0, |t| (k as f32 - t as f32).clamp(-12.0, 12.0)),
            title.map_or(-1.0, |t| words.alike(t, k)),
            *chance,
            lexicon::to_reader(&blocks[*i].text),
            elsewhere.share,
            elsewhere.count.min(30.0),
        ]);
        for offset in [-2, -1, 1, 2] {
            let near = k.checked_add_signed(offset).and_then(|j| ruled.get(j));
            first.push(&near.map_or([-1.0; NEAR], |(j, _, _)| near_numbers(&page.glances[*j], page.copies[*j].count)));
            first.push(&near.map_or([-1.0; 2], |(_, _, rule)| [rule.numbers[0], rule.numbers[CREDITS]]));
        }
        first.push(&place.numbers(k, &lines, &page.at));
        for offset in [-1, 1] {
            let near = i.checked_add_signed(offset).filter(|j| *j < blocks.len());
            first.push(&near.map_or([-1.0; 2], |j| [page.copies[j].count.min(20) as f32, page.beside[j]]));
        }
        first.end_row();
    }
    let keys = lines.iter().map(|i| page.glances[*i].key).collect();
    let at = lines.iter().map(|i| page.at[*i]).collect();
    let near = |i: usize, offset| {
        let j = i.checked_add_signed(offset).filter(|j| *j < blocks.len())?;
        Some((page.glances[j].key, page.copies[j].count))
    };
    let around = lines.iter().map(|i| [-2, -1, 1, 2].map(|offset| near(*i, offset))).collect();
    Seen { first, words, keys, main, lines, at, around }
}

/// Where [`Ruled::numbers`] say how many words of picture credits there are.
const CREDITS: usize = 5;

/// What rules and word lists say of a line.
struct Ruled {
    numbers: [f32; 9],
    boilerplate: bool,
}

impl Ruled {
    fn of(rules: &Rules, text: &str, glance: &Glance) -> Ruled {
        let flag = |b: bool| f32::from(u8::from(b));
        let hit = |at, label: Label| {
            let wanted = |r: &crate::edit::rules::Rule| r.label == label && r.in_scope(&[]) && r.place != Place::Tail;
            flag(rules.find(at, text, wanted).is_some())
        };
        let rule = rules.find(At::Line, text, |r| r.in_scope(&[]));
        let credit = lexicon::credit(text);
        let names = if glance.end == 0.0 && glance.length <= 100.0 { byline::people(text).unwrap_or(0) } else { 0 };
        let numbers = [
            rule.as_ref().map_or(0.0, |h| 1.0 + h.rule.label as u8 as f32),
            hit(At::Start, Label::Caption),
            hit(At::End, Label::Credit),
            names.min(3) as f32,
            credit.first,
            credit.count,
            credit.from_end,
            lexicon::by_word(text),
            flag(credit.agency),
        ];
        Ruled { numbers, boilerplate: rule.is_some_and(|h| h.rule.label == Label::Boilerplate) }
    }
}

fn near_numbers(glance: &Glance, copies: u32) -> [f32; NEAR] {
    [
        glance.length.min(400.0),
        glance.words.min(60.0),
        glance.end,
        glance.capitals,
        glance.prose.min(400.0),
        glance.digits.min(12.0),
        copies.min(3) as f32,
    ]
}

/// Where lines stand: against running text near them and against the main run of it.
struct Places {
    prose: Sums,
    length: Sums,
    open: Sums,
    /// For each line the nearest running text before and after: how far, how much.
    before: Vec<(f32, f32)>,
    after: Vec<(f32, f32)>,
    main: (usize, usize),
    count: usize,
}

/// The run of lines with most running text in it: first line, and the one after the last.
fn main_run<'g>(glances: impl Iterator<Item = &'g Glance>) -> (usize, usize) {
    largest_run(glances.map(|g| if g.prose > 0.0 { g.prose.min(400.0) } else { -45.0 }))
}

/// The farthest that running text is looked for.
const FAR: f32 = 15.0;
/// Characters of running text from which more makes no difference: a story may be longer than all that were learned from.
pub(super) const MUCH: f32 = 3000.0;

impl Places {
    fn of(lines: &[usize], glances: &[Glance]) -> Places {
        let all = || lines.iter().map(|i| &glances[*i]);
        let mut before = Vec::with_capacity(lines.len());
        let mut near = (FAR, 0.0);
        for glance in all() {
            near.0 = f32::min(near.0 + 1.0, FAR);
            before.push(near);
            if glance.prose > 0.0 {
                near = (0.0, glance.prose);
            }
        }
        let mut after = vec![(FAR, 0.0); lines.len()];
        near = (FAR, 0.0);
        for (slot, glance) in after.iter_mut().zip(all()).rev() {
            near.0 = f32::min(near.0 + 1.0, FAR);
            *slot = near;
            if glance.prose > 0.0 {
                near = (0.0, glance.prose);
            }
        }
        Places {
            prose: Sums::of(all().map(|g| g.prose)),
            length: Sums::of(all().map(|g| g.length.min(400.0))),
            open: Sums::of(all().map(|g| f32::from(u8::from(g.end == 0.0)))),
            before,
            after,
            main: main_run(all()),
            count: lines.len(),
        }
    }

    fn numbers(&self, line: usize, lines: &[usize], at: &[usize]) -> [f32; PLACE] {
        let (k, n) = (line as isize, self.count as isize);
        let (from, to) = self.main;
        let width = |a: isize, b: isize| self.length.between(k + a, k + b) / (b - a) as f32;
        let inside = line >= from && line < to;
        let missing = |a: Option<usize>, b: usize| b.saturating_sub(a.map_or(0, |a| a + 1)).min(20) as f32;
        let here = at[lines[line]];
        let of = at.last().copied().unwrap_or(0);
        [
            self.prose.between(k - 1, k),
            self.prose.between(k + 1, k + 2),
            self.prose.between(k - 3, k),
            self.prose.between(k + 1, k + 4),
            self.prose.between(k - 6, k),
            self.prose.between(k + 1, k + 7),
            self.prose.between(k - 15, k),
            self.prose.between(k + 1, k + 16),
            self.prose.between(0, k).min(MUCH),
            self.prose.between(k + 1, n).min(MUCH),
            width(-3, 0),
            width(1, 4),
            width(-8, 0),
            width(1, 9),
            width(-20, 21),
            self.open.between(k - 4, k),
            self.open.between(k + 1, k + 5),
            self.open.between(k - 12, k),
            self.open.between(k + 1, k + 13),
            self.before[line].0,
            self.after[line].0,
            self.before[line].1,
            self.after[line].1,
            (line as f32 - from as f32).clamp(-12.0, 12.0),
            (line as f32 - to as f32).clamp(-12.0, 12.0),
            f32::from(u8::from(inside)),
            if inside { (line - from) as f32 / (to - from) as f32 } else { -1.0 },
            self.prose.between(from as isize, to as isize) / (to - from).max(1) as f32,
            (to - from).min(40) as f32,
            line as f32 / n as f32,
            n.min(300) as f32,
            self.prose.between(0, n).min(2.0 * MUCH),
            (line as f32).min(12.0),
            missing(line.checked_sub(1).map(|j| at[lines[j]]), here),
            missing(Some(here), lines.get(line + 1).map_or(of, |j| at[*j])),
        ]
    }
}

/// The line, not far above the main run of text, that scores best, if one does at all.
fn likely_headline(story: usize, count: usize, score: impl Fn(usize) -> f32) -> Option<usize> {
    let near = |k: usize| 1.0 - (story.abs_diff(k) as f32) / 80.0;
    let scored = (story.saturating_sub(40)..(story + 3).min(count)).map(|k| (k, score(k) * near(k)));
    scored.filter(|(_, s)| *s > 1.5).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| k)
}
