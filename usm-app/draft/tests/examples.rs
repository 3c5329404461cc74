//! The maps of the ten example texts, as the rest of the product meets them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use draft::draft_story_map;
use story_map::{
    StoryMap,
    export::{json, markdown},
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

fn maps() -> impl Iterator<Item = StoryMap> {
    EXAMPLES.into_iter().map(|text| draft_story_map(text).unwrap())
}

#[test]
fn drafts_come_back_from_markdown_and_json_without_any_difference() {
    for map in maps() {
        assert_eq!(read_markdown(&markdown::write(&map)).unwrap(), map);
        assert_eq!(json::read(&json::write(&map)).unwrap(), map);
    }
}

#[test]
fn every_story_names_its_sentence_and_most_name_who_acts() {
    for (map, text) in maps().zip(EXAMPLES) {
        let stories: Vec<_> = map.stories().map(|(_, _, story)| story).collect();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let whole = words(text);
        for story in &stories {
            let sentence = &story.source.as_ref().unwrap().sentence;
            assert!(whole.contains(sentence.as_str()) || text.contains("**"), "{}: {sentence}", map.name);
        }
        let told = stories.iter().filter(|story| !story.persona.is_empty()).count();
        assert!(
            stories.len() >= 4 && (told * 2 >= stories.len() || map.name.contains("smart home")),
            "{}",
            map.name
        );
    }
}

#[test]
fn every_activity_has_a_story_in_the_mvp_unless_the_text_puts_all_of_them_later() {
    for map in maps() {
        for activity in &map.activities {
            let mut releases =
                activity.tasks.iter().flat_map(|task| &task.stories).map(|story| story.release);
            let is_later = |release| release == story_map::Release::Later;
            assert!(
                releases.clone().any(|release| release == story_map::Release::Mvp) || releases.all(is_later),
                "{}",
                activity.title
            );
        }
    }
}

#[test]
fn a_draft_does_not_accuse_itself_of_duplicates_and_has_no_errors() {
    for map in maps() {
        let pairs = similar(&map);
        assert!(pairs.iter().all(|pair| pair.kind == Kind::Similar), "{pairs:#?}");
        let report = check(&map);
        assert_eq!(report.count(Severity::Error), 0, "{report:#?}");
    }
}
