//! The tables of the file: their version, and the steps that bring an older file up to it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::backend;
use crate::error::{Error, ErrorKind, Result};

/// "usmq", so that the file is told from other programs' SQLite files.
const APPLICATION_ID: i32 = 0x7573_6d71;
/// The tables of a new file, always of the newest version.
const SCHEMA: &str = include_str!("schema.sql");
/// Each brings a file one version up, the first from 1 to 2. A step that was released is never changed. Add what
/// `schema.sql` has in addition; a test compares both ways.
const UPGRADES: [&str; 3] =
    [include_str!("upgrades/2.sql"), include_str!("upgrades/3.sql"), include_str!("upgrades/4.sql")];
/// Version of the schema; a file with a greater one is refused.
const VERSION: i32 = UPGRADES.len() as i32 + 1;

/// Whose file it is and how far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nobody's: empty.
    New,
    /// Ours, of this version, which this program knows.
    Ours(i32),
}

/// Refuses a file that is not ours or too new. Only reads, so that another program's file stays as it is.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    look(connection, path).map(drop)
}

fn look(connection: &Connection, path: &Path) -> Result<Found> {
    let what = |error| backend(format!("the queue file {} cannot be read", path.display()), error);
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(what);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(what)?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(Found::New),
        (APPLICATION_ID, 1..=VERSION) => Ok(Found::Ours(version)),
        (APPLICATION_ID, newer) if newer > VERSION => Err(Error::new(
            ErrorKind::NewerVersion,
            format!(
                "the queue file {} has schema version {newer}, this program knows {VERSION}; use the newer program, or another data directory",
                path.display()
            ),
        )),
        _ => Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "the file {} is a SQLite file of another program; name another file for the queue",
                path.display()
            ),
        )),
    }
}

/// Makes the tables of a new file, or brings those of an older one up, all in one transaction: after a crash the file is as
/// it was before.
pub(super) fn bring_up(connection: &mut Connection, path: &Path) -> Result<()> {
    let what = |error| backend(format!("the queue file {} cannot be set up", path.display()), error);
    // Immediate: of several processes that start at once one does it, the others wait and find it done.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(what)?;
    match look(&tx, path)? {
        Found::Ours(VERSION) => return Ok(()),
        Found::Ours(older) => {
            // `look` lets only versions from 1 to this one through.
            for step in UPGRADES.iter().skip(usize::try_from(older - 1).unwrap_or_default()) {
                tx.execute_batch(step).map_err(what)?;
            }
            tracing::info!(file = %path.display(), schema.from = older, schema.to = VERSION, "the queue file was brought to a newer version");
        }
        Found::New => {
            tx.execute_batch(SCHEMA).map_err(what)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(what)?;
        }
    }
    tx.pragma_update(None, "user_version", VERSION).map_err(what)?;
    tx.commit().map_err(what)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::{collections::BTreeSet, fs, sync::Barrier, thread};

    use tempfile::TempDir;

    use super::*;
    use crate::backend::sqlite::db::connection;

    fn file_of_version_1(dir: &TempDir) -> std::path::PathBuf {
        file_of(1, dir)
    }

    /// Written by the last program of that version.
    fn file_of(version: u8, dir: &TempDir) -> std::path::PathBuf {
        let path = dir.path().join(format!("queue-{version}.db"));
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures");
        fs::copy(format!("{fixtures}/version-{version}.db"), &path).unwrap();
        path
    }

    fn rows(connection: &Connection, sql: &str) -> BTreeSet<String> {
        let mut select = connection.prepare(sql).unwrap();
        select.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Every column and every index, however they came to be.
    fn described(connection: &Connection) -> BTreeSet<String> {
        let columns = rows(
            connection,
            "SELECT format('%s.%s %s %d %s %d', t.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk)
             FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c WHERE t.name NOT LIKE 'sqlite_%'",
        );
        let kinds = rows(
            connection,
            "SELECT format('%s %d %d', name, strict, wr) FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'",
        );
        let others =
            rows(connection, "SELECT sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL");
        let others = others.iter().map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "));
        columns.into_iter().chain(kinds).chain(others).collect()
    }

    #[test]
    fn a_file_that_was_brought_up_has_the_tables_of_a_new_one() {
        let dir = TempDir::new().unwrap();
        let new = connection::open(&dir.path().join("new.db")).unwrap();
        for version in [1, 3] {
            let old = connection::open(&file_of(version, &dir)).unwrap();

            assert_eq!(described(&old), described(&new), "from version {version}");
            let version: i32 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(version, VERSION);
            assert_eq!(rows(&old, "PRAGMA integrity_check"), BTreeSet::from(["ok".to_owned()]));
        }
    }

    #[test]
    fn all_who_open_an_older_file_at_once_succeed() {
        for _ in 0..20 {
            let dir = TempDir::new().unwrap();
            let path = file_of_version_1(&dir);
            let start = Barrier::new(6);
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        start.wait();
                        connection::open(&path).unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_older_file_as_it_was() {
        let dir = TempDir::new().unwrap();
        let path = file_of_version_1(&dir);
        // The step finds its column there already.
        let old = Connection::open(&path).unwrap();
        old.execute_batch("ALTER TABLE queues ADD COLUMN ready INTEGER").unwrap();
        let before = described(&old);

        assert!(connection::open(&path).is_err());

        assert_eq!(described(&old), before);
        let version: i32 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
    }
}
