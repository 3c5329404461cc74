//! Stage 2b: the stories of each activity, several at once. What is made is kept; what fails is asked for again alone.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use usm_ai::{ChatRequest, ErrorKind};
use usm_queue::TaskError;

use super::super::{
    failure::{self, NoAnswer},
    setbacks::Setbacks,
};
use super::{
    Work, made_by,
    parts::{ActivityMade, Made, MapPart, NO_STORIES},
    stages::Stage,
};
use crate::{
    ai,
    prompts::{self, Requirements},
};
use story_map::{Activity, Backbone, StoriesAnswer};

/// Activities asked for at once.
const AT_ONCE: usize = 4;
/// Time for one question, with all retries and fallbacks.
const DEADLINE: Duration = Duration::from_secs(120);
/// Most titles that a question repeats.
const TITLES: usize = 200;

/// Adds the stories of every activity that lacks them.
pub(super) async fn make(
    work: &Work<'_>,
    requirements: &Requirements<'_>,
    made: &mut Made,
) -> Result<(), TaskError> {
    let Some(backbone) = made.backbone.as_ref().map(|made| made.backbone.clone()) else {
        return Err(TaskError::retry("the map has no backbone"));
    };
    let writer = Writer { work, requirements, backbone: &backbone };
    let mut waiting: VecDeque<usize> = made.missing().into();
    let mut setbacks = Setbacks::new(work.is_last_attempt());
    let mut running = FuturesUnordered::new();
    work.report(Stage::Stories(made.made(), made.total(), None)).await?;
    loop {
        while running.len() < AT_ONCE && setbacks.may_go_on() {
            let Some(index) = waiting.pop_front() else { break };
            running.push(writer.write(index, made.titles()));
        }
        match running.next().await {
            None => break,
            Some((_, Ok(activity))) => {
                let by = activity.made_by.clone();
                work.keep(made, MapPart::Activity(activity)).await?;
                work.report(Stage::Stories(made.made(), made.total(), Some(by))).await?;
            }
            Some((index, Err(failure))) => setbacks.add(index, failure)?,
        }
    }
    drop(running);
    let reasons = setbacks.settle(made.made() > 0, waiting)?;
    let failed = reasons.iter().filter_map(|(index, reason)| made.failure(*index, reason));
    let failed: Vec<_> = failed.chain(made.lacking()).collect();
    for failure in failed {
        work.keep(made, MapPart::Failure(failure)).await?;
    }
    Ok(())
}

/// Writes the stories of one activity after the other.
struct Writer<'a> {
    work: &'a Work<'a>,
    requirements: &'a Requirements<'a>,
    backbone: &'a Backbone,
}

impl Writer<'_> {
    /// Asks for all tasks of the activity, then once more for those that came back empty. An answer that is too long
    /// for the model is asked for task by task.
    async fn write(&self, index: usize, titles: Vec<String>) -> (usize, Result<ActivityMade, NoAnswer>) {
        (index, self.activity(index, titles).await)
    }

    async fn activity(&self, index: usize, titles: Vec<String>) -> Result<ActivityMade, NoAnswer> {
        let tasks = self.backbone.activities.get(index).map_or(0, |activity| activity.tasks.len());
        let mut questions = VecDeque::from([(0..tasks).collect::<Vec<usize>>()]);
        let (mut whole, mut makers, mut lacking) = (None::<Activity>, BTreeSet::new(), String::new());
        let (mut is_asked_again, mut has_foreign) = (false, false);
        while let Some(asked) = questions.pop_front() {
            match self.ask(index, &asked, &titles).await {
                Ok((part, made_by, is_foreign)) => {
                    makers.insert(made_by);
                    has_foreign |= is_foreign;
                    let part = whole.take().map_or_else(|| part.clone(), |whole| united(whole, part.clone()));
                    let empty =
                        |place: &usize| part.tasks.get(*place).is_none_or(|task| task.stories.is_empty());
                    let missing: Vec<usize> = asked.iter().copied().filter(empty).collect();
                    if !missing.is_empty() {
                        NO_STORIES.clone_into(&mut lacking);
                        if !is_asked_again {
                            is_asked_again = true;
                            questions.push_back(missing);
                        }
                    }
                    whole = Some(part);
                }
                Err(NoAnswer::Failed(error)) if error.kind() == ErrorKind::Truncated && asked.len() > 1 => {
                    is_asked_again = true;
                    questions.extend(asked.into_iter().map(|task| vec![task]));
                }
                // What is there is worth keeping, unless another attempt may bring the rest.
                Err(NoAnswer::Failed(error)) if failure::remedy(&error) == failure::Remedy::GiveUp => {
                    lacking = failure::reason(&error);
                    if whole.is_none() && questions.is_empty() {
                        return Err(NoAnswer::Failed(error));
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        let Some(Activity { title, tasks }) = whole else {
            let error = usm_ai::Error::new(ErrorKind::Truncated, lacking);
            return Err(NoAnswer::Failed(error));
        };
        if tasks.iter().all(|task| !task.stories.is_empty()) {
            lacking.clear();
        }
        let made_by = makers.into_iter().collect::<Vec<_>>().join(", ");
        Ok(ActivityMade { index, made_by, title, tasks, lacking, is_foreign: has_foreign })
    }

    async fn ask(
        &self,
        index: usize,
        asked: &[usize],
        titles: &[String],
    ) -> Result<(Activity, String, bool), NoAnswer> {
        let Some(activity) = self.backbone.activities.get(index) else { return Err(NoAnswer::Stopped) };
        let tasks: Vec<String> =
            asked.iter().filter_map(|place| activity.tasks.get(*place).cloned()).collect();
        let known = &titles[titles.len().saturating_sub(TITLES)..];
        let user = prompts::stories::user(self.requirements, self.backbone, index, &tasks, known);
        let request = ChatRequest::new(ai::STORIES, user)
            .system(prompts::stories::SYSTEM)
            .temperature(self.work.job.state.config.ai.temperature)
            .deadline(self.work.job.state.config.ai.patience.stretched(DEADLINE))
            .accept_partial();
        let request = self.work.asked.of_model(request);
        let (language, writer) = (self.work.language, self.work.asked.writer());
        let (answer, is_foreign) = failure::ask_in::<StoriesAnswer>(
            language,
            self.work.job,
            writer,
            &request,
            StoriesAnswer::words,
            StoriesAnswer::is_filler,
        )
        .await?;
        let made_by = made_by(&answer.response);
        let part = answer.value.into_activity(self.backbone, index, asked);
        if part.tasks.iter().all(|task| task.stories.is_empty()) {
            let error = usm_ai::Error::new(ErrorKind::Malformed, "the stories say nothing");
            return Err(NoAnswer::Failed(error.at(answer.response.provider, answer.response.model)));
        }
        Ok((part, made_by, is_foreign))
    }
}

/// Both parts of one activity.
fn united(mut whole: Activity, part: Activity) -> Activity {
    for (task, more) in whole.tasks.iter_mut().zip(part.tasks) {
        task.stories.extend(more.stories);
    }
    whole
}
