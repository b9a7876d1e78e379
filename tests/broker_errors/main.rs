//! What each error of a broker makes of a transaction, scripted on librdkafka's mock cluster.
//!
//! One table for every error the transactional calls can meet: it is waited out, the transaction is aborted and its items
//! read again, or the producer is given up. And one test for each way in which librdkafka's calls are not what they seem:
//! those of transactions here, the others in [`traps`].

mod bench;
mod traps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use copydesk::stream::clients::{self, Identity};
use copydesk::stream::transaction::{self, Outcome, Remedy, remedy};
use copydesk::telemetry::Metrics;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCoordinator;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use bench::{Bench, PATIENCE};

use RDKafkaApiKey::{AddOffsetsToTxn, AddPartitionsToTxn, EndTxn, InitProducerId, Produce, TxnOffsetCommit};
use RDKafkaRespErr as Err;

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was committed, after however many tries.
    Committed,
    /// It is to be aborted, which works, and the next one commits.
    Aborted,
    /// The producer is given up; a new one commits.
    GivenUp,
}

/// Every error that the calls of a transaction can meet, with its end.
const TABLE: &[(RDKafkaApiKey, RDKafkaRespErr, End)] = &[
    // The coordinator moves or is busy: librdkafka asks again by itself.
    (AddPartitionsToTxn, Err::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, End::Committed),
    (AddPartitionsToTxn, Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, End::Committed),
    (AddPartitionsToTxn, Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, End::Committed),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, End::Committed),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, End::Committed),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, End::Committed),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, End::Committed),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, End::Committed),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, End::Committed),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, End::Committed),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, End::Committed),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, End::Committed),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, End::Committed),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, End::Committed),
    (Produce, Err::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, End::Committed),
    (Produce, Err::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, End::Committed),
    (Produce, Err::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, End::Committed),
    // The group has moved on without this member, or may not be written to.
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, End::Aborted),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, End::Aborted),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, End::Aborted),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, End::Aborted),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, End::Aborted),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, End::Aborted),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, End::Aborted),
    // A record that the topic does not take.
    (Produce, Err::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, End::Aborted),
    (Produce, Err::RD_KAFKA_RESP_ERR_INVALID_RECORD, End::Aborted),
    // Another producer has taken the name, or the broker has lost track of this one.
    (AddPartitionsToTxn, Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, End::GivenUp),
    (AddOffsetsToTxn, Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, End::GivenUp),
    (TxnOffsetCommit, Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, End::GivenUp),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, End::GivenUp),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, End::GivenUp),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, End::GivenUp),
    (EndTxn, Err::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, End::GivenUp),
];

#[test]
fn every_error_of_a_broker_ends_as_the_table_says() {
    let mut wrong = Vec::new();
    let mut bench = Bench::new();
    for (api, error, expected) in TABLE {
        bench.cluster.clear_request_errors(*api);
        bench.producer = Bench::producer(&bench.config);
        // The request meets the error once, and a few times where it is to be waited out.
        let times = if *expected == End::Committed { 3 } else { 1 };
        bench.cluster.request_errors(*api, &vec![*error; times]);
        bench.begin(3);
        let end = match bench.commit() {
            Outcome::Committed { .. } => Ok(End::Committed),
            Outcome::Abort(_) => {
                bench.cluster.clear_request_errors(*api);
                transaction::abort(&bench.producer).map(|()| End::Aborted).map_err(|error| format!("abort: {error}"))
            }
            Outcome::Renew(_) => Ok(End::GivenUp),
        };
        if end != Ok(*expected) {
            wrong.push(format!("{api:?} {error:?}: {end:?}, not {expected:?}"));
            continue;
        }
        if end == Ok(End::GivenUp) {
            bench.producer = Bench::producer(&bench.config);
        }
        if let Result::Err(next) = bench.goes_on() {
            wrong.push(format!("{api:?} {error:?}: the next transaction ends with {next:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TABLE.len(), wrong.join("\n"));
}

#[test]
fn initialising_waits_for_a_coordinator_that_moves_and_is_given_up_when_refused() {
    let bench = Bench::new();
    let producer = |error: RDKafkaRespErr| {
        bench.cluster.request_errors(InitProducerId, &[error; 2]);
        let identity = Identity::new(&bench.config, 1);
        let producer = clients::producer(&bench.config, &identity, 1 << 20, Metrics::new("test")).expect("a producer");
        let result = producer.init_transactions(PATIENCE);
        bench.cluster.clear_request_errors(InitProducerId);
        result.map_err(|error| remedy(&error))
    };
    assert_eq!(producer(Err::RD_KAFKA_RESP_ERR_NOT_COORDINATOR), Ok(()));
    assert_eq!(producer(Err::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS), Ok(()));
    assert_eq!(producer(Err::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED), Err(Remedy::Renew));
    assert_eq!(producer(Err::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH), Err(Remedy::Renew));
}

/// `flush` never takes less than 100 ms while anything is in flight.
#[test]
fn a_commit_does_not_wait_for_the_tenth_of_a_second_of_flush() {
    let bench = Bench::new();
    let started = Instant::now();
    for _ in 0..20 {
        bench.begin(5);
        assert!(matches!(bench.commit(), Outcome::Committed { doubtful: false }));
    }
    assert!(started.elapsed() < Duration::from_millis(1_800), "20 commits took {:?}", started.elapsed());
}

/// A producer without a polling thread hangs in `abort_transaction` as long as anything is queued.
#[test]
fn an_abort_does_not_wait_for_what_is_queued() {
    let bench = Bench::with(&[("linger.ms", "2000")]);
    bench.begin(1_000);
    let started = Instant::now();
    transaction::abort(&bench.producer).expect("it is aborted");
    assert!(started.elapsed() < Duration::from_secs(2), "the abort took {:?}", started.elapsed());
    bench.begin(1);
    assert!(matches!(bench.commit(), Outcome::Committed { .. }));
}

/// `send_offsets_to_transaction` succeeds while records are in flight, whatever becomes of them.
#[test]
fn a_record_that_was_not_delivered_is_no_committed_transaction() {
    let bench = Bench::new();
    bench.cluster.broker_round_trip_time(-1, Duration::from_millis(200)).expect("a slow broker");
    bench.cluster.request_errors(Produce, &[Err::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    bench.begin(10);
    assert!(matches!(bench.commit(), Outcome::Abort(_)));
    transaction::abort(&bench.producer).expect("it is aborted");
    let next = bench.goes_on();
    assert!(next.is_ok(), "the failure sticks to later transactions: {next:?}");
}

/// A commit that times out can only be called again; and since its first request may still be under way, the producer must
/// not begin another transaction in the same epoch.
#[test]
fn a_commit_whose_answer_is_late_is_repeated_and_called_doubtful() {
    let bench = Bench::new();
    bench.begin(1);
    while bench.producer.in_flight_count() > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    bench.cluster.request_errors(EndTxn, &[Err::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS; 14]);
    let outcome = bench.commit();
    assert!(matches!(outcome, Outcome::Committed { doubtful: true }), "{outcome:?}");
}

/// Sending offsets waits for a group coordinator that is away, whatever its time-out says (librdkafka #5456, #5511).
#[test]
fn a_commit_that_hangs_is_given_up_and_a_new_producer_goes_on() {
    let mut bench = Bench::on(2, &[]);
    let group = MockCoordinator::Group(bench.config.kafka.group.clone());
    bench.cluster.coordinator(group, 2).expect("a broker of the cluster");
    bench.cluster.broker_down(2).expect("a broker of the cluster");
    bench.begin(1);
    let started = Instant::now();
    let outcome = bench.commit();
    assert!(matches!(outcome, Outcome::Renew(_)), "{outcome:?}");
    let took = started.elapsed();
    assert!(took > Duration::from_secs(15), "the client has given it up after {took:?}: then nobody else need");
    assert!(Arc::strong_count(&bench.producer) > 1, "the call does not hang");
    bench.cluster.broker_up(2).expect("a broker of the cluster");
    bench.producer = Bench::producer(&bench.config);
    let next = bench.goes_on();
    assert!(next.is_ok(), "{next:?}");
}

/// A commit that fails while it flushes surfaces as `KafkaError::Flush`, without any flag.
#[test]
fn errors_without_flags_have_their_remedy_too() {
    use RDKafkaErrorCode as Code;
    for (error, expected) in [
        (KafkaError::Flush(Code::OperationTimedOut), Remedy::Retry),
        (KafkaError::Flush(Code::MessageTimedOut), Remedy::Renew),
        (KafkaError::MessageProduction(Code::MessageTimedOut), Remedy::Renew),
        (KafkaError::Flush(Code::InvalidRecord), Remedy::Abort),
        (KafkaError::MessageProduction(Code::MessageSizeTooLarge), Remedy::Abort),
        (KafkaError::MessageProduction(Code::TopicAuthorizationFailed), Remedy::Abort),
        (KafkaError::ClientCreation("a helper thread died".into()), Remedy::Renew),
        (KafkaError::MessageConsumption(Code::AssignmentLost), Remedy::Renew),
        (KafkaError::Global(Code::AllBrokersDown), Remedy::Renew),
    ] {
        assert_eq!(remedy(&error), expected, "{error}");
    }
}

/// Anything larger than a topic takes is an endless round of aborts, so the producer must not refuse what the worker sends:
/// its own limit lies above every topic's.
#[test]
fn the_producer_takes_a_record_as_large_as_the_worker_may_send() {
    let bench = Bench::new();
    let identity = Identity::new(&bench.config, 2);
    let producer =
        clients::producer(&bench.config, &identity, (2 << 20) + (16 << 10), Metrics::new("test")).expect("a producer");
    producer.init_transactions(PATIENCE).expect("transactions");
    producer.begin_transaction().expect("a transaction");
    let value = vec![b'x'; 2 << 20];
    let sent = producer.send(BaseRecord::<str, [u8]>::to(&bench.config.topics.articles).key("k").payload(&value));
    assert!(sent.is_ok(), "{:?}", sent.err().map(|(error, _)| error));
}
