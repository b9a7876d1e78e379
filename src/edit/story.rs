//! The structure of a wire item: which paragraph is the headline, a caption, the story, its tail.
//!
//! Rules speak first; position, repetition and shape decide what no rule names. The order of an item is taken to be head
//! (headline, byline, captions), story, tail. A paragraph leaves the story only for a rule or for two pieces of structural
//! evidence; in doubt it stays.

mod between;

use std::cell::{Cell, LazyCell};

use super::byline;
use super::dateline::Found;
use super::lines::{Block, End};
use super::rules::{At, Place, Rule, Rules};
use super::stamp::is_stamp;
use super::{Hints, Label};

/// Paragraphs at the start of an item that are searched for a dateline.
const HEAD: usize = 24;
/// Lines that are no sentences beyond which they are the story, not headline and deck.
const OPEN_LINES_BEFORE: usize = 4;
/// Words that a caption without a date or a credit may have.
const CAPTION_WORDS: usize = 40;
/// Words that a headline, or a link to a story, may have.
const HEADLINE_WORDS: usize = 16;

/// Words that a link under a heading has at least, inside the story and behind it.
const LINK_WORDS: usize = 5;
const TAIL_LINK_WORDS: usize = 1;

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

    fn rule(rule: &'r Rule) -> Verdict<'r> {
        let label = if rule.at == At::Line || rule.label != Label::Credit { rule.label } else { Label::Caption };
        Verdict { label, reason: &rule.id, rule: Some(rule) }
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

/// Finds the structure of a wire item.
pub(super) fn structure<'t, 'r>(
    rules: &'r Rules,
    text: &'t str,
    blocks: &[Block<'t>],
    hints: &Hints<'_>,
) -> Structure<'t, 'r> {
    let agency = blocks
        .iter()
        .take(HEAD)
        .enumerate()
        .find_map(|(i, b)| rules.agencies.dateline(&text[b.span.clone()], false).map(|found| (i, found)));
    let scope = sources(hints, agency.as_ref().map(|(_, found)| found));
    let (needing, glued) = (rules.needing(text, blocks), vec![true; blocks.len()]);
    let mut pass = Pass { rules, blocks, sources: scope, needing, glued, found: vec![None; blocks.len()] };
    let head = agency.as_ref().map_or(blocks.len().min(HEAD), |(i, _)| *i);
    for i in 0..head {
        pass.found[i] = pass.rule(i, &[Place::Any, Place::Head, Place::After]);
    }
    pass.lists(0, head);
    pass.repetitions(head, agency.is_some());
    let first_sentence = pass.first_of_story(head);
    let dateline = match agency {
        Some((at, found)) if !pass.story_before(at) || pass.one_before(at, &found, text) => Some((at, found)),
        _ => (0..head)
            .filter(|i| pass.found[*i].is_none() && !pass.story_before(*i))
            .find_map(|i| rules.agencies.dateline(&text[blocks[i].span.clone()], true).map(|found| (i, found))),
    };
    // An agency that is only named inside the story scopes nothing.
    pass.sources = sources(hints, dateline.as_ref().map(|(_, found)| found));
    let story = match &dateline {
        Some((at, _)) => *at,
        None => first_sentence.unwrap_or(0),
    };
    for i in story..blocks.len() {
        pass.found[i] = if dateline.as_ref().is_some_and(|(at, _)| *at == i) {
            Some(Verdict::evidence(Label::Body, "dateline"))
        } else {
            pass.rule(i, &[Place::Any, Place::After])
        };
    }
    pass.head(story, dateline.is_some(), hints);
    pass.tail(story);
    // Behind a list of links the story ends sooner.
    if pass.lists(story + 1, blocks.len()) {
        pass.tail(story);
    }
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
    /// See [`Structure`].
    glued: Vec<bool>,
    found: Vec<Option<Verdict<'r>>>,
}

impl<'r> Pass<'_, '_, 'r> {
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
        hit.map(|hit| Verdict::rule(hit.rule))
    }

    /// Ends as a sentence does, holds one, or is too long for anything else.
    fn sentence(&self, i: usize) -> bool {
        let (text, shape) = (self.blocks[i].text.as_ref(), &self.blocks[i].shape);
        match shape.end {
            _ if shape.long || shape.words >= 24 => true,
            End::Sentence => shape.words >= 6 || (shape.words >= 2 && ends_in_word(text)),
            End::Open | End::Colon => shape.words >= 6 && holds_sentence(text),
        }
    }

    /// Where the story begins if no dateline says so: at the first sentence, at a line that introduces a list, or in the
    /// middle of a sentence. If more lines come before it than a headline and its deck have, they are a list: the story.
    fn first_of_story(&self, head: usize) -> Option<usize> {
        let mut open: Vec<usize> = Vec::new();
        for i in (0..head).filter(|i| self.found[*i].is_none() && !is_stamp(&self.blocks[*i].text)) {
            let middle = self.blocks[i].text.starts_with(char::is_lowercase);
            if self.sentence(i) || self.blocks[i].introduces() || middle {
                return Some(i);
            }
            if !open.iter().any(|j| self.blocks[*j].text == self.blocks[i].text) {
                open.push(i);
            }
            if open.len() > OPEN_LINES_BEFORE {
                return open.first().copied();
            }
        }
        None
    }

    /// Whether a sentence stands before `at` that no rule names and that is no caption by its looks: then the story has begun,
    /// and the dateline is one inside it.
    fn story_before(&self, at: usize) -> bool {
        let caption = |i: usize| self.dated(i) || self.may_be_credited(i);
        (0..at).any(|i| self.found[i].is_none() && ((self.sentence(i) && !caption(i)) || self.blocks[i].introduces()))
    }

    /// Whether one short sentence stands before the dateline of a place and an agency, beside what a rule names, and no other
    /// such dateline behind it: a caption or a summary, not the lead of a round-up.
    fn one_before(&self, at: usize, found: &Found<'_, '_>, text: &str) -> bool {
        let (open, rest): (Vec<usize>, Vec<usize>) =
            (0..at).partition(|i| self.found[*i].is_none() && self.sentence(*i));
        let short = |i: usize| self.blocks[i].shape.words <= CAPTION_WORDS;
        let another = |b: &Block<'_>| self.rules.agencies.dateline(&text[b.span.clone()], false).is_some();
        found.place.is_some()
            && matches!(open.as_slice(), [one] if short(*one))
            && (!rest.is_empty() || found.day.is_some())
            && !rest.iter().any(|i| self.found[*i].is_none() && self.blocks[*i].introduces())
            && !self.blocks[at + 1..].iter().any(another)
    }

    /// Ends in what may be the credit of a picture: before a dateline that is enough.
    fn may_be_credited(&self, i: usize) -> bool {
        let credit = |r: &Rule| r.label == Label::Credit && r.in_scope(&self.sources);
        self.rules.find_in_caption(At::End, &self.blocks[i].text, credit).is_some()
    }

    /// Names a year, as the caption of a picture does.
    fn dated(&self, i: usize) -> bool {
        self.blocks[i].text.split([' ', ',', '.']).any(is_year)
    }

    /// A paragraph that stands twice in a row, before anything that is story, is a caption.
    fn repetitions(&mut self, head: usize, dateline: bool) {
        let cut = |i: &usize| self.found[*i].is_some_and(|v| v.rule.is_some_and(|r| r.cut));
        let end = (0..head).find(cut).unwrap_or(head);
        let open: Vec<usize> = (0..end).filter(|i| self.found[*i].is_none()).collect();
        for (k, &i) in open.iter().enumerate() {
            let own = self.rules.agencies.dateline(&self.blocks[i].text, true).is_some();
            if own || self.found[i].is_some() || !self.sentence(i) {
                continue;
            }
            let later = open[k + 1..].iter().take(2);
            let twins: Vec<usize> = later.copied().filter(|j| self.blocks[*j].text == self.blocks[i].text).collect();
            if twins.is_empty() && !(dateline && self.dated(i)) {
                return;
            }
            let story = |j: &usize| self.sentence(*j) && self.blocks[*j].text != self.blocks[i].text;
            if !dateline && !open[k + 1..].iter().any(story) {
                return;
            }
            for j in twins.iter().copied().chain(twins.first().map(|_| i)) {
                self.found[j] = Some(Verdict::evidence(Label::Caption, "repeated in the head"));
            }
        }
    }

    /// What stands before the story.
    fn head(&mut self, story: usize, dateline: bool, hints: &Hints<'_>) {
        let mut headline: Option<usize> = None;
        for i in 0..story {
            if self.found[i].is_some() && !(headline.is_none() && self.may_head(i, story)) {
                continue;
            }
            let block = &self.blocks[i];
            self.found[i] = Some(if hints.headline.is_some_and(|h| same_words(h, &block.text)) {
                headline = headline.or(Some(i));
                Verdict::evidence(Label::Headline, "the headline sent beside the text")
            } else if is_stamp(&block.text) {
                Verdict::evidence(Label::Date, "a date and nothing else")
            } else if dateline && self.sentence(i) {
                Verdict::evidence(Label::Caption, "a sentence before the dateline")
            } else if headline.is_some() && block.text.ends_with(')') && self.may_be_credited(i) {
                Verdict::evidence(Label::Caption, "credited, under the headline")
            } else if headline.is_some_and(|h| self.blocks[h].text == block.text) {
                Verdict::evidence(Label::Headline, "the headline again")
            } else if headline.is_some_and(|h| names_image(&block.text, &self.blocks[h].text)) {
                Verdict::evidence(Label::Boilerplate, "the headline as the name of a picture")
            } else if i > 0 && self.label(i - 1) == Some(Label::Byline) && self.is_outlet(i) {
                Verdict::evidence(Label::Boilerplate, "the outlet under a byline")
            } else if self.is_byline(i, headline.is_some()) {
                Verdict::evidence(Label::Byline, "names and nothing else")
            } else if (2..=3).contains(&block.shape.words) && self.rules.agencies.is_agency(&block.text) {
                Verdict::evidence(Label::Byline, "an agency and nothing else")
            } else if headline.is_none()
                && (2..=HEADLINE_WORDS).contains(&block.shape.words)
                && block.shape.end != End::Colon
            {
                headline = Some(i);
                Verdict::evidence(Label::Headline, "the first line, without a full stop")
            } else if block.shape.words < 2 {
                Verdict::evidence(Label::Boilerplate, "a single word before the story")
            } else {
                Verdict::evidence(Label::Subhead, "between headline and story")
            });
        }
    }

    /// A line that would be a link inside the story (`Exclusive: …`), where nothing else before the story can be its headline.
    fn may_head(&self, i: usize, story: usize) -> bool {
        let link = self.found[i].and_then(|v| v.rule).is_some_and(|r| {
            r.place == Place::After && r.label == Label::Boilerplate && !r.cut && !r.list && !r.section
        });
        link && self.blocks[i].shape.words >= 4 && (i + 1..story).all(|j| self.found[j].is_some() || self.sentence(j))
    }

    fn label(&self, i: usize) -> Option<Label> {
        self.found[i].map(|v| v.label)
    }

    /// Two names or more; or one, with the name of an agency, under a headline or over the name of an outlet.
    fn is_byline(&self, i: usize, headline: bool) -> bool {
        let text = self.blocks[i].text.as_ref();
        let named = text.rsplit_once(", ").filter(|(_, outlet)| self.rules.agencies.is_agency(outlet));
        let people = byline::people(named.map_or(text, |(names, _)| names)).unwrap_or(0);
        people > 1
            || (people == 1
                && (named.is_some() || headline || self.blocks.get(i + 1).is_some_and(|_| self.is_outlet(i + 1))))
    }

    fn is_outlet(&self, i: usize) -> bool {
        let block = &self.blocks[i];
        block.shape.words <= 3 && (block.letters().all_caps() || self.rules.agencies.is_agency(&block.text))
    }

    /// After a line that ends the item, and the last lines.
    fn tail(&mut self, story: usize) {
        let cut =
            (story + 1..self.blocks.len()).find(|i| self.found[*i].is_some_and(|v| v.rule.is_some_and(|r| r.cut)));
        if let Some(cut) = cut
            && (story..cut).any(|i| self.found[i].is_none_or(|v| v.label == Label::Body))
        {
            let end = self.found[cut];
            // Who issued a press release stands below its contacts.
            let source = |v: &Verdict<'_>| v.label == Label::Signoff && v.rule.is_some_and(Rule::is_scoped);
            let note = end.is_some_and(|v| v.label == Label::Note);
            self.found[cut + 1..].iter_mut().filter(|v| note || !v.as_ref().is_some_and(source)).for_each(|v| *v = end);
        }
        self.last_lines(story);
    }

    /// From the last paragraph backwards, as long as a rule for the tail knows what stands there.
    fn last_lines(&mut self, story: usize) {
        for i in (story + 1..self.blocks.len()).rev() {
            if self.found[i].is_none() {
                match self.rule(i, &[Place::Tail]) {
                    Some(verdict) => self.found[i] = Some(verdict),
                    None => break,
                }
            }
        }
    }

    /// Open lines under a heading that announces links. Behind the last sentence a short one can be no crosshead. Whether
    /// there are any.
    fn lists(&mut self, from: usize, to: usize) -> bool {
        let mut any = false;
        let mut listed: Option<&'r str> = None;
        let (mut story, mut copy) = (None, None);
        for i in from..to {
            match self.found[i] {
                // How old a listed story is, its picture, and what parts it from the next.
                Some(v)
                    if listed.is_some()
                        && (matches!(v.label, Label::Date | Label::Caption) || !self.says_something(i)) => {}
                Some(v) => listed = v.rule.filter(|r| r.list).map(|r| r.id.as_str()),
                None if listed.is_some() && self.is_open(i) => {
                    let end = *story.get_or_insert_with(|| {
                        (i..to).rev().find(|&j| self.found[j].is_none() && !self.is_open(j)).unwrap_or(i)
                    });
                    if self.blocks[i].shape.words >= if i < end { LINK_WORDS } else { TAIL_LINK_WORDS } {
                        self.found[i] = listed.map(|id| Verdict::evidence(Label::Boilerplate, id));
                        any = true;
                    } else {
                        listed = None;
                    }
                }
                // The beginning of another story, behind which the item has no copy.
                None if listed.is_some() && self.has_dateline(i) => {
                    let copy = *copy.get_or_insert_with(|| {
                        let copy = |j: &usize| self.found[*j].is_none() && !self.is_open(*j) && !self.has_dateline(*j);
                        (i..to).rev().find(copy).unwrap_or(i)
                    });
                    listed = listed.filter(|_| i >= copy);
                    self.found[i] = listed.map(|id| Verdict::evidence(Label::Boilerplate, id));
                }
                None => listed = None,
            }
        }
        any
    }

    fn says_something(&self, i: usize) -> bool {
        self.blocks[i].text.contains(char::is_alphanumeric)
    }

    fn has_dateline(&self, i: usize) -> bool {
        self.rules.agencies.dateline(&self.blocks[i].text, false).is_some()
    }

    /// Sentences under a heading that announces what is not the story.
    fn sections(&mut self, from: usize) {
        let mut section: Option<&'r str> = None;
        for i in from..self.blocks.len() {
            match self.found[i] {
                Some(v) => section = v.rule.filter(|r| r.section).map(|r| r.id.as_str()).or(section),
                None if self.sentence(i) => {
                    self.found[i] = section.map(|id| Verdict::evidence(Label::Boilerplate, id));
                }
                None => section = None,
            }
        }
    }

    /// A caption between paragraphs, in the copy of agencies that end one with their name: the story goes on behind it, and
    /// it is dated, as a caption is, or credited to the agency whose story this is: a sign-off would end the item.
    fn captions(&mut self, from: usize) {
        let text = |i: usize| self.blocks[i].text.as_ref();
        let open = |i: &usize| self.found[*i].is_none();
        let Some(last) = (from..self.blocks.len()).rev().find(open) else { return };
        let credited: Vec<(usize, &str)> = (from..last)
            .filter(open)
            .filter_map(|i| Some((i, self.rules.agencies.known(bracketed_at_end(text(i))?)?)))
            .collect();
        for &(i, agency) in &credited {
            let own = || {
                matches!(credited.as_slice(), [_] | [_, _])
                    && self.sources.contains(&agency)
                    && !(from..self.blocks.len()).any(|i| self.has_dateline(i))
                    && self.blocks[i].shape.words <= CAPTION_WORDS
                    && !reports_speech(text(i))
            };
            if self.dated(i) || own() {
                self.found[i] = Some(Verdict::evidence(Label::Caption, "credited to an agency between paragraphs"));
            }
        }
    }

    /// Lists under a heading, crossheads, and links between the paragraphs.
    fn story(&mut self, story: usize, dateline: bool) {
        self.sections(story + 1);
        self.captions(story + 1);
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

/// What stands in the brackets that a paragraph ends with: `The mayor waits. (AP)` → `AP`.
fn bracketed_at_end(text: &str) -> Option<&str> {
    let inner = text.strip_suffix(')')?;
    Some(&inner[inner.rfind('(')? + 1..])
}

/// Whether `text` is `headline` with the size of a picture and who filed it behind: `Ferries return 150 150 admin`.
fn names_image(text: &str, headline: &str) -> bool {
    let Some(rest) = text.strip_prefix(headline) else { return false };
    let mut words = rest.split_whitespace();
    let size = |word: Option<&str>| word.is_some_and(|w| w.len() <= 5 && w.bytes().all(|b| b.is_ascii_digit()));
    size(words.next()) && size(words.next()) && words.count() <= 2
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

/// Whether a sentence ends inside `text`, be it that a sign-off is glued to it: `2,3 Prozent./ag/jha/`, `the office.Enditem`.
fn holds_sentence(text: &str) -> bool {
    let glued = |at: usize| text[..at].ends_with(char::is_lowercase) && text[at + 1..].starts_with(char::is_uppercase);
    let behind = |at: usize| text[at + 1..].starts_with([' ', '/', '(', '[', '–', '—']) || glued(at);
    text.match_indices('.').any(|(at, _)| behind(at) && ends_in_word(&text[..=at]))
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

/// Equal but for case and white space.
fn same_words(a: &str, b: &str) -> bool {
    let fold = |s: &str| s.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    a.len().abs_diff(b.len()) <= a.len() / 4 + 8 && fold(a) == fold(b)
}
