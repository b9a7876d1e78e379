//! What a rule file says, and whether it makes sense.

use serde::Deserialize;
use toml::Spanned;

use super::{At, Group, Place, Rule, RuleError};
use crate::edit::Label;
use crate::edit::automaton::check_pattern;

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    #[serde(default)]
    pub rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    pub agency: Vec<RawAgency>,
    #[serde(default)]
    pub places: RawPlaces,
}

/// Bytes a line of furniture has at most, unless its rule says otherwise.
const MAX_LINE: usize = 400;

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub id: String,
    class: String,
    #[serde(default)]
    pub at: At,
    #[serde(default)]
    place: Place,
    /// Literals, one of which a paragraph must hold for the patterns to be tried.
    #[serde(default)]
    pub needs: Vec<String>,
    pub patterns: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    max: Option<usize>,
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    chrome: bool,
    /// A credit that splits a caption but does not make one.
    #[serde(default)]
    pub weak: bool,
    #[serde(default)]
    list: bool,
    #[serde(default)]
    section: bool,
    #[serde(default)]
    slug: bool,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    embargo: bool,
    #[serde(default)]
    kill: bool,
    pub matches: Vec<String>,
    pub rejects: Vec<String>,
}

/// An agency, and how it stands in datelines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::edit) struct RawAgency {
    pub name: String,
    pub forms: Vec<String>,
    /// It also stands without brackets.
    #[serde(default)]
    pub bare: bool,
    /// Its datelines end without a dash.
    #[serde(default)]
    pub dashless: bool,
}

/// Places that stand in datelines.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::edit) struct RawPlaces {
    #[serde(default)]
    pub cities: Vec<String>,
    #[serde(default)]
    pub regions: Vec<String>,
}

impl RawRule {
    /// Why it cannot be used.
    pub fn refuse(&self, file: &str, line: usize, message: &str) -> RuleError {
        RuleError::Rule { file: file.to_owned(), line, id: self.id.clone(), message: message.to_owned() }
    }

    /// Which rules it is asked with.
    pub fn group(&self) -> Group {
        match (self.weak, self.needs.is_empty()) {
            (true, _) => Group::Weak,
            (false, true) => Group::Plain,
            (false, false) => Group::Needing,
        }
    }

    /// The rule, if what is written makes sense together.
    pub fn check(&self, file: &str, line: usize) -> Result<Rule, RuleError> {
        let refuse = |message: &str| Err(self.refuse(file, line, message));
        let Some(label) = Label::from_name(&self.class) else {
            return refuse(&format!("no class is called `{}`", self.class));
        };
        if self.matches.is_empty() || self.rejects.is_empty() {
            return refuse("give at least one line under `matches` and one under `rejects`");
        }
        if self.at == At::End && !matches!(label, Label::Credit | Label::Signoff) {
            return refuse("only a credit or a sign-off can stand at the `end` of a paragraph");
        }
        if self.at == At::End && label == Label::Signoff && self.place != Place::Any {
            return refuse("a sign-off at the end is split off wherever it stands: it can have no `place`");
        }
        if self.cut && (self.at != At::Line || !matches!(label, Label::Boilerplate | Label::Note)) {
            return refuse("only a whole line of boilerplate, or a note, can `cut`");
        }
        if self.chrome && (self.at != At::Start || label != Label::Caption) {
            return refuse("only the start of a caption can be `chrome`");
        }
        if self.weak && (self.at != At::End || label != Label::Credit) {
            return refuse("only a credit at the end can be `weak`");
        }
        if self.weak && (self.place != Place::Any || !self.needs.is_empty()) {
            return refuse("a `weak` credit is asked of every caption: it can have no `place` and no `needs`");
        }
        if (self.list || self.section) && (self.at != At::Line || label != Label::Boilerplate) {
            return refuse("only a whole line of boilerplate can head a `list` or a `section`");
        }
        if self.slug && (self.at != At::Line || label != Label::Boilerplate) {
            return refuse("only a whole line of boilerplate can be the `slug`");
        }
        if (self.private || self.embargo) && label != Label::Note {
            return refuse("only a note can be `private` or an `embargo`");
        }
        if self.kill && label != Label::Note && !self.slug {
            return refuse("only a note or a `slug` can `kill`");
        }
        for pattern in &self.patterns {
            if let Err(message) = check_pattern(pattern, self.at) {
                let (file, id, pattern) = (file.to_owned(), self.id.clone(), pattern.clone());
                return Err(RuleError::Pattern { file, line, id, pattern, message });
            }
        }
        Ok(Rule {
            id: self.id.clone(),
            label,
            at: self.at,
            place: self.place,
            sources: self.sources.iter().map(|s| s.to_lowercase()).collect(),
            max: self.max.unwrap_or(if self.at == At::Line { MAX_LINE } else { usize::MAX }),
            cut: self.cut,
            chrome: self.chrome,
            list: self.list,
            section: self.section,
            slug: self.slug,
            private: self.private,
            embargo: self.embargo,
            kill: self.kill,
        })
    }
}
