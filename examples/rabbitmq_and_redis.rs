//! The same tasks and handlers on RabbitMQ and Redis; only the line that opens the queue differs.
//!
//! ```text
//! docker compose -f tests/compose.yaml up -d    # or RabbitMQ and Redis of your own
//! cargo run -p usm-examples --features rabbitmq --example rabbitmq_and_redis
//! ```

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, JobStatus, Task, TaskError, TaskQueue, Topology, Worker};

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

impl Task for Greet {
    const NAME: &'static str = "greet";
    const ROUTING_KEY: &'static str = "door.greet";
    type Output = String;
}

async fn greet(task: Greet, job: JobContext<()>) -> Result<String, TaskError> {
    job.progress(1, 2, "opening the door").await?;
    Ok(format!("good morning, {}", task.name))
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rabbitmq = setting("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/%2f");
    let redis = setting("REDIS_URL", "redis://127.0.0.1:6379/0");
    let queue = TaskQueue::connect(&rabbitmq, &redis, Topology::single("usm-example-door")?).await?;

    // Returns when RabbitMQ has confirmed the message and Redis has the record.
    let names = ["Ann", "Bob", "Cleo"];
    let jobs = queue.enqueue_many(names.map(|name| Greet { name: name.to_owned() })).await?;

    let worker = Worker::new(queue.clone(), ()).handle(greet).concurrency(8);
    let health = worker.health();
    let results = async {
        for job in &jobs {
            let mut watch = job.watch().await?;
            while let Some(state) = watch.next().await {
                let state = state?;
                println!("{} v{:<2} {}", state.id, state.version, state.status);
                if state.status == JobStatus::Completed {
                    println!("  {}", job.result().await?);
                }
            }
        }
        println!("consuming: {}", health.is_consuming());
        anyhow::Ok(())
    };
    let mut done = Ok(());
    worker.run_until(async { done = results.await }).await?;
    queue.close().await;
    done
}
