//! Which handlers a worker runs.

use clap::ValueEnum;
use usm_queue::{Task, Worker};

use super::{
    GenerateMap, GenerateWireframes, ImproveStories, generate_map, generate_wireframes, improve_stories,
};
use crate::app::App;

/// The kinds of work that one worker process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WorkerKind {
    /// Story maps.
    Map,
    /// Wireframes.
    Wireframe,
    /// Improvements of many stories.
    Bulk,
    /// Everything.
    All,
}

/// A worker with the handlers of its kind, by the settings.
pub fn worker(app: App, kind: WorkerKind) -> Worker<App> {
    let (concurrency, grace) = (app.config.worker.concurrency, app.config.worker.grace);
    let (lease, patience) = (app.config.queue.lease, app.config.ai.patience);
    let worker = Worker::new(app.queue.clone(), app)
        .concurrency(concurrency)
        .version(env!("CARGO_PKG_VERSION"))
        .lease(lease)
        .grace_period(grace);
    let worker = match kind {
        WorkerKind::Map => worker.handle(generate_map),
        WorkerKind::Wireframe => worker.handle(generate_wireframes),
        WorkerKind::Bulk => worker.handle(improve_stories),
        WorkerKind::All => worker.handle(generate_map).handle(generate_wireframes).handle(improve_stories),
    };
    worker
        .timeout::<GenerateMap>(patience.stretched(GenerateMap::policy().timeout))
        .timeout::<GenerateWireframes>(patience.stretched(GenerateWireframes::policy().timeout))
        .timeout::<ImproveStories>(patience.stretched(ImproveStories::policy().timeout))
}
