//! Golden items: invented copy in the true shapes of the agencies, each with the parts it must come apart into.
//!
//! `golden/NAME.txt` is the item, `golden/NAME.json` its parts. All arrive at noon UTC on 6 May 2026.

use std::fmt::Write as _;
use std::path::PathBuf;

use copydesk::edit::{Caption, Copy, Desk, Hints};
use serde_json::{Value, json};

fn parts(copy: &Copy) -> Value {
    let mut parts = serde_json::Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            parts.insert(name.to_owned(), value);
        }
    };
    put("headline", json!(copy.headline));
    put("raw_headline", json!(copy.raw_headline));
    put("deck", json!(copy.deck));
    put("slugline", json!(copy.slugline));
    put("byline", json!(copy.byline));
    put("people", copy.people.iter().map(|p| json!([p.role.name(), p.name])).collect());
    put(
        "dateline",
        copy.dateline.as_ref().map_or(Value::Null, |d| {
            let date = d.date.map(|d| d.to_string());
            json!({"verbatim": d.verbatim, "place": d.place, "date": date, "agencies": d.agencies})
        }),
    );
    put("captions", copy.captions.iter().map(caption).collect());
    put("language", json!(copy.language));
    put("body", json!(copy.body));
    put("notes", json!(copy.notes));
    put("embargo", json!(copy.embargo));
    put("kill", json!(copy.kill));
    put("signoffs", json!(copy.signoffs));
    Value::Object(parts)
}

fn caption(caption: &Caption) -> Value {
    let Caption { text, credit, by } = caption;
    json!({"text": text, "credit": credit, "photographer": by.photographer, "sources": by.sources})
}

/// The lines that differ, `-` wanted and `+` got.
fn diff(want: &str, got: &str) -> String {
    let (want, got): (Vec<_>, Vec<_>) = (want.lines().collect(), got.lines().collect());
    let mut out = String::new();
    want.iter().filter(|l| !got.contains(l)).for_each(|l| writeln!(out, "  - {l}").unwrap());
    got.iter().filter(|l| !want.contains(l)).for_each(|l| writeln!(out, "  + {l}").unwrap());
    if out.is_empty() {
        writeln!(out, "  the same lines in another order:\n{}", got.join("\n")).unwrap();
    }
    out
}

fn items() -> Vec<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut items: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    items.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    items.sort();
    items
}

#[test]
fn every_golden_item_comes_apart_into_its_parts() {
    let desk = Desk::builtin().unwrap();
    let hints = Hints { arrived: "2026-05-06T12:00:00Z".parse().ok(), ..Hints::default() };
    let items = items();
    assert!(items.len() >= 60, "only {} golden items", items.len());
    let mut failures = String::new();
    for path in items {
        let text = std::fs::read_to_string(&path).unwrap();
        let got = serde_json::to_string_pretty(&parts(&desk.edit(&text, &hints))).unwrap();
        let wanted = path.with_extension("json");
        let want = std::fs::read_to_string(&wanted).unwrap_or_else(|e| format!("{}: {e}", wanted.display()));
        if want.trim() != got {
            writeln!(failures, "{}\n{}", path.file_stem().unwrap().to_string_lossy(), diff(want.trim(), &got)).unwrap();
            if let Some(dir) = std::env::var_os("COPYDESK_GOLDEN_OUT") {
                std::fs::write(PathBuf::from(dir).join(wanted.file_name().unwrap()), got + "\n").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "(- wanted, + got)\n{failures}");
}

#[test]
fn line_ends_make_no_difference() {
    let desk = Desk::builtin().unwrap();
    for path in items() {
        let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let crlf = text.replace('\n', "\r\n");
        let (unix, dos) = (desk.edit(&text, &Hints::default()), desk.edit(&crlf, &Hints::default()));
        assert_eq!(parts(&unix), parts(&dos), "{}", path.display());
    }
}

#[test]
fn an_edited_body_stays_as_it_is() {
    let desk = Desk::builtin().unwrap();
    for path in items() {
        let text = std::fs::read_to_string(&path).unwrap();
        let body = desk.edit(&text, &Hints::default()).body.join("\n\n");
        assert_eq!(desk.edit(&body, &Hints::default()).body.join("\n\n"), body, "{}", path.display());
    }
}
