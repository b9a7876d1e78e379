//! Invented feeds: what is proposed, and above all what is not.

use proptest::prelude::*;

use super::*;
use crate::edit::{Dateline, Desk, Hints, Line};
use crate::fingerprint::Fingerprinter;

/// What a desk makes of an item that knows datelines and advertisements and keeps the rest.
fn kept(text: &str) -> Copy<'_> {
    let mut copy = Copy::default();
    for paragraph in text.split("\n\n") {
        let start = paragraph.as_ptr() as usize - text.as_ptr() as usize;
        let mut line = Line { text: paragraph, start, label: Label::Body, reason: "story" };
        if paragraph == "Advertisement" {
            (line.label, line.reason) = (Label::Boilerplate, "common/advertisement");
        } else if let Some((before, after)) = paragraph.split_once(" — ") {
            copy.dateline = Some(Dateline { verbatim: before, agencies: vec!["AP"], ..Dateline::default() });
            copy.body.push(after.into());
        } else {
            copy.body.push(paragraph.into());
        }
        copy.lines.push(line);
    }
    copy
}

struct Feed {
    miner: Miner,
    items: usize,
}

impl Feed {
    fn new() -> Feed {
        Feed { miner: Miner::default(), items: 0 }
    }

    fn item(&mut self, source: &str, text: &str) {
        self.items += 1;
        let copy = kept(text);
        let hash = Fingerprinter::default().hash(copy.headline, &copy.body);
        let place = format!("feed.ndjson:{}", self.items);
        self.miner.see(&Sighting { place: &place, source: Some(source), uri: None, hash }, &copy);
    }

    fn mined(self) -> Mined {
        self.miner.finish(3)
    }

    /// The patterns proposed.
    fn patterns(self) -> Vec<String> {
        self.mined().proposals.into_iter().map(|proposal| proposal.pattern).collect()
    }
}

/// A name of its own for each number.
fn name(n: usize) -> String {
    const SYLLABLES: [&str; 10] = ["Ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "ru"];
    format!("{n:03}").bytes().map(|digit| SYLLABLES[usize::from(digit - b'0')]).collect()
}

/// The `p`th paragraph of story `n`: words that no other paragraph has in this order.
fn paragraph(n: usize, p: usize) -> String {
    let words: Vec<_> = (0..16).map(|i| name((n * 7919 + p * 613 + i * i * 31 * (n + 1)) % 1000)).collect();
    format!("{} on Monday.", words.join(" "))
}

/// A story of its own, `extra` standing after its second paragraph.
fn story(n: usize, extra: &str) -> String {
    let [first, second, third, last] = [0, 1, 2, 3].map(|p| paragraph(n, p));
    format!("OSTHEIM, May {} (AP) — {first}\n\n{second}\n\n{extra}\n\n{third}\n\n{last}", 1 + n % 28)
}

/// The proposals, accepted as they are, as the rules of a desk.
fn accepted(mined: &Mined) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mined.toml"), mined.to_string()).unwrap();
    Desk::load(folder.path()).unwrap_or_else(|error| panic!("{error}\n{mined}"))
}

#[test]
fn a_line_that_recurs_in_different_stories_is_proposed_and_the_rule_removes_it() {
    let mut feed = Feed::new();
    for n in 1..=4 {
        feed.item("Ostheim Post", &story(n, "Harbour chums get ten percent off tea"));
    }
    let mined = feed.mined();
    let [proposal] = mined.proposals.as_slice() else { panic!("{mined}") };
    assert_eq!(proposal.pattern, "Harbour chums get ten percent off tea");
    assert_eq!((proposal.stories, proposal.items, proposal.of_items), (4, 4, 4));
    assert_eq!((proposal.sources.as_slice(), proposal.after), (["Ostheim Post".to_owned()].as_slice(), true));
    let desk = accepted(&mined);
    let text = story(9, "Harbour chums get ten percent off tea");
    let label = |source| {
        let copy = desk.edit(&text, &Hints { source: Some(source), ..Hints::default() });
        let line = copy.lines.iter().find(|line| line.text.starts_with("Harbour chums")).unwrap();
        (line.label, line.reason.to_owned())
    };
    assert_eq!(label("ostheim post"), (Label::Boilerplate, proposal.id.clone()));
    assert_ne!(label("Bremen Post").1, proposal.id, "the rule holds for its source only");
}

#[test]
fn too_few_stories_propose_nothing() {
    let mut feed = Feed::new();
    for n in 1..=2 {
        feed.item("Ostheim Post", &story(n, "Harbour chums get ten percent off tea"));
    }
    assert!(feed.patterns().is_empty());
}

#[test]
fn one_story_in_many_papers_is_not_taken_for_furniture_whatever_stands_between_its_lines() {
    let mut feed = Feed::new();
    let body = story(1, "‘A harbour for all’");
    for n in 0..8 {
        let paragraphs: Vec<&str> = body.split("\n\n").collect();
        let cut = paragraphs.len() - n % 2;
        feed.item("Wire", &format!("{}\n\nAdvice column number {n} of the Post", paragraphs[..cut].join("\n\n")));
    }
    assert!(feed.patterns().iter().all(|pattern| pattern.starts_with("Advice column")));
}

#[test]
fn a_line_in_three_copies_of_one_story_and_one_other_stands_in_two_stories() {
    let mut feed = Feed::new();
    for (n, extra) in [(1, "A"), (1, "B"), (1, "C"), (2, "D")] {
        feed.item(
            "Wire",
            &story(n, &format!("Harbour chums get ten percent off tea\n\nLetter {extra} of the alphabet")),
        );
    }
    assert!(feed.patterns().is_empty());
}

#[test]
fn a_passage_that_goes_into_different_roundups_is_copy() {
    let mut feed = Feed::new();
    let passage = format!("{}\n\nBecky Hillmoor\n\nKit Marlow\n\n{}", paragraph(0, 0), paragraph(0, 1));
    for n in 1..=6 {
        feed.item("Ostheim Post", &format!("{}\n\n{}", story(n, &passage), story(n + 100, "and in other news")));
    }
    for n in 200..300 {
        feed.item("Ostheim Post", &story(n, &paragraph(n, 4)));
    }
    assert_eq!(feed.patterns(), ["and in other news"]);
}

#[test]
fn the_lines_of_tables_are_copy_and_those_of_menus_are_furniture() {
    let table: Vec<_> = (0..12).map(|n| format!("{} United", name(n))).collect();
    let menu: Vec<_> = (100..112).map(|n| format!("{} pages", name(n))).collect();
    let mut feed = Feed::new();
    for n in 1..=60 {
        let lines = if n % 13 == 0 { &table } else { &menu };
        feed.item("Ostheim Post", &story(n, &lines.join("\n\n")));
    }
    let mut expected = menu.clone();
    expected.sort();
    let mut patterns = feed.patterns();
    patterns.sort();
    assert_eq!(patterns, expected);
}

#[test]
fn lines_that_differ_in_numbers_and_dates_are_one_with_these_open() {
    let mut feed = Feed::new();
    for (n, day) in [(1, "Monday, May 4"), (2, "Tuesday, Jan. 12"), (3, "Friday, May 7")] {
        feed.item("Ostheim Post", &story(n, &format!("Tide table {day}, 2020: page {n}4 of 96")));
    }
    let mined = feed.mined();
    let [proposal] = mined.proposals.as_slice() else { panic!("{mined}") };
    let number = r"\d+(?:[.,:/-]\d+)*";
    assert_eq!(proposal.pattern, format!("Tide table <weekday>, <month> {number}, 2020: page {number} of 96"));
    let text = story(9, "Tide table Sunday, December 24, 2020: page 7 of 96");
    let desk = accepted(&mined);
    let copy = desk.edit(&text, &Hints { source: Some("Ostheim Post"), ..Hints::default() });
    assert!(copy.lines.iter().any(|line| line.label == Label::Boilerplate && line.reason == proposal.id));
}

#[test]
fn what_a_rule_knows_is_not_proposed_again() {
    let mut miner = Miner::default();
    for n in 1..=5 {
        let text = story(n, "Advertisement\n\nBackground");
        let mut copy = kept(&text);
        let line = copy.lines.iter_mut().find(|line| line.text == "Background").unwrap();
        (line.label, line.reason) = (Label::Subhead, "post/crosshead");
        miner.see(&Sighting { place: "-:1", source: None, uri: None, hash: [n as u8; 32].into() }, &copy);
    }
    assert!(miner.finish(3).proposals.is_empty());
}

#[test]
fn a_row_of_a_hard_wrapped_paragraph_is_no_line() {
    let mut miner = Miner::default();
    for n in 1..=5 {
        let (text, joined) = (story(n, "under the same old\n\nheadline"), "under the same old headline".to_owned());
        let mut copy = kept(&text);
        copy.body.retain(|paragraph| !joined.contains(paragraph.as_ref()));
        copy.body.push(joined.into());
        miner.see(&Sighting { place: "-:1", source: None, uri: None, hash: [n as u8; 32].into() }, &copy);
    }
    assert!(miner.finish(3).proposals.is_empty());
}

#[test]
fn a_stock_sentence_in_the_midst_of_a_few_stories_is_copy() {
    let mut feed = Feed::new();
    for n in 1..=40 {
        let extra = if n % 13 == 0 { "The mayor could not be reached for comment." } else { "It rained." };
        feed.item("Ostheim Post", &story(n, extra));
    }
    assert_eq!(feed.patterns(), [r"It rained\."], "what every tenth item has is worth a look");
}

#[test]
fn a_sentence_at_the_end_of_different_stories_is_furniture() {
    let mut feed = Feed::new();
    for n in 1..=40 {
        let tail = if n % 13 == 0 { "\n\nThe harbour radio brings all of this at noon each day." } else { "" };
        feed.item("Ostheim Post", &format!("{}{tail}", story(n, &format!("It rained in {}.", name(n)))));
    }
    assert_eq!(feed.patterns(), [r"The harbour radio brings all of this at noon each day\."]);
}

#[test]
fn a_form_filled_in_with_other_numbers_is_copy() {
    let mut feed = Feed::new();
    for n in 1..=20 {
        feed.item(
            "Ostheim Post",
            &story(n, &format!("The quake had a magnitude of {}.{n} and hurt {n} people.", n % 7)),
        );
    }
    assert!(feed.patterns().is_empty());
}

#[test]
fn a_line_of_several_sources_is_one_rule_with_their_names() {
    let mut feed = Feed::new();
    for n in 1..=3 {
        feed.item("Ostheim Post", &story(n, "Harbour chums get ten percent off tea"));
        feed.item("Bremen Post", &story(n + 10, "Harbour chums get ten percent off tea"));
    }
    let mined = feed.mined();
    let [proposal] = mined.proposals.as_slice() else { panic!("{mined}") };
    assert_eq!((proposal.stories, &proposal.sources[..]), (6, &["Ostheim Post".into(), "Bremen Post".into()][..]));
    accepted(&mined);
}

#[test]
fn without_a_source_the_agency_of_the_dateline_is_the_source() {
    let mut miner = Miner::default();
    for n in 1..=3 {
        let text = story(n, "Harbour chums get ten percent off tea");
        let copy = kept(&text);
        let hash = ContentHash::from([n as u8; 32]);
        miner.see(&Sighting { place: "-:1", source: None, uri: None, hash }, &copy);
    }
    assert_eq!(miner.finish(3).proposals[0].sources, ["AP"]);
}

#[test]
fn the_lines_of_fewest_stories_are_forgotten_when_there_are_too_many_and_that_is_told() {
    let mut feed = Feed { miner: Miner::with_capacity(40), items: 0 };
    for n in 1..=60 {
        let extra = format!("Harbour chums get ten percent off tea\n\nWord {} stands here", name(n));
        feed.item("Ostheim Post", &story(n, &extra));
        assert!(feed.miner.candidates.len() <= 40 + 4);
    }
    let mined = feed.mined();
    assert!(mined.forgotten > 0);
    assert!(mined.to_string().contains("lines seen in few stories were forgotten"), "{mined}");
    assert_eq!(mined.proposals[0].pattern, "Harbour chums get ten percent off tea");
    assert_eq!(mined.proposals[0].stories, 60);
}

#[test]
fn nothing_found_is_a_rule_file_too() {
    accepted(&Feed::new().mined());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_the_lines_are_the_proposals_load(
        lines in proptest::collection::vec(r#"[^\r\n]{1,40}|[a-c<>'"’\\\\b(){}\[\]|*+?.^$#\-0-9 ]{3,20}|(May|Friday|\d)[ .,:a-z]{2,8}"#, 1..12),
        source in r#"[^\n]{0,8}"#,
    ) {
        let mut feed = Feed::new();
        for n in 1..=3 {
            let changed: Vec<String> = lines.iter().map(|line| line.replace('1', &n.to_string())).collect();
            feed.item(&source, &story(n, &changed.join("\n\nA sentence that stands between the lines of the paper.\n\n")));
        }
        accepted(&feed.mined());
    }
}
