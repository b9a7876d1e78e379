//! What becomes of an item in the open transaction.

use std::sync::Arc;

use rdkafka::{
    Message as _,
    error::KafkaError,
    message::{BorrowedHeaders, BorrowedMessage, OwnedHeaders},
    producer::Producer as _,
};

use super::{Session, lane, tally};
use crate::{
    dedup::{Identity, Repeat, Verdict},
    reject::Reject,
    stream::{
        core::{Admission, Clock},
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
            Admission::Begin => self.begin()?,
        }
        if let Some(span) = &mut self.span
            && let Some(traceparent) = headers::find(prepared.message(), headers::TRACEPARENT)
        {
            span.link(traceparent);
        }
        match lane.input {
            Input::Raw => {
                self.counts.raw_items += 1;
                self.counts.raw_bytes += prepared.message().payload_len() as u64;
            }
            Input::Normalized => self.counts.arrived += 1,
        }
        let mut one_too_many = false;
        match prepared {
            Prepared::Normalized { message, origin, item } => {
                self.counts.normalized(item.source.as_deref());
                let desk = Arc::clone(&self.desk);
                let rules = desk.rules_id();
                let headers = || headers::normalized(&item, &origin, rules, &message);
                let partition = item.hash.partition(self.worker.layout.partitions);
                let is_ours = self.core.decides_at_once(partition);
                match is_ours.then(|| Arrival::of(&item, &origin, rules)).flatten() {
                    Some(arrival) => self.decide(partition, &arrival, &item.json, headers)?,
                    None => {
                        self.counts.handed_on += 1;
                        self.publisher.hand_on(partition, &item, headers())?;
                    }
                }
            }
            Prepared::Rejected { message, reject } => {
                self.reject(&message, Stage::Normalize, &reject)?;
                one_too_many = self.worker.service.brake.rejected(tally(&self.counts), reject.reason);
            }
            Prepared::Arrived { message } if message.payload().is_none() => {
                match headers::find(&message, headers::BARRIER) {
                    Some(barrier) => self.pass(message.partition(), barrier),
                    None => self.obey(&message)?,
                }
            }
            Prepared::Arrived { message } => match headers::arrival(&message, self.worker.layout.partitions) {
                Ok(arrival) => {
                    let headers = || message.headers().map_or_else(OwnedHeaders::new, BorrowedHeaders::detach);
                    let article = message.payload().unwrap_or_default();
                    self.decide(message.partition(), &arrival, article, headers)?;
                }
                Err(reject) => self.reject(&message, Stage::Dedup, &reject)?,
            },
        }
        fault!("after-produce");
        self.core.taken(lane, offset);
        if one_too_many { self.follow_brake() } else { Ok(()) }
    }

    fn begin(&mut self) -> Result<(), End> {
        self.publisher.producer().begin_transaction()?;
        self.core.begun();
        self.span = self.worker.service.traces.batch();
        Ok(())
    }

    /// Writes barriers into the open transaction, opening one if need be.
    pub(super) fn write_barriers(&mut self, now: Clock) -> Result<(), End> {
        if !self.core.in_transaction() {
            self.begin()?;
        }
        let (number, partitions, actions) = self.core.barriers(now);
        let name = format!("{}{number}", self.barriers);
        for partition in partitions {
            self.publisher.barrier(partition, &name)?;
        }
        self.perform(actions)
    }

    /// A barrier came; those of other sessions are of no interest.
    fn pass(&mut self, partition: i32, barrier: &str) {
        if let Some(number) = barrier.strip_prefix(&self.barriers).and_then(|number| number.parse().ok()) {
            self.core.passed(partition, number);
        }
    }

    /// The dedup stage: publishes an article with these headers, or says what it is a duplicate of.
    fn decide(
        &mut self,
        partition: i32,
        arrival: &Arrival<'_>,
        article: &[u8],
        headers: impl FnOnce() -> OwnedHeaders,
    ) -> Result<(), End> {
        match self.core.sight(partition, &arrival.sighting).ok_or_else(stateless)? {
            Verdict::First(entry) | Verdict::Newer(entry) => {
                self.counts.published(arrival.sighting.time);
                Ok(self.publisher.publish(article, headers(), arrival, &entry)?)
            }
            Verdict::Repeat(repeat, first) => {
                let kind = match repeat {
                    Repeat::Copy => DuplicateKind::Copy,
                    Repeat::Replay => DuplicateKind::Replay,
                    Repeat::Stale => DuplicateKind::Stale,
                };
                self.counts.duplicate(kind, arrival.sighting.time, arrival.feed);
                Ok(self.publisher.duplicate(arrival, kind, &first)?)
            }
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
