//! What a worker demands of its topics before it starts, and the command that makes them.

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::Desk;
use crate::harness::reader::Isolation;
use crate::harness::wait::seconds;
use crate::harness::worker::Worker;

#[test]
fn a_changelog_with_another_partition_count_is_refused_at_the_start() {
    let mut desk = Desk::without_topics(Broker::shared().bootstrap());
    let topics = desk.topics.clone();
    desk.create(&[&topics.raw, &topics.normalized, &topics.articles, &topics.duplicates, &topics.rejected], 4);
    desk.create(&[&topics.seen], 3);
    desk.send_one(&story(1));
    let worker = Worker::start(&desk, "a");
    let code = worker.exit_code(seconds(20));
    let log = worker.log();
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    for said in [topics.normalized.as_str(), &topics.seen, "4", "3"] {
        assert!(log.contains(said), "the refusal names {said:?}:\n{log}");
    }
    assert_eq!(desk.read(&topics.normalized, Isolation::Uncommitted), [], "nothing was touched");
}

#[test]
fn a_missing_topic_is_refused_at_the_start_and_the_command_that_creates_it_named() {
    let desk = Desk::without_topics(Broker::shared().bootstrap());
    let topics = &desk.topics;
    desk.create(&[&topics.raw, &topics.normalized, &topics.seen, &topics.articles, &topics.duplicates], 4);
    let worker = Worker::start(&desk, "a");
    let code = worker.exit_code(seconds(20));
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    let log = worker.log();
    assert!(log.contains(&topics.rejected) && log.contains("copydesk topics"), "the refusal says what to do:\n{log}");
}

/// What is said of each topic and its settings.
fn rows(desk: &Desk, said: &str) -> Vec<String> {
    let is_row = |line: &&str| desk.topics.all().iter().any(|topic| line.contains(&format!("  {topic}  ")));
    let rows: Vec<String> = said.lines().filter(is_row).map(str::to_owned).collect();
    assert_eq!(rows.len(), 6, "{said}");
    rows
}

#[test]
fn copydesk_topics_creates_what_a_worker_needs_and_does_so_once() {
    let mut desk = Desk::without_topics(Broker::shared().bootstrap());
    let create = ["--create", "--partitions", "4", "--replication", "1"];
    let (code, said) = Worker::command(&desk, "topics", &[]);
    assert!(code.is_some_and(|code| code != 0), "without the topics the check fails:\n{said}");
    let (code, said) = Worker::command(&desk, "topics", &create);
    assert_eq!(code, Some(0), "{said}");
    for topic in desk.topics.all() {
        assert!(said.contains(&format!("created {topic}\n")), "{said}");
    }
    let created = rows(&desk, &said);
    let otherwise = ["--create", "--partitions", "6", "--replication", "1", "--raw-retention", "24"];
    let (code, said) = Worker::command(&desk, "topics", &otherwise);
    assert!(code == Some(0) && !said.contains("created"), "{said}");
    assert_eq!(rows(&desk, &said), created, "what is there is left as it is");
    let (code, said) = Worker::command(&desk, "topics", &[]);
    assert_eq!(code, Some(0), "the check passes:\n{said}");
    assert_eq!(rows(&desk, &said), created);
    let worker = Worker::start(&desk, "a");
    let first = desk.send_one(&story(1));
    desk.settle(&[&worker]);
    let copy = desk.send_one(&story(1));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.published_of(&[first]), 1);
    assert_eq!(ledger.duplicate(copy).first, first);
}

#[test]
fn a_check_does_what_a_worker_does_and_leaves_nothing_that_committed_readers_see() {
    let desk = Desk::open(Broker::shared());
    let (code, said) = Worker::command(&desk, "check", &["--connect"]);
    assert_eq!(code, Some(0), "{said}");
    let topics = &desk.topics;
    for topic in [&topics.raw, &topics.normalized, &topics.seen] {
        assert!(said.contains(&format!("✓ read           {topic}")), "{said}");
    }
    for topic in &topics.all()[1..] {
        assert!(said.contains(&format!("✓ write          {topic}")), "{said}");
        assert_eq!(desk.read(topic, Isolation::Committed), [], "{topic}");
    }
    assert!(said.contains("may commit offsets of"), "{said}");
    assert!(desk.committed(&topics.raw).values().all(|offset| *offset == 0), "the offset is not committed");
}
