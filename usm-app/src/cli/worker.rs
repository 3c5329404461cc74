//! `usm worker`: works jobs that other processes enqueue.

use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::{
    app::App,
    config::Config,
    tasks::{self, WorkerKind},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which kind of work
    #[arg(value_enum)]
    kind: WorkerKind,
}

pub(super) async fn run(args: Args, config: Config, shutdown: CancellationToken) -> Result<(), Failure> {
    let app = App::open(config).await?;
    let queue = app.queue.clone();
    tracing::info!(
        kind = ?args.kind,
        concurrency = app.config.worker.concurrency,
        grace_seconds = app.config.worker.grace.as_secs(),
        queue = ?app.config.queue.backend,
        data_dir = %app.config.data_dir.display(),
        answers = app.ai.providers().join(", "),
        "working; Ctrl-C stops, and hands back what does not end soon"
    );
    tasks::worker(app, args.kind).run_until(shutdown.cancelled()).await?;
    queue.close().await;
    tracing::info!("stopped; what was not finished is handed back");
    Ok(())
}
