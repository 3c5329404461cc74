//! Russian verbs and nouns: infinitives of finite forms, past forms, gender, number.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::lexicon::{
    INFINITIVES_IN_CH_AND_TI, NOT_INFINITIVES, NOT_VERBS, RUSSIAN_VERBS, STATE_VERBS, VerbClass,
};

/// Agreement of a past form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Он.
    Masculine,
    /// Она.
    Feminine,
    /// Оно.
    Neuter,
    /// Они.
    Plural,
}

/// A finite verb recognised in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finite {
    /// Infinitive of the same aspect, for "чтобы …".
    pub(crate) infinitive: String,
    /// Infinitive a story is told with: perfective where the table knows one.
    pub(crate) told: String,
    /// Whether the form is plural.
    pub(crate) plural: bool,
    /// Whether it says how things are, so that its subject need not be a person.
    pub(crate) state: bool,
}

struct Row {
    imperfective: &'static str,
    perfective: &'static str,
    plural: bool,
    state: bool,
}

static FINITE: LazyLock<HashMap<String, Row>> = LazyLock::new(|| {
    let mut forms = HashMap::new();
    for (table, state) in [(RUSSIAN_VERBS, false), (STATE_VERBS, true)] {
        for &(imperfective, singular, perfective, _) in table {
            forms.insert(plural_of(singular), Row { imperfective, perfective, plural: true, state });
            forms.insert(singular.to_owned(), Row { imperfective, perfective, plural: false, state });
        }
    }
    forms
});

static CLASSES: LazyLock<HashMap<&'static str, VerbClass>> = LazyLock::new(|| {
    let rows = RUSSIAN_VERBS.iter().chain(STATE_VERBS);
    rows.flat_map(|&(imperfective, _, perfective, class)| [(imperfective, class), (perfective, class)])
        .collect()
});

/// Third person plural of a third person singular.
fn plural_of(singular: &str) -> String {
    let (core, reflexive) = match singular.strip_suffix("ся") {
        Some(core) => (core, "ся"),
        None => (singular, ""),
    };
    let ending = |from: &str, to: &str| core.strip_suffix(from).map(|stem| format!("{stem}{to}{reflexive}"));
    if core == "хочет" {
        return "хотят".to_owned();
    }
    let after_hiss = core.strip_suffix("ит").is_some_and(|stem| stem.ends_with(['ж', 'ш', 'щ', 'ч']));
    ending("ит", if after_hiss { "ат" } else { "ят" })
        .or_else(|| {
            ["ает", "яет", "ует", "еет"]
                .iter()
                .find(|end| core.ends_with(**end))
                .and_then(|_| ending("ет", "ют"))
        })
        .or_else(|| ending("ет", "ут"))
        .unwrap_or_else(|| singular.to_owned())
}

/// Reads a finite verb of the third person; `None` for every other word.
pub(crate) fn finite(word: &str) -> Option<Finite> {
    let known = |word: &str| {
        FINITE.get(word).map(|row| Finite {
            infinitive: row.imperfective.to_owned(),
            told: row.perfective.to_owned(),
            plural: row.plural,
            state: row.state,
        })
    };
    if let Some(verb) = known(word) {
        return Some(verb);
    }
    if let Some(core) = word.strip_suffix("ся") {
        let verb = known(core).or_else(|| by_ending(core, true))?;
        let infinitive = format!("{}ся", verb.infinitive);
        return Some(Finite { told: infinitive.clone(), infinitive, plural: verb.plural, state: true });
    }
    by_ending(word, false)
}

fn by_ending(word: &str, reflexive: bool) -> Option<Finite> {
    const GIVE: &[&str] = &["дает", "дают", "стает", "стают"];
    if word.chars().count() < 5 || NOT_VERBS.contains(&word) || word.ends_with("десят") {
        return None;
    }
    let replaced = |from: &str, to: &str| word.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    let gives =
        GIVE.iter().any(|end| word.ends_with(end)) && !word.ends_with("падает") && !word.ends_with("падают");
    let (infinitive, plural) = if gives && !word.ends_with("идает") && !word.ends_with("ладает") {
        let stem = word.strip_suffix("ет").or_else(|| word.strip_suffix("ют"))?;
        (format!("{stem}вать"), word.ends_with("ют"))
    } else if let Some(found) = replaced("ует", "овать")
        .or_else(|| replaced("ает", "ать"))
        .or_else(|| replaced("яет", "ять"))
        .or_else(|| replaced("еет", "еть"))
        .or_else(|| replaced("ит", "ить"))
    {
        (found, false)
    } else {
        let found = replaced("уют", "овать")
            .or_else(|| replaced("ают", "ать"))
            .or_else(|| replaced("яют", "ять"))
            .or_else(|| replaced("еют", "еть"))
            .or_else(|| replaced("ят", "ить").filter(|_| reflexive))?;
        (found, true)
    };
    Some(Finite { told: infinitive.clone(), infinitive, plural, state: false })
}

/// Whether a word is an infinitive.
pub(crate) fn is_infinitive(word: &str) -> bool {
    if CLASSES.contains_key(word) && word != "доступен" || INFINITIVES_IN_CH_AND_TI.contains(&word) {
        return true;
    }
    let long = word.chars().nth(3).is_some();
    let noun_like = word.ends_with("сть") || NOT_INFINITIVES.contains(&word);
    long && !noun_like
        && (["ать", "ять", "еть", "ить", "уть", "оть", "ыть"].iter().any(|end| word.ends_with(end))
            || word.ends_with("ться"))
}

/// What kind of step an infinitive is.
pub(crate) fn class_of(infinitive: &str) -> VerbClass {
    let plain = infinitive.strip_suffix("ся").unwrap_or(infinitive);
    CLASSES.get(infinitive).or_else(|| CLASSES.get(plain)).copied().unwrap_or(VerbClass::Work)
}

/// Past form of an infinitive, as "чтобы" demands it; `None` for the few verbs no rule covers.
pub(crate) fn past(infinitive: &str, agreement: Agreement) -> Option<String> {
    let (core, reflexive) = match infinitive.strip_suffix("ся").or_else(|| infinitive.strip_suffix("сь"))
    {
        Some(core) => (core, true),
        None => (infinitive, false),
    };
    let (masculine, stem) = if let Some(stem) = core.strip_suffix("йти") {
        (format!("{stem}шел"), format!("{stem}шл"))
    } else if core == "идти" {
        ("шел".to_owned(), "шл".to_owned())
    } else if core == "мочь" {
        ("мог".to_owned(), "могл".to_owned())
    } else if let Some(stem) = core.strip_suffix("сти") {
        let vowel = if core.ends_with("вести") { "л" } else { "с" };
        (format!("{stem}{vowel}"), if vowel == "л" { format!("{stem}л") } else { format!("{stem}сл") })
    } else if let Some(stem) = core.strip_suffix("честь") {
        (format!("{stem}чел"), format!("{stem}чл"))
    } else {
        let stem = core.strip_suffix("ть")?;
        stem.ends_with(['а', 'я', 'е', 'и', 'у', 'о', 'ы']).then_some(())?;
        (format!("{stem}л"), format!("{stem}л"))
    };
    Some(match (agreement, reflexive) {
        (Agreement::Masculine, false) => masculine,
        (Agreement::Masculine, true) => format!("{masculine}ся"),
        (Agreement::Feminine, false) => format!("{stem}а"),
        (Agreement::Feminine, true) => format!("{stem}ась"),
        (Agreement::Neuter, false) => format!("{stem}о"),
        (Agreement::Neuter, true) => format!("{stem}ось"),
        (Agreement::Plural, false) => format!("{stem}и"),
        (Agreement::Plural, true) => format!("{stem}ись"),
    })
}

/// Gender and number of a noun or adjective in the nominative, by its ending.
pub(crate) fn agreement(word: &str) -> Agreement {
    const MASCULINE_SOFT: &[&str] = &[
        "день",
        "путь",
        "пароль",
        "профиль",
        "календарь",
        "контроль",
        "модуль",
        "словарь",
        "уровень",
        "список",
        "рубль",
        "стиль",
        "автомобиль",
        "дождь",
        "секретарь",
        "мужчина",
        "коллега",
        "показатель",
        "табель",
    ];
    const NEUTER: &[&str] = &["меню", "кафе", "фото", "видео", "время", "имя", "селфи", "такси"];
    const PLURAL: &[&str] =
        &["данные", "деньги", "люди", "права", "места", "блюда", "адреса", "номера", "фотографии"];
    if MASCULINE_SOFT.contains(&word) || word.ends_with("тель") {
        Agreement::Masculine
    } else if NEUTER.contains(&word) {
        Agreement::Neuter
    } else if PLURAL.contains(&word)
        || word.ends_with(['ы', 'и']) && !word.ends_with("ий")
        || word.ends_with("ые")
        || word.ends_with("ие") && is_plural_adjective(word)
    {
        Agreement::Plural
    } else if word.ends_with(['а', 'я', 'ь']) {
        Agreement::Feminine
    } else if word.ends_with(['о', 'е']) {
        Agreement::Neuter
    } else {
        Agreement::Masculine
    }
}

/// "лёгкие" is an adjective in the plural, "размещение" a noun: nouns in `-ие` have `-ние`, `-тие`, `-вие`, `-сие`.
fn is_plural_adjective(word: &str) -> bool {
    !["ние", "тие", "вие", "сие", "рие", "лие"].iter().any(|end| word.ends_with(end))
        || word.ends_with("нние")
}

/// Whether a word has the ending of an adjective in the nominative.
pub(crate) fn is_adjective(word: &str) -> bool {
    word.chars().nth(3).is_some()
        && ["ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые"].iter().any(|end| word.ends_with(end))
}

/// Nominative plural of a person's name of the second declension.
pub(crate) fn plural_noun(noun: &str) -> String {
    let cut =
        |count: usize| noun.chars().take(noun.chars().count().saturating_sub(count)).collect::<String>();
    match noun.chars().last() {
        Some('ь' | 'й') => format!("{}и", cut(1)),
        Some('к' | 'г' | 'х' | 'ч' | 'ш' | 'щ' | 'ж') => format!("{noun}и"),
        Some('а') if noun.ends_with("ка") => format!("{}и", cut(1)),
        Some('а') => format!("{}ы", cut(1)),
        Some('я') => format!("{}и", cut(1)),
        Some('о' | 'е' | 'и' | 'у' | 'ю') | None => noun.to_owned(),
        Some(_) if noun.ends_with("ец") => format!("{}цы", cut(2)),
        Some(_) => format!("{noun}ы"),
    }
}

/// Genitive (and accusative) of a masculine name of a person; `None` for other words.
pub(crate) fn genitive(name: &str) -> Option<String> {
    let single = !name.contains(' ') && name.chars().nth(2).is_some() && !name.ends_with("ец");
    let last = name.chars().last().filter(|_| single)?;
    match last {
        'ь' | 'й' => Some(format!("{}я", &name[..name.len() - last.len_utf8()])),
        'а' | 'я' | 'о' | 'е' | 'и' | 'у' | 'ю' | 'ы' => None,
        _ if last.is_alphabetic() => Some(format!("{name}а")),
        _ => None,
    }
}

/// Nominative singular of a plural in `-ы` or `-и`; other words unchanged.
pub(crate) fn singular_noun(word: &str) -> String {
    let cut: String = word.chars().take(word.chars().count().saturating_sub(1)).collect();
    if word.ends_with("тели") || word.ends_with("ари") {
        format!("{cut}ь")
    } else if word.ends_with('ы') || ["ки", "чи", "ги", "хи"].iter().any(|end| word.ends_with(end)) {
        cut
    } else {
        word.to_owned()
    }
}

/// A feminine noun phrase in the accusative ("мобильную оплату") put into the nominative; others unchanged.
pub(crate) fn nominative(phrase: &str) -> String {
    let mut words: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        let adjective = word
            .strip_suffix("ую")
            .map(|stem| format!("{stem}ая"))
            .or_else(|| word.strip_suffix("юю").map(|stem| format!("{stem}яя")));
        if let Some(adjective) = adjective {
            *word = adjective;
            continue;
        }
        if let Some(stem) = word.strip_suffix('у') {
            *word = format!("{stem}а");
        } else if let Some(stem) = word.strip_suffix('ю').filter(|stem| !stem.ends_with('н')) {
            *word = format!("{stem}я");
        }
        break;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finite_forms_lead_to_infinitives() {
        let told = |word: &str| finite(word).map(|verb| verb.told);

        assert_eq!(told("выбирает").as_deref(), Some("выбрать"));
        assert_eq!(told("ищут").as_deref(), Some("найти"));
        assert_eq!(told("бронируют").as_deref(), Some("забронировать"));
        assert_eq!(told("отменяется").as_deref(), Some("отменяться"));
        assert_eq!(told("хранятся").as_deref(), Some("храниться"));
        assert_eq!(told("анализирует").as_deref(), Some("анализировать"));
        assert_eq!(told("совпадает").as_deref(), Some("совпадать"));
        assert_eq!(told("раздает").as_deref(), Some("раздавать"));
        assert_eq!(told("лимит"), None);
        assert_eq!(told("билет"), None);
        assert_eq!(told("результат"), None);
    }

    #[test]
    fn infinitives_are_told_from_nouns() {
        for word in ["оплатить", "записаться", "найти", "видеть"] {
            assert!(is_infinitive(word), "{word}");
        }
        for word in ["скорость", "сеть", "новости", "печать", "пять", "запись"]
        {
            assert!(!is_infinitive(word), "{word}");
        }
    }

    #[test]
    fn past_forms_agree_with_their_subject() {
        assert_eq!(past("отправлять", Agreement::Feminine).as_deref(), Some("отправляла"));
        assert_eq!(past("отменяться", Agreement::Masculine).as_deref(), Some("отменялся"));
        assert_eq!(past("прийти", Agreement::Neuter).as_deref(), Some("пришло"));
        assert_eq!(past("вести", Agreement::Plural).as_deref(), Some("вели"));
    }

    #[test]
    fn gender_follows_the_ending() {
        assert_eq!(agreement("система"), Agreement::Feminine);
        assert_eq!(agreement("приложение"), Agreement::Neuter);
        assert_eq!(agreement("календарь"), Agreement::Masculine);
        assert_eq!(agreement("данные"), Agreement::Plural);
        assert_eq!(agreement("возможность"), Agreement::Feminine);
        assert_eq!(agreement("быстрый"), Agreement::Masculine);
    }

    #[test]
    fn accusative_phrases_become_nominative() {
        assert_eq!(nominative("мобильную оплату по QR"), "мобильная оплата по QR");
        assert_eq!(nominative("регистрацию"), "регистрация");
        assert_eq!(nominative("поиск по названию"), "поиск по названию");
        assert_eq!(nominative("меню ресторана"), "меню ресторана");
    }
}
