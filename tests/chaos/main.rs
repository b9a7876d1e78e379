//! Faults without end: three workers, one broker, and a seeded schedule of everything that can go wrong between them.
//!
//! After the last fault everything must come to rest, and the promises are read off the topics: by the test's own books, by
//! `copydesk verify`, and against the set of articles that the input alone calls for. A run in which too little went wrong
//! fails too.
//!
//! ```sh
//! cargo test --features failpoints --test chaos -- --nocapture             # 90 seconds of faults
//! COPYDESK_TEST_CHAOS_SECONDS=600 cargo test --features failpoints --test chaos -- --nocapture
//! COPYDESK_TEST_CHAOS_SEED=17 …                                            # a run again
//! ```

#[path = "../kafka/harness/mod.rs"]
mod harness;

mod input;
mod promises;
mod stage;

use std::time::{Duration, Instant};

use stage::Stage;

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

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A worker is killed, and its successor dies at a failpoint.
    Die(&'static str),
    /// A worker freezes until the group has gone on without it.
    Zombie,
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
    for last in (1..faults.len()).rev() {
        faults.swap(last, dice.below(last + 1));
    }
    faults
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn every_promise_holds_through_every_fault() {
    let seed = number("COPYDESK_TEST_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let span = Duration::from_secs(number("COPYDESK_TEST_CHAOS_SECONDS").unwrap_or(90));
    println!("COPYDESK_TEST_CHAOS_SEED={seed} repeats the schedule of this run");
    let long = span >= Duration::from_secs(300);
    let mut dice = Dice(seed);
    let mut stage = Stage::set(if long { 200_000 } else { 24_000 });
    let started = Instant::now();
    let mut rounds = 0;
    while rounds == 0 || started.elapsed() < span {
        for fault in shuffled(&mut dice) {
            // The first round is complete whatever it takes.
            if rounds > 0 && started.elapsed() >= span {
                break;
            }
            println!("{:6.1} s  {fault:?}", started.elapsed().as_secs_f64());
            stage.feed(span.saturating_sub(started.elapsed()), long);
            stage.suffer(fault, &mut dice, long);
        }
        rounds += 1;
    }
    println!("{:6.1} s  the last fault is over", started.elapsed().as_secs_f64());
    let tally = stage.rest();
    println!("{tally:#?}");
    tally.assert_enough(long);
}
