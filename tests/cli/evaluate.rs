//! `copydesk evaluate`: figures on labelled items.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::copydesk::{copydesk, copydesk_reading, without_our_variables};

const GOLD: &str = concat!(
    r#"{"id": "harbour", "dateline": "May 5 (UPI) --", "lines": ["Advertisement", "Harbour opens again", "#,
    r#""May 5 (UPI) -- The port of Ostheim opened on Monday."], "labels": ["boilerplate", "headline", "body"]}"#,
    "\n\n",
    r#"{"id": "ferry", "dateline": null, "lines": ["The ferry sails again from Monday, the harbour office said.", "#,
    r#""Harbour chums get ten percent off tea."], "labels": ["body", "boilerplate"]}"#,
    "\n",
);

fn gold(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("there is room for a file");
    path.to_str().expect("the path is UTF-8").to_owned()
}

fn objects(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("the line is JSON")).collect()
}

#[test]
fn the_figures_are_shown_with_what_went_wrong_and_why() {
    let done = copydesk_reading(&["evaluate", "-"], GOLD);
    assert_eq!(done.code, 0, "{}", done.err);
    for shown in [
        "2 items, 5 lines",
        "  leak           0.2500  7 of 28 words kept as body are boilerplate",
        "  dateline       1.0000  1 of 1 as written, none invented",
        "  boilerplate      ·     1     1",
        "  0.4118  ferry",
        "boilerplate → body  story",
        "Harbour chums get ten percent off tea.",
    ] {
        assert!(done.out.contains(shown), "{shown}: {}", done.out);
    }
    assert!(done.out.lines().all(|line| line.chars().count() <= 100), "{}", done.out);
    assert!(!done.out.contains("0.0000  harbour"), "an item without a mistake is not among the worst: {}", done.out);
}

#[test]
fn a_gzip_file_is_read_like_a_plain_one_whatever_its_name() {
    let folder = tempfile::tempdir().expect("there is room for a directory");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(GOLD.as_bytes()).expect("it packs");
    let packed = gold(&folder, "packed", &packed.finish().expect("it packs"));
    let plain = gold(&folder, "plain", GOLD.as_bytes());
    let [packed, plain] = [packed, plain].map(|path| objects(&copydesk(&["evaluate", "--json", &path]).out)[0].take());
    assert_eq!(packed["leak"], 0.25);
    assert_eq!((&packed["f1"], &packed["worst"]), (&plain["f1"], &plain["worst"]));
}

#[test]
fn several_sets_are_measured_each_and_together() {
    let folder = tempfile::tempdir().expect("there is room for a directory");
    let (first, second) = GOLD.split_once("\n\n").expect("there are two");
    let (first, second) = (gold(&folder, "a.jsonl", first.as_bytes()), gold(&folder, "b.jsonl", second.as_bytes()));
    let sets = objects(&copydesk(&["evaluate", "--json", "--worst", "0", &first, &second]).out);
    assert_eq!(sets.iter().map(|set| set["items"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(1), Some(2)]);
    assert_eq!(sets[2]["gold"], serde_json::json!([first, second]));
    assert_eq!((&sets[0]["leak"], &sets[2]["leak"]), (&Value::from(0.0), &Value::from(0.25)));
    assert_eq!(sets[2]["confusion"]["boilerplate"], serde_json::json!({"boilerplate": 1, "body": 1}));
    assert!(sets.iter().all(|set| set["worst"] == serde_json::json!([])));
}

#[test]
fn a_record_that_is_none_is_named_with_its_line() {
    let done = copydesk_reading(&["evaluate", "-"], &GOLD.replace("\"boilerplate\"]}", "\"advert\"]}"));
    assert_eq!(done.code, 1);
    assert_eq!(done.err.trim(), "copydesk: -:3: item `ferry`, line 2: no label is called `advert`");
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and python3"]
fn every_figure_is_that_of_the_reference_scorer() {
    for set in ["wire-dev.jsonl.gz", "pages-dev.jsonl.gz"] {
        let path = shared().join("eval").join(set);
        let ours = objects(&copydesk(&["evaluate", "--json", path.to_str().expect("the path is UTF-8")]).out)[0].take();
        let theirs = reference(&path);
        let names: Vec<_> = theirs.keys().filter(|name| !["missing", "f1"].contains(&name.as_str())).collect();
        assert!(names.len() >= 10, "{names:?}");
        for name in names {
            equal(&ours[name], &theirs[name], &format!("{set} {name}"));
        }
        let labels = theirs["f1"].as_object().expect("an object");
        assert_eq!(ours["f1"].as_object().map(|f1| f1.len()), Some(labels.len()));
        assert!(labels.len() >= 8, "{labels:?}");
        for (label, f1) in labels {
            equal(&ours["f1"][label], f1, &format!("{set} {label}"));
        }
        assert_eq!(theirs["missing"], 0);
    }
}

fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("COPYDESK_SHARED").map_or_else(beside, PathBuf::from)
}

/// What the reference scorer finds of the same binary.
fn reference(gold: &Path) -> serde_json::Map<String, Value> {
    let script = shared().join("eval/score.py");
    let mut scorer = Command::new("python3");
    scorer.arg(script).arg(env!("CARGO_BIN_EXE_copydesk")).arg(gold).arg("--json");
    without_our_variables(&mut scorer);
    let output = scorer.output().expect("python3 is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the figures are a JSON object")
}

fn equal(ours: &Value, theirs: &Value, what: &str) {
    let (Some(ours), Some(theirs)) = (ours.as_f64(), theirs.as_f64()) else {
        panic!("{what}: {ours} and {theirs} are no figures");
    };
    assert!((ours - theirs).abs() <= 1e-9, "{what}: {ours}, and the reference has {theirs}");
}
