//! What one statement says: who does what, what should happen, what should be there.

mod english;
mod russian;
pub(super) mod user_story;

use super::language::Language;
use super::lexicon::{Lexicon, VerbClass};
use super::personas::Cast;
use super::words::{Word, capitalised, join, normal, without_final_punctuation, words};

/// One wish taken out of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    /// Short title: a verb phrase, or the thing itself.
    pub(super) title: String,
    /// Who acts, as an index into the cast; `None` when the text does not say.
    pub(super) actor: Option<usize>,
    /// Who it is about without acting, as an index into the cast: not the one to wish for it.
    pub(super) about: Option<usize>,
    /// What is wished.
    pub(super) action: Action,
    /// What kind of step it is.
    pub(super) class: VerbClass,
    /// "если …", "until …": when it applies, with its conjunction.
    pub(super) condition: Option<String>,
    /// Why, as the text says it, without "чтобы" and "so that".
    pub(super) purpose: Option<String>,
    /// The words it was taken from.
    pub(super) text: String,
    /// The part of the sentence between semicolons it stands in, where its urgency is looked for.
    pub(super) scope: String,
}

impl Clause {
    /// Adds what a colon lists to a step, in brackets, where it is short enough to read.
    fn list(&mut self, list: &str, longest: usize) {
        if let Action::Does { phrase, third, .. } = &mut self.action
            && list.chars().count() <= longest
        {
            *phrase = format!("{phrase} ({list})");
            *third = format!("{third} ({list})");
        }
    }
}

impl Context<'_> {
    /// Who acts where a clause begins with its verb.
    fn unsaid_actor(&self) -> Option<usize> {
        self.lead_actor.or(self.last_actor.filter(|_| self.is_item))
    }
}

/// What is wished, in the words of stories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// The persona does it.
    Does {
        /// Infinitive with its objects ("оплатить заказ картой", "pay with my card").
        phrase: String,
        /// The same said of somebody else ("pay with their card").
        third: String,
        /// Time or place that stands before it, empty for none.
        setting: String,
    },
    /// Something or somebody else does it, or it is so.
    Happens {
        /// After "я хочу, чтобы" or "I want".
        wish: String,
        /// The statement as such, without its condition.
        statement: String,
    },
    /// It should be there.
    Exists {
        /// After "я хочу, чтобы" or "I want".
        wish: String,
        /// The thing.
        thing: String,
    },
    /// Nothing was recognised; the words stand as a rule.
    Rule(String),
}

/// What an analysis may rely on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The roles of the text.
    pub(super) cast: &'a Cast,
    /// Who acts in bullets without a subject.
    pub(super) lead_actor: Option<usize>,
    /// Whom a pronoun means.
    pub(super) last_actor: Option<usize>,
    /// Whether it is a bullet, which may leave out the subject of the bullet before it.
    pub(super) is_item: bool,
    /// Who acts where "we" speak.
    pub(super) owner: usize,
}

/// Longest title, in characters.
pub(super) const TITLE_LENGTH: usize = 80;

/// Takes a sentence apart; at least one clause for a sentence that has a word.
pub(super) fn analyse(sentence: &str, language: Language, context: Context<'_>) -> Vec<Clause> {
    let sentence = inside_product(sentence, language);
    match language {
        Language::Russian => russian::analyse(&sentence, context),
        Language::English => english::analyse(&sentence, context),
    }
}

/// "Хочу приложение, где соседи отдают вещи": what is done in the product is the wish.
fn inside_product(sentence: &str, language: Language) -> String {
    const WANTS: &[&str] = &[
        "хочу",
        "хотим",
        "хочется",
        "нужно",
        "нужен",
        "нужна",
        "мне",
        "нам",
        "сделайте",
        "i",
        "we",
        "need",
        "want",
    ];
    const INSIDE: &[&[&str]] =
        &[&["где"], &["в", "котором"], &["в", "которой"], &["where"], &["in", "which"]];
    let words = words(sentence);
    let lower = |index: usize| words.get(index).map(|word| word.lower.as_str()).unwrap_or_default();
    let nouns = Lexicon::of(language).product_nouns;
    let product = (1..words.len().min(7)).find(|index| nouns.contains(&lower(*index)));
    let Some(product) = product.filter(|_| WANTS.contains(&lower(0))) else { return sentence.to_owned() };
    let inside =
        INSIDE.iter().find(|open| (0..open.len()).all(|offset| lower(product + 1 + offset) == open[offset]));
    match inside.map(|open| product + 1 + open.len()).filter(|begin| begin + 1 < words.len()) {
        Some(begin) => capitalised(&join(&words[begin..])),
        None => sentence.to_owned(),
    }
}

/// A sentence nothing was recognised in, as a rule.
pub(super) fn verbatim(sentence: &str, language: Language) -> Clause {
    Clause {
        title: titled(sentence, TITLE_LENGTH, stops(language)),
        actor: None,
        about: None,
        action: Action::Rule(without_final_punctuation(sentence).to_owned()),
        class: VerbClass::Work,
        condition: None,
        purpose: None,
        text: sentence.to_owned(),
        scope: sentence.to_owned(),
    }
}

/// Words before which a title may be cut and in which it may not end.
pub(super) fn stops(language: Language) -> &'static [&'static str] {
    match language {
        Language::Russian => russian::STOPS,
        Language::English => english::STOPS,
    }
}

/// A phrase cut to at most `limit` characters where a reader would stop, capitalised; never ends in a preposition.
pub(super) fn titled(phrase: &str, limit: usize, stops: &[&str]) -> String {
    // Some letters grow in upper case ("ŉ"), so the length is taken after.
    let phrase = phrase.replace('…', " ");
    shortened(&capitalised(phrase.trim()), limit, stops)
}

/// A phrase cut to at most `limit` characters before a comma or one of the `stops` (prepositions, conjunctions).
pub(super) fn shortened(phrase: &str, limit: usize, stops: &[&str]) -> String {
    let phrase = phrase.trim_end_matches(['.', ',', ';', ':', ' ', '!']);
    if phrase.chars().count() <= limit {
        return phrase.to_owned();
    }
    let tokens: Vec<&str> = phrase.split_whitespace().collect();
    let mut length = 0;
    let mut fits = 0;
    for (count, token) in tokens.iter().enumerate() {
        length += token.chars().count() + usize::from(count > 0);
        if length > limit {
            break;
        }
        fits = count + 1;
    }
    let is_stop = |token: &str| stops.contains(&token.to_lowercase().as_str());
    let is_article =
        |token: &str| ["a", "an", "the", "each", "every"].contains(&token.to_lowercase().as_str());
    let boundary = (2..=fits).rev().find(|cut| {
        let ended = tokens[cut - 1].ends_with([',', ';', ':']);
        let opens = tokens.get(*cut).is_some_and(|next| is_stop(next) && !is_article(next));
        (ended || opens) && !is_stop(tokens[cut - 1])
    });
    let mut kept = boundary.unwrap_or(fits).max(1);
    while kept > 1 && is_stop(tokens[kept - 1]) {
        kept -= 1;
    }
    let cut: String = tokens[..kept].join(" ").chars().take(limit).collect();
    cut.trim_end_matches([',', ';', ':', ' ']).to_owned()
}

/// A verb phrase down to its verb and object: what a criterion repeats.
pub(super) fn core(phrase: &str, language: Language) -> String {
    const LENGTH: usize = 45;
    let stops = stops(language);
    let phrase = phrase.split(" (").next().unwrap_or(phrase);
    let tokens: Vec<&str> = phrase.split_whitespace().collect();
    let lower = |index: usize| normal(tokens[index].trim_end_matches([',', ';', ':']));
    let is_article =
        |index: usize| ["a", "an", "the", "of", "each", "every"].contains(&lower(index).as_str());
    let is_stop = |index: usize| stops.contains(&lower(index).as_str()) && !is_article(index);
    let asks = ["who", "which", "what", "how", "whether", "что", "кто", "кому", "какой", "сколько"];
    if tokens.len() > 1 && asks.contains(&lower(1).as_str()) {
        return shortened(phrase, LENGTH + 15, stops);
    }
    let fits = |cut: usize| {
        let joins = ["и", "или", "and", "or"].contains(&lower(cut).as_str());
        let to_number = matches!(lower(cut).as_str(), "до" | "to")
            && tokens[cut - 1].starts_with(|c: char| c.is_ascii_digit());
        let is_open = joins && is_adjective_form(&lower(cut - 1)) || to_number;
        let ended = tokens[cut - 1].ends_with([',', ':', ';']);
        let up_to = |at: usize| at + 1 < tokens.len() && lower(at) == "up" && lower(at + 1) == "to";
        if up_to(cut - 1) {
            return false;
        }
        let bounded = ["than", "most", "least", "under", "over"].contains(&lower(cut - 1).as_str());
        let counts =
            up_to(cut) || !bounded && cut > 2 && tokens[cut].starts_with(|c: char| c.is_ascii_digit());
        (ended || counts || is_stop(cut)) && !is_stop(cut - 1) && !is_article(cut - 1) && !is_open
    };
    let mut cuts = (2..tokens.len()).filter(|cut| fits(*cut));
    let joined = |cut: usize| tokens[..cut].join(" ");
    let first = cuts.next();
    // Two words say too little ("поставить блюдо"), so the next part joins them where it is short.
    let second = match first {
        Some(2) if !tokens[1].ends_with(',') => Some(cuts.next().unwrap_or(tokens.len())),
        _ => None,
    };
    let text = match (first, second.map(joined).filter(|text| text.chars().count() <= LENGTH)) {
        (_, Some(longer)) => longer,
        (Some(cut), None) => joined(cut),
        (None, None) => joined(tokens.len()),
    };
    shortened(&text, LENGTH + 15, stops)
}

/// An adjective that waits for its noun: "полной или частичной суммы" is not cut before "или".
fn is_adjective_form(lower: &str) -> bool {
    ["ой", "ого", "его", "ую", "юю", "ых", "их", "ым", "ый", "ий", "ая", "ое", "ые"]
        .iter()
        .any(|end| lower.ends_with(end))
        && lower.chars().nth(3).is_some()
}

/// Splits words after each one whose text ends with a semicolon.
fn at_semicolons(sentence: Vec<Word>) -> Vec<Vec<Word>> {
    let mut parts = vec![Vec::new()];
    for word in sentence {
        let ends = word.text.ends_with(';');
        if let Some(part) = parts.last_mut() {
            part.push(word);
        }
        if ends {
            parts.push(Vec::new());
        }
    }
    parts.retain(|part| part.iter().any(|word| !word.lower.is_empty()));
    parts
}

/// The text without remarks in brackets; what they say about urgency is read elsewhere.
fn without_brackets(text: &str) -> String {
    let mut depth = 0usize;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(letter),
            _ => {}
        }
    }
    let kept = out.replace(" ,", ",").replace(" .", ".");
    if depth == 0 && kept.chars().any(char::is_alphanumeric) {
        kept
    } else {
        text.replace(['(', ')', '[', ']'], "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cut_where_a_reader_would_stop() {
        let stops = ["по", "и", "для"];

        assert_eq!(shortened("найти ресторан по названию", 20, &stops), "найти ресторан");
        assert_eq!(shortened("найти ресторан", 80, &stops), "найти ресторан");
        assert_eq!(shortened("выбрать дату, время", 14, &stops), "выбрать дату");
        assert_eq!(shortened("сверхдлинноеслово", 5, &stops), "сверх");
        assert_eq!(titled("ŉabc", 4, &stops).chars().count(), 4);
    }

    #[test]
    fn the_core_of_a_phrase_is_its_verb_and_object() {
        let russian = |phrase: &str| core(phrase, Language::Russian);

        assert_eq!(russian("найти ресторан по названию, кухне или блюду"), "найти ресторан по названию");
        assert_eq!(russian("поставить блюдо на стоп"), "поставить блюдо на стоп");
        assert_eq!(russian("войти по телефону и паролю"), "войти по телефону");
        assert_eq!(
            russian("оформить возврат полной или частичной суммы"),
            "оформить возврат полной или частичной суммы"
        );
        assert_eq!(core("browse the timetable and the trainers", Language::English), "browse the timetable");
    }

    #[test]
    fn remarks_in_brackets_go_unless_they_are_all() {
        assert_eq!(without_brackets("бюджет (не обязательно), дата"), "бюджет, дата");
        assert_eq!(without_brackets("(черновик)"), "черновик");
    }
}
