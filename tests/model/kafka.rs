//! Kafka as far as exactly-once needs it: partition logs with transaction markers and a last stable offset, transactional
//! producers with epochs, committed and pending offsets, and a group with generations.

use std::collections::{BTreeMap, BTreeSet};

use copydesk::{dedup::Sighting, stream::core::Lane};

/// Which transaction.
pub type TxnId = usize;
/// Which worker; its transactional id and its member id.
pub type WorkerId = usize;

/// A record of any topic.
#[derive(Clone, Copy, Debug)]
pub enum Record {
    Item(Sighting),
    Seen(Sighting),
    Article {
        sighting: Sighting,
        newer: bool,
    },
    Duplicate(Sighting),
    /// Of a worker, in a session, with a number.
    Barrier(WorkerId, u32, u64),
    Marker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug)]
struct Txn {
    owner: WorkerId,
    state: State,
    offsets: BTreeMap<Lane, i64>,
    touched: BTreeSet<usize>,
}

/// Why the broker refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The producer's epoch is old: fatal for it.
    Fenced,
    /// Not the current generation: the transaction must be aborted.
    IllegalGeneration,
}

/// A log: records, each with the transaction it belongs to (`None`: written outside of any).
#[derive(Debug, Default)]
pub struct Log(Vec<(Record, Option<TxnId>)>);

#[derive(Debug, Default)]
pub struct Kafka {
    pub logs: Vec<Log>,
    txns: Vec<Txn>,
    epochs: Vec<u32>,
    committed: BTreeMap<Lane, i64>,
    pub generation: u64,
    /// The generation each member last joined; absent: no member.
    pub members: BTreeMap<WorkerId, u64>,
}

impl Kafka {
    pub fn new(logs: usize, workers: usize) -> Self {
        let logs = (0..logs).map(|_| Log::default()).collect();
        Kafka { logs, epochs: vec![0; workers], ..Kafka::default() }
    }

    pub fn append(&mut self, log: usize, record: Record) {
        self.logs[log].0.push((record, None));
    }

    pub fn end(&self, log: usize) -> i64 {
        self.logs[log].0.len() as i64
    }

    pub fn stable_end(&self, log: usize) -> i64 {
        let open = |txn: &Option<TxnId>| txn.is_some_and(|txn| self.txns[txn].state == State::Open);
        self.logs[log].0.iter().position(|(_, txn)| open(txn)).unwrap_or(self.logs[log].0.len()) as i64
    }

    /// The next committed record at or after `offset`, below the last stable offset.
    pub fn read(&self, log: usize, offset: i64) -> Option<(i64, Record)> {
        let end = self.stable_end(log) as usize;
        let visible = |(record, txn): &(Record, Option<TxnId>)| {
            !matches!(record, Record::Marker) && txn.is_none_or(|txn| self.txns[txn].state == State::Committed)
        };
        let records = self.logs[log].0.get(offset.max(0) as usize..end)?;
        let at = records.iter().position(visible)?;
        Some((offset.max(0) + at as i64, records[at].0))
    }

    /// Every committed record of a log.
    pub fn all(&self, log: usize) -> Vec<Record> {
        let mut at = 0;
        std::iter::from_fn(|| {
            let (offset, record) = self.read(log, at)?;
            at = offset + 1;
            Some(record)
        })
        .collect()
    }

    /// The committed offset, once no open transaction holds another one pending.
    pub fn stable_offset(&self, lane: Lane) -> Option<i64> {
        let pending = self.txns.iter().any(|txn| txn.state == State::Open && txn.offsets.contains_key(&lane));
        (!pending).then(|| self.committed.get(&lane).copied().unwrap_or(0))
    }

    /// `init_transactions`: aborts what this transactional id left open and moves on its epoch.
    pub fn init(&mut self, worker: WorkerId) -> u32 {
        for txn in 0..self.txns.len() {
            if self.txns[txn].owner == worker && self.txns[txn].state == State::Open {
                self.end_txn(txn, State::Aborted);
            }
        }
        self.epochs[worker] += 1;
        self.epochs[worker]
    }

    pub fn begin(&mut self, owner: WorkerId) -> TxnId {
        self.txns.push(Txn { owner, state: State::Open, offsets: BTreeMap::new(), touched: BTreeSet::new() });
        self.txns.len() - 1
    }

    pub fn produce(&mut self, txn: TxnId, epoch: u32, log: usize, record: Record) -> Result<(), Refusal> {
        self.check(txn, epoch)?;
        self.txns[txn].touched.insert(log);
        self.logs[log].0.push((record, Some(txn)));
        Ok(())
    }

    /// The coordinator checks member and generation, and not who owns the lanes.
    pub fn send_offsets(
        &mut self,
        txn: TxnId,
        epoch: u32,
        generation: u64,
        offsets: &[(Lane, i64)],
    ) -> Result<(), Refusal> {
        self.check(txn, epoch)?;
        if self.members.get(&self.txns[txn].owner) != Some(&generation) || generation != self.generation {
            return Err(Refusal::IllegalGeneration);
        }
        self.txns[txn].offsets.extend(offsets.iter().copied());
        Ok(())
    }

    /// `EndTxn`. Repeating it with the same outcome succeeds.
    pub fn end_by(&mut self, txn: TxnId, epoch: u32, state: State) -> Result<(), Refusal> {
        if self.epochs[self.txns[txn].owner] != epoch {
            return Err(Refusal::Fenced);
        }
        if self.txns[txn].state == State::Open {
            self.end_txn(txn, state);
        }
        if self.txns[txn].state == state { Ok(()) } else { Err(Refusal::Fenced) }
    }

    /// The coordinator gives up on open transactions and fences their producers.
    pub fn time_out(&mut self, txn: TxnId) {
        self.epochs[self.txns[txn].owner] += 1;
        self.end_txn(txn, State::Aborted);
    }

    pub fn open_txns(&self) -> Vec<TxnId> {
        (0..self.txns.len()).filter(|txn| self.txns[*txn].state == State::Open).collect()
    }

    fn check(&self, txn: TxnId, epoch: u32) -> Result<(), Refusal> {
        let current = self.epochs[self.txns[txn].owner] == epoch && self.txns[txn].state == State::Open;
        if current { Ok(()) } else { Err(Refusal::Fenced) }
    }

    fn end_txn(&mut self, txn: TxnId, state: State) {
        self.txns[txn].state = state;
        for log in self.txns[txn].touched.clone() {
            self.logs[log].0.push((Record::Marker, None));
        }
        if state == State::Committed {
            let offsets = self.txns[txn].offsets.clone();
            self.committed.extend(offsets);
        }
    }
}
