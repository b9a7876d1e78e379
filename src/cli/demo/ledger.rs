//! What came out, held against what must come out.

use std::collections::BTreeMap;

use super::items::{DemoItem, End, ITEMS};

/// What became of an item, as its record in an output topic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An article: the agency its dateline names, its headline (or the first line of its body), and what the edit desk did.
    Published {
        agency: Option<String>,
        headline: String,
        version: String,
        status: String,
        captions: usize,
        stripped: usize,
    },
    /// A duplicate of the item with this number, and of which kind.
    Duplicate { kind: String, first: Option<usize> },
    /// A dead letter.
    Rejected { reason: String, detail: String },
}

/// Every outcome so far, in the order it was read.
#[derive(Default)]
pub(super) struct Ledger {
    outcomes: Vec<(usize, Outcome)>,
}

/// How many items ended which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) published: usize,
    pub(super) duplicates: usize,
    pub(super) rejected: usize,
}

impl Ledger {
    /// Item number `item` came out.
    pub(super) fn add(&mut self, item: usize, outcome: Outcome) {
        self.outcomes.push((item, outcome));
    }

    /// Whether every item has come out.
    pub(super) fn is_complete(&self) -> bool {
        (0..ITEMS.len()).all(|item| self.outcomes.iter().any(|(at, _)| *at == item))
    }

    /// The headline under which an item was published.
    pub(super) fn headline(&self, item: usize) -> Option<&str> {
        self.outcomes.iter().find_map(|(at, outcome)| match outcome {
            Outcome::Published { headline, .. } if *at == item => Some(headline.as_str()),
            _ => None,
        })
    }

    /// The sums.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (_, outcome) in &self.outcomes {
            match outcome {
                Outcome::Published { .. } => totals.published += 1,
                Outcome::Duplicate { .. } => totals.duplicates += 1,
                Outcome::Rejected { .. } => totals.rejected += 1,
            }
        }
        totals
    }

    /// How often each reason rejected.
    pub(super) fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for (_, outcome) in &self.outcomes {
            if let Outcome::Rejected { reason, .. } = outcome {
                *reasons.entry(reason.as_str()).or_default() += 1;
            }
        }
        reasons
    }

    /// What went wrong: a sentence for each item that did not end as it must. Nothing if all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (number, item) in ITEMS.iter().enumerate() {
            let mut ends = self.outcomes.iter().filter(|(at, _)| *at == number).map(|(_, outcome)| outcome);
            match (ends.next(), ends.next()) {
                (None, _) => problems.push(format!("{} came out nowhere", item.file)),
                (Some(_), Some(_)) => problems.push(format!("{} came out more than once", item.file)),
                (Some(end), None) => problems.extend(wrong_end(item, end)),
            }
        }
        let must = |end: End| ITEMS.iter().filter(|item| item.end == end).count();
        let totals = self.totals();
        // Of several copies any one may be first, so these two are held against their sums.
        for (what, is, must) in [
            ("published", totals.published, must(End::Published)),
            ("duplicates", totals.duplicates, must(End::Duplicate)),
        ] {
            if is != must {
                problems.push(format!("{is} {what}, and it must be {must}"));
            }
        }
        problems
    }
}

fn wrong_end(item: &DemoItem, outcome: &Outcome) -> Option<String> {
    match (item.end, outcome) {
        (End::Rejected(must), Outcome::Rejected { reason, .. }) if reason == must.code() => None,
        (End::Rejected(must), _) => Some(format!("{} must be rejected as {must}", item.file)),
        (_, Outcome::Rejected { reason, .. }) => {
            Some(format!("{} must not be rejected, and was, as {reason}", item.file))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> Outcome {
        Outcome::Published {
            agency: None,
            headline: "H".into(),
            version: "1".into(),
            status: "usable".into(),
            captions: 0,
            stripped: 0,
        }
    }

    /// Every item ends as it must.
    fn perfect() -> Ledger {
        let mut ledger = Ledger::default();
        for (number, item) in ITEMS.iter().enumerate() {
            ledger.add(
                number,
                match item.end {
                    End::Published => published(),
                    End::Duplicate => Outcome::Duplicate { kind: "copy".into(), first: None },
                    End::Rejected(reason) => Outcome::Rejected { reason: reason.code().into(), detail: String::new() },
                },
            );
        }
        ledger
    }

    #[test]
    fn a_run_as_it_must_be_has_no_problem() {
        let ledger = perfect();
        assert!(ledger.is_complete());
        assert_eq!(ledger.problems(), Vec::<String>::new());
        let Totals { published, duplicates, rejected } = ledger.totals();
        assert_eq!(published + duplicates + rejected, ITEMS.len());
    }

    #[test]
    fn any_one_of_several_copies_may_be_the_first() {
        let mut ledger = perfect();
        ledger.outcomes[0].1 = Outcome::Duplicate { kind: "copy".into(), first: Some(1) };
        ledger.outcomes[1].1 = published();
        assert_eq!(ledger.problems(), Vec::<String>::new());
    }

    #[test]
    fn a_missed_duplicate_is_a_problem() {
        let mut ledger = perfect();
        ledger.outcomes[1].1 = published();
        assert_eq!(ledger.problems().len(), 2, "one published too many, one duplicate too few");
    }

    #[test]
    fn an_item_that_comes_out_twice_or_never_is_a_problem() {
        let mut ledger = perfect();
        ledger.outcomes.remove(3);
        assert!(!ledger.is_complete());
        assert!(ledger.problems()[0].starts_with(ITEMS[3].file));
        ledger.add(3, published());
        ledger.add(4, published());
        assert!(ledger.problems()[0].contains("more than once"));
    }

    #[test]
    fn a_wrong_reason_is_a_problem() {
        let mut ledger = perfect();
        let Some((_, last)) = ledger.outcomes.last_mut() else { panic!("no outcome") };
        *last = Outcome::Rejected { reason: "empty".into(), detail: String::new() };
        assert_eq!(ledger.problems().len(), 1);
    }
}
