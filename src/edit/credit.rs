//! Picture credits: photographer and agencies told apart.

use super::dateline::Agencies;
use super::names::is_person;

/// Who a picture is from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Credit<'t> {
    /// Who took it.
    pub photographer: Option<&'t str>,
    /// The agencies and outlets that supply it, in the order of the credit.
    pub sources: Vec<&'t str>,
}

/// What leads in a credit, in lower case. Behind the second group stands who supplied the picture, not who took it.
const TAKEN: [&str; 25] = [
    "file photo by",
    "pool photo by",
    "handout photo by",
    "photo by",
    "photos by",
    "photograph by",
    "image by",
    "picture by",
    "photographer:",
    "photograph:",
    "photo credit:",
    "photo:",
    "photos:",
    "image credit:",
    "picture:",
    "image:",
    "foto:",
    "bild:",
    "crédit:",
    "credit:",
    "credit...",
    "credit",
    "toggle caption",
    "©",
    "(c)",
];
const SUPPLIED: [&str; 18] = [
    "photo courtesy of",
    "image courtesy of",
    "photo courtesy",
    "courtesy of",
    "courtesy",
    "photo provided by",
    "image provided by",
    "provided by",
    "submitted by",
    "handout from",
    "image copyright",
    "photo copyright",
    "image source,",
    "image source:",
    "image source",
    "bildquelle:",
    "quelle:",
    "image caption",
];

/// Characters that a lead has at most.
const LONGEST_LEAD: usize = 24;

/// Parts of a credit that name nobody, in lower case.
const NOBODY: [&str; 25] = [
    "file",
    "file photo",
    "archive",
    "archives",
    "pool",
    "pool photo",
    "handout",
    "stringer",
    "staff",
    "contributor",
    "photo",
    "photos",
    "license photo",
    "archivo",
    "archiv",
    "archivbild",
    "bildfunk",
    "tpx images of the day",
    "supplied",
    "or licensors",
    "licensors",
    "file image",
    "freelance",
    "via",
    "",
];

/// Picture agencies that look like people's names.
const AGENCIES: [&str; 10] = [
    "picture alliance",
    "Getty Images",
    "Ritzau Scanpix",
    "SOPA Images",
    "Sipa Press",
    "Zuma Press",
    "Redux Pictures",
    "Abaca Press",
    "Lehtikuva",
    "Polaris Images",
];

/// Takes a credit apart: `(AP Photo/Kit Marlow, File)` → Kit Marlow, AP.
#[must_use]
pub(super) fn parse<'t>(agencies: &Agencies, credit: &'t str) -> Credit<'t> {
    let mut text = credit.trim().trim_matches(['(', ')', '[', ']', ' ']).trim_end_matches(['.', '/', ' ']);
    for stop in [" | ", " ATTENTION ", " - MANDATORY ", " TPX IMAGES", " - RC", " Enlarge", " Photo Gallery"] {
        text = text.split_once(stop).map_or(text, |(credit, _)| credit.trim_end());
    }
    // A page prints some credits twice: `Kit Marlow/AP Kit Marlow/AP`.
    let half = text.len() / 2;
    if text.is_char_boundary(half) && text.get(half + 1..) == text.get(..half) {
        text = &text[..half];
    }
    let mut taken = true;
    while let Some((rest, supplied)) = lead(text) {
        taken &= !supplied;
        text = rest;
    }
    let mut found = Credit::default();
    for part in parts(text) {
        let part = agency_of(part.trim_matches([' ', '.', ',', '(', ')', '|']));
        let lower = part.to_lowercase();
        if NOBODY.contains(&lower.as_str()) {
            continue;
        }
        if found.photographer.is_none() && taken && !AGENCIES.contains(&part) && is_person(agencies, part) {
            found.photographer = Some(part);
        } else if !found.sources.contains(&part) {
            found.sources.push(part);
        }
    }
    found
}

/// `text` without what leads it in, and whether that says who supplied the picture.
fn lead(text: &str) -> Option<(&str, bool)> {
    let head: String = text.chars().take(LONGEST_LEAD).flat_map(char::to_lowercase).collect();
    let starts = |lead: &&str| {
        head.starts_with(*lead).then_some(())?;
        let end = text.char_indices().nth(lead.chars().count()).map_or(text.len(), |(at, _)| at);
        let word = lead.ends_with(char::is_alphanumeric);
        (!word || text[end..].starts_with([' ', ':'])).then_some(end)
    };
    let strip = |end: usize| text[end..].trim_start_matches([' ', ':']);
    let supplied = SUPPLIED.iter().find_map(&starts).map(|end| (strip(end), true));
    supplied
        .or_else(|| TAKEN.iter().find_map(&starts).map(|end| (strip(end), false)))
        .filter(|(rest, _)| !rest.is_empty())
}

/// The parts of a credit: between slashes, commas, `via` and `for`.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['/', ',', ';'])
        .flat_map(|p| p.split(" via "))
        .flat_map(|p| p.split(" for "))
        .flat_map(|p| p.split(" or "))
        .map(|p| p.trim().strip_prefix("via ").unwrap_or(p.trim()))
}

/// `AP Photo` → `AP`, `AP file` → `AP`.
fn agency_of(part: &str) -> &str {
    ["Photo", "PHOTO", "Photos", "Foto", "Images", "File", "file"]
        .iter()
        .find_map(|end| part.strip_suffix(end)?.strip_suffix(' '))
        .filter(|name| name.len() <= 8 && name.chars().all(char::is_uppercase))
        .unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edit::rules::Rules;

    fn apart(credit: &str) -> (Option<&str>, Vec<&str>) {
        static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());
        let found = parse(&RULES.agencies, credit);
        (found.photographer, found.sources)
    }

    #[test]
    fn photographer_and_agency_come_apart() {
        let marlow = Some("Kit Marlow");
        for (credit, photographer, sources) in [
            ("(AP Photo/Kit Marlow, File)", marlow, vec!["AP"]),
            ("REUTERS/Kit Marlow/File Photo", marlow, vec!["REUTERS"]),
            ("Photo by Kit Marlow/UPI", marlow, vec!["UPI"]),
            ("File Photo by Kit Marlow/UPI | License Photo", marlow, vec!["UPI"]),
            ("(Kit Marlow/The Ostheim Post via AP)", marlow, vec!["The Ostheim Post", "AP"]),
            ("(Photo by Kit Marlow/Getty Images)", marlow, vec!["Getty Images"]),
            ("(Photo: Kit Marlow, AFP/Getty Images)", marlow, vec!["AFP", "Getty Images"]),
            ("AFP PHOTO / KIT MARLOW", Some("KIT MARLOW"), vec!["AFP"]),
            ("(Xinhua/Kit Marlow)", marlow, vec!["Xinhua"]),
            ("Foto: Kit Marlow/dpa", marlow, vec!["dpa"]),
            ("picture alliance/dpa", None, vec!["picture alliance", "dpa"]),
            ("© Kit Marlow/AFP via Getty Images", marlow, vec!["AFP", "Getty Images"]),
            ("© AFP or licensors", None, vec!["AFP"]),
            ("Image copyright Getty Images", None, vec!["Getty Images"]),
            ("Photograph: Kit Marlow/Getty Images", marlow, vec!["Getty Images"]),
            ("Kit Marlow/Pool via REUTERS", marlow, vec!["REUTERS"]),
            ("KCNA / via REUTERS", None, vec!["KCNA", "REUTERS"]),
            ("Ritzau Scanpix/Kit Marlow via REUTERS", marlow, vec!["Ritzau Scanpix", "REUTERS"]),
            ("Photo courtesy of Ostheim Harbour Office", None, vec!["Ostheim Harbour Office"]),
            ("Credit Kit Marlow for The Ostheim Times", marlow, vec!["The Ostheim Times"]),
            ("Credit...Kit Marlow/The Ostheim Times", marlow, vec!["The Ostheim Times"]),
            ("Kit Marlow/AP Kit Marlow/AP", marlow, vec!["AP"]),
            ("(Kit Marlow)", marlow, vec![]),
            ("(Yonhap)", None, vec!["Yonhap"]),
            ("REUTERS/Stringer", None, vec!["REUTERS"]),
            ("REUTERS/Kit Marlow TPX IMAGES OF THE DAY", marlow, vec!["REUTERS"]),
            ("Kit Marlow / AP file", marlow, vec!["AP"]),
            ("USA TODAY", None, vec!["USA TODAY"]),
            ("Kit Marlow/Ostheimer Anzeiger", marlow, vec!["Ostheimer Anzeiger"]),
            ("Photo by Holm Media/AP", None, vec!["Holm Media", "AP"]),
        ] {
            assert_eq!(apart(credit), (photographer, sources), "{credit}");
        }
    }
}
