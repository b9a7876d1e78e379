//! Lays the file and the environment over the defaults, and remembers where each value came from.
//!
//! The known keys are those of the serialised default, so a new field needs no second list. Every override is tried on its
//! own, so that an error names the line or the variable it stands in; all problems are reported at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml::{Table, Value};

use super::environment::{as_type_of, is_ours, variable};
use super::{Config, rules};

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
    #[error("{path}: {error}", path = path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
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
                .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
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
                    for (key, value, span) in spanned(keys, inside.get_ref().as_table()) {
                        let origin = at(line_at(span.start));
                        let inner = inside.get_ref().get(key.as_str()).and_then(|inner| inner.get_ref().as_table());
                        match value {
                            Value::Table(properties) if !properties.is_empty() => {
                                for (name, value, span) in spanned(properties, inner) {
                                    let property = Value::Table(Table::from_iter([(name, value)]));
                                    self.set(&section, &key, property, at(line_at(span.start)));
                                }
                            }
                            value => self.set(&section, &key, value, origin),
                        }
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
            if !is_ours(&name, &text) {
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

fn table_of(config: &Config) -> Table {
    // A plain struct of tables always serialises; were it not so, every key would be unknown and every test red.
    Table::try_from(config).unwrap_or_default()
}

/// The entries of a table with the place of each key in the text.
fn spanned<'t>(
    values: Table,
    spans: Option<&'t DeTable<'t>>,
) -> impl Iterator<Item = (String, Value, Range<usize>)> + 't {
    values.into_iter().map(move |(key, value)| {
        let span = spans.and_then(|spans| spans.get_key_value(key.as_str())).map(|(key, _)| key.span());
        (key, value, span.unwrap_or_default())
    })
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
mod tests;
