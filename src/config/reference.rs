//! The configuration reference, `docs/configuration.md`, rendered from the types: their keys and documentation by their JSON
//! schema, the defaults by [`Config::default`]. A test fails when the committed page is not current.
//! `COPYDESK_TEST_WRITE_DOCS=1 cargo test --lib reference` writes it.

use std::fmt::Write as _;
use std::path::Path;

use schemars::schema_for;
use serde_json::Value;
use toml::Table;

use super::environment::variable;
use super::{Config, rules};

const PAGE: &str = "docs/configuration.md";

const INTRODUCTION: &str = "\
<!-- Made of src/config/mod.rs: COPYDESK_TEST_WRITE_DOCS=1 cargo test --lib reference -->

# Configuration reference

Every key has a default, so an empty file is a valid one, and what differs from the defaults is all that need stand in yours.
A value is looked for in this order:

1. the environment, key by key: `COPYDESK_<SECTION>_<KEY>`;
2. the TOML file that `--config` or `COPYDESK_CONFIG` names;
3. the default.

A key that does not exist is refused with the nearest one that does, and a value that cannot be with what it must be; all of it
at once, with file and line or variable. `copydesk check` does that without starting anything, `copydesk check --show` prints
what is in effect, with secrets masked. [config/copydesk.toml](../config/copydesk.toml) is a file of all defaults to begin from.

SIGHUP takes new rules and a new `log.level` into the running process; everything else takes a restart.
";

const PROPERTIES: &str = "
### Properties

`[kafka.properties]` takes any
[librdkafka property](https://github.com/confluentinc/librdkafka/blob/v2.12.1/CONFIGURATION.md), for every client:

```toml
[kafka.properties]
\"security.protocol\" = \"SASL_SSL\"
\"sasl.mechanism\" = \"SCRAM-SHA-512\"
```

In the environment each underscore stands for a dot: `COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD` sets `sasl.password`, which keeps
secrets out of the file. Those on which exactly-once rests, or that have a key of their own, are refused:

| property | why |
|---|---|
";

/// The whole page.
fn page() -> String {
    let schema = schema_for!(Config).to_value();
    let defaults = Table::try_from(Config::default()).unwrap();
    let mut page = INTRODUCTION.to_owned();
    let mut section = "";
    let text = toml::to_string(&Config::default()).unwrap();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            match name.split_once('.') {
                None => {
                    section = name;
                    open(&mut page, name, described(of(&schema, &schema["properties"][name])));
                }
                Some((_, key)) => page.push_str(&row(&schema, &defaults, section, key)),
            }
            if name == "kafka.properties" {
                properties(&mut page);
            }
        } else if let Some((key, _)) = line.split_once(" = ") {
            page.push_str(&row(&schema, &defaults, section, key));
        }
    }
    page
}

fn open(page: &mut String, section: &str, about: &str) {
    let _ =
        write!(page, "\n## {section}\n\n{about}\n\n| key, variable | takes | default | meaning |\n|---|---|---|---|\n");
}

fn row(schema: &Value, defaults: &Table, section: &str, key: &str) -> String {
    let field = &of(schema, &schema["properties"][section])["properties"][key];
    let default = match &defaults[section][key] {
        toml::Value::Table(_) => "none".to_owned(),
        value => format!("`{value}`"),
    };
    let name = variable(section, key);
    format!(
        "| `{section}.{key}`<br>`{name}` | {} | {default} | {} |\n",
        takes(of(schema, field)),
        meaning(schema, field)
    )
}

/// What a schema says, or the definition that it names.
fn of<'s>(schema: &'s Value, part: &'s Value) -> &'s Value {
    let pointer = part["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
    pointer.map_or(part, |pointer| schema.pointer(pointer).expect("the schema has what it names"))
}

fn described(part: &Value) -> &str {
    part["description"].as_str().expect("every part of the configuration is documented")
}

/// What the field is, and of a choice what each word does.
fn meaning(schema: &Value, field: &Value) -> String {
    let mut meaning = described(field).replace('\n', " ");
    for choice in choices(of(schema, field)) {
        let _ = write!(meaning, "<br>`{}`: {}", choice["const"].as_str().unwrap(), described(choice));
    }
    meaning
}

fn takes(field: &Value) -> String {
    let words: Vec<String> = choices(field).map(|choice| format!("`{}`", choice["const"].as_str().unwrap())).collect();
    match field["type"].as_str() {
        Some("integer") => "a whole number".into(),
        Some("number") => "a number".into(),
        Some("object") => "properties".into(),
        _ if words.is_empty() => "text".into(),
        _ => words.join(", "),
    }
}

fn choices(field: &Value) -> impl Iterator<Item = &Value> {
    field["oneOf"].as_array().into_iter().flatten()
}

fn properties(page: &mut String) {
    page.push_str(PROPERTIES);
    for (name, why) in rules::OWNED {
        let _ = writeln!(page, "| `{name}` | {why} |");
    }
}

#[test]
fn the_reference_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("COPYDESK_TEST_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page(), "{PAGE} is not current: COPYDESK_TEST_WRITE_DOCS=1 cargo test --lib reference");
}
