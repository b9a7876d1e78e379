//! The people that a byline names, whatever else stands in it.

use crate::edit::names::is_particle;

/// Letters of a name that is worth looking for.
const LETTERS: usize = 7;
/// Letters in front of a capital inside a word from which two words have grown together.
const FUSED: usize = 4;
/// Words that stand before a name in a byline, and are not part of it.
const BEFORE: [&str; 27] = [
    "af",
    "author",
    "autor",
    "autora",
    "autorin",
    "av",
    "beitrag",
    "by",
    "di",
    "door",
    "dr",
    "ein",
    "eine",
    "foto",
    "kolumne",
    "kommentar",
    "par",
    "photo",
    "por",
    "prof",
    "story",
    "tekst",
    "text",
    "texte",
    "texto",
    "von",
    "words",
];

/// Letters and figures of a line, in lower case.
pub(super) fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The first two words of each name in a byline, folded: `By Ana van Brandt, Ostheim Bureau` → `anavanbrandt`, `ostheimbureau`.
pub(super) fn in_byline(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let is_break = |c: char| !(c.is_alphanumeric() || c.is_whitespace() || matches!(c, '\'' | '’' | '-' | '.'));
    for part in line.split(is_break) {
        let (mut name, mut capitals) = (String::new(), 0);
        for word in part.split_whitespace().flat_map(grown_together).filter(|w| !w.is_empty()).chain([""]) {
            let lower = folded(word);
            if word.starts_with(char::is_uppercase) && !BEFORE.contains(&lower.as_str()) {
                if capitals < 2 {
                    name.push_str(&lower);
                }
                capitals += 1;
            } else if capitals == 1 && is_particle(word) {
                name.push_str(&lower);
            } else {
                if capitals >= 2 && name.chars().count() >= LETTERS && !names.contains(&name) {
                    names.push(name.clone());
                }
                name.clear();
                capitals = 0;
            }
        }
    }
    names
}

/// A word, or the two that a page has put together: `byKit`, `MarlowReporter`.
fn grown_together(word: &str) -> [&str; 2] {
    let mut small = 0;
    for (at, c) in word.char_indices() {
        let apart = small >= FUSED || word.starts_with(char::is_lowercase);
        if c.is_uppercase() && small > 0 && small == word[..at].chars().count() && apart {
            return [&word[..at], &word[at..]];
        }
        small += usize::from(c.is_lowercase() || at == 0);
    }
    [word, ""]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_stands_around_them() {
        assert_eq!(
            in_byline("By Kit Marlow and ANA BRANDT-ROE, Harbour Desk"),
            ["kitmarlow", "anabrandtroe", "harbourdesk"]
        );
        assert_eq!(in_byline("von Ana van Brandt | 14:07 Uhr"), ["anavanbrandt"]);
        assert_eq!(in_byline("Kolumne von Dr. Kit Marlow -"), ["kitmarlow"]);
        assert_eq!(in_byline("Karim bin Holm"), ["karimbinholm"]);
        assert_eq!(in_byline("byKit Marlow"), ["kitmarlow"]);
        assert_eq!(in_byline("Kit MarlowReporter in Ostheim"), ["kitmarlow"]);
        assert_eq!(in_byline("Kit McArdle@KitMcArdle"), ["kitmcardle"]);
    }

    #[test]
    fn one_word_is_no_name() {
        assert!(in_byline("Marlow, dpa").is_empty());
        assert!(in_byline("the harbour opens").is_empty());
        assert!(in_byline("A B").is_empty());
    }
}
