//! A closure that never names its error type.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(async |_: Mail, _: JobContext<()>| Ok(String::new())).run_until(async {}).await?;
    Ok(())
}

//~ type annotations needed
//~ type parameter `E` declared on the method `handle`
