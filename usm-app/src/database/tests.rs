//! Opening, migrating, refusing.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sea_orm::{EntityTrait, PaginatorTrait, Schema, Statement};
use sea_orm_migration::{MigrationName, MigrationTrait};

use super::testing::{TestDatabase, on_every_database};
use super::*;
use crate::entities::{activity, project, release, story_revision, user, user_story, user_task, wireframe};

/// Names the database that [`a_process_that_starts`] opens.
const CHILD_DATABASE: &str = "USM_TEST_CHILD_DATABASE";

fn file_of(database: &TestDatabase) -> PathBuf {
    let DatabaseUrl::Sqlite(file) = &database.url else { panic!("{} is not a file", database.url) };
    file.clone()
}

fn sqlite_with(content: &[u8]) -> TestDatabase {
    let database = TestDatabase::sqlite();
    let file = file_of(&database);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
    database
}

async fn rows(db: &impl ConnectionTrait, sql: &str) -> Vec<sea_orm::QueryResult> {
    db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_may_open_an_empty_database_at_the_same_time() {
    for database in TestDatabase::every_kind().await {
        let opened = futures_util::future::join_all((0..12).map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move { open(&url).await.map(|_| ()) })
        }))
        .await;

        for result in opened {
            result.unwrap().unwrap();
        }
        let db = database.open().await;
        assert_eq!(user::Entity::find().count(&db).await.unwrap(), 1);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn many_processes_may_open_an_empty_directory_at_the_same_time() {
    for database in TestDatabase::every_kind().await {
        let address = match &database.url {
            DatabaseUrl::Sqlite(file) => file.display().to_string(),
            DatabaseUrl::Postgres(url) => url.expose().to_owned(),
        };
        let children: Vec<_> = (0..8)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "database::tests::a_process_that_starts", "--ignored", "--nocapture"])
                    .env(CHILD_DATABASE, &address)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();

        for child in children {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        }
    }
}

#[tokio::test]
#[ignore = "a process of the test above"]
async fn a_process_that_starts() {
    let address = std::env::var(CHILD_DATABASE).unwrap();
    let url = DatabaseUrl::parse(&address).unwrap_or_else(|_| DatabaseUrl::Sqlite(address.into()));

    let db = open(&url).await.unwrap();

    assert_eq!(user::Entity::find().count(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    for database in TestDatabase::every_kind().await {
        let db = database.open().await;
        let before = seaql_migrations::Entity::find().all(&db).await.unwrap();

        migrate(&db, &database.url).await.unwrap();

        assert_eq!(seaql_migrations::Entity::find().all(&db).await.unwrap(), before);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_local_user_exists_and_the_next_user_gets_another_id() {
    on_every_database(async |db| {
        let local = user::Entity::find_by_id(user::LOCAL_USER_ID).one(db).await.unwrap().unwrap();
        let mut next: user::ActiveModel = local.clone().into();
        next.id = sea_orm::NotSet;
        next.email = sea_orm::Set("ada@example.com".into());

        let id = user::Entity::insert(next).exec(db).await.unwrap().last_insert_id;

        assert!(local.is_active && id > user::LOCAL_USER_ID);
        assert!(!format!("{local:?}").contains("\"!\""), "{local:?}");
    })
    .await;
}

#[tokio::test]
async fn a_file_is_durable_and_keeps_its_references() {
    let database = TestDatabase::sqlite();
    let db = database.open().await;

    for (pragma, value) in
        [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000")]
    {
        let row = rows(&db, &format!("PRAGMA {pragma}")).await.remove(0);
        let found = row
            .try_get_by_index::<String>(0)
            .or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()));
        assert_eq!(found.unwrap(), value, "{pragma}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_by_name() {
    for database in TestDatabase::every_kind().await {
        let db = database.open().await;
        let newer =
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_telepathy', 0)";
        db.execute_unprepared(newer).await.unwrap();
        db.close().await.unwrap();

        let error = open(&database.url).await.unwrap_err();

        let text = error.to_string();
        assert!(matches!(error, OpenError::Newer { .. }), "{text}");
        assert!(
            text.contains(&database.url.to_string()) && text.contains("m20991231_000001_telepathy"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    for database in TestDatabase::every_kind().await {
        let db = database.connect().await;
        db.execute_unprepared("CREATE TABLE projects (id integer)").await.unwrap();

        let error = open(&database.url).await.unwrap_err();

        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert_eq!(rows(&db, "SELECT * FROM projects").await.len(), 0);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let garbage = "это не база данных ".repeat(500);
    let damaged = [b"SQLite format 3\0".as_slice(), &[0x5a; 8000]].concat();
    for content in [garbage.as_bytes(), &damaged] {
        let database = sqlite_with(content);

        let error = open(&database.url).await.unwrap_err();

        let text = error.to_string();
        assert!(matches!(error, OpenError::Damaged { .. }), "{text}");
        assert!(
            text.contains("usm.db is not a SQLite database or is damaged") && text.contains("backup"),
            "{text}"
        );
        assert_eq!(std::fs::read(file_of(&database)).unwrap(), content);
    }
}

#[tokio::test]
async fn a_database_damaged_inside_is_refused() {
    let database = TestDatabase::sqlite();
    database.open().await.close().await.unwrap();
    let mut content = std::fs::read(file_of(&database)).unwrap();
    content[100..4096].fill(0xff);
    std::fs::write(file_of(&database), content).unwrap();

    let error = open(&database.url).await.unwrap_err();

    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let database = sqlite_with(b"a file, not a directory");
    let below_a_file = DatabaseUrl::Sqlite(file_of(&database).join("data/usm.db"));
    let a_directory = DatabaseUrl::Sqlite(file_of(&database).parent().unwrap().to_owned());

    let no_directory = open(&below_a_file).await.unwrap_err();
    let no_file = open(&a_directory).await.unwrap_err();

    assert!(matches!(no_directory, OpenError::Directory { .. }), "{no_directory}");
    assert!(matches!(no_file, OpenError::Unwritable { .. }), "{no_file}");
    for error in [no_directory.to_string(), no_file.to_string()] {
        assert!(error.contains("usm данные"), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_shown_without_its_password() {
    let url = DatabaseUrl::parse("postgres://u:hunter2@h:port/db").unwrap();

    let error = open(&url).await.unwrap_err();

    let shown = format!("{error} {error:?}");
    assert!(shown.contains("postgres://u:***@h:port/db") && !shown.contains("hunter2"), "{shown}");
}

/// A migrator whose second step fails after it has created a table.
struct Failing;

struct Broken;

impl MigrationName for Broken {
    fn name(&self) -> &str {
        "m20991231_000001_broken"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Broken {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("CREATE TABLE half (id integer)").await?;
        manager.get_connection().execute_unprepared("this is not SQL").await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

impl MigratorTrait for Failing {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrator::migrations();
        all.push(Box::new(Broken));
        all
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    for database in TestDatabase::every_kind().await {
        let db = database.connect().await;

        assert!(migrate_with::<Failing>(&db).await.is_err());

        for table in ["half", "projects", "seaql_migrations"] {
            assert!(!SchemaManager::new(&db).has_table(table).await.unwrap(), "{table}");
        }
        migrate(&db, &database.url).await.unwrap();
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn every_migration_runs_in_a_transaction() {
    for migration in Migrator::migrations() {
        assert_eq!(migration.use_transaction(), Some(true), "{}", migration.name());
    }
}

#[tokio::test]
async fn migrations_and_entities_agree() {
    let migrated = TestDatabase::every_kind().await;
    let derived = TestDatabase::every_kind().await;
    for (migrated, derived) in migrated.into_iter().zip(derived) {
        let (by_migrations, by_entities) = (migrated.open().await, derived.connect().await);
        create_from_entities(&by_entities).await;

        for table in [
            "users",
            "projects",
            "activities",
            "user_tasks",
            "releases",
            "user_stories",
            "story_revisions",
            "wireframes",
        ] {
            let (expected, found) = (shape(&by_entities, table).await, shape(&by_migrations, table).await);
            assert_eq!(found, expected, "{table}");
            assert!(found.len() > 3, "{table}: {found:?}");
        }
        by_migrations.close().await.unwrap();
        by_entities.close().await.unwrap();
    }
}

async fn create_from_entities(db: &DatabaseConnection) {
    let schema = Schema::new(db.get_database_backend());
    for table in [
        schema.create_table_from_entity(user::Entity),
        schema.create_table_from_entity(project::Entity),
        schema.create_table_from_entity(activity::Entity),
        schema.create_table_from_entity(user_task::Entity),
        schema.create_table_from_entity(release::Entity),
        schema.create_table_from_entity(user_story::Entity),
        schema.create_table_from_entity(story_revision::Entity),
        schema.create_table_from_entity(wireframe::Entity),
    ] {
        db.execute(&table).await.unwrap();
    }
}

/// Columns with type, nullability and default, and references with what happens on deletion.
async fn shape(db: &DatabaseConnection, table: &str) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => format!(
            "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk || ' ' || coalesce(dflt_value, '-') \
             FROM pragma_table_info('{table}') UNION ALL \
             SELECT \"from\" || ' -> ' || \"table\" || '.' || \"to\" || ' ' || on_delete \
             FROM pragma_foreign_key_list('{table}')"
        ),
        _ => format!(
            "SELECT column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '-') \
             FROM information_schema.columns WHERE table_name = '{table}' UNION ALL \
             SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{table}'::regclass"
        ),
    };
    rows(db, &sql).await.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect()
}
