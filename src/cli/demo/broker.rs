//! The demo's Kafka: librdkafka's mock cluster inside this process, or a real one.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::config::{Config, Topics};
use crate::stream::Layout;
use crate::stream::topics::{self, Role, rules, rules::Wishes};

/// Partitions of each topic: one for each feed.
pub(super) const PARTITIONS: i32 = 4;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a real broker keeps the demo's raw items.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// Where the demo runs.
pub(super) enum Broker {
    /// In this process, gone with it.
    Mock(MockCluster<'static, DefaultProducerContext>),
    /// At these bootstrap servers, with this prefix for the group and the topics.
    Real { brokers: String, prefix: String },
}

impl Broker {
    /// The real Kafka at `brokers`, or else a new mock.
    pub(super) fn start(brokers: Option<&str>) -> anyhow::Result<Self> {
        Ok(match brokers {
            None => Broker::Mock(MockCluster::new(1).context("cannot start the embedded mock broker")?),
            Some(brokers) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Broker::Real { brokers: brokers.to_owned(), prefix: format!("copydesk-demo-{:x}", now.as_millis()) }
            }
        })
    }

    /// The configuration that leads there.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        config.kafka.instance = "demo".into();
        match self {
            Broker::Mock(cluster) => {
                config.kafka.brokers = cluster.bootstrap_servers();
                config.kafka.group = "copydesk-demo".into();
            }
            Broker::Real { brokers, prefix } => {
                config.kafka.brokers = brokers.clone();
                config.kafka.group = prefix.clone();
                let Topics { raw, normalized, seen, articles, duplicates, rejected } = &mut config.topics;
                for topic in [raw, normalized, seen, articles, duplicates, rejected] {
                    *topic = format!("{prefix}.{topic}");
                }
            }
        }
        config
    }

    /// Creates the six topics.
    pub(super) fn create_topics(&self, config: &Config) -> anyhow::Result<Layout> {
        match self {
            Broker::Mock(cluster) => {
                // The mock knows no request that creates topics, and none that asks for their settings.
                for role in Role::ALL {
                    let topic = role.topic(&config.topics);
                    cluster.create_topic(topic, PARTITIONS, 1).with_context(|| format!("cannot create {topic}"))?;
                }
                Ok(topics::layout(config, PATIENCE)?)
            }
            Broker::Real { .. } => {
                let connection = topics::Broker::new(config, PATIENCE)?;
                let survey = connection.survey()?;
                let replication = survey.brokers.clamp(1, 3) as i32;
                let wishes = Wishes { partitions: PARTITIONS, replication, raw_retention: RETENTION };
                connection.create(&rules::missing(config, &survey, &wishes), replication)?;
                Ok(topics::verify(config, PATIENCE, &AtomicBool::new(false))?)
            }
        }
    }

    /// Whether it only plays Kafka.
    pub(super) fn is_mock(&self) -> bool {
        matches!(self, Broker::Mock(_))
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broker::Mock(_) => f.write_str("an embedded mock of Kafka"),
            Broker::Real { brokers, prefix } => write!(f, "Kafka at {brokers}, topics {prefix}.*"),
        }
    }
}
