//! The slices of a map in delivery order.

use sea_orm::entity::prelude::*;

/// A row of `releases`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "releases")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The map it slices.
    pub project_id: i64,
    /// `MVP`, `Release 1` or `Later`.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// Place from top to bottom, counted from 0.
    pub position: i32,
    /// The map it slices.
    #[sea_orm(belongs_to, from = "project_id", to = "id", on_delete = "Cascade")]
    pub project: BelongsTo<super::project::Entity>,
    /// Stories in this slice.
    #[sea_orm(has_many)]
    pub stories: HasMany<super::user_story::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
