//! The gauges of one worker: what it holds now.

use std::time::{Duration, Instant};

use super::core::{Core, Held, Lane};
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
    pub fn new(metrics: &Metrics) -> Self {
        let metrics = metrics.clone();
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
                    Some(_) if core.held(*lane) == Some(Held::Brake) => PartitionState::Halted,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dedup::Table, stream::core::Action};

    const RAW: Lane = Lane { input: Input::Raw, partition: 0 };
    const NORMALIZED: Lane = Lane { input: Input::Normalized, partition: 0 };

    /// A worker that owns a lane of each input, both open.
    fn opened() -> Core {
        let mut core = Core::default();
        for lane in [RAW, NORMALIZED] {
            let actions = core.assigned([lane]);
            let Some(Action::Open(opening)) = actions.last() else { panic!("{actions:?}") };
            let table = (lane == NORMALIZED).then(|| Box::new(Table::new(PERIOD)));
            core.opened(lane, opening[0].1, 0, table);
        }
        core
    }

    fn shown(metrics: &Metrics, series: &str) -> Option<u64> {
        let page = metrics.render().unwrap();
        page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    fn halted(metrics: &Metrics) -> Option<u64> {
        shown(metrics, r#"copydesk_partitions{state="halted",topic="raw"}"#)
    }

    #[test]
    fn what_waits_for_barriers_is_not_halted_and_what_the_brake_holds_is() {
        let (metrics, mut core) = (Metrics::new("r"), opened());
        let mut gauges = Gauges::new(&metrics);
        core.begun();
        core.barriers(PERIOD);
        assert_eq!(core.held(RAW), Some(Held::Barrier));
        gauges.refresh(&core, 0);
        assert_eq!(halted(&metrics), Some(0));
        assert_eq!(shown(&metrics, r#"copydesk_partitions{state="active",topic="raw"}"#), Some(1));
        core.halt();
        gauges.expire();
        gauges.refresh(&core, 0);
        assert_eq!(halted(&metrics), Some(1));
    }
}
