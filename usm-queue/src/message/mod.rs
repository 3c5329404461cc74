//! A job on its way: the payload as body, everything of ours in headers; and, where other services read along, as one flat
//! JSON object.

mod dead_letter;
mod edit;
#[cfg(any(test, feature = "rabbitmq"))]
mod flat;
mod headers;
mod payload;
mod record;
mod size;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::dead_letter::DeadLetter;
#[cfg(any(test, feature = "rabbitmq"))]
pub(crate) use self::flat::flat_body;
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::payload::payload;
#[cfg(feature = "rabbitmq")]
pub(crate) use self::size::{MAX_NAME, amqp_has, header_size, headers_size};
pub(crate) use self::{
    dead_letter::{UNNAMED, identity},
    edit::{carried, due_in, with_payload},
    headers::*,
    payload::{OTHERS_FIELDS, body, decode, digest, hex, is_json, message},
    record::record,
    size::check_headers,
};
use crate::{
    clock,
    error::{Error, ErrorKind},
    job::JobId,
    trace_context::TraceContext,
};

/// A message: properties, headers and body, as AMQP 0-9-1 has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Where it is published.
    pub exchange: String,
    /// What the exchange routes by.
    pub routing_key: String,
    /// Identifies the message. A new one of this library has its job's id; on RabbitMQ, where others read it, it gets an id of
    /// its own and names the job in a header.
    pub message_id: String,
    /// Ties messages together across services.
    pub correlation_id: Option<String>,
    /// 0 is the lowest.
    pub priority: u8,
    /// Time to live in the queue, besides the queue's own; the shorter counts.
    pub ttl: Option<Duration>,
    /// Not delivered before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// When it was made.
    pub timestamp: DateTime<Utc>,
    /// Everything of ours that is not in the body.
    pub headers: BTreeMap<String, Value>,
    /// The body: for messages of this library the payload as JSON. Not necessarily JSON: it may come from anybody.
    pub body: Vec<u8>,
}

impl Message {
    /// A message without headers, priority or limits.
    pub fn new(
        exchange: impl Into<String>,
        routing_key: impl Into<String>,
        message_id: impl Into<String>,
        body: Vec<u8>,
    ) -> Self {
        Self {
            exchange: exchange.into(),
            routing_key: routing_key.into(),
            message_id: message_id.into(),
            correlation_id: None,
            priority: 0,
            ttl: None,
            not_before: None,
            timestamp: clock::now(),
            headers: BTreeMap::new(),
            body,
        }
    }

    /// The error for one that reaches no queue.
    pub(crate) fn unroutable(&self) -> Error {
        let text = format!(
            "routing key `{}` on exchange `{}` reaches no queue; bind one to it or fix the key",
            self.routing_key, self.exchange
        );
        Error::new(ErrorKind::Unroutable, text)
    }

    pub(crate) fn header_str(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(Value::as_str)
    }

    pub(crate) fn header_u64(&self, name: &str) -> Option<u64> {
        self.headers.get(name).and_then(Value::as_u64)
    }

    /// The span that enqueued the job, where the headers `traceparent` and `tracestate` tell.
    pub fn trace(&self) -> Option<TraceContext> {
        TraceContext::parse(self.header_str(TRACEPARENT)?, self.header_str(TRACESTATE))
    }

    /// Sets the headers `traceparent` and `tracestate`.
    pub(crate) fn set_trace(&mut self, trace: &TraceContext) {
        let headers = [(TRACEPARENT, Some(trace.traceparent())), (TRACESTATE, trace.tracestate())];
        let told = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        self.headers.extend(told);
    }

    /// The job this message belongs to: what our headers tell, else what services without them write in the body, else one by
    /// the message's own id; `None` when it has none.
    pub fn job_id(&self) -> Option<JobId> {
        if let Some(id) = self.header_str(JOB_ID) {
            return id.parse().ok();
        }
        let told = self.id_in_body().and_then(|id| id.parse().ok());
        let by_message = || self.message_id.parse().unwrap_or_else(|_| JobId::derived(&self.message_id));
        told.or_else(|| (!self.message_id.is_empty()).then(by_message))
    }

    /// What the service that sent this message calls its job, where that is not the text of [`job_id`](Self::job_id).
    pub fn job_alias(&self) -> Option<String> {
        let by_message = || {
            let is_named = self.headers.contains_key(TASK) || self.headers.contains_key(JOB_ID);
            (!is_named).then(|| self.message_id.clone()).filter(|id| id.parse::<JobId>().is_ok())
        };
        let alias = self.id_in_body().or_else(by_message)?;
        (alias != self.job_id()?.to_string()).then_some(alias)
    }

    /// Whether it is called so: by its own id, or its job's, ours or the sender's.
    pub fn has_id(&self, id: &str) -> bool {
        self.message_id == id
            || id.parse().is_ok_and(|job| self.job_id() == Some(job))
            || self.job_alias().is_some_and(|alias| alias == id)
    }

    /// The id of its job where that is the only id it has: of a new message of ours, or one of an earlier version.
    #[cfg(any(test, feature = "rabbitmq"))]
    pub(crate) fn only_id(&self) -> Option<&str> {
        let names_job = !self.headers.contains_key(TASK) || self.headers.contains_key(JOB_ID);
        (!names_job && self.message_id.parse::<JobId>().is_ok()).then_some(&self.message_id)
    }

    /// What services without our headers write in the body, where it can be an id.
    fn id_in_body(&self) -> Option<String> {
        if self.headers.contains_key(TASK) {
            return None;
        }
        let body: BodyIds = serde_json::from_slice(&self.body).ok()?;
        let id = match body.job_id? {
            Value::String(text) => text,
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        id.parse::<JobId>().is_ok().then_some(id)
    }
}

#[derive(Deserialize)]
struct BodyIds {
    job_id: Option<Value>,
}
