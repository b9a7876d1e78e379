//! The language of copy, as a BCP 47 tag: by script; in Cyrillic and Arabic script by the letters that only one language
//! has; in Latin and Devanagari script by the small words that no sentence does without, if the letters do not speak against it.
//!
//! Detectors that know the wires' languages take as long as all the rest of the work on an item (figures in docs/rules.md),
//! and the fast one calls Danish and Norwegian Swedish. An article needs less: some forty languages, told from the first
//! hundred words, or not at all where they do not tell.

mod letters;

use std::borrow::Cow;
use std::sync::LazyLock;

use hashbrown::HashMap;

/// Words that are looked at.
const WORDS: usize = 80;
/// Small words that a language must have among them.
const ENOUGH: u32 = 3;
/// Words after which a language that leads by far is settled.
const STRETCH: usize = 20;
/// Small words of a language that leads by far.
const PLENTY: u32 = 8;

/// Bytes the longest small word has, in Devanagari.
const LONGEST: usize = 36;

/// Small words of each language, chosen so that near relatives differ.
const SMALL_WORDS: [(&str, &str); 40] = [
    (
        "en",
        "monday tuesday wednesday thursday friday the of and to in is was that for on with he it as his at by from they were which has have had an be said who will this are not its",
    ),
    (
        "de",
        "montag dienstag mittwoch donnerstag freitag der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über",
    ),
    (
        "fr",
        "le la les de des et en du un une est que dans pour qui au sur par pas il plus ne se ce avec sont aux ont été elle cette mais ses leur lundi mardi mercredi jeudi vendredi",
    ),
    (
        "es",
        "el la los las de que y en un una del se por con no para es al lo como más su fue ha sus este pero desde según también dijo hasta tras lunes martes miércoles jueves viernes",
    ),
    (
        "it",
        "il la di che e in un una per è del della con non si i le da al gli sono dei nel alla più come anche ha dal delle lo ma ed stato lunedì martedì mercoledì giovedì venerdì",
    ),
    (
        "pt",
        "o a os as de que e do da em um uma para com não no na por dos das se mais ao foi são é pelo pela seu sua como mas disse ainda também feira",
    ),
    (
        "nl",
        "de het een van en in is dat op te zijn voor met die niet aan er om ook als bij door naar uit werd wordt heeft maar hij nog over deze worden",
    ),
    (
        "sv",
        "och att det i som en på är av för med den till inte har om ett de var men sig från vi han så kan när efter vid också skulle säger hade",
    ),
    (
        "da",
        "og at det i er en til af på som den for med de ikke har var der et om han sig fra blev efter ved men også kan eller mod siger være blevet",
    ),
    (
        "no",
        "og i det på er som en til av for med at de ikke har var den et om han seg fra ble etter ved men også kan eller mot sier være blitt fikk",
    ),
    (
        "fi",
        "ja on ei se että hän oli ovat myös kun mukaan joka sekä mutta kuin ole olisi jo sen vuonna ollut hänen tai voi jälkeen noin jotka",
    ),
    ("et", "ja on ei et see oli ka kui ning mis aga oma tema mida selle pärast seda kes või ütles ta ole üle"),
    ("is", "og að í á er sem til við um með var ekki en fyrir það hann eru af því verið hefur þá segir frá"),
    (
        "pl",
        "w i na z się do nie że to jest o po jak od przez za dla ma był są tym oraz jego które został który było być co tego",
    ),
    (
        "cs",
        "a v se na je že s z do o to i pro ale jako by k podle od ve po byl jsou který jeho které řekl bude které už ze",
    ),
    ("sk", "a v sa na je že s z do o to aj pre ale ako by k podľa od vo po bol sú ktorý jeho ktoré povedal bude už zo"),
    ("sl", "in je v na za se da so ki z tudi bi po pa ne kot od pri še ni leta bo biti med iz ob že"),
    (
        "hr",
        "i u je na se da za su od s koji što iz o kako nije bi će ali do po sa biti te rekao koja koje bio samo prije gdje dvije također uvijek tjedan tjedna vrijeme mjesto mjeseca ponedjeljak srijedu nedjelju priopćio priopćila",
    ),
    (
        "sr-Latn",
        "i u je na se da za su od s koji što šta iz o kako nije bi će ali do po sa biti te rekao koja koje bio samo pre gde dve takođe uvek posle nedelje vreme mesto meseca ponedeljak sredu nedelju saopštio saopštila",
    ),
    (
        "az",
        "və bu bir da də ki ilə üçün olan olub edib çox ən kimi qədər sonra isə daha var bunu deyib görə yeni barədə onun etdi həm",
    ),
    (
        "uz",
        "va bu bir bilan uchun ham deb edi esa keyin yangi qildi haqida kuni kerak mumkin boʻlgan bo'lgan bo‘lgan shu har yana berdi",
    ),
    (
        "gl",
        "o a os as de que e do da en un unha para con non na por dos das se máis ao foi pola polo súa seu como pero dixo tamén luns martes mércores xoves venres despois dun dunha onte onde é",
    ),
    (
        "cy",
        "y yn yr a i o ar wedi mae ei am bod gan oedd fod bydd eu ac ond hefyd dydd ddydd gyda dywedodd eto ôl fel cael",
    ),
    (
        "lb",
        "de den d an a vun mat ass huet net op fir sech ze si et och awer vum zu dat déi dem eng engem enger wéi iwwer gouf ginn um no en",
    ),
    ("hu", "a az és hogy nem is egy volt meg ez de azt szerint már csak lesz kell mint még vagy el után között magyar"),
    (
        "ro",
        "și în de la a cu că nu pe din un o care pentru este mai al fost sunt ce fi lui sau după prin către potrivit",
    ),
    (
        "tr",
        "ve bir bu da de için ile olarak olan çok daha en gibi kadar sonra ise ne olduğu var ancak dedi göre etti yeni",
    ),
    ("lt", "ir kad į iš su yra ne tai buvo apie bei jis už nuo kaip bet po jo dėl iki bus taip kurie sako taip pat"),
    ("lv", "un ir ka no ar par uz kas bija tas arī vai pēc gada tika nav kā bet būs viņš līdz gadā pie savu ko"),
    (
        "ca",
        "el la els les de que i en un una del per amb no és al va ha més seva són dels també com aquest ser han fins dilluns dimarts dimecres dijous divendres",
    ),
    (
        "id",
        "yang dan di dengan untuk dari pada ini itu dalam tidak akan oleh telah juga ke karena bahwa kepada adalah tersebut mengatakan saat para",
    ),
    (
        "ms",
        "yang dan di dengan untuk dari pada ini itu dalam tidak akan oleh telah juga ke kerana bahawa kepada adalah beliau berkata ketika tersebut",
    ),
    ("vi", "của và là có trong được cho các một người đã với không những này ngày khi từ đến về cũng ông"),
    ("sw", "ya na wa kwa ni katika la za kuwa cha hiyo hilo alisema watu baada huo yake lakini pia kama bila"),
    ("af", "die en van in is het nie dat te 'n vir met op om sy was aan hy ook as by deur wat sê nog uit word hulle"),
    (
        "zu",
        "ukuthi uma kodwa futhi ngoba kanye lapho nje kakhulu yini ngesikhathi kusho uthe nokuthi bese le lo kuthiwa",
    ),
    (
        "xh",
        "ukuba kwaye kodwa okanye kunye ngoku uthi nje xa kakhulu kuba ngokuba phambi kwakhona loo lo abantu le ukuze",
    ),
    ("hi", "के में की है से का को और पर ने कि हैं भी यह था एक नहीं कर हो इस"),
    ("mr", "आहे या आणि च्या ते ही की हा व आहेत केली नाही तर होते त्यांनी"),
    ("ne", "छ को मा र गरेको भएको हुने लागि पनि यो गर्न थियो छन् भन्ने"),
];

static LANGUAGES_OF: LazyLock<HashMap<&'static str, u64>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for (i, (_, words)) in SMALL_WORDS.iter().enumerate() {
        for word in words.split(' ') {
            *table.entry(word).or_default() |= 1 << i;
        }
    }
    table
});

/// The language that `body` is in; none where it is too short or too mixed to tell.
pub(super) fn of(body: &[Cow<'_, str>]) -> Option<&'static str> {
    let words = || body.iter().flat_map(|p| words(p)).take(WORDS);
    match script(words().take(20))? {
        Script::Latin => by_small_words(words()).filter(|language| !letters::are_foreign(language, words())),
        Script::Devanagari => by_small_words(words()),
        Script::Cyrillic => letters::cyrillic(words().flat_map(str::chars)),
        Script::Arabic => letters::arabic(words().flat_map(str::chars)),
        Script::One(tag) => Some(tag),
    }
}

/// The parts of `text` between spaces, line ends, hyphens and slashes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|b| matches!(b, b' ' | b'\n' | b'-' | b'/'));
        rest = end.map(|at| &text[at + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// A script, and the language where it is written in only one that wires carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    One(&'static str),
}

/// The script of most letters. Japanese mixes three, one of which is Chinese too.
fn script<'t>(words: impl Iterator<Item = &'t str>) -> Option<Script> {
    let mut counts: Vec<(Script, usize)> = Vec::new();
    let mut kana = false;
    let mut ascii = 0;
    let letters = |word: &str| word.bytes().filter(u8::is_ascii_alphabetic).count();
    for c in words.inspect(|word| ascii += letters(word)).filter(|word| !word.is_ascii()).flat_map(str::chars) {
        let script = match c {
            '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Script::Latin,
            '\u{370}'..='\u{3FF}' => Script::One("el"),
            '\u{400}'..='\u{52F}' => Script::Cyrillic,
            '\u{531}'..='\u{58F}' => Script::One("hy"),
            '\u{5D0}'..='\u{5EA}' => Script::One("he"),
            '\u{620}'..='\u{6FF}' => Script::Arabic,
            '\u{900}'..='\u{97F}' => Script::Devanagari,
            '\u{980}'..='\u{9FF}' => Script::One("bn"),
            '\u{A00}'..='\u{A7F}' => Script::One("pa"),
            '\u{A80}'..='\u{AFF}' => Script::One("gu"),
            '\u{B80}'..='\u{BFF}' => Script::One("ta"),
            '\u{C00}'..='\u{C7F}' => Script::One("te"),
            '\u{C80}'..='\u{CFF}' => Script::One("kn"),
            '\u{D00}'..='\u{D7F}' => Script::One("ml"),
            '\u{D80}'..='\u{DFF}' => Script::One("si"),
            '\u{E00}'..='\u{E7F}' => Script::One("th"),
            '\u{E80}'..='\u{EFF}' => Script::One("lo"),
            '\u{1000}'..='\u{109F}' => Script::One("my"),
            '\u{10A0}'..='\u{10FF}' => Script::One("ka"),
            '\u{1200}'..='\u{137F}' => Script::One("am"),
            '\u{1780}'..='\u{17FF}' => Script::One("km"),
            '\u{3041}'..='\u{30FF}' => {
                kana = true;
                Script::One("zh")
            }
            '\u{3400}'..='\u{9FFF}' => Script::One("zh"),
            '\u{AC00}'..='\u{D7A3}' => Script::One("ko"),
            _ => continue,
        };
        match counts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => counts.push((script, 1)),
        }
    }
    match counts.iter_mut().find(|(known, _)| *known == Script::Latin) {
        Some((_, count)) => *count += ascii,
        None => counts.push((Script::Latin, ascii)),
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count >= 8)?.0;
    Some(if kana && most == Script::One("zh") { Script::One("ja") } else { most })
}

/// The language most of whose small words are there, if it leads clearly; the first words are enough where it leads by far.
fn by_small_words<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<&'static str> {
    let mut hits = [0u32; SMALL_WORDS.len()];
    let mut folded = String::with_capacity(LONGEST);
    loop {
        let mut seen = 0;
        for word in words.by_ref().take(STRETCH) {
            let mut languages = languages_of(word, &mut folded);
            while languages != 0 {
                hits[languages.trailing_zeros() as usize] += 1;
                languages &= languages - 1;
            }
            seen += 1;
        }
        let best = (0..hits.len()).max_by_key(|i| hits[*i])?;
        let next = (0..hits.len()).filter(|i| *i != best).map(|i| hits[i]).max()?;
        let (lead, language) = (hits[best], SMALL_WORDS[best].0);
        if lead >= PLENTY && lead >= 2 * next {
            return Some(language);
        }
        if seen < STRETCH {
            return (lead >= ENOUGH && lead * 8 >= next * 9 && lead > next).then_some(language);
        }
    }
}

/// The languages, a bit each, that have `word` among their small words.
fn languages_of(word: &str, folded: &mut String) -> u64 {
    folded.clear();
    if word.is_ascii() {
        let letter = |b: &u8| b.is_ascii_alphabetic();
        let Some(from) = word.bytes().position(|b| letter(&b)) else { return 0 };
        let to = word.bytes().rposition(|b| letter(&b)).map_or(from, |last| last + 1);
        if to - from > LONGEST {
            return 0;
        }
        folded.push_str(&word[from..to]);
        folded.make_ascii_lowercase();
    } else {
        let letters = word.trim_matches(|c: char| !c.is_alphabetic() && !matches!(c, '\u{900}'..='\u{97F}'));
        if letters.len() > LONGEST {
            return 0;
        }
        folded.extend(letters.chars().flat_map(char::to_lowercase));
    }
    LANGUAGES_OF.get(folded.as_str()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(text: &str) -> Option<&'static str> {
        of(&[Cow::Borrowed(text)])
    }

    #[test]
    fn the_languages_of_the_wires_are_told_apart() {
        for (tag, text) in [
            ("en", "The port of Ostheim opened again on Monday after a week of storms, the harbour office said."),
            (
                "de",
                "Der Hafen von Ostheim ist nach einer Woche Sturm wieder offen, wie das Hafenamt am Montag mitteilte.",
            ),
            ("fr", "Le port d'Ostheim a rouvert lundi après une semaine de tempêtes, selon les autorités de la ville."),
            (
                "es",
                "El puerto de Ostheim reabrió el lunes tras una semana de tormentas, informó la oficina del puerto.",
            ),
            ("it", "Il porto di Ostheim ha riaperto lunedì dopo una settimana di tempeste, secondo la capitaneria."),
            (
                "pt",
                "O porto de Ostheim reabriu na segunda-feira depois de uma semana de tempestades, disse a capitania do porto.",
            ),
            (
                "nl",
                "De haven van Ostheim is maandag na een week van storm weer open, aldus het havenbedrijf in de stad.",
            ),
            (
                "sv",
                "Hamnen i Ostheim öppnade på måndagen efter en vecka av stormar och det var den första färjan på sju dagar.",
            ),
            ("da", "Havnen i Ostheim åbnede mandag efter en uge med storm, og det er den første færge af de mange."),
            ("no", "Havnen i Ostheim åpnet mandag etter en uke med storm, og det er den første fergen av de mange."),
            (
                "pl",
                "Port w Ostheim został w poniedziałek otwarty po tygodniu sztormów, jak podał urząd, który się nim zajmuje.",
            ),
            (
                "tr",
                "Ostheim limanı bir haftalık fırtınadan sonra pazartesi günü yeniden açıldı ve bu sabah ilk vapur için bilet satıldı.",
            ),
            (
                "hr",
                "Luka je ponovno otvorena u ponedjeljak nakon tjedan dana oluje, priopćila je gradska uprava i dodala da će prvi trajekt stići u podne.",
            ),
            ("ru", "Порт Остгейм снова открылся в понедельник после недели штормов, сообщили в администрации."),
            ("uk", "Порт Остгайм знову відкрився в понеділок після тижня штормів."),
            ("ar", "أعيد فتح ميناء المدينة يوم الاثنين بعد أسبوع من العواصف"),
            ("ja", "青葉市の港が月曜日に再開した。"),
            ("zh", "港口星期一重新开放，当局表示。"),
            ("ko", "항구가 월요일에 다시 열렸다."),
            ("el", "Το λιμάνι άνοιξε ξανά τη Δευτέρα."),
        ] {
            assert_eq!(language(text), Some(tag), "{text}");
        }
    }

    #[test]
    fn neighbours_of_the_languages_of_the_wires_are_not_taken_for_them() {
        for (tag, text) in [
            (
                "az",
                "Liman bazar ertəsi günü bir həftəlik fırtınadan sonra yenidən açıldı və ilk gəmi üçün bilet satıldı, bu barədə idarə məlumat verdi.",
            ),
            (
                "uz",
                "Port dushanba kuni bir haftalik bo'rondan keyin yana ochildi, dedi shahar idorasi va bu haqda agentlik xabar berdi.",
            ),
            (
                "cy",
                "Agorodd porthladd Ostheim eto ddydd Llun ar ôl wythnos o stormydd, meddai swyddfa'r harbwr, a daeth y fferi gyntaf i mewn.",
            ),
            (
                "gl",
                "O porto de Ostheim volveu abrir o luns despois dunha semana de tormentas, informou a oficina do porto, e o primeiro barco chegou.",
            ),
            (
                "lb",
                "Den Hafe vun Ostheim ass no enger Woch Stuerm erëm op, huet d'Hafenamt e Méindeg matgedeelt, an déi éischt Fähr koum um Mëtteg an.",
            ),
            (
                "sr-Latn",
                "Luka je ponovo otvorena u ponedeljak posle nedelju dana oluje, saopštila je gradska uprava i dodala da će prvi trajekt stići u podne.",
            ),
        ] {
            assert_eq!(language(text), Some(tag), "{text}");
        }
    }

    #[test]
    fn what_does_not_tell_is_no_language() {
        for text in ["", "42", "Holm 3, Ostheim 2", "Kit Marlow", "Ferry late"] {
            assert_eq!(language(text), None, "{text}");
        }
    }
}
