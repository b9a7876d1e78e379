//! The typed configuration: defaults, then one TOML file, then `COPYDESK_*` environment variables.
//!
//! Every key has a default, so an empty file is a valid one. What a key means and its unit stands on its field here and in
//! `config/copydesk.toml`, which a test holds against these types. [`Config::load`] refuses what it does not know: a
//! misspelt key is an error that names the nearest known one, never a setting that silently does nothing.

mod environment;
mod load;
#[cfg(test)]
mod reference;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Problem};

/// Everything a run of copydesk can be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config {
    /// The brokers and who we are to them.
    pub kafka: Kafka,
    /// The names of the six topics.
    pub topics: Topics,
    /// How much of the machine to use.
    pub worker: Worker,
    /// What a raw item may be.
    pub item: Item,
    /// What to do when many raw items become dead letters.
    pub brake: BrakeSettings,
    /// How long a content is remembered.
    pub dedup: Dedup,
    /// The rules of the edit desk.
    pub edit: Edit,
    /// What an article says of itself.
    pub article: Article,
    /// The admin HTTP server.
    pub admin: Admin,
    /// The log.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// How a run ends.
    pub shutdown: Shutdown,
}

/// The brokers and who we are to them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Kafka {
    /// Bootstrap servers, `host:port`, separated by commas.
    pub brokers: String,
    /// The consumer group, shared by all replicas; also the prefix of the transactional ids.
    pub group: String,
    /// The name of this replica; empty takes the host name. Every running replica needs its own and keeps it over restarts:
    /// the transactional ids and the static group membership are made of it.
    pub instance: String,
    /// Where a group without committed offsets begins in the raw topic.
    pub start: Start,
    /// librdkafka properties, passed through to every client.
    pub properties: BTreeMap<String, String>,
}

/// Where a group without committed offsets begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the oldest record the topic still holds.
    Earliest,
    /// With what arrives from now on.
    Latest,
}

/// The names of the six topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Topics {
    /// Raw items, written by the feeds.
    pub raw: String,
    /// Edited items on their way to the partition that owns their content hash. Internal.
    pub normalized: String,
    /// The changelog of first sightings. Internal.
    pub seen: String,
    /// The published articles.
    pub articles: String,
    /// What was not published because its content had been, naming the first sighting.
    pub duplicates: String,
    /// What could not be read, byte for byte, with the reason.
    pub rejected: String,
}

/// How much of the machine to use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Worker {
    /// Worker threads, each with a consumer and a transactional producer of its own; one fills about one core.
    pub threads: usize,
}

/// What a raw item may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Item {
    /// Bytes of a raw record's value above which it is rejected unread; at most 30 MiB.
    pub max_bytes: usize,
}

/// What to do when many raw items become dead letters, which is a feed or a rule gone wrong rather than bad items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrakeSettings {
    /// What to do.
    pub action: BrakeAction,
    /// The share of the raw items within the window from which on their dead letters are too many; above 0, at most 1.
    pub share: f64,
    /// Seconds over which items are counted.
    pub window_seconds: u32,
    /// Fewer dead letters than these within the window are never too many.
    pub minimum: u32,
}

/// What the brake does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum BrakeAction {
    /// Nothing.
    Off,
    /// Say so in the log and the metrics, and go on.
    Warn,
    /// Read no further raw item until an operator releases it.
    Halt,
}

/// How long a content is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Dedup {
    /// Hours of event time after its first sighting during which the same content is a duplicate.
    pub window_hours: u32,
}

/// The rules of the edit desk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Edit {
    /// A directory of rule files to add to the built-in ones; empty adds none.
    pub rules: String,
}

/// What an article says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Article {
    /// The domain in the `tag:` uri of an article whose source gives no uri (RFC 4151).
    pub authority: String,
}

/// The admin HTTP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Admin {
    /// The address it listens on; port 0 takes a free one, which the log names.
    pub listen: SocketAddr,
}

/// The log, on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,librdkafka=debug`, which shows what the librdkafka
    /// property `debug` (`broker,security`, for one) asks for.
    pub level: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event.
    Human,
    /// One JSON object an event.
    Json,
}

/// Traces of what was done when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Telemetry {
    /// The OpenTelemetry collector that gets a span a transaction, by OTLP over HTTP: `http://host:4318`. Empty: none.
    pub otlp_endpoint: String,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shutdown {
    /// Seconds from the first signal until the process gives up draining and exits non-zero.
    pub timeout_seconds: u32,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: "localhost:9092".into(),
            group: "copydesk".into(),
            instance: String::new(),
            start: Start::Earliest,
            properties: BTreeMap::new(),
        }
    }
}

impl Default for Topics {
    fn default() -> Self {
        Topics {
            raw: "wire.raw".into(),
            normalized: "wire.normalized".into(),
            seen: "wire.seen".into(),
            articles: "wire.articles".into(),
            duplicates: "wire.duplicates".into(),
            rejected: "wire.rejected".into(),
        }
    }
}

impl Default for Worker {
    fn default() -> Self {
        Worker { threads: 1 }
    }
}

impl Default for Item {
    fn default() -> Self {
        Item { max_bytes: 1 << 20 }
    }
}

impl Default for BrakeSettings {
    fn default() -> Self {
        BrakeSettings { action: BrakeAction::Warn, share: 0.5, window_seconds: 300, minimum: 100 }
    }
}

impl Default for Dedup {
    fn default() -> Self {
        Dedup { window_hours: 72 }
    }
}

impl Default for Article {
    fn default() -> Self {
        Article { authority: "copydesk.example".into() }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Admin { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9102)) }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Human, level: "info".into() }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { timeout_seconds: 30 }
    }
}

impl Kafka {
    /// The name of this replica: `instance`, or the host name. Every running replica needs its own, because the
    /// transactional ids and the static group membership are made of it; keeping it over a restart makes the restart fast.
    pub fn instance_name(&self) -> String {
        if self.instance.is_empty() {
            gethostname::gethostname().to_string_lossy().into_owned()
        } else {
            self.instance.clone()
        }
    }

    /// In what the connection to the brokers is less safe than it looks: librdkafka's defaults that a property has switched
    /// off.
    pub fn weaknesses(&self) -> Vec<&'static str> {
        let is = |name: &str, values: &[&str]| {
            let value = self.properties.get(name).map(|value| value.trim().to_ascii_lowercase());
            value.is_some_and(|value| values.contains(&value.as_str()))
        };
        let mut weaknesses = Vec::new();
        if is("enable.ssl.certificate.verification", &["false", "f", "0"]) {
            weaknesses.push(
                "the brokers' certificates are NOT verified (enable.ssl.certificate.verification): anybody can be the broker",
            );
        }
        if is("ssl.endpoint.identification.algorithm", &["none"]) {
            weaknesses.push(
                "the names in the brokers' certificates are NOT verified (ssl.endpoint.identification.algorithm): whoever has \
                 any certificate of that CA can be the broker",
            );
        }
        let bare = |name| is(name, &["plain", "oauthbearer"]);
        if is("security.protocol", &["sasl_plaintext"]) && (bare("sasl.mechanism") || bare("sasl.mechanisms")) {
            weaknesses
                .push("the password or token goes over the wire as it is (security.protocol): whoever listens has it");
        }
        weaknesses
    }

    fn masked_properties(&self) -> BTreeMap<&str, &str> {
        self.properties
            .iter()
            .map(|(name, value)| (name.as_str(), if is_secret(name) { "***" } else { value }))
            .collect()
    }
}

/// Secrets are masked: passwords, keys and tokens never reach a log.
impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("instance", &self.instance)
            .field("start", &self.start)
            .field("properties", &self.masked_properties())
            .finish()
    }
}

/// The effective configuration as TOML, with secrets masked.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut masked = self.clone();
        masked.kafka.properties =
            self.kafka.masked_properties().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        f.write_str(&toml::to_string(&masked).map_err(|_| fmt::Error)?)
    }
}

impl BrakeSettings {
    /// The window as a duration.
    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.window_seconds))
    }
}

impl Dedup {
    /// The window as a duration of event time.
    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.window_hours) * 3600)
    }
}

impl Shutdown {
    /// How long draining may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Start::Earliest => "earliest",
            Start::Latest => "latest",
        })
    }
}

/// Whether the value of this librdkafka property must not be shown.
fn is_secret(property: &str) -> bool {
    let property = property.to_ascii_lowercase();
    // Misspelt ones too: a refused configuration is shown all the same.
    const WORDS: [&str; 9] =
        ["pas", "pwd", "secret", "key", "jaas", "token", "credential", "pem", "oauthbearer.config"];
    WORDS.iter().any(|word| property.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../config/copydesk.toml");

    #[test]
    fn the_shipped_file_parses_to_exactly_the_defaults() {
        let parsed: Config = toml::from_str(SHIPPED).unwrap();
        assert_eq!(parsed, Config::default());
    }

    #[test]
    fn the_shipped_file_names_every_key() {
        let shipped: toml::Table = SHIPPED.parse().unwrap();
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(shipped, defaults);
    }

    #[test]
    fn every_key_of_the_shipped_file_has_a_comment() {
        for line in SHIPPED.lines().filter(|line| line.contains(" = ")) {
            assert!(line.contains("# "), "no comment: {line}");
        }
    }

    #[test]
    fn secrets_are_masked_wherever_a_configuration_is_shown() {
        let mut config = Config::default();
        for name in [
            "sasl.password",
            "sasl.pasword",
            "SSL.Key.Password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
        ] {
            config.kafka.properties.insert(name.into(), "hunter2".into());
        }
        config.kafka.properties.insert("sasl.username".into(), "desk".into());
        for shown in [format!("{config:?}"), format!("{config:#?}"), config.to_string()] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("desk"), "{shown}");
        }
    }

    #[test]
    fn whatever_makes_the_connection_less_safe_is_named() {
        let named = |properties: &[(&str, &str)]| {
            let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Kafka { properties, ..Kafka::default() }.weaknesses().len()
        };
        let (verification, names) = ("enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm");
        assert_eq!(named(&[]), 0);
        for (value, weaknesses) in [("true", 0), ("1", 0), ("false", 1), ("False", 1), (" f ", 1), ("0", 1)] {
            assert_eq!(named(&[(verification, value)]), weaknesses, "{value}");
        }
        assert_eq!((named(&[(names, "https")]), named(&[(names, "none")])), (0, 1));
        assert_eq!(named(&[(names, "NONE"), (verification, "false")]), 2);
        for name in ["sasl.mechanism", "sasl.mechanisms"] {
            let over = |protocol, mechanism| named(&[("security.protocol", protocol), (name, mechanism)]);
            assert_eq!((over("SASL_PLAINTEXT", "PLAIN"), over("SASL_PLAINTEXT", "OAUTHBEARER")), (1, 1), "{name}");
            assert_eq!((over("SASL_SSL", "PLAIN"), over("SASL_PLAINTEXT", "SCRAM-SHA-512")), (0, 0), "{name}");
        }
    }

    #[test]
    fn the_admin_server_is_there_for_this_machine_alone_unless_told_otherwise() {
        assert!(Config::default().admin.listen.ip().is_loopback());
    }

    #[test]
    fn the_replica_is_named_after_its_host_unless_told_otherwise() {
        let mut kafka = Kafka::default();
        assert_eq!(kafka.instance_name(), gethostname::gethostname().to_string_lossy());
        kafka.instance = "copydesk-2".into();
        assert_eq!(kafka.instance_name(), "copydesk-2");
    }
}
