//! The backbone of a map: its big steps.

use sea_orm::entity::prelude::*;

/// A row of `activities`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activities")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The map it belongs to.
    pub project_id: i64,
    /// Short noun or verb phrase.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// Place from left to right, counted from 0.
    pub position: i32,
    /// The map it belongs to.
    #[sea_orm(belongs_to, from = "project_id", to = "id", on_delete = "Cascade")]
    pub project: BelongsTo<super::project::Entity>,
    /// Steps in narrative order.
    #[sea_orm(has_many)]
    pub tasks: HasMany<super::user_task::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
