//! What a story says that a screen can show: its action, things, properties, and what may go wrong.

use std::collections::{HashMap, HashSet};

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    WireframeInput,
    patterns::{PATTERNS, PLAIN, Pattern},
    told::told,
    vocabulary::{
        CONFIRMATIONS, CONSEQUENCES, FAILURES, NOTHING, PAYMENTS, PROBLEMS, PROPERTIES, Property, THINGS,
        Thing, UNSEEN, UNTOLD,
    },
};
use ::wireframe::Language;
use story_map::columns::clean;

/// A button longer than this is no button any more, in characters.
const MAX_ACTION: usize = 26;

/// Verbs of looking: what the whole screen is for.
const LOOKS: &[&str] = &[
    "видеть",
    "увидеть",
    "посмотреть",
    "смотреть",
    "просматривать",
    "просмотреть",
    "see",
    "view",
    "browse",
    "look",
    "watch",
];

/// Verbs that say little without their object.
const VAGUE: &[&str] = &["написать", "писать", "отправить", "выбрать", "write", "send", "choose", "select"];

/// Verbs that are spelled like a noun of another meaning, or have a reflexive twin, and what they mean where they open a
/// title.
const MEANINGS: &[(&str, &str)] = &[("book", "reserve"), ("review", "check"), ("записать", "внести")];

/// What was found in a story.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) language: Language,
    /// The title without "as a … I want to …".
    pub(super) title: String,
    /// Verb and object of the title, if it begins with a verb that can stand on a button.
    pub(super) action: Option<String>,
    /// Whether the title only says that somebody looks at something: no button is needed for that.
    pub(super) looks: bool,
    /// The kind of screen that fits best.
    pub(super) pattern: &'static Pattern,
    /// What it is mainly about.
    pub(super) thing: Option<&'static Thing>,
    /// Properties named in the story, in the order of the vocabulary.
    pub(super) properties: Vec<&'static Property>,
    /// Ways to pay named in the story.
    pub(super) payments: Vec<&'static Property>,
    /// What the story says about something going wrong.
    pub(super) problem: Option<String>,
    /// What the story says about nothing being there.
    pub(super) nothing: Option<String>,
    /// What the story says about a confirmation of its action.
    pub(super) confirmation: Option<String>,
    /// The other criteria: what holds when all goes well.
    pub(super) outcomes: Vec<String>,
    /// Lower-case words of the whole story.
    words: HashSet<String>,
    /// "by …" at the end of the title: what a search goes by.
    pub(super) search_by: Option<String>,
}

impl Facts {
    pub(super) fn of(input: &WireframeInput) -> Self {
        let all = [&input.title, &input.description].map(String::as_str).join(" ");
        let language = Language::of(&all);
        let stems = Stems::new(language);
        let title = wish(&input.title, language);
        let own = own_weights(&title, &stems);
        let weights = weights(input, &title, &stems);
        let sum = |weights: &HashMap<String, u32>, words: (&str, &str)| {
            stems.list(words).map(|stem| weights.get(&stem).unwrap_or(&0)).sum::<u32>()
        };
        let asked = properties_told(input, &title, &stems);
        let named = |property: &&Property| stems.list(property.words).any(|stem| asked.contains(&stem));

        let looks = verb(&title).is_some_and(|verb| LOOKS.contains(&verb.as_str()));
        // The title's own words decide before those of its task, its criteria and its activity.
        let fits = |pattern: &&Pattern| (sum(&own, pattern.words), sum(&weights, pattern.words));
        let can = |pattern: &&Pattern| !looks || !pattern.asks();
        let best = PATTERNS.iter().rev().filter(can).max_by_key(fits);
        let pattern = best.filter(|pattern| sum(&weights, pattern.words) > 1).unwrap_or(&PLAIN);
        // Who uses the screen is not what it is about.
        let persona: HashSet<String> = stems.of(&input.persona).collect();
        let mentions = |text: &str| {
            stems.of(&told(&named_in(text), language)).find_map(|stem| {
                let is_meant = |thing: &&Thing| stems.list(thing.words).any(|word| word == stem);
                THINGS.iter().find(is_meant).filter(|_| !persona.contains(&stem))
            })
        };
        // The first thing named is what the action is done to, as a rule.
        let texts = [&title, &input.task, &input.description, &input.activity];
        let thing = texts.into_iter().find_map(|text| mentions(text));
        let criteria = || input.acceptance_criteria.iter().map(|text| clean(text));
        let says = |text: &str, parts: (&[&str], &[&str])| {
            let parts = if language == Language::Russian { parts.0 } else { parts.1 };
            let words = format!(" {}", spaced(behind_quotation(text)));
            parts.iter().any(|part| words.contains(&format!(" {part}")))
        };
        // What only repeats the title, or what no screen shows, is no state of the screen.
        let may = format!(" {} {}", language.pick("может", "can"), spaced(&title));
        let may_not = format!(" не{may}");
        let about = |parts: (&[&str], &[&str]), but: (&[&str], &[&str])| {
            criteria().find(|text| {
                let opens = spaced(text);
                let unseen = if language == Language::Russian { UNSEEN.0 } else { UNSEEN.1 };
                says(text, parts)
                    && !says(text, but)
                    && !unseen.iter().any(|open| opens.starts_with(open))
                    && !opens.starts_with(&spaced(&title))
                    && (!opens.contains(&may) || opens.contains(&may_not))
            })
        };
        let nothing = about(NOTHING, FAILURES);
        let problem = about(PROBLEMS, (&[], &[])).filter(|text| nothing.as_ref() != Some(text));
        let is_state = |text: &String| Some(text) == problem.as_ref() || Some(text) == nothing.as_ref();
        let confirmation = criteria().find(|text| says(text, CONFIRMATIONS) && !is_state(text));
        let outcomes = criteria().filter(|text| !text.is_empty() && !is_state(text)).collect();
        Self {
            language,
            action: action(&title, &input.description, language),
            looks,
            pattern,
            thing,
            properties: PROPERTIES.iter().filter(named).collect(),
            payments: PAYMENTS.iter().filter(|payment| sum(&weights, payment.words) > 0).collect(),
            problem,
            nothing,
            confirmation,
            outcomes,
            words: all_words(input),
            search_by: search_by(&title, language),
            title,
        }
    }

    /// The one of two texts that is in the story's language.
    pub(super) fn say(&self, both: (&'static str, &'static str)) -> &'static str {
        self.language.pick(both.0, both.1)
    }

    /// Whether the story uses one of these words, in exactly this form.
    pub(super) fn uses(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.words.contains(*word))
    }

    /// The label of the main button.
    pub(super) fn action_label(&self) -> String {
        self.action.clone().unwrap_or_else(|| self.say(self.pattern.action).to_owned())
    }
}

/// What a criterion says behind the title that it quotes first.
fn behind_quotation(text: &str) -> &str {
    let is_quoted = text.trim_start().starts_with(['«', '“']);
    text.split_once(['»', '”']).filter(|_| is_quoted).map_or(text, |(_, rest)| rest)
}

fn all_words(input: &WireframeInput) -> HashSet<String> {
    let texts = [&input.title, &input.description, &input.task].into_iter().chain(&input.acceptance_criteria);
    texts.flat_map(|text| text.unicode_words()).map(str::to_lowercase).collect()
}

struct Stems {
    stemmer: Stemmer,
    language: Language,
}

impl Stems {
    fn new(language: Language) -> Self {
        let algorithm = if language == Language::Russian { Algorithm::Russian } else { Algorithm::English };
        Self { stemmer: Stemmer::create(algorithm), language }
    }

    fn stem(&self, word: &str) -> String {
        let word = word.to_lowercase().replace('ё', "е");
        self.stemmer.stem(&word).into_owned()
    }

    /// Stems of the words of a text in their order; "чек-лист" is one word, and no "чек".
    fn of<'a>(&'a self, text: &str) -> impl Iterator<Item = String> + use<'a> {
        let words: Vec<String> = text.replace('-', "").unicode_words().map(|word| self.stem(word)).collect();
        words.into_iter()
    }

    /// Stems of the words of a vocabulary entry in this language.
    fn list(&self, words: (&str, &str)) -> impl Iterator<Item = String> {
        let words = if self.language == Language::Russian { words.0 } else { words.1 };
        let mut stems: Vec<String> =
            words.replace('-', "").split_whitespace().map(|word| self.stem(word)).collect();
        stems.sort_unstable();
        stems.dedup();
        stems.into_iter()
    }
}

/// How much each stem of the story counts: the title says what the screen is for, the rest what is on it.
fn weights(input: &WireframeInput, title: &str, stems: &Stems) -> HashMap<String, u32> {
    let mut weights: HashMap<String, u32> = HashMap::new();
    let mut add = |text: &str, weight: u32| {
        for stem in stems.of(&told(text, stems.language)) {
            let known = weights.entry(stem).or_default();
            *known = (*known).max(weight);
        }
    };
    input.acceptance_criteria.iter().for_each(|text| add(text, 1));
    add(&input.description, 1);
    add(&input.activity, 1);
    for (text, weight, of_verb) in [(input.task.as_str(), 2, 2), (title, 4, 7)] {
        add(without_verb(text), weight);
        add(&verb(text).unwrap_or_default(), of_verb);
    }
    weights
}

/// The word that opens a title, as what it means there.
fn verb(title: &str) -> Option<String> {
    let verb = title.unicode_words().next()?.to_lowercase();
    let meaning = MEANINGS.iter().find(|(spelled, _)| *spelled == verb).map(|(_, meaning)| *meaning);
    Some(meaning.map_or(verb, str::to_owned))
}

/// The text without verbs that are spelled like a thing.
fn named_in(text: &str) -> String {
    let is_verb = |word: &str| MEANINGS.iter().any(|(spelled, _)| word.eq_ignore_ascii_case(spelled));
    let mut before = None;
    let mut kept = Vec::new();
    for word in text.split_whitespace() {
        if !(is_verb(word) && matches!(before, None | Some("to" | "can"))) {
            kept.push(word);
        }
        before = Some(word);
    }
    kept.join(" ")
}

/// The title behind the word that opens it.
fn without_verb(title: &str) -> &str {
    let first = title.unicode_word_indices().next();
    first.and_then(|(at, word)| title.get(at + word.len()..)).unwrap_or(title)
}

/// How much each stem of the title counts: its verb most, but one that only says that somebody looks says less
/// than what is looked at.
fn own_weights(title: &str, stems: &Stems) -> HashMap<String, u32> {
    let mut weights: HashMap<String, u32> =
        stems.of(&told(without_verb(title), stems.language)).map(|stem| (stem, 4)).collect();
    if let Some(verb) = verb(title) {
        let says_little = LOOKS.contains(&verb.as_str()) || VAGUE.contains(&verb.as_str());
        weights.insert(stems.stem(&verb), if says_little { 3 } else { 7 });
    }
    weights
}

/// Stems that can name a field: of the title, of the wish and of what the criteria say is done. What is shown when
/// it cannot be done, and what follows when it is, is not asked of anybody.
fn properties_told(input: &WireframeInput, title: &str, stems: &Stems) -> HashSet<String> {
    let pick = |both: (&'static [&'static str], &'static [&'static str])| {
        if stems.language == Language::Russian { both.0 } else { both.1 }
    };
    let before_consequence = |text: &str| {
        let lower = text.to_lowercase();
        // Positions in the lower-case text are only used where it has the same length.
        let end = pick(CONSEQUENCES).iter().filter_map(|mark| lower.find(mark)).min();
        let end = end.filter(|_| lower.len() == text.len()).unwrap_or(text.len());
        text.get(..end).unwrap_or(text).to_owned()
    };
    let is_told = |text: &&String| {
        let opens = spaced(text);
        let quotes = text.trim_start().starts_with(['«', '“', '"']);
        !quotes && !pick(UNTOLD).iter().any(|open| opens.starts_with(open))
    };
    let criteria = input.acceptance_criteria.iter().filter(is_told).map(|text| before_consequence(text));
    let texts = [title.to_owned(), before_consequence(&input.description)].into_iter().chain(criteria);
    texts.flat_map(|text| stems.of(&told(&text, stems.language)).collect::<Vec<_>>()).collect()
}

/// The words of a text in lower case, one space between them.
fn spaced(text: &str) -> String {
    text.to_lowercase().unicode_words().collect::<Vec<_>>().join(" ")
}

/// What is wanted: the title without the form of a user story around it.
fn wish(title: &str, language: Language) -> String {
    let title = clean(title);
    let (before, after): (&[&str], &[&str]) = match language {
        Language::Russian => {
            (&["хочу, чтобы ", "хочу ", "могу ", "хочет ", "может "], &[", чтобы ", " чтобы "])
        }
        Language::English => {
            (&["i want to ", "i can ", "i want ", "wants to ", " can "], &[", so that ", " so that "])
        }
    };
    let lower = title.to_lowercase();
    // Positions in the lower-case text are only used where it has the same length.
    let same_length = lower.len() == title.len();
    let start =
        before.iter().find_map(|mark| lower.find(mark).map(|at| at + mark.len())).filter(|_| same_length);
    let rest = title.get(start.unwrap_or(0)..).unwrap_or(&title);
    let end = after.iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
    capitalised(rest[..end].trim_end_matches(['.', ',', ';']))
}

/// First letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The beginning of the title up to where details begin, if that can stand on a button.
fn action(title: &str, description: &str, language: Language) -> Option<String> {
    const RUSSIAN_STOPS: &[&str] = &[
        "по",
        "с",
        "со",
        "в",
        "во",
        "на",
        "через",
        "для",
        "из",
        "от",
        "до",
        "без",
        "и",
        "или",
        "к",
        "о",
        "об",
        "при",
        "после",
        "за",
        "не",
        "чтобы",
        "если",
        "пока",
        "картой",
        "наличными",
        "себе",
    ];
    const ENGLISH_STOPS: &[&str] = &[
        "by", "with", "in", "on", "for", "from", "to", "at", "up", "and", "or", "via", "when", "if", "until",
        "unless", "without", "before", "after", "through", "that", "which", "using", "as", "per", "of",
        "between", "while",
    ];
    // "Sign up" and "log in" are one verb.
    const PARTICLES: &[&str] = &["in", "up", "out", "on", "off"];
    const WITH_PARTICLE: &[&str] = &["sign", "log", "check", "turn", "switch"];
    let verb = title.unicode_words().next()?.to_lowercase();
    let is_verb = match language {
        Language::Russian => ["ть", "ться", "ти", "чь", "тись"].iter().any(|ending| verb.ends_with(ending)),
        Language::English => description.to_lowercase().contains(&format!("to {verb} ")),
    };
    // Looking is what the whole screen is for; there is no button for it.
    let waits = ["получать", "получить", "узнать", "receive", "get", "know", "be", "have"];
    if !is_verb || LOOKS.contains(&verb.as_str()) || waits.contains(&verb.as_str()) {
        return None;
    }
    let stops = if language == Language::Russian { RUSSIAN_STOPS } else { ENGLISH_STOPS };
    let mut label = String::new();
    for word in title.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = bare.to_lowercase();
        let is_of_verb = label.to_lowercase() == verb
            && WITH_PARTICLE.contains(&verb.as_str())
            && PARTICLES.contains(&lower.as_str());
        if !label.is_empty() && stops.contains(&lower.as_str()) && !is_of_verb {
            if ["или", "и"].contains(&lower.as_str()) && ends_open(&label, language) {
                label.truncate(label.rfind(' ').unwrap_or(label.len()));
            }
            break;
        }
        if !label.is_empty() && label.chars().count() + 1 + bare.chars().count() > MAX_ACTION {
            // "Create the weekly" reads worse than "Create".
            if ends_open(&label, language) {
                label.truncate(label.find(' ').unwrap_or(label.len()));
            }
            break;
        }
        if !label.is_empty() {
            label.push(' ');
        }
        label.push_str(bare);
        if word.ends_with([',', ':', ';', '.']) {
            break;
        }
    }
    for article in [" a", " an", " the"] {
        label = label.strip_suffix(article).map(str::to_owned).unwrap_or(label);
    }
    Some(label).filter(|label| !label.is_empty() && label.chars().count() <= MAX_ACTION)
}

/// Whether the last word of a label may belong to a noun that was cut off. English does not tell.
fn ends_open(label: &str, language: Language) -> bool {
    const ADJECTIVES: &[&str] = &["ый", "ую", "юю", "ые", "ое", "ых", "ого", "ной"];
    language == Language::English || ADJECTIVES.iter().any(|ending| label.ends_with(ending))
}

fn search_by(title: &str, language: Language) -> Option<String> {
    let mark = language.pick(" по ", " by ");
    let at = title.find(mark)?;
    Some(title[at + 1..].to_owned()).filter(|rest| rest.chars().count() > 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_user_story_is_taken_off_the_title() {
        assert_eq!(
            wish("Как клиент, я хочу отменить заказ, чтобы вернуть деньги", Language::Russian),
            "Отменить заказ"
        );
        assert_eq!(
            wish("As a reader, I want to renew a loan so that I keep it", Language::English),
            "Renew a loan"
        );
        assert_eq!(wish("Оплатить заказ", Language::Russian), "Оплатить заказ");
    }

    #[test]
    fn a_button_carries_the_verb_and_its_object() {
        let label = |title: &str, description: &str| action(title, description, Language::of(title));

        assert_eq!(label("Оплатить заказ картой, через СБП", "").as_deref(), Some("Оплатить заказ"));
        assert_eq!(
            label("Renew a loan twice", "I want to renew a loan").as_deref(),
            Some("Renew a loan twice")
        );
        assert_eq!(label("Поиск ресторанов", ""), None);
        assert_eq!(label("Посмотреть рестораны", ""), None);
    }

    #[test]
    fn titles_whose_lower_case_is_longer_do_not_confuse_positions() {
        assert_eq!(wish("İİİİ i want to go", Language::English), "İİİİ i want to go");
    }
}
