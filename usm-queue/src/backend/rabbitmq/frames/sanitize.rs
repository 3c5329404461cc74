//! Checks whether lapin can read a frame, and builds a replacement if it cannot.

use std::str::from_utf8;

use crate::message::{RAW_NAMES, RAW_PROPERTIES, UNREADABLE};

/// Nested tables and lists, counting the header table. lapin reads them recursively, and far deeper ones overflow its stack;
/// the JSON they become can be parsed up to a depth of 128.
pub(super) const MAX_DEPTH: usize = 100;
/// The smallest limit of a frame that AMQP allows, without the 8 bytes around a payload.
const MIN_FRAME: usize = 4096 - 8;

/// Class, weight, body size.
const BEFORE_PROPERTIES: usize = 12;
const HEADERS: u16 = 1 << 13;

#[derive(Clone, Copy)]
enum Kind {
    Short,
    Table,
    Fixed(usize),
}

use Kind::{Fixed, Short, Table};

/// The properties of a message in order; the first has the highest bit.
const PROPERTIES: [(&str, Kind); 14] = [
    ("content type", Short),
    ("content encoding", Short),
    ("headers", Table),
    ("delivery mode", Fixed(1)),
    ("priority", Fixed(1)),
    ("correlation id", Short),
    ("reply-to", Short),
    ("expiration", Short),
    ("message id", Short),
    ("timestamp", Fixed(8)),
    ("type", Short),
    ("user id", Short),
    ("app id", Short),
    ("cluster id", Short),
];

/// A method whose names were not UTF-8.
pub(super) struct ReplacedMethod {
    pub(super) payload: Vec<u8>,
    /// Exchange and routing key as raw bytes, if a message follows.
    pub(super) names: Option<Vec<u8>>,
}

/// A replacement for a method payload that lapin could not read: `\u{fffd}` replaces what is not UTF-8.
pub(super) fn method(payload: &[u8]) -> Option<ReplacedMethod> {
    let (name, _) = payload.split_first_chunk()?;
    // The methods with text of other clients or of the broker.
    let (arguments, has_content): (&[Kind], bool) = match name {
        // basic: deliver, get-ok, return.
        [0, 60, 0, 60] => (&[Short, Fixed(9), Short, Short], true),
        [0, 60, 0, 71] => (&[Fixed(9), Short, Short, Fixed(4)], true),
        [0, 60, 0, 50] => (&[Fixed(2), Short, Short, Short], true),
        // connection.close and channel.close: a text that the broker may have cut within a character.
        [0, 10, 0, 50] | [0, 20, 0, 40] => (&[Fixed(2), Short, Fixed(4)], false),
        // connection.blocked.
        [0, 10, 0, 60] => (&[Short], false),
        _ => return None,
    };
    let readable = |bytes: &[u8]| from_utf8(bytes).is_ok();
    let mut reader = Reader(&payload[4..]);
    if arguments.iter().all(|kind| match kind {
        Short => reader.short().is_none_or(readable),
        Table => true,
        Fixed(size) => reader.take(*size).is_some(),
    }) {
        return None;
    }
    let (mut reader, mut replaced) = (Reader(&payload[4..]), payload[..4].to_vec());
    let mut names = Vec::new();
    for kind in arguments {
        match kind {
            Short => {
                let name = reader.short()?;
                let mut encoded = Vec::new();
                put_short(&mut encoded, name);
                names.push(encoded);
                put_short(&mut replaced, lossy(name).as_bytes());
            }
            Table => {}
            Fixed(size) => replaced.extend_from_slice(reader.take(*size)?),
        }
    }
    replaced.extend_from_slice(reader.0);
    let names = has_content.then(|| names.split_off(names.len() - 2).concat());
    Some(ReplacedMethod { payload: replaced, names })
}

/// A replacement for a content header payload that lapin could not read, or whose delivery could not be read: without what is
/// unreadable, with headers that report and keep it.
pub(super) fn content_header(payload: &[u8], names: Option<&[u8]>) -> Option<Vec<u8>> {
    let found = properties(payload.get(BEFORE_PROPERTIES..)?);
    let why = match (found.fault, names) {
        (Some(why), _) => why,
        (None, Some(_)) => "the routing key or exchange is not UTF-8".to_owned(),
        (None, None) => return None,
    };
    let raw = &payload[BEFORE_PROPERTIES..];
    let room = payload.len().max(MIN_FRAME);
    // All of it if it fits into a frame; otherwise the properties alone, or a part of them.
    let full = Replacement { why: &why, headers: found.headers, kept: &found.kept, raw, names };
    let small = Replacement { headers: &[], names: None, ..full };
    let bare = small.build(&payload[..BEFORE_PROPERTIES], 0).len();
    [full, Replacement { headers: &[], ..full }]
        .into_iter()
        .map(|form| form.build(&payload[..BEFORE_PROPERTIES], raw.len()))
        .find(|payload| payload.len() <= room)
        .or_else(|| {
            Some(small.build(&payload[..BEFORE_PROPERTIES], raw.len().min(room.saturating_sub(bare))))
        })
}

/// What lapin can read of a message's properties.
struct ReadableProperties<'a> {
    /// The encoded properties, without the headers.
    kept: Vec<(u16, &'a [u8])>,
    /// The entries of the header table, if all are readable.
    headers: &'a [u8],
    fault: Option<String>,
}

fn properties(payload: &[u8]) -> ReadableProperties<'_> {
    let mut found = ReadableProperties { kept: Vec::new(), headers: &[], fault: None };
    let mut reader = Reader(payload);
    let Some(flags) = reader.u16() else {
        found.fault = Some("the properties are cut off".to_owned());
        return found;
    };
    for (index, (name, kind)) in PROPERTIES.into_iter().enumerate() {
        let bit = 1 << (15 - index);
        if flags & bit == 0 {
            continue;
        }
        let before = reader.0;
        let read = match kind {
            Short => reader.short().map(|text| from_utf8(text).map(|_| ()).map_err(|_| "is not UTF-8")),
            Fixed(size) => reader.take(size).map(|_| Ok(())),
            Table => reader.long().map(|entries| {
                table(entries, 1)?;
                found.headers = entries;
                Ok(())
            }),
        };
        let encoded = &before[..before.len() - reader.0.len()];
        match (read, kind) {
            (Some(Ok(())), Table) => {}
            (Some(Ok(())), _) => found.kept.push((bit, encoded)),
            (Some(Err(why)), _) => {
                found.fault.get_or_insert_with(|| format!("{name}: {why}"));
            }
            (None, _) => {
                found.fault.get_or_insert_with(|| format!("{name}: cut off"));
                return found;
            }
        }
    }
    if !reader.0.is_empty() {
        found.fault.get_or_insert_with(|| "there are more properties than AMQP 0-9-1 has".to_owned());
    }
    found
}

/// Why lapin could not read these entries.
fn table(entries: &[u8], depth: usize) -> Result<(), &'static str> {
    let mut entries = Reader(entries);
    while !entries.0.is_empty() {
        let name = entries.short().ok_or(CUT_OFF)?;
        from_utf8(name).map_err(|_| "a name in them is not UTF-8")?;
        value(&mut entries, depth)?;
    }
    Ok(())
}

const CUT_OFF: &str = "a value in them is cut off";

fn value(reader: &mut Reader<'_>, depth: usize) -> Result<(), &'static str> {
    let size = match reader.take(1).ok_or(CUT_OFF)?[0] {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'U' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'L' | b'l' | b'd' | b'T' => 8,
        b'S' | b'x' => return reader.long().map(|_| ()).ok_or(CUT_OFF),
        nested @ (b'F' | b'A') => {
            let entries = reader.long().ok_or(CUT_OFF)?;
            if depth >= MAX_DEPTH {
                return Err("they are nested too deeply");
            }
            if nested == b'F' {
                return table(entries, depth + 1);
            }
            let mut entries = Reader(entries);
            while !entries.0.is_empty() {
                value(&mut entries, depth + 1)?;
            }
            return Ok(());
        }
        _ => return Err("a value in them has an unknown type"),
    };
    reader.take(size).map(|_| ()).ok_or(CUT_OFF)
}

/// A content header that lapin can read.
#[derive(Clone, Copy)]
struct Replacement<'a> {
    why: &'a str,
    headers: &'a [u8],
    kept: &'a [(u16, &'a [u8])],
    raw: &'a [u8],
    names: Option<&'a [u8]>,
}

impl Replacement<'_> {
    /// Keeps the first `raw` bytes of the original properties.
    fn build(&self, before: &[u8], raw: usize) -> Vec<u8> {
        let mut headers = self.headers.to_vec();
        put_entry(&mut headers, UNREADABLE, b'S', self.why.as_bytes());
        put_entry(&mut headers, RAW_PROPERTIES, b'x', &self.raw[..raw]);
        if let Some(names) = self.names {
            put_entry(&mut headers, RAW_NAMES, b'x', names);
        }
        let flags = self.kept.iter().fold(HEADERS, |flags, (bit, _)| flags | bit);
        let mut payload = before.to_vec();
        payload.extend(flags.to_be_bytes());
        for (_, encoded) in self.kept.iter().filter(|(bit, _)| *bit > HEADERS) {
            payload.extend_from_slice(encoded);
        }
        put_long(&mut payload, &headers);
        for (_, encoded) in self.kept.iter().filter(|(bit, _)| *bit < HEADERS) {
            payload.extend_from_slice(encoded);
        }
        payload
    }
}

fn put_entry(into: &mut Vec<u8>, name: &str, kind: u8, value: &[u8]) {
    put_short(into, name.as_bytes());
    into.push(kind);
    put_long(into, value);
}

fn put_short(into: &mut Vec<u8>, text: &[u8]) {
    into.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    into.extend_from_slice(text);
}

fn put_long(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(bytes);
}

/// As UTF-8, cut to the length of a short string.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.truncate(text.floor_char_boundary(usize::from(u8::MAX)));
    text
}

/// Reads bytes part by part; `None` if they end too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(part)
    }

    fn u16(&mut self) -> Option<u16> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*part))
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(part)
    }
}
