//! The tables of the application's database, each with its queries beside it.
//!
//! ```text
//! user ─< project ─< activity ─< user_task ─< user_story ─< wireframe, story_revision
//!                 └< release ──────────────────┘
//! ```
//!
//! Deleting a row deletes everything to its right; deleting a release leaves its stories without one.

pub mod activity;
pub mod database_identity;
pub mod project;
pub mod release;
pub mod story_revision;
pub mod user;
pub mod user_story;
pub mod user_task;
pub mod wireframe;

#[cfg(test)]
mod tests;

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use story_map::Unmapped;

/// A list of sentences or names, kept as a JSON array in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct TextList(pub Vec<String>);

impl From<&[String]> for TextList {
    fn from(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| storable(text)).collect())
    }
}

/// Statements that are on no card, kept as a JSON array in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct UnmappedList(pub Vec<Unmapped>);

impl From<&[Unmapped]> for UnmappedList {
    fn from(all: &[Unmapped]) -> Self {
        let kept =
            all.iter().map(|one| Unmapped { text: storable(&one.text), reason: storable(&one.reason) });
        Self(kept.collect())
    }
}

/// The text without the character that PostgreSQL cannot keep in a text column, though Rust and SQLite can.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// The same for every text in a JSON value.
pub(crate) fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text)),
        Value::Array(items) => items.into_iter().map(storable_json).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (storable(&name), storable_json(value))).collect()
        }
        other => other,
    }
}
