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

use super::bounded::Bounded;
use super::health::{Health, Verdict};
use super::metrics::Metrics;

/// Connections served at a time; a scraper and a prober need two.
const CONNECTIONS: usize = 64;

/// How long a connection may be silent. Longer than the usual scrape interval, so that scrapers keep theirs.
const PATIENCE: Duration = Duration::from_secs(75);

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
    axum::serve(Bounded::new(listener, CONNECTIONS, PATIENCE), routes).with_graceful_shutdown(shutdown).await
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
        assert!(ask(server.address, "POST /metrics").await.starts_with("HTTP/1.1 405"));
        assert!(ask(server.address, "GET /elsewhere").await.starts_with("HTTP/1.1 404"));
        assert!(ask(server.address, "GET /").await.contains("/readyz"));
    }

    #[tokio::test]
    async fn it_ends_when_told_to() {
        let server = server().await;
        server.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed_and_its_place_taken_by_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounded = Bounded::new(listener, 1, Duration::from_millis(50));
        tokio::spawn(axum::serve(bounded, Router::new().route("/", get(|| async { "here" }))).into_future());
        let mut silent = TcpStream::connect(address).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), ask(address, "GET /")).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        assert_eq!(spawn_blocking(move || silent.read(&mut [0; 1]).unwrap_or(0)).await.unwrap(), 0);
    }
}
