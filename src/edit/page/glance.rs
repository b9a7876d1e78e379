//! One line's counts, in one pass over its characters: all that the model knows of a line before it looks around.

use crate::edit::lines::{Block, End};
use crate::edit::words::is_dense;

/// Bytes of a line that are looked at.
const LIMIT: usize = 600;
/// Numbers of [`Glance::numbers`].
pub(super) const NUMBERS: usize = 38;

/// What is counted in one line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glance {
    /// Characters; those of scripts that pack more into one count for more.
    pub length: f32,
    pub words: f32,
    /// 0 open, 1 a colon, 2 a sentence.
    pub end: f32,
    /// Characters of running text: the whole of a line that is a sentence, half of a long one that is none.
    pub prose: f32,
    /// Share of words with a capital.
    pub capitals: f32,
    pub digits: f32,
    /// Equal for lines that differ in marks and white space only.
    pub key: u64,
    counts: Counts,
    first: f32,
    last: f32,
    weight: f32,
    /// Characters after the last full stop inside the line, and the share of capitals in them: a credit's shape.
    rest: f32,
    rest_capitals: f32,
    long: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    characters: u16,
    letters: u16,
    upper: u16,
    unspaced: u16,
    commas: u16,
    stops: u16,
    quotes: u16,
    pipes: u16,
    signs: u16,
    fused: u16,
    capital: u16,
    small: u16,
    longest: u16,
    times: u16,
    years: u16,
    dates: u16,
    copyright: bool,
    at: bool,
    url: bool,
    bracket: bool,
    slash: bool,
    colon: bool,
    dash: bool,
}

/// What a character is to the pass.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Space,
    Upper,
    Lower,
    Letter,
    Digit,
    Comma,
    Stop,
    Quote,
    Pipe,
    Sign,
    Dash,
    Open,
    Close,
    Colon,
    Mark,
}

const ASCII: [Kind; 128] = {
    let mut table = [Kind::Mark; 128];
    let mut i = 0;
    while i < 128 {
        table[i] = match i as u8 {
            0..=b' ' => Kind::Space,
            b'A'..=b'Z' => Kind::Upper,
            b'a'..=b'z' => Kind::Lower,
            b'0'..=b'9' => Kind::Digit,
            b',' | b';' => Kind::Comma,
            b'.' | b'!' | b'?' => Kind::Stop,
            b'"' => Kind::Quote,
            b'|' | b'/' | b'>' => Kind::Pipe,
            b'@' | b'#' | b'&' | b'+' | b'$' | b'%' => Kind::Sign,
            b'-' => Kind::Dash,
            b'(' | b'[' => Kind::Open,
            b')' | b']' => Kind::Close,
            b':' => Kind::Colon,
            _ => Kind::Mark,
        };
        i += 1;
    }
    table
};

fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return ASCII[c as usize];
    }
    match c {
        '、' | '،' => Kind::Comma,
        '。' | '…' | '！' | '？' | '؟' | '۔' | '।' | '։' | '።' => Kind::Stop,
        '“' | '”' | '„' | '«' | '»' | '「' | '」' | '‘' | '’' => Kind::Quote,
        '•' | '·' | '›' => Kind::Pipe,
        '©' | 'ⓒ' | '€' => Kind::Sign,
        '–' | '—' => Kind::Dash,
        '（' => Kind::Open,
        '）' => Kind::Close,
        '：' => Kind::Colon,
        c if c.is_lowercase() => Kind::Lower,
        c if c.is_uppercase() => Kind::Upper,
        c if c.is_alphabetic() => Kind::Letter,
        c if c.is_numeric() => Kind::Digit,
        c if c.is_whitespace() => Kind::Space,
        _ => Kind::Mark,
    }
}

fn mix(hash: u64, c: char) -> u64 {
    let hash = (hash ^ u64::from(c)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ (hash >> 29)
}

impl Glance {
    pub(super) fn of(block: &Block<'_>) -> Glance {
        let text = block.text.as_ref();
        let head = &text[..text.floor_char_boundary(LIMIT)];
        let mut n = Counts::default();
        let mut key = 0u64;
        let (mut last, mut last_char, mut word, mut run) = (Kind::Space, ' ', 0u16, Run::default());
        // Since the last full stop: characters, words, words with a capital.
        let (mut rest, mut rest_words, mut rest_capital) = (0u16, 0u16, 0u16);
        for c in head.chars() {
            let kind = kind(c);
            n.characters += 1;
            rest += 1;
            let starts = last == Kind::Space;
            match kind {
                Kind::Space => {
                    n.stops += u16::from(last == Kind::Stop);
                    n.longest = n.longest.max(word);
                    word = 0;
                }
                Kind::Upper | Kind::Lower | Kind::Letter => {
                    let upper = kind == Kind::Upper;
                    n.letters += 1;
                    n.upper += u16::from(upper);
                    n.fused += u16::from(upper && last == Kind::Lower);
                    n.unspaced += u16::from(is_dense(c));
                    n.capital += u16::from(starts && upper);
                    n.small += u16::from(starts && kind == Kind::Lower);
                }
                Kind::Digit => {}
                Kind::Comma => n.commas += 1,
                Kind::Stop => n.stops += u16::from(c == '。'),
                Kind::Quote => n.quotes += 1,
                Kind::Pipe => {
                    n.pipes += 1;
                    n.slash |= c == '/';
                }
                Kind::Sign => {
                    n.signs += 1;
                    n.copyright |= matches!(c, '©' | 'ⓒ');
                    n.at |= c == '@';
                }
                Kind::Open => n.bracket = true,
                Kind::Dash => n.dash |= starts,
                Kind::Close | Kind::Colon | Kind::Mark => {}
            }
            if kind == Kind::Space {
                n.colon |= last == Kind::Colon;
            } else {
                word += 1;
                rest_words += u16::from(starts);
                rest_capital += u16::from(starts && kind == Kind::Upper);
            }
            run.step(c, last_char, &mut n);
            if matches!(kind, Kind::Upper | Kind::Lower | Kind::Letter | Kind::Digit) {
                key = mix(key, c);
            } else if kind == Kind::Stop && last != Kind::Stop {
                (rest, rest_words, rest_capital) = (0, 0, 0);
            }
            (last, last_char) = (kind, c);
        }
        run.step(' ', last_char, &mut n);
        n.longest = n.longest.max(word);
        n.url = n.slash && head.contains("http") || head.contains("www.");
        let unspaced = 2 * n.unspaced > n.letters;
        let weight = if unspaced { 2.2 } else { 1.0 };
        let length = f32::from(n.characters) * weight;
        let words = f32::from(n.capital + n.small).max(block.shape.words as f32).max(f32::from(n.unspaced) / 2.2);
        let end = match block.shape.end {
            End::Open => 0.0,
            End::Colon => 1.0,
            End::Sentence => 2.0,
        };
        let prose = if end == 2.0 && (words >= 7.0 || length > 60.0) {
            length
        } else if length > 180.0 {
            length * 0.5
        } else {
            0.0
        };
        Glance {
            length: length.min(700.0),
            words: words.min(100.0),
            end,
            prose: prose.min(700.0),
            capitals: f32::from(n.capital) / words.max(1.0),
            digits: f32::from(run.digits),
            key,
            counts: n,
            first: first(head.chars().next().unwrap_or(' ')),
            last: ending(text.chars().next_back().unwrap_or(' ')),
            weight,
            rest: if rest < n.characters { f32::from(rest.min(80)) } else { -1.0 },
            rest_capitals: f32::from(rest_capital) / f32::from(rest_words.max(1)),
            long: text.len() > LIMIT,
        }
    }

    /// What the model sees of the line itself.
    pub(super) fn numbers(&self) -> [f32; NUMBERS] {
        let n = &self.counts;
        let characters = f32::from(n.characters.max(1));
        let count = |n: u16, most: u16| f32::from(n.min(most));
        let flag = |b: bool| f32::from(u8::from(b));
        [
            self.length,
            self.words,
            (f32::from(n.letters) / self.words.max(1.0)).min(20.0),
            self.end,
            f32::from(n.upper) / f32::from(n.letters.max(1)),
            self.digits / characters,
            self.digits.min(12.0),
            self.capitals,
            f32::from(n.small) / self.words.max(1.0),
            count(n.small, 30),
            count(n.commas, 10),
            count(n.stops, 10),
            count(n.quotes, 6),
            (characters - f32::from(n.letters)) / characters,
            count(n.pipes, 6),
            count(n.signs, 4),
            count(n.fused, 6),
            count(n.longest, 40),
            count(n.times, 3),
            count(n.years, 3),
            count(n.dates, 3),
            self.first,
            self.last,
            self.prose,
            self.weight,
            self.rest,
            self.rest_capitals,
            flag(n.copyright),
            flag(n.at),
            flag(n.url),
            flag(n.bracket),
            flag(n.slash),
            flag(n.colon),
            flag(n.dash),
            flag(self.long),
            flag(n.bracket && self.last == 6.0),
            flag(self.first == 5.0 && self.last == 3.0),
            count(n.upper, 12),
        ]
    }

    pub(super) fn is_credit_like(&self) -> bool {
        self.counts.copyright || self.counts.slash
    }
}

/// Runs of digits: years, clock times, dates in figures.
#[derive(Default)]
struct Run {
    digits: u16,
    length: u16,
    value: u16,
    /// Runs of one or two digits right before this one, set apart by one mark.
    chain: u16,
    mark: char,
}

impl Run {
    fn step(&mut self, c: char, last: char, n: &mut Counts) {
        if let Some(digit) = c.to_digit(10) {
            if !last.is_ascii_digit() {
                (self.length, self.value) = (0, 0);
            }
            self.digits += 1;
            self.length += 1;
            self.value = self.value.saturating_mul(10).saturating_add(digit as u16);
            return;
        }
        if !last.is_ascii_digit() {
            self.chain = 0;
            return;
        }
        n.years += u16::from(self.length == 4 && (1900..2100).contains(&self.value));
        if self.length <= 2 && self.chain == 1 && matches!(self.mark, ':' | '.' | 'h' | 'H') && self.length == 2 {
            n.times += u16::from(self.value < 60);
        }
        n.dates += u16::from(self.chain >= 2 && matches!(self.mark, '.' | '/' | '-'));
        let joins = matches!(c, ':' | '.' | 'h' | 'H' | '/' | '-');
        self.chain = if joins { self.chain + 1 } else { 0 };
        self.mark = c;
    }
}

fn first(c: char) -> f32 {
    match c {
        '"' | '“' | '„' | '«' | '‘' | '「' | '\'' => 5.0,
        '-' | '–' | '—' | '•' | '*' => 6.0,
        '(' | '[' => 7.0,
        c => match kind(c) {
            Kind::Lower => 1.0,
            Kind::Upper => 2.0,
            Kind::Letter => 3.0,
            Kind::Digit => 4.0,
            _ => 8.0,
        },
    }
}

fn ending(c: char) -> f32 {
    match c {
        '.' | '。' => 1.0,
        '?' | '!' | '？' | '！' => 2.0,
        '"' | '”' | '“' | '«' | '»' | '’' | '」' => 3.0,
        ':' => 4.0,
        '…' => 5.0,
        ')' | ']' => 6.0,
        c if c.is_numeric() => 7.0,
        c if c.is_alphabetic() => 8.0,
        _ => 9.0,
    }
}
