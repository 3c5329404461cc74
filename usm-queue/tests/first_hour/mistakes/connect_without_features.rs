//! RabbitMQ and Redis without their features.

use usm_queue::{TaskQueue, Topology};

#[tokio::main]
async fn main() -> usm_queue::Result<()> {
    let topology = Topology::single("mail")?;
    TaskQueue::connect("amqp://localhost", "redis://localhost", topology).await?;
    Ok(())
}

//~ features = ["rabbitmq", "redis"]
