//! What the letters of a text tell of its language: some alphabets have letters that their neighbours lack.

/// An alphabet, by what it has beside the letters that all of its script have.
struct Alphabet {
    tag: &'static str,
    /// Letters one of which every text of some length has.
    telling: &'static str,
    /// Letters that it shares with others.
    shared: &'static str,
}

const CYRILLIC: [Alphabet; 10] = [
    Alphabet { tag: "ru", telling: "ыэёь", shared: "ийщюя" },
    Alphabet { tag: "uk", telling: "іїєґ", shared: "ийщьюя" },
    Alphabet { tag: "be", telling: "ў", shared: "іыэёйьюя" },
    Alphabet { tag: "bg", telling: "ъ", shared: "ийщюя" },
    Alphabet { tag: "sr", telling: "ђћ", shared: "ијљњџ" },
    Alphabet { tag: "mk", telling: "ѓќѕ", shared: "ијљњџ" },
    Alphabet { tag: "kk", telling: "қғұ", shared: "әңөүһіыэёийщьъюя" },
    Alphabet { tag: "ky", telling: "ңөү", shared: "ыэёийщьъюя" },
    Alphabet { tag: "mn", telling: "өү", shared: "ыэёийщьъюя" },
    Alphabet { tag: "tg", telling: "ҷӯӣ", shared: "ғқҳэёийъюя" },
];
/// Letters that all of these have.
const CYRILLIC_BASE: &str = "абвгдежзклмнопрстуфхцчш";

const ARABIC: [Alphabet; 5] = [
    Alphabet { tag: "ar", telling: "ةأإ", shared: "كيىؤئآ" },
    Alphabet { tag: "fa", telling: "پچژگکی", shared: "كيىئؤآۀ" },
    Alphabet { tag: "ur", telling: "ٹڈڑںے", shared: "پچژگکیئؤآہھۓ" },
    Alphabet { tag: "ps", telling: "ټډړږښڼېۍځڅ", shared: "پچژگکیكيىئؤآګۀ" },
    Alphabet { tag: "ckb", telling: "ڕڵۆێ", shared: "پچژگکیكيىئەھڤ" },
];
/// Letters that all of these have, and marks that any may write.
const ARABIC_BASE: &str = "ابتثجحخدذرزسشصضطظعغفقلمنهوءـ";

/// Letters that are not of an alphabet count so many times those that tell of it.
const FOREIGN: usize = 3;

/// The language of Cyrillic `chars`, if just one has their letters.
pub(super) fn cyrillic(chars: impl Iterator<Item = char>) -> Option<&'static str> {
    let lower: Vec<char> = chars.map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    let count = |letter| lower.iter().filter(|c| **c == letter).count();
    // What Mongolian has beside Russian letters Kyrgyz has too; but К is as rare in the one as Х in the other.
    let mongolian = count('ө') + count('ү') > 0 && count('х') > count('к');
    let is_letter = |c: &char| ('\u{400}'..='\u{52F}').contains(c) && !CYRILLIC_BASE.contains(*c);
    let letters = Letters::of(lower.iter().copied().filter(is_letter));
    letters.only(CYRILLIC.iter().filter(|alphabet| match alphabet.tag {
        "mn" => mongolian,
        "ru" | "ky" => !mongolian,
        _ => true,
    }))
}

/// The language of Arabic `chars`, if just one has their letters.
pub(super) fn arabic(chars: impl Iterator<Item = char>) -> Option<&'static str> {
    let is_letter = |c: &char| matches!(c, '\u{620}'..='\u{64A}' | '\u{66E}'..='\u{6D3}' | '\u{6D5}'..='\u{6EF}');
    Letters::of(chars.filter(|c| is_letter(c) && !ARABIC_BASE.contains(*c))).only(ARABIC.iter())
}

/// How often each letter occurs that some alphabets lack.
#[derive(Debug, Default)]
struct Letters(Vec<(char, usize)>);

impl Letters {
    fn of(chars: impl Iterator<Item = char>) -> Letters {
        let mut counts: Vec<(char, usize)> = Vec::new();
        for c in chars {
            match counts.iter_mut().find(|(known, _)| *known == c) {
                Some((_, count)) => *count += 1,
                None => counts.push((c, 1)),
            }
        }
        Letters(counts)
    }

    /// The one language of `alphabets` that these letters are of.
    fn only<'a>(&self, alphabets: impl Iterator<Item = &'a Alphabet>) -> Option<&'static str> {
        let mut fitting = alphabets.filter(|alphabet| self.are_of(alphabet));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first.tag)
    }

    fn are_of(&self, alphabet: &Alphabet) -> bool {
        let count = |of: &dyn Fn(char) -> bool| -> usize { self.0.iter().filter(|(c, _)| of(*c)).map(|l| l.1).sum() };
        let telling = count(&|c| alphabet.telling.contains(c));
        let foreign = count(&|c| !alphabet.telling.contains(c) && !alphabet.shared.contains(c));
        telling > 0 && foreign * FOREIGN <= telling
    }
}

/// The letters beside those of English that a language written in Latin script has; no language: all.
fn latin(language: &str) -> Option<&'static str> {
    Some(match language {
        "en" | "id" | "ms" | "sw" | "zu" | "xh" => "éè",
        "de" => "äöüß",
        "fr" => "àâæçéèêëîïôœùûüÿ",
        "es" => "áéíñóúü",
        "it" => "àèéìíîòóùú",
        "pt" => "áâãàçéêíóôõúü",
        "nl" | "af" => "áàâäéèêëíìîïóòôöúùûü",
        "sv" | "fi" => "åäöéèàáüšž",
        "da" | "no" => "æøåéèêòóôüäö",
        "et" => "äöõüšž",
        "is" => "áæéíðóöúýþ",
        "pl" => "ąćęłńóśźż",
        "cs" => "áčďéěíňóřšťúůýž",
        "sk" => "áäčďéíĺľňóôŕšťúýž",
        "sl" | "hr" | "sr-Latn" => "čćđšž",
        "hu" => "áéíóöőúüű",
        "ro" => "ăâîșşțţ",
        "tr" => "çğıöşüâîû",
        "lt" => "ąčęėįšųūž",
        "lv" => "āčēģīķļņšūž",
        "ca" => "àçéèíïóòúü",
        _ => return None,
    })
}

/// Foreign words of all that are too many.
const TOO_MANY: usize = 20;

/// Whether `words` have letters that `language` does not have, more often than words of others are quoted. Names, which
/// are written as at home, do not count.
pub(super) fn are_foreign<'t>(language: &str, words: impl Iterator<Item = &'t str>) -> bool {
    let Some(own) = latin(language) else { return false };
    let (mut all, mut foreign) = (0, 0);
    for word in words.filter(|word| word.starts_with(char::is_lowercase)) {
        all += 1;
        let strange = |c: char| matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' | 'ə') && !own.contains(c);
        foreign += usize::from(!word.is_ascii() && word.chars().any(strange));
    }
    foreign >= 2 && foreign * TOO_MANY > all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_cyrillic_are_told_apart_or_not_at_all() {
        for (tag, text) in [
            (Some("mk"), "Јавниот линиски превоз од Остхајм ќе биде отворен по една недела, соопшти градската управа."),
            (
                Some("sr"),
                "Лука у Остхајму поново је отворена после недељу дана олује, саопштила је управа, и први трајект ће стићи.",
            ),
            (
                Some("mn"),
                "Остхаймын боомт долоо хоног үргэлжилсэн шуурганы дараа дахин нээгдлээ гэж хотын захиргаа мэдэгдлээ.",
            ),
            (Some("ky"), "Шаардын башчысы дүйшөмбү күнү порт кайра ачылганын билдирди, жаңы көпүрө да бүттү."),
            (Some("kk"), "Қала әкімдігі порт дүйсенбіде бір апталық дауылдан кейін қайта ашылғанын хабарлады."),
            (
                Some("tg"),
                "Бандари шаҳр рӯзи душанбе пас аз ҳафтаи тӯфон боз кушода шуд, хабар дод раёсати шаҳр, ҷамъият омад.",
            ),
            (Some("bg"), "Пристанището на Остхайм отново отвори след седмица на бури, съобщи кметството на града."),
            (Some("be"), "Порт Остгайм зноў адкрыўся ў панядзелак пасля тыдня штормаў, паведамілі ў адміністрацыі."),
            (Some("ru"), "Порт объявил, что паромы и большие корабли снова ходят с понедельника."),
            (None, "Порт Остхајм отворен, јави управа на градот."),
            (None, "Паром причалил вчера."),
            (None, "Остхайм шәһәрендә порт яңадан ачылды, диде шәһәр идарәсе, һәм беренче паром җиде көн үткәч килде."),
        ] {
            assert_eq!(cyrillic(text.chars()), tag, "{text}");
        }
    }

    #[test]
    fn a_name_from_next_door_does_not_change_the_language() {
        let text =
            "Мэр Остгейма приехал в Київ, сообщили вчера в порту, где снова стоят паромы и где ждут новых рейсов.";
        assert_eq!(cyrillic(text.chars()), Some("ru"));
        let text = "أعيد فتح ميناء أوستهايم بعد أسبوع من العواصف التي أغلقت المدينة، قالت آنا پرانت عمدة المدينة";
        assert_eq!(arabic(text.chars()), Some("ar"));
    }

    #[test]
    fn neighbours_in_arabic_script_are_told_apart_or_not_at_all() {
        for (tag, text) in [
            (Some("ar"), "أعيد فتح ميناء المدينة يوم الاثنين بعد أسبوع من العواصف"),
            (Some("fa"), "بندر شهر پس از یک هفته توفان دوباره گشوده شد، اداره بندر گفت"),
            (Some("ur"), "شہر کی بندرگاہ ایک ہفتے کے طوفان کے بعد دوبارہ کھول دی گئی ہے، دفتر نے بتایا"),
            (
                Some("ps"),
                "د ښار بندر به د يوې اوونۍ طوفان وروسته بيا پرانيستل شي، د بندر ادارې وويل چې لومړۍ بېړۍ راغله",
            ),
            (Some("ckb"), "بەندەری شارەکە دوای هەفتەیەک لە باهۆز کرایەوە، نووسینگەی بەندەر ڕایگەیاند"),
            (None, "شهر بندر"),
        ] {
            assert_eq!(arabic(text.chars()), tag, "{text}");
        }
    }

    #[test]
    fn letters_that_a_language_lacks_speak_against_it_but_not_in_names() {
        let foreign = |language, text: &str| are_foreign(language, text.split(' '));
        assert!(foreign("de", "den Hafe ass no enger Woch erëm op, an déi éischt Fähr koum um Mëtteg an."));
        assert!(foreign("tr", "liman bir həftəlik fırtınadan sonra yenidən açıldı və ilk gəmi gəldi."));
        assert!(!foreign("en", "the mayor met Łukasz Żółkiewski and Jiří Dvořák in a café by the harbour."));
        assert!(!foreign("de", "der Bürgermeister grüßte die Fähren über dem schönen Fluss."));
    }
}
