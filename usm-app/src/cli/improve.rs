//! `usm improve`: stories in, better stories saved, and told what became of each, with the text before and after.

mod changes;
mod undo;

use std::{str::FromStr, time::Duration};

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;
use usm_queue::{EnqueueOptions, JobId, JobStatus, JobWatch};

use super::{failure::Failure, number::count, out, projects};
use crate::{
    app::App,
    config::Config,
    entities::{
        project::LoadedProject,
        user::LOCAL_USER_ID,
        user_story::{self, Scope},
    },
    tasks::{
        self, AiChoice, ImproveStories, MOST_STORIES, Outcome, Proposal, SPLIT_IN_BULK, StoriesImproved,
        StoryOutcome, WorkerKind,
    },
};
use story_map::improvement::ImproveAction;

/// Somebody waits at the terminal: before jobs that nobody watches.
const PRIORITY: u8 = 9;
/// Longest wish, in characters.
const WISH: usize = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The stories, 1 to 10: PROJECT:NUMBER with a number as `usm export --format html` and `usm check` show it, such as
    /// 1:2.1.3, or an id of the API
    #[arg(required = true, value_name = "STORY")]
    stories: Vec<StoryName>,
    /// What to improve; without this, what the prompt says, or the details
    #[arg(long, value_enum)]
    action: Option<Action>,
    /// What else to mind, in your own words
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Give the stories the text back that they had before their last change; once more brings the change back
    #[arg(long, conflicts_with_all = ["action", "prompt", "offline", "ai"])]
    undo: bool,
    /// The result as JSON, and nothing else on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// Draft without AI, also when a provider is set up
    #[arg(long)]
    offline: bool,
    /// Ask this provider alone, and this model of it in place of the one set; offline drafts without AI
    #[arg(long, value_name = "PROVIDER[:MODEL]", conflicts_with = "offline")]
    ai: Option<AiChoice>,
}

/// How a story is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StoryName {
    Id(i64),
    At { project: i64, number: String },
}

impl FromStr for StoryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = match text.split_once(':') {
            None => count(text).map(Self::Id),
            Some((project, number)) => count(project)
                .filter(|_| is_of_story(number))
                .map(|project| Self::At { project, number: number.to_owned() }),
        };
        named.ok_or_else(|| {
            "a story is an id such as 12, or PROJECT:NUMBER such as 1:2.1.3, the third story of the first task of the second \
             activity of project 1"
                .to_owned()
        })
    }
}

/// Whether the number is one of a story: of activity, task and story.
fn is_of_story(number: &str) -> bool {
    number.split('.').map(count::<usize>).collect::<Option<Vec<_>>>().is_some_and(|parts| parts.len() == 3)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// A precise title and description
    Details,
    /// Testable acceptance criteria
    Criteria,
    /// Criteria for what goes wrong
    #[value(name = "edge_cases", alias = "edge-cases")]
    EdgeCases,
    /// Several smaller stories in its place; one story at a time
    Split,
}

impl From<Action> for ImproveAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Details => Self::Details,
            Action::Criteria => Self::Criteria,
            Action::EdgeCases => Self::EdgeCases,
            Action::Split => Self::Split,
        }
    }
}

pub(super) async fn run(args: Args, config: Config, shutdown: CancellationToken) -> Result<(), Failure> {
    let prompt = args.prompt.clone().filter(|prompt| !prompt.trim().is_empty());
    if prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > WISH) {
        return Err(Failure::usage(format!("a prompt has at most {WISH} characters")));
    }
    let action = args.action.map(ImproveAction::from).or(prompt.is_none().then_some(ImproveAction::Details));
    let app = App::open(config).await?;
    if let Some(choice) = &args.ai {
        choice.check(&app.ai).map_err(Failure::usage)?;
    }
    let story_ids = found(&app, &args.stories).await?;
    if story_ids.len() > MOST_STORIES {
        return Err(Failure::usage(format!(
            "name 1 to {MOST_STORIES} stories; there are {}",
            story_ids.len()
        )));
    }
    if args.action == Some(Action::Split) && story_ids.len() > 1 {
        return Err(Failure::usage(SPLIT_IN_BULK));
    }
    if args.undo {
        return undo::run(&app, &story_ids, args.json).await;
    }
    let stop = CancellationToken::new();
    let worker = tasks::worker(app.clone(), WorkerKind::All).grace_period(Duration::ZERO);
    let worker = tokio::spawn(worker.run_until(stop.clone().cancelled_owned()));
    let task = ImproveStories { story_ids, action, prompt };
    let ended = improve(&app, &args, task, &shutdown).await;
    stop.cancel();
    let worked = worker.await;
    app.queue.close().await;
    if let Ok(Err(error)) = worked {
        return Err(error.into());
    }
    ended
}

/// The ids of the stories, each once; a job for one that does not exist would only fail.
async fn found(app: &App, names: &[StoryName]) -> Result<Vec<i64>, Failure> {
    let mut ids = Vec::new();
    for name in names {
        let id = match name {
            StoryName::Id(id) => {
                let known = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &[*id]).await?;
                known
                    .first()
                    .map(|story| story.id)
                    .ok_or_else(|| Failure::usage(format!("there is no story {id}")))?
            }
            StoryName::At { project, number } => {
                let map = projects::of_user(&app.db, *project).await?;
                map.at(number).2.map(|loaded| loaded.story.id).ok_or_else(|| {
                    Failure::usage(format!(
                        "project {project} has no story {number}: {}; `usm export {project} --format html` shows every number",
                        nearest(&map, number)
                    ))
                })?
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// How far the map goes where the number leaves it.
fn nearest(map: &LoadedProject, number: &str) -> String {
    let parts: Vec<&str> = number.split('.').collect();
    match map.at(number) {
        (None, ..) => format!("activities in the map: {}", map.activities.len()),
        (Some(activity), None, _) => {
            format!("tasks in activity {}: {}", parts[..1].join("."), activity.tasks.len())
        }
        (Some(_), Some(task), _) => {
            format!("stories in task {}: {}", parts[..2].join("."), task.stories.len())
        }
    }
}

async fn improve(
    app: &App,
    args: &Args,
    task: ImproveStories,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let job = app.queue.enqueue_with(task, options(app, args)).await?;
    let id = job.id();
    if !args.json {
        out::note(&format!("job {id} is queued"));
    }
    follow(job.watch().await?, id, args.json, shutdown).await?;
    let ended = job.status().await?;
    if ended.status != JobStatus::Completed {
        return Err(Failure::job("no story was improved", &ended));
    }
    let result: StoriesImproved = job.result().await?;
    if args.json {
        out::json(&result);
        return Ok(());
    }
    result.stories.iter().for_each(|story| out::line(&told(story)));
    let improved = result.stories.iter().filter(|story| story.outcome == Outcome::Improved);
    let ids: Vec<String> = improved.map(|story| story.story_id.to_string()).collect();
    if !ids.is_empty() {
        out::note(&format!("`usm improve --undo {}` takes it back", ids.join(" ")));
    }
    Ok(())
}

fn options(app: &App, args: &Args) -> EnqueueOptions {
    let options = app.enqueue_options().priority(PRIORITY);
    match &args.ai {
        Some(choice) => tasks::ask_only(options, choice),
        None if args.offline => tasks::offline(options),
        None => options,
    }
}

/// Tells of every wait, until the job has ended.
async fn follow(
    mut watch: JobWatch,
    id: JobId,
    json: bool,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let mut told = None;
    loop {
        let next = tokio::select! {
            biased;
            next = watch.next() => next,
            () = shutdown.cancelled() => {
                return Err(Failure::interrupted("interrupted; the job stays queued and nothing is lost", id)
                    .or_try("usm worker all", "works it, as the next `usm improve` or `usm serve` does")
                    .or_try(format!("usm job watch {id}"), "follows it"));
            }
        };
        let Some(job) = next.transpose()? else { return Ok(()) };
        if job.status.is_final() {
            return Ok(());
        }
        if job.error != told && !json {
            job.error.iter().for_each(|error| out::note(&format!("  {error}; trying again")));
        }
        told = job.error;
    }
}

fn told(story: &StoryOutcome) -> String {
    let id = story.story_id;
    match story.outcome {
        Outcome::Improved => {
            let added: Vec<String> = story.added_story_ids.iter().map(ToString::to_string).collect();
            let added =
                if added.is_empty() { String::new() } else { format!("; added: {}", added.join(", ")) };
            let suggestion = match story.suggestion.as_str() {
                "" => String::new(),
                suggestion => format!(": {suggestion}"),
            };
            let changed = match (&story.before, &story.after) {
                (Some(before), Some(after)) => changes::told(before, after),
                _ => String::new(),
            };
            let by = if story.made_by.is_empty() { String::new() } else { format!(" ({})", story.made_by) };
            format!("{id}  improved  {}{suggestion}{added}{by}{changed}", story.title)
        }
        Outcome::Unchanged => format!("{id}  unchanged {}: {}", story.title, story.suggestion),
        Outcome::Conflict => {
            let proposal = match &story.proposal {
                Some(Proposal::Text(text)) => {
                    let criteria: String =
                        text.acceptance_criteria.iter().map(|one| format!("\n      - {one}")).collect();
                    format!("\n    {}\n    {}{criteria}", text.title, text.description)
                }
                Some(Proposal::Split(split)) => {
                    split.stories.iter().map(|part| format!("\n    {}", part.title)).collect()
                }
                None => String::new(),
            };
            format!("{id}  conflict  {}{proposal}", story.error.as_deref().unwrap_or_default())
        }
        Outcome::Failed => format!("{id}  failed    {}", story.error.as_deref().unwrap_or_default()),
    }
}
