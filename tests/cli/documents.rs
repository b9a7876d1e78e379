//! What the documents say is so.

use std::path::Path;

use serde_json::Value;

use crate::copydesk::copydesk_reading;

const README: &str = include_str!("../../README.md");
const CHANGELOG: &str = include_str!("../../CHANGELOG.md");

/// The first fenced block of this language.
fn block<'t>(text: &'t str, language: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("there is such a block");
    rest.split_once("```").expect("the block ends").0
}

/// Whether all that is shown is there. A text that ends in `…` is a beginning; an array shows its first elements.
fn shows(shown: &Value, real: &Value) -> bool {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            shown.iter().all(|(key, value)| real.get(key).is_some_and(|real| shows(value, real)))
        }
        (Value::Array(shown), Value::Array(real)) => {
            shown.len() <= real.len() && shown.iter().zip(real).all(|(shown, real)| shows(shown, real))
        }
        (Value::String(shown), Value::String(real)) => match shown.strip_suffix('…') {
            Some(beginning) => real.starts_with(beginning),
            None => shown == real,
        },
        _ => shown == real,
    }
}

#[test]
fn the_example_of_the_readme_is_what_copydesk_makes_of_it() {
    let done = copydesk_reading(&["process"], block(README, "text"));
    assert_eq!(done.code, 0, "{}", done.err);
    let real: Value = serde_json::from_str(&done.out).expect("an article is JSON");
    let shown: Value = serde_json::from_str(block(README, "json")).expect("the example is JSON");
    assert!(shows(&shown, &real), "the README shows\n{shown:#}\nbut it is\n{real:#}");
}

#[test]
fn every_file_a_document_links_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = README.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let local: Vec<&str> = targets.filter(|target| !target.contains("://")).collect();
    assert!(local.len() > 10, "{local:?}");
    for target in local {
        assert!(root.join(target).exists(), "{target}");
    }
}

#[test]
fn the_changelog_names_the_context_of_the_content_hash_and_the_layout_of_the_changelog_topic() {
    assert!(CHANGELOG.contains(copydesk::fingerprint::CONTEXT));
    assert!(CHANGELOG.contains(&format!("Changelog layout of `wire.seen`: {}.", copydesk::dedup::record::LAYOUT)));
}
