//! Improvements and splits as models answer them, and what must never be saved.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn before() -> StoryText {
    StoryText {
        title: "Оплатить".to_owned(),
        description: "Клиент платит".to_owned(),
        acceptance_criteria: vec!["Чек приходит".to_owned()],
    }
}

#[test]
fn what_an_answer_leaves_out_stays_as_it_was() {
    let answer =
        ImprovementAnswer::read(&json!({ "story": { "criteria": "- Чек приходит\n- Отказ показан" } }));

    let (text, suggestion) = answer.unwrap().into_text(&before()).unwrap();

    assert_eq!((text.title.as_str(), suggestion.as_str()), ("Оплатить", ""));
    assert_eq!(text.acceptance_criteria, ["Чек приходит", "Отказ показан"]);
}

#[test]
fn a_story_is_never_overwritten_with_less() {
    let before = StoryText {
        title: "Pay for the order by card".to_owned(),
        description: "The customer pays up to 500 € by card, so that the order is sent the same day"
            .to_owned(),
        acceptance_criteria: ["A receipt is sent", "A refused card is told within 3 s"]
            .map(str::to_owned)
            .into(),
    };
    for poor in ["N/A", "TBD", "x", "string", "...", "Pay"] {
        let answer = json!({ "title": poor, "description": poor, "acceptance_criteria": [poor] });
        let text = match ImprovementAnswer::read(&answer) {
            Ok(answer) => answer.into_text(&before).unwrap().0.never_less_than(&before, None),
            Err(_) => before.clone(),
        };

        assert_eq!(text, before, "{poor}");
    }
    let longer = StoryText {
        title: "Pay for the order by card at once".to_owned(),
        description: format!("{}, unless it is sold out", before.description),
        acceptance_criteria: vec![
            "A receipt is sent at once".to_owned(),
            "Refused within 3 s: told".to_owned(),
        ],
    };
    assert_eq!(longer.clone().never_less_than(&before, None), longer);
    let without_number =
        StoryText { acceptance_criteria: vec!["a".repeat(80), "b".to_owned()], ..before.clone() };
    assert_eq!(without_number.never_less_than(&before, Some(ImproveAction::Criteria)), before);
}

#[test]
fn nothing_but_what_was_asked_for_is_changed() {
    let answer = || StoryText {
        title: "Платить".to_owned(),
        description: "Иначе".to_owned(),
        acceptance_criteria: vec!["Отказ показан".to_owned(), "чек приходит!".to_owned()],
    };
    let limited = |action, has_wish| answer().limited_to(action, has_wish, &before());
    let criteria = StoryText { acceptance_criteria: answer().acceptance_criteria, ..before() };
    let both = vec!["Чек приходит".to_owned(), "Отказ показан".to_owned()];

    assert_eq!(limited(Some(ImproveAction::Criteria), false), criteria);
    assert_eq!(limited(Some(ImproveAction::Criteria), true), answer());
    assert_eq!(limited(Some(ImproveAction::Details), false), answer());
    assert_eq!(limited(None, true), answer());
    let edge_cases = limited(Some(ImproveAction::EdgeCases), false);
    assert_eq!((edge_cases.title.as_str(), &edge_cases.acceptance_criteria), ("Оплатить", &both));
    let edge_cases = limited(Some(ImproveAction::EdgeCases), true);
    assert_eq!((edge_cases.title.as_str(), edge_cases.acceptance_criteria), ("Платить", both));
}

#[test]
fn an_empty_answer_is_refused_with_what_is_missing() {
    assert!(ImprovementAnswer::read(&json!({ "title": " " })).unwrap_err().contains("`title`"));
    assert!(SplitAnswer::read(&json!({ "stories": [{ "title": "One" }] })).unwrap_err().contains("two"));
}

#[test]
fn a_story_without_parts_is_an_answer_when_the_reason_is_given() {
    let read = |suggestion| SplitAnswer::read(&json!({ "stories": [], "suggestion": suggestion }));

    assert_eq!(read("One step").unwrap().nothing_to_split(), Some("One step".to_owned()));
    assert!(read(" ").is_err());
}

#[test]
fn parts_of_one_title_are_one_and_one_is_no_split() {
    let answer = |second: &str| {
        let stories = json!([{ "title": "Оплатить картой" }, { "title": second }]);
        SplitAnswer::read(&json!({ "stories": stories })).unwrap().into_split()
    };

    assert_eq!(answer("оплатить картой!"), None);
    assert_eq!(answer("Оплатить бонусами").unwrap().stories.len(), 2);
}

/// Documents of any shape with the names that are looked for, and texts that want to be more than that.
fn any_answer() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ а-яa-z\n*•0-9.-]{0,40}".prop_map(Value::from),
        (1usize..5000).prop_map(|count| Value::from("слово ".repeat(count))),
    ];
    let name = prop::sample::select(vec![
        "title",
        "description",
        "acceptance_criteria",
        "criteria",
        "suggestion",
        "story",
        "stories",
        "parts",
        "improved_story",
        "name",
        "x",
    ]);
    leaf.prop_recursive(4, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn is_fit(text: &StoryText) -> bool {
    // One more for the sign of a cut.
    let is_clean = |text: &str, most: usize| text.chars().count() <= most + 1 && !text.contains('\0');
    is_clean(&text.title, TITLE)
        && is_clean(&text.description, DESCRIPTION)
        && text.acceptance_criteria.len() <= CRITERIA
        && text.acceptance_criteria.iter().all(|criterion| is_clean(criterion, SENTENCE))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_model_answers_is_refused_or_fit_to_be_saved(answer in any_answer()) {
        if let Some((text, suggestion)) =
            ImprovementAnswer::read(&answer).ok().and_then(|answer| answer.into_text(&before()))
        {
            prop_assert!(text.is_whole() && is_fit(&text) && suggestion.chars().count() <= SENTENCE + 1, "{text:?}");
        }
        if let Some(split) = SplitAnswer::read(&answer).ok().and_then(SplitAnswer::into_split) {
            prop_assert!((2..=MOST_PARTS).contains(&split.stories.len()));
            prop_assert!(split.stories.iter().all(|part| !part.title.is_empty() && is_fit(part)), "{split:?}");
        }
    }
}
