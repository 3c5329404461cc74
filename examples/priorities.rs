//! Urgent jobs first, and a queue for each kind of work: `cargo run -p usm-examples --example priorities`

use serde::{Deserialize, Serialize};
use usm_queue::{
    EnqueueOptions, JobContext, QueueSpec, Task, TaskError, TaskPolicy, TaskQueue, Topology, Worker,
};

#[derive(Serialize, Deserialize)]
struct Print {
    page: String,
}

impl Task for Print {
    const NAME: &'static str = "print";
    const ROUTING_KEY: &'static str = "office.print";
    type Output = ();

    fn policy() -> TaskPolicy {
        TaskPolicy::default().priority(3) // unless the caller says otherwise
    }
}

async fn print(task: Print, job: JobContext<()>) -> Result<(), TaskError> {
    println!("  priority {}: {}", job.job().priority, task.page);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A topology is checked when it is built: a queue bound to nothing, or without dead letters, is refused.
    let topology = Topology::builder("office.tasks")
        .dead_letters("office.dead", "office.failed")
        .queue(
            QueueSpec::new("office.printer")
                .bind("office.tasks", "office.print")
                .max_priority(10)
                .dead_letter_exchange("office.dead"),
        )
        .build()?;
    let queue = TaskQueue::in_memory(topology).await?;

    let page = |text: &str| Print { page: text.to_owned() };
    let mut jobs = vec![queue.enqueue(page("a report, by the task's own priority")).await?];
    for (text, priority) in
        [("a newsletter", 0), ("an invoice", 7), ("the fire alarm plan", 10), ("another invoice", 7)]
    {
        jobs.push(queue.enqueue_with(page(text), EnqueueOptions::new().priority(priority)).await?);
    }
    match queue.enqueue_with(page("too urgent"), EnqueueOptions::new().priority(11)).await {
        Ok(_) => anyhow::bail!("priority 11 is above the queue's maximum"),
        Err(error) => println!("refused: {error}"),
    }

    // Highest first; within one priority the oldest first. One at a time, so that the order shows.
    println!("printed:");
    let printed = async {
        for job in &jobs {
            let _ = job.result().await;
        }
    };
    Worker::new(queue.clone(), ()).handle(print).concurrency(1).run_until(printed).await?;
    Ok(())
}
