//! The wording of a line with what changes from day to day left open.

/// Month names as the shorthand `<month>` of rule patterns knows them.
const MONTHS: [&str; 24] = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Sept",
    "Oct",
    "Nov",
    "Dec",
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    /// What stays.
    Text(&'t str),
    /// What may change.
    Slot(Slot, &'t str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// Digits, with the marks of dates, times and amounts between them.
    Number,
    Month,
    Weekday,
}

impl Slot {
    /// What stands for it in a pattern.
    fn pattern(self) -> &'static str {
        match self {
            Slot::Number => r"\d+(?:[.,:/-]\d+)*",
            Slot::Month => "<month>",
            Slot::Weekday => "<weekday>",
        }
    }

    /// What stands for it in a key: a character that no line holds.
    fn mark(self) -> char {
        match self {
            Slot::Number => '\u{1}',
            Slot::Month => '\u{2}',
            Slot::Weekday => '\u{3}',
        }
    }
}

/// The first wording of a line, and which of its slots have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    first: String,
    changed: Vec<bool>,
}

impl Template {
    /// The template of a line, and the key that all lines of this wording have.
    pub(super) fn of(text: &str) -> (Template, String) {
        let mut key = String::with_capacity(text.len());
        let mut slots = 0;
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => key.extend(text.chars().map(straight)),
                Piece::Slot(slot, _) => {
                    key.push(slot.mark());
                    slots += 1;
                }
            }
        }
        (Template { first: text.to_owned(), changed: vec![false; slots] }, key)
    }

    /// Two letters or more, slots aside.
    pub(super) fn has_words(&self) -> bool {
        let letters = |piece: Piece<'_>| match piece {
            Piece::Text(text) => text.chars().filter(|c| c.is_alphabetic()).count(),
            Piece::Slot(..) => 0,
        };
        pieces(&self.first).into_iter().map(letters).sum::<usize>() >= 2
    }

    /// Notes which slots differ in another line of the same key.
    pub(super) fn compare(&mut self, text: &str) {
        if self.first == text || self.changed.iter().all(|changed| *changed) {
            return;
        }
        let slots = |text| pieces(text).into_iter().filter(|piece| matches!(piece, Piece::Slot(..)));
        for ((changed, first), other) in self.changed.iter_mut().zip(slots(&self.first)).zip(slots(text)) {
            *changed |= first != other;
        }
    }

    /// Whether any slot differed in a line compared.
    pub(super) fn has_changed(&self) -> bool {
        self.changed.contains(&true)
    }

    /// The first wording.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// The pattern of a rule that covers every line compared: slots that changed are open.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.first.len() + 16);
        let mut changed = self.changed.iter();
        for piece in pieces(&self.first) {
            match piece {
                Piece::Text(text) => escape(text, &mut pattern),
                Piece::Slot(slot, text) => match changed.next() {
                    Some(true) => pattern.push_str(slot.pattern()),
                    _ => escape(text, &mut pattern),
                },
            }
        }
        pattern
    }

    /// Takes over what has changed in the lines of another template of the same key.
    pub(super) fn merge(&mut self, other: &Template) {
        self.compare(&other.first);
        self.changed.iter_mut().zip(&other.changed).for_each(|(own, more)| *own |= more);
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let (length, slot) = token(rest);
        if let Some(slot) = slot {
            if kept < at {
                pieces.push(Piece::Text(&text[kept..at]));
            }
            pieces.push(Piece::Slot(slot, &rest[..length]));
            kept = at + length;
        }
        at += length;
    }
    if kept < text.len() {
        pieces.push(Piece::Text(&text[kept..]));
    }
    pieces
}

/// The length of the number, word or single character that `rest` begins with, and the slot it is, if one.
fn token(rest: &str) -> (usize, Option<Slot>) {
    let run = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let digits = number(rest.as_bytes());
    if digits > 0 {
        return (digits, Some(Slot::Number));
    }
    let letters = run(char::is_alphabetic);
    let word = &rest[..letters];
    if WEEKDAYS.contains(&word) {
        (letters, Some(Slot::Weekday))
    } else if MONTHS.contains(&word) {
        // The stop of an abbreviation, unless the line ends with it.
        let stop = rest.len() > letters + 1 && rest[letters..].starts_with('.');
        (letters + usize::from(stop), Some(Slot::Month))
    } else {
        (letters.max(rest.chars().next().map_or(1, char::len_utf8)), None)
    }
}

/// Bytes of the number that `bytes` begin with.
fn number(bytes: &[u8]) -> usize {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while digit(at) || (at > 0 && b".,:/-".contains(bytes.get(at).unwrap_or(&0)) && digit(at + 1)) {
        at += 1;
    }
    at
}

/// Quotes, whichever way they lean.
fn straight(c: char) -> char {
    match c {
        '‘' | '’' => '\'',
        '“' | '”' => '"',
        c => c,
    }
}

/// Appends a pattern for `text` itself, fit for a literal string of TOML.
fn escape(text: &str, pattern: &mut String) {
    for c in text.chars() {
        match straight(c) {
            '\'' => pattern.push_str(r"[\x27‘’]"),
            '"' => pattern.push_str("[\"“”]"),
            // `\\b` would be taken for a word boundary, and `<name>` for a shorthand.
            c @ ('\\' | '<') => pattern.push_str(&format!(r"\x{:02X}", u32::from(c))),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => pattern.extend(['\\', c]),
            c if c.is_control() => pattern.push_str(&format!(r"\x{{{:X}}}", u32::from(c))),
            c => pattern.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(lines: &[&str]) -> String {
        let (mut template, key) = Template::of(lines[0]);
        for line in lines {
            assert_eq!(Template::of(line).1, key, "{line}");
            template.compare(line);
        }
        template.pattern()
    }

    #[test]
    fn numbers_and_dates_that_change_are_open_and_the_rest_is_literal() {
        assert_eq!(pattern(&["Call 555 now (free)", "Call 555 now (free)"]), r"Call 555 now \(free\)");
        assert_eq!(
            pattern(&["Updated Monday, Jan. 5, 2020 at 10:30", "Updated Friday, May 12, 2020 at 9:05"]),
            r"Updated <weekday>, <month> \d+(?:[.,:/-]\d+)*, 2020 at \d+(?:[.,:/-]\d+)*"
        );
        assert_eq!(pattern(&["1,204 readers", "98 readers"]), r"\d+(?:[.,:/-]\d+)* readers");
    }

    #[test]
    fn a_word_is_no_month_for_beginning_like_one() {
        assert_ne!(Template::of("Mayor speaks").1, Template::of("Junior speaks").1);
        assert_eq!(pattern(&["Out in May."]), r"Out in May\.");
    }

    #[test]
    fn quotes_that_lean_another_way_are_the_same_wording() {
        assert_eq!(
            pattern(&["Don't miss “Low Tide”", "Don’t miss \"Low Tide\""]),
            "Don[\\x27‘’]t miss [\"“”]Low Tide[\"“”]"
        );
    }

    #[test]
    fn a_pattern_says_nothing_but_the_line() {
        assert_eq!(pattern(&[r"a\b <name> C++ {x}"]), r"a\x5Cb \x3Cname> C\+\+ \{x\}");
    }

    #[test]
    fn a_line_of_numbers_has_no_words() {
        let has_words = |text: &str| Template::of(text).0.has_words();
        assert!(!has_words("Monday, May 5, 2020") && !has_words("10:30 · 4") && !has_words("§"));
        assert!(has_words("5 min read"));
    }
}
