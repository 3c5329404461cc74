//! A broker of one's own behind the same task queue: `cargo run -p usm-examples --example custom_broker`
//!
//! This one wraps another and tells what passes. A broker from scratch implements the same methods and proves itself
//! with `usm_queue::testing::broker_contract!`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use usm_queue::{
    JobContext, JobId, QueueDepth, Result, SqliteOptions, Task, TaskError, TaskQueue, Topology, Worker,
    backend::{
        Accepted, Broker, Consumer, Delivery, Edit, JobStore, JobUpdate, Lease, Message, NewJob, NotEdited,
        Settlement, Updated, two_phase,
    },
    testing,
};

#[derive(Debug)]
struct Telling(Arc<dyn Broker>);

#[async_trait::async_trait]
impl Broker for Telling {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        println!("declare {} queues", topology.queues().len());
        self.0.declare(topology).await
    }
    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        messages
            .iter()
            .for_each(|message| println!("publish {} to {}", message.message_id, message.routing_key));
        self.0.publish(messages).await
    }
    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        println!("consume {queue}, {prefetch} at a time");
        self.0.consume(queue, prefetch).await
    }
    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        println!("settle  {}: {settlement:?}", delivery.message.message_id);
        self.0.settle(delivery, settlement).await
    }
    async fn accept(&self, store: &dyn JobStore, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        two_phase::accept(self, store, jobs).await
    }

    async fn finish(
        &self,
        store: &dyn JobStore,
        delivery: &Delivery,
        lease: Lease,
        update: JobUpdate,
        settlement: Settlement,
    ) -> Result<Updated> {
        two_phase::finish(self, store, delivery, lease, update, settlement).await
    }

    async fn edit(&self, store: &dyn JobStore, id: JobId, edit: Edit) -> Result<Result<(), NotEdited>> {
        two_phase::edit(self, store, id, edit).await
    }
    async fn find_waiting(&self, queue: &str, id: JobId, generation: u64) -> Result<Option<Message>> {
        self.0.find_waiting(queue, id, generation).await
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.0.depth(queue).await
    }
    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        self.0.browse(queue, skip, limit).await
    }
    async fn find(&self, queue: &str, message_id: &str) -> Result<Option<Message>> {
        self.0.find(queue, message_id).await
    }
    async fn remove(&self, queue: &str, message_id: &str) -> Result<bool> {
        self.0.remove(queue, message_id).await
    }
    async fn purge(&self, queue: &str) -> Result<u64> {
        self.0.purge(queue).await
    }
    async fn close(&self) {
        self.0.close().await;
    }
}

#[derive(Serialize, Deserialize)]
struct Shout(String);

impl Task for Shout {
    const NAME: &'static str = "shout";
    const ROUTING_KEY: &'static str = "yard.shout";
    type Output = String;
}

async fn shout(task: Shout, _: JobContext<()>) -> std::result::Result<String, TaskError> {
    Ok(task.0.to_uppercase())
}

#[tokio::main]
async fn main() -> Result<()> {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await?;
    let queue = TaskQueue::new(Arc::new(Telling(broker)), store, Topology::single("yard")?).await?;
    let job = queue.enqueue(Shout("hello".to_owned())).await?;
    let shouted = async { println!("result: {:?}", job.result().await) };
    Worker::new(queue.clone(), ()).handle(shout).run_until(shouted).await?;
    Ok(())
}
