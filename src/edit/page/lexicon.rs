//! Words that mean the same on pages in many languages: of picture credits, and of what a site says to its readers.

use std::sync::LazyLock;

use super::words;

/// Words of picture credits, in lower case.
const CREDIT: [&str; 62] = [
    "afp",
    "agence",
    "alamy",
    "anadolu",
    "ansa",
    "ap",
    "apa",
    "archiv",
    "archivbild",
    "archive",
    "archivfoto",
    "belga",
    "bild",
    "bilder",
    "bildquelle",
    "bildrechte",
    "collage",
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
    "getty",
    "grafik",
    "handout",
    "illustration",
    "image",
    "images",
    "imago",
    "imagn",
    "istock",
    "keystone",
    "ntb",
    "pa",
    "pexels",
    "photo",
    "photograph",
    "photos",
    "picture",
    "pictures",
    "pool",
    "quelle",
    "reuters",
    "ritzau",
    "scanpix",
    "screenshot",
    "shutterstock",
    "stock",
    "symbolbild",
    "symbolfoto",
    "unsplash",
    "xinhua",
    "фото",
];

/// Beginnings (seven letters) of words by which a site speaks of itself to its readers.
const SERVICE: [&str; 70] = [
    "abonnem",
    "abonner",
    "abonnez",
    "abonnie",
    "account",
    "adverti",
    "affilia",
    "android",
    "anmelde",
    "anzeige",
    "appstor",
    "artikel",
    "browser",
    "cliquez",
    "comenta",
    "comment",
    "compart",
    "compte",
    "condiçõ",
    "condici",
    "consent",
    "cookie",
    "cookies",
    "copyrig",
    "correo",
    "cuenta",
    "datensc",
    "device",
    "disclai",
    "disposi",
    "downloa",
    "email",
    "facebook",
    "faceboo",
    "gratis",
    "hinweis",
    "impress",
    "inscriv",
    "instagr",
    "javascr",
    "klicken",
    "komment",
    "konto",
    "kunden",
    "linkedi",
    "login",
    "mitglie",
    "newslet",
    "nutzung",
    "partage",
    "passwor",
    "password",
    "podcast",
    "premium",
    "privaci",
    "privacy",
    "publici",
    "redakti",
    "registr",
    "reserve",
    "rights",
    "sharing",
    "sponsor",
    "subscri",
    "suscrib",
    "suscrip",
    "telegra",
    "twitter",
    "website",
    "whatsap",
];

static SERVICE_WORDS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut words: Vec<u64> = SERVICE.iter().map(|word| words::stem(word)).collect();
    words.sort_unstable();
    words
});

/// Whether a word is one by which a site speaks of itself to its readers.
pub(super) fn is_service(word: u64) -> bool {
    SERVICE_WORDS.binary_search(&word).is_ok()
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
        assert!(CREDIT.is_sorted());
    }

    #[test]
    fn words_of_credits_are_found_where_they_stand() {
        let credit = credit("Foto: Kit Marlow/dpa");
        assert_eq!((credit.count, credit.from_end, credit.first, credit.agency), (2.0, 3.0, 1.0, true));
        assert!(!super::credit("Take a nap in the port").any());
    }
}
