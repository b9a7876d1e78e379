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
    assert_eq!(refused("", &[("COPYDESK_WORKER_THREADS", "two")]), "COPYDESK_WORKER_THREADS: expected a whole number");
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
fn a_refused_property_is_found_on_its_own_line() {
    let message = refused("[kafka.properties]\nlinger.ms = 5\n\"acks\" = 1\n\"group.id\" = \"x\"\n", &[]);
    assert!(message.contains("copydesk.toml:3: `kafka.properties.acks`"), "{message}");
    assert!(message.contains("copydesk.toml:4: `kafka.properties.group.id` is set by `kafka.group`"), "{message}");
    assert!(refused("[kafka.propertis]\n", &[]).contains("did you mean `kafka.properties`?"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(Path::new("/nonexistent/copydesk.toml")), std::iter::empty()).unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/copydesk.toml: "), "{error}");
}
