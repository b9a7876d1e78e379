//! The gauges of one worker: what it holds now.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::core::{Core, Held, Lane};
use crate::telemetry::{Input, Metrics, PartitionState, Share};

/// How often gauges are brought up to date.
const PERIOD: Duration = Duration::from_secs(1);

/// The gauges of one worker, refreshed now and then. What they show of partitions goes when the worker does not own them any
/// more, and when this is dropped, however the session ended.
pub struct Gauges {
    metrics: Metrics,
    inflight: Share,
    partitions: Vec<(Input, PartitionState, Share)>,
    /// Lanes that have series.
    shown: BTreeSet<Lane>,
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
        Gauges { inflight: metrics.inflight_bytes(), partitions, metrics, shown: BTreeSet::new(), due: None }
    }

    /// Brings them up to date, if they are due. `lag` and `left_to_restore` tell of a lane or a partition, also of what is
    /// no longer owned.
    pub fn refresh(
        &mut self,
        core: &Core,
        inflight: u64,
        lag: impl Fn(Lane) -> Option<u64>,
        left_to_restore: impl Fn(i32) -> Option<u64>,
    ) {
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
        let owned = core.lanes().map(|(lane, _)| lane).collect();
        let before = std::mem::replace(&mut self.shown, owned);
        self.forget(before.difference(&self.shown));
        for (lane, entries) in core.lanes() {
            if let Some(lag) = lag(lane) {
                self.metrics.set_lag(lane.input, lane.partition, lag);
            }
            if lane.input == Input::Normalized {
                self.refresh_memory(lane.partition, entries, &left_to_restore);
            }
        }
    }

    fn refresh_memory(&self, partition: i32, entries: Option<usize>, left: impl Fn(i32) -> Option<u64>) {
        if let Some(entries) = entries {
            self.metrics.set_dedup_entries(partition, entries as u64);
        }
        if let Some(left) = entries.map(|_| 0).or_else(|| left(partition)) {
            self.metrics.set_restore_remaining(partition, left);
        }
    }

    /// Makes them due at once.
    pub fn expire(&mut self) {
        self.due = None;
    }

    fn forget<'l>(&self, lanes: impl IntoIterator<Item = &'l Lane>) {
        for lane in lanes {
            self.metrics.forget_partition(lane.input, lane.partition);
        }
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.forget(&self.shown);
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
        gauges.refresh(&core, 0, |_| None, |_| None);
        assert_eq!(halted(&metrics), Some(0));
        assert_eq!(shown(&metrics, r#"copydesk_partitions{state="active",topic="raw"}"#), Some(1));
        core.halt();
        gauges.expire();
        gauges.refresh(&core, 0, |_| None, |_| None);
        assert_eq!(halted(&metrics), Some(1));
    }

    /// Every series of a partition, whatever it shows.
    fn of_partitions(metrics: &Metrics) -> Vec<String> {
        let page = metrics.render().unwrap();
        page.lines().filter(|line| line.contains("partition=")).map(str::to_owned).collect()
    }

    #[test]
    fn the_series_of_a_partition_go_when_it_goes_and_when_the_session_ends() {
        let (metrics, mut core) = (Metrics::new("r"), opened());
        let mut gauges = Gauges::new(&metrics);
        let refresh = |gauges: &mut Gauges, core: &Core| {
            gauges.expire();
            gauges.refresh(core, 0, |_| Some(7), |_| Some(9));
        };
        refresh(&mut gauges, &core);
        assert_eq!(
            of_partitions(&metrics),
            [
                r#"copydesk_dedup_entries{partition="0"} 0"#,
                r#"copydesk_lag_records{partition="0",topic="normalized"} 7"#,
                r#"copydesk_lag_records{partition="0",topic="raw"} 7"#,
                r#"copydesk_restore_remaining_records{partition="0"} 0"#,
            ]
        );
        core.revoked(vec![NORMALIZED], PERIOD);
        refresh(&mut gauges, &core);
        assert_eq!(of_partitions(&metrics), [r#"copydesk_lag_records{partition="0",topic="raw"} 7"#]);
        core.assigned([NORMALIZED]);
        refresh(&mut gauges, &core);
        assert_eq!(shown(&metrics, r#"copydesk_restore_remaining_records{partition="0"}"#), Some(9));
        drop(gauges);
        assert_eq!(of_partitions(&metrics), Vec::<String>::new());
    }
}
