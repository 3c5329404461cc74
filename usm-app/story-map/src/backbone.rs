//! The backbone of a map, and what of a model's answer belongs under it.

use serde::{Deserialize, Serialize};

use super::{
    Activity, Story, UserTask,
    answer::{BackboneAnswer, MapAnswer, StoriesAnswer, StoryAnswer, TaskAnswer},
    assemble::Cast,
    wording::{CRITERIA, DESCRIPTION, bounded, first_line, key, sentences, titled},
};
use crate::Language;

/// Most activities of a backbone; a note says how many did not fit.
const ACTIVITIES: usize = 40;
/// Most tasks of an activity.
const TASKS: usize = 100;
/// Most notes of a map.
const NOTES: usize = 40;

/// A map before it has stories: what the product is called, who walks the map, and its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backbone {
    /// Name of the product.
    pub name: String,
    /// Who walks the map, most important first.
    pub personas: Vec<String>,
    /// In the order a user lives them.
    pub activities: Vec<BackboneActivity>,
    /// What the reader must know about the map as a whole.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// An activity without its stories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackboneActivity {
    /// Its title.
    pub title: String,
    /// Titles of its tasks, at least one.
    pub tasks: Vec<String>,
}

impl BackboneAnswer {
    /// The backbone with clean and bounded texts and no title twice. What has no name is named after the requirements.
    pub fn into_backbone(self, requirements: &str) -> Backbone {
        let language = Language::of(requirements);
        let mut frame = Frame::new(&self.name, &self.personas, &self.notes, requirements);
        for activity in &self.activities {
            let title = titled(&activity.title, language.pick("Прочее", "Other"));
            let Some(place) = frame.activity(&title) else { continue };
            for task in &activity.tasks {
                frame.task(place, &titled(task, &title));
            }
        }
        frame.finish(language)
    }
}

impl MapAnswer {
    /// The backbone and under each of its activities the stories, in the same order. Activities and tasks without
    /// stories stay, so that a hole is seen.
    pub fn into_parts(self, requirements: &str) -> (Backbone, Vec<Activity>) {
        let language = Language::of(requirements);
        let mut frame = Frame::new(&self.name, &self.personas, &self.notes, requirements);
        let mut cast = Cast::new(&self.personas, language);
        let mut parts: Vec<Activity> = Vec::new();
        for activity in self.activities {
            if activity.title.trim().is_empty() && activity.tasks.is_empty() {
                continue;
            }
            let activity_title = titled(&activity.title, language.pick("Прочее", "Other"));
            let Some(place) = frame.activity(&activity_title) else { continue };
            if parts.len() == place {
                parts.push(Activity { title: activity_title.clone(), tasks: Vec::new() });
            }
            for task in activity.tasks {
                let stories: Vec<Story> =
                    task.stories.into_iter().filter_map(|story| sound(story, &mut cast)).collect();
                if stories.is_empty() && task.title.trim().is_empty() {
                    continue;
                }
                let Some(at) = frame.task(place, &titled(&task.title, &activity_title)) else { continue };
                let tasks = &mut parts[place].tasks;
                if tasks.len() == at {
                    let title = frame.backbone.activities[place].tasks[at].clone();
                    tasks.push(UserTask { title, stories: Vec::new() });
                }
                tasks[at].stories.extend(stories);
            }
        }
        (frame.finish(language), parts)
    }
}

impl StoriesAnswer {
    /// The stories under the tasks of one activity of the backbone. Tasks are told by their titles, then by their
    /// place among `asked`, the places of the tasks that were asked for; tasks without stories stay empty.
    pub fn into_activity(self, backbone: &Backbone, index: usize, asked: &[usize]) -> Activity {
        let language = Language::of(&backbone.name);
        let mut cast = Cast::new(&backbone.personas, language);
        let of_backbone = backbone.activities.get(index).cloned();
        let BackboneActivity { title, tasks } =
            of_backbone.unwrap_or(BackboneActivity { title: String::new(), tasks: Vec::new() });
        let mut tasks: Vec<UserTask> =
            tasks.into_iter().map(|title| UserTask { title, stories: Vec::new() }).collect();
        for (number, TaskAnswer { title, stories }) in self.tasks.into_iter().enumerate() {
            let stories = stories.into_iter().filter_map(|story| sound(story, &mut cast));
            let named = tasks.iter().position(|task| key(&task.title) == key(&title));
            let place = named.or_else(|| asked.get(number.min(asked.len().saturating_sub(1))).copied());
            if let Some(task) = place.and_then(|place| tasks.get_mut(place)) {
                task.stories.extend(stories);
            }
        }
        Activity { title, tasks }
    }
}

/// The story with clean and bounded texts and a known persona; `None` when it says nothing.
fn sound(answer: StoryAnswer, cast: &mut Cast) -> Option<Story> {
    let description = bounded(&answer.description, DESCRIPTION);
    let title = titled(&answer.title, &bounded(&description, 80));
    if title.is_empty() {
        return None;
    }
    Some(Story {
        title,
        description,
        persona: cast.canonical(&answer.persona),
        release: answer.release,
        acceptance_criteria: sentences(&answer.acceptance_criteria, CRITERIA),
        source: None,
    })
}

/// A backbone while activities are put into it.
struct Frame {
    backbone: Backbone,
    left_out: usize,
}

impl Frame {
    fn new(name: &str, personas: &[String], notes: &[String], requirements: &str) -> Self {
        let cast = Cast::new(personas, Language::of(requirements));
        let backbone = Backbone {
            name: titled(name, &first_line(requirements)),
            personas: cast.names().to_vec(),
            activities: Vec::new(),
            notes: sentences(notes, NOTES),
        };
        Self { backbone, left_out: 0 }
    }

    /// Place of the activity with this title, which is appended when there is none; `None` when there is no room.
    fn activity(&mut self, title: &str) -> Option<usize> {
        let activities = &mut self.backbone.activities;
        if let Some(known) = activities.iter().position(|known| key(&known.title) == key(title)) {
            return Some(known);
        }
        if activities.len() == ACTIVITIES {
            self.left_out += 1;
            return None;
        }
        activities.push(BackboneActivity { title: title.to_owned(), tasks: Vec::new() });
        Some(activities.len() - 1)
    }

    fn task(&mut self, activity: usize, title: &str) -> Option<usize> {
        let tasks = &mut self.backbone.activities[activity].tasks;
        if let Some(known) = tasks.iter().position(|known| key(known) == key(title)) {
            return Some(known);
        }
        if tasks.len() == TASKS {
            self.left_out += 1;
            return None;
        }
        tasks.push(title.to_owned());
        Some(tasks.len() - 1)
    }

    fn finish(mut self, language: Language) -> Backbone {
        for activity in &mut self.backbone.activities {
            if activity.tasks.is_empty() {
                activity.tasks.push(activity.title.clone());
            }
        }
        if self.left_out > 0 {
            let what = language
                .pick("Шагов сверх предела, не вошли", "Steps of the backbone over the limit, left out");
            self.backbone.notes.push(format!("{what}: {}", self.left_out));
        }
        self.backbone
    }
}
