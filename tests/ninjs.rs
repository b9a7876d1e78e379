//! Every article is valid by IPTC's own ninjs 3.1 schema.
//!
//! The schema is third-party data and not part of this repository: the tests look for it in `../shared/schemas` or under
//! `COPYDESK_SHARED`.

use std::path::{Path, PathBuf};

use copydesk::{article::Origin, edit::Desk, normalize::Normalizer};
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
#[ignore = "needs IPTC's schema in ../shared (or COPYDESK_SHARED)"]
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

#[test]
#[ignore = "needs IPTC's schema in ../shared (or COPYDESK_SHARED)"]
fn the_validator_refuses_what_is_not_ninjs() {
    let validator = validator();
    for bad in
        [json!({}), json!({"uri": "urn:a:b", "colour": "red"}), json!({"uri": "urn:a:b", "versionCreated": "soon"})]
    {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
