//! Which items are the same story.
//!
//! The content hash knows exact copies only: one advertisement left in the body makes another content of the same story.
//! So a story is also known by its provider's uri, and by its wording: the smallest hashes of its runs of three words, a
//! bottom-k sketch (Broder, *On the resemblance and containment of documents*, 1997). Two sketches are compared by how much
//! of the smaller one is in the other, because papers cut stories short. Short lines and addresses are left out: these are
//! what may be furniture.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::shape;
use crate::edit::Copy;
use crate::fingerprint::ContentHash;

/// Hashes in a sketch.
const SKETCH: usize = 64;
/// Words in a run.
const RUN: usize = 3;
/// Stories that a new one is compared with.
const REMEMBERED: usize = 32;

/// What a story is known by.
#[derive(Debug)]
pub(super) struct Story {
    content: ContentHash,
    uri: Option<u64>,
    /// The smallest hashes of its runs of words, in order.
    sketch: Vec<u64>,
}

impl Story {
    pub(super) fn new(content: ContentHash, uri: Option<&str>, copy: &Copy<'_>) -> Story {
        let paragraphs = || copy.body.iter().map(AsRef::as_ref);
        let mut sketch: Vec<u64> = paragraphs().filter(|p| shape::is_telling(p)).flat_map(runs).collect();
        if sketch.is_empty() {
            sketch = paragraphs().flat_map(runs).collect();
        }
        sketch.sort_unstable();
        sketch.dedup();
        sketch.truncate(SKETCH);
        sketch.shrink_to_fit();
        Story { content, uri: uri.map(|uri| hash(&uri)), sketch }
    }

    fn is_same(&self, other: &Story) -> bool {
        self.content == other.content || (self.uri.is_some() && self.uri == other.uri) || self.resembles(other)
    }

    /// Two fifths of the runs of the shorter story stand in the other one: rewritten and cut stories share more, stories
    /// that share a paragraph of background share less.
    fn resembles(&self, other: &Story) -> bool {
        // A full sketch holds the smallest hashes only: beyond the smaller of both ends nothing can be compared.
        let end = |sketch: &[u64]| if sketch.len() < SKETCH { u64::MAX } else { sketch[SKETCH - 1] };
        let end = end(&self.sketch).min(end(&other.sketch));
        let within = |sketch: &[u64]| sketch.partition_point(|hash| *hash <= end);
        let smaller = within(&self.sketch).min(within(&other.sketch));
        let shared = self.sketch.iter().filter(|hash| other.sketch.binary_search(hash).is_ok()).count();
        shared > 0 && shared * 5 >= smaller * 2
    }
}

/// The hashes of all runs of words of a paragraph. Letters and digits count, in any case.
fn runs(paragraph: &str) -> Vec<u64> {
    let words: Vec<u64> = shape::words(paragraph).map(|word| hash(&word.to_lowercase())).collect();
    match words.len() {
        0 => Vec::new(),
        1..RUN => vec![hash(&words)],
        _ => words.windows(RUN).map(|run| hash(&run)).collect(),
    }
}

pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Counts the different stories that a line stands in, each compared with the last [`REMEMBERED`] that were new.
#[derive(Debug, Default)]
pub(super) struct Stories {
    last: Vec<(Rc<Story>, Option<u64>)>,
    count: u64,
}

impl Stories {
    /// Whether the story is new; if so it is counted. A line in the same `passage` (the paragraphs around it, hashed) is in
    /// the same story, whatever else the item holds: roundups take passages over.
    pub(super) fn see(&mut self, story: &Rc<Story>, passage: Option<u64>) -> bool {
        let same_passage = |seen: &Option<u64>| passage.is_some() && *seen == passage;
        if self.last.iter().any(|(seen, around)| same_passage(around) || seen.is_same(story)) {
            return false;
        }
        let entry = (Rc::clone(story), passage);
        if self.last.len() < REMEMBERED {
            self.last.push(entry);
        } else {
            self.last[(self.count % REMEMBERED as u64) as usize] = entry;
        }
        self.count += 1;
        true
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn paragraph(n: usize) -> String {
        let words: Vec<_> =
            (0..20).map(|i| format!("{}{}", ["ship", "gull", "quay", "tide"][i % 4], n * 7 + i)).collect();
        words.join(" ")
    }

    fn story(number: u8, paragraphs: &[String]) -> Story {
        let body = paragraphs.iter().map(|p| Cow::Owned(p.clone())).collect();
        Story::new(ContentHash::from([number; 32]), None, &Copy { body, ..Copy::default() })
    }

    #[test]
    fn a_story_cut_short_or_printed_among_advertisements_is_the_same() {
        let all: Vec<_> = (0..40).map(paragraph).collect();
        let whole = story(1, &all);
        assert!(whole.is_same(&story(2, &all[..12])));
        let mut among = all[..9].to_vec();
        among.extend(["Advertisement".to_owned(), "Download our app".to_owned()]);
        assert!(whole.is_same(&story(3, &among)));
    }

    #[test]
    fn two_stories_with_one_paragraph_of_background_in_common_are_two() {
        let (first, mut second): (Vec<_>, Vec<_>) =
            ((0..6).map(paragraph).collect(), (10..15).map(paragraph).collect());
        second.push(paragraph(3));
        assert!(!story(1, &first).is_same(&story(2, &second)));
        assert!(!story(1, &[]).is_same(&story(2, &first)), "a story without text resembles none");
    }

    #[test]
    fn versions_of_one_uri_are_one_story() {
        let (copy, other) = (Copy::default(), Copy { body: vec![paragraph(1).into()], ..Copy::default() });
        let versions =
            [Story::new([1; 32].into(), Some("urn:a"), &copy), Story::new([2; 32].into(), Some("urn:a"), &other)];
        assert!(versions[0].is_same(&versions[1]));
    }

    #[test]
    fn a_story_that_comes_back_is_not_counted_again() {
        let mut stories = Stories::default();
        let of = |n: usize| Rc::new(story(n as u8, &[paragraph(n)]));
        for n in [1, 2, 1, 2, 3, 3] {
            stories.see(&of(n), None);
        }
        assert_eq!(stories.count(), 3);
        (10..90).for_each(|n| assert!(stories.see(&of(n), None)));
        assert_eq!((stories.count(), stories.last.len()), (83, REMEMBERED));
    }
}
