//! Memory while more raw copy waits than memory would hold.

use std::time::Instant;

use crate::harness::desk::Desk;
use crate::harness::worker::Worker;
use crate::probe::Probe;
use crate::report::{decimals, figure, title};
use crate::workload::{broker, item, preload};

/// Measures the worker's memory over a backlog of so many megabytes.
pub fn run(megabytes: usize) {
    let broker = broker();
    let mut desk = Desk::open(&broker);
    let sample: usize = (0..1_000).map(|turn| item(turn).size()).sum();
    let items = megabytes * 1_000_000 / (sample / 1_000);
    let bytes = preload(&mut desk, items);
    let mut outcomes = desk.outcomes_at_leisure();
    let worker = Worker::start(&desk, "bench");
    let probe = Probe::new(worker.id());
    let started = Instant::now();
    let mut resident = Vec::new();
    while outcomes.total() < items {
        worker.assert_alive();
        outcomes.refresh();
        resident.push(probe.resident());
    }
    let wall = started.elapsed().as_secs_f64();
    let remembered = worker.metric("copydesk_dedup_entries", &[]).expect("the metric exists");
    let peak = probe.peak();
    worker.finish();
    resident.sort_by(f64::total_cmp);
    title(&format!("backlog: {items} items, {} MB, one worker thread", bytes / 1_000_000));
    figure("worker memory, median MB", decimals(resident[resident.len() / 2], 0), "");
    figure("worker memory, peak MB", decimals(peak, 0), "under 150 + table");
    figure("of it 64 bytes a remembered content, MB", decimals(remembered * 64.0 / 1024.0 / 1024.0, 0), "");
    figure("items/s", decimals(items as f64 / wall, 0), "");
    figure("outcomes of items", format!("{}/{items}", outcomes.total()), "each one");
}
