//! Whether this process lives, and whether it is ready: two questions, never one.
//!
//! *Alive* means that every worker's loop turns. It stays true while Kafka is away, while state is restored and during a
//! rebalance: a restart would help none of these. *Ready* means that every worker has joined the group, has the state of
//! all its partitions, and commits what it reads, and that the dead-letter brake does not hold.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A loop that has not turned for this long hangs.
pub const HEARTBEAT: Duration = Duration::from_secs(60);

/// A worker that has items but has not committed for this long is stuck.
const COMMIT: Duration = Duration::from_secs(30);

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its clients are being built.
    Starting,
    /// It waits for the group to assign partitions.
    Joining,
    /// Some of its partitions wait for their state; the others are served.
    Restoring,
    /// All its partitions are served.
    Running,
    /// It finishes the open transaction and leaves.
    Draining,
    /// It gave up, or panicked.
    Failed,
}

/// The time since some fixed moment.
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The health of all workers of this process.
pub struct Health {
    clock: Clock,
    expected: usize,
    workers: Mutex<Vec<Arc<Worker>>>,
    halted: Mutex<Option<String>>,
}

/// One worker's side of it: what it says about itself. Dropping it signs the worker off; panicking with it marks it failed.
pub struct WorkerHealth {
    worker: Arc<Worker>,
    health: Arc<Health>,
}

struct Worker {
    name: String,
    state: Mutex<State>,
}

/// Plain data behind a lock that only this worker and the rare probe take.
struct State {
    phase: Phase,
    /// Partitions, once the group has assigned any set, be it empty.
    assigned: Option<usize>,
    restoring: usize,
    idle: bool,
    beat: Duration,
    /// The last commit, or the moment since which there is something to commit.
    progress: Duration,
}

/// The answer to a probe, with the reasons when it is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    problems: Vec<String>,
}

impl Verdict {
    /// Whether the answer is yes.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ok() { f.write_str("ok") } else { f.write_str(&self.problems.join("\n")) }
    }
}

impl Health {
    /// The health of a process that is to have `workers` workers.
    pub fn new(workers: usize) -> Arc<Health> {
        let start = std::time::Instant::now();
        Health::with_clock(workers, move || start.elapsed())
    }

    /// The same on a clock of your own: the time since any fixed moment.
    pub fn with_clock(workers: usize, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Arc<Health> {
        Arc::new(Health {
            clock: Arc::new(clock),
            expected: workers,
            workers: Mutex::default(),
            halted: Mutex::default(),
        })
    }

    /// Signs a worker on, in [`Phase::Starting`].
    pub fn register(self: &Arc<Self>, name: impl Into<String>) -> WorkerHealth {
        let now = (self.clock)();
        let state =
            State { phase: Phase::Starting, assigned: None, restoring: 0, idle: true, beat: now, progress: now };
        let worker = Arc::new(Worker { name: name.into(), state: Mutex::new(state) });
        lock(&self.workers).push(Arc::clone(&worker));
        WorkerHealth { worker, health: Arc::clone(self) }
    }

    /// Whether every worker's loop turns. A worker that has ended is not this question's matter: supervision ends the
    /// process with it.
    pub fn live(&self) -> Verdict {
        self.ask(|state, now| {
            let silent = now.saturating_sub(state.beat);
            if state.phase == Phase::Failed {
                Some("failed".into())
            } else if silent >= HEARTBEAT {
                Some(format!("its loop has not turned for {} s", silent.as_secs()))
            } else {
                None
            }
        })
    }

    /// Whether every worker has joined, restored and keeps committing, and none is halted.
    pub fn ready(&self) -> Verdict {
        let mut verdict = self.ask(|state, now| {
            let stalled = now.saturating_sub(state.progress);
            match state.phase {
                Phase::Starting => Some("starting".into()),
                Phase::Draining => Some("draining".into()),
                Phase::Failed => Some("failed".into()),
                Phase::Joining | Phase::Restoring | Phase::Running => match state.assigned {
                    None => Some("has not joined the group yet".into()),
                    Some(assigned) if state.restoring > 0 => {
                        Some(format!("restoring {} of {assigned} partitions", state.restoring))
                    }
                    Some(_) if !state.idle && stalled >= COMMIT => {
                        Some(format!("has items but has not committed for {} s", stalled.as_secs()))
                    }
                    Some(_) => None,
                },
            }
        });
        let present = lock(&self.workers).len();
        if present < self.expected {
            verdict.problems.push(format!("{present} of {} workers have started", self.expected));
        }
        verdict.problems.extend(lock(&self.halted).iter().map(|why| format!("halted: {why}")));
        verdict
    }

    /// The dead-letter brake holds all workers, and why; or holds them no longer.
    pub fn halt(&self, why: Option<String>) {
        *lock(&self.halted) = why;
    }

    /// Whether a worker gave up or panicked.
    pub fn has_failed(&self) -> bool {
        lock(&self.workers).iter().any(|worker| lock(&worker.state).phase == Phase::Failed)
    }

    fn ask(&self, question: impl Fn(&State, Duration) -> Option<String>) -> Verdict {
        let now = (self.clock)();
        let workers = lock(&self.workers);
        let problem = |worker: &Arc<Worker>| {
            question(&lock(&worker.state), now).map(|problem| format!("{}: {problem}", worker.name))
        };
        Verdict { problems: workers.iter().filter_map(problem).collect() }
    }
}

impl WorkerHealth {
    /// The loop turned. Call it at every turn.
    pub fn beat(&self) {
        let now = self.now();
        lock(&self.worker.state).beat = now;
    }

    /// The worker entered this phase. Going back to [`Phase::Starting`] or [`Phase::Joining`] forgets the assignment.
    pub fn set_phase(&self, phase: Phase) {
        let now = self.now();
        let mut state = lock(&self.worker.state);
        if matches!(phase, Phase::Starting | Phase::Joining) {
            state.assigned = None;
            state.restoring = 0;
        }
        state.phase = phase;
        state.beat = now;
    }

    /// The group has assigned `partitions` partitions, which may be none.
    pub fn assigned(&self, partitions: usize) {
        lock(&self.worker.state).assigned = Some(partitions);
    }

    /// This many of them wait for their state.
    pub fn restoring(&self, partitions: usize) {
        lock(&self.worker.state).restoring = partitions;
    }

    /// A transaction was committed.
    pub fn committed(&self) {
        let now = self.now();
        lock(&self.worker.state).progress = now;
    }

    /// Whether there is nothing to read or commit. An idle worker need not commit; the time to do so runs from its end.
    pub fn idle(&self, idle: bool) {
        let now = self.now();
        let mut state = lock(&self.worker.state);
        if state.idle && !idle {
            state.progress = now;
        }
        state.idle = idle;
    }

    fn now(&self) -> Duration {
        (self.health.clock)()
    }
}

impl Drop for WorkerHealth {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.worker.state).phase = Phase::Failed;
        } else {
            lock(&self.health.workers).retain(|worker| !Arc::ptr_eq(worker, &self.worker));
        }
    }
}

/// A panic elsewhere leaves plain data behind, which is as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Desk {
        seconds: Arc<AtomicU64>,
        health: Arc<Health>,
    }

    impl Desk {
        fn with_workers(workers: usize) -> Desk {
            let seconds = Arc::new(AtomicU64::new(0));
            let clock = Arc::clone(&seconds);
            let health = Health::with_clock(workers, move || Duration::from_secs(clock.load(Ordering::Relaxed)));
            Desk { seconds, health }
        }

        fn pass(&self, seconds: u64) {
            self.seconds.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    fn running(desk: &Desk) -> WorkerHealth {
        let worker = desk.health.register("worker 0");
        worker.set_phase(Phase::Joining);
        worker.assigned(4);
        worker.set_phase(Phase::Running);
        worker
    }

    #[test]
    fn a_process_without_workers_lives_but_is_not_ready() {
        let desk = Desk::with_workers(2);
        assert!(desk.health.live().is_ok());
        assert_eq!(desk.health.ready().to_string(), "0 of 2 workers have started");
    }

    #[test]
    fn a_worker_becomes_ready_by_joining_and_restoring() {
        let desk = Desk::with_workers(1);
        let worker = desk.health.register("worker 0");
        assert_eq!(desk.health.ready().to_string(), "worker 0: starting");
        worker.set_phase(Phase::Joining);
        assert_eq!(desk.health.ready().to_string(), "worker 0: has not joined the group yet");
        worker.assigned(4);
        worker.restoring(3);
        worker.set_phase(Phase::Restoring);
        assert_eq!(desk.health.ready().to_string(), "worker 0: restoring 3 of 4 partitions");
        worker.restoring(0);
        worker.set_phase(Phase::Running);
        assert_eq!(desk.health.ready().to_string(), "ok");
        worker.set_phase(Phase::Draining);
        assert_eq!(desk.health.ready().to_string(), "worker 0: draining");
    }

    #[test]
    fn a_worker_with_no_partition_is_ready() {
        let desk = Desk::with_workers(1);
        let worker = desk.health.register("worker 0");
        worker.set_phase(Phase::Running);
        worker.assigned(0);
        assert!(desk.health.ready().is_ok());
    }

    #[test]
    fn a_worker_that_starts_over_is_not_ready_until_it_has_joined_again() {
        let desk = Desk::with_workers(1);
        let worker = running(&desk);
        assert!(desk.health.ready().is_ok());
        worker.set_phase(Phase::Joining);
        assert!(!desk.health.ready().is_ok());
    }

    #[test]
    fn every_worker_must_be_ready() {
        let desk = Desk::with_workers(2);
        let _one = running(&desk);
        assert_eq!(desk.health.ready().to_string(), "1 of 2 workers have started");
        let two = desk.health.register("worker 1");
        assert_eq!(desk.health.ready().to_string(), "worker 1: starting");
        two.set_phase(Phase::Running);
        two.assigned(1);
        assert!(desk.health.ready().is_ok());
    }

    #[test]
    fn a_loop_that_stops_turning_is_dead_after_a_minute() {
        let desk = Desk::with_workers(1);
        let worker = running(&desk);
        desk.pass(59);
        assert!(desk.health.live().is_ok());
        desk.pass(1);
        assert_eq!(desk.health.live().to_string(), "worker 0: its loop has not turned for 60 s");
        worker.beat();
        assert!(desk.health.live().is_ok());
    }

    #[test]
    fn restoring_and_waiting_for_kafka_is_alive_as_long_as_the_loop_turns() {
        let desk = Desk::with_workers(1);
        let worker = desk.health.register("worker 0");
        worker.set_phase(Phase::Joining);
        for _ in 0..10 {
            desk.pass(50);
            worker.beat();
            assert!(desk.health.live().is_ok());
            assert!(!desk.health.ready().is_ok());
        }
    }

    #[test]
    fn a_worker_with_items_that_does_not_commit_is_not_ready_after_half_a_minute() {
        let desk = Desk::with_workers(1);
        let worker = running(&desk);
        worker.idle(false);
        desk.pass(29);
        assert!(desk.health.ready().is_ok());
        desk.pass(1);
        assert_eq!(desk.health.ready().to_string(), "worker 0: has items but has not committed for 30 s");
        worker.committed();
        assert!(desk.health.ready().is_ok());
    }

    #[test]
    fn an_idle_worker_need_not_commit_and_gets_its_time_when_items_come() {
        let desk = Desk::with_workers(1);
        let worker = running(&desk);
        worker.idle(true);
        desk.pass(50);
        assert!(desk.health.ready().is_ok());
        worker.idle(false);
        assert!(desk.health.ready().is_ok());
        worker.idle(false);
        desk.pass(30);
        assert!(!desk.health.ready().is_ok());
    }

    #[test]
    fn a_worker_that_panics_is_dead_at_once() {
        let desk = Desk::with_workers(1);
        let worker = running(&desk);
        let panicked = std::thread::spawn(move || {
            let _worker = worker;
            std::panic::resume_unwind(Box::new("a panic without the noise of its message"));
        });
        assert!(panicked.join().is_err());
        assert!(desk.health.has_failed());
        assert_eq!(desk.health.live().to_string(), "worker 0: failed");
        assert_eq!(desk.health.ready().to_string(), "worker 0: failed");
    }

    #[test]
    fn a_worker_that_ends_in_order_signs_off() {
        let desk = Desk::with_workers(1);
        drop(running(&desk));
        desk.pass(600);
        assert!(desk.health.live().is_ok());
        assert_eq!(desk.health.ready().to_string(), "0 of 1 workers have started");
    }
}
