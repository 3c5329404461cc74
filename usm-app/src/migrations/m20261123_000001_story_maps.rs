//! Users, projects and the tree of a story map down to its wireframes.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer, json, text, text_null, text_uniq,
    timestamp_with_time_zone, timestamp_with_time_zone_null,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [users(), projects(), activities(), user_tasks(), releases(), user_stories(), wireframes()]
        {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        create_local_user(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["wireframes", "user_stories", "releases", "user_tasks", "activities", "projects", "users"]
        {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(big_pk_auto("id"))
        .col(text_uniq("email"))
        .col(text("hashed_password"))
        .col(text_null("full_name"))
        .col(boolean("is_active").default(true))
        .col(timestamp_with_time_zone("created_at"))
        .take()
}

fn projects() -> TableCreateStatement {
    Table::create()
        .table("projects")
        .col(big_pk_auto("id"))
        .col(big_integer("user_id"))
        .col(text_null("job_id").unique_key())
        .col(text("name"))
        .col(text("raw_requirements"))
        .col(json("personas"))
        .col(json("notes"))
        .col(timestamp_with_time_zone("created_at"))
        .col(text_null("wireframe_markdown"))
        .col(timestamp_with_time_zone_null("wireframe_generated_at"))
        .col(text("wireframe_status").default("idle"))
        .col(text_null("wireframe_error"))
        .foreign_key(&mut child_of("projects", "user_id", "users"))
        .take()
}

fn activities() -> TableCreateStatement {
    Table::create()
        .table("activities")
        .col(big_pk_auto("id"))
        .col(big_integer("project_id"))
        .col(text("title"))
        .col(integer("position"))
        .foreign_key(&mut child_of("activities", "project_id", "projects"))
        .take()
}

fn user_tasks() -> TableCreateStatement {
    Table::create()
        .table("user_tasks")
        .col(big_pk_auto("id"))
        .col(big_integer("activity_id"))
        .col(text("title"))
        .col(integer("position"))
        .foreign_key(&mut child_of("user_tasks", "activity_id", "activities"))
        .take()
}

fn releases() -> TableCreateStatement {
    Table::create()
        .table("releases")
        .col(big_pk_auto("id"))
        .col(big_integer("project_id"))
        .col(text("title"))
        .col(integer("position"))
        .foreign_key(&mut child_of("releases", "project_id", "projects"))
        .take()
}

fn user_stories() -> TableCreateStatement {
    Table::create()
        .table("user_stories")
        .col(big_pk_auto("id"))
        .col(big_integer("task_id"))
        .col(big_integer_null("release_id"))
        .col(text("title"))
        .col(text_null("description"))
        .col(text("persona").default(""))
        .col(text("priority"))
        .col(json("acceptance_criteria"))
        .col(integer("position"))
        .col(text("status").default("todo"))
        .col(integer("version").default(1))
        .col(text_null("improved_by_job"))
        .foreign_key(&mut child_of("user_stories", "task_id", "user_tasks"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_user_stories_release_id")
                .from("user_stories", "release_id")
                .to("releases", "id")
                .on_delete(ForeignKeyAction::SetNull),
        )
        .take()
}

fn wireframes() -> TableCreateStatement {
    Table::create()
        .table("wireframes")
        .col(big_pk_auto("id"))
        .col(big_integer("story_id"))
        .col(text("style"))
        .col(text("platform"))
        .col(text("ascii_wireframe"))
        .col(text("full_text"))
        .col(json("tree"))
        .col(text("layout_description"))
        .col(json("ui_elements"))
        .col(json("navigation"))
        .col(json("notes"))
        .col(timestamp_with_time_zone("created_at"))
        .col(text_null("job_id"))
        .foreign_key(&mut child_of("wireframes", "story_id", "user_stories"))
        .take()
}

fn child_of(table: &'static str, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(parent, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).take();
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        index("ix_projects_user", "projects", &["user_id", "id"]),
        index("ix_activities_position", "activities", &["project_id", "position"]),
        index("ix_user_tasks_position", "user_tasks", &["activity_id", "position"]),
        index("ix_releases_position", "releases", &["project_id", "position"]),
        index("ix_user_stories_position", "user_stories", &["task_id", "release_id", "position"]),
        index("ix_user_stories_release", "user_stories", &["release_id"]),
        index("ix_user_stories_status", "user_stories", &["status"]),
        index("ux_wireframes_story", "wireframes", &["story_id", "style", "platform"]).unique().take(),
    ]
}

/// The owner of everything while there is no authentication. Its password matches nothing.
async fn create_local_user(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let user = Query::insert()
        .into_table("users")
        .columns(["id", "email", "hashed_password", "full_name", "created_at"])
        .values_panic([
            1.into(),
            "local@localhost".into(),
            "!".into(),
            "Local user".into(),
            chrono::Utc::now().into(),
        ])
        .take();
    manager.execute(user).await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        // The identity counter does not see an id that was given.
        let sql = "SELECT setval(pg_get_serial_sequence('users', 'id'), 1)";
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}
