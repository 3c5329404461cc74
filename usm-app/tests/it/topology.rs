//! `usm topology`: what is created is told, and definitions are for the virtual host in use.

use serde_json::Value;

use crate::support::Place;

async fn exported(place: &Place, args: &[&str]) -> Value {
    let said = place.run(&[&["topology", "export"], args].concat()).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

#[tokio::test]
async fn what_was_created_is_told_once() {
    let place = Place::new();

    let first = place.run(&["topology", "apply"]).await;
    let again = place.run(&["topology", "apply"]).await;

    let (head, rest) = first.out.split_once('\n').unwrap();
    let (created, last) = rest.trim_end().rsplit_once('\n').unwrap();
    assert_eq!((first.code, head, last), (Some(0), "created:", "the broker has everything as wanted"));
    assert!(created.lines().all(|line| line.starts_with("+ ")) && created.contains("+ queue"), "{created}");
    assert_eq!(again.out, "the broker has everything as wanted\n", "{}", again.err);
}

#[tokio::test]
async fn definitions_are_for_the_virtual_host_of_the_rabbitmq_in_use_unless_another_is_named() {
    let plain = Place::new();
    // No server is asked.
    let configured = Place::new()
        .with("RABBITMQ_ENABLED", "true")
        .with("RABBITMQ_URL", "amqp://user:password@localhost:1/shop%2Ftest");

    for (place, args, vhost) in [
        (&plain, &[][..], "/"),
        (&configured, &[], "shop/test"),
        (&configured, &["--vhost", "other"], "other"),
    ] {
        let definitions = exported(place, args).await;

        assert_eq!(definitions["vhosts"][0]["name"], vhost);
        assert_eq!(definitions["queues"][0]["vhost"], vhost);
    }
}
