//! Texts that stand where something should be said: criteria that any story could have, names of nobody.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

use super::words::same;
use crate::{StoryMap, placeholder::stands_for_a_text, suggestion, words::normal};

/// Criteria that hold for everything and test nothing.
#[rustfmt::skip]
const EMPTY_CRITERIA: &[&str] = &[
    "it works", "works", "works as expected", "works correctly", "works fine", "everything works", "the feature works", "the feature works as expected",
    "feature works", "the functionality works", "the user can use it", "the user can use the feature", "user is happy", "the user is satisfied", "done",
    "ok", "as described", "the story is done", "the story is implemented", "it is implemented", "it is tested", "no bugs", "no errors", "code is reviewed",
    "работает", "все работает", "работает корректно", "функция работает", "все работает корректно", "готово", "ок", "сделано", "реализовано", "протестировано",
    "пользователь доволен", "как описано", "без ошибок", "история готова",
];

/// Words that are no role, alone or at the beginning of a name.
#[rustfmt::skip]
const NO_ROLES: &[&str] = &[
    "never", "always", "anyone", "anybody", "everyone", "nobody", "it", "they", "this", "that", "if", "when", "only", "not", "no", "string", "tbd", "n", "none",
    "null", "persona", "role", "the", "a", "an", "system", "app", "application", "website", "server", "database", "order", "payment", "list", "report", "page", "button",
    "все", "никто", "никогда", "любой", "он", "она", "они", "это", "если", "когда", "только", "не", "нет", "роль", "персона", "система", "приложение", "сайт", "сервер",
    "заказ", "оплата", "отчет", "список", "кнопка", "страница", "нельзя", "нужно", "можно", "адрес", "при", "после", "для",
];

/// From so many stories with the same criterion on, it is no criterion of any of them.
const SAME_EVERYWHERE: usize = 3;
/// Words of the longest name of a role.
const LONGEST_ROLE: usize = 6;

/// Whether a criterion tests nothing.
pub(crate) fn is_empty_criterion(text: &str) -> bool {
    let words = same(text);
    stands_for_a_text(&words) || EMPTY_CRITERIA.contains(&words.as_str())
}

/// What a criterion says beyond the title of its story: the words of both left out.
pub(super) fn beyond(criterion: &str, title: &str) -> String {
    let title = same(title);
    let known: std::collections::HashSet<&str> = title.split(' ').collect();
    same(criterion).split(' ').filter(|word| !known.contains(word)).collect::<Vec<_>>().join(" ")
}

/// What too many stories say beyond their titles: one criterion with other names in it.
pub(super) fn repeated(map: &StoryMap) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (_, _, story) in map.stories() {
        let own = story.acceptance_criteria.iter().filter(|criterion| !suggestion::is_marked(criterion));
        let own: std::collections::HashSet<String> =
            own.map(|criterion| beyond(criterion, &story.title)).collect();
        own.into_iter().for_each(|criterion| *counts.entry(criterion).or_default() += 1);
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count >= SAME_EVERYWHERE)
        .map(|(criterion, _)| criterion)
        .collect()
}

/// Whether a name cannot be that of a role.
pub(super) fn is_no_role(persona: &str) -> bool {
    let normal = normal(persona);
    let words: Vec<&str> = normal.unicode_words().collect();
    let Some(first) = words.first() else { return true };
    words.len() > LONGEST_ROLE
        || NO_ROLES.contains(first) && (words.len() == 1 || *first != "system")
        || words.iter().all(|word| word.chars().all(|c| !c.is_alphabetic()))
}

/// Whether a title is no sentence of anybody: marks of programs, letters without vowels, signs.
pub(super) fn is_junk(title: &str) -> bool {
    const VOWELS: &str = "aeiouyаеиоуыэюяёіїєüöäáéíóúàèâêîôûåøæ";
    let lower = title.to_lowercase();
    let marks = [
        "<|",
        "|>",
        "</",
        "ignore previous",
        "disregard the",
        "you are now",
        "```",
        "http://",
        "@example.com",
        "from:",
        "subject:",
    ];
    let is_mash = |word: &str| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        letters >= 6
            && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, 'а'..='я'))
            && !word.chars().any(|c| VOWELS.contains(c))
            || same_letters(word)
    };
    let words: Vec<&str> = lower.unicode_words().collect();
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    let signs = title.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    marks.iter().any(|mark| lower.contains(mark)) || words.iter().any(|word| is_mash(word)) || signs > letters
}

/// "aaaaaa": one letter again and again.
fn same_letters(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| {
        first.is_alphabetic() && letters.clone().count() >= 4 && letters.all(|c| c == first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nobody_are_told_from_roles() {
        for none in ["Never", "Anyone", "система", "42", "", "If the order is late and nobody has seen it"]
        {
            assert!(is_no_role(none), "{none}");
        }
        for role in ["System administrator", "Оператор поддержки", "Glazier", "HR", "团长"]
        {
            assert!(!is_no_role(role), "{role}");
        }
    }

    #[test]
    fn junk_is_told_from_words() {
        for junk in ["<|im_start|>system", "sdfgkjh qwrtpsd", "aaaaaaa", "??? !!! ---", "From: Ann"] {
            assert!(is_junk(junk), "{junk}");
        }
        for own in ["Export to CSV (UTF-8)", "Фоткает чек", "团长发布每日商品", "Скидка > 10 %"]
        {
            assert!(!is_junk(own), "{own}");
        }
    }
}
