//! The contract suites on a SQLite file, in memory and on the servers that run here.

use std::{ops::Deref, sync::Arc};

use tempfile::TempDir;
use usm_queue::{
    SqliteOptions,
    backend::{Broker, JobStore},
    testing,
};

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

#[cfg(feature = "rabbitmq")]
mod broker_on_rabbitmq {
    use crate::rabbitmq::open;

    usm_queue::testing::broker_contract!(open);
}

mod store_on_a_file {
    use super::*;

    async fn open() -> Option<OnDisk<dyn JobStore>> {
        let dir = TempDir::new().unwrap();
        let options = SqliteOptions::default();
        let (_, backend) = testing::sqlite_pair(Some(&dir.path().join("queue.db")), options).await.unwrap();
        Some(OnDisk { backend, _dir: dir })
    }

    testing::store_contract!(open);
}

mod store_in_memory {
    use super::*;

    async fn open() -> Option<Arc<dyn JobStore>> {
        Some(testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap().1)
    }

    testing::store_contract!(open);
}

#[cfg(feature = "redis")]
mod store_on_redis {
    use super::*;

    async fn open() -> Option<Arc<dyn JobStore>> {
        crate::redis::shared_store().await
    }

    testing::store_contract!(open);
}

/// A contract that is written but not on its list would never run.
#[test]
fn every_contract_is_on_its_list() {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for suite in ["broker", "store"] {
        let folder = manifest.join("src/testing").join(suite);
        let list = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
        let mut contracts = 0;
        for file in std::fs::read_dir(&folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines() {
                let Some(name) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split('(').next())
                else {
                    continue;
                };
                contracts += 1;
                assert!(
                    list.lines().any(|listed| listed.trim() == name),
                    "{suite}: {name} is not on the list"
                );
            }
        }
        assert!(contracts > 30, "{suite}: the contracts are found");
    }
}
