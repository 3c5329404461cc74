//! Cards laid out: activities and tasks by the text's own headings, else by who acts; releases as the text says, else a way
//! through all activities first.

use story_map::{Activity, Language, Release, UserTask};

use crate::{
    cards::Card,
    lexicon::{self, Part},
    statements::{Section, Statements, heading_release},
    who::{capitalised, key},
};

/// Headings that name no part of the product.
#[rustfmt::skip]
const NEUTRAL: &[&str] = &[
    "requirements", "requirement", "functional requirements", "features", "feature list", "system features",
    "user stories", "stories", "scope", "decisions", "in scope", "functionality", "product requirements", "must have",
    "should have", "could have", "mvp", "later", "p0", "p1", "p2", "specific requirements", "functional", "backlog",
    "решили", "решено", "decided", "требования", "функциональные требования", "функции", "функциональность", "функционал", "возможности",
    "пользовательские истории", "истории", "решения", "что нужно", "что должно быть", "что хотим",
];

/// What has neither a heading nor somebody who acts.
const OTHER: [&str; 2] = ["Остальные требования", "Other requirements"];

/// A card with the task that a heading names.
type Placed = (Option<String>, Card);

/// The backbone of the cards, in the order of the text.
pub(crate) fn arrange(cards: Vec<Card>, statements: &Statements, labels: Language) -> Vec<Activity> {
    let places: Vec<(String, Option<String>)> =
        cards.iter().map(|card| place(card, statements, labels)).collect();
    let mut activities: Vec<(String, Vec<Placed>)> = Vec::new();
    for (card, (activity, task)) in cards.into_iter().zip(places) {
        match activities.iter_mut().find(|(known, _)| key(known) == key(&activity)) {
            Some((_, cards)) => cards.push((task, card)),
            None => activities.push((activity, vec![(task, card)])),
        }
    }
    if let [(only, _)] = activities.as_mut_slice()
        && OTHER.contains(&only.as_str())
    {
        *only = labels.pick("Требования", "Requirements").to_owned();
    }
    activities.into_iter().map(|(title, cards)| activity(title, cards)).collect()
}

/// The activity of a card, and its task if a heading names one.
fn place(card: &Card, statements: &Statements, labels: Language) -> (String, Option<String>) {
    let alone = statements.sections.iter().filter(|section| section.level == 1).count() == 1;
    let mut above: Vec<&Section> =
        statements.above(card.section).filter(|section| is_own(section, alone)).collect();
    above.reverse();
    if !card.group.is_empty() {
        return (capitalised(&card.group), None);
    }
    let title = |section: &&Section| capitalised(section.title.trim_end_matches([':', '.']));
    match above.as_slice() {
        [] if card.story.persona.is_empty() => (labels.pick(OTHER[0], OTHER[1]).to_owned(), None),
        [] => (card.story.persona.clone(), None),
        [only] => (led(only, card).unwrap_or_else(|| title(only)), None),
        [first, .., last] => (title(first), Some(led(last, card).unwrap_or_else(|| title(last)))),
    }
}

/// A line above a list that only says who is named by the persona.
fn led(section: &Section, card: &Card) -> Option<String> {
    let names = key(&section.title).starts_with(&key(&card.story.persona))
        && key(&section.title) != key(&card.story.persona);
    let long = section.title.split_whitespace().count() > 4;
    ((long || names) && section.level >= 7 && !card.story.persona.is_empty())
        .then(|| card.story.persona.clone())
}

/// Whether a section names a part of the product; the only heading of the first level names the whole.
fn is_own(section: &Section, alone: bool) -> bool {
    let is_name = section.level == 1 && alone;
    let neutral = is_neutral(&section.title)
        || heading_release(&section.title).is_some()
        || matches!(section.part, Part::Criteria | Part::Releases);
    !is_name && !neutral
}

/// Whether a heading says no more than that requirements stand under it.
pub(crate) fn is_neutral(title: &str) -> bool {
    NEUTRAL.contains(&lexicon::bare(title).as_str())
}

fn activity(title: String, cards: Vec<Placed>) -> Activity {
    let personas: Vec<&str> = cards.iter().map(|(_, card)| card.story.persona.as_str()).collect();
    let by_persona = cards.iter().all(|(task, _)| task.is_none())
        && personas.iter().any(|persona| *persona != personas[0])
        && personas.iter().all(|persona| key(persona) != key(&title));
    let tasks: Vec<String> = cards
        .iter()
        .map(|(task, card)| match task {
            Some(task) => task.clone(),
            None if by_persona && !card.story.persona.is_empty() => card.story.persona.clone(),
            None => title.clone(),
        })
        .collect();
    let releases = releases(&cards.iter().map(|(_, card)| card).collect::<Vec<_>>());
    let mut found: Vec<UserTask> = Vec::new();
    for (((_, card), task), release) in cards.into_iter().zip(tasks).zip(releases) {
        let mut story = card.story;
        story.release = release;
        match found.iter_mut().find(|known| key(&known.title) == key(&task)) {
            Some(known) => known.stories.push(story),
            None => found.push(UserTask { title: task, stories: vec![story] }),
        }
    }
    for task in &mut found {
        task.stories.sort_by_key(|story| story.release);
    }
    Activity { title, tasks: found }
}

/// What the text says; where it is silent, the first step of an activity goes first and the others follow.
fn releases(cards: &[&Card]) -> Vec<Release> {
    let has_first = cards.iter().any(|card| card.release == Some(Release::Mvp));
    let silent = |card: &&&Card| card.release.is_none();
    let first = cards
        .iter()
        .position(|card| silent(&card) && card.is_step)
        .or_else(|| cards.iter().position(|card| silent(&card)));
    let of = |(at, card): (usize, &&Card)| {
        card.release.unwrap_or(if !has_first && first == Some(at) { Release::Mvp } else { Release::Release1 })
    };
    cards.iter().enumerate().map(of).collect()
}
