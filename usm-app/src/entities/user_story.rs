//! The cards of a map.

mod improve;
mod split;
mod undo;

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, JoinType, QueryOrder, QuerySelect};

pub use improve::{Improved, Improvement, update_improved};
pub use split::split;
pub use undo::{Undone, undo};

use super::{TextList, activity, project, release, user_task};
use story_map::Release;

/// A row of `user_stories`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_stories")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The task it stands under.
    pub task_id: i64,
    /// The slice it belongs to.
    pub release_id: Option<i64>,
    /// Short title.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// The story itself: who wants what, and why.
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    /// One of the project's personas; empty when unknown.
    #[sea_orm(column_type = "Text", default_value = "")]
    pub persona: String,
    /// Title of the release, kept when the release is deleted.
    #[sea_orm(column_type = "Text")]
    pub priority: String,
    /// Testable statements.
    pub acceptance_criteria: TextList,
    /// Place within the task, counted from 0.
    pub position: i32,
    /// Where the work on it stands.
    #[sea_orm(column_type = "Text", default_value = "todo")]
    pub status: StoryStatus,
    /// Counted from 1, up by one with every change of its text, so that nobody overwrites what they have not seen.
    #[sea_orm(default_value = 1)]
    pub version: i32,
    /// The job that improved it last, a UUID: a job delivered twice does not improve its own improvement.
    #[sea_orm(column_type = "Text", nullable)]
    pub improved_by_job: Option<String>,
    /// Who wrote its present text: `person`, `offline` for the drafts, provider and model, or nothing where that was not kept.
    #[sea_orm(column_type = "Text", default_value = "")]
    pub written_by: String,
    /// The sentence of the requirements it comes from, where that is known.
    #[sea_orm(column_type = "Text", nullable)]
    pub source_sentence: Option<String>,
    /// What the requirements call it, such as `R1` or `3.2.4`.
    #[sea_orm(column_type = "Text", nullable)]
    pub source_requirement: Option<String>,
    /// The task it stands under.
    #[sea_orm(belongs_to, from = "task_id", to = "id", on_delete = "Cascade")]
    pub task: BelongsTo<super::user_task::Entity>,
    /// The slice it belongs to.
    #[sea_orm(belongs_to, from = "release_id", to = "id", on_delete = "SetNull")]
    pub release: BelongsTo<Option<super::release::Entity>>,
    /// What is drawn for it.
    #[sea_orm(has_many)]
    pub wireframes: HasMany<super::wireframe::Entity>,
    /// The texts it had before.
    #[sea_orm(has_many)]
    pub revisions: HasMany<super::story_revision::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

#[cfg(test)]
impl Model {
    /// A story with nothing but a title.
    pub(crate) fn titled(title: &str) -> Self {
        Self {
            id: 7,
            task_id: 1,
            release_id: None,
            title: title.to_owned(),
            description: None,
            persona: String::new(),
            priority: "MVP".to_owned(),
            acceptance_criteria: TextList::default(),
            position: 0,
            status: StoryStatus::Todo,
            version: 1,
            improved_by_job: None,
            written_by: String::new(),
            source_sentence: None,
            source_requirement: None,
        }
    }
}

/// Where the work on a story stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum StoryStatus {
    /// Not begun.
    Todo,
    /// Begun.
    InProgress,
    /// Finished.
    Done,
    /// Waits for something.
    Blocked,
}

/// Whose stories a query may see. There is no query over everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of one project.
    Project(i64),
    /// Those of all projects of one user.
    Owner(i64),
}

impl Scope {
    /// The condition, for a query that joins `activities` and `projects`.
    pub(super) fn condition(self) -> Expr {
        match self {
            Self::Project(id) => project::COLUMN.id.eq(id),
            Self::Owner(id) => project::COLUMN.user_id.eq(id),
        }
    }
}

/// A story with the titles above it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct StoryInContext {
    /// The story itself.
    #[sea_orm(nested)]
    pub story: Model,
    /// Title of its activity.
    pub activity_title: String,
    /// Title of its task.
    pub task_title: String,
    /// Name of its project.
    pub project_name: String,
}

/// Stories joined with their tasks and activities, so that they can be filtered by project.
pub(super) fn in_tree() -> Select<Entity> {
    Entity::find()
        .join(JoinType::InnerJoin, Relation::UserTask.def())
        .join(JoinType::InnerJoin, user_task::Relation::Activity.def())
}

fn in_project() -> Select<Entity> {
    in_tree().join(JoinType::InnerJoin, activity::Relation::Project.def())
}

/// The stories with these ids, in the order asked for; ids outside the scope, unknown or repeated give nothing.
///
/// # Errors
///
/// The database does not answer.
pub async fn by_ids(db: &impl ConnectionTrait, scope: Scope, ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    let found =
        in_project().filter(scope.condition()).filter(COLUMN.id.is_in(ids.iter().copied())).all(db).await?;
    Ok(in_order(ids, found, |story| story.id))
}

/// Like [`by_ids`], with the titles of activity, task and project.
///
/// # Errors
///
/// The database does not answer.
pub async fn with_context(
    db: &impl ConnectionTrait,
    scope: Scope,
    ids: &[i64],
) -> Result<Vec<StoryInContext>, DbErr> {
    let found: Vec<StoryInContext> = in_project()
        .column_as(activity::Column::Title, "activity_title")
        .column_as(user_task::Column::Title, "task_title")
        .column_as(project::Column::Name, "project_name")
        .filter(scope.condition())
        .filter(COLUMN.id.is_in(ids.iter().copied()))
        .into_model()
        .all(db)
        .await?;
    Ok(in_order(ids, found, |found| found.story.id))
}

/// The first `limit` stories of the MVP in map order.
///
/// # Errors
///
/// The database does not answer.
pub async fn first_mvp(db: &impl ConnectionTrait, project_id: i64, limit: u64) -> Result<Vec<Model>, DbErr> {
    in_project()
        .join(JoinType::InnerJoin, Relation::Release.def())
        .filter(Scope::Project(project_id).condition())
        .filter(release::COLUMN.title.eq(Release::Mvp.as_str()))
        .order_by_asc(activity::COLUMN.position)
        .order_by_asc(user_task::COLUMN.position)
        .order_by_asc(COLUMN.position)
        .order_by_asc(COLUMN.id)
        .limit(limit)
        .all(db)
        .await
}

fn in_order<T>(ids: &[i64], rows: Vec<T>, id_of: impl Fn(&T) -> i64) -> Vec<T> {
    let mut by_id: HashMap<i64, T> = rows.into_iter().map(|row| (id_of(&row), row)).collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}
