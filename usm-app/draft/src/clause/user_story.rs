//! Sentences already told as user stories: "As a courier, I want to …", «Как курьер, я хочу …».

use super::Context;
use crate::words::{Word, normal};

/// Longest name of a role in such a sentence, in words.
const ROLE_WORDS: usize = 4;
/// How the wish goes on behind the role.
const WISHES: &[&[&str]] = &[
    &["i", "want"],
    &["i", "need"],
    &["i", "would", "like"],
    &["i'd", "like"],
    &["i", "can"],
    &["i", "wish"],
    &["я", "хочу"],
    &["я", "могу"],
    &["я", "хотел", "бы"],
    &["я", "хотела", "бы"],
    &["мне", "нужно"],
    &["хочу"],
    &["могу"],
];

/// Where the name of the role stands and where the wish begins; `None` when the sentence is no user story.
pub(crate) fn parts(sentence: &[Word]) -> Option<(usize, usize, usize)> {
    let lower = |index: usize| sentence.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let name = match (lower(0), lower(1)) {
        ("as", "a" | "an" | "the") => 2,
        ("как", _) => 1,
        ("я", "как") => 2,
        _ => return None,
    };
    let last = (name + ROLE_WORDS).min(sentence.len());
    (name + 1..=last).find_map(|end| {
        let wish =
            WISHES.iter().find(|wish| (0..wish.len()).all(|offset| lower(end + offset) == wish[offset]))?;
        let begin = end + wish.len();
        (begin < sentence.len()).then_some((name, end, begin))
    })
}

/// Who wishes in a user story, and the words of the wish.
pub(super) fn wish(sentence: &[Word], context: Context<'_>) -> Option<(usize, Vec<Word>)> {
    let (name, end, begin) = parts(sentence)?;
    let actor =
        (name..end).find_map(|index| context.cast.at(&sentence[..end], index)).map(|(actor, _)| actor);
    let rest = &sentence[begin..];
    let rest = match rest.first() {
        Some(first) if normal(&first.text) == "to" && rest.len() > 1 => &rest[1..],
        _ => rest,
    };
    Some((actor.unwrap_or(context.cast.main()), rest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn the_role_and_the_wish_are_found_with_and_without_a_comma() {
        assert_eq!(parts(&words("As a courier, I want to see the address")), Some((2, 3, 5)));
        assert_eq!(parts(&words("As an account manager I need reports")), Some((2, 4, 6)));
        assert_eq!(parts(&words("Как клиент, я хочу видеть статус")), Some((1, 2, 4)));
        assert_eq!(parts(&words("Я как менеджер хочу получать отчёты")), Some((2, 3, 4)));
        assert_eq!(parts(&words("Как только заказ готов, курьер едет")), None);
    }
}
