//! A small invented gold set, counted by hand.

use std::sync::LazyLock;

use super::*;
use crate::edit::{Desk, Hints};

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

/// An item of five lines, and one that has what the desk knows nothing of.
const GOLD: [&str; 2] = [
    r#"{"id": "harbour", "dateline": "May 5 (UPI) --", "credits": [{"credit": "Photo by Kit Marlow/UPI"}],
        "lines": ["Advertisement", "Harbour opens again", "Ships wait off Ostheim on Monday. Photo by Kit Marlow/UPI",
                  "May 5 (UPI) -- The port of Ostheim opened on Monday.", "One line that nobody agrees on."],
        "labels": ["boilerplate", "headline", "caption", "body", "ambiguous"]}"#,
    r#"{"id": "ferry", "dateline": null,
        "lines": ["The ferry sails again from Monday, the harbour office said.", "Harbour chums get ten percent off tea."],
        "labels": ["body", "boilerplate"]}"#,
];

fn tally(golds: &[&str]) -> (Tally, Vec<Outcome>) {
    let mut tally = Tally::default();
    let outcomes = golds.iter().map(|json| {
        let gold = Gold::parse(json.as_bytes()).unwrap();
        let text: Vec<&str> = gold.lines.iter().map(|(text, _)| text.as_str()).collect();
        let text = text.join("\n\n");
        tally.add(&gold, Some(&DESK.edit(&text, &Hints::default())))
    });
    let outcomes = outcomes.collect();
    (tally, outcomes)
}

#[test]
fn what_the_desk_gets_right_scores_one() {
    let (tally, outcomes) = tally(&GOLD[..1]);
    let figures = tally.figures();
    assert_eq!(outcomes, [Outcome { error: 0.0, wrong: Vec::new() }]);
    assert_eq!((figures.body.f1, figures.false_removal, figures.leak, figures.macro_f1), (1.0, 0.0, 0.0, 1.0));
    assert_eq!((tally.datelines_exact, tally.datelines, tally.datelines_invented), (1, 1, 0));
    assert_eq!((tally.credits_exact, tally.credits), (1, 1));
    assert_eq!(tally.body, 11, "the ambiguous line does not count");
}

#[test]
fn an_advertisement_kept_as_body_is_a_leak_and_named() {
    let (tally, outcomes) = tally(&GOLD);
    let figures = tally.figures();
    assert_eq!((tally.body, tally.kept, tally.right, tally.leaked), (21, 28, 21, 7));
    assert_eq!(figures.leak, 7.0 / 28.0);
    assert_eq!(figures.body.precision, 21.0 / 28.0);
    assert_eq!(figures.body.recall, 1.0);
    assert_eq!(outcomes[1].error, 7.0 / 17.0);
    let wrong = &outcomes[1].wrong[0];
    assert_eq!((wrong.gold, wrong.given, wrong.words), (Label::Boilerplate, Label::Body, 7));
    assert_eq!(wrong.reason.as_deref(), Some("story"));
    assert_eq!(tally.confused(Label::Boilerplate, Label::Body), 1);
    let boilerplate = figures.labels.iter().find(|(label, _)| *label == Label::Boilerplate).unwrap().1;
    assert_eq!((boilerplate.precision, boilerplate.recall), (1.0, 0.5));
}

#[test]
fn a_line_that_is_not_given_back_counts_as_boilerplate() {
    let gold = Gold::parse(GOLD[1].as_bytes()).unwrap();
    let mut tally = Tally::default();
    let outcome = tally.add(&gold, None);
    assert_eq!((tally.rejected, tally.kept, tally.body), (1, 0, 10));
    assert_eq!(tally.figures().false_removal, 1.0);
    assert_eq!(tally.figures().body.f1, 0.0);
    assert_eq!((outcome.wrong.len(), outcome.wrong[0].reason.as_deref()), (1, None));
}

#[test]
fn a_line_that_lost_an_invisible_mark_on_the_wire_is_the_same_line() {
    let gold = Gold::parse(
        "{\"id\": \"a\", \"lines\": [\"The\u{A0}port\u{200B} is open.\"], \"labels\": [\"body\"]}".as_bytes(),
    );
    let mut tally = Tally::default();
    tally.add(&gold.unwrap(), Some(&DESK.edit("The port is open.", &Hints::default())));
    assert_eq!((tally.right, tally.body), (4, 4));
}

#[test]
fn a_dateline_where_there_is_none_is_invented() {
    let gold = Gold::parse(GOLD[1].as_bytes()).unwrap();
    let mut tally = Tally::default();
    let dateline = crate::edit::Dateline { verbatim: "OSTHEIM (AP) —", ..Default::default() };
    tally.add(&gold, Some(&Copy { dateline: Some(dateline), ..Copy::default() }));
    assert_eq!((tally.datelines, tally.datelines_exact, tally.datelines_invented), (1, 0, 1));
}

#[test]
fn a_picture_without_a_credit_is_no_right_answer() {
    let gold = Gold::parse(
        br#"{"id": "a", "lines": ["x"], "labels": ["body"], "credits": [{"credit": null}, {"credit": " ."}]}"#,
    )
    .unwrap();
    let caption = crate::edit::Caption { text: "The ferry waits.", ..Default::default() };
    let mut tally = Tally::default();
    tally.add(&gold, Some(&Copy { captions: vec![caption], ..Copy::default() }));
    assert_eq!((tally.credits, tally.credits_exact), (0, 0));
}

#[test]
fn sets_add_up() {
    let (both, _) = tally(&GOLD);
    let (mut first, _) = tally(&GOLD[..1]);
    let (second, _) = tally(&GOLD[1..]);
    first.merge(&second);
    assert_eq!(first, both);
}

#[test]
fn an_empty_set_divides_by_nothing() {
    let figures = Tally::default().figures();
    assert_eq!((figures.body.f1, figures.leak, figures.macro_f1, figures.labels.len()), (0.0, 0.0, 0.0, 0));
}

#[test]
fn a_gold_record_that_is_none_is_refused_with_why() {
    let why = |json: &str| Gold::parse(json.as_bytes()).unwrap_err().to_string();
    assert!(why(r#"{"lines": []}"#).contains("missing field `id`"));
    assert_eq!(why(r#"{"id": "a", "lines": ["x"], "labels": []}"#), "item `a` has 1 lines and 0 labels");
    assert_eq!(
        why(r#"{"id": "a", "lines": ["x", "y"], "labels": ["body", "advert"]}"#),
        "item `a`, line 2: no label is called `advert`"
    );
}

#[test]
fn the_source_of_a_record_scopes_the_rules() {
    let gold =
        Gold::parse(br#"{"id": "a", "lines": ["x", "y"], "labels": ["body", "body"], "source": "UPI"}"#).unwrap();
    let envelope: serde_json::Value = serde_json::from_str(&gold.envelope()).unwrap();
    assert_eq!(envelope, serde_json::json!({"text": "x\n\ny", "uri": "a", "source": "UPI"}));
}
