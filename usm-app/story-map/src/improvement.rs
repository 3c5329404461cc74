//! What a model may answer when it is asked to improve or split a story, made fit to be saved.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::{
    criteria::criteria,
    placeholder::said,
    read::{self, holder, list},
    wording::{CRITERIA, DESCRIPTION, SENTENCE, TITLE, bounded, key, sentences},
    words::content_stems,
};

/// Most stories one story is split into.
const MOST_PARTS: usize = 5;

/// What to improve about a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImproveAction {
    /// Say more: how the step begins and ends, its limits.
    Details,
    /// Put criteria as condition and outcome, at least two of them.
    Criteria,
    /// Add what happens with empty data, repetition, no connection, no rights, simultaneous changes.
    EdgeCases,
    /// Make several smaller stories of it; only for one story at a time.
    Split,
}

/// The text of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryText {
    /// Short title.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Testable statements.
    pub acceptance_criteria: Vec<String>,
}

/// A story taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorySplit {
    /// The parts, two at least; the first takes the place of the story.
    pub stories: Vec<StoryText>,
    /// Why it is split so, in one sentence.
    pub suggestion: String,
}

/// A better story
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct ImprovementAnswer {
    /// At most ten words
    #[schemars(default)]
    title: String,
    /// Who wants what, and why
    #[schemars(default)]
    description: String,
    /// Conditions with an outcome that can be observed
    #[schemars(default)]
    acceptance_criteria: Vec<String>,
    /// What was changed, in one sentence
    #[schemars(default)]
    suggestion: String,
}

/// A story split into smaller ones
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct SplitAnswer {
    /// Two to five stories that together are the one that was given
    #[schemars(default)]
    stories: Vec<PartAnswer>,
    /// Why it is split so, in one sentence
    #[schemars(default)]
    suggestion: String,
}

#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
struct PartAnswer {
    /// At most ten words
    #[schemars(default)]
    title: String,
    /// Who wants what, and why
    #[schemars(default)]
    description: String,
    /// Conditions with an outcome that can be observed
    #[schemars(default)]
    acceptance_criteria: Vec<String>,
}

impl<'de> Deserialize<'de> for ImprovementAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SplitAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

const TITLES: [&str; 4] = ["title", "storytitle", "name", "summary"];
const DESCRIPTIONS: [&str; 3] = ["description", "userstory", "text"];
const CRITERIA_NAMES: [&str; 2] = ["acceptancecriteria", "criteria"];

/// The text of a field as it is read; empty when it only stands for one.
fn text(value: &Value, names: &[&str]) -> String {
    said(&read::text(value, names))
}

impl ImprovementAnswer {
    /// The story in a document of any shape. What an answer does not say stays as it is.
    ///
    /// # Errors
    ///
    /// There is nothing of a story in it; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        const SAYS: [&str; 4] = ["title", "description", "acceptancecriteria", "criteria"];
        let suggestion = text(value, &["suggestion", "summary", "explanation"]);
        let value = holder(value, &SAYS);
        let answer = Self {
            title: text(value, &TITLES),
            description: text(value, &DESCRIPTIONS),
            acceptance_criteria: criteria(value, &CRITERIA_NAMES),
            suggestion: if suggestion.is_empty() { text(value, &["suggestion"]) } else { suggestion },
        };
        let says_something = !answer.title.is_empty()
            || !answer.description.is_empty()
            || !answer.acceptance_criteria.is_empty();
        match says_something {
            true => Ok(answer),
            false => {
                Err("there is no story in the answer: give `title`, `description` and `acceptance_criteria`")
            }
        }
    }

    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.title, self.description, self.acceptance_criteria.join(" "))
    }

    /// The new text, clean and bounded, and the suggestion. What the answer leaves out stays as it was; `None` when a
    /// part of the story is neither there nor given.
    pub fn into_text(self, before: &StoryText) -> Option<(StoryText, String)> {
        let or = |new: String, old: &String| if new.is_empty() { old.clone() } else { new };
        let criteria = sentences(&self.acceptance_criteria, CRITERIA);
        let text = StoryText {
            title: or(bounded(&self.title, TITLE), &before.title),
            description: or(bounded(&self.description, DESCRIPTION), &before.description),
            acceptance_criteria: match criteria.is_empty() {
                true => before.acceptance_criteria.clone(),
                false => criteria,
            },
        };
        text.is_whole().then(|| (text, bounded(&self.suggestion, SENTENCE)))
    }
}

impl SplitAnswer {
    /// The parts in a document of any shape.
    ///
    /// # Errors
    ///
    /// There are neither two stories in it nor a list without any and a reason; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        const STORIES: [&str; 3] = ["stories", "parts", "userstories"];
        let value = holder(value, &STORIES);
        let part = |value: &Value| PartAnswer {
            title: text(value, &TITLES),
            description: text(value, &DESCRIPTIONS),
            acceptance_criteria: criteria(value, &CRITERIA_NAMES),
        };
        let stories: Vec<_> = list(value, &STORIES).iter().map(part).collect();
        let answer = Self { stories, suggestion: text(value, &["suggestion", "explanation"]) };
        let parts = answer.stories.iter().filter(|story| !story.title.is_empty()).count();
        if parts < 2 && answer.nothing_to_split().is_none() {
            return Err("a split has two stories at least: give `stories`, each with a `title`");
        }
        Ok(answer)
    }

    /// The reason, where the answer says that the story has no parts.
    pub fn nothing_to_split(&self) -> Option<String> {
        let reason = bounded(&self.suggestion, SENTENCE);
        (self.stories.is_empty() && !reason.is_empty()).then_some(reason)
    }

    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        self.stories.iter().map(|story| format!("{} {} ", story.title, story.description)).collect()
    }

    /// The parts, clean and bounded, each title once; `None` when fewer than two are left.
    pub fn into_split(self) -> Option<StorySplit> {
        let mut stories: Vec<StoryText> = Vec::new();
        for part in self.stories {
            let text = StoryText {
                title: bounded(&part.title, TITLE),
                description: bounded(&part.description, DESCRIPTION),
                acceptance_criteria: sentences(&part.acceptance_criteria, CRITERIA),
            };
            let is_new = stories.iter().all(|known| key(&known.title) != key(&text.title));
            if !text.title.is_empty() && is_new && stories.len() < MOST_PARTS {
                stories.push(text);
            }
        }
        (stories.len() >= 2).then(|| StorySplit { stories, suggestion: bounded(&self.suggestion, SENTENCE) })
    }
}

impl StoryText {
    fn is_whole(&self) -> bool {
        !self.title.is_empty() && !self.description.is_empty() && !self.acceptance_criteria.is_empty()
    }

    /// This text with every part of `before` in the place of one that says less: a title of fewer than half the words, a
    /// description without its numbers or most of its length, fewer criteria than there were. A rewriting of the criteria may make
    /// fewer of them, two at least, while their numbers stay.
    #[must_use]
    pub fn never_less_than(self, before: &Self, action: Option<ImproveAction>) -> Self {
        let is_less = |new: &str, old: &str| {
            new.chars().count() * 3 < old.chars().count() || !numbers(old).is_subset(&numbers(new))
        };
        let criteria_of = |text: &Self| text.acceptance_criteria.join(" ");
        let (new, old) = (self.acceptance_criteria.len(), before.acceptance_criteria.len());
        let are_fewer = match action {
            Some(ImproveAction::Criteria) => {
                new < old.min(2) || is_less(&criteria_of(&self), &criteria_of(before))
            }
            _ => new < old,
        };
        Self {
            title: match content_stems(&self.title).len() * 2 < content_stems(&before.title).len() {
                true => before.title.clone(),
                false => self.title,
            },
            description: match is_less(&self.description, &before.description) {
                true => before.description.clone(),
                false => self.description,
            },
            acceptance_criteria: match are_fewer {
                true => before.acceptance_criteria.clone(),
                false => self.acceptance_criteria,
            },
        }
    }

    /// Only what was asked for: criteria leave title and description as they were, edge cases come on top of the criteria
    /// there are. A wish in the user's own words may be about anything but never takes criteria away from edge cases.
    #[must_use]
    pub fn limited_to(self, action: Option<ImproveAction>, has_wish: bool, before: &Self) -> Self {
        let is_about_criteria = matches!(action, Some(ImproveAction::Criteria | ImproveAction::EdgeCases));
        let kept = |old: &String, new: String| {
            if is_about_criteria && !has_wish && !old.is_empty() { old.clone() } else { new }
        };
        let mut criteria = self.acceptance_criteria;
        if action == Some(ImproveAction::EdgeCases) {
            let known: Vec<String> = before.acceptance_criteria.iter().map(|text| key(text)).collect();
            criteria.retain(|text| !known.contains(&key(text)));
            criteria.splice(..0, before.acceptance_criteria.iter().cloned());
            criteria.truncate(CRITERIA.max(before.acceptance_criteria.len()));
        }
        Self {
            title: kept(&before.title, self.title),
            description: kept(&before.description, self.description),
            acceptance_criteria: criteria,
        }
    }

    /// All its words.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.title, self.description, self.acceptance_criteria.join(" "))
    }
}

/// The numbers that a text names.
fn numbers(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).collect()
}

#[cfg(test)]
mod tests {
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
}
