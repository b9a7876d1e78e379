//! Mends what software on the way did to characters: UTF-8 read as windows-1252, HTML entities in plain text, quotes in the
//! manner of TeX. Each returns nothing where there is nothing to mend, and none touches a character without evidence.

use encoding_rs::WINDOWS_1252;

/// Bytes an entity has at most, from `&` to `;`.
const ENTITY: usize = 12;

/// Lines that are UTF-8 read as windows-1252 (`cafÃ©`, `itâ€™s`), read right.
///
/// Only a line that round-trips is mended: all of it can be written in windows-1252, and the bytes are UTF-8. One lone pair in
/// it is believed only behind a small letter, for `MANHÃ»` is Portuguese and a quotation mark.
pub(super) fn mojibake(text: &str) -> Option<String> {
    if !suspicious(text) {
        return None;
    }
    let mut mended = false;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match Some(line).filter(|line| suspicious(line)).and_then(read_right) {
            Some(right) => {
                mended = true;
                out.push_str(&right);
            }
            None => out.push_str(line),
        }
    }
    mended.then_some(out)
}

/// Whether a letter stands in `text` that the first byte of UTF-8 becomes: one of `ÂÃÎÏÐÑâãð`.
fn suspicious(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(0xC3, bytes)
        .any(|at| matches!(bytes.get(at + 1), Some(0x82 | 0x83 | 0x8E | 0x8F | 0x90 | 0x91 | 0xA2 | 0xA3 | 0xB0)))
}

fn read_right(line: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(line.len());
    let (mut pairs, mut sure, mut before) = (0, false, ' ');
    for c in line.chars() {
        let byte = windows_1252(c)?;
        if byte >= 0xC0 {
            pairs += 1;
            sure |= byte >= 0xE0 || before.is_ascii_lowercase();
        }
        bytes.push(byte);
        before = c;
    }
    let right = String::from_utf8(bytes).ok()?;
    let clean = !right.contains(|c: char| matches!(c, '\u{80}'..='\u{9F}'));
    (clean && (sure || pairs > 1)).then_some(right)
}

/// The byte that windows-1252 has for `c`; where it has none, software passes C1 controls through.
fn windows_1252(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (0..=0x7F | 0xA0..=0xFF | 0x81 | 0x8D | 0x8F | 0x90 | 0x9D) => u8::try_from(code).ok(),
        _ => (0x80..=0x9F).find(|byte| from_windows_1252(*byte) == Some(c)),
    }
}

fn from_windows_1252(byte: u8) -> Option<char> {
    WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()
}

/// HTML entities as the characters they stand for; doubly escaped ones (`&amp;rsquo;`) too. `as_folded` says what is kept of
/// a character.
pub(super) fn entities(text: &str, as_folded: impl Fn(char) -> Option<char>) -> Option<String> {
    let bytes = text.as_bytes();
    let near = |at: usize| bytes[at..bytes.len().min(at + ENTITY)].contains(&b';');
    let first = memchr::memchr_iter(b'&', bytes).find(|at| near(*at))?;
    let mut decoded = false;
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(end) = memchr::memchr(b';', rest.as_bytes()) {
        out.push_str(&rest[..=end]);
        rest = &rest[end + 1..];
        let reach = out.len().saturating_sub(ENTITY);
        if let Some(amp) = memchr::memrchr(b'&', &out.as_bytes()[reach..]).map(|at| reach + at)
            && let Some(c) = entity(&out[amp..])
        {
            out.truncate(amp);
            out.extend(as_folded(c));
            decoded = true;
        }
    }
    out.push_str(rest);
    decoded.then_some(out)
}

/// The character that `&name;` or `&#number;` stands for.
fn entity(text: &str) -> Option<char> {
    let inner = text.strip_prefix('&')?.strip_suffix(';')?;
    if let Some(number) = inner.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // Numbers of windows-1252, as browsers read them.
        return match u8::try_from(code) {
            Ok(byte @ 0x80..=0x9F) => from_windows_1252(byte),
            _ => char::from_u32(code),
        };
    }
    if inner.is_empty() || !inner.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let decoded = html_escape::decode_html_entities(text);
    let mut chars = decoded.chars();
    let c = chars.next()?;
    (chars.next().is_none()).then_some(c)
}

/// ``` ``…'' ``` as “…”, in text that has both.
pub(super) fn tex_quotes(text: &str) -> Option<String> {
    let pair = memchr::memchr(b'`', text.as_bytes()).is_some()
        && text.contains("``")
        && text.contains("''")
        && !text.contains("```");
    pair.then(|| text.replace("``", "“").replace("''", "”"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        entities(text, Some)
    }

    #[test]
    fn utf8_read_as_windows_1252_is_read_right() {
        for right in [
            "It’s late, the mayor’s office said.",
            "Das Café öffnet um 9 Uhr – für „alle“.",
            "“Yes,” she said",
            "El Niño año",
            "Ostheim — Holm",
            "Порт открыт",
        ] {
            let (wrong, ..) = WINDOWS_1252.decode_without_bom_handling(right.as_bytes());
            assert_ne!(wrong, right);
            assert_eq!(mojibake(&wrong).as_deref(), Some(right), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_does_not_round_trip_stays() {
        for text in [
            "MANHÃ»",
            "«AMANHû",
            "São Paulo e a manhã",
            "Ñandú",
            "Âge d’or",
            "Île de Ré, Paris",
            "Ð is a letter",
            "plain",
        ] {
            assert_eq!(mojibake(text), None, "{text}");
        }
        let mixed = "It\u{e2}\u{20ac}\u{2122}s late\nSão Paulo";
        assert_eq!(mojibake(mixed).as_deref(), Some("It’s late\nSão Paulo"));
    }

    #[test]
    fn entities_become_their_characters_and_what_only_looks_like_one_stays() {
        assert_eq!(decoded("AT&amp;T &#8220;said&#8221; it&rsquo;s").as_deref(), Some("AT&T “said” it’s"));
        assert_eq!(decoded("it&amp;rsquo;s &#146;late&#x2019;").as_deref(), Some("it’s ’late’"));
        for text in ["AT&T; and more", "R&D; S&P", "a & b; c", "&; &#; &#x; &nosuch;", "Q&A"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn tex_quotes_become_typographic_ones() {
        assert_eq!(tex_quotes("``Yes,'' she said.").as_deref(), Some("“Yes,” she said."));
        assert_eq!(tex_quotes("6' 2'' tall"), None);
    }
}
