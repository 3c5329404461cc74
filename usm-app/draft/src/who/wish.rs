//! The form "As a …, I want … so that …", in both languages.

/// The parts of a user story, as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) who: String,
    pub(crate) what: String,
    /// Empty when the text has none.
    pub(crate) why: String,
}

const OPENINGS: &[&str] = &["as an ", "as a ", "as the ", "as ", "я как ", "я, как ", "как "];
const WANTS: &[&str] = &[
    "i want to be able to ",
    "i would like to be able to ",
    "i want to ",
    "i would like to ",
    "i'd like to ",
    "i need to ",
    "i wish to ",
    "i can ",
    "i should be able to ",
    "i must ",
    "i want ",
    "i need ",
    "мне нужно ",
    "мне надо ",
    "мне необходимо ",
    "хочу иметь возможность ",
    "я хочу ",
    "я могу ",
    "я должен ",
    "я должна ",
    "хочу ",
    "могу ",
];
const REASONS: &[&str] = &[
    " so that ",
    " so i ",
    " so we ",
    " in order to ",
    ", чтобы ",
    ", чтоб ",
    " чтобы ",
    " для того чтобы ",
    ", дабы ",
];

/// The user story in a sentence, if it is one.
pub(crate) fn wish(text: &str) -> Option<Wish> {
    let lower = text.to_lowercase();
    // Lower case of other letters may have another length.
    if lower.len() != text.len() {
        return None;
    }
    let opening = OPENINGS.iter().find(|opening| lower.starts_with(**opening))?;
    let (at, wants) = WANTS
        .iter()
        .filter_map(|wants| find_word(&lower, wants).map(|at| (at, wants)))
        .filter(|(at, _)| *at > opening.len())
        .min_by_key(|(at, wants)| (*at, usize::MAX - wants.len()))?;
    let who = text[opening.len()..at].trim().trim_end_matches([',', ' ']);
    if who.split_whitespace().count() > 6 || who.is_empty() {
        return None;
    }
    let rest = text[at + wants.len()..].trim();
    let lower = &lower[text.len() - rest.len()..];
    let reason = REASONS.iter().filter_map(|reason| lower.find(reason).map(|at| (at, reason.len()))).min();
    let (what, why) = reason.map_or((rest, ""), |(at, length)| (&rest[..at], &rest[at + length..]));
    let bare = |text: &str| text.trim().trim_end_matches(['.', ',', ';', '!']).trim().to_owned();
    Some(Wish { who: who.to_owned(), what: bare(what), why: bare(why) }).filter(|wish| !wish.what.is_empty())
}

fn find_word(text: &str, words: &str) -> Option<usize> {
    text.match_indices(words).map(|(at, _)| at).find(|at| text[..*at].ends_with([' ', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_text_s_own_words() {
        let found =
            wish("As a member, I want to freeze my membership for up to 30 days so that I don't pay.")
                .unwrap_or_else(|| panic!());
        assert_eq!(found.who, "member");
        assert_eq!(found.what, "freeze my membership for up to 30 days");
        assert_eq!(found.why, "I don't pay");
        let found = wish("Как бухгалтер клиента, я хочу выгрузить отчёт, чтобы сдать его")
            .unwrap_or_else(|| panic!());
        assert_eq!((found.who.as_str(), found.what.as_str()), ("бухгалтер клиента", "выгрузить отчёт"));
        assert_eq!(wish("As soon as the class is full, the member joins a list"), None);
        assert_eq!(
            wish("As the gym owner I want to see churn per month.").map(|wish| wish.who).as_deref(),
            Some("gym owner")
        );
    }
}
