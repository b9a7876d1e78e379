//! The JSON envelope: an item's text with what its sender knows of it.
//!
//! `{"text", "source"?, "uri"?, "version"?, "status"?, "headline"?, "url"?, "content_type"?, "received"?, "language"?}`.
//! Other keys are ignored; null and the empty string are as good as absent. Strings without escapes are borrowed. Errors
//! name the field or the place, never the text.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::format::{self, Format, MediaType};
use super::{Item, MAX_URI_BYTES, Status, fold};
use crate::reject::{Reason, Reject};

/// Reads the envelope in `json`.
///
/// # Errors
/// `bad_envelope` with the line and column of broken JSON or the name of the wrong field; `unsupported_format` when `text`
/// is declared as or plainly is another format, or when the object is another JSON format; `empty` when `text` is.
pub(super) fn read(json: &str) -> Result<Item<'_>, Reject> {
    let json = json.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\0');
    let mut envelope: Envelope<'_> = serde_json::from_str(json).map_err(broken)?;
    let source = optional("source", envelope.source.take())?.and_then(fold::fold_line);
    match judge(envelope) {
        Ok(item) => Ok(Item { source, ..item }),
        Err(reject) => Err(reject.of(source.as_deref())),
    }
}

/// What the fields say, but for `source`.
fn judge(envelope: Envelope<'_>) -> Result<Item<'_>, Reject> {
    if let Some(name) = envelope.repeated {
        return Err(bad(format!("`{name}` stands twice")));
    }
    let text = match (envelope.text, envelope.foreign) {
        (Some(text), _) => string("text", text)?.unwrap_or_default(),
        (None, Some(name)) => return Err(format::unsupported(name)),
        (None, None) => return Err(bad("`text` is missing".to_owned())),
    };
    let content_type = optional("content_type", envelope.content_type)?;
    match content_type.as_deref().and_then(|header| MediaType::parse(header).format()) {
        Some(Format::Foreign(name)) => return Err(format::unsupported(name)),
        Some(Format::Envelope) => return Err(format::unsupported("JSON inside `text`")),
        Some(Format::Text) | None => {}
    }
    if let Some(name) = format::foreign_text(&text) {
        return Err(format::unsupported(name));
    }
    Ok(Item {
        text: super::copy(text)?,
        source: None,
        uri: uri(envelope.uri)?,
        version: version(envelope.version)?,
        status: status(envelope.status)?,
        headline: optional("headline", envelope.headline)?.and_then(fold::fold_line),
        url: optional("url", envelope.url)?,
        received: received(envelope.received)?,
        language: optional("language", envelope.language)?.and_then(language),
    })
}

fn bad(detail: String) -> Reject {
    Reject::new(Reason::BadEnvelope, detail)
}

/// serde_json's syntax messages name what was expected and the place; none of them quotes the input.
fn broken(error: serde_json::Error) -> Reject {
    if error.is_data() {
        return bad("the JSON value is not an object".to_owned());
    }
    bad(format!("broken JSON: {error}"))
}

fn string<'j>(name: &str, value: Value<'j>) -> Result<Option<Cow<'j, str>>, Reject> {
    match value {
        Value::String(string) => Ok(Some(string)),
        Value::Null if name != "text" => Ok(None),
        other => Err(bad(format!("`{name}` is {}, not a string", other.kind()))),
    }
}

fn optional<'j>(name: &str, value: Option<Value<'j>>) -> Result<Option<Cow<'j, str>>, Reject> {
    Ok(value.map(|value| string(name, value)).transpose()?.flatten().and_then(fold::trimmed))
}

fn uri(value: Option<Value<'_>>) -> Result<Option<Cow<'_, str>>, Reject> {
    let uri = optional("uri", value)?;
    match uri.as_ref().map(|uri| uri.len()).filter(|bytes| *bytes > MAX_URI_BYTES) {
        Some(bytes) => Err(bad(format!("`uri` has {bytes} bytes, and the limit is {MAX_URI_BYTES}"))),
        None => Ok(uri),
    }
}

fn version(value: Option<Value<'_>>) -> Result<Option<u64>, Reject> {
    match value {
        Some(Value::Natural(version)) => Ok(Some(version)),
        Some(Value::String(digits)) if digits.trim().is_empty() => Ok(None),
        Some(Value::String(digits)) if digits.trim().bytes().all(|b| b.is_ascii_digit()) => {
            digits.trim().parse().map(Some).map_err(|_| bad("`version` is larger than 64 bits hold".to_owned()))
        }
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(_)) => Err(bad("`version` is a string, but not of digits".to_owned())),
        Some(other) => {
            Err(bad(format!("`version` is {}, not a whole number from 0 or a string of digits", other.kind())))
        }
    }
}

/// The words for the three states that wires use, in any case.
fn status(value: Option<Value<'_>>) -> Result<Status, Reject> {
    let Some(word) = optional("status", value)? else { return Ok(Status::Usable) };
    match word.to_ascii_lowercase().as_str() {
        "usable" => Ok(Status::Usable),
        "withheld" | "embargoed" => Ok(Status::Withheld),
        "canceled" | "cancelled" | "killed" | "withdrawn" => Ok(Status::Canceled),
        _ => Err(bad(
            "`status` is none of usable, withheld, embargoed, canceled, cancelled, killed, withdrawn".to_owned()
        )),
    }
}

fn received(value: Option<Value<'_>>) -> Result<Option<Timestamp>, Reject> {
    let Some(time) = optional("received", value)? else { return Ok(None) };
    time.parse()
        .map(Some)
        .map_err(|_| bad("`received` is not an RFC 3339 time with an offset, such as 2026-05-05T07:30:00Z".to_owned()))
}

/// A language tag in the shape of BCP 47 (`en_US` is mended); any other is dropped, and the language detected instead.
fn language(tag: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let tag = if tag.contains('_') { Cow::Owned(tag.replace('_', "-")) } else { tag };
    let mut parts = tag.split('-');
    let primary =
        parts.next().is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    (primary && rest).then_some(tag)
}

/// The fields as they stand in the JSON, not yet judged.
#[derive(Default)]
struct Envelope<'j> {
    text: Option<Value<'j>>,
    source: Option<Value<'j>>,
    uri: Option<Value<'j>>,
    version: Option<Value<'j>>,
    status: Option<Value<'j>>,
    headline: Option<Value<'j>>,
    url: Option<Value<'j>>,
    content_type: Option<Value<'j>>,
    received: Option<Value<'j>>,
    language: Option<Value<'j>>,
    /// A field given twice: which of the two is meant, nobody knows.
    repeated: Option<&'static str>,
    /// The other JSON format that an unknown key gives away.
    foreign: Option<&'static str>,
}

impl<'j> Envelope<'j> {
    fn field(&mut self, key: &str) -> Option<(&'static str, &mut Option<Value<'j>>)> {
        Some(match key {
            "text" => ("text", &mut self.text),
            "source" => ("source", &mut self.source),
            "uri" => ("uri", &mut self.uri),
            "version" => ("version", &mut self.version),
            "status" => ("status", &mut self.status),
            "headline" => ("headline", &mut self.headline),
            "url" => ("url", &mut self.url),
            "content_type" => ("content_type", &mut self.content_type),
            "received" => ("received", &mut self.received),
            "language" => ("language", &mut self.language),
            _ => return None,
        })
    }
}

/// The format that has `key` at its top level, and the envelope has not.
fn foreign(key: &str) -> Option<&'static str> {
    Some(match key {
        "body_text" | "body_html" | "body_xhtml" | "bodies" | "headlines" | "pubstatus" | "pubStatus"
        | "versioncreated" | "versionCreated" | "altids" | "altIds" => "ninjs",
        "content_elements" => "ANS",
        "api_version" => "AP Media API JSON",
        "feed_url" | "home_page_url" => "JSON Feed",
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(Key(key)) = map.next_key()? {
                    let Some((name, field)) = envelope.field(&key) else {
                        map.next_value::<IgnoredAny>()?;
                        envelope.foreign = envelope.foreign.or_else(|| foreign(&key));
                        continue;
                    };
                    if field.replace(map.next_value()?).is_some() {
                        envelope.repeated = Some(name);
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// An object key, borrowed where the JSON allows it.
#[derive(serde::Deserialize)]
struct Key<'j>(#[serde(borrow)] Cow<'j, str>);

/// A field's value: what a field may hold, or else what it is instead.
enum Value<'j> {
    String(Cow<'j, str>),
    Natural(u64),
    Null,
    Other(&'static str),
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Natural(_) => "a number",
            Value::Null => "null",
            Value::Other(kind) => kind,
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, string: &'de str) -> Result<Value<'de>, E> {
                Ok(Value::String(Cow::Borrowed(string)))
            }

            fn visit_str<E>(self, string: &str) -> Result<Value<'de>, E> {
                Ok(Value::String(Cow::Owned(string.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
                Ok(Value::Natural(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
                Ok(Value::Other("a negative number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
                Ok(Value::Other("a fraction"))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
                Ok(Value::Other("a boolean"))
            }

            fn visit_unit<E>(self) -> Result<Value<'de>, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Other("an array"))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Other("an object"))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(json: &str) -> String {
        read(json).unwrap_err().to_string()
    }

    #[test]
    fn every_field_is_read() {
        let item = read(
            r#"{"text": "Copy.", "source": "UPI", "uri": "urn:x:1", "version": 3, "status": "usable", "headline": "A\tB",
                "url": "https://example.org/a", "content_type": "text/plain", "received": "2026-05-05T09:30:00+02:00",
                "language": "en_US"}"#,
        )
        .unwrap();
        assert_eq!(item.text, "Copy.");
        assert_eq!(item.source.as_deref(), Some("UPI"));
        assert_eq!(item.uri.as_deref(), Some("urn:x:1"));
        assert_eq!(item.version, Some(3));
        assert_eq!(item.status, Status::Usable);
        assert_eq!(item.headline.as_deref(), Some("A B"));
        assert_eq!(item.url.as_deref(), Some("https://example.org/a"));
        assert_eq!(item.received, Some("2026-05-05T07:30:00Z".parse().unwrap()));
        assert_eq!(item.language.as_deref(), Some("en-US"));
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let item = read(r#"{"text": "Copy on one line.", "uri": "urn:x:1"}"#).unwrap();
        assert!(matches!((item.text, item.uri), (Cow::Borrowed(_), Some(Cow::Borrowed(_)))));
    }

    #[test]
    fn escapes_are_read_and_the_text_is_folded() {
        let item = read(r#"{"te\u0078t": "Line one.\r\n\r\nLine\u00a0two \ud83d\udc4d"}"#).unwrap();
        assert_eq!(item.text, "Line one.\n\nLine two 👍");
    }

    #[test]
    fn unknown_keys_nulls_and_empty_strings_are_as_good_as_absent() {
        let item = read(
            r#"{"desk": {"a": [1, {}]}, "text": "Copy.", "uri": null, "version": "", "status": "", "headline": " "}"#,
        );
        assert_eq!(item.unwrap(), Item { text: "Copy.".into(), ..Item::default() });
    }

    #[test]
    fn a_version_is_a_number_or_digits() {
        let version = |v: &str| read(&format!(r#"{{"text": "Copy.", "version": {v}}}"#)).map(|item| item.version);
        assert_eq!(version("7"), Ok(Some(7)));
        assert_eq!(version(r#""0012""#), Ok(Some(12)));
        assert_eq!(version("18446744073709551615"), Ok(Some(u64::MAX)));
        assert!(version(r#""1a""#).unwrap_err().detail.contains("`version`"));
        assert!(version(r#""99999999999999999999""#).unwrap_err().detail.contains("64 bits"));
        assert!(version("-1").unwrap_err().detail.contains("a negative number"));
        assert!(version("1.5").unwrap_err().detail.contains("a fraction"));
    }

    #[test]
    fn every_word_for_a_status_is_one_of_three() {
        let status = |word: &str| read(&format!(r#"{{"text": "Copy.", "status": "{word}"}}"#)).map(|item| item.status);
        for (word, want) in [
            ("usable", Status::Usable),
            ("Withheld", Status::Withheld),
            ("embargoed", Status::Withheld),
            ("canceled", Status::Canceled),
            ("CANCELLED", Status::Canceled),
            ("killed", Status::Canceled),
            ("withdrawn", Status::Canceled),
        ] {
            assert_eq!(status(word), Ok(want), "{word}");
        }
        assert!(status("fresh").unwrap_err().detail.starts_with("`status` is none of"));
    }

    #[test]
    fn broken_json_names_the_place_and_not_the_text() {
        let reject = read("{\"text\": \"The secret\nmayor\"}").unwrap_err();
        assert_eq!(reject.reason, Reason::BadEnvelope);
        assert!(reject.detail.contains("line 2 column 0"), "{reject}");
        for json in [
            "{\"text\": \"secret\"",
            "{\"text\": secret}",
            "{'text': 'secret'}",
            "{\"text\": \"secret\"} secret",
            "[\"secret\"]",
        ] {
            let reject = read(json).unwrap_err();
            assert_eq!(reject.reason, Reason::BadEnvelope);
            assert!(!reject.detail.contains("secret"), "{reject}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_names_the_field_and_not_the_value() {
        assert_eq!(detail(r#"{"text": ["secret"]}"#), "bad_envelope: `text` is an array, not a string");
        assert_eq!(detail(r#"{"text": null}"#), "bad_envelope: `text` is null, not a string");
        assert_eq!(detail(r#"{"text": "Copy.", "uri": {"id": 1}}"#), "bad_envelope: `uri` is an object, not a string");
        assert_eq!(
            detail(r#"{"text": "Copy.", "headline": true}"#),
            "bad_envelope: `headline` is a boolean, not a string"
        );
        assert!(detail(r#"{"text": "Copy.", "received": "yesterday"}"#).contains("`received` is not an RFC 3339 time"));
        assert!(detail(r#"{"text": "Copy.", "received": "2026-05-05T09:30:00"}"#).contains("`received`"));
    }

    #[test]
    fn a_missing_or_repeated_field_is_refused() {
        assert_eq!(detail(r#"{"source": "UPI"}"#), "bad_envelope: `text` is missing");
        assert_eq!(detail(r#"{"text": "a", "text": "b"}"#), "bad_envelope: `text` stands twice");
    }

    #[test]
    fn what_is_refused_still_says_who_sent_it() {
        let source = |json: &str| read(json).unwrap_err().feed;
        assert_eq!(source(r#"{"source": " Holm Press "}"#).as_deref(), Some("Holm Press"));
        assert_eq!(source(r#"{"text": "", "source": "Holm Press"}"#).as_deref(), Some("Holm Press"));
        assert_eq!(source(r#"{"text": ""}"#), None);
        let long =
            format!(r#"{{"text": "Copy.", "source": "Holm Press", "uri": "{}"}}"#, "x".repeat(MAX_URI_BYTES + 1));
        assert_eq!(source(&long).as_deref(), Some("Holm Press"));
    }

    #[test]
    fn an_empty_text_is_empty() {
        assert_eq!(read(r#"{"text": " \n\u200b"}"#).unwrap_err().reason, Reason::Empty);
    }

    #[test]
    fn text_in_another_format_is_unsupported() {
        assert_eq!(
            detail(r#"{"text": "Copy.", "content_type": "text/html"}"#),
            "unsupported_format: HTML is not read yet"
        );
        assert!(detail(r#"{"text": "<p>Copy.</p>"}"#).contains("HTML"));
        assert!(detail(r#"{"uri": "urn:x:1", "headlines": [], "bodies": []}"#).contains("ninjs"));
    }

    #[test]
    fn deep_nesting_is_refused_or_ignored_but_never_overflows() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let (open, close) = (open.repeat(100_000), close.repeat(100_000));
            let item =
                read(&format!(r#"{{"text": "Copy.", "extra": {open}1{close}}}"#)).map(|item| item.text.into_owned());
            assert!(
                matches!(&item, Ok(text) if text == "Copy."),
                "what is ignored may be as deep as it likes: {item:?}"
            );
            for field in ["text", "uri"] {
                let reject = read(&format!(r#"{{"{field}": {open}1{close}}}"#)).unwrap_err();
                assert_eq!(reject.reason, Reason::BadEnvelope, "{reject}");
            }
            assert_eq!(read(&open).unwrap_err().reason, Reason::BadEnvelope, "cut off");
        }
    }

    #[test]
    fn a_language_that_is_no_tag_is_dropped() {
        let language = |tag: &str| {
            read(&format!(r#"{{"text": "Copy.", "language": "{tag}"}}"#)).unwrap().language.map(Cow::into_owned)
        };
        assert_eq!(language("zh-Hant-TW"), Some("zh-Hant-TW".to_owned()));
        assert_eq!(language("English please"), None);
    }
}
