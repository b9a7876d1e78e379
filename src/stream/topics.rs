//! The six topics: what copydesk needs of them, what the brokers have, and how to make the one from the other.
//!
//! [`Broker::survey`] asks the brokers, [`rules::problems`] judges the answer alone, [`Broker::create`] makes what is missing,
//! and [`verify`] is the start-up check of a worker.

pub mod rules;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::DeliveryResult;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use self::rules::{Problem, Spec};
use super::{Layout, clients};
use crate::config::{Config, Topics};

/// How long an answer is waited for at first.
const STRETCH: Duration = Duration::from_millis(500);

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Raw items.
    Raw,
    /// Edited items, by content hash.
    Normalized,
    /// The changelog of sightings.
    Seen,
    /// Published articles.
    Articles,
    /// What had been published already.
    Duplicates,
    /// Dead letters.
    Rejected,
}

impl Role {
    /// Every role, in the order data meets them.
    pub const ALL: [Role; 6] =
        [Role::Raw, Role::Normalized, Role::Seen, Role::Articles, Role::Duplicates, Role::Rejected];

    /// The configured name of the topic.
    pub fn topic(self, topics: &Topics) -> &str {
        match self {
            Role::Raw => &topics.raw,
            Role::Normalized => &topics.normalized,
            Role::Seen => &topics.seen,
            Role::Articles => &topics.articles,
            Role::Duplicates => &topics.duplicates,
            Role::Rejected => &topics.rejected,
        }
    }

    /// The key of the configuration section `topics` that names it.
    pub fn key(self) -> &'static str {
        match self {
            Role::Raw => "raw",
            Role::Normalized => "normalized",
            Role::Seen => "seen",
            Role::Articles => "articles",
            Role::Duplicates => "duplicates",
            Role::Rejected => "rejected",
        }
    }
}

/// A topic as the brokers have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many brokers hold each of them.
    pub replicas: usize,
    /// Its settings, where we may read them.
    pub settings: Option<BTreeMap<String, String>>,
}

impl Topic {
    /// A setting as text.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.as_ref()?.get(name).map(String::as_str)
    }

    /// A setting that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.setting(name)?.parse().ok()
    }
}

/// What the brokers have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many brokers there are.
    pub brokers: usize,
    /// The topics that exist.
    pub topics: BTreeMap<Role, Topic>,
}

/// Why the topics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// librdkafka refuses a property, before any broker is asked.
    #[error("librdkafka refuses the configuration: {}; see [kafka.properties]", clients::refusal(.0))]
    Client(KafkaError),
    /// No broker answers, or none as it should. Trying again may help.
    #[error("{what} at {brokers}: {reason}; see {keys}")]
    Unreachable {
        /// What is the matter.
        what: &'static str,
        /// The configured brokers.
        brokers: String,
        /// What the client said last.
        reason: String,
        /// Where to look in the configuration.
        keys: &'static str,
    },
    /// The brokers refuse a request.
    #[error("the brokers refuse to {request}: {reason}")]
    Refused {
        /// What was asked.
        request: String,
        /// What they answered.
        reason: String,
    },
    /// Topics are missing, or not as copydesk needs them.
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Unfit(Vec<Problem>),
}

/// A connection for questions about topics.
pub struct Broker<'c> {
    config: &'c Config,
    /// Asks for metadata, and hears why a connection fails, which an admin client does not.
    connection: BaseProducer<Ears>,
    admin: AdminClient<Ears>,
    patience: Duration,
    stop: Option<&'c AtomicBool>,
}

impl<'c> Broker<'c> {
    /// A client that waits at most `patience` for each answer. Connects on the first question.
    ///
    /// # Errors
    /// [`TopicError::Client`].
    pub fn new(config: &'c Config, patience: Duration) -> Result<Self, TopicError> {
        let mut client = clients::base(config);
        for (name, value) in &config.kafka.properties {
            client.set(name, value);
        }
        let connection = client.create_with_context(Ears::default()).map_err(TopicError::Client)?;
        let admin = client.create_with_context(Ears::default()).map_err(TopicError::Client)?;
        Ok(Broker { config, connection, admin, patience, stop: None })
    }

    /// What the brokers have of the six topics, without their settings.
    ///
    /// # Errors
    /// [`TopicError::Unreachable`].
    pub fn survey(&self) -> Result<Survey, TopicError> {
        // All topics, because asking for one by name may create it.
        let metadata = self.metadata().map_err(|error| self.unreachable(&error))?;
        let mut survey = Survey { brokers: metadata.brokers().len(), topics: BTreeMap::new() };
        for role in Role::ALL {
            let name = role.topic(&self.config.topics);
            let Some(found) = metadata.topics().iter().find(|topic| topic.name() == name) else { continue };
            let replicas = found.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            let partitions = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
            survey.topics.insert(role, Topic { partitions, replicas, settings: None });
        }
        Ok(survey)
    }

    /// Asks in stretches, each twice as long as the one before, so that whoever is to stop need not wait for all of the
    /// patience.
    fn metadata(&self) -> KafkaResult<Metadata> {
        let until = Instant::now() + self.patience;
        let mut stretch = STRETCH;
        loop {
            let asked = Instant::now();
            let left = until.saturating_duration_since(asked);
            let answer = self.connection.client().fetch_metadata(None, stretch.min(left));
            let in_vain = answer.is_err() && asked.elapsed() >= stretch && left > stretch;
            if !in_vain || self.stop.is_some_and(|stop| stop.load(Ordering::Acquire)) {
                return answer;
            }
            stretch *= 2;
        }
    }

    /// Adds their settings, where we may read them.
    ///
    /// # Errors
    /// [`TopicError::Refused`], when the brokers cannot be asked at all.
    pub fn describe(&self, survey: &mut Survey) -> Result<(), TopicError> {
        let mut settings = self.settings(survey).map_err(|error| TopicError::Refused {
            request: "describe the topics".to_owned(),
            reason: error.to_string(),
        })?;
        for (role, topic) in &mut survey.topics {
            topic.settings = settings.remove(role.topic(&self.config.topics));
        }
        Ok(())
    }

    /// Creates these topics.
    ///
    /// # Errors
    /// The first topic the brokers refuse, with their reason. One that exists by now is none.
    pub fn create(&self, specs: &[Spec], replication: i32) -> Result<(), TopicError> {
        let topics: Vec<NewTopic<'_>> = specs
            .iter()
            .map(|spec| {
                let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(replication));
                spec.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
            })
            .collect();
        let options = self.options().operation_timeout(Some(self.patience));
        let refused = |name: &str, reason: String| TopicError::Refused { request: format!("create {name}"), reason };
        let results = block_on(self.admin.create_topics(&topics, &options))
            .map_err(|error| refused("the topics", error.to_string()))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => (),
                Err((name, code)) => return Err(refused(&name, code.to_string())),
            }
        }
        self.await_topics(specs)
    }

    /// Waits until every broker we ask knows the topics just created.
    fn await_topics(&self, specs: &[Spec]) -> Result<(), TopicError> {
        let deadline = Instant::now() + self.patience;
        loop {
            let survey = self.survey()?;
            let known = |spec: &Spec| survey.topics.get(&spec.role).is_some_and(|topic| topic.partitions > 0);
            if specs.iter().all(known) || Instant::now() >= deadline {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn settings(&self, survey: &Survey) -> KafkaResult<BTreeMap<String, BTreeMap<String, String>>> {
        let names: Vec<ResourceSpecifier<'_>> =
            survey.topics.keys().map(|role| ResourceSpecifier::Topic(role.topic(&self.config.topics))).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answers = block_on(self.admin.describe_configs(&names, &self.options()))?;
        // A topic that may not be described comes back without entries.
        Ok(answers
            .into_iter()
            .flatten()
            .filter(|answer| !answer.entries.is_empty())
            .filter_map(|answer| {
                let OwnedResourceSpecifier::Topic(name) = answer.specifier else { return None };
                let entries = answer.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
                Some((name, entries.collect()))
            })
            .collect())
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.patience))
    }

    fn unreachable(&self, error: &KafkaError) -> TopicError {
        // What was heard waits in the queue, behind log lines.
        self.connection.poll(Duration::from_millis(50));
        let timed_out = || error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
        let heard = self.connection.context().last();
        let (what, keys) = match heard.as_ref().and_then(|(error, _)| error.rdkafka_error_code()) {
            Some(RDKafkaErrorCode::Authentication) => {
                ("the brokers refuse this user", "sasl.username and sasl.password in [kafka.properties]")
            }
            Some(RDKafkaErrorCode::SSL) => ("no trusted TLS connection to the brokers", "ssl.* in [kafka.properties]"),
            _ => ("no broker answers", "kafka.brokers, and [kafka.properties] for TLS and SASL"),
        };
        let reason = heard.map_or_else(timed_out, |(_, text)| text);
        TopicError::Unreachable { what, brokers: self.config.kafka.brokers.clone(), reason, keys }
    }
}

/// The start-up check of a worker: every topic is there and as the guarantees need it. What is merely unwise is logged. Once
/// `stop` is set it waits no longer for brokers that do not answer.
///
/// # Errors
/// [`TopicError`]; of its kinds, only [`TopicError::Unreachable`] may pass by itself.
pub fn verify(config: &Config, patience: Duration, stop: &AtomicBool) -> Result<Layout, TopicError> {
    let broker = Broker { stop: Some(stop), ..Broker::new(config, patience)? };
    let mut survey = broker.survey()?;
    if let Err(error) = broker.describe(&mut survey) {
        tracing::warn!(%error, "the settings of the topics are not checked");
    }
    judge(config, &survey)
}

/// The same by partitions alone, for a broker that cannot be asked for settings, as librdkafka's mock cannot.
///
/// # Errors
/// As [`verify`].
pub fn layout(config: &Config, patience: Duration) -> Result<Layout, TopicError> {
    judge(config, &Broker::new(config, patience)?.survey()?)
}

fn judge(config: &Config, survey: &Survey) -> Result<Layout, TopicError> {
    let (grave, unwise): (Vec<_>, Vec<_>) =
        rules::problems(config, survey).into_iter().partition(|problem| problem.grave);
    for problem in unwise {
        tracing::warn!("{problem}");
    }
    match rules::layout(survey) {
        Some(layout) if grave.is_empty() => Ok(layout),
        _ => Err(TopicError::Unfit(grave)),
    }
}

/// Keeps what librdkafka says last about its connections: a request only knows that it timed out.
#[derive(Default)]
struct Ears {
    last: Mutex<Option<(KafkaError, String)>>,
}

impl Ears {
    fn last(&self) -> Option<(KafkaError, String)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Ears {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", "{facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka admin client");
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            // `host:port/1: Connect to … failed: Connection refused (after 0ms in state CONNECT)`
            let text = reason.split_once(": ").map_or(reason, |(_, text)| text);
            let text = text.rsplit_once(" (after ").map_or(text, |(text, _)| text);
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((error, text.to_owned()));
        }
    }
}

impl ProducerContext for Ears {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Waits for an answer of the admin client, whose own thread completes it. Works inside and outside a runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_broker_the_error_says_where_and_why_in_one_line() {
        let mut config = Config::default();
        config.kafka.brokers = "127.0.0.1:1".into();
        let error = verify(&config, Duration::from_secs(2), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, TopicError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("no broker answers at 127.0.0.1:1: "), "{text}");
        assert!(text.contains("Connection refused") && text.contains("kafka.brokers"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn whoever_is_to_stop_does_not_wait_for_brokers() {
        let mut config = Config::default();
        config.kafka.brokers = "127.0.0.1:1".into();
        let asked = Instant::now();
        let error = verify(&config, Duration::from_secs(60), &AtomicBool::new(true)).unwrap_err();
        assert!(matches!(error, TopicError::Unreachable { .. }), "{error}");
        assert!(asked.elapsed() < Duration::from_secs(30), "after {:?}", asked.elapsed());
    }

    #[test]
    fn a_property_librdkafka_does_not_know_is_refused_before_connecting() {
        let mut config = Config::default();
        config.kafka.properties.insert("linger.mss".into(), "5".into());
        let error = verify(&config, Duration::from_secs(2), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, TopicError::Client(_)), "{error}");
        assert!(error.to_string().contains("linger.mss"), "{error}");
    }

    #[test]
    fn roles_are_named_after_their_configuration_keys() {
        let topics = toml::Table::try_from(Topics::default()).unwrap();
        for role in Role::ALL {
            assert_eq!(topics[role.key()].as_str(), Some(role.topic(&Topics::default())));
        }
        assert_eq!(topics.len(), Role::ALL.len());
    }

    #[test]
    fn a_cluster_without_the_topics_is_answered_with_how_to_create_them() {
        let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
        let mut config = Config::default();
        config.kafka.brokers = cluster.bootstrap_servers();
        let error = layout(&config, Duration::from_secs(10)).unwrap_err();
        let TopicError::Unfit(problems) = &error else { panic!("{error}") };
        assert_eq!(problems.len(), 6, "{error}");
        assert!(error.to_string().contains("copydesk topics --create"), "{error}");
    }

    #[test]
    fn the_layout_is_read_off_a_cluster_that_cannot_be_asked_for_settings() {
        let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
        let mut config = Config::default();
        config.kafka.brokers = cluster.bootstrap_servers();
        for role in Role::ALL {
            cluster.create_topic(role.topic(&config.topics), if role == Role::Raw { 3 } else { 4 }, 1).unwrap();
        }
        assert_eq!(layout(&config, Duration::from_secs(10)).unwrap().partitions, 4);
    }
}
