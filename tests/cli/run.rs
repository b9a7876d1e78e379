//! `copydesk run` as an operator meets it before the first item: starting, waiting, refusing, ending.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command};

use rdkafka::mocking::MockCluster;

use crate::copydesk::{command, copydesk_with};

/// A worker whose broker is nowhere, stopped when dropped.
struct Worker {
    child: Child,
    log: BufReader<ChildStderr>,
    admin: SocketAddr,
    /// What it logged before the admin server listened.
    before: String,
}

impl Worker {
    fn without_a_broker() -> Worker {
        Worker::without_a_broker_and_with(&[])
    }

    fn without_a_broker_and_with(variables: &[(&str, &str)]) -> Worker {
        let mut child = command(&["run"])
            .envs(variables.iter().copied())
            .env("COPYDESK_KAFKA_BROKERS", "127.0.0.1:1")
            .env("COPYDESK_ADMIN_LISTEN", "127.0.0.1:0")
            .env("COPYDESK_LOG_FORMAT", "json")
            .spawn()
            .expect("the binary starts");
        let mut log = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let mut before = String::new();
        let admin = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).expect("the log is text"), 0, "the worker ended");
            let event: serde_json::Value = serde_json::from_str(&line).expect("a line of the log is JSON");
            before += &line;
            if let Some(address) = event["address"].as_str() {
                break address.parse().expect("the log names the address");
            }
        };
        Worker { child, log, admin, before }
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).expect("the admin server listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: copydesk\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("there is a kill command").success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn while_kafka_is_away_the_worker_is_alive_and_not_ready() {
    let worker = Worker::without_a_broker();
    assert!(worker.ask("/livez").starts_with("HTTP/1.1 200"));
    let ready = worker.ask("/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("0 of 1 workers have started"), "{ready}");
    assert!(worker.ask("/metrics").contains("copydesk_build_info"));
}

#[test]
fn verification_that_is_switched_off_is_warned_of_at_every_start() {
    let off = [("COPYDESK_KAFKA_PROPERTIES_ENABLE_SSL_CERTIFICATE_VERIFICATION", "false")];
    for (variables, warned) in [(&off[..], true), (&[], false)] {
        let worker = Worker::without_a_broker_and_with(variables);
        let warning = worker.before.lines().find(|line| line.contains("certificates are NOT verified"));
        assert_eq!(warning.is_some_and(|line| line.contains("\"WARN\"")), warned, "{}", worker.before);
    }
}

#[test]
fn a_worker_that_waits_for_its_broker_ends_with_the_first_signal() {
    for signal in ["TERM", "INT"] {
        let mut worker = Worker::without_a_broker();
        worker.signal(signal);
        assert_eq!(worker.child.wait().expect("it ends").code(), Some(0), "{signal}");
    }
}

#[test]
fn a_log_of_json_is_json_in_every_line() {
    let mut worker = Worker::without_a_broker();
    worker.signal("TERM");
    let mut rest = String::new();
    worker.log.read_to_string(&mut rest).expect("the log is text");
    for line in rest.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn missing_topics_are_refused_and_not_waited_for() {
    let cluster = MockCluster::new(1).expect("the mock broker starts");
    let variables =
        [("COPYDESK_KAFKA_BROKERS", &*cluster.bootstrap_servers()), ("COPYDESK_ADMIN_LISTEN", "127.0.0.1:0")];
    let run = copydesk_with(&["run"], &variables);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("wire.raw does not exist") && run.err.contains("copydesk topics --create"), "{}", run.err);
}

#[test]
fn an_admin_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let run = copydesk_with(&["run"], &[("COPYDESK_ADMIN_LISTEN", &address)]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains(&format!("cannot listen on {address} (admin.listen)")), "{}", run.err);
}
