//! Delayed messages whose queue is gone when they are due.

use std::time::Duration;

use lapin::types::AMQPValue;
use usm_queue::{EnqueueOptions, JobStatus, testing::eventually};
use usm_tests::{Chore, Kind, QUEUE};

use crate::{
    raw::Raw,
    stage::{PATIENCE, Stage, chore, letters, only},
};

/// Where messages are due that the broker cannot deliver by itself.
const DUE: &str = "usm.delay.due";

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_whose_queue_is_gone_when_it_is_due_runs_when_the_queue_is_back() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let worker = stage.worker();
    let raw = Raw::connect(&stage).await;
    let delay = EnqueueOptions::new().delay(Duration::from_secs(4));
    let job = queue.enqueue_with(Chore::new(1, Kind::Quick), delay).await.unwrap();
    raw.delete_queue(QUEUE).await;
    // The worker's process alone moves what is due, and tells what it does.
    queue.close().await;

    let said = worker.complains("a delayed message is due, but its queue does not exist");
    assert!(said.contains(&job.id().to_string()), "{said}");

    // Who declares the topology makes it anew.
    let queue = stage.observer().await;
    let done = tokio::time::timeout(PATIENCE, queue.wait(job.id())).await.unwrap().unwrap();
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1), "{done:#?}");
    assert_eq!(stage.audit(&only(&job, Kind::Quick)).await.completed, 1);
}

/// Though the queue of dead letters is gone too.
#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_whose_queue_stays_away_for_a_day_fails_and_is_a_dead_letter() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let raw = Raw::connect(&stage).await;
    let job = chore(&queue, Kind::Quick).await;
    let message = raw.take(QUEUE).await.unwrap().delivery;
    raw.delete_queue(queue.topology().failed_queue()).await;

    // As it comes out of the delays when its queue was missed for a day.
    let mut headers = message.properties.headers().clone().unwrap_or_default();
    headers.insert("x-usm-then".into(), AMQPValue::LongString("nowhere".into()));
    headers.insert("x-usm-misses".into(), AMQPValue::LongLongInt(30));
    raw.publish("", DUE, &message.data, message.properties.with_headers(headers)).await;

    let failed = tokio::time::timeout(PATIENCE, queue.wait(job.id())).await.unwrap().unwrap();
    assert_eq!(failed.status, JobStatus::Failed, "{failed:#?}");
    assert!(failed.error.as_ref().unwrap().contains("its queue is gone"), "{failed:#?}");
    let letters = letters(&queue).await;
    assert_eq!(letters.len(), 1, "{letters:#?}");
    assert_eq!((letters[0].job_id, letters[0].queue.as_str()), (Some(job.id()), "nowhere"), "{letters:#?}");
    eventually("nothing is left", async || stage.unfinished().is_empty().then_some(())).await;
}
