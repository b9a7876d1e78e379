use std::sync::LazyLock;

use super::*;
use crate::edit::rules::Rules;

type Parts = (String, Option<String>, Option<(i8, i8)>, Vec<String>);

fn parse(text: &str) -> Option<Parts> {
    static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());
    let found = RULES.agencies.dateline(text, true)?;
    let agencies = found.agencies.iter().map(|a| match a {
        Agency::Known(name) => name.to_string(),
        Agency::Other(name) => name.to_string(),
    });
    Some((
        found.verbatim.to_string(),
        found.place.map(str::to_string),
        found.day.map(|d| (d.month, d.day)),
        agencies.collect(),
    ))
}

fn verbatim(text: &str) -> String {
    parse(text).map(|p| p.0).unwrap_or_default()
}

#[test]
fn every_agency_form_is_read_to_its_dash() {
    for dateline in [
        "May 5 (UPI) --",
        "EASTPORT, Dec. 5 (UPI) --",
        "HORIZON CITY, Texas, Jan. 14 (UPI) --",
        "DES MOINES, Iowa (AP) —",
        "SURABAYA, Indonesia/JAKARTA (Reuters) -",
        "WASHINGTON and MILWAUKEE (Reuters) -",
        "Al ASAD AIR BASE, Iraq (Reuters) -",
        "Near the Israel-Gaza border (CNN) -",
        "Gaza City, Palestinian Territories, May 16, 2021 (AFP) -",
        "Paris, 21 jan 2019 (AFP) -",
        "OSTHEIM 04/05 (BELGA) =",
        "Puerto Alba (España), 5 may (EFE).-",
        "Rampura (Rajasthan) [India], May 5 (ANI):",
        "WARRAGINDI, AAP -",
        "МОСКВА, 21 января. /ТАСС/.",
        "OSTHEIM, Ont. —",
        "Nueva Delhi, 21 ene (EFE).-",
        "MOSCOW, January 21. /TASS/.",
        "SAITAMA, Japan, Dec. 9 Kyodo -",
        "BRISBANE, Australia, Jan. 1(Xinhua) --",
        "New Delhi, Sep 28 (ANI):",
        "(ANSA) - ROMA, 1 LUG -",
        "(ANSA) - Rome, October 11 -",
        "(CNN) --",
        "Berlin (dpa/lno) -",
        "NEW YORK, May 5, 2020 /PRNewswire/ --",
        "NEW YORK--(BUSINESS WIRE)--",
        "WASHINGTON —",
        "PARETS DEL VALLÈS, Spain -",
        "MO. (AP)--",
        "Panama  City,  Sept. 8 (CNA) --",
    ] {
        let text = format!("{dateline} Nine people were taken from the ferry on Sunday, the harbour office said.");
        assert_eq!(verbatim(&text), dateline);
    }
    assert_eq!(verbatim("Paris (ats afp) Les ministres se sont réunis lundi."), "Paris (ats afp)");
    assert_eq!(verbatim("WASHINGTON Oct 17 (Reuters) The vote was put off."), "WASHINGTON Oct 17 (Reuters)");
}

#[test]
fn place_date_and_agency_come_apart() {
    let (_, place, day, agencies) = parse("HORIZON CITY, Texas, Jan. 14 (UPI) -- Two").unwrap();
    assert_eq!((place.as_deref(), day, agencies), (Some("HORIZON CITY, Texas"), Some((1, 14)), vec!["UPI".into()]));
    let (_, place, day, agencies) = parse("May 5 (UPI) -- Two").unwrap();
    assert_eq!((place, day, agencies), (None, Some((5, 5)), vec!["UPI".into()]));
    let (_, _, _, agencies) = parse("Paris (ats afp) Les ministres").unwrap();
    assert_eq!(agencies, ["ATS", "AFP"]);
    let (_, place, day, _) = parse("(ANSA) - ROMA, 1 LUG - Il treno").unwrap();
    assert_eq!((place.as_deref(), day), (Some("ROMA"), Some((7, 1))));
}

#[test]
fn sentences_are_not_taken_for_datelines() {
    for text in [
        "The head of the Associated Press (AP) said the office would close.",
        "Jordan Hale (R) — who lost the primary — will not run.",
        "CLOSE — The gate was shut.",
        "BREAKING NEWS - The bridge is closed.",
        "London - a city of nine million - waits.",
        "He went to Paris (France) - and came back.",
        "The agreement, reached May 5 (Tuesday) - was signed.",
        "FACT CHECK — The claim is false.",
        "In 2019 (AP) - a year",
        "A - B",
        "-",
        "(",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_name_and_what_it_is_called_is_no_dateline() {
    for text in [
        "The Palestinian Authority (PA) — which governs parts of the coast — put off the vote on Thursday.",
        "The Holm Sailors Union (RSS) - the largest of its kind - met on Monday.",
        "Communist Party (CP) - The members met on Monday.",
        "STOCKS CLOSE HIGHER (Reuters)",
        "Mayor Ana Brandt in Ostheim, May 5, 2026 (AP)",
    ] {
        assert_eq!(verbatim(text), "", "{text}");
    }
}

#[test]
fn results_schedules_and_asides_are_no_datelines() {
    for text in [
        "June 11 (Thursday) - Mexico v South Africa, Mexico City",
        "LYON - NICE 2-1",
        "Paris — Europe's most visited city — is bracing for a summer of heat, strikes and ferries that do not sail.",
    ] {
        assert_eq!(verbatim(text), "", "{text}");
    }
}

#[test]
fn forms_of_broadcasters_and_papers_open_a_story() {
    let copy = "The port opened again on Monday after a week of storms, the harbour office said.";
    for dateline in ["HARROWMERE (KHLM) —", "TOKYO:", "[SEOUL]", "NEW ORLEANS—", "(Reuters) -"] {
        let space = if dateline.ends_with("S—") || dateline == "(Reuters) -" { "" } else { " " };
        let text = format!("{dateline}{space}{copy}");
        assert_eq!(verbatim(&text), dateline, "{text}");
    }
}
