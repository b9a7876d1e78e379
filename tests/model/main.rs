//! The worker's core against a model of Kafka's transactions, in arbitrary interleavings.
//!
//! Two or three workers share two raw and two normalized partitions. A schedule is a list of numbers; each picks one of the
//! steps that are possible at that moment: poll a record, close a transaction, send its offsets, end it (with or without the
//! answer getting through), move a lane to another worker, expire a session, crash, restart, let a transaction time out, go
//! on with a restore. After the schedule everything heals and runs to rest, and the promises are checked from the logs.
//!
//! `COPYDESK_TEST_MODEL_CASES` sets the number of schedules (default 20,000; `.ci/run` asks for 100,000). A failing schedule is
//! shrunk and printed, and kept in `proptest-regressions` to be run first from then on.

mod kafka;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

use world::World;

fn cases() -> u32 {
    std::env::var("COPYDESK_TEST_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20_000)
}

/// Whether the worker is broken on purpose. Then a failing schedule is neither shrunk nor kept.
fn is_broken() -> bool {
    std::env::var_os("COPYDESK_TEST_MUTANT").is_some()
}

fn persistence() -> Option<Box<dyn FailurePersistence>> {
    let kept = FileFailurePersistence::SourceParallel("proptest-regressions");
    (!is_broken()).then(|| Box::new(kept) as Box<dyn FailurePersistence>)
}

fn run(workers: usize, items: &[(u8, u8, u64)], schedule: &[u16], telling: bool) -> World {
    let mut world = World::new(workers, items, telling);
    schedule.iter().for_each(|choice| world.step(*choice));
    world.heal();
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: if is_broken() { 0 } else { 20_000 },
        failure_persistence: persistence(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_content_is_published_once_in_every_interleaving(
        workers in 2..4usize,
        items in prop::collection::vec((0..6u8, 0..3u8, 1..4u64), 1..14),
        schedule in prop::collection::vec(any::<u16>(), 0..260),
    ) {
        if let Err(broken) = run(workers, &items, &schedule, false).check() {
            prop_assert!(false, "{broken}\n{}", run(workers, &items, &schedule, true).story());
        }
    }
}

/// A test that could not fail would prove nothing: the schedules must have met what they are there for.
#[test]
fn the_schedules_meet_the_faults_they_are_there_for() {
    let mut met = world::Met::default();
    let mut seed = 1u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u16
    };
    for _ in 0..2_000 {
        let items: Vec<_> =
            (0..10).map(|_| ((next() % 6) as u8, (next() % 3) as u8, u64::from(next() % 3 + 1))).collect();
        let mut world = World::new(2 + usize::from(next() % 2), &items, false);
        for _ in 0..200 {
            world.step(next());
        }
        world.heal();
        met.add(&world.met);
    }
    let counts = met.named();
    let missing: Vec<_> = counts.iter().filter(|(_, count)| *count < 50).collect();
    assert!(missing.is_empty(), "hardly met: {missing:?} of {counts:?}");
}
