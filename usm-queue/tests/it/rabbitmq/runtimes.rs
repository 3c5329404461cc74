//! Runtimes that end before the broker does: what was begun on one is begun anew on the caller's.

use std::time::Duration;

use tokio::runtime::Runtime;
use usm_queue::{EnqueueOptions, JobContext, JobStatus, RabbitMqOptions, Worker, backend::Settlement};

use super::{Line, next, open, open_with, queue_on, url};
use crate::shared::{Note, ended, note, with_worker};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn what_is_published_on_one_runtime_is_published_on_the_next() {
    let first = runtime();
    let Some((broker, line)) = first.block_on(async {
        let broker = open().await?;
        let line = Line::declare(&*broker, |queue| queue).await;
        broker.publish(vec![line.message("first")]).await.unwrap();
        Some((broker, line))
    }) else {
        return;
    };
    drop(first);

    for round in ["second", "third"] {
        let next = runtime();
        next.block_on(broker.publish(vec![line.message(round)])).unwrap();
        drop(next);
    }

    runtime().block_on(async {
        let mut consumer = broker.consume(&line.name, 3).await.unwrap();
        for id in ["first", "second", "third"] {
            let delivery = next(&mut consumer).await;
            assert_eq!(delivery.message.message_id, id);
            broker.settle(&delivery, Settlement::Ack).await.unwrap();
        }
        drop(broker);
    });
}

/// A time to live behind a delay takes the way by the hop queue, which a task of this process empties.
#[test]
fn jobs_of_a_runtime_that_ended_are_worked_on_the_next_and_delayed_ones_come() {
    let first = runtime();
    let options = || RabbitMqOptions::new(url()).name_prefix("usm-runtimes").delay_levels(4);
    let Some((broker, line, queue, job)) = first.block_on(async {
        let broker = open_with(options()).await?;
        let line = Line::declare(&*broker, |queue| queue).await;
        let (queue, _) = queue_on(&line).await;
        let job = queue.enqueue(note("on the first")).await.unwrap();
        Some((broker, line, queue, job))
    }) else {
        return;
    };
    drop(first);

    runtime().block_on(async {
        let mut delayed = line.message("delayed");
        delayed.ttl = Some(Duration::from_secs(60));
        delayed.not_before = Some(chrono::Utc::now() + chrono::Duration::milliseconds(300));
        let later = queue
            .enqueue_with(note("on the second"), EnqueueOptions::new().delay(Duration::from_millis(300)))
            .await
            .unwrap();
        broker.publish(vec![delayed]).await.unwrap();
        let worker = Worker::new(queue.clone(), ())
            .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
        with_worker(worker, async {
            for job in [&job, &later] {
                assert_eq!(ended(&queue, job).await.status, JobStatus::Completed);
            }
            usm_queue::testing::eventually("the delayed message comes and is no job", async || {
                let letters = queue.dead_letters();
                letters.list(&usm_queue::DeadLetterFilter::default(), 0, 9).await.unwrap().pop()
            })
            .await;
        })
        .await;
        queue.close().await;
        drop(broker);
    });
}
