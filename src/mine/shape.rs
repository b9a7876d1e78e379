//! What a line looks like, in any language.

use crate::edit::is_unspaced;

/// Words that a line of furniture has at most.
const FEW_WORDS: usize = 12;
/// Words that a sentence, or a line with an address in it, may have and still be furniture.
const SENTENCE_WORDS: usize = 30;
/// Bytes likewise.
const SENTENCE_BYTES: usize = 240;

/// What a line may be, by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A few words without a full stop, or a line with an address or a mark of ownership.
    Furniture,
    /// A sentence of ordinary length.
    Sentence,
    /// More than a sentence.
    Paragraph,
}

impl Shape {
    pub(super) fn of(text: &str) -> Shape {
        let words = count(text);
        if words > SENTENCE_WORDS || text.len() > SENTENCE_BYTES {
            Shape::Paragraph
        } else if is_marked(text) || (words <= FEW_WORDS && !is_stopped(text)) {
            Shape::Furniture
        } else {
            Shape::Sentence
        }
    }
}

/// Whether a paragraph is long enough to tell one story from another.
pub(super) fn is_telling(text: &str) -> bool {
    count(text) >= FEW_WORDS && !is_marked(text)
}

/// Words, as they are counted: of scripts that put no space between them, two letters make about one.
fn count(text: &str) -> usize {
    let unspaced = text.chars().filter(|c| is_unspaced(*c)).count();
    text.split_whitespace().filter(|word| !word.chars().all(is_unspaced)).count() + unspaced / 2
}

/// Words, as they are compared: runs of letters and digits; of scripts that put no space between words, single letters.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).flat_map(|word| {
        let spaced = !word.is_empty() && !word.chars().any(is_unspaced);
        let letters = if spaced { "" } else { word };
        spaced.then_some(word).into_iter().chain(letters.split("").filter(|letter| !letter.is_empty()))
    })
}

/// Ends in a full stop, closing quotes and brackets aside. Questions and shouts are as likely furniture as copy.
fn is_stopped(text: &str) -> bool {
    let end = text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）']);
    end.ends_with(['.', '。', '।', '۔', '။', '។', '៕', ':', '：'])
}

/// Holds a web or mail address, a handle, or a mark of ownership.
fn is_marked(text: &str) -> bool {
    let address = |word: &str| {
        let word = word.trim_start_matches(['(', '[', '"', '“']);
        word.starts_with("http://")
            || word.starts_with("https://")
            || word.starts_with("www.")
            || word.split_once('@').is_some_and(|(_, host)| host.starts_with(char::is_alphanumeric))
    };
    text.contains(['©', '®', '™']) || text.split_whitespace().any(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn furniture_is_short_and_open_or_carries_an_address() {
        for text in [
            "Harbour radio: now on air",
            "Want more news?",
            "Mehr zum Thema",
            "关注我们的微信",
            "សាឡាងមកដល់",
            "© Ostheim Post",
        ] {
            assert_eq!(Shape::of(text), Shape::Furniture, "{text}");
        }
        assert_eq!(Shape::of("Write to Kit Marlow at kit@harbour.example."), Shape::Furniture);
        assert_eq!(Shape::of("Follow @harbourdesk for more of this and of that every day."), Shape::Furniture);
    }

    #[test]
    fn a_sentence_is_no_furniture_by_its_looks() {
        for text in ["He was 84.", "“No one was hurt.”", "船は月曜日に出た。", "သင်္ဘော ရောက်လာသည်။", "សាឡាងមកដល់។"]
        {
            assert_eq!(Shape::of(text), Shape::Sentence, "{text}");
        }
        assert_eq!(Shape::of(&"Ships came and went. ".repeat(9)), Shape::Paragraph);
    }
}
