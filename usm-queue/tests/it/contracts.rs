//! The contract suites on a SQLite file and in memory.

use std::{ops::Deref, sync::Arc};

use tempfile::TempDir;
use usm_queue::{Broker, SqliteOptions, testing};

/// A backend on a file that lives as long as it.
struct OnDisk<B: ?Sized> {
    backend: Arc<B>,
    _dir: TempDir,
}

impl<B: ?Sized> Deref for OnDisk<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.backend
    }
}

mod broker_on_a_file {
    use super::*;

    async fn open() -> Option<OnDisk<dyn Broker>> {
        let dir = TempDir::new().unwrap();
        let options = SqliteOptions::default();
        let (backend, _) = testing::sqlite_pair(Some(&dir.path().join("queue.db")), options).await.unwrap();
        Some(OnDisk { backend, _dir: dir })
    }

    testing::broker_contract!(open);
}

mod broker_in_memory {
    use super::*;

    async fn open() -> Option<Arc<dyn Broker>> {
        Some(testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap().0)
    }

    testing::broker_contract!(open);
}
