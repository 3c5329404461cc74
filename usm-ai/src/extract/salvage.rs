//! What is whole of a document that was cut off.

use serde_json::{Map, Value};

use super::{Scan, balanced, lexer, mend};

/// The members of the object before the cut and, if the cut is in a list, the elements of the list before it. Nothing is
/// closed that was open; `None` if nothing is whole.
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
        if let Some(value) = rest.whole(true) {
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
        let Value::String(name) = self.whole(false)? else { return None };
        self.take(':').then_some(name)
    }

    /// The elements of a list that are whole.
    fn elements(&mut self) -> Vec<Value> {
        let mut elements = Vec::new();
        while let Some(element) = self.whole(true) {
            elements.push(element);
            if !self.take(',') {
                break;
            }
        }
        elements
    }

    /// The next value, if it is whole; else nothing is passed. A number at the very end may lack digits, and a string with
    /// nothing after it may go on.
    fn whole(&mut self, is_value: bool) -> Option<Value> {
        let text = self.0.trim_start();
        let end = match text.bytes().next()? {
            b'{' | b'[' => match balanced(text, 0, false) {
                Scan::Closed(end) => end,
                Scan::NotJson(_) | Scan::EndOfText => return None,
            },
            b'"' | b'\'' => {
                let quoted =
                    lexer::quoted(text, 0, is_value).filter(|quoted| is_value || quoted.inner == 0)?;
                Some(quoted.end).filter(|end| !text[*end..].trim_start().is_empty())?
            }
            _ => text.find(|c: char| c.is_whitespace() || ",:]}".contains(c))?,
        };
        let value = mend::read(&text[..end]).ok()?;
        self.0 = &text[end..];
        Some(value)
    }
}
