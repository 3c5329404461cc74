//! Where strings and comments of a document end, also of one that is written carelessly.

/// A string, from its opening quotation mark on.
#[derive(Debug, PartialEq)]
pub(super) struct Quoted {
    /// The position after its closing quotation mark.
    pub(super) end: usize,
    /// Quotation marks of its own kind within it that are not escaped.
    pub(super) inner: usize,
}

/// The string that begins at `start` with `"` or `'`; `None` if the text ends within it.
///
/// A quotation mark ends it where the document can go on after it: in well-formed JSON that is the first one, and elsewhere
/// it tells those that belong to the text from the one that ends it. A value is not followed by a colon.
pub(super) fn quoted(text: &str, start: usize, is_value: bool) -> Option<Quoted> {
    let bytes = text.as_bytes();
    let mark = bytes[start];
    let mut inner = 0;
    let mut position = start + 1;
    while let Some(&byte) = bytes.get(position) {
        match byte {
            b'\\' => position += 1,
            _ if byte == mark && ends(text, position, is_value) => {
                return Some(Quoted { end: position + 1, inner });
            }
            _ if byte == mark => inner += usize::from(!is_apostrophe(bytes, position)),
            _ => {}
        }
        position += 1;
    }
    None
}

/// Whether the quotation mark at `position` can end a string.
fn ends(text: &str, position: usize, is_value: bool) -> bool {
    let after = &text[position + 1..];
    let rest = after.trim_start();
    let is_next_line = after[..after.len() - rest.len()].contains('\n');
    let Some(next) = rest.chars().next() else { return true };
    match next {
        '}' | ']' => true,
        ':' => !is_value,
        ',' => begins_part(&rest[1..]),
        '/' => rest.starts_with("//") || rest.starts_with("/*"),
        // A comma is missing between two lines.
        '"' | '\'' => is_next_line,
        _ => false,
    }
}

/// Whether what follows a comma is a part of a document, not of a sentence.
fn begins_part(text: &str) -> bool {
    let rest = text.trim_start();
    let Some(first) = rest.chars().next() else { return true };
    if "\"'{}[]-#/".contains(first) || first.is_ascii_digit() {
        return true;
    }
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest, |end| &rest[..end]);
    let is_name = rest[word.len()..].trim_start().starts_with(':');
    !word.is_empty() && (is_name || literal(word).is_some())
}

/// `don't`: between two letters.
fn is_apostrophe(bytes: &[u8], position: usize) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
    };
    bytes[position] == b'\'' && is_letter(position.checked_sub(1)) && is_letter(Some(position + 1))
}

/// The JSON spelling of a word that is a value, in JSON or in Python.
pub(super) fn literal(word: &str) -> Option<&'static str> {
    match word {
        "true" | "True" => Some("true"),
        "false" | "False" => Some("false"),
        "null" | "None" => Some("null"),
        _ => None,
    }
}

/// The position after the comment that begins at `start`; `None` if there is none.
pub(super) fn comment(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    if rest.starts_with("//") || rest.starts_with('#') {
        return Some(rest.find('\n').map_or(text.len(), |end| start + end));
    }
    let inner = rest.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(text.len(), |end| start + end + 4))
}
