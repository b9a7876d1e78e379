//! The partitions that the group gives a session and takes back, and their opening.

use rdkafka::{
    TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::Session;
use crate::{
    stream::{clients::Rebalance, core::Lane, transaction::Gone, worker::End},
    telemetry::{Input, Phase, RebalanceKind},
};

impl Session<'_> {
    pub(super) fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), End> {
        let now = self.started.elapsed();
        match &rebalance {
            Rebalance::Assign(list) => {
                let lanes = self.lanes_of(list);
                tracing::info!(partitions = ?Names(&lanes), "assigned");
                self.worker.service.metrics.rebalance(RebalanceKind::Assigned);
                rebalance.answer(self.consumer)?;
                let actions = self.core.assigned(lanes);
                self.perform(actions)?;
            }
            Rebalance::Revoke(list) => {
                let lanes = self.lanes_of(list);
                let lost = self.consumer.assignment_lost();
                tracing::info!(partitions = ?Names(&lanes), lost, "revoked");
                self.worker.service.metrics.rebalance(if lost { RebalanceKind::Lost } else { RebalanceKind::Revoked });
                if lost {
                    // The group went on without this member. Its transaction ends with its producer, and clients that were
                    // away so long may never find back: everything is built anew.
                    rebalance.answer(self.consumer)?;
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AssignmentLost).into());
                }
                fault!("in-revoke");
                let actions = self.core.revoked(lanes, now);
                let finished = self.perform_to_the_end(actions);
                // Answered in any case: a revocation left open would block the close of the consumer.
                rebalance.answer(self.consumer)?;
                finished?;
            }
        }
        self.report_ownership();
        Ok(())
    }

    /// Reads on in the lanes whose position and state have been found.
    pub(super) fn open_lanes(&mut self) -> Result<(), End> {
        loop {
            let opened = match self.opener.next() {
                Ok(Some(opened)) => opened,
                Ok(None) => return Ok(()),
                Err(Some(unreadable)) => return Err(End::Fail(unreadable.into())),
                Err(None) => return Err(Gone.into()),
            };
            let actions = self.core.opened(opened.lane, opened.epoch, opened.position, opened.table);
            self.perform(actions)?;
            self.report_ownership();
        }
    }

    fn report_ownership(&mut self) {
        let (owned, opening) = self.core.ownership();
        self.worker.health.assigned(owned);
        self.worker.health.restoring(opening);
        self.worker.health.set_phase(if opening > 0 { Phase::Restoring } else { Phase::Running });
        self.gauges.expire();
    }

    fn lanes_of(&self, list: &TopicPartitionList) -> Vec<Lane> {
        list.elements()
            .iter()
            .map(|element| Lane {
                input: if element.topic() == &*self.raw_topic { Input::Raw } else { Input::Normalized },
                partition: element.partition(),
            })
            .collect()
    }
}

/// Lanes as `raw/0 raw/1 normalized/3`, for the log.
struct Names<'l>(&'l [Lane]);

impl std::fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, lane) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{}/{}", lane.input.code(), lane.partition)?;
        }
        Ok(())
    }
}
