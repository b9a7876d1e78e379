//! Waiting with a deadline, and saying what was last seen when it passes.
//!
//! Deadlines count the time in which this process could run. A machine that stands still, or has no time for it, makes a
//! test slower and not false.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the clock ticks, and the most that a tick counts.
const TICK: Duration = Duration::from_millis(20);
const TICK_MAX: Duration = Duration::from_millis(200);

/// The time in which this process could run, since it was first asked for.
pub fn lived() -> Duration {
    static STARTED: Once = Once::new();
    static MICROS: AtomicU64 = AtomicU64::new(0);
    STARTED.call_once(|| {
        thread::spawn(|| {
            let mut last = Instant::now();
            loop {
                thread::sleep(TICK);
                let passed = last.elapsed();
                last = Instant::now();
                if passed > seconds(5) {
                    println!("(this process stood still for {} s)", passed.as_secs());
                }
                let counted = u64::try_from(passed.min(TICK_MAX).as_micros()).expect("a fraction of a second");
                MICROS.fetch_add(counted, Ordering::Relaxed);
            }
        });
    });
    Duration::from_micros(MICROS.load(Ordering::Relaxed))
}

/// Calls `probe` until it answers, and panics with its last explanation when that takes longer than `within`.
#[track_caller]
pub fn eventually<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let started = lived();
    loop {
        match probe() {
            Ok(found) => return found,
            Err(state) if lived() - started > within => panic!("{what}: not within {within:?}; last seen: {state}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Shorthand for [`Duration::from_secs`].
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
