//! Sends the bundled items, each on its feed's raw partition.

use std::time::Duration;
use std::{iter, thread};

use anyhow::{Context, anyhow};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::items::ITEMS;
use crate::config::Config;
use crate::stream::{clients, headers};

/// How long the broker may take to acknowledge the last items.
const FLUSH: Duration = Duration::from_secs(10);

/// Sends every item, one each `pace`.
pub(super) fn feed(config: &Config, pace: Duration) -> anyhow::Result<()> {
    let mut client = clients::base(config);
    // Not idempotent: that would hold the first items back for half a second, while one request at a time keeps the order.
    client.set("max.in.flight.requests.per.connection", "1").set("linger.ms", "0");
    let producer: BaseProducer = client.create().context("cannot create the feeding producer")?;
    producer.client().fetch_metadata(Some(&config.topics.raw), FLUSH).context("cannot reach the broker")?;
    for item in &ITEMS {
        let value = item.value();
        let headers = item.content_type.map(|value| Header { key: headers::CONTENT_TYPE, value: Some(value) });
        let headers = headers.map_or_else(OwnedHeaders::new, |header| OwnedHeaders::new().insert(header));
        let record: BaseRecord<'_, (), [u8]> = BaseRecord::to(&config.topics.raw)
            .partition(item.feed.partition())
            .payload(value.as_ref())
            .headers(headers);
        producer
            .send(record)
            .map_err(|(error, _)| anyhow!(error))
            .with_context(|| format!("cannot send {}", item.file))?;
        producer.poll(Duration::ZERO);
        thread::sleep(pace);
    }
    producer.flush(FLUSH).context("the broker does not acknowledge the items")
}

/// The number of the item that stands at `partition` and `offset` of the fresh raw topic.
pub(super) fn item_at(partition: i32, offset: i64) -> Option<usize> {
    let on_partition = ITEMS.iter().enumerate().filter(|(_, item)| item.feed.partition() == partition);
    iter::zip(0.., on_partition).find(|(at, _)| *at == offset).map(|(_, (number, _))| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_found_by_where_it_stands_in_the_raw_topic() {
        let second_of_the_web = ITEMS.iter().enumerate().filter(|(_, item)| item.feed.partition() == 0).nth(1);
        assert_eq!(item_at(0, 1), second_of_the_web.map(|(number, _)| number));
        assert_eq!(item_at(0, 1000), None);
        assert_eq!(item_at(9, 0), None);
    }
}
