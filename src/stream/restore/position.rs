//! Where a lane is read from, and whether records of it are gone that nobody has read.

use rdkafka::Offset;

use crate::{config::Start, telemetry::Input};

/// What lies between the committed offset of a lane and the offset it is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing.
    None,
    /// So many records, which have expired: at most, for markers of transactions count too.
    Expired(u64),
    /// The topic ends before the committed offset: it was made anew, and nobody knows what it held.
    Anew {
        /// The offset.
        committed: i64,
    },
}

impl Gap {
    /// How many records are lost; one where nobody knows.
    pub fn lost(self) -> u64 {
        match self {
            Gap::None => 0,
            Gap::Expired(records) => records,
            Gap::Anew { .. } => 1,
        }
    }
}

/// Where to go on in a partition that holds `low..high`, and what is missing before that.
pub(super) fn position(input: Input, committed: Offset, low: i64, high: i64, start: Start) -> (i64, Gap) {
    match committed {
        Offset::Offset(offset) if (low..=high).contains(&offset) => (offset, Gap::None),
        Offset::Offset(offset) if offset < low => {
            // Behind the last record of the topic between the steps stands the marker of the transaction that wrote it.
            let marker = i64::from(input == Input::Normalized);
            let records = u64::try_from(low - offset - marker).unwrap_or(0);
            (low, if records == 0 { Gap::None } else { Gap::Expired(records) })
        }
        Offset::Offset(committed) => (low, Gap::Anew { committed }),
        _ if input == Input::Raw && start == Start::Latest => (high, Gap::None),
        _ => (low, Gap::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(input: Input, committed: Offset) -> (i64, Gap) {
        position(input, committed, 10, 20, Start::Earliest)
    }

    #[test]
    fn a_lane_goes_on_where_its_group_has_committed() {
        for offset in [10, 15, 20] {
            assert_eq!(at(Input::Raw, Offset::Offset(offset)), (offset, Gap::None));
        }
        assert_eq!(at(Input::Raw, Offset::Invalid), (10, Gap::None));
        assert_eq!(position(Input::Raw, Offset::Invalid, 10, 20, Start::Latest), (20, Gap::None));
        assert_eq!(position(Input::Normalized, Offset::Invalid, 10, 20, Start::Latest), (10, Gap::None));
    }

    #[test]
    fn what_expired_before_it_was_read_is_counted_and_the_last_marker_is_none_of_it() {
        for (committed, raw, normalized) in [(7, 3, 2), (9, 1, 0), (0, 10, 9)] {
            let lost = |input| {
                let (next, gap) = at(input, Offset::Offset(committed));
                assert_eq!(next, 10);
                gap.lost()
            };
            assert_eq!((lost(Input::Raw), lost(Input::Normalized)), (raw, normalized), "committed {committed}");
        }
    }

    #[test]
    fn a_topic_that_was_made_anew_is_a_loss_of_nobody_knows_how_many() {
        let (next, gap) = at(Input::Raw, Offset::Offset(21));
        assert_eq!((next, gap, gap.lost()), (10, Gap::Anew { committed: 21 }, 1));
    }
}
