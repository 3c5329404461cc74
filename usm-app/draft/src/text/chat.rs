//! Conversations: who speaks and what is said.

/// Fewest lines with a speaker that make a text a conversation.
const FEWEST: usize = 3;

/// Whether most lines of a text are said by somebody at some time.
pub(super) fn is_chat(lines: &[&str]) -> bool {
    let said = lines.iter().filter(|line| message(line).is_some()).count();
    let all = lines.iter().filter(|line| !line.trim().is_empty()).count();
    said >= FEWEST && said * 2 > all
}

/// Speaker and words of `[10:02] Ann (PM): …`, `10:02 Ann: …` and `Ann, [3 Nov 2026 10:02]: …`.
pub(super) fn message(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (head, said) = split_head(line)?;
    let time = head.char_indices().filter(|(at, c)| *c == ':' && is_time(head, *at)).count();
    if time == 0 || head.chars().count() > 60 {
        return None;
    }
    let is_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | '(' | ')' | '-' | '.' | '\'' | '_');
    let speaker = head.trim_matches(|c: char| !c.is_alphabetic());
    let name = speaker.rsplit([']', ',']).next().unwrap_or(speaker).trim();
    let name = if name.chars().any(char::is_alphabetic) { name } else { speaker };
    let named = name.chars().all(|c| is_name(c) || c.is_ascii_digit() || c == ':') && !name.is_empty();
    named.then_some((name, said.trim()))
}

/// What stands before the first colon that is no part of a time.
fn split_head(line: &str) -> Option<(&str, &str)> {
    let colon = line.char_indices().find(|(at, c)| *c == ':' && !is_time(line, *at))?.0;
    Some((&line[..colon], &line[colon + 1..]))
}

fn is_time(text: &str, colon: usize) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    colon > 0 && digit(bytes.get(colon - 1)) && digit(bytes.get(colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speakers_are_found_behind_the_time() {
        assert_eq!(message("[10:02] Аня (PM): всем привет"), Some(("Аня (PM", "всем привет")));
        assert_eq!(message("10:02 Bob: ok"), Some(("Bob", "ok")));
        assert_eq!(message("Out of scope: drones"), None);
        assert_eq!(message("A train leaves at 10:02"), None);
    }
}
