//! A handler that reports where it is, and a watcher that sees every change: `cargo run -p usm-examples --example progress`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Bake {
    cakes: u64,
}

impl Task for Bake {
    const NAME: &'static str = "bake";
    const ROUTING_KEY: &'static str = "kitchen.bake";
    type Output = String;
}

async fn bake(task: Bake, job: JobContext<()>) -> Result<String, TaskError> {
    // What an earlier attempt had finished, if this is not the first.
    let done = job.earlier_partials::<String>().len() as u64;
    for cake in done + 1..=task.cakes {
        job.progress(cake, task.cakes, format!("cake {cake} is in the oven")).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
        // Visible at once, and kept if this attempt fails.
        job.partial(format!("cake {cake}")).await?;
    }
    Ok(format!("{} cakes", task.cakes))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("kitchen")?).await?;
    let job = queue.enqueue(Bake { cakes: 5 }).await?;

    let watching = async {
        // The present state first, then every change, from whichever process it comes, until the job has ended.
        let mut watch = job.watch().await?;
        while let Some(state) = watch.next().await {
            let state = state?;
            let bar = match &state.progress {
                Some(at) => {
                    let filled = (20 * at.current / at.total.max(1)) as usize;
                    format!("[{:<20}] {}", "#".repeat(filled), at.message)
                }
                None => String::new(),
            };
            println!(
                "v{:<3} {:<10} {:>2} done  {bar}",
                state.version,
                state.status,
                state.partial_results.len()
            );
        }
        anyhow::Ok(())
    };
    let mut watched = Ok(());
    Worker::new(queue.clone(), ()).handle(bake).run_until(async { watched = watching.await }).await?;
    watched?;

    println!("\nresult: {}", job.result().await?);
    Ok(())
}
