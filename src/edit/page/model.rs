//! Gradient-boosted trees: the page model as it is stored and asked.
//!
//! The file is a table of thresholds and, for each round and class, one small tree; every number is little-endian. It is
//! written by `cargo run --release --example train-pages`.

use super::context::WIDE;
use super::features::COUNT;
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
    pub feature: [u8; INNER],
    /// The threshold of each inner node.
    pub threshold: [f32; INNER],
    /// What a line that ends there adds to the class's score.
    pub leaf: [f32; LEAVES],
}

/// Trees round by round; in each round one a class: tree `r * CLASS_COUNT + c`.
pub type Trees = Vec<Tree>;

/// The trees of the first look and of the second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// They see [`COUNT`] features.
    pub first: Trees,
    /// They see [`WIDE`] features.
    pub second: Trees,
}

/// The scores of one line, one a class.
#[must_use]
pub fn scores(trees: &[Tree], features: &[f32]) -> [f32; CLASS_COUNT] {
    let mut scores = [0.0; CLASS_COUNT];
    for round in trees.chunks_exact(CLASS_COUNT) {
        for (score, tree) in scores.iter_mut().zip(round) {
            *score += tree.score(features);
        }
    }
    scores
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
    const STRIDE: usize = INNER + 4 * INNER + 2 * LEAVES;
    /// Leaves are stored as multiples of this.
    const STEP: f32 = 1.0 / 4096.0;

    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = self.first.len() + self.second.len();
        let mut bytes = Vec::with_capacity(4 + count * Model::STRIDE);
        bytes.extend_from_slice(&u32::try_from(self.first.len()).unwrap_or(0).to_le_bytes());
        for tree in self.first.iter().chain(&self.second) {
            bytes.extend_from_slice(&tree.feature);
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
            tree.feature.copy_from_slice(&b[..INNER]);
            for (t, raw) in tree.threshold.iter_mut().zip(b[INNER..].chunks_exact(4)) {
                *t = f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]);
            }
            for (leaf, raw) in tree.leaf.iter_mut().zip(b[5 * INNER..].chunks_exact(2)) {
                *leaf = f32::from(i16::from_le_bytes([raw[0], raw[1]])) * Model::STEP;
            }
            tree
        };
        let Some((count, bytes)) = bytes.split_first_chunk::<4>() else { return Model::default() };
        let mut first: Trees = bytes.chunks_exact(Model::STRIDE).map(tree).collect();
        let second = first.split_off(first.len().min(u32::from_le_bytes(*count) as usize));
        let sound =
            |trees: &Trees, limit: usize| trees.iter().all(|t| t.feature.iter().all(|f| usize::from(*f) < limit));
        if sound(&first, COUNT) && sound(&second, WIDE) { Model { first, second } } else { Model::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_model_comes_back_as_it_was() {
        let mut tree = Tree { feature: [1; INNER], threshold: [0.5; INNER], leaf: [0.25; LEAVES] };
        tree.leaf[LEAVES - 1] = -1.0;
        let model = Model { first: vec![tree.clone(); CLASS_COUNT], second: vec![tree; CLASS_COUNT] };
        assert_eq!(Model::from_bytes(&model.to_bytes()), model);
        let mut features = [0.0; COUNT];
        assert_eq!(scores(&model.first, &features), [0.25; CLASS_COUNT]);
        features[1] = 1.0;
        assert_eq!(scores(&model.first, &features), [-1.0; CLASS_COUNT]);
    }
}
