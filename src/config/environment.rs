//! How configuration keys are named and typed in the environment.

use toml::Value;

/// What begins the name of an environment variable that sets a key.
const PREFIX: &str = "COPYDESK_";

/// `COPYDESK_*` variables that are not configuration keys: the path of the file itself, and what the tests read.
const NOT_KEYS: [&str; 2] = ["COPYDESK_CONFIG", "COPYDESK_SHARED"];

/// The environment variable of a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// Whether a variable is meant for the configuration. Others that begin alike are not: those of the tests, and those that
/// Kubernetes sets in a pod beside a service named `copydesk…`, as `…_SERVICE_HOST`, `…_PORT=tcp://…`, `…_PORT_9102_TCP…`.
pub(super) fn is_ours(name: &str, value: &str) -> bool {
    let port_link = || {
        let (_, rest) = name.split_once("_PORT_")?;
        let (port, protocol) = rest.split_once('_')?;
        Some(port.bytes().all(|b| b.is_ascii_digit()) && ["TCP", "UDP", "SCTP"].iter().any(|p| protocol.starts_with(p)))
    };
    let theirs = NOT_KEYS.contains(&name)
        || name.starts_with("COPYDESK_TEST_")
        || name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || port_link().unwrap_or(false);
    name.starts_with(PREFIX) && !theirs
}

/// The text of a variable as a value of the type the default has.
pub(super) fn as_type_of(default: Option<&Value>, text: String) -> Result<Value, &'static str> {
    match default {
        Some(Value::Integer(_)) => text.trim().parse().map(Value::Integer).map_err(|_| "a whole number"),
        Some(Value::Float(_)) => text.trim().parse().map(Value::Float).map_err(|_| "a number"),
        Some(Value::Boolean(_)) => text.trim().parse().map(Value::Boolean).map_err(|_| "true or false"),
        Some(Value::Table(_)) => Err("the name of a property after it, such as …_SECURITY_PROTOCOL"),
        _ => Ok(Value::String(text)),
    }
}
