//! Messages as they are published.

use std::{borrow::Cow, time::Duration};

use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};
use uuid::Uuid;

use super::{
    headers::Headers,
    key::Key,
    names::{
        DIED_IN, DIED_OF, MICROS, MISSES, OF_THE_WAY, REDELIVERED, REST_MS, THEN, TTL_MS, is_broker_s,
        own_correlation, short,
    },
};
use crate::{
    backend::rabbitmq::delay::{DELIVER_TO, Pass},
    error::Result,
    message::{ADDED, BROKER_QUEUE, BROKER_REASON, JOB_ID, Message, flat_body},
};

/// One message on one way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel<'a> {
    pub(crate) message: &'a Message,
    pub(crate) way: Way<'a>,
    /// It has been delivered before, and if it died by the broker that is still to be told.
    pub(crate) returned: bool,
    /// How often it was due and its queue did not exist.
    pub(crate) misses: u32,
}

/// How a message travels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// By its exchange and routing key.
    Routed,
    /// Into this queue alone, now.
    Into(&'a str),
    /// Into this queue alone, after a pass down the ladder; through the hop queue where the broker alone cannot do it.
    After { pass: Pass<'a>, queue: &'a str, by_hop: bool },
}

/// What is published.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
    pub(crate) key: Key,
}

impl<'a> Parcel<'a> {
    pub(crate) fn new(message: &'a Message, way: Way<'a>) -> Self {
        Self { message, way, returned: false, misses: 0 }
    }

    /// The exchange it is published to.
    pub(crate) fn exchange(&self) -> Cow<'a, str> {
        match self.way {
            Way::Routed => Cow::Borrowed(&self.message.exchange),
            Way::Into(_) => Cow::Borrowed(""),
            Way::After { pass, .. } => Cow::Owned(pass.exchange()),
        }
    }

    /// `producer` is who a message of ours says it comes from.
    pub(crate) fn outgoing(&self, producer: &str) -> Result<Outgoing> {
        let message = self.message;
        let mut headers = Headers::default();
        // A new message of ours gets an id of its own, as the guide wants it.
        let id = match message.only_id() {
            Some(job) => {
                headers.text(JOB_ID, job)?;
                Cow::Owned(Uuid::now_v7().to_string())
            }
            None => Cow::Borrowed(&message.message_id),
        };
        let (body, added) = flat_body(message, &id, producer);
        for (name, value) in &message.headers {
            if !is_broker_s(name) && !OF_THE_WAY.contains(&name.as_str()) {
                headers.put(name, value)?;
            }
        }
        if let Some(added) = added {
            headers.text(ADDED, &added)?;
        }
        headers.set(MICROS, AMQPValue::LongLongInt(message.timestamp.timestamp_micros()));
        if self.returned {
            headers.set(REDELIVERED, AMQPValue::Boolean(true));
            for (kept, broker_s) in [(DIED_OF, BROKER_REASON), (DIED_IN, BROKER_QUEUE)] {
                if let Some(value) = message.headers.get(broker_s) {
                    headers.put(kept, value)?;
                }
            }
        }
        if self.misses > 0 {
            headers.set(MISSES, AMQPValue::LongLongInt(self.misses.into()));
        }
        let mut ttl = message.ttl;
        let (exchange, routing_key) = match self.way {
            Way::Routed => (message.exchange.clone(), message.routing_key.clone()),
            Way::Into(queue) => {
                headers.origin(message)?;
                (String::new(), queue.to_owned())
            }
            Way::After { pass, queue, by_hop } => {
                headers.origin(message)?;
                if by_hop || !pass.rest.is_zero() || ttl.is_some() {
                    headers.text(DELIVER_TO, &pass.hop_queue())?;
                    headers.text(THEN, queue)?;
                    headers.set(REST_MS, millis(pass.rest));
                    // It counts from when the message is due.
                    if let Some(ttl) = ttl.take() {
                        headers.set(TTL_MS, millis(ttl));
                    }
                } else {
                    headers.text(DELIVER_TO, queue)?;
                }
                (pass.exchange(), pass.routing_key())
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
        if let Some(id) = message.correlation_id.as_ref().or(own_correlation(message, &id)) {
            properties = properties.with_correlation_id(short("correlation id", id.as_str())?);
        }
        if let Some(ttl) = ttl {
            let ttl = ttl.as_millis().min(u128::from(u32::MAX));
            properties = properties.with_expiration(ttl.to_string().into());
        }
        let key = Key::new(&id, &exchange, &routing_key);
        Ok(Outgoing {
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
