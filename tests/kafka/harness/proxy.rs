//! A TCP proxy in front of a broker that can hold back, lose or falsify *answers*: the broker does what it was asked, and the
//! client does not hear of it. It reads as much of the Kafka protocol as that needs: frames, and which request an answer is for.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::fetch::HeldBack;

/// What happens to answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// They pass.
    Pass,
    /// They come later by this much.
    Late(Duration),
    /// They are lost.
    Lost,
    /// They name a coordinator that is away; for [`api::FIND_COORDINATOR`] only.
    Misleading,
    /// They say that each partition ends before its records, the first time a connection asks for any; for [`api::FETCH`] only.
    Unaware,
}

/// Numbers of the Kafka protocol.
pub mod api {
    /// Produce.
    pub const PRODUCE: i16 = 0;
    /// Fetch.
    pub const FETCH: i16 = 1;
    /// FindCoordinator.
    pub const FIND_COORDINATOR: i16 = 10;
    /// AddOffsetsToTxn, the first request of sending offsets to a transaction.
    pub const ADD_OFFSETS: i16 = 25;
    /// EndTxn.
    pub const END_TXN: i16 = 26;
}

/// A proxy. It lives as long as the process.
#[derive(Clone)]
pub struct Proxy(Arc<State>);

struct State {
    port: u16,
    upstream: AtomicU16,
    answers: Mutex<(Answers, Vec<i16>)>,
    producing: AtomicI64,
    /// Offsets that were sent while records were under way.
    early_offsets: AtomicUsize,
    offsets: AtomicUsize,
    /// Answers that were not simply passed on.
    touched: AtomicUsize,
}

impl Proxy {
    /// Listens, and sends everything on to the port that [`Proxy::lead_to`] will name.
    pub fn listen() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let proxy = Proxy(Arc::new(State {
            port: listener.local_addr().expect("a bound listener").port(),
            upstream: AtomicU16::new(0),
            answers: Mutex::new((Answers::Pass, Vec::new())),
            producing: AtomicI64::new(0),
            early_offsets: AtomicUsize::new(0),
            offsets: AtomicUsize::new(0),
            touched: AtomicUsize::new(0),
        }));
        let state = Arc::clone(&proxy.0);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A broker that is away refuses, as it would without a proxy.
                if let Ok(broker) = TcpStream::connect(("127.0.0.1", state.upstream.load(Ordering::Relaxed))) {
                    let _ = connect(&state, &client, &broker);
                }
            }
        });
        proxy
    }

    /// Where clients find it.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The broker's port on this machine.
    pub fn lead_to(&self, port: u16) {
        self.0.upstream.store(port, Ordering::Relaxed);
    }

    /// From now on, answers to these requests (all, where none is named) fare like this.
    pub fn answers(&self, fate: Answers, to: &[i16]) {
        *self.0.answers.lock().expect("nobody panics with it") = (fate, to.to_vec());
    }

    /// How many answers were late, lost or false.
    pub fn touched(&self) -> usize {
        self.0.touched.load(Ordering::Relaxed)
    }

    /// How often offsets were sent to a transaction, and how often of that while records were still under way.
    pub fn offsets(&self) -> (usize, usize) {
        (self.0.offsets.load(Ordering::Relaxed), self.0.early_offsets.load(Ordering::Relaxed))
    }
}

fn connect(state: &Arc<State>, client: &TcpStream, broker: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let pending: Arc<Mutex<HashMap<i32, i16>>> = Arc::default();
    let (mut from, mut to) = (client.try_clone()?, broker.try_clone()?);
    let (asking, asked) = (Arc::clone(state), Arc::clone(&pending));
    thread::spawn(move || {
        let _ = requests(&asking, &asked, &mut from, &mut to);
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
    let (mut from, mut to) = (broker.try_clone()?, client.try_clone()?);
    let answering = Arc::clone(state);
    thread::spawn(move || {
        let _ = answers(&answering, &pending, &mut from, &mut to);
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        let left =
            pending.lock().expect("nobody panics with it").drain().filter(|(_, api)| *api == api::PRODUCE).count();
        answering.producing.fetch_sub(i64::try_from(left).expect("few"), Ordering::Relaxed);
    });
    Ok(())
}

fn requests(
    state: &State,
    pending: &Mutex<HashMap<i32, i16>>,
    from: &mut TcpStream,
    to: &mut TcpStream,
) -> io::Result<()> {
    loop {
        let request = frame(from)?;
        if let Some((api, correlation)) = head(&request) {
            pending.lock().expect("nobody panics with it").insert(correlation, api);
            if api == api::PRODUCE {
                state.producing.fetch_add(1, Ordering::Relaxed);
            }
            if api == api::ADD_OFFSETS {
                state.offsets.fetch_add(1, Ordering::Relaxed);
                let early = state.producing.load(Ordering::Relaxed) > 0;
                state.early_offsets.fetch_add(usize::from(early), Ordering::Relaxed);
            }
        }
        to.write_all(&request)?;
    }
}

fn answers(
    state: &State,
    pending: &Mutex<HashMap<i32, i16>>,
    from: &mut TcpStream,
    to: &mut TcpStream,
) -> io::Result<()> {
    let mut held_back = HeldBack::default();
    loop {
        let mut answer = frame(from)?;
        let correlation = answer.get(4..8).map(|bytes| i32::from_be_bytes(bytes.try_into().expect("four bytes")));
        let api = correlation.and_then(|id| pending.lock().expect("nobody panics with it").get(&id).copied());
        let fate = {
            let (fate, to) = &*state.answers.lock().expect("nobody panics with it");
            if to.is_empty() || api.is_some_and(|api| to.contains(&api)) { *fate } else { Answers::Pass }
        };
        let touched = match fate {
            Answers::Pass => false,
            Answers::Unaware => held_back.hold_back(&mut answer),
            Answers::Late(_) | Answers::Lost | Answers::Misleading => true,
        };
        state.touched.fetch_add(usize::from(touched), Ordering::Relaxed);
        match fate {
            Answers::Late(by) => thread::sleep(by),
            Answers::Lost => continue,
            Answers::Misleading => mislead(&mut answer),
            Answers::Pass | Answers::Unaware => {}
        }
        if correlation.and_then(|id| pending.lock().expect("nobody panics with it").remove(&id)) == Some(api::PRODUCE) {
            state.producing.fetch_sub(1, Ordering::Relaxed);
        }
        to.write_all(&answer)?;
    }
}

/// One frame with its length in front.
fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let size = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    let mut frame = vec![0; 4 + size];
    frame[..4].copy_from_slice(&length);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

/// Lets an answer of FindCoordinator name a broker that nobody knows, on a port where nobody listens. It ends in the broker's
/// number, host and port.
fn mislead(answer: &mut [u8]) {
    const HOST: &[u8] = b"127.0.0.1";
    let end = answer.len();
    let Some(host) = end.checked_sub(4 + HOST.len()).filter(|at| answer[*at..end - 4] == *HOST) else { return };
    answer[host - 6..host - 2].copy_from_slice(&99i32.to_be_bytes());
    answer[end - 4..].copy_from_slice(&1i32.to_be_bytes());
}

/// Api key and correlation id of a request.
fn head(request: &[u8]) -> Option<(i16, i32)> {
    let api = i16::from_be_bytes(request.get(4..6)?.try_into().ok()?);
    Some((api, i32::from_be_bytes(request.get(8..12)?.try_into().ok()?)))
}
