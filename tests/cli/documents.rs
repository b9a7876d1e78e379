//! What the documents say is so.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use copydesk::cli::Cli;
use serde_json::Value;

use crate::copydesk::{copydesk, copydesk_reading};

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

/// The heading's anchor, as renderers of Markdown make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is written for people: the book and the read-mes.
fn documents() -> impl Iterator<Item = PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = std::fs::read_dir(root.join("docs")).expect("the docs are there");
    let book = book.map(|file| file.expect("the docs can be listed").path());
    let book = book.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    book.chain(["README.md", "deploy/README.md", "benches/README.md"].map(|file| root.join(file)))
}

#[test]
fn every_file_and_heading_a_document_links_to_is_there() {
    let mut links = 0;
    for document in documents() {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let linked = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            assert!(linked.exists(), "{} links to {target}", document.display());
            if !heading.is_empty() {
                let found = read(&linked)
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading);
                assert!(found, "{} links to {target}", document.display());
            }
            links += 1;
        }
    }
    assert!(links > 80, "{links} links");
}

/// The command of a line, without comment, pipe and redirection, and with something in place of what is left open.
fn command_of(line: &str) -> Option<Vec<String>> {
    let end = [" #", "  ", " | ", " > "].iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
    let hash = "7".repeat(64);
    let filled = |word: &str| match word {
        "CODE" => "no_copy".to_owned(),
        "N..M" => "2..3".to_owned(),
        "P" => "1".to_owned(),
        "HASH" => hash.clone(),
        "SHELL" => "bash".to_owned(),
        word => word.to_owned(),
    };
    let words: Vec<String> = line[..end].split_whitespace().map(filled).collect();
    // `copydesk tap` in a sentence names the command.
    (words.len() > 2 && words[0] == "copydesk" && !line[..end].contains('…')).then_some(words)
}

#[test]
fn every_command_that_documents_and_help_name_is_one() {
    let mut lines = Vec::new();
    for document in documents() {
        let text = read(&document);
        lines.extend(
            text.split('`').skip(1).step_by(2).map(|code| code.split_whitespace().collect::<Vec<_>>().join(" ")),
        );
        let scripts = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        lines.extend(scripts.flat_map(str::lines).map(str::to_owned));
    }
    for command in Cli::command().get_subcommands() {
        let help = copydesk(&[command.get_name(), "--help"]).out;
        lines.extend(help.lines().map(|line| line.trim_start().to_owned()));
    }
    let commands: Vec<_> = lines.iter().filter_map(|line| command_of(line)).collect();
    for words in &commands {
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{}: {error}", words.join(" "));
        }
    }
    assert!(commands.len() > 80, "{} commands", commands.len());
}

#[test]
fn the_changelog_names_the_context_of_the_content_hash_and_the_layout_of_the_changelog_topic() {
    assert!(CHANGELOG.contains(copydesk::fingerprint::CONTEXT));
    assert!(CHANGELOG.contains(&format!("Changelog layout of `wire.seen`: {}.", copydesk::dedup::record::LAYOUT)));
}
