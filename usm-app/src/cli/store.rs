//! Opens the queue for commands that look at jobs and make none.

use usm_queue::TaskQueue;

use super::failure::Failure;
use crate::{
    app,
    config::{Config, QueueBackend},
};

/// The queue, if there is one: looking for a job must not create an empty file.
pub(super) async fn open(config: &Config) -> Result<TaskQueue, Failure> {
    let file = config.queue_file();
    if config.queue.backend == QueueBackend::Embedded && !file.exists() {
        return Err(Failure::failed(anyhow::anyhow!(
            "there is no queue in {} yet; start something with `usm generate`, or name the right directory in USM_DATA_DIR",
            config.data_dir.display()
        )));
    }
    Ok(app::open_queue(config).await?)
}
