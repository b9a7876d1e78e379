//! Datelines: `WASHINGTON, May 5 (UPI) --` and its kin, told from the beginning of a paragraph.
//!
//! The grammar is place, date, agency, dash, each optional in some agency's form. Three kinds of evidence are accepted: an
//! agency known to the rules; an unknown one behind a date; and, without any agency, a known place in capitals before a
//! spaced dash. Nothing is guessed from the story itself, so none is invented.

mod day;

use std::ops::Range;

use hashbrown::HashMap;

use super::lines::End;
use super::rules::{RawAgency, RawPlaces};
use day::Day;
pub(super) use day::month_number;

/// Bytes a dateline may have.
const REACH: usize = 160;
/// Bytes that a paragraph has at least in which a place alone is a dateline.
const STORY: usize = 80;
/// Words a place may have.
const PLACE_WORDS: usize = 9;

/// What may stand in a dateline.
#[derive(Clone, Debug, Default)]
pub(super) struct Agencies {
    agencies: Vec<RawAgency>,
    /// Their forms in lower case, each with the agencies that have it, in file order, and how they write it.
    forms: HashMap<String, Vec<(usize, String)>>,
    /// In lower case, sorted.
    cities: Vec<String>,
    regions: Vec<String>,
}

/// A dateline found at the beginning of a paragraph.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'t, 'r> {
    /// Its bytes: from the first to the end of its dash.
    pub verbatim: &'t str,
    /// Where the paragraph goes on.
    pub rest: usize,
    pub place: Option<&'t str>,
    pub day: Option<Day>,
    /// Names of known agencies, or what stands in their place.
    pub agencies: Vec<Agency<'t, 'r>>,
}

/// An agency a dateline names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Agency<'t, 'r> {
    Known(&'r str),
    Other(&'t str),
}

impl Agencies {
    pub(super) fn new(agencies: Vec<RawAgency>, places: RawPlaces) -> Agencies {
        let lower = |mut names: Vec<String>| {
            names.iter_mut().for_each(|n| *n = n.to_lowercase());
            names.sort();
            names.dedup();
            names
        };
        let mut forms: HashMap<String, Vec<(usize, String)>> = HashMap::new();
        for (index, agency) in agencies.iter().enumerate() {
            for form in &agency.forms {
                forms.entry(form.to_ascii_lowercase()).or_default().push((index, form.clone()));
            }
        }
        Agencies { agencies, forms, cities: lower(places.cities), regions: lower(places.regions) }
    }

    /// The agencies of `text`, which stands in brackets or slashes: all of it, or its parts at slashes, commas and spaces.
    fn named<'t, 'r>(&'r self, text: &'t str) -> Option<Vec<Agency<'t, 'r>>> {
        if let Some(name) = self.known(text) {
            return Some(vec![Agency::Known(name)]);
        }
        let mut found = Vec::new();
        let mut parts = text.split(['/', ',', ' ', '-']).filter(|p| !p.is_empty());
        let first = parts.next()?;
        if let Some(name) = self.known(first) {
            found.push(Agency::Known(name));
        }
        found.extend(parts.filter_map(|p| self.known(p)).map(Agency::Known));
        let spaced =
            text.contains([' ', ',']) && found.len() < text.split([' ', ',', '/']).filter(|p| !p.is_empty()).count();
        (!found.is_empty() && !spaced).then_some(found)
    }

    /// Whether `text` is a place that the gazetteer knows.
    pub(super) fn is_place(&self, text: &str) -> bool {
        self.city(text) || self.region(text)
    }

    /// Whether `text` is the name of an agency.
    pub(super) fn is_agency(&self, text: &str) -> bool {
        self.known(text).is_some()
    }

    /// The agency that `text` names, as articles call it.
    pub(super) fn known(&self, text: &str) -> Option<&str> {
        self.with_form(text, |_, form| form == text || form.len() > 2)
    }

    fn bare(&self, text: &str) -> Option<&str> {
        self.with_form(text, |agency, form| agency.bare && form == text)
    }

    /// The first agency with the form `text`, in whatever case, that `is` accepts as it writes the form.
    fn with_form(&self, text: &str, is: impl Fn(&RawAgency, &str) -> bool) -> Option<&str> {
        if text.len() > REACH {
            return None;
        }
        let with = self.forms.get(text.to_ascii_lowercase().as_str())?;
        with.iter()
            .map(|(index, form)| (&self.agencies[*index], form))
            .find(|(a, form)| is(a, form))
            .map(|(a, _)| a.name.as_str())
    }

    /// An agency whose datelines have no dash, as `Berne (ats)` and `Washington (CNN)`.
    fn dashless(&self, found: &[Agency<'_, '_>]) -> bool {
        let is = |name: &str| self.agencies.iter().any(|a| a.dashless && a.name == name);
        !found.is_empty() && found.iter().all(|a| matches!(a, Agency::Known(name) if is(name)))
    }

    fn city(&self, text: &str) -> bool {
        has(&self.cities, text)
    }

    fn region(&self, text: &str) -> bool {
        has(&self.regions, text)
    }

    /// The dateline `text` begins with. `opening`: the paragraph is the story's first, so that one without an agency may
    /// stand here.
    pub(super) fn dateline<'t, 'r>(&'r self, text: &'t str, opening: bool) -> Option<Found<'t, 'r>> {
        let first = text.chars().next()?;
        if !(first.is_alphanumeric() || matches!(first, '(' | '/' | '[')) {
            return None;
        }
        let window = &text[..text.floor_char_boundary(REACH)];
        self.agency_first(text, window)
            .or_else(|| self.bracketed(text, window, '(', ')'))
            .or_else(|| self.bracketed(text, window, '/', '/'))
            .or_else(|| self.bare_agency(text, window))
            .or_else(|| {
                opening.then(|| self.without_agency(text, window).or_else(|| self.place_in_brackets(text, window)))?
            })
    }

    /// `(CNN) --`, `(CNN) The …`, `(ANSA) - ROMA, 1 LUG -`.
    fn agency_first<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let inner = window.strip_prefix('(')?;
        let close = inner.find(')')?;
        let agencies = self.named(&inner[..close])?;
        let Some(dash) = separator(text, close + 2).or_else(|| hyphen(text, close + 2)) else {
            let bare = self.dashless(&agencies) && sentence_at(text, close + 2);
            return bare.then(|| found(text, close + 2, Head::default(), agencies));
        };
        let rest = skip_space(text, dash.end);
        let second = &window[rest.min(window.len())..];
        if let Some(stop) = second.find(" - ").or_else(|| second.find(" – ")).or_else(|| second.find(" — "))
            && let Some(head) = self.head(&second[..stop])
            && (head.day.is_some() || self.trusted(head.place))
        {
            let dash = separator(text, rest + stop)?;
            return Some(found(text, dash.end, head, agencies));
        }
        Some(found(text, dash.end, Head::default(), agencies))
    }

    /// `PLACE, Month day (AGENCY) --`, `PLACE, Month day. /AGENCY/.`.
    fn bracketed<'t, 'r>(&'r self, text: &'t str, window: &'t str, open: char, close: char) -> Option<Found<'t, 'r>> {
        for (at, _) in window.match_indices(open).take(4) {
            let inner = &window[at + 1..];
            let Some(length) = inner.find(close) else { break };
            // `Puerto Alba (España), 5 may (EFE)`: the first brackets are a part of the place.
            let (marked, inner_day) = with_day(inner[..length].trim());
            let mut after = at + 1 + length + 1;
            let Some(mut head) = self.head(&window[..at]) else { continue };
            head.day = head.day.or(inner_day);
            if head.day.is_none()
                && !self.trusted(head.place)
                && head.place.is_some_and(|place| abbreviates(marked, place))
            {
                continue;
            }
            // `NEW YORK / ACCESSWIRE / May 5, 2020 /`: the date in slashes of its own.
            if let Some((date, _)) = window.get(after..).filter(|_| open == '/').and_then(|rest| rest.split_once('/'))
                && let ("", Some(day)) = day::split(date.trim())
            {
                head.day = head.day.or(Some(day));
                after += date.len() + 1;
            }
            let dash = separator(text, after);
            if let Some(agencies) = self.named(marked) {
                let dash = dash.or_else(|| hyphen(text, after));
                // `The Holm Ferry Union (PA) — which speaks for`: a name and what it is called.
                let opens = |at: usize| head.day.is_some() || self.trusted(head.place) || sentence_at(text, at);
                if let Some(dash) = dash.filter(|dash| head.place.is_none() || opens(dash.end)) {
                    return Some(found(text, dash.end, head, agencies));
                }
                // No dash: only where the form itself is telling.
                let known = || self.trusted(head.place) || head.place.is_some_and(|p| !p.contains(' '));
                let telling = head.day.is_some()
                    || marked.contains(' ')
                    || head.place.is_some_and(all_caps)
                    || (self.dashless(&agencies) && sentence_at(text, after) && known());
                let goes_on = text.get(after..).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
                // On a line of its own: a known place, one word in capitals, or an agency's desk for a region, as `(dpa/lno)`.
                let desk = || marked.split_once('/').is_some_and(|(_, d)| d.bytes().all(|b| b.is_ascii_lowercase()));
                let alone = text.len() == after;
                let town = || head.place.is_some_and(|p| all_caps(p) && !p.contains(' '));
                let told = if alone { self.trusted(head.place) || town() || desk() } else { telling };
                if told && goes_on && head.place.is_some() {
                    return Some(found(text, after, head, agencies));
                }
            } else if open == '(' && dash.is_some() && (other_agency(marked, &head) || self.station(marked, &head)) {
                return Some(found(text, dash?.end, head, vec![Agency::Other(marked)]));
            }
        }
        None
    }

    /// `PLACE, Month day Kyodo -`, `PLACE, day month – РИА Новости.`
    fn bare_agency<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        // Most paragraphs hold nothing that begins a dash.
        memchr::memchr2(b'-', "—".as_bytes()[0], window.as_bytes())?;
        let dash = [" - ", " -- ", " – ", " — "].iter().filter_map(|d| Some((window.find(d)?, d.len()))).min()?;
        let (stop, dash) = dash;
        if let Some((name, _)) = window[stop + dash..].split_once('.')
            && let Some(agency) = self.bare(name)
            && let Some(head) = self.head(&window[..stop]).filter(|head| head.day.is_some())
        {
            return Some(found(text, stop + dash + name.len() + 1, head, vec![Agency::Known(agency)]));
        }
        let (before, name) = window[..stop].rsplit_once(' ')?;
        let agency = self.bare(name)?;
        let head = self.head(before)?;
        let listed = before.trim_end().ends_with(',') && head.place.is_some_and(all_caps);
        if head.day.is_none() && !listed {
            return None;
        }
        let dash = separator(text, stop)?;
        Some(found(text, dash.end, head, vec![Agency::Known(agency)]))
    }

    /// `[SEOUL] The …`.
    fn place_in_brackets<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let (place, _) = window.strip_prefix('[')?.split_once("] ")?;
        let end = place.len() + 2;
        let told = all_caps(place) && self.city(place) && sentence_at(text, end);
        told.then(|| found(text, end, Head { place: Some(place), day: None }, Vec::new()))
    }

    /// `WASHINGTON —`, `PARETS DEL VALLÈS, Spain -`, `TOKYO:`.
    fn without_agency<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let stop = window
            .char_indices()
            .find(|(i, c)| {
                (matches!(c, '—' | '–' | '_')
                    || (*c == '-' && window[..*i].ends_with(' '))
                    || window[*i..].starts_with("--")
                    || (*c == '.' && window[*i..].starts_with(".- "))
                    || (*c == ':' && all_caps(&window[..*i]) && text.len() > STORY))
                    && *i > 0
            })
            .map(|(i, _)| i)?;
        let head = self.head(&window[..stop])?;
        let place = head.place?;
        let dash = separator(text, stop)?;
        let name = place.split(',').next().unwrap_or(place);
        let capitals = all_caps(name);
        let sure = capitals && (head.day.is_some() || self.trusted(Some(place)));
        let spaced = text[dash.end..].starts_with(' ')
            || window[..stop].ends_with(' ')
            || window[stop..].starts_with("--")
            || (sure && window[stop..].starts_with('—'));
        // `Paris — a city of many — is`: two dashes around something said in passing.
        let passing = || first_sentence(&text[dash.end..]).contains(&window[stop..dash.end]);
        let plain = !capitals && self.city(name) && text.len() > STORY && !window[..stop].ends_with('-') && !passing();
        let copy = text.len() > STORY || End::of(text) == End::Sentence;
        ((sure || plain) && copy && spaced && sentence_at(text, dash.end))
            .then(|| found(text, dash.end, head, Vec::new()))
    }

    /// A broadcaster's call sign behind a place in capitals: any, if the gazetteer knows the place, as in `MIAMI (NBC6) -`; else
    /// one as stations of the United States have, as in `ARNOLD (KDKA) —`.
    fn station(&self, name: &str, head: &Head) -> bool {
        let sign = |part: &str| {
            (2..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        name.len() >= 3
            && name.split(['/', '-', ' ']).all(sign)
            && head.place.is_some_and(|p| all_caps(p.split(',').next().unwrap_or(p)))
            && (self.trusted(head.place) || (name.len() == 4 && name.starts_with(['K', 'W'])))
    }

    /// A place that the gazetteer knows, or one in a region that it knows.
    fn trusted(&self, place: Option<&str>) -> bool {
        let Some(place) = place else { return false };
        place.split(['/', '&']).flat_map(|p| p.split(" and ")).any(|one| {
            let (name, region) = one.split_once(',').unwrap_or((one, ""));
            self.city(name.trim()) || self.region(region.trim())
        })
    }

    /// Place and date, as they stand before agency or dash. None if `text` is something else.
    fn head<'t>(&self, text: &'t str) -> Option<Head<'t>> {
        let text =
            text.trim().trim_end_matches(['-', '–', '—', '_']).trim_end().trim_end_matches([',', '/']).trim_end();
        if text.is_empty() {
            return None;
        }
        let (place, day) = day::split(text);
        let mut place = place.trim_end().trim_end_matches(',').trim_end();
        // `OSTHEIM, May 5, 2020, May 05, 2020 (GLOBE NEWSWIRE) --`.
        if day.is_some()
            && let (before, Some(again)) = day::split(place)
            && day.is_some_and(|day| (day.month, day.day) == (again.month, again.day))
        {
            place = before.trim_end().trim_end_matches(',').trim_end();
        }
        // `Kyiv. May 5`: the point belongs to the city, unless it is an abbreviation.
        if day.is_some() && !place.contains(',') && !self.region(place) {
            place = place.strip_suffix('.').filter(|p| !p.contains('.')).unwrap_or(place);
        }
        if day.is_none() {
            place = without_day(place);
        }
        if place.is_empty() {
            return Some(Head { place: None, day });
        }
        is_place(place).then_some(Head { place: Some(place), day })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Head<'t> {
    place: Option<&'t str>,
    day: Option<Day>,
}

fn found<'t, 'r>(text: &'t str, end: usize, head: Head<'t>, agencies: Vec<Agency<'t, 'r>>) -> Found<'t, 'r> {
    Found { verbatim: text[..end].trim_end(), rest: skip_space(text, end), place: head.place, day: head.day, agencies }
}

/// A place without the day that stands behind it without its month: `MADRID, 13`.
fn without_day(place: &str) -> &str {
    match place.rsplit_once(", ") {
        Some((name, day)) if day.len() <= 2 && day.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => place,
    }
}

/// Whether `name` is made of the first letters of the words of `place`: `Holm Ferry Union (HFU)`.
fn abbreviates(name: &str, place: &str) -> bool {
    let capital = |word: &str| word.chars().next().filter(|c| c.is_uppercase());
    let initials: String = place.split([' ', '-']).filter(|word| *word != "The").filter_map(capital).collect();
    initials.chars().count() > 1 && initials == name
}

/// `text` up to where its first sentence ends.
fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

/// Whether a sentence begins at `at`, spaces aside.
fn sentence_at(text: &str, at: usize) -> bool {
    let next = text.get(at..).and_then(|rest| rest.trim_start().chars().next());
    next.is_some_and(|c| {
        c.is_uppercase() || c.is_numeric() || matches!(c, '"' | '“' | '‘' | '\'' | '«' | '»' | '„' | '`' | '¿' | '¡')
    })
}

/// An agency with the date beside it in its brackets, as `Newsfile Corp. - May 5, 2020`: the two apart.
fn with_day(marked: &str) -> (&str, Option<Day>) {
    match marked.split_once(" - ").map(|(name, date)| (name, day::split(date))) {
        Some((name, ("", day))) => (name.trim_end(), day),
        _ => (marked, None),
    }
}

/// Whether what stands in the brackets can be an agency that no rule names.
fn other_agency(name: &str, head: &Head) -> bool {
    let word = |w: &str| {
        w.chars().next().is_some_and(char::is_uppercase) && w.chars().all(|c| c.is_alphanumeric() || c == '.')
    };
    let weekday = day::is_weekday(name);
    let short = !weekday && !name.is_empty() && name.len() <= 30 && name.split([' ', '/']).count() <= 3;
    let site = name.ends_with(".com") && !name.contains(' ');
    short && name.split([' ', '/']).all(word) && (head.day.is_some() || (site && head.place.is_some_and(all_caps)))
}

/// The dash at `at`, after spaces: its bytes.
fn separator(text: &str, at: usize) -> Option<Range<usize>> {
    let start = skip_space(text, at);
    let after = text.get(start..)?;
    let length = ["--", ".-", "—", "–", "-", "_", ":", ".", "="].iter().find(|d| after.starts_with(**d))?.len();
    let mut end = start + length;
    while text[end..].starts_with(['-', '—', '–']) {
        end += text[end..].chars().next().map_or(0, char::len_utf8);
    }
    // A lone hyphen or point must not belong to the next word.
    let single = matches!(&text[start..end], "-" | "." | ":" | "=");
    let open = text[end..].chars().next().is_none_or(|c| c.is_whitespace() || !c.is_alphanumeric());
    (!single || open).then_some(start..end)
}

/// The hyphen of `(Reuters) -The port`: behind an agency's brackets and a space it belongs to no word.
fn hyphen(text: &str, at: usize) -> Option<Range<usize>> {
    let begins = text.get(at..)?.strip_prefix(" -")?.chars().next()?;
    (begins.is_uppercase() || begins.is_numeric()).then_some(at + 1..at + 2)
}

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    at + rest.len() - rest.trim_start().len()
}

fn has(sorted: &[String], text: &str) -> bool {
    !text.is_empty() && text.len() <= 60 && sorted.binary_search(&text.to_lowercase()).is_ok()
}

fn all_caps(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(|c| !c.is_lowercase())
}

/// A place without what stands in brackets behind it: `Rampura (Rajasthan) [India]`.
fn without_region(text: &str) -> &str {
    let mut place = text.trim_end();
    for (open, close) in [('[', ']'), ('(', ')')] {
        if place.ends_with(close)
            && let Some(at) = place.rfind(open)
            && place[at..].len() <= 40
        {
            place = place[..at].trim_end();
        }
    }
    place
}

/// Whether `text` can be where a story was filed.
fn is_place(text: &str) -> bool {
    let text = without_region(text);
    if text.len() > 110 || !text.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase()) {
        return false;
    }
    if text.chars().any(|c| {
        c.is_ascii_digit()
            || matches!(c, '"' | '“' | '”' | ';' | ':' | '?' | '!' | '(' | ')' | '=' | '@' | '#' | '|' | '$' | '%')
    }) {
        return false;
    }
    let (mut words, mut plain) = (0, 0);
    for word in text.split([' ', '/', '\n']).filter(|w| !w.is_empty()) {
        words += 1;
        let small = word.chars().next().is_some_and(char::is_lowercase);
        plain += usize::from(small);
        // A sentence ends inside: `... the town. Later (AP) -`. An abbreviation is short or has an inner point.
        let stem = word.trim_end_matches(['.', ',']);
        if word.ends_with('.') && stem.chars().count() > 5 && !stem.contains('.') && !text.ends_with(word) {
            return false;
        }
    }
    words <= PLACE_WORDS && plain * 2 <= words && plain <= 3
}

#[cfg(test)]
mod tests;
