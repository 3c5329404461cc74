//! Attempts that fail, and what follows.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use usm_queue::{
    DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobEvent, JobStatus, RetryPolicy, Task,
    TaskError, TaskPolicy, TaskQueue, Topology, Worker,
};

use crate::shared::{HOUR, Note, RETRY, ended, in_memory, note, with_worker};

/// Fails with what `outcome` says of each attempt, counted from 1.
async fn run(
    options: EnqueueOptions,
    outcome: impl Fn(u32) -> Result<String, TaskError> + Send + Sync + Clone + 'static,
) -> (TaskQueue, usm_queue::JobHandle<Note>, Vec<Instant>) {
    let queue = in_memory().await;
    let begun: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = begun.clone();
    let worker = Worker::new(queue.clone(), ()).handle(move |_: Note, _: JobContext<()>| {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(Instant::now());
            u32::try_from(seen.len()).unwrap()
        };
        let outcome = outcome(number);
        async move { outcome }
    });
    let job = queue.enqueue_with(note("x"), options).await.unwrap();
    with_worker(worker, ended(&queue, &job)).await;
    let begun = begun.lock().unwrap().clone();
    (queue, job, begun)
}

fn fails_until(last: u32) -> impl Fn(u32) -> Result<String, TaskError> + Clone {
    move |attempt| {
        if attempt < last {
            Err(TaskError::retry(format!("no {attempt}")))
        } else {
            Ok(format!("yes {attempt}"))
        }
    }
}

#[tokio::test]
async fn a_job_that_fails_twice_is_tried_again_after_growing_delays_and_completes() {
    let (queue, job, begun) = run(EnqueueOptions::new(), fails_until(3)).await;

    assert_eq!(job.result().await.unwrap(), "yes 3");
    assert!(begun[1] - begun[0] >= RETRY && begun[2] - begun[1] >= 2 * RETRY, "{begun:?}");
    let record = queue.job(job.id()).await.unwrap();
    assert_eq!((record.attempt, record.error), (3, None));
    let errors: Vec<_> = record.timeline.iter().filter_map(|entry| entry.error.as_deref()).collect();
    assert_eq!(errors, ["no 1", "no 2"]);
    assert_eq!(queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_waiting_retry_shows_its_error_and_when_it_is_due() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let worker = Worker::new(queue, ())
        .handle(async |_: Note, _: JobContext<()>| Err::<String, _>(TaskError::retry_after(HOUR, "busy")));
    let mut watch = job.watch().await.unwrap();

    let waiting = with_worker(worker, async {
        loop {
            let state = watch.next().await.unwrap().unwrap();
            if state.error.is_some() {
                break state;
            }
        }
    })
    .await;

    assert_eq!((waiting.status, waiting.error.as_deref()), (JobStatus::Pending, Some("busy")));
    assert!(waiting.next_attempt_at.is_some_and(|due| due > waiting.updated_at));
}

#[tokio::test]
async fn a_job_whose_attempts_are_used_up_becomes_a_dead_letter_with_its_history() {
    let (queue, job, begun) = run(EnqueueOptions::new(), fails_until(99)).await;

    assert_eq!(begun.len(), 3);
    let record = queue.job(job.id()).await.unwrap();
    assert_eq!((record.status, record.error.as_deref()), (JobStatus::Failed, Some("no 3")));
    let letter = queue.dead_letters().get(&job.id().to_string()).await.unwrap();
    assert_eq!((letter.reason.as_str(), letter.attempts), ("attempts used up", 3));
    assert_eq!(letter.errors, ["no 1", "no 2", "no 3"]);
    assert_eq!(letter.payload, Some(serde_json::json!({"text": "x"})));
    assert_eq!((letter.job_id, letter.task.as_deref()), (Some(job.id()), Some("note")));
    assert_eq!((letter.queue.as_str(), letter.routing_key.as_str()), ("work", "work.note"));
    let first = record.timeline.iter().find(|entry| entry.error.is_some()).unwrap();
    assert_eq!(letter.first_failed_at, Some(first.at));
    assert!(letter.died_at > letter.first_failed_at);
}

#[tokio::test]
async fn a_permanent_error_is_not_tried_again() {
    let (queue, job, begun) = run(EnqueueOptions::new(), |_| Err(TaskError::permanent("never"))).await;

    assert_eq!(begun.len(), 1);
    let error = job.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobNotCompleted);
    assert!(error.to_string().contains("failed: never"), "{error}");
    assert_eq!(queue.dead_letters().get(&job.id().to_string()).await.unwrap().reason, "permanent error");
}

#[tokio::test]
async fn a_handler_may_name_its_own_delay_and_it_costs_an_attempt() {
    let wanted = Duration::from_millis(300);
    let (queue, job, begun) =
        run(EnqueueOptions::new().max_attempts(2), move |_| Err(TaskError::retry_after(wanted, "later")))
            .await;

    assert_eq!(begun.len(), 2);
    assert!(begun[1] - begun[0] >= wanted, "{begun:?}");
    assert_eq!(queue.job(job.id()).await.unwrap().attempt, 2);
}

#[tokio::test]
async fn a_rate_limit_costs_no_attempt() {
    let wait = Duration::from_millis(10);
    let (queue, job, begun) = run(EnqueueOptions::new().max_attempts(1), move |attempt| {
        if attempt < 4 { Err(TaskError::snooze(wait, "slow down")) } else { Ok(String::new()) }
    })
    .await;

    assert_eq!(begun.len(), 4);
    assert_eq!(queue.job(job.id()).await.unwrap().attempt, 1);
}

#[tokio::test]
async fn a_job_that_would_wait_longer_than_it_may_is_given_up() {
    let (queue, job, begun) =
        run(EnqueueOptions::new(), |_| Err(TaskError::snooze(100 * HOUR, "come back next week"))).await;

    assert_eq!(begun.len(), 1);
    assert_eq!(queue.dead_letters().get(&job.id().to_string()).await.unwrap().reason, "too old to try again");
}

#[tokio::test]
async fn a_job_that_was_made_in_1970_is_tried_again() {
    let (broker, store) =
        usm_queue::testing::sqlite_pair(None, usm_queue::SqliteOptions::default()).await.unwrap();
    let queue = TaskQueue::new(broker.clone(), store, Topology::single("work").unwrap()).await.unwrap();
    let id = usm_queue::JobId::new();
    let mut message = crate::shared::foreign(&id.to_string(), r#"{"text": "old"}"#);
    message.timestamp = chrono::DateTime::UNIX_EPOCH;
    broker.publish(vec![message]).await.unwrap();
    let worker =
        Worker::new(queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| match job.attempt() {
            2 => Ok("at last".to_owned()),
            _ => Err(TaskError::retry("not yet")),
        });

    let record = with_worker(
        worker,
        usm_queue::testing::eventually("it ends", async || {
            queue.job(id).await.ok().filter(|job| job.status.is_final())
        }),
    )
    .await;

    assert_eq!(record.result, Some("at last".into()), "{record:#?}");
}

/// The same task, which gives up sooner.
#[derive(Serialize, Deserialize)]
struct Hasty {
    text: String,
}
impl Task for Hasty {
    const NAME: &'static str = Note::NAME;
    const ROUTING_KEY: &'static str = Note::ROUTING_KEY;
    type Output = String;

    fn policy() -> TaskPolicy {
        let retry = RetryPolicy::exponential(3, RETRY).give_up_after(10 * RETRY);
        TaskPolicy::default().retry(retry)
    }
}

#[tokio::test]
async fn the_time_of_the_first_attempt_survives_a_lost_record() {
    let (broker, store) =
        usm_queue::testing::sqlite_pair(None, usm_queue::SqliteOptions::default()).await.unwrap();
    let (_, empty) =
        usm_queue::testing::sqlite_pair(None, usm_queue::SqliteOptions::default()).await.unwrap();
    let topology = || Topology::single("work").unwrap();
    let before = TaskQueue::new(broker.clone(), store, topology()).await.unwrap();
    let job = before.enqueue(note("x")).await.unwrap();
    let fails =
        async |_: Note, _: JobContext<()>| Err::<String, _>(TaskError::retry_after(11 * RETRY, "first"));
    let worker = Worker::new(before.clone(), ()).handle(fails);
    with_worker(
        worker,
        usm_queue::testing::eventually("it waits for its retry", async || job.status().await.unwrap().error),
    )
    .await;
    let after = TaskQueue::new(broker, empty, topology()).await.unwrap();
    let worker = Worker::new(after.clone(), ())
        .handle(async |_: Hasty, _: JobContext<()>| Err::<String, _>(TaskError::retry("second")));

    let record = with_worker(
        worker,
        usm_queue::testing::eventually("it ends", async || {
            after.job(job.id()).await.ok().filter(|job| job.status.is_final())
        }),
    )
    .await;

    assert_eq!((record.attempt, record.error.as_deref()), (2, Some("second")));
    assert_eq!(after.dead_letters().get(&job.id().to_string()).await.unwrap().reason, "too old to try again");
}

#[tokio::test]
async fn the_question_mark_on_any_error_means_another_attempt() {
    let (_, job, begun) = run(EnqueueOptions::new(), |attempt| {
        let text = if attempt == 1 { "no number" } else { "7" };
        Ok(text.parse::<u32>()?.to_string())
    })
    .await;

    assert_eq!((job.result().await.unwrap().as_str(), begun.len()), ("7", 2));
}

#[tokio::test]
async fn attempts_and_first_delay_can_be_chosen_for_one_job() {
    let options = EnqueueOptions::new().max_attempts(2).first_retry_delay(5 * RETRY);

    let (queue, job, begun) = run(options, fails_until(99)).await;

    assert_eq!(begun.len(), 2);
    assert!(begun[1] - begun[0] >= 5 * RETRY, "{begun:?}");
    assert_eq!(queue.job(job.id()).await.unwrap().max_attempts, 2);
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_before_and_after_the_first_await() {
    let queue = in_memory().await;
    let attempts = AtomicU32::new(0);
    let worker = Worker::new(queue.clone(), ()).handle(move |_: Note, job: JobContext<()>| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(attempt != 1, "before the first await");
        async move {
            job.progress(1, 2, "half").await?;
            assert!(attempt != 2, "after the first await");
            Ok::<_, TaskError>(format!("attempt {attempt}"))
        }
    });
    let job = queue.enqueue(note("x")).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!(job.result().await.unwrap(), "attempt 3");
    let errors: Vec<_> = record.timeline.iter().filter_map(|entry| entry.error.as_deref()).collect();
    assert_eq!(
        errors,
        ["the handler panicked: before the first await", "the handler panicked: after the first await"]
    );
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_stopped() {
    #[derive(Serialize, Deserialize)]
    struct Slow;
    impl Task for Slow {
        const NAME: &'static str = "slow";
        const ROUTING_KEY: &'static str = "slow";
        type Output = ();
        fn policy() -> TaskPolicy {
            let retry = RetryPolicy::exponential(2, Duration::from_millis(1));
            TaskPolicy::default().timeout(Duration::from_millis(50)).retry(retry)
        }
    }
    let queue = in_memory().await;
    let attempts = AtomicU32::new(0);
    let dropped = Arc::new(());
    let held = dropped.clone();
    let worker = Worker::new(queue.clone(), ()).handle(move |_: Slow, _: JobContext<()>| {
        let (first, held) = (attempts.fetch_add(1, Ordering::SeqCst) == 0, held.clone());
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            drop(held);
            Ok::<_, TaskError>(())
        }
    });
    let job = queue.enqueue(Slow).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 2));
    assert!(
        record.timeline.iter().flat_map(|entry| &entry.error).any(|error| error.contains("longer than 50ms"))
    );
    assert_eq!(Arc::strong_count(&dropped), 1, "the stopped attempt was dropped");
}

#[tokio::test]
async fn a_worker_may_give_a_task_another_time_than_its_policy() {
    #[derive(Serialize, Deserialize)]
    struct Endless;
    impl Task for Endless {
        const NAME: &'static str = "endless";
        const ROUTING_KEY: &'static str = "endless";
        type Output = ();
        fn policy() -> TaskPolicy {
            TaskPolicy::default().timeout(Duration::from_secs(3600)).retry(RetryPolicy::never())
        }
    }
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ())
        .handle(async |_: Endless, _: JobContext<()>| {
            std::future::pending::<()>().await;
            Ok::<_, TaskError>(())
        })
        .timeout::<Endless>(Duration::from_millis(50));
    let job = queue.enqueue(Endless).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert!(record.error.unwrap().contains("longer than 50ms"));
}

#[tokio::test]
async fn a_waiting_retry_holds_no_place() {
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).concurrency(1).handle(
        async |task: Note, _: JobContext<()>| match task.text.as_str() {
            "fails" => Err(TaskError::retry_after(HOUR, "later")),
            text => Ok(text.to_owned()),
        },
    );
    let waiting = queue.enqueue(note("fails")).await.unwrap();
    let next = queue.enqueue(note("next")).await.unwrap();

    with_worker(worker, ended(&queue, &next)).await;

    assert_eq!(next.result().await.unwrap(), "next");
    let waiting = waiting.status().await.unwrap();
    assert_eq!((waiting.status, waiting.error.as_deref()), (JobStatus::Pending, Some("later")));
    assert_eq!(queue.depth("work").await.unwrap().delayed, Some(1));
}

#[tokio::test]
async fn a_result_that_cannot_be_stored_fails_the_job_at_once() {
    #[derive(Serialize, Deserialize)]
    struct Odd;
    impl Task for Odd {
        const NAME: &'static str = "odd";
        const ROUTING_KEY: &'static str = "odd";
        type Output = std::collections::HashMap<(u8, u8), u8>;
    }
    let queue = TaskQueue::in_memory(Topology::single("work").unwrap()).await.unwrap();
    let worker = Worker::new(queue.clone(), ())
        .handle(async |_: Odd, _: JobContext<()>| Ok::<_, TaskError>([((1, 2), 3)].into()));
    let job = queue.enqueue(Odd).await.unwrap();

    let record = with_worker(worker, ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    assert!(record.error.unwrap().contains("cannot be written as JSON"));
    assert_eq!(record.timeline.last().unwrap().event, JobEvent::Failed);
}
