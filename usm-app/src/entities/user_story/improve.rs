//! Replaces the text of a story, unless somebody else changed it meanwhile.

use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;

use super::{COLUMN, Column, Entity, Scope, by_ids};
use crate::database::begin_write;
use crate::entities::{TextList, storable, story_revision};

/// The new text of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Improvement {
    /// Short title.
    pub title: String,
    /// The story itself.
    pub description: String,
    /// Testable statements.
    pub acceptance_criteria: Vec<String>,
    /// Who wrote it, as in [`Model::written_by`](super::Model::written_by).
    pub written_by: String,
}

/// What became of an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Improved {
    /// Saved; the story has this version now.
    Saved {
        /// The new version.
        version: i32,
    },
    /// The same job had improved this story before; nothing was written.
    AlreadyDone,
    /// Somebody changed the story since it was read; nothing was written.
    Changed {
        /// The version it has now.
        version: i32,
    },
    /// No such story in this scope; nothing was written.
    Missing,
}

/// Replaces title, description and criteria of a story that still has `version`, and remembers the job. The text it had is kept
/// as a revision.
///
/// # Errors
///
/// The database does not answer. Nothing is changed then.
pub async fn update_improved(
    db: &DatabaseConnection,
    scope: Scope,
    story_id: i64,
    version: i32,
    job_id: Uuid,
    improvement: &Improvement,
) -> Result<Improved, DbErr> {
    let txn = begin_write(db).await?;
    let improved = replace(&txn, scope, story_id, version, job_id, improvement).await?;
    match improved {
        Improved::Saved { .. } => txn.commit().await?,
        _ => txn.rollback().await?,
    }
    Ok(improved)
}

/// As [`update_improved`] within a transaction, which must be rolled back unless it was saved.
pub(super) async fn replace(
    txn: &impl ConnectionTrait,
    scope: Scope,
    story_id: i64,
    version: i32,
    job_id: Uuid,
    improvement: &Improvement,
) -> Result<Improved, DbErr> {
    let job_id = job_id.to_string();
    let story = match by_ids(txn, scope, &[story_id]).await?.pop() {
        None => return Ok(Improved::Missing),
        Some(story) if story.improved_by_job.as_ref() == Some(&job_id) => return Ok(Improved::AlreadyDone),
        Some(story) if story.version != version => return Ok(Improved::Changed { version: story.version }),
        Some(story) => story,
    };
    story_revision::keep(txn, &story, Some(job_id.clone())).await?;
    let updated = Entity::update_many()
        .col_expr(Column::Title, Expr::value(storable(&improvement.title)))
        .col_expr(Column::Description, Expr::value(storable(&improvement.description)))
        .col_expr(
            Column::AcceptanceCriteria,
            Expr::value(TextList::from(improvement.acceptance_criteria.as_slice())),
        )
        .col_expr(Column::ImprovedByJob, Expr::value(job_id.as_str()))
        .col_expr(Column::WrittenBy, Expr::value(improvement.written_by.as_str()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(COLUMN.id.eq(story_id))
        .filter(COLUMN.version.eq(version))
        .exec(txn)
        .await?;
    if updated.rows_affected > 0 {
        return Ok(Improved::Saved { version: version + 1 });
    }
    // Somebody was faster, where a database lets two transactions read at the same time.
    Ok(match by_ids(txn, scope, &[story_id]).await?.pop() {
        None => Improved::Missing,
        Some(story) if story.improved_by_job.as_ref() == Some(&job_id) => Improved::AlreadyDone,
        Some(story) => Improved::Changed { version: story.version },
    })
}
