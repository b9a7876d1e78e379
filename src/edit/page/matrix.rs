//! Rows of numbers, one a line, in one piece of memory.

/// A table of numbers with rows of one width.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    width: usize,
    values: Vec<f32>,
}

impl Matrix {
    pub(super) fn new(width: usize, rows: usize) -> Matrix {
        Matrix { width, values: Vec::with_capacity(width * rows) }
    }

    pub(super) fn push(&mut self, numbers: &[f32]) {
        self.values.extend_from_slice(numbers);
    }

    /// The row begun last is done.
    pub(super) fn end_row(&mut self) {
        debug_assert_eq!(self.values.len() % self.width, 0, "a row of another width");
    }

    /// The numbers of one line.
    #[must_use]
    pub fn row(&self, line: usize) -> &[f32] {
        &self.values[line * self.width..(line + 1) * self.width]
    }

    /// The numbers of every line.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Sums of a number over any run of lines.
pub(super) struct Sums(Vec<f32>);

impl Sums {
    pub(super) fn of(values: impl Iterator<Item = f32>) -> Sums {
        let mut sums = Vec::with_capacity(values.size_hint().0 + 1);
        let mut sum = 0.0;
        sums.push(sum);
        sums.extend(values.map(|v| {
            sum += v;
            sum
        }));
        Sums(sums)
    }

    /// Over the lines from `from` to before `to`, as far as there are any.
    pub(super) fn between(&self, from: isize, to: isize) -> f32 {
        let last = self.0.len() - 1;
        let clamp = |i: isize| i.max(0).unsigned_abs().min(last);
        self.0[clamp(to).max(clamp(from))] - self.0[clamp(from)]
    }
}

/// The run of lines with the largest sum: first line, and the one after the last.
pub(super) fn largest_run(values: impl Iterator<Item = f32>) -> (usize, usize) {
    let (mut best, mut range) = (f32::MIN, (0, 0));
    let (mut sum, mut start) = (0f32, 0);
    for (i, value) in values.enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, i);
        }
        sum += value;
        if sum > best {
            (best, range) = (sum, (start, i + 1));
        }
    }
    range
}
