//! Steps under an activity. Called `user_task` because a task is the queue's word for a kind of work.

use sea_orm::entity::prelude::*;

/// A row of `user_tasks`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_tasks")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The activity it belongs to.
    pub activity_id: i64,
    /// Short verb phrase.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// Place within the activity, counted from 0.
    pub position: i32,
    /// The activity it belongs to.
    #[sea_orm(belongs_to, from = "activity_id", to = "id", on_delete = "Cascade")]
    pub activity: BelongsTo<super::activity::Entity>,
    /// Stories, most needed first.
    #[sea_orm(has_many)]
    pub stories: HasMany<super::user_story::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
