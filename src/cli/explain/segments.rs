//! What of a line stays with its label, and what is taken off it: dateline, sign-off, credit, tag, page chrome.

use std::ops::Range;

use crate::edit::{Copy, Label, Line};

/// What becomes of a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes where the line goes.
    Stays,
    /// It is the dateline.
    Dateline,
    /// It joins the sign-offs.
    Signoff,
    /// It is the credit of a caption.
    Credit,
    /// It goes nowhere.
    Removed,
}

impl Fate {
    /// What a reader calls it; none for what stays.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Fate::Stays => None,
            Fate::Dateline => Some("dateline"),
            Fate::Signoff => Some("sign-off"),
            Fate::Credit => Some("credit"),
            Fate::Removed => Some("removed"),
        }
    }
}

/// The parts of `line`, in order; together they are the line.
pub fn segments<'t>(line: &Line<'t>, copy: &Copy<'t>) -> Vec<(&'t str, Fate)> {
    let text = line.text;
    if line.label == Label::Boilerplate {
        return vec![(text, Fate::Removed)];
    }
    let known = known(line, copy);
    if !known.iter().any(|(_, fate)| *fate == Fate::Stays) {
        return vec![(text, Fate::Stays)];
    }
    let mut segments = Vec::new();
    let mut at = 0;
    for (range, fate) in known {
        if range.start < at {
            continue;
        }
        gap(&text[at..range.start], &mut segments);
        segments.push((&text[range.clone()], fate));
        at = range.end;
    }
    gap(&text[at..], &mut segments);
    segments
}

/// What stands between the known parts goes nowhere; white space is not worth a mark.
fn gap<'t>(text: &'t str, segments: &mut Vec<(&'t str, Fate)>) {
    if !text.is_empty() {
        segments.push((text, if text.trim().is_empty() { Fate::Stays } else { Fate::Removed }));
    }
}

/// The parts of a line that are found again in the copy, in order.
fn known(line: &Line<'_>, copy: &Copy<'_>) -> Vec<(Range<usize>, Fate)> {
    let text = line.text;
    let find = |part: &str| (!part.is_empty()).then(|| text.find(part)).flatten().map(|at| at..at + part.len());
    let mut found: Vec<(Range<usize>, Fate)> = Vec::new();
    let mut know = |part: Option<&str>, fate| found.extend(part.and_then(find).map(|range| (range, fate)));
    match line.label {
        Label::Body if !copy.body.iter().any(|paragraph| paragraph == text) => {
            let parts = copy.body.iter().filter(|paragraph| find(paragraph).is_some());
            know(parts.max_by_key(|paragraph| paragraph.len()).map(AsRef::as_ref), Fate::Stays);
            know(copy.dateline.as_ref().map(|d| d.verbatim), Fate::Dateline);
            copy.signoffs.iter().for_each(|signoff| know(Some(signoff), Fate::Signoff));
        }
        Label::Caption => {
            let own = copy.captions.iter().filter(|caption| find(caption.text).is_some());
            if let Some(caption) = own.max_by_key(|caption| caption.text.len()) {
                know(Some(caption.text), Fate::Stays);
                know(caption.credit, Fate::Credit);
            }
        }
        Label::Headline => know(copy.headline, Fate::Stays),
        Label::Byline => know(copy.byline, Fate::Stays),
        _ => {}
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Desk, Hints};

    fn fates(text: &str) -> Vec<Vec<(String, Fate)>> {
        let desk = Desk::builtin().unwrap();
        let copy = desk.edit(text, &Hints::default());
        let lines = copy.lines.iter().map(|line| {
            let segments = segments(line, &copy);
            assert_eq!(segments.iter().map(|(text, _)| *text).collect::<String>(), line.text);
            segments.into_iter().filter(|(text, _)| *text != " ").map(|(text, fate)| (text.to_owned(), fate)).collect()
        });
        lines.collect()
    }

    fn own(segments: &[(&str, Fate)]) -> Vec<(String, Fate)> {
        segments.iter().map(|(text, fate)| ((*text).to_owned(), *fate)).collect()
    }

    #[test]
    fn a_line_comes_apart_into_what_stays_and_what_goes_elsewhere() {
        let lines = fates(
            "Advertisement\n\nUPDATE 2-Harbour of Ostheim opens again\n\n\
             Ships wait off Ostheim on Monday. Photo courtesy of Ostheim Harbour Office\n\n\
             OSTHEIM, Oct 24 (Reuters) - The port of Ostheim is open. (Reporting by Kit Marlow; editing by Ana Brandt)",
        );
        assert_eq!(lines[0], own(&[("Advertisement", Fate::Removed)]));
        assert_eq!(lines[1], own(&[("UPDATE 2-", Fate::Removed), ("Harbour of Ostheim opens again", Fate::Stays)]));
        let credit = ("Photo courtesy of Ostheim Harbour Office", Fate::Credit);
        assert_eq!(lines[2], own(&[("Ships wait off Ostheim on Monday.", Fate::Stays), credit]));
        assert_eq!(
            lines[3],
            own(&[
                ("OSTHEIM, Oct 24 (Reuters) -", Fate::Dateline),
                ("The port of Ostheim is open.", Fate::Stays),
                ("(Reporting by Kit Marlow; editing by Ana Brandt)", Fate::Signoff),
            ])
        );
    }

    #[test]
    fn a_paragraph_that_is_kept_whole_is_one_part() {
        let lines = fates("The port is open.\n\nThe port is open. It was shut, the mayor of Ostheim said.");
        assert_eq!(lines[1], own(&[("The port is open. It was shut, the mayor of Ostheim said.", Fate::Stays)]));
    }
}
