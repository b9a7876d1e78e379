//! Waiting with a deadline, and saying what was last seen when it passes.

use std::thread;
use std::time::{Duration, Instant};

/// Calls `probe` until it answers, and panics with its last explanation when that takes longer than `within`.
#[track_caller]
pub fn eventually<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match probe() {
            Ok(found) => return found,
            Err(state) if started.elapsed() > within => panic!("{what}: not within {within:?}; last seen: {state}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Shorthand for [`Duration::from_secs`].
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
