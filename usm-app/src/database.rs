//! Opens the application's database and brings it to the present schema.

mod error;
mod file;
mod lock;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, QueryOrder, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};

use crate::config::{DatabaseUrl, SecretUrl};
use crate::migrations::Migrator;

pub use error::OpenError;
pub use file::{DatabaseFile, FileGone};
use lock::FileLock;

/// How long a connection waits for another process that writes to the SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a connection to be free, or for a server to answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// SQLite has one writer at a time; the others read.
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 10;
/// Tells our advisory lock from those of other programs on the same PostgreSQL server: "usm-migr" in ASCII.
const POSTGRES_MIGRATION_LOCK: i64 = 0x7573_6d2d_6d69_6772;

/// Opens the database and brings it to the present schema. Any number of processes may do so at the same time.
///
/// # Errors
///
/// See [`connect`] and [`migrate`].
pub async fn open(url: &DatabaseUrl) -> Result<DatabaseConnection, OpenError> {
    let db = connect(url).await?;
    migrate(&db, url).await?;
    Ok(db)
}

/// Opens the database as it is. A missing SQLite file is created, with its directory.
///
/// SQLite: write-ahead log, `synchronous=FULL` (a commit is on the disk when it returns), foreign keys on, a busy
/// time-out of 5 s, 4 connections. PostgreSQL: 10 connections. SQL text is logged at debug level and never with its
/// values.
///
/// # Errors
///
/// The directory or file cannot be written, the file is not a database, or the server does not answer.
pub async fn connect(url: &DatabaseUrl) -> Result<DatabaseConnection, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => connect_sqlite(path).await,
        DatabaseUrl::Postgres(address) => connect_postgres(address).await,
    }
    .map_err(|cause| cause.into_error(url))
}

/// Applies the migrations that this database lacks, all or none. The first of several processes applies them, the
/// others wait and find nothing left to do.
///
/// # Errors
///
/// The database was migrated by a newer version, holds another program's tables, is damaged, is locked for longer
/// than the time-out, or a migration failed.
pub async fn migrate(db: &DatabaseConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    migrate_with::<Migrator>(db).await.map_err(|cause| cause.into_error(url))
}

/// Begins a transaction that writes.
///
/// On SQLite it takes the write lock at once and waits for it. A transaction that only takes it at its first write
/// fails without waiting when another process wrote in between.
///
/// # Errors
///
/// No connection is free, or another process holds the write lock for longer than the busy time-out.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

/// Why opening failed, before the database is named.
pub(crate) enum Cause {
    Directory(std::io::Error),
    LockFile(std::io::Error),
    Newer(Vec<String>),
    Foreign,
    Database(DbErr),
}

impl From<DbErr> for Cause {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

async fn connect_sqlite(path: &Path) -> Result<DatabaseConnection, Cause> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(Cause::Directory)?;
    }
    let mut options = ConnectOptions::new("sqlite:usm.db?mode=rwc");
    // The path is set here because characters such as `?` and `%` mean something in an address.
    let file = path.to_owned();
    options.max_connections(SQLITE_CONNECTIONS).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
    });
    // SQLite refuses to switch a new file to the write-ahead log, without waiting, while another process does so.
    let _lock = FileLock::take(path).await.map_err(Cause::LockFile)?;
    connect_with(options).await
}

async fn connect_postgres(address: &SecretUrl) -> Result<DatabaseConnection, Cause> {
    let mut options = ConnectOptions::new(address.expose());
    options.max_connections(POSTGRES_CONNECTIONS).set_application_name("usm");
    connect_with(options).await
}

async fn connect_with(mut options: ConnectOptions) -> Result<DatabaseConnection, Cause> {
    options.min_connections(1).acquire_timeout(CONNECTION_TIMEOUT).record_stmt_in_spans(false);
    // Its type belongs to a crate that is not ours to name.
    match "debug".parse() {
        Ok(level) => options.sqlx_logging_level(level),
        Err(_) => options.sqlx_logging(false),
    };
    Ok(Database::connect(options).await?)
}

async fn migrate_with<M: MigratorTrait>(db: &DatabaseConnection) -> Result<(), Cause> {
    if is_current::<M>(&SchemaManager::new(db)).await? {
        return Ok(());
    }
    let txn = begin_write(db).await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared("SET LOCAL lock_timeout = '60s'").await?;
        txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSTGRES_MIGRATION_LOCK})")).await?;
    }
    // Another process may have migrated while this one waited.
    if !is_current::<M>(&SchemaManager::new(&txn)).await? {
        M::up(&txn, None).await?;
    }
    txn.commit().await?;
    Ok(())
}

/// Whether every migration was applied; refuses a database that another program, or a newer one, has shaped.
async fn is_current<M: MigratorTrait>(manager: &SchemaManager<'_>) -> Result<bool, Cause> {
    // In this order: another process may commit its first migration, which brings both, between the two questions.
    let has_tables = manager.has_table("projects").await?;
    if !manager.has_table("seaql_migrations").await? {
        return if has_tables { Err(Cause::Foreign) } else { Ok(false) };
    }
    let applied = seaql_migrations::Entity::find()
        .order_by_asc(seaql_migrations::Column::Version)
        .all(manager.get_connection())
        .await?;
    let known: Vec<String> = M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let unknown: Vec<String> =
        applied.iter().map(|row| row.version.clone()).filter(|version| !known.contains(version)).collect();
    if !unknown.is_empty() {
        return Err(Cause::Newer(unknown));
    }
    Ok(known.iter().all(|name| applied.iter().any(|row| row.version == *name)))
}
