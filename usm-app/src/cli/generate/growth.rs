//! The growing map: one line for each part as it is made.

use serde::Deserialize;
use serde_json::Value;

use crate::tasks::MapPart;
use story_map::Language;
use story_map::columns::drawable;

/// What a partial result adds to the map; `None` for one that is not shown, such as a wireframe.
pub(super) fn line(part: &Value) -> Option<String> {
    Some(match MapPart::deserialize(part).ok()? {
        MapPart::Enhancement(enhanced) if enhanced.used => {
            let count = enhanced.enhancement.added_aspects.len();
            let language = Language::of(&enhanced.enhancement.original_text);
            let what =
                language.pick("требования дополнены, добавлено", "the requirements are enhanced, additions");
            format!("  {what}: {count}")
        }
        MapPart::Enhancement(_) => return None,
        MapPart::Backbone(made) => {
            let titles: Vec<String> =
                made.backbone.activities.iter().map(|activity| drawable(&activity.title)).collect();
            format!("  {}: {}", drawable(&made.backbone.name), titles.join(" → "))
        }
        MapPart::Activity(made) => {
            let count: usize = made.tasks.iter().map(|task| task.stories.len()).sum();
            let language = Language::of(&made.title);
            let stories = language.pick("историй", "stories");
            format!("  + {}. {}: {stories} {count}", made.index + 1, drawable(&made.title))
        }
        MapPart::Failure(failure) => {
            let what = Language::of(&failure.activity).pick("нет историй", "no stories");
            let tasks: Vec<String> = failure.tasks.iter().map(|task| drawable(task)).collect();
            let activity = drawable(&failure.activity);
            format!("  ! {}. {activity} ({}): {what}: {}", failure.index + 1, tasks.join(", "), failure.error)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_part_of_the_map_is_one_line() {
        let backbone = json!({
            "part": "backbone", "made_by": "offline", "name": "Еда", "personas": ["Клиент"], "notes": [],
            "activities": [{ "title": "Заказ", "tasks": ["Выбрать"] }, { "title": "Оплата", "tasks": ["Оплатить"] }],
        });
        let story = json!({
            "title": "Картой", "description": "", "persona": "Клиент", "release": "MVP", "acceptance_criteria": [],
        });
        let tasks = json!([{ "title": "Оплатить", "stories": [story] }]);
        let activity = json!({ "part": "activity", "index": 1, "made_by": "offline", "title": "Оплата", "tasks": tasks });
        let failure = json!({
            "part": "failure", "index": 0, "activity": "Заказ", "tasks": ["Выбрать"], "error": "no answer in time",
        });

        assert_eq!(line(&backbone).as_deref(), Some("  Еда: Заказ → Оплата"));
        assert_eq!(line(&activity).as_deref(), Some("  + 2. Оплата: историй 1"));
        assert_eq!(line(&failure).as_deref(), Some("  ! 1. Заказ (Выбрать): нет историй: no answer in time"));
        assert_eq!(line(&json!({ "story_id": 5 })), None);
    }
}
