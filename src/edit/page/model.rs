//! Gradient-boosted trees: the page model as it is stored and asked.
//!
//! The file is a table of thresholds and, for each round and class, one small tree; every number is little-endian. It is
//! written by `cargo run --release --example train-pages`.

use super::context::{SECOND, softmax};
use super::features::{FIRST, GATE};
use super::matrix::Matrix;
use crate::edit::Label;

/// The labels a line of a page may get, in the order of the model's classes.
pub const CLASSES: [Label; 8] = [
    Label::Boilerplate,
    Label::Body,
    Label::Subhead,
    Label::Headline,
    Label::Byline,
    Label::Date,
    Label::Caption,
    Label::Credit,
];

/// How many classes there are.
pub const CLASS_COUNT: usize = CLASSES.len();

/// Splits on the way down a tree.
pub const DEPTH: usize = 4;
const INNER: usize = (1 << DEPTH) - 1;
const LEAVES: usize = 1 << DEPTH;

/// A full binary tree: node `i` sends a line to `2i + 1`, or to `2i + 2` if the feature is above the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The feature each inner node looks at.
    pub feature: [u16; INNER],
    /// The threshold of each inner node.
    pub threshold: [f32; INNER],
    /// What a line that ends there adds to the class's score.
    pub leaf: [f32; LEAVES],
}

/// Trees round by round; in each round one a class: tree `r * CLASS_COUNT + c`.
pub type Trees = Vec<Tree>;

/// The trees of the gate, of the first look and of the second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// One a round; they see [`GATE`] features and say whether a line is anything but boilerplate.
    pub gate: Trees,
    /// They see [`FIRST`] features.
    pub first: Trees,
    /// They see [`SECOND`] features.
    pub second: Trees,
}

/// The chance of each line of being anything but boilerplate.
#[must_use]
pub fn gate(trees: &[Tree], lines: &Matrix) -> Vec<f32> {
    let mut scores = vec![0.0f32; lines.len()];
    for tree in trees {
        for (score, line) in scores.iter_mut().zip(lines.rows()) {
            *score += tree.score(line);
        }
    }
    scores.iter_mut().for_each(|s| *s = 1.0 / (1.0 + (-*s).exp()));
    scores
}

/// What the trees give each class, a line.
#[must_use]
pub fn chances(trees: &[Tree], lines: &Matrix) -> Vec<[f32; CLASS_COUNT]> {
    let mut scores = vec![[0.0f32; CLASS_COUNT]; lines.len()];
    for round in trees.chunks_exact(CLASS_COUNT) {
        for (class, tree) in round.iter().enumerate() {
            // Lines do not wait for each other: the processor walks several of them down a tree at once.
            for (scores, line) in scores.iter_mut().zip(lines.rows()) {
                scores[class] += tree.score(line);
            }
        }
    }
    scores.into_iter().map(softmax).collect()
}

impl Tree {
    /// What the tree says of one line.
    #[must_use]
    pub fn score(&self, features: &[f32]) -> f32 {
        let mut node = 0;
        while node < INNER {
            let above = features[usize::from(self.feature[node])] > self.threshold[node];
            node = 2 * node + 1 + usize::from(above);
        }
        self.leaf[node - INNER]
    }
}

impl Model {
    /// Bytes of one stored tree.
    const STRIDE: usize = 2 * INNER + 4 * INNER + 2 * LEAVES;
    /// Leaves are stored as multiples of this.
    const STEP: f32 = 1.0 / 4096.0;

    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts = [&self.gate, &self.first, &self.second];
        let count: usize = parts.iter().map(|trees| trees.len()).sum();
        let mut bytes = Vec::with_capacity(8 + count * Model::STRIDE);
        for trees in &parts[..2] {
            bytes.extend_from_slice(&u32::try_from(trees.len()).unwrap_or(0).to_le_bytes());
        }
        for tree in parts.into_iter().flatten() {
            tree.feature.iter().for_each(|f| bytes.extend_from_slice(&f.to_le_bytes()));
            tree.threshold.iter().for_each(|t| bytes.extend_from_slice(&t.to_le_bytes()));
            for leaf in &tree.leaf {
                let steps = (leaf / Model::STEP).round().clamp(f32::from(i16::MIN), f32::from(i16::MAX));
                bytes.extend_from_slice(&(steps as i16).to_le_bytes());
            }
        }
        bytes
    }

    /// The model of a stored form; an empty one if its trees look at features that there are none of.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Model {
        let tree = |b: &[u8]| {
            let mut tree = Tree { feature: [0; INNER], threshold: [0.0; INNER], leaf: [0.0; LEAVES] };
            for (f, raw) in tree.feature.iter_mut().zip(b.chunks_exact(2)) {
                *f = u16::from_le_bytes([raw[0], raw[1]]);
            }
            for (t, raw) in tree.threshold.iter_mut().zip(b[2 * INNER..].chunks_exact(4)) {
                *t = f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]);
            }
            for (leaf, raw) in tree.leaf.iter_mut().zip(b[6 * INNER..].chunks_exact(2)) {
                *leaf = f32::from(i16::from_le_bytes([raw[0], raw[1]])) * Model::STEP;
            }
            tree
        };
        let Some((gates, bytes)) = bytes.split_first_chunk::<4>() else { return Model::default() };
        let Some((firsts, bytes)) = bytes.split_first_chunk::<4>() else { return Model::default() };
        let mut gate: Trees = bytes.chunks_exact(Model::STRIDE).map(tree).collect();
        let mut first = gate.split_off(gate.len().min(u32::from_le_bytes(*gates) as usize));
        let second = first.split_off(first.len().min(u32::from_le_bytes(*firsts) as usize));
        let sound =
            |trees: &Trees, limit: usize| trees.iter().all(|t| t.feature.iter().all(|f| usize::from(*f) < limit));
        let all = sound(&gate, GATE) && sound(&first, FIRST) && sound(&second, SECOND);
        if all { Model { gate, first, second } } else { Model::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_model_comes_back_as_it_was() {
        let mut tree = Tree { feature: [1; INNER], threshold: [0.5; INNER], leaf: [0.25; LEAVES] };
        tree.leaf[LEAVES - 1] = -1.0;
        let trees = vec![tree; CLASS_COUNT];
        let model = Model { gate: trees[..1].to_vec(), first: trees.clone(), second: trees.clone() };
        assert_eq!(Model::from_bytes(&model.to_bytes()), model);
        let mut features = [0.0; GATE];
        assert_eq!(trees[0].score(&features), 0.25);
        features[1] = 1.0;
        assert_eq!(trees[0].score(&features), -1.0);
    }
}
