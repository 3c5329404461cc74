//! `usm generate`: requirements in, the map on the screen and in files, by a job that survives this process.

mod files;
mod growth;
mod input;
mod progress;
mod screen;

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use usm_queue::{EnqueueOptions, Job, JobHandle, JobId, JobStatus, Task};

use super::{failure::Failure, out};
use crate::{
    app::App,
    config::Config,
    entities::{project, user_story},
    tasks::{
        self, AiChoice, GenerateMap, GenerateWireframes, MapMode, MapReady, WireframesReady, WorkerKind,
    },
};
use files::{OutDir, Written};
use progress::Report;
use screen::Screen;
use story_map::StoryMap;
use wireframe::{Platform, StoryWireframe, Style};

/// Somebody waits at the terminal: before jobs that nobody watches.
const PRIORITY: u8 = 9;
/// Jobs at once at least: what an interrupted run has left behind is worked too, and must not be in the way.
const CONCURRENCY: usize = 4;
/// MVP stories that are drawn.
const DRAWN: u64 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Text or Markdown in UTF-8, in Russian or English, 10 to 50,000 characters; - reads standard input
    file: PathBuf,
    /// Where story-map.md and story-map.json are written; created when missing. Files of that name with another text are
    /// kept as story-map.old.md, story-map.old-2.md and so on
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// One JSON event per line on standard output and nothing else; the last one is `completed` with the map, or
    /// `failed` or `interrupted` with the reason
    #[arg(long)]
    pub(super) json: bool,
    /// Draft without AI, also when a provider is set up
    #[arg(long)]
    offline: bool,
    /// Ask this provider alone, and this model of it in place of the one set; offline drafts without AI
    #[arg(long, value_name = "PROVIDER[:MODEL]", conflicts_with = "offline")]
    ai: Option<AiChoice>,
    /// Ask for the whole map in one question: fewer calls, and all or nothing
    #[arg(long)]
    single_call: bool,
    /// Take the text as it is; without this, a set up provider first writes a terse text out
    #[arg(long)]
    no_enhancement: bool,
    /// How detailed wireframes are: low-fidelity, high-fidelity or component
    #[arg(long, default_value_t = Style::LowFidelity)]
    style: Style,
    /// What wireframes are drawn for: web, mobile or desktop
    #[arg(long, default_value_t = Platform::Web)]
    platform: Platform,
    /// Columns of the board; without this, those of the terminal, or 80
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(30..=1000))]
    width: Option<u16>,
    /// Show only how many acceptance criteria a story has, where activities stand side by side; the files have all
    #[arg(long)]
    brief: bool,
}

pub(super) async fn run(args: Args, config: Config, shutdown: CancellationToken) -> Result<(), Failure> {
    let text = tokio::select! {
        text = read(args.file.clone()) => text?,
        () = shutdown.cancelled() => return Err(Failure::stopped("stopped before anything was begun")),
    };
    let out = OutDir::prepare(&args.out)?;
    let app = App::open(config).await?;
    if let Some(choice) = &args.ai {
        choice.check(&app.ai).map_err(Failure::usage)?;
    }
    if !app.ai.is_offline() && !args.offline {
        app.config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    }

    let stop = CancellationToken::new();
    // Asked to stop, a handler is not waited for: its job is handed back and keeps its attempts.
    let concurrency = app.config.worker.concurrency.max(CONCURRENCY);
    let worker = tasks::worker(app.clone(), WorkerKind::All).concurrency(concurrency);
    let worker = worker.grace_period(Duration::ZERO);
    let worker = tokio::spawn(worker.run_until(stop.clone().cancelled_owned()));
    let command = Generate { app: &app, args: &args, out, shutdown, report: Report::new(args.json) };
    let ended = command.run(text).await;
    stop.cancel();
    let worked = worker.await;
    let ended = match ended {
        Err(Ended::Interrupted(job)) => Err(interrupted(&app, job).await),
        Err(Ended::Failed(failure)) => Err(failure),
        Ok(()) => Ok(()),
    };
    app.queue.close().await;
    if let Ok(Err(error)) = worked {
        return Err(error.into());
    }
    ended
}

async fn read(file: PathBuf) -> Result<String, Failure> {
    // Standard input may never end; a thread that waits for it does not hinder the others.
    let read = tokio::task::spawn_blocking(move || input::read(&file)).await;
    read.unwrap_or_else(|error| Err(Failure::failed(error)))
}

/// Why there is nothing to show.
enum Ended {
    Failed(Failure),
    /// By a signal, while this job was under way.
    Interrupted(JobId),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Generate<'a> {
    app: &'a App,
    args: &'a Args,
    out: OutDir,
    shutdown: CancellationToken,
    report: Report,
}

impl Generate<'_> {
    async fn run(mut self, text: String) -> Result<(), Ended> {
        let task = GenerateMap {
            requirements_text: text,
            use_enhancement: !self.args.no_enhancement,
            use_enhanced_text: true,
            mode: if self.args.single_call { MapMode::Single } else { MapMode::Hierarchical },
        };
        let (job, ready): (Job, MapReady) = self.work(task, "no map was made").await?;
        let map = self.load(ready.project_id).await?;
        let written = self.out.write(&map)?;
        let screen = Screen::new(&map, self.args.width);
        if !self.args.json {
            screen.kept(&written);
            screen.board(&map, !self.args.brief);
        }

        let drawn = self.draw(&ready, &written).await?;
        if self.args.json {
            self.completed(&job, &ready, &map, &written, &drawn);
        } else {
            screen.wireframes(&drawn);
            screen.summary(&ready, &written, self.app.ai.is_offline());
        }
        Ok(())
    }

    /// Enqueues the task and follows its job to the end, whichever process works it.
    async fn work<T: Task>(&mut self, task: T, otherwise: &str) -> Result<(Job, T::Output), Ended> {
        let handle = self.app.queue.enqueue_with(task, self.options()).await?;
        let job = self.follow(&handle).await?;
        if job.status != JobStatus::Completed {
            return Err(Failure::job(otherwise, &job).into());
        }
        let output = handle.result().await?;
        Ok((job, output))
    }

    fn options(&self) -> EnqueueOptions {
        let options = self.app.enqueue_options().priority(PRIORITY);
        match &self.args.ai {
            Some(choice) => tasks::ask_only(options, choice),
            None if self.args.offline => tasks::offline(options),
            None => options,
        }
    }

    async fn follow<T: Task>(&mut self, handle: &JobHandle<T>) -> Result<Job, Ended> {
        self.report.enqueued(handle.id(), T::NAME);
        let mut watch = handle.watch().await?;
        loop {
            let next = tokio::select! {
                biased;
                next = watch.next() => next,
                () = self.shutdown.cancelled() => {
                    self.report.end();
                    return Err(Ended::Interrupted(handle.id()));
                }
            };
            let Some(job) = next.transpose()? else {
                let lost = anyhow::anyhow!("job {} could not be followed to its end", handle.id());
                return Err(Failure::failed(lost).into());
            };
            self.report.update(&job);
            if job.status.is_final() {
                self.report.end();
                return Ok(job);
            }
        }
    }

    async fn load(&self, project_id: i64) -> Result<StoryMap, Ended> {
        let loaded = project::load_map(&self.app.db, project_id).await?;
        let loaded = loaded.ok_or_else(|| {
            Failure::failed(anyhow::anyhow!("project {project_id} was deleted as soon as it was made"))
        })?;
        Ok(loaded.story_map())
    }

    /// Wireframes of the first stories of the MVP. The map is there already, and an error says so.
    async fn draw(&mut self, ready: &MapReady, written: &Written) -> Result<WireframesReady, Ended> {
        let stories = user_story::first_mvp(&self.app.db, ready.project_id, DRAWN).await?;
        if stories.is_empty() {
            return Ok(WireframesReady::none(self.args.style, self.args.platform));
        }
        let task = GenerateWireframes {
            project_id: ready.project_id,
            story_ids: stories.iter().map(|story| story.id).collect(),
            style: self.args.style,
            platform: self.args.platform,
        };
        let otherwise = format!(
            "the map was made (project {}, {}), but its wireframes were not",
            ready.project_id,
            written.markdown.display()
        );
        let (_, drawn) = self.work(task, &otherwise).await?;
        Ok(drawn)
    }

    fn completed(
        &self,
        job: &Job,
        ready: &MapReady,
        map: &StoryMap,
        written: &Written,
        drawn: &WireframesReady,
    ) {
        let wireframes: &[StoryWireframe] = &drawn.wireframes;
        out::json(&json!({
            "event": "completed",
            "job_id": job.id,
            "project_id": ready.project_id,
            "made_by": ready.made_by,
            "used_enhancement": ready.used_enhancement,
            "failed_count": ready.failed_count,
            "failures": ready.failures,
            "files": written,
            "map": map,
            "wireframes": wireframes,
            "wireframe_failures": drawn.failures,
        }));
    }
}

/// What became of the job of an interrupted command, once the worker here has handed it back.
async fn interrupted(app: &App, id: JobId) -> Failure {
    let status = app.queue.job(id).await.map(|job| job.status);
    match status {
        Ok(JobStatus::Completed) => {
            Failure::interrupted("interrupted, but the job was completed in time", id)
                .or_try(format!("usm job show {id}"), "its result")
        }
        Ok(JobStatus::Failed | JobStatus::Cancelled) => {
            Failure::interrupted("interrupted; the job had failed", id)
                .or_try(format!("usm job show {id}"), "the reason")
        }
        _ => Failure::interrupted("interrupted; the job stays queued and nothing is lost", id)
            .or_try("usm worker all", "works it, as the next `usm generate` or `usm serve` does")
            .or_try(format!("usm job watch {id}"), "follows it")
            .or_try(format!("usm job cancel {id}"), "gives it up"),
    }
}
