//! Every article is valid by IPTC's own ninjs 3.1 schema.
//!
//! The schema is third-party data and not part of this repository: the tests look for it in `../shared/schemas` or under
//! `COPYDESK_SHARED`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use copydesk::{article::Origin, edit::Desk, normalize::Normalizer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn shared() -> PathBuf {
    std::env::var_os("COPYDESK_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

fn validator() -> jsonschema::Validator {
    let path = shared().join("schemas/ninjs/ninjs-schema_3.1.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("needs {}: {error}", path.display()));
    let schema: Value = serde_json::from_str(&text).unwrap();
    // The schema refers to GeoJSON's by URL; places are not written, so any JSON will do.
    let registry = jsonschema::Registry::new()
        .add("https://geojson.org/schema/GeoJSON.json", json!(true))
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::options().with_registry(&registry).should_validate_formats(true).build(&schema).unwrap()
}

fn articles(items: &[Value]) -> Vec<Value> {
    let desk = Desk::builtin().unwrap();
    let mut normalizer = Normalizer::new(&desk, "news.example", 1 << 20);
    let origin = Origin { topic: "wire.raw".into(), partition: 0, offset: 7, timestamp: 1_588_687_331_000 };
    items
        .iter()
        .map(|item| {
            let normalized = normalizer.normalize(item.to_string().as_bytes(), None, Some(&origin)).unwrap();
            serde_json::from_slice(&normalized.json).unwrap()
        })
        .collect()
}

#[test]
#[ignore = "needs IPTC's schema in ../shared/schemas (or COPYDESK_SHARED)"]
fn articles_of_every_kind_are_valid_ninjs() {
    let text = "Advertisement\n\nFerry landing reopens\n\nThe landing. Photo by Tomas Quill/UPI\n\
                HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday, officials said.\n\n\
                The work took nine years and cost four million crowns.\n";
    let items = [
        json!({"text": text}),
        json!({"text": text, "uri": "urn:example:1", "version": 3, "status": "canceled", "source": "upi"}),
        json!({"text": text, "uri": "not a uri", "status": "withheld", "language": "en-GB", "url": "https://x.example/?a=b c"}),
        json!({"text": text, "received": "2026-11-23T10:00:00+01:00", "headline": "Another headline"}),
        json!({"text": "URGENT: Bridge closed", "uri": "tag:x.example,2026:1"}),
        json!({"text": "東京 (共同) 港が九年ぶりに再開した。\n\n関係者が火曜日に語った。"}),
    ];
    let validator = validator();
    for article in articles(&items) {
        let errors: Vec<String> =
            validator.iter_errors(&article).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{article:#}");
    }
}

/// Lines of which items are made: copy, furniture, and what upsets a format.
const LINES: [&str; 16] = [
    "The council reopened the landing on Tuesday, officials said.",
    "HARROWMERE, May 5 (UPI) -- The council reopened the landing on Tuesday.",
    "東京 (共同) 港が九年ぶりに再開した。",
    "OSTHEIM, 31 Feb (AFP) - It opened.",
    "By Kit Marlow and Ana Brandt",
    "By \"<&>\\, Kit",
    "The landing. Photo by Tomas Quill/UPI",
    "FILE PHOTO: The landing, May 5, 2026. REUTERS/Kit Marlow/File Photo",
    "(AP Photo/Kit Marlow, \u{1f4f7})",
    "EDITORS: not for use before 0001 GMT",
    "UPDATE 9-",
    "(Reporting by Kit Marlow; Editing by)",
    "___",
    "BC-Harbour-Storm, 2nd Ld-Writethru",
    "\u{202e}desrever\u{0}",
    "a",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "needs IPTC's schema in ../shared/schemas (or COPYDESK_SHARED)"]
    fn whatever_is_made_of_any_lines_and_fields_is_valid_ninjs(
        lines in prop::collection::vec(prop_oneof![4 => prop::sample::select(&LINES[..]).prop_map(str::to_owned), 1 => ".{0,60}"], 1..12),
        fields in prop::collection::btree_map(prop::sample::select(&["uri", "url", "source", "headline", "language"][..]), ".{0,40}", 0..4),
        status in prop::sample::select(&["usable", "withheld", "killed", ""][..]),
        version in prop::option::of(any::<u64>()),
    ) {
        let mut item = json!({"text": lines.join("\n"), "status": status, "version": version});
        for (field, value) in fields {
            item[field] = value.into();
        }
        static TOOLS: LazyLock<(Desk, jsonschema::Validator)> =
            LazyLock::new(|| (Desk::builtin().unwrap(), validator()));
        let (desk, validator) = &*TOOLS;
        let mut normalizer = Normalizer::new(desk, "news.example", 1 << 20);
        if let Ok(normalized) = normalizer.normalize(item.to_string().as_bytes(), None, None) {
            let article: Value = serde_json::from_slice(&normalized.json).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&article).map(|error| format!("{}: {error}", error.instance_path())).collect();
            prop_assert!(errors.is_empty(), "{errors:#?}\n{item:#}\n{article:#}");
        }
    }
}

#[test]
#[ignore = "needs IPTC's schema in ../shared/schemas (or COPYDESK_SHARED)"]
fn the_validator_refuses_what_is_not_ninjs() {
    let validator = validator();
    for bad in
        [json!({}), json!({"uri": "urn:a:b", "colour": "red"}), json!({"uri": "urn:a:b", "versionCreated": "soon"})]
    {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
