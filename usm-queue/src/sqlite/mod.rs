//! The embedded backend: one SQLite file for messages and jobs, one writer thread with group commit, several
//! processes on one file.

mod bulk;
mod connection;
mod doorbell;
mod files;
mod hub;
mod reader;
mod schema;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

pub(crate) use self::{bulk::BulkInsert, connection::backend, hub::Hub, writer::Tx};
use self::{
    doorbell::Doorbell,
    files::Files,
    reader::Reader,
    writer::{Shared, Writer},
};
use crate::{
    broker::{
        Broker,
        sqlite::{Routes, SqliteBroker},
    },
    error::{Error, Result},
    store::{JobStore, sqlite::SqliteStore},
};

/// Settings of the embedded backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long a process may give no sign of life before its deliveries go to others; it gives one every third of
    /// it. Default 15 s.
    pub lease: Duration,
    /// How long the record of an ended job is kept. Default 7 days.
    pub keep_ended: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { lease: Duration::from_secs(15), keep_ended: Duration::from_secs(7 * 24 * 3600) }
    }
}

impl SqliteOptions {
    /// Sets the time after which a silent process counts as dead; 10 ms at least.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(10));
        self
    }

    /// Sets how long the record of an ended job is kept.
    pub fn keep_ended(mut self, keep: Duration) -> Self {
        self.keep_ended = keep;
        self
    }

    /// Opens or creates the file, as [`TaskQueue::open`](crate::TaskQueue::open), without declaring anything.
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::open`](crate::TaskQueue::open), a mismatch of the topology apart.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<(Arc<dyn Broker>, Arc<dyn JobStore>)> {
        open(path.as_ref(), self).await
    }
}

type Backend = (Arc<dyn Broker>, Arc<dyn JobStore>);

/// Opens or creates the file.
pub(crate) async fn open(path: &Path, options: SqliteOptions) -> Result<Backend> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Db::open(&path, options)).await;
    backends(opened.map_err(|error| backend("opening the queue file was interrupted", error))??)
}

/// A database in this process's memory.
pub(crate) async fn in_memory(options: SqliteOptions) -> Result<Backend> {
    backends(Db::in_memory(options)?)
}

fn backends(db: Db) -> Result<Backend> {
    let db = Arc::new(db);
    Ok((Arc::new(SqliteBroker::new(db.clone())), Arc::new(SqliteStore::new(db))))
}

/// The declared topology, which the writer needs for what a broker does by itself.
type SharedRoutes = Arc<RwLock<Option<Arc<Routes>>>>;

/// One open database, shared by the broker and the job store on it.
pub(crate) struct Db {
    path: Option<PathBuf>,
    writer: Writer,
    reader: Option<Reader>,
    hub: Arc<Hub>,
    routes: SharedRoutes,
    closed: AtomicBool,
    _doorbell: Option<doorbell::Listener>,
}

impl Db {
    fn open(path: &Path, options: SqliteOptions) -> Result<Self> {
        let connection = connection::open(path)?;
        let hub = Arc::new(Hub::default());
        let reader = Reader::start(connection::open_reader(path)?, hub.clone())?;
        let (doorbell, listener) = Doorbell::open(path, reader.wake())?;
        let routes = SharedRoutes::default();
        let shared = Shared { doorbell, files: Files::open(path)? };
        let writer = Writer::start(connection, options, hub.clone(), routes.clone(), Some(shared))?;
        Ok(Self {
            path: Some(path.to_owned()),
            writer,
            reader: Some(reader),
            hub,
            routes,
            closed: AtomicBool::new(false),
            _doorbell: Some(listener),
        })
    }

    fn in_memory(options: SqliteOptions) -> Result<Self> {
        let hub = Arc::new(Hub::default());
        let routes = SharedRoutes::default();
        let writer =
            Writer::start(connection::open_in_memory()?, options, hub.clone(), routes.clone(), None)?;
        Ok(Self {
            path: None,
            writer,
            reader: None,
            hub,
            routes,
            closed: AtomicBool::new(false),
            _doorbell: None,
        })
    }

    /// Runs `work` in the next group commit; when this returns its writes are durable. `work` may be run again when
    /// another command of the group fails, so it must not consume anything.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.check_open()?;
        self.writer.call(work).await
    }

    /// Reads beside the writer; sees everything committed before.
    pub(crate) async fn read<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T> + Send + 'static,
    {
        self.check_open()?;
        match &self.reader {
            Some(reader) => reader.call(work).await,
            // A database in memory has one connection.
            None => self.writer.call(move |tx| work(tx.connection)).await,
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(routes));
    }

    /// Gives deliveries back and refuses everything from then on.
    pub(crate) async fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst)
            && let Err(error) = self.writer.call(writer::release_all).await
        {
            tracing::warn!(
                error = crate::error::chain(&error),
                "deliveries were not handed back; they return when the lease has lapsed"
            );
        }
        self.hub.close();
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) { Err(Error::closed()) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => path.fmt(f),
            None => f.write_str("in memory"),
        }
    }
}

/// Microseconds since 1970, as stored.
pub(crate) fn micros(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_micros()
}

/// The moment of a stored time.
pub(crate) fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A duration as stored.
pub(crate) fn duration_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
