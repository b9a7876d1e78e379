//! The edited copy → an article: one IPTC ninjs 3.1 document, strictly valid by the official schema (which refuses any key
//! of our own), so what ninjs has no room for travels in Kafka headers instead.
//!
//! Spec: IPTC ninjs 3.1, <https://iptc.org/standards/ninjs/>. Identifiers for items without one: RFC 4151 `tag:` URIs.

mod json;

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use fluent_uri::Uri;
use jiff::Timestamp;

use self::json::Json;
use crate::{
    edit::{self, Caption, Copy, one_line, people::Role},
    fingerprint::ContentHash,
    wire::{Item, Status},
};

/// The profile every article carries: what shape of ninjs this is.
pub const PROFILE: &str = "copydesk/text-v1";

/// Where a raw item stood in Kafka and when it got there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The raw topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The record's timestamp, milliseconds since the Unix epoch: the event time of everything that follows.
    pub timestamp: i64,
}

impl std::fmt::Display for Origin {
    /// `topic/partition/offset`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

const TYPE: &str = "text/plain";

/// Everything an article is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The item as it came.
    pub item: &'a Item<'a>,
    /// Its edited copy.
    pub copy: &'a Copy<'a>,
    /// The publication status: the item's, or what its copy says of itself.
    pub status: Status,
    /// The content hash of the copy.
    pub hash: &'a ContentHash,
    /// BLAKE3 of the raw record's bytes.
    pub raw_hash: &'a blake3::Hash,
    /// Where the item stood, if it came through Kafka.
    pub origin: Option<&'a Origin>,
    /// The domain in the `tag:` URIs we coin (RFC 4151).
    pub authority: &'a str,
}

/// The article of an edited item: a ninjs 3.1 news object of type text, as JSON.
pub fn to_json(parts: Parts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.item.text.len() + 2048);
    Json(&mut out).object(|json| document(json, parts));
    out
}

fn document(json: &mut Json<'_>, parts: Parts<'_>) {
    let Parts { item, copy, status, hash, raw_hash, origin, authority } = parts;
    let (hash_hex, raw_hex) = (hash.to_hex().to_hex(), raw_hash.to_hex());
    let tag = format!("tag:{authority},2026:blake3/{hash_hex}");
    let arrived = origin.and_then(|origin| Timestamp::from_millisecond(origin.timestamp).ok());
    let dateline = copy.dateline.as_ref();

    json.text("uri", item.uri.as_deref().map_or(Cow::from(&tag), |id| provider_uri(id, authority)));
    json.member("standard").object(|json| {
        json.plain("name", "ninjs");
        json.plain("version", "3.1");
        json.plain("schema", "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json");
    });
    json.plain("type", "text");
    json.plain("profile", PROFILE);
    json.plain("representationType", "full");
    json.plain("version", &item.version.unwrap_or(1).to_string());
    if let Some(created) = item.received.or(arrived) {
        let created = created.to_string();
        json.plain("firstCreated", &created);
        json.plain("versionCreated", &created);
    }
    if let Some(date) = dateline.and_then(|d| d.date) {
        json.plain("contentCreated", &format!("{date}T00:00:00Z"));
    }
    json.plain("pubStatus", status.as_str());
    json.any("language", item.language.as_deref().or(copy.language));
    let (headline, raw_headline) = headline(item, copy);
    let headlines = [("main", headline), ("raw", raw_headline)];
    json.list("headlines", headlines.iter().filter_map(|(role, value)| Some((*role, (*value)?))), text);
    json.any("by", copy.byline.map(one_line));
    json.list("people", copy.people.iter().map(|p| (p.name.as_ref(), p.role)), person);
    json.any("slugline", copy.slugline);
    json.any("located", dateline.and_then(|d| d.place));
    json.list("genres", genre(raw_headline), |json, literal| json.text("literal", literal));
    // For the desk that receives the article, not for its readers.
    let mut notes = copy.embargo.iter().chain(&copy.notes).peekable();
    if notes.peek().is_some() {
        json.joined("edNote", notes, "\n");
    }
    json.list("descriptions", descriptions(copy), text);
    json.list("bodies", [&copy.body], body);
    let agencies = dateline.iter().flat_map(|d| &d.agencies).map(|name| ("source", *name));
    json.list("infoSources", agencies.chain(item.source.as_deref().map(|name| ("feed", name))), source);
    let hashes = [("contentHash", &*hash_hex), ("rawHash", &*raw_hex)];
    json.member("altIds").array(|json| {
        for (role, hex) in hashes {
            json.object(|json| {
                json.plain("role", role);
                json.joined("value", ["blake3:", hex], "");
            });
        }
        let origin = origin.map(Origin::to_string);
        for (role, id) in
            [("provider", item.uri.as_deref()), ("url", item.url.as_deref()), ("kafka", origin.as_deref())]
        {
            if let Some(id) = id {
                json.object(|json| {
                    json.plain("role", role);
                    json.text("value", id);
                });
            }
        }
    });
    json.list("associations", copy.captions.iter().enumerate(), |json, (at, caption)| {
        picture(json, at + 1, caption, &tag)
    });
}

/// The headline of an item without the agency's tags, and as it was sent if it had any: from the copy, else from beside it.
pub fn headline<'a>(item: &'a Item<'_>, copy: &Copy<'a>) -> (Option<&'a str>, Option<&'a str>) {
    match (copy.headline, item.headline.as_deref()) {
        (None, Some(sent)) => {
            let clean = edit::headline::split(sent).clean;
            (Some(clean), (clean != sent).then_some(sent))
        }
        (headline, _) => (headline, copy.raw_headline),
    }
}

/// What kind of story it is, as the agency's tag has it: `ANALYSIS`.
fn genre(raw_headline: Option<&str>) -> Option<&str> {
    edit::headline::split(raw_headline?).tag
}

/// The key of a story: what joins the versions of one story, and its kills, in `wire.articles`.
pub fn story_key(provider_uri: Option<&str>, hash: &ContentHash) -> String {
    provider_uri.map_or_else(|| hash.to_string(), str::to_owned)
}

/// The ninjs `uri` of a story that has an id of its provider: that, where it is a URI, else a `tag:` URI made of it.
fn provider_uri<'a>(id: &'a str, authority: &str) -> Cow<'a, str> {
    if Uri::parse(id).is_ok() {
        return id.into();
    }
    let mut uri = format!("tag:{authority},2026:id/");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri.into()
}

fn text(json: &mut Json<'_>, (role, value): (&str, &str)) {
    json.plain("role", role);
    json.plain("contentType", TYPE);
    json.text("value", one_line(value));
}

fn person(json: &mut Json<'_>, (name, role): (&str, Role)) {
    json.text("name", name);
    json.plain("rel", role.name());
}

fn source(json: &mut Json<'_>, (role, name): (&str, &str)) {
    json.text("name", one_line(name));
    json.plain("role", role);
}

/// What belongs to the story and is no part of its body: dateline, standfirst, sign-offs.
fn descriptions<'a>(copy: &'a Copy<'a>) -> impl Iterator<Item = (&'static str, &'a str)> {
    let dateline = copy.dateline.iter().map(|d| ("dateline", d.verbatim));
    let deck = copy.deck.iter().map(|line| ("summary", *line));
    let signoffs = copy.signoffs.iter().map(|line| ("signoff", *line));
    dateline.chain(deck).chain(signoffs)
}

const BETWEEN: &str = "\n\n";

fn body(json: &mut Json<'_>, paragraphs: &Vec<Cow<'_, str>>) {
    let between = paragraphs.len().saturating_sub(1) * BETWEEN.len();
    let counts = paragraphs.iter().map(|paragraph| count(paragraph));
    let (words, chars) = counts.fold((0, between), |sum, (words, chars)| (sum.0 + words, sum.1 + chars));
    json.plain("role", "main");
    json.plain("contentType", TYPE);
    json.number("wordCount", words);
    json.number("charCount", chars);
    json.joined("value", paragraphs, BETWEEN);
}

/// The number of words (runs of bytes other than ASCII white space) and of characters, told by their first bytes. The sums of
/// a chunk fit a byte, which makes the loop vector instructions.
fn count(text: &str) -> (usize, usize) {
    const CHUNK: usize = 224;
    let space = |byte: u8| (byte == b' ') | (byte.wrapping_sub(b'\t') < 5);
    let Some((first, after)) = text.as_bytes().split_first() else { return (0, 0) };
    let (mut words, mut chars) = (usize::from(!space(*first)), 1);
    for (before, here) in text.as_bytes().chunks(CHUNK).zip(after.chunks(CHUNK)) {
        let (mut word_starts, mut char_starts) = (0u8, 0u8);
        for (before, byte) in before.iter().zip(here) {
            word_starts += u8::from(space(*before) & !space(*byte));
            char_starts += u8::from(byte & 0xC0 != 0x80);
        }
        words += usize::from(word_starts);
        chars += usize::from(char_starts);
    }
    (words, chars)
}

fn picture(json: &mut Json<'_>, number: usize, caption: &Caption<'_>, story: &str) {
    let name = format!("photo-{number}");
    json.plain("name", &name);
    json.joined("uri", [story, &name], "/");
    json.plain("rel", if number == 1 { "mainpic" } else { "picture" });
    json.plain("type", "picture");
    json.plain("representationType", "partial");
    // A credit may stand alone.
    json.list("descriptions", Some(("caption", caption.text)).filter(|(_, text)| !text.is_empty()), text);
    json.any("by", caption.credit.map(one_line));
    let photographer = caption.by.photographer.map(one_line);
    json.list("people", photographer.as_deref().map(|name| (name, Role::Photographer)), person);
    json.list("infoSources", caption.by.sources.iter().map(|name| ("credit", *name)), source);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        edit::{Desk, Hints},
        fingerprint::Fingerprinter,
    };

    const TEXT: &str = "Harrowmere reopens its ferry landing\n\n\
        Mayor Ilse Varnholt opens the landing on Tuesday. Photo by Tomas Quill/UPI\n\
        Mayor Ilse Varnholt opens the landing on Tuesday. Photo by Tomas Quill/UPI\n\n\
        HARROWMERE, Wessland, May 5 (UPI) -- The council reopened the landing, officials said on Tuesday.\n\n\
        The work took nine years and cost four million crowns, the harbor trust said.\n";

    #[test]
    fn words_and_characters_are_counted_however_long_a_text_is() {
        for text in ["", " ", "Ferry", " two\twords\n", "Straße\u{a0}船 🚢", &"Fähren und Brücken ".repeat(40)] {
            assert_eq!(count(text), (text.split_ascii_whitespace().count(), text.chars().count()), "{text}");
        }
    }

    fn article(item: Item<'_>, origin: Option<&Origin>) -> Value {
        let desk = Desk::builtin().unwrap();
        let arrived = origin.and_then(|o| Timestamp::from_millisecond(o.timestamp).ok());
        let copy = desk.edit(&item.text, &Hints { arrived, ..Hints::default() });
        let hash = Fingerprinter::default().hash(copy.headline, &copy.body);
        let raw_hash = blake3::hash(item.text.as_bytes());
        let parts = Parts {
            item: &item,
            copy: &copy,
            status: item.status,
            hash: &hash,
            raw_hash: &raw_hash,
            origin,
            authority: "news.example",
        };
        serde_json::from_slice(&to_json(parts)).unwrap()
    }

    fn origin() -> Origin {
        Origin { topic: "wire.raw".into(), partition: 3, offset: 918_273, timestamp: 1_588_687_331_000 }
    }

    #[test]
    fn every_part_of_the_copy_has_its_place_in_ninjs() {
        let item = Item {
            text: TEXT.into(),
            source: Some("upi-web".into()),
            uri: Some("urn:example:ferry".into()),
            version: Some(2),
            language: Some("en".into()),
            ..Item::default()
        };
        let article = article(item, Some(&origin()));
        assert_eq!(article["uri"], "urn:example:ferry");
        assert_eq!(article["version"], "2");
        assert_eq!(article["pubStatus"], "usable");
        assert_eq!(article["versionCreated"], "2020-05-05T14:02:11Z");
        assert_eq!(article["contentCreated"], "2020-05-05T00:00:00Z");
        assert_eq!(article["headlines"][0]["value"], "Harrowmere reopens its ferry landing");
        assert_eq!(article["located"], "HARROWMERE, Wessland");
        assert_eq!(article["descriptions"][0]["role"], "dateline");
        assert_eq!(article["infoSources"][0], json!({"name": "UPI", "role": "source"}));
        assert_eq!(article["infoSources"][1], json!({"name": "upi-web", "role": "feed"}));
        let body = article["bodies"][0]["value"].as_str().unwrap();
        assert!(body.starts_with("The council reopened"), "{body}");
        assert_eq!(article["bodies"][0]["wordCount"], body.split_whitespace().count());
        assert_eq!(article["bodies"][0]["charCount"], body.chars().count());
        let pictures = article["associations"].as_array().unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0]["by"], "Photo by Tomas Quill/UPI");
        let ids: Vec<&str> =
            article["altIds"].as_array().unwrap().iter().filter_map(|id| id["role"].as_str()).collect();
        assert_eq!(ids, ["contentHash", "rawHash", "provider", "kafka"]);
        assert_eq!(article["altIds"][3]["value"], "wire.raw/3/918273");
    }

    #[test]
    fn an_item_without_an_identifier_is_named_by_its_content() {
        let item = Item { text: TEXT.into(), ..Item::default() };
        let article = article(item, None);
        let hash = article["altIds"][0]["value"].as_str().unwrap().strip_prefix("blake3:").unwrap();
        assert_eq!(article["uri"], format!("tag:news.example,2026:blake3/{hash}"));
        assert_eq!(article["version"], "1");
        assert_eq!(article.get("versionCreated"), None, "no time is invented");
    }

    #[test]
    fn an_identifier_that_is_no_uri_is_wrapped_in_one_and_kept_beside_it() {
        assert_eq!(provider_uri("BC ferry/1", "news.example"), "tag:news.example,2026:id/BC%20ferry%2F1");
        assert_eq!(provider_uri("http://a b", "news.example"), "tag:news.example,2026:id/http%3A%2F%2Fa%20b");
        let hash = ContentHash::from([0; 32]);
        assert_eq!(story_key(Some("BC ferry/1"), &hash), "BC ferry/1");
        assert_eq!(story_key(None, &hash), "0".repeat(64));
    }
}
