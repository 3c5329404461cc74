//! Who owns projects.

use std::fmt;

use sea_orm::DeriveValueType;
use sea_orm::entity::prelude::*;

/// The owner of everything until authentication exists. A migration creates this user, so that usm works for one
/// person on one machine without an account; no password opens it.
pub const LOCAL_USER_ID: i64 = 1;

/// A row of `users`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Address to sign in with, unique.
    #[sea_orm(column_type = "Text", unique)]
    pub email: String,
    /// Hash of the password.
    #[sea_orm(column_type = "Text")]
    pub hashed_password: PasswordHash,
    /// Name to show.
    #[sea_orm(column_type = "Text", nullable)]
    pub full_name: Option<String>,
    /// Whether the user may sign in.
    #[sea_orm(default_value = true)]
    pub is_active: bool,
    /// When the user was created.
    pub created_at: DateTimeUtc,
    /// What the user owns.
    #[sea_orm(has_many)]
    pub projects: HasMany<super::project::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// A password's hash, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
