//! What tells one database from another.

use sea_orm::entity::prelude::*;

/// The one row of `database_identity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "database_identity")]
pub struct Model {
    /// Made at random when the table was; it goes with every copy of the database.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// The identity of this database.
///
/// # Errors
///
/// The row is missing, or the database does not answer.
pub async fn of(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    let missing = || DbErr::RecordNotFound("the database has lost the row of `database_identity`".to_owned());
    Ok(Entity::find().one(db).await?.ok_or_else(missing)?.id)
}
