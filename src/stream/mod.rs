//! Kafka: exactly once from `wire.raw` to `wire.articles`.
//!
//! Every worker thread subscribes to both input topics with one consumer and writes with one transactional producer, so one
//! group, one rebalance and one transaction cover both stages: the session drives, [`core`] decides, [`publish`] sends,
//! [`transaction`] commits, [`worker`] starts over when a session breaks, [`restore`] brings the dedup state back,
//! [`headers`] is what travels beside an item, [`clients`] what the guarantee needs of librdkafka, [`brake`] what stops a
//! feed of dead letters, and [`topics`] what it needs of the topics. Beside the workers, [`scan`] reads topics for operators
//! and [`refeed`] feeds raw items again.

pub mod brake;
pub mod clients;
pub mod core;
mod gauges;
pub mod headers;
mod orphans;
pub mod publish;
pub mod refeed;
pub mod restore;
pub mod scan;
mod session;
mod shadow;
pub mod span;
pub mod topics;
pub mod transaction;
pub mod worker;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::sync::watch;

use crate::{
    config::Config,
    edit::Desk,
    telemetry::{Health, Metrics, Phase, Traces},
};

pub use worker::WorkerError;

/// What the workers need to know of the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Partitions of `wire.normalized` and of `wire.seen`: the same number, and never changed.
    pub partitions: i32,
    /// The largest article, in bytes, that every topic on its way takes.
    pub max_record_bytes: usize,
    /// The largest value, in bytes, that `wire.rejected` takes.
    pub max_rejected_bytes: usize,
}

/// Everything the workers share.
#[derive(Clone)]
pub struct Service {
    /// The configuration.
    pub config: Config,
    /// The edit desk with its rules, which may be replaced while the workers run.
    pub desk: watch::Receiver<Arc<Desk>>,
    /// The metrics.
    pub metrics: Metrics,
    /// The health of the workers.
    pub health: Arc<Health>,
    /// What stops them when too many items become dead letters.
    pub brake: Arc<brake::Brake>,
    /// Where the spans of transactions go.
    pub traces: Traces,
}

/// Starts the shadow of the pipeline, which reads raw items from `from` on and writes nothing.
///
/// # Errors
/// Where the system has no thread left.
pub fn start_shadow(service: &Service, from: scan::Position) -> std::io::Result<Running> {
    let stop = Arc::new(AtomicBool::new(false));
    let (service, stopped) = (service.clone(), Arc::clone(&stop));
    let worker = thread::Builder::new().name("shadow".into()).spawn(move || {
        let health = service.health.register("shadow");
        shadow::run(&service, from, &stopped, &health);
        Ok(())
    })?;
    Ok(Running { stop, workers: vec![worker] })
}

/// The worker threads of this process.
pub struct Running {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Result<(), WorkerError>>>,
}

/// Starts the worker threads.
///
/// # Errors
/// Where the system has no thread left.
pub fn start(service: &Service, layout: Layout) -> std::io::Result<Running> {
    let stop = Arc::new(AtomicBool::new(false));
    let workers = (0..service.config.worker.threads)
        .map(|number| {
            let (service, stop) = (service.clone(), Arc::clone(&stop));
            thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                let health = service.health.register(format!("worker {number}"));
                let outcome = catch_unwind(AssertUnwindSafe(|| worker::run(&service, layout, number, &stop, &health)))
                    .unwrap_or(Err(WorkerError::Panicked(number)));
                if outcome.is_err() {
                    // One worker down is the process down: its partitions would wait for somebody who never comes.
                    health.set_phase(Phase::Failed);
                    stop.store(true, Ordering::Release);
                    std::mem::forget(health);
                }
                outcome
            })
        })
        .collect::<std::io::Result<_>>()?;
    Ok(Running { stop, workers })
}

impl Running {
    /// Asks the workers to finish what they have read and to leave. Returns at once.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether every worker has ended.
    pub fn is_finished(&self) -> bool {
        self.workers.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the workers.
    ///
    /// # Errors
    /// The first worker that gave up or panicked.
    pub fn wait(self) -> Result<(), WorkerError> {
        let mut outcome = Ok(());
        for (number, worker) in self.workers.into_iter().enumerate() {
            let ended = worker.join().unwrap_or(Err(WorkerError::Panicked(number)));
            outcome = outcome.and(ended);
        }
        outcome
    }
}
