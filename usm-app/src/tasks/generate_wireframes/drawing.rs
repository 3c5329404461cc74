//! A model's description of screens, and the picture that is drawn from it.

use uuid::Uuid;

use crate::entities::{user_story, wireframe::NewWireframe};
use wireframe::{FlatWireframe, Platform, StoryWireframe, Style, Subject, Wireframe, parse};

/// A drawn story.
pub(super) struct Drawing {
    pub(super) wireframe: StoryWireframe,
    story_id: i64,
    /// What it was drawn from; nothing when the model drew it.
    tree: Option<Wireframe>,
}

impl Drawing {
    /// Draws what a model described.
    pub(super) fn new(
        story: &user_story::Model,
        described: FlatWireframe,
        platform: Platform,
        style: Style,
    ) -> Self {
        let (mut tree, repairs) = described.into_wireframe();
        if !repairs.is_empty() {
            tracing::debug!(story.id = story.id, ?repairs, "the description of a wireframe was repaired");
        }
        let wireframe = StoryWireframe::new(subject(story), &mut tree, platform, style).with_repairs(repairs);
        Self { wireframe, story_id: story.id, tree: Some(tree) }
    }

    /// Tells that the model did not keep to the language of the story, though it was asked again.
    pub(super) fn foreign(mut self) -> Self {
        let mut repairs = std::mem::take(&mut self.wireframe.repairs);
        repairs.push("the words on the screens are not in the language of the story".to_owned());
        self.wireframe = self.wireframe.with_repairs(repairs);
        self
    }

    /// Takes what a model drew; `None` when there is no drawing in it.
    pub(super) fn of_text(
        story: &user_story::Model,
        text: &str,
        platform: Platform,
        style: Style,
    ) -> Option<Self> {
        let read = parse::read(text)?;
        let wireframe = StoryWireframe::from_text(subject(story), &read, platform, style);
        Some(Self { wireframe, story_id: story.id, tree: None })
    }

    pub(super) fn row(&self, job_id: Uuid) -> NewWireframe {
        let drawn = &self.wireframe;
        NewWireframe {
            story_id: self.story_id,
            style: drawn.style.as_str().to_owned(),
            platform: drawn.platform.as_str().to_owned(),
            ascii_wireframe: drawn.ascii_wireframe.clone(),
            full_text: drawn.full_text.clone(),
            tree: self.tree.as_ref().and_then(|tree| serde_json::to_value(tree).ok()).unwrap_or_default(),
            layout_description: drawn.layout_description.clone(),
            ui_elements: drawn.ui_elements.clone(),
            navigation: drawn.navigation_lines(),
            notes: drawn.note_lines(),
            job_id: Some(job_id),
        }
    }
}

fn subject(story: &user_story::Model) -> Subject<'_> {
    Subject { story_id: Some(story.id), title: &story.title, criteria: &story.acceptance_criteria.0 }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_a_model_drew_is_kept_without_a_tree() {
        let story = user_story::Model::titled("Войти");
        let text = "Sure!\n```\n+------+\n| Войти |\n+------+\n```\n## Notes\n- без пароля";

        let drawing = Drawing::of_text(&story, text, Platform::Web, Style::LowFidelity).unwrap();
        let row = drawing.row(Uuid::nil());

        assert_eq!(row.ascii_wireframe, "+-------+\n| Войти |\n+-------+");
        assert_eq!((row.tree, row.notes), (Value::Null, vec!["без пароля".to_owned()]));
        assert!(Drawing::of_text(&story, "I cannot draw.", Platform::Web, Style::LowFidelity).is_none());
    }

    #[test]
    fn a_drawing_is_kept_with_its_tree_and_its_lists() {
        let nodes =
            json!([{ "id": "1", "kind": "button", "text": "Войти", "role": "primary", "goto": "home" }]);
        let screens =
            json!([{ "id": "s", "title": "Вход", "nodes": nodes }, { "id": "home", "title": "Дом" }]);

        let described = json!({ "screens": screens, "notes": ["без пароля", "с кодом"] });
        let described = serde_json::from_value(described).unwrap();
        let drawing =
            Drawing::new(&user_story::Model::titled("Войти"), described, Platform::Web, Style::LowFidelity);
        let row = drawing.row(Uuid::nil());

        assert!(row.ascii_wireframe.contains("Войти"), "{}", row.ascii_wireframe);
        assert_eq!(row.notes, ["без пароля", "с кодом"]);
        assert_eq!(row.navigation.len(), 1);
        assert_eq!(row.tree["screens"][0]["id"], "s");
    }
}
