//! The texts a story had, and having the last of them back.

use chrono::DateTime;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Example};

use super::{
    Tag,
    answer::{Answer, Change, Read},
    problem::Problem,
    stories,
    time::Time,
};
use crate::{
    app::App,
    entities::{
        story_revision::{self, Author},
        user::LOCAL_USER_ID,
        user_story::{self, Scope, Undone},
    },
};
use poem::http::StatusCode;

/// Revisions.
pub(super) struct Revisions {
    pub(super) app: App,
}

/// What a story says, and since when it did not.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Revision {
    /// The version of the story that had this text.
    pub version: i32,
    /// Short title.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Testable statements.
    pub acceptance_criteria: Vec<String>,
    /// `person`, `model`, `draft` (without AI), or `unknown`.
    pub author: String,
    /// Who exactly, where that is known: provider and model.
    pub written_by: String,
    /// When it was replaced.
    pub replaced_at: Time,
}

/// The earlier texts of a story.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct RevisionList {
    /// The one replaced last comes first.
    pub items: Vec<Revision>,
}

/// A story that has an earlier text back.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct Restored {
    /// The story.
    pub story_id: i64,
    /// Its version now.
    pub version: i32,
    /// Short title.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Testable statements.
    pub acceptance_criteria: Vec<String>,
    /// Stories that a split had added, and that are deleted because nobody has changed them since.
    pub removed_story_ids: Vec<i64>,
}

#[OpenApi]
impl Revisions {
    /// List the earlier texts of a story
    #[oai(
        path = "/story/:story_id/revisions",
        method = "get",
        operation_id = "listStoryRevisions",
        tag = "Tag::Stories"
    )]
    async fn list(
        &self,
        /// The story.
        #[oai(example = "stories::example_id")]
        story_id: Path<i64>,
    ) -> Answer<Json<RevisionList>, Read> {
        let (db, id) = (&self.app.db, story_id.0);
        if user_story::by_ids(db, Scope::Owner(LOCAL_USER_ID), &[id]).await?.is_empty() {
            return Err(stories::unknown(id).into());
        }
        let items = story_revision::of_story(db, id).await?.into_iter().map(|revision| Revision {
            version: revision.version,
            title: revision.title,
            description: revision.description.unwrap_or_default(),
            acceptance_criteria: revision.acceptance_criteria.0,
            author: Author::of(&revision.written_by).to_string(),
            written_by: revision.written_by,
            replaced_at: revision.replaced_at.into(),
        });
        Ok(Json(RevisionList { items: items.collect() }))
    }

    /// Undo the last change of a story
    ///
    /// The story gets the text back that it had before, as a new version; the present text becomes a revision, so that
    /// the same request brings it back. Stories that a split had added are deleted unless somebody changed them since.
    #[oai(path = "/story/:story_id/undo", method = "post", operation_id = "undoStory", tag = "Tag::Stories")]
    async fn undo(
        &self,
        /// The story.
        #[oai(example = "stories::example_id")]
        story_id: Path<i64>,
    ) -> Answer<Json<Restored>, Change> {
        let id = story_id.0;
        match user_story::undo(&self.app.db, Scope::Owner(LOCAL_USER_ID), id).await? {
            Undone::Restored { story, removed, .. } => Ok(Json(Restored {
                story_id: id,
                version: story.version,
                title: story.title,
                description: story.description.unwrap_or_default(),
                acceptance_criteria: story.acceptance_criteria.0,
                removed_story_ids: removed,
            })),
            Undone::NothingToUndo => {
                let detail = format!("the text of story {id} was never changed");
                Err(Problem::new(StatusCode::CONFLICT, "nothing-to-undo", detail).into())
            }
            Undone::Missing => Err(stories::unknown(id).into()),
        }
    }
}

impl Example for Revision {
    fn example() -> Self {
        Self {
            version: 1,
            title: "Pay by card".into(),
            description: "As a customer, I want to pay by card".into(),
            acceptance_criteria: vec!["The payment is confirmed".into()],
            author: "draft".into(),
            written_by: "offline".into(),
            replaced_at: DateTime::UNIX_EPOCH.into(),
        }
    }
}

impl Example for RevisionList {
    fn example() -> Self {
        Self { items: vec![Revision::example()] }
    }
}

impl Example for Restored {
    fn example() -> Self {
        let Revision { title, description, acceptance_criteria, .. } = Revision::example();
        let (story_id, removed_story_ids) = (stories::example_id(), Vec::new());
        Self { story_id, version: 3, title, description, acceptance_criteria, removed_story_ids }
    }
}
