//! What is accepted, how often, and what is refused.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use usm_queue::{
    EnqueueOptions, ErrorKind, JobContext, JobFilter, JobId, JobStatus, Owner, QueueSpec, Task, TaskError,
    TaskPolicy, TaskQueue, Topology, Worker,
    limits::MAX_BODY_BYTES,
    testing::{QUIET, eventually},
};

use crate::shared::{Note, ended, in_memory, note, with_worker};

#[tokio::test]
async fn a_record_shows_what_was_asked_for() {
    let queue = in_memory().await;
    let options = EnqueueOptions::new()
        .priority(9)
        .owner("анна")
        .metadata("project", 7)
        .metadata("tags", vec!["a", "b"])
        .correlation_id("request 7")
        .max_attempts(0)
        .delay(Duration::from_secs(30));

    let record = queue.enqueue_with(note("x"), options).await.unwrap().status().await.unwrap();

    assert_eq!((record.priority, record.owner), (9, Some(Owner::Name("анна".to_owned()))));
    assert_eq!((&record.metadata["project"], &record.metadata["tags"]), (&7.into(), &vec!["a", "b"].into()));
    assert_eq!((record.correlation_id.as_deref(), record.max_attempts), (Some("request 7"), 1));
    let delay = record.next_attempt_at.unwrap() - record.created_at;
    assert!((delay - chrono::Duration::seconds(30)).abs() < chrono::Duration::seconds(1));
    assert_eq!((record.task.as_str(), record.status, record.attempt), ("note", JobStatus::Pending, 0));
}

#[tokio::test]
async fn without_options_the_tasks_policy_counts() {
    #[derive(Serialize, Deserialize)]
    struct Urgent;
    impl Task for Urgent {
        const NAME: &'static str = "urgent";
        const ROUTING_KEY: &'static str = "urgent";
        type Output = ();
        fn policy() -> TaskPolicy {
            TaskPolicy::default().priority(8)
        }
    }
    let queue = in_memory().await;

    let record = queue.enqueue(Urgent).await.unwrap().status().await.unwrap();

    assert_eq!((record.priority, record.max_attempts, record.owner), (8, 3, None));
    assert_eq!(record.next_attempt_at, None);
}

fn counting(queue: &TaskQueue) -> (Worker<Arc<AtomicU32>>, Arc<AtomicU32>) {
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::new(queue.clone(), runs.clone()).concurrency(2).handle(
        async |task: Note, job: JobContext<Arc<AtomicU32>>| {
            job.state.fetch_add(1, Ordering::SeqCst);
            Ok::<_, TaskError>(task.text)
        },
    );
    (worker, runs)
}

#[tokio::test]
async fn an_id_enqueued_twice_is_one_job() {
    let queue = in_memory().await;
    let options = EnqueueOptions::new().id(JobId::new());
    let first = queue.enqueue_with(note("first"), options.clone()).await.unwrap();
    let second = queue.enqueue_with(note("first"), options.clone().priority(9)).await.unwrap();
    assert_eq!(first.id(), second.id());
    let (worker, runs) = counting(&queue);

    with_worker(worker, async {
        ended(&queue, &first).await;
        queue.enqueue_with(note("first"), options).await.unwrap();
        eventually("all messages are gone", async || {
            (queue.depth("work").await.unwrap().is_empty()).then_some(())
        })
        .await;
    })
    .await;

    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let record = first.status().await.unwrap();
    assert_eq!((record.status, record.priority, record.attempt), (JobStatus::Completed, 0, 1));
}

#[tokio::test]
async fn a_second_message_of_a_job_does_not_cut_its_retry_short() {
    let queue = in_memory().await;
    let options = EnqueueOptions::new().id(JobId::new());
    let job = queue.enqueue_with(note("x"), options.clone()).await.unwrap();
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        if job.attempt() == 1 { Err(TaskError::retry_after(2 * QUIET, "wait")) } else { Ok(String::new()) }
    });

    let (due, record) = with_worker(worker, async {
        let waiting = eventually("it waits for its retry", async || {
            Some(job.status().await.unwrap()).filter(|job| job.error.is_some())
        })
        .await;
        queue.enqueue_with(note("x"), options).await.unwrap();
        (waiting.next_attempt_at.unwrap(), ended(&queue, &job).await)
    })
    .await;

    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 2));
    assert!(record.timeline[3].at >= due, "{record:?}");
}

#[tokio::test]
async fn a_batch_is_accepted_whole() {
    let queue = in_memory().await;

    let jobs = queue.enqueue_many((0..250).map(|number| note(&number.to_string()))).await.unwrap();

    assert_eq!(jobs.len(), 250);
    assert_eq!(queue.depth("work").await.unwrap().ready, 250);
    assert!(jobs.is_sorted_by_key(|job| job.id()));
    assert_eq!(queue.enqueue_many::<Note>([]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_batch_with_one_bad_job_is_refused_whole() {
    let queue = in_memory().await;
    let batch = [
        (note("1"), EnqueueOptions::new()),
        (note("2"), EnqueueOptions::new().priority(11)),
        (note("3"), EnqueueOptions::new()),
    ];

    let refused = queue.enqueue_many_with(batch).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs, []);
    assert_eq!(queue.depth("work").await.unwrap().ready, 0);
}

#[tokio::test]
async fn a_priority_above_the_queues_maximum_is_refused() {
    let queue = in_memory().await;

    let refused = queue.enqueue_with(note("x"), EnqueueOptions::new().priority(11)).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    for part in ["11", "10", "`work`"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}

#[tokio::test]
async fn a_payload_that_is_too_large_is_refused() {
    let queue = in_memory().await;
    let refused = queue.enqueue(note(&"x".repeat(MAX_BODY_BYTES))).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains(&MAX_BODY_BYTES.to_string()), "{refused}");
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs, []);

    let large = note(&"x".repeat(MAX_BODY_BYTES - 1000));
    let job = queue.enqueue(large.clone()).await.unwrap();
    let (worker, _) = counting(&queue);
    with_worker(worker, ended(&queue, &job)).await;
    assert!(job.result().await.unwrap() == large.text, "the largest payload is worked");
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_refused() {
    #[derive(Serialize, Deserialize)]
    struct Odd(HashMap<(u8, u8), u8>);
    impl Task for Odd {
        const NAME: &'static str = "odd";
        const ROUTING_KEY: &'static str = "odd";
        type Output = ();
    }
    let queue = in_memory().await;

    let refused = queue.enqueue(Odd([((1, 2), 3)].into())).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("`odd`"), "{refused}");
}

#[tokio::test]
async fn a_task_that_reaches_no_queue_is_refused_and_nothing_is_stored() {
    let topology = Topology::builder("tasks")
        .dead_letters("dead", "failed")
        .queue(QueueSpec::new("other").bind("tasks", "other.#").dead_letter_exchange("dead"));
    let queue = TaskQueue::in_memory(topology.build().unwrap()).await.unwrap();

    let refused = queue.enqueue(note("x")).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Unroutable);
    assert!(refused.to_string().contains("`work.note`"), "{refused}");
    assert_eq!(queue.jobs(&JobFilter::default()).await.unwrap().jobs, []);
}

#[tokio::test]
async fn asking_for_the_depth_of_an_unknown_queue_names_the_known_ones() {
    let queue = in_memory().await;

    let refused = queue.depth("wrok").await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.to_string().contains("`wrok`") && refused.to_string().contains("work, "), "{refused}");
}

#[tokio::test]
async fn payloads_of_every_shape_arrive_as_they_were() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Same {
        job_id: String,
        user_id: Option<i64>,
        created_at: f64,
        _metadata: Vec<u64>,
        payload: String,
    }
    impl Task for Same {
        const NAME: &'static str = "same";
        const ROUTING_KEY: &'static str = "same";
        type Output = Same;
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct List(Vec<Option<u64>>);
    impl Task for List {
        const NAME: &'static str = "list";
        const ROUTING_KEY: &'static str = "list";
        type Output = List;
    }
    let queue = in_memory().await;
    let same = Same {
        job_id: "mine".to_owned(),
        user_id: None,
        created_at: 1.5,
        _metadata: vec![u64::MAX],
        payload: "\u{0}\u{1F600}".to_owned(),
    };
    let list = List(vec![Some(u64::MAX), None]);
    let first = queue.enqueue_with(same.clone(), EnqueueOptions::new().owner(42)).await.unwrap();
    let second = queue.enqueue(list.clone()).await.unwrap();
    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Same, _: JobContext<()>| Ok::<_, TaskError>(task))
        .handle(async |task: List, _: JobContext<()>| Ok::<_, TaskError>(task));

    with_worker(worker, async {
        assert_eq!(first.result().await.unwrap(), same);
        assert_eq!(second.result().await.unwrap(), list);
    })
    .await;
    assert_eq!(first.status().await.unwrap().owner, Some(Owner::Id(42)));
}
