//! The window table: a sighting's decision, a restore, and the bytes an entry takes.
//!
//! `cargo bench --bench dedup`

use std::{hint::black_box, time::Duration};

use copydesk::{
    dedup::{Identity, Sighting, Source, Table, UriTag, record},
    fingerprint::ContentHash,
    wire::Status,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const ENTRIES: u64 = 1_000_000;

fn sighting(number: u64) -> (ContentHash, Sighting) {
    let hash = ContentHash::from(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let sighting = Sighting {
        identity: Identity::new(&hash, Status::Usable),
        time: number as i64,
        uri: UriTag::default(),
        version: 1,
        source: Source::new((number % 12) as i32, number as i64).expect("in range"),
    };
    (hash, sighting)
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn dedup(c: &mut Criterion) {
    let window = Duration::from_secs(72 * 3600);
    let before = resident();
    let mut table = Table::new(window);
    for number in 0..ENTRIES {
        table.sight(&sighting(number).1);
        if number % 1000 == 999 {
            table.commit();
        }
    }
    let per_entry = (resident() - before) as f64 / ENTRIES as f64;
    println!("memory: {per_entry:.1} bytes a remembered hash, {ENTRIES} entries");

    let mut group = c.benchmark_group("dedup");
    group.throughput(Throughput::Elements(1));
    let known: Vec<Sighting> = (0..4096).map(|n| sighting(n * 211).1).collect();
    let mut at = 0;
    group.bench_function("duplicate", |b| {
        b.iter(|| {
            at = (at + 1) % known.len();
            table.sight(black_box(&known[at]))
        })
    });
    let records: Vec<(String, String)> = (0..100_000)
        .map(|n| {
            let (hash, sighting) = sighting(n);
            (record::key(&hash, Status::Usable), record::value(&sighting))
        })
        .collect();
    group.throughput(Throughput::Elements(records.len() as u64));
    group.sample_size(10);
    group.bench_function("restore", |b| {
        b.iter_batched_ref(
            || Table::new(window),
            |table| {
                for (key, value) in &records {
                    if let Ok(record::Change::Seen(entry)) = record::read(key.as_bytes(), Some(value.as_bytes())) {
                        table.restore(entry);
                    }
                }
            },
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

criterion_group!(benches, dedup);
criterion_main!(benches);
