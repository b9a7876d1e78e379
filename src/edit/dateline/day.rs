//! Dates at the end of what stands before an agency: `May 5`, `21 ene`, `5 de mayo de 2020`, `05.05.2020`.

use std::sync::LazyLock;

use hashbrown::HashMap;
use jiff::{Timestamp, civil::Date, tz::Offset};

/// A calendar day, with its year if one was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edit) struct Day {
    pub year: Option<i16>,
    pub month: i8,
    pub day: i8,
}

impl Day {
    /// The date; a missing year is the one that brings it nearest to `arrived`, at most a day ahead.
    pub(in crate::edit) fn date(self, arrived: Option<Timestamp>) -> Option<Date> {
        if let Some(year) = self.year {
            return Date::new(year, self.month, self.day).ok();
        }
        let latest = Offset::UTC.to_datetime(arrived?).date().tomorrow().ok()?;
        // Eight years reach back over a leap day around a century.
        (0..=8)
            .find_map(|back| Date::new(latest.year() - back, self.month, self.day).ok().filter(|date| *date <= latest))
    }
}

/// Splits a date off the end of `text`; a weekday or article before it goes with it.
pub(super) fn split(text: &str) -> (&str, Option<Day>) {
    let end = text.trim_end().trim_end_matches('.');
    let found = in_figures(end).or_else(|| {
        let (rest, year) = match year(end) {
            Some((rest, year)) => (rest, Some(year)),
            None => (end, None),
        };
        in_words(rest).map(|(place, month, day)| (place, Day { year, month, day }))
    });
    match found {
        Some((place, day)) => (without_lead(place), Some(day)),
        None => (text, None),
    }
}

/// `04/05`, `05.05.2020`, `2020-05-05`.
fn in_figures(text: &str) -> Option<(&str, Day)> {
    let (before, last) = last_word(text)?;
    let number = |part: &str| part.parse::<i16>().ok().filter(|_| part.len() <= 4);
    let figures = |parts: [&str; 3]| Some((number(parts[0])?, number(parts[1])?, number(parts[2])?));
    let (year, month, day) = if let Some((day, month)) = last.split_once('/') {
        (None, number(month)?, number(day)?)
    } else {
        let mark = if last.contains('.') { '.' } else { '-' };
        let mut parts = last.split(mark);
        let three = [parts.next()?, parts.next()?, parts.next()?];
        let (a, b, c) = figures(three)?;
        if three[2].len() == 4 { (Some(c), b, a) } else { (Some(a), b, c) }
    };
    let month = i8::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let day = i8::try_from(day).ok().filter(|d| (1..=31).contains(d))?;
    (year.is_none_or(is_year)).then_some((before, Day { year, month, day }))
}

/// A year at the end of `text`, and what stands before it.
fn year(text: &str) -> Option<(&str, i16)> {
    let (before, last) = last_word(text)?;
    let year = last.parse().ok().filter(|y| last.len() == 4 && is_year(*y))?;
    Some((before.trim_end_matches([',', ' ']), year))
}

fn is_year(year: i16) -> bool {
    (1850..=2200).contains(&year)
}

/// Month and day in either order, `de` between them and behind them in Spanish and Portuguese.
fn in_words(text: &str) -> Option<(&str, i8, i8)> {
    let of = |text| match last_word(text) {
        Some((before, "de" | "del" | "of")) => before,
        _ => text,
    };
    let (before, last) = last_word(of(text))?;
    if let Some(day) = day_number(last) {
        let (place, month) = last_word(before)?;
        return Some((place, month_number(month)?, day));
    }
    // `Dec.9`, without a space.
    if let Some((month, day)) = last.split_once('.')
        && let (Some(month), Some(day)) = (month_number(month), day_number(day))
    {
        return Some((before, month, day));
    }
    let month = month_number(last)?;
    let (place, day) = last_word(of(before))?;
    Some((place, month, day_number(day)?))
}

/// Weekdays as datelines have them.
const WEEKDAYS: [&str; 28] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
];
/// What leads over to a date beside a weekday.
const ARTICLES: [&str; 4] = ["le", "den", "el", "on"];

/// Whether `word` is a weekday.
pub(super) fn is_weekday(word: &str) -> bool {
    WEEKDAYS.iter().any(|day| word.eq_ignore_ascii_case(day))
}

/// A place without the weekday or article that leads over to a date: `LONDON, Tuesday,`, `MONTRÉAL, le`.
fn without_lead(place: &str) -> &str {
    let place = place.trim_end().trim_end_matches(',');
    let Some((before, word)) = last_word(place) else { return place };
    let word = word.trim_matches(['.', ',']);
    let article = ARTICLES.iter().any(|article| word.eq_ignore_ascii_case(article));
    if article || is_weekday(word) { before } else { place }
}

/// `text` before its last word, and the word.
fn last_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let (before, word) = match text.char_indices().rfind(|(_, c)| c.is_whitespace() || *c == ',') {
        Some((at, c)) => text.split_at(at + c.len_utf8()),
        None => ("", text),
    };
    (!word.is_empty()).then_some((before, word))
}

/// `5`, `05`, `5th`, `1er`, `1º`, `5.`.
fn day_number(word: &str) -> Option<i8> {
    let word = word.trim_end_matches([',', '.', 'º', '°']);
    let digits = ["er", "st", "nd", "rd", "th"].iter().find_map(|o| word.strip_suffix(o)).unwrap_or(word);
    let plain = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|d| plain && (1..=31).contains(d))
}

/// The names of the months as datelines have them, in the languages of the wires; three letters of one are enough.
const MONTHS: [&str; 12] = [
    "january januar jänner janvier enero gennaio janeiro januari gener ocak stycznia ledna siječnja ianuarie januára \
     январь января січня ιανουαρίου",
    "february februar feber février fevrier febrero febbraio fevereiro februari fév fev febrer şubat lutego února veljače \
     februarie febrúár februára февраль февраля лютого φεβρουαρίου",
    "march märz maerz mars marzo março marts maart mrz mär març mart marca března ožujka martie março марта березня \
     μαρτίου",
    "april avril abril aprile abr avr nisan kwietnia dubna travnja aprilie апреля квітня απριλίου",
    "may mai mayo maggio maio mei maj maig mayıs maja května svibnja мая травня μαΐου",
    "june juni juin junio giugno junho juny haziran czerwca června lipnja iunie июня червня ιουνίου",
    "july juli juillet julio luglio julho juil jul. juliol temmuz lipca července srpnja iulie июля липня ιουλίου",
    "august août aout agosto augustus augusti agost ağustos sierpnia srpna kolovoza августа серпня αυγούστου agustus",
    "september septembre septiembre setiembre settembre setembro sept set setembre eylül września září rujna septembrie \
     сентября вересня σεπτεμβρίου",
    "october oktober octobre octubre ottobre outubro ekim października října listopada octombrie октября жовтня \
     οκτωβρίου",
    "november novembre noviembre novembro kasım listopadu studenoga noiembrie ноября листопада νοεμβρίου",
    "december dezember décembre decembre diciembre dicembre dezembro desember desembre aralık grudnia prosince prosinca \
     decembrie декабря грудня δεκεμβρίου desember",
];

/// By whole name, and by its first three letters where they are no other month's name.
static MONTH_NUMBERS: LazyLock<HashMap<&str, i8>> = LazyLock::new(|| {
    let named =
        || MONTHS.iter().zip(1..).flat_map(|(names, n)| names.split_ascii_whitespace().map(move |name| (name, n)));
    let short = |name: &'static str| name.char_indices().nth(3).map_or(name, |(end, _)| &name[..end]);
    let mut numbers = HashMap::new();
    for (name, number) in named().chain(named().map(|(name, number)| (short(name), number))) {
        numbers.entry(name).or_insert(number);
    }
    numbers
});

/// 1 to 12.
pub(in crate::edit) fn month_number(word: &str) -> Option<i8> {
    let word = word.trim_end_matches(['.', ',']);
    if word.len() < 3 || word.len() > 24 || !word.chars().all(char::is_alphabetic) {
        return None;
    }
    MONTH_NUMBERS.get(word.to_lowercase().as_str()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_shape_are_split_off_their_place() {
        for (text, place, (year, month, day)) in [
            ("OSTHEIM, May 5", "OSTHEIM", (None, 5, 5)),
            ("OSTHEIM, Tuesday, May 5, 2020", "OSTHEIM", (Some(2020), 5, 5)),
            ("Ostheim, 21 ene", "Ostheim", (None, 1, 21)),
            ("Ostheim, 5 de mayo de 2020", "Ostheim", (Some(2020), 5, 5)),
            ("OSTHEIM, 5th May, 2020", "OSTHEIM", (Some(2020), 5, 5)),
            ("OSTHEIM, le 1er mai 2020", "OSTHEIM", (Some(2020), 5, 1)),
            ("Ostheim, 1. Juli 2019", "Ostheim", (Some(2019), 7, 1)),
            ("OSTHEIM 04/05", "OSTHEIM", (None, 5, 4)),
            ("Ostheim, 05.06.2020", "Ostheim", (Some(2020), 6, 5)),
            ("Ostheim, 2020-06-05", "Ostheim", (Some(2020), 6, 5)),
            ("OSTHEIM, Dec.9", "OSTHEIM", (None, 12, 9)),
            ("ОСТГЕЙМ. 9 июня", "ОСТГЕЙМ.", (None, 6, 9)),
            ("Ostheim, 5 maja", "Ostheim", (None, 5, 5)),
        ] {
            let wanted = Some(Day { year, month, day });
            let (before, found) = split(text);
            assert_eq!((before.trim_end().trim_end_matches(','), found), (place, wanted), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_date_is_none() {
        for text in ["Route 66", "Channel 4/13", "May", "5", "Gate 5.5", "Marching 5", "1-2-3", "99.99.2020", ""] {
            assert_eq!(split(text).1, None, "{text}");
        }
    }

    #[test]
    fn a_missing_year_is_the_one_nearest_before_arrival() {
        let arrived = |s: &str| Some(s.parse::<Timestamp>().unwrap());
        let day = |month, day| Day { year: None, month, day };
        assert_eq!(day(5, 5).date(arrived("2020-05-06T01:00:00Z")), Date::new(2020, 5, 5).ok());
        assert_eq!(day(12, 31).date(arrived("2021-01-01T01:00:00Z")), Date::new(2020, 12, 31).ok());
        assert_eq!(day(1, 1).date(arrived("2020-12-31T23:00:00Z")), Date::new(2021, 1, 1).ok());
        assert_eq!(day(2, 29).date(arrived("2023-06-01T00:00:00Z")), Date::new(2020, 2, 29).ok());
        assert_eq!(day(5, 5).date(None), None);
        assert_eq!(Day { year: Some(2019), month: 2, day: 30 }.date(None), None);
    }
}
