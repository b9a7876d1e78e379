//! Traces: an item's context travels to its article, and the transactions that took it along are told to a collector.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::harness::broker::Broker;
use crate::harness::corpus::story;
use crate::harness::desk::{Desk, Raw};
use crate::harness::worker::{Settings, Worker};

/// An OTLP receiver in this process.
struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    fn open() -> Collector {
        let received = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let keep = Arc::clone(&received);
        let take = move |body: axum::body::Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("the body is a request of OTLP");
            keep.lock().expect("the lock is sound").push(request);
            async { "" }
        };
        let routes = axum::Router::new().route("/v1/traces", axum::routing::post(take));
        thread::spawn(move || runtime.block_on(axum::serve(listener, routes).into_future()));
        Collector { address, received }
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().expect("the lock is sound");
        let scopes = received.iter().flat_map(|request| &request.resource_spans).flat_map(|of| &of.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    fn resource(&self) -> Vec<KeyValue> {
        let received = self.received.lock().expect("the lock is sound");
        received[0].resource_spans[0].resource.clone().expect("a resource").attributes
    }
}

fn number(span: &Span, name: &str) -> i64 {
    let found = span.attributes.iter().find(|attribute| attribute.key == name).expect("the attribute is there");
    match found.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::IntValue(number)) => *number,
        other => panic!("{name} is a number: {other:?}"),
    }
}

#[test]
fn an_items_context_reaches_its_article_and_the_spans_of_its_transactions() {
    let collector = Collector::open();
    let mut desk = Desk::open(Broker::shared());
    let settings = Settings::named("a").collector(&format!("http://{}", collector.address));
    let worker = Worker::start_with(&desk, &settings);
    worker.await_short_cut();
    let trace = |number: u64| format!("{:032x}", 0xabc0 + number);
    let context = |number: u64| format!("00-{}-00f067aa0ba902b7-01", trace(number));
    let sent =
        desk.send((0..20).map(|n| {
            Raw::from(&story(n)).header("traceparent", &context(n)).header("tracestate", &format!("wire={n}"))
        }));
    desk.settle(&[&worker]);
    desk.send([Raw::bytes(" "), Raw::from(&story(3))]);
    let ledger = desk.close(vec![worker]);
    for (number, at) in (0..).zip(&sent) {
        let article = ledger.article(*at);
        assert_eq!(article.record.header("traceparent"), Some(context(number).as_str()));
        assert_eq!(article.record.header("tracestate"), Some(format!("wire={number}").as_str()));
    }

    let spans = collector.spans();
    assert!(!spans.is_empty(), "the worker tells its last spans before it ends");
    let total = |name: &str| spans.iter().map(|span| number(span, name)).sum::<i64>();
    assert_eq!((total("copydesk.raw_items"), total("copydesk.published")), (22, 20));
    assert_eq!((total("copydesk.duplicates"), total("copydesk.rejected")), (1, 1));
    for n in 0..20 {
        let linked = |span: &&Span| {
            span.links.iter().any(|link| {
                let id: String = link.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
                id == trace(n)
            })
        };
        assert_eq!(spans.iter().filter(linked).count(), 1, "one transaction took item {n} along");
    }
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.name == "transaction", "{span:?}");
    }
    let service = collector.resource().into_iter().find(|attribute| attribute.key == "service.name");
    let service = service.and_then(|attribute| attribute.value?.value);
    assert_eq!(service, Some(Value::StringValue("copydesk".into())));
}

#[test]
fn a_collector_that_is_away_holds_nothing_up() {
    let mut desk = Desk::open(Broker::shared());
    let worker = Worker::start_with(&desk, &Settings::named("a").collector("http://127.0.0.1:1"));
    desk.send((0..50).map(|number| Raw::from(&story(number))));
    let ledger = desk.close(vec![worker]);
    assert_eq!(ledger.articles.len(), 50);
}
