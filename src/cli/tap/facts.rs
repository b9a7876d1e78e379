//! What a record of each topic says of itself, to show it and to filter by it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::cli::record::Record;
use crate::stream::headers;
use crate::stream::topics::Role;

/// What is known of a record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Feeds and agencies it names.
    pub names: Vec<String>,
    /// The raw record it was made of, unless it is one.
    pub raw: Option<String>,
    pub uri: Option<String>,
    /// 64 hexadecimal digits.
    pub hash: Option<String>,
    /// A dead letter's reason, a duplicate's kind.
    pub reason: Option<String>,
    /// The headline, else how the text begins; of a dead letter, what was wrong.
    pub title: Option<String>,
    /// More to show: status and version, size, stage.
    pub others: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Envelope<'v> {
    #[serde(borrow)]
    source: Option<Cow<'v, str>>,
    #[serde(borrow)]
    uri: Option<Cow<'v, str>>,
    #[serde(borrow)]
    headline: Option<Cow<'v, str>>,
    #[serde(borrow)]
    text: Option<Cow<'v, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Article {
    uri: Option<String>,
    version: Option<String>,
    pub_status: Option<String>,
    headlines: Vec<Valued>,
    info_sources: Vec<Named>,
    bodies: Vec<Valued>,
}

#[derive(Deserialize)]
struct Valued {
    value: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Duplicate {
    content_hash: Option<String>,
    status: Option<String>,
    kind: Option<String>,
    uri: Option<String>,
    version: Option<u64>,
    source: Option<Coordinates>,
    first: Option<First>,
}

#[derive(Deserialize)]
struct First {
    source: Coordinates,
}

#[derive(Deserialize)]
struct Coordinates {
    topic: String,
    partition: i32,
    offset: i64,
}

impl Coordinates {
    fn place(self) -> String {
        format!("{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl Facts {
    /// The facts of a record in the topic of `role`. What cannot be read is left out.
    pub fn of(role: Role, record: &Record) -> Facts {
        match role {
            Role::Raw => raw(record),
            Role::Rejected => rejected(record),
            Role::Normalized | Role::Articles => article(record),
            Role::Duplicates => duplicate(record),
            Role::Seen => seen(record),
        }
    }
}

fn raw(record: &Record) -> Facts {
    let text = record.text();
    let sent: Envelope<'_> = serde_json::from_str(&text).unwrap_or_default();
    let first = |text: &str| text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    let title = match (&sent.headline, &sent.text) {
        (Some(headline), _) => Some(headline.clone().into_owned()),
        (None, Some(text)) => first(text),
        (None, None) => first(&text),
    };
    let size = format!("{} B", record.value().len());
    Facts {
        names: sent.source.iter().map(|source| source.clone().into_owned()).collect(),
        uri: sent.uri.map(Cow::into_owned),
        title,
        others: sent.source.map(Cow::into_owned).into_iter().chain([size]).collect(),
        ..Facts::default()
    }
}

fn rejected(record: &Record) -> Facts {
    let header = |name: &str| record.mark(name).map(str::to_owned);
    let item = raw(record);
    let names = header(headers::FEED).map_or(item.names, |feed| vec![feed]);
    Facts {
        raw: header(headers::SOURCE),
        reason: header(headers::REASON),
        title: header(headers::DETAIL),
        others: names.iter().cloned().chain(header(headers::STAGE)).collect(),
        names,
        ..item
    }
}

fn article(record: &Record) -> Facts {
    let header = |name: &str| record.mark(name).map(str::to_owned);
    let Article { uri, version, pub_status, headlines, info_sources, bodies } =
        serde_json::from_slice(record.value()).unwrap_or_default();
    let title = headlines.into_iter().chain(bodies).next().map(|text| text.value);
    Facts {
        names: info_sources.into_iter().map(|source| source.name).chain(header(headers::FEED)).collect(),
        raw: header(headers::SOURCE),
        uri,
        hash: header(headers::HASH),
        title,
        others: pub_status.into_iter().chain(version.map(|version| format!("v{version}"))).collect(),
        ..Facts::default()
    }
}

fn duplicate(record: &Record) -> Facts {
    let Duplicate { content_hash, status, kind, uri, version, source, first } =
        serde_json::from_slice(record.value()).unwrap_or_default();
    Facts {
        raw: source.map(Coordinates::place),
        uri,
        hash: content_hash.map(|hash| hash.trim_start_matches("blake3:").to_owned()),
        reason: kind,
        title: first.map(|first| format!("of {}", first.source.place())),
        others: status.into_iter().chain(version.map(|version| format!("v{version}"))).collect(),
        ..Facts::default()
    }
}

fn seen(record: &Record) -> Facts {
    let key = record.key.as_ref().map(|key| String::from_utf8_lossy(&key.0).into_owned()).unwrap_or_default();
    let (hash, status) = key.split_once(':').unwrap_or((&key, ""));
    let title = if record.value.is_none() { "forgotten".to_owned() } else { record.text().into_owned() };
    Facts { hash: Some(hash.to_owned()), title: Some(title), others: vec![status.to_owned()], ..Facts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::record::tests::record;

    fn hash() -> String {
        "7".repeat(64)
    }

    #[test]
    fn a_raw_item_tells_its_feed_uri_and_headline_or_how_it_begins() {
        let facts = Facts::of(Role::Raw, &record(br#"{"text": "\n\nHarbour opens\nMore", "source": "NWA"}"#, &[]));
        assert_eq!((facts.names, facts.title.as_deref()), (vec!["NWA".to_owned()], Some("Harbour opens")));
        let facts = Facts::of(Role::Raw, &record(b"\nFerry sails\n\nBody", &[]));
        assert_eq!((facts.title.as_deref(), facts.others), (Some("Ferry sails"), vec!["18 B".to_owned()]));
    }

    #[test]
    fn an_article_tells_its_hash_version_and_agency() {
        let value = br#"{"uri": "urn:nwa:1", "version": "3", "pubStatus": "usable",
            "headlines": [{"role": "main", "value": "Harbour opens"}], "infoSources": [{"name": "UPI", "role": "source"}]}"#;
        let headers = [("copydesk-hash", &*hash()), ("copydesk-source", "wire.raw/0/7"), ("copydesk-feed", "NWA")];
        let facts = Facts::of(Role::Articles, &record(value, &headers));
        assert_eq!(facts.hash, Some(hash()));
        assert_eq!((facts.title.as_deref(), facts.raw.as_deref()), (Some("Harbour opens"), Some("wire.raw/0/7")));
        assert_eq!(facts.names, ["UPI", "NWA"]);
        assert_eq!(facts.others, ["usable", "v3"]);
    }

    #[test]
    fn a_dead_letter_tells_its_feed_as_the_worker_read_it() {
        let headers = [("copydesk-feed", "UPI"), ("copydesk-stage", "normalize")];
        let facts = Facts::of(Role::Rejected, &record(b"PORT ELLERY, May 5 (UPI) --", &headers));
        assert_eq!(
            (facts.names, facts.others),
            (vec!["UPI".to_owned()], vec!["UPI".to_owned(), "normalize".to_owned()])
        );
        let facts = Facts::of(Role::Rejected, &record(br#"{"source": "NWA"}"#, &[]));
        assert_eq!(facts.names, ["NWA"], "without the header, as the envelope says");
    }

    #[test]
    fn a_duplicate_tells_of_what() {
        let value = format!(
            r#"{{"contentHash": "blake3:{}", "status": "usable", "kind": "copy", "version": 1,
            "source": {{"topic": "wire.raw", "partition": 1, "offset": 9}},
            "first": {{"seen": null, "version": 1, "source": {{"topic": "wire.raw", "partition": 0, "offset": 2}}}}}}"#,
            hash()
        );
        let facts = Facts::of(Role::Duplicates, &record(value.as_bytes(), &[]));
        assert_eq!((facts.hash, facts.reason.as_deref()), (Some(hash()), Some("copy")));
        assert_eq!((facts.raw.as_deref(), facts.title.as_deref()), (Some("wire.raw/1/9"), Some("of wire.raw/0/2")));
    }

    #[test]
    fn what_is_none_of_ours_is_shown_without_facts() {
        for role in Role::ALL {
            let facts = Facts::of(role, &record(b"\xff\x00", &[]));
            assert_eq!((facts.uri, facts.reason), (None, None), "{role:?}");
        }
    }
}
