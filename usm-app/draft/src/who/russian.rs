//! Subjects of Russian sentences.

use story_map::Language::Russian;
use story_map::words::is_step as is_infinitive;

use super::{
    Kind, Said, Who,
    known::{Is, Known},
    opened,
};
use crate::lexicon::{Lexicon, bare};

#[rustfmt::skip]
const FINITE: &[&str] = &["ет", "ит", "ют", "ут", "ят", "ат", "ется", "ится", "ются", "утся", "ятся", "атся"];
/// Nouns that end as verbs do.
#[rustfmt::skip]
const NOUNS: &[&str] = &[
    "отчет", "пакет", "билет", "кредит", "чат", "формат", "результат", "маршрут", "аудит", "лимит", "визит",
    "автомат", "банкомат", "возврат", "предмет", "совет", "ответ", "счет", "бюджет", "интернет", "кабинет", "макет",
    "комитет", "адвокат", "солдат", "депутат", "аппарат", "сертификат", "дубликат", "реферат", "атрибут", "институт",
    "статут", "минут", "этикет", "буклет", "планшет", "приоритет", "университет", "факультет", "авторитет",
    "кандидат", "адресат", "чат-бот", "дефицит", "транзит", "учет", "зачет", "расчет", "перелет", "полет", "привет",
    "лет", "цвет", "свет", "запрет", "портрет", "секрет", "чист", "мандат", "плакат", "салат", "квадрат", "штат",
    "продукт", "фрукт", "депозит", "реквизит", "алфавит", "санузел", "магнит", "монолит", "оператив", "пункт", "нет",
    "чертит", "обед",
];
#[rustfmt::skip]
pub(super) const MODALS: &[&str] = &[
    "может", "могут", "должен", "должна", "должны", "хочет", "хотят", "обязан", "обязана", "обязаны", "вправе",
    "сможет", "смогут",
];
#[rustfmt::skip]
const IMPERSONAL: &[&str] = &[
    "нельзя", "можно", "нужно", "надо", "необходимо", "нужна", "нужен", "нужны", "хочу", "хотим", "хочется",
    "требуется", "запрещено", "должно", "давайте", "нужно,",
];
#[rustfmt::skip]
const PREPOSITIONS: &[&str] = &[
    "в", "во", "на", "по", "из", "от", "до", "для", "с", "со", "к", "ко", "у", "о", "об", "при", "после", "перед",
    "за", "под", "над", "без", "через", "про", "между", "раз", "прямо", "сразу", "сам", "сама", "сами", "также",
    "тоже", "не", "только", "всегда", "автоматически", "еще",
];
/// What the whole product is called where it acts.
#[rustfmt::skip]
const SYSTEMS: &[&str] =
    &["система", "приложение", "сервис", "платформа", "портал", "сайт", "бот", "программа"];
/// Endings of cases in which no subject stands.
#[rustfmt::skip]
const OBLIQUE: &[&str] =
    &["ами", "ями", "ому", "ему", "ого", "его", "ах", "ях", "ам", "ям", "ов", "ую", "юю", "у"];
#[rustfmt::skip]
const ADJECTIVES: &[&str] = &["ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие"];

pub(super) fn said(sentence: &str, known: &Known) -> Said {
    let text = opened(sentence, Lexicon::of(Russian).openers);
    let tokens: Vec<&str> =
        text.split_whitespace().filter(|token| !matches!(*token, "—" | "–" | "-")).collect();
    let words: Vec<String> = tokens.iter().map(|token| bare(token)).collect();
    let whole = |who, kind| Said { who, does: tokens.join(" "), kind };
    let Some(first) = words.first() else { return whole(Who::Nobody, Kind::Fragment) };
    let forbids = Lexicon::says(text, Lexicon::of(Russian).prohibitions);
    let kind_of = |kind| if forbids { Kind::Prohibition } else { kind };
    let impersonal = words.iter().take(3).position(|word| IMPERSONAL.contains(&word.as_str()));
    if let Some(at) = impersonal {
        let skip = if matches!(words[at].as_str(), "хочу" | "хотим" | "хочется") && at == 0 {
            1
        } else {
            0
        };
        return Said { who: Who::Nobody, does: tokens[skip..].join(" "), kind: kind_of(Kind::Act) };
    }
    if Lexicon::of(Russian).verbs_of_things.contains(&first.as_str()) {
        return whole(Who::Nobody, kind_of(Kind::Fact));
    }
    if is_infinitive(first) || is_verb(first) || MODALS.contains(&first.as_str()) {
        let skip = usize::from(
            MODALS.contains(&first.as_str()) && words.get(1).is_some_and(|next| is_infinitive(next)),
        );
        let kind = if words.len() == 1 && is_infinitive(first) { Kind::Fragment } else { Kind::Act };
        return Said { who: Who::Before, does: tokens[skip..].join(" "), kind: kind_of(kind) };
    }
    let Some(verb) = words
        .iter()
        .take(10)
        .skip(1)
        .position(|word| is_verb(word) || MODALS.contains(&word.as_str()))
        .map(|at| at + 1)
    else {
        return whole(Who::Nobody, kind_of(Kind::Fragment));
    };
    if matches!(words[verb - 1].as_str(), "и" | "или" | "либо") {
        return whole(Who::Nobody, kind_of(Kind::Fragment));
    }
    let behind = behind_modal(&words, verb);
    let negated = words[verb - 1] == "не";
    let does = |from: usize| tokens[from..].join(" ");
    let from = if negated {
        verb - 1
    } else if forbids && verb != behind {
        verb
    } else {
        behind
    };
    let before = &words[..verb - usize::from(negated)];
    if before.last().is_some_and(|word| matches!(word.as_str(), "он" | "она" | "они")) {
        // "Домашнее задание он записывает": the object first.
        let does = if before.len() == 1 { does(from) } else { tokens.join(" ") };
        return Said { who: Who::Before, does, kind: kind_of(Kind::Act) };
    }
    let Some(name) = subject(&tokens[..before.len()], before, known) else {
        return whole(Who::Nobody, kind_of(Kind::Fact));
    };
    let is = known.judge(&name, head(&name), Russian);
    let acts = words[behind.min(words.len() - 1)].as_str();
    let of_thing = Lexicon::of(Russian).verbs_of_things.contains(&acts)
        || Lexicon::of(Russian).verbs_of_things.contains(&words[verb].as_str());
    let reflexive = words[verb].ends_with("ся");
    let is_role = is == Is::Role || is == Is::Unknown && !of_thing && !reflexive;
    if !is_role {
        let is_system = SYSTEMS.contains(&bare(head(&name)).as_str()) && !of_thing && !reflexive;
        return whole(Who::Nobody, kind_of(if is_system { Kind::Act } else { Kind::Fact }));
    }
    // "Классный руководитель раз в четверть распечатывает": what stands between belongs to the step.
    let named = name.split_whitespace().count();
    let opens = before.len() - named;
    let between = tokens[..before.len()].join(" ").starts_with(&name) && opens > 0;
    let from = if between { named } else { from };
    Said { who: Who::Named(name), does: does(from), kind: kind_of(Kind::Act) }
}

/// Where the verb stands behind its subject.
pub(super) fn verb_at(text: &str) -> Option<usize> {
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    words
        .iter()
        .take(8)
        .skip(1)
        .position(|word| is_verb(word) || MODALS.contains(&word.as_str()))
        .map(|at| at + 1)
}

/// The words of the subject among those before the verb.
fn subject(tokens: &[&str], words: &[String], known: &Known) -> Option<String> {
    // Behind a condition, a circumstance or an enumeration, the subject stands last.
    let from = tokens.iter().rposition(|token| token.ends_with([',', ':', ';'])).map_or(0, |at| at + 1);
    let (tokens, words) = (&tokens[from..], &words[from..]);
    let first = words.first()?;
    let nobody = Lexicon::of(Russian).nobody;
    let clean = |tokens: &[&str]| -> String {
        let bare = tokens
            .iter()
            .map(|token| token.trim_matches(|c: char| !c.is_alphanumeric() && c != ')' && c != '('));
        bare.filter(|token| !token.is_empty()).collect::<Vec<_>>().join(" ")
    };
    if nobody.contains(&first.as_str()) {
        // "После визита клиент оценивает": whoever is known stands next to the verb.
        let near = (1..=2usize)
            .rev()
            .filter(|count| *count < tokens.len())
            .map(|count| clean(&tokens[tokens.len() - count..]));
        return near.into_iter().find(|name| {
            known.has(name) || known.judge(name, head(name), Russian) == Is::Role && !oblique(name)
        });
    }
    let until = words
        .iter()
        .skip(1)
        .position(|word| PREPOSITIONS.contains(&word.as_str()) || is_adverb(word))
        .map_or(words.len(), |at| at + 1);
    let keep =
        if words.len() <= 3 && until < words.len() && words[until] == "по" { words.len() } else { until };
    let name = clean(&tokens[..keep]);
    let count = name.split_whitespace().count();
    (!oblique(&name) && (1..=5).contains(&count)).then_some(name)
}

fn is_adverb(word: &str) -> bool {
    word.chars().nth(5).is_some() && ["но", "чески", "кратно"].iter().any(|end| word.ends_with(end))
}

fn oblique(name: &str) -> bool {
    let head = bare(head(name));
    OBLIQUE.iter().any(|end| head.ends_with(end) && head.chars().count() > end.chars().count() + 2)
}

/// The noun of a name: the first word that is no adjective.
fn head(name: &str) -> &str {
    let is_adjective = |word: &&str| ADJECTIVES.iter().any(|end| bare(word).ends_with(end));
    name.split_whitespace()
        .find(|word| !is_adjective(word))
        .or_else(|| name.split_whitespace().next())
        .unwrap_or(name)
}

fn behind_modal(words: &[String], verb: usize) -> usize {
    let is_modal = MODALS.contains(&words[verb].as_str());
    let next =
        words.iter().skip(verb + 1).take(3).position(|word| is_infinitive(word)).map(|at| verb + 1 + at);
    next.filter(|_| is_modal).unwrap_or(verb)
}

/// Whether a word is a verb of the third person.
pub(crate) fn is_verb(word: &str) -> bool {
    let long = word.chars().nth(3).is_some();
    long && FINITE.iter().any(|end| word.ends_with(end))
        && !NOUNS.contains(&word)
        && word.chars().all(story_map::words::is_cyrillic)
}

pub(super) fn is_step_like(word: &str, like: &str) -> bool {
    if is_infinitive(like) { is_infinitive(word) } else { is_verb(like) && is_verb(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sentence: &str) -> (Who, String) {
        let said = said(sentence, &Known::default());
        (said.who, said.does)
    }

    fn named(name: &str, does: &str) -> (Who, String) {
        (Who::Named(name.to_owned()), does.to_owned())
    }

    #[test]
    fn the_subject_is_the_role_known_or_not() {
        assert_eq!(read("Кладовщик сканирует штрихкод"), named("Кладовщик", "сканирует штрихкод"));
        assert_eq!(
            read("ещё бухгалтер клиента должен выгружать отчёт"),
            named("бухгалтер клиента", "выгружать отчёт")
        );
        assert_eq!(read("SDR импортит лиды из CSV"), named("SDR", "импортит лиды из CSV"));
        assert_eq!(read("Head of Sales смотрит forecast"), named("Head of Sales", "смотрит forecast"));
        assert_eq!(
            read("Классный руководитель раз в четверть распечатывает табель"),
            named("Классный руководитель", "раз в четверть распечатывает табель")
        );
        assert_eq!(read("После визита клиент оценивает мастера"), named("клиент", "оценивает мастера"));
        assert_eq!(read("Иллюстратор пишет эскиз"), named("Иллюстратор", "пишет эскиз"));
    }

    #[test]
    fn things_and_other_cases_are_no_roles() {
        for sentence in [
            "Нельзя удалить deal со статусом Closed Won",
            "самозанятому надо показывать сколько отложить",
            "Терминалы должны работать без сети",
            "Уведомление приходит через час",
            "Расхождения больше 2 % требуют повторного пересчёта",
            "Хочу телеграм-бота, который записывает на маникюр",
        ] {
            assert!(!matches!(read(sentence).0, Who::Named(_)), "{sentence}: {:?}", read(sentence));
        }
    }

    #[test]
    fn a_verb_first_and_a_pronoun_mean_whoever_acted_before() {
        assert_eq!(read("выбирает врача").0, Who::Before);
        assert_eq!(
            read("Домашнее задание он записывает один раз"),
            (Who::Before, "Домашнее задание он записывает один раз".to_owned())
        );
    }
}
