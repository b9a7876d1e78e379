//! Lays the file and the environment over the defaults, and remembers where each value came from.
//!
//! The known keys are those of the serialised default, so a new field needs no second list. Every override is tried on its
//! own, so that an error names the line or the variable it stands in; all problems are reported at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml::{Table, Value};

use super::{Config, rules};

/// What begins the name of an environment variable that sets a key.
const PREFIX: &str = "COPYDESK_";

/// `COPYDESK_*` variables that are not configuration keys: the path of the file itself, and what the tests read.
const NOT_KEYS: [&str; 2] = ["COPYDESK_CONFIG", "COPYDESK_SHARED"];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    File { path: PathBuf, line: usize },
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong with a configuration. It never quotes the value of a librdkafka property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    origin: Option<Origin>,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Unknown keys, or values that cannot be.
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Problem>),
}

impl Config {
    /// The configuration of this run: the defaults, overlaid by the file at `path`, overlaid by `environment`.
    ///
    /// A key is set from the environment as `COPYDESK_SECTION_KEY`; a librdkafka property as
    /// `COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD`, where each underscore stands for a dot.
    ///
    /// # Errors
    /// A file that cannot be read, and every unknown key and impossible value with the line or variable it stands in.
    pub fn load(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let mut layers = Layers::default();
        if let Some(path) = path {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
            layers.file(path, &text);
        }
        layers.environment(environment);
        layers.finish()
    }
}

/// The configuration so far, where its values came from, and what was wrong on the way.
struct Layers {
    config: Config,
    /// The serialised default: which keys there are, and of which type.
    known: Table,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

impl Default for Layers {
    fn default() -> Self {
        let config = Config::default();
        let known = table_of(&config);
        Layers { config, known, origins: BTreeMap::new(), problems: Vec::new() }
    }
}

impl Layers {
    fn file(&mut self, path: &Path, text: &str) {
        let line_at = |offset: usize| 1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count();
        let at = |line| Origin::File { path: path.to_owned(), line };
        let (spans, values) = match (DeTable::parse(text), text.parse::<Table>()) {
            (Ok(spans), Ok(values)) => (spans, values),
            (Err(error), _) | (_, Err(error)) => {
                // Not the error's own display: it quotes the line, which may hold a password.
                let line = line_at(error.span().map_or(0, |span| span.start));
                return self.refuse(Some(at(line)), error.message().into());
            }
        };
        for (section, value) in values {
            let Some((key, inside)) = spans.get_ref().get_key_value(section.as_str()) else { continue };
            let origin = at(line_at(key.span().start));
            match (self.known.get(&section), value) {
                (Some(_), Value::Table(keys)) => {
                    for (key, value) in keys {
                        let inside = inside.get_ref().as_table();
                        let span =
                            inside.and_then(|inside| inside.get_key_value(key.as_str())).map(|(key, _)| key.span());
                        self.set(&section, &key, value, at(line_at(span.map_or(0, |span| span.start))));
                    }
                }
                (Some(_), _) => self.refuse(Some(origin), format!("`{section}` is a section: write [{section}]")),
                (None, Value::Table(_)) => {
                    let hint =
                        hint(nearest(&section, self.known.keys().map(String::as_str)), || list(self.known.keys()));
                    self.refuse(Some(origin), format!("unknown section [{section}]; {hint}"));
                }
                (None, _) => {
                    let hint = hint(self.nearest_key("", &section), || list(self.known.keys()));
                    self.refuse(Some(origin), format!("`{section}` is outside any section; {hint}"));
                }
            }
        }
    }

    fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let names: BTreeMap<String, (String, String)> =
            self.keys().map(|(section, key)| (variable(section, key), (section.into(), key.into()))).collect();
        for (name, text) in variables {
            if !name.starts_with(PREFIX) || is_not_ours(&name, &text) {
                continue;
            }
            let origin = Origin::Variable(name.clone());
            if let Some((section, key)) = names.get(&name) {
                match as_type_of(self.known.get(section).and_then(|keys| keys.get(key)), text) {
                    Ok(value) => self.set(section, key, value, origin),
                    Err(expected) => self.refuse(Some(origin), format!("expected {expected}")),
                }
            } else if let Some((section, key, property)) = self.open_table(&name) {
                self.set(&section, &key, Value::Table(Table::from_iter([(property, Value::String(text))])), origin);
            } else {
                let hint = hint(nearest(&name, names.keys().map(String::as_str)), || {
                    format!("variables are named after the keys, such as {}", variable("kafka", "brokers"))
                });
                self.refuse(Some(origin), format!("unknown variable; {hint}"));
            }
        }
    }

    /// Sets one key, or refuses it: unknown, or of the wrong type.
    fn set(&mut self, section: &str, key: &str, value: Value, origin: Origin) {
        let Some(default) = self.known.get(section).and_then(|keys| keys.get(key)) else {
            let known = || list(self.known.get(section).and_then(Value::as_table).into_iter().flat_map(Table::keys));
            let hint = hint(self.nearest_key(section, key), known);
            return self.refuse(Some(origin), format!("unknown key `{section}.{key}`; {hint}"));
        };
        if default.is_table() {
            return self.set_properties(section, key, value, origin);
        }
        let path = format!("{section}.{key}");
        let mut trial = table_of(&self.config);
        if let Some(Value::Table(keys)) = trial.get_mut(section) {
            keys.insert(key.into(), value);
        }
        match trial.try_into() {
            Ok(config) => {
                self.config = config;
                self.origins.insert(path, origin);
            }
            Err(error) => self.refuse(Some(origin), format!("`{path}`: {}", error.message().trim())),
        }
    }

    /// Adds to the open table of librdkafka properties. `a.b = 1` without quotes is a nested table to TOML: it is meant as
    /// the property `a.b`, so nested names are joined.
    fn set_properties(&mut self, section: &str, key: &str, value: Value, origin: Origin) {
        let Value::Table(properties) = value else {
            return self.refuse(Some(origin), format!("`{section}.{key}` is a section: write [{section}.{key}]"));
        };
        for (name, value) in flatten(properties) {
            let path = format!("{section}.{key}.{name}");
            let text = match value {
                Value::String(text) => text,
                Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => value.to_string(),
                other => {
                    let found = other.type_str();
                    self.refuse(Some(origin.clone()), format!("`{path}`: expected text or a number, found {found}"));
                    continue;
                }
            };
            self.origins.insert(path, origin.clone());
            self.config.kafka.properties.insert(name, text);
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        for (path, message) in rules::broken(&self.config) {
            let origin = self.origins.get(&path).cloned();
            self.refuse(origin, format!("`{path}` {message}"));
        }
        if self.problems.is_empty() { Ok(self.config) } else { Err(ConfigError::Refused(self.problems)) }
    }

    fn refuse(&mut self, origin: Option<Origin>, message: String) {
        self.problems.push(Problem { origin, message });
    }

    /// Every known key with its section.
    fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().flat_map(|(section, keys)| {
            keys.as_table().into_iter().flat_map(Table::keys).map(move |key| (section.as_str(), key.as_str()))
        })
    }

    /// The nearest known key in this section, or the key of this very name in another one.
    fn nearest_key(&self, section: &str, key: &str) -> Option<String> {
        let here = self.keys().filter(|(known, _)| *known == section).map(|(_, key)| key);
        let elsewhere = || self.keys().find(|(_, known)| *known == key);
        nearest(key, here)
            .map(|key| format!("{section}.{key}"))
            .or_else(|| elsewhere().map(|(section, key)| format!("{section}.{key}")))
    }

    /// Takes `COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD` apart, where the section and key name an open table.
    fn open_table(&self, name: &str) -> Option<(String, String, String)> {
        self.keys().find_map(|(section, key)| {
            let open = self.known.get(section)?.get(key)?.is_table();
            let property = name.strip_prefix(&variable(section, key))?.strip_prefix('_')?;
            (open && !property.is_empty())
                .then(|| (section.into(), key.into(), property.to_lowercase().replace('_', ".")))
        })
    }
}

/// The environment variable of a key.
fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// Whether a `COPYDESK_*` variable is meant for somebody else: the tests, or a pod that has a Kubernetes service named
/// `copydesk…` beside it, for which Kubernetes sets `…_SERVICE_HOST`, `…_PORT=tcp://…` and `…_PORT_9102_TCP…`.
fn is_not_ours(name: &str, value: &str) -> bool {
    let port_link = || {
        let (_, rest) = name.split_once("_PORT_")?;
        let (port, protocol) = rest.split_once('_')?;
        Some(port.bytes().all(|b| b.is_ascii_digit()) && ["TCP", "UDP", "SCTP"].iter().any(|p| protocol.starts_with(p)))
    };
    NOT_KEYS.contains(&name)
        || name.starts_with("COPYDESK_TEST_")
        || name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || port_link().unwrap_or(false)
}

fn table_of(config: &Config) -> Table {
    // A plain struct of tables always serialises; were it not so, every key would be unknown and every test red.
    Table::try_from(config).unwrap_or_default()
}

/// The text of a variable as a value of the type the default has.
fn as_type_of(default: Option<&Value>, text: String) -> Result<Value, &'static str> {
    match default {
        Some(Value::Integer(_)) => text.trim().parse().map(Value::Integer).map_err(|_| "a whole number"),
        Some(Value::Boolean(_)) => text.trim().parse().map(Value::Boolean).map_err(|_| "true or false"),
        Some(Value::Table(_)) => Err("the name of a property after it, such as …_SECURITY_PROTOCOL"),
        _ => Ok(Value::String(text)),
    }
}

fn flatten(table: Table) -> Vec<(String, Value)> {
    table
        .into_iter()
        .flat_map(|(name, value)| match value {
            Value::Table(inner) => {
                flatten(inner).into_iter().map(|(rest, value)| (format!("{name}.{rest}"), value)).collect()
            }
            value => vec![(name, value)],
        })
        .collect()
}

/// The candidate closest to `name`, if one is close enough to be meant.
fn nearest<'k>(name: &str, candidates: impl Iterator<Item = &'k str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 2.max(name.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

fn hint(nearest: Option<String>, otherwise: impl FnOnce() -> String) -> String {
    nearest.map_or_else(otherwise, |nearest| format!("did you mean `{nearest}`?"))
}

fn list<'k>(known: impl Iterator<Item = &'k String>) -> String {
    format!("known: {}", known.map(String::as_str).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::{LogFormat, Start};
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let mut on_disk = tempfile::NamedTempFile::new().unwrap();
        on_disk.write_all(file.as_bytes()).unwrap();
        let variables = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Config::load(Some(on_disk.path()), variables)
            .map_err(|error| error.to_string().replace(&on_disk.path().display().to_string(), "copydesk.toml"))
    }

    fn refused(file: &str, environment: &[(&str, &str)]) -> String {
        load(file, environment).unwrap_err()
    }

    #[test]
    fn without_file_and_environment_the_defaults_stand() {
        assert_eq!(Config::load(None, std::iter::empty()).unwrap(), Config::default());
        assert_eq!(load("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_file_overrides_the_defaults_and_the_environment_overrides_the_file() {
        let file = "[dedup]\nwindow_hours = 24\n[log]\nformat = \"json\"\n[kafka]\nstart = \"latest\"\n";
        let config = load(file, &[("COPYDESK_DEDUP_WINDOW_HOURS", "48"), ("PATH", "/bin")]).unwrap();
        assert_eq!(config.dedup.window_hours, 48);
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.kafka.start, Start::Latest);
        assert_eq!(config.topics, Config::default().topics);
    }

    #[test]
    fn every_key_can_be_set_from_the_environment() {
        let layers = Layers::default();
        for (section, key) in layers.keys() {
            let default = &layers.known[section][key];
            let text = match default {
                Value::String(text) => text.clone(),
                Value::Table(_) => continue,
                other => other.to_string(),
            };
            assert!(load("", &[(&variable(section, key), &text)]).is_ok(), "{section}.{key}");
        }
    }

    #[test]
    fn properties_pass_through_from_quoted_names_dotted_names_and_the_environment() {
        let file =
            "[kafka.properties]\n\"security.protocol\" = \"SASL_SSL\"\nlinger.ms = 5\nsocket.keepalive.enable = true\n";
        let config = load(file, &[("COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD", "p=a.b_C")]).unwrap();
        let expected = [
            ("linger.ms", "5"),
            ("sasl.password", "p=a.b_C"),
            ("security.protocol", "SASL_SSL"),
            ("socket.keepalive.enable", "true"),
        ];
        let properties: Vec<_> = config.kafka.properties.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(properties, expected);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
        assert_eq!(
            refused("[dedup]\n\nwindow_hour = 3\n", &[]),
            "copydesk.toml:3: unknown key `dedup.window_hour`; did you mean `dedup.window_hours`?"
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_to_the_right_one() {
        assert_eq!(
            refused("[kafka]\nthreads = 2\n", &[]),
            "copydesk.toml:2: unknown key `kafka.threads`; did you mean `worker.threads`?"
        );
        assert_eq!(
            refused("threads = 2\n", &[]),
            "copydesk.toml:1: `threads` is outside any section; did you mean `worker.threads`?"
        );
    }

    #[test]
    fn a_key_that_resembles_nothing_is_answered_with_the_known_ones() {
        assert_eq!(
            refused("[worker]\nfrobnicate = 2\n", &[]),
            "copydesk.toml:2: unknown key `worker.frobnicate`; known: threads"
        );
    }

    #[test]
    fn an_unknown_section_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            refused("\n[topic]\nraw = \"r\"\n", &[]),
            "copydesk.toml:2: unknown section [topic]; did you mean `topics`?"
        );
        assert_eq!(refused("kafka = 3\n", &[]), "copydesk.toml:1: `kafka` is a section: write [kafka]");
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            refused("", &[("COPYDESK_DEDUP_WINDOW", "3")]),
            "COPYDESK_DEDUP_WINDOW: unknown variable; did you mean `COPYDESK_DEDUP_WINDOW_HOURS`?"
        );
    }

    #[test]
    fn variables_of_the_tests_and_of_kubernetes_services_are_left_alone() {
        let theirs = [
            ("COPYDESK_CONFIG", "/etc/copydesk.toml"),
            ("COPYDESK_SHARED", "/data"),
            ("COPYDESK_TEST_BOOTSTRAP", "localhost:9092"),
            ("COPYDESK_SERVICE_HOST", "10.0.0.1"),
            ("COPYDESK_SERVICE_PORT_ADMIN", "9102"),
            ("COPYDESK_PORT", "tcp://10.0.0.1:9102"),
            ("COPYDESK_ADMIN_PORT_9102_TCP_ADDR", "10.0.0.1"),
            ("COPYDESK_KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
        ];
        assert_eq!(load("", &theirs).unwrap(), Config::default());
        assert!(refused("", &[("COPYDESK_ADMIN_PORT", "9102")]).contains("unknown variable"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_with_where_it_stands() {
        let message = refused("[dedup]\nwindow_hours = \"long\"\n[log]\nformat = \"xml\"\n", &[]);
        assert!(message.contains("copydesk.toml:2: `dedup.window_hours`: invalid type"), "{message}");
        assert!(message.contains("copydesk.toml:4: `log.format`: unknown variant `xml`, expected `human` or `json`"));
        assert_eq!(
            refused("", &[("COPYDESK_WORKER_THREADS", "two")]),
            "COPYDESK_WORKER_THREADS: expected a whole number"
        );
        assert!(refused("[item]\nmax_bytes = -1\n", &[]).starts_with("copydesk.toml:2: `item.max_bytes`:"));
    }

    #[test]
    fn a_syntax_error_names_the_line_and_quotes_nothing_of_it() {
        let message = refused("[kafka.properties]\n\"sasl.password\" = hunter2\n", &[]);
        assert!(message.starts_with("copydesk.toml:2: "), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let message = refused("[worker]\nthreads = 0\nspeed = 3\n", &[("COPYDESK_NOPE", "1")]);
        assert_eq!(message.lines().count(), 3, "{message}");
    }

    #[test]
    fn a_broken_rule_names_the_line_that_broke_it() {
        assert_eq!(refused("[worker]\nthreads = 0\n", &[]), "copydesk.toml:2: `worker.threads` must be at least 1");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Some(Path::new("/nonexistent/copydesk.toml")), std::iter::empty()).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/copydesk.toml: "), "{error}");
    }
}
