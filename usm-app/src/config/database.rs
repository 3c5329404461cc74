//! Which database holds projects and stories, and the spellings of its address.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::read::{ENCODE, Reader, is_ambiguous, is_url};
use super::{SecretUrl, mask_url};

/// `DATABASE_URL`: a SQLite file or a PostgreSQL server; default the file `usm.db` in the data directory.
///
/// Shown and serialised without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The file of a SQLite database, as given (relative to the working directory) or absolute.
    Sqlite(PathBuf),
    /// A PostgreSQL server, always spelt `postgres://…`.
    Postgres(SecretUrl),
}

impl DatabaseUrl {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Self {
        let default = Self::Sqlite(data_dir.join("usm.db"));
        let Some(value) = reader.text("DATABASE_URL") else { return default };
        Self::parse(&value).unwrap_or_else(|problem| {
            reader.refuse("DATABASE_URL", &mask_url(&value), problem);
            default
        })
    }

    /// Understands `postgres://…`, `postgresql://…` (also with a Python driver, `postgresql+asyncpg://…`),
    /// `sqlite:file`, and SQLAlchemy's `sqlite:///./file` (relative) and `sqlite:////dir/file` (absolute).
    ///
    /// # Errors
    ///
    /// A sentence that says which spellings are allowed. It never repeats the address.
    pub fn parse(url: &str) -> Result<Self, String> {
        const ALLOWED: &str = "must be postgres://user:password@host/database or sqlite:///./file.db";
        let (scheme, rest) = url.split_once(':').ok_or(ALLOWED)?;
        let kind = scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase();
        match kind.as_str() {
            "sqlite" => parse_sqlite(rest).map(Self::Sqlite),
            "postgres" | "postgresql" => {
                let normal = format!("postgres:{rest}");
                if is_ambiguous(&normal) {
                    return Err(ENCODE.into());
                }
                if is_url(&normal, &["postgres"]) {
                    Ok(Self::Postgres(SecretUrl::new(normal)))
                } else {
                    Err(ALLOWED.into())
                }
            }
            _ => Err(ALLOWED.into()),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The file named by what follows `sqlite:`.
///
/// Three slashes mean a relative file to SQLAlchemy, whose spelling the settings follow, and an absolute one to
/// others; where the two would open different existing places the address is refused.
fn parse_sqlite(rest: &str) -> Result<PathBuf, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.split('&').any(|option| !matches!(option, "" | "mode=rwc" | "mode=rw")) {
        return Err(
            "must not have options behind the file name, remove everything from the question mark on".into(),
        );
    }
    let file = match path.strip_prefix("//") {
        None => path,
        Some(after_two) => {
            match after_two.strip_prefix('/') {
                None => after_two,
                Some(file) if is_absolute(file) || !file.contains(['/', '\\']) => file,
                Some(file) if file.starts_with("./") || file.starts_with("../") => file,
                Some(_) => {
                    return Err("is ambiguous with three slashes: write sqlite:////dir/file.db for an absolute path or \
                            sqlite:///./dir/file.db for one relative to the working directory"
                    .into());
                }
            }
        }
    };
    if file.is_empty() || file == ":memory:" {
        return Err(
            "must name a file: an in-memory database could not be shared by server and workers".into()
        );
    }
    Ok(PathBuf::from(file))
}

/// Absolute here, or with a drive letter as on Windows.
fn is_absolute(file: &str) -> bool {
    let mut letters = file.chars();
    let drive = letters.next().is_some_and(|c| c.is_ascii_alphabetic()) && letters.next() == Some(':');
    file.starts_with('/') || drive
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_usual_spellings_of_a_file_are_understood() {
        for (url, file) in [
            ("sqlite:///./usm.db", "./usm.db"),
            ("sqlite:///../data/usm.db", "../data/usm.db"),
            ("sqlite:///usm.db", "usm.db"),
            ("sqlite:////var/lib/usm.db", "/var/lib/usm.db"),
            ("sqlite:///C:/data/usm.db", "C:/data/usm.db"),
            ("sqlite+aiosqlite:///./usm.db", "./usm.db"),
            ("sqlite:usm.db?mode=rwc", "usm.db"),
            ("sqlite://data/usm.db", "data/usm.db"),
            ("sqlite:///./карта историй.db", "./карта историй.db"),
        ] {
            assert_eq!(DatabaseUrl::parse(url).unwrap(), DatabaseUrl::Sqlite(file.into()), "{url}");
        }
    }

    #[test]
    fn the_usual_spellings_of_a_server_are_understood() {
        for url in ["postgres://u:p@h/db", "postgresql://u:p@h/db", "postgresql+asyncpg://u:p@h/db"] {
            let parsed = DatabaseUrl::parse(url).unwrap();

            assert_eq!(parsed, DatabaseUrl::Postgres(SecretUrl::new("postgres://u:p@h/db")));
            assert_eq!(parsed.to_string(), "postgres://u:***@h/db");
            assert_eq!(serde_json::to_string(&parsed).unwrap(), "\"postgres://u:***@h/db\"");
        }
    }

    #[test]
    fn other_databases_and_ambiguous_files_are_refused_with_what_to_write() {
        for (url, hint) in [
            ("mysql://u:p@h/db", "postgres://"),
            ("usm.db", "sqlite:///./file.db"),
            ("postgres://", "postgres://user"),
            ("postgres://u:12#34@h/db", "%23"),
            ("postgres://u:12/34@h/db", "%2F"),
            ("sqlite://", "must name a file"),
            ("sqlite::memory:", "must name a file"),
            ("sqlite:///var/lib/usm.db", "sqlite:////dir/file.db"),
            ("sqlite:///./usm.db?mode=ro", "question mark"),
        ] {
            let problem = DatabaseUrl::parse(url).unwrap_err();

            assert!(problem.contains(hint), "{url}: {problem}");
        }
    }
}
