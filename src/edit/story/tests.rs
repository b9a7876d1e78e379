//! Items whose head, story and tail have to be told apart by more than one piece of evidence.

use std::sync::LazyLock;

use crate::edit::{Copy, Desk, Hints, Label};

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

const LEAD: &str = "The port of Ostheim opened again on Monday after a week of storms, the harbour office said.";
const COPY: &str = "The council votes on the money for a new quay in June, after a report by the engineers.\n\n\
    Mayor Ana Brandt thanked the crews of forty ferries, who had waited since Tuesday.";

fn edited(text: &str) -> Copy<'_> {
    DESK.edit(text, &Hints::default())
}

/// The labels of the lines above the copy.
fn labels(above: &[&str]) -> Vec<Label> {
    let text = format!("{}\n\n{COPY}", above.join("\n\n"));
    edited(&text).lines.iter().take(above.len()).map(|line| line.label).collect()
}

fn body(text: &str) -> String {
    edited(text).body.join("\n")
}

#[test]
fn a_headline_with_a_point_in_it_or_a_question_is_one_with_and_without_a_dateline() {
    for headline in [
        "Holm Motor Corp. to buy Ostheim Lines for $3 billion",
        "Wildfire in Calif. forces thousands from the port",
        "Ostheim vs. Holm: what to know before the final",
        "Remembering the storm of Sept. 11 in Ostheim",
        "Die 1. Liga startet im August in Ostheim",
        "Is the port of Ostheim about to close?",
        "¡El puerto de Ostheim reabre!",
    ] {
        for dateline in ["", "OSTHEIM (AP) — ", "OSTHEIM, May 5 (Reuters) - "] {
            let text = format!("{headline}\n\n{dateline}{LEAD}\n\n{COPY}");
            let copy = edited(&text);
            assert_eq!(copy.headline, Some(headline), "over {dateline:?}");
            assert_eq!(copy.body.len(), 3, "{headline} over {dateline:?}");
            assert_eq!(copy.dateline.is_some(), !dateline.is_empty(), "{headline}");
        }
    }
}

#[test]
fn the_headline_stands_under_what_a_site_has_above_it() {
    use Label::{Body, Boilerplate, Headline};
    let headline = "Port of Ostheim opens again after storms";
    assert_eq!(labels(&["Harbour Radio Live", headline, LEAD]), [Boilerplate, Headline, Body]);
    let menu = ["Ferry Times Today", "Harbour Shop Offers", "Crossword of the Week", "Our Tide Tables", headline, LEAD];
    assert_eq!(labels(&menu)[4..], [Headline, Body]);
    assert_eq!(labels(&[headline, "Ships wait for days", LEAD])[0], Headline);
}

#[test]
fn lines_over_a_table_stay_with_it() {
    let table = "Ostheim 41\nHolm 38\nHarrow 35\nWest Quay 29\nEast Quay 12\nNorth Pier 7";
    assert!(body(&format!("{table}\n\nThe season ends in May.")).contains("West Quay 29"));
}

#[test]
fn names_that_the_story_speaks_of_and_places_are_no_byline() {
    use Label::{Body, Byline, Headline, Subhead};
    let dated = format!("OSTHEIM (AP) — {LEAD}");
    assert_eq!(labels(&["Harbour Office, Ostheim Council Reach Deal", &dated]), [Headline, Body]);
    let headline = "Ferries sail again";
    assert_eq!(labels(&[headline, "Harbour Council", &dated]), [Headline, Subhead, Body]);
    assert_eq!(labels(&[headline, "Kit Marlow and Lena Voss", &dated]), [Headline, Byline, Body]);
}

#[test]
fn a_summary_above_the_dateline_is_the_deck() {
    let summary = "- Ferries sail from noon.\n\n- The mayor thanked the crews of forty ferries for their patience.";
    let text = format!("Port opens again\n\n{summary}\n\nOSTHEIM (Reuters) - {LEAD}\n\n{COPY}");
    let copy = edited(&text);
    assert_eq!(copy.deck.len(), 2);
    assert!(copy.dateline.is_some() && copy.captions.is_empty());
}

#[test]
fn the_lead_of_a_round_up_is_its_own() {
    let parts = "SYDNEY (AP) — A million people watched from the bridge.\n\nPARIS (AP) — The avenue filled up early.";
    let text =
        format!("Fireworks\n\nThe world greeted 2026 with prayers and fireworks, from Ostheim to Holm.\n\n{parts}");
    assert!(edited(&text).dateline.is_none());
    assert!(body(&text).starts_with("The world greeted 2026"));
}

#[test]
fn a_lead_that_stands_twice_is_a_summary_and_the_lead() {
    let text = format!("Port of Ostheim opens again\n\n{LEAD}\n\n{LEAD}\n\n{COPY}");
    let copy = edited(&text);
    assert_eq!((copy.deck.as_slice(), copy.body[0].as_ref()), ([LEAD].as_slice(), LEAD));
    assert!(copy.captions.is_empty());
}

#[test]
fn what_a_caption_begins_with_is_a_caption_too() {
    let caption = "Ana Brandt waits for the ferry in Ostheim on May 4, 2026.";
    let text = format!("Port of Ostheim opens again\n\n{caption}\n\n{caption} AP Photo/Kit Marlow\n\n{LEAD}\n\n{COPY}");
    assert_eq!(body(&text).lines().next(), Some(LEAD));
}

#[test]
fn a_digest_of_agencies_is_copy() {
    let parts = "The ferry line Holm, founded on May 5, 1998, is to cut forty jobs. (AP)\n\n\
        The lighthouse of Holm, dark since 2019, will be lit in June. (AFP)";
    let text = format!("OSTHEIM, May 5 (Reuters) - News in brief from the harbour.\n\n{parts}\n\n{COPY}");
    assert!(edited(&text).captions.is_empty() && body(&text).contains("lighthouse"));
}

#[test]
fn days_over_paragraphs_are_crossheads_where_there_are_more() {
    let days =
        "March 3, 2026\n\nDockers walk out over their pay.\n\nApril 1, 2026\n\nTalks fail and the port is shut again.";
    let text = format!("OSTHEIM (AP) — Here is how the strike at the port went.\n\n{days}");
    assert!(body(&text).contains("March 3, 2026"));
    assert!(!body(&format!("OSTHEIM (AP) — {LEAD}\n\nMarch 3, 2026\n\n{COPY}")).contains("March 3"));
}

#[test]
fn teasers_behind_the_story_go_with_their_datelines() {
    let teaser =
        |line: &str| format!("{line}\n\nOdd News // 3 days ago\n\n{line}\n\nMay 3 (UPI) -- A ferry ran aground.");
    let tail = [teaser("Ferry runs aground off Holm again"), teaser("Gull steals the hat of a mayor")].join("\n\n");
    let text = format!("May 5 (UPI) -- {LEAD}\n\n{COPY}\n\n{tail}");
    assert_eq!(body(&text).lines().count(), 3, "{}", body(&text));
}

#[test]
fn a_line_that_tells_what_was_said_stays_without_its_full_stop() {
    let line = "The ferries will sail from noon, the mayor told reporters late on Monday";
    assert!(body(&format!("OSTHEIM (AP) — {LEAD}\n\n{line}\n\n{COPY}")).contains(line));
}

#[test]
fn a_long_list_without_a_sites_word_is_no_page() {
    let squad = ["Kit Marlow (Ostheim)", "Ana Brandt (Holm)", "Lena Voss (Harrow)", "Jon Roe (Quay)"].repeat(9);
    let text = format!("Squads for the cup\n\nGoalkeepers\n\n{}", squad.join("\n\n"));
    assert!(body(&text).contains("Lena Voss (Harrow)"));
}
