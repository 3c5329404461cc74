//! An error type that is no error.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

struct Refused;

async fn send(_: Mail, _: JobContext<()>) -> Result<String, Refused> {
    Err(Refused)
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ the trait `StdError` is not implemented for `Refused`
