//! `copydesk mine`: from an archive to rules that hold.

use serde_json::{Value, json};

use crate::copydesk::{copydesk, copydesk_reading, copydesk_with};

const WORDS: [&str; 12] = [
    "harbour",
    "council",
    "ferry",
    "lighthouse",
    "storm",
    "bridge",
    "market",
    "school",
    "museum",
    "railway",
    "forest",
    "theatre",
];

/// A story of its own, with a line that every story of the paper has between its paragraphs.
fn story(n: usize) -> String {
    let word = |i: usize| WORDS[(n * n * 5 + i * i * 7 + n * i) % WORDS.len()];
    let sentence = |from: usize| {
        let words: Vec<_> = (from..from + 14).map(word).collect();
        format!("The {} of Ostheim stays shut, the mayor said.", words.join(" "))
    };
    let [first, second, third] = [0, 20, 40].map(sentence);
    format!("{first}\n\n{second}\n\nHarbour chums save {n}0 percent\n\n{third}")
}

fn archive(items: usize) -> String {
    let item = |n| json!({"text": story(n), "source": "Ostheim Post", "uri": format!("urn:post:{n}")}).to_string();
    (1..=items).map(item).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_an_archive_repeats_becomes_rules_that_take_it_out() {
    let mined = copydesk_reading(&["mine", "-"], &archive(4));
    assert_eq!((mined.code, mined.err.as_str()), (0, ""), "{}", mined.out);
    assert!(mined.out.starts_with("# 1 line found in 4 items of 1 source.\n"), "{}", mined.out);
    assert!(mined.out.contains("# In 4 different stories, 4 of 4 items."), "{}", mined.out);
    assert!(mined.out.contains("# Seen at -:1, -:2, -:3\n"), "{}", mined.out);
    assert!(mined.out.contains(r"patterns = ['Harbour chums save \d+(?:[.,:/-]\d+)* percent']"), "{}", mined.out);

    let rules = tempfile::tempdir().expect("there is room for a directory");
    std::fs::write(rules.path().join("mined.toml"), &mined.out).expect("there is room for a file");
    let variables = [("COPYDESK_EDIT_RULES", rules.path().to_str().expect("the path is UTF-8"))];
    let item = rules.path().join("item.json");
    std::fs::write(&item, json!({"text": story(7), "source": "Ostheim Post"}).to_string()).expect("there is room");
    let item = item.to_str().expect("the path is UTF-8");
    let before: Value = serde_json::from_str(&copydesk(&["process", "--labels", item]).out).expect("labels are JSON");
    let after = copydesk_with(&["process", "--labels", item], &variables).out;
    let after: Value = serde_json::from_str(&after).expect("labels are JSON");
    assert_eq!(before["lines"][2]["text"], "Harbour chums save 70 percent");
    assert_ne!(before["lines"][2]["label"], "boilerplate", "no rule of the program knows the line");
    assert_eq!(after["lines"][2]["label"], "boilerplate");
    let reason = after["lines"][2]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("mined/ostheim-post/harbour-chums-save-10-percent-"), "{reason}");
}

#[test]
fn versions_of_one_story_are_no_evidence() {
    let one_uri: String =
        archive(4).lines().map(|line| line.replace(r#""urn:post:"#, r#""urn:one"#)).collect::<Vec<_>>().join("\n");
    let one_uri = (1..=4).fold(one_uri, |text, n| text.replace(&format!("urn:one{n}"), "urn:one"));
    let mined = copydesk_reading(&["mine", "-"], &one_uri);
    assert!(mined.out.starts_with("# 0 lines found in 4 items"), "{}", mined.out);
}

#[test]
fn more_stories_are_asked_for_with_an_option() {
    let mined = copydesk_reading(&["mine", "--min-stories", "5", "-"], &archive(4));
    assert!(mined.out.starts_with("# 0 lines found in 4 items of 1 source.\n"), "{}", mined.out);
    assert_eq!(copydesk(&["mine", "--min-stories", "1", "-"]).code, 2, "one story is no recurrence");
}

#[test]
fn items_that_cannot_be_read_are_named_and_counted() {
    let mined = copydesk_reading(&["mine", "-"], &format!("{}\n{{\"text\": 3}}\n", archive(3)));
    assert_eq!(mined.code, 0);
    assert!(mined.out.starts_with("# 1 line found in 3 items"), "{}", mined.out);
    assert!(mined.err.starts_with("-:4: bad_envelope: "), "{}", mined.err);
    assert!(mined.err.ends_with("left out: 1 of 4 items\n"), "{}", mined.err);
}
