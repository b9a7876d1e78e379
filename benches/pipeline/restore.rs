//! A worker's start with much to remember.

use std::time::Instant;

use copydesk::dedup::{Entry, Identity, Source, UriTag, record};
use copydesk::fingerprint::ContentHash;
use copydesk::wire::Status;

use crate::harness::desk::{Desk, now};
use crate::harness::worker::Worker;
use crate::probe::Probe;
use crate::report::{decimals, figure, title};
use crate::workload::broker;

/// Measures how fast `entries` of the changelog become memory, and how much of it.
pub fn run(entries: usize) {
    let broker = broker();
    title(&format!("restore: {entries} remembered contents over 4 partitions, one worker thread"));
    let empty = measure(&Desk::open(&broker));
    let desk = Desk::open(&broker);
    fill(&desk, entries);
    let full = measure(&desk);
    let seconds = full.restored - empty.restored;
    figure("entries/s, beyond the start of an empty worker", decimals(entries as f64 / seconds, 0), "at least 300,000");
    figure("seconds from process start to ready, empty", decimals(empty.restored, 2), "");
    figure("seconds from process start to ready, full", decimals(full.restored, 2), "");
    figure("resident MB, empty", decimals(empty.resident, 0), "under 150");
    figure("resident MB, full", decimals(full.resident, 0), "");
    let bytes = (full.resident - empty.resident) * 1024.0 * 1024.0 / entries as f64;
    figure("resident bytes a remembered content", decimals(bytes, 1), "at most 64");
}

struct Start {
    restored: f64,
    resident: f64,
}

fn measure(desk: &Desk) -> Start {
    let started = Instant::now();
    let worker = Worker::start(desk, "bench");
    worker.await_ready();
    let restored = started.elapsed().as_secs_f64();
    let resident = Probe::new(worker.id()).resident();
    let remembered = worker.metric("copydesk_dedup_entries", &[]).expect("the metric exists");
    worker.finish();
    figure("  contents the worker says it remembers", decimals(remembered, 0), "");
    Start { restored, resident }
}

/// Writes a changelog as a worker would have: contents of the last hour, every second with a uri.
fn fill(desk: &Desk, entries: usize) {
    let start = now() - 3_600_000;
    for first in (0..entries).step_by(50_000) {
        let records = (first..entries.min(first + 50_000)).map(|number| {
            let hash = ContentHash::from(*blake3::hash(&number.to_le_bytes()).as_bytes());
            let uri = if number % 2 == 0 { None } else { Some(format!("urn:bench:{number}")) };
            let entry = Entry {
                identity: Identity::new(&hash, Status::Usable),
                time: start + i64::try_from(number % 3_600_000).expect("milliseconds"),
                uri: UriTag::of(uri.as_deref()),
                version: 1,
                source: Source::new(
                    i32::try_from(number % 4).expect("below four"),
                    i64::try_from(number / 4).expect("an offset"),
                )
                .expect("coordinates in range"),
            };
            (hash.partition(4), record::key(&hash, Status::Usable), record::value(&entry))
        });
        desk.write(&desk.topics.seen, records);
    }
}
