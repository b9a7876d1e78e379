//! What does not count when two texts are compared.

/// White space folded to single spaces, no-break spaces too, soft hyphens out.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(is_space) {
        let gap = out.len();
        out.extend(word.chars().filter(|c| *c != '\u{AD}'));
        if gap > 0 && out.len() > gap {
            out.insert(gap, ' ');
        }
    }
    out
}

/// Words between white space; at least one, so that no line weighs nothing.
pub(super) fn words(text: &str) -> u64 {
    text.split(is_space).filter(|word| !word.is_empty()).count().max(1) as u64
}

/// A credit without outer brackets, full stops and case.
pub(super) fn bare(credit: &str) -> String {
    let folded = fold(credit);
    let inner = folded.trim_matches([' ', '.', '(', ')', '[', ']']);
    inner.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A dateline without its dash; none if nothing is left.
pub(super) fn dateline(verbatim: &str) -> Option<String> {
    let folded = fold(verbatim);
    let words = folded.trim_end_matches(['-', '–', '—', ' ', ':']).trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// White space as Unicode's bidirectional classes have it: the four separators of ASCII belong to it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_every_kind_is_one_space_and_soft_hyphens_are_nothing() {
        assert_eq!(fold("  The\u{A0}har\u{AD}bour \t\u{2009}opens\u{1F}\n"), "The harbour opens");
        assert_eq!(fold(" \u{AD} "), "");
        assert_eq!(fold("a \u{AD} b"), "a b");
    }

    #[test]
    fn every_line_weighs_a_word_at_least() {
        assert_eq!((words("three small words"), words("广告"), words("")), (3, 1, 1));
    }

    #[test]
    fn credits_are_compared_without_brackets_stops_and_case() {
        assert_eq!(bare("(AP Photo/Kit Marlow)."), bare("ap photo/kit marlow"));
        assert_eq!(bare("[Foto: STRASSE]"), bare("Foto: Straße"));
        assert_ne!(bare("AP Photo/Kit Marlow"), bare("AP Photo/Kit Marlo"));
    }

    #[test]
    fn datelines_are_compared_without_their_dash() {
        assert_eq!(dateline("OSTHEIM (AP) — "), Some("OSTHEIM (AP)".to_owned()));
        assert_eq!(dateline("May 5 (UPI) --"), Some("May 5 (UPI)".to_owned()));
        assert_eq!(dateline(" - "), None);
    }
}
