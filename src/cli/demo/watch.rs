//! Reads the output topics: what became of which item.

use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::Deserialize;

use super::broker::PARTITIONS;
use super::feed::item_at;
use super::ledger::Outcome;
use crate::config::{Config, Topics};
use crate::stream::{clients, headers};

/// A reader of the three output topics, from their beginning.
pub(super) struct Watch {
    consumer: BaseConsumer,
    topics: Topics,
}

impl Watch {
    /// Starts to read what is committed.
    pub(super) fn start(config: &Config) -> anyhow::Result<Self> {
        let mut client = clients::base(config);
        client
            .set("group.id", format!("{}-watch", config.kafka.group))
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "20");
        let consumer: BaseConsumer = client.create().context("cannot create the watching consumer")?;
        let topics = config.topics.clone();
        let mut partitions = TopicPartitionList::new();
        for topic in [&topics.articles, &topics.duplicates, &topics.rejected] {
            for partition in 0..PARTITIONS {
                partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
            }
        }
        consumer.assign(&partitions)?;
        Ok(Watch { consumer, topics })
    }

    /// The next item that came out, by its number, and how; none if there was none for `patience`.
    pub(super) fn next(&self, patience: Duration) -> anyhow::Result<Option<(usize, Outcome)>> {
        let Some(message) = self.consumer.poll(patience) else { return Ok(None) };
        let message = message.context("cannot read the output topics")?;
        let (source, outcome) = if message.topic() == self.topics.duplicates {
            duplicate(&message)?
        } else if message.topic() == self.topics.articles {
            (source(&message)?, article(&message)?)
        } else {
            (source(&message)?, rejected(&message))
        };
        let item = item_at(source.partition, source.offset)
            .ok_or_else(|| anyhow!("{}/{} in the raw topic is none of the demo's", source.partition, source.offset))?;
        Ok(Some((item, outcome)))
    }
}

/// Where a raw record stood.
#[derive(Deserialize)]
struct Source {
    partition: i32,
    offset: i64,
}

fn source(message: &BorrowedMessage<'_>) -> anyhow::Result<Source> {
    let header = headers::find(message, headers::SOURCE).unwrap_or_default();
    let mut parts = header.rsplit('/').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(offset)), Some(Ok(partition))) => {
            i32::try_from(partition).map(|partition| Source { partition, offset }).ok()
        }
        _ => None,
    }
    .ok_or_else(|| anyhow!("a record without {} in {}", headers::SOURCE, message.topic()))
}

fn article(message: &BorrowedMessage<'_>) -> anyhow::Result<Outcome> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Article {
        #[serde(default)]
        headlines: Vec<Text>,
        bodies: Vec<Text>,
        #[serde(default)]
        info_sources: Vec<InfoSource>,
        #[serde(default)]
        associations: Vec<serde::de::IgnoredAny>,
        version: String,
        pub_status: String,
    }
    #[derive(Deserialize)]
    struct InfoSource {
        name: String,
        role: String,
    }
    #[derive(Deserialize)]
    struct Text {
        value: String,
    }
    let article: Article =
        serde_json::from_slice(message.payload().unwrap_or_default()).context("an article that is no ninjs")?;
    let first = article.headlines.into_iter().next().or_else(|| article.bodies.into_iter().next());
    let agency = article.info_sources.into_iter().find(|source| source.role == "source").map(|source| source.name);
    Ok(Outcome::Published {
        agency,
        headline: first.and_then(|text| text.value.lines().next().map(str::to_owned)).unwrap_or_default(),
        version: article.version,
        status: article.pub_status,
        captions: article.associations.len(),
        stripped: headers::find(message, headers::REMOVED).map_or(0, |removed| removed.split(' ').count()),
    })
}

fn duplicate(message: &BorrowedMessage<'_>) -> anyhow::Result<(Source, Outcome)> {
    #[derive(Deserialize)]
    struct Duplicate {
        kind: String,
        source: Source,
        first: First,
    }
    #[derive(Deserialize)]
    struct First {
        source: Source,
    }
    let duplicate: Duplicate =
        serde_json::from_slice(message.payload().unwrap_or_default()).context("a duplicate that does not parse")?;
    let first = duplicate.first.source;
    Ok((duplicate.source, Outcome::Duplicate { kind: duplicate.kind, first: item_at(first.partition, first.offset) }))
}

fn rejected(message: &BorrowedMessage<'_>) -> Outcome {
    let header = |name| headers::find(message, name).unwrap_or_default().to_owned();
    Outcome::Rejected { reason: header(headers::REASON), detail: header(headers::DETAIL) }
}
