//! A sound map made of its backbone and the stories of each activity: no title twice, an MVP in every activity.

use std::collections::{BTreeMap, HashMap};

use super::{
    Activity, Backbone, Release, Story, StoryMap, UserTask, VERSION,
    wording::{CRITERIA, TITLE, bounded, key, sentences},
    words::{is_cyrillic, stem},
};
use crate::Language;

/// Most stories of a map; a note says how many did not fit.
pub(super) const STORIES: usize = 500;
/// Most personas of a map.
const PERSONAS: usize = 30;

/// The map of the backbone with the stories that there are. An activity without its part stays with empty tasks, so
/// that a hole is seen where it is.
pub fn assemble(backbone: &Backbone, parts: &BTreeMap<usize, Activity>, language: Language) -> StoryMap {
    let mut board = Board { cast: Cast::new(&backbone.personas, language), ..Board::default() };
    for (index, activity) in backbone.activities.iter().enumerate() {
        let tasks = activity.tasks.iter().map(|title| UserTask { title: title.clone(), stories: Vec::new() });
        board.activities.push(Activity { title: activity.title.clone(), tasks: tasks.collect() });
        for (place, task) in parts.get(&index).into_iter().flat_map(|part| part.tasks.iter().enumerate()) {
            task.stories.iter().for_each(|story| board.add(index, place, story.clone()));
        }
    }
    board.slice();
    let mut notes = backbone.notes.clone();
    if board.left_out > 0 {
        let what = language.pick("Историй сверх предела, не вошли", "Stories over the limit, left out");
        notes.push(format!("{what}: {}", board.left_out));
    }
    StoryMap {
        version: VERSION,
        name: backbone.name.clone(),
        personas: board.cast.names,
        releases: Release::all(),
        activities: board.activities,
        notes,
        questions: Vec::new(),
        unmapped: Vec::new(),
    }
}

/// The map while stories are put on it.
#[derive(Debug, Default)]
struct Board {
    activities: Vec<Activity>,
    /// Where the story with a title is: activity, task, place in the task.
    places: HashMap<String, (usize, usize, usize)>,
    cast: Cast,
    left_out: usize,
}

impl Board {
    /// Puts a story under its task. One whose title its activity has already is folded into that; one whose title
    /// another activity has is told apart by its own.
    fn add(&mut self, activity: usize, task: usize, mut story: Story) {
        if self.places.get(&key(&story.title)).is_some_and(|(other, ..)| *other != activity) {
            let own = format!(" ({})", self.activities[activity].title);
            story.title =
                format!("{}{own}", bounded(&story.title, TITLE.saturating_sub(own.chars().count())));
        }
        story.persona = self.cast.canonical(&story.persona);
        if let Some((activity, task, place)) = self.places.get(&key(&story.title)) {
            fold(&mut self.activities[*activity].tasks[*task].stories[*place], story);
            return;
        }
        if self.places.len() == STORIES {
            self.left_out += 1;
            return;
        }
        let Some(task_there) = self.activities[activity].tasks.get_mut(task) else { return };
        self.places.insert(key(&story.title), (activity, task, task_there.stories.len()));
        task_there.stories.push(story);
    }

    /// Gives every activity a story in the MVP, the most needed one, and puts the most needed first.
    fn slice(&mut self) {
        for activity in &mut self.activities {
            let stories = activity.tasks.iter_mut().flat_map(|task| &mut task.stories);
            if let Some(story) = stories.min_by_key(|story| story.release) {
                story.release = Release::Mvp;
            }
            for task in &mut activity.tasks {
                task.stories.sort_by_key(|story| story.release);
            }
        }
    }
}

fn fold(kept: &mut Story, other: Story) {
    kept.release = kept.release.min(other.release);
    if kept.description.is_empty() {
        kept.description = other.description;
    }
    kept.acceptance_criteria.extend(other.acceptance_criteria);
    kept.acceptance_criteria = sentences(&kept.acceptance_criteria, CRITERIA);
}

/// What the names of one role have in common: “a passenger” and “Passengers”, «Курьер» and «курьеры».
fn role(name: &str) -> String {
    const ARTICLES: [&str; 3] = ["a", "an", "the"];
    let words = key(name);
    let words = words.split(' ').filter(|word| !ARTICLES.contains(word));
    words
        .map(|word| if word.chars().any(is_cyrillic) { stem(word) } else { singular(word) })
        .collect::<Vec<_>>()
        .join(" ")
}

/// An English noun in its singular. Its stem would be too short: that of “manager” is that of “management”.
fn singular(word: &str) -> String {
    const IRREGULAR: [(&str, &str); 3] = [("people", "person"), ("children", "child"), ("men", "man")];
    if let Some((plural, singular)) = IRREGULAR.iter().find(|(plural, _)| word.ends_with(plural)) {
        return format!("{}{singular}", &word[..word.len() - plural.len()]);
    }
    let without = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() > 2);
    match (without("ies"), without("es"), without("s")) {
        (Some(rest), ..) => format!("{rest}y"),
        (_, Some(rest), _)
            if rest.ends_with(['s', 'x', 'z']) || rest.ends_with("ch") || rest.ends_with("sh") =>
        {
            rest.to_owned()
        }
        (.., Some(rest)) if !rest.ends_with(['s', 'u', 'i']) => rest.to_owned(),
        _ => word.to_owned(),
    }
}

/// The personas, each under one name.
#[derive(Debug, Default)]
pub(super) struct Cast {
    names: Vec<String>,
    /// For a story that names nobody when nobody is known.
    anybody: String,
}

impl Cast {
    pub(super) fn new(names: &[String], language: Language) -> Self {
        let mut cast =
            Self { names: Vec::new(), anybody: language.pick("Пользователь", "User").to_owned() };
        for name in names.iter().map(|name| bounded(name, TITLE)).filter(|name| !name.is_empty()) {
            cast.canonical(&name);
        }
        cast
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The known spelling of a name; an unknown name becomes known, unless there are too many: then it is the first.
    /// No name means the first too.
    pub(super) fn canonical(&mut self, name: &str) -> String {
        let name = bounded(name, TITLE);
        let known = match name.is_empty() || self.names.len() >= PERSONAS {
            true => self.names.iter().find(|known| role(known) == role(&name)).or(self.names.first()),
            false => self.names.iter().find(|known| role(known) == role(&name)),
        };
        if let Some(known) = known {
            return known.clone();
        }
        let name = if name.is_empty() { self.anybody.clone() } else { name };
        self.names.push(name.clone());
        name
    }
}
