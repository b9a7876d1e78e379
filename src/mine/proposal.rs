//! What was found, as a rule file: rules with their evidence in comments, for a person to accept or delete.

use std::fmt;

use super::template::Template;
use super::{Example, Group, MINED, Source};
use crate::edit::Label;

/// Letters of a name in the id of a rule.
const NAME: usize = 40;

/// What was found in the items.
#[derive(Clone, Debug)]
pub struct Mined {
    /// Items that were looked at.
    pub items: u64,
    /// Their sources.
    pub sources: usize,
    /// Lines that were forgotten for want of room.
    pub forgotten: u64,
    /// The rules proposed; the most frequent line first.
    pub proposals: Vec<Proposal>,
}

/// A rule proposed for one line.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The id of the rule.
    pub id: String,
    /// The sources that it holds for; none: all.
    pub sources: Vec<String>,
    /// The pattern.
    pub pattern: String,
    /// Different stories that have the line.
    pub stories: u64,
    /// Items that have it.
    pub items: u64,
    /// Items of its sources.
    pub of_items: u64,
    /// Items by the label that the line has today.
    pub labels: Vec<(Label, u64)>,
    /// Whether it stands after the first paragraph of the story wherever it stands.
    pub after: bool,
    /// Lines as they stood, with where.
    examples: Vec<Example>,
    /// A line that the rule must leave alone.
    reject: String,
}

impl Proposal {
    /// The rule for a line.
    pub(super) fn new(key: &str, group: &Group, sources: &[Source]) -> Proposal {
        let Group { line, stories, .. } = group;
        let own = || group.sources.iter().map(|source| &sources[*source]);
        // A source without a name cannot be a scope.
        let names: Vec<String> = own().map(|source| source.name.clone()).collect::<Option<_>>().unwrap_or_default();
        Proposal {
            id: id(&names, key, &line.template),
            pattern: line.template.pattern(),
            stories: *stories,
            items: line.items,
            of_items: own().map(|source| source.items).sum(),
            labels: MINED.into_iter().zip(line.labels).filter(|(_, items)| *items > 0).collect(),
            after: line.after == line.items,
            examples: line.examples.clone(),
            reject: format!("It reads: {}", line.template.first()),
            sources: names,
        }
    }
}

/// `mined/the-source/the-first-words-1a2b3c`: the digits tell wordings apart that begin alike, in this file and in those
/// accepted before.
fn id(sources: &[String], key: &str, template: &Template) -> String {
    let source = match sources {
        [] => String::new(),
        [only] => format!("{}/", slug(only)),
        _ => "several/".to_owned(),
    };
    let digest = blake3::hash(format!("{key}\0{}", sources.join("\0")).as_bytes()).to_hex();
    format!("mined/{source}{}-{}", slug(template.first()), &digest[..6])
}

/// Lower-case letters and digits, what is between them a dash.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() && slug.len() + word.len() > NAME {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(word.chars().take(NAME).flat_map(char::to_lowercase));
    }
    slug
}

impl fmt::Display for Mined {
    /// A rule file. It loads as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mined { items, sources, forgotten, proposals } = self;
        let [lines, items, sources] = [(proposals.len() as u64, "line"), (*items, "item"), (*sources as u64, "source")]
            .map(|(n, noun)| count(n, noun));
        writeln!(f, "# {lines} found in {items} of {sources}.")?;
        writeln!(
            f,
            "# Delete what is copy. What is left is a rule file: put it into the directory that `edit.rules` names."
        )?;
        if *forgotten > 0 {
            writeln!(f, "# To bound the memory, lines seen in few stories were forgotten on the way: {forgotten}.")?;
        }
        proposals.iter().try_for_each(|proposal| write!(f, "\n{proposal}"))
    }
}

impl fmt::Display for Proposal {
    /// A rule with its evidence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.labels.iter().map(|(label, items)| format!("{} {items}", label.name())).collect();
        let places: Vec<_> = self.examples.iter().map(|example| comment(&example.place)).collect();
        let of_items = count(self.of_items, "item");
        write!(f, "# In {} different stories, {} of {of_items}.", self.stories, self.items)?;
        writeln!(f, " Today: {}.", labels.join(", "))?;
        writeln!(f, "# Seen at {}", places.join(", "))?;
        writeln!(f, "[[rule]]")?;
        writeln!(f, "id = {}", string(&self.id))?;
        writeln!(f, "class = {}", string(Label::Boilerplate.name()))?;
        if self.after {
            writeln!(f, "place = \"after\"")?;
        }
        if !self.sources.is_empty() {
            writeln!(f, "sources = {}", strings(self.sources.iter()))?;
        }
        writeln!(f, "patterns = ['{}']", self.pattern)?;
        let mut texts: Vec<&String> = Vec::new();
        for Example { text, .. } in &self.examples {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        writeln!(f, "matches = {}", strings(texts.into_iter()))?;
        writeln!(f, "rejects = {}", strings([&self.reject].into_iter()))
    }
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn strings<'s>(texts: impl Iterator<Item = &'s String>) -> String {
    format!("[{}]", texts.map(|text| string(text)).collect::<Vec<_>>().join(", "))
}

/// `text` without what a comment may not hold.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
