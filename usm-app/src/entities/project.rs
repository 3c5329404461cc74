//! One story map with the requirements it was made from.

mod load;
mod save;

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect};

pub use load::{LoadedActivity, LoadedProject, LoadedStory, LoadedTask, WireframeKey, load_map};
pub use save::{SavedProject, by_job, import_map, save_map};

use super::{TextList, UnmappedList};

/// A row of `projects`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "projects")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Who owns it.
    pub user_id: i64,
    /// The job that made it, a UUID, unique: a job delivered twice finds its project here instead of making another.
    #[sea_orm(column_type = "Text", nullable, unique)]
    pub job_id: Option<String>,
    /// Name of the product.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The requirements as the user wrote them.
    #[sea_orm(column_type = "Text")]
    pub raw_requirements: String,
    /// Who walks the map, most important first.
    pub personas: TextList,
    /// What a reader must know about the map as a whole.
    pub notes: TextList,
    /// What somebody has to answer before the map can be trusted.
    #[sea_orm(default_value = "[]")]
    pub questions: TextList,
    /// What the requirements say and no card does.
    #[sea_orm(default_value = "[]")]
    pub unmapped: UnmappedList,
    /// When it was saved.
    pub created_at: DateTimeUtc,
    /// A wireframe of the whole map.
    #[sea_orm(column_type = "Text", nullable)]
    pub wireframe_markdown: Option<String>,
    /// When that wireframe was drawn.
    pub wireframe_generated_at: Option<DateTimeUtc>,
    /// Where the drawing of that wireframe stands.
    #[sea_orm(column_type = "Text", default_value = "idle")]
    pub wireframe_status: WireframeStatus,
    /// Why the drawing failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub wireframe_error: Option<String>,
    /// Who owns it.
    #[sea_orm(belongs_to, from = "user_id", to = "id", on_delete = "Cascade")]
    pub user: BelongsTo<super::user::Entity>,
    /// The backbone.
    #[sea_orm(has_many)]
    pub activities: HasMany<super::activity::Entity>,
    /// The slices.
    #[sea_orm(has_many)]
    pub releases: HasMany<super::release::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Where the drawing of a project's wireframe stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum WireframeStatus {
    /// Never asked for.
    Idle,
    /// Asked for.
    Pending,
    /// Being drawn.
    Generating,
    /// Drawn.
    Success,
    /// Failed, see `wireframe_error`.
    Error,
}

/// A page of a user's projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPage {
    /// Newest first.
    pub items: Vec<ProjectSummary>,
    /// How many projects the user has in all.
    pub total: u64,
}

/// A project without its map.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct ProjectSummary {
    /// Identifier.
    pub id: i64,
    /// Name of the product.
    pub name: String,
    /// When it was saved.
    pub created_at: DateTimeUtc,
}

/// Whether the project exists and is this user's.
///
/// # Errors
///
/// The database does not answer.
pub async fn is_owned(db: &impl ConnectionTrait, user_id: i64, id: i64) -> Result<bool, DbErr> {
    let found = Entity::find_by_id(id).filter(COLUMN.user_id.eq(user_id)).one(db).await?;
    Ok(found.is_some())
}

/// The projects of one user, newest first, from number `offset` (counted from 0) on, `limit` at most.
///
/// # Errors
///
/// The database does not answer.
pub async fn list(
    db: &impl ConnectionTrait,
    user_id: i64,
    limit: u64,
    offset: u64,
) -> Result<ProjectPage, DbErr> {
    let of_user = Entity::find().filter(COLUMN.user_id.eq(user_id));
    let total = of_user.clone().count(db).await?;
    let items = of_user
        .select_only()
        .columns([Column::Id, Column::Name, Column::CreatedAt])
        .order_by_desc(COLUMN.id)
        .limit(limit)
        .offset(offset)
        .into_model()
        .all(db)
        .await?;
    Ok(ProjectPage { items, total })
}
