//! The fuzz targets' entry points on a stable compiler: every kept case, and random bytes around good examples.
//!
//! `cargo +nightly fuzz run TARGET` looks further; what it finds is kept in `fuzz/cases/TARGET`. `COPYDESK_TEST_FUZZ_CASES`
//! sets the number of inputs a door (default 400, and a twenty-fifth of it for the slow loader of rules).

#[path = "../fuzz/entries.rs"]
mod entries;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// Where bytes come in: the name of its cases, and the entry point.
type Door = (&'static str, fn(&[u8]));

const DOORS: [Door; 5] = [
    ("decoder", entries::decoder),
    ("envelope", entries::envelope),
    ("edit", entries::edit),
    ("rules", entries::rules),
    ("changelog", entries::changelog),
];

fn inputs() -> u32 {
    std::env::var("COPYDESK_TEST_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

fn cases(door: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/cases").join(door);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.expect("it is listed").path()).expect("it can be read")).collect()
}

#[test]
fn every_kept_case_passes() {
    for (door, entry) in DOORS {
        let cases = cases(door);
        assert!(!cases.is_empty(), "no case is kept for {door}");
        cases.iter().for_each(|case| entry(case));
    }
}

/// A good example with some bytes cut out, doubled and overwritten.
fn damaged(door: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..8));
    (prop::sample::select(cases(door)), prop::collection::vec(damage, 0..6)).prop_map(|(mut case, damages)| {
        for (from, to, bytes) in damages {
            let (from, to) = (from.index(case.len() + 1), to.index(case.len() + 1));
            case.splice(from.min(to)..from.max(to).min(from.min(to) + 40), bytes);
        }
        case
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: inputs(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_decoder_fall(data in prop::collection::vec(any::<u8>(), 0..600)) {
        entries::decoder(&data);
    }

    #[test]
    fn no_damage_makes_the_decoder_fall(data in damaged("decoder")) {
        entries::decoder(&data);
    }

    #[test]
    fn no_damage_makes_the_envelope_fall(data in damaged("envelope")) {
        entries::envelope(&data);
    }

    #[test]
    fn no_damage_makes_the_edit_desk_fall(data in damaged("edit")) {
        entries::edit(&data);
    }

    #[test]
    fn no_damage_makes_the_changelog_fall(data in damaged("changelog")) {
        entries::changelog(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: inputs() / 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_the_rules_loader_fall(data in damaged("rules")) {
        entries::rules(&data);
    }
}
