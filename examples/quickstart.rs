//! A task, its handler, a queue in one file, a worker, a typed result: `cargo run -p usm-examples --example quickstart`

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

/// The payload: whatever serde can write as JSON.
#[derive(Serialize, Deserialize)]
struct CountWords {
    text: String,
}

impl Task for CountWords {
    const NAME: &'static str = "count_words"; // stored with every job, so it stays when the type is renamed
    const ROUTING_KEY: &'static str = "text.count"; // the topology leads it to a queue
    type Output = usize;
}

async fn count_words(task: CountWords, job: JobContext<()>) -> Result<usize, TaskError> {
    println!("{} attempt {}: counting", job.id(), job.attempt());
    Ok(task.text.split_whitespace().count())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Nothing is installed: one SQLite file, which other processes may open too.
    let file = std::env::temp_dir().join("usm-quickstart.db");
    let queue = TaskQueue::open(&file, Topology::single("texts")?).await?;

    // When `enqueue` returns, the job is on disk and survives the crash of any process.
    let job = queue.enqueue(CountWords { text: "an accepted job is never lost".to_owned() }).await?;
    println!("{} is {}", job.id(), job.status().await?.status);

    // Usually a process of its own; here it works until the result is there.
    let worker = Worker::new(queue.clone(), ()).handle(count_words).concurrency(4);
    let mut words = None;
    worker.run_until(async { words = Some(job.result().await) }).await?;

    if let Some(words) = words {
        println!("{} is {}: {} words", job.id(), job.status().await?.status, words?);
    }
    queue.close().await;
    Ok(())
}
