//! Databases for tests: a SQLite file always, PostgreSQL when `USM_TEST_POSTGRES_URL` names a server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::{connect, open};
use crate::config::{DatabaseUrl, SecretUrl};

/// An empty database of the test's own, removed when dropped.
pub(crate) struct TestDatabase {
    pub(crate) url: DatabaseUrl,
    _directory: Option<TempDir>,
    server: Option<(String, String)>,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let directory = TempDir::with_prefix("usm данные ?%20").unwrap();
        let url = DatabaseUrl::Sqlite(directory.path().join("new/usm.db"));
        Self { url, _directory: Some(directory), server: None }
    }

    /// `None`, said aloud, when no server is named.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("USM_TEST_POSTGRES_URL") else {
            eprintln!("PostgreSQL is not tested: USM_TEST_POSTGRES_URL is not set");
            return None;
        };
        let name = format!("usm_test_{}", Uuid::new_v4().simple());
        let admin = Database::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (address, _) = server.rsplit_once('/').unwrap();
        let url = DatabaseUrl::Postgres(SecretUrl::new(format!("{address}/{name}")));
        Some(Self { url, _directory: None, server: Some((server, name)) })
    }

    pub(crate) async fn every_kind() -> Vec<Self> {
        [Some(Self::sqlite()), Self::postgres().await].into_iter().flatten().collect()
    }

    /// A connection without migrations.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await.unwrap()
    }

    /// A connection of its own, migrated.
    pub(crate) async fn open(&self) -> DatabaseConnection {
        open(&self.url).await.unwrap()
    }
}

impl Drop for TestDatabase {
    /// Also after a failed test. A runtime cannot wait inside a runtime, hence the thread.
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let admin = Database::connect(&server).await.unwrap();
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        });
        drop(dropping.join());
    }
}

/// Runs the test on a migrated database of every kind.
pub(crate) async fn on_every_database(test: impl AsyncFn(&DatabaseConnection)) {
    for database in TestDatabase::every_kind().await {
        let db = database.open().await;
        test(&db).await;
        db.close().await.unwrap();
    }
}
