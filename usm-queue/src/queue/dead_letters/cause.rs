//! What dead letters have in common that died of the same: their errors without what differs from letter to letter.

use uuid::Uuid;

use crate::{error::short, message::DeadLetter};

/// Longest cause, in characters.
const CHARS: usize = 200;

/// The cause of a letter: its last error, normalised.
pub(super) fn cause(letter: &DeadLetter) -> String {
    normalise(letter.errors.last().map_or("", String::as_str))
}

/// Identity of the group of letters of this task that died for this reason and of this cause.
pub(super) fn group_id(task: Option<&str>, reason: &str, cause: &str) -> String {
    let parts = [task.unwrap_or_default(), reason, cause].map(|part| format!("{}:{part}", part.len()));
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.concat().as_bytes()).to_string()
}

/// An error with placeholders for what differs: `<url>`, `<id>` (UUIDs, hexadecimal, other words that mix letters and digits
/// more than once), `<n>` (numbers, times, addresses), and `…` between quotes. What is between backticks stays, as it mostly
/// names something of the program. At most [`CHARS`] characters, and one more where it was cut.
pub(super) fn normalise(error: &str) -> String {
    let mut cause = String::new();
    let mut written = 0;
    let mut rest = error.trim();
    let mut before = ' ';
    while let Some(first) = rest.chars().next().filter(|_| written <= CHARS) {
        let (length, text) = if first.is_whitespace() {
            (rest.len() - rest.trim_start().len(), " ".to_owned())
        } else if let Some(length) = url(rest) {
            (length, "<url>".to_owned())
        } else if let Some(length) = quoted(rest, first, before) {
            (length, format!("{first}…{first}"))
        } else if let Some(length) = number(rest) {
            (length, "<n>".to_owned())
        } else if is_of_word(first) {
            let word = &rest[..rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())];
            (word.len(), in_general(word))
        } else {
            (first.len_utf8(), first.to_string())
        };
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
        written += text.chars().count();
        cause.push_str(&text);
    }
    short(&cause, CHARS)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Length of the URL that this begins with.
fn url(text: &str) -> Option<usize> {
    let scheme = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-')))?;
    if scheme == 0 || !text[scheme..].starts_with("://") {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || "\"'`<>()[]{},;".contains(c)).unwrap_or(text.len());
    Some(text[..end].trim_end_matches(['.', ':', '?', '!']).len())
}

/// Length of the quotation that this begins with. An apostrophe begins none, and ends none.
fn quoted(text: &str, quote: char, before: char) -> Option<usize> {
    if !matches!(quote, '"' | '\'') || (quote == '\'' && is_of_word(before)) {
        return None;
    }
    let mut escaped = false;
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        if c == quote && !escaped {
            let followed = inside.peek().is_some_and(|(_, next)| is_of_word(*next));
            if quote == '"' || !followed {
                return Some(at + 1);
            }
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Length of the number, time or address that this begins with: digits, alone or joined.
fn number(text: &str) -> Option<usize> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let sign = usize::from(text.starts_with('-'));
    let mut end = sign + digits(&text[sign..]);
    if end == sign {
        return None;
    }
    while text[end..].starts_with(['.', ':', ',', '-', '/', '_']) {
        match digits(&text[end + 1..]) {
            0 => break,
            more => end += 1 + more,
        }
    }
    // `1a2b` is another kind of word; `30s` and `5.5ms` are numbers with a unit.
    let unit = &text[end..text[end..].find(|c| !is_of_word(c)).map_or(text.len(), |at| end + at)];
    (!unit.contains(|c: char| c.is_ascii_digit())).then_some(end)
}

/// A word without what makes it another one each time.
fn in_general(word: &str) -> String {
    let digit = |c: char| c.is_ascii_digit();
    if !word.contains(digit) {
        return word.to_owned();
    }
    let kinds: Vec<bool> = word.chars().filter(|c| c.is_alphanumeric()).map(digit).collect();
    let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let hex = word.strip_prefix("0x").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()));
    let long_hex = kinds.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if hex || long_hex || (kinds.len() >= 8 && changes >= 3) {
        return "<id>".to_owned();
    }
    let mut general = String::new();
    for c in word.chars() {
        if !digit(c) {
            general.push(c);
        } else if !general.ends_with("<n>") {
            general.push_str("<n>");
        }
    }
    general
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_differs_from_letter_to_letter_is_left_out() {
        for (error, expected) in [
            ("", ""),
            ("bad text", "bad text"),
            ("  two\n\tlines ", "two lines"),
            ("order 4711 is closed", "order <n> is closed"),
            ("order 8 is closed", "order <n> is closed"),
            ("order-17 and order_18", "order-<n> and order_<n>"),
            ("took 1.5s, limit 30s", "took <n>s, limit <n>s"),
            ("connect 10.0.0.7:5432: refused", "connect <n>: refused"),
            ("at 2026-11-28 05:01:02.123", "at <n> <n>"),
            ("account -12 overdrawn", "account <n> overdrawn"),
            ("job 0198f0a2-7c1e-7d3a-9f00-1234567890ab lost", "job <id> lost"),
            ("digest deadbeef01 differs", "digest <id> differs"),
            ("pointer 0x7f is bad", "pointer <id> is bad"),
            ("token Xk29dLq0 expired", "token <id> expired"),
            ("sha256 or http2 or E0308", "sha<n> or http<n> or E<n>"),
            ("invalid type: string \"abc\", expected u64", "invalid type: string \"…\", expected u<n>"),
            ("user 'Ada Lovelace' doesn't exist", "user '…' doesn't exist"),
            ("a \"quote \\\" inside\" ends", "a \"…\" ends"),
            ("can't, won't", "can't, won't"),
            ("one \" alone", "one \" alone"),
            ("missing field `name`", "missing field `name`"),
            ("GET https://api.example.com/v1/users/7?a=b: 503", "GET <url>: <n>"),
            ("see (https://example.com/a).", "see (<url>)."),
            ("ошибка 12 в заказе «7»", "ошибка <n> в заказе «<n>»"),
        ] {
            assert_eq!(normalise(error), expected, "{error}");
        }
    }

    #[test]
    fn groups_differ_by_task_reason_and_cause() {
        let ids = [
            group_id(Some("a"), "b", "c"),
            group_id(Some("ab"), "", "c"),
            group_id(None, "ab", "c"),
            group_id(Some("a"), "b", "d"),
        ];
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[at + 1..].contains(id)), "{ids:?}");
    }

    proptest! {
        #[test]
        fn any_text_has_a_bounded_cause(error in "(?s).{0,600}") {
            prop_assert!(normalise(&error).chars().count() <= CHARS + 1);
        }

        #[test]
        fn numbers_make_no_other_cause(before in "[a-zа-я \"'`.:(/]{0,60}", one: u64, other: u64, after in "( [a-z\"'.:]{0,20}){0,4}") {
            let [one, other] = [one, other].map(|number| normalise(&format!("{before} {number}{after}")));
            prop_assert_eq!(one, other);
        }
    }
}
