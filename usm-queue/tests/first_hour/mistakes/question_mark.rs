//! `?` on what is no error type in a handler that returns `TaskError`.

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

fn address() -> Result<String, String> {
    Err("no address".to_owned())
}

async fn send(_: Mail, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(address()?)
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ the trait `StdError` is not implemented for `String`
//~ for `TaskError` to implement `From<String>`
