//! The map without AI: one draft, shown part by part as a model's map is.

use story_map::{Backbone, BackboneActivity, StoryMap};
use usm_queue::TaskError;

use super::{
    Work,
    parts::{ActivityMade, BackboneMade, Made, MapPart},
    stages::Stage,
};
use crate::ai;

/// Who made such a map.
const OFFLINE: &str = "offline";

/// Drafts the map; parts that an earlier attempt has shown are not shown again. A map may be empty: then its questions are what
/// there is to show.
pub(super) async fn make(work: &Work<'_>, made: &mut Made) -> Result<StoryMap, TaskError> {
    work.report(Stage::Whole).await?;
    let map = ai::draft(work.text).map_err(TaskError::permanent)?;
    if made.backbone.is_none() {
        let activities = map.activities.iter().map(|activity| BackboneActivity {
            title: activity.title.clone(),
            tasks: activity.tasks.iter().map(|task| task.title.clone()).collect(),
        });
        let backbone = Backbone {
            name: map.name.clone(),
            personas: map.personas.clone(),
            activities: activities.collect(),
            notes: map.notes.clone(),
        };
        work.keep(made, MapPart::Backbone(BackboneMade { made_by: OFFLINE.to_owned(), backbone })).await?;
    }
    for index in made.missing() {
        let Some(activity) = map.activities.get(index).cloned() else { continue };
        let part = ActivityMade {
            index,
            made_by: OFFLINE.to_owned(),
            title: activity.title,
            tasks: activity.tasks,
            lacking: String::new(),
            is_foreign: false,
        };
        work.keep(made, MapPart::Activity(part)).await?;
    }
    Ok(map)
}
