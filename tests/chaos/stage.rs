//! Three workers, a broker behind a proxy, and what is done to them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::broker::Broker;
use crate::harness::desk::{Desk, now};
use crate::harness::leash::Signal;
use crate::harness::ledger::Ledger;
use crate::harness::proxy::{Answers, Proxy, api};
use crate::harness::reader::Ends;
use crate::harness::wait::{eventually, seconds};
use crate::harness::worker::{Settings, Worker};
use crate::{Dice, FAILPOINTS, Fault, input, promises};

/// How long a member may be silent before the group goes on without it.
const SESSION: Duration = seconds(3);

/// How long everything may take to come to rest after the last fault.
const REST: Duration = seconds(60);

/// How often each thing happened, as the workers' logs tell.
#[derive(Debug, Default)]
pub struct Tally {
    /// Items sent.
    pub items: u64,
    /// Deaths at each failpoint.
    pub deaths: BTreeMap<&'static str, usize>,
    /// Transactions that were aborted, or left open by a death.
    pub aborted: usize,
    /// Producers or members that were told that another has taken their place.
    pub fenced: usize,
    /// Partitions whose state was restored.
    pub restores: usize,
    /// Restores that had to wait for an open transaction.
    pub waits: usize,
    /// Answers that were late or lost.
    pub answers: usize,
}

impl Tally {
    fn read(&mut self, log: &str) {
        let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        self.aborted += count("transaction aborted");
        self.fenced += count("starting over with new Kafka clients");
        self.restores += count(" restored ");
        self.waits += count("waiting for open transactions");
        for name in FAILPOINTS {
            let died = log.lines().any(|line| line.contains("dying on purpose") && line.contains(name));
            *self.deaths.entry(name).or_default() += usize::from(died);
            self.aborted += usize::from(died && ["after-produce", "before-offsets", "before-commit"].contains(&name));
        }
    }

    /// Whether the run has shown anything.
    #[track_caller]
    pub fn assert_enough(&self, long: bool) {
        let (aborted, fenced, restores, waits) = if long { (20, 3, 10, 3) } else { (5, 1, 10, 1) };
        let missed: Vec<_> =
            FAILPOINTS.iter().filter(|name| self.deaths.get(*name).is_none_or(|count| *count == 0)).collect();
        assert!(missed.is_empty(), "nobody died at {missed:?}: this run has shown too little");
        assert!(
            self.aborted >= aborted,
            "{} of {aborted} aborted transactions: this run has shown too little",
            self.aborted
        );
        assert!(self.fenced >= fenced, "{} of {fenced} fenced: this run has shown too little", self.fenced);
        assert!(self.restores >= restores, "{} of {restores} restores: this run has shown too little", self.restores);
        assert!(
            self.waits >= waits,
            "{} of {waits} waits for an open transaction: this run has shown too little",
            self.waits
        );
        assert!(self.answers > 0, "no answer was late or lost: this run has shown too little");
    }
}

/// The stage. Dropping it ends everybody on it.
pub struct Stage {
    proxy: Proxy,
    broker: Broker,
    desk: Desk,
    workers: [Option<Worker>; 3],
    total: u64,
    tally: Tally,
}

impl Stage {
    /// Sets the stage for `total` items.
    pub fn set(total: u64) -> Stage {
        let proxy = Proxy::listen();
        let broker = Broker::private_behind(&proxy);
        let desk = Desk::open(&broker);
        let mut stage = Stage { proxy, broker, desk, workers: [None, None, None], total, tally: Tally::default() };
        (0..3).for_each(|who| stage.start(who, None));
        stage
    }

    fn settings(&self, who: usize) -> Settings {
        let session = SESSION.as_millis().to_string();
        Settings::named(&format!("w{who}"))
            .through(&self.proxy)
            .max_bytes(input::MAX_BYTES)
            .property("session.timeout.ms", &session)
            .property("socket.timeout.ms", "4000")
    }

    fn start(&mut self, who: usize, failpoint: Option<(&str, usize)>) {
        let mut settings = self.settings(who);
        if let Some((name, count)) = failpoint {
            settings = settings.dying_at(name, u32::try_from(count).expect("few"));
        }
        self.workers[who] = Some(Worker::start_with(&self.desk, &settings));
    }

    fn worker(&self, who: usize) -> &Worker {
        self.workers[who].as_ref().expect("it was started")
    }

    /// Takes a worker off the stage; its log is counted.
    fn take(&mut self, who: usize) -> Worker {
        let worker = self.workers[who].take().expect("it was started");
        self.tally.read(&worker.log());
        worker
    }

    fn kill(&mut self, who: usize) {
        self.worker(who).signal(Signal::Kill);
        self.worker(who).exit_code(seconds(10));
        self.take(who);
    }

    /// Tells a worker to leave; it drains and says goodbye.
    fn dismiss(&mut self, who: usize) {
        // Before it listens to signals, one would simply end it.
        eventually("the worker has begun", seconds(20), || {
            match self.worker(who).log().contains("metrics and probes") {
                true => Ok(()),
                false => Err("nothing in its log".into()),
            }
        });
        self.worker(who).signal(Signal::Term);
        let code = self.worker(who).exit_code(seconds(30));
        assert_eq!(code, Some(0), "worker {who} after SIGTERM");
        self.take(who);
    }

    /// Sends its share of what is left of the items for the time that is left.
    pub fn feed(&mut self, left: Duration, long: bool) {
        let sent = self.desk.sent.len() as u64;
        let per_second = if long { 400 } else { 250 };
        let share = ((self.total - sent) / (left.as_secs() / 4).max(1)).clamp(500, 4 * per_second);
        self.send(sent..(sent + share).min(self.total));
    }

    fn send(&mut self, numbers: std::ops::Range<u64>) {
        let now = now();
        self.desk.send(numbers.map(|number| input::raw(number, now)));
    }

    /// Does it to them, and undoes it.
    pub fn suffer(&mut self, fault: Fault, dice: &mut Dice, long: bool) {
        let who = dice.below(3);
        match fault {
            Fault::Die(point) => self.die(who, point, dice),
            Fault::Zombie => {
                self.worker(who).signal(Signal::Stop);
                thread::sleep(SESSION + seconds(2));
                self.worker(who).signal(Signal::Cont);
            }
            Fault::Rolling => (0..3).for_each(|who| {
                self.dismiss(who);
                self.start(who, None);
            }),
            Fault::Scale => {
                let others = [(who + 1) % 3, (who + 2) % 3];
                others.iter().for_each(|other| self.dismiss(*other));
                thread::sleep(seconds(2));
                others.iter().for_each(|other| self.start(*other, None));
            }
            Fault::BrokerDies => {
                self.broker.kill();
                thread::sleep(Duration::from_millis(500 + dice.below(1_500) as u64));
                self.broker.start_again();
                self.desk.reconnect();
            }
            Fault::BrokerFreezes => {
                self.broker.pause();
                thread::sleep(seconds(5 + dice.below(if long { 15 } else { 3 }) as u64));
                self.broker.resume();
            }
            Fault::AnswersLost => {
                self.proxy.answers(Answers::Lost, &[api::END_TXN]);
                thread::sleep(seconds(2 + dice.below(3) as u64));
                self.proxy.answers(Answers::Pass, &[]);
            }
            Fault::AnswersLate => {
                self.proxy
                    .answers(Answers::Late(Duration::from_millis(200 + dice.below(3_000) as u64)), &[api::END_TXN]);
                thread::sleep(seconds(4));
                self.proxy.answers(Answers::Pass, &[]);
            }
            Fault::HandOverTwice => {
                self.die(who, "before-offsets", dice);
                thread::sleep(SESSION + seconds(1));
                let heir = (who + 1) % 3;
                self.kill(heir);
                thread::sleep(SESSION);
                self.start(heir, None);
            }
        }
        // Somebody works.
        thread::sleep(Duration::from_millis(500 + dice.below(1_500) as u64));
        (0..3).for_each(|who| match &self.workers[who] {
            Some(worker) => worker.assert_alive(),
            None => self.start(who, None),
        });
    }

    /// Kills a worker, and lets its successor die at a failpoint.
    fn die(&mut self, who: usize, point: &'static str, dice: &mut Dice) {
        self.kill(who);
        let passages = match point {
            "after-produce" => 200,
            "mid-restore" => 50,
            "in-revoke" => 1,
            _ => 4,
        };
        self.start(who, Some((point, 1 + dice.below(passages))));
        let started = Instant::now();
        let mut provoked = Instant::now();
        while !self.worker(who).has_ended() {
            if started.elapsed() > seconds(40) {
                println!("          nobody passed {point}");
                return self.kill(who);
            }
            // Only a rebalance makes it give up or take partitions; what else it does needs items.
            if provoked.elapsed() > seconds(4) {
                provoked = Instant::now();
                if point == "in-revoke" {
                    let other = (who + 1) % 3;
                    self.dismiss(other);
                    self.start(other, None);
                }
                let sent = self.desk.sent.len() as u64;
                self.send(sent..(sent + 200).min(self.total));
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.take(who);
    }

    /// After the last fault: everything is drained, the books are right, and a new item passes.
    pub fn rest(mut self) -> Tally {
        let started = Instant::now();
        let sent = self.desk.sent.len() as u64;
        self.send(sent..(sent + 200).min(self.total));
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
        let drained = started.elapsed();
        println!("          drained {:.1} s after the last fault", drained.as_secs_f64());
        assert!(drained < REST, "not drained within {REST:?}");
        (0..3).for_each(|who| self.dismiss(who));
        let ledger = Ledger::read(&self.desk);
        let mut broken = promises::broken(&self.desk, &ledger, count as u64, &self.settings(0));
        let found = broken.len();
        broken.truncate(12);
        assert!(found == 0, "{found} promises are broken:\n  {}", broken.join("\n  "));
        self.tally.items = count as u64;
        self.tally.answers = self.proxy.touched();
        self.tally
    }
}
