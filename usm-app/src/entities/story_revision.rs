//! The texts a story had before, each with who wrote it.

use std::fmt;

use sea_orm::entity::prelude::*;
use sea_orm::{NotSet, QueryOrder, Set};

use super::{TextList, user_story};

/// A row of `story_revisions`: a text that another one has replaced.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "story_revisions")]
pub struct Model {
    /// Identifier; the greater of two is that of the text replaced later.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The story.
    pub story_id: i64,
    /// The version the story had with this text.
    pub version: i32,
    /// Short title.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// Who wants what, and why.
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    /// Testable statements.
    pub acceptance_criteria: TextList,
    /// Who wrote it, as in [`user_story::Model::written_by`].
    #[sea_orm(column_type = "Text", default_value = "")]
    pub written_by: String,
    /// The job that replaced it, a UUID; none when it was taken back by hand.
    #[sea_orm(column_type = "Text", nullable)]
    pub replaced_by_job: Option<String>,
    /// When it was replaced.
    pub replaced_at: DateTimeUtc,
    /// The story.
    #[sea_orm(belongs_to, from = "story_id", to = "id", on_delete = "Cascade")]
    pub story: BelongsTo<super::user_story::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What kind of author a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// It is from before authors were kept.
    Unknown,
    /// Somebody wrote it, or brought it along in a file.
    Person,
    /// The offline drafts.
    Draft,
    /// A model.
    Model,
}

impl Author {
    /// Written by a person.
    pub const PERSON: &'static str = "person";

    /// Of a text written by `written_by`.
    pub fn of(written_by: &str) -> Self {
        match written_by {
            "" => Self::Unknown,
            Self::PERSON => Self::Person,
            "offline" => Self::Draft,
            _ => Self::Model,
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Person => "person",
            Self::Draft => "draft",
            Self::Model => "model",
        })
    }
}

/// Keeps the text that a story has, before another one replaces it.
pub(super) async fn keep(
    txn: &impl ConnectionTrait,
    story: &user_story::Model,
    replaced_by_job: Option<String>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: NotSet,
        story_id: Set(story.id),
        version: Set(story.version),
        title: Set(story.title.clone()),
        description: Set(story.description.clone()),
        acceptance_criteria: Set(story.acceptance_criteria.clone()),
        written_by: Set(story.written_by.clone()),
        replaced_by_job: Set(replaced_by_job),
        replaced_at: Set(chrono::Utc::now()),
    };
    Entity::insert(row).exec_without_returning(txn).await.map(drop)
}

/// The texts of a story that were replaced, the last one first.
///
/// # Errors
///
/// The database does not answer.
pub async fn of_story(db: &impl ConnectionTrait, story_id: i64) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(COLUMN.story_id.eq(story_id)).order_by_desc(COLUMN.id).all(db).await
}
