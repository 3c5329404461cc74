//! The same draft in the stages a map is made in: the text looked at, the backbone, the stories of one activity.

use serde::Serialize;

use super::{DraftError, draft_story_map};
use story_map::enhancement::ProductType;
use story_map::{Activity, Backbone, BackboneActivity, wording::key};

/// What can be told about a text without adding to it. The fields are those of an
/// [`EnhancementAnswer`](story_map::enhancement::EnhancementAnswer).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DraftEnhancement {
    /// The text itself: words alone do not tell what follows from them.
    pub enhanced_text: String,
    /// Always empty.
    pub added_aspects: Vec<String>,
    /// The questions the text leaves open.
    pub missing_info: Vec<String>,
    /// The first kind of product the text names.
    pub detected_product_type: ProductType,
    /// Who acts in it.
    pub detected_roles: Vec<String>,
    /// Always 1: the text is its author's own.
    pub confidence: f64,
}

/// Looks at a text as stage 1 does: questions, roles, kind of product.
///
/// # Errors
///
/// As [`draft_story_map`].
pub fn draft_enhancement(text: &str) -> Result<DraftEnhancement, DraftError> {
    let map = draft_story_map(text)?;
    let questions = map.notes.into_iter().filter(|note| note.trim_end().ends_with('?'));
    Ok(DraftEnhancement {
        enhanced_text: text.to_owned(),
        added_aspects: Vec::new(),
        missing_info: questions.collect(),
        detected_product_type: ProductType::of_text(text),
        detected_roles: map.personas,
        confidence: 1.0,
    })
}

/// The backbone of [`draft_story_map`].
///
/// # Errors
///
/// As [`draft_story_map`].
pub fn draft_backbone(text: &str) -> Result<Backbone, DraftError> {
    let map = draft_story_map(text)?;
    let activities = map.activities.into_iter().map(|activity| BackboneActivity {
        title: activity.title,
        tasks: activity.tasks.into_iter().map(|task| task.title).collect(),
    });
    Ok(Backbone {
        name: map.name,
        personas: map.personas,
        activities: activities.collect(),
        notes: map.notes,
    })
}

/// The activity with this title of [`draft_story_map`], with those of its tasks that are asked for.
///
/// # Errors
///
/// As [`draft_story_map`], and [`DraftError::NoActivity`] when the backbone is another text's.
pub fn draft_stories(text: &str, activity: &str, tasks: &[String]) -> Result<Activity, DraftError> {
    let map = draft_story_map(text)?;
    let found = map.activities.into_iter().find(|known| key(&known.title) == key(activity));
    let mut found = found.ok_or_else(|| DraftError::NoActivity(activity.to_owned()))?;
    found.tasks.retain(|task| tasks.iter().any(|asked| key(asked) == key(&task.title)));
    Ok(found)
}
