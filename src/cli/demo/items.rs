//! The bundled items: written for the demo, with invented people, places and events, in the shapes the agencies send.
//!
//! They stand in `config/demo/`, byte for byte as they would come over the wire, and are compiled in.

use std::borrow::Cow;

use crate::reject::Reason;

/// Where an item comes from. Each feed writes to a raw partition of its own, so that copies meet only in the dedup stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// Pages scraped from the agencies' sites.
    Web,
    /// The agencies' own wires.
    Wire,
    /// Papers that print agency copy.
    Partners,
    /// A service that collects everybody's.
    Aggregator,
}

impl Feed {
    /// Its short name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Feed::Web => "web",
            Feed::Wire => "wire",
            Feed::Partners => "partner",
            Feed::Aggregator => "aggregator",
        }
    }

    /// The raw partition it writes to.
    pub(super) fn partition(self) -> i32 {
        match self {
            Feed::Web => 0,
            Feed::Wire => 1,
            Feed::Partners => 2,
            Feed::Aggregator => 3,
        }
    }
}

/// How an item ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Published; or, in a set of copies, one of them is.
    Published,
    /// Named as the duplicate of another.
    Duplicate,
    /// A dead letter.
    Rejected(Reason),
}

/// One bundled item.
#[derive(Clone, Copy, Debug)]
pub(super) struct DemoItem {
    /// Its file in `config/demo/`.
    pub(super) file: &'static str,
    /// The bytes of the file.
    pub(super) bytes: &'static [u8],
    /// Who sends it.
    pub(super) feed: Feed,
    /// The `content-type` header it is sent with.
    pub(super) content_type: Option<&'static str>,
    /// How it ends. Which one of several copies is first depends on who is read first; the sums do not.
    pub(super) end: End,
}

/// The demo's `item.max_bytes`: low, so that its one oversized item is no burden.
pub(super) const MAX_BYTES: usize = 64 << 10;

impl DemoItem {
    /// The record's value: the file; the oversized item repeats its own until it is over the limit.
    pub(super) fn value(&self) -> Cow<'static, [u8]> {
        match self.end {
            End::Rejected(Reason::TooLarge) => self.bytes.repeat(MAX_BYTES / self.bytes.len() + 1).into(),
            _ => self.bytes.into(),
        }
    }

    /// Its number, the first two digits of the file name: `01`.
    pub(super) fn number(&self) -> &'static str {
        &self.file[..2]
    }

    /// What the file name says of it: `upi web ads and a caption printed twice`.
    pub(super) fn description(&self) -> String {
        let name = self.file.split('.').next().unwrap_or(self.file);
        name.get(3..).unwrap_or(name).replace('-', " ")
    }
}

macro_rules! item {
    ($file:literal, $feed:ident, $content_type:expr, $end:expr) => {
        DemoItem {
            file: $file,
            bytes: include_bytes!(concat!("../../../config/demo/", $file)),
            feed: Feed::$feed,
            content_type: $content_type,
            end: $end,
        }
    };
}

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const JSON: Option<&str> = Some("application/json");
const NONE: Option<&str> = None;

use End::{Duplicate, Published, Rejected};

/// The items in the order they are sent.
#[rustfmt::skip]
pub(super) const ITEMS: [DemoItem; 61] = [
    item!("01-upi-web-ads-and-a-caption-printed-twice.txt", Web, TEXT, Published),
    item!("02-upi-same-story-other-ads-and-curly-quotes.txt", Aggregator, NONE, Duplicate),
    item!("03-upi-same-story-crlf-and-no-break-spaces.txt", Partners, TEXT, Duplicate),
    item!("04-upi-odd-news.txt", Web, TEXT, Published),
    item!("05-ap-web-captions-first-and-contributors.txt", Web, TEXT, Published),
    item!("06-ap-same-story-in-a-local-paper.txt", Partners, TEXT, Duplicate),
    item!("07-ap-wire-first-version.json", Wire, JSON, Published),
    item!("08-ap-wire-second-version-of-the-same-text.json", Wire, JSON, Published),
    item!("09-ap-wire-first-version-arrives-late.json", Wire, JSON, Duplicate),
    item!("10-ap-web-follow-line-at-the-end.txt", Web, TEXT, Published),
    item!("11-reuters-web-slideshow-file-photo-and-sign-off.txt", Web, TEXT, Published),
    item!("12-reuters-same-story-through-an-aggregator.txt", Aggregator, TEXT, Duplicate),
    item!("13-reuters-quake-first-version.json", Wire, JSON, Published),
    item!("14-reuters-quake-update-with-new-text.json", Wire, JSON, Published),
    item!("15-reuters-brief-under-280-characters.txt", Wire, TEXT, Published),
    item!("16-afp-web-with-desk-initials.txt", Web, TEXT, Published),
    item!("17-afp-same-story-wire-dateline-and-ads.txt", Partners, TEXT, Duplicate),
    item!("18-afp-french.txt", Wire, Some("text/plain; charset=ISO-8859-1"), Published),
    item!("19-afp-alert-under-280-characters.txt", Wire, TEXT, Published),
    item!("20-afp-the-same-alert-on-another-feed.txt", Partners, TEXT, Duplicate),
    item!("21-dpa-german-in-windows-1252.txt", Web, Some("text/plain; charset=windows-1252"), Published),
    item!("22-dpa-same-story-in-utf-8-on-a-web-page.txt", Partners, TEXT, Duplicate),
    item!("23-dpa-english.txt", Wire, TEXT, Published),
    item!("24-efe-spanish.txt", Wire, TEXT, Published),
    item!("25-efe-same-story-between-ads.txt", Aggregator, TEXT, Duplicate),
    item!("26-ansa-italian.txt", Wire, TEXT, Published),
    item!("27-lusa-portuguese.txt", Wire, TEXT, Published),
    item!("28-kyodo-bare-dateline.txt", Web, TEXT, Published),
    item!("29-xinhua-with-enditem.txt", Wire, TEXT, Published),
    item!("30-xinhua-same-story-in-a-partner-feed.txt", Partners, NONE, Duplicate),
    item!("31-yonhap-lead-and-reporter-address.txt", Wire, TEXT, Published),
    item!("32-tass-russian-in-utf-16.txt", Wire, Some("text/plain; charset=utf-16"), Published),
    item!("33-tass-same-story-in-windows-1251.txt", Partners, Some("text/plain; charset=windows-1251"), Duplicate),
    item!("34-tass-english.txt", Wire, TEXT, Published),
    item!("35-anp-dutch.txt", Wire, TEXT, Published),
    item!("36-ntb-norwegian.txt", Wire, TEXT, Published),
    item!("37-tt-swedish.txt", Wire, TEXT, Published),
    item!("38-pti-with-initials.txt", Wire, TEXT, Published),
    item!("39-ani-colon-dateline.txt", Wire, TEXT, Published),
    item!("40-bernama-malaysia.txt", Wire, TEXT, Published),
    item!("41-aap-australia.txt", Wire, TEXT, Published),
    item!("42-canadian-press.txt", Wire, TEXT, Published),
    item!("43-pa-media.txt", Wire, TEXT, Published),
    item!("44-pr-newswire-release.txt", Wire, TEXT, Published),
    item!("45-business-wire-release.txt", Wire, TEXT, Published),
    item!("46-ap-story-that-will-be-killed.json", Wire, JSON, Published),
    item!("47-ap-kill-that-repeats-the-text.json", Wire, JSON, Published),
    item!("48-ap-kill-note.json", Wire, JSON, Published),
    item!("49-pa-under-embargo.json", Wire, JSON, Published),
    item!("50-reuters-correction.json", Wire, JSON, Published),
    item!("51-pti-same-story-among-ads.txt", Aggregator, TEXT, Duplicate),
    item!("52-press-release-through-an-aggregator.json", Aggregator, JSON, Duplicate),
    item!("53-ap-levee-through-an-aggregator.json", Aggregator, JSON, Duplicate),
    item!("54-bad-nothing-but-white-space.txt", Web, NONE, Rejected(Reason::Empty)),
    item!("55-bad-envelope-cut-off.json", Wire, JSON, Rejected(Reason::BadEnvelope)),
    item!("56-bad-envelope-version-is-a-word.json", Aggregator, JSON, Rejected(Reason::BadEnvelope)),
    item!("57-bad-a-picture.png", Web, NONE, Rejected(Reason::UnsupportedFormat)),
    item!("58-bad-noise-on-the-line.bin", Partners, NONE, Rejected(Reason::Undecodable)),
    item!("59-bad-a-web-page.html", Web, Some("text/html; charset=utf-8"), Rejected(Reason::UnsupportedFormat)),
    item!("60-bad-nothing-but-boilerplate.txt", Aggregator, TEXT, Rejected(Reason::NoCopy)),
    item!("61-bad-larger-than-the-limit.txt", Partners, TEXT, Rejected(Reason::TooLarge)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_its_number_and_a_description() {
        for (at, item) in ITEMS.iter().enumerate() {
            assert_eq!(item.number(), format!("{:02}", at + 1));
            assert!(item.description().len() > 5, "{}", item.file);
        }
        assert_eq!(ITEMS[3].description(), "upi odd news");
    }

    #[test]
    fn only_one_item_is_over_the_limit() {
        let over: Vec<_> = ITEMS.iter().filter(|item| item.value().len() > MAX_BYTES).map(|item| item.end).collect();
        assert_eq!(over, [Rejected(Reason::TooLarge)]);
    }

    #[test]
    fn every_file_of_the_demo_is_sent_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        files.sort();
        let sent: Vec<_> = ITEMS.iter().map(|item| item.file).collect();
        assert_eq!(sent, files);
    }
}
