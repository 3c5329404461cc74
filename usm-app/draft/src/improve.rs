//! The improvement of one story without AI: its own words in better order, and one suggestion, marked as such.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use story_map::{Language, improvement::ImproveAction, suggestion, wording::key};

use crate::{cards::suggested, sentence::sentences};

/// A story as it stands.
#[derive(Debug, Clone, Copy)]
pub struct StoryToImprove<'a> {
    /// Its title.
    pub title: &'a str,
    /// Who wants what, and why; may be empty.
    pub description: &'a str,
    /// Whose story it is; empty when nobody is named.
    pub persona: &'a str,
    /// Its criteria.
    pub acceptance_criteria: &'a [String],
    /// What the person who asked wrote, if anything.
    pub prompt: Option<&'a str>,
}

impl StoryToImprove<'_> {
    pub(crate) fn language(&self) -> Language {
        Language::of(&format!("{} {}", self.title, self.description))
    }
}

/// The story improved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovedStory {
    /// Its title, unchanged.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its criteria, those it had among them.
    pub acceptance_criteria: Vec<String>,
    /// One line on what was changed.
    pub suggestion: String,
}

/// Improves one story from its own words; the same story gives the same improvement, and nothing is taken away.
///
/// A story is split by [`split_story`](super::split_story); here [`ImproveAction::Split`] changes nothing.
pub fn improve_story(story: &StoryToImprove<'_>, action: ImproveAction) -> ImprovedStory {
    let language = story.language();
    let mut improved = ImprovedStory {
        title: story.title.trim().to_owned(),
        description: story.description.trim().to_owned(),
        acceptance_criteria: story.acceptance_criteria.to_vec(),
        suggestion: language
            .pick(
                "Без ИИ добавить нечего: новых слов в истории нет",
                "Without AI there is nothing to add: the story has no further words",
            )
            .to_owned(),
    };
    match action {
        ImproveAction::Details => {
            // A wish of the person who asked is kept where the next reader sees it.
            if let Some(wish) = story.prompt.map(str::trim).filter(|wish| !wish.is_empty()) {
                improved.description = format!("{}\n{wish}", improved.description).trim().to_owned();
                improved.suggestion = language
                    .pick("Пожелание добавлено в описание", "The wish was added to the description")
                    .to_owned();
            }
        }
        ImproveAction::Criteria => {
            let told = from_description(story);
            if !told.is_empty() {
                improved.acceptance_criteria.extend(told);
                improved.suggestion = language
                    .pick("Критерии взяты из описания", "Criteria were taken from the description")
                    .to_owned();
            }
        }
        ImproveAction::EdgeCases => {
            let new =
                suggested(story.title, language).filter(|new| !improved.acceptance_criteria.contains(new));
            if let Some(new) = new {
                improved.acceptance_criteria.push(new);
                improved.suggestion = language
                    .pick(
                        "Добавлено одно предложение, оно помечено",
                        "One suggestion was added and is marked",
                    )
                    .to_owned();
            }
        }
        ImproveAction::Split => {}
    }
    improved
}

/// Sentences of the description with a figure or a condition that no criterion says yet.
fn from_description(story: &StoryToImprove<'_>) -> Vec<String> {
    let known: Vec<String> = story.acceptance_criteria.iter().map(|text| key(text)).collect();
    let binds = |text: &str| {
        let lower = text.to_lowercase();
        let words = [
            "if ",
            "when ",
            "only ",
            "must",
            "cannot",
            "at most",
            "если ",
            "когда ",
            "только",
            "нельзя",
            "не более",
            "не позднее",
        ];
        text.chars().any(|c| c.is_ascii_digit()) || words.iter().any(|word| lower.contains(word))
    };
    let told = sentences(story.description).into_iter().map(|text| text.trim_end_matches('.').to_owned());
    told.filter(|text| {
        binds(text)
            && !known.contains(&key(text))
            && key(text) != key(story.title)
            && !suggestion::is_marked(text)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story<'a>(title: &'a str, description: &'a str, criteria: &'a [String]) -> StoryToImprove<'a> {
        StoryToImprove { title, description, persona: "", acceptance_criteria: criteria, prompt: None }
    }

    #[test]
    fn criteria_come_from_the_description_and_none_is_lost() {
        let had = ["The hall is shown".to_owned()];
        let improved = improve_story(
            &story("Buy tickets", "A fan buys tickets. At most 6 tickets for one event.", &had),
            ImproveAction::Criteria,
        );

        assert_eq!(improved.acceptance_criteria, ["The hall is shown", "At most 6 tickets for one event"]);
    }

    #[test]
    fn an_edge_case_is_a_marked_suggestion_and_is_added_once() {
        let improved = improve_story(&story("Оплачивает заказ картой", "", &[]), ImproveAction::EdgeCases);
        assert!(suggestion::is_marked(&improved.acceptance_criteria[0]), "{improved:?}");

        let again = improve_story(
            &story("Оплачивает заказ картой", "", &improved.acceptance_criteria),
            ImproveAction::EdgeCases,
        );
        assert_eq!(again.acceptance_criteria, improved.acceptance_criteria);
        assert!(again.suggestion.contains("нечего"), "{again:?}");
    }

    #[test]
    fn where_nothing_can_be_said_nothing_is_changed() {
        for action in
            [ImproveAction::Details, ImproveAction::Criteria, ImproveAction::EdgeCases, ImproveAction::Split]
        {
            let improved = improve_story(&story("Ok", "", &[]), action);
            assert_eq!(
                (improved.title.as_str(), improved.acceptance_criteria.len()),
                ("Ok", 0),
                "{action:?}"
            );
        }
    }
}
