//! The habits of a page: what follows a line that stands on it again and again is mostly of one kind, a paragraph behind
//! `Advertisement`, a teaser behind `Read also`.

use std::hash::BuildHasherDefault;

use hashbrown::HashMap;

use super::context::{BODY, Chances};
use super::features::Seen;
use crate::edit::words::Same;

/// Numbers of [`Habits::numbers`].
pub(super) const NUMBERS: usize = 8;

/// For each of four places around a line, by the line that stands there: the chances of being story, added up.
pub(super) struct Habits([HashMap<u64, f32, BuildHasherDefault<Same>>; 4]);

impl Habits {
    pub(super) fn of(seen: &Seen, chances: &[Chances]) -> Habits {
        let mut habits: [HashMap<u64, f32, _>; 4] = Default::default();
        for (around, chances) in seen.around.iter().zip(chances) {
            for (habit, near) in habits.iter_mut().zip(around) {
                if let Some((key, _)) = near.filter(|(_, count)| *count > 1) {
                    *habit.entry(key).or_insert(0.0) += chances[BODY];
                }
            }
        }
        Habits(habits)
    }

    /// For each place around line `i`: how often what stands there stands on the page besides, and how much of that is
    /// beside story.
    pub(super) fn numbers(&self, seen: &Seen, chances: &[Chances], i: usize) -> [f32; NUMBERS] {
        let mut numbers = [-1.0; NUMBERS];
        for ((slot, habit), near) in numbers.chunks_exact_mut(2).zip(&self.0).zip(&seen.around[i]) {
            if let Some((key, count)) = near.filter(|(_, count)| *count > 1) {
                let others = (count - 1) as f32;
                let body = habit.get(&key).map_or(0.0, |sum| sum - chances[i][BODY]);
                slot.copy_from_slice(&[others.min(20.0), body / others]);
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::page::context::BOILERPLATE;
    use crate::edit::page::testing::{chances, seen};

    #[test]
    fn what_stands_above_a_line_tells_what_it_is_where_it_stands_elsewhere() {
        let lines = [
            "Harbour picks",
            "Ferries are late",
            "Tides",
            "Harbour picks",
            "Harbour quiz",
            "Lamps",
            "Harbour picks",
            "Storms",
        ];
        let seen = seen(&lines);
        let mut guesses = chances(&[BOILERPLATE; 8]);
        let above = |guesses: &[Chances], i: usize| {
            let numbers = Habits::of(&seen, guesses).numbers(&seen, guesses, i);
            [numbers[2], numbers[3]]
        };
        guesses[1][BODY] = 0.8;
        guesses[4][BODY] = 0.6;
        let [others, body] = above(&guesses, 7);
        assert!(others == 2.0 && (body - 0.7).abs() < 1e-6, "{body}");
        let [_, body] = above(&guesses, 4);
        assert!((body - 0.405).abs() < 1e-6, "without the line itself: {body}");
        assert_eq!(above(&guesses, 5), [-1.0; 2], "the quiz stands there once");
    }
}
