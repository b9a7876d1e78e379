//! Faults on purpose: what the tests of the guarantees need inside the worker. Without the cargo features `failpoints` and
//! `mutants` nothing of it is compiled, and both macros come to nothing.
//!
//! A *failpoint* is a named moment at which a process can be made to die. A *mutant* is one classic bug, put back by name,
//! to see that a test notices. Both are chosen by the environment, so that one build serves all.

/// A moment at which the process may be made to die.
macro_rules! fault {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}

/// Whether this bug is put back.
#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($name:literal) => {
        $crate::faults::is_mutant($name)
    };
}

/// Whether this bug is put back: never, in a build without mutants.
#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($name:literal) => {
        false
    };
}

/// Arms the failpoint that `COPYDESK_TEST_FAILPOINT` names as `NAME` or `NAME@COUNT`: at its COUNTth passage the process
/// dies, at once and without a chance to clean up. With `/freeze` behind it, it stops there (SIGSTOP) until somebody lets it
/// go on; with `/panic`, that thread panics.
#[cfg(feature = "failpoints")]
pub fn arm() {
    use std::sync::atomic::{AtomicU32, Ordering};

    let Ok(wanted) = std::env::var("COPYDESK_TEST_FAILPOINT") else { return };
    let (place, manner) = wanted.split_once('/').unwrap_or((wanted.as_str(), ""));
    let (name, count) = place.split_once('@').unwrap_or((place, "1"));
    let (name, manner, count) = (name.to_owned(), manner.to_owned(), count.parse().unwrap_or(1));
    let passed = AtomicU32::new(0);
    let said = name.clone();
    let armed = fail::cfg_callback(name, move || {
        if passed.fetch_add(1, Ordering::Relaxed) + 1 != count {
            return;
        }
        match manner.as_str() {
            "freeze" => {
                tracing::error!(failpoint = said, "freezing on purpose");
                freeze();
            }
            "panic" => panic!("on purpose, at {said}"),
            _ => {
                tracing::error!(failpoint = said, "dying on purpose");
                std::process::abort();
            }
        }
    });
    match armed {
        Ok(()) => tracing::info!(failpoint = wanted, "armed"),
        Err(error) => tracing::error!(error, "the failpoint cannot be armed"),
    }
}

/// Stops this process, as no signal handler can.
#[cfg(feature = "failpoints")]
fn freeze() {
    let stop = format!("kill -STOP {}", std::process::id());
    if let Err(error) = std::process::Command::new("sh").args(["-c", &stop]).status() {
        tracing::error!(%error, "this process cannot be stopped");
    }
}

/// Whether `COPYDESK_TEST_MUTANT` names this bug.
#[cfg(feature = "mutants")]
pub fn is_mutant(name: &str) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("COPYDESK_TEST_MUTANT").ok());
    CHOSEN.as_deref() == Some(name)
}
