//! Cancelling a job that waits and one that runs, from anywhere: `cargo run -p usm-examples --example cancel`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, JobHandle, JobStatus, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Dig {
    metres: u64,
}

impl Task for Dig {
    const NAME: &'static str = "dig";
    const ROUTING_KEY: &'static str = "garden.dig";
    type Output = u64;
}

async fn dig(task: Dig, job: JobContext<()>) -> Result<u64, TaskError> {
    for metre in 1..=task.metres {
        job.progress(metre, task.metres, "digging").await?;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            // Somebody cancelled, or the worker shuts down: tidy up and stop.
            () = job.cancelled() => {
                println!("asked to stop at metre {metre}; closing the hole");
                return Err(TaskError::retry("stopped"));
            }
        }
    }
    Ok(task.metres)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("garden")?).await?;
    let running = queue.enqueue(Dig { metres: 1000 }).await?;
    let waiting = queue.enqueue(Dig { metres: 1 }).await?;

    let cancelling = async {
        until(&running, JobStatus::Processing).await?;
        // One at a time is worked here, so the second still waits: it ends at once.
        println!("the waiting one: {:?}", waiting.cancel().await?);
        // The running one is asked, whichever process it is in. A handler that does not listen is dropped after a grace.
        println!("the running one: {:?}", running.cancel().await?);
        until(&running, JobStatus::Cancelled).await?;
        println!("too late for another try: {:?}", running.cancel().await?);
        anyhow::Ok(())
    };
    let mut cancelled = Ok(());
    Worker::new(queue.clone(), ()).handle(dig).run_until(async { cancelled = cancelling.await }).await?;
    cancelled?;
    for job in [running, waiting] {
        println!("{} is {}", job.id(), job.status().await?.status);
    }
    Ok(())
}

async fn until(job: &JobHandle<Dig>, status: JobStatus) -> anyhow::Result<()> {
    let mut watch = job.watch().await?;
    while let Some(state) = watch.next().await {
        if state?.status == status {
            return Ok(());
        }
    }
    anyhow::bail!("the job ended without becoming {status}")
}
