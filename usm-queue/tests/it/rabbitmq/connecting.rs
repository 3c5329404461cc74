//! Connections that are refused, and what is said about them.

use std::time::Duration;

use usm_queue::{
    ErrorKind, RabbitMqOptions,
    testing::{RabbitMq, soon},
};

use super::{open, url};

/// The tests' server with other credentials or another virtual host.
fn elsewhere(user: &str, password: &str, vhost: &str) -> String {
    let url = url();
    let address = url.split_once("://").unwrap().1;
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let host = host.split('/').next().unwrap();
    format!("amqp://{user}:{password}@{host}/{vhost}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_told_without_the_password() {
    let Some(_broker) = open().await else { return };

    let options = RabbitMqOptions::new(elsewhere("guest", "not%2Fthis", "%2f"));
    let refused = soon("it is refused", RabbitMq::connect(options)).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Backend, "{refused:?}");
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("user `guest`") && said.contains("password"), "{said}");
    assert!(!said.contains("not/this") && !said.contains("not%2Fthis"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_virtual_host_is_named() {
    let Some(_broker) = open().await else { return };

    let options = RabbitMqOptions::new(elsewhere("guest", "guest", "no-such-vhost"));
    let refused = soon("it is refused", RabbitMq::connect(options)).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Backend, "{refused:?}");
    assert!(refused.to_string().contains("`no-such-vhost`"), "{refused}");
}

/// Nobody listens, or somebody who never speaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_broker_is_told_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().port();
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };

    for port in [silent, closed] {
        let options = RabbitMqOptions::new(format!("amqp://u:secret@127.0.0.1:{port}/v"))
            .call_timeout(Duration::from_millis(300))
            .connect_timeout(Duration::from_millis(300));
        let refused = soon("it gives up", RabbitMq::connect(options)).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");
        assert!(refused.to_string().contains(&port.to_string()), "{refused}");
        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    }
}
