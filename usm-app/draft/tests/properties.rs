//! What holds for every text: no panic, no word of its own, the same map again.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;

use draft::draft_story_map;
use proptest::{collection::vec, prelude::*, sample::select};
use story_map::suggestion;

/// Headings of the draft's own.
const HEADINGS: &[&str] = &[
    "Other requirements",
    "Requirements",
    "Остальные требования",
    "Требования",
    "Story map",
    "Карта историй",
];

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Words of the map that are neither in the text nor a singular of one that is.
fn invented(text: &str) -> Vec<String> {
    let map = draft_story_map(text).unwrap();
    let known: HashSet<String> = words(text).into_iter().collect();
    let is_known = |word: &String| {
        let many = [
            format!("{word}s"),
            format!("{word}es"),
            word.strip_suffix('y').map(|stem| format!("{stem}ies")).unwrap_or_default(),
        ];
        known.contains(word)
            || many.iter().any(|form| known.contains(form))
            || (word == "child" || word == "man" || word == "woman")
    };
    let mut told: Vec<String> = map.personas.clone();
    for (activity, task, story) in map.stories() {
        told.extend([
            activity.title.clone(),
            task.title.clone(),
            story.title.clone(),
            story.description.clone(),
            story.persona.clone(),
        ]);
        told.extend(story.acceptance_criteria.iter().filter(|text| !suggestion::is_marked(text)).cloned());
        told.extend(story.source.as_ref().map(|source| source.sentence.clone()));
    }
    told.push(map.name.clone());
    told.extend(map.unmapped.iter().map(|one| one.text.clone()));
    told.retain(|text| !HEADINGS.contains(&text.as_str()));
    told.iter().flat_map(|text| words(text)).filter(|word| !is_known(word)).collect()
}

fn clause() -> impl Strategy<Value = String> {
    let who = select(vec![
        "A glazier",
        "The members",
        "Owners",
        "The system",
        "Кладовщик",
        "Мастера",
        "Система",
        "Never",
        "Anyone",
        "If the list is full, the guest",
        "Head of Sales",
        "The front desk",
        "После визита клиент",
        "Нельзя",
        "I want to",
        "We need",
        "R1",
        "",
    ]);
    let does = select(vec![
        "can book a lane",
        "measures a window and orders the glass",
        "shall be notified within 5 minutes",
        "cannot edit a photo",
        "сканирует штрихкод и вводит количество",
        "может отменить заказ, пока он не готов",
        "must open in 2 seconds (nice to have)",
        "удалить запись",
        "is automatic",
        "pays 3.50 € later",
        "получают 15 % от суммы, система пишет чек",
        "sees who is coming",
        "",
        "в MVP",
        "works",
    ]);
    let end = select(vec![".", "", "!", "?", ";", ": one, two", " (P1)"]);
    (who, does, end).prop_map(|(who, does, end)| format!("{who} {does}{end}"))
}

fn line() -> impl Strategy<Value = String> {
    let mark = select(vec![
        "",
        "- ",
        "* [ ] ",
        "1. ",
        "  - ",
        "# ",
        "## ",
        "3.1.2 ",
        "> ",
        "| ",
        "**",
        "As a member, I want to ",
        "[10:02] Ann: ",
        "Given ",
        "Out of scope: ",
        "Как врач, я хочу ",
    ]);
    (mark, clause()).prop_map(|(mark, clause)| format!("{mark}{clause}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_draft_panic(text in "(?s).{0,400}") {
        drop(draft_story_map(&text));
    }

    #[test]
    fn no_text_of_signs_makes_the_draft_panic(text in "[-#*|>:.()0-9A-Zaя, \n«»!?&<]{0,300}") {
        drop(draft_story_map(&text));
    }

    #[test]
    fn every_word_is_from_the_text(lines in vec(line(), 1..12)) {
        let text = lines.join("\n");
        prop_assume!(!text.trim().is_empty());
        prop_assert_eq!(invented(&text), Vec::<String>::new());
    }

    #[test]
    fn the_same_text_gives_the_same_map(lines in vec(line(), 1..12)) {
        let text = lines.join("\n");
        prop_assert_eq!(draft_story_map(&text), draft_story_map(&text));
    }
}
