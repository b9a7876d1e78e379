//! Gradient boosting: histogram splits, full trees of [`DEPTH`], on the softmax loss or, for one class, the logistic one.

use copydesk::edit::page::context::softmax;
use copydesk::edit::page::model::{CLASS_COUNT, DEPTH, Tree, Trees};

const BINS: usize = 48;
const LAMBDA: f32 = 6.0;
const MIN_HESSIAN: f32 = 2.0;
const MIN_LINES: usize = 20;
const INNER: usize = (1 << DEPTH) - 1;

/// One line to learn from.
pub struct Sample<'m> {
    pub class: usize,
    pub weight: f32,
    pub features: &'m [f32],
}

/// How to boost.
#[derive(Clone, Copy)]
pub struct Boost {
    pub rounds: usize,
    pub rate: f32,
    /// Share of the samples that a round sees.
    pub samples: f32,
    /// Share of the features that a tree sees.
    pub features: f32,
}

impl Boost {
    pub const USUAL: Boost = Boost { rounds: 50, rate: 0.1, samples: 0.7, features: 0.25 };

    /// Trees round by round, in each round one a class; with one class, trees for class 1 against class 0.
    pub fn train(&self, samples: &[Sample<'_>], classes: usize) -> Trees {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let count = samples.first().map_or(0, |s| s.features.len());
        let edges: Vec<Vec<f32>> = (0..count).map(|f| edges(samples.iter().map(|s| s.features[f]).collect())).collect();
        let bin = |f: usize, s: &Sample<'_>| edges[f].partition_point(|e| *e < s.features[f]) as u8;
        let bins: Vec<Vec<u8>> = (0..count).map(|f| samples.iter().map(|s| bin(f, s)).collect()).collect();
        let mut scores = vec![[0f32; CLASS_COUNT]; samples.len()];
        let mut trees = Trees::new();
        for _ in 0..self.rounds {
            let used: Vec<u32> = (0..samples.len() as u32).filter(|_| random.unit() < self.samples).collect();
            let chances: Vec<[f32; CLASS_COUNT]> =
                scores.iter().map(|s| if classes == 1 { logistic(s) } else { softmax(*s) }).collect();
            for class in 0..classes {
                let target = if classes == 1 { 1 } else { class };
                let gradients: Vec<(f32, f32)> = samples
                    .iter()
                    .zip(&chances)
                    .map(|(sample, chance)| {
                        let p = chance[class];
                        let y = f32::from(u8::from(sample.class == target));
                        ((p - y) * sample.weight, (p * (1.0 - p)).max(1e-4) * sample.weight)
                    })
                    .collect();
                let features: Vec<usize> = (0..count).filter(|_| random.unit() < self.features).collect();
                let growth = Growth { bins: &bins, edges: &edges, gradients: &gradients, features: &features };
                let tree = growth.grow(used.clone(), self.rate);
                for (score, sample) in scores.iter_mut().zip(samples) {
                    score[class] += tree.score(sample.features);
                }
                trees.push(tree);
            }
        }
        trees
    }
}

fn logistic(scores: &[f32; CLASS_COUNT]) -> [f32; CLASS_COUNT] {
    let mut chances = [0.0; CLASS_COUNT];
    chances[0] = 1.0 / (1.0 + (-scores[0]).exp());
    chances
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

/// What a tree grows on.
struct Growth<'a> {
    bins: &'a [Vec<u8>],
    edges: &'a [Vec<f32>],
    gradients: &'a [(f32, f32)],
    features: &'a [usize],
}

impl Growth<'_> {
    fn grow(&self, rows: Vec<u32>, rate: f32) -> Tree {
        let mut tree = Tree { feature: [0; INNER], threshold: [f32::MAX; INNER], leaf: [0.0; INNER + 1] };
        let mut nodes: Vec<Vec<u32>> = vec![Vec::new(); 2 * INNER + 1];
        nodes[0] = rows;
        for node in 0..INNER {
            let rows = std::mem::take(&mut nodes[node]);
            let (left, right) = match self.best_split(&rows) {
                Some((feature, bin)) => {
                    tree.feature[node] = feature as u16;
                    tree.threshold[node] = self.edges[feature][bin];
                    rows.into_iter().partition(|r| usize::from(self.bins[feature][*r as usize]) <= bin)
                }
                None => (rows, Vec::new()),
            };
            nodes[2 * node + 1] = left;
            nodes[2 * node + 2] = right;
        }
        for (leaf, rows) in tree.leaf.iter_mut().zip(&nodes[INNER..]) {
            let (g, h) = self.sum(rows);
            *leaf = (-rate * g / (h + LAMBDA)).clamp(-2.0, 2.0);
        }
        tree
    }

    fn sum(&self, rows: &[u32]) -> (f32, f32) {
        rows.iter().map(|r| self.gradients[*r as usize]).fold((0.0, 0.0), |t, g| (t.0 + g.0, t.1 + g.1))
    }

    fn best_split(&self, rows: &[u32]) -> Option<(usize, usize)> {
        if rows.len() < MIN_LINES {
            return None;
        }
        let total = self.sum(rows);
        let value = |g: f32, h: f32| g * g / (h + LAMBDA);
        let mut best = (1e-3, None);
        for &feature in self.features {
            let mut histogram = [(0f32, 0f32); 64];
            let bins = &self.bins[feature];
            for row in rows {
                let cell = &mut histogram[usize::from(bins[*row as usize] & 63)];
                let gradient = self.gradients[*row as usize];
                *cell = (cell.0 + gradient.0, cell.1 + gradient.1);
            }
            let mut left = (0f32, 0f32);
            for (bin, cell) in histogram.iter().enumerate().take(self.edges[feature].len()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines whose class the first feature tells, and noise in the second.
    fn lines() -> Vec<[f32; 2]> {
        let mut random = Random(7);
        (0..400).map(|i| [(i % 10) as f32, random.unit()]).collect()
    }

    fn samples(lines: &[[f32; 2]], class: impl Fn(f32) -> usize) -> Vec<Sample<'_>> {
        lines.iter().map(|l| Sample { class: class(l[0]), weight: 1.0, features: l }).collect()
    }

    const ALL: Boost = Boost { rounds: 20, rate: 0.3, samples: 1.0, features: 1.1 };

    #[test]
    fn trees_learn_what_tells_classes_apart() {
        let lines = lines();
        let trees = ALL.train(&samples(&lines, |x| usize::from(x >= 4.0)), 1);
        let score = |x: f32| trees.iter().map(|t| t.score(&[x, 0.5])).sum::<f32>();
        assert_eq!(trees.len(), 20);
        assert!(score(3.0) < -1.0 && score(4.0) > 1.0, "{} {}", score(3.0), score(4.0));
    }

    #[test]
    fn each_class_has_a_tree_a_round_and_its_own_lines_score_best() {
        let lines = lines();
        let trees = ALL.train(&samples(&lines, |x| (x / 4.0) as usize), CLASS_COUNT);
        assert_eq!(trees.len(), 20 * CLASS_COUNT);
        for (x, class) in [(1.0, 0), (5.0, 1), (9.0, 2)] {
            let mut scores = [0f32; CLASS_COUNT];
            trees.iter().enumerate().for_each(|(i, t)| scores[i % CLASS_COUNT] += t.score(&[x, 0.5]));
            assert!((0..CLASS_COUNT).all(|c| c == class || scores[c] < scores[class]), "{x}: {scores:?}");
        }
    }

    #[test]
    fn training_is_the_same_every_time() {
        let lines = lines();
        let half = Boost { samples: 0.5, features: 0.5, ..ALL };
        let train = || half.train(&samples(&lines, |x| usize::from(x > 6.0)), 1);
        assert_eq!(train(), train());
    }

    #[test]
    fn few_distinct_values_have_an_edge_each_and_the_last_none() {
        assert_eq!(edges(vec![2.0, 1.0, 1.0, 3.0]), [1.0, 2.0]);
        assert!(edges((0..1000).map(|i| i as f32).collect()).len() < 64, "a bin is one of 64");
    }
}
