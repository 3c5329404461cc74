//! Filters the bytes from the broker: body frames pass as they arrive, others when they are complete and checked.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use lapin::{
    protocol::{AMQPClass, connection::AMQPMethod, parse_class},
    types::AMQPValue,
};

use super::sanitize;

/// The initial size of the buffer; most frames fit into it.
const BUFFER: usize = 64 << 10;
/// Before the payload: type, channel, size. After it: one byte.
const HEAD: usize = 7;
const TAIL: usize = 1;
/// No broker agrees to larger frames; lapin handles what claims to be larger.
const MAX_FRAME: usize = 64 << 20;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const HEARTBEAT: u8 = 8;

/// A buffer that hands out only checked bytes: `taken <= checked <= filled`.
#[derive(Debug, Default)]
pub(super) struct FrameFilter {
    bytes: Vec<u8>,
    taken: usize,
    checked: usize,
    filled: usize,
    /// Bytes to come of a frame that passes unchecked.
    passing: usize,
    /// By channel, for the content header that follows: an exchange and routing key that could not be read, as raw bytes.
    names: HashMap<u16, Vec<u8>>,
    /// The broker's version, which lapin does not tell.
    version: Arc<OnceLock<String>>,
}

impl FrameFilter {
    /// Tells the broker's version as soon as it is known.
    pub(super) fn new(version: Arc<OnceLock<String>>) -> Self {
        Self { version, ..Self::default() }
    }

    /// Copies checked bytes; returns how many.
    pub(super) fn hand_out(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.checked - self.taken);
        into[..count].copy_from_slice(&self.bytes[self.taken..self.taken + count]);
        self.taken += count;
        count
    }

    /// Where to read into; never empty.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.taken > 0 {
            self.bytes.copy_within(self.taken..self.filled, 0);
            (self.checked, self.filled) = (self.checked - self.taken, self.filled - self.taken);
            self.taken = 0;
        }
        if self.filled == self.bytes.len() {
            self.bytes.resize((self.filled * 2).max(BUFFER), 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// `count` bytes were read into [`space`](Self::space).
    pub(super) fn received(&mut self, count: usize) {
        self.filled += count;
        loop {
            let open = &self.bytes[self.checked..self.filled];
            if self.passing > 0 {
                let pass = self.passing.min(open.len());
                self.checked += pass;
                self.passing -= pass;
                if self.passing > 0 {
                    return;
                }
                continue;
            }
            let Some((head, rest)) = open.split_first_chunk::<HEAD>() else { return };
            let &[kind, channel_high, channel_low, size @ ..] = head;
            let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
            if !matches!(kind, METHOD..=HEARTBEAT) || size > MAX_FRAME {
                // Not a frame; lapin ends the connection.
                self.passing = usize::MAX;
                continue;
            }
            let whole = HEAD + size + TAIL;
            if !matches!(kind, METHOD | HEADER) {
                self.passing = whole;
                continue;
            }
            let Some(payload) = rest.get(..size).filter(|_| open.len() >= whole) else { return };
            let channel = u16::from_be_bytes([channel_high, channel_low]);
            let replaced = if kind == METHOD {
                if let Some(version) = server_version(payload) {
                    let _ = self.version.set(version);
                }
                sanitize::method(payload).map(|replaced| {
                    self.names.extend(replaced.names.map(|names| (channel, names)));
                    replaced.payload
                })
            } else {
                let names = if self.names.is_empty() { None } else { self.names.remove(&channel) };
                sanitize::content_header(payload, names.as_deref())
            };
            match replaced {
                None => self.checked += whole,
                Some(payload) => self.replace(size, &payload),
            }
        }
    }

    /// Replaces the payload of the frame that is being checked.
    fn replace(&mut self, size: usize, payload: &[u8]) {
        let start = self.checked + HEAD;
        let rest = self.bytes[start + size..self.filled].to_vec();
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.bytes[start - length.len()..start].copy_from_slice(&length);
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(payload);
        self.checked = self.bytes.len() + TAIL;
        self.bytes.extend_from_slice(&rest);
        self.filled = self.bytes.len();
    }
}

/// What `connection.start`, the first method of a connection, says of the broker.
fn server_version(payload: &[u8]) -> Option<String> {
    if !payload.starts_with(&[0, 10, 0, 10]) {
        return None;
    }
    let (_, AMQPClass::Connection(AMQPMethod::Start(start))) = parse_class(payload).ok()? else {
        return None;
    };
    match start.server_properties.inner().get("version")? {
        AMQPValue::LongString(version) => Some(version.to_string()),
        _ => None,
    }
}
