//! Jobs for later, and jobs that come too late: `cargo run -p usm-examples --example delayed`

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use usm_queue::{EnqueueOptions, JobContext, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Remind {
    of: String,
}

impl Task for Remind {
    const NAME: &'static str = "remind";
    const ROUTING_KEY: &'static str = "calendar.remind";
    type Output = ();
}

async fn remind(task: Remind, job: JobContext<Instant>) -> Result<(), TaskError> {
    println!("{:>5.2} s  {}", job.state.elapsed().as_secs_f64(), task.of);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let queue = TaskQueue::in_memory(Topology::single("calendar")?).await?;
    let remind_of = |of: &str| Remind { of: of.to_owned() };
    let seconds = Duration::from_secs_f64;

    // The longest first: it holds up none of the others.
    let started = Instant::now();
    let later = |delay: f64| EnqueueOptions::new().delay(seconds(delay));
    let mut jobs = vec![queue.enqueue_with(remind_of("the meeting, after 1.5 s"), later(1.5)).await?];
    jobs.push(queue.enqueue_with(remind_of("the tea, after 0.5 s"), later(0.5)).await?);
    jobs.push(queue.enqueue(remind_of("now")).await?);
    let all = async {
        for job in &jobs {
            let _ = job.result().await;
        }
    };
    Worker::new(queue.clone(), started).handle(remind).run_until(all).await?;

    // Nobody works any more, so this one gets too old: it fails and becomes a dead letter.
    let brief = EnqueueOptions::new().ttl(seconds(0.05));
    let missed = queue.enqueue_with(remind_of("yesterday's news"), brief).await?;
    if let Err(error) = missed.result().await {
        println!("missed: {error}");
    }
    Ok(())
}
