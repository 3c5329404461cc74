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
mod tests;
