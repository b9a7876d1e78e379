//! Lines that say when an item was published: `Updated May 5, 2026, 9:12 am`, `05.05.2026 14:30 Uhr`, `2026년 5월 5일`.

use std::sync::LazyLock;

use hashbrown::HashSet;

use super::dateline::month_number;

/// Bytes of such a line at most.
const LENGTH: usize = 160;
/// Words of a day: `Tuesday, 5 May 2026`.
const DAY_WORDS: usize = 4;
/// Words that it may hold, beside a day and a time of day, that have nothing to do with either: a place, a site's name.
const OTHER_WORDS: usize = 2;

/// What stands beside days and times: weekdays, what was done then and by whom, zones, and small words; in lower case.
static WHEN: LazyLock<HashSet<&str>> = LazyLock::new(|| WHEN_WORDS.split_ascii_whitespace().collect());
const WHEN_WORDS: &str = "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun \
    montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so \
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo \
    lunedì martedì mercoledì giovedì venerdì sabato domenica segunda terça quarta quinta sexta feira \
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag mandag tirsdag onsdag torsdag fredag lørdag søndag \
    måndag tisdag lördag söndag poniedziałek wtorek środa czwartek piątek sobota niedziela \
    понедельник вторник среда четверг пятница суббота воскресенье понеділок вівторок середа пятниця субота неділя \
    pazartesi salı çarşamba perşembe cuma cumartesi pazar الأحد الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت \
    星期一 星期二 星期三 星期四 星期五 星期六 星期日 \
    updated published posted modified created last first update date on at the of afp ap reuters dpa efe ansa xinhua upi aap \
    veröffentlicht aktualisiert erstellt zuletzt stand vom am um uhr der den publié mis jour modifié mise à le ligne et en \
    publicado actualizado actualizada publicada el a las de del hs hrs pubblicato aggiornato aggiornamento il alle ore \
    atualizado às em gepubliceerd laatste bijgewerkt om op geplaatst publicerad uppdaterad oppdatert publisert opdateret \
    udgivet sist kl обновлено опубликовано оновлено в г yayınlanma güncelleme son aktualizacja opublikowano godz r \
    上午 下午 午前 午後 更新 配信 发布 发布时间 입력 수정 오전 오후 \
    pm m p h min gmt utc est edt et pst pdt pt cst cdt cet cest bst ist jst kst wib wita msk mez mesz \
    st nd rd th er 月 日 時 分 时 월 일 시 분";

/// What a line says of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    /// Whether it names a day of a year, or of a month.
    day: bool,
    /// Whether it names a time of day.
    time: bool,
    /// How many words have nothing to do with either.
    other: usize,
}

/// Whether `text` is a day and nothing else, or a day with a time of day and hardly anything else.
pub(super) fn is_stamp(text: &str) -> bool {
    let stamp = Stamp::of(text);
    stamp.day && (stamp.other == 0 || (stamp.time && stamp.other <= OTHER_WORDS))
}

/// Whether `text` is a day of the calendar, perhaps with its weekday, and nothing else.
pub(super) fn is_day(text: &str) -> bool {
    let stamp = Stamp::of(text);
    let begins = |word: &str| month_number(word).is_some() || word.starts_with(|c: char| c.is_ascii_digit());
    let mut words = text.split_whitespace();
    let first = words.next().is_some_and(begins) || words.next().is_some_and(begins);
    stamp == Stamp { day: true, ..Stamp::default() } && first && text.split_whitespace().count() <= DAY_WORDS
}

impl Stamp {
    fn of(text: &str) -> Stamp {
        let mut stamp = Stamp::default();
        if text.len() > LENGTH || !text.contains(char::is_numeric) {
            return stamp;
        }
        let tokens = tokens(text);
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Word(word) => {
                    let word = word.to_lowercase();
                    let near = &tokens[at.saturating_sub(3)..tokens.len().min(at + 4)];
                    if matches!(word.as_str(), "年" | "년") || month_number(&word).is_some() {
                        stamp.day |= near.iter().any(Token::is_small);
                    } else if !WHEN.contains(word.as_str()) {
                        stamp.other += 1;
                    }
                }
                _ => match tokens[at..] {
                    [a, Token::Mark(x @ ('.' | '/' | '-')), b, Token::Mark(y), c, ..]
                        if x == y && in_figures(a, b, c) =>
                    {
                        stamp.day = true;
                    }
                    [Token::Number(hour, _), Token::Mark(':' | '.'), Token::Number(minute, 2), ..]
                    | [Token::Number(hour, _), Token::Word("h"), Token::Number(minute, 2), ..] => {
                        stamp.time |= hour < 25 && minute < 60;
                    }
                    _ => {}
                },
            }
        }
        stamp
    }
}

/// Day, month and year in one of their orders.
fn in_figures(a: Token<'_>, b: Token<'_>, c: Token<'_>) -> bool {
    let month = |token: Token<'_>| matches!(token, Token::Number(1..=12, 1 | 2));
    let days = a.is_small() && b.is_small() && (month(a) || month(b));
    (a.is_year() && month(b) && c.is_small()) || (days && (c.is_year() || matches!(c, Token::Number(_, 2))))
}

#[derive(Clone, Copy, Debug)]
enum Token<'t> {
    Word(&'t str),
    /// A number, and how many figures it has.
    Number(u32, usize),
    Mark(char),
}

impl Token<'_> {
    /// Whether it may be a day of a month.
    fn is_small(&self) -> bool {
        matches!(self, Token::Number(1..=31, 1 | 2))
    }

    fn is_year(&self) -> bool {
        matches!(self, Token::Number(1900..2100, 4))
    }
}

/// Words, numbers and marks, without the spaces between them.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let kind = |c: char| {
        if digit(c).is_some() {
            0
        } else if c.is_alphabetic() {
            1
        } else {
            2
        }
    };
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((from, first)) = chars.next() {
        let kind_here = kind(first);
        if kind_here == 2 {
            if !first.is_whitespace() {
                tokens.push(Token::Mark(first));
            }
            continue;
        }
        let mut to = from + first.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| kind(*c) == kind_here) {
            to = at + c.len_utf8();
        }
        let run = &text[from..to];
        tokens.push(match kind_here {
            0 => {
                let value =
                    run.chars().filter_map(digit).fold(0_u32, |sum, d| sum.saturating_mul(10).saturating_add(d));
                Token::Number(value, run.chars().count())
            }
            _ => Token::Word(run),
        });
    }
    tokens
}

/// The value of a figure, be it Latin, Arabic or Persian.
fn digit(c: char) -> Option<u32> {
    match c {
        '٠'..='٩' => Some(c as u32 - '٠' as u32),
        '۰'..='۹' => Some(c as u32 - '۰' as u32),
        _ => c.to_digit(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_when_an_item_was_published_are_known_in_many_languages() {
        for text in [
            "April 03, 2026 — 09:28 pm EDT",
            "September 19, 2026 1:10 AM GMT+9 Updated September 19, 2026",
            "May 19, 2026 01:11 pm | Updated 01:11 pm IST - New Holm",
            "26, Abril, 2026",
            "martes 26 de abril de 2026 - 9:10 p.m.",
            "30.11.2026 18:14 | Son Güncelleme: 30.11.2026 18:14",
            "28.5.2026 17:43 Uppdaterad 28.5.2026 17:43",
            "Ostheim - 10. marts 2026 kl. 20:00",
            "٠٢:٠٠ الثلاثاء ١ / ١٢ / ٢٠٢٦",
            "2026년 5월 5일 14:30",
            "2026-05-05",
            "Mardi 5 mai 2026 à 12h30",
            "Publicado el 05/05/26",
            "Tuesday, May 5, 2026",
        ] {
            assert!(is_stamp(text), "{text}: {:?}", Stamp::of(text));
        }
    }

    #[test]
    fn lines_that_say_something_beside_a_date_are_none() {
        for text in [
            "Ferries of Holm sail again from May 5, 2026",
            "Ostheim votes on May 5",
            "Ostheim 2:1 Harrowmere",
            "Election 2026",
            "14:30",
            "1.2.3",
            "By Kit Marlow, 05.05.2026",
            "Top 10 beaches of May 2026",
            "Harbour fair: May 5, 2026, 14:30, at the old quay of Ostheim",
            "",
        ] {
            assert!(!is_stamp(text), "{text}: {:?}", Stamp::of(text));
        }
    }
}
