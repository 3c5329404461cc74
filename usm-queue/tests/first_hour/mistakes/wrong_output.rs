//! A handler that returns something else than its task says.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

async fn send(_: Mail, _: JobContext<()>) -> Result<u32, TaskError> {
    Ok(1)
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ `<Mail as Task>::Output == u32`
