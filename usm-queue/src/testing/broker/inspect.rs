//! Looking at what waits, and taking it away.

use std::time::Duration;

use super::line::{Line, next};
use crate::{
    backend::Broker,
    job::JobId,
    message::{JOB_ID, Message, TASK},
    retry::later,
};

/// Each message in one of the three.
pub async fn depth_counts_ready_delayed_and_unsettled(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.depth_becomes(0, 0, 0).await;
    let delayed = Message {
        not_before: Some(later(chrono::Utc::now(), Duration::from_secs(3600))),
        ..line.message("delayed")
    };

    line.publish(&["1", "2", "3"]).await;
    broker.publish(vec![delayed]).await.unwrap();
    let mut consumer = line.consume(1).await;
    let _held = next(&mut consumer).await;

    line.depth_becomes(2, 1, 1).await;
}

fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.message_id.as_str()).collect()
}

/// From the oldest, page by page; what is delivered is not among it.
pub async fn browsing_takes_and_reorders_nothing(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["0", "1", "2", "3", "4", "5"]).await;
    let held = line.take().await;
    line.depth_becomes(5, 0, 1).await;

    assert_eq!(ids(&broker.browse(&line.queue, 0, 10).await.unwrap()), ["1", "2", "3", "4", "5"]);
    assert_eq!(ids(&broker.browse(&line.queue, 1, 2).await.unwrap()), ["2", "3"]);
    assert_eq!(ids(&broker.browse(&line.queue, 5, 2).await.unwrap()), [""; 0]);
    assert_eq!(broker.browse(&line.queue, 0, 1).await.unwrap()[0].body, b"1");

    line.depth_becomes(5, 0, 1).await;
    assert_eq!(line.drain_ids(5).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(held.message.message_id, "0");
}

/// And takes and reorders nothing.
pub async fn a_look_ends_when_no_more_is_wanted(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["1", "2", "3", "4"]).await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let until = |last: &'static str| {
        let told = told.clone();
        Box::new(move |message: Message| {
            let more = message.message_id != last;
            told.send(message.message_id).unwrap();
            more
        })
    };

    broker.browse_each(&line.queue, until("3")).await.unwrap();
    broker.browse_each(&line.queue, until("none")).await.unwrap();

    let mut seen = Vec::new();
    while let Ok(id) = heard.try_recv() {
        seen.push(id);
    }
    assert_eq!(seen, ["1", "2", "3", "1", "2", "3", "4"]);
    assert_eq!(line.drain_ids(4).await, ["1", "2", "3", "4"]);
}

/// Wherever it waits in the queue.
pub async fn a_message_is_found_by_its_id_without_being_taken(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["1", "2", "3"]).await;

    let found = broker.find(&line.queue, "2").await.unwrap().unwrap();

    assert_eq!((found.message_id.as_str(), found.body.as_slice()), ("2", &b"2"[..]));
    assert_eq!(broker.find(&line.queue, "4").await.unwrap(), None);
    assert_eq!(line.drain_ids(3).await, ["1", "2", "3"]);
}

/// Whatever its own id is.
pub async fn a_message_is_found_by_the_id_of_its_job(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let job = JobId::new();
    let mut ours = line.message("1");
    ours.headers.insert(TASK.to_owned(), "note".into());
    ours.headers.insert(JOB_ID.to_owned(), job.to_string().into());
    let foreign = Message { body: br#"{"job_id": "test-job-123"}"#.to_vec(), ..line.message("2") };
    broker.publish(vec![line.message("0"), ours, foreign]).await.unwrap();
    let derived = JobId::derived("test-job-123").to_string();

    for (id, found) in
        [("1", "1"), (&job.to_string(), "1"), ("2", "2"), ("test-job-123", "2"), (&derived, "2")]
    {
        assert_eq!(broker.find(&line.queue, id).await.unwrap().unwrap().message_id, found);
    }
    assert_eq!(broker.find(&line.queue, "test-job-124").await.unwrap(), None);
    assert!(broker.remove(&line.queue, &job.to_string()).await.unwrap());
    assert!(broker.remove(&line.queue, "test-job-123").await.unwrap());

    assert_eq!(line.drain_ids(1).await, ["0"]);
}

/// The others keep their order.
pub async fn a_message_is_removed_by_its_id(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["1", "2", "3"]).await;

    assert!(broker.remove(&line.queue, "2").await.unwrap());
    assert!(!broker.remove(&line.queue, "2").await.unwrap());

    line.depth_becomes(2, 0, 0).await;
    assert_eq!(line.drain_ids(2).await, ["1", "3"]);
}

/// The one that is found.
pub async fn of_messages_with_the_same_id_one_is_removed(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    let copy = |body: &str| Message::new(&line.exchange, "k", "same", body.as_bytes().to_vec());
    broker.publish(vec![copy("one"), copy("two")]).await.unwrap();

    assert_eq!(broker.find(&line.queue, "same").await.unwrap().unwrap().body, b"one");
    assert!(broker.remove(&line.queue, "same").await.unwrap());

    assert_eq!(line.drain(&line.queue, 1).await[0].body, b"two");
}

/// What is delivered stays with its holder, what is delayed comes in its time.
pub async fn purging_removes_what_waits_and_nothing_else(broker: &dyn Broker) {
    let line = Line::new(broker).await;
    line.publish(&["held", "1", "2"]).await;
    let _held = line.take().await;
    let delayed = Message {
        not_before: Some(later(chrono::Utc::now(), Duration::from_secs(3600))),
        ..line.message("delayed")
    };
    broker.publish(vec![delayed]).await.unwrap();
    line.depth_becomes(2, 1, 1).await;

    assert_eq!(broker.purge(&line.queue).await.unwrap(), 2);
    assert_eq!(broker.purge(&line.queue).await.unwrap(), 0);

    line.depth_becomes(0, 1, 1).await;
}
