//! `copydesk diff-rules`: what a change of the rules changes.

use serde_json::Value;

use crate::copydesk::{copydesk, copydesk_reading};

const FURNITURE: &str = "The tides of the coming day are sent by mail to readers who ask the harbour office for them.";

fn rules(home: &tempfile::TempDir) -> String {
    let rule = format!(
        "[[rule]]\nid = \"test/tides\"\nclass = \"boilerplate\"\npatterns = ['{FURNITURE}']\n\
         matches = [\"{FURNITURE}\"]\nrejects = [\"Tides rose by a metre.\"]\n"
    );
    std::fs::write(home.path().join("mine.toml"), rule).expect("there is room for a file");
    home.path().to_str().expect("the path is UTF-8").to_owned()
}

/// Two envelopes, and one of them as `tap --json` writes it.
fn items() -> String {
    let text =
        |end: &str| format!("Harbour opens again\n\nMay 5 (UPI) -- The port of Ostheim opened on Monday.\n\n{end}");
    let changed = serde_json::json!({"text": text(FURNITURE)});
    let same = serde_json::json!({"text": text("Ships sail again from Tuesday, the harbour master said.")});
    let record = serde_json::json!({"topic": "wire.raw", "partition": 0, "offset": 7, "value": changed.to_string()});
    let record = record.to_string();
    // A record begins with its topic, whatever order a map of JSON has.
    let record = record.replacen('{', "{\"topic\":\"wire.raw\",", 1).replace(",\"topic\":\"wire.raw\"", "");
    format!("{changed}\n{same}\n{record}\n")
}

#[test]
fn lines_hashes_and_counts_tell_what_changes_and_why() {
    let home = tempfile::tempdir().expect("there is room for a directory");
    let done = copydesk_reading(&["diff-rules", "builtin", &rules(&home), "-"], &items());
    assert_eq!(done.code, 0, "{}", done.err);
    for shown in
        ["-:1", "body → boilerplate", "story → test/tides", "2 of 3 items change", "2 lines body → boilerplate"]
    {
        assert!(done.out.contains(shown), "{shown}: {}", done.out);
    }
    assert!(done.out.contains("2 get another content hash"), "{}", done.out);
    assert!(!done.out.contains("-:2"), "what stays is not shown: {}", done.out);
}

#[test]
fn a_program_gets_an_object_a_changed_item_and_the_summary() {
    let home = tempfile::tempdir().expect("there is room for a directory");
    let done = copydesk_reading(&["diff-rules", "--json", "builtin", &rules(&home), "-"], &items());
    let objects: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 3, "{}", done.out);
    assert_eq!((&objects[0]["item"], &objects[1]["item"]), (&"-:1".into(), &"-:3".into()));
    let line = &objects[0]["lines"][0];
    assert_eq!((&line["text"], &line["new"]["reason"]), (&FURNITURE.into(), &"test/tides".into()));
    assert_ne!(objects[0]["hash"]["old"], objects[0]["hash"]["new"]);
    assert_eq!(objects[0]["hash"], objects[1]["hash"], "a record of Kafka is the item that is its value");
    assert_eq!(objects[2]["summary"]["changed"], 2);
    let nothing = copydesk_reading(&["diff-rules", "builtin", "builtin", "-"], &items());
    assert!(nothing.out.starts_with("0 of 3 items change"), "{}", nothing.out);
}

#[test]
fn rules_that_are_wrong_are_named() {
    let done = copydesk(&["diff-rules", "builtin", "/nonexistent/rules", "-"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("the rules of /nonexistent/rules"), "{}", done.err);
}
