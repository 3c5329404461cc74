//! Where one sentence ends and the next begins, in Russian and English prose.

/// Abbreviations that stand before a name or a number, so their full stop does not end a sentence. Units ("руб.")
/// are not among them: before a capital letter they do.
const ABBREVIATIONS: &[&str] = &[
    "т.е", "т.к", "напр", "ул", "им", "рис", "табл", "стр", "e.g", "i.e", "vs", "mr", "mrs", "ms", "dr",
    "approx", "fig",
];

/// Longest sentence kept whole, in characters; a longer one is cut at a comma or a space.
const LONGEST: usize = 500;

/// The sentences of a paragraph, trimmed, in order, none empty and none longer than 500 characters.
pub(super) fn sentences(paragraph: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut letters = paragraph.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if !matches!(letter, '.' | '!' | '?' | '…') {
            continue;
        }
        let end = at + letter.len_utf8();
        let rest = &paragraph[end..];
        let closing = rest.len() - rest.trim_start_matches(['.', '!', '?', '…', '»', '"', ')', '”']).len();
        let after = &rest[closing..];
        if !after.starts_with(char::is_whitespace) && !after.is_empty() {
            continue;
        }
        if letter == '.' && closing == 0 && continues(&paragraph[start..at], after) {
            continue;
        }
        push(&mut found, &paragraph[start..end + closing]);
        start = end + closing;
        while letters.peek().is_some_and(|(next, _)| *next < start) {
            letters.next();
        }
    }
    push(&mut found, &paragraph[start..]);
    found
}

/// Whether a full stop between these two texts belongs to an abbreviation.
fn continues(before: &str, after: &str) -> bool {
    let next = after.trim_start().chars().next();
    if next.is_some_and(char::is_lowercase) {
        return true;
    }
    let last = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let is_initial = last.chars().count() == 1 && last.chars().all(char::is_uppercase);
    next.is_some() && (is_initial || ABBREVIATIONS.contains(&last.to_lowercase().as_str()))
}

fn push(found: &mut Vec<String>, sentence: &str) {
    let mut rest = sentence.trim();
    while let Some((limit, _)) = rest.char_indices().nth(LONGEST) {
        let head = &rest[..limit];
        let cut = head.rfind([';', ',']).map(|at| at + 1).or_else(|| head.rfind(' ')).unwrap_or(limit);
        let cut = if cut == 0 { limit } else { cut };
        found.extend(Some(rest[..cut].trim().to_owned()).filter(|part| !part.is_empty()));
        rest = rest[cut..].trim();
    }
    if rest.chars().any(char::is_alphanumeric) {
        found.push(rest.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_and_decimals_do_not_end_a_sentence() {
        let text = "Штраф 0.20 руб. Оплата картой, т.е. онлайн. Доставка до 3 км! Done e.g. by Anna.";

        assert_eq!(
            sentences(text),
            ["Штраф 0.20 руб.", "Оплата картой, т.е. онлайн.", "Доставка до 3 км!", "Done e.g. by Anna."]
        );
    }

    #[test]
    fn an_endless_sentence_is_cut_and_nothing_is_lost() {
        let text = "слово ".repeat(500);

        let parts = sentences(&text);

        assert!(parts.iter().all(|part| part.chars().count() <= LONGEST));
        assert_eq!(parts.iter().map(|part| part.split_whitespace().count()).sum::<usize>(), 500);
    }
}
