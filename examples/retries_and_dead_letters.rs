//! What follows a failure, and what is kept when nothing does: `cargo run -p usm-examples --example retries_and_dead_letters`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use usm_queue::{
    DeadLetterFilter, JobContext, JobHandle, RetryPolicy, Task, TaskError, TaskPolicy, TaskQueue, Topology,
    Worker,
};

#[derive(Serialize, Deserialize)]
struct Send {
    to: String,
}

impl Task for Send {
    const NAME: &'static str = "send";
    const ROUTING_KEY: &'static str = "mail.send";
    type Output = String;

    fn policy() -> TaskPolicy {
        // Three attempts, 0.2 s and 0.4 s apart; the default is 5 s and 10 s.
        TaskPolicy::default().retry(RetryPolicy::exponential(3, Duration::from_millis(200)))
    }
}

async fn send(task: Send, job: JobContext<()>) -> Result<String, TaskError> {
    println!("  attempt {} for {}", job.attempt(), task.to);
    match task.to.as_str() {
        // The wait is spent in the queue, not in a worker.
        "busy@example.org" if job.attempt() < 3 => Err(TaskError::retry("the server is busy")),
        "" => Err(TaskError::permanent("there is no address")),
        to => Ok(format!("sent to {to}")),
    }
}

/// Works until these jobs have ended, and says how.
async fn work(queue: &TaskQueue, jobs: &[JobHandle<Send>]) -> anyhow::Result<()> {
    let ended = async {
        for job in jobs {
            match job.result().await {
                Ok(result) => println!("  {result}"),
                Err(error) => println!("  {error}"),
            }
        }
    };
    Worker::new(queue.clone(), ()).handle(send).concurrency(4).run_until(ended).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("mail")?).await?;
    println!("two jobs:");
    let tasks = ["busy@example.org", ""].map(|to| Send { to: to.to_owned() });
    work(&queue, &queue.enqueue_many(tasks).await?).await?;

    println!("dead letters:");
    let dead = queue.dead_letters();
    let mut replayed = Vec::new();
    for letter in dead.list(&DeadLetterFilter::default(), 0, 10).await? {
        println!("  {}: {}, {:?}, payload {:?}", letter.id, letter.reason, letter.errors, letter.payload);
        // Once more, with a payload that works; the failed job stays failed, this is a new one.
        let again = dead.replay_with(&letter.id, json!({"to": "ann@example.org"})).await?;
        replayed.push(queue.handle(again));
    }
    println!("replayed:");
    work(&queue, &replayed).await?;
    println!("{} dead letters are left", dead.list(&DeadLetterFilter::default(), 0, 10).await?.len());
    Ok(())
}
