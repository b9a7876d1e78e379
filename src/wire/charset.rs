//! Bytes → text.
//!
//! The evidence in the order of its weight: a byte order mark, the shape of UTF-16, valid UTF-8 (whatever was declared:
//! wires declare ISO-8859-1 and send UTF-8), UTF-8 with a few damaged bytes, the declared charset, and last the guess of
//! chardetng. Declared Latin-1 is read as windows-1252, as the WHATWG Encoding Standard says, because that is what is
//! sent under the name.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::reject::{Reason, Reject};

/// How much of a value is looked at to tell text from binary data.
const SAMPLE: usize = 4096;

/// Decodes `bytes`, of which the sender says that they are in `declared`.
///
/// # Errors
/// `undecodable`, for binary data and for bytes that make no text in any charset.
pub(super) fn decode<'m>(bytes: &'m [u8], declared: Option<&str>) -> Result<Cow<'m, str>, Reject> {
    let declared = declared.and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    let bytes = match Encoding::for_bom(bytes) {
        Some((encoding, length)) if encoding != UTF_8 => return all_of(encoding, &bytes[length..]),
        Some((_, length)) => &bytes[length..],
        None => bytes,
    };
    if let Some(encoding) = utf16_by_shape(bytes) {
        return all_of(encoding, bytes);
    }
    let bytes = without_padding(bytes);
    if declared == Some(ISO_2022_JP) || memchr::memmem::find(bytes, b"\x1B$").is_some() {
        return all_of(ISO_2022_JP, bytes); // seven-bit, so it would pass for UTF-8
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // A few stray control bytes are the wire's habit, and folded away; one in ten is no text.
        return if controls_exceed(bytes, 10) { Err(binary()) } else { Ok(Cow::Borrowed(text)) };
    }
    if let Some(encoding) = declared.filter(|e| [UTF_16LE, UTF_16BE].contains(e)) {
        return all_of(encoding, bytes);
    }
    if controls_exceed(bytes, 50) {
        return Err(binary());
    }
    if let Some(text) = damaged_utf8(bytes) {
        return Ok(Cow::Owned(text));
    }
    if let Some(text) = declared.and_then(|encoding| flawless(encoding, bytes)) {
        return Ok(text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    all_of(guess, bytes).or_else(|reject| declared.and_then(|e| all_of(e, bytes).ok()).ok_or(reject))
}

/// `bytes` without the NUL padding of fixed-length records.
fn without_padding(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    &bytes[..length]
}

/// Whether more than one in `share` of the first bytes are control bytes that no text holds.
fn controls_exceed(bytes: &[u8], share: usize) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    // The sum of a chunk fits a byte, which makes the loop vector instructions, and a multiple of 32 leaves no single steps.
    let control = |b: &u8| u8::from((*b < 0x20) & !(0x09..=0x0D).contains(b));
    let controls: usize = sample.chunks(224).map(|chunk| usize::from(chunk.iter().map(control).sum::<u8>())).sum();
    // Below a handful, a short alert would be condemned for one stray mark.
    controls > 4 && controls * share > sample.len()
}

/// UTF-16 without a byte order mark: in European text every other byte is NUL.
fn utf16_by_shape(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let pairs = sample.len() / 2;
    memchr::memchr(0, sample)?;
    let nuls = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    // Spaces alone make one in eight of Cyrillic or Arabic; stray NULs in ASCII text are rarer, and of both parities.
    if even + odd < 2 || (even > 0 && odd > 0) || (even + odd) * 12 < pairs {
        return None;
    }
    Some(if odd > 0 { UTF_16LE } else { UTF_16BE })
}

/// Decodes with `encoding`, accepting one undecodable character in 200.
fn all_of<'m>(encoding: &'static Encoding, bytes: &'m [u8]) -> Result<Cow<'m, str>, Reject> {
    let (text, errors) = encoding.decode_without_bom_handling(bytes);
    if errors {
        let bad = text.matches(char::REPLACEMENT_CHARACTER).count();
        let all = text.chars().count();
        if bad * 200 > all {
            return Err(Reject::new(
                Reason::Undecodable,
                format!("not UTF-8, and as {} {bad} of {all} characters cannot be decoded", encoding.name()),
            ));
        }
    }
    Ok(text)
}

/// Decodes with `encoding` if every byte has a character there, C1 controls not counted as such: text declared
/// ISO-8859-2 that has them is in truth in a Windows charset.
fn flawless<'m>(encoding: &'static Encoding, bytes: &'m [u8]) -> Option<Cow<'m, str>> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let c1 = |c: char| matches!(c, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}');
    (!text.contains(c1)).then_some(text)
}

/// UTF-8 in which a few sequences are broken: cut at the end, or single windows-1252 bytes pasted in.
///
/// Whole sequences must outnumber broken ones four to one, which chance does not give in any legacy charset.
fn damaged_utf8(bytes: &[u8]) -> Option<String> {
    let (mut whole, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().bytes().filter(|b| *b >= 0xC0).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if whole < 4 * broken {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.len();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        rest -= chunk.valid().len() + chunk.invalid().len();
        match chunk.invalid() {
            [] => {}
            cut if rest == 0 && cut[0] >= 0xC0 => {}
            [stray] => text.push_str(&WINDOWS_1252.decode_without_bom_handling(&[*stray]).0),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Some(text)
}

fn binary() -> Reject {
    Reject::new(Reason::Undecodable, "binary data, not text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GERMAN: &str = "Die Bürgermeisterin von Grünau eröffnet die „Brücke über die Mürz“ – für 12 Millionen €.";

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    fn reads(bytes: &[u8], declared: Option<&str>) -> String {
        decode(bytes, declared).unwrap().into_owned()
    }

    #[test]
    fn valid_utf8_is_borrowed() {
        assert!(matches!(decode(GERMAN.as_bytes(), None), Ok(Cow::Borrowed(GERMAN))));
    }

    #[test]
    fn utf8_declared_as_latin_1_is_still_utf8() {
        assert_eq!(reads(GERMAN.as_bytes(), Some("ISO-8859-1")), GERMAN);
    }

    #[test]
    fn a_byte_order_mark_is_taken_off() {
        assert_eq!(reads("\u{FEFF}Zürich".as_bytes(), None), "Zürich");
    }

    #[test]
    fn declared_latin_1_is_read_as_windows_1252() {
        assert_eq!(reads(b"\x93Caf\xE9\x94 \x96 5 \x80", Some("latin1")), "“Café” – 5 €");
    }

    #[test]
    fn a_declared_cyrillic_charset_is_believed() {
        let (bytes, ..) = encoding_rs::KOI8_R.encode("Мэр Зареченска открыл мост");
        assert_eq!(reads(&bytes, Some("koi8-r")), "Мэр Зареченска открыл мост");
    }

    #[test]
    fn legacy_bytes_without_a_declaration_are_detected() {
        let (german, ..) = WINDOWS_1252.encode(GERMAN);
        assert_eq!(reads(&german, None), GERMAN);
        let russian = "Мэр Зареченска открыл новый мост через реку Светлую, сообщила пресс-служба города.";
        let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(russian);
        assert_eq!(reads(&bytes, None), russian);
        let japanese = "青葉市の新しい橋が火曜日に開通し、市長らが式典に出席した。";
        let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(japanese);
        assert_eq!(reads(&bytes, None), japanese);
    }

    #[test]
    fn an_unknown_charset_name_is_as_good_as_none() {
        assert_eq!(
            reads(b"Z\xFCrich und Genf liegen in der Schweiz", Some("x-wire-7")),
            "Zürich und Genf liegen in der Schweiz"
        );
    }

    #[test]
    fn utf16_is_read_with_and_without_a_byte_order_mark() {
        let little = utf16(GERMAN, u16::to_le_bytes);
        let big = utf16(GERMAN, u16::to_be_bytes);
        assert_eq!(reads(&little, None), GERMAN);
        assert_eq!(reads(&big, None), GERMAN);
        assert_eq!(reads(&[&[0xFF, 0xFE], &little[..]].concat(), None), GERMAN);
        assert_eq!(reads(&[&[0xFE, 0xFF], &big[..]].concat(), None), GERMAN);
        let russian = "Мэр города открыл новый мост через реку, сообщила пресс-служба.";
        assert_eq!(reads(&utf16(russian, u16::to_le_bytes), None), russian);
        let chinese = "青河市新大桥星期二正式通车。市长出席了通车仪式并致辞。";
        assert_eq!(reads(&utf16(chinese, u16::to_be_bytes), Some("utf-16be")), chinese);
    }

    #[test]
    fn utf8_declared_as_utf16_is_still_utf8() {
        assert_eq!(reads(GERMAN.as_bytes(), Some("utf-16")), GERMAN);
    }

    #[test]
    fn a_stray_nul_or_nul_padding_does_not_make_utf16() {
        let stray = "The may\0or spoke at length on Tuesday about the bridge.";
        assert_eq!(reads(stray.as_bytes(), None), stray);
        assert_eq!(reads(b"The mayor spoke.\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", None), "The mayor spoke.");
    }

    #[test]
    fn iso_2022_jp_is_not_taken_for_ascii() {
        let (bytes, ..) = ISO_2022_JP.encode("青葉市の橋");
        assert_eq!(reads(&bytes, Some("iso-2022-jp")), "青葉市の橋");
        assert_eq!(reads(&bytes, None), "青葉市の橋");
    }

    #[test]
    fn utf8_cut_in_the_middle_of_a_letter_loses_that_letter_only() {
        let text = "Çà et là, déjà l’été";
        let cut = &text.as_bytes()[..text.len() - 1];
        assert_eq!(reads(cut, None), "Çà et là, déjà l’ét");
    }

    #[test]
    fn windows_1252_quotes_pasted_into_utf8_are_read_as_quotes() {
        let mixed = [GERMAN.as_bytes(), b" \x93Nein\x94, sagt sie."].concat();
        assert_eq!(reads(&mixed, None), format!("{GERMAN} “Nein”, sagt sie."));
    }

    #[test]
    fn binary_data_is_undecodable() {
        let noise: Vec<u8> = (0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(decode(&noise, None).unwrap_err().reason, Reason::Undecodable);
        assert_eq!(decode(&noise, Some("latin1")).unwrap_err().reason, Reason::Undecodable);
        let controls = [1u8, 2, 3, 4, 5, 6, 7, 65].repeat(20);
        assert_eq!(decode(&controls, None).unwrap_err().reason, Reason::Undecodable);
    }

    #[test]
    fn a_short_alert_with_wire_controls_is_text() {
        assert_eq!(reads(b"\x13\x11\x12\x14 Bridge opens", None), "\x13\x11\x12\x14 Bridge opens");
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), label in ".{0,12}") {
            let _ = decode(&bytes, Some(&label));
        }

        #[test]
        fn utf8_text_comes_out_as_it_went_in(text in "[a-zäßéЖ日 ,.\n]{1,200}") {
            prop_assert_eq!(reads(text.as_bytes(), Some("windows-1252")), text);
        }
    }
}
