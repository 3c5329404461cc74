//! A model's answer, and the sound map that is made of it.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::{
    columns::{CUT, clean},
    story_map::{Activity, Release, Story, StoryMap, UserTask, VERSION},
    wireframe::Language,
};

/// Longest names and titles, in characters.
const TITLE: usize = 200;
/// Longest description.
const DESCRIPTION: usize = 2000;
/// Longest criterion or note.
const SENTENCE: usize = 500;
/// Most criteria of a story.
const CRITERIA: usize = 20;
/// Most stories of a map; a note says how many did not fit.
const STORIES: usize = 500;
/// Most personas of a map.
const PERSONAS: usize = 30;
/// Most notes of a map.
const NOTES: usize = 40;

/// A user story map
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct MapAnswer {
    /// Name of the product
    name: String,
    /// Who uses the product, most important first
    personas: Vec<String>,
    /// The backbone, in the order a user lives it
    activities: Vec<ActivityAnswer>,
    /// Assumptions and open questions
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct ActivityAnswer {
    /// Short verb or noun phrase
    title: String,
    /// Steps in the order they are done
    tasks: Vec<TaskAnswer>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct TaskAnswer {
    /// Short verb phrase
    title: String,
    /// Most needed first
    stories: Vec<StoryAnswer>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct StoryAnswer {
    /// At most ten words, unique in the map
    title: String,
    /// Who wants what, and why
    #[serde(default)]
    description: String,
    /// One of the personas
    #[serde(default)]
    persona: String,
    /// MVP is the thinnest version that can be used from end to end
    release: Release,
    /// Two to four conditions with an outcome that can be observed
    #[serde(default)]
    acceptance_criteria: Vec<String>,
}

impl MapAnswer {
    /// The map, with clean and bounded texts, no title twice, and a story of every activity in the MVP.
    ///
    /// # Errors
    ///
    /// There is no story in it.
    pub(super) fn into_map(self, requirements: &str) -> Result<StoryMap, &'static str> {
        let language = Language::of(requirements);
        let mut board = Board { cast: Cast::new(self.personas, language), ..Board::default() };
        for activity in self.activities {
            let activity_title = titled(&activity.title, language.pick("Прочее", "Other"));
            for task in activity.tasks {
                let task_title = titled(&task.title, &activity_title);
                for story in task.stories {
                    board.add(&activity_title, &task_title, story);
                }
            }
        }
        if board.activities.is_empty() {
            return Err("the answer is a map without stories");
        }
        board.slice();
        let mut notes = sentences(self.notes, NOTES);
        if board.left_out > 0 {
            let what = language.pick("Историй сверх предела, не вошли", "Stories over the limit, left out");
            notes.push(format!("{what}: {}", board.left_out));
        }
        Ok(StoryMap {
            version: VERSION,
            name: titled(&self.name, &first_line(requirements)),
            personas: board.cast.names,
            releases: Release::all(),
            activities: board.activities,
            notes,
        })
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
    /// Puts a story under its task; one whose title is there already is folded into the first of that title.
    fn add(&mut self, activity: &str, task: &str, answer: StoryAnswer) {
        let description = bounded(&answer.description, DESCRIPTION);
        let title = titled(&answer.title, &bounded(&description, 80));
        if title.is_empty() {
            return;
        }
        let story = Story {
            title,
            description,
            persona: self.cast.canonical(&answer.persona),
            release: answer.release,
            acceptance_criteria: sentences(answer.acceptance_criteria, CRITERIA),
        };
        if let Some((activity, task, place)) = self.places.get(&key(&story.title)) {
            fold(&mut self.activities[*activity].tasks[*task].stories[*place], story);
            return;
        }
        if self.places.len() == STORIES {
            self.left_out += 1;
            return;
        }
        let at_activity = position(
            &mut self.activities,
            |one| &one.title,
            activity,
            |title| Activity { title, tasks: Vec::new() },
        );
        let tasks = &mut self.activities[at_activity].tasks;
        let at_task =
            position(tasks, |one| &one.title, task, |title| UserTask { title, stories: Vec::new() });
        let stories = &mut tasks[at_task].stories;
        self.places.insert(key(&story.title), (at_activity, at_task, stories.len()));
        stories.push(story);
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

/// Index of the element with this title, which is appended when there is none.
fn position<T>(
    list: &mut Vec<T>,
    title_of: impl Fn(&T) -> &str,
    title: &str,
    new: impl Fn(String) -> T,
) -> usize {
    let found = list.iter().position(|one| key(title_of(one)) == key(title));
    found.unwrap_or_else(|| {
        list.push(new(title.to_owned()));
        list.len() - 1
    })
}

fn fold(kept: &mut Story, other: Story) {
    kept.release = kept.release.min(other.release);
    if kept.description.is_empty() {
        kept.description = other.description;
    }
    let all = kept.acceptance_criteria.drain(..).chain(other.acceptance_criteria).collect();
    kept.acceptance_criteria = sentences(all, CRITERIA);
}

/// The personas, each under one name.
#[derive(Debug, Default)]
struct Cast {
    names: Vec<String>,
    /// For a story that names nobody when nobody is known.
    anybody: String,
}

impl Cast {
    fn new(names: Vec<String>, language: Language) -> Self {
        let mut cast =
            Self { names: Vec::new(), anybody: language.pick("Пользователь", "User").to_owned() };
        for name in names.iter().map(|name| bounded(name, TITLE)).filter(|name| !name.is_empty()) {
            cast.canonical(&name);
        }
        cast
    }

    /// The known spelling of a name; an unknown name becomes known. No name means the first.
    fn canonical(&mut self, name: &str) -> String {
        let name = bounded(name, TITLE);
        let known = match name.is_empty() {
            true => self.names.first(),
            false => self.names.iter().find(|known| key(known) == key(&name)),
        };
        if let Some(known) = known {
            return known.clone();
        }
        let name = if name.is_empty() { self.anybody.clone() } else { name };
        if self.names.len() < PERSONAS {
            self.names.push(name.clone());
        }
        name
    }
}

/// The texts that say something, each once, in one line.
fn sentences(texts: Vec<String>, most: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts.iter().map(|text| bounded(text, SENTENCE)) {
        let is_new = !text.is_empty() && kept.iter().all(|other| key(other) != key(&text));
        if is_new && kept.len() < most {
            kept.push(text);
        }
    }
    kept
}

fn titled(title: &str, otherwise: &str) -> String {
    let title = bounded(title, TITLE);
    if title.is_empty() { otherwise.to_owned() } else { title }
}

fn first_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches(['#', '=', '*', '-', ' ']));
    bounded(lines.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default(), 80)
}

fn bounded(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        None => text,
        Some((end, _)) => format!("{}{CUT}", text[..end].trim_end()),
    }
}

/// What two spellings of the same words have in common.
fn key(text: &str) -> String {
    let letters = text.to_lowercase().replace('ё', "е");
    let words = letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let key = words.collect::<Vec<_>>().join(" ");
    // Signs alone are words too, for example in other scripts' punctuation.
    if key.is_empty() { letters } else { key }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::{Value, json};

    use super::*;

    fn map(answer: Value) -> Result<StoryMap, &'static str> {
        serde_json::from_value::<MapAnswer>(answer).unwrap().into_map("# Еда\nКлиент заказывает еду.")
    }

    fn story(title: &str, release: &str) -> Value {
        json!({
            "title": title, "description": format!("Клиент: {title}"), "persona": "Клиент", "release": release,
            "acceptance_criteria": ["Заказ виден в списке"],
        })
    }

    fn one_activity(stories: Vec<Value>) -> Value {
        let tasks = json!([{ "title": "Заказать", "stories": stories }]);
        json!({ "name": "Еда", "personas": ["Клиент"], "activities": [{ "title": "Заказ", "tasks": tasks }] })
    }

    #[test]
    fn a_sound_answer_stays_as_it_is() {
        let map = map(one_activity(vec![story("Оплатить", "MVP"), story("Повторить", "Later")])).unwrap();

        let titles: Vec<_> =
            map.stories().map(|(_, _, story)| (story.title.as_str(), story.release)).collect();
        assert_eq!(titles, [("Оплатить", Release::Mvp), ("Повторить", Release::Later)]);
        assert_eq!((map.name.as_str(), map.personas.as_slice()), ("Еда", ["Клиент".to_owned()].as_slice()));
    }

    #[test]
    fn an_offline_draft_stays_as_it_is() {
        for text in [
            include_str!("../../../../examples/requirements/food-delivery.ru.md"),
            include_str!("../../../../examples/requirements/library.en.md"),
        ] {
            let draft = crate::domain::draft::draft_story_map(text).unwrap();

            let answer: MapAnswer = serde_json::from_value(json!(draft)).unwrap();

            assert_eq!(answer.into_map(text).unwrap(), draft);
        }
    }

    #[test]
    fn an_activity_without_the_mvp_gets_its_most_needed_story_into_it() {
        let map = map(one_activity(vec![story("Бонусы", "Later"), story("Оценить", "Release 1")])).unwrap();

        let titles: Vec<_> =
            map.stories().map(|(_, _, story)| (story.title.as_str(), story.release)).collect();
        assert_eq!(titles, [("Оценить", Release::Mvp), ("Бонусы", Release::Later)]);
    }

    #[test]
    fn stories_of_one_title_are_folded_and_lose_no_criterion() {
        let mut again = story("оплатить!", "MVP");
        again["acceptance_criteria"] = json!(["Заказ виден в списке.", "Чек приходит на почту"]);

        let map = map(one_activity(vec![story("Оплатить", "Later"), again])).unwrap();

        let stories: Vec<_> = map.stories().map(|(_, _, story)| story).collect();
        assert_eq!(stories.len(), 1);
        assert_eq!(stories[0].release, Release::Mvp);
        assert_eq!(stories[0].acceptance_criteria, ["Заказ виден в списке", "Чек приходит на почту"]);
    }

    #[test]
    fn activities_and_tasks_of_one_title_become_one() {
        let mut answer = one_activity(vec![story("Оплатить", "MVP")]);
        let mut more = answer["activities"][0].clone();
        more["tasks"][0]["stories"] = json!([story("Отменить", "Later")]);
        answer["activities"].as_array_mut().unwrap().push(more);

        let map = map(answer).unwrap();

        assert_eq!((map.activities.len(), map.activities[0].tasks.len()), (1, 1));
        assert_eq!(map.stories().count(), 2);
    }

    #[test]
    fn empty_parts_are_left_out_and_a_map_without_stories_is_refused() {
        let mut answer =
            one_activity(vec![story("Оплатить", "MVP"), json!({ "title": " ", "release": "MVP" })]);
        let empty = json!({ "title": "Пусто", "tasks": [{ "title": "Тоже", "stories": [] }] });
        answer["activities"].as_array_mut().unwrap().push(empty);

        assert_eq!(map(answer).unwrap().activities.len(), 1);
        assert!(map(one_activity(vec![])).unwrap_err().contains("without stories"));
    }

    #[test]
    fn a_persona_has_one_spelling_and_nobody_is_lost() {
        let mut other = story("Принять", "MVP");
        other["persona"] = json!("клиент");
        let mut unknown = story("Отклонить", "MVP");
        unknown["persona"] = json!("Ресторан");
        let mut nobody = story("Закрыть", "MVP");
        nobody["persona"] = json!("");

        let map = map(one_activity(vec![other, unknown, nobody])).unwrap();

        assert_eq!(map.personas, ["Клиент", "Ресторан"]);
        let personas: Vec<_> = map.stories().map(|(_, _, story)| story.persona.as_str()).collect();
        assert_eq!(personas, ["Клиент", "Ресторан", "Клиент"]);
    }

    #[test]
    fn missing_names_come_from_what_is_there() {
        let mut answer =
            one_activity(vec![json!({ "title": "", "description": "Клиент платит", "release": "MVP" })]);
        answer["name"] = json!("");
        answer["activities"][0]["tasks"][0]["title"] = json!("");

        let map = map(answer).unwrap();

        assert_eq!(map.name, "Еда");
        assert_eq!(map.activities[0].tasks[0].title, "Заказ");
        assert_eq!(map.activities[0].tasks[0].stories[0].title, "Клиент платит");
    }

    #[test]
    fn whatever_is_too_long_or_too_many_is_cut_visibly() {
        let stories = (0..STORIES + 7).map(|n| story(&format!("{} {n}", "ы".repeat(150)), "MVP")).collect();
        let mut answer = one_activity(stories);
        answer["name"] = json!("ы".repeat(5000));

        let map = map(answer).unwrap();

        assert_eq!(map.stories().count(), STORIES);
        assert!(map.notes.last().unwrap().ends_with(": 7"), "{:?}", map.notes);
        assert_eq!(map.name.chars().count(), TITLE + 1);
    }
}
