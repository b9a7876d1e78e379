//! The figures of the whole pipeline against a local Kafka broker, run by hand:
//!
//! ```text
//! cargo bench --bench pipeline -- throughput|latency|restore|recovery|recovery-of-three|backlog [COUNT]
//! ```
//!
//! Broker, worker and the reader that counts the results share the machine. Every run ends with the same audit as the
//! tests: a fast worker that loses or doubles an item has no figure. `benches/README.md` says what each one means.

#[path = "../../tests/kafka/harness/mod.rs"]
mod harness;

mod backlog;
mod latency;
mod probe;
mod recovery;
mod report;
mod restore;
mod throughput;
mod workload;

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let count = arguments.get(1).map(|count| count.parse().expect("COUNT is a number"));
    match arguments.first().map(String::as_str) {
        Some("throughput") => throughput::run(count.unwrap_or(200_000)),
        Some("latency") => latency::run(count.unwrap_or(1_000)),
        Some("restore") => restore::run(count.unwrap_or(2_000_000)),
        Some("recovery") => recovery::run(count.unwrap_or(200_000)),
        Some("recovery-of-three") => recovery::run_of_three(count.unwrap_or(300_000)),
        Some("backlog") => backlog::run(count.unwrap_or(2_000)),
        _ => eprintln!(
            "cargo bench --bench pipeline -- MEASURE [COUNT]\n\n  \
             throughput [ITEMS]       a backlog of reports, as fast as it goes\n  \
             latency [ITEMS/S]        from the raw record to the committed article, at a steady rate\n  \
             restore [ENTRIES]        a worker's start with that much to remember, and its memory\n  \
             recovery [ITEMS]         kill -9 in the middle of a backlog, restart, next article\n  \
             recovery-of-three [ITEMS] kill -9 of one of three workers, restart, every partition moves\n  \
             backlog [MEGABYTES]      memory while that much raw copy waits"
        ),
    }
}
