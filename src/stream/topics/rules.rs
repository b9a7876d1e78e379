//! What each topic must be, and what follows where it is not. Pure: judges a [`Survey`], asks nobody.

use std::fmt;
use std::time::Duration;

use super::{Role, Survey, Topic};
use crate::config::Config;
use crate::stream::Layout;

/// The broker's own default of `max.message.bytes`.
const BROKER_MAX_MESSAGE_BYTES: usize = 1_048_588;

/// Room in a record beside its value: headers, key, framing.
pub const ENVELOPE_BYTES: usize = 16 << 10;

/// How far an article can outgrow its raw item: one byte of a legacy charset becomes two or three of UTF-8.
const ARTICLE_GROWTH: usize = 3;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How much longer the changelog is kept than the window at least: for late items, and clocks that disagree.
const SEEN_SLACK: Duration = DAY;

/// The longest time without workers that the internal topics are to outlive. A raw topic that is kept for longer is an archive.
const LONGEST_STAND: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is wrong with a topic, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which topic.
    pub role: Role,
    /// Whether the guarantees fail with it. Otherwise it is merely unwise.
    pub grave: bool,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the operator chooses when topics are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Partitions of each topic.
    pub partitions: i32,
    /// Brokers that hold each partition.
    pub replication: i32,
    /// How long raw items are kept, unless there is a raw topic that says so.
    pub raw_retention: Duration,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Which one.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: i32,
    /// Its settings, where they are not the broker's own.
    pub settings: Vec<(&'static str, String)>,
}

/// The topics to create so that none is missing. The changelog always gets as many partitions as the normalized topic.
pub fn missing(config: &Config, survey: &Survey, wishes: &Wishes) -> Vec<Spec> {
    let existing = |role| survey.topics.get(&role).map(|topic| topic.partitions);
    let raw_retention = survey.topics.get(&Role::Raw).and_then(retention).unwrap_or(wishes.raw_retention);
    let wishes = &Wishes { raw_retention, ..*wishes };
    Role::ALL
        .into_iter()
        .filter(|role| existing(*role).is_none())
        .map(|role| Spec {
            role,
            name: role.topic(&config.topics).to_owned(),
            partitions: match role {
                Role::Normalized => existing(Role::Seen).unwrap_or(wishes.partitions),
                Role::Seen => existing(Role::Normalized).unwrap_or(wishes.partitions),
                _ => wishes.partitions,
            },
            settings: settings(role, config, wishes),
        })
        .collect()
}

fn settings(role: Role, config: &Config, wishes: &Wishes) -> Vec<(&'static str, String)> {
    let retention = match role {
        Role::Raw => wishes.raw_retention,
        Role::Normalized => stand(wishes.raw_retention).max(3 * DAY),
        Role::Seen => config.dedup.window() + stand(wishes.raw_retention).max(SEEN_SLACK),
        Role::Articles | Role::Duplicates | Role::Rejected => 30 * DAY,
    };
    let mut settings = vec![
        ("cleanup.policy", if role == Role::Seen { "compact,delete" } else { "delete" }.to_owned()),
        ("retention.ms", retention.as_millis().to_string()),
        ("max.message.bytes", max_message_bytes(role, config).to_string()),
        ("message.timestamp.type", "CreateTime".to_owned()),
    ];
    if matches!(role, Role::Normalized | Role::Seen) {
        settings.push(("retention.bytes", "-1".to_owned()));
    }
    if role == Role::Seen {
        // Only closed segments are compacted and deleted: a twentieth of the window bounds what is kept too long.
        let segment = (config.dedup.window() / 20).clamp(Duration::from_secs(600), DAY);
        settings.push(("segment.ms", segment.as_millis().to_string()));
    }
    if wishes.replication >= 3 {
        settings.push(("min.insync.replicas", "2".to_owned()));
    }
    settings
}

/// How long a topic keeps its records, where that may be read.
fn retention(topic: &Topic) -> Option<Duration> {
    topic.number("retention.ms").map(|ms| u64::try_from(ms).map_or(Duration::MAX, Duration::from_millis))
}

/// How long copydesk may stand where raw items are kept for so long: memory and what lies between the steps go by the clock
/// too, and must not be gone before the raw items are.
fn stand(raw_retention: Duration) -> Duration {
    raw_retention.min(LONGEST_STAND)
}

/// The largest record the topic must take, in bytes.
fn max_message_bytes(role: Role, config: &Config) -> usize {
    match role {
        Role::Raw => config.item.max_bytes + ENVELOPE_BYTES,
        Role::Rejected => config.item.max_bytes + 2 * ENVELOPE_BYTES,
        Role::Normalized | Role::Articles => ARTICLE_GROWTH * config.item.max_bytes + ENVELOPE_BYTES,
        Role::Seen | Role::Duplicates => BROKER_MAX_MESSAGE_BYTES,
    }
}

/// What the workers need to know of the topics, if those they read and write by partition exist. A limit that may not be
/// read is taken for the broker's default.
pub fn layout(survey: &Survey) -> Option<Layout> {
    let largest_value = |role| {
        let limit = survey.topics.get(&role).and_then(|topic| topic.number("max.message.bytes"));
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(BROKER_MAX_MESSAGE_BYTES);
        limit.saturating_sub(ENVELOPE_BYTES)
    };
    let article = largest_value(Role::Normalized).min(largest_value(Role::Articles));
    Some(Layout {
        partitions: survey.topics.get(&Role::Normalized)?.partitions,
        max_record_bytes: article,
        max_rejected_bytes: largest_value(Role::Rejected),
    })
}

/// Everything that is wrong with the topics, grave or unwise, with what to do. Settings that could not be read are not
/// judged.
pub fn problems(config: &Config, survey: &Survey) -> Vec<Problem> {
    let raw_retention = survey.topics.get(&Role::Raw).and_then(retention);
    let mut verdict = Verdict { config, stand: raw_retention.map_or(Duration::ZERO, stand), problems: Vec::new() };
    for role in Role::ALL {
        match survey.topics.get(&role) {
            None => verdict.grave(
                role,
                "does not exist, or we may not see it: create it with `copydesk topics --create`, or grant DESCRIBE on it",
            ),
            Some(topic) => verdict.judge(role, topic),
        }
    }
    verdict.compare(survey);
    verdict.problems
}

struct Verdict<'c> {
    config: &'c Config,
    stand: Duration,
    problems: Vec<Problem>,
}

impl Verdict<'_> {
    fn grave(&mut self, role: Role, text: &str) {
        self.add(role, true, text);
    }

    fn unwise(&mut self, role: Role, text: &str) {
        self.add(role, false, text);
    }

    fn add(&mut self, role: Role, grave: bool, text: &str) {
        let name = role.topic(&self.config.topics);
        self.problems.push(Problem { role, grave, text: format!("{name} {text}") });
    }

    fn judge(&mut self, role: Role, topic: &Topic) {
        match role {
            Role::Raw => self.judge_raw(topic),
            Role::Normalized => self.judge_normalized(topic),
            Role::Seen => self.judge_seen(topic),
            Role::Articles => self.judge_size(role, topic),
            Role::Duplicates | Role::Rejected => (),
        }
        if role != Role::Raw && topic.replicas >= 3 && topic.number("min.insync.replicas").is_some_and(|n| n < 2) {
            self.unwise(
                role,
                "has min.insync.replicas = 1: a broker that dies alone can take committed records with it; set 2",
            );
        }
    }

    fn judge_raw(&mut self, topic: &Topic) {
        let limit = topic.number("max.message.bytes").and_then(|limit| usize::try_from(limit).ok());
        if let Some(limit) = limit.filter(|limit| *limit < self.config.item.max_bytes) {
            let item = self.config.item.max_bytes;
            let text = format!(
                "takes records up to {limit} bytes, item.max_bytes allows {item}: raise max.message.bytes or lower the key"
            );
            self.unwise(Role::Raw, &text);
        }
        let threads = self.config.worker.threads;
        if usize::try_from(topic.partitions).is_ok_and(|partitions| threads > partitions) {
            let text = format!(
                "has {} partitions for the {threads} threads of this process alone: the others edit nothing; lower worker.threads",
                topic.partitions
            );
            self.unwise(Role::Raw, &text);
        }
        if compacts(topic) {
            self.unwise(
                Role::Raw,
                "is compacted: items that share a key can vanish before they are read; set cleanup.policy = delete",
            );
        }
    }

    fn judge_normalized(&mut self, topic: &Topic) {
        if compacts(topic) {
            let text =
                "is compacted: copies of one content would vanish before they are counted; set cleanup.policy = delete";
            self.grave(Role::Normalized, text);
        }
        if topic.number("retention.bytes").is_some_and(|bytes| bytes >= 0) {
            self.unwise(
                Role::Normalized,
                "is bounded in bytes: a backlog can lose items that are not decided yet; set retention.bytes = -1",
            );
        }
        if let Some(kept) = retention(topic).filter(|kept| *kept < self.stand) {
            let text = format!(
                "is kept for {}, {} for longer: what waits between the steps is lost when no worker runs for so long; \
                 set retention.ms = {}",
                spell(kept),
                self.config.topics.raw,
                self.stand.as_millis()
            );
            self.unwise(Role::Normalized, &text);
        }
        self.judge_size(Role::Normalized, topic);
    }

    fn judge_seen(&mut self, topic: &Topic) {
        let Some(policy) = topic.setting("cleanup.policy") else { return };
        if !policy.contains("delete") {
            self.unwise(
                Role::Seen,
                "is never deleted from: it grows and restores slow down; set cleanup.policy = compact,delete",
            );
            return;
        }
        let window = self.config.dedup.window();
        if let Some(kept) = retention(topic) {
            let wanted = window + self.stand.max(SEEN_SLACK);
            if kept < window {
                let text = format!(
                    "forgets after {}, but dedup.window_hours asks for {}: set retention.ms = {} or shorten the window",
                    spell(kept),
                    spell(window),
                    wanted.as_millis()
                );
                self.grave(Role::Seen, &text);
            } else if kept < wanted {
                let text = format!(
                    "is kept for {}, {} longer than the window: copies are published again when no worker runs for \
                     longer than that; set retention.ms = {}",
                    spell(kept),
                    spell(kept - window),
                    wanted.as_millis()
                );
                self.unwise(Role::Seen, &text);
            }
        }
        if topic.number("retention.bytes").is_some_and(|bytes| bytes >= 0) {
            self.grave(Role::Seen, "is bounded in bytes: it can forget inside the window; set retention.bytes = -1");
        }
    }

    /// An article larger than its topic becomes a dead letter, which is right but rarely meant.
    fn judge_size(&mut self, role: Role, topic: &Topic) {
        let wanted = max_message_bytes(role, self.config);
        let limit = topic.number("max.message.bytes").and_then(|limit| usize::try_from(limit).ok());
        if let Some(limit) = limit.filter(|limit| *limit < wanted) {
            let text = format!(
                "takes records up to {limit} bytes: larger articles are rejected as too_large; {wanted} fits every item of item.max_bytes"
            );
            self.unwise(role, &text);
        }
    }

    /// What two topics must be to each other.
    fn compare(&mut self, survey: &Survey) {
        let topic = |role| survey.topics.get(&role);
        if let (Some(normalized), Some(seen)) = (topic(Role::Normalized), topic(Role::Seen))
            && normalized.partitions != seen.partitions
        {
            let text = format!(
                "has {} partitions, {} has {}: partition n of the one is the memory of partition n of the other. \
                 Let the workers drain {}, stop them, delete both topics and create them again with \
                 `copydesk topics --create --partitions N`; the dedup window starts anew",
                normalized.partitions, self.config.topics.seen, seen.partitions, self.config.topics.normalized
            );
            self.grave(Role::Normalized, &text);
        }
        let limit = |role| topic(role).and_then(|topic| topic.number("max.message.bytes"));
        if let (Some(raw), Some(rejected)) = (limit(Role::Raw), limit(Role::Rejected))
            && rejected < raw
        {
            let text = format!(
                "takes records up to {rejected} bytes, {} up to {raw}: larger dead letters lose their value; \
                 set max.message.bytes = {}",
                self.config.topics.raw,
                raw.saturating_add(i64::try_from(ENVELOPE_BYTES).unwrap_or(0))
            );
            self.unwise(Role::Rejected, &text);
        }
    }
}

fn compacts(topic: &Topic) -> bool {
    topic.setting("cleanup.policy").is_some_and(|policy| policy.contains("compact"))
}

/// A duration in the largest unit that is whole.
pub fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        _ if seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISHES: Wishes = Wishes { partitions: 12, replication: 3, raw_retention: Duration::from_secs(7 * 86_400) };

    /// A cluster that has what `missing` would create.
    fn created() -> Survey {
        let topic = |spec: Spec| {
            let settings = spec.settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            (spec.role, Topic { partitions: spec.partitions, replicas: 3, settings: Some(settings) })
        };
        let specs = missing(&Config::default(), &Survey::default(), &WISHES);
        Survey { brokers: 3, topics: specs.into_iter().map(topic).collect() }
    }

    fn with(role: Role, name: &str, value: &str) -> Vec<Problem> {
        let mut survey = created();
        let topic = survey.topics.get_mut(&role).unwrap();
        topic.settings.get_or_insert_default().insert(name.into(), value.into());
        problems(&Config::default(), &survey)
    }

    #[test]
    fn topics_as_created_have_no_problem() {
        assert_eq!(problems(&Config::default(), &created()), []);
    }

    #[test]
    fn every_topic_that_is_missing_is_named_with_how_to_create_it() {
        let found = problems(&Config::default(), &Survey::default());
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|problem| problem.grave));
        assert!(found[0].to_string().starts_with("wire.raw does not exist"), "{}", found[0]);
        assert!(found[0].to_string().contains("`copydesk topics --create`"), "{}", found[0]);
    }

    #[test]
    fn only_what_is_missing_is_created() {
        let mut survey = created();
        survey.topics.remove(&Role::Duplicates);
        let specs = missing(&Config::default(), &survey, &WISHES);
        assert_eq!(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["wire.duplicates"]);
    }

    #[test]
    fn a_missing_changelog_gets_the_partitions_of_the_topic_it_belongs_to() {
        for (gone, kept) in [(Role::Seen, Role::Normalized), (Role::Normalized, Role::Seen)] {
            let mut survey = created();
            survey.topics.remove(&gone);
            survey.topics.get_mut(&kept).unwrap().partitions = 5;
            let specs = missing(&Config::default(), &survey, &WISHES);
            assert_eq!(specs.iter().map(|spec| (spec.role, spec.partitions)).collect::<Vec<_>>(), [(gone, 5)]);
        }
    }

    /// Days for which the normalized topic and the changelog would be kept.
    fn days_kept(survey: &Survey, wishes: &Wishes) -> [u64; 2] {
        let specs = missing(&Config::default(), survey, wishes);
        [Role::Normalized, Role::Seen].map(|role| {
            let spec = specs.iter().find(|spec| spec.role == role).unwrap();
            let (_, kept) = spec.settings.iter().find(|(name, _)| *name == "retention.ms").unwrap();
            kept.parse::<u64>().unwrap() / 86_400_000
        })
    }

    #[test]
    fn what_waits_and_what_is_remembered_outlive_the_raw_items() {
        let window = 3;
        for (raw, stand) in [(7, 7), (14, 14), (365, 30)] {
            let wishes = Wishes { raw_retention: raw * DAY, ..WISHES };
            assert_eq!(days_kept(&Survey::default(), &wishes), [stand, window + stand], "{raw} d");
        }
        let wishes = Wishes { raw_retention: Duration::from_secs(3600), ..WISHES };
        assert_eq!(days_kept(&Survey::default(), &wishes), [3, window + 1], "there is a least");
    }

    #[test]
    fn a_raw_topic_that_is_there_says_how_long_the_others_are_kept() {
        let mut survey = created();
        survey.topics.retain(|role, _| *role == Role::Raw);
        for (ms, stand) in [("1209600000", 14), ("-1", 30)] {
            let raw = survey.topics.get_mut(&Role::Raw).unwrap();
            raw.settings.get_or_insert_default().insert("retention.ms".into(), ms.into());
            assert_eq!(days_kept(&survey, &WISHES), [stand, 3 + stand], "{ms}");
        }
    }

    #[test]
    fn internal_topics_that_raw_items_outlive_are_named_with_how_long_to_keep_them() {
        let found = with(Role::Raw, "retention.ms", "864000000");
        assert_eq!(
            found.iter().map(|problem| (problem.role, problem.grave)).collect::<Vec<_>>(),
            [(Role::Normalized, false), (Role::Seen, false)]
        );
        assert!(found[0].to_string().ends_with("set retention.ms = 864000000"), "{}", found[0]);
        assert!(
            found[1].to_string().starts_with("wire.seen is kept for 10 d, 7 d longer than the window"),
            "{}",
            found[1]
        );
        assert!(found[1].to_string().ends_with("set retention.ms = 1123200000"), "{}", found[1]);
        assert_eq!(with(Role::Raw, "retention.ms", "-1").len(), 2);
        assert_eq!(with(Role::Raw, "retention.ms", "3600000"), []);
        assert_eq!(with(Role::Normalized, "retention.ms", "-1"), []);
    }

    #[test]
    fn more_threads_than_partitions_are_told() {
        let mut config = Config::default();
        for (threads, told) in [(12, 0), (13, 1)] {
            config.worker.threads = threads;
            let found = problems(&config, &created());
            assert_eq!(found.len(), told, "{found:?}");
            assert!(found.iter().all(|problem| problem.role == Role::Raw && !problem.grave));
        }
    }

    #[test]
    fn a_dead_letter_fits_wherever_its_raw_item_did() {
        let config = Config::default();
        assert!(max_message_bytes(Role::Rejected, &config) > max_message_bytes(Role::Raw, &config));
        let found = with(Role::Raw, "max.message.bytes", "10000000");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].role == Role::Rejected && !found[0].grave);
    }

    #[test]
    fn a_single_broker_is_not_asked_for_two_replicas_in_sync() {
        let wishes = Wishes { replication: 1, ..WISHES };
        let specs = missing(&Config::default(), &Survey::default(), &wishes);
        assert!(specs.iter().all(|spec| spec.settings.iter().all(|(name, _)| *name != "min.insync.replicas")));
    }

    #[test]
    fn a_changelog_of_other_partitions_is_refused_with_what_to_do() {
        let mut survey = created();
        survey.topics.get_mut(&Role::Seen).unwrap().partitions = 8;
        let found = problems(&Config::default(), &survey);
        assert_eq!(found.len(), 1, "{found:?}");
        let text = found[0].to_string();
        assert!(found[0].grave && text.starts_with("wire.normalized has 12 partitions, wire.seen has 8"), "{text}");
        assert!(text.contains("copydesk topics --create --partitions N"), "{text}");
    }

    #[test]
    fn what_breaks_a_guarantee_is_grave_and_what_is_unwise_is_not() {
        let cases = [
            (Role::Normalized, "cleanup.policy", "compact", true),
            (Role::Normalized, "retention.bytes", "1000000", false),
            (Role::Normalized, "retention.ms", "259200000", false),
            (Role::Normalized, "max.message.bytes", "1048588", false),
            (Role::Seen, "retention.ms", "86400000", true),
            (Role::Seen, "retention.ms", "270000000", false),
            (Role::Seen, "retention.ms", "345600000", false),
            (Role::Seen, "retention.bytes", "1000000", true),
            (Role::Seen, "cleanup.policy", "compact", false),
            (Role::Raw, "cleanup.policy", "compact,delete", false),
            (Role::Articles, "min.insync.replicas", "1", false),
            (Role::Articles, "max.message.bytes", "1048588", false),
        ];
        for (role, name, value, grave) in cases {
            let found = with(role, name, value);
            assert_eq!(found.len(), 1, "{name} = {value}: {found:?}");
            assert_eq!((found[0].role, found[0].grave), (role, grave), "{}", found[0]);
        }
        assert_eq!(with(Role::Seen, "retention.ms", "-1"), []);
        assert_eq!(with(Role::Articles, "cleanup.policy", "compact,delete"), []);
    }

    #[test]
    fn settings_that_may_not_be_read_are_not_judged_and_taken_for_the_defaults() {
        let mut survey = created();
        for topic in survey.topics.values_mut() {
            topic.settings = None;
        }
        assert_eq!(problems(&Config::default(), &survey), []);
        let limit = BROKER_MAX_MESSAGE_BYTES - ENVELOPE_BYTES;
        let expected = Layout { partitions: 12, max_record_bytes: limit, max_rejected_bytes: limit };
        assert_eq!(layout(&survey), Some(expected));
    }

    #[test]
    fn an_article_must_fit_every_topic_on_its_way() {
        let mut survey = created();
        let articles = survey.topics.get_mut(&Role::Articles).unwrap();
        articles.settings.get_or_insert_default().insert("max.message.bytes".into(), "100000".into());
        let layout = layout(&survey).unwrap();
        assert_eq!(layout.max_record_bytes, 100_000 - ENVELOPE_BYTES);
    }

    #[test]
    fn a_dead_letter_keeps_its_value_in_topics_as_created() {
        assert!(layout(&created()).unwrap().max_rejected_bytes > Config::default().item.max_bytes);
    }

    #[test]
    fn durations_are_spelled_in_their_largest_whole_unit() {
        let spelled = [0, 90, 120, 7200, 345_600].map(|seconds| spell(Duration::from_secs(seconds)));
        assert_eq!(spelled, ["0 ms", "90 s", "2 min", "2 h", "4 d"]);
    }
}
