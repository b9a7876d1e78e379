//! `copydesk process` as a user runs it: files and standard input in, articles, labels and rejections out.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const STORY: &str = "Advertisement\n\nHarbour opens again\n\nMay 5 (UPI) -- The port of Ostheim opened on Monday.\n";

fn process(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_copydesk"))
        .arg("process")
        .args(args)
        .env_remove("COPYDESK_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses its arguments may be gone before it has read anything.
    if let Err(e) = child.stdin.take().unwrap().write_all(stdin) {
        assert_eq!(e.kind(), ErrorKind::BrokenPipe, "{e}");
    }
    child.wait_with_output().unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn errors(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn body(article: &Value) -> &str {
    article["bodies"][0]["value"].as_str().unwrap()
}

#[test]
fn each_file_becomes_one_article_in_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let text = file(folder.path(), "a.txt", STORY);
    let envelope = file(folder.path(), "b.json", "{\n \"text\": \"OSTHEIM (AP) — Two.\",\n \"uri\": \"urn:x:2\"\n}\n");
    let output = process(&[&envelope, &text], b"");
    assert!(output.status.success());
    let articles = objects(&output);
    assert_eq!(articles.iter().map(body).collect::<Vec<_>>(), ["Two.", "The port of Ostheim opened on Monday."]);
    assert_eq!(articles[0]["uri"], "urn:x:2");
    assert_eq!(articles[1]["headlines"][0]["value"], "Harbour opens again");
}

#[test]
fn text_on_standard_input_is_one_item() {
    for args in [&[][..], &["-"]] {
        let output = process(args, STORY.as_bytes());
        assert_eq!(objects(&output).iter().map(body).collect::<Vec<_>>(), ["The port of Ostheim opened on Monday."]);
    }
}

#[test]
fn an_envelope_over_several_lines_on_standard_input_is_one_item() {
    let output = process(&[], b"{\n\"text\": \"One.\"\n}\n");
    assert_eq!(objects(&output).iter().map(body).collect::<Vec<_>>(), ["One."]);
}

#[test]
fn envelopes_a_line_are_many_items_and_rejections_name_the_line() {
    let lines = "{\"text\": \"One.\"}\n\n{\"text\": \"Two\", \"version\": []}\n{\"text\": \"Three.\"}";
    let folder = tempfile::tempdir().unwrap();
    for name in ["items.ndjson", "items.jsonl"] {
        let path = file(folder.path(), name, lines);
        for (args, stdin, shown) in [(&[path.as_str()][..], "", path.as_str()), (&["-"], lines, "-")] {
            let output = process(args, stdin.as_bytes());
            assert_eq!(output.status.code(), Some(1));
            assert_eq!(objects(&output).iter().map(body).collect::<Vec<_>>(), ["One.", "Three."]);
            let why = "bad_envelope: `version` is an array, not a whole number from 0 or a string of digits";
            assert_eq!(errors(&output), [format!("{shown}:3: {why}")]);
        }
    }
}

#[test]
fn labels_answer_every_item_in_order_even_one_that_is_rejected() {
    let lines = [
        serde_json::json!({"text": STORY, "uri": "urn:x:1"}).to_string(),
        serde_json::json!({"text": " ", "uri": "urn:x:2"}).to_string(),
        serde_json::json!({"text": "Advertisement", "uri": "urn:x:3"}).to_string(),
    ];
    let output = process(&["--labels"], lines.join("\n").as_bytes());
    assert!(output.status.success());
    let answers = objects(&output);
    assert_eq!(
        answers.iter().map(|answer| answer["uri"].as_str()).collect::<Vec<_>>(),
        [Some("urn:x:1"), Some("urn:x:2"), Some("urn:x:3")]
    );
    let labels = |answer: &Value| {
        let lines = answer["lines"].as_array().unwrap().iter();
        lines.map(|line| line["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&answers[0]), ["boilerplate", "headline", "body"]);
    assert_eq!(answers[0]["dateline"], "May 5 (UPI) --");
    assert_eq!((labels(&answers[1]), &answers[1]["rejected"]), (vec![], &Value::from("empty")));
    assert_eq!((labels(&answers[2]), &answers[2]["rejected"]), (vec!["boilerplate".to_owned()], &Value::Null));
}

#[test]
fn an_explanation_shows_the_label_and_the_reason_without_colours_in_a_pipe() {
    let output = process(&["--explain"], STORY.as_bytes());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(shown.contains("boilerplate │ Advertisement") && shown.contains("common/advertisement"), "{shown}");
    assert!(!shown.contains('\u{1B}'), "{shown}");
}

#[test]
fn an_item_without_copy_is_explained_and_rejected() {
    let output = process(&["--explain"], b"Advertisement\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("common/advertisement"));
    assert_eq!(errors(&output), ["-:1: no_copy: no editorial text is left after editing"]);
}

#[test]
fn the_content_type_says_which_charset_a_file_is_in() {
    let (bytes, ..) = encoding_rs::KOI8_R.encode("Мост открыт.");
    let output = process(&["--content-type", "text/plain; charset=koi8-r"], &bytes);
    assert_eq!(objects(&output).iter().map(body).collect::<Vec<_>>(), ["Мост открыт."]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = process(&["no/such/file.txt"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output)[0].starts_with("copydesk: cannot read no/such/file.txt: "), "{:?}", errors(&output));
}

#[test]
fn an_explanation_is_written_as_one_page_of_all_items() {
    let folder = tempfile::tempdir().unwrap();
    let (story, bad) = (file(folder.path(), "a.txt", STORY), file(folder.path(), "<b>.txt", " \n"));
    let page = folder.path().join("page.html");
    let output = process(&["--explain", "--html", page.to_str().unwrap(), &story, &bad], b"");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert_eq!(errors(&output).len(), 1, "{:?}", errors(&output));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<a href=\"#item-1\" dir=\"auto\">Harbour opens again</a>"), "{page}");
    assert!(page.contains("<del>Advertisement</del>") && page.contains("common/advertisement"), "{page}");
    assert!(page.contains("&lt;b&gt;.txt:1") && page.contains("rejected: empty"), "{page}");
    assert!(!page.contains("<b>.txt") && !page.contains("<script"), "{page}");
}

#[test]
fn a_page_goes_to_standard_output_too_and_belongs_to_an_explanation() {
    let output = process(&["--explain", "--html", "-"], STORY.as_bytes());
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("<!DOCTYPE html>"));
    assert_eq!(process(&["--html", "-"], STORY.as_bytes()).status.code(), Some(2));
}
