//! The gauges of one worker: what it holds now.

use std::time::{Duration, Instant};

use super::{
    Service,
    core::{Core, Lane},
};
use crate::telemetry::{Input, Metrics, PartitionState, Share};

/// How often gauges are brought up to date.
const PERIOD: Duration = Duration::from_secs(1);

/// The gauges of one worker, refreshed now and then.
pub struct Gauges {
    metrics: Metrics,
    inflight: Share,
    partitions: Vec<(Input, PartitionState, Share)>,
    due: Option<Instant>,
}

impl Gauges {
    /// The gauges of a new session.
    pub fn new(service: &Service) -> Self {
        let metrics = service.metrics.clone();
        let mut partitions = Vec::new();
        for input in Input::ALL {
            for state in PartitionState::ALL {
                partitions.push((*input, *state, metrics.partitions(*input, *state)));
            }
        }
        Gauges { inflight: metrics.inflight_bytes(), partitions, metrics, due: None }
    }

    /// Brings them up to date, if they are due.
    pub fn refresh(&mut self, core: &Core, inflight: u64) {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        self.due = Some(Instant::now() + PERIOD);
        self.inflight.set(inflight);
        for (input, state, share) in &mut self.partitions {
            let held = core.lanes().filter(|(lane, open)| {
                let found = match open {
                    None => PartitionState::Restoring,
                    Some(_) if core.is_held(*lane) => PartitionState::Halted,
                    Some(_) => PartitionState::Active,
                };
                lane.input == *input && found == *state
            });
            let held = held.count();
            share.set(held as u64);
        }
        for (lane, entries) in core.lanes().filter(|(lane, _)| lane.input == Input::Normalized) {
            if let Some(entries) = entries {
                self.metrics.set_dedup_entries(lane.partition, entries as u64);
            }
        }
    }

    /// Makes them due at once.
    pub fn expire(&mut self) {
        self.due = None;
    }

    /// Removes what is shown of lanes that are no longer ours.
    pub fn forget(&self, lanes: &[Lane]) {
        for lane in lanes {
            self.metrics.forget_partition(lane.input, lane.partition);
        }
    }
}
