//! The rules: what is known of agencies and outlets, read from `config/rules/*.toml` and compiled into automata.
//!
//! A rule names a class of line and the anchored patterns that show it. Each carries lines that it must and must not
//! match; loading checks them against the compiled automata, so a rule set that loads does what its examples say. One pass
//! of each automaton a paragraph finds every rule that applies: the cost does not grow with the number of rules.

mod file;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(super) use self::file::{RawAgency, RawPlaces};
use self::file::{RawRule, RuleFile};
use super::Label;
use super::automaton::{Automaton, Literals, REACH, Way};
use super::dateline::Agencies;
use super::lines::Block;

/// The rules that are part of the program.
const BUILTIN: [(&str, &str); 7] = [
    ("agencies.toml", include_str!("../../config/rules/agencies.toml")),
    ("captions.toml", include_str!("../../config/rules/captions.toml")),
    ("common.toml", include_str!("../../config/rules/common.toml")),
    ("notes.toml", include_str!("../../config/rules/notes.toml")),
    ("outlets.toml", include_str!("../../config/rules/outlets.toml")),
    ("signoffs.toml", include_str!("../../config/rules/signoffs.toml")),
    ("web.toml", include_str!("../../config/rules/web.toml")),
];

/// Why a rule set was refused.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A rule file or directory cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A rule file is not what a rule file must be.
    #[error("{file}: {message}")]
    Parse {
        /// The rule file.
        file: String,
        /// Where and what.
        message: String,
    },
    /// A pattern is no regular expression, or one that cannot be run in linear time.
    #[error("{file}:{line}: rule `{id}`: pattern `{pattern}`: {message}")]
    Pattern {
        /// The rule file.
        file: String,
        /// The line the rule starts at.
        line: usize,
        /// The rule.
        id: String,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// A rule is contradictory.
    #[error("{file}:{line}: rule `{id}`: {message}")]
    Rule {
        /// The rule file.
        file: String,
        /// The line the rule starts at.
        line: usize,
        /// The rule.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// A rule does not do what its examples say.
    #[error("{file}:{line}: rule `{id}` must {} `{example}`", if *.must_match { "match" } else { "not match" })]
    Example {
        /// The rule file.
        file: String,
        /// The line the rule starts at.
        line: usize,
        /// The rule.
        id: String,
        /// The example that failed.
        example: String,
        /// Whether it stands under `matches`.
        must_match: bool,
    },
    /// Several of these.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<RuleError>),
    /// The rules together are too large for an automaton.
    #[error("the rules cannot be compiled together: {0}")]
    Build(String),
}

/// Which part of a paragraph a rule's patterns cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum At {
    /// All of it.
    #[default]
    Line,
    /// Its beginning.
    Start,
    /// Its end.
    End,
}

/// Which part of an item a rule holds in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// Anywhere.
    #[default]
    Any,
    /// Before the story: before the dateline, or the first paragraph.
    Head,
    /// After the story's first paragraph.
    After,
    /// After the story's last paragraph.
    Tail,
}

/// Rules that are asked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Of every paragraph: their patterns fail within a few bytes of most.
    Plain,
    /// Of paragraphs that hold a literal the rule needs: their patterns may begin, or end, with anything.
    Needing,
    /// Of captions only.
    Weak,
}

/// One rule, as the edit desk uses it.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub id: String,
    pub label: Label,
    pub at: At,
    pub place: Place,
    /// Sources it is limited to, in lower case; none: all.
    sources: Vec<String>,
    /// Bytes a paragraph may have for the rule to hold.
    max: usize,
    /// Everything after the line is what the line is.
    pub cut: bool,
    /// A start that is page chrome: taken off the caption.
    pub chrome: bool,
    /// A heading: the open lines under it are its list.
    pub list: bool,
    /// A heading: the paragraphs under it, up to the next line that is no sentence, are its section.
    pub section: bool,
    /// The wire's name for the story.
    pub slug: bool,
    /// A note that is not for publication.
    pub private: bool,
    /// A note that withholds the item.
    pub embargo: bool,
    /// A note, or a slug, that cancels the item.
    pub kill: bool,
}

impl Rule {
    /// Whether the rule is that of certain sources only.
    pub(super) fn is_scoped(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether the rule holds for an item from one of `sources`.
    pub(super) fn in_scope(&self, sources: &[&str]) -> bool {
        self.sources.is_empty() || sources.iter().any(|s| self.sources.iter().any(|own| s.eq_ignore_ascii_case(own)))
    }
}

/// A rule that applies to a paragraph.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'r> {
    pub rule: &'r Rule,
    /// Byte offset where a start rule ends, or where an end rule begins.
    pub offset: usize,
}

/// The compiled rules.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// One for each [`Way`] and [`Group`].
    automata: [[Automaton; 3]; 2],
    /// What a text must hold for any rule that needs something.
    needs: Option<Literals>,
    pub agencies: Agencies,
    id: String,
}

impl Rules {
    /// The rules that are part of the program.
    pub(super) fn builtin() -> Result<Rules, RuleError> {
        Rules::compile(BUILTIN.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect())
    }

    /// The program's rules and those of every `*.toml` file in `dir`.
    pub(super) fn load(dir: &Path) -> Result<Rules, RuleError> {
        let read = |path: &Path, source| RuleError::Read { path: path.to_owned(), source };
        let mut files: Vec<_> = BUILTIN.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(|e| read(dir, e))? {
            let path = entry.map_err(|e| read(dir, e))?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|e| read(&path, e))?;
            files.push((path.display().to_string(), text));
        }
        Rules::compile(files)
    }

    /// The rules of one text.
    pub(super) fn only(text: &str) -> Result<Rules, RuleError> {
        Rules::compile(vec![("rules.toml".to_owned(), text.to_owned())])
    }

    /// Short hexadecimal digest of the rule texts.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn compile(files: Vec<(String, String)>) -> Result<Rules, RuleError> {
        let mut hasher = blake3::Hasher::new();
        let (mut raws, mut agencies, mut places) = (Vec::new(), Vec::new(), RawPlaces::default());
        for (file, text) in &files {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
            let parsed: RuleFile = toml::from_str(text)
                .map_err(|e| RuleError::Parse { file: file.clone(), message: e.to_string().trim_end().to_owned() })?;
            for rule in parsed.rule {
                let line = 1 + text.as_bytes()[..rule.span().start].iter().filter(|b| **b == b'\n').count();
                raws.push((file.as_str(), line, rule.into_inner()));
            }
            agencies.extend(parsed.agency);
            places.cities.extend(parsed.places.cities);
            places.regions.extend(parsed.places.regions);
        }
        let mut rules = Vec::with_capacity(raws.len());
        let mut members: [[Vec<usize>; 3]; 2] = Default::default();
        for (index, (file, line, raw)) in raws.iter().enumerate() {
            rules.push(raw.check(file, *line)?);
            if raws[..index].iter().any(|(_, _, other)| other.id == raw.id) {
                return Err(raw.refuse(file, *line, "another rule has this id"));
            }
            members[Way::of(raw.at) as usize][raw.group() as usize].push(index);
        }
        let mut automata = Vec::new();
        for (way, groups) in [Way::Forward, Way::Backward].into_iter().zip(&members) {
            let build = |indexes: &Vec<usize>| {
                let rules = indexes.iter().map(|i| (*i, &raws[*i].2));
                let patterns = rules.flat_map(|(i, raw)| raw.patterns.iter().map(move |p| (p.as_str(), raw.at, i)));
                let needing = indexes.iter().map(|i| &raws[*i].2).filter(|raw| !raw.weak);
                let needs = needing.flat_map(|raw| raw.needs.iter().map(String::as_str));
                Automaton::new(patterns, needs, way).map_err(RuleError::Build)
            };
            automata.push([build(&groups[0])?, build(&groups[1])?, build(&groups[2])?]);
        }
        let Ok(automata) = <[[Automaton; 3]; 2]>::try_from(automata) else {
            return Err(RuleError::Build("an automaton is missing".to_owned()));
        };
        let needing = raws.iter().map(|(_, _, raw)| raw).filter(|raw| !raw.weak);
        let needs = needing.flat_map(|raw| raw.needs.iter().map(String::as_str));
        let compiled = Rules {
            rules,
            automata,
            needs: Literals::new(needs).map_err(RuleError::Build)?,
            agencies: Agencies::new(agencies, places),
            id: hasher.finalize().to_hex()[..12].to_owned(),
        };
        let mut failed = Vec::new();
        for (index, (file, line, raw)) in raws.iter().enumerate() {
            failed.extend(compiled.failing_examples(file, *line, raw, index));
        }
        match failed.len() {
            0 => Ok(compiled),
            1 => Err(failed.remove(0)),
            _ => Err(RuleError::Several(failed)),
        }
    }

    fn failing_examples(&self, file: &str, line: usize, raw: &RawRule, index: usize) -> Vec<RuleError> {
        let examples = raw.matches.iter().map(|e| (e, true)).chain(raw.rejects.iter().map(|e| (e, false)));
        let failing = examples.filter(|(example, must_match)| {
            let mut matched = false;
            self.automata[Way::of(raw.at) as usize][raw.group() as usize]
                .search(example, |owner, _| matched |= owner == index && example.len() <= self.rules[index].max);
            matched != *must_match
        });
        failing
            .map(|(example, must_match)| {
                let (file, id, example) = (file.to_owned(), raw.id.clone(), example.clone());
                RuleError::Example { file, line, id, example, must_match }
            })
            .collect()
    }

    /// The first rule, in file order, that covers `text` as `at` says and that `wanted` accepts; among several reaches of
    /// one rule, the longest. Weak rules are not asked.
    pub(super) fn find(&self, at: At, text: &str, wanted: impl Fn(&Rule) -> bool) -> Option<Hit<'_>> {
        self.find_in(Way::of(at), &[Group::Plain, Group::Needing], text, |r| r.at == at && wanted(r))
    }

    /// Like [`find`](Rules::find), weak rules among them: for what is known to be a caption.
    pub(super) fn find_in_caption(&self, at: At, text: &str, wanted: impl Fn(&Rule) -> bool) -> Option<Hit<'_>> {
        let groups = [Group::Plain, Group::Needing, Group::Weak];
        self.find_in(Way::of(at), &groups, text, |r| r.at == at && wanted(r))
    }

    /// The first rule that covers all of `text`; else its beginning; else, of those that `ending` accepts, its end. `needing`:
    /// it may hold something that a rule needs, as [`needing`](Rules::needing) tells.
    pub(super) fn find_first(
        &self,
        text: &str,
        needing: bool,
        wanted: impl Fn(&Rule) -> bool,
        ending: impl Fn(&Rule) -> bool,
    ) -> Option<Hit<'_>> {
        let groups: &[Group] = if needing { &[Group::Plain, Group::Needing] } else { &[Group::Plain] };
        let found = self.find_in(Way::Forward, groups, text, wanted);
        found.or_else(|| self.find_in(Way::Backward, groups, text, ending))
    }

    /// Which of the paragraphs of `text` may hold something that a rule needs: few do, and few looks at the whole tell.
    pub(super) fn needing(&self, text: &str, blocks: &[Block<'_>]) -> Vec<bool> {
        let mut needing = vec![false; blocks.len()];
        let Some(needs) = &self.needs else { return needing };
        needs.each_in(text, |found| {
            let at = blocks.partition_point(|block| block.span.end <= found);
            let block = blocks.get(at)?;
            needing[at] = true;
            Some(block.span.end)
        });
        for (needing, block) in needing.iter_mut().zip(blocks) {
            // Joined lines hold what the text has parts of.
            *needing |= matches!(&block.text, Cow::Owned(joined) if needs.in_text(joined));
        }
        needing
    }

    fn find_in(&self, way: Way, groups: &[Group], text: &str, wanted: impl Fn(&Rule) -> bool) -> Option<Hit<'_>> {
        let mut best: Option<(At, usize, Reverse<usize>)> = None;
        for group in groups {
            self.automata[way as usize][*group as usize].search(text, |owner, offset| {
                let rule = &self.rules[owner];
                let reach = if way == Way::Backward { text.len() - offset } else { offset };
                let rank = (rule.at, owner, Reverse(reach));
                let holds = text.len() <= rule.max && (rule.at == At::Line || reach <= REACH);
                if holds && best.is_none_or(|best| rank < best) && wanted(rule) {
                    best = Some(rank);
                }
            });
        }
        best.map(|(at, owner, Reverse(reach))| {
            let offset = match at {
                At::Line => reach,
                At::Start => reach - sentence_start(&text[..reach]),
                At::End => text.len() - reach + sentence_end(&text[text.len() - reach..]),
            };
            Hit { rule: &self.rules[owner], offset }
        })
    }
}

/// Bytes of the sentence end that an end rule matched to be sure that a sentence ended: they belong to what is before.
fn sentence_end(matched: &str) -> usize {
    let after = matched.trim_start_matches(['.', '!', '?']);
    if after.len() == matched.len() {
        return 0;
    }
    matched.len() - after.trim_start_matches(['"', '”', '’', '»', ')']).trim_start().len()
}

/// Bytes of the capital that a start rule matched to be sure that a sentence begins: it belongs to what is behind.
fn sentence_start(matched: &str) -> usize {
    let before = matched.trim_end_matches(char::is_uppercase);
    if before.ends_with(' ') { matched.len() - before.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rules: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("own.toml"), rules).unwrap();
        Rules::load(dir.path()).err().map(|e| e.to_string()).unwrap_or_default()
    }

    const RULE: &str = r#"
        [[rule]]
        id = "own/rule"
        class = "boilerplate"
        patterns = ['Harbour radio: .+']
        matches = ["Harbour radio: listen"]
        rejects = ["Harbour radio was off."]
    "#;

    #[test]
    fn the_builtin_rules_do_what_their_examples_say() {
        if let Err(e) = Rules::builtin() {
            panic!("{e}");
        }
    }

    #[test]
    fn a_rule_set_has_the_version_of_its_texts() {
        let (dir, builtin) = (tempfile::tempdir().unwrap(), Rules::builtin().unwrap());
        assert_eq!(Rules::load(dir.path()).unwrap().id(), builtin.id());
        std::fs::write(dir.path().join("own.toml"), RULE).unwrap();
        assert_ne!(Rules::load(dir.path()).unwrap().id(), builtin.id());
    }

    #[test]
    fn a_bad_rule_is_refused_with_its_file_line_id_and_example() {
        assert_eq!(load(RULE), "");
        let failing = load(&RULE.replace(" was off.", ": off"));
        assert!(failing.ends_with("own.toml:2: rule `own/rule` must not match `Harbour radio: off`"), "{failing}");
        let failing = load(&RULE.replace("Harbour radio: listen", "Harbour TV: listen"));
        assert!(failing.ends_with("own.toml:2: rule `own/rule` must match `Harbour TV: listen`"), "{failing}");
        let failing = load(&RULE.replace(".+'", ".+('"));
        assert!(failing.contains("own.toml:2: rule `own/rule`: pattern `Harbour radio: .+(`"), "{failing}");
        let failing = load(&RULE.replace(".+'", ".{900}{900}{900}'"));
        assert!(failing.contains("exceeded"), "{failing}");
        let failing = load(&RULE.replace("boilerplate", "advert"));
        assert!(failing.ends_with("own.toml:2: rule `own/rule`: no class is called `advert`"), "{failing}");
        let failing = load(&RULE.replace("patterns", "pattern"));
        assert!(failing.contains("own.toml: ") && failing.contains("unknown field `pattern`"), "{failing}");
        assert!(load(&format!("{RULE}{RULE}")).ends_with("another rule has this id"));
        assert!(load(&RULE.replace("[\"Harbour radio was off.\"]", "[]")).contains("at least one line"));
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        let with = |class: &str, more: &str| load(&RULE.replace("\"boilerplate\"", &format!("\"{class}\"\n{more}")));
        let refused = |class: &str, more: &str, why: &str| {
            let error = with(class, more);
            assert!(error.contains("own.toml:2: rule `own/rule`: ") && error.contains(why), "{class} {more}: {error}");
        };
        for class in ["boilerplate", "note", "caption", "byline", "body"] {
            refused(class, "at = \"end\"", "only a credit or a sign-off can stand at the `end`");
        }
        for place in ["head", "after", "tail"] {
            refused("signoff", &format!("at = \"end\"\nplace = \"{place}\""), "it can have no `place`");
            refused("credit", &format!("at = \"end\"\nweak = true\nplace = \"{place}\""), "it can have no `place`");
        }
        refused("credit", "at = \"end\"\nweak = true\nneeds = [\"radio\"]", "no `needs`");
        for (class, at) in [("credit", "end"), ("caption", "line"), ("boilerplate", "start")] {
            refused(class, &format!("at = \"{at}\"\nchrome = true"), "only the start of a caption can be `chrome`");
        }
        refused("note", "slug = true", "only a whole line of boilerplate can be the `slug`");
        refused("boilerplate", "at = \"start\"\nslug = true", "only a whole line of boilerplate can be the `slug`");
        assert_eq!(with("boilerplate", "slug = true"), "");
        assert_eq!(with("credit", "at = \"end\"\nplace = \"after\""), "");
        assert_eq!(with("signoff", "at = \"end\""), "");
    }

    #[test]
    fn a_paragraph_longer_than_the_rule_says_is_none_of_its() {
        let file = |at: &str, max: &str| {
            let rule = RULE.replace("\"boilerplate\"", &format!("\"credit\"\nat = \"{at}\"\n{max}"));
            Rules::only(&rule).map(|rules| {
                let at = if at == "end" { At::End } else { At::Start };
                let long = format!("Harbour radio: {}", "listen ".repeat(50));
                rules.find(at, long.trim(), |_| true).is_some()
            })
        };
        for at in ["start", "end"] {
            assert!(file(at, "").unwrap());
            assert!(!file(at, "max = 100").unwrap());
        }
        assert!(file("start", "max = 20").unwrap_err().to_string().contains("must match"));
    }

    #[test]
    fn the_capital_behind_chrome_stays_with_the_caption() {
        let rules = Rules::builtin().unwrap();
        let offset = |text: &str| rules.find(At::Start, text, |r| r.chrome).map(|hit| hit.offset);
        assert_eq!(offset("CLOSE The mayor speaks in Ostheim."), Some("CLOSE ".len()));
        assert_eq!(offset("CLOSE Ändert sich das?"), Some("CLOSE ".len()));
        assert_eq!(offset("CLOSE to 300 people were hurt."), None);
    }

    #[test]
    fn a_scoped_rule_holds_for_its_sources_only() {
        let rules = Rules::builtin().unwrap();
        let find =
            |sources: &[&str]| rules.find(At::Line, "Odd News", |r| r.in_scope(sources)).map(|h| h.rule.id.clone());
        assert_eq!(find(&["upi"]), Some("upi/chrome".to_owned()));
        assert_eq!(find(&["AP"]), None);
    }
}
