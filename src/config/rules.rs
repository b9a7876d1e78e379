//! What a configuration of the right shape must still satisfy.

use std::collections::BTreeMap;

use super::Config;

/// librdkafka properties that copydesk sets itself, and why a value from outside is refused.
pub(super) const OWNED: [(&str, &str); 20] = [
    ("acks", ALL_REPLICAS),
    ("auto.offset.reset", "is set by `kafka.start`"),
    ("bootstrap.servers", "is set by `kafka.brokers`"),
    ("delivery.report.only.error", "must stay on: only what was not delivered is of interest"),
    ("enable.auto.commit", IN_TRANSACTION),
    ("enable.auto.offset.store", IN_TRANSACTION),
    ("enable.idempotence", "must stay on: transactions need it"),
    ("enable.partition.eof", "belongs to the restore, which ends by it"),
    ("group.id", "is set by `kafka.group`"),
    ("group.instance.id", "is made of `kafka.instance`"),
    ("group.protocol", "must stay `classic`: librdkafka's KIP-848 consumer is not safe with transactions yet"),
    ("isolation.level", "must stay `read_committed`: anything else would publish items of aborted transactions"),
    ("message.max.bytes", "is made of `max.message.bytes` of the topics"),
    ("metadata.broker.list", "is set by `kafka.brokers`"),
    ("partition.assignment.strategy", "must stay `cooperative-sticky`: the hand-over of partitions relies on it"),
    ("partitioner", "is not used: copydesk chooses the partition from the content hash"),
    ("request.required.acks", ALL_REPLICAS),
    ("statistics.interval.ms", "must stay at two seconds: lag, and that no broker is left, are known by it"),
    ("test.mock.num.brokers", "is not for production: `copydesk demo` runs on a mock broker"),
    ("transactional.id", "is made of `kafka.group` and `kafka.instance`"),
];

const ALL_REPLICAS: &str = "must stay `all`: an article that one broker holds is not published";
const IN_TRANSACTION: &str = "must stay off: offsets are committed inside the transactions";

/// The largest item, in bytes: its article may have three times as many, and neither brokers nor librdkafka take what is above
/// 100 MB unless they are told to.
const ITEM_MAX: usize = 30 << 20;

/// The longest topic name Kafka takes, in bytes.
const TOPIC_NAME_MAX: usize = 249;

/// Every rule this configuration breaks: the path of the key, and what must hold.
pub(super) fn broken(config: &Config) -> Vec<(String, String)> {
    let mut broken = Vec::new();
    let mut hold = |holds: bool, path: &str, message: &str| {
        if !holds {
            broken.push((path.to_owned(), message.to_owned()));
        }
    };
    hold(!config.kafka.brokers.trim().is_empty(), "kafka.brokers", "must name at least one broker");
    hold(is_name(&config.kafka.group), "kafka.group", NAME);
    hold(config.kafka.instance.is_empty() || is_name(&config.kafka.instance), "kafka.instance", NAME);
    hold(config.worker.threads >= 1, "worker.threads", "must be at least 1");
    hold((1..=ITEM_MAX).contains(&config.item.max_bytes), "item.max_bytes", "must be 1 byte to 30 MiB");
    hold(config.brake.share > 0.0 && config.brake.share <= 1.0, "brake.share", "must be above 0 and at most 1");
    hold(config.brake.window_seconds >= 1, "brake.window_seconds", "must be at least 1 second");
    hold(config.brake.minimum >= 1, "brake.minimum", "must be at least 1 dead letter");
    hold(config.dedup.window_hours >= 1, "dedup.window_hours", "must be at least 1 hour");
    hold(config.shutdown.timeout_seconds >= 1, "shutdown.timeout_seconds", "must be at least 1 second");
    hold(is_domain(&config.article.authority), "article.authority", "must be a domain name, such as news.example");
    let endpoint = &config.telemetry.otlp_endpoint;
    hold(endpoint.is_empty() || is_collector(endpoint), "telemetry.otlp_endpoint", COLLECTOR);
    hold(is_filter(&config.log.level), "log.level", LEVEL);
    broken.extend(owned_properties(config));
    broken.extend(topic_names(config));
    broken
}

const NAME: &str = "must be letters, digits, dots, dashes and underscores, at most 200 of them";

/// A name that Kafka takes in group ids, transactional ids and instance ids alike.
fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && name.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_domain(name: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name.contains('.') && name.split('.').all(label)
}

const COLLECTOR: &str = "must be the address of a collector without TLS, such as http://localhost:4318";

fn is_collector(endpoint: &str) -> bool {
    endpoint.strip_prefix("http://").is_some_and(|rest| !rest.is_empty() && endpoint.parse::<http::Uri>().is_ok())
}

const LEVEL: &str = "must be error, warn, info, debug, trace or off, or directives such as `info,librdkafka=debug`";

/// Levels, alone or for a target. Anything else would be taken for the name of a target and silence the log.
fn is_filter(directives: &str) -> bool {
    let is_level = |word: &str| ["error", "warn", "info", "debug", "trace", "off"].contains(&word);
    directives.split(',').map(str::trim).all(|directive| match directive.split_once('=') {
        Some((target, level)) => !target.is_empty() && is_level(level),
        None => is_level(directive),
    })
}

fn owned_properties(config: &Config) -> impl Iterator<Item = (String, String)> {
    let given = &config.kafka.properties;
    OWNED
        .iter()
        .filter(|(name, _)| given.contains_key(*name))
        .map(|(name, why)| (format!("kafka.properties.{name}"), (*why).to_owned()))
}

fn topic_names(config: &Config) -> Vec<(String, String)> {
    let topics = toml::Table::try_from(&config.topics).unwrap_or_default();
    let mut roles: BTreeMap<&str, &str> = BTreeMap::new();
    let mut broken = Vec::new();
    for (role, name) in topics.iter().filter_map(|(role, name)| Some((role.as_str(), name.as_str()?))) {
        let path = format!("topics.{role}");
        if !(1..=TOPIC_NAME_MAX).contains(&name.len()) || !name.bytes().all(is_name_byte) || [".", ".."].contains(&name)
        {
            broken.push((path, format!("must be 1 to {TOPIC_NAME_MAX} letters, digits, dots, dashes and underscores")));
        } else if let Some(other) = roles.insert(name, role) {
            broken.push((path, format!("must differ from `topics.{other}`: both are `{name}`")));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        broken(&config).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn the_defaults_break_no_rule() {
        assert_eq!(paths(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn sizes_and_times_are_positive() {
        assert_eq!(paths(|c| c.worker.threads = 0), ["worker.threads"]);
        assert_eq!(paths(|c| c.item.max_bytes = 0), ["item.max_bytes"]);
        assert_eq!(paths(|c| c.item.max_bytes = ITEM_MAX), Vec::<String>::new());
        assert_eq!(paths(|c| c.item.max_bytes = ITEM_MAX + 1), ["item.max_bytes"]);
        assert_eq!(paths(|c| c.dedup.window_hours = 0), ["dedup.window_hours"]);
        assert_eq!(paths(|c| c.brake.window_seconds = 0), ["brake.window_seconds"]);
        assert_eq!(paths(|c| c.brake.minimum = 0), ["brake.minimum"]);
        for share in [0.0, -0.5, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(paths(|c| c.brake.share = share), ["brake.share"], "{share}");
        }
        assert_eq!(paths(|c| c.shutdown.timeout_seconds = 0), ["shutdown.timeout_seconds"]);
    }

    #[test]
    fn names_are_ones_that_kafka_takes() {
        assert_eq!(paths(|c| c.kafka.group = "two words".into()), ["kafka.group"]);
        assert_eq!(paths(|c| c.kafka.group = String::new()), ["kafka.group"]);
        assert_eq!(paths(|c| c.kafka.instance = "pod/3".into()), ["kafka.instance"]);
        assert_eq!(paths(|c| c.kafka.brokers = " ".into()), ["kafka.brokers"]);
        assert_eq!(paths(|c| c.topics.raw = "wire raw".into()), ["topics.raw"]);
        assert_eq!(paths(|c| c.topics.raw = "..".into()), ["topics.raw"]);
        assert_eq!(paths(|c| c.topics.raw = "r".repeat(250)), ["topics.raw"]);
        assert_eq!(paths(|c| c.article.authority = "example".into()), ["article.authority"]);
        assert_eq!(paths(|c| c.article.authority = "http://example.org".into()), ["article.authority"]);
    }

    #[test]
    fn a_log_level_is_a_level_or_levels_of_targets() {
        for level in ["warn", "off", "info,librdkafka=debug", "warn, copydesk::stream=trace"] {
            assert_eq!(paths(|c| c.log.level = level.into()), Vec::<String>::new(), "{level}");
        }
        for level in ["", "loud", "info,", "librdkafka", "=info", "librdkafka=loud"] {
            assert_eq!(paths(|c| c.log.level = level.into()), ["log.level"], "{level}");
        }
    }

    #[test]
    fn a_collector_is_reached_by_plain_http() {
        assert_eq!(paths(|c| c.telemetry.otlp_endpoint = "http://collector:4318".into()), Vec::<String>::new());
        for wrong in ["collector:4318", "https://collector:4318", "http://", "http://a b"] {
            assert_eq!(paths(|c| c.telemetry.otlp_endpoint = wrong.into()), ["telemetry.otlp_endpoint"], "{wrong}");
        }
    }

    #[test]
    fn two_topics_are_never_one() {
        let mut config = Config::default();
        config.topics.seen = config.topics.normalized.clone();
        assert_eq!(
            broken(&config),
            [("topics.seen".to_owned(), "must differ from `topics.normalized`: both are `wire.normalized`".to_owned())]
        );
    }

    #[test]
    fn properties_that_exactly_once_depends_on_are_refused_with_the_reason() {
        let mut config = Config::default();
        let owned = ["isolation.level", "enable.auto.commit", "transactional.id", "group.id", "message.max.bytes"];
        for name in owned.into_iter().chain(["statistics.interval.ms", "delivery.report.only.error", "linger.ms"]) {
            config.kafka.properties.insert(name.into(), "x".into());
        }
        let broken = broken(&config);
        assert_eq!(broken.len(), 7, "{broken:?}");
        assert!(broken.iter().all(|(path, why)| path.starts_with("kafka.properties.") && why.len() > 10));
    }
}
