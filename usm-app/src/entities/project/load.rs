//! Reads a whole map back, in six queries whatever its size.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect};

use crate::entities::{activity, project, release, user_story, user_task, wireframe};
use story_map::{Activity, Release, Source, Story, StoryMap, UserTask, VERSION};

/// A project with its whole tree, every level in map order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedProject {
    /// The project itself; its `user_id` says who may see it.
    pub project: project::Model,
    /// The slices, top to bottom.
    pub releases: Vec<release::Model>,
    /// The backbone, left to right.
    pub activities: Vec<LoadedActivity>,
}

/// An activity with its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedActivity {
    /// Identifier.
    pub id: i64,
    /// Short noun or verb phrase.
    pub title: String,
    /// Place from left to right, counted from 0.
    pub position: i32,
    /// Steps in narrative order.
    pub tasks: Vec<LoadedTask>,
}

/// A task with its stories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedTask {
    /// Identifier.
    pub id: i64,
    /// Short verb phrase.
    pub title: String,
    /// Place within the activity, counted from 0.
    pub position: i32,
    /// Stories, most needed first.
    pub stories: Vec<LoadedStory>,
}

/// A story with what is drawn for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedStory {
    /// The story itself.
    pub story: user_story::Model,
    /// Title of its release, if it has one.
    pub release: Option<String>,
    /// The wireframes that exist, without their pictures.
    pub wireframes: Vec<WireframeKey>,
}

/// Names a wireframe that exists.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct WireframeKey {
    /// Identifier.
    pub id: i64,
    /// The story it belongs to.
    pub story_id: i64,
    /// `low-fidelity`, `high-fidelity` or `component`.
    pub style: String,
    /// `web`, `mobile` or `desktop`.
    pub platform: String,
    /// When it was drawn.
    pub created_at: DateTimeUtc,
}

/// The project with its whole map, whoever owns it; `None` when there is none.
///
/// # Errors
///
/// The database does not answer.
pub async fn load_map(db: &impl ConnectionTrait, project_id: i64) -> Result<Option<LoadedProject>, DbErr> {
    let Some(project) = project::Entity::find_by_id(project_id).one(db).await? else { return Ok(None) };
    let of_project = activity::COLUMN.project_id.eq(project_id);
    let releases = release::Entity::find()
        .filter(release::COLUMN.project_id.eq(project_id))
        .order_by_asc(release::COLUMN.position)
        .order_by_asc(release::COLUMN.id)
        .all(db)
        .await?;
    let activities = activity::Entity::find()
        .filter(of_project.clone())
        .order_by_asc(activity::COLUMN.position)
        .order_by_asc(activity::COLUMN.id)
        .all(db)
        .await?;
    let tasks = user_task::Entity::find()
        .inner_join(activity::Entity)
        .filter(of_project.clone())
        .order_by_asc(user_task::COLUMN.position)
        .order_by_asc(user_task::COLUMN.id)
        .all(db)
        .await?;
    let stories = user_story::in_tree()
        .filter(of_project.clone())
        .order_by_asc(user_story::COLUMN.position)
        .order_by_asc(user_story::COLUMN.id)
        .all(db)
        .await?;
    let wireframes = wireframe::in_tree()
        .filter(of_project)
        .select_only()
        .columns(wireframe::KEY_COLUMNS)
        .order_by_asc(wireframe::COLUMN.id)
        .into_model()
        .all(db)
        .await?;
    Ok(Some(assemble(project, releases, activities, tasks, stories, wireframes)))
}

/// Hangs every row under its parent. A row whose parent was deleted between two queries is left out.
fn assemble(
    project: project::Model,
    releases: Vec<release::Model>,
    activities: Vec<activity::Model>,
    tasks: Vec<user_task::Model>,
    stories: Vec<user_story::Model>,
    wireframes: Vec<WireframeKey>,
) -> LoadedProject {
    let titles: HashMap<i64, &str> =
        releases.iter().map(|release| (release.id, release.title.as_str())).collect();
    let mut wireframes_of = group(wireframes, |wireframe| wireframe.story_id);
    let stories = stories.into_iter().map(|story| LoadedStory {
        release: story.release_id.and_then(|id| titles.get(&id)).map(|title| (*title).to_owned()),
        wireframes: wireframes_of.remove(&story.id).unwrap_or_default(),
        story,
    });
    let mut stories_of = group(stories, |loaded| loaded.story.task_id);
    let mut tasks_of = group(tasks, |task| task.activity_id);
    let activities = activities
        .into_iter()
        .map(|activity| LoadedActivity {
            tasks: tasks_of
                .remove(&activity.id)
                .unwrap_or_default()
                .into_iter()
                .map(|task| LoadedTask {
                    stories: stories_of.remove(&task.id).unwrap_or_default(),
                    id: task.id,
                    title: task.title,
                    position: task.position,
                })
                .collect(),
            id: activity.id,
            title: activity.title,
            position: activity.position,
        })
        .collect();
    LoadedProject { project, releases, activities }
}

fn group<T>(rows: impl IntoIterator<Item = T>, parent: impl Fn(&T) -> i64) -> HashMap<i64, Vec<T>> {
    let mut groups: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(parent(&row)).or_default().push(row);
    }
    groups
}

impl LoadedProject {
    /// Every story in map order.
    pub fn stories(&self) -> impl Iterator<Item = &LoadedStory> {
        self.activities.iter().flat_map(|activity| &activity.tasks).flat_map(|task| &task.stories)
    }

    /// What stands at a number such as `2.1.3`, as [`Place`](story_map::place::Place) counts: activity, task and story,
    /// as far down as the number goes and the map has it. A number with another part has no story.
    pub fn at(&self, number: &str) -> (Option<&LoadedActivity>, Option<&LoadedTask>, Option<&LoadedStory>) {
        let mut parts = number.splitn(3, '.');
        let mut next = || parts.next().and_then(index);
        let activity = next().and_then(|index| self.activities.get(index));
        let task = next().and_then(|index| activity?.tasks.get(index));
        let story = next().and_then(|index| task?.stories.get(index));
        (activity, task, story)
    }

    /// The map as the domain knows it, without ids and statuses.
    pub fn story_map(&self) -> StoryMap {
        let activities = self.activities.iter().map(|activity| Activity {
            title: activity.title.clone(),
            tasks: activity.tasks.iter().map(task_of_map).collect(),
        });
        StoryMap {
            version: VERSION,
            name: self.project.name.clone(),
            personas: self.project.personas.0.clone(),
            releases: self.releases.iter().map(|release| slice(&release.title)).collect(),
            activities: activities.collect(),
            notes: self.project.notes.0.clone(),
            questions: self.project.questions.0.clone(),
            unmapped: self.project.unmapped.0.clone(),
        }
    }
}

/// The index that a part of a number stands for, where it is written as a map counts: `1`, not `+1` or `01`.
fn index(part: &str) -> Option<usize> {
    let number: usize = part.parse().ok()?;
    (number.to_string() == part).then(|| number.checked_sub(1)).flatten()
}

fn task_of_map(task: &LoadedTask) -> UserTask {
    let stories = task.stories.iter().map(|loaded| Story {
        title: loaded.story.title.clone(),
        description: loaded.story.description.clone().unwrap_or_default(),
        persona: loaded.story.persona.clone(),
        release: slice(loaded.release.as_deref().unwrap_or(&loaded.story.priority)),
        acceptance_criteria: loaded.story.acceptance_criteria.0.clone(),
        source: source_of(&loaded.story),
    });
    UserTask { title: task.title.clone(), stories: stories.collect() }
}

fn source_of(story: &user_story::Model) -> Option<Source> {
    let sentence = story.source_sentence.clone()?;
    Some(Source { sentence, requirement: story.source_requirement.clone().unwrap_or_default() })
}

/// The slice with this title; what is not known comes last, as an unplanned story does.
fn slice(title: &str) -> Release {
    Release::named(title).unwrap_or(Release::Later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_number_is_written_as_a_map_counts() {
        assert_eq!(index("1"), Some(0));
        assert_eq!(index("12"), Some(11));
        for part in ["", "0", "+1", "01", "-1", "1.1", "x", "99999999999999999999"] {
            assert_eq!(index(part), None, "{part}");
        }
    }
}
