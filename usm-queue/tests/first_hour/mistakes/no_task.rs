//! A payload that is no task.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

async fn send(_: Mail, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(String::new())
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ `Mail` is not a task
//~ implement `Task` for the payload
