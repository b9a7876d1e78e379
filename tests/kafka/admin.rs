//! The admin endpoints of a running worker.

use crate::harness::broker::{Broker, free_port};
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::leash::Signal;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::Worker;

#[test]
fn the_counters_of_a_worker_agree_with_the_topics() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_ready();
    desk.send((0..300).map(|number| Raw::from(&story(number % 200))));
    desk.send((0..20).map(|_| Raw::bytes("")));
    desk.settle(&[&worker]);
    let find = |name: &str, labels: &[&str]| worker.metric(&format!("copydesk_{name}"), labels);
    let count = |name: &str, labels: &[&str]| find(name, labels).unwrap_or_else(|error| panic!("{error}"));
    // The counters follow the commit, a moment after readers see it.
    eventually("the counters catch up", seconds(5), || {
        let decided = count("published_total", &[]) + count("duplicates_total", &[]) + count("rejected_total", &[]);
        if decided >= 320.0 { Ok(()) } else { Err(decided.to_string()) }
    });
    let rejected = [r#"stage="normalize""#, r#"reason="empty""#];
    assert_eq!(count("raw_items_total", &[]), 320.0);
    assert_eq!(count("normalized_total", &[]), 300.0);
    assert_eq!(count("published_total", &[]), 200.0);
    assert_eq!(count("duplicates_total", &[r#"kind="copy""#]), 100.0);
    assert_eq!((count("rejected_total", &rejected), count("rejected_total", &[])), (20.0, 20.0));
    assert_eq!(count("latency_seconds_count", &[]), 300.0);
    assert!(count("transactions_total", &[r#"outcome="committed""#]) >= 1.0);
    // Gauges are brought up to date now and then.
    for (gauge, value) in [("dedup_entries", 200.0), ("lag_records", 0.0), ("inflight_bytes", 0.0)] {
        eventually(&format!("{gauge} is {value}"), seconds(15), || match find(gauge, &[])? {
            found if found == value => Ok(()),
            other => Err(other.to_string()),
        });
    }
    let ledger = desk.close(vec![worker]);
    assert_eq!((ledger.articles.len(), ledger.duplicates.len(), ledger.rejected.len()), (200, 100, 20));
}

#[test]
fn the_probes_answer_and_an_unknown_path_does_not() {
    let desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_status("/livez", 200);
    worker.await_ready();
    let metrics = worker.get("/metrics").expect("the admin server answers");
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.to_lowercase().contains("content-type: text/plain"), "{}", metrics.head);
    assert_eq!(worker.get("/nonsense").expect("the admin server answers").status, 404);
    worker.finish();
}

#[test]
fn a_worker_without_a_broker_is_alive_but_not_ready() {
    let mut desk = Desk::without_topics(Broker::shared().bootstrap());
    desk.bootstrap = format!("127.0.0.1:{}", free_port());
    let worker = Worker::start(&desk, "a");
    worker.await_status("/livez", 200);
    worker.await_status("/readyz", 503);
    worker.signal(Signal::Term);
    assert!(worker.exit_code(seconds(25)).is_some());
}
