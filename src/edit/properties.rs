//! What holds for every item, whatever it is.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Copy, Desk, Hints, Label, one_line};

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

/// Lines as they stand above a story: headlines, bylines, captions, furniture.
const ABOVE: [&str; 14] = [
    "Port of Ostheim opens again after storms",
    "By Kit Marlow",
    "Kit Marlow and Ana Brandt",
    "Advertisement",
    "Ferry runs aground off the coast of Holm again",
    "FILE PHOTO: The lighthouse is seen in Ostheim, August 5, 2025. REUTERS/Kit Marlow/File Photo",
    "The mayor waits for the ferry. (AP Photo/Kit Marlow)",
    "In this undated photo provided by the office, the lighthouse is seen.",
    "Photo courtesy of Ostheim Harbour Office",
    "5 years ago",
    "The mayor waits for the ferry in Ostheim on May 4, 2026. (Yonhap)",
    "Exclusive: Ferries stay in port for a third day",
    "RELATED: Ferries stay in port for a third day",
    "BC-Harbour-Storm, 2nd Ld-Writethru",
];

/// Its first paragraph, with a dateline.
const OPENING: [&str; 8] = [
    "OSTHEIM, Maine (AP) — The port opened again on Monday.",
    "May 5 (UPI) -- The port opened again on Monday.",
    "WASHINGTON — The port opened again on Monday, and nobody was there to see it happen.",
    "Ostheim (AFP) - Der Hafen ist wieder offen.",
    "(CNN) -- The port opened again on Monday.",
    "AUSTIN, Texas, May 5, 2026 /PRNewswire/ -- Holm Line said that its ferries sail again.",
    "(CNN) The port opened again on Monday, and nobody was there.",
    "SEOUL, May 4 (Yonhap) -- The port opened again on Monday.",
];

/// Its paragraphs, crossheads, and lines that are no sentences.
const COPY: [&str; 10] = [
    "The port of Ostheim opened again on Monday after a week of storms, the harbour office said.",
    "“We could not have asked for more,” said Ana Brandt, the mayor.",
    "He left.",
    "Ferries were late; nobody minded, though some wondered why it took so long to open a single gate in the old wall.",
    "The office named three reasons:",
    "THE STORM",
    "- WHY NOW? -",
    "What happens next?",
    "Copy without a full stop, as a table or a list has it",
    "FERRIES STAY IN PORT FOR A THIRD DAY AS STORM GOES ON",
];

/// Sign-offs, notes, links, what press releases end with.
const BELOW: [&str; 16] = [
    "___",
    "Latest Headlines",
    "READ MORE:",
    "Follow Kit Marlow on Twitter at https://twitter.com/kitmarlow",
    "Copyright 2026 The Associated Press. All rights reserved.",
    "(Reporting by Kit Marlow; Editing by Ana Brandt)",
    "The port is shut. (Reporting by Kit Marlow)",
    "Associated Press writer Kit Marlow contributed to this report.",
    "This story has been corrected to show that the port opened on Monday.",
    "(END)",
    "About Holm Line",
    "Holm Line has sailed from Ostheim since 1899 and has 40 ferries.",
    "Forward-Looking Statements",
    "Media Contact:",
    "SOURCE Holm Line",
    "bur-km/ab",
];

/// Lines of all kinds in any order.
fn item() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = [&ABOVE[..], &OPENING, &COPY, &BELOW].concat();
    let line = (prop::sample::select(lines), prop::sample::select(&["\n", "\n\n", "\r\n", " \n"][..]));
    prop::collection::vec(line, 0..30).prop_map(|lines| lines.into_iter().flat_map(|(l, end)| [l, end]).collect())
}

/// Wire copy as it is: what stands above a story, the story, what stands below, and any of that between its paragraphs.
fn story() -> impl Strategy<Value = String> {
    let some = |lines: &[&'static str], most| prop::collection::vec(prop::sample::select(lines.to_vec()), 0..most);
    let opening = prop::sample::select([&OPENING[..], &COPY[..1]].concat());
    let copy = some(&[&COPY[..], &COPY, &ABOVE, &BELOW].concat(), 7);
    (some(&ABOVE, 6), opening, copy, some(&BELOW, 6))
        .prop_map(|(above, opening, copy, below)| [above, vec![opening], copy, below].concat().join("\n\n"))
}

/// What is printed of a text.
pub(crate) fn ink(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The same thousand items each time.
pub(crate) fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_505),
        ..ProptestConfig::default()
    }
}

/// Whether `text` is the texts of all `parts` strung together, those of each part in their order.
fn is_made_of(text: &str, parts: [&[String]; 4]) -> bool {
    if parts.iter().all(|part| part.is_empty()) {
        return text.is_empty();
    }
    (0..parts.len()).any(|i| {
        let Some((first, others)) = parts[i].split_first() else { return false };
        let mut left = parts;
        left[i] = others;
        text.strip_prefix(first.as_str()).is_some_and(|rest| is_made_of(rest, left))
    })
}

/// Every non-space character of `text` is in one labelled line, and what stands in body and subheads comes out as deck,
/// dateline, body and sign-offs, nothing left out and nothing twice.
fn check(text: &str, copy: &Copy<'_>) -> Result<(), TestCaseError> {
    let labelled: String = copy.lines.iter().map(|l| ink(l.text)).collect();
    prop_assert_eq!(labelled, ink(text));
    for line in &copy.lines {
        prop_assert!(text[line.start..].starts_with(line.text));
        prop_assert!(!line.reason.is_empty());
    }
    for person in &copy.people {
        prop_assert!(ink(text).contains(&ink(&person.name)), "{} is not in the text", person.name);
    }
    for caption in &copy.captions {
        let named = caption.by.photographer.iter().chain(&caption.by.sources);
        prop_assert!(named.into_iter().all(|n| caption.credit.is_some_and(|credit| credit.contains(*n))));
    }
    let is_story = |label| matches!(label, Label::Body | Label::Subhead);
    let story: String = copy.lines.iter().filter(|l| is_story(l.label)).map(|l| ink(l.text)).collect();
    let glued = |signoff: &&&str| {
        let at = signoff.as_ptr() as usize - text.as_ptr() as usize;
        copy.lines.iter().rfind(|l| l.start <= at).is_some_and(|l| is_story(l.label))
    };
    let parts = [
        copy.deck.iter().map(|line| ink(line)).collect::<Vec<_>>(),
        copy.dateline.iter().map(|dateline| ink(dateline.verbatim)).collect(),
        copy.body.iter().map(|paragraph| ink(paragraph)).collect(),
        copy.signoffs.iter().filter(glued).map(|signoff| ink(signoff)).collect(),
    ];
    prop_assert!(is_made_of(&story, parts.each_ref().map(Vec::as_slice)), "{story}\nis not made of\n{parts:#?}");
    Ok(())
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn no_text_is_lost_or_made_up_and_none_makes_the_desk_fall(text in any::<String>()) {
        check(&text, &DESK.edit(&text, &Hints::default()))?;
    }

    #[test]
    fn no_wire_copy_is_lost_or_made_up(text in item()) {
        check(&text, &DESK.edit(&text, &Hints::default()))?;
    }

    #[test]
    fn line_ends_make_no_difference(text in item()) {
        let text = text.replace("\r\n", "\n");
        let crlf = text.replace('\n', "\r\n");
        let (unix, dos) = (DESK.edit(&text, &Hints::default()), DESK.edit(&crlf, &Hints::default()));
        prop_assert_eq!(unix.body, dos.body);
        prop_assert_eq!(unix.captions, dos.captions);
        prop_assert_eq!(unix.headline.map(one_line), dos.headline.map(one_line));
        let labels = |copy: &Copy<'_>| copy.lines.iter().map(|l| l.label).collect::<Vec<_>>();
        prop_assert_eq!(labels(&DESK.edit(&text, &Hints::default())), labels(&DESK.edit(&crlf, &Hints::default())));
    }

    /// Unless the page model takes it for a part of a page: it sees another page in its story.
    #[test]
    fn the_edited_body_of_wire_copy_stays_as_it_is(text in story()) {
        let copy = DESK.edit(&text, &Hints::default());
        if copy.lines.iter().any(|l| l.reason.starts_with("reads ") || l.reason == "page furniture") {
            return Ok(());
        }
        let body = copy.body.join("\n\n");
        prop_assert_eq!(DESK.edit(&body, &Hints::default()).body.join("\n\n"), body);
    }
}
