//! One broker behind a proxy, three workers, and everything that can go wrong between them.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::group::{Group, REST, count_in};
use crate::harness::broker::Broker;
use crate::harness::desk::Desk;
use crate::harness::proxy::{Answers, Proxy, api};
use crate::harness::wait::{eventually, lived, seconds};
use crate::harness::worker::{Settings, Worker};
use crate::tally::Tally;
use crate::{Dice, FAILPOINTS, LONG, items};

/// What a restore says that has to wait.
const WAITS: &str = "waiting for open transactions";

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A worker is killed, and its successor dies at a failpoint.
    Die(&'static str),
    /// A worker freezes until the group has gone on without it.
    Zombie,
    /// A worker freezes at a failpoint, another takes its name, and the frozen one goes on.
    Replaced(&'static str),
    /// Every worker is told to leave, one after the other, and comes back.
    Rolling,
    /// Two of the workers leave and come back later.
    Scale,
    /// The broker is killed and started again.
    BrokerDies,
    /// The broker freezes.
    BrokerFreezes,
    /// The answers to ends of transactions are lost.
    AnswersLost,
    /// All answers are late.
    AnswersLate,
    /// A worker dies in a transaction, and whoever takes over dies before that has timed out.
    HandOverTwice,
}

/// Every fault once, in the order of the dice.
fn round(dice: &mut Dice) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Zombie,
        Fault::Rolling,
        Fault::Scale,
        Fault::BrokerDies,
        Fault::BrokerFreezes,
        Fault::AnswersLost,
        Fault::AnswersLate,
        Fault::HandOverTwice,
    ];
    faults.extend(FAILPOINTS.map(Fault::Die));
    faults.extend(["after-produce", "before-offsets", "before-commit"].map(Fault::Replaced));
    dice.shuffle(&mut faults);
    faults
}

/// One run from its first fault to its books.
pub fn run(seed: u64, rounds: usize) -> (Tally, BTreeSet<String>) {
    let mut dice = Dice(seed);
    let faults = dice.schedule(rounds, round);
    let proxy = Proxy::listen();
    let broker = Broker::private_behind(&proxy);
    let long = rounds >= LONG;
    let settings = Settings::named("").through(&proxy);
    let mut group = Group::start(Desk::open(&broker), settings, items(rounds));
    let mut stage = Stage { proxy, broker, dice, long };
    group.suffer(&faults, |group, fault| stage.inflict(fault, group));
    group.tally.answers = stage.proxy.touched();
    group.rest()
}

/// What the group stands on.
struct Stage {
    proxy: Proxy,
    broker: Broker,
    dice: Dice,
    long: bool,
}

impl Stage {
    fn inflict(&mut self, fault: Fault, group: &mut Group) {
        let who = self.dice.below(3);
        match fault {
            Fault::Die(point) => group.die(who, point, &mut self.dice),
            Fault::Zombie => group.zombie(who),
            Fault::Replaced(point) => group.replace(who, point, &mut self.dice),
            Fault::Rolling => (0..3).for_each(|who| {
                group.dismiss(who);
                group.start_one(who);
            }),
            Fault::Scale => {
                let others = [(who + 1) % 3, (who + 2) % 3];
                others.iter().for_each(|other| group.dismiss(*other));
                group.await_progress();
            }
            Fault::BrokerDies => {
                self.broker.kill();
                thread::sleep(Duration::from_millis(500 + self.dice.below(1_500) as u64));
                self.broker.start_again();
                group.desk.reconnect();
            }
            Fault::BrokerFreezes => {
                self.broker.pause();
                thread::sleep(seconds(5 + self.dice.below(if self.long { 15 } else { 3 }) as u64));
                self.broker.resume();
                group.desk.reconnect();
            }
            Fault::AnswersLost => {
                let count = 1 + self.dice.below(4);
                self.hold_answers(Answers::Lost, count, group);
            }
            Fault::AnswersLate => {
                let by = Duration::from_millis(200 + self.dice.below(3_000) as u64);
                let count = 2 + self.dice.below(6);
                self.hold_answers(Answers::Late(by), count, group);
            }
            Fault::HandOverTwice => hand_over_until_three_wait(group, &mut self.dice),
        }
    }

    /// Answers to ends of transactions fare like this until it has happened to some.
    fn hold_answers(&self, fate: Answers, count: usize, group: &mut Group) {
        let before = self.proxy.touched();
        self.proxy.answers(fate, &[api::END_TXN]);
        eventually("answers are held back", REST, || match self.proxy.touched() - before {
            held if held >= count => Ok(()),
            held => {
                group.send(10);
                thread::sleep(Duration::from_millis(200));
                Err(format!("{held} of {count}"))
            }
        });
        self.proxy.answers(Answers::Pass, &[]);
    }
}

/// Hands over twice, again and again until three restores had to wait.
fn hand_over_until_three_wait(group: &mut Group, dice: &mut Dice) {
    let (mut waited, mut tries) = (0, 0);
    while waited < 3 {
        tries += 1;
        assert!(tries < 8, "only {waited} restores had to wait in so many hand-overs");
        waited += hand_over_twice(group, dice);
        group.complete();
        group.await_progress();
    }
}

/// A worker dies in a transaction that hides a part of the changelog, so that those who take over have to wait for its end,
/// and the first of them dies before that. Answers how many restores had to wait.
fn hand_over_twice(group: &mut Group, dice: &mut Dice) -> usize {
    let restored = |who: &usize| count_in(group.worker(*who), " restored ");
    let who = (0..3).max_by_key(restored).expect("three workers");
    let (heir, last) = ((who + 1) % 3, (who + 2) % 3);
    let before = [heir, last].map(|who| count_in(group.worker(who), WAITS));
    let settings = group.settings(who).property("transaction.timeout.ms", "30000");
    group.die_as(who, &settings, "before-offsets", dice);
    group.await_gone(who);
    let by_heir = waits(group.worker(heir), before[0]);
    group.kill(heir);
    group.await_gone(heir);
    by_heir + waits(group.worker(last), before[1])
}

/// How many restores of a worker wait for an open transaction, beyond those of before; all of them begin within a moment of
/// the first, if any does.
fn waits(worker: &Worker, before: usize) -> usize {
    let started = lived();
    while count_in(worker, WAITS) <= before && lived() - started < seconds(6) {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    count_in(worker, WAITS) - before
}
