//! Traces: one span a transaction, linked to the trace contexts its items came with, exported by OTLP over HTTP.
//!
//! An item's own context travels untouched from the raw record to the article (W3C `traceparent`), so the two ends of its way
//! stay one trace; the span beside it tells in which transaction it was taken along, and what that cost. Off unless
//! `telemetry.otlp_endpoint` is set, and then nothing of it is touched.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{KeyValue, trace::SpanBuilder};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::counts::Counts;
use super::labels::TxnOutcome;

/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Links a span has at most: what OpenTelemetry keeps by default.
const MAX_LINKS: usize = 128;

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The endpoint is none.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Where spans go; by default, nowhere.
#[derive(Clone, Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Exports to the collector at `endpoint` (`http://collector:4318`), as the replica `instance`.
    ///
    /// # Errors
    /// An endpoint that is no URL.
    pub fn export(endpoint: &str, instance: &str) -> Result<Self, TraceError> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(agent.into()))
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(TIMEOUT)
            .build()?;
        let resource = Resource::builder_empty().with_attributes([
            KeyValue::new("service.name", "copydesk"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ]);
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        Ok(Traces(Some(provider)))
    }

    /// A transaction begins. `None` where nobody wants to know.
    pub fn batch(&self) -> Option<BatchSpan> {
        let tracer = self.0.as_ref()?.tracer("copydesk");
        Some(BatchSpan { tracer, since: SystemTime::now(), links: Vec::new() })
    }

    /// Exports what is left, at the end of the process.
    pub fn finish(&self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// The span of a transaction that is not over.
pub struct BatchSpan {
    tracer: SdkTracer,
    since: SystemTime,
    links: Vec<Link>,
}

impl BatchSpan {
    /// An item with this `traceparent` is in the transaction.
    pub fn link(&mut self, traceparent: &str) {
        if self.links.len() < MAX_LINKS
            && let Some(context) = parse(traceparent)
        {
            self.links.push(Link::with_context(context));
        }
    }

    /// The transaction is over.
    pub fn end(self, outcome: TxnOutcome, counts: &Counts) {
        let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let attributes = vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.batch.message_count", count(counts.records())),
            KeyValue::new("copydesk.raw_items", count(counts.raw_items)),
            KeyValue::new("copydesk.published", count(counts.articles())),
            KeyValue::new("copydesk.duplicates", count(counts.duplicates())),
            KeyValue::new("copydesk.rejected", count(counts.rejects())),
            KeyValue::new("copydesk.outcome", outcome.code()),
        ];
        let mut builder = SpanBuilder::from_name("transaction");
        builder.span_kind = Some(SpanKind::Consumer);
        builder.start_time = Some(self.since);
        builder.attributes = Some(attributes);
        builder.links = Some(self.links);
        let mut span = self.tracer.build(builder);
        if outcome != TxnOutcome::Committed {
            span.set_status(Status::error(outcome.code()));
        }
        span.end();
    }
}

/// A W3C trace context of version 00: `00-<trace>-<span>-<flags>`.
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let ("00", trace, span, flags, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    if (trace.len(), span.len(), flags.len()) != (32, 16, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// A client that blocks, as the exporter's thread of its own wants it.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(http::Request::from_parts(head, body.to_vec()));
        let (head, mut body) =
            answer.inspect_err(|error| tracing::warn!(%error, "traces are not exported"))?.into_parts();
        if !head.status.is_success() {
            tracing::warn!(status = head.status.as_u16(), "the collector refuses traces");
        }
        Ok(http::Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_trace_context_is_read_and_anything_else_is_not() {
        let context = parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!((context.trace_id().to_string(), context.span_id().to_string()), (TRACE.into(), SPAN.into()));
        assert!(context.is_remote() && context.is_sampled());
        for wrong in [
            String::new(),
            format!("01-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-x"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-short-01"),
            format!("00-{TRACE}-{SPAN}-zz"),
        ] {
            assert!(parse(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn traces_that_nobody_wants_cost_no_batch() {
        assert!(Traces::default().batch().is_none());
    }

    #[test]
    fn a_batch_keeps_a_bounded_number_of_links() {
        let traces = Traces::export("http://127.0.0.1:1", "a").unwrap();
        let mut batch = traces.batch().unwrap();
        for _ in 0..2 * MAX_LINKS {
            batch.link(&format!("00-{TRACE}-{SPAN}-01"));
        }
        batch.link("nonsense");
        assert_eq!(batch.links.len(), MAX_LINKS);
    }
}
