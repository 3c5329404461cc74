//! What is published: a message with its route, and its AMQP form.

use std::{borrow::Cow, time::Duration};

use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};
use uuid::Uuid;

use super::{
    headers::Headers,
    key::MessageKey,
    names::{
        DEATH_QUEUE, DEATH_REASON, MICROS, MISSES, REDELIVERED, RELAY_TO, REMAINING_MS, ROUTE_HEADERS,
        TTL_MS, default_correlation_id, is_set_by_broker, short,
    },
};
use crate::{
    backend::rabbitmq::delay_levels::{DELIVER_TO, DelayPath},
    error::Result,
    message::{ADDED, BROKER_QUEUE, BROKER_REASON, JOB_ID, Message, flat_body},
};

/// A message on one of its routes.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing<'a> {
    pub(crate) message: &'a Message,
    pub(crate) route: Route<'a>,
    /// It was delivered before. If the broker dead-lettered it, its headers keep why and where.
    pub(crate) was_delivered: bool,
    /// How often it was due and its queue did not exist.
    pub(crate) misses: u32,
}

/// How a message reaches its queue.
#[derive(Debug, Clone)]
pub(crate) enum Route<'a> {
    /// By its exchange and routing key.
    Exchange,
    /// Into this queue alone, now.
    Queue(Cow<'a, str>),
    /// Into this queue alone, after a delay; through the relay where the broker cannot deliver it by itself.
    Delayed { path: DelayPath<'a>, queue: Cow<'a, str>, by_relay: bool },
}

/// An outgoing message as AMQP carries it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
    pub(crate) key: MessageKey,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self { message, route: Route::Exchange, was_delivered: false, misses: 0 }
    }

    pub(crate) fn to_queue(message: &'a Message, queue: &'a str) -> Self {
        Self { route: Route::Queue(queue.into()), ..Self::new(message) }
    }

    pub(crate) fn delayed(
        message: &'a Message,
        path: DelayPath<'a>,
        queue: impl Into<Cow<'a, str>>,
        by_relay: bool,
    ) -> Self {
        Self { route: Route::Delayed { path, queue: queue.into(), by_relay }, ..Self::new(message) }
    }

    /// The exchange it is published to.
    pub(crate) fn exchange(&self) -> Cow<'a, str> {
        match &self.route {
            Route::Exchange => Cow::Borrowed(&self.message.exchange),
            Route::Queue(_) => Cow::Borrowed(""),
            Route::Delayed { path, .. } => Cow::Owned(path.exchange()),
        }
    }

    /// `producer` is written into the body of a message of ours.
    pub(crate) fn encode(&self, producer: &str) -> Result<Encoded> {
        let message = self.message;
        let mut headers = Headers::default();
        // A new message of ours gets an id of its own, as the guide requires.
        let id = match message.only_id() {
            Some(job) => {
                headers.text(JOB_ID, job)?;
                Cow::Owned(Uuid::now_v7().to_string())
            }
            None => Cow::Borrowed(&message.message_id),
        };
        let (body, added) = flat_body(message, &id, producer);
        for (name, value) in &message.headers {
            if !is_set_by_broker(name) && !ROUTE_HEADERS.contains(&name.as_str()) {
                headers.put(name, value)?;
            }
        }
        if let Some(added) = added {
            headers.text(ADDED, &added)?;
        }
        headers.set(MICROS, AMQPValue::LongLongInt(message.timestamp.timestamp_micros()));
        if self.was_delivered {
            headers.set(REDELIVERED, AMQPValue::Boolean(true));
            for (kept, name) in [(DEATH_REASON, BROKER_REASON), (DEATH_QUEUE, BROKER_QUEUE)] {
                if let Some(value) = message.headers.get(name) {
                    headers.put(kept, value)?;
                }
            }
        }
        if self.misses > 0 {
            headers.set(MISSES, AMQPValue::LongLongInt(self.misses.into()));
        }
        let mut ttl = message.ttl;
        let (exchange, routing_key) = match &self.route {
            Route::Exchange => (message.exchange.clone(), message.routing_key.clone()),
            Route::Queue(queue) => {
                headers.origin(message)?;
                (String::new(), queue.as_ref().to_owned())
            }
            Route::Delayed { path, queue, by_relay } => {
                headers.origin(message)?;
                if *by_relay || !path.remaining.is_zero() || ttl.is_some() {
                    headers.text(DELIVER_TO, &path.relay_queue())?;
                    headers.text(RELAY_TO, queue)?;
                    headers.set(REMAINING_MS, millis(path.remaining));
                    // The time to live counts from when the message is due.
                    if let Some(ttl) = ttl.take() {
                        headers.set(TTL_MS, millis(ttl));
                    }
                } else {
                    headers.text(DELIVER_TO, queue)?;
                }
                (path.exchange(), path.routing_key())
            }
        };
        let mut properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_priority(message.priority)
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into());
        if let Ok(seconds) = u64::try_from(message.timestamp.timestamp()) {
            properties = properties.with_timestamp(seconds);
        }
        if !id.is_empty() {
            properties = properties.with_message_id(short("message id", id.as_str())?);
        }
        if let Some(id) = message.correlation_id.as_ref().or(default_correlation_id(message, &id)) {
            properties = properties.with_correlation_id(short("correlation id", id.as_str())?);
        }
        if let Some(ttl) = ttl {
            let ttl = ttl.as_millis().min(u128::from(u32::MAX));
            properties = properties.with_expiration(ttl.to_string().into());
        }
        let key = MessageKey::new(&id, &exchange, &routing_key);
        Ok(Encoded {
            exchange: short("exchange name", exchange)?,
            routing_key: short("routing key", routing_key)?,
            properties: properties.with_headers(headers.finish()?),
            body: body.into_owned(),
            key,
        })
    }
}

fn millis(duration: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
