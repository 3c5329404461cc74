//! Opens the queue for commands that look at jobs or dead letters.

use usm_queue::TaskQueue;

use super::failure::Failure;
use crate::{
    app,
    config::{Config, QueueBackend},
};

/// The queue, if there is one.
pub(super) async fn open(config: &Config) -> Result<TaskQueue, Failure> {
    must_exist(config)?;
    Ok(app::open_queue(config).await?)
}

/// The same for commands that need no messages.
pub(super) async fn open_records(config: &Config) -> Result<TaskQueue, Failure> {
    must_exist(config)?;
    Ok(app::open_records(config).await?)
}

/// Looking must not create an empty file.
pub(super) fn must_exist(config: &Config) -> Result<(), Failure> {
    if config.queue.backend == QueueBackend::Embedded && !config.queue_file().exists() {
        return Err(Failure::failed(anyhow::anyhow!(
            "there is no queue in {} yet; start something with `usm generate`, or name the right directory in USM_DATA_DIR",
            config.data_dir.display()
        )));
    }
    Ok(())
}
