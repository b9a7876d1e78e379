//! Faults without end: three workers, one broker, and a seeded schedule of everything that can go wrong between them.
//!
//! After every fault the group must go on, and after the last everything must come to rest. Then the promises are read off
//! the topics: by the test's own books, by `copydesk verify`, and against the set of articles that the input alone calls
//! for. A run in which too little went wrong fails too.
//!
//! ```sh
//! cargo test --features failpoints --test chaos -- --nocapture    # one round of every fault: 90 seconds of a quiet machine
//! COPYDESK_TEST_CHAOS_ROUNDS=6 …                                  # ten minutes, 200,000 items
//! COPYDESK_TEST_CHAOS_RUNS=2 …                                    # again with other faults: the articles must be the same
//! COPYDESK_TEST_CHAOS_SEED=17 …                                   # a schedule again
//! ```

#[path = "../kafka/harness/mod.rs"]
mod harness;

mod input;
mod promises;
mod stage;
mod tally;

use std::collections::BTreeSet;

use harness::wait::lived;
use stage::Stage;
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
}

/// Where a worker can be made to die.
pub const FAILPOINTS: [&str; 6] =
    ["after-produce", "before-offsets", "before-commit", "after-commit", "mid-restore", "in-revoke"];

/// From so many rounds on a run is a long one: more items, longer outages, more to be shown.
pub const LONG: usize = 4;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A worker is killed, and its successor dies at a failpoint.
    Die(&'static str),
    /// A worker freezes until the group has gone on without it.
    Zombie,
    /// A worker freezes at a failpoint, another takes its name, and the frozen one goes on.
    Replaced(&'static str),
    /// Every worker is told to leave, one after the other, and comes back.
    Rolling,
    /// Two of the workers leave and come back later.
    Scale,
    /// The broker is killed and started again.
    BrokerDies,
    /// The broker freezes.
    BrokerFreezes,
    /// The answers to ends of transactions are lost.
    AnswersLost,
    /// All answers are late.
    AnswersLate,
    /// A worker dies in a transaction, and whoever takes over dies before that has timed out.
    HandOverTwice,
}

/// Every fault once, in the order of the dice.
fn shuffled(dice: &mut Dice) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Zombie,
        Fault::Rolling,
        Fault::Scale,
        Fault::BrokerDies,
        Fault::BrokerFreezes,
        Fault::AnswersLost,
        Fault::AnswersLate,
        Fault::HandOverTwice,
    ];
    faults.extend(FAILPOINTS.map(Fault::Die));
    faults.extend(["after-produce", "before-offsets", "before-commit"].map(Fault::Replaced));
    for last in (1..faults.len()).rev() {
        faults.swap(last, dice.below(last + 1));
    }
    faults
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// One run from its first fault to its books.
fn run(seed: u64, rounds: usize) -> (Tally, BTreeSet<String>) {
    println!("COPYDESK_TEST_CHAOS_SEED={seed} repeats the schedule of this run");
    let long = rounds >= LONG;
    let mut dice = Dice(seed);
    let faults: Vec<Fault> = (0..rounds).flat_map(|_| shuffled(&mut dice)).collect();
    let mut stage = Stage::set(if long { 200_000 } else { 12_000 });
    let started = lived();
    for (number, fault) in faults.iter().enumerate() {
        let begun = (lived() - started).as_secs_f64();
        stage.feed(faults.len() - number);
        let recovered = stage.suffer(*fault, &mut dice, long).as_secs_f64();
        println!("{begun:6.1} s  {:<28} going on after {recovered:.1} s", format!("{fault:?}"));
    }
    println!("{:6.1} s  the last fault is over", (lived() - started).as_secs_f64());
    stage.rest()
}

#[test]
fn every_promise_holds_through_every_fault() {
    let seed = number("COPYDESK_TEST_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let rounds = number("COPYDESK_TEST_CHAOS_ROUNDS").map_or(1, |rounds| usize::try_from(rounds).expect("few rounds"));
    let mut published: Option<BTreeSet<String>> = None;
    let mut shown_too_little = Vec::new();
    for run_number in 0..number("COPYDESK_TEST_CHAOS_RUNS").unwrap_or(1) {
        let (tally, articles) = run(seed + run_number, rounds);
        println!("          {} articles", articles.len());
        shown_too_little.extend(tally.missing(rounds));
        let first = published.get_or_insert_with(|| articles.clone());
        let differing: Vec<_> = first.symmetric_difference(&articles).take(4).collect();
        assert!(differing.is_empty(), "other faults, other articles: {differing:#?}");
    }
    assert!(shown_too_little.is_empty(), "this has shown too little: {}", shown_too_little.join(", "));
}
