//! The parts of a map in the order they are made: shown to watchers, and where the next attempt goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use usm_queue::TaskError;

use story_map::Language;
use story_map::enhancement::Enhancement;
use story_map::{Activity, Backbone, StoryMap, UserTask, assemble};

/// Why a task has no stories though its question was answered.
pub(super) const NO_STORIES: &str = "the model gave no stories for them";

/// A partial result of [`GenerateMap`](super::GenerateMap). After a retry there may be several of one kind; the last one
/// counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum MapPart {
    /// Stage 1 is done.
    Enhancement(Enhanced),
    /// The backbone is known.
    Backbone(BackboneMade),
    /// An activity has its stories.
    Activity(ActivityMade),
    /// Stories of an activity are missing for good; sent before the map is saved.
    Failure(ActivityFailure),
}

/// The requirements written out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enhanced {
    /// Whether the map is made of the enhanced text.
    pub used: bool,
    /// What became of the text.
    #[serde(flatten)]
    pub enhancement: Enhancement,
}

/// The backbone, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackboneMade {
    /// As in [`MapReady`](super::MapReady).
    pub made_by: String,
    /// Name, personas, activities with their tasks, notes.
    #[serde(flatten)]
    pub backbone: Backbone,
}

/// An activity with its stories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityMade {
    /// Its place in the backbone, counted from 0.
    pub index: usize,
    /// As in [`MapReady`](super::MapReady).
    pub made_by: String,
    /// Its title.
    pub title: String,
    /// All its tasks. One without stories is told in a [`MapPart::Failure`].
    pub tasks: Vec<UserTask>,
    /// Why some tasks have no stories; empty when all have.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lacking: String,
    /// Whether its stories are not in the language of the requirements, though the model was asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_foreign: bool,
}

/// An activity of which stories are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFailure {
    /// Its place in the backbone, counted from 0.
    pub index: usize,
    /// Its title.
    pub activity: String,
    /// The tasks without stories.
    pub tasks: Vec<String>,
    /// Why.
    pub error: String,
}

/// Everything made so far, by this attempt and earlier ones.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) enhanced: Option<Enhanced>,
    pub(super) backbone: Option<BackboneMade>,
    activities: BTreeMap<usize, ActivityMade>,
    failures: BTreeMap<usize, ActivityFailure>,
}

impl Made {
    pub(super) fn of(parts: Vec<MapPart>) -> Self {
        let mut made = Self::default();
        parts.into_iter().for_each(|part| made.add(part));
        made
    }

    pub(super) fn add(&mut self, part: MapPart) {
        match part {
            MapPart::Enhancement(enhanced) => self.enhanced = Some(enhanced),
            MapPart::Backbone(backbone) => {
                // Another backbone has other activities.
                if self.backbone.as_ref().is_none_or(|known| known.backbone != backbone.backbone) {
                    self.activities.clear();
                    self.failures.clear();
                }
                self.backbone = Some(backbone);
            }
            MapPart::Activity(activity) if self.has_place(activity.index, &activity.title) => {
                self.failures.remove(&activity.index);
                self.activities.insert(activity.index, activity);
            }
            MapPart::Failure(failure) if self.has_place(failure.index, &failure.activity) => {
                self.failures.insert(failure.index, failure);
            }
            // The backbone it belongs to was never stored.
            MapPart::Activity(_) | MapPart::Failure(_) => {}
        }
    }

    fn has_place(&self, index: usize, title: &str) -> bool {
        let activities = self.backbone.as_ref().map(|made| &made.backbone.activities);
        activities.and_then(|all| all.get(index)).is_some_and(|activity| activity.title == title)
    }

    /// The enhanced text, if the map is made of it.
    pub(super) fn text_used(&self) -> Option<&str> {
        self.enhanced
            .as_ref()
            .filter(|enhanced| enhanced.used)
            .and_then(|enhanced| enhanced.enhancement.usable())
    }

    /// Activities there are.
    pub(super) fn total(&self) -> usize {
        self.backbone.as_ref().map_or(0, |made| made.backbone.activities.len())
    }

    /// Activities that have stories.
    pub(super) fn made(&self) -> usize {
        self.activities.len()
    }

    /// Whether every activity has stories, or is known to get none.
    pub(super) fn is_settled(&self) -> bool {
        self.total() > 0 && self.missing().iter().all(|index| self.failures.contains_key(index))
    }

    /// Places of the activities without stories.
    pub(super) fn missing(&self) -> Vec<usize> {
        (0..self.total()).filter(|index| !self.activities.contains_key(index)).collect()
    }

    /// Why tasks of the made activities lack stories.
    pub(super) fn lacking(&self) -> Vec<ActivityFailure> {
        let lacks = |made: &ActivityMade| {
            let empty = made.tasks.iter().filter(|task| task.stories.is_empty());
            let tasks: Vec<String> = empty.map(|task| task.title.clone()).collect();
            let (index, activity, error) = (made.index, made.title.clone(), made.lacking.clone());
            (!tasks.is_empty()).then_some(ActivityFailure { index, activity, tasks, error })
        };
        self.activities.values().filter_map(lacks).collect()
    }

    /// The failure of an activity that has no stories at all.
    pub(super) fn failure(&self, index: usize, error: &str) -> Option<ActivityFailure> {
        let activity = self.backbone.as_ref()?.backbone.activities.get(index)?.clone();
        Some(ActivityFailure {
            index,
            activity: activity.title,
            tasks: activity.tasks,
            error: error.to_owned(),
        })
    }

    /// What is missing for good.
    pub(super) fn failures(&self) -> Vec<ActivityFailure> {
        self.failures.values().cloned().collect()
    }

    /// Titles of all stories so far.
    pub(super) fn titles(&self) -> Vec<String> {
        let tasks = self.activities.values().flat_map(|activity| &activity.tasks);
        tasks.flat_map(|task| &task.stories).map(|story| story.title.clone()).collect()
    }

    /// Everybody who made a part, each once, in the order of the map.
    pub(super) fn made_by(&self) -> String {
        let makers = self.backbone.iter().map(|made| made.made_by.as_str());
        let makers = makers.chain(self.activities.values().flat_map(|made| made.made_by.split(", ")));
        let mut seen = BTreeSet::new();
        let makers: Vec<&str> = makers.filter(|maker| !maker.is_empty() && seen.insert(*maker)).collect();
        if makers.is_empty() { "unknown".to_owned() } else { makers.join(", ") }
    }

    /// The map, with notes on what its reader must know.
    pub(super) fn map(&self, language: Language) -> Result<StoryMap, TaskError> {
        let backbone =
            &self.backbone.as_ref().ok_or_else(|| TaskError::retry("the map has no backbone"))?.backbone;
        let part = |(index, made): (&usize, &ActivityMade)| {
            (*index, Activity { title: made.title.clone(), tasks: made.tasks.clone() })
        };
        let mut map = assemble(backbone, &self.activities.iter().map(part).collect(), language);
        if let Some(enhanced) = &self.enhanced {
            let notes = enhanced.enhancement.notes(enhanced.used, &map.notes);
            map.notes.extend(notes);
        }
        let foreign = self.activities.values().filter(|made| made.is_foreign);
        map.notes
            .extend(foreign.map(|made| format!("{}: {}", foreign_note(language, &made.made_by), made.title)));
        let missing = language.pick("Нет историй", "No stories");
        map.notes.extend(self.failures.values().map(|failure| {
            format!("{missing}: {} ({}): {}", failure.activity, failure.tasks.join(", "), failure.error)
        }));
        Ok(map)
    }
}

/// What the reader of a map in another language than his must know.
pub(super) fn foreign_note(language: Language, made_by: &str) -> String {
    let note = language.pick(
        "Модель ответила не на языке требований",
        "The model did not answer in the language of the requirements",
    );
    format!("{note}: {made_by}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use story_map::BackboneActivity;

    fn backbone(titles: &[&str]) -> MapPart {
        let activity =
            |title: &&str| BackboneActivity { title: (*title).to_owned(), tasks: vec!["t".to_owned()] };
        let activities = titles.iter().map(activity).collect();
        let backbone = Backbone { name: "n".to_owned(), personas: Vec::new(), activities, notes: Vec::new() };
        MapPart::Backbone(BackboneMade { made_by: "groq/a".to_owned(), backbone })
    }

    fn activity(index: usize, title: &str, made_by: &str) -> MapPart {
        let (title, made_by) = (title.to_owned(), made_by.to_owned());
        let (tasks, lacking) = (Vec::new(), String::new());
        MapPart::Activity(ActivityMade { index, made_by, title, tasks, lacking, is_foreign: false })
    }

    #[test]
    fn parts_go_on_where_an_earlier_attempt_stopped() {
        let made = Made::of(vec![backbone(&["a", "b", "c"]), activity(1, "b", "gemini/x")]);

        assert_eq!((made.missing(), made.made(), made.total()), (vec![0, 2], 1, 3));
        assert_eq!(made.made_by(), "groq/a, gemini/x");
    }

    #[test]
    fn parts_of_another_backbone_do_not_count() {
        let again = Made::of(vec![backbone(&["a", "b"]), activity(0, "a", "m"), backbone(&["b", "a"])]);
        let stray = Made::of(vec![
            activity(0, "a", "m"),
            backbone(&["a"]),
            activity(0, "b", "m"),
            activity(7, "a", "m"),
        ]);

        assert_eq!((again.missing(), stray.missing()), (vec![0, 1], vec![0]));
    }

    #[test]
    fn a_part_survives_being_stored() -> Result<(), serde_json::Error> {
        for part in [backbone(&["a"]), activity(0, "a", "m")] {
            let stored = serde_json::to_value(&part)?;
            assert_eq!(serde_json::from_value::<MapPart>(stored)?, part);
        }
        Ok(())
    }
}
