//! Workers, their group and their faults around the model of Kafka.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{Hash, Hasher},
    time::Duration,
};

use copydesk::{
    dedup::{Identity, Sighting, Source, Table, UriTag, Verdict},
    fingerprint::ContentHash,
    stream::core::{Action, Admission, Core, Epoch, Held, Lane, PACE},
    telemetry::Input,
    wire::Status,
};

use crate::kafka::{Kafka, Record, Refusal, State, TxnId, WorkerId};

const PARTITIONS: i32 = 2;
/// Longer than barriers are waited for, and than until they are tried again.
const PATIENCE: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_secs(61);
const WINDOW: Duration = Duration::from_secs(3600);
const LOGS: usize = 3 * PARTITIONS as usize + 2;
const ARTICLES: usize = LOGS - 2;
const DUPLICATES: usize = LOGS - 1;

fn lanes() -> impl Iterator<Item = Lane> {
    [Input::Raw, Input::Normalized]
        .into_iter()
        .flat_map(|input| (0..PARTITIONS).map(move |partition| Lane { input, partition }))
}

fn log_of(lane: Lane) -> usize {
    lane.partition as usize + if lane.input == Input::Raw { 0 } else { PARTITIONS as usize }
}

fn seen_log(partition: i32) -> usize {
    2 * PARTITIONS as usize + partition as usize
}

/// How often each fault was met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Met {
    commits: u32,
    aborts: u32,
    fenced: u32,
    crashes: u32,
    zombies: u32,
    hand_overs: u32,
    restores: u32,
    waits_for_stable: u32,
    lost_answers: u32,
    time_outs: u32,
    refusals: u32,
    late_restores: u32,
    halts: u32,
    short_cuts: u32,
    barriers: u32,
    overdue_barriers: u32,
}

impl Met {
    pub fn add(&mut self, other: &Met) {
        let sum = |a: &mut u32, b: u32| *a += b;
        sum(&mut self.commits, other.commits);
        sum(&mut self.aborts, other.aborts);
        sum(&mut self.fenced, other.fenced);
        sum(&mut self.crashes, other.crashes);
        sum(&mut self.zombies, other.zombies);
        sum(&mut self.hand_overs, other.hand_overs);
        sum(&mut self.restores, other.restores);
        sum(&mut self.waits_for_stable, other.waits_for_stable);
        sum(&mut self.lost_answers, other.lost_answers);
        sum(&mut self.time_outs, other.time_outs);
        sum(&mut self.refusals, other.refusals);
        sum(&mut self.late_restores, other.late_restores);
        sum(&mut self.halts, other.halts);
        sum(&mut self.short_cuts, other.short_cuts);
        sum(&mut self.barriers, other.barriers);
        sum(&mut self.overdue_barriers, other.overdue_barriers);
    }

    pub fn named(&self) -> [(&'static str, u32); 16] {
        [
            ("commits", self.commits),
            ("aborts", self.aborts),
            ("fenced producers", self.fenced),
            ("crashes", self.crashes),
            ("zombies", self.zombies),
            ("hand-overs", self.hand_overs),
            ("restores", self.restores),
            ("restores that waited for the stable end", self.waits_for_stable),
            ("lost answers", self.lost_answers),
            ("transaction time-outs", self.time_outs),
            ("transactions refused", self.refusals),
            ("restores of an ownership that has ended", self.late_restores),
            ("halts inside a transaction", self.halts),
            ("short cuts", self.short_cuts),
            ("barriers that came back", self.barriers),
            ("barriers that were waited for in vain", self.overdue_barriers),
        ]
    }
}

/// How far the restore of a lane is.
#[derive(Clone, Copy, Debug, Hash)]
enum Opening {
    Position,
    Mark { position: i64 },
    Stable { position: i64, mark: i64 },
}

/// How far a commit is.
#[derive(Clone, Debug, Hash)]
enum Commit {
    /// Under the group metadata of the moment the transaction was closed, like the set of its lanes.
    Offsets(Vec<(Lane, i64)>, u64),
    End,
}

/// One session of a worker: what a crash forgets.
#[derive(Debug)]
struct Worker {
    core: Core,
    epoch: u32,
    generation: u64,
    txn: Option<TxnId>,
    commit: Option<Commit>,
    openings: BTreeMap<Lane, (Epoch, Opening)>,
    arrivals: VecDeque<Arrival>,
    /// The present ownership of each lane.
    epochs: BTreeMap<Lane, Epoch>,
    positions: BTreeMap<Lane, i64>,
    /// Lanes the group has asked back, or taken, and the worker has not heard of yet.
    revoked: Vec<Lane>,
    lost: bool,
}

/// What happened, line by line, where somebody wants to know.
#[derive(Default)]
struct Story {
    telling: bool,
    count: usize,
    lines: Vec<String>,
}

impl Story {
    fn tell(&mut self, line: impl FnOnce() -> String) {
        self.count += 1;
        if self.telling {
            self.lines.push(line());
        }
    }
}

/// A lane that was opened: its position and table on their way to the worker, who may have given it up meanwhile.
type Arrival = (Lane, Epoch, i64, Option<Box<Table>>);

/// Everything.
pub struct World {
    kafka: Kafka,
    workers: Vec<Option<Worker>>,
    /// Who may read a lane, as the group sees it.
    owners: BTreeMap<Lane, WorkerId>,
    /// Lanes on their way to another worker, waiting to be given up.
    moving: BTreeMap<Lane, WorkerId>,
    items: Vec<Sighting>,
    /// Content, uri and version of what comes later.
    unsent: VecDeque<(u8, u8, u64)>,
    now: Duration,
    pub met: Met,
    story: Story,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Poll(WorkerId, Lane),
    Close(WorkerId),
    Bar(WorkerId),
    LosePatience(WorkerId),
    CommitOn(WorkerId),
    AnswerLost(WorkerId),
    OpenOn(WorkerId, Lane),
    Hear(WorkerId),
    Move(Lane, WorkerId),
    Expire(WorkerId),
    Crash(WorkerId),
    Restart(WorkerId),
    TimeOut(TxnId),
    Learn(WorkerId),
    Refuse(WorkerId),
    Halt(WorkerId),
    Release(WorkerId),
}

impl World {
    /// `telling` keeps the story, which costs more than the world itself.
    pub fn new(workers: usize, items: &[(u8, u8, u64)], telling: bool) -> Self {
        let mut world = World {
            kafka: Kafka::new(LOGS, workers),
            workers: (0..workers).map(|_| None).collect(),
            owners: BTreeMap::new(),
            moving: BTreeMap::new(),
            items: Vec::new(),
            unsent: items.iter().copied().collect(),
            now: Duration::from_secs(1),
            met: Met::default(),
            story: Story { telling, ..Story::default() },
        };
        world.send();
        for worker in 0..workers {
            world.restart(worker);
        }
        world.assign_orphans();
        world
    }

    /// The next item arrives.
    fn send(&mut self) {
        let Some((content, uri, version)) = self.unsent.pop_front() else { return };
        let at = self.items.len();
        let partition = at as i32 % PARTITIONS;
        let log = partition as usize;
        let sighting = Sighting {
            identity: Identity::new(&hash_of(content), Status::Usable),
            time: at as i64,
            uri: UriTag(u64::from(uri)),
            version,
            source: Source::new(partition, self.kafka.end(log)).unwrap(),
        };
        self.kafka.append(log, Record::Item(sighting));
        self.items.push(sighting);
    }

    /// Takes one of the steps that are possible now.
    pub fn step(&mut self, choice: u16) {
        let steps = self.possible();
        if let Some(step) = steps.get(usize::from(choice) % steps.len().max(1)).copied() {
            self.story.tell(|| format!("{step:?}"));
            self.take(step);
        }
    }

    fn possible(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        // A worker should live long enough to get anywhere.
        let upheaval = self.story.count.is_multiple_of(4);
        if !self.unsent.is_empty() {
            steps.push(Step::Send);
        }
        for (id, worker) in self.workers.iter().enumerate() {
            let Some(worker) = worker else {
                steps.push(Step::Restart(id));
                continue;
            };
            if worker.lost || !worker.revoked.is_empty() || worker.generation != self.kafka.generation {
                steps.extend([Step::Hear(id); 4]);
            }
            if !worker.core.is_waiting() {
                steps.extend(worker.positions.keys().flat_map(|lane| [Step::Poll(id, *lane); 8]));
            }
            if worker.core.in_transaction() {
                steps.extend([Step::Close(id); 3]);
            }
            if worker.core.wants_barriers(self.now) {
                steps.extend([Step::Bar(id); 4]);
            }
            let waits = lanes().any(|lane| worker.core.held(lane) == Some(Held::Barrier));
            steps.extend(waits.then_some(Step::LosePatience(id)));
            if !worker.arrivals.is_empty() {
                // Late news stay late.
                let (lane, epoch, ..) = &worker.arrivals[0];
                let weight = if worker.epochs.get(lane) == Some(epoch) { 3 } else { 1 };
                steps.extend([Step::Learn(id); 3].into_iter().take(weight));
            }
            if matches!(worker.commit, Some(Commit::Offsets(..))) {
                steps.push(Step::Refuse(id));
            }
            if worker.commit.is_some() {
                steps.extend([Step::CommitOn(id); 6]);
                steps.push(Step::AnswerLost(id));
            }
            steps.extend(worker.openings.keys().flat_map(|lane| [Step::OpenOn(id, *lane); 5]));
            steps.push(if worker.core.is_halted() { Step::Release(id) } else { Step::Halt(id) });
            if upheaval {
                steps.extend([Step::Crash(id), Step::Expire(id)]);
            }
        }
        let movable = |lane: &Lane| upheaval && self.owners.contains_key(lane) && !self.moving.contains_key(lane);
        for lane in lanes().filter(movable) {
            steps.push(Step::Move(lane, (log_of(lane) + self.story.count) % self.workers.len()));
        }
        steps.extend(self.kafka.open_txns().into_iter().map(Step::TimeOut));
        steps
    }

    fn take(&mut self, step: Step) {
        self.now += PACE;
        match step {
            Step::Send => self.send(),
            Step::Poll(id, lane) => self.poll(id, lane),
            Step::Close(id) => {
                let now = self.now;
                self.act(id, |core| core.close(now));
            }
            Step::Bar(id) => self.bar(id),
            Step::LosePatience(id) => {
                self.now += PATIENCE;
                let now = self.now;
                let Some(worker) = &mut self.workers[id] else { return };
                let actions = worker.core.lose_patience(now);
                self.met.overdue_barriers += u32::from(!actions.is_empty());
                self.act(id, |_| actions);
                self.now += PAUSE;
            }
            Step::CommitOn(id) => self.commit_on(id, true),
            Step::AnswerLost(id) => self.commit_on(id, false),
            Step::OpenOn(id, lane) => self.open_on(id, lane),
            Step::Hear(id) => self.hear(id),
            Step::Learn(id) => self.learn(id),
            Step::Refuse(id) => self.refuse(id),
            Step::Halt(id) => {
                let inside = self.workers[id].as_ref().is_some_and(|worker| worker.core.in_transaction());
                self.met.halts += u32::from(inside);
                self.act(id, Core::halt);
            }
            Step::Release(id) => self.act(id, Core::release),
            Step::Move(lane, to) => self.hand_over(lane, to),
            Step::Expire(id) => self.expire(id),
            Step::Crash(id) => {
                self.met.crashes += 1;
                self.workers[id] = None;
                self.leave_group(id);
            }
            Step::Restart(id) => {
                self.restart(id);
                self.assign_orphans();
            }
            Step::TimeOut(txn) => {
                self.met.time_outs += 1;
                self.kafka.time_out(txn);
            }
        }
    }

    /// A new session: `init_transactions` first, then the group.
    fn restart(&mut self, id: WorkerId) {
        let epoch = self.kafka.init(id);
        self.kafka.generation += 1;
        self.kafka.members.insert(id, self.kafka.generation);
        self.workers[id] = Some(Worker {
            core: Core::default(),
            epoch,
            generation: self.kafka.generation,
            txn: None,
            commit: None,
            openings: BTreeMap::new(),
            arrivals: VecDeque::new(),
            epochs: BTreeMap::new(),
            positions: BTreeMap::new(),
            revoked: Vec::new(),
            lost: false,
        });
    }

    fn fenced(&mut self, id: WorkerId) {
        self.met.fenced += 1;
        self.renew(id);
    }

    /// A broken session: its worker starts over, as a new member.
    fn renew(&mut self, id: WorkerId) {
        self.workers[id] = None;
        self.leave_group(id);
        self.restart(id);
        self.assign_orphans();
    }

    fn leave_group(&mut self, id: WorkerId) {
        self.kafka.members.remove(&id);
        self.kafka.generation += 1;
        self.owners.retain(|_, owner| *owner != id);
        let owners = &self.owners;
        self.moving.retain(|lane, to| owners.contains_key(lane) && *to != id);
        self.assign_orphans();
    }

    /// Lanes nobody owns go to members that are alive and have heard of the last change.
    fn assign_orphans(&mut self) {
        let members: Vec<_> = self.kafka.members.keys().copied().collect();
        for lane in lanes().filter(|lane| !self.owners.contains_key(lane)).collect::<Vec<_>>() {
            if let Some(to) = members.get(log_of(lane) % members.len().max(1)) {
                self.assign(lane, *to);
            }
        }
    }

    fn assign(&mut self, lane: Lane, to: WorkerId) {
        self.owners.insert(lane, to);
        self.act(to, |core| core.assigned([lane]));
    }

    fn hand_over(&mut self, lane: Lane, to: WorkerId) {
        let owner = self.owners[&lane];
        if owner == to || !self.kafka.members.contains_key(&to) {
            return;
        }
        self.met.hand_overs += 1;
        self.kafka.generation += 1;
        self.moving.insert(lane, to);
        if let Some(worker) = self.workers[owner].as_mut().filter(|worker| !worker.revoked.contains(&lane)) {
            worker.revoked.push(lane);
        }
    }

    /// The session timed out: the group goes on without the worker, which does not know.
    fn expire(&mut self, id: WorkerId) {
        let Some(worker) = &mut self.workers[id] else { return };
        if worker.lost {
            return;
        }
        self.met.zombies += 1;
        worker.lost = true;
        worker.revoked.clear();
        self.leave_group(id);
    }

    /// The worker polls and hears what the group did: it gives up what was asked back, learns what it lost.
    fn hear(&mut self, id: WorkerId) {
        let now = self.now;
        let Some(worker) = &mut self.workers[id] else { return };
        if worker.core.is_waiting() {
            return;
        }
        if worker.lost {
            // Clients that were away so long are not trusted any more: the session ends, and a new one joins.
            self.renew(id);
        } else {
            // Under the cooperative protocol the callback runs with the new generation already.
            worker.generation = self.kafka.generation;
            self.kafka.members.insert(id, self.kafka.generation);
            let revoked = std::mem::take(&mut worker.revoked);
            if !revoked.is_empty() {
                self.act(id, |core| core.revoked(revoked, now));
            }
        }
    }

    fn poll(&mut self, id: WorkerId, lane: Lane) {
        let Some(worker) = &mut self.workers[id] else { return };
        let Some(position) = worker.positions.get(&lane).copied() else { return };
        let Some((offset, record)) = self.kafka.read(log_of(lane), position) else { return };
        let (Record::Item(_) | Record::Barrier(..)) = record else { return };
        match worker.core.admit(lane, offset) {
            Admission::Hold => return,
            Admission::Stale => {
                worker.positions.insert(lane, offset + 1);
                return;
            }
            Admission::Begin => {
                worker.txn = Some(self.kafka.begin(id));
                self.story.tell(|| format!("  worker {id} begins {:?}", worker.txn));
                worker.core.begun();
            }
            Admission::Take => {}
        }
        let (Some(txn), epoch) = (worker.txn, worker.epoch) else { return };
        let outputs = match (record, lane.input) {
            (Record::Item(sighting), Input::Raw) => {
                let partition = sighting.identity.partition(PARTITIONS);
                if worker.core.decides_at_once(partition) {
                    self.met.short_cuts += 1;
                    outputs(partition, sighting, worker.core.sight(partition, &sighting).unwrap())
                } else {
                    vec![(log_of(Lane { input: Input::Normalized, partition }), record)]
                }
            }
            (Record::Item(sighting), Input::Normalized) => {
                outputs(lane.partition, sighting, worker.core.sight(lane.partition, &sighting).unwrap())
            }
            (Record::Barrier(by, session, number), _) if (by, session) == (id, epoch) => {
                self.met.barriers += 1;
                worker.core.passed(lane.partition, number);
                Vec::new()
            }
            _ => Vec::new(),
        };
        for (log, record) in outputs {
            if self.kafka.produce(txn, epoch, log, record).is_err() {
                return self.fenced(id);
            }
        }
        self.story.tell(|| format!("  worker {id} takes {offset} of {lane:?} into {txn}"));
        worker.core.taken(lane, offset);
        worker.positions.insert(lane, offset + 1);
    }

    /// Barriers go through the open transaction, or through one of their own.
    fn bar(&mut self, id: WorkerId) {
        let Some(worker) = &mut self.workers[id] else { return };
        if !worker.core.wants_barriers(self.now) {
            return;
        }
        if !worker.core.in_transaction() {
            worker.txn = Some(self.kafka.begin(id));
            worker.core.begun();
        }
        let (Some(txn), epoch) = (worker.txn, worker.epoch) else { return };
        let (number, partitions, actions) = worker.core.barriers(self.now);
        for partition in partitions {
            let log = log_of(Lane { input: Input::Normalized, partition });
            if self.kafka.produce(txn, epoch, log, Record::Barrier(id, epoch, number)).is_err() {
                return self.fenced(id);
            }
        }
        self.act(id, |_| actions);
        let now = self.now;
        self.act(id, |core| core.close(now));
    }

    fn commit_on(&mut self, id: WorkerId, answered: bool) {
        let Some(worker) = &mut self.workers[id] else { return };
        let (Some(txn), Some(commit)) = (worker.txn, worker.commit.clone()) else { return };
        match commit {
            Commit::Offsets(offsets, generation) => {
                match self.kafka.send_offsets(txn, worker.epoch, generation, &offsets) {
                    Ok(()) => worker.commit = Some(Commit::End),
                    Err(Refusal::IllegalGeneration) => {
                        worker.commit = None;
                        self.act(id, Core::failed);
                    }
                    Err(Refusal::Fenced) => self.fenced(id),
                }
            }
            Commit::End => match self.kafka.end_by(txn, worker.epoch, State::Committed) {
                // The answer is lost: the same call is repeated in a later step.
                Ok(()) if !answered => self.met.lost_answers += 1,
                Ok(()) => {
                    self.story.tell(|| format!("  worker {id} knows of the commit of {txn}"));
                    self.met.commits += 1;
                    worker.commit = None;
                    worker.txn = None;
                    self.act(id, Core::committed);
                }
                Err(_) => self.fenced(id),
            },
        }
    }

    fn open_on(&mut self, id: WorkerId, lane: Lane) {
        let Some(worker) = &mut self.workers[id] else { return };
        let Some((epoch, opening)) = worker.openings.get(&lane).copied() else { return };
        let next = match opening {
            Opening::Position => match (self.kafka.stable_offset(lane), lane.input) {
                (None, _) => return,
                (Some(position), Input::Normalized) => Opening::Mark { position },
                (Some(position), Input::Raw) => return self.opened(id, lane, epoch, position, None),
            },
            Opening::Mark { position } => Opening::Stable { position, mark: self.kafka.end(seen_log(lane.partition)) },
            Opening::Stable { position, mark } => {
                if self.kafka.stable_end(seen_log(lane.partition)) < mark {
                    self.met.waits_for_stable += 1;
                    return;
                }
                self.met.restores += 1;
                let mut table = Table::new(WINDOW);
                for record in self.kafka.all(seen_log(lane.partition)) {
                    if let Record::Seen(entry) = record {
                        table.restore(entry);
                    }
                }
                return self.opened(id, lane, epoch, position, Some(Box::new(table)));
            }
        };
        worker.openings.insert(lane, (epoch, next));
    }

    fn opened(&mut self, id: WorkerId, lane: Lane, epoch: Epoch, position: i64, table: Option<Box<Table>>) {
        if let Some(worker) = &mut self.workers[id] {
            worker.openings.remove(&lane);
            worker.arrivals.push_back((lane, epoch, position, table));
        }
    }

    /// The worker hears of a lane that was opened.
    fn learn(&mut self, id: WorkerId) {
        let Some(worker) = &mut self.workers[id] else { return };
        let Some((lane, epoch, position, table)) = worker.arrivals.pop_front() else { return };
        self.met.late_restores += u32::from(worker.epochs.get(&lane) != Some(&epoch));
        self.act(id, |core| core.opened(lane, epoch, position, table));
    }

    /// The broker could not store a record of the transaction: it must be aborted, though nobody else has come.
    fn refuse(&mut self, id: WorkerId) {
        let Some(worker) = &mut self.workers[id] else { return };
        if matches!(worker.commit, Some(Commit::Offsets(..))) {
            self.met.refusals += 1;
            worker.commit = None;
            self.act(id, Core::failed);
        }
    }

    /// Tells a core what happened, and performs what it answers.
    fn act(&mut self, id: WorkerId, tell: impl FnOnce(&mut Core) -> Vec<Action>) {
        let Some(worker) = &mut self.workers[id] else { return };
        for action in tell(&mut worker.core) {
            let Some(worker) = &mut self.workers[id] else { return };
            match action {
                Action::Open(lanes) => {
                    worker.epochs.extend(lanes.iter().copied());
                    let openings = lanes.into_iter().map(|(lane, epoch)| (lane, (epoch, Opening::Position)));
                    worker.openings.extend(openings);
                }
                Action::Resume(lane, position) => {
                    self.story.tell(|| format!("  worker {id} resumes {lane:?} at {position}"));
                    worker.positions.insert(lane, position);
                }
                Action::Hold(lanes) => lanes.iter().for_each(|lane| _ = worker.positions.remove(lane)),
                Action::Commit(offsets) => {
                    self.story.tell(|| format!("  worker {id} commits {offsets:?}"));
                    worker.commit = Some(Commit::Offsets(offsets, worker.generation))
                }
                Action::Abort => {
                    self.story.tell(|| format!("  worker {id} aborts {:?}", worker.txn));
                    self.met.aborts += 1;
                    worker.commit = None;
                    let aborted = worker.txn.take().map(|txn| self.kafka.end_by(txn, worker.epoch, State::Aborted));
                    if aborted.is_some_and(|aborted| aborted.is_err()) {
                        return self.fenced(id);
                    }
                    self.act(id, Core::aborted);
                }
                Action::Rewind(positions) => worker.positions.extend(positions),
                Action::GiveUp(lanes) => {
                    for lane in &lanes {
                        worker.positions.remove(lane);
                        worker.openings.remove(lane);
                        worker.epochs.remove(lane);
                    }
                    self.given_up(id, &lanes);
                }
                Action::Leave => {}
            }
        }
    }

    /// Lanes that were given up go on to the worker they were meant for, or to any.
    fn given_up(&mut self, id: WorkerId, lanes: &[Lane]) {
        for lane in lanes.iter().filter(|lane| self.owners.get(lane) == Some(&id)).copied().collect::<Vec<_>>() {
            self.owners.remove(&lane);
            if let Some(to) = self.moving.remove(&lane).filter(|to| self.kafka.members.contains_key(to)) {
                self.assign(lane, to);
            }
        }
        self.assign_orphans();
    }

    /// No more faults: every worker runs until nothing is left to do.
    pub fn heal(&mut self) {
        self.story.tell(|| "heal".into());
        for _ in 0..10_000 {
            let steps: Vec<_> = self
                .possible()
                .into_iter()
                .filter(|step| {
                    !matches!(
                        step,
                        Step::Crash(_)
                            | Step::Expire(_)
                            | Step::Move(..)
                            | Step::TimeOut(_)
                            | Step::AnswerLost(_)
                            | Step::Refuse(_)
                            | Step::Halt(_)
                            | Step::LosePatience(_)
                    )
                })
                .collect();
            let before = self.progress();
            for step in steps {
                self.take(step);
            }
            self.assign_orphans();
            if self.progress() == before && self.kafka.open_txns().is_empty() {
                return;
            }
        }
    }

    /// Something that changes while anything does.
    fn progress(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        (0..LOGS).for_each(|log| self.kafka.end(log).hash(&mut hasher));
        for worker in self.workers.iter().flatten() {
            let stale = worker.generation != self.kafka.generation;
            (&worker.positions, &worker.openings, &worker.commit).hash(&mut hasher);
            (worker.arrivals.len(), worker.core.in_transaction(), worker.core.is_halted(), worker.lost, stale)
                .hash(&mut hasher);
        }
        self.moving.hash(&mut hasher);
        hasher.finish()
    }

    /// The promises, from the logs.
    pub fn check(&self) -> Result<(), String> {
        let articles = self.kafka.all(ARTICLES);
        let duplicates = self.kafka.all(DUPLICATES);
        for item in &self.items {
            let published = articles
                .iter()
                .filter(|r| matches!(r, Record::Article { sighting, .. } if sighting.source == item.source));
            let repeated = duplicates.iter().filter(|r| matches!(r, Record::Duplicate(s) if s.source == item.source));
            let (published, repeated) = (published.count(), repeated.count());
            if published + repeated != 1 {
                return Err(format!("{:?} ended {published} times as article, {repeated} as duplicate", item.source));
            }
        }
        let mut contents: Vec<_> = self.items.iter().map(|item| item.identity).collect();
        contents.sort_by_key(|identity| format!("{identity:?}"));
        contents.dedup();
        for content in contents {
            let mine = |r: &&Record| matches!(r, Record::Article { sighting, .. } if sighting.identity == content);
            let firsts = articles.iter().filter(mine).filter(|r| matches!(r, Record::Article { newer: false, .. }));
            let firsts = firsts.count();
            if firsts != 1 {
                return Err(format!("{content:?} was first published {firsts} times"));
            }
            let versions: Vec<_> = articles
                .iter()
                .filter(mine)
                .filter_map(|r| if let Record::Article { sighting, .. } = r { Some(sighting.version) } else { None })
                .collect();
            if !versions.is_sorted_by(|a, b| a < b) {
                return Err(format!("{content:?} was published as versions {versions:?}"));
            }
        }
        self.check_order(&articles, &duplicates)?;
        let seen: usize = (0..PARTITIONS).map(|p| self.kafka.all(seen_log(p)).len()).sum();
        if seen != articles.len() {
            return Err(format!("{seen} entries in the changelog for {} articles", articles.len()));
        }
        for lane in lanes() {
            let log = log_of(lane);
            let committed = self.kafka.stable_offset(lane);
            if let Some((offset, record)) = committed.and_then(|offset| self.kafka.read(log, offset)) {
                return Err(format!("{lane:?}: {record:?} at {offset} was never committed"));
            }
        }
        match (0..LOGS).find(|log| self.kafka.stable_end(*log) != self.kafka.end(*log)) {
            Some(log) => Err(format!("log {log} is held back by an open transaction")),
            None => Ok(()),
        }
    }

    /// Of one raw partition and one content, the first is decided first.
    fn check_order(&self, articles: &[Record], duplicates: &[Record]) -> Result<(), String> {
        let place = |sighting: &Sighting| (sighting.source.partition(), sighting.source.offset());
        for record in articles {
            let Record::Article { sighting, newer: false } = record else { continue };
            let overtaken = self.items.iter().find(|item| {
                item.identity == sighting.identity
                    && place(item).0 == place(sighting).0
                    && place(item).1 < place(sighting).1
            });
            if let Some(item) = overtaken {
                return Err(format!("{:?} was published first, before {:?}", sighting.source, item.source));
            }
        }
        let mut last = BTreeMap::new();
        for record in duplicates {
            let Record::Duplicate(sighting) = record else { continue };
            let (partition, offset) = place(sighting);
            let key = (format!("{:?}", sighting.identity), partition);
            if last.insert(key, offset).is_some_and(|before| before > offset) {
                return Err(format!("{:?} is a duplicate behind a later one", sighting.source));
            }
        }
        Ok(())
    }

    /// What happened, for a failing schedule.
    pub fn story(&self) -> String {
        self.story.lines.join("\n")
    }
}

/// What is sent of a decided sighting.
fn outputs(partition: i32, sighting: Sighting, verdict: Verdict) -> Vec<(usize, Record)> {
    let published = |entry, newer| {
        vec![(ARTICLES, Record::Article { sighting, newer }), (seen_log(partition), Record::Seen(entry))]
    };
    match verdict {
        Verdict::First(entry) => published(entry, false),
        Verdict::Newer(entry) => published(entry, true),
        Verdict::Repeat(..) => vec![(DUPLICATES, Record::Duplicate(sighting))],
    }
}

fn hash_of(content: u8) -> ContentHash {
    ContentHash::from(*blake3::hash(&[content]).as_bytes())
}
