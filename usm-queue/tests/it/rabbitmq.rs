//! The broker on a real RabbitMQ server: what the contracts cannot ask of every broker.

mod connecting;
mod dead_letters;
mod delays;
mod ladder;
mod losses;
#[cfg(feature = "redis")]
mod older;
mod publishing;
mod runtimes;
mod tls;
mod unreadable;

use std::{sync::Arc, time::Duration};

use usm_queue::{
    QueueSpec, RabbitMqOptions, SqliteOptions, TaskQueue, Topology,
    backend::{Broker, Consumer, Delivery, JobStore, Message, Settlement},
    testing::{RabbitMq, soon, sqlite_pair, unique},
};

/// Where the tests' server is.
pub(crate) fn url() -> String {
    std::env::var("USM_TEST_RABBITMQ_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672/%2f".to_owned())
}

/// A broker on the server, or `None`, said aloud, where there is none. In CI there must be one.
pub(crate) async fn open() -> Option<RabbitMq> {
    open_with(RabbitMqOptions::new(url())).await
}

async fn open_with(options: RabbitMqOptions) -> Option<RabbitMq> {
    match RabbitMq::connect(options).await {
        Ok(broker) => Some(broker),
        Err(error) if std::env::var("CI").as_deref() == Ok("true") => panic!("no RabbitMQ in CI: {error}"),
        Err(error) => {
            eprintln!("SKIPPED, nothing was tested: {error}; set USM_TEST_RABBITMQ_URL");
            None
        }
    }
}

/// A channel of a client that is not this library.
async fn raw() -> (lapin::Connection, lapin::Channel) {
    let connection =
        lapin::Connection::connect(&url(), lapin::ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// A queue with its exchanges, under names of its own.
struct Line {
    name: String,
    topology: Topology,
}

impl Line {
    async fn declare(broker: &dyn Broker, arrange: impl FnOnce(QueueSpec) -> QueueSpec) -> Self {
        let name = unique("rabbitmq");
        let (exchange, dead) = (format!("{name}.tasks"), format!("{name}.dead"));
        let queue = arrange(QueueSpec::new(&name).bind(&exchange, "#").dead_letter_exchange(&dead));
        let topology = Topology::builder(&exchange)
            .dead_letters(&dead, format!("{name}.failed"))
            .queue(queue)
            .build()
            .unwrap();
        broker.declare(&topology).await.unwrap();
        Self { name, topology }
    }

    fn message(&self, id: &str) -> Message {
        Message::new(self.topology.task_exchange(), "work.it", id, id.as_bytes().to_vec())
    }

    fn dead_exchange(&self) -> String {
        format!("{}.dead", self.name)
    }
}

/// A queue on this line, with records in memory.
async fn queue_on(line: &Line) -> (TaskQueue, Arc<dyn JobStore>) {
    let (_, store) = sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let broker = RabbitMqOptions::new(url()).connect().await.unwrap();
    (TaskQueue::new(broker, store.clone(), line.topology.clone()).await.unwrap(), store)
}

async fn next(consumer: &mut Consumer) -> Delivery {
    soon("a message is delivered", consumer.next()).await.unwrap().unwrap()
}

fn retry(delivery: &Delivery, delay: Duration) -> Settlement {
    Settlement::Retry { message: Box::new(delivery.message.clone()), delay }
}
