//! New boilerplate, found from the traffic itself: lines that recur across different stories of one source.
//!
//! In: edited items, one after the other. Out: [`Mined`], whose [`Proposal`]s are rules for a person to accept or delete.
//! Pure: nothing is read or written here.
//!
//! A line is proposed when all of this holds:
//!
//! - It reaches the article today, as body, crosshead or headline, and no rule gave it its label. Lines that differ only
//!   in numbers, months or weekdays are one line, and so are lines that differ in the slant of their quotes.
//! - It stands in enough *different stories* of its source. Copies of one content, versions of one uri, and texts that
//!   share two fifths of their wording are one story, and so are texts that have the line between the same paragraphs;
//!   what a story says is not taken for furniture however many papers print it.
//! - It is *shaped like furniture*: a few words without a full stop, or an address or mark of ownership in it, and no part
//!   of a list or table, where the names of leagues and shares recur. What is shaped otherwise must stand in every tenth
//!   item of its source; for a sentence it is enough to stand at the edges of its stories. A sentence is proposed word for
//!   word only: `No one was hurt.` recurs too, and quakes are told by filling in a form. Paragraphs are never proposed.
//!
//! One pass over the items. What is kept is bounded: at most [`CAPACITY`] lines, each with its first wording, three
//! examples and the sketches of the last 32 stories it was seen in, and a counter a source. When there are more lines, those
//! seen in the fewest stories are forgotten, and how many is told.

mod proposal;
mod shape;
mod stories;
mod template;

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::rc::Rc;

pub use proposal::{Mined, Proposal};

use crate::edit::{Copy, Label};
use crate::fingerprint::ContentHash;
use shape::Shape;
use stories::{Stories, Story};
use template::Template;

/// Lines remembered at most: under 200 MB, measured with nothing but lines that occur once.
pub const CAPACITY: usize = 1 << 17;

/// Examples kept of a line.
const EXAMPLES: usize = 3;

/// Short lines on end beyond which they are a list or table.
const LIST: usize = 8;

/// Where an item came from.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Where it can be found again: for the person who decides.
    pub place: &'a str,
    /// The source as the sender names it.
    pub source: Option<&'a str>,
    /// The provider's uri of the story.
    pub uri: Option<&'a str>,
    /// The hash of its content.
    pub hash: ContentHash,
}

/// Collects lines over many items.
#[derive(Debug)]
pub struct Miner {
    capacity: usize,
    sources: Vec<Source>,
    by_name: HashMap<String, usize>,
    /// By source and wording.
    candidates: HashMap<(usize, String), Candidate>,
    items: u64,
    forgotten: u64,
}

/// A source of items; the one without a name holds those that name none.
#[derive(Debug)]
struct Source {
    name: Option<String>,
    items: u64,
}

/// A line that may be furniture.
#[derive(Debug)]
struct Candidate {
    template: Template,
    shape: Shape,
    stories: Stories,
    items: u64,
    /// Items in which it stands at the edge of the story.
    edges: u64,
    /// Items in which it stands in a list.
    listed: u64,
    /// Items in which it stands after the story's first paragraph.
    after: u64,
    /// Items by the label it has today, in the order of [`MINED`].
    labels: [u64; MINED.len()],
    examples: Vec<Example>,
}

/// A line that is furniture in one source or in several.
struct Group {
    /// The sources, and the different stories of all of them.
    sources: Vec<usize>,
    stories: u64,
    /// The line in the first of them, with the counts of all.
    line: Candidate,
}

impl Group {
    fn new(source: usize, line: Candidate) -> Group {
        Group { sources: vec![source], stories: line.stories.count(), line }
    }

    fn merge(&mut self, source: usize, other: &Candidate) {
        self.sources.push(source);
        self.sources.sort_unstable();
        self.stories += other.stories.count();
        self.line.template.merge(&other.template);
        self.line.items += other.items;
        self.line.after += other.after;
        self.line.labels.iter_mut().zip(other.labels).for_each(|(own, more)| *own += more);
        self.line.examples.extend_from_slice(&other.examples);
        self.line.examples.truncate(EXAMPLES);
    }
}

#[derive(Clone, Debug)]
struct Example {
    text: String,
    place: String,
}

/// The labels of lines that reach the article as text.
const MINED: [Label; 3] = [Label::Body, Label::Subhead, Label::Headline];

impl Default for Miner {
    fn default() -> Self {
        Miner::with_capacity(CAPACITY)
    }
}

impl Miner {
    /// A miner that remembers at most `capacity` lines.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Miner {
        let (sources, by_name, candidates) = (Vec::new(), HashMap::new(), HashMap::new());
        Miner { capacity, sources, by_name, candidates, items: 0, forgotten: 0 }
    }

    /// Takes one edited item in.
    pub fn see(&mut self, sighting: &Sighting<'_>, copy: &Copy<'_>) {
        let source = self.source(sighting, copy);
        self.items += 1;
        self.sources[source].items += 1;
        let story = Rc::new(Story::new(sighting.hash, sighting.uri, copy));
        let mut seen = HashSet::new();
        for line in lines(copy) {
            let (template, key) = Template::of(line.text);
            if !seen.insert(key.clone()) || !template.has_words() {
                continue;
            }
            let candidate = self.candidates.entry((source, key)).or_insert_with(|| Candidate::new(&line, template));
            candidate.see(&line, &story, sighting.place);
        }
        if self.candidates.len() > self.capacity {
            self.forget();
        }
    }

    /// The source of an item: the sender's name, else the agency of the dateline.
    fn source(&mut self, sighting: &Sighting<'_>, copy: &Copy<'_>) -> usize {
        let agency = || copy.dateline.as_ref().and_then(|d| d.agencies.first().copied());
        let name = sighting.source.map(str::trim).filter(|name| !name.is_empty()).or_else(agency);
        let sources = &mut self.sources;
        *self.by_name.entry(name.unwrap_or_default().to_lowercase()).or_insert_with(|| {
            sources.push(Source { name: name.map(str::to_owned), items: 0 });
            sources.len() - 1
        })
    }

    /// Forgets the lines seen in the fewest stories, until a quarter of the room is free.
    fn forget(&mut self) {
        let before = self.candidates.len();
        for fewest in 1.. {
            self.candidates.retain(|_, candidate| candidate.stories.count() > fewest);
            if self.candidates.len() <= self.capacity / 4 * 3 {
                break;
            }
        }
        self.forgotten += (before - self.candidates.len()) as u64;
    }

    /// The lines that recur in at least `min_stories` different stories of a source, as rules; the most frequent first.
    #[must_use]
    pub fn finish(self, min_stories: u64) -> Mined {
        let Miner { sources, candidates, items, forgotten, .. } = self;
        let mut groups: HashMap<String, Group> = HashMap::new();
        for ((source, key), candidate) in candidates {
            if candidate.is_furniture(min_stories, sources[source].items) {
                match groups.entry(key) {
                    Entry::Occupied(group) => group.into_mut().merge(source, &candidate),
                    Entry::Vacant(room) => _ = room.insert(Group::new(source, candidate)),
                }
            }
        }
        let mut proposals: Vec<_> = groups.iter().map(|(key, group)| Proposal::new(key, group, &sources)).collect();
        proposals.sort_by(|a, b| b.stories.cmp(&a.stories).then_with(|| a.id.cmp(&b.id)));
        Mined { items, sources: sources.len(), forgotten, proposals }
    }
}

/// A line that reaches the article, and where it stands.
struct Found<'t> {
    text: &'t str,
    shape: Shape,
    /// Index in [`MINED`].
    label: usize,
    edge: bool,
    listed: bool,
    after: bool,
    /// The hash of the long paragraphs above and below, where it stands between such.
    passage: Option<u64>,
}

/// The lines of an item that may be furniture.
fn lines<'c>(copy: &'c Copy<'_>) -> impl Iterator<Item = Found<'c>> {
    let kept: Vec<_> = copy.lines.iter().filter(|line| MINED.contains(&line.label)).collect();
    let count = kept.len();
    let first = kept.iter().position(|line| line.label == Label::Body).unwrap_or(count);
    let headline = copy.raw_headline.or(copy.headline);
    let paragraphs: HashSet<&str> = copy.body.iter().map(AsRef::as_ref).chain(headline).collect();
    let shapes: Vec<_> = kept.iter().map(|line| Shape::of(line.text)).collect();
    let listed: Vec<_> = shapes
        .chunk_by(|a, b| a == b)
        .flat_map(|run| run.iter().map(|shape| *shape == Shape::Furniture && run.len() > LIST))
        .collect();
    let above = nearest(kept.iter().map(|line| line.text));
    let mut below = nearest(kept.iter().rev().map(|line| line.text));
    below.reverse();
    kept.into_iter().enumerate().filter_map(move |(i, line)| {
        // A part of a paragraph is no line: a hard-wrapped row, or a paragraph with a dateline or sign-off on it.
        let whole = paragraphs.contains(line.text);
        let shape = shapes[i];
        let label = MINED.iter().position(|label| *label == line.label)?;
        let passage = above[i].zip(below[i]).map(|around| stories::hash(&around));
        let edge = i < (count / 4).min(2) || count - i <= (count / 4).clamp(1, 3);
        let found = Found { text: line.text, shape, label, edge, listed: listed[i], after: i > first, passage };
        (whole && shape != Shape::Paragraph && !is_rule(line.reason)).then_some(found)
    })
}

/// For each line, the last one before it that is long enough to be told by.
fn nearest<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<Option<&'t str>> {
    let step = |last: &mut Option<&'t str>, line: &'t str| {
        let before = *last;
        *last = Some(line).filter(|line| shape::is_telling(line)).or(before);
        Some(before)
    };
    lines.scan(None, step).collect()
}

/// Whether a reason is the id of a rule, `agency/name`; evidence is told in words.
fn is_rule(reason: &str) -> bool {
    reason.contains('/')
}

impl Candidate {
    fn new(line: &Found<'_>, template: Template) -> Candidate {
        Candidate {
            template,
            shape: line.shape,
            stories: Stories::default(),
            items: 0,
            edges: 0,
            listed: 0,
            after: 0,
            labels: [0; MINED.len()],
            examples: Vec::new(),
        }
    }

    fn see(&mut self, line: &Found<'_>, story: &Rc<Story>, place: &str) {
        self.items += 1;
        self.edges += u64::from(line.edge);
        self.listed += u64::from(line.listed);
        self.after += u64::from(line.after);
        self.labels[line.label] += 1;
        self.template.compare(line.text);
        let new_story = self.stories.see(story, line.passage);
        let new_wording = self.examples.iter().all(|example| example.text != line.text);
        if self.examples.len() < EXAMPLES && (new_story || new_wording) {
            self.examples.push(Example { text: line.text.to_owned(), place: place.to_owned() });
        }
    }

    /// Whether it recurs enough, for its shape, among the `items` of its source.
    fn is_furniture(&self, min_stories: u64, items: u64) -> bool {
        let stories = self.stories.count();
        let alone = self.listed * 2 <= self.items;
        let at_the_edge = self.edges * 5 >= self.items * 4;
        let everywhere = stories >= 2 * min_stories && self.items * 10 >= items;
        stories >= min_stories
            && match self.shape {
                Shape::Furniture => alone || everywhere,
                Shape::Sentence => !self.template.has_changed() && (at_the_edge || everywhere),
                Shape::Paragraph => false,
            }
    }
}

#[cfg(test)]
mod tests;
