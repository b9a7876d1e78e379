//! Partitions that the group has given to nobody.
//!
//! Cooperative rebalancing withholds a partition from its new owner until the old one has given it up and joined again
//! (KIP-429). Where the old one dies just before that and comes back under its name, the coordinator answers the static
//! member with the assignment it had and no rebalance (KIP-345), so that nobody asks for what was withheld. Partitions that
//! an operator adds belong to nobody either, until a member looks at the topic again.
//!
//! The group is looked at from a thread of its own, for a broker that is away makes that slow.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use rdkafka::{
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult},
};

use super::clients::{self, Isolation, Reader};
use crate::{config::Config, telemetry::Metrics};

/// How often the group is looked at. What belongs to nobody at two looks in a row is not on its way to anybody.
const EVERY: Duration = Duration::from_secs(15);
/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(5);

/// Partitions, as topic and number.
type Partitions = BTreeSet<(String, i32)>;

/// Looks after a group, until it is dropped.
pub struct Watch {
    found: Receiver<Partitions>,
    _stop: Sender<()>,
}

impl Watch {
    /// Looks after the group of the configuration.
    ///
    /// # Errors
    /// Where librdkafka refuses a property, or there is no thread to be had.
    pub fn start(config: &Config, metrics: &Metrics) -> KafkaResult<Watch> {
        let reader = clients::reader(config, Isolation::Committed, metrics.clone())?;
        let (group, client) = (config.kafka.group.clone(), clients::client_id(config));
        let topics = [config.topics.raw.clone(), config.topics.normalized.clone()];
        let (finds, found) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        thread::Builder::new()
            .name("orphans".to_owned())
            .spawn(move || {
                let mut before = Partitions::new();
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    let orphans = look(&reader, &group, &client, &topics).ok().flatten().unwrap_or_default();
                    let lasting = !orphans.is_empty() && orphans == before;
                    if lasting && finds.send(orphans.clone()).is_err() {
                        return;
                    }
                    before = orphans;
                }
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Watch { found, _stop: stop })
    }

    /// Partitions that belong to nobody, and that this member is to ask for: `raw/0 raw/3`.
    pub fn found(&self) -> Option<String> {
        let found = self.found.try_recv().ok()?;
        let names: Vec<String> = found.iter().map(|(topic, partition)| format!("{topic}/{partition}")).collect();
        Some(names.join(" "))
    }
}

/// What belongs to nobody in a group that is at rest, where this client is the one of its members to see to that.
fn look(reader: &Reader, group: &str, client: &str, topics: &[String]) -> KafkaResult<Option<Partitions>> {
    let list = reader.fetch_group_list(Some(group), ASK)?;
    let Some(group) = list.groups().iter().find(|group| group.state() == "Stable") else { return Ok(None) };
    if group.members().iter().map(|member| member.client_id()).min() != Some(client) {
        return Ok(None);
    }
    let mut all = Partitions::new();
    for topic in topics {
        let partitions = clients::partitions(reader, topic, ASK)?;
        all.extend(partitions.into_iter().map(|partition| (topic.clone(), partition)));
    }
    for member in group.members() {
        let Some(owned) = assignment(member.assignment().unwrap_or_default()) else { return Ok(None) };
        all.retain(|(topic, partition)| !owned.get(topic).is_some_and(|owned| owned.contains(partition)));
    }
    Ok(Some(all))
}

/// The partitions in a member's assignment: Kafka's `ConsumerProtocolAssignment`, a version (16 bits) and for each topic
/// its name and the numbers. `None` where it is not that; nothing at all is an assignment of nothing.
fn assignment(bytes: &[u8]) -> Option<BTreeMap<String, Vec<i32>>> {
    if bytes.is_empty() {
        return Some(BTreeMap::new());
    }
    let mut rest = bytes;
    let _version: [u8; 2] = take(&mut rest)?;
    let topics = i32::from_be_bytes(take(&mut rest)?);
    (0..topics)
        .map(|_| {
            let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?)).ok()?;
            let (name, behind) = rest.split_at_checked(length)?;
            rest = behind;
            let count = i32::from_be_bytes(take(&mut rest)?);
            let partitions: Option<Vec<i32>> = (0..count).map(|_| take(&mut rest).map(i32::from_be_bytes)).collect();
            Some((std::str::from_utf8(name).ok()?.to_owned(), partitions?))
        })
        .collect()
}

/// The next bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_names_topics_and_their_partitions() {
        let bytes = b"\0\x01\0\0\0\x02\0\x03raw\0\0\0\x02\0\0\0\0\0\0\0\x03\0\x01n\0\0\0\0\xff\xff\xff\xff";
        let expected = BTreeMap::from([("raw".to_owned(), vec![0, 3]), ("n".to_owned(), vec![])]);
        assert_eq!(assignment(bytes), Some(expected));
        assert_eq!(assignment(b""), Some(BTreeMap::new()));
        for cut in 1..bytes.len() - 4 {
            assert_eq!(assignment(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(assignment(b"\0\x01\0\0\0\x01\xff\xff"), None, "a name of no length");
    }
}
