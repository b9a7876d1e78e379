//! Page dumps: items that are the whole visible text of a web page, navigation and all.
//!
//! A page is told from wire copy by its many short lines. Its lines are labelled by a small learned model over
//! language-neutral features, in steps that each see fewer lines and more of them: `features::glance` drops what stands on
//! the page again and again, the model's gate lets about a third of the rest through, the first look sees a line, its
//! neighbours and its place (`features::see`), the second what the first thought of its surroundings ([`context`]). Last,
//! the page's headline is chosen (`headline`), it and the byline are found wherever they stand again (`repeats`), and
//! captions by their credits (`credits`). Items that are a part of a page only are told by what the rules for wire copy leave
//! of them (`clipping`).
//!
//! The model file is trained by `cargo run --release --example train-pages`; docs/pages.md says how good it is.

pub(super) mod clipping;
pub mod context;
mod credits;
pub mod features;
mod glance;
mod habits;
mod headline;
mod lexicon;
pub mod matrix;
pub mod model;
mod names;
mod pieces;
mod repeats;

use super::dateline::Found;
use super::lines::{Block, End};
use super::rules::{At, Rules};
use super::story::{Structure, Verdict};
use super::{Hints, Label};
use context::Chances;
use features::Seen;
use model::{CLASS_COUNT, CLASSES, Model, Tree};

/// The chance of being anything but boilerplate below which a line is not looked at again.
const GATE: f32 = 0.02;

/// Whether the item is a page dump: many lines, a good part of them short ones that are no sentences and no figures, hardly a
/// sentence at the top or what a site says of itself at the foot, a line that only sites have, and no agency's dateline at the
/// top, where wire copy has it. Lists in a story are no page.
pub(super) fn is_page(rules: &Rules, text: &str, blocks: &[Block<'_>]) -> bool {
    if blocks.len() < 30 {
        return false;
    }
    let short = |b: &&Block<'_>| b.shape.words <= 5 && b.shape.end == End::Open && b.letters().digits <= 2;
    let count = blocks.iter().filter(short).count();
    let many = (count >= 15 && count * 3 >= blocks.len()) || (count >= 20 && count * 6 >= blocks.len());
    let dateline = |b: &Block<'_>| rules.agencies.dateline(&text[b.span.clone()], false).is_some();
    let open = |b: &&Block<'_>| b.shape.words <= 12 && b.shape.end == End::Open;
    let menu = blocks.iter().take(10).filter(open).count() >= 7;
    let foot = || {
        let service = |b: &&Block<'_>| lexicon::is_service_line(&b.text);
        blocks.iter().rev().take(15).filter(open).count() >= 12
            && blocks.iter().rev().take(30).filter(service).count() >= 3
    };
    let of_a_site = |b: &Block<'_>| {
        clipping::may_be_of_a_site(b)
            && (lexicon::is_service_line(&b.text)
                || rules.find(At::Line, &b.text, |r| r.label == Label::Boilerplate && r.in_scope(&[])).is_some())
    };
    many && (menu || foot()) && blocks.iter().any(of_a_site) && !blocks.iter().take(8).any(dateline)
}

/// The model as it was trained.
pub(super) fn trained() -> Model {
    Model::from_bytes(include_bytes!("model.bin"))
}

/// The structure of a page dump.
pub(super) fn structure<'t, 'r>(
    rules: &'r Rules,
    model: &Model,
    text: &'t str,
    blocks: &[Block<'t>],
    hints: &Hints<'_>,
) -> Structure<'t, 'r> {
    Look::at(rules, model, blocks).structure(rules, text, blocks, hints)
}

/// What the model sees of a page, and makes of it.
struct Look {
    /// Where each line stands, not counting what only parts paragraphs.
    at: Vec<usize>,
    seen: Seen,
    /// Of the lines that were seen.
    chances: Vec<Chances>,
}

impl Look {
    fn at(rules: &Rules, model: &Model, blocks: &[Block<'_>]) -> Look {
        let page = features::glance(blocks);
        let seen = features::see(rules, blocks, &page, &let_through(&model.gate, &page));
        let first = model::chances(&model.first, &seen.first);
        let chances = model::chances(&model.second, &context::widen(&seen, &first));
        Look { at: page.at, seen, chances }
    }

    fn structure<'t, 'r>(
        &self,
        rules: &'r Rules,
        text: &'t str,
        blocks: &[Block<'t>],
        hints: &Hints<'_>,
    ) -> Structure<'t, 'r> {
        let Look { at, seen, chances } = self;
        let mut verdicts = vec![Verdict::evidence(Label::Boilerplate, "page furniture"); blocks.len()];
        for (i, chances) in seen.lines.iter().zip(chances) {
            let label = CLASSES[likeliest(chances)];
            verdicts[*i] = Verdict::evidence(label, reason(label));
        }
        keep_main_text(seen, &mut verdicts);
        drop_other_stories(blocks, at, &mut verdicts);
        let headline = repeats::headlines(seen, chances, &mut verdicts, blocks, hints.headline);
        repeats::bylines(seen, chances, &mut verdicts, blocks, headline);
        credits::captions(seen, chances, &mut verdicts, blocks);
        sign_offs(rules, blocks, &mut verdicts);
        let story = first_of_story(&verdicts);
        let found: Option<Found<'t, 'r>> =
            blocks.get(story).and_then(|b| rules.agencies.dateline(&text[b.span.clone()], true));
        let glued = vec![true; blocks.len()];
        Structure { verdicts, dateline: found.map(|found| (story, found)), story, glued }
    }
}

/// The first line of the story; how many lines there are if none is.
fn first_of_story(verdicts: &[Verdict<'_>]) -> usize {
    verdicts.iter().position(|v| v.label == Label::Body).unwrap_or(verdicts.len())
}

fn reason(label: Label) -> &'static str {
    match label {
        Label::Body => "reads like the story",
        Label::Boilerplate => "reads like the page around the story",
        _ => "reads and stands like one",
    }
}

/// Where the model leaves little of the page's main run of text, that run is the story: losing a story is worse than
/// keeping what stands in it.
fn keep_main_text(seen: &Seen, verdicts: &mut [Verdict<'_>]) {
    let prose = |i: &usize| seen.first.row(*i)[features::PROSE];
    let main = seen.main.0..seen.main.1;
    let all: f32 = main.clone().map(|i| prose(&i)).sum();
    let kept: f32 = main.clone().filter(|i| verdicts[seen.lines[*i]].label == Label::Body).map(|i| prose(&i)).sum();
    if kept * 3.0 < all {
        for i in main.filter(|i| prose(i) > 0.0) {
            verdicts[seen.lines[i]] = Verdict::evidence(Label::Body, "running text in the page's main block");
        }
    }
}

/// Who worked on it stands in the story to the model.
fn sign_offs<'r>(rules: &'r Rules, blocks: &[Block<'_>], verdicts: &mut [Verdict<'r>]) {
    for (block, verdict) in blocks.iter().zip(verdicts).filter(|(_, v)| v.label == Label::Body) {
        if let Some(hit) = rules.find(At::Line, &block.text, |r| r.label == Label::Signoff && r.in_scope(&[])) {
            *verdict = Verdict::evidence(Label::Signoff, &hit.rule.id);
        }
    }
}

/// Lines without story that part it into pieces.
const APART: usize = 20;
/// Lines from the largest piece of story at which a smaller one is another story.
const FAR: usize = 40;

/// A smaller piece of story far from the largest is another story's: a list of teasers with a sentence under each, comments.
/// `at`: where each line stands, not counting what only parts paragraphs.
fn drop_other_stories(blocks: &[Block<'_>], at: &[usize], verdicts: &mut [Verdict<'_>]) {
    let mut pieces: Vec<(usize, usize, usize)> = Vec::new();
    for i in (0..blocks.len()).filter(|i| verdicts[*i].label == Label::Body) {
        let size = blocks[i].text.len();
        match pieces.last_mut() {
            Some((_, last, sum)) if at[i] - at[*last] <= APART => (*last, *sum) = (i, *sum + size),
            _ => pieces.push((i, i, size)),
        }
    }
    let Some(&(from, to, most)) = pieces.iter().max_by_key(|(_, _, size)| *size) else { return };
    for (first, last, size) in pieces {
        let away = at[from].saturating_sub(at[last]).max(at[first].saturating_sub(at[to]));
        if away >= FAR && size * 5 < most * 3 {
            for verdict in verdicts[first..=last].iter_mut().filter(|v| v.label == Label::Body) {
                *verdict = Verdict::evidence(Label::Boilerplate, "another story, far from this one");
            }
        }
    }
}

/// The lines that the gate lets through, each with its chance of being anything but boilerplate.
#[must_use]
pub fn let_through(gate: &[Tree], page: &features::Page) -> Vec<(usize, f32)> {
    let chances = model::gate(gate, &page.gate);
    page.lines.iter().copied().zip(chances).filter(|(_, chance)| *chance > GATE).collect()
}

/// The likeliest class, the rare ones favoured: they are worth finding, and the trees see few of them.
fn likeliest(chances: &Chances) -> usize {
    let weighed = |class: &usize| chances[*class] * FAVOUR[*class];
    (0..CLASS_COUNT).max_by(|a, b| weighed(a).total_cmp(&weighed(b))).unwrap_or(0)
}

/// What each class's chance is weighed with, in the order of [`CLASSES`]; chosen on held-out publishers.
const FAVOUR: Chances = [1.0, 1.0, 1.2, 2.5, 2.0, 2.0, 2.0, 4.0];

#[cfg(test)]
mod testing {
    use super::context::Chances;
    use super::features::{self, Seen};
    use super::model::CLASS_COUNT;
    use crate::edit::{Desk, lines};

    /// What is seen of a page with these lines, all let through.
    pub(super) fn seen(text: &[&str]) -> Seen {
        let desk = Desk::builtin().unwrap();
        let text = text.join("\n");
        let blocks = lines::unwrapped(&lines::rows(&text));
        let all: Vec<(usize, f32)> = (0..blocks.len()).map(|i| (i, 0.5)).collect();
        let seen = features::see(&desk.rules, &blocks, &features::glance(&blocks), &all);
        assert_eq!(seen.lines.len(), blocks.len(), "a rule knows one of the lines");
        seen
    }

    /// Lines that are each almost certainly of a class.
    pub(super) fn chances(classes: &[usize]) -> Vec<Chances> {
        let of = |class: &usize| {
            let mut chances = [0.01; CLASS_COUNT];
            chances[*class] = 0.93;
            chances
        };
        classes.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::edit::story::Verdict;
    use crate::edit::{Desk, Label, lines};

    fn is_page(text: &str) -> bool {
        let desk = Desk::builtin().unwrap();
        super::is_page(&desk.rules, text, &lines::blocks(text, &lines::rows(text)))
    }

    fn menu() -> String {
        (0..40).map(|i| format!("Harbour section {}\n", char::from(b'A' + i % 26))).collect()
    }

    const STORY: &str = "The port of Ostheim opened again on Monday after a week of storms, the harbour office said.\n";

    #[test]
    fn a_menu_around_a_story_is_a_page_and_its_story_is_kept() {
        let story = STORY.to_owned()
            + "Ships waited for days, and the mayor, Ana Brandt, thanked the crews for their patience.\n\
            “We could not have asked for more,” she said at the quay, where the first ferry came in at noon.\n\
            The lighthouse, dark since the winter, will be lit again before the fishing season opens, she added.\n";
        let page =
            |site: &str| menu() + "Harbour of Ostheim opens again after a week of storms\n" + &story + &menu() + site;
        let text = page("Newsletters\n");
        assert!(is_page(&text) && !is_page(&page("")), "a list is no site's");
        let desk = Desk::builtin().unwrap();
        let copy = desk.edit(&text, &Default::default());
        assert_eq!(copy.body.join("\n") + "\n", story);
        let menu = copy.lines.iter().filter(|l| l.text.starts_with("Harbour section"));
        assert!(menu.clone().count() == 80 && menu.clone().all(|l| l.label != Label::Body));
    }

    #[test]
    fn a_smaller_story_far_from_the_story_is_another_one() {
        let labels = |between: usize, far: usize, parts: bool| {
            let text = STORY.repeat(5) + &"Harbour section\n".repeat(between) + &STORY.repeat(far);
            let blocks = lines::blocks(&text, &lines::rows(&text));
            let label = |sentence| if sentence { Label::Body } else { Label::Boilerplate };
            let verdict = |b: &lines::Block<'_>| Verdict::evidence(label(b.text.ends_with('.')), "");
            let mut verdicts: Vec<_> = blocks.iter().map(verdict).collect();
            let at: Vec<usize> = (0..blocks.len()).map(|i| if parts { i / 10 } else { i }).collect();
            super::drop_other_stories(&blocks, &at, &mut verdicts);
            verdicts.iter().filter(|v| v.label == Label::Body).count()
        };
        assert_eq!(labels(50, 2, false), 5);
        assert_eq!(labels(50, 2, true), 7, "what is between only parts paragraphs");
        assert_eq!(labels(30, 2, false), 7, "not far");
        assert_eq!(labels(50, 4, false), 9, "not small");
    }

    #[test]
    fn a_page_without_a_menu_on_top_is_told_by_what_the_site_says_of_itself_at_the_foot() {
        let top = STORY.repeat(12);
        assert!(is_page(&(top.clone() + &menu() + "Privacy and cookies\nYour account\nOur newsletters\n")));
        assert!(!is_page(&(top + &menu())));
    }

    #[test]
    fn wire_copy_is_no_page_even_with_a_table_in_it() {
        assert!(!is_page(&STORY.repeat(60)));
        assert!(!is_page(&format!("OSTHEIM (AP) — {STORY}{}", menu())));
        assert!(!is_page(&(STORY.repeat(30) + &"Holm 3, Ostheim 2, 18 minutes\n".repeat(30))));
    }
}
