//! The five doors by which bytes of strangers come in, and what must hold behind each of them whatever they are.
//!
//! Shared by the fuzz targets in `fuzz/fuzz_targets` and by `tests/fuzz.rs`, which tries the kept cases and random bytes.

use std::sync::LazyLock;

use copydesk::dedup::record::{self, Change};
use copydesk::edit::{Desk, Hints};
use copydesk::normalize::Normalizer;
use copydesk::wire;

/// As a raw item may be.
const MAX_BYTES: usize = 1 << 20;

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().expect("the built-in rules load"));

const TYPES: [Option<&str>; 8] = [
    None,
    Some("text/plain"),
    Some("text/plain; charset=windows-1251"),
    Some("text/plain; charset=utf-16le"),
    Some("text/plain; charset=iso-2022-jp"),
    Some("application/json; charset=shift_jis"),
    Some("application/json"),
    Some("\u{0};charset"),
];

/// Raw bytes under a declared type: the first byte chooses it.
pub fn decoder(data: &[u8]) {
    let Some((choice, value)) = data.split_first() else { return };
    let content_type = TYPES[usize::from(*choice) % TYPES.len()];
    match wire::read(value, content_type, MAX_BYTES) {
        Ok(item) => {
            assert!(!item.text.trim().is_empty(), "an empty item is a rejected one");
            assert_eq!(wire::folded(&item.text), item.text, "the text is folded already");
        }
        Err(reject) => assert!(!reject.detail.is_empty() && reject.detail.len() < 400, "{reject}"),
    }
    let again = || wire::read(value, content_type, MAX_BYTES).map(|item| item.text.into_owned());
    assert_eq!(again(), again(), "the same bytes are the same item");
}

/// Bytes that are said to be an envelope, all the way to the article.
pub fn envelope(data: &[u8]) {
    let normalize = || {
        Normalizer::new(&*DESK, "news.example", MAX_BYTES)
            .normalize(data, Some("application/json"), None)
            .map(|item| (item.hash, item.json))
    };
    match normalize() {
        Ok((hash, json)) => {
            let article: serde_json::Value = serde_json::from_slice(&json).expect("an article is JSON");
            assert_eq!(article["standard"]["version"], "3.1");
            assert!(article["bodies"][0]["value"].as_str().is_some_and(|body| !body.trim().is_empty()));
            assert_eq!(normalize().expect("it was one a moment ago"), (hash, json), "twice the same");
        }
        Err(reject) => assert!(!reject.detail.is_empty() && reject.detail.len() < 400, "{reject}"),
    }
}

/// Any text on the edit desk: nothing of it is invented, and every character has one label.
pub fn edit(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = wire::folded(&text);
    let copy = DESK.edit(&text, &Hints::default());
    let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let labelled: String = copy.lines.iter().map(|line| ink(line.text)).collect();
    assert_eq!(labelled, ink(&text), "every character is in one labelled line");
    let all = ink(&text);
    let mut rest = all.as_str();
    for paragraph in &copy.body {
        let paragraph = ink(paragraph);
        let at = rest.find(&paragraph).unwrap_or_else(|| panic!("not in the text, or not there: {paragraph:?}"));
        rest = &rest[at + paragraph.len()..];
    }
}

/// Any text as a file of rules.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Desk::with_only(text) {
        Ok(desk) => _ = desk.edit("Bridge opens\n\nGREENVALE, May 5 (UPI) -- It opened.", &Hints::default()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Any record in the changelog: the first byte is the length of its key.
pub fn changelog(data: &[u8]) {
    let Some((length, rest)) = data.split_first() else { return };
    let (key, value) = rest.split_at(usize::from(*length).min(rest.len()));
    let _ = record::read(key, None);
    if let Ok(Change::Seen(entry)) = record::read(key, Some(value)) {
        let written = record::value(&entry);
        let back = record::read(key, Some(written.as_bytes())).expect("what we write we can read");
        assert_eq!(back, Change::Seen(entry));
    }
}
