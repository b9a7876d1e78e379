//! A record of a topic as one JSON object: what `tap --json` writes and `replay` reads back, byte for byte.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A record and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The record's timestamp.
    pub time: Option<jiff::Timestamp>,
    /// The key.
    pub key: Option<Bytes>,
    /// The headers in their order.
    #[serde(default)]
    pub headers: Vec<(String, Option<Bytes>)>,
    /// The value.
    pub value: Option<Bytes>,
}

/// Bytes that are written as text where they are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Record {
    /// The record of a message.
    pub fn of(message: &BorrowedMessage<'_>) -> Record {
        let bytes = |bytes: &[u8]| Bytes(bytes.to_vec());
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Record {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            time: message.timestamp().to_millis().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
            key: message.key().map(bytes),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(bytes))).collect(),
            value: message.payload().map(bytes),
        }
    }

    /// The value of the first header `name`, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text(self.headers.iter().find(|(key, _)| key == name)?)
    }

    /// The value of a header of our own: the last, for on a dead letter ours stand behind those that the raw item brought.
    pub fn mark(&self, name: &str) -> Option<&str> {
        text(self.headers.iter().rfind(|(key, _)| key == name)?)
    }

    /// The bytes of the value; none is empty.
    pub fn value(&self) -> &[u8] {
        self.value.as_ref().map_or(&[], |value| &value.0)
    }

    /// The value as text, as far as it is.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value())
    }

    /// `topic/partition/offset`.
    pub fn place(&self) -> String {
        format!("{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

fn text((_, value): &(String, Option<Bytes>)) -> Option<&str> {
    std::str::from_utf8(&value.as_ref()?.0).ok()
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<'b> {
    Text(Cow<'b, str>),
    Binary { base64: Cow<'b, str> },
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Written::Text(text.into()),
            Err(_) => Written::Binary { base64: BASE64.encode(&self.0).into() },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Bytes(text.into_owned().into_bytes())),
            Written::Binary { base64 } => BASE64.decode(base64.as_bytes()).map(Bytes).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn record(value: &[u8], headers: &[(&str, &str)]) -> Record {
        Record {
            topic: "wire.rejected".into(),
            partition: 2,
            offset: 41,
            time: "2026-11-24T06:30:00.123Z".parse().ok(),
            key: Some(Bytes(b"k".to_vec())),
            headers: headers.iter().map(|(k, v)| ((*k).into(), Some(Bytes(v.as_bytes().to_vec())))).collect(),
            value: Some(Bytes(value.to_vec())),
        }
    }

    #[test]
    fn a_record_reads_back_byte_for_byte_text_or_not() {
        for value in [&b"{\"text\": \"Harbour opens\"}\n"[..], b"", b"\xff\xfe\x00H"] {
            let mut record = record(value, &[("content-type", "text/plain"), ("a", "1"), ("a", "2")]);
            record.headers.push(("empty".into(), None));
            let written = serde_json::to_string(&record).unwrap();
            assert!(!written.contains('\n'), "one line: {written}");
            assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), record);
        }
    }

    #[test]
    fn a_header_that_the_raw_item_forged_does_not_hide_ours() {
        let record = record(b"", &[("copydesk-reason", "forged"), ("copydesk-reason", "no_copy")]);
        assert_eq!(record.mark("copydesk-reason"), Some("no_copy"));
    }

    #[test]
    fn text_stays_readable_and_a_missing_value_is_none() {
        let mut record = record("Häfen".as_bytes(), &[]);
        assert!(serde_json::to_string(&record).unwrap().contains(r#""value":"Häfen""#));
        record.value = None;
        assert!(serde_json::to_string(&record).unwrap().contains(r#""value":null"#));
    }
}
