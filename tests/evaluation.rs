//! The edit desk measured on labelled items, with floors under its figures.
//!
//! The items are third-party texts and lie beside the repository: in `../shared/eval`, or where COPYDESK_SHARED points. The
//! figures are those of [`copydesk::evaluate`], which `tests/cli/evaluate.rs` holds against the scorer beside the items.
//!
//! Run with `cargo test --release --test evaluation -- --ignored --nocapture`.

use std::path::PathBuf;
use std::process::Command;

use copydesk::edit::{Copy, Desk, Hints, Label};
use copydesk::evaluate::{Figures, Gold, Tally};
use copydesk::{normalize, wire};

/// Bytes an item may have.
const MAX_BYTES: usize = 16 << 20;

/// A file of the labelled items.
fn shared(name: &str) -> PathBuf {
    let shared = std::env::var_os("COPYDESK_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    shared.join("eval").join(name)
}

/// The labelled items of one set.
fn golds(name: &str) -> Vec<Gold> {
    let path = shared(name);
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip runs");
    assert!(unpacked.status.success(), "{} cannot be read; set COPYDESK_SHARED", path.display());
    let lines = unpacked.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Gold::parse(line).unwrap()).collect()
}

/// Reads and edits each item as the stream does, and hands on what comes out.
fn edit_each(name: &str, mut with: impl FnMut(&Gold, &Copy<'_>)) {
    let desk = Desk::builtin().unwrap();
    for gold in golds(name) {
        let envelope = gold.envelope();
        let item = wire::read(envelope.as_bytes(), None, MAX_BYTES).unwrap();
        with(&gold, &normalize::edit(&desk, &item, None));
    }
}

fn tally(name: &str) -> Tally {
    let mut tally = Tally::default();
    edit_each(name, |gold, copy| {
        tally.add(gold, Some(copy));
    });
    let figures = tally.figures();
    println!(
        "{name}: body F1 {:.4}, false removal {:.4}, leak {:.4}; datelines {}/{}, {} invented; credits {}/{}",
        figures.body.f1,
        figures.false_removal,
        figures.leak,
        tally.datelines_exact,
        tally.datelines,
        tally.datelines_invented,
        tally.credits_exact,
        tally.credits
    );
    figures.labels.iter().for_each(|(label, score)| println!("  {:11} {:.3}", label.name(), score.f1));
    tally
}

fn assert_floors(figures: &Figures, floors: &[(Label, f64)]) {
    for (label, floor) in floors {
        let score = figures.labels.iter().find(|(known, _)| known == label).map_or(0.0, |(_, score)| score.f1);
        assert!(score >= *floor, "{} {score}", label.name());
    }
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn wire_copy_is_edited_as_a_person_labelled_it() {
    let tally = tally("wire-dev.jsonl.gz");
    let figures = tally.figures();
    assert!(figures.body.f1 >= 0.999);
    assert!(figures.false_removal <= 0.0003);
    assert!(figures.leak <= 0.0005);
    let floors = [(Label::Caption, 0.99), (Label::Boilerplate, 0.95), (Label::Signoff, 0.97), (Label::Subhead, 0.85)];
    assert_floors(&figures, &floors);
    assert_eq!((tally.datelines_exact, tally.datelines_invented), (tally.datelines, 0));
    assert!(tally.credits_exact + 1 >= tally.credits);
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn the_story_is_found_in_page_dumps() {
    // The model was trained on these.
    let figures = tally("pages-dev.jsonl.gz").figures();
    assert!(figures.body.f1 >= 0.965);
    assert!(figures.false_removal <= 0.02);
    assert!(figures.leak <= 0.03);
    assert_floors(&figures, &[(Label::Caption, 0.75), (Label::Headline, 0.85), (Label::Byline, 0.75)]);
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn wire_items_are_never_taken_for_pages() {
    edit_each("wire-dev.jsonl.gz", |gold, copy| {
        let page = |reason: &str| reason.starts_with("reads ") || reason == "page furniture";
        assert!(!copy.lines.iter().any(|l| page(l.reason)), "{}", gold.id);
    });
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED)"]
fn observed_datelines_are_read_as_they_stand() {
    let table = std::fs::read_to_string(shared("datelines_observed.tsv")).unwrap();
    let desk = Desk::builtin().unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [place, agency, mark, _, _, lead, ..] = cells[..] else { continue };
        let dateline = format!("{place} ({agency}) {mark}").trim().to_owned();
        let text = format!("{dateline} {lead} and so on, as a long enough sentence goes.");
        count += 1;
        let copy = desk.edit(&text, &Hints::default());
        if copy.dateline.as_ref().map(|d| d.verbatim) != Some(&dateline) {
            wrong.push(format!("{dateline:40} {:?}", copy.dateline.map(|d| d.verbatim.to_owned())));
        }
    }
    println!("{} of {count} datelines exact\n{}", count - wrong.len(), wrong.join("\n"));
    assert!(count > 1_900 && wrong.len() * 200 <= count);
}
