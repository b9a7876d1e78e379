//! From the raw record to the committed article, at a steady rate.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::desk::{Desk, now};
use crate::harness::reader::{Isolation, Reader};
use crate::harness::wait::seconds;
use crate::harness::worker::Worker;
use crate::probe::Probe;
use crate::report::{decimals, figure, title};
use crate::workload::{item, stories, warm_broker};

/// As long as a young broker takes to compile what a steady wire asks of it: until then it takes twice the CPU.
const WARM_UP: Duration = seconds(60);
const MEASURED: Duration = seconds(30);
/// Items in a row that go to one partition: a sender without keys fills a batch before it turns to the next.
const BATCH: usize = 5;

/// Measures how long after its record's timestamp an article reaches a read_committed reader.
pub fn run(rate: usize) {
    let broker = warm_broker();
    let desk = Desk::open(&broker);
    let worker = Worker::start(&desk, "bench");
    worker.await_ready();
    let (of_worker, of_broker) = (Probe::new(worker.id()), Probe::new(broker.id().expect("a broker of our own")));
    let total = rate * usize::try_from((WARM_UP + MEASURED).as_secs()).expect("seconds");
    let warm = rate * usize::try_from(WARM_UP.as_secs()).expect("seconds");

    let mut latencies = Vec::new();
    let mut articles = 0;
    let mut cpu = None;
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let started = Instant::now();
            let mut sent = 0;
            let mut measured_from = None;
            while sent < total {
                let due = total.min((started.elapsed().as_secs_f64() * rate as f64) as usize);
                for turn in sent..due {
                    let partition = i32::try_from(turn / BATCH % 4).expect("below four");
                    drop(desk.post(&item(turn).on(partition).at(now())));
                }
                sent = due;
                if measured_from.is_none() && sent >= warm {
                    measured_from = Some((now(), of_worker.cpu(), of_broker.cpu()));
                }
                thread::sleep(Duration::from_millis(1));
            }
            let (from, worker, broker) = measured_from.expect("the warm-up is over");
            (from, of_worker.cpu() - worker, of_broker.cpu() - broker)
        });
        let mut reader = Reader::open(&desk.bootstrap, &desk.topics.articles, Isolation::Committed);
        let mut seen = Vec::with_capacity(total);
        let deadline = Instant::now() + WARM_UP + MEASURED + seconds(30);
        while articles < stories(total) {
            assert!(Instant::now() < deadline, "{articles} of {} articles", stories(total));
            worker.assert_alive();
            for record in reader.advance(Duration::from_millis(5)) {
                let sent =
                    record.header("copydesk-received").and_then(|at| at.parse().ok()).expect("the raw timestamp");
                seen.push((sent, now()));
                articles += 1;
            }
        }
        let (from, worker, broker) = sender.join().expect("the sender ends");
        latencies.extend(seen.iter().filter(|(sent, _)| *sent >= from).map(|(sent, read): &(i64, i64)| read - sent));
        cpu = Some((worker, broker));
    });
    let peak = of_worker.peak();
    let transactions =
        worker.metric("copydesk_transactions_total", &["outcome=\"committed\""]).expect("the metric exists");
    worker.finish();

    latencies.sort_unstable();
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].to_string();
    let (worker, broker) = cpu.expect("measured");
    let per_item = |cpu: f64| decimals(cpu / (total - warm) as f64 * 1e6, 1);
    title(&format!("latency: {rate} items/s for {} s after {} s of warm-up", MEASURED.as_secs(), WARM_UP.as_secs()));
    figure("articles measured", latencies.len(), "");
    figure("p50 ms, record timestamp to reader", quantile(0.5), "under 60");
    figure("p90 ms", quantile(0.9), "");
    figure("p99 ms", quantile(0.99), "under 200");
    figure("highest ms", quantile(1.0), "");
    figure("worker CPU µs/item", per_item(worker), "under 150");
    figure("broker CPU µs/item", per_item(broker), "");
    figure("transactions/s", decimals(transactions / (WARM_UP + MEASURED).as_secs_f64(), 1), "");
    figure("worker peak memory, MB", decimals(peak, 0), "");
}
