//! Raw bytes → [`Item`]: what came over the wire, decoded and parsed into types once.
//!
//! In: a record's value and its `content-type` header. Out: an [`Item`] with folded UTF-8 text, or a
//! [`Reject`] that says why not. Pure: no I/O, no clock.
//!
//! `format` tells what a value is, `charset` turns bytes into text, `envelope` reads the JSON around a text, `mend` undoes
//! what software on the way did to characters, `fold` takes out those that carry no copy.

mod charset;
mod envelope;
mod fold;
mod format;
mod mend;

use std::borrow::Cow;

use jiff::Timestamp;

use self::format::{Format, MediaType};
use crate::reject::{Reason, Reject};

/// The longest uri of a provider, in bytes: it becomes a key and a header, beside the document.
pub const MAX_URI_BYTES: usize = 4 << 10;

/// The publication status of an item, in the three values of ninjs `pubStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// May be published.
    #[default]
    Usable,
    /// On hold or under embargo.
    Withheld,
    /// Killed or withdrawn.
    Canceled,
}

impl Status {
    /// The three values, in the order of ninjs.
    pub const ALL: [Status; 3] = [Status::Usable, Status::Withheld, Status::Canceled];

    /// The ninjs spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Usable => "usable",
            Status::Withheld => "withheld",
            Status::Canceled => "canceled",
        }
    }
}

/// One wire item, ready for the edit desk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item<'m> {
    /// The item's text: UTF-8, lines end in `\n`, no control bytes, soft hyphens, byte order or zero-width marks; every
    /// Unicode space is a plain one.
    pub text: Cow<'m, str>,
    /// The feed or agency the item came from, as the sender names it.
    pub source: Option<Cow<'m, str>>,
    /// The provider's own identifier of the story (guid, urn, tag).
    pub uri: Option<Cow<'m, str>>,
    /// The provider's version of the story; higher replaces lower.
    pub version: Option<u64>,
    /// Publication status.
    pub status: Status,
    /// A headline given beside the text.
    pub headline: Option<Cow<'m, str>>,
    /// Where the item was read.
    pub url: Option<Cow<'m, str>>,
    /// When the sender received it.
    pub received: Option<Timestamp>,
    /// BCP 47 language tag declared by the sender.
    pub language: Option<Cow<'m, str>>,
}

impl Item<'_> {
    /// The same item, independent of the record's buffer.
    fn into_owned(self) -> Item<'static> {
        let own = |field: Option<Cow<'_, str>>| field.map(|field| Cow::Owned(field.into_owned()));
        Item {
            text: Cow::Owned(self.text.into_owned()),
            source: own(self.source),
            uri: own(self.uri),
            version: self.version,
            status: self.status,
            headline: own(self.headline),
            url: own(self.url),
            received: self.received,
            language: own(self.language),
        }
    }
}

/// Reads one raw record.
///
/// `content_type` is the record's `content-type` header (a MIME type, with an optional charset parameter). Without it, or
/// when it is `text/plain` or unknown, the format is told by looking: a JSON object is an envelope, the rest is text.
/// `max_bytes` bounds the value.
///
/// # Errors
/// A [`Reject`] with the reason, for anything that is not readable copy: `too_large`, `empty`, `undecodable`,
/// `bad_envelope` or `unsupported_format`. Its detail never quotes the item.
pub fn read<'m>(value: &'m [u8], content_type: Option<&str>, max_bytes: usize) -> Result<Item<'m>, Reject> {
    if value.len() > max_bytes {
        let detail = format!("{} bytes, and the limit is {max_bytes}", value.len());
        return Err(Reject::new(Reason::TooLarge, detail));
    }
    if let Some(name) = format::by_bytes(value) {
        return Err(format::unsupported(name));
    }
    let declared = MediaType::parse(content_type.unwrap_or_default());
    if let Some(Format::Foreign(name)) = declared.format() {
        return Err(format::unsupported(name));
    }
    let text = charset::decode(value, declared.charset)?;
    match (declared.format().unwrap_or_else(|| format::look(&text)), text) {
        (Format::Foreign(name), _) => Err(format::unsupported(name)),
        (Format::Envelope, Cow::Borrowed(text)) => envelope::read(text),
        (Format::Envelope, Cow::Owned(text)) => envelope::read(&text).map(Item::into_owned),
        (Format::Text, text) => Ok(Item { text: copy(text)?, ..Item::default() }),
    }
}

/// `text` as the rest of the crate sees it: line ends, spaces, control bytes and invisible marks folded.
pub fn folded(text: &str) -> Cow<'_, str> {
    fold::fold(Cow::Borrowed(text))
}

/// The lines of `text` as they were sent, trimmed, where they pair off with `lines`, the non-empty lines of the folded text:
/// folding may have taken an invisible mark from one. `None` where they do not.
pub fn lines_as_sent<'t>(text: &'t str, lines: &[&str]) -> Option<Vec<&'t str>> {
    let breaks = ['\n', '\r', '\x0b', '\x0c', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut sent = Vec::with_capacity(lines.len());
    for line in text.split(breaks) {
        let folded = folded(line);
        if folded.trim().is_empty() {
            continue;
        }
        if lines.get(sent.len()) != Some(&folded.trim()) {
            return None;
        }
        sent.push(line.trim());
    }
    (sent.len() == lines.len()).then_some(sent)
}

/// An item's text, folded.
///
/// # Errors
/// `empty`, when nothing but white space is left.
fn copy(text: Cow<'_, str>) -> Result<Cow<'_, str>, Reject> {
    let text = fold::fold(text);
    if text.trim_ascii().is_empty() {
        return Err(Reject::new(Reason::Empty, "nothing but white space"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1 << 20;

    #[test]
    fn nothing_is_ever_decompressed() {
        let bomb = {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, &vec![b' '; 50 << 20]).unwrap();
            encoder.finish().unwrap()
        };
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        for (value, format) in
            [(bomb.as_slice(), "gzip"), (b"\x28\xB5\x2F\xFD\x04\x00", "zstd"), (b"\x04\x22\x4D\x18\x64", "lz4")]
        {
            for content_type in [None, Some("text/plain"), Some("application/json")] {
                let reject = read(value, content_type, MAX).unwrap_err();
                assert_eq!(
                    (reject.reason, reject.detail.as_str()),
                    (Reason::UnsupportedFormat, &*format!("{format} is not read yet"))
                );
            }
        }
    }

    #[test]
    fn a_uri_longer_than_any_is_refused() {
        let item = |bytes: usize| format!(r#"{{"text": "Copy.", "uri": "urn:{}"}}"#, "x".repeat(bytes - 4));
        assert!(read(item(MAX_URI_BYTES).as_bytes(), None, MAX).is_ok());
        let reject = read(item(MAX_URI_BYTES + 1).as_bytes(), None, MAX).unwrap_err();
        assert_eq!(reject.to_string(), "bad_envelope: `uri` has 4097 bytes, and the limit is 4096");
    }

    fn reason(value: &[u8], content_type: Option<&str>) -> Reason {
        read(value, content_type, MAX).unwrap_err().reason
    }

    #[test]
    fn plain_text_is_an_item_without_a_copy() {
        let item = read(b"Bridge opens\n\nGREENVALE, May 5 (UPI) -- It opened.", None, MAX).unwrap();
        assert!(matches!(item.text, Cow::Borrowed("Bridge opens\n\nGREENVALE, May 5 (UPI) -- It opened.")));
        assert_eq!((item.status, item.uri, item.version), (Status::Usable, None, None));
    }

    #[test]
    fn an_envelope_is_found_by_header_or_by_looking() {
        let json = br#"{"text": "Copy.", "uri": "urn:x:1"}"#;
        for content_type in [None, Some("application/json"), Some("text/plain"), Some("application/x-wire+json")] {
            assert_eq!(read(json, content_type, MAX).unwrap().uri.as_deref(), Some("urn:x:1"), "{content_type:?}");
        }
    }

    #[test]
    fn text_declared_as_json_is_a_bad_envelope() {
        assert_eq!(reason(b"Bridge opens", Some("application/json")), Reason::BadEnvelope);
        assert_eq!(reason(b"[1, 2]", Some("application/json")), Reason::BadEnvelope);
    }

    #[test]
    fn an_envelope_in_a_legacy_charset_is_decoded_first() {
        let (json, ..) = encoding_rs::WINDOWS_1252.encode(r#"{"text": "Grünau – 5 €", "source": "Süd"}"#);
        let item = read(&json, Some("application/json; charset=windows-1252"), MAX).unwrap();
        assert_eq!((item.text.as_ref(), item.source.as_deref()), ("Grünau – 5 €", Some("Süd")));
    }

    #[test]
    fn the_header_says_which_charset_text_is_in() {
        let item =
            read(b"\xC7\xE0\xF0\xE5\xF7\xE5\xED\xF1\xEA", Some("text/plain; charset=windows-1251"), MAX).unwrap();
        assert_eq!(item.text, "Зареченск");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        assert_eq!(read(b"12345", None, 5).unwrap().text, "12345");
        let reject = read(b"123456", None, 5).unwrap_err();
        assert_eq!(reject.to_string(), "too_large: 6 bytes, and the limit is 5");
    }

    #[test]
    fn white_space_and_invisible_marks_are_empty() {
        for value in ["", " \r\n\t", "\u{FEFF}", "\u{200B}\u{A0}\0"] {
            assert_eq!(reason(value.as_bytes(), None), Reason::Empty, "{value:?}");
        }
    }

    #[test]
    fn lines_pair_off_with_how_they_were_sent() {
        let text = "\u{feff}Bridge opens\r\n\u{200b}\r\nIt\u{a0}opened.\u{200b}";
        let folded = folded(text);
        let lines: Vec<_> = folded.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines_as_sent(text, &lines).unwrap(), ["\u{feff}Bridge opens", "It\u{a0}opened.\u{200b}"]);
        assert_eq!(lines_as_sent("Another text", &lines), None);
    }

    #[test]
    fn other_formats_are_named() {
        for (value, content_type, name) in [
            (&b"<html><body>Bridge"[..], None, "HTML"),
            (b"Bridge", Some("text/html; charset=utf-8"), "HTML"),
            (b"\x1F\x8B\x08\0\0\0", Some("application/json"), "gzip"),
            (b"\x16\x16\x01W2870\x1Fasian\n\x02text", None, "ANPA-1312"),
            (b"[{\"text\": \"x\"}]", None, "JSON array"),
        ] {
            let reject = read(value, content_type, MAX).unwrap_err();
            assert_eq!(reject, Reject::new(Reason::UnsupportedFormat, format!("{name} is not read yet")));
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(value in prop::collection::vec(any::<u8>(), 0..400), content_type in prop::option::of(".{0,40}")) {
            let _ = read(&value, content_type.as_deref(), MAX);
        }

        #[test]
        fn reading_anything_json_like_never_panics(value in r#"[{}\[\]":,a-e0-9tx \\u\x00-\x1f]{0,80}"#) {
            let _ = read(format!("{{\"text\":{value}").as_bytes(), None, MAX);
        }

        #[test]
        fn read_text_is_folded_and_not_empty(value in any::<String>()) {
            if let Ok(item) = read(value.as_bytes(), None, MAX) {
                prop_assert!(matches!(fold::fold(Cow::Borrowed(&item.text)), Cow::Borrowed(_)));
                prop_assert!(!item.text.trim().is_empty());
            }
        }
    }
}
