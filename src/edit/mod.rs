//! An item's text → [`Copy`]: every line labelled, headline, dateline, captions, sign-offs and body pulled apart.
//!
//! Pure: no I/O, no clock, no global. What is known of agencies stands in `config/rules/*.toml`; position, repetition and
//! shape of lines is code.

use jiff::Timestamp;

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
    /// Who reported and edited, contact lines, end marks of the agency.
    Signoff,
    /// A correction, an editor's note, an embargo line.
    Note,
    /// Ads, promos, navigation, copyright lines: not editorial text.
    Boilerplate,
    /// The story.
    Body,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption<'t> {
    /// What the picture shows, without the credit.
    pub text: &'t str,
    /// The credit as written: `Photo courtesy of …`.
    pub credit: Option<&'t str>,
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
    /// The dateline.
    pub dateline: Option<Dateline<'t>>,
    /// The paragraphs of the body (subheads among them), in order, without the dateline.
    pub body: Vec<std::borrow::Cow<'t, str>>,
    /// Each distinct caption once.
    pub captions: Vec<Caption<'t>>,
    /// Sign-off lines.
    pub signoffs: Vec<&'t str>,
    /// Public notes (corrections, updates).
    pub notes: Vec<&'t str>,
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

/// TEMP
pub struct Desk;
impl Desk {
    /// TEMP
    pub fn builtin() -> Result<Desk, std::io::Error> { Ok(Desk) }
    /// TEMP
    pub fn rules_id(&self) -> &str { "temp" }
    /// TEMP
    pub fn edit<'t>(&'t self, text: &'t str, _: &Hints<'_>) -> Copy<'t> {
        let mut copy = Copy::default();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            if line == "Advertisement" || line == "Latest Headlines" { continue }
            if copy.headline.is_none() { copy.headline = Some(line); continue }
            copy.body.push(line.into());
        }
        copy
    }
}
