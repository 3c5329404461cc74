//! Where something stands on a map: its number, as the board counts, and the titles above it.

use serde::Serialize;

use super::{Activity, Story, StoryMap, UserTask};

/// A place on a map, from the whole map down to one story.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `2` for the second activity, `2.1` for its first task, `2.1.3` for a story; empty for the whole map.
    pub number: String,
    /// Title of the activity, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// Title of the task, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Title of the story, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
}

impl Place {
    /// The activity with this index, counted from 0.
    pub fn of_activity(index: usize, activity: &Activity) -> Self {
        let number = (index + 1).to_string();
        Self { number, activity: Some(activity.title.clone()), ..Self::default() }
    }

    /// A task of this place, an activity.
    #[must_use]
    pub fn of_task(&self, index: usize, task: &UserTask) -> Self {
        let number = format!("{}.{}", self.number, index + 1);
        Self { number, task: Some(task.title.clone()), ..self.clone() }
    }

    /// A story of this place, a task.
    #[must_use]
    pub fn of_story(&self, index: usize, story: &Story) -> Self {
        let number = format!("{}.{}", self.number, index + 1);
        Self { number, story: Some(story.title.clone()), ..self.clone() }
    }

    /// The title of the thing itself, empty for the whole map.
    pub fn title(&self) -> &str {
        let titles = [&self.story, &self.task, &self.activity];
        titles.into_iter().flatten().next().map_or("", String::as_str)
    }
}

/// Every story with its place, in map order.
pub fn stories(map: &StoryMap) -> impl Iterator<Item = (Place, &Story)> {
    let activities = map.activities.iter().enumerate();
    let tasks = activities.flat_map(|(index, activity)| {
        let above = Place::of_activity(index, activity);
        activity.tasks.iter().enumerate().map(move |(index, task)| (above.of_task(index, task), task))
    });
    tasks.flat_map(|(above, task)| {
        task.stories.iter().enumerate().map(move |(index, story)| (above.of_story(index, story), story))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;

    #[test]
    fn stories_are_numbered_as_the_board_counts() {
        let map = sample::map();

        let numbers: Vec<_> =
            stories(&map).map(|(place, _)| format!("{} {}", place.number, place.title())).collect();

        assert_eq!(numbers[0], "1.1.1 Найти ресторан по адресу");
        assert_eq!(numbers[3], "2.1.2 Оценить <курьера>");
    }
}
