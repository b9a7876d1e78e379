//! The content hash: one name for one content, whatever feed, headline, dateline or typography it came in.
//!
//! BLAKE3 in key-derivation mode over the *canonical form* of the edited copy. The form is a promise (see [`CONTEXT`]):
//! Unicode NFKC; typographic quotes become `'` and `"` (as do TeX pairs), every dash and run of dashes becomes `-`,
//! ignorable characters vanish, white space collapses to one space; paragraphs are trimmed, empty ones dropped, the rest
//! joined by `\n`. The headline joins only where the canonical body has fewer than [`SHORT_BODY`] characters, followed by
//! the unit separator U+001F: a brief or an alert often *is* its headline, but desks rewrite the headlines of stories.

use std::{fmt, str::FromStr, sync::LazyLock};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The BLAKE3 key-derivation context. Any change to the canonical form changes the version in it, because hashes made
/// before and after never match: the window of remembered contents is forgotten.
pub const CONTEXT: &str = "copydesk 2026-11-23 content hash v1";

/// Bodies of fewer canonical characters than this are hashed together with their headline.
pub const SHORT_BODY: usize = 280;

/// The BLAKE3 hash of a canonical content, 256 bits. Its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The partition that owns this content among `partitions` (> 0): its first eight bytes, big-endian, modulo the
    /// count. Copies of one content meet in one partition, on whatever feed they came.
    pub fn partition(&self, partitions: i32) -> i32 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        let head = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        (head % u64::from(partitions.max(1).unsigned_abs())) as i32
    }

    /// The 64 hexadecimal digits, without allocating.
    pub fn to_hex(&self) -> blake3::Hash {
        blake3::Hash::from_bytes(self.0)
    }
}

impl From<[u8; 32]> for ContentHash {
    fn from(bytes: [u8; 32]) -> Self {
        ContentHash(bytes)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex().to_hex())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = blake3::HexError;

    /// Reads the 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(|hash| ContentHash(*hash.as_bytes()))
    }
}

/// Makes content hashes, reusing one buffer for the canonical form.
#[derive(Default)]
pub struct Fingerprinter {
    canonical: String,
}

impl Fingerprinter {
    /// The hash of a content: its body paragraphs, and its headline where the body is short.
    pub fn hash<P: AsRef<str>>(&mut self, headline: Option<&str>, body: &[P]) -> ContentHash {
        static HASHER: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key(CONTEXT));
        let mut hasher = HASHER.clone();

        self.canonical.clear();
        for paragraph in body {
            push_paragraph(&mut self.canonical, paragraph.as_ref());
        }
        let body_end = self.canonical.len();
        if let Some(headline) = headline
            && short(&self.canonical)
        {
            push_paragraph(&mut self.canonical, headline);
            let headline = self.canonical[body_end..].trim_start_matches('\n');
            if !headline.is_empty() {
                hasher.update(headline.as_bytes()).update(b"\x1f");
            }
        }
        hasher.update(&self.canonical.as_bytes()[..body_end]);
        ContentHash(*hasher.finalize().as_bytes())
    }
}

fn short(canonical: &str) -> bool {
    // A character has one to four bytes.
    let bytes = canonical.len();
    bytes < SHORT_BODY || (bytes < 4 * SHORT_BODY && canonical.chars().count() < SHORT_BODY)
}

/// What the canonical form makes of a character that is not plain ASCII text.
enum Fold {
    To(char),
    Drop,
    Keep,
}

fn fold(c: char) -> Fold {
    match c {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}' | '\u{b4}' | '\u{2bc}' => Fold::To('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{ab}' | '\u{bb}' => Fold::To('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2e3a}' | '\u{2e3b}' => Fold::To('-'),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {
            Fold::Drop
        }
        c if c.is_whitespace() => Fold::To(' '),
        _ => Fold::Keep,
    }
}

/// Appends the canonical form of one paragraph, after a `\n` if something stands before it.
fn push_paragraph(out: &mut String, paragraph: &str) {
    let before = out.len();
    if before > 0 {
        out.push('\n');
    }
    let start = out.len();
    let mut rest = paragraph;
    loop {
        let run = plain_run(rest.as_bytes());
        out.push_str(&rest[..run]);
        rest = &rest[run..];
        let Some(c) = rest.chars().next() else { break };
        match fold(c) {
            _ if c.is_ascii() => push_folded(out, start, c),
            Fold::To(to) => push_folded(out, start, to),
            Fold::Drop => {}
            Fold::Keep => {
                let end = rest.char_indices().find(|(_, c)| c.is_ascii() || !matches!(fold(*c), Fold::Keep));
                let (segment, tail) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
                push_normalized(out, start, segment);
                rest = tail;
                continue;
            }
        }
        rest = &rest[c.len_utf8()..];
    }
    out.truncate(start + out[start..].trim_end().len());
    if out.len() == start {
        out.truncate(before);
    }
}

/// How many bytes at the start stand for themselves. Ends after a plain byte, so what follows meets a plain neighbour.
///
/// Most copy is nothing else, so whole blocks are looked at first, in a form the compiler makes vector instructions of.
fn plain_run(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
        let joints = block.map(|b| u8::from(is_joint(b)));
        let mut odd = u8::from(at == 0) & joints[0];
        for i in 0..BLOCK {
            odd |= u8::from(!is_plain(block[i])) & !joints[i];
        }
        for i in 1..BLOCK {
            odd |= joints[i - 1] & joints[i];
        }
        if odd != 0 {
            break;
        }
        at += BLOCK - usize::from(joints[BLOCK - 1]);
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b if is_joint(*b) && at > 0 && bytes.get(at + 1).is_some_and(|next| is_plain(*next)) => at += 2,
            b if is_plain(*b) => at += 1,
            _ => break,
        }
    }
    at
}

/// Stands for itself between two plain bytes: a single space, an apostrophe, a hyphen.
fn is_joint(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\'') | (byte == b'-')
}

/// Stands for itself, whatever its neighbours are.
fn is_plain(byte: u8) -> bool {
    (byte > b' ') & (byte <= b'~') & (byte != b'`') & !is_joint(byte)
}

/// Appends one folded character: runs of spaces and of dashes collapse, a pair of single quotes is a double one.
fn push_folded(out: &mut String, start: usize, c: char) {
    let last = out[start..].chars().next_back();
    match c {
        ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
            if last.is_some_and(|l| l != ' ') {
                out.push(' ');
            }
        }
        '-' if last == Some('-') => {}
        '\'' | '`' if last == Some('\'') => {
            out.pop();
            out.push('"');
        }
        '`' => out.push('\''),
        c if c.is_ascii_control() => {}
        c => out.push(c),
    }
}

/// Appends the NFKC form of a run of other characters; a mark may compose with the character before the run.
fn push_normalized(out: &mut String, start: usize, segment: &str) {
    if is_nfkc_quick(segment.chars()) == IsNormalized::Yes {
        return out.push_str(segment);
    }
    let base = out[start..].chars().next_back().filter(|c| c.is_alphanumeric() || "<=>".contains(*c));
    if base.is_some() {
        out.pop();
    }
    for c in base.into_iter().chain(segment.chars()).nfkc() {
        match fold(c) {
            _ if c.is_ascii() => push_folded(out, start, c),
            Fold::To(to) => push_folded(out, start, to),
            Fold::Drop => {}
            Fold::Keep => out.push(c),
        }
    }
}

/// The canonical form itself, as text: what [`Fingerprinter::hash`] hashes of a body. For looking and for tests.
pub fn canonical<P: AsRef<str>>(body: &[P]) -> String {
    let mut out = String::new();
    for paragraph in body {
        push_paragraph(&mut out, paragraph.as_ref());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(headline: Option<&str>, body: &[&str]) -> String {
        Fingerprinter::default().hash(headline, body).to_string()
    }

    #[test]
    fn typography_does_not_change_the_canonical_form() {
        let curly = "“We’re ready,” he said — again. 1914–18\u{a0}… co\u{ad}op";
        let plain = "\"We're ready,\" he said - again.  1914-18 ... coop";
        let tex = "``We're ready,'' he said -- again. 1914-18 ... coop ";
        assert_eq!(canonical(&[curly]), "\"We're ready,\" he said - again. 1914-18 ... coop");
        assert_eq!(canonical(&[plain]), canonical(&[curly]));
        assert_eq!(canonical(&[tex]), canonical(&[curly]));
    }

    #[test]
    fn composed_and_decomposed_letters_are_one() {
        assert_eq!(canonical(&["Cafe\u{301} Zu\u{308}rich"]), "Café Zürich");
        assert_eq!(canonical(&["ﬁrst Ⅻ"]), "first XII");
        assert_eq!(canonical(&["가"]), "가");
        assert_eq!(canonical(&["\u{1100}\u{1161}"]), "가");
    }

    #[test]
    fn empty_paragraphs_and_outer_space_do_not_count() {
        assert_eq!(canonical(&["", " one ", "\n", "two\tthree"]), "one\ntwo three");
    }

    #[test]
    fn case_and_digits_do_count() {
        assert_ne!(hash(None, &["Rates rise 3 percent"]), hash(None, &["rates rise 3 percent"]));
        assert_ne!(hash(None, &["Rates rise 3 percent"]), hash(None, &["Rates rise 4 percent"]));
    }

    #[test]
    fn a_headline_joins_the_hash_of_a_short_body_only() {
        let long = "word ".repeat(60);
        assert_eq!(hash(Some("A"), &[&long]), hash(Some("B"), &[&long]));
        assert_ne!(hash(Some("A"), &["Brief."]), hash(Some("B"), &["Brief."]));
        assert_ne!(hash(Some("A"), &["B"]), hash(None, &["A", "B"]), "a headline is no paragraph");
    }

    /// Frozen: if one of these changes, the canonical form changed and `CONTEXT` must change with it.
    #[test]
    fn the_hash_vectors_are_frozen() {
        let long = "The council of Harrowmere voted on Tuesday to rebuild the old ferry landing. ".repeat(5);
        let vectors: [(Option<&str>, Vec<&str>, &str); 4] = [
            (None, vec![], "50453eb7749df8701d55bea618d2d7dd1b5459cac94bfaefc88c8b1e9cdae56b"),
            (None, vec![&long], "4c89c67a16f58486537760656db22887298d67fddb8c92aa9d6079eab4f841b3"),
            (
                Some("Ferry landing to be rebuilt"),
                vec!["HARROWMERE votes yes."],
                "4d97625ffcf0cd768a20b75c08beaba7726d5df2ad1b5925434cdc39494e2307",
            ),
            (
                None,
                vec!["“Curly” — dashes…", "Zweiter Absatz: Straße, naïve, Ⅻ", "東京 가"],
                "dee145cc85cf4c1f5050b06d7e005e70ebeba6c9642c3c20e539df8ffa4f9b57",
            ),
        ];
        for (headline, body, expected) in vectors {
            assert_eq!(hash(headline, &body), expected, "{headline:?} {body:?}");
        }
    }

    #[test]
    fn a_hash_reads_back_from_its_text() {
        let hash = Fingerprinter::default().hash(None, &["x"]);
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        assert!("xyz".parse::<ContentHash>().is_err());
    }

    #[test]
    fn the_partition_is_the_head_of_the_hash_modulo_the_count() {
        let mut bytes = [0u8; 32];
        bytes[7] = 13;
        assert_eq!(ContentHash(bytes).partition(12), 1);
        assert_eq!(ContentHash([255; 32]).partition(1), 0);
    }

    /// The plain definition the fast path must agree with.
    fn reference(text: &str) -> String {
        let mut out = String::new();
        for c in text.chars().filter(|c| !matches!(fold(*c), Fold::Drop)).nfkc() {
            match fold(c) {
                _ if c.is_ascii() => push_folded(&mut out, 0, c),
                Fold::To(to) => push_folded(&mut out, 0, to),
                Fold::Drop => {}
                Fold::Keep => out.push(c),
            }
        }
        out.trim_end().to_owned()
    }

    proptest::proptest! {
        #[test]
        fn the_fast_path_equals_nfkc_then_folding(text in "[a-c<= '’`“ é\u{301}\u{308}ﬁ…–\\-\u{a0}\u{ad}東가\u{1100}\u{1161}]{0,24}") {
            proptest::prop_assert_eq!(canonical(&[&text]), reference(&text));
        }

        #[test]
        fn the_canonical_form_of_a_canonical_form_is_itself(text in "\\PC{0,40}") {
            let once = canonical(&[&text]);
            proptest::prop_assert_eq!(canonical(&[&once]), once);
        }
    }
}
