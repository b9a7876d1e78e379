//! Three brokers, three workers, and the deaths of those who lead and coordinate.
//!
//! While a broker is away the group must go on without it; only where two of three are away it may wait for one.

use std::collections::BTreeSet;

use crate::group::Group;
use crate::harness::cluster::Cluster;
use crate::harness::desk::Desk;
use crate::harness::jars;
use crate::harness::worker::Settings;
use crate::tally::Tally;
use crate::{Dice, items};

/// What a broker is for the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It leads a partition of a topic: the first of them in the order in which data meets them, or another.
    Leads(usize),
    /// It keeps the group's members and offsets.
    CoordinatesGroup,
    /// It keeps the transactions of a worker.
    CoordinatesTransactions,
}

/// What can go wrong with brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A broker is killed, and comes back when the group has gone on without it.
    Dies(Role),
    /// A broker freezes until others have taken its place and the group has gone on, and still believes in it afterwards.
    Freezes(Role),
    /// A worker dies in a transaction, then the broker that keeps it; the worker comes back first.
    DiesWithWorker(&'static str),
    /// Every broker is shut down and started again, one after the other.
    Rolling,
    /// Two are killed at once: nobody may write until one of them is back.
    TwoDie,
    /// All are killed at once.
    AllDie,
}

/// The indices of the raw items, of what lies between the steps, of the changelog and of the articles among the topics.
const LED: [usize; 4] = [0, 1, 2, 3];

/// Every fault once, in the order of the dice.
fn round(dice: &mut Dice) -> Vec<Fault> {
    let mut faults = vec![Fault::Rolling, Fault::TwoDie, Fault::AllDie];
    let coordinators = [Role::CoordinatesGroup, Role::CoordinatesTransactions];
    let roles = LED.map(Role::Leads).into_iter().chain(coordinators);
    faults.extend(roles.clone().map(Fault::Dies));
    faults.extend([Role::Leads(1), Role::Leads(3)].into_iter().chain(coordinators).map(Fault::Freezes));
    faults.extend(["after-produce", "before-commit", "after-commit"].map(Fault::DiesWithWorker));
    dice.shuffle(&mut faults);
    faults
}

/// One run from its first fault to its books.
pub fn run(seed: u64, rounds: usize) -> (Tally, BTreeSet<String>) {
    let mut dice = Dice(seed);
    let faults = dice.schedule(rounds, round);
    let version = std::env::var("COPYDESK_TEST_CHAOS_KAFKA").unwrap_or_else(|_| jars::VERSION_FOR_CRASHES.into());
    let cluster = Cluster::start(Box::leak(version.into_boxed_str()));
    let desk = Desk::at(&cluster.bootstrap());
    let mut group = Group::start(desk, Settings::named(""), items(rounds));
    let mut stage = Stage { cluster, dice };
    group.suffer(&faults, |group, fault| stage.inflict(fault, group));
    group.rest()
}

/// What a run must at least have shown, and has not.
pub fn missing(tally: &Tally, rounds: usize) -> Vec<String> {
    let wanted = [(tally.aborted, 3 * rounds, "aborted transactions"), (tally.restores, 3 * rounds, "restores")];
    let short = wanted.iter().filter(|(count, wanted, _)| count < wanted);
    short.map(|(count, wanted, what)| format!("{count} of {wanted} {what}")).collect()
}

/// What the group stands on.
struct Stage {
    cluster: Cluster,
    dice: Dice,
}

impl Stage {
    fn inflict(&mut self, fault: Fault, group: &mut Group) {
        let who = self.dice.below(3);
        match fault {
            Fault::Dies(role) => {
                let node = self.find(role, who, group);
                self.cluster.kill(node);
                self.cluster.await_deposed(node);
                go_on_without(group);
                self.cluster.start_again(&[node]);
            }
            Fault::Freezes(role) => {
                let node = self.find(role, who, group);
                self.cluster.freeze_until_deposed(node);
                go_on_without(group);
                self.cluster.resume(node);
            }
            Fault::DiesWithWorker(point) => {
                let node = self.find(Role::CoordinatesTransactions, who, group);
                group.die(who, point, &mut self.dice);
                self.cluster.kill(node);
                group.start_one(who);
                go_on_without(group);
                self.cluster.start_again(&[node]);
            }
            Fault::Rolling => (0..3).for_each(|node| {
                self.cluster.stop(node);
                go_on_without(group);
                self.cluster.start_again(&[node]);
            }),
            Fault::TwoDie => {
                let nodes = [(who + 1) % 3, (who + 2) % 3];
                nodes.iter().for_each(|node| self.cluster.kill(*node));
                self.cluster.start_again(&nodes);
            }
            Fault::AllDie => {
                (0..3).for_each(|node| self.cluster.kill(node));
                self.cluster.start_again(&[0, 1, 2]);
            }
        }
        group.desk.reconnect();
    }

    /// Who has this role: for one of the partitions, or for one of the workers.
    fn find(&mut self, role: Role, who: usize, group: &Group) -> usize {
        let desk = &group.desk;
        match role {
            Role::Leads(topic) => {
                let partition = self.dice.below(4);
                self.cluster.leader(desk.topics.all()[topic], i32::try_from(partition).expect("few"))
            }
            Role::CoordinatesGroup => self.cluster.group_coordinator(&desk.group),
            Role::CoordinatesTransactions => self.cluster.transaction_coordinator(&format!("{}-w{who}-0", desk.group)),
        }
    }
}

/// The group goes on while a broker is away. The feed's client is a new one: the old one would wait a minute for the answers
/// of a broker that is frozen, and may never find the heirs of one that is dead.
fn go_on_without(group: &mut Group) {
    group.desk.reconnect();
    group.await_progress();
}
