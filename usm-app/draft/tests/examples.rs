//! The maps of the ten example texts, as the rest of the product meets them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use draft::{draft_backbone, draft_stories, draft_story_map};
use serde_json::json;
use story_map::{
    BackboneAnswer, Language, MapAnswer, StoriesAnswer, assemble,
    export::markdown,
    import::read_markdown,
    quality::{Severity, check},
    similarity::{Kind, similar},
};

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/requirements/", $name))
    };
}

const EXAMPLES: [&str; 10] = [
    example!("food-delivery.ru.md"),
    example!("clinic-booking.ru.md"),
    example!("school-diary.ru.txt"),
    example!("warehouse.ru.txt"),
    example!("repair-marketplace.ru.md"),
    example!("library.en.md"),
    example!("fitness-studio.en.md"),
    example!("expense-approval.en.txt"),
    example!("event-tickets.en.txt"),
    example!("smart-home.en.txt"),
];

#[test]
fn a_draft_made_stage_by_stage_is_the_draft_made_at_once() {
    for text in EXAMPLES {
        let draft = draft_story_map(text).unwrap();

        let answer = BackboneAnswer::read(&json!(draft_backbone(text).unwrap())).unwrap();
        let backbone = answer.into_backbone(text);
        let mut parts = BTreeMap::new();
        for (index, activity) in backbone.activities.iter().enumerate() {
            let answer = draft_stories(text, &activity.title, &activity.tasks).unwrap();
            let asked: Vec<usize> = (0..activity.tasks.len()).collect();
            let answer = StoriesAnswer::read(&json!(answer)).unwrap();
            parts.insert(index, answer.into_activity(&backbone, index, &asked));
        }
        let staged = assemble(&backbone, &parts, Language::of(text));
        let (backbone, parts) = MapAnswer::read(&json!(draft)).unwrap().into_parts(text);
        let at_once = assemble(&backbone, &parts.into_iter().enumerate().collect(), Language::of(text));

        assert_eq!(staged, draft);
        assert_eq!(at_once, draft);
    }
}

#[test]
fn drafts_come_back_from_markdown_without_any_difference() {
    for text in EXAMPLES {
        let map = draft_story_map(text).unwrap();

        assert_eq!(read_markdown(&markdown::write(&map)).unwrap(), map);
    }
}

#[test]
fn a_draft_does_not_accuse_itself_of_duplicates() {
    let pairs = similar(&draft_story_map(EXAMPLES[0]).unwrap());

    assert!(pairs.iter().all(|pair| pair.kind == Kind::Similar), "{pairs:#?}");
    assert!(pairs.len() < 10, "{pairs:#?}");
}

#[test]
fn drafts_of_the_examples_score_well() {
    for text in [EXAMPLES[0], EXAMPLES[1], EXAMPLES[5]] {
        let report = check(&draft_story_map(text).unwrap());

        assert!(report.score >= 90, "{report:#?}");
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
    }
}
