//! Why a database could not be opened, and what to do about it.

use std::path::PathBuf;

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

use super::Cause;
use crate::config::DatabaseUrl;

/// A database that cannot be opened or migrated. Every text names the file, or the server without its password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory of the file does not exist and cannot be created.
    #[error(
        "cannot create the directory of {}: {source}; create it, or choose another in USM_DATA_DIR or DATABASE_URL",
        .file.display()
    )]
    Directory {
        /// The database file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The lock file cannot be written or was not freed.
    #[error("cannot lock {}.lock: {source}; the directory must be writable for this user", .file.display())]
    LockFile {
        /// The database file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be opened or written.
    #[error(
        "cannot open {} for writing: {source}; file and directory must be writable for this user and the disk not full",
        .file.display()
    )]
    Unwritable {
        /// The database file.
        file: PathBuf,
        /// What the database said.
        source: DbErr,
    },
    /// The file is no SQLite database, or a damaged one. It was not changed.
    #[error(
        "{} is not a SQLite database or is damaged ({source}); it was not changed: restore it from a backup, or move \
         it away together with the files of the same name ending in -wal and -shm to start with an empty one",
        .file.display()
    )]
    Damaged {
        /// The database file.
        file: PathBuf,
        /// What the database said.
        source: DbErr,
    },
    /// A newer version has migrated the database.
    #[error(
        "{database} was migrated by a newer version of usm (this one does not know {}); start that version, or choose \
         another database",
        .unknown.join(", ")
    )]
    Newer {
        /// The database.
        database: String,
        /// Migrations applied to it that this program does not have.
        unknown: Vec<String>,
    },
    /// The database holds tables that this program has not made.
    #[error(
        "{database} already holds the tables of another program; choose an empty database in DATABASE_URL"
    )]
    Foreign {
        /// The database.
        database: String,
    },
    /// Another process holds the lock too long.
    #[error("{database} is locked by another process ({source}); wait until it has finished, or stop it")]
    Locked {
        /// The database.
        database: String,
        /// What the database said.
        source: DbErr,
    },
    /// Any other failure: the server does not answer, refuses the user, has no such database, or a migration failed.
    #[error(
        "cannot open the database {database}: {source}; check DATABASE_URL and that the server is running"
    )]
    Unreachable {
        /// The database.
        database: String,
        /// What the database said.
        source: DbErr,
    },
}

impl Cause {
    /// Says which database it was.
    pub(super) fn into_error(self, url: &DatabaseUrl) -> OpenError {
        let database = url.to_string();
        let (file, is_sqlite) = match url {
            DatabaseUrl::Sqlite(file) => (file.clone(), true),
            DatabaseUrl::Postgres(_) => (PathBuf::new(), false),
        };
        match self {
            Self::Directory(source) => OpenError::Directory { file, source },
            Self::LockFile(source) => OpenError::LockFile { file, source },
            Self::Newer(unknown) => OpenError::Newer { database, unknown },
            Self::Foreign => OpenError::Foreign { database },
            Self::Database(source) => match code(&source).as_deref().and_then(|code| kind(code, is_sqlite)) {
                Some(Kind::Damaged) => OpenError::Damaged { file, source },
                Some(Kind::Unwritable) => OpenError::Unwritable { file, source },
                Some(Kind::Locked) => OpenError::Locked { database, source },
                None => OpenError::Unreachable { database, source: without_address(source) },
            },
        }
    }
}

enum Kind {
    Damaged,
    Unwritable,
    Locked,
}

fn kind(code: &str, is_sqlite: bool) -> Option<Kind> {
    if !is_sqlite {
        // lock_not_available: the time-out set for the migration lock.
        return (code == "55P03").then_some(Kind::Locked);
    }
    // The low byte of an extended result code is the primary one.
    match code.parse::<u32>().ok()? & 0xff {
        5 | 6 => Some(Kind::Locked),
        8 | 10 | 13 | 14 => Some(Kind::Unwritable),
        11 | 26 => Some(Kind::Damaged),
        _ => None,
    }
}

fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    match cause.as_ref() {
        sqlx::Error::Database(cause) => cause.code().map(|code| code.into_owned()),
        _ => None,
    }
}

/// sea-orm quotes an address that it cannot parse, password included.
fn without_address(error: DbErr) -> DbErr {
    match error {
        DbErr::Conn(RuntimeErr::Internal(_)) => {
            DbErr::Conn(RuntimeErr::Internal("the address is not well-formed".to_owned()))
        }
        other => other,
    }
}
