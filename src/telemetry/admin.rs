//! The admin HTTP server: `/metrics`, `/livez` and `/readyz`, to read only.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::bounded::{Bounded, Limits};
use super::health::{Health, Verdict};
use super::metrics::Metrics;

/// Connections served at a time; a scraper and a prober need two.
const CONNECTIONS: usize = 64;

/// What each may do. It may be silent for longer than the usual scrape interval, so that scrapers keep theirs.
const LIMITS: Limits = Limits { silence: Duration::from_secs(75), request: Duration::from_secs(10), bytes: 16 << 10 };

const INDEX: &str = "copydesk\n\n\
    /metrics  counters, gauges and histograms in the Prometheus text format\n\
    /livez    200 while every worker's loop turns\n\
    /readyz   200 while every worker has joined, restored and keeps committing\n";

const TEXT: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
const EXPOSITION: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)];

/// Serves until `shutdown` completes.
///
/// # Errors
/// When the listener cannot be served at all.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/", get(|| async { (TEXT, INDEX) }))
        .route("/metrics", get(expose).with_state(metrics))
        .route("/livez", get(live).with_state(Arc::clone(&health)))
        .route("/readyz", get(ready).with_state(health));
    axum::serve(Bounded::new(listener, CONNECTIONS, LIMITS), routes).with_graceful_shutdown(shutdown).await
}

async fn expose(State(metrics): State<Metrics>) -> impl IntoResponse {
    match metrics.render() {
        Ok(text) => (StatusCode::OK, EXPOSITION, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
    }
}

async fn live(State(health): State<Arc<Health>>) -> impl IntoResponse {
    answer(&health.live())
}

async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    answer(&health.ready())
}

fn answer(verdict: &Verdict) -> impl IntoResponse + use<> {
    let status = if verdict.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, TEXT, format!("{verdict}\n"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use tokio::sync::oneshot;
    use tokio::task::{JoinHandle, spawn_blocking};

    use super::super::health::Phase;
    use super::*;

    struct Server {
        address: SocketAddr,
        health: Arc<Health>,
        stop: oneshot::Sender<()>,
        task: JoinHandle<io::Result<()>>,
    }

    async fn server() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health::new(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve(listener, Metrics::new("r"), Arc::clone(&health), async {
            stopped.await.ok();
        });
        Server { address, health, stop, task: tokio::spawn(serving) }
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let request = format!("{request} HTTP/1.1\r\nhost: copydesk\r\nconnection: close\r\n\r\n");
        spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn metrics_are_served_in_the_text_format() {
        let server = server().await;
        let answer = ask(server.address, "GET /metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("\ncopydesk_published_total 0\n"), "{answer}");
    }

    #[tokio::test]
    async fn the_probes_answer_with_their_reason() {
        let server = server().await;
        assert!(ask(server.address, "GET /livez").await.starts_with("HTTP/1.1 200"));
        let answer = ask(server.address, "GET /readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("0 of 1 workers have started\n"), "{answer}");
        let worker = server.health.register("worker 0");
        worker.set_phase(Phase::Running);
        worker.assigned(3);
        let answer = ask(server.address, "GET /readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }

    #[tokio::test]
    async fn the_server_is_to_read_only_and_says_what_there_is() {
        let server = server().await;
        for path in ["/", "/metrics", "/livez", "/readyz"] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let answer = ask(server.address, &format!("{method} {path}")).await;
                assert!(answer.starts_with("HTTP/1.1 405"), "{method} {path}: {answer}");
            }
        }
        assert!(ask(server.address, "GET /elsewhere").await.starts_with("HTTP/1.1 404"));
        assert!(ask(server.address, "GET /").await.contains("/readyz"));
    }

    #[tokio::test]
    async fn it_ends_when_told_to() {
        let server = server().await;
        server.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
    }

    /// A server with room for one connection within these limits.
    async fn small(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounded = Bounded::new(listener, 1, limits);
        tokio::spawn(axum::serve(bounded, Router::new().route("/", get(|| async { "here" }))).into_future());
        address
    }

    #[tokio::test]
    async fn a_header_larger_than_any_scraper_sends_is_not_read_on() {
        let address = small(LIMITS).await;
        let (mut stream, line) = (TcpStream::connect(address).unwrap(), "x: y\r\n".repeat(1_000));
        let sent = spawn_blocking(move || {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: copydesk\r\n").unwrap();
            let sent = (0..100_000).take_while(|_| stream.write_all(line.as_bytes()).is_ok()).count();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
            sent
        });
        assert!(sent.await.unwrap() < 100_000, "it is cut off");
        assert!(ask(address, "GET /").await.ends_with("here"), "and its place is free");
    }

    #[tokio::test]
    async fn a_request_that_trickles_is_cut_off_though_it_is_never_silent() {
        let limits = Limits { silence: Duration::from_secs(60), request: Duration::from_millis(200), bytes: 16 << 10 };
        let address = small(limits).await;
        let mut stream = TcpStream::connect(address).unwrap();
        let trickle = spawn_blocking(move || {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
            (0..200)
                .take_while(|_| {
                    std::thread::sleep(Duration::from_millis(20));
                    stream.write_all(b"c").is_ok()
                })
                .count()
        });
        assert!(tokio::time::timeout(Duration::from_secs(5), ask(address, "GET /")).await.unwrap().ends_with("here"));
        assert!(trickle.await.unwrap() < 200, "it is cut off");
    }

    #[tokio::test]
    async fn a_connection_that_keeps_to_the_limits_is_kept_for_request_after_request() {
        let limits = Limits { silence: Duration::from_secs(60), request: Duration::from_secs(10), bytes: 200 };
        let address = small(limits).await;
        let answers = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            (0..20)
                .filter(|_| {
                    stream.write_all(b"GET / HTTP/1.1\r\nhost: copydesk\r\n\r\n").unwrap();
                    let mut buffer = [0; 1024];
                    let read = stream.read(&mut buffer).unwrap();
                    String::from_utf8_lossy(&buffer[..read]).contains("200 OK")
                })
                .count()
        });
        assert_eq!(answers.await.unwrap(), 20);
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed_and_its_place_taken_by_the_next() {
        let address = small(Limits { silence: Duration::from_millis(50), ..LIMITS }).await;
        let mut silent = TcpStream::connect(address).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), ask(address, "GET /")).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        assert_eq!(spawn_blocking(move || silent.read(&mut [0; 1]).unwrap_or(0)).await.unwrap(), 0);
    }
}
