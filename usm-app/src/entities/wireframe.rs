//! The drawing of one story in one style for one platform.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{JoinType, NotSet, QueryOrder, QuerySelect, Set, SqlErr};

use super::{TextList, storable, storable_json, user_story, user_task};

/// A row of `wireframes`; story, style and platform together are unique.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wireframes")]
pub struct Model {
    /// Identifier; it stays when the wireframe is drawn again.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The story it draws.
    pub story_id: i64,
    /// `low-fidelity`, `high-fidelity` or `component`.
    #[sea_orm(column_type = "Text")]
    pub style: String,
    /// `web`, `mobile` or `desktop`.
    #[sea_orm(column_type = "Text")]
    pub platform: String,
    /// The picture alone, lines of equal width.
    #[sea_orm(column_type = "Text")]
    pub ascii_wireframe: String,
    /// Picture and description together, as Markdown.
    #[sea_orm(column_type = "Text")]
    pub full_text: String,
    /// The tree of elements the picture was drawn from; `null` when it came as text.
    pub tree: Json,
    /// How the screen is laid out.
    #[sea_orm(column_type = "Text")]
    pub layout_description: String,
    /// The elements, one line each.
    pub ui_elements: TextList,
    /// Where each element leads, one line each.
    pub navigation: TextList,
    /// What a reader should know besides.
    pub notes: TextList,
    /// When it was drawn last.
    pub created_at: DateTimeUtc,
    /// The job that drew it last, a UUID.
    #[sea_orm(column_type = "Text", nullable)]
    pub job_id: Option<String>,
    /// The story it draws.
    #[sea_orm(belongs_to, from = "story_id", to = "id", on_delete = "Cascade")]
    pub story: BelongsTo<super::user_story::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// A drawing to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWireframe {
    /// The story it draws.
    pub story_id: i64,
    /// `low-fidelity`, `high-fidelity` or `component`.
    pub style: String,
    /// `web`, `mobile` or `desktop`.
    pub platform: String,
    /// The picture alone.
    pub ascii_wireframe: String,
    /// Picture and description together, as Markdown.
    pub full_text: String,
    /// The tree of elements the picture was drawn from; `null` when it came as text.
    pub tree: Json,
    /// How the screen is laid out.
    pub layout_description: String,
    /// The elements, one line each.
    pub ui_elements: Vec<String>,
    /// Where each element leads, one line each.
    pub navigation: Vec<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// The job that drew it.
    pub job_id: Option<Uuid>,
}

/// What tells one wireframe from another without its picture.
pub(super) const KEY_COLUMNS: [Column; 5] =
    [Column::Id, Column::StoryId, Column::Style, Column::Platform, Column::CreatedAt];

/// Saves a drawing in place of an earlier one of the same story, style and platform, so it is safe to repeat.
///
/// `None` when the story no longer exists. The caller has read the story within its own scope; this does not check
/// whose it is.
///
/// # Errors
///
/// The database does not answer.
pub async fn upsert(db: &impl ConnectionTrait, drawing: NewWireframe) -> Result<Option<Model>, DbErr> {
    let row = ActiveModel {
        id: NotSet,
        story_id: Set(drawing.story_id),
        style: Set(drawing.style),
        platform: Set(drawing.platform),
        ascii_wireframe: Set(storable(&drawing.ascii_wireframe)),
        full_text: Set(storable(&drawing.full_text)),
        tree: Set(storable_json(drawing.tree)),
        layout_description: Set(storable(&drawing.layout_description)),
        ui_elements: Set(drawing.ui_elements.as_slice().into()),
        navigation: Set(drawing.navigation.as_slice().into()),
        notes: Set(drawing.notes.as_slice().into()),
        created_at: Set(chrono::Utc::now()),
        job_id: Set(drawing.job_id.map(|id| id.to_string())),
    };
    let replace = OnConflict::columns([Column::StoryId, Column::Style, Column::Platform])
        .update_columns([
            Column::AsciiWireframe,
            Column::FullText,
            Column::Tree,
            Column::LayoutDescription,
            Column::UiElements,
            Column::Navigation,
            Column::Notes,
            Column::CreatedAt,
            Column::JobId,
        ])
        .to_owned();
    match Entity::insert(row).on_conflict(replace).exec_with_returning(db).await {
        Ok(saved) => Ok(Some(saved)),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everything drawn for one story of a project, oldest first; empty when the story is not in that project.
///
/// # Errors
///
/// The database does not answer.
pub async fn by_story(
    db: &impl ConnectionTrait,
    project_id: i64,
    story_id: i64,
) -> Result<Vec<Model>, DbErr> {
    of_project(project_id).filter(COLUMN.story_id.eq(story_id)).order_by_asc(COLUMN.id).all(db).await
}

/// Everything drawn for the stories of a project, by story.
///
/// # Errors
///
/// The database does not answer.
pub async fn by_project(db: &impl ConnectionTrait, project_id: i64) -> Result<Vec<Model>, DbErr> {
    of_project(project_id).order_by_asc(COLUMN.story_id).order_by_asc(COLUMN.id).all(db).await
}

fn of_project(project_id: i64) -> Select<Entity> {
    in_tree().filter(super::activity::COLUMN.project_id.eq(project_id))
}

/// Wireframes joined with their stories, tasks and activities, so that they can be filtered by project.
pub(super) fn in_tree() -> Select<Entity> {
    Entity::find()
        .join(JoinType::InnerJoin, Relation::UserStory.def())
        .join(JoinType::InnerJoin, user_story::Relation::UserTask.def())
        .join(JoinType::InnerJoin, user_task::Relation::Activity.def())
}
