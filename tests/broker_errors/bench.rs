//! A mock cluster, and the clients of a worker on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use copydesk::config::Config;
use copydesk::stream::clients::{self, Identity, WireConsumer, WireProducer};
use copydesk::stream::transaction::{self, Committer, Outcome};
use copydesk::telemetry::Metrics;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, ConsumerGroupMetadata};
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A mock cluster with a member of the group and a transactional producer.
pub struct Bench {
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    pub config: Config,
    pub consumer: WireConsumer,
    pub producer: Arc<WireProducer>,
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(&[])
    }

    pub fn with(properties: &[(&str, &str)]) -> Bench {
        Bench::on(1, properties)
    }

    /// On so many brokers. The first does everything.
    pub fn on(brokers: i32, properties: &[(&str, &str)]) -> Bench {
        let cluster = MockCluster::new(brokers).expect("a mock cluster");
        let mut config = Config::default();
        config.kafka.brokers = cluster.bootstrap_servers();
        config.kafka.instance = "a".into();
        for (name, value) in properties {
            config.kafka.properties.insert((*name).into(), (*value).into());
        }
        let topics = &config.topics;
        for topic in [&topics.raw, &topics.normalized, &topics.seen, &topics.articles] {
            cluster.create_topic(topic, 1, 1).expect("a topic");
            cluster.partition_leader(topic, 0, Some(1)).expect("a broker of the cluster");
        }
        let transactional_id = Identity::new(&config, 0).transactional_id;
        cluster.coordinator(MockCoordinator::Transaction(transactional_id), 1).expect("a broker of the cluster");
        cluster.coordinator(MockCoordinator::Group(config.kafka.group.clone()), 1).expect("a broker of the cluster");
        let consumer = Bench::member(&config, 0, &config.topics.raw);
        let producer = Bench::producer(&config);
        Bench { cluster, config, consumer, producer }
    }

    /// The consumer of worker `thread`, which owns all of `topic`.
    pub fn member(config: &Config, thread: usize, topic: &str) -> WireConsumer {
        let identity = Identity::new(config, thread);
        let consumer = clients::consumer(config, &identity, Metrics::new("test")).expect("a consumer");
        consumer.subscribe(&[topic]).expect("a subscription");
        let started = Instant::now();
        while consumer.context().next_rebalance().is_none_or(|rebalance| rebalance.answer(&consumer).is_err()) {
            assert!(started.elapsed() < PATIENCE, "the mock cluster assigns partitions");
            consumer.poll(Duration::from_millis(50));
        }
        consumer
    }

    pub fn producer(config: &Config) -> Arc<WireProducer> {
        let producer = clients::producer(config, &Identity::new(config, 0), 1 << 20, Metrics::new("test"));
        let producer = producer.expect("a producer");
        producer.init_transactions(PATIENCE).expect("transactions");
        Arc::new(producer)
    }

    pub fn group(&self) -> ConsumerGroupMetadata {
        self.consumer.group_metadata().expect("a member")
    }

    pub fn begin(&self, records: usize) {
        self.producer.begin_transaction().expect("no transaction is open");
        for _ in 0..records {
            let record = BaseRecord::to(&self.config.topics.articles).key("k").payload("an article");
            self.producer.send(record).expect("the queue has room");
        }
    }

    /// Commits what is open, with one offset.
    pub fn commit(&self) -> Outcome {
        self.commit_for(&self.config.topics.raw)
    }

    /// Commits what is open, with an offset of this topic.
    pub fn commit_for(&self, topic: &str) -> Outcome {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, 0, Offset::Offset(7)).expect("an offset");
        let committer = Committer::start(Arc::clone(&self.producer)).expect("a thread");
        committer.commit(offsets, self.group());
        let mut outcomes = (0..90).filter_map(|_| committer.outcome(Duration::from_secs(1)).expect("the thread lives"));
        outcomes.next().expect("an outcome within 90 s")
    }

    /// Whether the next transaction commits, or the one after it: once a broker has refused a record, the first may find that
    /// the sequence numbers of what was thrown away are missing, and is aborted for it.
    pub fn goes_on(&self) -> Result<(), Outcome> {
        for last in [false, true] {
            self.begin(1);
            match self.commit() {
                Outcome::Committed { .. } => break,
                Outcome::Abort(_) if !last => transaction::abort(&self.producer).expect("it is aborted"),
                other => return Result::Err(other),
            }
        }
        Ok(())
    }
}

impl Drop for Bench {
    /// A revocation that nobody answers would hold up the end of the consumer.
    fn drop(&mut self) {
        self.consumer.context().close();
    }
}
