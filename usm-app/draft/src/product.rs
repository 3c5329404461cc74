//! What the product is called, and which sentences introduce it instead of requiring something.

use super::clause::shortened;
use super::grammar::russian::{is_adjective, nominative};
use super::language::Language;
use super::lexicon::Lexicon;
use super::text::{Document, Statement};
use super::words::{Word, capitalised, join, normal, stem, without_final_punctuation, words};

/// Longest name, in characters.
const NAME_LENGTH: usize = 60;
/// How many statements may say the name.
const NAMING_STATEMENTS: usize = 5;
/// What a heading says about the document rather than the product.
const DOCUMENT_WORDS: &[&str] = &[
    "техническое задание на",
    "техническое задание",
    "тз на",
    "тз",
    "требования к",
    "требования",
    "описание",
    "бриф",
    "requirements for",
    "requirements",
    "product requirements",
    "prd",
    "specification",
    "spec",
    "brief",
    "user stories",
];

/// Name of the product; what the text calls it, or else what it is.
pub(super) fn name(document: &Document, language: Language) -> String {
    let title = document.title.as_deref();
    let texts: Vec<&str> =
        document.statements.iter().take(NAMING_STATEMENTS).map(|statement| statement.text.as_str()).collect();
    title
        .and_then(quoted)
        .or_else(|| title.and_then(|title| from_title(title, language)))
        .or_else(|| texts.iter().find_map(|text| beside_product_noun(text, language)))
        .or_else(|| texts.first().and_then(|text| defined(text)))
        .or_else(|| texts.iter().find_map(|text| described(text, language)))
        .unwrap_or_else(|| Lexicon::of(language).phrases.unnamed.to_owned())
}

fn quoted(text: &str) -> Option<String> {
    [('«', '»'), ('“', '”'), ('"', '"')].into_iter().find_map(|(open, close)| {
        let (_, rest) = text.split_once(open)?;
        let (name, _) = rest.split_once(close)?;
        let fits = !name.trim().is_empty() && name.chars().count() <= NAME_LENGTH;
        fits.then(|| capitalised(name.trim()))
    })
}

fn from_title(title: &str, language: Language) -> Option<String> {
    let mut text = title.trim();
    for words in DOCUMENT_WORDS {
        let lower = normal(text);
        if lower.starts_with(words) && lower.len() == text.len() && text.is_char_boundary(words.len()) {
            text = text[words.len()..].trim_start_matches([':', '.', ' ', '—', '–', '-']);
            break;
        }
    }
    let parts = [": ", " — ", " – ", " - "].iter().find_map(|mark| text.split_once(mark));
    let text = match parts {
        Some((name, _)) if name.split_whitespace().count() <= 3 => name,
        _ => text,
    };
    let text = without_final_punctuation(text);
    let name = capitalised(&shortened(text, NAME_LENGTH, super::clause::stops(language)));
    name.chars().any(char::is_alphabetic).then_some(name)
}

/// «Имя» in a sentence that also says "приложение" or "service".
fn beside_product_noun(text: &str, language: Language) -> Option<String> {
    let lexicon = Lexicon::of(language);
    let speaks = words(text).iter().any(|word| lexicon.product_nouns.contains(&word.lower.as_str()));
    speaks.then(|| quoted(text)).flatten().filter(|name| name.chars().next().is_some_and(char::is_uppercase))
}

/// "Pulse is a …", "Горячо — это …", "Stagepass sells …".
fn defined(text: &str) -> Option<String> {
    let words = words(text);
    let at = words.iter().take(4).position(|word| {
        matches!(
            word.lower.as_str(),
            "is" | "это" | "helps" | "sells" | "lets" | "connects" | "gives" | "offers" | "makes" | ""
        )
    })?;
    let name = &words[..at];
    let proper = (1..=3).contains(&at)
        && name.iter().all(|word| word.text.chars().next().is_some_and(char::is_uppercase))
        && !matches!(
            name[0].lower.as_str(),
            "it" | "this" | "there" | "the" | "a" | "an" | "our" | "это" | "наш"
        );
    proper.then(|| without_final_punctuation(&join(name)).to_owned())
}

/// "приложение для доставки еды", "a booking system for clinics".
fn described(text: &str, language: Language) -> Option<String> {
    let lexicon = Lexicon::of(language);
    let words = words(text);
    let noun = words.iter().position(|word| product_noun(word, lexicon).is_some())?;
    let known = product_noun(&words[noun], lexicon)?;
    let joins = [
        "для",
        "for",
        "по",
        "to",
        "of",
        "with",
        "from",
        "that",
        "учета",
        "доставки",
        "записи",
        "заказа",
        "управления",
    ];
    let next = words.get(noun + 1).map(|word| word.lower.as_str()).unwrap_or_default();
    if words[noun].ends_with_comma() || !joins.contains(&next) {
        return None;
    }
    let belongs = |word: &Word| match language {
        Language::Russian => is_adjective(&word.lower) || word.lower.ends_with("ую"),
        Language::English => {
            !["a", "an", "the", "our", "new", "need", "want", "building", "build", "is", "be"]
                .contains(&word.lower.as_str())
        }
    };
    let mut start = noun;
    while start > 0 && noun - start < 2 && belongs(&words[start - 1]) && !words[start - 1].ends_with_comma() {
        start -= 1;
    }
    let end = (noun..words.len().min(noun + 8))
        .find(|index| words[*index].ends_with_comma() || words[*index].text.ends_with(['.', '!']))
        .map_or(words.len().min(noun + 8), |last| last + 1);
    // "Телеграм-бота для записи": a form that is not in the table gives way to the one that is.
    let phrase = match words[noun].lower == known {
        true => join(&words[start..end]),
        false => format!("{known} {}", join(&words[noun + 1..end])),
    };
    let phrase = shortened(without_final_punctuation(&phrase), NAME_LENGTH, super::clause::stops(language));
    let phrase = if language == Language::Russian { nominative(&phrase) } else { phrase };
    Some(capitalised(&phrase))
}

/// The noun for a product this word is a form of.
fn product_noun(word: &Word, lexicon: &Lexicon) -> Option<&'static str> {
    let long = word.lower.chars().nth(2).is_some();
    let same = |noun: &&&str| word.lower == **noun;
    let form = |noun: &&&str| stem(&word.lower) == stem(noun);
    let nouns = lexicon.product_nouns;
    nouns.iter().find(same).or_else(|| nouns.iter().find(form)).copied().filter(|_| long)
}

/// How a numbered paragraph opens that speaks of the contract or the document.
const FORMALITIES: &[&str] = &[
    "заказчиком является",
    "исполнителем является",
    "система предназначена",
    "сервис предназначен",
    "настоящее техническое задание",
    "настоящий документ",
    "this document",
    "the customer is",
    "the client is",
];

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It asks for something.
    Requirement,
    /// It introduces the product.
    Context,
    /// It says what will not be built.
    Excluded,
    /// It is a question.
    Question,
    /// It asks for a quality without saying how much.
    Vague,
}

/// Tells what each statement is for; `acts` says whether a role acts in it.
pub(super) fn kinds(
    document: &Document,
    name: &str,
    language: Language,
    acts: impl Fn(&Statement) -> bool,
) -> Vec<Kind> {
    let lexicon = Lexicon::of(language);
    let introduction = document
        .statements
        .iter()
        .position(|statement| statement.is_item || statement.section.is_some())
        .filter(|_| document.title.is_some())
        .unwrap_or(0);
    let mut kinds: Vec<Kind> = document
        .statements
        .iter()
        .enumerate()
        .map(|(index, statement)| {
            let text = normal(&statement.text);
            let heading = document.section_of(statement).map(normal).unwrap_or_default();
            let says = |phrases: &[&str], text: &str| phrases.iter().any(|phrase| text.contains(phrase));
            let all_vague = words(&statement.text).iter().all(|word| {
                lexicon.stop_words.contains(&word.lower.as_str())
                    || word.lower.chars().nth(2).is_none()
                    || lexicon.vague.iter().any(|vague| word.lower.starts_with(vague))
            });
            if text.trim_end_matches(['"', '»', ')', '”']).ends_with('?') || text.starts_with("вопрос:")
            {
                Kind::Question
            } else if says(lexicon.out_of_scope, &heading) || says(lexicon.out_of_scope, &text) {
                Kind::Excluded
            } else if all_vague {
                Kind::Vague
            } else if is_context(statement, &text, &heading, lexicon)
                || !acts(statement) && (index < introduction || introduces(&text, name, index, statement))
            {
                Kind::Context
            } else {
                Kind::Requirement
            }
        })
        .collect();
    if !kinds.contains(&Kind::Requirement) {
        // A text that only says what the product is still wishes for it.
        kinds
            .iter_mut()
            .filter(|kind| matches!(kind, Kind::Context))
            .for_each(|kind| *kind = Kind::Requirement);
    }
    kinds
}

fn is_context(statement: &Statement, text: &str, heading: &str, lexicon: &Lexicon) -> bool {
    let under_context = lexicon
        .context_headings
        .iter()
        .any(|context| heading == *context || heading.starts_with(&format!("{context} ")));
    let remark = text.starts_with('(') && text.trim_end_matches('.').ends_with(')');
    if under_context || remark {
        return true;
    }
    if statement.is_item {
        return FORMALITIES.iter().any(|opening| text.starts_with(opening));
    }
    let opening = lexicon.context_openings.iter().any(|opening| {
        text.strip_prefix(opening).is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphanumeric()))
    });
    let words = words(text);
    let names_product = words.iter().take(5).any(|word| product_noun(word, lexicon).is_some());
    let wants = [
        "нужен",
        "нужна",
        "нужно",
        "разработать",
        "сделать",
        "создать",
        "хотим",
        "хочу",
        "need",
        "we",
        "i",
        "build",
        "create",
        "develop",
    ];
    let wants_product = words.first().is_some_and(|word| wants.contains(&word.lower.as_str()));
    opening && (names_product || !text.contains(" может"))
        || wants_product && names_product && described(text, Language::detect(text)).is_some()
}

/// "Stagepass sells tickets …" opens a text without a heading.
fn introduces(text: &str, name: &str, index: usize, statement: &Statement) -> bool {
    index < 2 && !statement.is_item && text.starts_with(&normal(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str) -> String {
        name(&Document::parse(text), Language::detect(text))
    }

    #[test]
    fn the_name_is_taken_from_headings_quotes_and_definitions() {
        assert_eq!(name_of("# Приложение для доставки еды «Горячо»\n\nТекст."), "Горячо");
        assert_eq!(name_of("# Pulse: fitness studio app\n\nText."), "Pulse");
        assert_eq!(name_of("# ТЗ: учёт заявок\n\nТекст."), "Учёт заявок");
        assert_eq!(name_of("Stagepass sells tickets for concerts."), "Stagepass");
        assert_eq!(name_of("Мы делаем сервис «Кот и пёс»: выгул собак."), "Кот и пёс");
        assert_eq!(
            name_of("Нужно приложение для доставки еды. Клиент платит."),
            "Приложение для доставки еды"
        );
        assert_eq!(name_of("Нужно разработать систему для учёта времени."), "Система для учёта времени");
        assert_eq!(
            name_of("We need a booking system for small clinics, quickly."),
            "Booking system for small clinics"
        );
        assert_eq!(name_of("Клиент платит картой."), "Новый продукт");
    }
}
