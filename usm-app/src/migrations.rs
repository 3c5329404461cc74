//! The steps that bring a database to the present schema, oldest first. A step that was published is never changed.

mod m20261123_000001_story_maps;
mod m20261125_000002_database_identity;
mod m20261128_000003_sources;
mod m20261128_000004_story_revisions;

use sea_orm_migration::prelude::*;

/// The list of steps. Applied by [`crate::database::migrate`], which adds the lock that sea-orm lacks.
///
/// Every step says `use_transaction() -> Some(true)`: sea-orm would otherwise run it without one on SQLite. For the
/// same reason no step may switch `PRAGMA foreign_keys`, which does nothing inside a transaction.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_story_maps::Migration),
            Box::new(m20261125_000002_database_identity::Migration),
            Box::new(m20261128_000003_sources::Migration),
            Box::new(m20261128_000004_story_revisions::Migration),
        ]
    }
}
