//! What a replay did, or would do.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::plan::LeftOut;
use crate::cli::record::Record;
use crate::stream::headers;

/// Counts of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub read: u64,
    /// Records fed again.
    pub replayed: u64,
    bytes: u64,
    reasons: BTreeMap<String, u64>,
    left_out: BTreeMap<LeftOut, u64>,
    first: Option<jiff::Timestamp>,
    last: Option<jiff::Timestamp>,
}

impl Summary {
    /// A record is fed again.
    pub fn replay(&mut self, record: &Record) {
        self.replayed += 1;
        self.bytes += record.value().len() as u64;
        if let Some(reason) = record.mark(headers::REASON) {
            *self.reasons.entry(reason.to_owned()).or_default() += 1;
        }
        self.first = self.first.into_iter().chain(record.time).min();
        self.last = self.last.into_iter().chain(record.time).max();
    }

    /// A record is left out.
    pub fn leave_out(&mut self, why: LeftOut) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// Tells it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, topic: &str, dry_run: bool) -> io::Result<()> {
        let Summary { read, replayed, bytes, .. } = self;
        let verb = if dry_run { "would go" } else { "went" };
        writeln!(out, "{replayed} of {read} records {verb} into {topic}, {bytes} bytes")?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(out, "  written {first:.0} to {last:.0}")?;
        }
        for (reason, count) in &self.reasons {
            writeln!(out, "  {count:>8} {reason}")?;
        }
        for (why, count) in &self.left_out {
            writeln!(out, "left out {count:>5} {}", why.words())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::record::tests::record;

    #[test]
    fn a_summary_tells_what_went_and_what_did_not() {
        let mut summary = Summary { read: 3, ..Summary::default() };
        summary.replay(&record(b"Harbour", &[("copydesk-reason", "no_copy")]));
        summary.replay(&record(b"Ferry", &[("copydesk-reason", "no_copy")]));
        summary.leave_out(LeftOut::Valueless);
        let mut out = Vec::new();
        summary.write(&mut out, "wire.raw", true).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert!(said.starts_with("2 of 3 records would go into wire.raw, 12 bytes\n"), "{said}");
        assert!(said.contains("2 no_copy") && said.contains("left out     1 without a value"), "{said}");
    }
}
