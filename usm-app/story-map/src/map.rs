//! A user story map: activities, their tasks, the stories under them, sliced into releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{clean, clean_lines};

/// Version of the JSON form of [`StoryMap`]; it grows when a reader of the old form would misread the new one.
pub const VERSION: u32 = 1;

/// A whole map, as written to `story-map.json` and returned by the API.
///
/// A reader needs only `name` and `activities`, and of their parts the titles: everything else has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoryMap {
    /// Version of this JSON form, see [`VERSION`].
    #[serde(default = "current_version")]
    pub version: u32,
    /// Name of the product.
    pub name: String,
    /// Who walks the map, most important first.
    #[serde(default)]
    pub personas: Vec<String>,
    /// Slices in delivery order.
    #[serde(default = "Release::all")]
    pub releases: Vec<Release>,
    /// The backbone, in the order a user lives it.
    pub activities: Vec<Activity>,
    /// What the reader must know about the map as a whole, for example that it is an offline draft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What somebody has to answer before the map can be trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
    /// What the requirements say and no card does, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmapped: Vec<Unmapped>,
}

/// A statement of the requirements that is on no card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unmapped {
    /// The statement as it stands.
    pub text: String,
    /// Why it is on no card.
    #[serde(default)]
    pub reason: String,
}

impl Unmapped {
    /// Statement and reason on one line, as every export for people shows them.
    pub fn line(&self) -> String {
        match self.reason.as_str() {
            "" => self.text.clone(),
            reason => format!("{} ({reason})", self.text),
        }
    }
}

/// A big step of the backbone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// Short noun or verb phrase.
    pub title: String,
    /// Steps in narrative order.
    #[serde(default)]
    pub tasks: Vec<UserTask>,
}

/// A step under an activity. Called `UserTask` because `Task` is the queue's word for a kind of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserTask {
    /// Short verb phrase.
    pub title: String,
    /// Stories, most needed first.
    #[serde(default)]
    pub stories: Vec<Story>,
}

/// One user story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Story {
    /// Short title, unique in the map.
    pub title: String,
    /// The story itself: who wants what, and why.
    #[serde(default)]
    pub description: String,
    /// One of the map's personas; empty when unknown.
    #[serde(default)]
    pub persona: String,
    /// The slice it belongs to; what is not planned comes last.
    #[serde(default)]
    pub release: Release,
    /// Testable statements, two to four as a rule.
    #[serde(default)]
    pub acceptance_criteria: Vec<String>,
    /// Where the story comes from; absent when that is not known, as for a model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// The sentence a story comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// As it stands in the requirements.
    pub sentence: String,
    /// The number or name the requirements give it, such as `R1` or `3.2.4`; empty when they give none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub requirement: String,
}

impl Source {
    /// Name and sentence on one line, as every export for people shows them.
    pub fn line(&self) -> String {
        match self.requirement.as_str() {
            "" => self.sentence.clone(),
            name => format!("{name}: {}", self.sentence),
        }
    }
}

/// A slice of the map; the order of the variants is the order of delivery.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Release {
    /// The walking skeleton: at least one story in every activity.
    #[serde(rename = "MVP")]
    Mvp,
    /// The first release after it.
    #[serde(rename = "Release 1")]
    Release1,
    /// Everything else.
    #[default]
    Later,
}

impl Release {
    /// All slices in delivery order.
    pub fn all() -> Vec<Self> {
        vec![Self::Mvp, Self::Release1, Self::Later]
    }

    /// The slice with this name, however its letters are written.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|release| release.as_str().eq_ignore_ascii_case(name.trim()))
    }

    /// The slice that words stand for, as people and models write them: `mvp`, `Release 1`, `should have`, `low`,
    /// «высокий». What is not understood is [`Later`](Self::Later): an activity gets a story into its MVP all the same.
    pub fn of_words(words: &str) -> Self {
        let words = words.to_lowercase();
        let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
        if says(&["mvp"]) {
            Self::Mvp
        } else if says(&["later", "won't", "could", "low", "позже", "потом", "низк", "2", "3"])
        {
            Self::Later
        } else if says(&["must", "critical", "high", "обязат", "высок", "критич"]) {
            Self::Mvp
        } else if says(&["release", "should", "medium", "релиз", "средн", "1"]) {
            Self::Release1
        } else {
            Self::Later
        }
    }

    /// The name used on the wire and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mvp => "MVP",
            Self::Release1 => "Release 1",
            Self::Later => "Later",
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl StoryMap {
    /// Every story with the activity and task it stands under, in map order.
    pub fn stories(&self) -> impl Iterator<Item = (&Activity, &UserTask, &Story)> {
        self.activities
            .iter()
            .flat_map(|activity| activity.tasks.iter().map(move |task| (activity, task)))
            .flat_map(|(activity, task)| task.stories.iter().map(move |story| (activity, task, story)))
    }

    /// The map with clean texts, as every export for people shows it and as Markdown keeps it: titles and names on
    /// one line; descriptions, criteria and notes without empty lines; no control or invisible characters; no
    /// persona, criterion or note that says nothing; no release twice.
    ///
    /// What this program makes is tidy already.
    #[must_use]
    pub fn tidied(&self) -> Self {
        let mut releases = self.releases.clone();
        let mut seen = Vec::new();
        releases.retain(|release| {
            !seen.contains(release) && {
                seen.push(*release);
                true
            }
        });
        let task = |task: &UserTask| UserTask {
            title: clean(&task.title),
            stories: task.stories.iter().map(Story::tidied).collect(),
        };
        let activities = self.activities.iter().map(|activity| Activity {
            title: clean(&activity.title),
            tasks: activity.tasks.iter().map(task).collect(),
        });
        Self {
            version: VERSION,
            name: clean(&self.name),
            personas: said(self.personas.iter().map(|persona| clean(persona))),
            releases,
            activities: activities.collect(),
            notes: said(self.notes.iter().map(|note| clean_lines(note))),
            questions: said(self.questions.iter().map(|question| clean(question))),
            unmapped: self.unmapped.iter().map(Unmapped::tidied).filter(|one| !one.text.is_empty()).collect(),
        }
    }
}

impl Story {
    /// The title as a card shows it, with the name that the requirements give it.
    pub fn on_card(&self) -> String {
        let name = self.source.as_ref().map_or("", |source| source.requirement.as_str());
        if name.is_empty() { self.title.clone() } else { format!("{} · {name}", self.title) }
    }

    /// Where the story comes from, on one line, without the sentence where the description says it already; `None` when there
    /// is nothing to add.
    pub fn origin(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        let line = match source.sentence == self.description {
            true => source.requirement.clone(),
            false => source.line(),
        };
        (!line.is_empty()).then_some(line)
    }

    fn tidied(&self) -> Self {
        Self {
            title: clean(&self.title),
            description: clean_lines(&self.description),
            persona: clean(&self.persona),
            release: self.release,
            acceptance_criteria: said(self.acceptance_criteria.iter().map(|text| clean_lines(text))),
            source: self.source.as_ref().map(Source::tidied).filter(|source| !source.sentence.is_empty()),
        }
    }
}

impl Source {
    fn tidied(&self) -> Self {
        Self { sentence: clean(&self.sentence), requirement: clean(&self.requirement) }
    }
}

impl Unmapped {
    fn tidied(&self) -> Self {
        Self { text: clean(&self.text), reason: clean(&self.reason) }
    }
}

fn said(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.filter(|text| !text.is_empty()).collect()
}

fn current_version() -> u32 {
    VERSION
}
