//! Who made an item: the people that bylines and sign-offs name, each with what they did.
//!
//! A sign-off is read by its role phrases (`Reporting by`, `editado por`, `redigiert von`); the names between one phrase and
//! the next have that role. What is no name (a place, a desk, an agency, a title) is passed over, so that a name is missed
//! rather than made up.

use std::ops::Range;

use super::dateline::Agencies;
use super::names::{is_of_office, is_person, joins};

/// What a person did for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reported or wrote it.
    Author,
    /// Wrote it from what others reported.
    Writer,
    /// Added to it.
    Contributor,
    /// Edited it.
    Editor,
    /// Translated it.
    Translator,
    /// Took the picture.
    Photographer,
}

impl Role {
    /// The role's name, as articles spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Author => "author",
            Role::Writer => "writer",
            Role::Contributor => "contributor",
            Role::Editor => "editor",
            Role::Translator => "translator",
            Role::Photographer => "photographer",
        }
    }
}

/// Beginnings of the words that say what somebody did, in lower case; the first that a phrase holds decides.
const ROLES: [(&str, Role); 33] = [
    ("additional", Role::Contributor),
    ("extra", Role::Contributor),
    ("assistance", Role::Contributor),
    ("help", Role::Contributor),
    ("contribut", Role::Contributor),
    ("mitarbeit", Role::Contributor),
    ("production", Role::Contributor),
    ("graphic", Role::Contributor),
    ("translat", Role::Translator),
    ("traduc", Role::Translator),
    ("tradott", Role::Translator),
    ("traduit", Role::Translator),
    ("übersetz", Role::Translator),
    ("version", Role::Translator),
    ("written", Role::Author),
    ("writing", Role::Writer),
    ("geschrieben", Role::Writer),
    ("escrito", Role::Writer),
    ("edited", Role::Editor),
    ("editing", Role::Editor),
    ("editad", Role::Editor),
    ("édit", Role::Editor),
    ("edición", Role::Editor),
    ("edição", Role::Editor),
    ("redig", Role::Editor),
    ("redak", Role::Editor),
    ("report", Role::Author),
    ("compiled", Role::Author),
    ("rédigé", Role::Author),
    ("bericht", Role::Author),
    ("información", Role::Author),
    ("scritto", Role::Author),
    ("a cura", Role::Author),
];

/// Words between what was done and who did it.
const LINKS: [&str; 9] = ["by", "von", "par", "por", "de", "di", "da", "dal", "door"];

/// The names in a byline without its mark.
pub(super) fn in_byline(agencies: &Agencies, line: &str) -> Vec<(Range<usize>, Role)> {
    let mut found = Vec::new();
    names(agencies, line, 0..line.len(), Role::Author, &mut found);
    found
}

/// The people a sign-off names, with their roles, in order.
pub(super) fn in_signoff(agencies: &Agencies, line: &str) -> Vec<(Range<usize>, Role)> {
    let mut found = Vec::new();
    let marks = role_phrases(line);
    if marks.is_empty() {
        contributors(agencies, line, &mut found);
    }
    for (i, (phrase, role)) in marks.iter().enumerate() {
        let end = marks.get(i + 1).map_or(line.len(), |(next, _)| next.start);
        // The names end with their sentence.
        let end = sentence_end(line, phrase.end..end);
        names(agencies, line, phrase.end..end, *role, &mut found);
    }
    found
}

/// Where a line says what the people named next did.
fn role_phrases(line: &str) -> Vec<(Range<usize>, Role)> {
    let mut phrases: Vec<(Range<usize>, Role)> = Vec::new();
    let mut start = 0;
    for (at, word) in words(line) {
        if LINKS.contains(&word.to_lowercase().trim_end_matches(':')) && at > start {
            let phrase = line[start..at].to_lowercase();
            let phrase = phrase.trim_start_matches(|c: char| !c.is_alphabetic());
            let known = ROLES.iter().find(|(stem, _)| phrase.split([' ', '\n']).any(|w| w.starts_with(stem)));
            if let Some((_, role)) = known.filter(|_| phrase.split_whitespace().count() <= 5) {
                phrases.push((start..at + word.len(), *role));
                start = at + word.len();
                continue;
            }
        } else if let Some((_, role)) = ROLES.iter().find(|(stem, _)| {
            // `Contributing: Kit Marlow`, `Redaktion: Ana Brandt`.
            word.ends_with(':') && word.to_lowercase().trim_start_matches('(').starts_with(stem)
        }) {
            phrases.push((start..at + word.len(), *role));
            start = at + word.len();
            continue;
        }
        if word.ends_with([';', ',', '.', ')']) || word.starts_with('(') || word.eq_ignore_ascii_case("and") {
            start = if word.starts_with('(') { at } else { at + word.len() };
        }
    }
    phrases
}

/// `Associated Press writers Kit Marlow in Ostheim and Ana Brandt contributed to this report.`, `Kit Marlow reported from
/// Ostheim.`
fn contributors(agencies: &Agencies, line: &str, found: &mut Vec<(Range<usize>, Role)>) {
    let mut start = 0;
    while start < line.len() {
        let end = sentence_end(line, start..line.len());
        let sentence = &line[start..end];
        let verbs = [(" contribut", Role::Contributor), (" reported", Role::Author)];
        if let Some((stop, role)) =
            verbs.iter().filter_map(|(verb, role)| Some((sentence.find(verb)?, *role))).min_by_key(|v| v.0)
        {
            names(agencies, line, start..start + stop, role, found);
        }
        start = end;
    }
}

/// The end of the sentence that `range` begins with; a point behind an initial or an abbreviation ends none.
fn sentence_end(line: &str, range: Range<usize>) -> usize {
    let text = &line[range.clone()];
    let stop = text.match_indices(". ").find(|(at, _)| {
        let word = text[..*at].rsplit([' ', '\n']).next().unwrap_or("");
        word.chars().count() > 3 && !word.contains('.') && word.chars().any(char::is_lowercase)
    });
    range.start + stop.map_or(text.len(), |(at, _)| at + 2)
}

/// The names in `range` of `line`, strung together with commas, semicolons and `and`, each with where it worked from.
fn names(agencies: &Agencies, line: &str, range: Range<usize>, role: Role, found: &mut Vec<(Range<usize>, Role)>) {
    let mut start = range.start;
    let mut parts = Vec::new();
    for (at, word) in words(&line[range.clone()]).map(|(at, word)| (range.start + at, word)) {
        if joins(word) || matches!(word, "&" | "|") {
            parts.push(start..at);
            start = at + word.len();
        } else if word.ends_with([',', ';', ')', '/']) {
            parts.push(start..at + word.len());
            start = at + word.len();
        }
    }
    parts.push(start..range.end);
    for part in parts {
        if let Some(name) = name(agencies, line, part)
            && !found.iter().any(|(known, _)| line[known.clone()] == line[name.clone()])
        {
            found.push((name, role));
        }
    }
}

/// The name that `part` of `line` is, without the title before and the place behind it.
fn name(agencies: &Agencies, line: &str, part: Range<usize>) -> Option<Range<usize>> {
    const PLACE: [&str; 12] = ["in", "at", "from", "en", "à", "a", "dans", "aus", "from:", "on", "near", "para"];
    let (mut from, mut to) = (None, part.start);
    for (at, word) in words(&line[part.clone()]).map(|(at, word)| (part.start + at, word)) {
        if PLACE.contains(&word) {
            break;
        }
        let bare = word.trim_matches(|c: char| !c.is_alphabetic());
        // `CNN's Kit Marlow`, `Associated Press writer Kit Marlow`, `AP Medical Writer Kit Marlow`.
        let title = is_of_office(bare) || ["'s", "’s", "s'", "s’"].iter().any(|end| word.ends_with(end));
        if title {
            from = None;
            continue;
        }
        if !bare.is_empty() {
            from = from.or(Some(at));
            to = at + word.len();
        }
    }
    let from = from?;
    let text = line.get(from..to)?;
    let open = text.len() - text.trim_start_matches(|c: char| !c.is_alphabetic()).len();
    let text = text[open..].trim_end_matches(|c: char| !c.is_alphabetic() && c != '.');
    // A point stays behind an initial or `Jr.` only.
    let text = match text.strip_suffix('.') {
        Some(stem) if stem.rsplit(' ').next().is_some_and(|last| last.len() > 2) => stem,
        _ => text,
    };
    is_person(agencies, text).then_some(from + open..from + open + text.len())
}

/// The words of `text`, with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split([' ', '\n']).filter(|w| !w.is_empty()).map(move |w| (w.as_ptr() as usize - text.as_ptr() as usize, w))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edit::rules::Rules;

    static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());

    fn signoff(line: &str) -> Vec<(&str, &str)> {
        in_signoff(&RULES.agencies, line).into_iter().map(|(at, role)| (&line[at], role.name())).collect()
    }

    #[test]
    fn the_roles_of_a_sign_off_are_told_apart() {
        assert_eq!(
            signoff(
                "(Reporting by Kit Marlow in Ostheim and Ana van Brandt; Additional reporting by J. Q. Roe and Lu Wei in KUALA \
                 LUMPUR; Writing by Max Holm; Editing by Eva Quill and Tom Hale)"
            ),
            [
                ("Kit Marlow", "author"),
                ("Ana van Brandt", "author"),
                ("J. Q. Roe", "contributor"),
                ("Lu Wei", "contributor"),
                ("Max Holm", "writer"),
                ("Eva Quill", "editor"),
                ("Tom Hale", "editor"),
            ]
        );
        assert_eq!(
            signoff("Reporting by Kit Marlow, Editing by Ana Brandt"),
            [("Kit Marlow", "author"), ("Ana Brandt", "editor")]
        );
    }

    #[test]
    fn contributors_are_found_behind_titles_and_before_places() {
        assert_eq!(
            signoff(
                "Marlow reported from Ostheim. Associated Press writers Kit Onslow in Jefferson City, Missouri; Edith M. Quill in \
                 Cherry Hill, New Jersey, and AP Medical Writer Ana Brandt contributed to this report."
            ),
            [("Kit Onslow", "contributor"), ("Edith M. Quill", "contributor"), ("Ana Brandt", "contributor")]
        );
        assert_eq!(
            signoff("CNN's Kit Marlow, Ana Brandt and The Associated Press contributed to this report."),
            [("Kit Marlow", "contributor"), ("Ana Brandt", "contributor")]
        );
        assert_eq!(
            signoff("Kit Marlow reported from St. Paul, Minn., and Ana Brandt from Ostheim."),
            [("Kit Marlow", "author")]
        );
        assert_eq!(signoff("Contributing: Kit Marlow, USA TODAY"), [("Kit Marlow", "contributor")]);
        assert_eq!(signoff("— With assistance by Kit Marlow, and Ana Brandt").len(), 2);
    }

    #[test]
    fn other_languages_name_people_too() {
        assert_eq!(
            signoff("(Reporte de Ana Brandt; editado en español por Juan de la Roca)"),
            [("Ana Brandt", "author"), ("Juan de la Roca", "editor")]
        );
        assert_eq!(signoff("(Reporte de Ana Brandt en Puerto Holm)"), [("Ana Brandt", "author")]);
        assert_eq!(
            signoff(
                "(Bericht von Ana Brandt, redigiert von Karl Holm. Bei Rückfragen wenden Sie sich an die Redaktion)"
            ),
            [("Ana Brandt", "author"), ("Karl Holm", "editor")]
        );
        assert_eq!(
            signoff("Rédigé par Jeanne Dulac, édité par Paul Morel"),
            [("Jeanne Dulac", "author"), ("Paul Morel", "editor")]
        );
    }

    #[test]
    fn what_is_no_person_is_not_made_one() {
        for line in [
            "The Associated Press contributed to this report.",
            "Associated Press journalists around the world contributed to this report.",
            "(Reporting by the Ostheim newsroom)",
            "km@example.org",
            "bur-km/ab",
            "Tel: +00 000 0000",
            "SOURCE Holm Line",
            "",
        ] {
            assert_eq!(signoff(line), [], "{line}");
        }
    }

    #[test]
    fn a_byline_gives_its_names() {
        let byline =
            |line| in_byline(&RULES.agencies, line).into_iter().map(|(at, _)| &line[at]).collect::<Vec<&str>>();
        assert_eq!(byline("Kit Marlow and Ana Brandt, Associated Press"), ["Kit Marlow", "Ana Brandt"]);
        assert_eq!(byline("KIT MARLOW, Associated Press Writer"), ["KIT MARLOW"]);
        assert_eq!(byline("Ana Brandt, dpa"), ["Ana Brandt"]);
        assert_eq!(byline("dpa correspondents"), Vec::<&str>::new());
    }

    #[test]
    fn the_outlet_and_the_title_behind_a_name_are_nobody() {
        for line in [
            "Kit Marlow, Ostheim Herald",
            "Kit Marlow, Chicago Tribune",
            "Kit Marlow, Chief Economist",
            "Kit Marlow, PA Sport",
            "Kit Marlow, Ostheimer Rundschau",
            "Kit Marlow, Senior Political Editor, Holm Gazette",
        ] {
            let names: Vec<&str> = in_byline(&RULES.agencies, line).into_iter().map(|(at, _)| &line[at]).collect();
            assert_eq!(names, ["Kit Marlow"], "{line}");
        }
        assert_eq!(signoff("Reporting by Kit Marlow, Ostheim Herald"), [("Kit Marlow", "author")]);
    }
}
