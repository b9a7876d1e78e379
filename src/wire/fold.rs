//! Folds characters that carry no copy: line ends, spaces, control bytes and invisible marks; before and behind it, `mend`
//! does its work.
//!
//! Text that is already clean is neither copied nor touched, and ASCII is checked a block at a time.
//! Folding twice is folding once.
//!
//! | in | out |
//! |---|---|
//! | CRLF, CR CR LF, CR, NEL, LS, PS, form feed, vertical tab | `\n` |
//! | tab, NBSP, every Unicode space | a plain space |
//! | other C0 and C1 controls, DEL | nothing |
//! | soft hyphen, zero-width space, word joiner, byte order and bidi marks, object replacement | nothing |
//! | zero-width joiner | kept after a letter of a joining script or an emoji, else nothing |
//! | zero-width non-joiner | kept between two of those, else nothing |
//!
//! The two joiners spell words in Persian and the Indic scripts and build emoji; in Latin text they are litter from a
//! content management system. Quotes, dashes and everything else stay as they were sent.

use std::borrow::Cow;

use super::mend;

/// Mends and folds `text`; the result borrows when nothing had to change.
pub(super) fn fold(mut text: Cow<'_, str>) -> Cow<'_, str> {
    // What one step takes out may bring together what another mends. Each round leaves fewer characters.
    loop {
        let mut changed = false;
        let steps: [fn(&str) -> Option<String>; 4] =
            [mend::mojibake, folded, |text: &str| mend::entities(text, as_folded), mend::tex_quotes];
        for step in steps {
            if let Some(next) = step(&text) {
                text = Cow::Owned(next);
                changed = true;
            }
        }
        if !changed {
            return text;
        }
    }
}

/// What is left of a character that an entity stands for.
fn as_folded(c: char) -> Option<char> {
    match fate(c) {
        Fate::Keep if c != '\n' => Some(c),
        Fate::Drop | Fate::Joiner => None,
        Fate::Keep | Fate::Space | Fate::Newline | Fate::Return => Some(' '),
    }
}

/// Folds a value that is one line by nature, such as a headline: line ends become spaces, the ends are trimmed, and an
/// empty one is none.
pub(super) fn fold_line(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let text = fold(text);
    let line = if text.contains('\n') { Cow::Owned(text.replace('\n', " ")) } else { text };
    trimmed(line)
}

/// `text` without white space around it; an empty one is none.
pub(super) fn trimmed(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let trimmed = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!trimmed.is_empty()).then_some(trimmed)
}

/// What becomes of a suspect character.
enum Fate {
    Keep,
    Drop,
    Space,
    Newline,
    /// A carriage return: its fate hangs on what follows.
    Return,
    /// A zero-width joiner or non-joiner: its fate hangs on its neighbours.
    Joiner,
}

fn fate(c: char) -> Fate {
    match c {
        '\r' => Fate::Return,
        '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Fate::Newline,
        '\t' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Fate::Space,
        '\u{200C}' | '\u{200D}' => Fate::Joiner,
        '\n' => Fate::Keep,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Fate::Drop,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' => Fate::Drop,
        '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}' => Fate::Drop,
        _ => Fate::Keep,
    }
}

/// Whether a joiner next to `c` can mean something: letters and marks of the scripts from Hebrew on, and emoji.
fn joins(c: char) -> bool {
    let script = matches!(c, '\u{590}'..='\u{1CFF}' | '\u{A800}'..='\u{ABFF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}');
    let emoji = matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{FE0F}' | '\u{10000}'..);
    (script || emoji) && matches!(fate(c), Fate::Keep)
}

/// The folded text, or nothing if it is already clean.
fn folded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0; // text[..copied] is in `out`, folded
    let mut at = 0;
    while let Some(start) = next_suspect(bytes, at) {
        let Some(c) = text[start..].chars().next() else { break };
        let mut end = start + c.len_utf8();
        let replacement = match fate(c) {
            Fate::Keep => {
                at = end;
                continue;
            }
            Fate::Joiner => {
                let before = text[copied..start].chars().next_back().or_else(|| out.chars().next_back());
                let after = text[end..].chars().next();
                let kept = before.is_some_and(joins) && (c == '\u{200D}' || after.is_some_and(joins));
                if kept {
                    at = end;
                    continue;
                }
                ""
            }
            Fate::Drop => "",
            Fate::Space => " ",
            Fate::Newline => "\n",
            Fate::Return => {
                end += bytes[end..].iter().take_while(|b| **b == b'\r').count();
                if bytes.get(end) == Some(&b'\n') {
                    ""
                } else {
                    out.reserve(text.len() - copied);
                    out.push_str(&text[copied..start]);
                    out.extend(std::iter::repeat_n('\n', end - start));
                    copied = end;
                    at = end;
                    continue;
                }
            }
        };
        if copied == 0 && out.is_empty() {
            out.reserve(text.len());
        }
        out.push_str(&text[copied..start]);
        out.push_str(replacement);
        copied = end;
        at = end;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// The next place from `from` where a character that may need folding starts.
fn next_suspect(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut at = from;
    while at < bytes.len() {
        while let Some(block) = bytes.get(at..at + BLOCK) {
            let clean = block.iter().fold(true, |clean, b| clean & (b.wrapping_sub(0x20) < 0x5F || *b == b'\n'));
            if !clean {
                break;
            }
            at += BLOCK;
        }
        let end = bytes.len().min(at + BLOCK);
        while at < end {
            if SUSPECT[bytes[at] as usize] && is_suspect(bytes, at) {
                return Some(at);
            }
            at += 1;
        }
    }
    None
}

/// First bytes of characters that may need folding.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 0x20 {
        table[b] = b != b'\n' as usize;
        b += 1;
    }
    table[0x7F] = true;
    table[0xC2] = true;
    table[0xD8] = true;
    table[0xE1] = true;
    table[0xE2] = true;
    table[0xE3] = true;
    table[0xEF] = true;
    table
};

/// Whether the character at `at`, whose first byte is in [`SUSPECT`], lies in a range that holds folded characters.
fn is_suspect(bytes: &[u8], at: usize) -> bool {
    let byte = |i: usize| bytes.get(at + i).copied().unwrap_or(0);
    match bytes[at] {
        0xC2 => byte(1) <= 0xA0 || byte(1) == 0xAD,
        0xD8 => byte(1) == 0x9C,
        0xE1 => matches!((byte(1), byte(2)), (0x9A, 0x80) | (0xA0, 0x8E)),
        0xE2 => match byte(1) {
            0x80 => byte(2) <= 0x8F || (0xA8..=0xAF).contains(&byte(2)),
            0x81 => (0x9F..=0xAF).contains(&byte(2)),
            _ => false,
        },
        0xE3 => (byte(1), byte(2)) == (0x80, 0x80),
        0xEF => matches!((byte(1), byte(2)), (0xBB, 0xBF) | (0xBF, 0xB9..=0xBC)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folds(text: &str) -> String {
        fold(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn clean_text_is_not_copied() {
        let text = "Plain copy, with “curly quotes”, dashes – and — accents: é, ж, 日本, 👍.\n\nTwo paragraphs.";
        assert!(matches!(fold(Cow::Borrowed(text)), Cow::Borrowed(_)));
    }

    #[test]
    fn every_line_end_becomes_a_line_feed() {
        assert_eq!(folds("a\r\nb\rc\u{85}d\u{2028}e\u{2029}f\u{0C}g\u{0B}h"), "a\nb\nc\nd\ne\nf\ng\nh");
    }

    #[test]
    fn the_doubled_carriage_return_of_old_wires_is_one_line_end() {
        assert_eq!(folds("a\r\r\nb\r\r\rc"), "a\nb\n\n\nc");
    }

    #[test]
    fn controls_and_invisible_marks_vanish() {
        assert_eq!(
            folds("\u{FEFF}mini\u{AD}ster\u{0}\u{1}\u{7F}\u{9D} \u{200B}\u{200E}\u{202E}\u{2066}left\u{FFFC}"),
            "minister left"
        );
    }

    #[test]
    fn every_space_becomes_a_plain_one_and_none_is_joined() {
        assert_eq!(folds("12\u{A0}000\u{202F}euros\t\u{3000}x\u{2009}y"), "12 000 euros  x y");
    }

    #[test]
    fn joiners_stay_in_persian_and_emoji_and_leave_latin_text() {
        assert_eq!(folds("می\u{200C}خواهم"), "می\u{200C}خواهم");
        assert_eq!(folds("👩\u{200D}💻 ❤\u{FE0F}\u{200D}🔥"), "👩\u{200D}💻 ❤\u{FE0F}\u{200D}🔥");
        assert_eq!(folds("ශ්\u{200D} රී"), "ශ්\u{200D} රී");
        assert_eq!(folds("news\u{200D}room\u{200C} desk"), "newsroom desk");
        assert_eq!(folds("خبر\u{200C} x"), "خبر x");
    }

    #[test]
    fn a_mark_is_found_wherever_it_stands_in_a_block() {
        for before in 0..70 {
            let text = format!("{}\u{AD}{}", "x".repeat(before), "y".repeat(70));
            assert_eq!(folds(&text), format!("{}{}", "x".repeat(before), "y".repeat(70)));
        }
    }

    #[test]
    fn a_headline_is_one_trimmed_line() {
        assert_eq!(fold_line(Cow::Borrowed(" Two\r\nlines\u{A0}")).as_deref(), Some("Two lines"));
        assert_eq!(fold_line(Cow::Borrowed(" \u{FEFF}\n")), None);
    }

    /// Text in which the folded characters, and parts of what is mended, are frequent.
    fn littered() -> impl Strategy<Value = String> {
        let marks = "\r\n\t\u{0}\u{B}\u{C}\u{85}\u{A0}\u{AD}\u{61C}\u{180E}\u{2009}\u{200B}\u{200C}\u{200D}\u{200E}\u{2028}\u{202F}\u{2060}\u{3000}\u{FE0F}\u{FEFF}\u{FFFC}یශ්👩aé—&;#amp39`'ÃÂâ€™©";
        let marks: Vec<char> = marks.chars().collect();
        prop::collection::vec(prop_oneof![prop::sample::select(marks), any::<char>()], 0..200)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in littered()) {
            let once = folds(&text);
            prop_assert!(matches!(fold(Cow::Borrowed(&once)), Cow::Borrowed(_)), "folded text is clean");
        }

        #[test]
        fn no_folded_character_survives(text in littered()) {
            let folded = folds(&text);
            let left = folded.chars().find(|c| !matches!(fate(*c), Fate::Keep | Fate::Joiner));
            prop_assert_eq!(left, None);
        }

        #[test]
        fn every_other_character_stays_in_its_order(text in littered()) {
            let kept = |text: &str| text.chars().filter(|c| matches!(fate(*c), Fate::Keep) && *c != '\n').filter(|c| *c != ' ').collect::<String>();
            let folded = folded(&text).unwrap_or_else(|| text.clone());
            prop_assert_eq!(kept(&folded), kept(&text));
        }
    }
}
