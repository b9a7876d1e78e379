//! Lines, and the paragraphs they form.
//!
//! A *row* is one non-empty line of the input. A *block* is a paragraph: one row, or, in hard-wrapped copy (old wires break
//! lines at about 70 columns), the rows of one paragraph joined by a space. Everything after this module decides on blocks.

use std::borrow::Cow;
use std::ops::Range;

/// The widest line, in characters, that hard-wrapped copy has.
const WRAP_WIDTH: usize = 100;

/// Lines that are cut in mid-sentence at least: initials under a line without a full stop look like one.
const CUTS: usize = 2;

/// One non-empty line of the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'t> {
    /// The line without surrounding white space.
    pub text: &'t str,
    /// Byte offset of `text` in the input.
    pub start: usize,
    /// Bytes of space before `text` on its line.
    indent: u32,
    /// Whether an empty line, or the start of the input, comes before.
    gap: bool,
}

/// One paragraph: what every decision is made on.
#[derive(Clone, Debug)]
pub(super) struct Block<'t> {
    /// The paragraph's text, on one line.
    pub text: Cow<'t, str>,
    /// Where it stands in the input, first to last character.
    pub span: Range<usize>,
    /// The rows it consists of.
    pub rows: Range<usize>,
    /// What is told of `text` at once.
    pub shape: Shape,
}

/// How a paragraph ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A full stop, question or exclamation mark, in any script, closing quotes and brackets aside.
    Sentence,
    /// A colon.
    Colon,
    /// Anything else.
    Open,
}

/// Language-neutral facts of one paragraph. Past [`Shape::LIMIT`] bytes nothing is counted: `long` says it all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub words: usize,
    pub end: End,
    pub long: bool,
}

impl Shape {
    /// Bytes counted at most: as many as a byte counts.
    const LIMIT: usize = 240;

    fn of(text: &str) -> Shape {
        let long = text.len() > Shape::LIMIT;
        let words = if long { Shape::LIMIT / 6 } else { words(text) };
        Shape { words, end: End::of(text), long }
    }
}

/// The words of a text; two letters of a script that puts no space between them make about one.
fn words(text: &str) -> usize {
    if text.is_ascii() {
        return usize::from(ascii_words(text.as_bytes()));
    }
    let (mut words, mut unspaced, mut in_word) = (0, 0, false);
    for c in text.chars() {
        match c {
            ' ' => in_word = false,
            c if is_unspaced(c) => unspaced += 1,
            c if !c.is_ascii() && c.is_whitespace() => in_word = false,
            _ => {
                words += usize::from(!in_word);
                in_word = true;
            }
        }
    }
    words + unspaced / 2
}

/// The words of at most [`Shape::LIMIT`] bytes. A sum that is a byte makes the loop vector instructions.
fn ascii_words(bytes: &[u8]) -> u8 {
    let starts = bytes.iter().zip(&bytes[1.min(bytes.len())..]);
    let first = u8::from(bytes.first().is_some_and(|b| *b != b' '));
    starts.fold(first, |words, (before, byte)| words + u8::from((*before == b' ') & (*byte != b' ')))
}

/// How many letters and digits a paragraph has. Of a long one, none are counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Letters {
    pub upper: usize,
    pub lower: usize,
    pub digits: usize,
}

impl Letters {
    /// Letters, and all of them capitals.
    pub(super) fn all_caps(&self) -> bool {
        self.upper >= 2 && self.lower == 0
    }
}

impl Block<'_> {
    /// Ends in a colon, and is long enough to introduce what follows.
    pub(super) fn introduces(&self) -> bool {
        self.shape.end == End::Colon && self.shape.words >= 4
    }

    /// Counted when asked for: few paragraphs are.
    pub(super) fn letters(&self) -> Letters {
        let mut letters = Letters::default();
        for c in self.text.chars().filter(|_| !self.shape.long) {
            match c {
                'a'..='z' => letters.lower += 1,
                'A'..='Z' => letters.upper += 1,
                '0'..='9' => letters.digits += 1,
                c if c.is_ascii() => {}
                c if c.is_uppercase() => letters.upper += 1,
                c => letters.lower += usize::from(is_unspaced(c) || c.is_alphabetic()),
            }
        }
        letters
    }
}

/// Letters of scripts that put no space between words (Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese); two make about
/// one.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E01}'..='\u{FFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3041}'..='\u{30FF}')
        || matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

impl End {
    pub(super) fn of(text: &str) -> End {
        let closers =
            |c: char| matches!(c, '"' | '\'' | '”' | '’' | '»' | '«' | ')' | ']' | '›' | '“' | '」' | '』' | '）');
        match text.trim_end_matches(closers).chars().next_back() {
            Some('.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '۔' | '।' | '։' | '።' | '။' | '។' | '៕' | '‽') => {
                End::Sentence
            }
            Some(':' | '：') if text.ends_with([':', '：']) => End::Colon,
            _ => End::Open,
        }
    }
}

/// A value that is one line by nature: hard-wrapped copy breaks names and headlines too.
pub(crate) fn one_line(value: &str) -> Cow<'_, str> {
    match value.contains('\n') {
        true => value.split_whitespace().collect::<Vec<_>>().join(" ").into(),
        false => value.into(),
    }
}

/// The non-empty lines of `text`, in order.
pub(super) fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::with_capacity(text.len() / 96 + 4);
    let (mut at, mut gap) = (0, true);
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    for end in ends {
        let raw = &text[at..end];
        let line = raw.trim();
        if line.is_empty() {
            gap = true;
        } else {
            let indent = raw.len() - raw.trim_start().len();
            rows.push(Row { text: line, start: at + indent, indent: u32::try_from(indent).unwrap_or(u32::MAX), gap });
            gap = false;
        }
        at = end + 1;
    }
    rows
}

/// The paragraphs that `rows` form.
pub(super) fn blocks<'t>(text: &'t str, rows: &[Row<'t>]) -> Vec<Block<'t>> {
    let wrapped = hard_wrapped(rows);
    // In double-spaced copy an empty line means nothing.
    let double = rows.iter().all(|r| r.gap);
    let mut blocks = Vec::with_capacity(rows.len());
    let mut first = 0;
    while first < rows.len() {
        let mut last = first;
        if let Some(width) = wrapped {
            while last + 1 < rows.len()
                && (double || !rows[last + 1].gap)
                && continues(&rows[last], &rows[last + 1], width)
            {
                last += 1;
            }
        }
        let span = rows[first].start..rows[last].start + rows[last].text.len();
        let words = if last == first {
            Cow::Borrowed(rows[first].text)
        } else {
            Cow::Owned(rows[first..=last].iter().map(|r| r.text).collect::<Vec<_>>().join(" "))
        };
        debug_assert_eq!(&text[span.start..span.start + rows[first].text.len()], rows[first].text);
        blocks.push(Block { shape: Shape::of(&words), text: words, span, rows: first..last + 1 });
        first = last + 1;
    }
    blocks
}

/// Each row as a block of its own.
pub(super) fn unwrapped<'t>(rows: &[Row<'t>]) -> Vec<Block<'t>> {
    let block = |(i, row): (usize, &Row<'t>)| Block {
        shape: Shape::of(row.text),
        text: Cow::Borrowed(row.text),
        span: row.start..row.start + row.text.len(),
        rows: i..i + 1,
    };
    rows.iter().enumerate().map(block).collect()
}

/// The column that the copy is wrapped at, if it is: no line is wider, and many stop in mid-sentence just before it.
fn hard_wrapped(rows: &[Row]) -> Option<usize> {
    if rows.len() < 4 {
        return None;
    }
    let mut width = 0;
    for row in rows {
        if row.text.len() > 4 * WRAP_WIDTH {
            return None;
        }
        width = width.max(row.text.chars().count());
        if width > WRAP_WIDTH {
            return None;
        }
    }
    let nearly_full = |row: &Row<'_>| row.text.chars().count() * 10 > width * 7;
    let is_cut = |w: &&[Row<'_>]| End::of(w[0].text) == End::Open && starts_lower(w[1].text) && nearly_full(&w[0]);
    let cut = rows.windows(2).filter(is_cut).count();
    (width >= 40 && cut >= CUTS && cut * 4 >= rows.len()).then_some(width)
}

/// Whether `next` goes on with the paragraph `row` stands in, in copy wrapped at `width` columns.
fn continues(row: &Row, next: &Row, width: usize) -> bool {
    if next.indent > row.indent {
        return false;
    }
    let length = row.text.chars().count();
    let first_word = next.text.split_whitespace().next().map_or(0, |w| w.chars().count());
    let full = length + 1 + first_word > width.saturating_sub(8);
    match End::of(row.text) {
        End::Open => {
            starts_lower(next.text) || (full && length * 2 > width && !next.gap) || (full && length * 10 > width * 8)
        }
        End::Sentence | End::Colon => !next.gap && full && length * 10 > width * 7,
    }
}

fn starts_lower(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraphs(text: &str) -> Vec<String> {
        blocks(text, &rows(text)).into_iter().map(|b| b.text.into_owned()).collect()
    }

    #[test]
    fn a_line_is_found_where_it_stands_whatever_white_space_surrounds_it() {
        let text = "\n  Alpha \r\n\n\tBeta";
        let found = rows(text);
        assert_eq!(found.iter().map(|r| r.text).collect::<Vec<_>>(), ["Alpha", "Beta"]);
        for row in found {
            assert_eq!(&text[row.start..row.start + row.text.len()], row.text);
        }
    }

    #[test]
    fn hard_wrapped_copy_is_joined_into_paragraphs() {
        let text = "   OSTHEIM, Jan. 3 (Kyodo) -- The mayor of the northern harbour town of\n\
                    Ostheim said on Sunday that the old lighthouse, dark since the storms\n\
                    of last winter, will be lit again before the fishing season opens.\n   \
                    She gave no date for it, and the council has not yet voted on\n\
                    the money.\n";
        let found = paragraphs(text);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].ends_with("the fishing season opens."));
        assert_eq!(found[1], "She gave no date for it, and the council has not yet voted on the money.");
    }

    #[test]
    fn short_paragraphs_are_not_taken_for_wrapped_copy() {
        let text = "Harbour opens\n\nThe port opened.\n\nShips came.\n\nThe mayor spoke.\n\nnobody listened";
        assert_eq!(paragraphs(text).len(), 5);
    }

    #[test]
    fn words_are_counted_where_no_space_parts_them() {
        for text in ["ท่าเรือเปิดอีกครั้ง", "ဆိပ်ကမ်းပြန်ဖွင့်ပြီ", "កំពង់ផែបើកឡើងវិញ", "གྲུ་ཁ་ཡང་བསྐྱར་ཕྱེ།", "港口星期一重新开放"]
        {
            assert!(words(text) > 3, "{text}: {}", words(text));
        }
        assert_eq!(words("Τρεις μικρές λέξεις"), 3);
    }

    #[test]
    fn the_end_of_a_sentence_is_seen_behind_quotes_and_in_other_scripts() {
        for text in ["Yes.”", "Ja!«", "本当。」", "Really?)", "هل؟", "ရောက်လာသည်။", "មកដល់។", "មកដល់៕"]
        {
            assert_eq!(End::of(text), End::Sentence, "{text}");
        }
        assert_eq!(End::of("Latest Headlines"), End::Open);
        assert_eq!(End::of("He said:"), End::Colon);
    }
}
