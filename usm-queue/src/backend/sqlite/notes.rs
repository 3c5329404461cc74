//! Notes: small values that all processes share. Knows neither jobs nor messages.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::db::{Tx, backend, duration_micros};
use crate::{
    backend::{Expect, Note},
    error::{Error, Result},
};

fn failed(error: rusqlite::Error) -> Error {
    backend("the notes of the queue file cannot be used", error)
}

/// Live notes whose keys begin so, by key.
pub(super) fn list(connection: &Connection, prefix: &str, now: i64) -> Result<Vec<Note>> {
    let mut select = connection
        .prepare_cached(
            "SELECT key, value, version FROM notes
             WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY key",
        )
        .map_err(failed)?;
    let rows = select
        .query_map(params![prefix, now], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)));
    let rows: Vec<(String, String, u64)> = rows.and_then(Iterator::collect).map_err(failed)?;
    rows.into_iter().map(|(key, value, version)| note(key, &value, version)).collect()
}

fn note(key: String, value: &str, version: u64) -> Result<Note> {
    let value = serde_json::from_str(value)
        .map_err(|error| Error::invalid(format!("the note `{key}` is not JSON")).with_source(error))?;
    Ok(Note::new(key, value, version))
}

/// Stores a note if what is expected is there; its new version.
pub(super) fn put(
    tx: &Tx<'_>,
    key: &str,
    value: &str,
    expect: Expect,
    ttl: Option<Duration>,
) -> Result<Option<u64>> {
    let known = version(tx, key)?;
    if !is_met(expect, known) {
        return Ok(None);
    }
    // Of one that was removed or has expired nobody may take a later one for it.
    let version = u64::try_from(tx.now).unwrap_or(0).max(known.unwrap_or(0).saturating_add(1));
    let expires_at = ttl.map(|ttl| tx.now.saturating_add(duration_micros(ttl)));
    tx.connection
        .prepare_cached(
            "INSERT OR REPLACE INTO notes (key, value, version, expires_at) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut put| put.execute(params![key, value, version, expires_at]))
        .map_err(failed)?;
    Ok(Some(version))
}

/// Removes a note if what is expected is there.
pub(super) fn remove(tx: &Tx<'_>, key: &str, expect: Expect) -> Result<bool> {
    let known = version(tx, key)?;
    if known.is_none() || !is_met(expect, known) {
        return Ok(false);
    }
    let mut remove = tx.connection.prepare_cached("DELETE FROM notes WHERE key = ?1").map_err(failed)?;
    remove.execute([key]).map(|_| true).map_err(failed)
}

fn version(tx: &Tx<'_>, key: &str) -> Result<Option<u64>> {
    tx.connection
        .prepare_cached(
            "SELECT version FROM notes WHERE key = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        )
        .and_then(|mut version| version.query_row(params![key, tx.now], |row| row.get(0)).optional())
        .map_err(failed)
}

fn is_met(expect: Expect, known: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => known.is_none(),
        Expect::Version(version) => known == Some(version),
    }
}

const EXPIRED: &str = "SELECT 1 FROM notes WHERE expires_at <= ?1 AND expires_at IS NOT NULL LIMIT 1";

pub(super) fn need_maintenance(connection: &Connection, now: i64) -> Result<bool> {
    connection.prepare_cached(EXPIRED).and_then(|mut expired| expired.exists([now])).map_err(failed)
}

pub(super) fn maintain(tx: &Tx<'_>) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM notes WHERE expires_at <= ?1 AND expires_at IS NOT NULL")
        .and_then(|mut expired| expired.execute([tx.now]))
        .map(drop)
        .map_err(failed)
}
