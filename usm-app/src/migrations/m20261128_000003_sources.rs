//! Where stories come from, what is open, and what is on no card.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json, text_null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Columns that are added, one statement each: SQLite adds no two at once.
fn added() -> [(&'static str, ColumnDef); 4] {
    [
        ("projects", json("questions").default("[]").take()),
        ("projects", json("unmapped").default("[]").take()),
        ("user_stories", text_null("source_sentence").take()),
        ("user_stories", text_null("source_requirement").take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in added() {
            let name = column.get_column_name().to_string();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
