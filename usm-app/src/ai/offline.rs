//! The provider that answers with drafts; nothing else of the program knows them.

use draft::{
    StoryToImprove, draft_enhancement, draft_story_map, draft_wireframe, improve_story, nothing_to_split,
    split_story,
};
use serde::{Deserialize, Serialize};
use story_map::{
    StoryMap,
    improvement::{ImproveAction, StorySplit},
};
use usm_ai::{Router, providers::Offline};
use wireframe::FlatWireframe;

use super::{ENHANCE, IMPROVE, WIREFRAME};
pub use draft::WireframeInput;

/// The draft of a whole map. It is no answer of the router: nothing in it has to be read, mended or asked for again, and every
/// story keeps the sentence it comes from.
///
/// # Errors
///
/// There is no text.
pub fn draft(requirements: &str) -> Result<StoryMap, String> {
    draft_story_map(requirements).map_err(|error| error.to_string())
}

/// The offline drafts alone, but for whole maps: [`draft`](fn@draft) makes those.
pub fn offline() -> Router {
    let offline = Offline::new()
        .try_answers(ENHANCE, |text: String| draft_enhancement(&text).map_err(|error| error.to_string()))
        .answers(WIREFRAME, |input| FlatWireframe::from(&draft_wireframe(&input)))
        .try_answers(IMPROVE, |input: ImproveInput| input.improve());
    Router::new(vec![Box::new(offline)])
}

/// The input of a request with the purpose [`IMPROVE`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImproveInput {
    /// Title of the story.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Whose story it is.
    pub persona: String,
    /// What must hold when it is done.
    pub acceptance_criteria: Vec<String>,
    /// What to improve; `None` for what the prompt says.
    pub action: Option<ImproveAction>,
    /// What else to mind.
    pub prompt: Option<String>,
}

impl ImproveInput {
    fn improve(&self) -> Result<serde_json::Value, String> {
        let story = StoryToImprove {
            title: &self.title,
            description: &self.description,
            persona: &self.persona,
            acceptance_criteria: &self.acceptance_criteria,
            prompt: self.prompt.as_deref(),
        };
        let answer = match self.action {
            Some(ImproveAction::Split) => serde_json::to_value(split_story(&story).unwrap_or_else(|| {
                StorySplit { stories: Vec::new(), suggestion: nothing_to_split(&story).to_owned() }
            })),
            // Without AI a wish is added to the description.
            action => serde_json::to_value(improve_story(&story, action.unwrap_or(ImproveAction::Details))),
        };
        answer.map_err(|error| error.to_string())
    }
}
