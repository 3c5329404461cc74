//! `usm improve --undo`: stories get the text back that they had before their last change.

use serde_json::json;
use story_map::improvement::StoryText;

use super::{super::failure::Failure, changes, out};
use crate::{
    app::App,
    entities::{
        story_revision::Author,
        user::LOCAL_USER_ID,
        user_story::{self, Model, Scope, Undone},
    },
};

pub(super) async fn run(app: &App, ids: &[i64], as_json: bool) -> Result<(), Failure> {
    let mut undone = Vec::new();
    for id in ids {
        undone.push((*id, user_story::undo(&app.db, Scope::Owner(LOCAL_USER_ID), *id).await?));
    }
    app.queue.close().await;
    if as_json {
        out::json(
            &json!({ "stories": undone.iter().map(|(id, undone)| as_value(*id, undone)).collect::<Vec<_>>() }),
        );
    } else {
        undone.iter().for_each(|(id, undone)| out::line(&told(*id, undone)));
    }
    match undone.iter().any(|(_, undone)| matches!(undone, Undone::Restored { .. })) {
        true => Ok(()),
        false => Err(Failure::usage("none of these stories has an earlier text")),
    }
}

fn told(id: i64, undone: &Undone) -> String {
    match undone {
        Undone::Restored { before, story, removed } => {
            let parts: Vec<String> = removed.iter().map(ToString::to_string).collect();
            let parts =
                if parts.is_empty() { String::new() } else { format!("; removed: {}", parts.join(", ")) };
            let by = Author::of(&story.written_by);
            format!(
                "{id}  restored  {} (by {by}){parts}{}",
                story.title,
                changes::told(&text(before), &text(story))
            )
        }
        Undone::NothingToUndo => format!("{id}  unchanged its text was never changed"),
        Undone::Missing => format!("{id}  failed    there is no such story any more"),
    }
}

fn as_value(id: i64, undone: &Undone) -> serde_json::Value {
    match undone {
        Undone::Restored { before, story, removed } => json!({
            "story_id": id, "outcome": "restored", "version": story.version, "written_by": story.written_by,
            "before": text(before), "after": text(story), "removed_story_ids": removed,
        }),
        Undone::NothingToUndo => json!({ "story_id": id, "outcome": "unchanged" }),
        Undone::Missing => json!({ "story_id": id, "outcome": "missing" }),
    }
}

fn text(story: &Model) -> StoryText {
    StoryText {
        title: story.title.clone(),
        description: story.description.clone().unwrap_or_default(),
        acceptance_criteria: story.acceptance_criteria.0.clone(),
    }
}
