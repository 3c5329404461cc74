//! What a model may answer when it is asked for a map, a backbone or stories, in the shapes models use.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::{
    Release,
    criteria::criteria,
    placeholder::said,
    quality::is_empty_criterion,
    read::{self, field, holder, list},
    wording::key,
};

const ACTIVITIES: [&str; 3] = ["activities", "map", "backbone"];
const TASKS: [&str; 4] = ["tasks", "usertasks", "steps", "items"];
const STORIES: [&str; 3] = ["stories", "userstories", "items"];

/// A user story map
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct MapAnswer {
    /// Name of the product
    #[schemars(default)]
    pub(super) name: String,
    /// Who uses the product, most important first
    #[schemars(default)]
    pub(super) personas: Vec<String>,
    /// The backbone, in the order a user lives it
    #[schemars(default)]
    pub(super) activities: Vec<ActivityAnswer>,
    /// Assumptions and open questions
    #[schemars(default)]
    pub(super) notes: Vec<String>,
}

/// The backbone of a user story map
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct BackboneAnswer {
    /// Name of the product
    #[schemars(default)]
    pub(super) name: String,
    /// Who uses the product, most important first
    #[schemars(default)]
    pub(super) personas: Vec<String>,
    /// In the order a user lives them
    #[schemars(default)]
    pub(super) activities: Vec<StepsAnswer>,
    /// Assumptions and open questions
    #[schemars(default)]
    pub(super) notes: Vec<String>,
}

/// An activity of the backbone
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(super) struct StepsAnswer {
    /// Short verb or noun phrase
    #[schemars(default)]
    pub(super) title: String,
    /// Short verb phrases, the steps in the order they are done
    #[schemars(default)]
    pub(super) tasks: Vec<String>,
}

/// The stories of one activity
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct StoriesAnswer {
    /// The tasks asked for, each with its stories
    #[schemars(default)]
    pub(super) tasks: Vec<TaskAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(super) struct ActivityAnswer {
    /// Short verb or noun phrase
    #[schemars(default)]
    pub(super) title: String,
    /// Steps in the order they are done
    #[schemars(default)]
    pub(super) tasks: Vec<TaskAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(super) struct TaskAnswer {
    /// Short verb phrase
    #[schemars(default)]
    pub(super) title: String,
    /// Most needed first
    #[schemars(default)]
    pub(super) stories: Vec<StoryAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(super) struct StoryAnswer {
    /// At most ten words, unique in the map
    #[schemars(default)]
    pub(super) title: String,
    /// Who wants what, and why
    #[schemars(default)]
    pub(super) description: String,
    /// One of the personas
    #[schemars(default)]
    pub(super) persona: String,
    /// `MVP`, `Release 1` or `Later`; MVP is the thinnest version that can be used from end to end
    #[schemars(default, with = "String")]
    pub(super) release: Release,
    /// Two to four conditions with an outcome that can be observed
    #[schemars(default)]
    pub(super) acceptance_criteria: Vec<String>,
}

impl<'de> Deserialize<'de> for MapAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for BackboneAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for StoriesAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl MapAnswer {
    /// The map in a document of any shape.
    ///
    /// # Errors
    ///
    /// There is no story in it; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let value = holder(value, &ACTIVITIES);
        let activities: Vec<_> = list(value, &ACTIVITIES).iter().map(ActivityAnswer::read).collect();
        if !activities.iter().flat_map(|activity| &activity.tasks).any(|task| !task.stories.is_empty()) {
            return Err(
                "the answer is a map without stories, or with placeholders such as `string` in place of them: give `activities` \
                 with `tasks` with `stories`",
            );
        }
        let (name, personas, notes) = about(value);
        Ok(Self { name, personas, activities, notes })
    }
}

impl BackboneAnswer {
    /// The backbone in a document of any shape; a whole map has one too.
    ///
    /// # Errors
    ///
    /// There is no activity in it; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let value = holder(value, &ACTIVITIES);
        let activities: Vec<_> = list(value, &ACTIVITIES)
            .iter()
            .map(|activity| StepsAnswer { title: title(activity), tasks: texts(activity, &TASKS) })
            .filter(|activity| !activity.title.trim().is_empty() || !activity.tasks.is_empty())
            .collect();
        if activities.is_empty() {
            return Err("the answer is a backbone without activities: give `activities` with `tasks`");
        }
        let (name, personas, notes) = about(value);
        Ok(Self { name, personas, activities, notes })
    }
}

impl StoriesAnswer {
    /// The stories in a document of any shape: tasks with stories, an activity or a map with them, or one list of
    /// stories that name their tasks.
    ///
    /// # Errors
    ///
    /// There is no story in it; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let value = holder(value, &["tasks", "usertasks", "steps", "stories", "userstories", "activities"]);
        let of_tasks = list(value, &TASKS).iter().map(TaskAnswer::read);
        let of_activities =
            list(value, &ACTIVITIES).iter().flat_map(|activity| ActivityAnswer::read(activity).tasks);
        let mut tasks: Vec<TaskAnswer> = of_tasks.chain(of_activities).collect();
        let flat = if field(value, &TASKS).is_none() { list(value, &STORIES) } else { &[] };
        for story in flat {
            let title = text(story, &["task", "tasktitle", "step"]);
            tasks.push(TaskAnswer { title, stories: StoryAnswer::read(story).into_iter().collect() });
        }
        tasks.retain(|task| !task.stories.is_empty());
        if tasks.is_empty() {
            return Err(
                "there are no stories in the answer, or only placeholders such as `string`: give `tasks`, each with `title` and \
                 `stories`",
            );
        }
        Ok(Self { tasks })
    }
}

impl ActivityAnswer {
    fn read(value: &Value) -> Self {
        let tasks = list(value, &TASKS).iter().map(TaskAnswer::read).collect();
        Self { title: title(value), tasks }
    }
}

impl TaskAnswer {
    fn read(value: &Value) -> Self {
        Self {
            title: title(value),
            stories: list(value, &STORIES).iter().filter_map(StoryAnswer::read).collect(),
        }
    }
}

impl StoryAnswer {
    /// `None` for what is no story at all, or says nothing.
    fn read(value: &Value) -> Option<Self> {
        if let Value::String(title) = value {
            let (description, persona) = (String::new(), String::new());
            let (title, acceptance_criteria) = (said(title), Vec::new());
            return (!title.is_empty()).then_some(Self {
                title,
                description,
                persona,
                release: Release::Later,
                acceptance_criteria,
            });
        }
        value.as_object()?;
        let story = Self {
            title: text(value, &["title", "storytitle", "name", "summary", "story"]),
            description: text(value, &["description", "userstory", "text", "details"]),
            persona: text(value, &["persona", "role", "actor", "user"]),
            release: Release::of_words(&text(value, &["release", "priority", "slice"])),
            acceptance_criteria: criteria(value, &["acceptancecriteria", "criteria"]),
        };
        (!story.title.is_empty() || !story.description.is_empty()).then_some(story)
    }
}

fn title(value: &Value) -> String {
    match value {
        Value::String(title) => said(title),
        _ => text(value, &["title", "activity", "task", "tasktitle", "activitytitle", "step", "name"]),
    }
}

/// The text of a field as it is read; empty when it only stands for one.
fn text(value: &Value, names: &[&str]) -> String {
    said(&read::text(value, names))
}

/// The texts of a field as they are read, without those that only stand for one.
fn texts(value: &Value, names: &[&str]) -> Vec<String> {
    read::texts(value, names).iter().map(|text| said(text)).filter(|text| !text.is_empty()).collect()
}

/// Name, personas and notes.
fn about(value: &Value) -> (String, Vec<String>, Vec<String>) {
    (
        text(value, &["name", "productname", "product", "projectname", "title"]),
        texts(value, &["personas", "roles", "users", "actors"]),
        texts(value, &["notes", "assumptions", "openquestions", "questions"]),
    )
}

impl MapAnswer {
    /// Whether its stories could be those of any product: all have one title, or none has a criterion that tests something.
    pub fn is_filler(&self) -> bool {
        is_filler(self.activities.iter().flat_map(|activity| &activity.tasks))
    }

    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        words_of(self.activities.iter().flat_map(|activity| &activity.tasks))
    }
}

impl BackboneAnswer {
    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        let words = |activity: &StepsAnswer| format!("{} {}", activity.title, activity.tasks.join(" "));
        self.activities.iter().map(words).collect::<Vec<_>>().join(" ")
    }
}

impl StoriesAnswer {
    /// Whether its stories could be those of any product: all have one title, or none has a criterion that tests something.
    pub fn is_filler(&self) -> bool {
        is_filler(&self.tasks)
    }

    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        words_of(&self.tasks)
    }
}

fn is_filler<'a>(tasks: impl IntoIterator<Item = &'a TaskAnswer>) -> bool {
    let stories: Vec<&StoryAnswer> = tasks.into_iter().flat_map(|task| &task.stories).collect();
    let titles: HashSet<String> = stories.iter().map(|story| key(&story.title)).collect();
    let mut criteria = stories.iter().flat_map(|story| &story.acceptance_criteria).peekable();
    let tests_nothing = criteria.peek().is_some() && criteria.all(|text| is_empty_criterion(text));
    stories.len() > 1 && (titles.len() == 1 || tests_nothing)
}

fn words_of<'a>(tasks: impl IntoIterator<Item = &'a TaskAnswer>) -> String {
    let stories = tasks.into_iter().flat_map(|task| &task.stories);
    stories.map(|story| format!("{} {} ", story.title, story.description)).collect()
}
