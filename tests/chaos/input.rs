//! What goes in: any number of items, always the same, and what must come of them.

use std::collections::{BTreeSet, HashMap};

use copydesk::edit::Desk;
use copydesk::normalize::Normalizer;

use crate::harness::corpus::story;
use crate::harness::desk::Raw;

/// The largest item in bytes.
pub const MAX_BYTES: usize = 20_000;

/// How far back a copy lies from its original, in items.
const DISTANCES: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A story of its own.
    Story(u64),
    /// The story of an earlier item, with advertisements.
    Copy(u64),
    /// A version of a story under a uri.
    Version { story: u64, version: u64 },
    /// Not readable.
    Poison,
    /// Too large.
    Oversize,
}

/// Item number `number`.
pub fn item(number: u64) -> Item {
    match number {
        n if n % 97 == 96 => Item::Poison,
        n if n % 1_009 == 1_008 => Item::Oversize,
        n if n % 53 == 11 => Item::Version { story: (1 << 40) + n / 530, version: 1 + n % 530 / 53 },
        n if n % 4 == 3 => {
            let back = DISTANCES.into_iter().cycle().skip((n / 4 % 6) as usize);
            // The first distance from which on there is a story so far back.
            let mut original = back.take(6).filter_map(|distance| n.checked_sub(distance));
            original.find(|original| matches!(item(*original), Item::Story(_))).map_or(Item::Story(n), Item::Copy)
        }
        n => Item::Story(n),
    }
}

/// Item number `number` as it is sent, at this time.
pub fn raw(number: u64, now: i64) -> Raw {
    let raw = match item(number) {
        Item::Story(of) => Raw::from(&story(of)),
        Item::Copy(of) => Raw::bytes(story(of).text_with_ads()),
        // All versions of a story come on one feed, so they come in order.
        Item::Version { story: of, version } => {
            let fields = serde_json::json!({"uri": format!("urn:nwa:{of}"), "version": version});
            Raw::story(&story(of), fields).on((of % 4) as i32)
        }
        Item::Poison => Raw::bytes(format!("{{\"text\": \"cut off at {number}")),
        Item::Oversize => Raw::bytes(story(number).text().repeat(30)),
    };
    // Every thirty-first is two hours late.
    if number % 31 == 7 { raw.at(now - 7_200_000) } else { raw.at(now) }
}

/// What must be published of these items, in the order in which they lie in the raw log: content hash and version. A version
/// that lies behind a newer one is out of date.
pub fn articles(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<(String, u64)> {
    let desk = Desk::builtin().expect("the built-in rules load");
    let mut normalizer = Normalizer::new(&desk, "news.example", MAX_BYTES);
    let mut hash = |of| {
        let normalized = normalizer.normalize(story(of).text().as_bytes(), None, None).expect("a story is readable");
        normalized.hash.to_string()
    };
    let mut newest: HashMap<u64, u64> = HashMap::new();
    let mut is_new = |(of, version)| newest.insert(of, version).is_none_or(|before| before < version);
    let published = numbers.into_iter().filter_map(|number| match item(number) {
        Item::Story(of) => Some((of, 1)),
        Item::Version { story: of, version } => Some((of, version)),
        _ => None,
    });
    published.filter(|published| is_new(*published)).map(|(of, version)| (hash(of), version)).collect()
}
