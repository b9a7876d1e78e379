//! Page dumps: items that are the whole visible text of a web page, navigation and all.
//!
//! A page is told from wire copy by its many short lines. Its lines are labelled by a small learned model over
//! language-neutral features (see [`features`]); the model file is trained by `cargo run --release --example train-pages`.

pub mod context;
pub mod features;
pub mod model;

use super::dateline::Found;
use super::lines::{Block, End};
use super::rules::Rules;
use super::story::{Structure, Verdict};
use super::{Hints, Label};
use features::Seen;
use model::{CLASS_COUNT, CLASSES, Model, Tree};

/// Whether the item is a page dump: many lines, and a good part of them short ones that are no sentences.
pub(super) fn is_page(blocks: &[Block<'_>]) -> bool {
    if blocks.len() < 30 {
        return false;
    }
    let short = |b: &&Block<'_>| b.shape.words <= 5 && b.shape.end == End::Open && b.shape.digits <= 2;
    let count = blocks.iter().filter(short).count();
    count >= 15 && count * 3 >= blocks.len()
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
    let seen = features::look(rules, blocks);
    let mut verdicts = vec![Verdict::evidence(Label::Boilerplate, "page furniture"); blocks.len()];
    for (i, class) in seen.lines.iter().zip(classify(model, &seen)) {
        let label = CLASSES[class];
        verdicts[*i] = Verdict::evidence(label, reason(label));
    }
    headlines(&seen, &mut verdicts, blocks, hints);
    let story = verdicts.iter().position(|v| v.label == Label::Body).unwrap_or(blocks.len());
    let found: Option<Found<'t, 'r>> =
        blocks.get(story).and_then(|b| rules.agencies.dateline(&text[b.span.clone()], true));
    Structure { verdicts, dateline: found.map(|found| (story, found)), story }
}

fn reason(label: Label) -> &'static str {
    match label {
        Label::Body => "reads like the story",
        Label::Boilerplate => "reads like the page around the story",
        _ => "reads and stands like one",
    }
}

/// A page has one headline: lines that repeat it are it, and so is the one sent beside the text.
fn headlines(seen: &Seen, verdicts: &mut [Verdict<'_>], blocks: &[Block<'_>], hints: &Hints<'_>) {
    let given = hints.headline.map(features::key);
    let first = seen.lines.iter().position(|i| verdicts[*i].label == Label::Headline).map(|at| seen.keys[at]);
    for (i, key) in seen.lines.iter().zip(&seen.keys) {
        if (Some(*key) == given || Some(*key) == first) && blocks[*i].shape.words >= 3 {
            verdicts[*i] = Verdict::evidence(Label::Headline, "the headline, as it stands elsewhere too");
        }
    }
}

/// What the first look gives each class, a line.
#[must_use]
pub fn first_look(trees: &[Tree], seen: &Seen) -> Vec<[f32; CLASS_COUNT]> {
    seen.features.iter().map(|line| context::softmax(model::scores(trees, line))).collect()
}

/// The class of each line that was looked at, as an index into [`model::CLASSES`].
#[must_use]
pub fn classify(model: &Model, seen: &Seen) -> Vec<usize> {
    let wide = context::widen(seen, &first_look(&model.first, seen));
    let choose = |line: &context::Wide| {
        let scores = model::scores(&model.second, line);
        (0..CLASS_COUNT).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
    };
    wide.iter().map(choose).collect()
}
