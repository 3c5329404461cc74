//! Messages as rows: made before the transaction, parsed after it.

use std::{borrow::Cow, collections::BTreeMap};

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::failed, routes::Routes};
use crate::{
    backend::sqlite::db::{duration_micros, micros, moment},
    error::{Error, Result},
    job::JobId,
    message::{JOB_ID, Message},
    topology::QueueSpec,
};

/// A message as it is stored, apart from its id and body.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEnvelope<'a> {
    exchange: Cow<'a, str>,
    key: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    priority: u8,
    at: i64,
    #[serde(default, skip_serializing_if = "no_headers")]
    headers: Cow<'a, BTreeMap<String, Value>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(crate) fn is_zero(n: &u8) -> bool {
    *n == 0
}

pub(crate) fn no_headers(headers: &BTreeMap<String, Value>) -> bool {
    headers.is_empty()
}

/// A message bound for one queue.
pub(crate) struct NewRow {
    pub(crate) queue: i64,
    pub(crate) priority: u8,
    pub(crate) due_at: Option<i64>,
    /// Counted from when it is ready.
    pub(crate) ttl: Option<i64>,
    /// Whether the queue has a maximum length.
    pub(crate) limited: bool,
    /// It was in the queue before: a full queue does not refuse it, or the one who drains the queue could not end.
    pub(crate) returns: bool,
    /// Of a delayed message.
    pub(crate) job: Option<JobId>,
    pub(crate) message_id: String,
    pub(crate) envelope: String,
    pub(crate) body: Vec<u8>,
}

impl NewRow {
    pub(crate) fn new(queue: i64, spec: &QueueSpec, message: Message) -> Result<Self> {
        let envelope = StoredEnvelope {
            exchange: Cow::Borrowed(&message.exchange),
            key: Cow::Borrowed(&message.routing_key),
            correlation: message.correlation_id.as_deref().map(Cow::Borrowed),
            priority: message.priority,
            at: micros(message.timestamp),
            headers: Cow::Borrowed(&message.headers),
        };
        Ok(Self {
            queue,
            priority: spec.effective_priority(message.priority),
            due_at: message.not_before.map(micros),
            ttl: [spec.message_ttl, message.ttl].into_iter().flatten().min().map(duration_micros),
            limited: spec.max_length.is_some(),
            returns: false,
            job: message.not_before.and_then(|_| message.job_id()),
            envelope: serde_json::to_string(&envelope).map_err(|error| {
                Error::invalid("the message headers cannot be written as JSON").with_source(error)
            })?,
            message_id: message.message_id,
            body: message.body,
        })
    }
}

/// Routes messages and makes the rows they become.
pub(crate) fn prepare(routes: &Routes, messages: Vec<Message>) -> Result<Vec<NewRow>> {
    let mut rows = Vec::with_capacity(messages.len());
    messages.into_iter().try_for_each(|message| prepare_one(routes, message, &mut rows))?;
    Ok(rows)
}

/// Routes a message and adds the rows it becomes.
pub(crate) fn prepare_one(routes: &Routes, message: Message, rows: &mut Vec<NewRow>) -> Result<()> {
    let mut reached = routes.reached(&message)?;
    // Most messages reach one queue, which gets the message itself.
    let last = reached.pop();
    for (id, spec) in reached {
        rows.push(NewRow::new(id, spec, message.clone())?);
    }
    if let Some((id, spec)) = last {
        rows.push(NewRow::new(id, spec, message)?);
    }
    Ok(())
}

/// A message as read, not yet parsed: parsing is for the caller's thread, not the writer's.
pub(crate) struct StoredMessage {
    message_id: String,
    envelope: String,
    body: Vec<u8>,
}

impl StoredMessage {
    /// From a row that begins with `message_id, envelope, body`.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { message_id: row.get(0)?, envelope: row.get(1)?, body: row.get(2)? })
    }

    /// The message. One whose envelope is damaged comes without headers, as another service's would, so that it is worked
    /// or dead-lettered instead of standing in the way.
    pub(crate) fn parse(self) -> Message {
        let envelope: StoredEnvelope<'_> = match serde_json::from_str(&self.envelope) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::warn!(message.id = self.message_id, %error, "the envelope of this message is damaged");
                let mut message = Message::new("", "", self.message_id, self.body);
                message.headers.extend(job_in(&self.envelope).map(|id| (JOB_ID.to_owned(), id.into())));
                return message;
            }
        };
        let mut message = Message::new(envelope.exchange, envelope.key, self.message_id, self.body);
        message.correlation_id = envelope.correlation.map(Cow::into_owned);
        message.priority = envelope.priority;
        message.timestamp = moment(envelope.at);
        message.headers = envelope.headers.into_owned();
        message
    }
}

/// The job that a damaged envelope names, so that it does not wait for ever in view.
fn job_in(envelope: &str) -> Option<&str> {
    let (_, rest) = envelope.split_once(&format!("\"{JOB_ID}\":\""))?;
    rest.split('"').next().filter(|id| id.parse::<JobId>().is_ok())
}

pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Message>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(values, StoredMessage::read)
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
    Ok(rows.map_err(failed)?.into_iter().map(StoredMessage::parse).collect())
}

/// Passes these messages on for as long as more are wanted.
pub(crate) fn each(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    mut look: impl FnMut(Message) -> bool,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        if !look(StoredMessage::read(row).map_err(failed)?.parse()) {
            break;
        }
    }
    Ok(())
}

/// The first of these messages that is called so, and its place. The columns are those of [`query_one`].
pub(crate) fn called(
    connection: &Connection,
    id: &str,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Option<(Message, i64)>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let message = StoredMessage::read(row).map_err(failed)?.parse();
        if message.has_id(id) {
            return Ok(Some((message, row.get(3).map_err(failed)?)));
        }
    }
    Ok(None)
}

pub(crate) fn query_one(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Option<(Message, i64)>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let row = statement
        .query_row(values, |row| Ok((StoredMessage::read(row)?, row.get(3)?)))
        .optional()
        .map_err(failed)?;
    Ok(row.map(|(stored, number)| (stored.parse(), number)))
}

pub(crate) fn ids(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_map(values, |row| row.get(0)).and_then(Iterator::collect).map_err(failed)
}
