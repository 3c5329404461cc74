//! Finds JSON documents in what a model says around them: prose, code fences, remarks.

use serde_json::{Map, Value};

/// Something in a text that began like a JSON document.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// A whole document.
    Document(Value),
    /// It looked like a document, and its brackets balance, but it is not JSON; the text says why.
    Broken(String),
    /// The text ended within it; here it is from its first bracket on. Nothing inside it is offered as a document: an
    /// inner element is not the answer.
    CutOff(&'a str),
}

/// The documents of `text` in order, in one pass over it.
///
/// A document is an object or an array. Brackets of prose (`[MVP]`, `{name}`) are passed over.
pub(crate) fn documents(text: &str) -> impl Iterator<Item = Found<'_>> {
    let mut position = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = text.get(position..)?.find(['{', '[']) {
            let start = position + offset;
            let end = match opening(&text.as_bytes()[start..]) {
                Opening::Prose => {
                    position = start + 1;
                    continue;
                }
                Opening::Document => match balanced(text.as_bytes(), start, false) {
                    Scan::Closed(end) => end,
                    Scan::NotJson(_) | Scan::EndOfText => {
                        position = text.len();
                        return Some(Found::CutOff(&text[start..]));
                    }
                },
                Opening::Perhaps => match balanced(text.as_bytes(), start, true) {
                    Scan::Closed(end) => end,
                    Scan::NotJson(at) => {
                        position = at;
                        continue;
                    }
                    Scan::EndOfText => {
                        position = text.len();
                        return None;
                    }
                },
            };
            position = end;
            return Some(match serde_json::from_str(&text[start..end]) {
                Ok(value) => Found::Document(value),
                Err(error) => Found::Broken(error.to_string()),
            });
        }
        None
    })
}

enum Opening {
    /// Begins as only JSON does: `{"`, `[{`, `["`.
    Document,
    /// Could be JSON or prose: `[1`.
    Perhaps,
    Prose,
}

fn opening(bytes: &[u8]) -> Opening {
    let mut inner = bytes.iter().skip(1).filter(|byte| !byte.is_ascii_whitespace());
    match (bytes.first(), inner.next()) {
        (Some(b'{'), Some(b'"' | b'}') | None) => Opening::Document,
        (Some(b'['), Some(b'"' | b']') | None) => Opening::Document,
        (Some(b'['), Some(b'{')) if matches!(inner.next(), Some(b'"' | b'}') | None) => Opening::Document,
        (Some(b'['), Some(b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => Opening::Perhaps,
        _ => Opening::Prose,
    }
}

enum Scan {
    /// The position after the bracket that closes the first one.
    Closed(usize),
    /// The position of a byte that JSON has only inside strings.
    NotJson(usize),
    EndOfText,
}

/// Looks for the end of the document that begins at `start`; brackets inside strings do not count.
fn balanced(bytes: &[u8], start: usize, strict: bool) -> Scan {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (position, &byte) in bytes.iter().enumerate().skip(start) {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Scan::Closed(position + 1);
                }
            }
            _ if strict && !may_stand_outside_strings(byte) => return Scan::NotJson(position),
            _ => {}
        }
    }
    Scan::EndOfText
}

/// What is whole of a document that was cut off: the members of the object before the cut and, if the cut is in a list,
/// the elements of the list before it. Nothing is closed that was open; `None` if nothing is whole.
pub(crate) fn salvage(text: &str) -> Option<Value> {
    let mut rest = Rest(text);
    if rest.take('[') {
        let elements = rest.elements();
        return (!elements.is_empty()).then_some(Value::Array(elements));
    }
    let mut members = Map::new();
    if !rest.take('{') {
        return None;
    }
    while let Some(name) = rest.name() {
        if let Some(value) = rest.whole() {
            members.insert(name, value);
        } else if rest.take('[') {
            let elements = rest.elements();
            if !elements.is_empty() {
                members.insert(name, Value::Array(elements));
            }
            break;
        } else {
            break;
        }
        if !rest.take(',') {
            break;
        }
    }
    (!members.is_empty()).then_some(Value::Object(members))
}

/// What is left to read of a document that was cut off.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Passes this sign, if it is next.
    fn take(&mut self, sign: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// The name of a member, with its colon.
    fn name(&mut self) -> Option<String> {
        let Value::String(name) = self.whole()? else { return None };
        self.take(':').then_some(name)
    }

    /// The elements of a list that are whole.
    fn elements(&mut self) -> Vec<Value> {
        let mut elements = Vec::new();
        while let Some(element) = self.whole() {
            elements.push(element);
            if !self.take(',') {
                break;
            }
        }
        elements
    }

    /// The next value, if it is whole; else nothing is passed. A number at the very end may lack digits, and a value
    /// with nothing after it is not known to be all.
    fn whole(&mut self) -> Option<Value> {
        let text = self.0.trim_start();
        let end = match text.bytes().next()? {
            b'{' | b'[' => match balanced(text.as_bytes(), 0, false) {
                Scan::Closed(end) => end,
                Scan::NotJson(_) | Scan::EndOfText => return None,
            },
            b'"' => end_of_string(text.as_bytes())?,
            _ => text.find(|c: char| c.is_whitespace() || ",:]}".contains(c))?,
        };
        let value = serde_json::from_str(&text[..end]).ok()?;
        self.0 = &text[end..];
        Some(value)
    }
}

/// The position after the closing quote of the string that the text begins with.
fn end_of_string(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (position, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn may_stand_outside_strings(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_digit() || b",:+-.eEtrufalsn".contains(&byte)
}

#[cfg(test)]
mod tests;
