//! A text looked at without adding to it.

use serde::Serialize;
use story_map::enhancement::ProductType;

use crate::{DraftError, draft_story_map};

/// What can be told about a text. The fields are those of an [`EnhancementAnswer`](story_map::enhancement::EnhancementAnswer).
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
    Ok(DraftEnhancement {
        enhanced_text: text.to_owned(),
        added_aspects: Vec::new(),
        missing_info: map.questions,
        detected_product_type: ProductType::of_text(text),
        detected_roles: map.personas,
        confidence: 1.0,
    })
}
