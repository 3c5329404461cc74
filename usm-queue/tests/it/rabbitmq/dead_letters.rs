//! Dead letters on a real broker: looked at without being taken, replayed, purged.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use serde_json::json;
use usm_queue::{
    DeadLetterFilter, JobContext, JobId, TaskError, Worker,
    backend::Message,
    testing::{eventually, soon},
};

use super::{Line, open, queue_on};
use crate::shared::{Note, ended, note, with_worker};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_replay_takes_what_matches_in_its_order_and_leaves_the_others_where_they_were() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (queue, _) = queue_on(&line).await;
    let worker = Worker::new(queue.clone(), ())
        .handle(async |_: Note, _: JobContext<()>| Err::<String, _>(TaskError::permanent("no use")));
    let garbage =
        |id: &str| Message::new(line.topology.task_exchange(), "work.note", id, b"no JSON".to_vec());
    broker.publish(vec![garbage("before")]).await.unwrap();
    let jobs = queue.enqueue_many(["1", "2", "3"].map(note)).await.unwrap();
    broker.publish(vec![garbage("after")]).await.unwrap();
    let (dead, any) = (queue.dead_letters(), DeadLetterFilter::default());
    let ids = async || {
        let letters = dead.list(&any, 0, usize::MAX).await.unwrap();
        letters.into_iter().map(|letter| letter.job_id.unwrap().to_string()).collect::<Vec<_>>()
    };
    with_worker(worker, async {
        for job in &jobs {
            ended(&queue, job).await;
        }
        eventually("all are buried", async || (ids().await.len() == 5).then_some(())).await;
    })
    .await;
    let failed: Vec<String> = jobs.iter().map(|job| job.id().to_string()).collect();
    let [before, after] = ["before", "after"].map(|id| id.parse::<JobId>().unwrap().to_string());
    let others = [before.clone(), after.clone()];
    let expected = [&[before], failed.as_slice(), &[after]].concat();
    assert_eq!(ids().await, expected, "in the order they died");
    let letter = dead.get(&failed[1]).await.unwrap();
    assert_eq!((letter.payload, letter.attempts), (Some(json!({"text": "2"})), 1));
    assert!(letter.first_failed_at.is_some() && letter.first_failed_at == letter.died_at);

    let (begun, rate) = (Instant::now(), NonZeroU32::new(10).unwrap());
    let notes = DeadLetterFilter::default().task("note");
    let replayed = soon("all are replayed", dead.replay_all_at(&notes, rate)).await.unwrap().jobs;

    assert!(begun.elapsed() >= Duration::from_millis(200), "two pauses of 100 ms at least");
    let mut of = Vec::new();
    for id in &replayed {
        of.push(queue.job(*id).await.unwrap().metadata["replay_of"].as_str().unwrap().to_owned());
    }
    assert_eq!(of, failed);
    eventually("the others are back", async || (ids().await == others).then_some(())).await;
    assert_eq!(queue.depth(&line.name).await.unwrap().ready, 3);
    assert_eq!(dead.purge().await.unwrap(), 2);
    assert_eq!(ids().await, [""; 0]);
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_was_dropped_locks_no_other_process_out_and_hides_nothing_from_it() {
    const LETTERS: usize = 3000;
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let failed = line.topology.failed_queue();
    let letter = |number: usize| Message::new(line.dead_exchange(), "k", number.to_string(), b"{}".to_vec());
    broker.publish((0..LETTERS).map(letter).collect()).await.unwrap();
    let Some(elsewhere) = open().await else { return };
    elsewhere.declare(&line.topology).await.unwrap();

    for millis in [2, 10, 40] {
        let look = broker.browse(failed, 0, usize::MAX);
        let _ = tokio::time::timeout(Duration::from_millis(millis), look).await;
        let seen = eventually("the other process sees all", async || {
            let seen = elsewhere.browse(failed, 0, usize::MAX).await.unwrap();
            (seen.len() == LETTERS).then_some(seen)
        })
        .await;
        assert!(seen.iter().zip(0..).all(|(seen, number)| seen.message_id == number.to_string()));
    }
}
