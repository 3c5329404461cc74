//! A handler of another state than the worker's.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

#[derive(Clone)]
struct App;

async fn send(_: Mail, _: JobContext<App>) -> Result<String, TaskError> {
    Ok(String::new())
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ , JobContext<()>) -> _`
//~ found function signature `fn(Mail, JobContext<App>) -> _`
