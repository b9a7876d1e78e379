//! Headlines: the agency's tags (`UPDATE 2-`, `(LEAD)`, `URGENT:`) taken off the words.

/// A headline's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged<'t> {
    /// The words, without tags.
    pub clean: &'t str,
    /// The first tag as sent, without its number and brackets: `UPDATE`.
    pub tag: Option<&'t str>,
    /// The number of the version: 2 in `UPDATE 2-` and in `(2nd LEAD)`.
    pub version: Option<u32>,
}

impl Tagged<'_> {
    /// Whether the tag says that the story is taken back.
    #[must_use]
    pub fn kills(&self) -> bool {
        self.tag.is_some_and(|tag| matches!(tag, "KILL" | "WITHDRAWN" | "STORY WITHDRAWN"))
    }
}

/// Tags before a hyphen or a colon, in capitals, with an optional number.
const TAGS: [&str; 47] = [
    "UPDATE",
    "WRAPUP",
    "WRAP-UP",
    "WRAP",
    "CORRECTED",
    "CORRECTION",
    "REFILE",
    "REPEAT",
    "RPT",
    "ANALYSIS",
    "FACTBOX",
    "TIMELINE",
    "BRIEF",
    "INSIGHT",
    "EXCLUSIVE",
    "NEWSMAKER",
    "INTERVIEW",
    "PREVIEW",
    "DIARY",
    "ADVISORY",
    "FEATURE",
    "URGENT",
    "ALERT",
    "BREAKING",
    "FLASH",
    "BULLETIN",
    "LEAD",
    "KILL",
    "WITHDRAWN",
    "STORY WITHDRAWN",
    "EXPLAINER",
    "SPECIAL REPORT",
    "TABLE",
    "POLL",
    "GRAPHIC",
    "CHRONOLOGY",
    "OFFICIAL CORRECTION",
    "CORRECTED-UPDATE",
    "EILMELDUNG",
    "KORREKTUR",
    "BERICHTIGUNG",
    "URGENTE",
    "AMPLIACIÓN",
    "ALERTE",
    "LEAD ALL",
    "ROUNDUP",
    "EXTRA",
];

/// Tags in brackets before the words, as Yonhap, dpa and Kyodo set them.
const BRACKETED: [&str; 10] = [
    "LEAD",
    "LD",
    "URGENT",
    "UPDATE",
    "NEWS FOCUS",
    "YONHAP FEATURE",
    "YONHAP INTERVIEW",
    "CORRECTED",
    "EDITORIAL",
    "RECAST",
];

/// Splits the agency's tags off a headline.
#[must_use]
pub fn split(raw: &str) -> Tagged<'_> {
    let mut found = Tagged { clean: raw.trim(), tag: None, version: None };
    // A headline carries at most a few: `CORRECTED-UPDATE 2-`.
    for _ in 0..4 {
        let Some((tag, version, rest)) =
            bracketed(found.clean).or_else(|| prefixed(found.clean)).or_else(|| marked(found.clean))
        else {
            break;
        };
        if rest.is_empty() {
            break;
        }
        found = Tagged { clean: rest, tag: found.tag.or(Some(tag)), version: found.version.or(version) };
    }
    if let Some((rest, version)) = writethru(found.clean) {
        found = Tagged { clean: rest, version: found.version.or(version), ..found };
    }
    found
}

/// `UPDATE 2-Ferries return`, `URGENT: Ferries return`.
fn prefixed(text: &str) -> Option<(&str, Option<u32>, &str)> {
    if !text.bytes().take(2).all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let tag = TAGS.iter().filter(|t| text.starts_with(**t)).max_by_key(|t| t.len())?;
    let after = &text[tag.len()..];
    let numbered = after.trim_start();
    let digits = numbered.bytes().take_while(u8::is_ascii_digit).count();
    let (version, after) = if digits > 0 && digits < 4 && numbered.len() < after.len() {
        (numbered[..digits].parse().ok(), &numbered[digits..])
    } else {
        (None, after)
    };
    // AFP sets `URGENT` before the headline with nothing between.
    let bare = ["URGENT", "ALERT", "ALERTE", "URGENTE", "FLASH", "EILMELDUNG"].contains(tag);
    if bare
        && version.is_none()
        && after.starts_with(' ')
        && after.contains(char::is_lowercase)
        && !after.starts_with(" -")
    {
        return Some((&text[..tag.len()], None, after.trim_start()));
    }
    let rest = after.strip_prefix(['-', ':', '–', '—']).or_else(|| {
        after.strip_prefix(" - ").or_else(|| after.strip_prefix(" – ")).or_else(|| after.strip_prefix(" — "))
    })?;
    Some((&text[..tag.len()], version, rest.trim_start()))
}

/// `(LEAD) Ferries return`, `(2nd LD) Ferries return`.
fn bracketed(text: &str) -> Option<(&str, Option<u32>, &str)> {
    let inner = text.strip_prefix('(')?;
    let close = inner.find(')').filter(|at| *at <= 24)?;
    let (content, rest) = (&inner[..close], &inner[close + 1..]);
    let digits = content.bytes().take_while(u8::is_ascii_digit).count();
    let version = content[..digits].parse().ok();
    let name = without_ordinal(&content[digits..]);
    BRACKETED.iter().any(|t| t.eq_ignore_ascii_case(name)).then(|| (name, version, rest.trim_start()))
}

/// `>>>ANSA/Ferries return`.
fn marked(text: &str) -> Option<(&str, Option<u32>, &str)> {
    let inner = text.strip_prefix(">>>")?;
    let (agency, rest) = inner.split_once('/')?;
    (agency.len() <= 8 && !agency.is_empty()).then(|| (agency, None, rest.trim_start()))
}

/// `BC-Ferries, 1st Ld-Writethru` → `BC-Ferries`, 1.
fn writethru(text: &str) -> Option<(&str, Option<u32>)> {
    let (before, last) = text.rsplit_once(", ")?;
    let digits = last.bytes().take_while(u8::is_ascii_digit).count();
    let name = without_ordinal(&last[digits..]);
    let known = ["Ld-Writethru", "Ld", "Lead-Writethru", "Writethru", "Lead", "Add"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(name));
    (known && digits > 0).then(|| (before, last[..digits].parse().ok()))
}

/// What follows `1st`, `2nd`, `3rd`.
fn without_ordinal(text: &str) -> &str {
    ["st", "nd", "rd", "th"].iter().find_map(|o| text.strip_prefix(o)).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(raw: &str) -> (&str, Option<&str>, Option<u32>) {
        let t = split(raw);
        (t.clean, t.tag, t.version)
    }

    #[test]
    fn agency_tags_come_off_the_headline() {
        assert_eq!(parts("UPDATE 2-Ferries return"), ("Ferries return", Some("UPDATE"), Some(2)));
        assert_eq!(parts("CORRECTED-UPDATE 1-Ferries return").0, "Ferries return");
        assert_eq!(parts("WRAPUP 1-Ferries return"), ("Ferries return", Some("WRAPUP"), Some(1)));
        assert_eq!(parts("(2nd LD) Ferries return"), ("Ferries return", Some("LD"), Some(2)));
        assert_eq!(parts("(LEAD) Ferries return"), ("Ferries return", Some("LEAD"), None));
        assert_eq!(parts("URGENT: Ferries return").1, Some("URGENT"));
        assert_eq!(parts("URGENT Ferries return"), ("Ferries return", Some("URGENT"), None));
        assert_eq!(parts(">>>ANSA/Ferries return").0, "Ferries return");
        assert_eq!(parts("BC-Ferries, 1st Ld-Writethru"), ("BC-Ferries", None, Some(1)));
    }

    #[test]
    fn words_that_only_look_like_tags_stay() {
        for raw in [
            "UPDATED ferry plan",
            "LEAD in water rises",
            "Analysis of a storm",
            "(Almost) all ferries return",
            "EXTRA-time win",
        ] {
            let expected = if raw.starts_with("EXTRA-") { "time win" } else { raw };
            assert_eq!(split(raw).clean, expected);
        }
        assert_eq!(split("UPDATE 2-").clean, "UPDATE 2-");
    }
}
