//! Faults without end: three workers, the brokers under them, and a seeded schedule of everything that can go wrong between
//! them. One test has one broker behind a proxy ([`stage`]), the other three that replicate ([`replicas`]).
//!
//! After every fault the group must go on, and after the last everything must come to rest. Then the promises are read off
//! the topics: by the test's own books, by `copydesk verify`, and against the set of articles that the input alone calls
//! for. A run in which too little went wrong fails too.
//!
//! ```sh
//! cargo test --features failpoints --test chaos -- --nocapture every_fault   # one round of every fault
//! cargo test --features failpoints --test chaos -- --nocapture leaders       # one round on three brokers
//! COPYDESK_TEST_CHAOS_ROUNDS=6 …                                             # 200,000 items
//! COPYDESK_TEST_CHAOS_RUNS=2 …                                               # other faults, and the same articles
//! COPYDESK_TEST_CHAOS_SEED=17 …                                              # a schedule again
//! COPYDESK_TEST_CHAOS_KAFKA=4.3.1 …                                          # three brokers of another version
//! ```

#[path = "../kafka/harness/mod.rs"]
mod harness;

mod group;
mod input;
mod promises;
mod replicas;
mod stage;
mod tally;

use std::collections::BTreeSet;

use tally::Tally;

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).expect("31 bits") % bound
    }

    /// So many rounds of faults, each drawn by `round`.
    pub fn schedule<T>(&mut self, rounds: usize, round: impl Fn(&mut Dice) -> Vec<T>) -> Vec<T> {
        (0..rounds).flat_map(|_| round(self)).collect()
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

/// Where a worker can be made to die.
pub const FAILPOINTS: [&str; 6] =
    ["after-produce", "before-offsets", "before-commit", "after-commit", "mid-restore", "in-revoke"];

/// From so many rounds on a run is a long one: more items, longer outages, more to be shown.
pub const LONG: usize = 4;

/// How many items a run of so many rounds sends.
pub const fn items(rounds: usize) -> u64 {
    if rounds >= LONG { 200_000 } else { 12_000 }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Plays a schedule as often as asked for, each time with another seed, and holds what was published against each other.
fn play(run: impl Fn(u64, usize) -> (Tally, BTreeSet<String>), missing: impl Fn(&Tally, usize) -> Vec<String>) {
    let seed = number("COPYDESK_TEST_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let rounds = number("COPYDESK_TEST_CHAOS_ROUNDS").map_or(1, |rounds| usize::try_from(rounds).expect("few rounds"));
    let mut published: Option<BTreeSet<String>> = None;
    let mut shown_too_little = Vec::new();
    for seed in (seed..).take(number("COPYDESK_TEST_CHAOS_RUNS").map_or(1, |runs| usize::try_from(runs).expect("few")))
    {
        println!("COPYDESK_TEST_CHAOS_SEED={seed} repeats the schedule of this run");
        let (tally, articles) = run(seed, rounds);
        println!("          {} articles", articles.len());
        shown_too_little.extend(missing(&tally, rounds));
        let first = published.get_or_insert_with(|| articles.clone());
        let differing: Vec<_> = first.symmetric_difference(&articles).take(4).collect();
        assert!(differing.is_empty(), "other faults, other articles: {differing:#?}");
    }
    assert!(shown_too_little.is_empty(), "this has shown too little: {}", shown_too_little.join(", "));
}

#[test]
fn every_promise_holds_through_every_fault() {
    play(stage::run, Tally::missing);
}

#[test]
fn every_promise_holds_while_leaders_and_coordinators_die() {
    play(replicas::run, replicas::missing);
}
