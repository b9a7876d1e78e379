//! A listener that no client can wear out: a bounded number of connections, each closed when it stays silent, sends more than
//! a request needs, or takes too long over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// What a connection may do.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How long it may be silent.
    pub silence: Duration,
    /// How long it may take to send a request, from its first byte to the answer.
    pub request: Duration,
    /// How many bytes a request may have.
    pub bytes: usize,
}

/// Accepts at most `connections` at a time, each within its limits.
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    limits: Limits,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, connections: usize, limits: Limits) -> Bounded {
        Bounded { listener, places: Arc::new(Semaphore::new(connections)), limits }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(tokio::time::sleep(self.limits.silence));
        (Connection { stream, deadline, limits: self.limits, request: 0, _place: place }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that holds its place until dropped, and fails when it goes beyond its limits.
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    limits: Limits,
    /// Bytes read since the last answer.
    request: usize,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Passes on what the stream answers; while it has no answer, the deadline runs.
    fn watched<T>(&mut self, answer: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            return answer;
        }
        self.deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn until(&mut self, from_now: Duration) {
        self.deadline.as_mut().reset(Instant::now() + from_now);
    }

    /// A request goes on: its time runs from its first byte.
    fn received(&mut self, bytes: usize) -> io::Result<()> {
        if self.request == 0 && bytes > 0 {
            self.until(self.limits.request);
        }
        self.request += bytes;
        if self.request > self.limits.bytes { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }

    /// An answer goes out, so the request is over.
    fn answered(&mut self) {
        self.request = 0;
        self.until(self.limits.silence);
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let answer = Pin::new(&mut self.stream).poll_read(cx, buf);
        if answer.is_ready() {
            self.received(buf.filled().len() - before)?;
        }
        self.watched(answer, cx)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if answer.is_ready() {
            self.answered();
        }
        self.watched(answer, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(answer, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watched(answer, cx)
    }
}
