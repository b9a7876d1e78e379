//! The dead-letter brake: where too large a share of the raw items becomes dead letters, a process warns, or reads no more
//! of them, rather than shovel a whole misconfigured feed into the dead letters.
//!
//! In: what each committed transaction read and rejected, and what the open one has so far. Out: a warning, or a halt that
//! stands until an operator releases it. One brake serves all workers of a process; it outlives their sessions. What it
//! decides by is [`Window`], a pure function of counts and times.
//!
//! A halted worker keeps its partitions and its place in the group: given up, they would only go to the next replica. It
//! commits what it has taken up to the item that was one too many, goes on deciding what other replicas have edited, and
//! stands at the raw item behind.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    config::{BrakeAction, BrakeSettings},
    reject::Reason,
    telemetry::{BrakeEvent, Health, Metrics},
};

/// A window moves on in so many steps.
const STEPS: u32 = 60;

/// Raw items, and how many of them became dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Raw items read.
    pub read: u64,
    /// Those of them that were rejected.
    pub rejected: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.read += other.read;
        self.rejected += other.rejected;
    }

    /// Whether these are too many dead letters: enough of them, and enough of all.
    pub fn exceeds(self, settings: &BrakeSettings) -> bool {
        self.rejected >= u64::from(settings.minimum) && self.rejected as f64 >= settings.share * self.read as f64
    }
}

/// What was read and rejected lately.
#[derive(Clone, Debug)]
pub struct Window {
    step: Duration,
    /// The number of a step, and what happened in it; the oldest first.
    steps: VecDeque<(u128, Tally)>,
}

impl Window {
    /// A window of this length.
    pub fn new(length: Duration) -> Window {
        Window { step: (length / STEPS).max(Duration::from_millis(1)), steps: VecDeque::new() }
    }

    /// Counts what happened at `now`, a time since any fixed moment.
    pub fn add(&mut self, now: Duration, tally: Tally) {
        let step = self.forget(now);
        match self.steps.back_mut() {
            Some((last, sum)) if *last >= step => sum.add(tally),
            _ => self.steps.push_back((step, tally)),
        }
    }

    /// The sum over the window that ends at `now`.
    pub fn sum(&mut self, now: Duration) -> Tally {
        self.forget(now);
        let mut sum = Tally::default();
        self.steps.iter().for_each(|(_, tally)| sum.add(*tally));
        sum
    }

    /// Drops what is older than the window; answers the number of the present step.
    fn forget(&mut self, now: Duration) -> u128 {
        let step = now.as_millis() / self.step.as_millis().max(1);
        while self.steps.front().is_some_and(|(old, _)| old + u128::from(STEPS) <= step) {
            self.steps.pop_front();
        }
        step
    }
}

/// The brake of a process.
pub struct Brake {
    settings: BrakeSettings,
    metrics: Metrics,
    health: Arc<Health>,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    window: Window,
    warned: Option<Duration>,
    halted: bool,
}

impl Brake {
    /// A brake that has seen nothing yet.
    pub fn new(settings: BrakeSettings, metrics: Metrics, health: Arc<Health>) -> Arc<Brake> {
        let state = State { window: Window::new(settings.window()), warned: None, halted: false };
        Arc::new(Brake { settings, metrics, health, started: Instant::now(), state: Mutex::new(state) })
    }

    /// Whether no raw item may be taken.
    pub fn is_halted(&self) -> bool {
        self.settings.action == BrakeAction::Halt && self.state().halted
    }

    /// A transaction with these counts was committed.
    pub fn committed(&self, tally: Tally) {
        if self.settings.action != BrakeAction::Off && tally.read > 0 {
            let now = self.started.elapsed();
            self.state().window.add(now, tally);
        }
    }

    /// An item was rejected for `reason`, in a transaction that holds `open` with it. Answers whether no further raw item may
    /// be taken.
    pub fn rejected(&self, open: Tally, reason: Reason) -> bool {
        if self.settings.action == BrakeAction::Off {
            return false;
        }
        let now = self.started.elapsed();
        let mut state = self.state();
        let mut sum = state.window.sum(now);
        sum.add(open);
        if state.halted || !sum.exceeds(&self.settings) {
            return state.halted;
        }
        let found = format!(
            "{} of {} raw items within {} s became dead letters, the last of them as {}",
            sum.rejected,
            sum.read,
            self.settings.window_seconds,
            reason.code()
        );
        if self.settings.action == BrakeAction::Halt {
            state.halted = true;
            self.metrics.brake(BrakeEvent::Halted);
            tracing::error!("halted: {found}; no raw item is read until SIGHUP or a restart (see [brake])");
            self.health.halt(Some(found));
        } else if state.warned.is_none_or(|warned| now.saturating_sub(warned) >= self.settings.window()) {
            state.warned = Some(now);
            self.metrics.brake(BrakeEvent::Warned);
            tracing::warn!("{found}: has a feed changed, or a rule? (see [brake])");
        }
        state.halted
    }

    /// Lets a halted process go on, with an empty window.
    pub fn release(&self) {
        let mut state = self.state();
        if state.halted {
            state.halted = false;
            state.window = Window::new(self.settings.window());
            self.health.halt(None);
            tracing::info!("released: raw items are read again");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn settings(action: BrakeAction) -> BrakeSettings {
        BrakeSettings { action, share: 0.5, window_seconds: 60, minimum: 10 }
    }

    fn tally(rejected: u64, read: u64) -> Tally {
        Tally { read, rejected }
    }

    fn brake(action: BrakeAction) -> (Arc<Brake>, Arc<Health>) {
        let health = Health::new(0);
        (Brake::new(settings(action), Metrics::new("r"), Arc::clone(&health)), health)
    }

    #[test]
    fn both_enough_dead_letters_and_a_large_share_are_too_many() {
        for (rejected, read, exceeds) in
            [(0, 0, false), (9, 9, false), (10, 10, true), (10, 20, true), (10, 21, false), (500, 1_000, true)]
        {
            let found = tally(rejected, read).exceeds(&settings(BrakeAction::Halt));
            assert_eq!(found, exceeds, "{rejected} of {read}");
        }
        let all = BrakeSettings { share: 1.0, ..settings(BrakeAction::Halt) };
        assert!(tally(40, 40).exceeds(&all) && !tally(40, 41).exceeds(&all));
    }

    #[test]
    fn a_window_forgets_what_is_older_and_keeps_what_is_not() {
        let mut window = Window::new(60 * S);
        window.add(S, tally(1, 2));
        window.add(30 * S, tally(3, 4));
        window.add(30 * S, tally(1, 1));
        assert_eq!(window.sum(59 * S), tally(5, 7));
        assert_eq!(window.sum(61 * S), tally(4, 5));
        assert_eq!(window.sum(89 * S), tally(4, 5));
        assert_eq!(window.sum(90 * S), tally(0, 0));
    }

    #[test]
    fn a_window_holds_a_bounded_number_of_steps() {
        let mut window = Window::new(60 * S);
        for ms in 0..200_000 {
            window.add(Duration::from_millis(ms), tally(0, 1));
        }
        assert!(window.steps.len() <= 60, "{}", window.steps.len());
        let sum = window.sum(Duration::from_millis(199_999)).read;
        assert!((59_000..=60_000).contains(&sum), "{sum}");
    }

    #[test]
    fn the_item_that_is_one_too_many_halts_and_it_says_why_until_it_is_released() {
        let (brake, health) = brake(BrakeAction::Halt);
        assert!(health.ready().is_ok());
        brake.committed(tally(6, 8));
        assert!(!brake.rejected(tally(3, 3), Reason::Empty));
        assert!(brake.rejected(tally(4, 4), Reason::NoCopy));
        assert!(brake.is_halted());
        let said = health.ready().to_string();
        assert!(said.contains("halted: 10 of 12 raw items within 60 s") && said.contains("no_copy"), "{said}");
        assert!(health.live().is_ok(), "a restart would not help");
        brake.release();
        assert!(!brake.is_halted() && health.ready().is_ok());
        assert!(!brake.rejected(tally(9, 9), Reason::Empty), "the window begins anew");
        assert!(brake.rejected(tally(10, 10), Reason::Empty));
    }

    #[test]
    fn what_an_aborted_transaction_rejected_is_not_counted() {
        let (brake, _) = brake(BrakeAction::Halt);
        for _ in 0..5 {
            assert!(!brake.rejected(tally(9, 9), Reason::Empty));
        }
    }

    #[test]
    fn a_warning_stops_nothing_and_comes_once_a_window() {
        let (brake, health) = brake(BrakeAction::Warn);
        for rejected in 10..200 {
            assert!(!brake.rejected(tally(rejected, rejected), Reason::Empty));
        }
        assert!(!brake.is_halted() && health.ready().is_ok());
        let page = brake.metrics.render().unwrap();
        assert!(page.contains("copydesk_brake_total{event=\"warned\"} 1\n"), "{page}");
        assert!(page.contains("copydesk_brake_total{event=\"halted\"} 0\n"), "{page}");
    }

    #[test]
    fn a_brake_that_is_off_does_nothing() {
        let (brake, _) = brake(BrakeAction::Off);
        brake.committed(tally(1_000, 1_000));
        assert!(!brake.rejected(tally(1_000, 1_000), Reason::Empty));
        assert!(brake.metrics.render().unwrap().contains("copydesk_brake_total{event=\"warned\"} 0\n"));
    }
}
