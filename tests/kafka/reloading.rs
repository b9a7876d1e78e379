//! SIGHUP: new rules and a new log level in a running worker, or none of both.

use std::fs;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::leash::Signal;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

const FURNITURE: &str = "The tides of the coming day are sent by mail to readers who ask the harbour office for them.";

fn rule(line: &str) -> String {
    format!(
        "[[rule]]\nid = \"test/tides\"\nclass = \"boilerplate\"\npatterns = ['{line}']\nmatches = [\"{line}\"]\n\
         rejects = [\"Tides rose by a metre.\"]\n"
    )
}

fn item(number: u64) -> Raw {
    Raw::bytes(format!("{}\n\n{FURNITURE}\n", story(number).text()))
}

fn rules_of(worker: &Worker) -> String {
    let page = worker.get("/metrics").expect("it answers").body;
    let line = page.lines().find(|line| line.starts_with("copydesk_build_info")).expect("the series exists");
    line.split("rules=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a label").to_owned()
}

#[track_caller]
fn reload(worker: &Worker, outcome: &str, count: f64) {
    worker.signal(Signal::Hup);
    let label = format!("outcome=\"{outcome}\"");
    eventually(&format!("reloads {outcome}"), seconds(10), || {
        worker.assert_alive();
        match worker.metric("copydesk_reloads_total", &[&label])? {
            found if found == count => Ok(()),
            found => Err(found.to_string()),
        }
    });
}

#[test]
fn new_rules_hold_from_the_next_item_on_and_bad_ones_change_nothing() {
    let rules = tempfile::tempdir().unwrap();
    let file = rules.path().join("mine.toml");
    fs::write(&file, "").unwrap();
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start_with(&desk, &Settings::named("a").rules(rules.path()));
    let before = desk.send_one(item(1));
    desk.settle(&[&worker]);
    let old = rules_of(&worker);

    fs::write(&file, rule(FURNITURE)).unwrap();
    reload(&worker, "done", 1.0);
    let new = rules_of(&worker);
    assert_ne!(old, new);
    let after = desk.send_one(item(2));
    desk.settle(&[&worker]);

    fs::write(&file, rule("Tides (by mail")).unwrap();
    reload(&worker, "refused", 1.0);
    assert_eq!(rules_of(&worker), new, "the old rules are kept");
    let log = worker.log();
    assert!(log.contains("not reloaded") && log.contains("mine.toml:1") && log.contains("test/tides"), "{log}");
    let still = desk.send_one(item(3));
    let ledger = desk.close(vec![worker]);

    let body = |at| ledger.article(at).json["bodies"][0]["value"].as_str().expect("a body").to_owned();
    assert!(body(before).contains(FURNITURE), "{}", body(before));
    for at in [after, still] {
        assert!(!body(at).contains(FURNITURE), "{}", body(at));
    }
    let rules = |at| ledger.article(at).record.header("copydesk-rules").expect("the header").to_owned();
    assert_eq!([before, after, still].map(rules), [old, new.clone(), new], "each item says by which rules");
}

#[test]
fn a_new_log_level_holds_at_once_and_keys_that_need_a_restart_are_named() {
    let desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    worker.await_ready();
    worker
        .reconfigure(|toml| toml.replace("level = \"info\"", "level = \"warn\"").replace("threads = 1", "threads = 3"));
    reload(&worker, "done", 1.0);
    let log = worker.log();
    assert!(log.contains("worker.threads") && log.contains("restart"), "{log}");
    assert!(!log.contains("reloaded rules"), "the level was raised before that was said: {log}");
    worker.reconfigure(|toml| toml.replace("level = \"warn\"", "level = \"loud\""));
    reload(&worker, "refused", 1.0);
    assert!(worker.log().contains("log.level"), "{}", worker.log());
    worker.finish();
}
