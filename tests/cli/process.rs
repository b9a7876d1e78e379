//! `copydesk process` in a pipe.

use crate::copydesk::copydesk_reading;

const ITEM: &str = "Lighthouse keeper retires after 40 years

Advertisement

PORT ELLERY, May 5 (UPI) -- The keeper of the Ellery Point lighthouse handed over his keys on Tuesday.

He said the new lamp needs no keeper, only a timetable.
";

#[test]
fn an_item_on_standard_input_becomes_one_line_of_ninjs() {
    let done = copydesk_reading(&["process"], ITEM);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    let article: serde_json::Value = serde_json::from_str(&done.out).expect("the line is JSON");
    assert_eq!(article["headlines"][0]["value"], "Lighthouse keeper retires after 40 years");
    assert!(!done.out.contains("Advertisement"), "{}", done.out);
}

#[test]
fn an_explanation_shows_every_line_with_why_and_no_colours_in_a_pipe() {
    let done = copydesk_reading(&["process", "--explain"], ITEM);
    assert_eq!(done.code, 0, "{}", done.err);
    for line in ITEM.lines().filter(|line| !line.is_empty()) {
        let beginning: String = line.chars().take(40).collect();
        assert!(done.out.contains(&beginning), "{beginning}: {}", done.out);
    }
    assert!(!done.out.contains('\u{1b}'), "{}", done.out);
}

#[test]
fn a_rejected_item_is_named_and_fails_the_command() {
    let done = copydesk_reading(&["process"], "  \n \n");
    assert_eq!(done.code, 1);
    assert_eq!(done.out, "");
    assert!(done.err.contains("empty"), "{}", done.err);
}
