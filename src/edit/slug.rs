//! Sluglines: the wire's own name for a story, which all its versions share.

/// The keyword of a slugline, without cycle and version: `BC-Harbour-Storm, 2nd Ld-Writethru` → `Harbour-Storm`.
pub(super) fn keyword(line: &str) -> Option<&str> {
    const CYCLES: [&str; 4] = ["BC-", "AP-", "AM-", "PM-"];
    let line = line.split_once(" (").map_or(line, |(slug, _)| slug);
    let slug = line.split_once(',').map_or(line, |(slug, _)| slug).trim();
    let slug = CYCLES.iter().find_map(|cycle| slug.strip_prefix(cycle)).unwrap_or(slug);
    let slug = slug.trim_end_matches('/').trim();
    (!slug.is_empty()).then_some(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycle_and_version_come_off_the_keyword() {
        for (line, slug) in [
            ("BC-Harbour-Storm, 2nd Ld-Writethru", "Harbour-Storm"),
            ("BC-Harbour Clock, Kill", "Harbour Clock"),
            ("Holm-ferries-strike,WRAP", "Holm-ferries-strike"),
            ("HOLM-STORM/", "HOLM-STORM"),
            ("HOLM-FERRIES/STRIKE (UPDATE 2)", "HOLM-FERRIES/STRIKE"),
        ] {
            assert_eq!(keyword(line), Some(slug));
        }
        assert_eq!(keyword("BC-"), None);
    }
}
