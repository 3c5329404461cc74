//! Opens a queue file: the broker and the job store on it.

use std::{path::Path, sync::Arc};

use super::{
    SqliteOptions,
    broker::SqliteBroker,
    db::{Db, backend},
    embedded::Embedded,
    store::SqliteStore,
};
use crate::{
    backend::{Broker, JobStore},
    error::Result,
};

type Backends = (Arc<dyn Broker>, Arc<dyn JobStore>);

impl SqliteOptions {
    /// Opens or creates the file, as [`TaskQueue::open`](crate::TaskQueue::open), without declaring anything.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::open`](crate::TaskQueue::open), a mismatch of the topology apart.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Backends> {
        open(path.as_ref(), self).await
    }
}

/// Opens or creates the file.
pub(crate) async fn open(path: &Path, options: SqliteOptions) -> Result<Backends> {
    let path = path.to_owned();
    let opened =
        tokio::task::spawn_blocking(move || Embedded::new(|contents| Db::open(&path, options, contents)));
    let opened = opened.await.map_err(|error| backend("opening the queue file was interrupted", error))?;
    opened.map(backends)
}

/// A database in this process's memory.
pub(crate) async fn in_memory(options: SqliteOptions) -> Result<Backends> {
    Embedded::new(|contents| Db::in_memory(options, contents)).map(backends)
}

fn backends(embedded: Embedded) -> Backends {
    let embedded = Arc::new(embedded);
    (Arc::new(SqliteBroker::new(embedded.clone())), Arc::new(SqliteStore::new(embedded)))
}
