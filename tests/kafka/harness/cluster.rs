//! Three brokers, each also a controller, that replicate everything and need two of three for a write.

use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use super::broker::{Broker, FENCED, free_port};
use super::leash::Signal;
use super::wait::{eventually, seconds};

/// How long the brokers have to start and to agree on something.
const AGREED: Duration = seconds(180);

/// Three brokers.
pub struct Cluster {
    nodes: Vec<Broker>,
}

impl Cluster {
    /// Starts three brokers of this version.
    pub fn start(version: &'static str) -> Cluster {
        let ports = [(); 3].map(|()| (free_port(), free_port()));
        let voters: Vec<String> = (1..).zip(ports).map(|(id, (_, port))| format!("{id}@127.0.0.1:{port}")).collect();
        let settings = |id: usize| {
            format!(
                "node.id={id}\n\
                 controller.quorum.voters={}\n\
                 default.replication.factor=3\n\
                 min.insync.replicas=2\n\
                 offsets.topic.replication.factor=3\n\
                 transaction.state.log.replication.factor=3\n\
                 transaction.state.log.min.isr=2\n\
                 share.coordinator.state.topic.replication.factor=3\n\
                 share.coordinator.state.topic.min.isr=2\n\
                 replica.lag.time.max.ms=3000\n",
                voters.join(",")
            )
        };
        let node = |(id, (port, controller))| Broker::one_of_several(version, port, controller, &settings(id));
        let mut cluster = Cluster { nodes: (1..).zip(ports).map(node).collect() };
        cluster.start_again(&[0, 1, 2]);
        cluster
    }

    /// The addresses of all three, as clients want them.
    pub fn bootstrap(&self) -> String {
        self.nodes.iter().map(Broker::bootstrap).collect::<Vec<_>>().join(",")
    }

    /// Kills a broker (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Shuts a broker down in order (SIGTERM).
    pub fn stop(&mut self, node: usize) {
        self.nodes[node].stop();
    }

    /// Freezes a broker (SIGSTOP) and waits until others have taken its place. Whoever stops this machine and lets it go on
    /// lets the broker go on too, so it is told more than once.
    pub fn freeze_until_deposed(&mut self, node: usize) {
        eventually(&format!("broker {} freezes and leads nothing", node + 1), AGREED, || {
            self.nodes[node].signal(Signal::Stop);
            self.is_deposed(node)
        });
    }

    /// Lets a frozen broker go on (SIGCONT), and waits until it has caught up.
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].signal(Signal::Cont);
        // Until it has heard what it missed, it tells of the past.
        thread::sleep(FENCED);
        self.await_caught_up();
    }

    /// Starts brokers again, and waits until they have caught up.
    pub fn start_again(&mut self, nodes: &[usize]) {
        nodes.iter().for_each(|node| self.nodes[*node].launch());
        self.await_caught_up();
    }

    /// Who leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> usize {
        eventually(&format!("{topic}/{partition} has a leader"), AGREED, || {
            let metadata = self.metadata(Some(topic))?;
            let found = metadata.topics()[0].partitions().iter().find(|found| found.id() == partition);
            let leader = found.ok_or("no such partition")?.leader();
            usize::try_from(leader - 1).map_err(|_| "no leader".into())
        })
    }

    /// Who keeps the offsets and members of this group.
    pub fn group_coordinator(&self, group: &str) -> usize {
        self.coordinator("__consumer_offsets", group)
    }

    /// Who keeps the transactions of this producer.
    pub fn transaction_coordinator(&self, transactional_id: &str) -> usize {
        self.coordinator("__transaction_state", transactional_id)
    }

    /// Kafka's rule: the leader of the partition to which Java's hash of the name leads.
    fn coordinator(&self, log: &str, of: &str) -> usize {
        let partitions = eventually(&format!("{log} exists"), AGREED, || {
            match self.metadata(Some(log))?.topics()[0].partitions().len() {
                0 => Err("no partitions".into()),
                count => Ok(u32::try_from(count).expect("few")),
            }
        });
        let hash = of.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        self.leader(log, i32::try_from(hash.unsigned_abs() % partitions).expect("few"))
    }

    /// Waits until no partition is led by this broker.
    pub fn await_deposed(&self, node: usize) {
        eventually(&format!("broker {} leads nothing", node + 1), AGREED, || self.is_deposed(node));
    }

    fn is_deposed(&self, node: usize) -> Result<(), String> {
        let id = i32::try_from(node + 1).expect("three");
        let metadata = self.metadata(None)?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        match partitions.filter(|partition| partition.leader() == id || partition.leader() < 0).count() {
            0 => Ok(()),
            count => Err(format!("{count} partitions are led by it or by nobody")),
        }
    }

    /// Waits until every partition has a leader, and all three brokers all its records.
    fn await_caught_up(&mut self) {
        eventually("three brokers have everything", AGREED, || {
            self.nodes.iter_mut().for_each(Broker::assert_alive);
            let metadata = self.metadata(None)?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let behind = partitions.filter(|partition| partition.leader() < 0 || partition.isr().len() < 3).count();
            match (metadata.brokers().len(), behind) {
                (3, 0) => Ok(()),
                (brokers, behind) => Err(format!("{brokers} brokers, {behind} partitions are behind")),
            }
        });
    }

    fn metadata(&self, topic: Option<&str>) -> Result<Metadata, String> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.bootstrap())
            .set("reconnect.backoff.max.ms", "100")
            .create()
            .expect("a client of brokers on this machine");
        client.fetch_metadata(topic, seconds(3)).map_err(|error| error.to_string())
    }
}
