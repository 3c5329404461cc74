//! Gives a story the text back that it had before the last change.

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

use super::{COLUMN, Column, Entity, Model, Scope, by_ids};
use crate::database::begin_write;
use crate::entities::story_revision;

/// What became of taking a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// The story has its former text.
    Restored {
        /// The story as it was a moment ago; its text is kept as a revision, so that it can be had back in the same way.
        before: Box<Model>,
        /// The story as it is.
        story: Box<Model>,
        /// Stories that the change had added by a split and nobody has touched since; they are deleted.
        removed: Vec<i64>,
    },
    /// Its text was never changed.
    NothingToUndo,
    /// No such story in this scope.
    Missing,
}

/// Exchanges the text of a story with the one it replaced last, as a new version.
///
/// # Errors
///
/// The database does not answer. Nothing is changed then.
pub async fn undo(db: &DatabaseConnection, scope: Scope, story_id: i64) -> Result<Undone, DbErr> {
    let txn = begin_write(db).await?;
    let Some(before) = by_ids(&txn, scope, &[story_id]).await?.pop() else { return Ok(Undone::Missing) };
    let revisions = story_revision::Entity::find().filter(story_revision::COLUMN.story_id.eq(story_id));
    let last = revisions.order_by_desc(story_revision::COLUMN.id).limit(1).one(&txn).await?;
    let Some(last) = last else { return Ok(Undone::NothingToUndo) };

    story_revision::keep(&txn, &before, None).await?;
    Entity::update_many()
        .col_expr(Column::Title, Expr::value(last.title.clone()))
        .col_expr(Column::Description, Expr::value(last.description.clone()))
        .col_expr(Column::AcceptanceCriteria, Expr::value(last.acceptance_criteria.clone()))
        .col_expr(Column::WrittenBy, Expr::value(last.written_by.clone()))
        .col_expr(Column::ImprovedByJob, Expr::value(None::<String>))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(COLUMN.id.eq(story_id))
        .exec(&txn)
        .await?;
    let removed = remove_parts(&txn, &before, last.replaced_by_job.as_deref()).await?;
    story_revision::Entity::delete_by_id(last.id).exec(&txn).await?;
    let story = Entity::find_by_id(story_id).one(&txn).await?;
    let story = story.ok_or_else(|| DbErr::RecordNotFound(format!("story {story_id}")))?;
    txn.commit().await?;
    Ok(Undone::Restored { before: Box::new(before), story: Box::new(story), removed })
}

/// Deletes the stories that the job added beside this one, as far as they are as it made them.
async fn remove_parts(
    txn: &impl ConnectionTrait,
    story: &Model,
    job: Option<&str>,
) -> Result<Vec<i64>, DbErr> {
    let Some(job) = job else { return Ok(Vec::new()) };
    let parts: Vec<i64> = Entity::find()
        .filter(COLUMN.task_id.eq(story.task_id))
        .filter(COLUMN.improved_by_job.eq(job))
        .filter(COLUMN.version.eq(1))
        .filter(COLUMN.id.ne(story.id))
        .order_by_asc(COLUMN.id)
        .all(txn)
        .await?
        .into_iter()
        .map(|part| part.id)
        .collect();
    Entity::delete_many().filter(COLUMN.id.is_in(parts.iter().copied())).exec(txn).await?;
    Ok(parts)
}
