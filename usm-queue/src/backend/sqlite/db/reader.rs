//! The thread that reads beside the writer, and notices what other processes wrote.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    connection::wait_until,
    error::{backend, panicked},
    tables::Tables,
};
use crate::error::{Error, ErrorKind, Result};

/// Where there are no notifications, for example on a file system without change events, other processes' writes are
/// noticed this late.
const FALLBACK: Duration = Duration::from_millis(500);
/// A look waits so long for a lock: reads queue behind it, and it comes again.
const LOOK_WAIT: Duration = Duration::from_millis(500);

enum Request {
    /// With the moment when it is refused if another process keeps everybody from reading.
    Read(Instant, Box<dyn FnMut(&Connection) + Send>),
    /// Another process may have written.
    Look,
}

/// Sends reads to the thread; it ends when this and all wakers are dropped.
pub(super) struct Reader {
    requests: mpsc::Sender<Request>,
    looking: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn start(connection: Connection, tables: Arc<dyn Tables>) -> Result<Self> {
        let (requests, inbox) = mpsc::channel();
        let looking = Arc::new(AtomicBool::new(false));
        let pending = looking.clone();
        thread::Builder::new()
            .name("usm-queue-reader".to_owned())
            .spawn(move || serve(&connection, &*tables, &inbox, &pending))
            .map_err(|error| backend("the reader thread cannot start", error))?;
        Ok(Self { requests, looking })
    }

    /// What a notification calls.
    pub(super) fn wake(&self) -> impl Fn() + Send + 'static {
        let (requests, looking) = (self.requests.clone(), self.looking.clone());
        move || {
            // One waiting look serves for every notification until it begins.
            if !looking.swap(true, Ordering::SeqCst) {
                let _ = requests.send(Request::Look);
            }
        }
    }

    pub(super) async fn call<T, F>(&self, lock_timeout: Duration, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut reply = Some(reply);
        let read = move |connection: &Connection| {
            if let Some(reply) = reply.take() {
                let read = catch_unwind(AssertUnwindSafe(|| work(connection)));
                let _ = reply.send(
                    read.unwrap_or_else(|panic| Err(panicked("a read of the queue file", panic.as_ref()))),
                );
            }
        };
        let died = || {
            Error::new(
                ErrorKind::Backend,
                "the thread that reads the queue file has died; restart this process",
            )
        };
        let until = Instant::now() + lock_timeout;
        self.requests.send(Request::Read(until, Box::new(read))).map_err(|_| died())?;
        answer.await.map_err(|_| died())?
    }
}

fn serve(
    connection: &Connection,
    tables: &dyn Tables,
    inbox: &mpsc::Receiver<Request>,
    looking: &AtomicBool,
) {
    wait_until(Instant::now() + LOOK_WAIT);
    let mut seen = data_version(connection);
    loop {
        match inbox.recv_timeout(FALLBACK) {
            Ok(Request::Read(until, mut read)) => {
                wait_until(until);
                read(connection);
            }
            Ok(Request::Look) | Err(mpsc::RecvTimeoutError::Timeout) => {
                looking.store(false, Ordering::SeqCst);
                wait_until(Instant::now() + LOOK_WAIT);
                let version = data_version(connection);
                if version != seen {
                    seen = version;
                    tables.changed(connection);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Changes whenever another connection has committed; reads no table.
fn data_version(connection: &Connection) -> i64 {
    let version = connection
        .prepare_cached("PRAGMA data_version")
        .and_then(|mut query| query.query_row([], |row| row.get(0)));
    version.unwrap_or_else(|error| {
        tracing::warn!(%error, "the queue file cannot be watched for changes");
        -1
    })
}
