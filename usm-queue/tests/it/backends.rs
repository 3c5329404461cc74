//! The same test on the embedded backend and on RabbitMQ with Redis.

use std::sync::Arc;

use usm_queue::{
    SqliteOptions, Task, TaskQueue, Topology,
    backend::{Broker, JobStore, Message},
    testing,
};

use crate::shared::Note;

/// One queue, with what lies behind it.
pub(crate) struct Place {
    pub(crate) queue: TaskQueue,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<dyn JobStore>,
    /// Name of the queue.
    pub(crate) name: String,
    #[cfg(all(feature = "rabbitmq", feature = "redis"))]
    _removes_its_queues: Option<testing::RabbitMq>,
}

impl Place {
    /// A message as another service writes it: without our headers.
    pub(crate) fn foreign(&self, id: &str, body: &str) -> Message {
        Message::new(self.queue.topology().task_exchange(), Note::ROUTING_KEY, id, body.as_bytes().to_vec())
    }
}

pub(crate) async fn embedded() -> Option<Place> {
    let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let topology = Topology::single("work").unwrap();
    Some(Place {
        queue: TaskQueue::new(broker.clone(), store.clone(), topology).await.unwrap(),
        broker,
        store,
        name: "work".to_owned(),
        #[cfg(all(feature = "rabbitmq", feature = "redis"))]
        _removes_its_queues: None,
    })
}

/// `None`, said aloud, where there are no servers.
#[cfg(all(feature = "rabbitmq", feature = "redis"))]
pub(crate) async fn servers() -> Option<Place> {
    let (removes_its_queues, store) = (crate::rabbitmq::open().await?, crate::redis::shared_store().await?);
    let name = testing::unique("work");
    let topology = Topology::single(&name).unwrap();
    removes_its_queues.declare(&topology).await.unwrap();
    let broker = usm_queue::RabbitMqOptions::new(crate::rabbitmq::url()).connect().await.unwrap();
    Some(Place {
        queue: TaskQueue::new(broker.clone(), store.clone(), topology).await.unwrap(),
        broker,
        store,
        name,
        _removes_its_queues: Some(removes_its_queues),
    })
}

/// Runs `async fn(&Place)`s on every backend.
macro_rules! on_every_backend {
    ($($test:ident)*) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let place = crate::backends::embedded().await.unwrap();
                    super::$test(&place).await;
                }
            )*
        }

        #[cfg(all(feature = "rabbitmq", feature = "redis"))]
        mod servers {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let Some(place) = crate::backends::servers().await else { return };
                    super::$test(&place).await;
                    place.queue.close().await;
                }
            )*
        }
    };
}
pub(crate) use on_every_backend;
