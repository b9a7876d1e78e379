//! Bylines: the names in them, and lines that are nothing but names.

use super::names::{is_particle, joins};

/// Words that mark a byline in the languages of the wires.
const MARKS: [&str; 15] = [
    "By ", "BY ", "by ", "Von ", "VON ", "Par ", "PAR ", "Por ", "POR ", "Di ", "Door ", "Av ", "Af ", "Text: ",
    "Autor: ",
];

/// A byline without the word that marks it.
pub(super) fn without_mark(line: &str) -> &str {
    MARKS.iter().find_map(|m| line.strip_prefix(m)).unwrap_or(line).trim()
}

/// How many people `line` names, if it does nothing else: `Kit Marlow, and Ana van Brandt` → 2.
pub(super) fn people(line: &str) -> Option<usize> {
    // Most lines say something, in small letters.
    let small = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    if line.len() > 100 || line.split(' ').any(|w| small(w) && !joins(w) && !is_particle(w)) {
        return None;
    }
    let mut count = 0;
    for part in line.split([',', '&', '|', '•', '·']) {
        let words: Vec<&str> = part.split_whitespace().collect();
        for (at, name) in words.split(|word| joins(word)).enumerate() {
            match name {
                [] if at == 0 => {}
                name if is_name(name) => count += 1,
                _ => return None,
            }
        }
    }
    (count > 0).then_some(count)
}

/// Two to four capitalised words, particles aside.
fn is_name(words: &[&str]) -> bool {
    let mut capitalised = 0;
    for word in words.iter().filter(|word| !is_particle(word)) {
        let mut letters = word.chars();
        let capital = letters.next().is_some_and(char::is_uppercase);
        let inner = letters.all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '’'));
        if !capital || !inner {
            return false;
        }
        capitalised += 1;
    }
    (2..=4).contains(&capitalised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_names_is_counted() {
        assert_eq!(people("Kit Onslow-Reed, and Ana Brandt"), Some(2));
        assert_eq!(people("Kit Marlow, Ana van Brandt and J. Roe"), Some(3));
        assert_eq!(people("Ana Brandt e Juan da Roca"), Some(2));
        assert_eq!(people("Kit Marlow"), Some(1));
        for line in ["Harbour opens", "Odd News 2", "Ferries return to Ostheim", "Marlow", ""] {
            assert_eq!(people(line), None, "{line}");
        }
    }

    #[test]
    fn the_mark_comes_off() {
        assert_eq!(without_mark("By Kit Marlow"), "Kit Marlow");
        assert_eq!(without_mark("Von Ana Brandt, dpa"), "Ana Brandt, dpa");
        assert_eq!(without_mark("Bya Marlow"), "Bya Marlow");
    }
}
