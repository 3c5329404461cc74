//! One story: asked for, made fit, saved unless its owner was faster.

use std::time::Duration;

use usm_ai::ChatRequest;
use usm_queue::{JobContext, TaskError};

use super::super::{
    choice::Asked,
    failure::{self, NoAnswer},
    generate_map::made_by,
    job,
};
use super::{ImproveStories, Outcome, Proposal, StoryOutcome};
use crate::{
    ai::{self, ImproveInput},
    app::App,
    entities::user_story::{self, Improved, Improvement, Scope, StoryInContext},
    prompts,
};
use story_map::Language;
use story_map::improvement::ImproveAction;
use story_map::improvement::{ImprovementAnswer, SplitAnswer, StorySplit, StoryText};

/// Time for one story, with all retries and fallbacks.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longest wish, in characters.
const WISH: usize = 1000;

/// Why a story has no outcome yet.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody answered.
    Unanswered(NoAnswer),
    /// The database does not answer.
    Unsaved(TaskError),
}

/// What improves the stories of one attempt.
pub(super) struct Improver<'a> {
    pub(super) task: &'a ImproveStories,
    pub(super) scope: Scope,
    pub(super) job: &'a JobContext<App>,
    pub(super) asked: &'a Asked<'a>,
}

impl Improver<'_> {
    /// The story's id, and what became of it.
    pub(super) async fn improve(&self, found: &StoryInContext) -> (i64, Result<StoryOutcome, Trouble>) {
        (found.story.id, self.outcome(found).await)
    }

    async fn outcome(&self, found: &StoryInContext) -> Result<StoryOutcome, Trouble> {
        let story = &found.story;
        let key = job::key(self.job);
        if story.improved_by_job.as_ref() == Some(&key.to_string()) {
            return Ok(StoryOutcome {
                title: story.title.clone(),
                version: Some(story.version),
                ..StoryOutcome::new(story.id, Outcome::Improved)
            });
        }
        let (proposal, suggestion, made_by) = self.proposal(found).await.map_err(Trouble::Unanswered)?;
        let Some(proposal) = proposal else {
            return Ok(StoryOutcome::failed(
                story.id,
                format!("{made_by} answered a story that lacks a part"),
            ));
        };
        if matches!(&proposal, Proposal::Text(text) if *text == text_of(found)) {
            let suggestion = match (suggestion.is_empty(), self.task.action) {
                (false, Some(ImproveAction::Split)) => suggestion,
                _ => format!("{made_by} gave nothing that is more than there is"),
            };
            return Ok(StoryOutcome {
                title: story.title.clone(),
                version: Some(story.version),
                suggestion,
                made_by,
                ..StoryOutcome::new(story.id, Outcome::Unchanged)
            });
        }
        let db = &self.job.state.db;
        let (saved, added) = match &proposal {
            Proposal::Text(text) => {
                let text = improvement(text.clone(), &made_by);
                let saved =
                    user_story::update_improved(db, self.scope, story.id, story.version, key, &text).await;
                (saved, Vec::new())
            }
            Proposal::Split(split) => {
                let parts: Vec<Improvement> =
                    split.stories.iter().cloned().map(|part| improvement(part, &made_by)).collect();
                match user_story::split(db, self.scope, story.id, story.version, key, &parts).await {
                    Ok((saved, added)) => (Ok(saved), added),
                    Err(error) => (Err(error), Vec::new()),
                }
            }
        };
        let saved = saved.map_err(|error| Trouble::Unsaved(error.into()))?;
        self.job.state.check_database().map_err(|gone| Trouble::Unsaved(gone.into()))?;
        Ok(match saved {
            Improved::Saved { version } => StoryOutcome {
                title: title_of(&proposal),
                version: Some(version),
                suggestion,
                added_story_ids: added,
                made_by,
                before: Some(text_of(found)),
                after: Some(first_text(&proposal)),
                ..StoryOutcome::new(story.id, Outcome::Improved)
            },
            Improved::AlreadyDone => StoryOutcome {
                title: title_of(&proposal),
                version: Some(story.version),
                ..StoryOutcome::new(story.id, Outcome::Improved)
            },
            Improved::Changed { version } => StoryOutcome {
                title: story.title.clone(),
                version: Some(version),
                suggestion,
                error: Some(format!(
                    "the story was edited meanwhile (version {version}, read at {}); nothing was overwritten: take the \
                     proposal over, or improve it again",
                    story.version
                )),
                proposal: Some(proposal),
                made_by,
                ..StoryOutcome::new(story.id, Outcome::Conflict)
            },
            Improved::Missing => StoryOutcome::failed(story.id, "the story was deleted meanwhile"),
        })
    }

    /// The better story if the answer is one, the same when there is nothing to split, what was changed, and who says so.
    async fn proposal(&self, found: &StoryInContext) -> Result<(Option<Proposal>, String, String), NoAnswer> {
        let before = text_of(found);
        let wish: Option<String> = self.task.prompt.as_ref().map(|wish| wish.chars().take(WISH).collect());
        let (action, has_wish) =
            (self.task.action, wish.as_ref().is_some_and(|wish| !wish.trim().is_empty()));
        let user = prompts::improvement::user(found, action, wish.as_deref());
        let input = serde_json::to_value(input(found, action, wish)).map_err(|error| {
            NoAnswer::Failed(usm_ai::Error::new(usm_ai::ErrorKind::Refused, error.to_string()))
        })?;
        let request = ChatRequest::new(ai::IMPROVE, user)
            .system(prompts::improvement::SYSTEM)
            .input(input)
            .temperature(self.job.state.config.ai.temperature)
            .deadline(self.job.state.config.ai.patience.stretched(DEADLINE));
        let request = self.asked.of_model(request);
        let (job, writer, language) = (self.job, self.asked.writer(), Language::of(&before.words()));
        if action == Some(ImproveAction::Split) {
            let (answer, _) = failure::ask_in::<SplitAnswer>(
                language,
                job,
                writer,
                &request,
                SplitAnswer::words,
                failure::never,
            )
            .await?;
            let made_by = made_by(&answer.response);
            if let Some(reason) = answer.value.nothing_to_split() {
                return Ok((Some(Proposal::Text(before)), reason, made_by));
            }
            let split = answer.value.into_split();
            let suggestion = split.as_ref().map(|split| split.suggestion.clone()).unwrap_or_default();
            return Ok((split.map(|split| Proposal::Split(whole(split, &before))), suggestion, made_by));
        }
        let (answer, _) = failure::ask_in::<ImprovementAnswer>(
            language,
            job,
            writer,
            &request,
            ImprovementAnswer::words,
            failure::never,
        )
        .await?;
        let made_by = made_by(&answer.response);
        Ok(match answer.value.into_text(&before) {
            Some((text, suggestion)) => {
                let text = text.limited_to(action, has_wish, &before);
                // Whoever wishes for less gets it.
                let text = if has_wish { text } else { text.never_less_than(&before, action) };
                (Some(Proposal::Text(text)), suggestion, made_by)
            }
            None => (None, String::new(), made_by),
        })
    }
}

fn text_of(found: &StoryInContext) -> StoryText {
    StoryText {
        title: found.story.title.clone(),
        description: found.story.description.clone().unwrap_or_default(),
        acceptance_criteria: found.story.acceptance_criteria.0.clone(),
    }
}

/// Parts without a description get that of the story, and a first part without criteria those of the story: none is
/// lost.
fn whole(mut split: StorySplit, before: &StoryText) -> StorySplit {
    for part in split.stories.iter_mut().filter(|part| part.description.is_empty()) {
        part.description.clone_from(&before.description);
    }
    if let Some(first) = split.stories.first_mut().filter(|first| first.acceptance_criteria.is_empty()) {
        first.acceptance_criteria.clone_from(&before.acceptance_criteria);
    }
    split
}

/// What takes the place of the story.
fn first_text(proposal: &Proposal) -> StoryText {
    let empty =
        || StoryText { title: String::new(), description: String::new(), acceptance_criteria: Vec::new() };
    match proposal {
        Proposal::Text(text) => text.clone(),
        Proposal::Split(split) => split.stories.first().cloned().unwrap_or_else(empty),
    }
}

fn title_of(proposal: &Proposal) -> String {
    first_text(proposal).title
}

fn improvement(text: StoryText, made_by: &str) -> Improvement {
    let StoryText { title, description, acceptance_criteria } = text;
    Improvement { title, description, acceptance_criteria, written_by: made_by.to_owned() }
}

fn input(found: &StoryInContext, action: Option<ImproveAction>, prompt: Option<String>) -> ImproveInput {
    let story = &found.story;
    ImproveInput {
        title: story.title.clone(),
        description: story.description.clone().unwrap_or_default(),
        persona: story.persona.clone(),
        acceptance_criteria: story.acceptance_criteria.0.clone(),
        action,
        prompt,
    }
}
