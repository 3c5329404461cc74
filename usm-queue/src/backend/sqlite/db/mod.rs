//! One SQLite file: a thread that writes with group commit, a thread that reads, and word from other processes on the same
//! file. What the tables hold is not known here.

mod bulk;
mod connection;
mod error;
mod files;
mod notifier;
mod reader;
mod schema;
mod tables;
mod tally;
mod time;
mod tx;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

pub(super) use self::{
    bulk::BulkInsert,
    error::backend,
    tables::Tables,
    tally::{Added, Tally},
    time::{duration_micros, micros, moment},
    tx::{Effects, Tx},
};
use self::{
    files::Files,
    notifier::Notifier,
    reader::Reader,
    writer::{Others, Writer},
};
use super::SqliteOptions;
use crate::error::{Error, Result};

/// Lists that are read at once; the others wait.
const LISTS_AT_ONCE: usize = 2;

/// Where a database is that is not in memory.
struct Place {
    path: PathBuf,
    files: Arc<Files>,
}

/// One open database.
pub(super) struct Db {
    place: Option<Place>,
    writer: Writer,
    reader: Option<Reader>,
    lists: Semaphore,
    lock_timeout: Duration,
    closed: AtomicBool,
    _listener: Option<notifier::Listener>,
}

impl Db {
    /// Opens or creates the file at `path`.
    pub(super) fn open(path: &Path, options: SqliteOptions, tables: Arc<dyn Tables>) -> Result<Self> {
        let options = options.within_bounds();
        let connection = connection::open(path)?;
        // As SQLite does, so that who opens it by a link and who opens it by its name hear each other.
        let path = &std::fs::canonicalize(path)
            .map_err(|error| backend(format!("the queue file {} cannot be found", path.display()), error))?;
        let files = Arc::new(Files::open(path)?);
        let reader = Reader::start(connection::open_reader(path)?, tables.clone())?;
        let (notifier, listener) = Notifier::open(path, reader.wake())?;
        let others = Others { notifier, files: files.clone() };
        let writer = Writer::start(connection, options, tables, others)?;
        Ok(Self {
            place: Some(Place { path: path.to_owned(), files }),
            writer,
            reader: Some(reader),
            lists: Semaphore::new(LISTS_AT_ONCE),
            lock_timeout: options.lock_timeout,
            closed: AtomicBool::new(false),
            _listener: Some(listener),
        })
    }

    /// A database in this process's memory. What is done to it is done on the callers' threads, by the clock of this runtime.
    pub(super) fn in_memory(options: SqliteOptions, tables: Arc<dyn Tables>) -> Result<Self> {
        let options = options.within_bounds();
        Ok(Self {
            place: None,
            writer: Writer::of_callers(connection::open_in_memory()?, options, tables),
            reader: None,
            lists: Semaphore::new(LISTS_AT_ONCE),
            lock_timeout: options.lock_timeout,
            closed: AtomicBool::new(false),
            _listener: None,
        })
    }

    /// Runs `work` in the next group commit; when this returns its writes are durable. `work` may be run again when
    /// another command of the group fails, so it must not consume anything.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.check_open()?;
        self.writer.call(work).await
    }

    /// As [`write`](Self::write), for what neighbours in the writer's queue can do by the same statements: `work` gets the
    /// parts of all of them.
    pub(super) async fn write_together<P: Send + 'static>(
        &self,
        part: P,
        work: fn(&mut Tx<'_>, &[&P]) -> Result<()>,
    ) -> Result<()> {
        self.check_open()?;
        self.writer.call_together(part, work).await
    }

    /// Reads beside the writer; sees everything committed before.
    pub(super) async fn read<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T> + Send + 'static,
    {
        self.check_open()?;
        match &self.reader {
            Some(reader) => reader.call(self.lock_timeout, work).await,
            // A database in memory has one connection.
            None => self.writer.call(move |tx| work(tx.connection)).await,
        }
    }

    /// As [`read`](Self::read) for what may take long: by a connection of its own, so that other reads do not wait for it.
    pub(super) async fn read_apart<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T> + Send + 'static,
    {
        let Some(Place { path, files }) = &self.place else { return self.read(work).await };
        self.check_open()?;
        let Ok(_place) = self.lists.acquire().await else { return Err(Error::closed()) };
        let (path, files, until) = (path.clone(), files.clone(), Instant::now() + self.lock_timeout);
        let read = move || {
            files.check()?;
            connection::wait_until(until);
            work(&connection::open_reader(&path)?)
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| backend("reading the queue file was interrupted", error))?
    }

    /// Where the file is; `None` for one in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| place.path.as_path())
    }

    /// Gives deliveries back and refuses everything from then on.
    pub(super) async fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst)
            && let Err(error) = self.writer.release().await
        {
            tracing::warn!(
                error = crate::error::chain(&error),
                "deliveries were not handed back; they return when the lease has lapsed"
            );
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) { Err(Error::closed()) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => place.path.fmt(f),
            None => f.write_str("in memory"),
        }
    }
}
