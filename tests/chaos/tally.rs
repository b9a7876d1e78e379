//! What has gone wrong in a run: by the workers' logs, and by the broker's own log of transactions.

use std::collections::BTreeMap;

use crate::harness::reader::{Isolation, read};
use crate::{FAILPOINTS, LONG};

/// How often each thing happened.
#[derive(Debug, Default)]
pub struct Tally {
    /// Items sent.
    pub items: usize,
    /// Deaths at each failpoint.
    pub deaths: BTreeMap<&'static str, usize>,
    /// Transactions that the broker has committed.
    pub committed: usize,
    /// Transactions with records in them that were aborted: by their worker, by its successor, or by the broker.
    pub aborted: usize,
    /// Transactions that a worker aborted because the group had moved on.
    pub outdated: usize,
    /// Producers and members that were told that another has taken their place.
    pub fenced: usize,
    /// Sessions given up because the group had gone on without them.
    pub lost: usize,
    /// Partitions whose state was restored.
    pub restores: usize,
    /// Restores that had to wait for an open transaction.
    pub waits: usize,
    /// Answers that were late or lost.
    pub answers: usize,
}

impl Tally {
    /// Counts what the log of a worker tells.
    pub fn read(&mut self, log: &str) {
        let count = |of: &dyn Fn(&str) -> bool| log.lines().filter(|line| of(line)).count();
        self.restores += count(&|line| line.contains(" restored "));
        self.waits += count(&|line| line.contains("waiting for open transactions"));
        self.lost += count(&|line| line.contains("starting over") && line.contains("AssignmentLost"));
        self.outdated += count(&|line| line.contains("transaction aborted") && line.contains("generation"));
        self.fenced += count(&|line| {
            line.contains("joined the group as instance") || (line.contains("starting over") && is_fenced(line))
        });
        for name in FAILPOINTS {
            *self.deaths.entry(name).or_default() +=
                count(&|line| line.contains("dying on purpose") && line.contains(name));
        }
    }

    /// Counts the transactions that the broker knows of, from the log in which its coordinator keeps them.
    pub fn read_transactions(&mut self, bootstrap: &str) {
        for record in read(bootstrap, "__transaction_state", Isolation::Uncommitted) {
            match record.value.as_deref().and_then(state) {
                Some(COMPLETE_COMMIT) => self.committed += 1,
                Some(COMPLETE_ABORT) => self.aborted += 1,
                _ => {}
            }
        }
    }

    /// What a run of so many rounds must at least have shown, and has not.
    pub fn missing(&self, rounds: usize) -> Vec<String> {
        let mut missing: Vec<String> = FAILPOINTS
            .iter()
            .filter(|name| self.deaths.get(*name).is_none_or(|count| *count == 0))
            .map(|name| format!("nobody died at {name}"))
            .collect();
        // A round has time for a part of what ten minutes have to show.
        let long = usize::from(rounds >= LONG);
        let wanted = [
            (self.aborted, 8 + 12 * long, "aborted transactions"),
            (self.outdated, 5 * long, "transactions aborted because the group had moved on"),
            (self.fenced, 3, "fenced producers or members"),
            (self.restores, 10, "restores"),
            (self.waits, 3, "restores that had to wait for an open transaction"),
            (self.answers, 1, "answers late or lost"),
        ];
        missing.extend(
            wanted
                .iter()
                .filter(|(count, wanted, _)| count < wanted)
                .map(|(count, wanted, what)| format!("{count} of {wanted} {what}")),
        );
        missing
    }
}

/// Whether an error says that another producer has taken this one's place, or that the broker has given it up.
fn is_fenced(line: &str) -> bool {
    ["Fenced", "fenced", "InvalidProducerEpoch", "old epoch"].iter().any(|word| line.contains(word))
}

const COMPLETE_COMMIT: u8 = 4;
const COMPLETE_ABORT: u8 = 5;

/// The state in a record of the coordinator's log: a version (16 bits), the producer's id (64) and epoch (16), the time-out
/// (32), and then it.
fn state(value: &[u8]) -> Option<u8> {
    value.get(2 + 8 + 2 + 4).copied()
}
