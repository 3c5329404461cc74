//! A name for the database itself, so that a job that names rows can say of which database.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text;
use uuid::Uuid;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("database_identity").col(text("id").primary_key()).take();
        manager.create_table(table).await?;
        let row = Query::insert()
            .into_table("database_identity")
            .columns(["id"])
            .values_panic([Uuid::new_v4().to_string().into()])
            .take();
        manager.execute(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("database_identity").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
