//! Headers: JSON values to AMQP values, and back.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use serde_json::Value;

use super::names::{AS_JSON, EXCHANGE, ROUTING_KEY, short};
use crate::{
    error::{Error, Result},
    message::{MAX_NAME, Message, amqp_has, header_size, headers_size},
};

/// All headers together: a frame of 128 KiB carries them, and more would cost the connection.
pub(super) const MAX_HEADERS: usize = 96 << 10;
/// What the route of a message may add to its headers, together with [`LEFT_OUT`].
const ROUTE_HEADERS_ROOM: usize = 4 << 10;
/// Header: which headers were left out because they did not fit.
const LEFT_OUT: &str = "x-usm-left-out";

/// Builds a header table.
#[derive(Default)]
pub(super) struct Headers {
    table: BTreeMap<ShortString, AMQPValue>,
    size: usize,
    as_json: Vec<String>,
}

impl Headers {
    pub(super) fn set(&mut self, name: &'static str, value: AMQPValue) {
        self.size += name.len() + 16;
        self.table.insert(name.into(), value);
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) -> Result<()> {
        self.put(name, &Value::from(text))
    }

    /// The exchange and routing key of a message that takes another route.
    pub(super) fn origin(&mut self, message: &Message) -> Result<()> {
        self.text(EXCHANGE, &message.exchange)?;
        self.text(ROUTING_KEY, &message.routing_key)
    }

    pub(super) fn put(&mut self, name: &str, value: &Value) -> Result<()> {
        let key = short("header name", name)?;
        self.size += header_size(name, value);
        let amqp = if amqp_has(value) {
            amqp(value)
        } else {
            self.as_json.push(name.to_owned());
            AMQPValue::LongString(value.to_string().into())
        };
        self.table.insert(key, amqp);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<FieldTable> {
        if !self.as_json.is_empty() {
            let names = self.as_json.iter().map(|name| AMQPValue::LongString(name.as_str().into()));
            let names = AMQPValue::FieldArray(names.collect::<Vec<_>>().into());
            self.set(AS_JSON, names);
        }
        if self.size > MAX_HEADERS {
            return Err(Error::invalid(format!(
                "the headers of a message take {} bytes, more than the limit of {MAX_HEADERS}; keep metadata small and put the rest in the payload",
                self.size
            )));
        }
        Ok(self.table.into())
    }
}

/// For values for which [`amqp_has`] is true.
fn amqp(value: &Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AMQPValue::LongLongInt(number),
            None => AMQPValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(values) => AMQPValue::FieldArray(values.iter().map(amqp).collect::<Vec<_>>().into()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.as_str().into(), amqp(value)));
            AMQPValue::FieldTable(fields.collect::<BTreeMap<_, _>>().into())
        }
    }
}

/// The message without the headers that cannot be written: the largest, if they are too large together, and those whose
/// names are too long for AMQP. A header names what was left out. `None` if all can be written.
pub(crate) fn with_fitting_headers(message: &Message) -> Option<Message> {
    let mut size = headers_size(message);
    let mut headers: Vec<(usize, &String)> =
        message.headers.iter().map(|(name, value)| (header_size(name, value), name)).collect();
    headers.sort_unstable_by(|one, other| other.cmp(one));
    let mut left_out = Vec::new();
    for (taken, name) in headers {
        if size > MAX_HEADERS - ROUTE_HEADERS_ROOM || name.len() > MAX_NAME {
            size -= taken;
            left_out.push(name.as_str());
        }
    }
    if left_out.is_empty() {
        return None;
    }
    let mut with_fitting_headers = message.clone();
    with_fitting_headers.headers.retain(|name, _| !left_out.contains(&name.as_str()));
    let names = crate::error::short(&left_out.join(", "), 250);
    with_fitting_headers.headers.insert(LEFT_OUT.to_owned(), names.into());
    Some(with_fitting_headers)
}

/// Any AMQP value as JSON; bytes that are not UTF-8 become an array of numbers.
pub(super) fn json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(flag) => Value::Bool(*flag),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Float(number) => (*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::DecimalValue(decimal) => {
            (f64::from(decimal.value) / 10_f64.powi(i32::from(decimal.scale))).into()
        }
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => bytes(text.as_bytes()),
        AMQPValue::ByteArray(data) => bytes(data.as_slice()),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::FieldArray(values) => array(values),
        AMQPValue::FieldTable(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect())
        }
        AMQPValue::Void => Value::Null,
    }
}

fn bytes(data: &[u8]) -> Value {
    std::str::from_utf8(data).map_or_else(|_| data.into(), Value::from)
}

fn array(values: &FieldArray) -> Value {
    values.as_slice().iter().map(json).collect()
}

/// Parses the headers that were written as JSON text.
pub(super) fn restore_json(headers: &mut BTreeMap<String, Value>) {
    let Some(Value::Array(names)) = headers.get(AS_JSON).cloned() else { return };
    for name in names.iter().filter_map(Value::as_str) {
        if let Some(value) = headers.get_mut(name)
            && let Some(Ok(read)) = value.as_str().map(serde_json::from_str)
        {
            *value = read;
        }
    }
}
