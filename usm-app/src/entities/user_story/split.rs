//! Puts several stories in place of one, unless somebody else changed it meanwhile.

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, NotSet, Set};

use super::{
    ActiveModel, COLUMN, Column, Entity, Improved, Improvement, Scope, StoryStatus, improve::replace,
};
use crate::database::begin_write;
use crate::entities::storable;

/// Gives the story that still has `version` the text of the first part and adds the others behind it, in the same task
/// and release, all or nothing. Gives what became of it and the ids of the added ones.
///
/// # Errors
///
/// The database does not answer.
pub async fn split(
    db: &DatabaseConnection,
    scope: Scope,
    story_id: i64,
    version: i32,
    job_id: Uuid,
    parts: &[Improvement],
) -> Result<(Improved, Vec<i64>), DbErr> {
    let [first, others @ ..] = parts else {
        return Err(DbErr::Custom("a story cannot be split into nothing".to_owned()));
    };
    let txn = begin_write(db).await?;
    let improved = replace(&txn, scope, story_id, version, job_id, first).await?;
    let Improved::Saved { .. } = improved else {
        txn.rollback().await?;
        return Ok((improved, Vec::new()));
    };
    let story = Entity::find_by_id(story_id).one(&txn).await?;
    let story = story.ok_or_else(|| DbErr::RecordNotFound(format!("story {story_id}")))?;
    let count = i32::try_from(others.len()).unwrap_or(i32::MAX);
    Entity::update_many()
        .col_expr(Column::Position, Expr::col(Column::Position).add(count))
        .filter(COLUMN.task_id.eq(story.task_id))
        .filter(COLUMN.position.gt(story.position))
        .exec(&txn)
        .await?;
    let mut added = Vec::new();
    for (part, place) in others.iter().zip(1..) {
        let row = ActiveModel {
            id: NotSet,
            task_id: Set(story.task_id),
            release_id: Set(story.release_id),
            title: Set(storable(&part.title)),
            description: Set(Some(storable(&part.description))),
            persona: Set(story.persona.clone()),
            priority: Set(story.priority.clone()),
            acceptance_criteria: Set(part.acceptance_criteria.as_slice().into()),
            position: Set(story.position.saturating_add(place)),
            status: Set(StoryStatus::Todo),
            version: Set(1),
            improved_by_job: Set(Some(job_id.to_string())),
            written_by: Set(part.written_by.clone()),
            source_sentence: Set(story.source_sentence.clone()),
            source_requirement: Set(story.source_requirement.clone()),
        };
        added.push(Entity::insert(row).exec(&txn).await?.last_insert_id);
    }
    txn.commit().await?;
    Ok((improved, added))
}
