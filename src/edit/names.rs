//! What names are made of, and what tells the names of people from those of outlets, offices and agencies: once for bylines,
//! sign-offs and credits.

use super::byline;
use super::dateline::Agencies;

/// Small words inside a name.
const PARTICLES: [&str; 14] =
    ["al", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "ibn", "la", "van", "von"];

/// Words between names. Not `en`, which is Dutch for `and`, and Spanish for `in`.
const JOINERS: [&str; 7] = ["and", "e", "et", "och", "og", "und", "y"];

/// Words that stand in the names of outlets and offices and in titles, and hardly in names of people, in lower case.
const OFFICES: [&str; 116] = [
    "advocate",
    "agencia",
    "agency",
    "agentur",
    "analyst",
    "anzeiger",
    "army",
    "bulletin",
    "bureau",
    "business",
    "center",
    "centre",
    "chief",
    "chronicle",
    "city",
    "columnist",
    "commentator",
    "contributor",
    "correspondent",
    "correspondents",
    "county",
    "courier",
    "court",
    "critic",
    "daily",
    "department",
    "desk",
    "diario",
    "director",
    "dispatch",
    "economist",
    "editor",
    "editorial",
    "editors",
    "enquirer",
    "examiner",
    "executive",
    "express",
    "force",
    "gazette",
    "globe",
    "government",
    "guard",
    "guardian",
    "herald",
    "house",
    "images",
    "independent",
    "inquirer",
    "journal",
    "journalist",
    "journalists",
    "korrespondent",
    "korrespondentin",
    "library",
    "magazine",
    "mail",
    "manager",
    "media",
    "minister",
    "ministry",
    "mirror",
    "monitor",
    "museum",
    "nachrichten",
    "navy",
    "network",
    "news",
    "newspaper",
    "newsroom",
    "observer",
    "office",
    "photo",
    "photographer",
    "photographers",
    "photos",
    "pictures",
    "police",
    "politics",
    "post",
    "president",
    "press",
    "producer",
    "professor",
    "radio",
    "redaktion",
    "register",
    "reporter",
    "reporters",
    "review",
    "rundschau",
    "secretary",
    "senior",
    "sentinel",
    "service",
    "services",
    "sport",
    "sports",
    "staff",
    "standard",
    "star",
    "state",
    "strategist",
    "team",
    "telegraph",
    "television",
    "times",
    "today",
    "tribune",
    "tv",
    "university",
    "video",
    "weekly",
    "writer",
    "writers",
    "zeitung",
];

/// Whether `word` may stand inside a name, though it is not capitalised.
pub(super) fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}

/// Whether `word` stands between names.
pub(super) fn joins(word: &str) -> bool {
    JOINERS.contains(&word)
}

/// Whether `word` belongs to an outlet, an office or a title, not to a person.
pub(super) fn is_of_office(word: &str) -> bool {
    OFFICES.binary_search(&word.to_lowercase().as_str()).is_ok()
}

/// Whether `text` names one person, and nothing that only looks like one.
pub(super) fn is_person(agencies: &Agencies, text: &str) -> bool {
    byline::people(text) == Some(1)
        && !text.starts_with("The ")
        && !agencies.is_agency(text)
        && !agencies.is_place(text)
        && !is_of_agency(agencies, text)
        && !text.split_whitespace().any(is_of_office)
}

/// A part of an agency: `PA Olympics`, `Reuters Breakingviews`. In capitals it may be anybody: `ANA BRANDT`.
fn is_of_agency(agencies: &Agencies, text: &str) -> bool {
    let Some((first, rest)) = text.split_once(' ') else { return false };
    let as_written = |name: &str| name == first || !first.contains(char::is_lowercase);
    rest.contains(char::is_lowercase) && agencies.known(first).is_some_and(as_written)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edit::rules::Rules;

    static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());

    #[test]
    fn outlets_offices_and_parts_of_agencies_are_no_people() {
        for text in [
            "Ostheim Herald",
            "Holm Tribune",
            "Chief Economist",
            "Ostheimer Zeitung",
            "PA Sport",
            "PA Olympics",
            "Reuters Breakingviews",
            "Ostheim University",
            "Ana Brandt and Kit Marlow",
        ] {
            assert!(!is_person(&RULES.agencies, text), "{text}");
        }
        for text in ["Kit Marlow", "Ana van Brandt", "ANA BRANDT", "Ana Brandt", "J. Q. Roe"] {
            assert!(is_person(&RULES.agencies, text), "{text}");
        }
    }

    #[test]
    fn words_of_offices_can_be_searched() {
        assert!(OFFICES.is_sorted());
        assert!(is_of_office("HERALD") && !is_of_office("Marlow"));
    }
}
