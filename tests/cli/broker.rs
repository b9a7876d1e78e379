//! Commands that ask brokers say in one line what is wrong with them.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::copydesk::copydesk_with;

/// Nobody listens on port 1, and the admin server would take any.
const NOWHERE: [(&str, &str); 2] =
    [("COPYDESK_KAFKA_BROKERS", "127.0.0.1:1"), ("COPYDESK_ADMIN_LISTEN", "127.0.0.1:0")];

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    MockCluster::new(1).expect("the mock broker starts")
}

#[test]
fn topics_without_a_broker_is_one_clear_line() {
    let topics = copydesk_with(&["topics"], &NOWHERE);
    assert_eq!(topics.code, 1);
    assert_eq!(topics.out, "");
    assert_eq!(topics.err.lines().count(), 1, "{}", topics.err);
    assert!(topics.err.starts_with("copydesk: no broker answers at 127.0.0.1:1: "), "{}", topics.err);
    assert!(topics.err.contains("Connection refused") && topics.err.contains("kafka.brokers"), "{}", topics.err);
}

#[test]
fn check_without_a_broker_is_one_bad_line_after_the_good_ones() {
    let check = copydesk_with(&["check", "--connect"], &NOWHERE);
    assert_eq!(check.code, 1);
    assert_eq!(check.err, "");
    let marks: Vec<char> = check.out.lines().filter_map(|line| line.chars().next()).collect();
    assert_eq!(marks, ['✓', '✓', '✓', '✓', '✗'], "{}", check.out);
    assert!(check.out.contains("no broker answers at 127.0.0.1:1"), "{}", check.out);
}

#[test]
fn missing_topics_are_listed_with_how_to_create_them() {
    let cluster = cluster();
    let topics = copydesk_with(&["topics"], &[("COPYDESK_KAFKA_BROKERS", &cluster.bootstrap_servers())]);
    assert_eq!(topics.code, 1, "{}", topics.err);
    assert_eq!(topics.out.lines().filter(|line| line.starts_with("✗ wire.")).count(), 6, "{}", topics.out);
    assert!(topics.out.contains("copydesk topics --create"), "{}", topics.out);
}

#[test]
fn more_replicas_than_brokers_are_refused_with_the_number_that_works() {
    let cluster = cluster();
    let topics = copydesk_with(&["topics", "--create"], &[("COPYDESK_KAFKA_BROKERS", &cluster.bootstrap_servers())]);
    assert_eq!(topics.code, 1);
    assert_eq!(topics.err.trim(), "copydesk: 3 replicas need as many brokers, there are 1: use --replication 1");
}
