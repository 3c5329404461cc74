//! What is seen of jobs being accepted: the span `publish`, the trace context they are given, and the measurements.

use std::{fmt, sync::Arc};

use tracing::{Span, field::Empty};

use super::{Inner, TaskQueue};
use crate::{
    backend::{Accepted, Message, NewJob},
    error::Result,
    metrics::Enqueuing,
    trace_context::TraceContext,
};

impl TaskQueue {
    /// Finds the trace context of every job that is enqueued by this handle and its clones, so that traces go on in workers of
    /// any language. `trace_of` gets the span `publish`, or where a filter has it off, the caller's own, and returns its context. It
    /// is not asked for a job whose [options](crate::EnqueueOptions::trace) tell. See [`Worker::trace_with`](crate::Worker::trace_with) for
    /// the other end.
    #[must_use = "the handle that it returns does it"]
    pub fn trace_with(
        mut self,
        trace_of: impl Fn(&Span) -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace_of = Some(Arc::new(trace_of));
        self
    }

    /// The span of these jobs being accepted, as OpenTelemetry's messaging conventions name it.
    pub(super) fn publish_span(&self, jobs: &[(NewJob, Message)]) -> Span {
        let Some((new, message)) = jobs.first() else { return Span::none() };
        let span = tracing::debug_span!(
            target: "usm_queue::job",
            "publish",
            otel.name = %format_args!("publish {}", Destination(message)),
            otel.kind = "producer",
            otel.status_code = Empty,
            messaging.system = self.inner.system,
            messaging.operation.name = "publish",
            messaging.operation.type = "send",
            messaging.destination.name = %Destination(message),
            messaging.batch.message_count = Empty,
            job.id = Empty,
            task.name = Empty,
            queue = Empty,
            outcome = Empty,
            error.type = Empty,
        );
        if span.is_disabled() {
            return span;
        }
        if jobs.len() > 1 {
            span.record("messaging.batch.message_count", jobs.len());
        } else {
            span.record("job.id", tracing::field::display(new.job.id));
            span.record("task.name", new.job.task.as_str());
            span.record("queue", self.inner.queue_of(message));
        }
        span
    }

    /// Gives each job the context of the span, where it has none.
    pub(super) fn set_trace(&self, span: &Span, jobs: &mut [(NewJob, Message)]) {
        let Some(trace_of) = &self.trace_of else { return };
        let trace = if span.is_disabled() { trace_of(&Span::current()) } else { trace_of(span) };
        let Some(trace) = trace else { return };
        for (new, message) in jobs.iter_mut().filter(|(new, _)| new.job.trace.is_none()) {
            message.set_trace(&trace);
            new.job.trace = Some(trace.clone());
        }
    }
}

impl Inner {
    /// Accepts jobs; measures it and records how it ended.
    pub(super) async fn publish(&self, span: Span, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        let labels = jobs.iter().map(|(new, message)| (self.queue_of(message), new.job.task.as_str()));
        let enqueuing = self.metrics.enqueuing(labels);
        let results = self.broker.accept(self.store.as_ref(), jobs).await;
        ended(&span, enqueuing, &results);
        results
    }

    /// The queue that a message goes to: the first, if there are several.
    fn queue_of(&self, message: &Message) -> Option<&str> {
        self.topology.reached(&message.exchange, &message.routing_key).next().map(|queue| queue.name())
    }
}

fn ended(span: &Span, enqueuing: Enqueuing, results: &[Result<Accepted>]) {
    enqueuing.ended(results.iter().map(|result| match result {
        Ok(accepted) => Ok(*accepted == Accepted::New),
        Err(error) => Err(error.label()),
    }));
    if span.is_disabled() {
        return;
    }
    let failed = results.iter().find_map(|result| result.as_ref().err());
    if let Some(error) = failed {
        span.record("error.type", error.label());
        span.record("otel.status_code", "ERROR");
    }
    let outcome = match (failed, results) {
        (Some(error), _) if error.is_in_doubt() => "in_doubt",
        (Some(_), _) => "refused",
        (None, [Ok(Accepted::Known)]) => "known",
        (None, _) => "accepted",
    };
    span.record("outcome", outcome);
}

/// Exchange and routing key, as OpenTelemetry writes them for RabbitMQ.
struct Destination<'a>(&'a Message);

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.exchange, self.0.routing_key)
    }
}
