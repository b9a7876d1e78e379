//! Which format a value is in: by its `content-type` header, else by looking.
//!
//! Only certain signs count. Text that merely begins like something else (`<ACME.O>`, `{SPORT}`, `[File photo]`) is text.

use crate::reject::{Reason, Reject};

/// What a value is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Plain text.
    Text,
    /// The JSON envelope.
    Envelope,
    /// A format that is recognised but not read.
    Foreign(&'static str),
}

/// A `content-type` header, taken apart.
pub(super) struct MediaType<'h> {
    essence: &'h str,
    /// The `charset` parameter.
    pub(super) charset: Option<&'h str>,
}

impl<'h> MediaType<'h> {
    /// Reads `type/subtype; name=value; …`. What is not of that shape declares nothing.
    pub(super) fn parse(header: &'h str) -> Self {
        let mut parts = header.split(';');
        let essence = parts.next().unwrap_or_default().trim();
        let charset = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches('"'));
        MediaType { essence, charset }
    }

    /// The format it declares.
    ///
    /// None for types that say nothing, among them `text/plain` and `application/octet-stream`, which careless senders put
    /// on everything: then looking decides.
    pub(super) fn format(&self) -> Option<Format> {
        let essence = self.essence.to_ascii_lowercase();
        let foreign = match essence.as_str() {
            "application/json" | "text/json" | "application/vnd.copydesk+json" => return Some(Format::Envelope),
            "text/html" | "application/xhtml+xml" => "HTML",
            "application/nitf" | "application/nitf+xml" | "text/vnd.iptc.nitf" => "NITF",
            "text/vnd.iptc.newsml" | "application/newsml+xml" => "NewsML",
            "application/rss+xml" | "application/rdf+xml" => "RSS",
            "application/atom+xml" => "Atom",
            "application/feed+json" => "JSON Feed",
            "application/vnd.iptc.ninjs+json" | "application/ninjs+json" => "ninjs",
            "text/vnd.iptc.anpa" => "ANPA-1312",
            "message/rfc822" => "e-mail",
            "application/pdf" => "PDF",
            "application/rtf" | "text/rtf" => "RTF",
            "application/gzip" | "application/x-gzip" => "gzip",
            "application/zip" => "zip",
            _ if essence.starts_with("application/vnd.iptc.g2") => "NewsML-G2",
            _ if essence.starts_with("image/") => "image",
            _ if essence.starts_with("audio/") => "audio",
            _ if essence.starts_with("video/") => "video",
            _ if essence.ends_with("+json") => return Some(Format::Envelope),
            _ => return None,
        };
        Some(Format::Foreign(foreign))
    }
}

/// The rejection of a format that is not read.
pub(super) fn unsupported(name: &str) -> Reject {
    Reject::new(Reason::UnsupportedFormat, format!("{name} is not read yet"))
}

/// A foreign format told by its bytes, before any decoding: compressed and other binary files, and the wire formats that
/// frame their text in transmission controls.
pub(super) fn by_bytes(value: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 13] = [
        (b"\x1F\x8B\x08", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xB5\x2F\xFD", "zstd"),
        (b"\xFD7zXZ\0", "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x04\x22\x4D\x18", "lz4"),
        (b"%PDF-", "PDF"),
        (b"{\\rtf", "RTF"),
        (b"\x89PNG\r\n\x1A\n", "image (PNG)"),
        (b"\xFF\xD8\xFF", "image (JPEG)"),
        (b"GIF87a", "image (GIF)"),
        (b"GIF89a", "image (GIF)"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "Microsoft Office"),
    ];
    MAGIC.iter().find(|(magic, _)| value.starts_with(magic)).map(|(_, name)| *name).or_else(|| framed_wire(value))
}

/// ANPA-1312 and IPTC 7901: start of header (after synchronisation bytes, fill and line ends), start of text behind it.
fn framed_wire(value: &[u8]) -> Option<&'static str> {
    const SYN: u8 = 0x16;
    const SOH: u8 = 0x01;
    const STX: u8 = 0x02;
    const US: u8 = 0x1F;
    let fill = value.iter().take(64).take_while(|b| matches!(**b, SYN | 0 | 0x7F | b'\r' | b'\n' | b' ')).count();
    if value.get(fill) != Some(&SOH) {
        return None;
    }
    let header = &value[fill..value.len().min(fill + 2048)];
    memchr::memchr(STX, header)?;
    // ANPA: service level and four digits, a unit separator, the selector.
    let anpa = value[..fill].contains(&SYN) || header.iter().take(10).any(|b| *b == US);
    Some(if anpa { "ANPA-1312" } else { "IPTC 7901" })
}

/// The format of decoded text that no header declares.
pub(super) fn look(text: &str) -> Format {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\0');
    match text.as_bytes().first() {
        Some(b'{') if envelope_like(text) => Format::Envelope,
        Some(b'[') if text[1..].trim_start().starts_with('{') && envelope_like(text[1..].trim_start()) => {
            Format::Foreign("JSON array")
        }
        _ => foreign_text(text).map_or(Format::Text, Format::Foreign),
    }
}

/// A foreign format that is text: markup, e-mail, tagged wire text.
pub(super) fn foreign_text(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    match text.as_bytes().first()? {
        b'<' => markup(text),
        b'Z' if tagged_wire(text) => Some("ZCZC wire text"),
        _ if email(text) => Some("e-mail"),
        _ => None,
    }
}

/// Whether `text`, which starts with a brace, starts like a JSON object rather than a sentence: a quoted key and a colon,
/// or one of our own keys quoted wrongly or not at all.
fn envelope_like(text: &str) -> bool {
    const OUR_KEYS: [&str; 10] =
        ["text", "source", "uri", "version", "status", "headline", "url", "content_type", "received", "language"];
    let rest = text[1..].trim_start();
    let quote = rest.chars().next().filter(|c| ['"', '\'', '“'].contains(c));
    let rest = quote.map_or(rest, |quote| &rest[quote.len_utf8()..]);
    let length = rest.bytes().take(64).take_while(|b| b.is_ascii_alphanumeric() || b"_-.$@:/".contains(b)).count();
    let (key, rest) = rest.split_at(length);
    let rest = rest.trim_start_matches(['"', '\'', '”']).trim_start();
    match quote {
        Some('"') if rest.is_empty() => true, // cut off inside the first key, or behind it
        Some('"') => rest.starts_with(':'),
        None if rest.trim_end() == "}" => true,
        _ => rest.starts_with(':') && OUR_KEYS.contains(&key) || OUR_KEYS.contains(&key.trim_end_matches(':')),
    }
}

/// The name of the markup that `text` is in, by its document type or root element.
fn markup(text: &str) -> Option<&'static str> {
    let mut rest = text;
    let mut xml = false;
    loop {
        rest = rest.trim_start();
        rest = if let Some(inside) = rest.strip_prefix("<?") {
            xml |= inside.starts_with("xml");
            after(inside, "?>")
        } else if let Some(inside) = rest.strip_prefix("<!--") {
            after(inside, "-->")
        } else if rest.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype")) {
            return element(rest[9..].trim_start()).and_then(|root| named(root, "")).or(Some("XML"));
        } else {
            break;
        };
    }
    let tag = rest.strip_prefix('<').unwrap_or_default().split('>').next().unwrap_or_default();
    let Some(name) = element(tag) else { return xml.then_some("XML") };
    let qualified = tag.split_ascii_whitespace().next().unwrap_or_default();
    let closed = rest.trim_end().ends_with(&format!("</{qualified}>"));
    named(name, tag).or((xml || closed).then_some("XML"))
}

/// What follows `mark`; nothing if it never comes.
fn after<'t>(text: &'t str, mark: &str) -> &'t str {
    text.split_once(mark).map_or("", |(_, rest)| rest)
}

/// The element name that `text` starts with, without its prefix.
fn element(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.:".contains(c))).unwrap_or(text.len());
    let closed = text[end..].is_empty() || text[end..].starts_with([' ', '\t', '\r', '\n', '>', '/', '[']);
    let name = text[..end].rsplit(':').next()?;
    (closed && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(name)
}

/// The format whose root element is `name`, whole tag `tag`.
fn named(name: &str, tag: &str) -> Option<&'static str> {
    const HTML: [&str; 32] = [
        "html",
        "head",
        "body",
        "title",
        "meta",
        "link",
        "script",
        "style",
        "div",
        "p",
        "article",
        "section",
        "main",
        "span",
        "header",
        "nav",
        "aside",
        "h1",
        "h2",
        "h3",
        "h4",
        "table",
        "ul",
        "ol",
        "br",
        "strong",
        "em",
        "img",
        "figure",
        "iframe",
        "blockquote",
        "center",
    ];
    Some(match name {
        "nitf" => "NITF",
        "NewsML" => "NewsML",
        "newsMessage" | "newsItem" | "packageItem" | "conceptItem" | "knowledgeItem" | "planningItem"
        | "catalogItem" => "NewsML-G2",
        "rss" | "RDF" => "RSS",
        "feed" if tag.contains("xmlns") || tag == "feed" => "Atom",
        "DOC" if tag.contains("id=") => "Gigaword SGML",
        _ if HTML.iter().any(|html| name.eq_ignore_ascii_case(html)) => "HTML",
        _ => return None,
    })
}

/// The tagged text of teleprinter days: `ZCZC`, then lines that each start with a one-character tag.
fn tagged_wire(text: &str) -> bool {
    let mut lines = text.split(['\n', '\r']);
    lines.next().is_some_and(|line| line.starts_with("ZCZC"))
        && lines
            .filter(|line| !line.trim().is_empty())
            .take(3)
            .filter(|line| line.starts_with(['%', '#', '$', ':', '&']))
            .count()
            >= 2
}

/// An e-mail with its header: a first header line, and `Message-ID` or `MIME-Version` among those before the first blank
/// line.
fn email(text: &str) -> bool {
    let is_header = |line: &str| {
        line.split_once(':')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    let mut lines = text.lines().take_while(|line| !line.trim().is_empty()).take(200);
    let starts = lines.next().is_some_and(|first| is_header(first) || first.starts_with("From "));
    starts
        && lines.filter(|line| is_header(line)).any(|line| {
            let name = line.split(':').next().unwrap_or_default();
            name.eq_ignore_ascii_case("message-id") || name.eq_ignore_ascii_case("mime-version")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declares(header: &str) -> Option<Format> {
        MediaType::parse(header).format()
    }

    #[test]
    fn a_content_type_is_read_with_its_charset_in_any_case_and_quoting() {
        let media = MediaType::parse("Text/Plain; format=flowed; Charset=\"ISO-8859-1\"");
        assert_eq!((media.format(), media.charset), (None, Some("ISO-8859-1")));
        assert_eq!(declares("application/json;charset=utf-8"), Some(Format::Envelope));
        assert_eq!(declares("TEXT/HTML"), Some(Format::Foreign("HTML")));
        assert_eq!(declares("application/vnd.iptc.g2.newsitem+xml"), Some(Format::Foreign("NewsML-G2")));
        assert_eq!(declares("application/octet-stream"), None);
        assert_eq!(declares("nonsense"), None);
        assert_eq!(declares(""), None);
    }

    #[test]
    fn markup_is_named_by_its_root_element() {
        for (text, name) in [
            ("<!DOCTYPE html><html lang=\"en\">", "HTML"),
            ("\n<!-- saved --><HTML>", "HTML"),
            ("<p class=\"lead\">The mayor", "HTML"),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE nitf SYSTEM \"nitf.dtd\">\n<nitf>", "NITF"),
            ("<nitf:nitf xmlns:nitf=\"x\">", "NITF"),
            ("<NewsML Version=\"1.2\">", "NewsML"),
            ("<?xml version=\"1.0\"?><newsItem xmlns=\"http://iptc.org/std/nar/2006-10-01/\">", "NewsML-G2"),
            ("<rss version=\"2.0\">", "RSS"),
            ("<rdf:RDF xmlns:rdf=\"x\">", "RSS"),
            ("<feed xmlns=\"http://www.w3.org/2005/Atom\">", "Atom"),
            ("<DOC id=\"AFP_ENG_20260505.0001\" type=\"story\">", "Gigaword SGML"),
            ("<?xml version=\"1.0\"?><artikel>", "XML"),
            ("<contentMeta class=\"a\">\n<urgency>3</urgency>\n</contentMeta>\n", "XML"),
        ] {
            assert_eq!(look(text), Format::Foreign(name), "{text}");
        }
    }

    #[test]
    fn text_that_begins_with_a_bracket_is_text() {
        for text in [
            "<ACME.O> shares rose on Tuesday.",
            "< Back to the front page",
            "{SPORT} The home side won.",
            "{ \"Never,\" she said: he did.",
            "[File photo] The bridge at Greenvale",
            "[ 1 ] First",
            "Subject: the bridge\nIt opens on Tuesday.",
            "ZCZC0042\nThe bridge opens.\n#2 is closed.",
            "<",
            "{",
            "[",
            "",
        ] {
            assert_eq!(look(text), Format::Text, "{text}");
        }
    }

    #[test]
    fn an_object_with_a_key_is_an_envelope_even_when_it_is_broken() {
        for text in [
            "{\"text\": \"x\"}",
            " \u{FEFF}{\n \"a-key\" : 1",
            "{\"te",
            "{\"text\"",
            "{}",
            "{'text': 'x'}",
            "{text: \"x\"}",
            "{“text”: 1}",
        ] {
            assert_eq!(look(text), Format::Envelope, "{text}");
        }
        assert_eq!(look("[{\"text\": \"x\"}]"), Format::Foreign("JSON array"));
    }

    #[test]
    fn framed_wires_are_told_by_their_transmission_controls() {
        assert_eq!(by_bytes(b"\x16\x16\x01W2870\x1Fasian\nf l\x13\x11 BC-Bridge\n\x02^Bridge"), Some("ANPA-1312"));
        assert_eq!(by_bytes(b"\x01W2870\x1Fasian\n\x02text"), Some("ANPA-1312"));
        assert_eq!(by_bytes(b"\x7F\r\n\x01gna 123 4 pl 250  Bridge/\n\x02Bridge opens =\n\x03"), Some("IPTC 7901"));
        assert_eq!(by_bytes(b"\x01\x01 stray controls, and no start of text"), None);
    }

    #[test]
    fn compressed_and_picture_files_are_told_by_their_first_bytes() {
        assert_eq!(by_bytes(b"\x1F\x8B\x08\0\0"), Some("gzip"));
        assert_eq!(by_bytes(b"\x89PNG\r\n\x1A\n\0\0"), Some("image (PNG)"));
        assert_eq!(by_bytes(b"PK is short for penalty kick"), None);
    }

    #[test]
    fn tagged_wire_text_and_e_mail_are_told_by_their_heads() {
        assert_eq!(look("ZCZC AAP\r\n%A\r\n#Bridge_BC1\r\n$Bridge opens\r\n"), Format::Foreign("ZCZC wire text"));
        assert_eq!(look("\rZCZC\r#Bridge\r:5/5/2026\r   GREENVALE"), Format::Foreign("ZCZC wire text"));
        let mail = "Received: from a\n\tby b\nFrom: desk@example.org\nSubject: Bridge\nMIME-Version: 1.0\n\nIt opens.";
        assert_eq!(look(mail), Format::Foreign("e-mail"));
        assert_eq!(look("From: desk\nSubject: Bridge\n\nMIME-Version: is what he said"), Format::Text);
    }
}
