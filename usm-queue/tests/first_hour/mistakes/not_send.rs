//! A handler that holds across an `await` what may not change threads.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

async fn send(_: Mail, job: JobContext<()>) -> Result<String, TaskError> {
    let text = Rc::new(String::new());
    job.progress(1, 2, "sending").await?;
    Ok(text.to_string())
}

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    Worker::new(queue, ()).handle(send).run_until(async {}).await?;
    Ok(())
}

//~ future cannot be sent between threads safely
//~ `Rc<String>`
