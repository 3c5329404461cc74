//! Opening the file, and waiting for other processes' locks.

use std::{
    cell::Cell,
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{error::backend, schema};
use crate::error::{Error, ErrorKind, Result};

/// SQLite 3.51.3 fixes a rare corruption of WAL files written by several processes.
const MIN_SQLITE: i32 = 3_051_003;
/// How long opening the file waits for another process's lock: it may be bringing a large file of an older version up.
const OPENING: Duration = Duration::from_secs(30);

thread_local! {
    /// Until when this thread waits for another process's lock.
    static WAIT_UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// From now on this thread waits for locks until then and no longer. `None`, as on a new thread: does not wait.
pub(super) fn wait_until(deadline: impl Into<Option<Instant>>) {
    WAIT_UNTIL.set(deadline.into());
}

/// Opens or creates the file for writing, checks that it is ours and brings the schema up.
pub(super) fn open(path: &Path) -> Result<Connection> {
    check_path(path)?;
    wait_until(Instant::now() + OPENING);
    let what = |error| backend(format!("the queue file {} cannot be opened", path.display()), error);
    let mut connection = Connection::open(path).map_err(what)?;
    prepare(&connection).map_err(what)?;
    // The first read of the file: one that is no database, or not ours, is found out before anything is written.
    schema::check(&connection, path)?;
    use_log(&connection).map_err(what)?;
    schema::bring_up(&mut connection, path)?;
    Ok(connection)
}

/// Refuses what SQLite takes for something else than a file, and says what is in the way where it only says that it cannot
/// open the file.
fn check_path(path: &Path) -> Result<()> {
    let name = path.as_os_str().to_string_lossy();
    let no_file = |why: &str| {
        Err(Error::invalid(format!(
            "`{name}` {why}; name a file, or use `TaskQueue::in_memory` for a queue that is not kept"
        )))
    };
    if name.is_empty() {
        return no_file("is no path of a queue file");
    }
    if name == ":memory:" {
        return no_file("is SQLite's word for no file");
    }
    if name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:")) {
        return no_file("is a URI, and only plain paths are taken");
    }
    let in_the_way = |why: String| {
        let text = format!("the queue file {} cannot be opened: {why}", path.display());
        Err(Error::new(ErrorKind::Unavailable, text))
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return in_the_way("it is a folder; name a file in it".to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound && path.is_symlink() => {
            return in_the_way(format!("it is a symbolic link that leads nowhere ({error})"));
        }
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => {
            in_the_way(format!("{} is a file and no folder; name another", folder.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            in_the_way(format!("there is no folder {}; make it first", folder.display()))
        }
        Err(error) => in_the_way(format!("the folder {} cannot be looked into ({error})", folder.display())),
        Ok(_) => Ok(()),
    }
}

/// Turns the write-ahead log on. SQLite does not wait for others here: of several processes that start on a new file at
/// once one succeeds and the others are told that it is locked.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut waits = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait(waits) => {
                waits += 1
            }
            other => return other,
        }
    }
}

/// Waits a little for another process's lock; `false` when it was long enough.
#[expect(
    clippy::disallowed_methods,
    reason = "runs on threads that may block: the writer's, the reader's, the opener's"
)]
fn wait(waits: i32) -> bool {
    let goes_on = WAIT_UNTIL.get().is_some_and(|deadline| Instant::now() < deadline);
    if goes_on {
        std::thread::sleep(Duration::from_micros(if waits < 20 { 200 } else { 1000 }));
    }
    goes_on
}

/// A second connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let what =
        |error| backend(format!("the queue file {} cannot be opened for reading", path.display()), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(what)?;
    prepare(&connection).map_err(what)?;
    connection.pragma_update(None, "query_only", true).map_err(what)?;
    Ok(connection)
}

pub(super) fn open_in_memory() -> Result<Connection> {
    let what = |error| backend("a queue in memory cannot be made", error);
    let mut connection = Connection::open_in_memory().map_err(what)?;
    prepare(&connection).map_err(what)?;
    schema::bring_up(&mut connection, Path::new(":memory:"))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    debug_assert!(rusqlite::version_number() >= MIN_SQLITE);
    connection.busy_handler(Some(wait))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Without it SQLite plans statements with partial indexes anew for every other value bound to them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Pages of 16 MiB in memory, and as many in the WAL before they are moved: a burst of jobs is worked without reading
    // its pages again, and pages that change often are moved once.
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::{sync::Barrier, thread, time::Instant};

    #[test]
    fn the_bundled_sqlite_has_the_wal_fix() {
        assert!(rusqlite::version_number() >= super::MIN_SQLITE);
    }

    #[test]
    fn all_who_set_up_a_new_file_at_once_succeed() {
        for _ in 0..60 {
            let dir = tempfile::TempDir::new().unwrap();
            let path = dir.path().join("queue.db");
            let start = Barrier::new(8);

            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let connection = rusqlite::Connection::open(&path).unwrap();
                        super::prepare(&connection).unwrap();
                        super::wait_until(Instant::now() + super::OPENING);
                        start.wait();
                        super::use_log(&connection).unwrap();
                    });
                }
            });
        }
    }
}
