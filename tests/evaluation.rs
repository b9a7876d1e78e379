//! The edit desk measured on labelled items, with floors under its figures.
//!
//! The items are third-party texts and lie beside the repository: in `../shared/eval`, or where COPYDESK_SHARED points.
//! Run with `cargo test --release --test evaluation -- --ignored --nocapture`.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::process::Command;

use copydesk::edit::{Copy, Desk, Hints};
use serde_json::Value;

/// The labelled items of one set.
fn gold(name: &str) -> Vec<Value> {
    let shared = std::env::var_os("COPYDESK_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("eval").join(name);
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip runs");
    assert!(unpacked.status.success(), "{} cannot be read; set COPYDESK_SHARED", path.display());
    let text = String::from_utf8(unpacked.stdout).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// What decoding does to a text before it is edited.
fn fold(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}'));
    kept.map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

fn key(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare(credit: &str) -> String {
    key(credit).trim_matches([' ', '.', '(', ')', '[', ']']).to_lowercase()
}

fn dash(dateline: &str) -> String {
    key(dateline).trim_end_matches(['-', '–', '—', ' ', ':']).to_owned()
}

/// The figures, defined as the scorer beside the items defines them.
#[derive(Debug, Default)]
struct Figures {
    kept: f64,
    right: f64,
    body: f64,
    leaked: f64,
    /// Label → right, wrongly given, missed, in lines.
    lines: BTreeMap<String, [f64; 3]>,
    datelines: f64,
    datelines_exact: f64,
    datelines_invented: f64,
    credits: f64,
    credits_exact: f64,
}

impl Figures {
    fn of(desk: &Desk, items: &[Value]) -> Figures {
        let mut figures = Figures::default();
        for item in items {
            let lines: Vec<String> = strings(&item["lines"]).iter().map(|l| fold(l)).collect();
            let text = lines.join("\n\n");
            figures.add(item, &lines, &desk.edit(&text, &Hints::default()));
        }
        figures
    }

    fn add(&mut self, item: &Value, lines: &[String], copy: &Copy) {
        let mut got: HashMap<String, VecDeque<&str>> = HashMap::new();
        for line in &copy.lines {
            got.entry(key(line.text)).or_default().push_back(line.label.name());
        }
        for (line, want) in lines.iter().zip(strings(&item["labels"])) {
            let label = got.get_mut(&key(line)).and_then(VecDeque::pop_front).unwrap_or("boilerplate");
            if want == "ambiguous" {
                continue;
            }
            let words = line.split_whitespace().count().max(1) as f64;
            self.body += if want == "body" { words } else { 0.0 };
            if label == "body" {
                self.kept += words;
                self.right += if want == "body" { words } else { 0.0 };
                self.leaked += if want == "boilerplate" { words } else { 0.0 };
            }
            if label == want {
                self.lines.entry(want.to_owned()).or_default()[0] += 1.0;
            } else {
                self.lines.entry(label.to_owned()).or_default()[1] += 1.0;
                self.lines.entry(want.to_owned()).or_default()[2] += 1.0;
            }
        }
        let want = item["dateline"].as_str().map(dash);
        let have = copy.dateline.as_ref().map(|d| dash(d.verbatim));
        if want.is_some() || have.is_some() {
            self.datelines += 1.0;
            self.datelines_exact += f64::from(u8::from(want == have));
            self.datelines_invented += f64::from(u8::from(want.is_none()));
        }
        let credits = item["credits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let wanted: HashSet<String> = credits.iter().filter_map(|c| c["credit"].as_str()).map(bare).collect();
        let split: HashSet<String> = copy.captions.iter().filter_map(|c| c.credit).map(bare).collect();
        self.credits += wanted.len() as f64;
        self.credits_exact += wanted.intersection(&split).count() as f64;
    }

    fn body_f1(&self) -> f64 {
        2.0 * self.right / (self.kept + self.body)
    }

    fn false_removal(&self) -> f64 {
        1.0 - self.right / self.body
    }

    fn leak(&self) -> f64 {
        self.leaked / self.kept
    }

    fn f1(&self, label: &str) -> f64 {
        let [right, wrong, missed] = self.lines.get(label).copied().unwrap_or_default();
        2.0 * right / (2.0 * right + wrong + missed).max(1.0)
    }

    fn report(&self, name: &str) {
        println!(
            "{name}: body F1 {:.4}, false removal {:.4}, leak {:.4}; datelines {}/{}, {} invented; credits {}/{}",
            self.body_f1(),
            self.false_removal(),
            self.leak(),
            self.datelines_exact,
            self.datelines,
            self.datelines_invented,
            self.credits_exact,
            self.credits
        );
        self.lines.keys().for_each(|label| println!("  {label:11} {:.3}", self.f1(label)));
    }
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn wire_copy_is_edited_as_a_person_labelled_it() {
    let figures = Figures::of(&Desk::builtin().unwrap(), &gold("wire-dev.jsonl.gz"));
    figures.report("wire");
    assert!(figures.body_f1() >= 0.999);
    assert!(figures.false_removal() <= 0.0003);
    assert!(figures.leak() <= 0.0005);
    for (label, floor) in [("caption", 0.99), ("boilerplate", 0.95), ("signoff", 0.97), ("subhead", 0.85)] {
        assert!(figures.f1(label) >= floor, "{label} {}", figures.f1(label));
    }
    assert_eq!((figures.datelines_exact, figures.datelines_invented), (figures.datelines, 0.0));
    assert!(figures.credits_exact >= figures.credits - 1.0);
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn the_story_is_found_in_page_dumps() {
    let figures = Figures::of(&Desk::builtin().unwrap(), &gold("pages-dev.jsonl.gz"));
    figures.report("pages (the model was trained on these)");
    assert!(figures.body_f1() >= 0.965);
    assert!(figures.false_removal() <= 0.02);
    assert!(figures.leak() <= 0.03);
    for (label, floor) in [("caption", 0.75), ("headline", 0.85), ("byline", 0.75)] {
        assert!(figures.f1(label) >= floor, "{label} {}", figures.f1(label));
    }
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED) and gzip"]
fn wire_items_are_never_taken_for_pages() {
    let desk = Desk::builtin().unwrap();
    for item in gold("wire-dev.jsonl.gz") {
        let text = strings(&item["lines"]).iter().map(|l| fold(l)).collect::<Vec<_>>().join("\n\n");
        let copy = desk.edit(&text, &Hints::default());
        let page = |reason: &str| reason.starts_with("reads ") || reason == "page furniture";
        assert!(!copy.lines.iter().any(|l| page(l.reason)), "{}", item["id"]);
    }
}

#[test]
#[ignore = "needs ../shared/eval (or COPYDESK_SHARED)"]
fn observed_datelines_are_read_as_they_stand() {
    let shared = std::env::var_os("COPYDESK_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let table = std::fs::read_to_string(shared.join("eval/datelines_observed.tsv")).unwrap();
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
