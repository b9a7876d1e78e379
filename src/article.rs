//! The edited copy → an article: one IPTC ninjs 3.1 document, strictly valid by the official schema (which refuses any key
//! of our own), so what ninjs has no room for travels in Kafka headers instead.
//!
//! Spec: IPTC ninjs 3.1, <https://iptc.org/standards/ninjs/>. Identifiers for items without one: RFC 4151 `tag:` URIs.

use std::{borrow::Cow, fmt::Write as _, io, sync::Arc};

use fluent_uri::Uri;
use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};
use serde_json::{ser::Formatter, value::RawValue};

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
    /// Its event time, milliseconds since the Unix epoch: the record's timestamp, unless that is of the future.
    pub timestamp: i64,
}

impl std::fmt::Display for Origin {
    /// `topic/partition/offset`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// A ninjs 3.1 news object of type text. It borrows from the item and its copy; write it at once.
#[derive(Debug)]
pub struct Article<'a>(Document<'a>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    uri: Cow<'a, str>,
    standard: Standard,
    r#type: &'static str,
    profile: &'static str,
    representation_type: &'static str,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "day_as_instant")]
    content_created: Option<Date>,
    pub_status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headlines: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slugline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    located: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genres: Vec<Genre<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ed_note: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    descriptions: Vec<Text<'a>>,
    bodies: [Body<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info_sources: Vec<InfoSource<'a>>,
    alt_ids: Vec<AltId<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    associations: Vec<Picture<'a>>,
}

#[derive(Debug, Serialize)]
struct Standard {
    name: &'static str,
    version: &'static str,
    schema: &'static str,
}

const NINJS: Standard =
    Standard { name: "ninjs", version: "3.1", schema: "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json" };

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    role: &'static str,
    content_type: &'static str,
    value: Cow<'a, str>,
}

fn text<'a>(role: &'static str, value: &'a str) -> Text<'a> {
    Text { role, content_type: "text/plain", value: one_line(value) }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    role: &'static str,
    content_type: &'static str,
    word_count: usize,
    char_count: usize,
    value: Paragraphs<'a>,
}

/// Paragraphs, with an empty line between them. Stands in the document as a raw value, which [`WithBody`] writes.
#[derive(Debug)]
struct Paragraphs<'a>(&'a [Cow<'a, str>]);

const BETWEEN: &str = "\n\n";

impl Serialize for Paragraphs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::NULL.serialize(serializer)
    }
}

/// Compact JSON with the paragraphs of the body for its one raw value. They are the longest string of the article by far, so
/// they are searched for what to escape by vector instructions, and go straight to the output.
struct WithBody<'a>(&'a Paragraphs<'a>);

impl Formatter for WithBody<'_> {
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, out: &mut W, _: &str) -> io::Result<()> {
        out.write_all(b"\"")?;
        for (at, paragraph) in self.0.0.iter().enumerate() {
            out.write_all(if at > 0 { br"\n\n" } else { b"" })?;
            write_escaped(out, paragraph)?;
        }
        out.write_all(b"\"")
    }
}

/// `text` as it stands in a JSON string. Of what JSON escapes, edited copy mostly holds these three.
fn write_escaped<W: io::Write + ?Sized>(out: &mut W, text: &str) -> io::Result<()> {
    let bytes = text.as_bytes();
    if bytes.iter().fold(false, |controls, b| controls | ((*b < b' ') & (*b != b'\n'))) {
        let json = serde_json::to_string(text)?;
        return out.write_all(&json.as_bytes()[1..json.len() - 1]);
    }
    let mut copied = 0;
    for special in memchr::memchr3_iter(b'"', b'\\', b'\n', bytes) {
        out.write_all(&bytes[copied..special])?;
        out.write_all(match bytes[special] {
            b'"' => br#"\""#,
            b'\n' => br"\n",
            _ => br"\\",
        })?;
        copied = special + 1;
    }
    out.write_all(&bytes[copied..])
}

#[derive(Debug, Serialize)]
struct InfoSource<'a> {
    name: Cow<'a, str>,
    role: &'static str,
}

fn source<'a>(role: &'static str, name: &'a str) -> InfoSource<'a> {
    InfoSource { name: one_line(name), role }
}

#[derive(Debug, Serialize)]
struct Person<'a> {
    name: Cow<'a, str>,
    rel: &'static str,
}

/// What kind of story it is, as the agency's tag has it: `ANALYSIS`.
#[derive(Debug, Serialize)]
struct Genre<'a> {
    literal: &'a str,
}

#[derive(Debug, Serialize)]
struct AltId<'a> {
    role: &'static str,
    value: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Picture<'a> {
    name: String,
    uri: String,
    rel: &'static str,
    r#type: &'static str,
    representation_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    descriptions: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info_sources: Vec<InfoSource<'a>>,
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

fn day_as_instant<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(&format_args!("{date}T00:00:00Z")),
        None => serializer.serialize_none(),
    }
}

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

/// Assembles the article of an edited item.
pub fn assemble(parts: Parts<'_>) -> Article<'_> {
    let Parts { item, copy, status, hash, raw_hash, origin, authority } = parts;
    let arrived = origin.and_then(|origin| Timestamp::from_millisecond(origin.timestamp).ok());
    let created = item.received.or(arrived);
    let (headline, raw_headline) = headline(item, copy);
    let headlines =
        [("main", headline), ("raw", raw_headline)].into_iter().filter_map(|(role, value)| Some(text(role, value?)));

    let dateline = copy.dateline.as_ref();
    let mut info_sources: Vec<_> =
        dateline.iter().flat_map(|d| &d.agencies).map(|name| source("source", name)).collect();
    info_sources.extend(item.source.as_deref().map(|name| source("feed", name)));

    let mut alt_ids = vec![
        AltId { role: "contentHash", value: format!("blake3:{hash}").into() },
        AltId { role: "rawHash", value: format!("blake3:{}", raw_hash.to_hex()).into() },
    ];
    alt_ids.extend(item.uri.as_deref().map(|uri| AltId { role: "provider", value: uri.into() }));
    alt_ids.extend(item.url.as_deref().map(|url| AltId { role: "url", value: url.into() }));
    alt_ids.extend(origin.map(|origin| AltId { role: "kafka", value: origin.to_string().into() }));

    Article(Document {
        uri: story_uri(item.uri.as_deref(), hash, authority),
        standard: NINJS,
        r#type: "text",
        profile: PROFILE,
        representation_type: "full",
        version: item.version.unwrap_or(1).to_string(),
        first_created: created,
        version_created: created,
        content_created: dateline.and_then(|d| d.date),
        pub_status: status,
        language: item.language.as_deref().or(copy.language),
        headlines: headlines.collect(),
        by: copy.byline.map(one_line),
        people: copy.people.iter().map(|p| Person { name: p.name.as_ref().into(), rel: p.role.name() }).collect(),
        slugline: copy.slugline,
        genres: genre(raw_headline).into_iter().collect(),
        located: dateline.and_then(|d| d.place),
        ed_note: ed_note(copy),
        descriptions: descriptions(copy),
        bodies: [body(copy)],
        info_sources,
        alt_ids,
        associations: copy
            .captions
            .iter()
            .enumerate()
            .map(|(at, caption)| picture(at + 1, caption, hash, authority))
            .collect(),
    })
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

/// The kind of story that the tag of its headline names.
fn genre(raw_headline: Option<&str>) -> Option<Genre<'_>> {
    edit::headline::split(raw_headline?).tag.map(|literal| Genre { literal })
}

impl Article<'_> {
    /// The document as JSON, appended to `out`.
    ///
    /// # Errors
    /// None in practice: every field is a string or a number, and writing to memory does not fail.
    pub fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let [body] = &self.0.bodies;
        self.0.serialize(&mut serde_json::Serializer::with_formatter(out, WithBody(&body.value)))
    }
}

/// The key of a story: what joins the versions of one story, and its kills, in `wire.articles`.
pub fn story_key(provider_uri: Option<&str>, hash: &ContentHash) -> String {
    provider_uri.map_or_else(|| hash.to_string(), str::to_owned)
}

/// The ninjs `uri`: the provider's where it is a URI; else a `tag:` URI made of its id or, without any, of the hash.
fn story_uri<'a>(provider: Option<&'a str>, hash: &ContentHash, authority: &str) -> Cow<'a, str> {
    match provider {
        Some(uri) if Uri::parse(uri).is_ok() => uri.into(),
        Some(id) => {
            let mut uri = format!("tag:{authority},2026:id/");
            for byte in id.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
                    _ => _ = write!(uri, "%{byte:02X}"),
                }
            }
            uri.into()
        }
        None => content_uri(hash, authority).into(),
    }
}

fn content_uri(hash: &ContentHash, authority: &str) -> String {
    format!("tag:{authority},2026:blake3/{hash}")
}

/// Notes and the embargo line: for the desk that receives the article, not for its readers.
fn ed_note(copy: &Copy<'_>) -> Option<String> {
    let lines: Vec<&str> = copy.embargo.into_iter().chain(copy.notes.iter().copied()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What belongs to the story and is no part of its body: dateline, standfirst, sign-offs.
fn descriptions<'a>(copy: &'a Copy<'a>) -> Vec<Text<'a>> {
    let dateline = copy.dateline.as_ref().map(|d| text("dateline", d.verbatim));
    let deck = copy.deck.iter().map(|line| text("summary", line));
    let signoffs = copy.signoffs.iter().map(|line| text("signoff", line));
    dateline.into_iter().chain(deck).chain(signoffs).collect()
}

fn body<'a>(copy: &'a Copy<'a>) -> Body<'a> {
    let between = copy.body.len().saturating_sub(1) * BETWEEN.len();
    let counts = copy.body.iter().map(|paragraph| count(paragraph));
    let (word_count, char_count) = counts.fold((0, between), |sum, (words, chars)| (sum.0 + words, sum.1 + chars));
    Body { role: "main", content_type: "text/plain", word_count, char_count, value: Paragraphs(&copy.body) }
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

fn photographer(name: &str) -> Person<'_> {
    Person { name: one_line(name), rel: Role::Photographer.name() }
}

fn picture<'a>(number: usize, caption: &Caption<'a>, hash: &ContentHash, authority: &str) -> Picture<'a> {
    Picture {
        name: format!("photo-{number}"),
        uri: format!("{}/photo-{number}", content_uri(hash, authority)),
        rel: if number == 1 { "mainpic" } else { "picture" },
        r#type: "picture",
        representation_type: "partial",
        // A credit may stand alone.
        descriptions: (!caption.text.is_empty()).then(|| text("caption", caption.text)).into_iter().collect(),
        by: caption.credit.map(one_line),
        people: caption.by.photographer.map(photographer).into_iter().collect(),
        info_sources: caption.by.sources.iter().map(|name| source("credit", name)).collect(),
    }
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
    fn whatever_a_paragraph_holds_the_body_is_the_json_of_it() {
        for paragraphs in
            [&["The \"ferry\"\nC:\\log", "\\", ""][..], &["Bell\u{7} and\ttab", "\""], &["船、\u{2028}🚢"], &[]]
        {
            let cows: Vec<Cow<'_, str>> = paragraphs.iter().map(|p| Cow::from(*p)).collect();
            let mut json = Vec::new();
            WithBody(&Paragraphs(&cows)).write_raw_fragment(&mut json, "").unwrap();
            assert_eq!(json, serde_json::to_vec(&paragraphs.join(BETWEEN)).unwrap());
        }
    }

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
        let mut json = Vec::new();
        assemble(parts).write_json(&mut json).unwrap();
        serde_json::from_slice(&json).unwrap()
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
        let hash = ContentHash::from([0; 32]);
        assert_eq!(story_uri(Some("BC ferry/1"), &hash, "news.example"), "tag:news.example,2026:id/BC%20ferry%2F1");
        assert_eq!(story_uri(Some("http://a b"), &hash, "news.example"), "tag:news.example,2026:id/http%3A%2F%2Fa%20b");
        assert_eq!(story_key(Some("BC ferry/1"), &hash), "BC ferry/1");
        assert_eq!(story_key(None, &hash), "0".repeat(64));
    }
}
