//! Reads a document that is nearly JSON: nothing is added to it, and what could be read in two ways is not read.

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;

use super::lexer;

/// Characters shown on each side of the place of an error.
const SHOWN: usize = 30;

/// Levels of brackets beyond which a document is not read.
const DEEPEST: usize = 100;

/// What the parser takes beyond JSON. Strings and comments have been put right before.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: true,
    allow_single_quoted_strings: false,
    // Numbers have to stand in the text as they are read.
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The value of a document whose brackets balance, or what is wrong with it and where.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let json = straightened(text)?;
    parse_to_serde_value(&json, &OPTIONS).map_err(|error| {
        let place = around(&json, error.range().start);
        format!("the document is not valid JSON: {}, {place}", error.kind().to_string().to_lowercase())
    })
}

/// The document with every string as JSON writes it, words of Python as those of JSON, and without comments.
fn straightened(text: &str) -> Result<String, String> {
    let mut json = String::with_capacity(text.len() + 16);
    let mut position = 0;
    let (mut before, mut depth) = (b'{', 0_usize);
    while let Some(&byte) = text.as_bytes().get(position) {
        if let Some(end) = lexer::comment(text, position) {
            json.push(' ');
            position = end;
            continue;
        }
        let end = match byte {
            b'"' | b'\'' => {
                let quoted = lexer::quoted(text, position, before == b':')
                    .ok_or_else(|| format!("a string does not end, {}", around(text, position)))?;
                // A name has none.
                let is_name = text[quoted.end..].trim_start().starts_with(':');
                if byte == b'"' && quoted.inner % 2 == 1 || is_name && quoted.inner > 0 {
                    let place = around(text, position);
                    return Err(format!("a quotation mark in a string is not escaped, {place}"));
                }
                write_string(&text[position + 1..quoted.end - 1], &mut json);
                quoted.end
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let rest = &text[position..];
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                json.push_str(lexer::literal(&rest[..length]).unwrap_or(&rest[..length]));
                position + length
            }
            b'{' | b'[' if depth == DEEPEST => {
                return Err(format!("brackets are more than {DEEPEST} levels deep"));
            }
            _ => {
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                let end = next_char(text, position);
                json.push_str(&text[position..end]);
                end
            }
        };
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        position = end;
    }
    Ok(json)
}

/// Writes what stands between quotation marks as a JSON string.
fn write_string(content: &str, json: &mut String) {
    json.push('"');
    let mut rest = content;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '\\' => length = write_escape(rest, json),
            '"' => json.push_str("\\\""),
            '\n' => json.push_str("\\n"),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
        rest = &rest[length..];
    }
    json.push('"');
}

/// Writes the escape that `text` begins with, and returns its length. One that JSON does not know is the text it looks
/// like; half a character is replaced by the mark for that.
fn write_escape(text: &str, json: &mut String) -> usize {
    let unit = |text: &str| u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    match text[1..].chars().next() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
            json.push_str(&text[..2]);
            2
        }
        Some('\'') => {
            json.push('\'');
            2
        }
        Some('u') => match (unit(text), text.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => {
                json.push_str(&text[..12]);
                12
            }
            (Some(0xd800..=0xdfff), _) => {
                json.push('\u{fffd}');
                6
            }
            (Some(_), _) => {
                json.push_str(&text[..6]);
                6
            }
            (None, _) => {
                json.push_str("\\\\");
                1
            }
        },
        _ => {
            json.push_str("\\\\");
            1
        }
    }
}

/// The place of an error, as the model will find it again.
fn around(text: &str, position: usize) -> String {
    let at = (0..=position.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before: String = text[..at].chars().rev().take(SHOWN).collect::<Vec<_>>().into_iter().rev().collect();
    let after: String = text[at..].chars().take(SHOWN).collect();
    format!("after `{before}` before `{after}`")
}

fn next_char(text: &str, position: usize) -> usize {
    position + text[position..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests;
