//! Three workers at one desk: what can be done to them, and what is waited for.
//!
//! Nothing here goes by the clock where an event can be waited for, so a slow machine makes a run longer and not false.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::harness::desk::{Desk, now};
use crate::harness::leash::Signal;
use crate::harness::ledger::Ledger;
use crate::harness::reader::Ends;
use crate::harness::wait::{eventually, lived, seconds};
use crate::harness::worker::{Settings, Worker};
use crate::tally::Tally;
use crate::{Dice, input, promises};

/// How long a member may be silent before the group goes on without it.
const SESSION: Duration = seconds(3);

/// How long everything may take to come to rest after a fault.
pub const REST: Duration = seconds(60);

/// How many items are kept for after the last fault, and for workers that wait for some before, and how many follow every
/// other.
const AFTER_LAST: u64 = 1_200;
const AFTER_EACH: u64 = 40;

/// Three workers and their desk. Dropping it ends them.
pub struct Group {
    pub desk: Desk,
    pub tally: Tally,
    workers: [Option<Worker>; 3],
    settings: Settings,
    total: u64,
}

impl Group {
    /// Starts three workers with these settings, for `total` items.
    pub fn start(desk: Desk, settings: Settings, total: u64) -> Group {
        let session = SESSION.as_millis().to_string();
        let settings = settings
            .max_bytes(input::MAX_BYTES)
            .shutdown_seconds(60)
            .property("session.timeout.ms", &session)
            .property("socket.timeout.ms", "4000");
        let mut group = Group { desk, tally: Tally::default(), workers: [None, None, None], settings, total };
        group.complete();
        group
    }

    /// Goes through the faults: before each come items, and after it the group must go on.
    pub fn suffer<F: Copy + Debug>(&mut self, faults: &[F], mut fault: impl FnMut(&mut Group, F)) {
        let started = lived();
        for (number, kind) in faults.iter().enumerate() {
            let begun = (lived() - started).as_secs_f64();
            self.feed(faults.len() - number);
            fault(self, *kind);
            let undone = lived();
            self.workers.iter().flatten().for_each(Worker::assert_alive);
            self.complete();
            self.await_progress();
            let recovered = (lived() - undone).as_secs_f64();
            println!("{begun:6.1} s  {:<28} going on after {recovered:.1} s", format!("{kind:?}"));
        }
        println!("{:6.1} s  the last fault is over", (lived() - started).as_secs_f64());
    }

    /// Starts whoever is missing.
    pub fn complete(&mut self) {
        for who in 0..3 {
            if self.workers[who].is_none() {
                self.start_one(who);
            }
        }
    }

    /// What a worker is told.
    pub fn settings(&self, who: usize) -> Settings {
        Settings { instance: format!("w{who}"), ..self.settings.clone() }
    }

    /// Starts a worker.
    pub fn start_one(&mut self, who: usize) {
        self.start_with(who, &self.settings(who));
    }

    fn start_with(&mut self, who: usize, settings: &Settings) {
        self.workers[who] = Some(Worker::start_with(&self.desk, settings));
    }

    /// One of them.
    pub fn worker(&self, who: usize) -> &Worker {
        self.workers[who].as_ref().expect("it was started")
    }

    /// Takes a worker off the stage; its log is counted.
    fn take(&mut self, who: usize) {
        let worker = self.workers[who].take().expect("it was started");
        self.tally.read(&worker.log());
    }

    /// Kills a worker.
    pub fn kill(&mut self, who: usize) {
        self.worker(who).signal(Signal::Kill);
        self.worker(who).exit_code(seconds(10));
        self.take(who);
    }

    /// Tells a worker to leave; it drains and says goodbye.
    pub fn dismiss(&mut self, who: usize) {
        // Before it listens to signals, one would simply end it.
        await_log(self.worker(who), "metrics and probes", seconds(40));
        self.worker(who).signal(Signal::Term);
        let code = self.worker(who).exit_code(seconds(80));
        assert_eq!(code, Some(0), "worker {who} after SIGTERM; its log:\n{}", self.worker(who).log());
        self.take(who);
    }

    /// Sends the next items, so many that those left suffice for this many faults.
    fn feed(&mut self, faults_left: usize) {
        let left = self.total.saturating_sub(AFTER_LAST + self.desk.sent.len() as u64);
        self.send((left / faults_left as u64).saturating_sub(AFTER_EACH));
    }

    /// Sends this many of the items that are left.
    pub fn send(&mut self, count: u64) {
        let (sent, now) = (self.desk.sent.len() as u64, now());
        let numbers = sent..(sent + count).min(self.total);
        self.desk.send(numbers.map(|number| input::raw(number, now)));
    }

    /// A worker is killed, and its successor dies at a failpoint.
    pub fn die(&mut self, who: usize, point: &'static str, dice: &mut Dice) {
        self.die_as(who, &self.settings(who), point, dice);
    }

    /// The same with these settings for the successor.
    pub fn die_as(&mut self, who: usize, settings: &Settings, point: &'static str, dice: &mut Dice) {
        self.kill(who);
        let count = count_at(point, dice);
        self.start_with(who, &settings.clone().dying_at(point, count));
        self.provoke(who, point, |worker| worker.has_ended());
        self.take(who);
    }

    /// A worker freezes until the group has gone on without it, and goes on.
    pub fn zombie(&mut self, who: usize) {
        // One that has only been started is in no group yet, though the list may still have the one before it; and who has no
        // partitions has none to lose.
        eventually("it has partitions", REST, || {
            let log = self.worker(who).log();
            match log.lines().any(|line| line.contains("assigned partitions=") && !line.ends_with('=')) {
                true => Ok(()),
                false => Err(log.lines().last().unwrap_or("nothing in its log").to_owned()),
            }
        });
        self.worker(who).signal(Signal::Stop);
        self.await_gone(who);
        self.worker(who).signal(Signal::Cont);
        await_log(self.worker(who), "lost=true", REST);
    }

    /// A worker freezes in a transaction, another is started under its name, and the frozen one goes on. One of the two may
    /// stay.
    pub fn replace(&mut self, who: usize, point: &'static str, dice: &mut Dice) {
        self.kill(who);
        let count = count_at(point, dice);
        self.start_with(who, &self.settings(who).freezing_at(point, count));
        self.provoke(who, point, |worker| worker.log().contains("freezing on purpose"));
        let frozen = self.workers[who].take().expect("it was started");
        self.start_one(who);
        await_log(self.worker(who), "assigned partitions", REST);
        self.await_progress();
        frozen.signal(Signal::Cont);
        eventually("one of two workers of one name ends", REST, || {
            match frozen.has_ended() || self.worker(who).has_ended() {
                true => Ok(()),
                false => Err("both run".into()),
            }
        });
        let (stays, ends) = match frozen.has_ended() {
            true => (self.workers[who].take().expect("it was started"), frozen),
            false => (frozen, self.workers[who].take().expect("it was started")),
        };
        assert!(ends.log().contains("joined the group as instance"), "it says why it ended:\n{}", ends.log());
        self.tally.read(&ends.log());
        self.workers[who] = Some(stays);
    }

    /// Keeps a worker busy until it has come to `point`.
    fn provoke(&mut self, who: usize, point: &str, has_come: impl Fn(&Worker) -> bool) {
        // Not so, if another cargo command has put a binary without failpoints in its place.
        await_log(self.worker(who), "armed", REST);
        let (started, mut provoked) = (lived(), lived());
        while !has_come(self.worker(who)) {
            assert!(lived() - started < 2 * REST, "worker {who} never passed {point}:\n{}", self.worker(who).log());
            // Only a rebalance makes it give up or take partitions; what else it does needs items.
            if lived() - provoked > seconds(4) {
                provoked = lived();
                if ["in-revoke", "mid-restore"].contains(&point) {
                    let other = (who + 1) % 3;
                    await_log(self.worker(other), "assigned partitions", REST);
                    self.dismiss(other);
                    self.start_one(other);
                    await_log(self.worker(other), "assigned partitions", REST);
                }
                self.send(AFTER_EACH);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the group goes on without this worker.
    pub fn await_gone(&self, who: usize) {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.desk.bootstrap).create().expect("a client");
        let name = format!("copydesk-w{who}");
        eventually("the group goes on without it", REST, || {
            let list =
                client.fetch_group_list(Some(&self.desk.group), seconds(5)).map_err(|error| error.to_string())?;
            // In the middle of a rebalance, or of a coordinator's start, the list says nothing of who is there.
            let group = list.groups().first().ok_or("no such group")?;
            let names: Vec<&str> = group.members().iter().map(|member| member.client_id()).collect();
            let settled = (group.state() == "Stable" && !names.is_empty()) || group.state() == "Empty";
            match settled && !names.contains(&name.as_str()) {
                true => Ok(()),
                false => Err(format!("{} with members {names:?}", group.state())),
            }
        });
    }

    /// Waits until the group has committed more, of items old or new.
    pub fn await_progress(&mut self) {
        let before = self.committed();
        self.send(AFTER_EACH);
        if before < self.desk.sent.len() as i64 {
            let workers: Vec<&Worker> = self.workers.iter().flatten().collect();
            eventually("the group goes on", REST, || {
                workers.iter().for_each(|worker| worker.assert_alive());
                match self.committed() {
                    now if now > before => Ok(()),
                    now => Err(format!("{now} raw items of {} are committed", self.desk.sent.len())),
                }
            });
        }
    }

    /// How many raw items the group has behind it: offsets move with committed transactions only.
    fn committed(&self) -> i64 {
        self.desk.committed(&self.desk.topics.raw).values().sum()
    }

    /// After the last fault: everything is drained, the books are right, and a new item passes.
    pub fn rest(mut self) -> (Tally, BTreeSet<String>) {
        let started = lived();
        self.send(self.total);
        let count = self.desk.sent.len();
        let workers: Vec<&Worker> = self.workers.iter().flatten().collect();
        self.desk.outcomes().await_total(count, &workers);
        for topic in self.desk.topics.all() {
            let ends = Ends::of(&self.desk.bootstrap, topic);
            eventually(&format!("nothing of {topic} is hidden"), REST, || match ends.hidden()? {
                0 => Ok(()),
                hidden => Err(format!("{hidden} records")),
            });
        }
        let drained = lived() - started;
        println!("          drained {:.1} s after the last fault", drained.as_secs_f64());
        assert!(drained < REST, "not drained within {REST:?}");
        (0..3).for_each(|who| self.dismiss(who));
        self.tally.items = count;
        self.tally.read_transactions(&self.desk.bootstrap);
        println!("{:#?}", self.tally);
        let ledger = Ledger::read(&self.desk);
        let mut broken = promises::broken(&self.desk, &ledger, count as u64, &self.settings(0));
        let found = broken.len();
        broken.truncate(12);
        assert!(found == 0, "{found} promises are broken:\n  {}", broken.join("\n  "));
        (self.tally, promises::articles(&ledger))
    }
}

/// At which passage of a failpoint something happens: anywhere in the work of the first seconds.
fn count_at(point: &str, dice: &mut Dice) -> u32 {
    let passages = match point {
        "after-produce" => 100,
        "mid-restore" => 50,
        "in-revoke" => 1,
        _ => 4,
    };
    1 + u32::try_from(dice.below(passages)).expect("few")
}

/// How many lines of a worker's log say this.
pub fn count_in(worker: &Worker, what: &str) -> usize {
    worker.log().lines().filter(|line| line.contains(what)).count()
}

#[track_caller]
fn await_log(worker: &Worker, what: &str, within: Duration) {
    eventually(&format!("the log says {what:?}"), within, || match worker.log().contains(what) {
        true => Ok(()),
        false => {
            worker.assert_alive();
            Err(worker.log().lines().last().unwrap_or("nothing in it").to_owned())
        }
    });
}
