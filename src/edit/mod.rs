//! An item's text → [`struct@Copy`]: every line labelled, headline, dateline, captions, sign-offs and body pulled apart.
//!
//! Pure: no I/O, no clock, no global. What is known of agencies stands in `config/rules/*.toml`; position, repetition and
//! shape of lines is code.

mod automaton;
mod byline;
mod caption;
pub mod credit;
mod dateline;
pub mod headline;
pub mod language;
mod lines;
mod names;
#[doc(hidden)]
pub mod page;
pub mod people;
#[cfg(test)]
pub(crate) mod properties;
mod rules;
mod slug;
mod stamp;
mod story;
mod words;

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;

pub(crate) use lines::{is_unspaced, one_line};
pub use rules::RuleError;

use credit::Credit;
use dateline::Agency;
use lines::{Block, Row};
use people::Role;
use rules::{At, Rules};
use story::Structure;

/// What a line of an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// The headline, or a repetition of it.
    Headline,
    /// A crosshead inside the body.
    Subhead,
    /// Who wrote it.
    Byline,
    /// A line that is only a date or time.
    Date,
    /// What a picture shows (with its credit, if on the same line).
    Caption,
    /// A line that is only a picture credit.
    Credit,
    /// Who reported and edited, contact lines.
    Signoff,
    /// A correction, an editor's note, an embargo line.
    Note,
    /// Ads, promos, navigation, copyright lines, end marks: not editorial text.
    Boilerplate,
    /// The story.
    Body,
}

impl Label {
    /// Every label.
    pub const ALL: [Label; 10] = [
        Label::Headline,
        Label::Subhead,
        Label::Byline,
        Label::Date,
        Label::Caption,
        Label::Credit,
        Label::Signoff,
        Label::Note,
        Label::Boilerplate,
        Label::Body,
    ];

    /// The label's name, as rule files and outputs spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Label::Headline => "headline",
            Label::Subhead => "subhead",
            Label::Byline => "byline",
            Label::Date => "date",
            Label::Caption => "caption",
            Label::Credit => "credit",
            Label::Signoff => "signoff",
            Label::Note => "note",
            Label::Boilerplate => "boilerplate",
            Label::Body => "body",
        }
    }

    /// The label of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Label> {
        Label::ALL.into_iter().find(|l| l.name() == name)
    }
}

/// One non-empty line of the item, trimmed, with its label and why it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The line as it stands in the input, without surrounding white space.
    pub text: &'t str,
    /// Byte offset of `text` in the input.
    pub start: usize,
    /// What the line is.
    pub label: Label,
    /// The rule id (`upi/advertisement`) or the structural evidence (`repeated in the head`) that gave the label.
    pub reason: &'t str,
}

/// A dateline, split off the first body paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dateline<'t> {
    /// As written, with the dash: `WASHINGTON, May 5 (UPI) --`.
    pub verbatim: &'t str,
    /// The place, if any: `WASHINGTON`.
    pub place: Option<&'t str>,
    /// The calendar date it names; a missing year is inferred from the arrival.
    pub date: Option<jiff::civil::Date>,
    /// The agencies it names, in order.
    pub agencies: Vec<&'t str>,
}

/// A picture caption and its credit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Caption<'t> {
    /// What the picture shows, without the credit.
    pub text: &'t str,
    /// The credit as written: `Photo courtesy of …`.
    pub credit: Option<&'t str>,
    /// The credit taken apart.
    pub by: Credit<'t>,
}

/// A person who made the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person<'t> {
    /// Their name, as written.
    pub name: Cow<'t, str>,
    /// What they did.
    pub role: Role,
}

/// An item after the edit desk: the labelled lines and the parts an article is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy<'t> {
    /// Every non-empty line of the input, in order.
    pub lines: Vec<Line<'t>>,
    /// The headline without agency tags.
    pub headline: Option<&'t str>,
    /// The headline as sent, if tags were taken off it.
    pub raw_headline: Option<&'t str>,
    /// The byline without its `By `.
    pub byline: Option<&'t str>,
    /// The wire's name for the story, which its versions share.
    pub slugline: Option<&'t str>,
    /// The people that byline and sign-offs name, each once.
    pub people: Vec<Person<'t>>,
    /// The language of the body, where it is plain.
    pub language: Option<&'static str>,
    /// The dateline.
    pub dateline: Option<Dateline<'t>>,
    /// The paragraphs of the body (subheads among them), in order, without the dateline.
    pub body: Vec<Cow<'t, str>>,
    /// Each distinct caption once.
    pub captions: Vec<Caption<'t>>,
    /// Sign-off lines.
    pub signoffs: Vec<&'t str>,
    /// Public notes (corrections, updates). A note that is not for publication is labelled, and nowhere else.
    pub notes: Vec<&'t str>,
    /// The line that puts the item under embargo, if one does.
    pub embargo: Option<&'t str>,
    /// The line that says that the item is killed, if one does: a note or a slug, which stands there too.
    pub kill: Option<&'t str>,
    /// Lines between headline and story: a standfirst.
    pub deck: Vec<&'t str>,
}

/// What is known of an item beside its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The source as the sender names it: scopes rules.
    pub source: Option<&'a str>,
    /// A headline given beside the text.
    pub headline: Option<&'a str>,
    /// When the item arrived: anchors dates without a year.
    pub arrived: Option<Timestamp>,
}

/// The edit desk: the compiled rules, and what it does with an item. Costly to build, cheap to clone. It may be shared
/// between threads, but a thread that edits much is faster with a clone of its own, whose scratch memory needs no lock.
#[derive(Clone, Debug)]
pub struct Desk {
    rules: Rules,
    pages: page::model::Model,
}

impl Desk {
    /// The desk with the rules that are part of the program.
    ///
    /// # Errors
    /// A rule that is wrong; the program's own are tested.
    pub fn builtin() -> Result<Desk, RuleError> {
        Ok(Desk { rules: Rules::builtin()?, pages: page::trained() })
    }

    /// The desk with the program's rules and those of every `*.toml` file in `dir`, in the order of their names.
    ///
    /// # Errors
    /// What is wrong, in which file, on which line, with which rule.
    pub fn load(dir: &Path) -> Result<Desk, RuleError> {
        Ok(Desk { rules: Rules::load(dir)?, pages: page::trained() })
    }

    /// The desk with the rules of one text and no others: for the fuzzer, which has no second a try for the program's own.
    ///
    /// # Errors
    /// What is wrong with the text.
    #[doc(hidden)]
    pub fn with_only(rules: &str) -> Result<Desk, RuleError> {
        Ok(Desk { rules: Rules::only(rules)?, pages: page::trained() })
    }

    /// The version of the rule set: a short digest of its texts.
    #[must_use]
    pub fn rules_id(&self) -> &str {
        self.rules.id()
    }

    /// A page dump at a glance: for training the page model.
    #[doc(hidden)]
    #[must_use]
    pub fn glance_at_page(&self, text: &str) -> page::features::Page {
        page::features::glance(&lines::unwrapped(&lines::rows(text)))
    }

    /// What the page model sees of the lines that its gate lets through: for training it.
    #[doc(hidden)]
    #[must_use]
    pub fn see_page(
        &self,
        text: &str,
        page: &page::features::Page,
        gate: &[page::model::Tree],
    ) -> page::features::Seen {
        let kept = page::let_through(gate, page);
        page::features::see(&self.rules, &lines::unwrapped(&lines::rows(text)), page, &kept)
    }

    /// The desk with another page model: for measuring one.
    #[doc(hidden)]
    pub fn set_page_model(&mut self, model: page::model::Model) {
        self.pages = model;
    }

    /// Edits one item: labels its lines and takes its parts apart. Never fails; text that it makes nothing of is body.
    #[must_use]
    pub fn edit<'t>(&'t self, text: &'t str, hints: &Hints<'_>) -> Copy<'t> {
        let rows = lines::rows(text);
        let blocks = lines::blocks(text, &rows);
        let page = page::is_page(&self.rules, text, &blocks)
            .then(|| page::structure(&self.rules, &self.pages, text, &blocks, hints))
            .filter(Structure::has_story);
        // A page without a story may be copy that is a list.
        let structure = page.unwrap_or_else(|| {
            let wire = story::structure(&self.rules, text, &blocks, hints);
            page::clipping::structure(&self.rules, &self.pages, text, &blocks, hints, wire)
        });
        let mut copy = self.assemble(text, &blocks, &structure, hints);
        copy.lines.reserve(rows.len());
        for (block, verdict) in blocks.iter().zip(&structure.verdicts) {
            let line =
                |row: &Row<'t>| Line { text: row.text, start: row.start, label: verdict.label, reason: verdict.reason };
            copy.lines.extend(rows[block.rows.clone()].iter().map(line));
        }
        copy
    }

    /// Builds the article's parts from labelled blocks.
    fn assemble<'t>(
        &'t self,
        text: &'t str,
        blocks: &[Block<'t>],
        structure: &Structure<'t, 't>,
        hints: &Hints<'_>,
    ) -> Copy<'t> {
        let mut copy = Copy { body: Vec::with_capacity(blocks.len()), ..Copy::default() };
        let mut captions = std::collections::HashSet::new();
        let dateline = structure.dateline.as_ref();
        let sources = story::sources(&Hints { source: hints.source, ..Hints::default() }, dateline.map(|(_, d)| d));
        for (i, (block, verdict)) in blocks.iter().zip(&structure.verdicts).enumerate() {
            let raw = &text[block.span.clone()];
            copy.kill = copy.kill.or_else(|| verdict.rule.filter(|r| r.kill).map(|_| raw));
            match verdict.label {
                Label::Headline if copy.headline.is_none() => {
                    let tagged = headline::split(raw);
                    copy.raw_headline = (tagged.clean != raw).then_some(raw);
                    copy.headline = Some(tagged.clean);
                }
                Label::Byline if copy.byline.is_none() => {
                    let byline = byline::without_mark(raw);
                    copy.byline = Some(byline);
                    copy.credit_people(byline, people::in_byline(&self.rules.agencies, byline));
                }
                Label::Caption => {
                    let split = caption::split(&self.rules, raw, &sources);
                    if captions.insert(split.clone()) {
                        copy.captions.push(split);
                    }
                }
                Label::Credit => add_credit(&mut copy.captions, raw),
                Label::Signoff => self.sign_off(&mut copy, raw),
                Label::Note => {
                    let private = verdict.rule.is_some_and(|r| r.private);
                    if verdict.rule.is_some_and(|r| r.embargo) {
                        copy.embargo = copy.embargo.or(Some(raw));
                    } else if !private {
                        copy.notes.push(raw);
                    }
                }
                Label::Subhead if i < structure.story => copy.deck.push(raw),
                Label::Subhead => copy.body.push(block.text.clone()),
                Label::Body => {
                    let skip = dateline.filter(|(at, _)| *at == i).map_or(0, |(_, found)| found.rest);
                    let skip = same_place(raw, &block.text, skip);
                    let end = match structure.glued[i] {
                        true => self.glued_signoff(&block.text, skip, &sources),
                        false => block.text.len(),
                    };
                    if end < block.text.len() {
                        self.sign_off(&mut copy, raw[same_place(&block.text, raw, end)..].trim());
                    }
                    let paragraph = slice(&block.text, skip, end);
                    if !paragraph.is_empty() {
                        copy.body.push(paragraph);
                    }
                }
                Label::Boilerplate if verdict.rule.is_some_and(|r| r.slug) => {
                    copy.slugline = copy.slugline.or(slug::keyword(raw));
                }
                Label::Headline | Label::Byline | Label::Date | Label::Boilerplate => {}
            }
        }
        for caption in &mut copy.captions {
            caption.by = caption.credit.map(|c| credit::parse(&self.rules.agencies, c)).unwrap_or_default();
        }
        copy.language = language::of(&copy.body);
        copy.dateline = dateline.map(|(_, found)| Dateline {
            verbatim: found.verbatim,
            place: found.place,
            date: found.day.and_then(|day| day.date(hints.arrived)),
            agencies: found
                .agencies
                .iter()
                .map(|a| match a {
                    Agency::Known(name) => *name,
                    Agency::Other(name) => *name,
                })
                .collect(),
        });
        copy
    }

    /// A sign-off, and the people it names.
    fn sign_off<'t>(&self, copy: &mut Copy<'t>, line: &'t str) {
        copy.signoffs.push(line);
        copy.credit_people(line, people::in_signoff(&self.rules.agencies, line));
    }

    /// Where the sign-offs at the end of a paragraph begin; the paragraph's end if it has none.
    fn glued_signoff(&self, text: &str, skip: usize, sources: &[&str]) -> usize {
        let glued = |end: usize| {
            let hit =
                self.rules.find(At::End, text[..end].trim_end(), |r| r.label == Label::Signoff && r.in_scope(sources));
            hit.map(|hit| hit.offset).filter(|offset| (skip..end).contains(offset))
        };
        std::iter::successors(Some(text.len()), |end| glued(*end)).last().unwrap_or(text.len())
    }
}

impl<'t> Copy<'t> {
    /// Adds the people that stand at `found` in `line`; who is known already keeps the first role.
    fn credit_people(&mut self, line: &'t str, found: Vec<(std::ops::Range<usize>, Role)>) {
        for (at, role) in found {
            let name = lines::one_line(&line[at]);
            if !self.people.iter().any(|p| p.name == name) {
                self.people.push(Person { name, role });
            }
        }
    }
}

/// A credit line on its own belongs to the caption before it that has none.
fn add_credit<'t>(captions: &mut Vec<Caption<'t>>, line: &'t str) {
    match captions.last_mut() {
        Some(caption) if caption.credit.is_none() => caption.credit = Some(line),
        Some(caption) if caption.credit == Some(line) => {}
        _ => captions.push(Caption { credit: Some(line), ..Caption::default() }),
    }
}

/// Where `to`, which differs from `from` in white space only, has the byte that stands at `offset` in `from`.
fn same_place(from: &str, to: &str, offset: usize) -> usize {
    if from == to {
        return offset;
    }
    let before = from[..offset].chars().filter(|c| !c.is_whitespace()).count();
    let mut ink = to.char_indices().filter(|(_, c)| !c.is_whitespace()).skip(before);
    ink.next().map_or(to.len(), |(at, _)| at)
}

/// A part of a paragraph, without white space around it.
fn slice<'t>(text: &Cow<'t, str>, from: usize, to: usize) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text[from..to].trim()),
        Cow::Owned(text) => Cow::Owned(text[from..to].trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

    const PAGE: &str = "Advertisement\n\nHarbour town honors its lighthouse keeper with a medal\n\n\
        Mayor Ana Brandt (L) hands a medal to Kit Marlow in Ostheim on Tuesday. Photo courtesy of Ostheim Harbour Office\n\
        Mayor Ana Brandt (L) hands a medal to Kit Marlow in Ostheim on Tuesday. Photo courtesy of Ostheim Harbour Office\n\n\
        May 5 (UPI) -- The town of Ostheim gave its lighthouse keeper a medal on Tuesday, the harbour office said.\n\n\
        Advertisement\n\nMarlow, 61, has kept the light for 40 years and will go on, he said.\n\n\
        Latest Headlines\n\nFerry runs aground\n\nMay 4 (UPI) -- A ferry ran aground off Ostheim on Monday.\n";

    #[test]
    fn a_scraped_page_comes_apart_into_headline_caption_dateline_and_body() {
        let hints = Hints { arrived: "2020-05-06T08:00:00Z".parse().ok(), ..Hints::default() };
        let copy = DESK.edit(PAGE, &hints);
        assert_eq!(copy.headline, Some("Harbour town honors its lighthouse keeper with a medal"));
        assert_eq!(
            copy.captions,
            [Caption {
                text: "Mayor Ana Brandt (L) hands a medal to Kit Marlow in Ostheim on Tuesday.",
                credit: Some("Photo courtesy of Ostheim Harbour Office"),
                by: Credit { photographer: None, sources: vec!["Ostheim Harbour Office"] },
            }]
        );
        let dateline = copy.dateline.unwrap();
        assert_eq!((dateline.verbatim, dateline.place), ("May 5 (UPI) --", None));
        assert_eq!(dateline.date, Some(jiff::civil::date(2020, 5, 5)));
        assert_eq!(dateline.agencies, ["UPI"]);
        assert_eq!(
            copy.body,
            [
                "The town of Ostheim gave its lighthouse keeper a medal on Tuesday, the harbour office said.",
                "Marlow, 61, has kept the light for 40 years and will go on, he said.",
            ]
        );
    }

    #[test]
    fn every_line_is_labelled_once_where_it_stands() {
        let copy = DESK.edit(PAGE, &Hints::default());
        let labelled: Vec<_> = copy.lines.iter().map(|l| l.text).collect();
        let lines: Vec<_> = PAGE.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        assert_eq!(labelled, lines);
        assert!(copy.lines.iter().all(|l| PAGE[l.start..].starts_with(l.text) && !l.reason.is_empty()));
    }

    #[test]
    fn a_sign_off_glued_to_the_last_paragraph_is_split_off() {
        let text = "OSTHEIM, Oct 24 (Reuters) - The port is shut. (Reporting by Kit Marlow; editing by Ana Brandt)";
        let copy = DESK.edit(text, &Hints::default());
        assert_eq!(copy.body, ["The port is shut."]);
        assert_eq!(copy.signoffs, ["(Reporting by Kit Marlow; editing by Ana Brandt)"]);
    }

    #[test]
    fn copy_that_no_rule_knows_is_body() {
        let copy = DESK.edit("One paragraph of plain text that nobody has a rule for.", &Hints::default());
        assert_eq!(copy.body.len(), 1);
        assert_eq!(DESK.edit("", &Hints::default()), Copy::default());
    }
}
