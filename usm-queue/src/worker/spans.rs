//! The spans of a worker: `process` for every delivery, and in it `attempt`, in which the handler runs.

use tracing::{Span, field::Empty};

use super::{attempt::guarded, registry::Handler, shared::Shared};
use crate::{
    backend::Delivery,
    job::{Job, JobId},
};

impl<S> Shared<S> {
    /// The span of one delivery, as OpenTelemetry's messaging conventions name it.
    pub(super) fn process_span(&self, delivery: &Delivery) -> Span {
        let (message, queue) = (&delivery.message, delivery.queue.as_str());
        let span = tracing::debug_span!(
            target: "usm_queue::job",
            "process",
            otel.name = %format_args!("process {queue}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            messaging.system = self.queue.system(),
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = %format_args!("{}:{}:{queue}", message.exchange, message.routing_key),
            messaging.message.id = message.message_id,
            messaging.message.conversation_id = message.correlation_id,
            job.id = message.job_id().map(tracing::field::display),
            task.name = Empty,
            queue,
            outcome = Empty,
        );
        self.link_trace(&span, delivery);
        span
    }

    /// The span of one attempt. Its fields are few: every event of the handler carries them.
    pub(super) fn attempt_span(&self, delivery: &Delivery, handler: &Handler<S>, job: &Job) -> Span {
        let within = Span::current();
        within.record("task.name", handler.task);
        let span = tracing::info_span!(
            target: "usm_queue::job",
            "attempt",
            job.id = %job.id,
            task.name = handler.task,
            queue = delivery.queue,
            attempt = job.attempt,
            outcome = Empty,
        );
        // Unless the span around it has the link already.
        if within.is_disabled() {
            self.link_trace(&span, delivery);
        }
        span
    }

    fn link_trace(&self, span: &Span, delivery: &Delivery) {
        if let Some(link) = self.link_trace.as_ref().filter(|_| !span.is_disabled())
            && let Some(trace) = delivery.message.trace()
            && let Err(error) = guarded(|| link(span, &trace))
        {
            tracing::warn!(queue = delivery.queue, error, "linking a span to the trace of its job panicked");
        }
    }
}

/// How the delivery of the present span ended, by its attempt.
pub(super) fn ended(outcome: &'static str) {
    let span = Span::current();
    span.record("outcome", outcome);
    if !matches!(outcome, "ok" | "cancelled" | "handed_back") {
        span.record("otel.status_code", "ERROR");
    }
}

/// The job of a message that is not decoded yet, for an event.
pub(super) fn job_of(delivery: &Delivery) -> Option<tracing::field::DisplayValue<JobId>> {
    delivery.message.job_id().map(tracing::field::display)
}
