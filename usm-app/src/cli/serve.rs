//! `usm serve`: the API and the page, with workers in the same process unless told otherwise.

use tokio_util::sync::CancellationToken;
use usm_queue::Worker;

use super::{failure::Failure, out};
use crate::{
    app::App,
    config::Config,
    http,
    tasks::{self, WorkerKind},
};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Leave the work to `usm worker` in other processes
    #[arg(long)]
    no_workers: bool,
}

pub(super) async fn run(args: Args, config: Config, shutdown: CancellationToken) -> Result<(), Failure> {
    // A port that is taken is found out before any job is touched.
    let server = http::bind(config.server.address()).await?;
    let mut app = App::open(config).await?;
    let workers = (!args.no_workers).then(|| tasks::worker(app.clone(), WorkerKind::All));
    app.workers = workers.as_ref().map(Worker::health);
    let url = format!("http://{}", server.address());
    out::line(&format!("usm is ready\n  page  {url}/\n  docs  {url}/docs\n  API   {url}/openapi.json"));
    tracing::info!(
        workers = !args.no_workers,
        grace_seconds = app.config.worker.grace.as_secs(),
        queue = ?app.config.queue.backend,
        data_dir = %app.config.data_dir.display(),
        answers = app.ai.providers().join(", "),
        "serving; Ctrl-C stops, and hands back what does not end soon"
    );

    let serving = server.serve(app.clone(), shutdown.clone());
    let working = async {
        match workers {
            Some(workers) => workers.run_until(shutdown.cancelled()).await.map(drop),
            None => Ok(()),
        }
    };
    // Both stop taking new work on the same signal, so neither waits for the other.
    let ((), worked) = tokio::join!(serving, working);
    app.queue.close().await;
    tracing::info!("stopped; what was not finished is handed back");
    Ok(worked?)
}
