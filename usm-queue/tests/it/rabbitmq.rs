//! The broker on a real RabbitMQ server: what the contracts cannot ask of every broker.

use usm_queue::{RabbitMqOptions, testing::RabbitMq};

/// Where the tests' server is.
pub(crate) fn url() -> String {
    std::env::var("USM_TEST_RABBITMQ_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672/%2f".to_owned())
}

/// A broker on the server, or `None`, said aloud, where there is none. In CI there must be one.
pub(crate) async fn open() -> Option<RabbitMq> {
    match RabbitMq::connect(RabbitMqOptions::new(url())).await {
        Ok(broker) => Some(broker),
        Err(error) if std::env::var("CI").as_deref() == Ok("true") => panic!("no RabbitMQ in CI: {error}"),
        Err(error) => {
            eprintln!("SKIPPED, nothing was tested: {error}; set USM_TEST_RABBITMQ_URL");
            None
        }
    }
}
