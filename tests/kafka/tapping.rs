//! `copydesk tap`: what committed readers see, shown and chosen, without a trace in the group.

use serde_json::{Value, json};

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::leash::Signal;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};

#[track_caller]
fn tap(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let (code, said) = Worker::command(desk, "tap", &[arguments, &["--from", "earliest", "--end"]].concat());
    assert_eq!(code, Some(0), "{said}");
    said.lines().map(str::to_owned).collect()
}

#[test]
fn each_topic_is_shown_and_filtered_to_its_present_end() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start(&desk, "a");
    let envelope =
        |n: u64, source: &str| Raw::story(&story(n), json!({"uri": format!("urn:nwa:{n}"), "source": source}));
    let first = desk.send_one(envelope(1, "NWA"));
    desk.settle(&[&worker]);
    let copy = desk.send_one(Raw::from(&story(1)));
    desk.send([envelope(2, "Other"), Raw::bytes(" ")]);
    desk.settle(&[&worker]);
    worker.finish();

    assert_eq!(tap(&desk, &["raw"]).len(), 4);
    let [raw] = &tap(&desk, &["raw", "--source", "nwa"])[..] else { panic!("one item of that feed") };
    assert!(raw.contains("urn:nwa:1") && raw.contains(&story(1).headline), "{raw}");
    let [article] = &tap(&desk, &["articles", "--uri", "urn:nwa:1"])[..] else { panic!("one article of that uri") };
    let source = format!("{}/{first}", desk.topics.raw);
    assert!(article.contains(&story(1).headline) && article.contains(&source), "{article}");
    assert_eq!(tap(&desk, &["articles", "--source", &source]).len(), 1, "by the raw record");
    let [duplicate] = &tap(&desk, &["duplicates", "--reason", "copy"])[..] else { panic!("one copy") };
    assert!(duplicate.contains(&format!("{}/{copy}", desk.topics.raw)) && duplicate.contains(&source), "{duplicate}");
    let [letter] = &tap(&desk, &["rejected", "--reason", "empty"])[..] else { panic!("one dead letter") };
    assert!(letter.contains("nothing but white space"), "{letter}");
    assert_eq!(tap(&desk, &["seen"]).len(), 2);

    let [line] = &tap(&desk, &["articles", "--grep", &story(2).paragraphs[0].to_uppercase(), "--json"])[..] else {
        panic!("one article with that paragraph")
    };
    let record: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&record["topic"], &record["key"]), (&json!(desk.topics.articles), &json!("urn:nwa:2")));
    let article: Value = serde_json::from_str(record["value"].as_str().unwrap()).unwrap();
    assert_eq!(article["uri"], "urn:nwa:2");
    assert_eq!(tap(&desk, &["articles", "--hash", "not a hash"]).len(), 0);
    assert_eq!(tap(&desk, &["raw", "--limit", "3"]).len(), 3);
}

#[test]
fn it_follows_what_comes_and_leaves_the_group_alone() {
    let mut desk = Desk::open(Broker::shared());
    desk.send_one(&story(1));
    let follower = Worker::spawn(&desk, &Settings::named("a"), "tap", &["raw", "--limit", "2"]);
    // It begins with what comes after it has begun: until then, what is sent may lie before.
    let mut number = 2;
    eventually("two lines", seconds(30), || {
        desk.send_one(&story(number));
        number += 1;
        match follower.log().lines().count() {
            2 => Ok(()),
            lines => Err(format!("{lines} lines")),
        }
    });
    assert_eq!(follower.exit_code(seconds(10)), Some(0), "two were asked for");
    assert!(!follower.log().contains(&story(1).headline), "what was there before is not shown: {}", follower.log());
    assert!(desk.committed(&desk.topics.raw).values().all(|offset| *offset == 0));

    let endless = Worker::spawn(&desk, &Settings::named("a"), "tap", &["raw", "--from", "-1"]);
    eventually("the last ones", seconds(30), || match endless.log().lines().count() {
        0 => Err("nothing".into()),
        _ => Ok(()),
    });
    // Not Ctrl-C's, which a shell makes its background jobs ignore.
    endless.signal(Signal::Term);
    assert_eq!(endless.exit_code(seconds(10)), None, "the signal ends it");
}
