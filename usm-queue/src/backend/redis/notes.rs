//! Notes: small values that all processes share. A key for each, beside a sorted set of their names.

use std::time::Duration;

use super::{
    connection::Connection,
    scripts::{NOTE, NOTES, on_lists},
};
use crate::{
    backend::{Expect, Note},
    error::{Error, ErrorKind, Result},
};

/// Live notes whose names begin so, by name.
pub(super) async fn list(connection: &Connection, prefix: &str) -> Result<Vec<Note>> {
    let names = [connection.keys().notes()];
    let found: Vec<(String, String)> = connection.request(&on_lists(&NOTES, &names, prefix)).await?;
    found.into_iter().map(|(name, text)| parse(connection, name, &text)).collect()
}

fn parse(connection: &Connection, name: String, text: &str) -> Result<Note> {
    let read = || {
        let (version, json) = text.split_once(' ')?;
        Some((serde_json::from_str(json).ok()?, version.parse().ok()?))
    };
    let (value, version) = read().ok_or_else(|| {
        let key = connection.keys().note(&name);
        let text = format!("the key `{key}` of Redis at {} cannot be read; delete it", connection.address());
        Error::new(ErrorKind::Corrupt, text)
    })?;
    Ok(Note::new(name, value, version))
}

/// Stores a note if what is expected is there; its new version.
pub(super) async fn put(
    connection: &Connection,
    name: &str,
    json: &str,
    expect: Expect,
    ttl: Option<Duration>,
) -> Result<Option<u64>> {
    let answer = change(connection, name, json, expect, ttl).await?;
    Ok(answer.parse().ok())
}

/// Removes a note if what is expected is there.
pub(super) async fn remove(connection: &Connection, name: &str, expect: Expect) -> Result<bool> {
    Ok(!change(connection, name, "", expect, None).await?.is_empty())
}

async fn change(
    connection: &Connection,
    name: &str,
    json: &str,
    expect: Expect,
    ttl: Option<Duration>,
) -> Result<String> {
    let keys = [connection.keys().note(name), connection.keys().notes()];
    let expect = match expect {
        Expect::Any => "any".to_owned(),
        Expect::Absent => "absent".to_owned(),
        Expect::Version(version) => version.to_string(),
    };
    let ttl = ttl.map(|ttl| ttl.as_millis().clamp(1, 1 << 50).to_string()).unwrap_or_default();
    connection.request(&on_lists(&NOTE, &keys, (name, expect, json, ttl))).await
}
