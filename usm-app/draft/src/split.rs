//! One story taken apart by its own words: by the steps its title names, else by its criteria.

use std::collections::BTreeSet;

use story_map::{
    Language,
    improvement::{StorySplit, StoryText},
    quality::two_steps,
    words::content_stems,
};

use crate::{
    improve::StoryToImprove,
    sentence::{Clause, clauses, title},
    who::Known,
};

/// From so many criteria on a story of one step is split by them.
const MANY_CRITERIA: usize = 4;
/// Most stories one story is split into.
const MOST_PARTS: usize = 5;

/// Splits a story; the same story gives the same parts. `None` when its words do not tell where.
///
/// Every criterion it has is kept, under the part that speaks of the same.
pub fn split_story(story: &StoryToImprove<'_>) -> Option<StorySplit> {
    let language = story.language();
    let (stories, suggestion) = match by_steps(story, language) {
        Some(stories) => {
            (stories, language.pick("Разделено по шагам из заголовка", "Split by the steps of the title"))
        }
        None => {
            (by_criteria(story, language)?, language.pick("Разделено по критериям", "Split by the criteria"))
        }
    };
    Some(StorySplit { stories, suggestion: suggestion.to_owned() })
}

/// Why a story has no parts, for the person who asked.
pub fn nothing_to_split(story: &StoryToImprove<'_>) -> &'static str {
    story.language().pick(
        "Делить нечего: в истории один шаг и мало критериев",
        "Nothing to split: the story has one step and few criteria",
    )
}

fn by_steps(story: &StoryToImprove<'_>, language: Language) -> Option<Vec<StoryText>> {
    let (head, rest) = clauses(&story.title.trim().to_lowercase(), language, &Known::default());
    // The words as they are written.
    let written = |part: &str| {
        let at = story
            .title
            .to_lowercase()
            .find(part)
            .filter(|_| story.title.to_lowercase().len() == story.title.len());
        title(at.and_then(|at| story.title.get(at..at + part.len())).unwrap_or(part))
    };
    let steps = rest.iter().filter_map(|clause| match clause {
        Clause::Step(text) | Clause::Other(text) => Some(written(text)),
        Clause::Outcome(_) => None,
    });
    let mut titles: Vec<String> = std::iter::once(written(&head)).chain(steps).take(MOST_PARTS).collect();
    if titles.len() < 2 {
        // What the check of a map says to split must be split here, too.
        let (first, second) = two_steps(story.title)?;
        titles = vec![title(&first), title(&second)];
    }
    let mut parts: Vec<StoryText> = titles
        .into_iter()
        .map(|title| StoryText {
            title,
            description: story.description.trim().to_owned(),
            acceptance_criteria: Vec::new(),
        })
        .collect();
    for criterion in story.acceptance_criteria {
        let stems: BTreeSet<String> = content_stems(criterion).into_iter().collect();
        let shared =
            |part: &StoryText| content_stems(&part.title).iter().filter(|stem| stems.contains(*stem)).count();
        let mut best = 0;
        for (place, part) in parts.iter().enumerate() {
            if shared(part) > shared(&parts[best]) {
                best = place;
            }
        }
        parts[best].acceptance_criteria.push(criterion.clone());
    }
    Some(parts)
}

/// The first half of the criteria under the old title, the rest apart.
fn by_criteria(story: &StoryToImprove<'_>, language: Language) -> Option<Vec<StoryText>> {
    let criteria = story.acceptance_criteria;
    if criteria.len() < MANY_CRITERIA || story.title.trim().is_empty() {
        return None;
    }
    let (main, rest) = criteria.split_at(criteria.len().div_ceil(2));
    let title = story.title.trim().trim_end_matches(['.', ',', ';', ':']);
    let apart = language.pick("остальные случаи", "the other cases");
    let part = |title: String, criteria: &[String]| StoryText {
        title,
        description: story.description.trim().to_owned(),
        acceptance_criteria: criteria.to_vec(),
    };
    Some(vec![part(title.to_owned(), main), part(format!("{title}: {apart}"), rest)])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn story<'a>(title: &'a str, persona: &'a str, criteria: &'a [String]) -> StoryToImprove<'a> {
        StoryToImprove { title, description: "", persona, acceptance_criteria: criteria, prompt: None }
    }

    #[test]
    fn a_title_of_two_steps_becomes_two_stories_and_keeps_every_criterion() {
        let criteria = ["Заказ виден в списке".to_owned(), "Чек приходит после оплаты картой".to_owned()];

        let split =
            split_story(&story("Оформить заказ и оплатить заказ картой", "Клиент", &criteria)).unwrap();

        assert_eq!(split.stories.len(), 2, "{split:#?}");
        let kept: Vec<&String> = split.stories.iter().flat_map(|part| &part.acceptance_criteria).collect();
        assert!(criteria.iter().all(|criterion| kept.contains(&criterion)), "{split:#?}");
    }

    #[test]
    fn what_the_check_says_to_split_is_split() {
        for (title, parts) in [
            ("Choose a plan and pay by card", ["Choose a plan", "Pay by card"]),
            ("Выйти на смену и закончить её", ["Выйти на смену", "Закончить её"]),
        ] {
            let split = split_story(&story(title, "", &[])).unwrap();

            let titles: Vec<&str> = split.stories.iter().map(|part| part.title.as_str()).collect();
            assert_eq!(titles, parts);
        }
    }

    #[test]
    fn a_story_of_one_step_with_many_criteria_is_split_by_them() {
        let criteria: Vec<String> = (1..=5).map(|n| format!("Criterion {n} is shown")).collect();

        let split = split_story(&story("Track the order", "Customer", &criteria)).unwrap();

        let counts: Vec<usize> = split.stories.iter().map(|part| part.acceptance_criteria.len()).collect();
        assert_eq!(counts, [3, 2]);
        assert_eq!(split.stories[1].title, "Track the order: the other cases");
    }

    #[test]
    fn a_small_story_is_not_split() {
        assert_eq!(split_story(&story("Оплатить заказ", "Клиент", &[])), None);
        assert_eq!(split_story(&story("", "", &[])), None);
    }
}
