//! Finds JSON documents in what a model says around them: prose, code fences, remarks; bare, in a string, nearly JSON.

mod lexer;
mod mend;
mod salvage;
mod thoughts;

use serde_json::Value;

pub(crate) use salvage::salvage;
pub(crate) use thoughts::removed as without_thoughts;

/// Something in a text that began like a JSON document.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// A whole document.
    Document(Value),
    /// It looked like a document, and its brackets balance, but it is not JSON; the text says what is wrong, and where.
    Broken(String),
    /// The text ended within it; here it is from its first bracket on. Nothing inside it is offered as a document: an
    /// inner element is not the answer.
    CutOff(String),
}

/// The documents of `text` in order.
///
/// A document is an object or an array. Brackets of prose (`[MVP]`, `{name}`) are passed over.
pub(crate) fn documents(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(offset) = text.get(position..).and_then(|rest| rest.find(['{', '['])) {
        let start = position + offset;
        let opening = opening(&text[start..]);
        position = match opening {
            Opening::Prose => start + 1,
            Opening::Encoded => {
                let (inner, end) = decoded(&text[start..]);
                found.extend(documents(&inner));
                start + end
            }
            Opening::Document | Opening::Perhaps => {
                match balanced(text, start, matches!(opening, Opening::Perhaps)) {
                    Scan::Closed(end) => {
                        found.push(mend::read(&text[start..end]).map_or_else(Found::Broken, Found::Document));
                        end
                    }
                    Scan::NotJson(at) => at,
                    Scan::EndOfText => {
                        if matches!(opening, Opening::Document) {
                            found.push(Found::CutOff(text[start..].to_owned()));
                        }
                        text.len()
                    }
                }
            }
        };
    }
    found
}

enum Opening {
    /// Begins as only JSON does, written with care or not: `{"`, `{'`, `[{`, `["`, `{title:`.
    Document,
    /// Could be JSON or prose: `[1`.
    Perhaps,
    /// A document written into a string, its quotation marks escaped.
    Encoded,
    Prose,
}

/// Whether the text begins as a document does.
fn starts_document(text: &str) -> bool {
    matches!(opening(text), Opening::Document)
}

fn opening(text: &str) -> Opening {
    let Some(first) = text.chars().next().filter(|first| "{[".contains(*first)) else {
        return Opening::Prose;
    };
    let inner = begun(&text[1..]);
    let next = inner.chars().next();
    match (first, next) {
        (_, Some('\\')) if encoded_start(inner) => Opening::Encoded,
        ('{', Some('"' | '\'' | '}') | None) => Opening::Document,
        ('{', Some(_)) if is_name(inner) => Opening::Document,
        ('[', Some('"' | ']') | None) => Opening::Document,
        ('[', Some('{')) => opening(inner),
        ('[', Some('[' | '-' | '0'..='9' | 't' | 'f' | 'n')) => Opening::Perhaps,
        _ => Opening::Prose,
    }
}

/// What follows blanks and comments.
fn begun(text: &str) -> &str {
    let mut rest = text.trim_start();
    // Not those with `#`: `[#12]` is prose.
    while let Some(end) = lexer::comment(rest, 0).filter(|_| rest.starts_with('/')) {
        rest = rest[end..].trim_start();
    }
    rest
}

/// Whether a document goes on with a name without quotation marks, and a value. `{name: string}` in a sentence does not.
fn is_name(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let value = text[end..].trim_start().strip_prefix(':').map(str::trim_start);
    end > 0 && value.is_some_and(|value| value.starts_with(['"', '\'', '{', '[']))
}

/// Whether blanks, escaped too, end in an escaped quotation mark.
fn encoded_start(text: &str) -> bool {
    let mut rest = text;
    loop {
        let escaped = rest.trim_start_matches('\\');
        if escaped.len() == rest.len() {
            return false;
        }
        match escaped.strip_prefix(['n', 'r', 't']) {
            Some(next) => rest = next.trim_start(),
            None => return escaped.starts_with('"'),
        }
    }
}

/// A document taken out of the string it is written into, and where that string ends.
fn decoded(text: &str) -> (String, usize) {
    let mut escaped = false;
    let is_end = |&(_, byte): &(usize, u8)| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    let end = text.bytes().enumerate().find(is_end).map_or(text.len(), |(end, _)| end);
    let inner = mend::read(&format!("\"{}\"", &text[..end]));
    (inner.ok().and_then(|inner| Some(inner.as_str()?.to_owned())).unwrap_or_default(), end)
}

enum Scan {
    /// The position after the bracket that closes the first one.
    Closed(usize),
    /// The position of a byte that JSON has only inside strings.
    NotJson(usize),
    EndOfText,
}

/// Looks for the end of the document that begins at `start`; brackets inside strings and comments do not count.
fn balanced(text: &str, start: usize, strict: bool) -> Scan {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut before = b'{';
    let mut position = start;
    while let Some(&byte) = bytes.get(position) {
        let mut end = position + 1;
        match byte {
            b'"' | b'\'' if byte == b'"' || !strict => {
                let Some(quoted) = lexer::quoted(text, position, before == b':') else {
                    return Scan::EndOfText;
                };
                end = quoted.end;
            }
            b'/' | b'#' if !strict => end = lexer::comment(text, position).unwrap_or(end),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Scan::Closed(end);
                }
            }
            _ if strict && !may_stand_outside_strings(byte) => return Scan::NotJson(position),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        position = end;
    }
    Scan::EndOfText
}

fn may_stand_outside_strings(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_digit() || b",:+-.eEtrufalsn".contains(&byte)
}

#[cfg(test)]
mod tests;
