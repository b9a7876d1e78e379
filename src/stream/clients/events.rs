//! What clients report while they are polled.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use rdkafka::{
    ClientContext, Message as _, Offset, Statistics, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{NoCustomPartitioner, ProducerContext},
    types::RDKafkaRespErr,
};

use super::WireConsumer;
use crate::{
    config::Topics,
    stream::core::Lane,
    telemetry::{Input, Metrics},
};

/// A consumer is replaced after this many reports, one every two seconds, that no broker is connected.
const CUT_OFF_REPORTS: u32 = 6;

/// Collects what a reader reports.
pub struct ReaderEvents {
    metrics: Metrics,
}

impl ReaderEvents {
    /// Counts errors in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        ReaderEvents { metrics }
    }
}

impl ClientContext for ReaderEvents {
    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::Global(RDKafkaErrorCode::PartitionEOF)) {
            self.metrics.kafka_error();
            tracing::warn!(%error, reason, "Kafka reader");
        }
    }
}

impl ConsumerContext for ReaderEvents {}

/// A rebalance that waits for the worker.
#[derive(Clone, Debug)]
pub enum Rebalance {
    /// Partitions to take.
    Assign(TopicPartitionList),
    /// Partitions to give up.
    Revoke(TopicPartitionList),
}

impl Rebalance {
    /// Takes or gives up the partitions, which librdkafka waits for. Where to read from is a finding of the restore; until
    /// then an assigned partition stands at its beginning.
    ///
    /// # Errors
    /// Where librdkafka refuses, because the assignment has changed meanwhile.
    pub fn answer(&self, consumer: &WireConsumer) -> KafkaResult<()> {
        match self {
            Rebalance::Assign(list) => {
                let mut list = list.clone();
                list.set_all_offsets(Offset::Beginning)?;
                consumer.incremental_assign(&list)
            }
            Rebalance::Revoke(list) => consumer.incremental_unassign(list),
        }
    }

    /// Takes or gives up the partitions of a consumer that is to be closed, where nobody minds an error any more.
    pub fn answer_at_close(&self, consumer: &WireConsumer) {
        self.answer(consumer).unwrap_or_else(|error| tracing::debug!(%error, "rebalance while closing"));
    }
}

/// Collects what the consumer reports while it is polled.
///
/// A rebalance is only noted here. librdkafka waits until the application calls `(un)assign`, so the worker finishes its
/// transaction first, outside the callback, in plain code.
pub struct ConsumerEvents {
    inbox: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
    reports_without_broker: AtomicU32,
    lag: Mutex<BTreeMap<Lane, u64>>,
    topics: Topics,
    metrics: Metrics,
}

impl ConsumerEvents {
    /// Keeps the lag of `topics`, and counts errors in `metrics`.
    pub fn new(topics: Topics, metrics: Metrics) -> Self {
        ConsumerEvents {
            inbox: Mutex::new(VecDeque::new()),
            closing: AtomicBool::new(false),
            reports_without_broker: AtomicU32::new(0),
            lag: Mutex::new(BTreeMap::new()),
            topics,
            metrics,
        }
    }

    /// The next rebalance to handle.
    pub fn next_rebalance(&self) -> Option<Rebalance> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether no broker has been connected for so long that the consumer is better replaced.
    ///
    /// A broker that is starting, or fenced, answers with an empty list of brokers. librdkafka 2.12 then forgets those it
    /// knew, and has nobody left to ask: such a client never finds back, however long the broker has been well again.
    pub fn is_cut_off(&self) -> bool {
        self.reports_without_broker.load(Ordering::Relaxed) >= CUT_OFF_REPORTS
    }

    /// How many committed records of a lane are not yet read, by the latest report. That may be of a lane given up since.
    pub fn lag(&self, lane: Lane) -> Option<u64> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner).get(&lane).copied()
    }

    /// From now on nobody handles rebalances: revocations during the close are answered at once.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for ConsumerEvents {
    fn stats(&self, statistics: Statistics) {
        match statistics.brokers.values().any(|broker| broker.state == "UP") {
            true => self.reports_without_broker.store(0, Ordering::Relaxed),
            false => _ = self.reports_without_broker.fetch_add(1, Ordering::Relaxed),
        }
        let mut lags = BTreeMap::new();
        for (input, topic) in [(Input::Raw, &self.topics.raw), (Input::Normalized, &self.topics.normalized)] {
            let Some(topic) = statistics.topics.get(topic) else { continue };
            for p in topic.partitions.values().filter(|p| p.desired && p.ls_offset >= 0) {
                // Transaction markers take offsets too: all fetched and nothing queued is no lag.
                let read_up = p.fetchq_cnt == 0 && p.next_offset >= p.ls_offset;
                let lag = if read_up || p.app_offset < 0 { 0 } else { p.ls_offset - p.app_offset };
                lags.insert(Lane { input, partition: p.partition }, u64::try_from(lag).unwrap_or(0));
            }
        }
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lags;
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.metrics.kafka_error();
        tracing::warn!(%error, reason, "Kafka consumer");
    }
}

impl ConsumerContext for ConsumerEvents {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, tpl: &mut TopicPartitionList) {
        let assign = matches!(err, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        let event = if assign { Rebalance::Assign(tpl.clone()) } else { Rebalance::Revoke(tpl.clone()) };
        if self.closing.load(Ordering::Acquire) {
            return event.answer_at_close(consumer);
        }
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

/// Keeps the first delivery failure of a transaction.
pub struct ProducerEvents {
    failed: Mutex<Option<KafkaError>>,
    metrics: Metrics,
}

impl ProducerEvents {
    /// Counts errors in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        ProducerEvents { failed: Mutex::new(None), metrics }
    }

    /// The delivery failure since the last call, if any.
    pub fn take_failure(&self) -> Option<KafkaError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for ProducerEvents {
    fn error(&self, error: KafkaError, reason: &str) {
        self.metrics.kafka_error();
        tracing::warn!(%error, reason, "Kafka producer");
    }
}

impl ProducerContext<NoCustomPartitioner> for ProducerEvents {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, message)) = result {
            // What an abort throws away is reported when the next transaction may have begun: it is none of its failures.
            if let Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) = error.rdkafka_error_code() {
                return;
            }
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.is_none() {
                tracing::warn!(%error, topic = message.topic(), partition = message.partition(), "a record was not delivered");
                *failed = Some(error.clone());
            }
        }
    }
}
