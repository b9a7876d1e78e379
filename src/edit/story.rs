//! The structure of a wire item: which paragraph is the headline, a caption, the story, its tail.
//!
//! Rules speak first; position, repetition and shape decide what no rule names. The order of an item is taken to be head
//! (headline, byline, captions), story, tail. A paragraph leaves the story only for a rule or for two pieces of structural
//! evidence; in doubt it stays.

mod begin;
mod between;
mod captions;
mod head;
mod tail;
#[cfg(test)]
mod tests;

use std::cell::{Cell, LazyCell, OnceCell};

use super::dateline::Found;
use super::lines::{Block, End};
use super::rules::{At, Hit, Place, Rule, Rules};
use super::{Hints, Label};

/// Paragraphs at the start of an item that are searched for a dateline.
const HEAD: usize = 24;
/// Words that a headline, or a link to a story, may have.
const HEADLINE_WORDS: usize = 16;
/// Words behind the last sentence of a paragraph that may be marks: `EFE ab/cd`.
const MARKS: usize = 3;

/// What a paragraph is, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict<'r> {
    pub label: Label,
    pub reason: &'r str,
    /// The rule, if one gave the label.
    pub rule: Option<&'r Rule>,
}

impl<'r> Verdict<'r> {
    pub(super) fn evidence(label: Label, reason: &'r str) -> Verdict<'r> {
        Verdict { label, reason, rule: None }
    }

    /// What a paragraph is whose end, or all of which, is a picture credit: a caption, or only the credit.
    fn rule(hit: &Hit<'r>, text: &str) -> Verdict<'r> {
        let rule = hit.rule;
        let credited =
            rule.label == Label::Credit && rule.at != At::Line && text[..hit.offset].contains(char::is_alphanumeric);
        Verdict { label: if credited { Label::Caption } else { rule.label }, reason: &rule.id, rule: Some(rule) }
    }
}

/// The structure found.
pub(super) struct Structure<'t, 'r> {
    /// One a block.
    pub verdicts: Vec<Verdict<'r>>,
    /// The block with the dateline, and the dateline.
    pub dateline: Option<(usize, Found<'t, 'r>)>,
    /// The first block of the story.
    pub story: usize,
    /// The blocks that may have a sign-off glued to their end.
    pub glued: Vec<bool>,
}

impl Structure<'_, '_> {
    /// Whether any of the item is the story.
    pub(super) fn has_story(&self) -> bool {
        self.verdicts.iter().any(|v| v.label == Label::Body)
    }
}

/// Finds the structure of a wire item.
pub(super) fn structure<'t, 'r>(
    rules: &'r Rules,
    text: &'t str,
    blocks: &[Block<'t>],
    hints: &Hints<'_>,
) -> Structure<'t, 'r> {
    let mut datelines = blocks
        .iter()
        .take(HEAD)
        .enumerate()
        .filter_map(|(i, b)| rules.agencies.dateline(&text[b.span.clone()], false).map(|found| (i, found)));
    let mut agency = datelines.next();
    // A dateline on a line of its own may stand again before the story.
    let mut alone = None;
    if let Some((i, found)) = &agency
        && found.verbatim.len() == blocks[*i].span.len()
        && let Some(again) = datelines.find(|(_, again)| again.place == found.place)
    {
        alone = Some(*i);
        agency = Some(again);
    }
    let (needing, glued) = (rules.needing(text, blocks), vec![true; blocks.len()]);
    let (found, last_dateline) = (vec![None; blocks.len()], OnceCell::new());
    let mut pass = Pass { rules, blocks, sources: Vec::new(), needing, last_dateline, glued, found };
    let dateline = agency.filter(|(at, found)| {
        pass.sources = sources(hints, Some(found));
        pass.before(*at, true, alone);
        !pass.story_before(*at) || pass.summary_before(*at, found)
    });
    // An agency that is only named inside the story scopes nothing.
    let head = blocks.len().min(HEAD);
    let dateline = dateline.or_else(|| {
        pass.sources = sources(hints, None);
        pass.before(head, false, None);
        let opening = |i: usize| rules.agencies.dateline(&text[blocks[i].span.clone()], true).map(|found| (i, found));
        (0..head).filter(|i| pass.found[*i].is_none() && !pass.story_before(*i)).find_map(opening)
    });
    let story = match &dateline {
        Some((at, _)) => *at,
        None => pass.first_of_story(head).unwrap_or(0),
    };
    for i in story..blocks.len() {
        pass.found[i] = if dateline.as_ref().is_some_and(|(at, _)| *at == i) {
            Some(Verdict::evidence(Label::Body, "dateline"))
        } else {
            pass.rule(i, &[Place::Any, Place::After])
        };
    }
    pass.head(story, hints);
    pass.tail(story);
    // Behind a list of links the story ends sooner.
    if pass.lists(story + 1, blocks.len()) {
        pass.tail(story);
    }
    pass.teasers(story + 1);
    pass.story(story, dateline.is_some());
    // And what the story ends with may have stood before what has left it.
    pass.last_lines(story);
    let glued = pass.glued;
    let verdicts = pass.found.into_iter().map(|v| v.unwrap_or(Verdict::evidence(Label::Body, "story"))).collect();
    Structure { verdicts, dateline, story, glued }
}

/// The names that scope rules: the sender's, and the agencies of the dateline.
pub(super) fn sources<'a>(hints: &Hints<'a>, dateline: Option<&Found<'a, 'a>>) -> Vec<&'a str> {
    use super::dateline::Agency::{Known, Other};
    let named = dateline.into_iter().flat_map(|d| {
        d.agencies.iter().map(|a| match a {
            Known(name) => *name,
            Other(name) => *name,
        })
    });
    hints.source.into_iter().chain(named).collect()
}

struct Pass<'a, 't, 'r> {
    rules: &'r Rules,
    blocks: &'a [Block<'t>],
    sources: Vec<&'a str>,
    /// The blocks that may hold something that a rule needs.
    needing: Vec<bool>,
    /// The last block with an agency's dateline, once it was looked for.
    last_dateline: OnceCell<Option<usize>>,
    /// See [`Structure`].
    glued: Vec<bool>,
    found: Vec<Option<Verdict<'r>>>,
}

impl<'r> Pass<'_, '_, 'r> {
    /// What rules, repetition and lists say of the blocks before `head`. `dateline`: it has an agency's, which `again` names
    /// too, on a line of its own.
    fn before(&mut self, head: usize, dateline: bool, again: Option<usize>) {
        for i in 0..head {
            self.found[i] = self.rule(i, &[Place::Any, Place::Head, Place::After]);
        }
        if let Some(i) = again {
            self.found[i] = Some(Verdict::evidence(Label::Boilerplate, "the dateline, which stands again below"));
        }
        self.lists(0, head);
        self.captions_again(0, head);
        self.repetitions(head, dateline);
    }

    /// The verdict of the rules on block `i`, among those that hold in `places`.
    fn rule(&mut self, i: usize, places: &[Place]) -> Option<Verdict<'r>> {
        let (rules, text) = (self.rules, self.blocks[i].text.as_ref());
        // What somebody said is copy, whatever the sentence begins with.
        let speech = LazyCell::new(|| self.sentence(i) && reports_speech(text));
        let wanted = |r: &Rule| {
            places.contains(&r.place)
                && r.in_scope(&self.sources)
                && (!matches!(r.label, Label::Boilerplate | Label::Signoff) || r.at != At::Line || !*speech)
                // `CLOSE CALL` is a crosshead, `CLOSE The mayor speaks` a caption.
                && !(r.chrome && self.blocks[i].letters().all_caps())
        };
        let signed = Cell::new(false);
        let credit = |r: &Rule| {
            signed.set(signed.get() || r.label == Label::Signoff);
            r.label == Label::Credit && wanted(r)
        };
        let hit = rules.find_first(text, self.needing[i], wanted, credit);
        self.glued[i] = hit.is_some() || signed.get();
        let blank = || Verdict::evidence(Label::Boilerplate, "neither letters nor figures");
        hit.map(|hit| Verdict::rule(&hit, text)).or_else(|| (!self.says_something(i)).then(blank))
    }

    /// Ends as a sentence does, holds one, or is too long for anything else.
    fn sentence(&self, i: usize) -> bool {
        let (text, shape) = (self.blocks[i].text.as_ref(), &self.blocks[i].shape);
        match shape.end {
            _ if shape.long || shape.words >= 24 => true,
            End::Sentence => shape.words >= 6 || (shape.words >= 2 && ends_in_word(text)),
            End::Open | End::Colon => shape.words >= 6 && self.holds_copy(text),
        }
    }

    /// Whether a sentence ends inside `text` and another one at its end, or only marks follow it: initials, an agency. Behind the
    /// point of an abbreviation, or of a number, a headline goes on.
    fn holds_copy(&self, text: &str) -> bool {
        let mark = |word: &str| {
            word.contains('/') || !word.contains(char::is_lowercase) || self.rules.agencies.is_agency(word)
        };
        text.match_indices('.').filter(|(at, _)| ends_in_word(&text[..=*at])).any(|(at, _)| {
            let behind = &text[at + 1..];
            let rest = behind.trim_start();
            let counted = text[..at].ends_with(|c: char| c.is_ascii_digit());
            let next = rest.starts_with(|c: char| !c.is_lowercase()) && End::of(rest) == End::Sentence && !counted;
            let glued = text[..at].ends_with(char::is_lowercase) && behind.starts_with(char::is_uppercase);
            let marks = rest.split_whitespace().count() <= MARKS && rest.split_whitespace().all(mark);
            glued || rest.starts_with(['/', '(', '[', '–', '—']) || (behind.starts_with(' ') && (next || marks))
        })
    }

    fn label(&self, i: usize) -> Option<Label> {
        self.found[i].map(|v| v.label)
    }

    fn says_something(&self, i: usize) -> bool {
        self.blocks[i].text.contains(char::is_alphanumeric)
    }

    fn has_dateline(&self, i: usize) -> bool {
        self.rules.agencies.dateline(&self.blocks[i].text, false).is_some()
    }

    /// Lists under a heading, crossheads, and links between the paragraphs.
    fn story(&mut self, story: usize, dateline: bool) {
        self.sections(story + 1);
        self.captions(story + 1);
        self.captions_again(story + 1, self.blocks.len());
        self.dates(story + 1);
        let mut run = Vec::new();
        for i in story + 1..self.blocks.len() {
            match self.found[i] {
                // What leaves the story does not part what stays.
                Some(v) if v.label != Label::Body => {}
                None if self.is_open(i) => run.push(i),
                _ => self.open_lines(std::mem::take(&mut run), dateline),
            }
        }
        self.open_lines(run, dateline);
        self.series(story + 1);
    }
}

/// Whether `text` says that somebody said something.
fn reports_speech(text: &str) -> bool {
    const VERBS: [&str; 9] = [
        " said",
        " says ",
        " told ",
        " asked ",
        " added ",
        " showed that ",
        " shows that ",
        " found that ",
        " suggests that ",
    ];
    VERBS.iter().any(|verb| text.contains(verb))
}

/// Whether `text` ends in a full stop that belongs to the sentence, not to an abbreviation: `U.S.`, `Inc.`, `N.`.
fn ends_in_word(text: &str) -> bool {
    let Some(stem) = text.strip_suffix('.') else { return false };
    let word = stem.rsplit(' ').next().unwrap_or(stem);
    let short_name = word.chars().count() <= 3 && word.starts_with(char::is_uppercase);
    !word.contains('.') && !short_name && word.chars().any(char::is_alphanumeric)
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && (word.starts_with("19") || word.starts_with("20")) && word.bytes().all(|b| b.is_ascii_digit())
}
