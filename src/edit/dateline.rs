//! Datelines: `WASHINGTON, May 5 (UPI) --` and its kin, told from the beginning of a paragraph.
//!
//! The grammar is place, date, agency, dash, each optional in some agency's form. Three kinds of evidence are accepted: an
//! agency known to the rules; an unknown one behind a date; and, without any agency, a known place in capitals before a
//! spaced dash. Nothing is guessed from the story itself, so none is invented.

use std::ops::Range;

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::rules::{RawAgency, RawPlaces};

/// Bytes a dateline may have.
const REACH: usize = 160;
/// Words a place may have.
const PLACE_WORDS: usize = 9;

/// What may stand in a dateline.
#[derive(Clone, Debug, Default)]
pub(super) struct Agencies {
    agencies: Vec<RawAgency>,
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

/// A calendar day, with its year if one was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub year: Option<i16>,
    pub month: i8,
    pub day: i8,
}

impl Day {
    /// The date; a missing year is the one that brings it nearest to `arrived`, at most a day ahead.
    pub(super) fn date(self, arrived: Option<Timestamp>) -> Option<Date> {
        if let Some(year) = self.year {
            return Date::new(year, self.month, self.day).ok();
        }
        let latest = Offset::UTC.to_datetime(arrived?).date().tomorrow().ok()?;
        // Eight years reach back over a leap day around a century.
        (0..=8)
            .find_map(|back| Date::new(latest.year() - back, self.month, self.day).ok().filter(|date| *date <= latest))
    }
}

impl Agencies {
    pub(super) fn new(agencies: Vec<RawAgency>, places: RawPlaces) -> Agencies {
        let lower = |mut names: Vec<String>| {
            names.iter_mut().for_each(|n| *n = n.to_lowercase());
            names.sort();
            names.dedup();
            names
        };
        Agencies { agencies, cities: lower(places.cities), regions: lower(places.regions) }
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

    /// Whether `text` is the name of an agency.
    pub(super) fn is_agency(&self, text: &str) -> bool {
        self.known(text).is_some()
    }

    fn known(&self, text: &str) -> Option<&str> {
        let same = |form: &String| form == text || (form.len() > 2 && form.eq_ignore_ascii_case(text));
        self.agencies.iter().find(|a| a.forms.iter().any(same)).map(|a| a.name.as_str())
    }

    fn bare(&self, text: &str) -> Option<&str> {
        self.agencies.iter().find(|a| a.bare && a.forms.iter().any(|f| f == text)).map(|a| a.name.as_str())
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
        if !(first.is_alphanumeric() || matches!(first, '(' | '/')) {
            return None;
        }
        let window = &text[..text.floor_char_boundary(REACH)];
        self.agency_first(text, window)
            .or_else(|| self.bracketed(text, window, '(', ')'))
            .or_else(|| self.bracketed(text, window, '/', '/'))
            .or_else(|| self.bare_agency(text, window))
            .or_else(|| if opening { self.without_agency(text, window) } else { None })
    }

    /// `(CNN) --`, `(ANSA) - ROMA, 1 LUG -`.
    fn agency_first<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let inner = window.strip_prefix('(')?;
        let close = inner.find(')')?;
        let agencies = self.named(&inner[..close])?;
        let dash = separator(text, close + 2)?;
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
            let marked = inner[..length].trim();
            let after = at + 1 + length + 1;
            let Some(head) = self.head(&window[..at]) else { continue };
            let dash = separator(text, after);
            if let Some(agencies) = self.named(marked) {
                if let Some(dash) = dash {
                    return Some(found(text, dash.end, head, agencies));
                }
                // No dash: only where the form itself is telling.
                let telling = head.day.is_some() || marked.contains(' ') || head.place.is_some_and(all_caps);
                let goes_on = text.get(after..).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
                if telling && goes_on && head.place.is_some() {
                    return Some(found(text, after, head, agencies));
                }
            } else if open == '(' && dash.is_some() && other_agency(marked, &head) {
                return Some(found(text, dash?.end, head, vec![Agency::Other(marked)]));
            }
        }
        None
    }

    /// `PLACE, Month day Kyodo -`.
    fn bare_agency<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let stop = window.find(" - ").or_else(|| window.find(" -- "))?;
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

    /// `WASHINGTON —`, `PARETS DEL VALLÈS, Spain -`.
    fn without_agency<'t, 'r>(&'r self, text: &'t str, window: &'t str) -> Option<Found<'t, 'r>> {
        let stop = window
            .char_indices()
            .find(|(i, c)| {
                (matches!(c, '—' | '–' | '_')
                    || (*c == '-' && window[..*i].ends_with(' '))
                    || window[*i..].starts_with("--"))
                    && *i > 0
            })
            .map(|(i, _)| i)?;
        let head = self.head(&window[..stop])?;
        let place = head.place?;
        let dash = separator(text, stop)?;
        let next = text[skip_space(text, dash.end)..].chars().next()?;
        let spaced =
            text[dash.end..].starts_with(' ') || window[..stop].ends_with(' ') || window[stop..].starts_with("--");
        let sentence =
            next.is_uppercase() || next.is_numeric() || matches!(next, '"' | '“' | '‘' | '\'' | '«' | '„' | '`');
        if !spaced || !sentence {
            return None;
        }
        let name = place.split(',').next().unwrap_or(place);
        let capitals = all_caps(name);
        let sure = capitals && (head.day.is_some() || self.trusted(Some(place)));
        let plain = !capitals && self.city(name) && text.len() > 80 && !window[..stop].ends_with('-');
        (sure || plain).then(|| found(text, dash.end, head, Vec::new()))
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
        let (place, day) = split_day(text);
        let place = place.trim_end().trim_end_matches(',').trim_end();
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

/// Whether what stands in the brackets can be an agency that no rule names.
fn other_agency(name: &str, head: &Head) -> bool {
    let word = |w: &str| {
        w.chars().next().is_some_and(char::is_uppercase) && w.chars().all(|c| c.is_alphanumeric() || c == '.')
    };
    let short = !name.is_empty() && name.len() <= 30 && name.split([' ', '/']).count() <= 3;
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

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    at + rest.len() - rest.trim_start().len()
}

/// Splits a date off the end of `text`: `May 5`, `May 5, 2020`, `21 ene`, `1. Juli 2019`, `Dec.9`.
fn split_day(text: &str) -> (&str, Option<Day>) {
    let mut rest = text.trim_end().trim_end_matches('.');
    let mut year = None;
    if let Some((before, last)) = last_word(rest)
        && last.len() == 4
        && let Ok(number) = last.parse::<i16>()
        && (1850..=2200).contains(&number)
    {
        year = Some(number);
        rest = before.trim_end_matches([',', ' ']);
    }
    let Some((before, last)) = last_word(rest) else { return (text, None) };
    // Month, then day.
    if let Some(day) = day_number(last)
        && let Some((place, word)) = last_word(before)
        && let Some(month) = month_number(word)
    {
        return (without_weekday(place), Some(Day { year, month, day }));
    }
    // Day and month in figures, as Belga has them: `04/05`.
    if let Some((day, month)) = last.split_once('/')
        && let (Some(day), Ok(month)) = (day_number(day), month.parse::<i8>())
        && (1..=12).contains(&month)
    {
        return (before, Some(Day { year, month, day }));
    }
    // Day, then month; `de` between them in Spanish and Portuguese.
    if let Some(month) = month_number(last) {
        let mut place = before;
        if let Some((earlier, "de")) = last_word(place) {
            place = earlier;
        }
        if let Some((place, word)) = last_word(place)
            && let Some(day) = day_number(word)
        {
            return (without_weekday(place), Some(Day { year, month, day }));
        }
    }
    (text, None)
}

fn without_weekday(place: &str) -> &str {
    let place = place.trim_end().trim_end_matches(',');
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    match last_word(place) {
        Some((before, word)) if DAYS.iter().any(|d| word.trim_end_matches(',').eq_ignore_ascii_case(d)) => before,
        _ => place,
    }
}

/// `text` before its last word, and the word.
fn last_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    if text.is_empty() {
        return None;
    }
    let (before, word) = match text.rfind(|c: char| c.is_whitespace() || c == ',') {
        Some(at) => {
            let end = at + text[at..].chars().next().map_or(1, char::len_utf8);
            (&text[..end], &text[end..])
        }
        None => ("", text),
    };
    (!word.is_empty()).then_some((before, word))
}

fn day_number(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches([',', '.', 'º', '°']);
    let digits = digits
        .strip_suffix("er")
        .or_else(|| digits.strip_suffix("st"))
        .or_else(|| digits.strip_suffix("nd"))
        .or_else(|| digits.strip_suffix("rd"))
        .or_else(|| digits.strip_suffix("th"))
        .unwrap_or(digits);
    (digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|d| (1..=31).contains(d))
}

/// The month that `word` names or abbreviates in English, German, French, Spanish, Italian, Portuguese or Dutch.
fn month_number(word: &str) -> Option<i8> {
    const MONTHS: [&[&str]; 12] = [
        &["january", "января", "januar", "jänner", "janvier", "enero", "gennaio", "janeiro", "januari"],
        &[
            "february",
            "февраля",
            "februar",
            "feber",
            "février",
            "fevrier",
            "febrero",
            "febbraio",
            "fevereiro",
            "februari",
            "fév",
            "fev",
        ],
        &["march", "марта", "märz", "maerz", "mars", "marzo", "março", "maart", "mrz", "mär"],
        &["april", "апреля", "avril", "abril", "aprile", "avr"],
        &["may", "мая", "mai", "mayo", "maggio", "maio", "mei"],
        &["june", "июня", "juni", "juin", "junio", "giugno", "junho"],
        &["july", "июля", "juli", "juillet", "julio", "luglio", "julho", "juil"],
        &["august", "августа", "août", "aout", "agosto", "augustus"],
        &["september", "сентября", "septembre", "septiembre", "settembre", "setembro", "sept", "set"],
        &["october", "октября", "oktober", "octobre", "octubre", "ottobre", "outubro"],
        &["november", "ноября", "novembre", "noviembre", "novembro"],
        &["december", "декабря", "dezember", "décembre", "decembre", "diciembre", "dicembre", "dezembro"],
    ];
    let word = word.trim_end_matches(['.', ',']);
    if word.len() < 3 || word.len() > 20 {
        return None;
    }
    let word = word.to_lowercase();
    let month = MONTHS.iter().position(|names| {
        names.iter().any(|n| *n == word || (word.chars().count() == 3 && n.starts_with(word.as_str())))
    })?;
    i8::try_from(month + 1).ok()
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
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edit::rules::Rules;

    type Parts = (String, Option<String>, Option<(i8, i8)>, Vec<String>);

    fn parse(text: &str) -> Option<Parts> {
        static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());
        let found = RULES.agencies.dateline(text, true)?;
        let agencies = found.agencies.iter().map(|a| match a {
            Agency::Known(name) => name.to_string(),
            Agency::Other(name) => name.to_string(),
        });
        Some((
            found.verbatim.to_string(),
            found.place.map(str::to_string),
            found.day.map(|d| (d.month, d.day)),
            agencies.collect(),
        ))
    }

    fn verbatim(text: &str) -> String {
        parse(text).map(|p| p.0).unwrap_or_default()
    }

    #[test]
    fn every_agency_form_is_read_to_its_dash() {
        for dateline in [
            "May 5 (UPI) --",
            "EASTPORT, Dec. 5 (UPI) --",
            "HORIZON CITY, Texas, Jan. 14 (UPI) --",
            "DES MOINES, Iowa (AP) —",
            "SURABAYA, Indonesia/JAKARTA (Reuters) -",
            "WASHINGTON and MILWAUKEE (Reuters) -",
            "Al ASAD AIR BASE, Iraq (Reuters) -",
            "Near the Israel-Gaza border (CNN) -",
            "Gaza City, Palestinian Territories, May 16, 2021 (AFP) -",
            "Paris, 21 jan 2019 (AFP) -",
            "OSTHEIM 04/05 (BELGA) =",
            "Puerto Alba (España), 5 may (EFE).-",
            "Rampura (Rajasthan) [India], May 5 (ANI):",
            "WARRAGINDI, AAP -",
            "МОСКВА, 21 января. /ТАСС/.",
            "OSTHEIM, Ont. —",
            "Nueva Delhi, 21 ene (EFE).-",
            "MOSCOW, January 21. /TASS/.",
            "SAITAMA, Japan, Dec. 9 Kyodo -",
            "BRISBANE, Australia, Jan. 1(Xinhua) --",
            "New Delhi, Sep 28 (ANI):",
            "(ANSA) - ROMA, 1 LUG -",
            "(ANSA) - Rome, October 11 -",
            "(CNN) --",
            "Berlin (dpa/lno) -",
            "NEW YORK, May 5, 2020 /PRNewswire/ --",
            "NEW YORK--(BUSINESS WIRE)--",
            "WASHINGTON —",
            "PARETS DEL VALLÈS, Spain -",
            "MO. (AP)--",
            "Panama  City,  Sept. 8 (CNA) --",
        ] {
            let text = format!("{dateline} Nine people were taken from the ferry on Sunday, the harbour office said.");
            assert_eq!(verbatim(&text), dateline);
        }
        assert_eq!(verbatim("Paris (ats afp) Les ministres se sont réunis lundi."), "Paris (ats afp)");
        assert_eq!(verbatim("WASHINGTON Oct 17 (Reuters) The vote was put off."), "WASHINGTON Oct 17 (Reuters)");
    }

    #[test]
    fn place_date_and_agency_come_apart() {
        let (_, place, day, agencies) = parse("HORIZON CITY, Texas, Jan. 14 (UPI) -- Two").unwrap();
        assert_eq!((place.as_deref(), day, agencies), (Some("HORIZON CITY, Texas"), Some((1, 14)), vec!["UPI".into()]));
        let (_, place, day, agencies) = parse("May 5 (UPI) -- Two").unwrap();
        assert_eq!((place, day, agencies), (None, Some((5, 5)), vec!["UPI".into()]));
        let (_, _, _, agencies) = parse("Paris (ats afp) Les ministres").unwrap();
        assert_eq!(agencies, ["ATS", "AFP"]);
        let (_, place, day, _) = parse("(ANSA) - ROMA, 1 LUG - Il treno").unwrap();
        assert_eq!((place.as_deref(), day), (Some("ROMA"), Some((7, 1))));
    }

    #[test]
    fn sentences_are_not_taken_for_datelines() {
        for text in [
            "The head of the Associated Press (AP) said the office would close.",
            "Jordan Hale (R) — who lost the primary — will not run.",
            "CLOSE — The gate was shut.",
            "BREAKING NEWS - The bridge is closed.",
            "London - a city of nine million - waits.",
            "He went to Paris (France) - and came back.",
            "The agreement, reached May 5 (Tuesday) - was signed.",
            "FACT CHECK — The claim is false.",
            "In 2019 (AP) - a year",
            "A - B",
            "-",
            "(",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_missing_year_is_the_one_nearest_before_arrival() {
        let arrived = |s: &str| Some(s.parse::<Timestamp>().unwrap());
        let day = |month, day| Day { year: None, month, day };
        assert_eq!(day(5, 5).date(arrived("2020-05-06T01:00:00Z")), Date::new(2020, 5, 5).ok());
        assert_eq!(day(12, 31).date(arrived("2021-01-01T01:00:00Z")), Date::new(2020, 12, 31).ok());
        assert_eq!(day(1, 1).date(arrived("2020-12-31T23:00:00Z")), Date::new(2021, 1, 1).ok());
        assert_eq!(day(2, 29).date(arrived("2023-06-01T00:00:00Z")), Date::new(2020, 2, 29).ok());
        assert_eq!(day(5, 5).date(None), None);
        assert_eq!(Day { year: Some(2019), month: 2, day: 30 }.date(None), None);
    }
}
