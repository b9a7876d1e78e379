//! The automata that rules run as: many anchored patterns, one pass.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, packed};
use regex_automata::{
    Anchored, Input, MatchError, MatchKind,
    hybrid::dfa::{Cache, DFA, OverlappingState},
    nfa::thompson,
    util::{pool::Pool, syntax},
};

use super::rules::At;

/// Bytes a rule at the end of a paragraph may reach back, and one at its start forward.
pub(super) const REACH: usize = 400;

/// Bytes that the states of one automaton may take before they are forgotten. Those that the golden items alone lead to take
/// ten million.
const CACHE: usize = 16 << 20;

/// Bytes that one pattern's states may take, …
const MAX_PATTERN: usize = 4 << 20;
/// … and those of all patterns of one automaton: nested repetitions would take gigabytes.
const MAX_PATTERNS: usize = 64 << 20;

/// Many anchored patterns as one lazily built automaton: each byte of a paragraph is looked at once, and most paragraphs
/// are left after a few.
pub(super) struct Automaton {
    dfa: Option<DFA>,
    /// What a paragraph must hold to be searched.
    needs: Option<Literals>,
    pool: Scratches,
    /// The rule each pattern belongs to.
    owners: Vec<usize>,
    way: Way,
}

/// Which way an automaton runs through a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From its beginning: rules that cover the beginning, or all of it.
    Forward,
    /// From its end: rules that cover the end.
    Backward,
}

impl Way {
    /// The way to what `at` covers.
    pub(super) fn of(at: At) -> Way {
        match at {
            At::Line | At::Start => Way::Forward,
            At::End => Way::Backward,
        }
    }
}

/// A clone has scratch memory of its own, which the first thread that uses it gets at without a lock.
impl Clone for Automaton {
    fn clone(&self) -> Automaton {
        let Automaton { dfa, needs, pool: _, owners, way } = self;
        Automaton { dfa: dfa.clone(), needs: needs.clone(), pool: scratch(dfa), owners: owners.clone(), way: *way }
    }
}

struct Scratch {
    cache: Option<Cache>,
}

type Scratches =
    Pool<Scratch, Box<dyn Fn() -> Scratch + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>>;

fn scratch(dfa: &Option<DFA>) -> Scratches {
    let prototype = dfa.clone();
    Pool::new(Box::new(move || Scratch { cache: prototype.as_ref().map(DFA::create_cache) }))
}

impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Automaton").field("way", &self.way).field("patterns", &self.owners.len()).finish()
    }
}

impl Automaton {
    /// `patterns`: each with what it covers and the rule it belongs to. `needs`: literals, one of which a paragraph must hold.
    pub(super) fn new<'p>(
        patterns: impl Iterator<Item = (&'p str, At, usize)>,
        needs: impl Iterator<Item = &'p str>,
        way: Way,
    ) -> Result<Automaton, String> {
        let (texts, owners): (Vec<_>, Vec<_>) = patterns.map(|(p, at, owner)| (anchored(p, at), owner)).unzip();
        let needs = Literals::new(needs)?;
        let dfa = if texts.is_empty() {
            None
        } else {
            let nfa = thompson(way, MAX_PATTERNS).build_many(&texts).map_err(|e| cause(&e))?;
            let config = DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE);
            Some(DFA::builder().configure(config).build_from_nfa(nfa).map_err(|e| cause(&e))?)
        };
        let pool = scratch(&dfa);
        Ok(Automaton { dfa, needs, pool, owners, way })
    }

    /// Calls `found` with the rule and the offset of each match.
    pub(super) fn search(&self, text: &str, found: impl FnMut(usize, usize)) {
        if self.dfa.is_none() || self.needs.as_ref().is_some_and(|needs| !needs.in_text(text)) {
            return;
        }
        let mut scratch = self.pool.get();
        let (Some(dfa), Some(cache)) = (&self.dfa, scratch.cache.as_mut()) else { return };
        // A search that gives up (none is set up to) finds no more: the paragraph stays what it is.
        let _ = match self.way {
            Way::Forward => self.forward(dfa, cache, text, found),
            Way::Backward => self.backward(dfa, cache, text, found),
        };
    }

    fn forward(
        &self,
        dfa: &DFA,
        cache: &mut Cache,
        text: &str,
        mut found: impl FnMut(usize, usize),
    ) -> Result<(), MatchError> {
        let input = Input::new(text).anchored(Anchored::Yes);
        let mut state = OverlappingState::start();
        loop {
            dfa.try_search_overlapping_fwd(cache, &input, &mut state)?;
            let Some(half) = state.get_match() else { return Ok(()) };
            found(self.owners[half.pattern().as_usize()], half.offset());
        }
    }

    /// Steps through the automaton by hand: its own reverse overlapping search (regex-automata 0.4.19) reports the second of
    /// two matches at one place a byte too early.
    fn backward(
        &self,
        dfa: &DFA,
        cache: &mut Cache,
        text: &str,
        mut found: impl FnMut(usize, usize),
    ) -> Result<(), MatchError> {
        let start = text.ceil_char_boundary(text.len().saturating_sub(REACH));
        let bytes = text.as_bytes();
        let gave_up = |_| MatchError::gave_up(start);
        let input = Input::new(text).range(start..).anchored(Anchored::Yes);
        let mut state = dfa.start_state_reverse(cache, &input)?;
        for at in (start..=bytes.len()).rev() {
            // A state says one byte late that it matches.
            state = match at.checked_sub(1) {
                Some(before) => dfa.next_state(cache, state, bytes[before]).map_err(gave_up)?,
                None => dfa.next_eoi_state(cache, state).map_err(gave_up)?,
            };
            if state.is_match() {
                for k in 0..dfa.match_len(cache, state) {
                    found(self.owners[dfa.match_pattern(cache, state, k).as_usize()], at);
                }
            } else if state.is_dead() || state.is_quit() {
                break;
            }
        }
        Ok(())
    }
}

/// First bytes of a text by which the vector search tells that it may stand somewhere.
const TELLING: usize = 4;
/// Texts that the vector search takes at most.
const AT_ONCE: usize = 64;

/// Some texts, looked for together: by vector instructions where the machine has them. All texts of one search are told by
/// as many first bytes as the shortest has, so short ones have a search of their own; more than one takes are shared out.
#[derive(Clone, Debug)]
pub(super) struct Literals(Vec<Search>);

#[derive(Clone, Debug)]
enum Search {
    Quick(packed::Searcher),
    Any(AhoCorasick),
}

impl Literals {
    /// `None` where there are none.
    pub(super) fn new<'p>(texts: impl Iterator<Item = &'p str>) -> Result<Option<Literals>, String> {
        let texts: BTreeSet<&str> = texts.collect();
        let (telling, short): (Vec<&str>, Vec<&str>) = texts.into_iter().partition(|text| text.len() >= TELLING);
        let mut searches = Vec::new();
        for texts in [telling, short] {
            let shares = texts.len().div_ceil(AT_ONCE).max(1);
            for share in texts.chunks(texts.len().div_ceil(shares).max(1)) {
                searches.push(Search::new(share)?);
            }
        }
        Ok((!searches.is_empty()).then_some(Literals(searches)))
    }

    /// Whether `text` holds one of them.
    pub(super) fn in_text(&self, text: &str) -> bool {
        self.0.iter().any(|search| search.find(text).is_some())
    }

    /// Calls `found` with where each of them begins, but for those before the place from which it wants more.
    pub(super) fn each_in(&self, text: &str, mut found: impl FnMut(usize) -> Option<usize>) {
        for search in &self.0 {
            let mut from = 0;
            while let Some(next) = search.find(&text[from..]).and_then(|at| found(from + at)) {
                from = next;
            }
        }
    }
}

impl Search {
    fn new(texts: &[&str]) -> Result<Search, String> {
        match packed::Searcher::new(texts) {
            Some(search) => Ok(Search::Quick(search)),
            None => AhoCorasick::new(texts).map(Search::Any).map_err(|e| cause(&e)),
        }
    }

    /// Where in `text` the first of them begins.
    fn find(&self, text: &str) -> Option<usize> {
        match self {
            Search::Quick(search) => search.find(text).map(|found| found.start()),
            Search::Any(search) => search.find(text).map(|found| found.start()),
        }
    }
}

/// Whether a pattern is one that can be run; what is wrong with it if not.
pub(super) fn check_pattern(pattern: &str, at: At) -> Result<(), String> {
    thompson(Way::of(at), MAX_PATTERN).build(&anchored(pattern, at)).map(drop).map_err(|e| cause(&e))
}

fn thompson(way: Way, max_bytes: usize) -> thompson::Compiler {
    let config = thompson::Config::new()
        .reverse(way == Way::Backward)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(max_bytes));
    let mut compiler = thompson::Compiler::new();
    compiler.syntax(syntax::Config::new().utf8(true)).configure(config);
    compiler
}

/// Shorthands that patterns may use. A shorthand may use those below it.
const SHORTHANDS: [(&str, &str); 10] = [
    // Names and how they are strung together: `Kit Marlow, Ana van Brandt and J. Roe`.
    ("<names>", "<name>(?:(?:,? (?:and|und|et|y|e|og|och|en|i) |[,;] ?| ?[&/|] ?)<name>)*"),
    // Who is named as a source: capitalised words and the small ones between, but no verb.
    (
        "<sources>",
        "(?:the )?(?:<Upper>|[0-9@“\\x22‘(])[^ ]*(?: (?:(?:<Upper>|[0-9@&|/(“\\x22‘–—-])[^ ]*|and|or|of|the|for|in|at|on|via|by|from|to|with|de|la|van|von|der|del|y|e|file|pool|handout))*",
    ),
    ("<name>", "<Word>(?:[ -](?:<Word>|de|del|da|das|do|dos|di|du|van|von|der|den|ter|la|le|al|el|bin|ibn|zu))*"),
    // Where somebody reported from: `Ostheim, Va., and the Hook of Holm`.
    ("<place>", "(?:the )?<Word>(?:,? (?:<Word>|and|in|the|of|de|la|el|al|near))*"),
    ("<month>", "(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\\.?"),
    ("<weekday>", "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"),
    ("<url>", "(?:https?://|www\\.)\\S+"),
    ("<Word>", "<Upper><letter>*"),
    ("<Upper>", "[A-Z\\x{C0}-\\x{DE}\\x{100}-\\x{17F}\\x{391}-\\x{3A9}\\x{400}-\\x{42F}]"),
    ("<letter>", "[A-Za-z.\\x27’\\x{C0}-\\x{24F}\\x{370}-\\x{52F}\\x{1E00}-\\x{1EFF}-]"),
];

/// A pattern as the automaton runs it: shorthands spelt out; a line pattern must also end where the line ends; and a word
/// ends where ASCII says so, since an automaton cannot look around at Unicode words.
fn anchored(pattern: &str, at: At) -> String {
    let mut pattern = pattern.replace(r"\b", r"(?-u:\b)");
    for (short, long) in SHORTHANDS {
        pattern = pattern.replace(short, long);
    }
    match at {
        At::Line => format!("(?:{pattern})$"),
        At::Start | At::End => format!("(?:{pattern})"),
    }
}

/// An error with its causes, on one line.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        next = inner.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_however_many_they_are() {
        for count in [0, 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE] {
            let texts: Vec<String> = (0..count).map(|n| format!("text {n:03}.")).collect();
            let literals = Literals::new(texts.iter().map(String::as_str).chain(["©"])).unwrap().unwrap();
            assert!(texts.iter().all(|text| literals.in_text(&format!("Some {text}"))), "{count}");
            assert!(literals.in_text("© Kit Marlow") && !literals.in_text("Some text 999."), "{count}");
        }
        assert!(Literals::new(std::iter::empty()).unwrap().is_none());
    }
}
