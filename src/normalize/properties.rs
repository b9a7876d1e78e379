//! What holds of every item on its whole way through the first step.

use std::fmt::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::{Normalized, Normalizer};
use crate::edit::{
    Desk,
    properties::{ink, settings},
};
use crate::wire;

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

const COPY: [&str; 8] = [
    "The council of Harrowmere reopened the old ferry landing on Tuesday, nine years after a flood carried it away.",
    "\"We waited nine years for this boat,\" said Ilse Brandt, who runs a bakery near the quay -- and waits for no other.",
    "The work cost 4.2 million crowns, a third of it paid by the province, the harbor trust's engineers said on Monday.",
    "The trust drove 320 oak piles into the river bed between March and November, it said, and lost none of them.",
    "Officials said that the ferry would cross twelve times a day, and on market days until ten o'clock at night.",
    "The first crossing carried forty people, two dogs and a piano, which the school of the other bank had bought.",
    "Nobody had asked the ferryman's family, which had kept the landing for two hundred years, whether it would come.",
    "It came, his granddaughter said, because the river was the same, and because somebody had to ring the bell.",
];

/// What stands around the copy of an item and is none of its content.
#[derive(Clone, Debug)]
struct Dress {
    headline: &'static str,
    dateline: &'static str,
    byline: bool,
    captions: usize,
    ads: bool,
    signoff: &'static str,
    typography: bool,
    crlf: bool,
    envelope: bool,
}

fn dress() -> impl Strategy<Value = Dress> {
    (
        prop::sample::select(
            &[
                "Harrowmere reopens its ferry landing",
                "Ferry sails again after nine years",
                "Harrowmere Ferry Corp. sails again after nine years",
                "Is the ferry of Harrowmere here to stay?",
                "Council, Ferry Trust Reopen Landing",
                "Die 1. Fähre fährt wieder nach Harrowmere",
                "HARROWMERE, WESSLAND CELEBRATE",
            ][..],
        ),
        prop::sample::select(
            &["", "HARROWMERE, May 5 (UPI) -- ", "HARROWMERE, Wessland (AP) — ", "HARROWMERE, Nov 24 (Reuters) - "][..],
        ),
        (any::<bool>(), 0..3usize, any::<bool>()),
        prop::sample::select(&["", "(Reporting by Kit Marlow; Editing by Ana Brandt)", "(END)"][..]),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(headline, dateline, (byline, captions, ads), signoff, (typography, crlf, envelope))| Dress {
            headline,
            dateline,
            byline,
            captions,
            ads,
            signoff,
            typography,
            crlf,
            envelope,
        })
}

/// Paragraphs of copy, long enough that the headline is outside the hash.
fn body() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&COPY[..], 4..=COPY.len())
}

fn dressed(body: &[&str], dress: &Dress) -> String {
    let mut text = format!("{}\n\n", dress.headline);
    if dress.byline {
        text += "By Kit Marlow\n\n";
    }
    for at in 0..dress.captions {
        let _ = write!(text, "The ferry {at} lies at the quay in Harrowmere on Tuesday. (AP Photo/Kit Marlow)\n\n");
    }
    text += dress.dateline;
    text += &body.join(if dress.ads { "\n\nAdvertisement\n\n" } else { "\n\n" });
    let _ = write!(text, "\n\n{}\n", dress.signoff);
    if dress.typography {
        text = text
            .replace("\"We", "“We")
            .replace(",\" said", ",” said")
            .replace("trust's", "trust’s")
            .replace(" -- and", " — and");
    }
    if dress.crlf {
        text = text.replace('\n', "\r\n");
    }
    if dress.envelope {
        text = serde_json::json!({"text": text, "source": "feed", "headline": dress.headline}).to_string();
    }
    text
}

fn normalized(text: &str) -> Normalized {
    Normalizer::new(&*DESK, "news.example", 1 << 20).normalize(text.as_bytes(), None, None).unwrap()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn the_hash_is_of_the_copy_whatever_stands_around_it(body in body(), one in dress(), other in dress()) {
        let (one, other) = (dressed(&body, &one), dressed(&body, &other));
        prop_assert_eq!(normalized(&one).hash, normalized(&other).hash, "{}\n--- and ---\n{}", one, other);
    }

    #[test]
    fn another_copy_has_another_hash(one in body(), other in body(), dress in dress()) {
        let (a, b) = (normalized(&dressed(&one, &dress)).hash, normalized(&dressed(&other, &dress)).hash);
        prop_assert_eq!(a == b, one == other);
    }

    #[test]
    fn no_paragraph_of_an_article_is_invented(body in body(), dress in dress()) {
        let item = dressed(&body, &dress);
        let article: Value = serde_json::from_slice(&normalized(&item).json).unwrap();
        let read = wire::read(item.as_bytes(), None, 1 << 20).unwrap();
        let text = ink(&read.text);
        for paragraph in article["bodies"][0]["value"].as_str().unwrap().split("\n\n") {
            prop_assert!(text.contains(&ink(paragraph)), "{paragraph:?} is not in {}", read.text);
        }
    }
}
