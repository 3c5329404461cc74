//! Saves a whole map in one transaction, once per job.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::{NotSet, Set, TryInsertResult};

use crate::database::begin_write;
use crate::entities::story_revision::Author;
use crate::entities::user_story::StoryStatus;
use crate::entities::{activity, project, release, storable, user_story, user_task};
use story_map::{Release, Story, StoryMap};

/// Rows of one `INSERT`. SQLite allows 32,766 values in a statement, PostgreSQL 65,535; a story has fifteen.
const ROWS_PER_INSERT: usize = 1000;

/// What was saved, or found saved already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedProject {
    /// Identifier of the project.
    pub id: i64,
    /// Name of the product.
    pub name: String,
    /// Number of activities.
    pub activities_count: u64,
    /// Number of tasks.
    pub tasks_count: u64,
    /// Number of stories.
    pub stories_count: u64,
    /// Whether the job had saved it before and this call changed nothing.
    pub already_existed: bool,
}

/// Saves the map as a new project of the user, all or nothing, and remembers the job that made it and who wrote the stories, as in
/// [`user_story::Model::written_by`].
///
/// A repeated or concurrent call with the same `job_id` writes nothing and returns the project of the first.
///
/// # Errors
///
/// The user does not exist, the job's project belongs to another user, or the database does not answer. Nothing is
/// saved then.
pub async fn save_map(
    db: &DatabaseConnection,
    job_id: Uuid,
    user_id: i64,
    requirements_text: &str,
    map: &StoryMap,
    written_by: &str,
) -> Result<SavedProject, DbErr> {
    match insert(db, Some(job_id), user_id, requirements_text, map, written_by).await? {
        Some(saved) => Ok(saved),
        None => existing(db, job_id, user_id).await,
    }
}

/// Saves a map that no job has made as a new project of the user, all or nothing. Every call makes another project.
///
/// # Errors
///
/// The user does not exist, or the database does not answer. Nothing is saved then.
pub async fn import_map(
    db: &DatabaseConnection,
    user_id: i64,
    map: &StoryMap,
) -> Result<SavedProject, DbErr> {
    let saved = insert(db, None, user_id, "", map, Author::PERSON).await?;
    saved.ok_or_else(|| DbErr::RecordNotInserted)
}

/// `None` when the job has saved its map already.
async fn insert(
    db: &DatabaseConnection,
    job_id: Option<Uuid>,
    user_id: i64,
    requirements_text: &str,
    map: &StoryMap,
    written_by: &str,
) -> Result<Option<SavedProject>, DbErr> {
    let txn = begin_write(db).await?;
    let project = project::ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        job_id: Set(job_id.map(|job_id| job_id.to_string())),
        name: Set(storable(&map.name)),
        raw_requirements: Set(storable(requirements_text)),
        personas: Set(map.personas.as_slice().into()),
        notes: Set(map.notes.as_slice().into()),
        questions: Set(map.questions.as_slice().into()),
        unmapped: Set(map.unmapped.as_slice().into()),
        created_at: Set(chrono::Utc::now()),
        wireframe_markdown: NotSet,
        wireframe_generated_at: NotSet,
        wireframe_status: Set(project::WireframeStatus::Idle),
        wireframe_error: NotSet,
    };
    // The job id decides: a concurrent call waits here until the first has committed, and then inserts nothing.
    let inserted = project::Entity::insert(project)
        .on_conflict_do_nothing_on([project::Column::JobId])
        .exec(&txn)
        .await?;
    let TryInsertResult::Inserted(inserted) = inserted else {
        txn.rollback().await?;
        return Ok(None);
    };

    let project_id = inserted.last_insert_id;
    let releases = insert_releases(&txn, project_id, map).await?;
    let tasks = insert_backbone(&txn, project_id, map).await?;
    let stories_count = insert_stories(&txn, &tasks, &releases, map, written_by).await?;
    txn.commit().await?;
    Ok(Some(SavedProject {
        id: project_id,
        name: storable(&map.name),
        activities_count: map.activities.len() as u64,
        tasks_count: tasks.len() as u64,
        stories_count,
        already_existed: false,
    }))
}

/// The project that a job has saved, if it has: a job delivered twice need not do its work again.
///
/// # Errors
///
/// The database does not answer.
pub async fn by_job(db: &impl ConnectionTrait, job_id: Uuid) -> Result<Option<SavedProject>, DbErr> {
    let Some(found) = of_job(job_id).one(db).await? else {
        return Ok(None);
    };
    describe(db, found).await.map(Some)
}

fn of_job(job_id: Uuid) -> Select<project::Entity> {
    project::Entity::find().filter(project::COLUMN.job_id.eq(job_id.to_string()))
}

async fn existing(db: &DatabaseConnection, job_id: Uuid, user_id: i64) -> Result<SavedProject, DbErr> {
    match of_job(job_id).one(db).await? {
        Some(found) if found.user_id == user_id => describe(db, found).await,
        Some(_) => Err(DbErr::Custom(format!("the project of job {job_id} belongs to another user"))),
        None => Err(DbErr::RecordNotFound(format!(
            "the project of job {job_id} was deleted while it was saved again"
        ))),
    }
}

async fn describe(db: &impl ConnectionTrait, found: project::Model) -> Result<SavedProject, DbErr> {
    let of_project = activity::COLUMN.project_id.eq(found.id);
    let tasks = user_task::Entity::find().inner_join(activity::Entity).filter(of_project.clone());
    let stories = user_story::in_tree().filter(of_project.clone());
    Ok(SavedProject {
        id: found.id,
        name: found.name,
        activities_count: activity::Entity::find().filter(of_project).count(db).await?,
        tasks_count: tasks.count(db).await?,
        stories_count: stories.count(db).await?,
        already_existed: true,
    })
}

/// The map's releases, and those that only a story names, with the id of each.
async fn insert_releases(
    txn: &impl ConnectionTrait,
    project_id: i64,
    map: &StoryMap,
) -> Result<HashMap<String, i64>, DbErr> {
    let mut named: Vec<Release> = Vec::new();
    let of_stories = map.stories().map(|(_, _, story)| story.release);
    for release in map.releases.iter().copied().chain(of_stories) {
        if !named.contains(&release) {
            named.push(release);
        }
    }
    let rows = named.iter().zip(0..).map(|(release, position)| release::ActiveModel {
        id: NotSet,
        project_id: Set(project_id),
        title: Set(release.as_str().to_owned()),
        position: Set(position),
    });
    let saved = release::Entity::insert_many(rows).exec_with_returning(txn).await?;
    Ok(saved.into_iter().map(|release| (release.title, release.id)).collect())
}

/// Activities and their tasks; gives the task ids by place (activity, task).
async fn insert_backbone(
    txn: &impl ConnectionTrait,
    project_id: i64,
    map: &StoryMap,
) -> Result<HashMap<(i32, i32), i64>, DbErr> {
    let activities: Vec<activity::ActiveModel> = map
        .activities
        .iter()
        .zip(0..)
        .map(|(activity, position)| activity::ActiveModel {
            id: NotSet,
            project_id: Set(project_id),
            title: Set(storable(&activity.title)),
            position: Set(position),
        })
        .collect();
    // Rows come back in any order, so ids are told apart by position.
    let mut activity_ids = HashMap::new();
    for chunk in activities.chunks(ROWS_PER_INSERT) {
        let saved = activity::Entity::insert_many(chunk.to_vec()).exec_with_returning(txn).await?;
        activity_ids.extend(saved.into_iter().map(|activity| (activity.position, activity.id)));
    }

    let mut tasks = Vec::new();
    for (activity, place) in map.activities.iter().zip(0..) {
        let activity_id = id_at(&activity_ids, &place)?;
        tasks.extend(activity.tasks.iter().zip(0..).map(|(task, position)| user_task::ActiveModel {
            id: NotSet,
            activity_id: Set(activity_id),
            title: Set(storable(&task.title)),
            position: Set(position),
        }));
    }
    let places: HashMap<i64, i32> = activity_ids.iter().map(|(place, id)| (*id, *place)).collect();
    let mut task_ids = HashMap::new();
    for chunk in tasks.chunks(ROWS_PER_INSERT) {
        for task in user_task::Entity::insert_many(chunk.to_vec()).exec_with_returning(txn).await? {
            let place = places.get(&task.activity_id).copied().unwrap_or_default();
            task_ids.insert((place, task.position), task.id);
        }
    }
    Ok(task_ids)
}

async fn insert_stories(
    txn: &impl ConnectionTrait,
    tasks: &HashMap<(i32, i32), i64>,
    releases: &HashMap<String, i64>,
    map: &StoryMap,
    written_by: &str,
) -> Result<u64, DbErr> {
    let mut stories = Vec::new();
    for (activity, activity_place) in map.activities.iter().zip(0..) {
        for (task, task_place) in activity.tasks.iter().zip(0..) {
            let task_id = id_at(tasks, &(activity_place, task_place))?;
            for (story, position) in task.stories.iter().zip(0..) {
                let release_id = releases.get(story.release.as_str()).copied();
                stories.push(user_story::ActiveModel {
                    written_by: Set(storable(written_by)),
                    ..story_row(story, task_id, release_id, position)
                });
            }
        }
    }
    for chunk in stories.chunks(ROWS_PER_INSERT) {
        user_story::Entity::insert_many(chunk.to_vec()).exec_without_returning(txn).await?;
    }
    Ok(stories.len() as u64)
}

fn story_row(story: &Story, task_id: i64, release_id: Option<i64>, position: i32) -> user_story::ActiveModel {
    user_story::ActiveModel {
        id: NotSet,
        task_id: Set(task_id),
        release_id: Set(release_id),
        title: Set(storable(&story.title)),
        description: Set(Some(storable(&story.description))),
        persona: Set(storable(&story.persona)),
        priority: Set(story.release.as_str().to_owned()),
        acceptance_criteria: Set(story.acceptance_criteria.as_slice().into()),
        position: Set(position),
        status: Set(StoryStatus::Todo),
        version: Set(1),
        improved_by_job: NotSet,
        written_by: NotSet,
        source_sentence: Set(story.source.as_ref().map(|source| storable(&source.sentence))),
        source_requirement: Set(story.source.as_ref().map(|source| storable(&source.requirement))),
    }
}

fn id_at<K: std::hash::Hash + Eq + std::fmt::Debug>(ids: &HashMap<K, i64>, place: &K) -> Result<i64, DbErr> {
    let missing = || DbErr::Custom(format!("the database gave no id for the row at {place:?}"));
    ids.get(place).copied().ok_or_else(missing)
}
