//! The promises, read off the topics.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::harness::desk::{At, Desk};
use crate::harness::ledger::{Article, Ledger, partition_of};
use crate::harness::reader::Record;
use crate::harness::worker::{Settings, Worker};
use crate::input::{self, Item};

/// Everything that is not as it should be.
pub fn broken(desk: &Desk, ledger: &Ledger, count: u64, settings: &Settings) -> Vec<String> {
    // Each item in one place, the counts agree, the changelog agrees with the articles, nothing is left to read.
    let mut broken = ledger.complaints(desk);
    each_content_once(desk, ledger, &mut broken);
    dead_letters(desk, ledger, count, &mut broken);
    order(desk, ledger, &mut broken);
    let (code, said) = Worker::command_with(desk, settings, "verify", &[]);
    if code != Some(0) {
        broken.push(format!("copydesk verify: {said}"));
    }
    broken
}

/// Every article as readers get it, without what tells which of its copies it was made of.
pub fn articles(ledger: &Ledger) -> BTreeSet<String> {
    let document = |article: &Article| {
        let mut json = article.json.clone();
        let fields = json.as_object_mut().expect("an article is an object");
        fields.retain(|name, _| !["firstCreated", "versionCreated"].contains(&name.as_str()));
        let ids = json["altIds"].as_array_mut().expect("an article has them");
        ids.retain(|id| id["role"] == "contentHash");
        json.to_string()
    };
    ledger.articles.iter().map(document).collect()
}

/// What was published is what the input calls for, whatever happened on the way.
fn each_content_once(desk: &Desk, ledger: &Ledger, broken: &mut Vec<String>) {
    let mut published = BTreeSet::new();
    for article in &ledger.articles {
        let version = article.version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0);
        if !published.insert((article.hash.clone(), version)) {
            broken.push(format!("{} was published twice as version {version}", article.hash));
        }
    }
    let expected = input::articles(in_raw_order(desk));
    let missing: Vec<_> = expected.difference(&published).collect();
    let extra: Vec<_> = published.difference(&expected).collect();
    if !missing.is_empty() || !extra.is_empty() {
        broken.push(format!(
            "{} articles are missing, {} are none of ours: {missing:?} {extra:?}",
            missing.len(),
            extra.len()
        ));
    }
}

/// The numbers of all items in the order in which they lie in the raw log, one partition after the other.
fn in_raw_order(desk: &Desk) -> Vec<u64> {
    let mut numbered: Vec<(At, u64)> = desk.sent.iter().map(|sent| sent.at).zip(0..).collect();
    numbered.sort_unstable();
    let overtaken =
        numbered.windows(2).filter(|pair| pair[0].0.partition == pair[1].0.partition && pair[0].1 > pair[1].1);
    println!("          {} items lie behind one that was sent after them", overtaken.count());
    numbered.into_iter().map(|(_, number)| number).collect()
}

fn dead_letters(desk: &Desk, ledger: &Ledger, count: u64, broken: &mut Vec<String>) {
    let mut reasons: BTreeMap<At, &str> = BTreeMap::new();
    for letter in &ledger.rejected {
        if let Some(source) = letter.source {
            reasons.insert(source, &letter.reason);
        }
    }
    for (number, sent) in (0..count).zip(&desk.sent) {
        let expected = match input::item(number) {
            Item::Poison => Some("bad_envelope"),
            Item::Oversize => Some("too_large"),
            _ => None,
        };
        if reasons.get(&sent.at).copied() != expected {
            broken.push(format!("raw {}: rejected as {:?}, not {expected:?}", sent.at, reasons.get(&sent.at)));
        }
    }
}

/// What comes of one raw partition keeps its order wherever it lies: between the steps, among the articles, and among the
/// copies of a content.
fn order(desk: &Desk, ledger: &Ledger, broken: &mut Vec<String>) {
    let mut last: HashMap<(i32, i32), i64> = HashMap::new();
    let source = |record: &Record| -> Option<At> {
        let (rest, offset) = record.header("copydesk-source")?.rsplit_once('/')?;
        let (topic, partition) = rest.rsplit_once('/')?;
        (topic == desk.topics.raw).then_some(At { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    };
    for record in &ledger.normalized {
        let Some(at) = source(record) else { continue };
        let last = last.entry((record.partition, at.partition)).or_insert(-1);
        if at.offset <= *last {
            broken.push(format!("normalized {}/{} goes back to raw {at}", record.partition, record.offset));
        }
        *last = at.offset;
    }
    // Some were decided at once, others between the steps: the one way does not overtake the other.
    let mut last: HashMap<(i32, Option<i32>, i32), i64> = HashMap::new();
    for Article { source, hash, record, .. } in &ledger.articles {
        let last = last.entry((record.partition, partition_of(hash, desk), source.partition)).or_insert(-1);
        if source.offset <= *last {
            broken.push(format!("articles {}/{} goes back to raw {source}", record.partition, record.offset));
        }
        *last = source.offset;
    }
    let mut last: HashMap<(&str, i32), i64> = HashMap::new();
    for duplicate in &ledger.duplicates {
        let last = last.entry((&duplicate.hash, duplicate.source.partition)).or_insert(-1);
        if duplicate.source.offset <= *last {
            broken.push(format!("the duplicates of {} go back to raw {}", duplicate.hash, duplicate.source));
        }
        *last = duplicate.source.offset;
    }
}
