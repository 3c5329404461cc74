//! What holds for every map that is made of a model's answers, whatever they are.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{wording::key, *};
use crate::Language;
use crate::enhancement::EnhancementAnswer;
use crate::improvement::{ImprovementAnswer, SplitAnswer, StoryText};

const REQUIREMENTS: &str = "# Еда\nКлиент заказывает еду.";

/// A whole map from one answer.
fn map(answer: Value) -> Result<StoryMap, &'static str> {
    let (backbone, parts) = MapAnswer::read(&answer)?.into_parts(REQUIREMENTS);
    let parts = parts.into_iter().enumerate().collect();
    Ok(assemble(&backbone, &parts, Language::of(REQUIREMENTS)))
}

fn story(title: &str, release: &str) -> Value {
    json!({
        "title": title, "description": format!("Клиент: {title}"), "persona": "Клиент", "release": release,
        "acceptance_criteria": ["Заказ виден в списке"],
    })
}

fn one_activity(stories: Vec<Value>) -> Value {
    let tasks = json!([{ "title": "Заказать", "stories": stories }]);
    json!({ "name": "Еда", "personas": ["Клиент"], "activities": [{ "title": "Заказ", "tasks": tasks }] })
}

fn titles(map: &StoryMap) -> Vec<(&str, Release)> {
    map.stories().map(|(_, _, story)| (story.title.as_str(), story.release)).collect()
}

#[test]
fn a_sound_answer_stays_as_it_is() {
    let map = map(one_activity(vec![story("Оплатить", "MVP"), story("Повторить", "Later")])).unwrap();

    assert_eq!(titles(&map), [("Оплатить", Release::Mvp), ("Повторить", Release::Later)]);
    assert_eq!((map.name.as_str(), map.personas.as_slice()), ("Еда", ["Клиент".to_owned()].as_slice()));
}

#[test]
fn the_original_shape_gives_the_same_map_bare_or_wrapped() {
    let story = json!({
        "title": "Оплатить", "description": "Клиент: Оплатить", "priority": "mvp", "persona": "Клиент",
        "acceptanceCriteria": ["Заказ виден в списке"],
    });
    let activity = json!({ "activity": "Заказ", "tasks": [{ "taskTitle": "Заказать", "stories": [story] }] });
    let original = json!({ "productName": "Еда", "personas": ["Клиент"], "map": [activity] });
    let mut streamed = original.clone();
    streamed["map"] = json!({ "activities": [activity] });
    let ours = map(one_activity(vec![self::story("Оплатить", "MVP")])).unwrap();

    for answer in [original.clone(), streamed, json!({ "result": original })] {
        assert_eq!(map(answer.clone()).unwrap(), ours, "{answer}");
    }
}

#[test]
fn an_activity_without_the_mvp_gets_its_most_needed_story_into_it() {
    let map = map(one_activity(vec![story("Бонусы", "Later"), story("Оценить", "Release 1")])).unwrap();

    assert_eq!(titles(&map), [("Оценить", Release::Mvp), ("Бонусы", Release::Later)]);
}

#[test]
fn stories_of_one_title_are_folded_and_lose_no_criterion() {
    let mut again = story("оплатить!", "MVP");
    again["acceptance_criteria"] = json!(["Заказ виден в списке.", "Чек приходит на почту"]);

    let map = map(one_activity(vec![story("Оплатить", "Later"), again])).unwrap();

    let stories: Vec<_> = map.stories().map(|(_, _, story)| story).collect();
    assert_eq!(stories.len(), 1);
    assert_eq!(stories[0].release, Release::Mvp);
    assert_eq!(stories[0].acceptance_criteria, ["Заказ виден в списке", "Чек приходит на почту"]);
}

#[test]
fn a_title_that_two_activities_use_is_told_apart() {
    let mut answer = one_activity(vec![story("Оплатить", "MVP")]);
    let mut other = answer["activities"][0].clone();
    other["title"] = json!("Возврат");
    answer["activities"].as_array_mut().unwrap().push(other);

    assert_eq!(
        titles(&map(answer).unwrap()),
        [("Оплатить", Release::Mvp), ("Оплатить (Возврат)", Release::Mvp)]
    );
}

#[test]
fn activities_and_tasks_of_one_title_become_one() {
    let mut answer = one_activity(vec![story("Оплатить", "MVP")]);
    let mut more = answer["activities"][0].clone();
    more["tasks"][0]["stories"] = json!([story("Отменить", "Later")]);
    answer["activities"].as_array_mut().unwrap().push(more);

    let map = map(answer).unwrap();

    assert_eq!((map.activities.len(), map.activities[0].tasks.len()), (1, 1));
    assert_eq!(map.stories().count(), 2);
}

#[test]
fn named_holes_stay_nameless_ones_are_left_out_and_a_map_without_stories_is_refused() {
    let mut answer = one_activity(vec![story("Оплатить", "MVP"), json!({ "title": " ", "release": "MVP" })]);
    let empty = json!({ "title": "Пусто", "tasks": [{ "title": "Тоже", "stories": [] }] });
    answer["activities"].as_array_mut().unwrap().extend([empty, json!({ "title": " ", "tasks": [] })]);

    let map_with_hole = map(answer).unwrap();
    assert_eq!((map_with_hole.activities.len(), map_with_hole.stories().count()), (2, 1));
    assert_eq!(map_with_hole.activities[1].tasks[0].title, "Тоже");
    assert!(map(one_activity(vec![])).unwrap_err().contains("without stories"));
}

#[test]
fn an_activity_whose_stories_are_missing_keeps_its_empty_tasks() {
    let answer = json!({ "activities": [
        { "title": "Заказ", "tasks": ["Выбрать", "Оплатить"] }, { "title": "Доставка", "tasks": ["Отвезти"] },
    ] });
    let backbone = BackboneAnswer::read(&answer).unwrap().into_backbone(REQUIREMENTS);

    let map = assemble(&backbone, &BTreeMap::new(), Language::Russian);

    let kept: Vec<usize> = map.activities.iter().map(|activity| activity.tasks.len()).collect();
    assert_eq!(kept, backbone.activities.iter().map(|activity| activity.tasks.len()).collect::<Vec<_>>());
    assert_eq!(map.stories().count(), 0);
}

#[test]
fn stories_find_their_tasks_by_title_and_else_by_place() {
    let backbone = BackboneAnswer::read(
        &json!({ "activities": [{ "title": "Заказ", "tasks": ["Выбрать", "Оплатить"] }] }),
    );
    let backbone = backbone.unwrap().into_backbone(REQUIREMENTS);
    let told = |answer: Value, asked: &[usize]| {
        let activity = StoriesAnswer::read(&answer).unwrap().into_activity(&backbone, 0, asked);
        activity.tasks.iter().map(|task| task.stories.len()).collect::<Vec<_>>()
    };
    let task = |title: &str| json!({ "title": title, "stories": [story(title, "MVP")] });

    assert_eq!(told(json!({ "tasks": [task("оплатить!"), task("Выбрать")] }), &[0, 1]), [1, 1]);
    assert_eq!(told(json!({ "tasks": [task("Choose"), task("Pay")] }), &[0, 1]), [1, 1]);
    assert_eq!(told(json!({ "tasks": [task("Pay")] }), &[1]), [0, 1], "only the second was asked for");
    let mut flat = story("Картой", "MVP");
    flat["task"] = json!("Оплатить");
    assert_eq!(told(json!({ "stories": [flat, story("Найти", "MVP")] }), &[0, 1]), [0, 2]);
}

#[test]
fn a_persona_has_one_spelling_and_nobody_is_lost() {
    let mut other = story("Принять", "MVP");
    other["persona"] = json!("клиент");
    let mut unknown = story("Отклонить", "MVP");
    unknown["persona"] = json!("Ресторан");
    let mut nobody = story("Закрыть", "MVP");
    nobody["persona"] = json!("");

    let map = map(one_activity(vec![other, unknown, nobody])).unwrap();

    assert_eq!(map.personas, ["Клиент", "Ресторан"]);
    let personas: Vec<_> = map.stories().map(|(_, _, story)| story.persona.as_str()).collect();
    assert_eq!(personas, ["Клиент", "Ресторан", "Клиент"]);
}

#[test]
fn missing_names_come_from_what_is_there() {
    let mut answer =
        one_activity(vec![json!({ "title": "", "description": "Клиент платит", "release": "MVP" })]);
    answer["name"] = json!("");
    answer["activities"][0]["tasks"][0]["title"] = json!("");

    let map = map(answer).unwrap();

    assert_eq!(map.name, "Еда");
    assert_eq!(map.activities[0].tasks[0].title, "Заказ");
    assert_eq!(map.activities[0].tasks[0].stories[0].title, "Клиент платит");
}

#[test]
fn whatever_is_too_long_or_too_many_is_cut_visibly() {
    let most = super::assemble::STORIES;
    let stories = (0..most + 7).map(|n| story(&format!("{} {n}", "ы".repeat(150)), "MVP")).collect();
    let mut answer = one_activity(stories);
    answer["name"] = json!("ы".repeat(5000));

    let map = map(answer).unwrap();

    assert_eq!(map.stories().count(), most);
    assert!(map.notes.last().unwrap().ends_with(": 7"), "{:?}", map.notes);
    assert_eq!(map.name.chars().count(), wording::TITLE + 1);
}

#[test]
fn words_for_releases_are_understood() {
    for (words, release) in [
        ("mvp", Release::Mvp),
        ("MVP (v0.2)", Release::Mvp),
        ("Release 1", Release::Release1),
        ("release 2", Release::Later),
        ("Must have", Release::Mvp),
        ("should", Release::Release1),
        ("низкий", Release::Later),
        ("", Release::Later),
    ] {
        assert_eq!(Release::of_words(words), release, "{words}");
    }
}

/// JSON that looks like an answer more often than chance has it.
fn answer_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[\\x00-\\x1f]{0,3}|MVP|Later|Заказ".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("activities"),
        Just("map"),
        Just("tasks"),
        Just("stories"),
        Just("title"),
        Just("taskTitle"),
        Just("activity"),
        Just("personas"),
        Just("name"),
        Just("productName"),
        Just("priority"),
        Just("release"),
        Just("acceptanceCriteria"),
        Just("acceptance_criteria"),
        Just("description"),
        Just("persona"),
        Just("notes"),
        Just("enhanced_text"),
        Just("confidence"),
        Just("result"),
    ];
    leaf.prop_recursive(6, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..7).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// What holds for every map.
fn check(map: &StoryMap) -> Result<(), String> {
    let mut known = HashSet::new();
    let texts = |story: &Story| {
        format!("{}{}{}{}", story.title, story.description, story.persona, story.acceptance_criteria.concat())
    };
    for (activity, task, story) in map.stories() {
        if texts(story).chars().chain(activity.title.chars()).chain(task.title.chars()).any(char::is_control)
        {
            return Err(format!("a control character in {story:?}"));
        }
        if story.title.is_empty() || story.title.chars().count() > wording::TITLE + 1 {
            return Err(format!("title: {}", story.title));
        }
        if !known.insert(key(&story.title)) {
            return Err(format!("a title stands twice: {}", story.title));
        }
        if !map.personas.contains(&story.persona) {
            return Err(format!("unknown persona: {}", story.persona));
        }
        if story.acceptance_criteria.len() > wording::CRITERIA {
            return Err("too many criteria".to_owned());
        }
    }
    for activity in &map.activities {
        let mut stories = activity.tasks.iter().flat_map(|task| &task.stories).peekable();
        if stories.peek().is_some() && !stories.any(|story| story.release == Release::Mvp) {
            return Err(format!("no MVP in {}", activity.title));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_makes_a_reader_panic_or_an_unsound_map(answer in answer_like()) {
        if let Ok(map) = map(answer.clone()) {
            prop_assert_eq!(check(&map), Ok(()));
        }
        if let Ok(backbone) = BackboneAnswer::read(&answer) {
            let backbone = backbone.into_backbone(REQUIREMENTS);
            prop_assert!(backbone.activities.iter().all(|activity| !activity.tasks.is_empty()));
            if let Ok(stories) = StoriesAnswer::read(&answer) {
                let part = stories.into_activity(&backbone, 0, &[0]);
                let map = assemble(&backbone, &BTreeMap::from([(0, part)]), Language::Russian);
                prop_assert_eq!(check(&map), Ok(()));
            }
        }
        if let Ok(answer) = EnhancementAnswer::read(&answer) {
            let enhancement = answer.into_enhancement(REQUIREMENTS);
            prop_assert!((0.0..=1.0).contains(&enhancement.confidence));
        }
        if let Ok(answer) = ImprovementAnswer::read(&answer) {
            let before = StoryText { title: String::new(), description: String::new(), acceptance_criteria: vec![] };
            if let Some((text, _)) = answer.into_text(&before) {
                prop_assert!(!text.words().chars().any(char::is_control));
            }
        }
        if let Some(split) = SplitAnswer::read(&answer).ok().and_then(SplitAnswer::into_split) {
            prop_assert!(split.stories.len() >= 2);
        }
    }
}
