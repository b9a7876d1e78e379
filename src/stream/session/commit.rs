//! The commit of a transaction, and what its outcome asks for.

use std::{sync::Arc, thread, time::Duration};

use rdkafka::{consumer::Consumer as _, error::KafkaError};

use super::{Session, tally};
use crate::{
    stream::{
        core::Lane,
        transaction::{Committer, Outcome},
        worker::End,
    },
    telemetry::{Counts, TxnOutcome, traces::BatchSpan},
};

/// A transaction whose commit is under way.
pub(super) struct Sealed {
    counts: Counts,
    span: Option<BatchSpan>,
}

impl Session<'_> {
    /// Hands the open transaction to the committer.
    pub(super) fn commit(&mut self, offsets: &[(Lane, i64)]) -> Result<(), End> {
        let group = self.consumer.group_metadata();
        let group = group.ok_or_else(|| KafkaError::ClientCreation("the consumer belongs to no group".into()))?;
        self.committer.commit(self.list(offsets.iter().copied()), group);
        let counts = std::mem::take(&mut self.counts);
        self.sealed = Some(Sealed { counts, span: self.span.take() });
        Ok(())
    }

    /// Looks for the end of the commit that is under way, for `wait` at most.
    pub(super) fn settle(&mut self, wait: Duration) -> Result<(), End> {
        if self.sealed.is_none() {
            return Ok(());
        }
        let Some(outcome) = self.committer.outcome(wait)? else { return Ok(()) };
        let Some(Sealed { counts, span }) = self.sealed.take() else { return Ok(()) };
        if let Some(span) = span {
            let outcome = match &outcome {
                Outcome::Committed { .. } => TxnOutcome::Committed,
                Outcome::Abort(_) => TxnOutcome::Aborted,
                Outcome::Renew(_) => TxnOutcome::Fatal,
            };
            span.end(outcome, &counts);
        }
        let actions = match outcome {
            Outcome::Committed { doubtful } => {
                fault!("after-commit");
                self.aborts = 0;
                self.worker.health.committed();
                self.worker.service.brake.committed(tally(&counts));
                self.worker.service.metrics.committed(
                    &counts,
                    self.committer.elapsed(),
                    jiff::Timestamp::now().as_millisecond(),
                );
                if doubtful {
                    self.renew_producer()?;
                }
                let was_open = self.core.takes_short_cut();
                let actions = self.core.committed();
                if self.core.takes_short_cut() && !was_open {
                    tracing::info!("the partitions between the steps are drained: own items are decided at once");
                }
                actions
            }
            Outcome::Abort(error) => {
                tracing::warn!(%error, "transaction aborted; its items are read again");
                self.aborts += 1;
                if self.aborts > 1 {
                    thread::sleep(Duration::from_millis(20 << self.aborts.min(6)));
                }
                self.core.failed()
            }
            Outcome::Renew(error) => {
                self.worker.service.metrics.fatal();
                return Err(End::Renew(error));
            }
        };
        self.perform(actions)
    }

    fn renew_producer(&mut self) -> Result<(), End> {
        tracing::info!("a commit was repeated: moving on to a new producer epoch");
        let producer = self.worker.new_producer()?;
        self.committer = Committer::start(Arc::clone(&producer))?;
        self.publisher = self.worker.publisher(producer);
        Ok(())
    }
}
