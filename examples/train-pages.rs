//! Trains the page model.
//!
//!   zcat ../shared/eval/pages-dev.jsonl.gz | cargo run --release --example train-pages -- src/edit/page/model.bin
//!
//! Reads labelled pages, one JSON object a line: {"id": "country/Publisher_date", "lines": […], "labels": […]}. Reports the
//! figures on held-out publishers (five folds), then trains on all of them and writes the model. Deterministic. Without a
//! path it only reports.

use std::collections::BTreeMap;
use std::io::BufRead;

use copydesk::edit::page::context::{softmax, widen};
use copydesk::edit::page::features::Seen;
use copydesk::edit::page::model::{CLASS_COUNT, CLASSES, DEPTH, Model, Tree, Trees};
use copydesk::edit::page::{classify, first_look};
use copydesk::edit::{Desk, Label};

const BINS: usize = 48;
const FIRST_ROUNDS: usize = 50;
const SECOND_ROUNDS: usize = 80;
const INNER_FOLDS: u64 = 3;
const NAVIGATION: f32 = 0.3;
const RATE: f32 = 0.1;
const LAMBDA: f32 = 6.0;
const MIN_HESSIAN: f32 = 2.0;
const ROWS_USED: f32 = 0.7;
const FEATURES_USED: f32 = 0.25;
const FOLDS: u64 = 5;

struct Page {
    publisher: String,
    seen: Seen,
    lines: Vec<Line>,
}

struct Line {
    /// None: ambiguous.
    class: Option<usize>,
    words: f32,
}

fn main() -> anyhow::Result<()> {
    let desk = Desk::builtin()?;
    let mut pages = Vec::new();
    for line in std::io::stdin().lock().lines() {
        pages.push(page(&desk, &serde_json::from_str(&line?)?)?);
    }
    let mut publishers: Vec<&str> = pages.iter().map(|p| p.publisher.as_str()).collect();
    publishers.sort_unstable();
    publishers.dedup();
    println!(
        "{} pages, {} publishers, {} lines",
        pages.len(),
        publishers.len(),
        pages.iter().map(|p| p.lines.len()).sum::<usize>()
    );
    let mut held_out = Figures::default();
    for fold in 0..FOLDS {
        let (test, train): (Vec<_>, Vec<_>) = pages.iter().partition(|p| fold_of(&p.publisher) == fold);
        let model = train_model(&train);
        test.iter().for_each(|p| held_out.add(&model, p));
    }
    println!("held-out publishers: {held_out}");
    let model = train_model(&pages.iter().collect::<Vec<_>>());
    let mut seen = Figures::default();
    pages.iter().for_each(|p| seen.add(&model, p));
    println!("seen:                {seen}");
    if let Some(path) = std::env::args().nth(1) {
        let bytes = model.to_bytes();
        println!("{path}: {} trees, {} bytes", model.first.len() + model.second.len(), bytes.len());
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn page(desk: &Desk, gold: &serde_json::Value) -> anyhow::Result<Page> {
    let strings = |key: &str| -> Vec<String> {
        let list = gold[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|v| v.as_str()).map(fold).collect()
    };
    let (lines, labels) = (strings("lines"), strings("labels"));
    let seen = desk.look_at_page(&lines.join("\n"));
    anyhow::ensure!(lines.len() == labels.len(), "{}: lines do not match", gold["id"]);
    let id = gold["id"].as_str().unwrap_or_default();
    let publisher = id.split_once("_20").map_or(id, |(name, _)| name).to_owned();
    let lines = lines
        .iter()
        .zip(&labels)
        .map(|(text, label)| Line {
            class: Label::from_name(label).and_then(|l| CLASSES.iter().position(|c| *c == l)),
            words: text.split_whitespace().count().max(1) as f32,
        })
        .collect();
    Ok(Page { publisher, seen, lines })
}

/// What decoding does to a line before it is edited.
fn fold(text: &str) -> String {
    let text: String = text.chars().filter(|c| !matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}')).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "·".to_owned() } else { text }
}

fn fold_of(publisher: &str) -> u64 {
    let hash = blake3::hash(publisher.as_bytes());
    u64::from(hash.as_bytes()[0]) % FOLDS
}

/// The scorer's figures.
#[derive(Default)]
struct Figures {
    kept: f32,
    right: f32,
    body: f32,
    leak: f32,
    counts: BTreeMap<usize, (f32, f32, f32)>,
}

impl Figures {
    fn add(&mut self, model: &Model, page: &Page) {
        let body = CLASSES.iter().position(|c| *c == Label::Body);
        let mut classes = vec![0; page.lines.len()];
        page.seen.lines.iter().zip(classify(model, &page.seen)).for_each(|(i, class)| classes[*i] = class);
        for (line, got) in page.lines.iter().zip(classes) {
            let Some(want) = line.class else { continue };
            if Some(want) == body {
                self.body += line.words;
            }
            if Some(got) == body {
                self.kept += line.words;
                if Some(want) == body {
                    self.right += line.words;
                }
                if CLASSES[want] == Label::Boilerplate {
                    self.leak += line.words;
                }
            }
            if got == want {
                self.counts.entry(want).or_default().0 += 1.0;
            } else {
                self.counts.entry(got).or_default().1 += 1.0;
                self.counts.entry(want).or_default().2 += 1.0;
            }
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p, r) = (self.right / self.kept.max(1.0), self.right / self.body.max(1.0));
        write!(
            f,
            "body F1 {:.4} false removal {:.4} leak {:.4} |",
            2.0 * p * r / (p + r),
            1.0 - r,
            self.leak / self.kept.max(1.0)
        )?;
        for (class, (tp, fp, fnn)) in &self.counts {
            write!(f, " {} {:.3}", CLASSES[*class].name(), 2.0 * tp / (2.0 * tp + fp + fnn))?;
        }
        Ok(())
    }
}

/// The first trees, then the second on what the first say of pages that they were not trained on.
fn train_model(pages: &[&Page]) -> Model {
    let mut wide: Vec<Vec<Vec<f32>>> = vec![Vec::new(); pages.len()];
    for fold in 0..INNER_FOLDS {
        let inside = |p: &Page| blake3::hash(p.publisher.as_bytes()).as_bytes()[1] as u64 % INNER_FOLDS == fold;
        let train: Vec<&Page> = pages.iter().copied().filter(|p| !inside(p)).collect();
        let trees = boost(&train, &features(&train), FIRST_ROUNDS);
        for (wide, page) in wide.iter_mut().zip(pages).filter(|(_, p)| inside(p)) {
            *wide = widen(&page.seen, &first_look(&trees, &page.seen)).iter().map(|w| w.to_vec()).collect();
        }
    }
    let first = boost(pages, &features(pages), FIRST_ROUNDS);
    let second = boost(pages, &wide, SECOND_ROUNDS);
    Model { first, second }
}

fn features(pages: &[&Page]) -> Vec<Vec<Vec<f32>>> {
    pages.iter().map(|p| p.seen.features.iter().map(|f| f.to_vec()).collect()).collect()
}

/// Gradient boosting on the softmax loss, histogram splits, full trees of [`DEPTH`]. `features`: page, line, number.
fn boost(pages: &[&Page], features: &[Vec<Vec<f32>>], rounds: usize) -> Trees {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut lines: Vec<(&Line, &[f32], f32)> = Vec::new();
    for (page, features) in pages.iter().zip(features) {
        for (line, features) in page.seen.lines.iter().map(|i| &page.lines[*i]).zip(features) {
            let Some(class) = line.class else { continue };
            // Navigation abounds: a part of it stands for the rest.
            let common = CLASSES[class] == Label::Boilerplate && line.words < 8.0;
            if !common {
                lines.push((line, features, weight(line)));
            } else if random.unit() < NAVIGATION {
                lines.push((line, features, weight(line) / NAVIGATION.sqrt()));
            }
        }
    }
    let count = lines.first().map_or(0, |l| l.1.len());
    let edges: Vec<Vec<f32>> = (0..count).map(|f| edges(lines.iter().map(|l| l.1[f]).collect())).collect();
    let bins: Vec<Vec<u8>> =
        (0..count).map(|f| lines.iter().map(|l| edges[f].partition_point(|e| *e < l.1[f]) as u8).collect()).collect();
    let mut scores = vec![[0f32; CLASS_COUNT]; lines.len()];
    let mut trees = Trees::new();
    for _ in 0..rounds {
        let used: Vec<u32> = (0..lines.len() as u32).filter(|_| random.unit() < ROWS_USED).collect();
        let chances: Vec<[f32; CLASS_COUNT]> = scores.iter().map(|s| softmax(*s)).collect();
        for class in 0..CLASS_COUNT {
            let gradients: Vec<(f32, f32)> = lines
                .iter()
                .zip(&chances)
                .map(|((line, _, w), chance)| {
                    let p = chance[class];
                    let y = f32::from(u8::from(line.class == Some(class)));
                    ((p - y) * w, (p * (1.0 - p)).max(1e-4) * w)
                })
                .collect();
            let features: Vec<usize> = (0..count).filter(|_| random.unit() < FEATURES_USED).collect();
            let tree = grow(&bins, &edges, &gradients, used.clone(), &features);
            for (score, (_, features, _)) in scores.iter_mut().zip(&lines) {
                score[class] += tree.score(features);
            }
            trees.push(tree);
        }
    }
    trees
}

/// Long lines count for more: the figures are weighted by words.
fn weight(line: &Line) -> f32 {
    0.5 + (line.words.min(120.0) / 8.0).sqrt()
}

/// Thresholds that part the values of a feature into bins of about equal size.
fn edges(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() <= BINS {
        return distinct[..distinct.len().saturating_sub(1)].to_vec();
    }
    let mut edges: Vec<f32> = (1..BINS).map(|k| values[k * values.len() / BINS]).collect();
    // Most lines are navigation; the rare, long ones need thresholds too.
    edges.extend((1..12).map(|k| distinct[k * distinct.len() / 12]));
    edges.sort_by(f32::total_cmp);
    edges.dedup();
    edges
}

fn grow(bins: &[Vec<u8>], edges: &[Vec<f32>], gradients: &[(f32, f32)], rows: Vec<u32>, features: &[usize]) -> Tree {
    let inner = (1 << DEPTH) - 1;
    let mut tree =
        Tree { feature: [0; (1 << DEPTH) - 1], threshold: [f32::MAX; (1 << DEPTH) - 1], leaf: [0.0; 1 << DEPTH] };
    let mut nodes: Vec<Vec<u32>> = vec![Vec::new(); 2 * inner + 1];
    nodes[0] = rows;
    for node in 0..inner {
        let rows = std::mem::take(&mut nodes[node]);
        let split = best_split(bins, edges, gradients, &rows, features);
        let (left, right) = match split {
            Some((feature, bin)) => {
                tree.feature[node] = feature as u8;
                tree.threshold[node] = edges[feature][bin];
                rows.into_iter().partition(|r| usize::from(bins[feature][*r as usize]) <= bin)
            }
            None => (rows, Vec::new()),
        };
        nodes[2 * node + 1] = left;
        nodes[2 * node + 2] = right;
    }
    for (leaf, rows) in tree.leaf.iter_mut().zip(&nodes[inner..]) {
        let (g, h) =
            rows.iter().fold((0f32, 0f32), |(g, h), r| (g + gradients[*r as usize].0, h + gradients[*r as usize].1));
        *leaf = (-RATE * g / (h + LAMBDA)).clamp(-2.0, 2.0);
    }
    tree
}

fn best_split(
    bins: &[Vec<u8>],
    edges: &[Vec<f32>],
    gradients: &[(f32, f32)],
    rows: &[u32],
    features: &[usize],
) -> Option<(usize, usize)> {
    if rows.len() < 20 {
        return None;
    }
    let total = rows.iter().fold((0f32, 0f32), |t, r| (t.0 + gradients[*r as usize].0, t.1 + gradients[*r as usize].1));
    let value = |g: f32, h: f32| g * g / (h + LAMBDA);
    let mut best = (1e-3, None);
    for &feature in features {
        let mut histogram = [(0f32, 0f32); 256];
        for row in rows {
            let cell = &mut histogram[usize::from(bins[feature][*row as usize])];
            cell.0 += gradients[*row as usize].0;
            cell.1 += gradients[*row as usize].1;
        }
        let mut left = (0f32, 0f32);
        for (bin, cell) in histogram.iter().enumerate().take(edges[feature].len()) {
            left = (left.0 + cell.0, left.1 + cell.1);
            let right = (total.0 - left.0, total.1 - left.1);
            if left.1 < MIN_HESSIAN || right.1 < MIN_HESSIAN {
                continue;
            }
            let gain = value(left.0, left.1) + value(right.0, right.1) - value(total.0, total.1);
            if gain > best.0 {
                best = (gain, Some((feature, bin)));
            }
        }
    }
    best.1
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 24) as f32
    }
}
