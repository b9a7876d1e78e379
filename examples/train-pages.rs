//! Trains the page model.
//!
//!   zcat ../shared/eval/pages-dev.jsonl.gz | cargo run --release --example train-pages -- src/edit/page/model.bin
//!
//! Reads labelled pages, one JSON object a line: {"id": "country/Publisher_date", "lines": […], "labels": […]}. Reports the
//! figures of the whole edit desk on publishers that the model did not see (five folds; `--repeats N` for more than one way
//! to part them), on their pages and on clippings of these, then trains on all pages and writes the model. Deterministic.
//! Without a path it only reports.

#[path = "train-pages/boost.rs"]
mod boost;

use std::io::BufRead;

use anyhow::Context;
use boost::{Boost, Sample};
use copydesk::edit::page::context::widen;
use copydesk::edit::page::features::{Page, Seen};
use copydesk::edit::page::matrix::Matrix;
use copydesk::edit::page::model::{CLASS_COUNT, CLASSES, Model, chances};
use copydesk::edit::{Copy, Desk, Hints, Label};
use copydesk::evaluate::{Gold, Tally};
use copydesk::wire;

const FOLDS: u64 = 5;
const INNER_FOLDS: u64 = 5;

const GATE: Boost = Boost { rounds: 40, rate: 0.15, features: 0.4, ..Boost::USUAL };
const FIRST: Boost = Boost { rounds: 50, ..Boost::USUAL };
const SECOND: Boost = Boost { rounds: 80, ..Boost::USUAL };

/// A labelled page.
struct Labelled {
    publisher: String,
    gold: Gold,
    text: String,
    page: Page,
    /// Class and words of each line; no class where people did not agree.
    lines: Vec<(Option<usize>, f32)>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut repeats = 1;
    if arguments.next_if(|a| a == "--repeats").is_some() {
        repeats = arguments.next().context("--repeats needs a number")?.parse()?;
    }
    let mut desk = Desk::builtin()?;
    let (mut pages, mut clippings) = (Vec::new(), Vec::new());
    for line in std::io::stdin().lock().lines() {
        let gold = Gold::parse(line?.as_bytes())?;
        clippings.push(labelled(&desk, clipping(&gold)));
        pages.push(labelled(&desk, gold));
    }
    let mut publishers: Vec<&str> = pages.iter().map(|p| p.publisher.as_str()).collect();
    publishers.sort_unstable();
    publishers.dedup();
    println!("{} pages, {} publishers", pages.len(), publishers.len());
    let (mut all, mut all_clippings) = (Tally::default(), Tally::default());
    let mut worst = Vec::new();
    for repeat in 0..repeats {
        let (mut tally, mut of_clippings) = (Tally::default(), Tally::default());
        for (fold, model) in (0..FOLDS).zip(held_out_models(&desk, &pages, repeat)) {
            desk.set_page_model(model);
            let inside = |p: &&Labelled| fold_of(&p.publisher, 2 * repeat, FOLDS) == fold;
            worst.extend(pages.iter().filter(inside).map(|p| measure(&desk, p, &mut tally)));
            clippings.iter().filter(inside).for_each(|p| drop(measure(&desk, p, &mut of_clippings)));
        }
        report(&format!("held out, {}", repeat + 1), &tally);
        report(&format!("clippings, {}", repeat + 1), &of_clippings);
        all.merge(&tally);
        all_clippings.merge(&of_clippings);
    }
    report("held out", &all);
    report("clippings", &all_clippings);
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    worst.iter().take(24).for_each(|(error, id)| println!("  {error:.3} {id}"));
    if let Some(path) = arguments.next() {
        let model = train_model(&desk, &pages.iter().collect::<Vec<_>>(), 1);
        let bytes = model.to_bytes();
        println!("{path}: {} bytes", bytes.len());
        std::fs::write(path, bytes)?;
        desk.set_page_model(model);
        let mut tally = Tally::default();
        pages.iter().for_each(|p| drop(measure(&desk, p, &mut tally)));
        report("seen", &tally);
    }
    Ok(())
}

/// For each fold the model that learns from the others, each on a thread of its own.
fn held_out_models(desk: &Desk, pages: &[Labelled], repeat: u64) -> Vec<Model> {
    let train = |fold| {
        let others: Vec<_> = pages.iter().filter(|p| fold_of(&p.publisher, 2 * repeat, FOLDS) != fold).collect();
        train_model(&desk.clone(), &others, 2 * repeat + 1)
    };
    std::thread::scope(|scope| {
        let folds: Vec<_> = (0..FOLDS).map(|fold| scope.spawn(move || train(fold))).collect();
        folds.into_iter().map(|fold| fold.join().expect("a fold trains")).collect()
    })
}

/// A page's story with 3 to 15 lines before it and up to 25 behind.
fn clipping(page: &Gold) -> Gold {
    let hash = blake3::hash(page.id.as_bytes());
    let some = |byte: usize, most: usize| usize::from(hash.as_bytes()[byte]) % (most + 1);
    let story = |line: &(String, Option<Label>)| line.1 == Some(Label::Body);
    let first = page.lines.iter().position(story).unwrap_or(0);
    let last = page.lines.iter().rposition(story).unwrap_or(0);
    let to = (last + 1 + some(1, 25)).min(page.lines.len());
    Gold { lines: page.lines[first.saturating_sub(3 + some(0, 12))..to].to_vec(), ..page.clone() }
}

fn labelled(desk: &Desk, gold: Gold) -> Labelled {
    let texts: Vec<&str> = gold.lines.iter().map(|(text, _)| text.as_str()).collect();
    let text = wire::folded(&texts.join("\n")).into_owned();
    let page = desk.glance_at_page(&text);
    let class = |label: Label| CLASSES.iter().position(|c| *c == label);
    // A line of invisible marks only is no line once it is folded.
    let lines = gold.lines.iter().filter(|(text, _)| !wire::folded(text).trim().is_empty());
    let lines =
        lines.map(|(text, label)| (label.and_then(class), text.split_whitespace().count().max(1) as f32)).collect();
    let publisher = gold.id.split_once("_20").map_or(gold.id.as_str(), |(name, _)| name).to_owned();
    Labelled { publisher, text, page, lines, gold }
}

/// Which of `folds` parts a publisher is in, in one of many ways to part them.
fn fold_of(publisher: &str, way: u64, folds: u64) -> u64 {
    let hash = blake3::hash(format!("{way}{publisher}").as_bytes());
    u64::from(hash.as_bytes()[0]) % folds
}

/// Edits one page and counts how it came out; its share of words on the wrong side.
fn measure(desk: &Desk, page: &Labelled, tally: &mut Tally) -> (f64, String) {
    let texts: Vec<&str> = page.gold.lines.iter().map(|(text, _)| text.as_str()).collect();
    let text = wire::folded(&texts.join("\n\n")).into_owned();
    let copy: Copy<'_> = desk.edit(&text, &Hints::default());
    let outcome = tally.add(&page.gold, Some(&copy));
    let moved: u64 = outcome.wrong.iter().filter(|w| w.moves_body()).map(|w| w.words).sum();
    (moved as f64, page.gold.id.clone())
}

fn report(name: &str, tally: &Tally) {
    let figures = tally.figures();
    print!(
        "{name}: body F1 {:.4} false removal {:.4} leak {:.4} |",
        figures.body.f1, figures.false_removal, figures.leak
    );
    figures.labels.iter().for_each(|(label, score)| print!(" {} {:.3}", label.name(), score.f1));
    println!();
}

/// The gate, the first trees on what the gate lets through, the second on what the first say: each part learns from what the
/// part before it says of pages that it was not trained on.
fn train_model(desk: &Desk, pages: &[&Labelled], way: u64) -> Model {
    let inside = |page: &Labelled, fold: u64| fold_of(&page.publisher, way, INNER_FOLDS) == fold;
    let mut seen: Vec<Seen> = vec![Seen::default(); pages.len()];
    for fold in 0..INNER_FOLDS {
        let train: Vec<&Labelled> = pages.iter().copied().filter(|p| !inside(p, fold)).collect();
        let gate = GATE.train(&gate_samples(&train), 1);
        for (seen, page) in seen.iter_mut().zip(pages).filter(|(_, p)| inside(p, fold)) {
            *seen = desk.see_page(&page.text, &page.page, &gate);
        }
    }
    let firsts: Vec<&Matrix> = seen.iter().map(|s| &s.first).collect();
    let mut wide: Vec<Matrix> = vec![Matrix::default(); pages.len()];
    for fold in 0..INNER_FOLDS {
        let train: Vec<usize> = (0..pages.len()).filter(|i| !inside(pages[*i], fold)).collect();
        let first = FIRST.train(&samples(pages, &seen, &firsts, train), CLASS_COUNT);
        for i in (0..pages.len()).filter(|i| inside(pages[*i], fold)) {
            wide[i] = widen(&seen[i], &chances(&first, &seen[i].first));
        }
    }
    let all = || (0..pages.len()).collect();
    let wides: Vec<&Matrix> = wide.iter().collect();
    Model {
        gate: GATE.train(&gate_samples(pages), 1),
        first: FIRST.train(&samples(pages, &seen, &firsts, all()), CLASS_COUNT),
        second: SECOND.train(&samples(pages, &seen, &wides, all()), CLASS_COUNT),
    }
}

fn gate_samples<'p>(pages: &[&'p Labelled]) -> Vec<Sample<'p>> {
    let mut samples = Vec::new();
    for page in pages {
        for (line, features) in page.page.lines.iter().map(|i| page.lines[*i]).zip(page.page.gate.rows()) {
            let Some(class) = line.0 else { continue };
            let other = u8::from(CLASSES[class] != Label::Boilerplate);
            samples.push(Sample { class: usize::from(other), weight: weight(line.1), features });
        }
    }
    samples
}

fn samples<'m>(pages: &[&Labelled], seen: &[Seen], features: &[&'m Matrix], which: Vec<usize>) -> Vec<Sample<'m>> {
    let mut samples = Vec::new();
    for p in which {
        for (line, features) in seen[p].lines.iter().map(|i| pages[p].lines[*i]).zip(features[p].rows()) {
            let Some(class) = line.0 else { continue };
            samples.push(Sample { class, weight: weight(line.1), features });
        }
    }
    samples
}

/// Long lines count for more: the figures are weighted by words.
fn weight(words: f32) -> f32 {
    0.5 + (words.min(120.0) / 8.0).sqrt()
}
