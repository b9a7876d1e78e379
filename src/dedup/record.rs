//! The changelog of first sightings: how an [`Entry`] stands in `wire.seen`.
//!
//! Key: the content hash, a colon, the publication status (`9f86…:usable`). Value: a small JSON object with the layout
//! version, or nothing: a tombstone, which forgets the content. JSON, because an operator reads it with any tool, and a
//! restore is bound by Kafka, not by this.

use serde::Deserialize;

use super::{Entry, Identity, Source, UriTag};
use crate::{fingerprint::ContentHash, wire::Status};

/// The layout this version writes and reads.
pub const LAYOUT: u32 = 1;

/// Why a changelog record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The key is not `<64 hex digits>:<status>`.
    #[error("the key is not a content hash and a status")]
    Key,
    /// The value is not the JSON object it should be.
    #[error("the value is not a seen record: {0}")]
    Value(#[from] serde_json::Error),
    /// Written by another version of copydesk.
    #[error("layout {0}, but this version reads layout {LAYOUT}")]
    Layout(u32),
    /// Partition or offset out of range.
    #[error("source coordinates out of range")]
    Source,
}

/// A change that the changelog tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A content was first seen, or a newer version of it.
    Seen(Entry),
    /// A content is to be forgotten.
    Forget(Identity),
}

#[derive(Deserialize)]
struct Value {
    layout: u32,
    seen: i64,
    #[serde(default)]
    uri: u64,
    version: u64,
    source: (i32, i64),
}

/// The key of a content in a status.
pub fn key(hash: &ContentHash, status: Status) -> String {
    format!("{hash}:{}", status.as_str())
}

/// The value that records `entry`.
pub fn value(entry: &Entry) -> String {
    let uri = match entry.uri.0 {
        0 => String::new(),
        tag => format!("\"uri\":{tag},"),
    };
    let (partition, offset) = (entry.source.partition(), entry.source.offset());
    format!(
        "{{\"layout\":{LAYOUT},\"seen\":{},{uri}\"version\":{},\"source\":[{partition},{offset}]}}",
        entry.time, entry.version
    )
}

/// Reads one record.
///
/// # Errors
/// Where it is none of ours, or of a layout this version does not know.
pub fn read(key: &[u8], value: Option<&[u8]>) -> Result<Change, RecordError> {
    let identity = parse_key(key).ok_or(RecordError::Key)?;
    let Some(value) = value else { return Ok(Change::Forget(identity)) };
    let value: Value = serde_json::from_slice(value)?;
    if value.layout != LAYOUT {
        return Err(RecordError::Layout(value.layout));
    }
    let source = Source::new(value.source.0, value.source.1).ok_or(RecordError::Source)?;
    Ok(Change::Seen(Entry { identity, time: value.seen, uri: UriTag(value.uri), version: value.version, source }))
}

fn parse_key(key: &[u8]) -> Option<Identity> {
    let (hash, status) = std::str::from_utf8(key).ok()?.split_once(':')?;
    let status = Status::ALL.into_iter().find(|known| known.as_str() == status)?;
    Some(Identity::new(&hash.parse().ok()?, status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::tests::sighting;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let hash = ContentHash::from([9; 32]);
        for uri in ["", "urn:a"] {
            let entry = Entry { identity: Identity::new(&hash, Status::Withheld), ..sighting(9, -5, uri, 3, 77) };
            let key = key(&hash, Status::Withheld);
            let change = read(key.as_bytes(), Some(value(&entry).as_bytes())).unwrap();
            assert_eq!(change, Change::Seen(entry));
            assert_eq!(read(key.as_bytes(), None).unwrap(), Change::Forget(entry.identity));
        }
    }

    #[test]
    fn what_is_no_record_of_ours_is_refused_by_name() {
        let key = key(&ContentHash::from([9; 32]), Status::Usable);
        let read = |key: &str, value: &str| read(key.as_bytes(), Some(value.as_bytes())).unwrap_err().to_string();
        assert!(read("abc:usable", "{}").contains("key"));
        assert!(read(&key.replace("usable", "lost"), "{}").contains("key"));
        assert!(read(&key, "{").contains("value"));
        assert!(read(&key, r#"{"layout":2,"seen":0,"version":1,"source":[0,0]}"#).contains("layout 2"));
        assert!(read(&key, r#"{"layout":1,"seen":0,"version":1,"source":[-1,0]}"#).contains("coordinates"));
    }
}
