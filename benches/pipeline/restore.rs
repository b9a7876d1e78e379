//! A worker's start with much to remember.

use std::time::{Duration, Instant};

use copydesk::dedup::{Entry, Identity, Source, UriTag, record};
use copydesk::fingerprint::ContentHash;
use copydesk::wire::Status;

use crate::harness::desk::{Desk, now};
use crate::harness::wait::eventually;
use crate::harness::worker::Worker;
use crate::probe::Probe;
use crate::report::{decimals, figure, title};
use crate::workload::broker;

/// Measures how fast `entries` of the changelog become memory, and how much of it.
pub fn run(entries: usize) {
    let broker = broker();
    let start_with = |entries: usize| {
        let desk = Desk::open(&broker);
        fill(&desk, entries);
        measure(&desk, entries)
    };
    // The first start finds a broker that has no groups and no transactions yet.
    start_with(0);
    let (empty, half, full) = (start_with(0), start_with(entries / 2), start_with(entries));
    let between = (entries - entries / 2) as f64;
    title(&format!("restore: {entries} remembered contents over 4 partitions, one worker thread"));
    figure("entries/s", decimals(between / (full.seconds - half.seconds), 0), "at least 300,000");
    figure("seconds from process start to ready, empty", decimals(empty.seconds, 2), "");
    figure("seconds from process start to ready, half", decimals(half.seconds, 2), "");
    figure("seconds from process start to ready, all", decimals(full.seconds, 2), "");
    figure("resident MB, empty", decimals(empty.megabytes, 0), "");
    figure("resident MB, half", decimals(half.megabytes, 0), "");
    let allowed = 150.0 + entries as f64 * 64.0 / 1024.0 / 1024.0;
    figure("resident MB, all", decimals(full.megabytes, 0), &format!("under {allowed:.0}: 150 + 64 bytes each"));
    let bytes = (full.megabytes - half.megabytes) * 1024.0 * 1024.0 / between;
    figure("resident bytes for one more content", decimals(bytes, 1), "at most 64");
}

struct Start {
    seconds: f64,
    megabytes: f64,
}

fn measure(desk: &Desk, entries: usize) -> Start {
    let started = Instant::now();
    let worker = Worker::start(desk, "bench");
    worker.await_ready();
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = Probe::new(worker.id()).resident();
    // The gauge follows within a second.
    eventually("everything is remembered", Duration::from_secs(5), || {
        let remembered = worker.metric("copydesk_dedup_entries", &[])?;
        if remembered == entries as f64 { Ok(()) } else { Err(remembered.to_string()) }
    });
    worker.finish();
    Start { seconds, megabytes }
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
