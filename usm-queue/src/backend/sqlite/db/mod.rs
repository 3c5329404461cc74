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
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use tokio::sync::Semaphore;

pub(crate) use self::{bulk::BulkInsert, connection::backend, hub::Hub, writer::Tx};
use self::{
    doorbell::Doorbell,
    files::Files,
    reader::Reader,
    writer::{Shared, Writer},
};
use super::{
    jobs::SqliteStore,
    messages::{NewJobs, Routes, SqliteBroker},
};
use crate::{
    backend::{Broker, JobStore},
    error::{Error, Result},
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
    /// How long a call waits while another process holds the file's lock, counted from the call. Default 10 s.
    pub lock_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            keep_ended: Duration::from_secs(7 * 24 * 3600),
            lock_timeout: Duration::from_secs(10),
        }
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

    /// Sets how long a call waits while another process holds the file's lock, counted from the call; an hour at most. All
    /// that wait behind one lock fail together, each as `Unavailable`.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout.min(Duration::from_secs(3600));
        self
    }

    /// Its fields are public, so the setters' bounds may have been passed by.
    fn within_bounds(self) -> Self {
        self.lease(self.lease).lock_timeout(self.lock_timeout)
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

/// Lists that are read at once; the others wait.
const LISTS_AT_ONCE: usize = 2;

/// Where a database is that is not in memory.
struct Place {
    path: PathBuf,
    files: Arc<Files>,
}

/// One open database, shared by the broker and the job store on it.
pub(crate) struct Db {
    place: Option<Place>,
    writer: Writer,
    reader: Option<Reader>,
    lists: Semaphore,
    hub: Arc<Hub>,
    routes: SharedRoutes,
    lock_timeout: Duration,
    closed: AtomicBool,
    _doorbell: Option<doorbell::Listener>,
}

impl Db {
    fn open(path: &Path, options: SqliteOptions) -> Result<Self> {
        let options = options.within_bounds();
        let connection = connection::open(path)?;
        // As SQLite does, so that who opens it by a link and who opens it by its name hear each other.
        let path = &std::fs::canonicalize(path)
            .map_err(|error| backend(format!("the queue file {} cannot be found", path.display()), error))?;
        let files = Arc::new(Files::open(path)?);
        let hub = Arc::new(Hub::default());
        let reader = Reader::start(connection::open_reader(path)?, hub.clone())?;
        let (doorbell, listener) = Doorbell::open(path, reader.wake())?;
        let routes = SharedRoutes::default();
        let shared = Shared { doorbell, files: files.clone() };
        let writer = Writer::start(connection, options, hub.clone(), routes.clone(), Some(shared))?;
        Ok(Self {
            place: Some(Place { path: path.to_owned(), files }),
            writer,
            reader: Some(reader),
            lists: Semaphore::new(LISTS_AT_ONCE),
            hub,
            routes,
            lock_timeout: options.lock_timeout,
            closed: AtomicBool::new(false),
            _doorbell: Some(listener),
        })
    }

    fn in_memory(options: SqliteOptions) -> Result<Self> {
        let options = options.within_bounds();
        let hub = Arc::new(Hub::default());
        let routes = SharedRoutes::default();
        let writer =
            Writer::start(connection::open_in_memory()?, options, hub.clone(), routes.clone(), None)?;
        Ok(Self {
            place: None,
            writer,
            reader: None,
            lists: Semaphore::new(LISTS_AT_ONCE),
            hub,
            routes,
            lock_timeout: options.lock_timeout,
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

    /// Stores jobs that nobody can know yet.
    pub(crate) async fn insert(&self, new: NewJobs) -> Result<()> {
        self.check_open()?;
        self.writer.insert(new).await
    }

    /// Reads beside the writer; sees everything committed before.
    pub(crate) async fn read<T, F>(&self, mut work: F) -> Result<T>
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
    pub(crate) async fn read_apart<T, F>(&self, mut work: F) -> Result<T>
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
        match &self.place {
            Some(place) => place.path.fmt(f),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::{backend::sqlite::messages, error::ErrorKind, testing::soon};

    fn count(connection: &Connection, condition: &str) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM messages WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| backend("cannot count", error))
    }

    fn delay(tx: &Tx<'_>, messages: i64) -> Result<()> {
        // Due in the reverse of the order they came in.
        let insert = "INSERT INTO messages (id, queue, priority, due_at, message_id, envelope, body)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
            SELECT n, 1, 0, 1 + ?1 - n, n, '{}', x'' FROM n";
        tx.connection.execute(insert, [messages]).map(drop).map_err(|error| backend("cannot insert", error))
    }

    #[tokio::test]
    async fn a_write_or_read_that_panics_fails_alone_and_nothing_of_it_is_kept() {
        let dir = tempfile::TempDir::new().unwrap();
        for db in [
            Db::in_memory(SqliteOptions::default()).unwrap(),
            Db::open(&dir.path().join("queue.db"), SqliteOptions::default()).unwrap(),
        ] {
            let panics = db.write(|tx| {
                delay(tx, 1)?;
                panic!("what now");
                #[expect(unreachable_code, reason = "it names the type")]
                Ok(())
            });
            let (panicked, kept) = tokio::join!(panics, db.write(|tx| delay(tx, 3)));
            kept.unwrap();
            for error in [panicked.unwrap_err(), db.read::<(), _>(|_| panic!("what now")).await.unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::Backend);
                assert!(error.to_string().contains("panicked: what now"), "{error}");
            }
            assert_eq!(db.read(|connection| count(connection, "1")).await.unwrap(), 3);
        }
    }

    /// The first write panics where no command's own panic is caught: when it has been answered.
    #[tokio::test]
    async fn after_a_panic_of_the_writer_itself_the_next_write_succeeds() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let db = Db::in_memory(SqliteOptions::default()).unwrap();
        let inside = Panics;
        let write = db.write(move |_| {
            let _inside = &inside;
            Ok(())
        });

        soon("the caller is answered", write).await.unwrap();

        soon("the next is written", db.write(|tx| delay(tx, 1))).await.unwrap();
    }

    #[tokio::test]
    async fn messages_due_at_once_are_moved_in_order_some_in_each_transaction() {
        let db = Db::in_memory(SqliteOptions::default()).unwrap();
        db.write(|tx| delay(tx, 1_200)).await.unwrap();

        // Two commands of one transaction share its bound; here each has its own.
        let mut left = vec![1_200];
        while left.last() > Some(&0) {
            db.write(|tx| messages::keep_house(tx, false)).await.unwrap();
            left.push(db.read(|connection| count(connection, "due_at IS NOT NULL")).await.unwrap());
        }

        // The writer itself looks in between.
        assert!(left.windows(2).all(|pair| pair[0] - pair[1] <= 1_000) && left.len() > 2, "{left:?}");
        let order = db
            .read(|connection| {
                let mut select = connection.prepare("SELECT message_id FROM messages ORDER BY id").unwrap();
                let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
                Ok(rows.map(|id| id.unwrap().parse::<i64>().unwrap()).collect::<Vec<_>>())
            })
            .await
            .unwrap();
        assert_eq!(order, (1..=1_200).rev().collect::<Vec<_>>());
    }
}
