//! Who wrote the text of a story, and the texts it had before.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_pk_auto, integer, json, text, text_null, timestamp_with_time_zone,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let written_by = text("written_by").default("").take();
        manager.alter_table(Table::alter().table("user_stories").add_column(written_by).take()).await?;
        let story = ForeignKey::create()
            .name("fk_story_revisions_story_id")
            .from("story_revisions", "story_id")
            .to("user_stories", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        let table = Table::create()
            .table("story_revisions")
            .col(big_pk_auto("id"))
            .col(big_integer("story_id"))
            .col(integer("version"))
            .col(text("title"))
            .col(text_null("description"))
            .col(json("acceptance_criteria"))
            .col(text("written_by").default(""))
            .col(text_null("replaced_by_job"))
            .col(timestamp_with_time_zone("replaced_at"))
            .foreign_key(&mut story.clone())
            .take();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("ix_story_revisions_story")
            .table("story_revisions")
            .col("story_id")
            .col("id")
            .take();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("story_revisions").take()).await?;
        manager.alter_table(Table::alter().table("user_stories").drop_column("written_by").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
