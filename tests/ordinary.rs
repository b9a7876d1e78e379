//! Ordinary sentences that begin or end as furniture does stay in the story.

use std::fmt::Write;
use std::path::Path;

use copydesk::edit::{Copy, Desk, Hints, Label};

const BEFORE: &str = "OSTHEIM, May 5 (Reuters) - The port of Ostheim opened again on Monday after a week of storms, the harbour \
    office said in a statement.\n\nNobody was hurt, and the first ferry came in at noon with a hundred people.";
const BEHIND: &str = "The council is to vote on the money for a new quay at its next meeting in June, after a report by the \
    engineers.\n\nThe mayor thanked the crews of forty ferries, who had waited at the quay since Tuesday.";

/// What becomes of `sentence` in the middle of a story, if it does not stay.
fn lost(desk: &Desk, sentence: &str) -> Option<String> {
    let text = format!("{BEFORE}\n\n{sentence}\n\n{BEHIND}");
    let Copy { lines, body, .. } = desk.edit(&text, &Hints::default());
    let line = lines.iter().find(|line| line.text == sentence)?;
    let stays = matches!(line.label, Label::Body | Label::Subhead) && body.iter().any(|p| p == sentence);
    (!stays).then(|| format!("{} by {}: {sentence}", line.label.name(), line.reason))
}

fn assert_all_stay<'s>(sentences: impl Iterator<Item = (&'s str, String)>) {
    let (desk, mut failures, mut count) = (Desk::builtin().unwrap(), String::new(), 0);
    for (sentence, of) in sentences {
        count += 1;
        if let Some(lost) = lost(&desk, sentence) {
            writeln!(failures, "{lost}{of}").unwrap();
        }
    }
    assert!(count >= 150, "only {count} sentences");
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn ordinary_sentences_stay_in_the_story() {
    let text = include_str!("ordinary/sentences.txt");
    assert_all_stay(text.lines().filter(|line| !line.starts_with('#')).map(|line| (line, String::new())));
}

/// A whole sentence, as copy has them: not a line that is no furniture either.
fn is_sentence(text: &str) -> bool {
    text.split(' ').count() >= 4
        && text.starts_with(|c: char| c.is_uppercase() || c == '“')
        && text.ends_with(['.', '!', '?', '”'])
        && !text.ends_with("...")
}

#[test]
fn what_one_rule_must_not_match_no_other_takes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let tables: Vec<toml::Table> =
        files.iter().map(|file| std::fs::read_to_string(file).unwrap().parse().unwrap()).collect();
    let rules = tables.iter().filter_map(|table| table.get("rule")).flat_map(|rules| rules.as_array().unwrap());
    let rejects = rules.flat_map(|rule| {
        let sentences = rule["rejects"].as_array().unwrap().iter().map(|reject| reject.as_str().unwrap());
        sentences.filter(|s| is_sentence(s)).map(|s| (s, format!(" (a reject of {})", rule["id"].as_str().unwrap())))
    });
    assert_all_stay(rejects);
}
