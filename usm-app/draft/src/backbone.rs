//! Stories laid out: activities in the order a user lives them, tasks under them, stories by need.

use std::collections::BTreeMap;

use super::clause::{TITLE_LENGTH, titled};
use super::criteria::filled;
use super::language::Language;
use super::lexicon::{Lexicon, Stage, Topic};
use super::personas::Cast;
use super::release::named_release;
use super::story::Card;
use super::text::Document;
use super::words::{normal, uncapitalised, words};
use story_map::{Activity, Release, Story, UserTask};

/// Most activities of a backbone.
const MOST_ACTIVITIES: usize = 8;
/// Fewest activities where there are stories enough.
const FEWEST_ACTIVITIES: usize = 3;
/// Most stories of a task.
const MOST_IN_TASK: usize = 5;
/// Most stories of the MVP, unless the text itself asks for more.
const MOST_IN_MVP: usize = 15;
/// Share of the stories that must stand under headings for the headings to become the backbone.
const UNDER_HEADINGS: f64 = 0.6;

/// An activity in the making.
struct Group {
    /// The heading it is named after, if it is.
    heading: Option<String>,
    rank: (Stage, usize),
    cards: Vec<Card>,
}

/// Lays out the cards; every activity gets a story of the MVP, no activity and no task is empty.
pub(super) fn arrange(
    cards: Vec<Card>,
    document: &Document,
    cast: &Cast,
    lexicon: &Lexicon,
) -> Vec<Activity> {
    let mut groups = match by_headings(&cards, document, cast, lexicon) {
        Some(places) => grouped(cards, &places, document),
        None => by_stage(cards),
    };
    split_few(&mut groups);
    merge(&mut groups, |groups| {
        groups.iter().position(|group| groups.len() > 1 && !group.cards.iter().any(may_be_first))
    });
    merge(&mut groups, |groups| {
        let smallest =
            groups.iter().enumerate().min_by_key(|(_, group)| group.cards.len()).map(|(index, _)| index);
        smallest.filter(|_| groups.len() > MOST_ACTIVITIES)
    });
    groups.sort_by_key(|group| group.rank);
    assign_releases(&mut groups);
    let mut activities: Vec<Activity> = Vec::new();
    for group in groups {
        let title = free(&title_of(&group, lexicon), &activities);
        activities.push(Activity { title, tasks: tasks(group, cast, lexicon) });
    }
    activities
}

/// A story the text does not put off can be the first of its activity.
fn may_be_first(card: &Card) -> bool {
    card.named_release.is_none_or(|release| release == Release::Mvp)
}

/// Which heading each card goes under, where the headings of the text make a backbone.
fn by_headings(
    cards: &[Card],
    document: &Document,
    cast: &Cast,
    lexicon: &Lexicon,
) -> Option<Vec<Option<usize>>> {
    let is_step = |section: usize| {
        document.sections.get(section).is_some_and(|heading| {
            let lower = normal(heading);
            !lexicon.mixed_headings.contains(&lower.as_str())
                && cast.whole(&words(heading)).is_none()
                && named_release(&[heading], lexicon).is_none()
        })
    };
    let places: Vec<Option<usize>> =
        cards.iter().map(|card| card.section.filter(|section| is_step(*section))).collect();
    let mut used: Vec<usize> = places.iter().flatten().copied().collect();
    let share = used.len() as f64 / cards.len().max(1) as f64;
    used.sort_unstable();
    used.dedup();
    ((FEWEST_ACTIVITIES..=MOST_ACTIVITIES).contains(&used.len()) && share >= UNDER_HEADINGS).then_some(places)
}

/// Groups by heading. Cards without one join the activity of their stage; those of a stage of their own make one.
fn grouped(cards: Vec<Card>, places: &[Option<usize>], document: &Document) -> Vec<Group> {
    let mut sections: BTreeMap<usize, Vec<Card>> = BTreeMap::new();
    let mut homeless: Vec<Card> = Vec::new();
    for (card, place) in cards.into_iter().zip(places) {
        match place {
            Some(section) => sections.entry(*section).or_default().push(card),
            None => homeless.push(card),
        }
    }
    let mut groups: Vec<Group> = sections
        .into_iter()
        .map(|(section, cards)| {
            // The author's order is kept but for what frames the story: getting started, running it, its quality.
            let stage = match usual_stage(&cards) {
                stage @ (Stage::Start | Stage::Manage | Stage::Quality) => stage,
                _ => Stage::Act,
            };
            Group { heading: document.sections.get(section).cloned(), rank: (stage, section), cards }
        })
        .collect();
    let mut rest: BTreeMap<Stage, Vec<Card>> = BTreeMap::new();
    for card in homeless {
        let has_topic = |group: &&Group| group.cards.iter().any(|other| other.topic.key == card.topic.key);
        let has_stage = |group: &&Group| usual_stage(&group.cards) == card.topic.stage;
        let of_topic =
            groups.iter().filter(|group| group.heading.is_some()).position(|group| has_topic(&group));
        let home = of_topic.or_else(|| groups.iter().position(|group| has_stage(&group)));
        match home {
            Some(home) => groups[home].cards.push(card),
            None => rest.entry(card.topic.stage).or_default().push(card),
        }
    }
    groups.extend(rest.into_iter().map(|(stage, cards)| Group {
        heading: None,
        rank: (stage, usize::MAX),
        cards,
    }));
    groups
}

fn by_stage(cards: Vec<Card>) -> Vec<Group> {
    let mut stages: BTreeMap<Stage, Vec<Card>> = BTreeMap::new();
    for card in cards {
        stages.entry(card.topic.stage).or_default().push(card);
    }
    stages.into_iter().map(|(stage, cards)| Group { heading: None, rank: (stage, 0), cards }).collect()
}

/// The stage most of the cards belong to, the earlier one in doubt.
fn usual_stage(cards: &[Card]) -> Stage {
    let mut counts: BTreeMap<Stage, usize> = BTreeMap::new();
    cards.iter().for_each(|card| *counts.entry(card.topic.stage).or_default() += 1);
    let mut usual = (Stage::Act, 0);
    for (stage, count) in counts {
        if count > usual.1 {
            usual = (stage, count);
        }
    }
    usual.0
}

/// Splits the group with the most topics until there are three activities or nothing is left to split.
fn split_few(groups: &mut Vec<Group>) {
    while groups.len() < FEWEST_ACTIVITIES {
        let widest = groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.heading.is_none())
            .map(|(index, group)| (topics_of(&group.cards).len(), index))
            .filter(|(count, _)| *count > 1)
            .max_by_key(|(count, index)| (*count, usize::MAX - index));
        let Some((_, index)) = widest else { return };
        let first = topics_of(&groups[index].cards)[0].key;
        let group = &mut groups[index];
        let (kept, moved): (Vec<Card>, Vec<Card>) =
            std::mem::take(&mut group.cards).into_iter().partition(|card| card.topic.key == first);
        group.cards = kept;
        let rank = (group.rank.0, group.rank.1 + 1);
        groups.insert(index + 1, Group { heading: None, rank, cards: moved });
    }
}

/// Joins the group that `which` points at to the one nearest on the backbone until it points at none.
fn merge(groups: &mut Vec<Group>, which: impl Fn(&[Group]) -> Option<usize>) {
    while let Some(index) = which(groups) {
        let group = groups.remove(index);
        let stage = usual_stage(&group.cards);
        let distance = |other: &Group| (usual_stage(&other.cards) as usize).abs_diff(stage as usize);
        let nearest =
            groups.iter().enumerate().min_by_key(|(_, other)| distance(other)).map(|(place, _)| place);
        match nearest.and_then(|place| groups.get_mut(place)) {
            Some(nearest) => nearest.cards.extend(group.cards),
            None => {
                groups.push(group);
                return;
            }
        }
    }
}

/// Puts one story of every activity into the MVP and keeps the rest of it small.
fn assign_releases(groups: &mut [Group]) {
    for group in groups.iter_mut() {
        if group.cards.iter().any(|card| card.story.release == Release::Mvp) {
            continue;
        }
        let first = group.cards.iter().position(may_be_first).unwrap_or(0);
        if let Some(card) = group.cards.get_mut(first) {
            card.story.release = Release::Mvp;
        }
    }
    let all: usize = groups.iter().map(|group| group.cards.len()).sum();
    let most = (all * 3 / 5).min(MOST_IN_MVP);
    let mut count: usize = groups
        .iter()
        .flat_map(|group| &group.cards)
        .filter(|card| card.story.release == Release::Mvp)
        .count();
    let mut candidates: Vec<((bool, usize), usize, usize)> = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        for (index, card) in group.cards.iter().enumerate() {
            let opens_task = !group.cards[..index].iter().any(|other| other.topic.key == card.topic.key);
            if card.story.release == Release::Mvp && card.named_release.is_none() {
                candidates.push(((opens_task, importance(card.topic.stage)), place, index));
            }
        }
    }
    // Least needed first; among equals the last one of the map.
    candidates.sort_by_key(|(need, place, index)| (*need, usize::MAX - place, usize::MAX - index));
    for (_, place, index) in candidates {
        let is_only =
            groups[place].cards.iter().filter(|card| card.story.release == Release::Mvp).count() <= 1;
        if count > most && !is_only {
            groups[place].cards[index].story.release = Release::Release1;
            count -= 1;
        }
    }
}

/// How much a walking skeleton needs a stage: the way from choosing to paying most of all.
fn importance(stage: Stage) -> usize {
    match stage {
        Stage::Quality => 0,
        Stage::Manage => 1,
        Stage::After => 2,
        Stage::Track => 3,
        Stage::Start => 4,
        Stage::Fulfil => 5,
        Stage::Find => 6,
        Stage::Act => 7,
        Stage::Pay => 8,
    }
}

/// Topics of the cards in the order of the lexicon, which is that of the stages.
fn topics_of(cards: &[Card]) -> Vec<&'static Topic> {
    let mut topics: Vec<&'static Topic> = Vec::new();
    for card in cards {
        if !topics.iter().any(|topic| topic.key == card.topic.key) {
            topics.push(card.topic);
        }
    }
    topics
}

fn title_of(group: &Group, lexicon: &Lexicon) -> String {
    if let Some(heading) = &group.heading {
        let language = Language::detect(heading);
        return titled(heading, TITLE_LENGTH, super::clause::stops(language));
    }
    let mut topics: Vec<(usize, &'static Topic)> = topics_of(&group.cards)
        .into_iter()
        .map(|topic| (group.cards.iter().filter(|card| card.topic.key == topic.key).count(), topic))
        .collect();
    topics.sort_by_key(|(count, _)| usize::MAX - count);
    let order = |topic: &Topic| lexicon.topics.iter().position(|other| other.key == topic.key);
    let mut named: Vec<&'static Topic> = topics.into_iter().take(3).map(|(_, topic)| topic).collect();
    named.sort_by_key(|topic| order(topic));
    let names: Vec<String> = named
        .iter()
        .enumerate()
        .map(|(index, topic)| if index == 0 { topic.name.to_owned() } else { uncapitalised(topic.name) })
        .collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {} {last}", rest.join(", "), lexicon.phrases.and),
        None => String::new(),
    }
}

fn free(title: &str, activities: &[Activity]) -> String {
    let taken = |title: &str| activities.iter().any(|activity| normal(&activity.title) == normal(title));
    let mut numbered = (2usize..).map(|number| format!("{title} ({number})"));
    if taken(title) { numbered.find(|title| !taken(title)).unwrap_or_default() } else { title.to_owned() }
}

fn tasks(group: Group, cast: &Cast, lexicon: &Lexicon) -> Vec<UserTask> {
    let mut topics = topics_of(&group.cards);
    if group.heading.is_none() {
        topics.sort_by_key(|topic| lexicon.topics.iter().position(|other| other.key == topic.key));
    }
    let mut cards = group.cards;
    let mut tasks: Vec<UserTask> = Vec::new();
    for topic in topics {
        let (of_topic, rest): (Vec<Card>, Vec<Card>) =
            cards.into_iter().partition(|card| card.topic.key == topic.key);
        cards = rest;
        for (title, mut stories) in sized(of_topic, topic, cast, lexicon) {
            stories.sort_by_key(|story| story.release);
            tasks.push(UserTask { title: free_task(&title, &tasks), stories });
        }
    }
    tasks
}

/// The stories of a topic in tasks of at most five: one task, or the steps of each persona and the rules apart.
fn sized(cards: Vec<Card>, topic: &Topic, cast: &Cast, lexicon: &Lexicon) -> Vec<(String, Vec<Story>)> {
    if cards.len() <= MOST_IN_TASK {
        return vec![(topic.task.to_owned(), cards.into_iter().map(|card| card.story).collect())];
    }
    let (steps, rules): (Vec<Card>, Vec<Card>) = cards.into_iter().partition(|card| card.is_step);
    let mut personas: Vec<(usize, Vec<Story>)> = Vec::new();
    for card in steps {
        match personas.iter_mut().find(|(persona, _)| *persona == card.persona) {
            Some((_, stories)) => stories.push(card.story),
            None => personas.push((card.persona, vec![card.story])),
        }
    }
    let several = personas.len() > 1;
    let mut sets: Vec<(String, Vec<Story>)> = personas
        .into_iter()
        .map(|(persona, stories)| {
            let role = uncapitalised(&cast.member(persona).name);
            let title = match several {
                true => filled(lexicon.phrases.task_of, &[("task", topic.task), ("role", &role)]),
                false => topic.task.to_owned(),
            };
            (title, stories)
        })
        .collect();
    let title = match sets.is_empty() {
        true => topic.task.to_owned(),
        false => filled(lexicon.phrases.rules_of, &[("topic", &uncapitalised(topic.name))]),
    };
    sets.push((title, rules.into_iter().map(|card| card.story).collect()));
    sets.into_iter().flat_map(|(title, stories)| in_pieces(&title, stories)).collect()
}

/// Stories in tasks of equal size, none bigger than allowed.
fn in_pieces(title: &str, stories: Vec<Story>) -> Vec<(String, Vec<Story>)> {
    let count = stories.len().div_ceil(MOST_IN_TASK);
    let size = stories.len().div_ceil(count.max(1)).max(1);
    let mut stories = stories.into_iter().peekable();
    let mut pieces = Vec::new();
    while stories.peek().is_some() {
        pieces.push((title.to_owned(), stories.by_ref().take(size).collect()));
    }
    pieces
}

fn free_task(title: &str, tasks: &[UserTask]) -> String {
    let taken = |title: &str| tasks.iter().any(|task| normal(&task.title) == normal(title));
    let mut numbered = (2usize..).map(|number| format!("{title} ({number})"));
    if taken(title) { numbered.find(|title| !taken(title)).unwrap_or_default() } else { title.to_owned() }
}
