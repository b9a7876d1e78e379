//! What becomes of an item in the open transaction.

use rdkafka::{Message as _, error::KafkaError, message::BorrowedMessage, producer::Producer as _};

use super::{Session, lane, tally};
use crate::{
    dedup::{Identity, Repeat, Verdict},
    reject::Reject,
    stream::{
        core::Admission,
        headers::{self, Arrival},
        publish::Prepared,
        worker::End,
    },
    telemetry::{DuplicateKind, Input, Stage},
};

impl<'s> Session<'s> {
    /// Takes an item into the open transaction, opening one if need be.
    pub(super) fn take(&mut self, prepared: Prepared<'s>) -> Result<(), End> {
        let (lane, offset) = (lane(prepared.message(), &self.raw_topic), prepared.message().offset());
        match self.core.admit(lane, offset) {
            // A batch is due only while no transaction is under way, so nothing is on hold here.
            Admission::Stale | Admission::Hold => return Ok(()),
            Admission::Take => {}
            Admission::Begin => {
                self.publisher.producer().begin_transaction()?;
                self.core.begun();
                self.span = self.worker.service.traces.batch();
            }
        }
        if let Some(span) = &mut self.span
            && let Some(traceparent) = headers::find(prepared.message(), headers::TRACEPARENT)
        {
            span.link(traceparent);
        }
        if lane.input == Input::Raw {
            self.counts.raw_items += 1;
            self.counts.raw_bytes += prepared.message().payload_len() as u64;
        }
        let mut one_too_many = false;
        match prepared {
            Prepared::Normalized { message, origin, item } => {
                self.counts.normalized(item.source.as_deref());
                self.publisher.hand_on(&message, &origin, &item, self.desk.rules_id())?;
            }
            Prepared::Rejected { message, reject } => {
                self.reject(&message, Stage::Normalize, &reject)?;
                one_too_many = self.worker.service.brake.rejected(tally(&self.counts), reject.reason);
            }
            Prepared::Arrived { message } if message.payload().is_none() => self.obey(&message)?,
            Prepared::Arrived { message } => match headers::arrival(&message, self.worker.layout.partitions) {
                Ok(arrival) => self.decide(&message, &arrival)?,
                Err(reject) => self.reject(&message, Stage::Dedup, &reject)?,
            },
        }
        fault!("after-produce");
        self.core.taken(lane, offset);
        if one_too_many { self.follow_brake() } else { Ok(()) }
    }

    /// The dedup stage.
    fn decide(&mut self, message: &BorrowedMessage<'_>, arrival: &Arrival<'_>) -> Result<(), End> {
        match self.core.sight(message.partition(), &arrival.sighting) {
            Some(Verdict::First(entry) | Verdict::Newer(entry)) => {
                self.counts.published(arrival.sighting.time);
                Ok(self.publisher.publish(message, arrival, &entry)?)
            }
            Some(Verdict::Repeat(repeat, first)) => {
                let kind = match repeat {
                    Repeat::Copy => DuplicateKind::Copy,
                    Repeat::Replay => DuplicateKind::Replay,
                    Repeat::Stale => DuplicateKind::Stale,
                };
                self.counts.duplicate(kind, arrival.sighting.time, arrival.feed);
                Ok(self.publisher.duplicate(arrival, kind, &first)?)
            }
            None => Err(stateless().into()),
        }
    }

    /// An order of an operator: a content is to be let through again.
    fn obey(&mut self, message: &BorrowedMessage<'_>) -> Result<(), End> {
        let order = match headers::order(message, self.worker.layout.partitions) {
            Ok(order) => order,
            Err(reject) => return self.reject(message, Stage::Dedup, &reject),
        };
        for status in &order.statuses {
            let identity = Identity::new(&order.hash, *status);
            let remembered = self.core.forget(message.partition(), &identity).ok_or_else(stateless)?;
            self.publisher.forgotten(message, &order.hash, *status, remembered)?;
        }
        tracing::info!(hash = %order.hash, partition = message.partition(), "forgotten, as ordered");
        self.counts.forgotten += 1;
        Ok(())
    }

    fn reject(&mut self, message: &BorrowedMessage<'_>, stage: Stage, reject: &Reject) -> Result<(), End> {
        self.counts.rejected(stage, reject.reason, reject.feed.as_deref());
        Ok(self.publisher.reject(message, stage, reject)?)
    }
}

/// An open lane of normalized items has a table; without one the session's state is not to be trusted.
fn stateless() -> KafkaError {
    KafkaError::ClientCreation("an open partition has no dedup state".into())
}
