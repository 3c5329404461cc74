//! A story map drafted from the words of a text alone.

use std::collections::HashMap;

use story_map::{Language, Release, StoryMap, VERSION, contradiction::Claim};
use thiserror::Error;

use crate::{
    arrange::{arrange, is_neutral},
    cards::Cards,
    language::Tongue,
    lexicon::{Part, part},
    reason::Reason,
    sentence::{calm, title},
    statements::{Sort, Statements},
    text::{Block, Form, Text},
    who::{self, Is, Kind, Known, Who},
};

/// Why no map could be drafted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DraftError {
    /// There is no text.
    #[error("the requirements text is empty; describe in a few sentences who uses the product and what for")]
    Empty,
}

/// Most questions and most statements on no card that are listed.
const MOST_LISTED: usize = 60;
/// Most sentences that are compared with each other.
const MOST_COMPARED: usize = 300;

/// Drafts a story map from a text, plain or Markdown; the same text gives the same map.
///
/// Titles, criteria and descriptions are words of the text. What is no requirement is listed as unmapped with the reason, what
/// is open as a question. A text without requirements gives a map without activities. At most [`MOST_STORIES`](crate::MOST_STORIES) stories.
///
/// # Errors
///
/// The text is empty.
///
/// ```
/// let map = draft::draft_story_map("A member books a class.\nA trainer sees who is coming.")?;
/// let titles: Vec<_> = map.stories().map(|(_, _, story)| (story.persona.as_str(), story.title.as_str())).collect();
/// assert_eq!(titles, [("Member", "Books a class"), ("Trainer", "Sees who is coming")]);
/// # Ok::<(), draft::DraftError>(())
/// ```
pub fn draft_story_map(text: &str) -> Result<StoryMap, DraftError> {
    if text.trim().is_empty() {
        return Err(DraftError::Empty);
    }
    let tongue = Tongue::of(text);
    let labels = tongue.of_labels();
    let language = match tongue {
        Tongue::Read(language) => Some(language),
        Tongue::Other(_) => None,
    };
    let read = Text::of(text);
    let statements = Statements::of(&read, labels);
    let known = known(&statements, language);
    let name = name(&read, labels);
    let Cards { cards, mut unmapped, mut questions, .. } =
        Cards::of(&statements, &known, language, read.is_chat);
    let stories = cards.len();
    let told = cards.iter().filter(|card| !card.story.persona.is_empty()).count();
    questions.extend(open_questions(&statements, stories, told, language, labels));
    let activities = arrange(cards, &statements, labels);
    let mut notes = vec![
        labels
            .pick(
                "Черновик без ИИ: слова взяты из текста",
                "A draft without AI: its words are those of the text",
            )
            .to_owned(),
        confidence(tongue, stories, told, statements.all.len(), labels),
    ];
    if let Tongue::Other(language) = tongue {
        notes.push(format!("The text seems to be in {language}, which the draft does not read: sentences stand as they are, and who acts in them is not told."));
    }
    if unmapped.len() > MOST_LISTED {
        notes.push(format!(
            "{}: {}",
            labels.pick("Не на карте, и не перечислено", "Not on the map, and not listed"),
            unmapped.len() - MOST_LISTED
        ));
        unmapped.truncate(MOST_LISTED);
    }
    questions.truncate(MOST_LISTED);
    let mut map = StoryMap {
        version: VERSION,
        name,
        personas: Vec::new(),
        releases: Release::all(),
        activities,
        notes,
        questions,
        unmapped,
    };
    map.personas = personas(&map);
    Ok(map.tidied())
}

/// Roles and things that the text itself makes known, before it is read for its stories.
fn known(statements: &Statements, language: Option<Language>) -> Known {
    let mut known = Known::default();
    let Some(language) = language else { return known };
    statements.roles.iter().for_each(|role| known.add(&who::lead_name(role, language)));
    statements
        .sections
        .iter()
        .filter_map(|section| who::before_modal(&calm(&section.title), language))
        .for_each(|name| known.add(&name));
    let terms = statements.all.iter().filter(|statement| statement.sort == Sort::Aside(Reason::Term));
    let names = terms.filter_map(|term| term.text.split([':', '–', '—']).next());
    names.for_each(|name| known.add_thing(name.trim()));
    let requirements = || {
        statements.all.iter().filter(|statement| matches!(statement.sort, Sort::Requirement | Sort::Question))
    };
    for statement in requirements() {
        if let Some(wish) = who::wish(&calm(&statement.text)) {
            known.add(&wish.who);
        }
        known.see_things(&statement.text);
    }
    // Whoever acts in one sentence is a role in all of them.
    let mut found: Vec<String> = Vec::new();
    for statement in requirements() {
        let said = who::said(&calm(&statement.text), language, &known);
        if let (Who::Named(name), Kind::Act) = (said.who, said.kind) {
            found.push(name);
        }
    }
    let sure = |name: &String| {
        known.judge(name, name.split_whitespace().last().unwrap_or(name), language) != Is::Thing
    };
    let found: Vec<String> = found.into_iter().filter(sure).collect();
    found.iter().for_each(|name| known.add(name));
    known
}

/// The first heading, the subject of a letter, or the beginning of the text.
fn name(text: &Text, labels: Language) -> String {
    let first = text.blocks.iter().find(|block| block.form != Form::Letter);
    let is_name = |block: &&Block| {
        matches!(block.form, Form::Heading(level) if level <= 2)
            && part(&block.text) == Part::Requirements
            && !is_neutral(&block.text)
    };
    let begins = first.filter(is_name).map(|block| block.text.clone());
    let name = text.subject.clone().or(begins).or_else(|| {
        let sentence = first.filter(|block| block.form == Form::Paragraph)?;
        crate::sentence::sentences(&sentence.text).first().map(|first| calm(first))
    });
    let name = name
        .map(|name| title(quoted(&name).unwrap_or(&name)))
        .filter(|name| name.chars().any(char::is_alphanumeric));
    name.unwrap_or_else(|| labels.pick("Карта историй", "Story map").to_owned())
}

/// The name in «…» that ends a heading.
fn quoted(heading: &str) -> Option<&str> {
    let (_, name) = heading.trim_end().strip_suffix('»')?.rsplit_once('«')?;
    (!name.trim().is_empty()).then_some(name)
}

/// Personas of the stories, those with most stories first.
fn personas(map: &StoryMap) -> Vec<String> {
    let (mut order, mut counts): (Vec<String>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for (_, _, story) in map.stories().filter(|(_, _, story)| !story.persona.is_empty()) {
        *counts.entry(story.persona.clone()).or_insert_with(|| {
            order.push(story.persona.clone());
            0
        }) += 1;
    }
    order.sort_by_key(|persona| usize::MAX - counts.get(persona).copied().unwrap_or_default());
    order
}

/// What only the author can answer.
fn open_questions(
    statements: &Statements,
    stories: usize,
    told: usize,
    language: Option<Language>,
    labels: Language,
) -> Vec<String> {
    let mut questions = Vec::new();
    if stories > 0 && told == 0 && language.is_some() {
        questions.push(
            labels.pick(
                "Кто этим пользуется? Текст никого не называет.",
                "Who uses it? The text names nobody.",
            ),
        );
    }
    if stories == 0 {
        questions.push(labels.pick(
            "Кто и что должен делать с продуктом? Требований в тексте не нашлось.",
            "Who should do what with the product? No requirement was found in the text.",
        ));
    } else if stories <= 2 {
        questions.push(labels.pick(
            "Что происходит до этого и после? В тексте почти нет шагов.",
            "What happens before and after? The text has hardly any steps.",
        ));
    }
    let mut questions: Vec<String> = questions.into_iter().map(str::to_owned).collect();
    let said: Vec<&str> = statements
        .all
        .iter()
        .filter(|one| matches!(one.sort, Sort::Requirement | Sort::Criterion))
        .map(|one| one.text.as_str())
        .take(MOST_COMPARED)
        .collect();
    let claims: Vec<Claim> = said.iter().map(|text| Claim::of(text)).collect();
    for (at, one) in said.iter().enumerate() {
        for (_, other) in
            claims.iter().zip(&said).skip(at + 1).filter(|(claim, _)| claims[at].contradicts(claim))
        {
            let (one, other) = (one.trim_end_matches('.'), other.trim_end_matches('.'));
            questions.push(match labels {
                Language::Russian => format!("Что верно: «{one}» или «{other}»?"),
                Language::English => format!("Which holds: “{one}” or “{other}”?"),
            });
        }
    }
    questions
}

/// How far the draft can be trusted, in words.
fn confidence(tongue: Tongue, stories: usize, told: usize, statements: usize, labels: Language) -> String {
    let low = matches!(tongue, Tongue::Other(_)) || stories <= 2 || told * 2 < stories;
    let high = told * 10 >= stories * 8 && stories >= 5 && stories * 2 >= statements;
    let (russian, english) = match (low, high) {
        (true, _) => ("Уверенность: низкая", "Confidence: low"),
        (_, true) => ("Уверенность: высокая", "Confidence: high"),
        _ => ("Уверенность: средняя", "Confidence: medium"),
    };
    match labels {
        Language::Russian => {
            format!("{russian}. Историй: {stories}, из них с названным в тексте действующим лицом: {told}.")
        }
        Language::English => {
            format!("{english}. Stories: {stories}; of these the text says who acts: {told}.")
        }
    }
}
