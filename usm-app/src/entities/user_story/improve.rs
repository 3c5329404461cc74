//! Replaces the text of a story, unless somebody else changed it meanwhile.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ExprTrait, JoinType, QuerySelect, QueryTrait};

use super::{COLUMN, Column, Entity, Scope, by_ids};
use crate::entities::{TextList, activity, storable, user_task};

/// The new text of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Improvement {
    /// Short title.
    pub title: String,
    /// The story itself.
    pub description: String,
    /// Testable statements.
    pub acceptance_criteria: Vec<String>,
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

/// Replaces title, description and criteria of a story that still has `version`, and remembers the job.
///
/// # Errors
///
/// The database does not answer.
pub async fn update_improved(
    db: &impl ConnectionTrait,
    scope: Scope,
    story_id: i64,
    version: i32,
    job_id: Uuid,
    improvement: &Improvement,
) -> Result<Improved, DbErr> {
    let job_id = job_id.to_string();
    let criteria = TextList::from(improvement.acceptance_criteria.as_slice());
    let by_another_job = COLUMN.improved_by_job.is_null().or(COLUMN.improved_by_job.ne(job_id.as_str()));
    let updated = Entity::update_many()
        .col_expr(Column::Title, Expr::value(storable(&improvement.title)))
        .col_expr(Column::Description, Expr::value(storable(&improvement.description)))
        .col_expr(Column::AcceptanceCriteria, Expr::value(criteria))
        .col_expr(Column::ImprovedByJob, Expr::value(job_id.as_str()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(COLUMN.id.eq(story_id))
        .filter(COLUMN.version.eq(version))
        .filter(COLUMN.task_id.in_subquery(tasks_in(scope)))
        .filter(by_another_job)
        .exec(db)
        .await?;
    if updated.rows_affected > 0 {
        return Ok(Improved::Saved { version: version + 1 });
    }
    Ok(match by_ids(db, scope, &[story_id]).await?.first() {
        None => Improved::Missing,
        Some(story) if story.improved_by_job.as_ref() == Some(&job_id) => Improved::AlreadyDone,
        Some(story) => Improved::Changed { version: story.version },
    })
}

fn tasks_in(scope: Scope) -> SelectStatement {
    user_task::Entity::find()
        .inner_join(activity::Entity)
        .join(JoinType::InnerJoin, activity::Relation::Project.def())
        .filter(scope.condition())
        .select_only()
        .column(user_task::Column::Id)
        .into_query()
}
