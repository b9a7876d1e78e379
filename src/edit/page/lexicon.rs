//! Words that mean the same on pages in many languages: of picture credits, and of what a site says to its readers.

use std::sync::LazyLock;

use crate::edit::words;

/// Words of picture credits, in lower case.
const CREDIT: [&str; 89] = [
    "afp",
    "agence",
    "alamy",
    "alliance",
    "anadolu",
    "anp",
    "ansa",
    "ap",
    "apa",
    "archiv",
    "archivbild",
    "archive",
    "archivfoto",
    "arkiv",
    "belga",
    "bild",
    "bilder",
    "bildquelle",
    "bildrechte",
    "collage",
    "contributed",
    "copyright",
    "courtesy",
    "credit",
    "crédit",
    "crédits",
    "ddp",
    "dpa",
    "efe",
    "epa",
    "filephoto",
    "fot",
    "foto",
    "fotografía",
    "fotos",
    "fotoğraf",
    "getty",
    "grafik",
    "handout",
    "illustration",
    "image",
    "images",
    "imagn",
    "imago",
    "istock",
    "jiji",
    "keystone",
    "kyodo",
    "lehtikuva",
    "lusa",
    "ntb",
    "nuotr",
    "pa",
    "pap",
    "pexels",
    "photo",
    "photograph",
    "photos",
    "picture",
    "pictures",
    "pool",
    "privat",
    "profimedia",
    "provided",
    "quelle",
    "reuters",
    "ritzau",
    "scanpix",
    "screengrab",
    "screenshot",
    "shutterstock",
    "snímek",
    "stock",
    "supplied",
    "symbolbild",
    "symbolfoto",
    "tass",
    "unsplash",
    "xinhua",
    "zvg",
    "čtk",
    "тасс",
    "фото",
    "共同",
    "写真",
    "뉴스1",
    "뉴시스",
    "연합뉴스",
    "ａｐ",
];

/// Beginnings (seven letters) of words by which a site speaks of itself to its readers.
const SERVICE: [&str; 93] = [
    "abonnem",
    "abonnen",
    "abonner",
    "abonnez",
    "abonnie",
    "account",
    "adresse",
    "adverti",
    "affilia",
    "android",
    "anmelde",
    "annonce",
    "annonse",
    "anzeige",
    "appstor",
    "artikel",
    "browser",
    "cliquez",
    "comenta",
    "comment",
    "compart",
    "compte",
    "condici",
    "condiçõ",
    "consent",
    "conteni",
    "contenu",
    "cookie",
    "cookies",
    "copyrig",
    "correo",
    "cuenta",
    "datensc",
    "device",
    "disclai",
    "disposi",
    "données",
    "downloa",
    "drittan",
    "drittpl",
    "einwill",
    "email",
    "extern",
    "externe",
    "faceboo",
    "gratis",
    "hinweis",
    "impress",
    "inhalte",
    "inscriv",
    "instagr",
    "javascr",
    "klicken",
    "komment",
    "kontakt",
    "konto",
    "kunden",
    "linkedi",
    "login",
    "mitglie",
    "newslet",
    "nutzung",
    "partage",
    "partner",
    "passwor",
    "persone",
    "podcast",
    "premium",
    "privaci",
    "privacy",
    "publici",
    "redakti",
    "redaktø",
    "registr",
    "reklame",
    "reserve",
    "rights",
    "samtykk",
    "sharing",
    "sponsor",
    "subscri",
    "suscrib",
    "suscrip",
    "telegra",
    "terms",
    "tilbake",
    "tjenest",
    "twitter",
    "vilkår",
    "website",
    "whatsap",
    "widerru",
    "zustimm",
];

/// Words by which a reader is spoken to, as they are written in the middle of a sentence.
const READER: [&str; 36] = [
    "Ihnen", "Ihr", "Ihre", "Ihrem", "Ihren", "Ihrer", "Sie", "dein", "deine", "deinen", "deiner", "dere", "dich",
    "din", "dine", "dir", "ditt", "du", "sua", "suas", "sus", "teu", "ti", "tu", "tuo", "tus", "usted", "ustedes",
    "você", "vos", "votre", "vous", "you", "your", "вам", "вы",
];

/// How many words of a line speak to the reader.
pub(super) fn to_reader(text: &str) -> f32 {
    let head = &text[..text.floor_char_boundary(400)];
    // The first word has a capital in any case.
    let words = head.split_whitespace().skip(1).map(|w| w.trim_end_matches(|c: char| !c.is_alphabetic()));
    words.filter(|w| w.len() <= 14 && READER.binary_search(w).is_ok()).count().min(5) as f32
}

/// Words before the name of who wrote it, in lower case.
const BY: [&str; 24] = [
    "af",
    "autor",
    "autora",
    "autore",
    "autorin",
    "av",
    "by",
    "da",
    "di",
    "door",
    "od",
    "par",
    "por",
    "przez",
    "skrevet",
    "tekst",
    "testo",
    "text",
    "texte",
    "texto",
    "von",
    "words",
    "автор",
    "от",
];

/// 2 if the line begins with a word that stands before the name of who wrote it, 1 if it holds one, before a capital each.
pub(super) fn by_word(text: &str) -> f32 {
    let is_by = |word: &str| {
        let bare = word.trim_end_matches(':');
        (2..=14).contains(&bare.len()) && BY.binary_search(&bare.to_lowercase().as_str()).is_ok()
    };
    let mut words = text.split_whitespace().take(16);
    let Some(mut before) = words.next() else { return 0.0 };
    for (at, word) in words.enumerate() {
        if word.starts_with(char::is_uppercase) && is_by(before) {
            return if at == 0 { 2.0 } else { 1.0 };
        }
        before = word;
    }
    0.0
}

static SERVICE_WORDS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut words: Vec<u64> = SERVICE.iter().map(|word| words::stem(word)).collect();
    words.sort_unstable();
    words
});

/// Whether a word is one by which a site speaks of itself to its readers.
pub(super) fn is_service(word: u64) -> bool {
    SERVICE_WORDS.binary_search(&word).is_ok()
}

/// Whether a line holds a word by which a site speaks of itself to its readers.
pub(super) fn is_service_line(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| is_service(words::stem(&word.to_lowercase())))
}

/// The words of picture credits in a line.
#[derive(Default)]
pub(super) struct Credit {
    /// How many.
    pub count: f32,
    /// Bytes from the last of them to the line's end; −1 if there is none.
    pub from_end: f32,
    /// Whether the line begins with one.
    pub first: f32,
    /// Whether one stands in capitals, or follows a slash.
    pub agency: bool,
}

impl Credit {
    pub(super) fn any(&self) -> bool {
        self.count > 0.0
    }
}

/// Looks for words of picture credits in `text`.
pub(super) fn credit(text: &str) -> Credit {
    let mut found = Credit { from_end: -1.0, ..Credit::default() };
    let tail = text.ceil_char_boundary(text.len().saturating_sub(160));
    let text = &text[tail..];
    let mut at = 0;
    let mut buffer = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let start = at;
        at += word.len() + text[at + word.len()..].chars().next().map_or(0, char::len_utf8);
        if !(2..=14).contains(&word.len()) {
            continue;
        }
        buffer.clear();
        buffer.extend(word.chars().flat_map(char::to_lowercase));
        if CREDIT.binary_search(&buffer.as_str()).is_ok() {
            let capitals = word.chars().all(char::is_uppercase);
            if word.len() <= 3 && !capitals && !matches!(buffer.as_str(), "dpa" | "fot") {
                continue;
            }
            found.count = (found.count + 1.0).min(4.0);
            found.from_end = (text.len() - start).min(160) as f32;
            found.first = found.first.max(f32::from(u8::from(start == 0 && tail == 0)));
            found.agency |= capitals || text[..start].ends_with('/');
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_lists_are_in_order() {
        assert!(CREDIT.is_sorted() && READER.is_sorted() && BY.is_sorted());
    }

    #[test]
    fn the_word_before_a_writer_is_found_in_front_and_inside() {
        assert_eq!(by_word("von Kit Marlow"), 2.0);
        assert_eq!(by_word("Text: Kit Marlow"), 2.0);
        assert_eq!(by_word("Kolumne von Kit Marlow"), 1.0);
        assert_eq!(by_word("run by the town"), 0.0);
        assert_eq!(by_word("Harbour opens"), 0.0);
    }

    #[test]
    fn words_of_credits_are_found_where_they_stand() {
        let credit = credit("Foto: Kit Marlow/dpa");
        assert_eq!((credit.count, credit.from_end, credit.first, credit.agency), (2.0, 3.0, 1.0, true));
        assert!(!super::credit("Take a nap in the port").any());
    }
}
