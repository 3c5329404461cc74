//! What a worker takes, in which order and how much of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Barrier, mpsc};
use usm_queue::{
    EnqueueOptions, ErrorKind, JobContext, QueueSpec, Task, TaskError, TaskQueue, Topology, Worker,
    testing::{QUIET, eventually, soon},
};

use crate::shared::{HOUR, Note, ended, in_memory, note, start, with_worker};

async fn echo(task: Note, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(task.text)
}

#[tokio::test]
async fn a_handler_knows_its_job_and_the_applications_state() {
    let queue = in_memory().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).name("the worker").handle(
        async |task: Note, job: JobContext<mpsc::UnboundedSender<_>>| {
            let facts = (job.id(), job.attempt(), job.idempotency_key().to_owned(), job.job().clone());
            job.state.send(facts).unwrap();
            Ok::<_, TaskError>(task.text)
        },
    );
    let options = EnqueueOptions::new().owner(42).metadata("name", "value").correlation_id("request 7");
    let job = queue.enqueue_with(note("x"), options).await.unwrap();

    with_worker(worker, ended(&queue, &job)).await;

    let (id, attempt, key, record) = heard.recv().await.unwrap();
    assert_eq!((id, attempt, key), (job.id(), 1, job.id().to_string()));
    assert_eq!((record.owner, record.worker.as_deref()), (Some(42.into()), Some("the worker")));
    assert_eq!(
        (&record.metadata["name"], record.correlation_id.as_deref()),
        (&"value".into(), Some("request 7"))
    );
}

#[tokio::test]
async fn progress_and_partial_results_are_seen_while_the_handler_runs() {
    let queue = in_memory().await;
    let gate = Arc::new(Barrier::new(2));
    let worker =
        Worker::new(queue.clone(), gate.clone()).handle(async |_: Note, job: JobContext<Arc<Barrier>>| {
            job.partial("first").await?;
            job.progress(1, 2, "half way").await?;
            job.state.wait().await;
            job.state.wait().await;
            Ok::<_, TaskError>(String::new())
        });
    let job = queue.enqueue(note("x")).await.unwrap();

    with_worker(worker, async {
        gate.wait().await;
        let now = job.status().await.unwrap();
        assert_eq!(now.partial_results, ["first"]);
        let progress = now.progress.unwrap();
        assert_eq!((progress.current, progress.total, progress.message.as_str()), (1, 2, "half way"));
        gate.wait().await;
        job.result().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_retried_handler_goes_on_from_its_partial_results() {
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        let done: Vec<u32> = job.earlier_partials();
        if done.is_empty() {
            job.partial(1).await?;
            job.partial("not a number").await?;
            job.partial(2).await?;
            return Err(TaskError::retry("once more"));
        }
        Ok(format!("{done:?}"))
    });
    let job = queue.enqueue(note("x")).await.unwrap();

    with_worker(worker, ended(&queue, &job)).await;

    assert_eq!(job.result().await.unwrap(), "[1, 2]");
}

#[derive(Serialize, Deserialize)]
struct Left(u32);
impl Task for Left {
    const NAME: &'static str = "left";
    const ROUTING_KEY: &'static str = "left";
    type Output = ();
}

#[derive(Serialize, Deserialize)]
struct Right(u32);
impl Task for Right {
    const NAME: &'static str = "right";
    const ROUTING_KEY: &'static str = "right";
    type Output = ();
}

/// How many handlers of each queue run now, and did at most.
#[derive(Clone)]
struct Crowd {
    counts: Arc<Mutex<HashMap<&'static str, (usize, usize)>>>,
    together: Arc<Barrier>,
}

impl Crowd {
    async fn pass(&self, queue: &'static str) {
        let change = |by: isize| {
            let mut counts = self.counts.lock().unwrap();
            let (now, most) = counts.entry(queue).or_default();
            *now = now.checked_add_signed(by).unwrap();
            *most = (*most).max(*now);
        };
        change(1);
        // Goes on only when as many run as may: fewer would wait for ever.
        self.together.wait().await;
        change(-1);
    }
}

#[tokio::test]
async fn as_many_jobs_of_each_queue_run_at_once_as_allowed_and_no_more() {
    let queue = |name: &str| QueueSpec::new(name).bind("tasks", name).dead_letter_exchange("dead");
    let topology =
        Topology::builder("tasks").dead_letters("dead", "failed").queue(queue("left")).queue(queue("right"));
    let queue = TaskQueue::in_memory(topology.build().unwrap()).await.unwrap();
    let left = queue.enqueue_many((0..9).map(Left)).await.unwrap();
    let right = queue.enqueue_many((0..9).map(Right)).await.unwrap();
    let crowd = Crowd { counts: Arc::default(), together: Arc::new(Barrier::new(6)) };
    let worker = Worker::new(queue.clone(), crowd.clone())
        .concurrency(3)
        .handle(async |_: Left, job: JobContext<Crowd>| {
            job.state.pass("left").await;
            Ok::<_, TaskError>(())
        })
        .handle(async |_: Right, job: JobContext<Crowd>| {
            job.state.pass("right").await;
            Ok::<_, TaskError>(())
        });

    with_worker(worker, async {
        for job in &left {
            ended(&queue, job).await;
        }
        for job in &right {
            ended(&queue, job).await;
        }
    })
    .await;

    assert_eq!(*crowd.counts.lock().unwrap(), [("left", (0, 3)), ("right", (0, 3))].into());
}

#[tokio::test]
async fn urgent_jobs_are_taken_first_and_equals_in_order() {
    let queue = in_memory().await;
    for (text, priority) in [("low", 0), ("high", 9), ("middle", 5), ("high too", 9)] {
        queue.enqueue_with(note(text), EnqueueOptions::new().priority(priority)).await.unwrap();
    }
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker =
        Worker::new(queue, told).handle(async |task: Note, job: JobContext<mpsc::UnboundedSender<_>>| {
            job.state.send(task.text).unwrap();
            Ok::<_, TaskError>(String::new())
        });

    with_worker(worker, async {
        for expected in ["high", "high too", "middle", "low"] {
            assert_eq!(heard.recv().await.unwrap(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_delayed_job_waits_and_does_not_hold_up_others() {
    let queue = in_memory().await;
    let later = queue.enqueue_with(note("later"), EnqueueOptions::new().delay(HOUR)).await.unwrap();
    let soon = queue
        .enqueue_with(note("soon"), EnqueueOptions::new().delay(std::time::Duration::from_secs(1)))
        .await
        .unwrap();
    let now = queue.enqueue(note("now")).await.unwrap();

    with_worker(Worker::new(queue.clone(), ()).handle(echo), async {
        let (soon, now) = (ended(&queue, &soon).await, ended(&queue, &now).await);
        let started = |job: &usm_queue::Job| job.timeline[1].at;
        assert!(started(&soon) > started(&now));
        assert!(started(&soon) - soon.created_at >= chrono::Duration::seconds(1));
    })
    .await;

    let later = later.status().await.unwrap();
    assert_eq!((later.attempt, later.next_attempt_at.is_some()), (0, true));
}

#[tokio::test]
async fn a_worker_without_handlers_is_refused() {
    let queue = in_memory().await;

    let refused = Worker::new(queue, ()).run_until(std::future::pending()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("handle"), "{refused}");
}

#[tokio::test]
async fn a_worker_whose_task_reaches_no_queue_is_refused() {
    let topology = Topology::builder("tasks")
        .dead_letters("dead", "failed")
        .queue(QueueSpec::new("left").bind("tasks", "left").dead_letter_exchange("dead"));
    let queue = TaskQueue::in_memory(topology.build().unwrap()).await.unwrap();

    let refused = Worker::new(queue, ()).handle(echo).run_until(std::future::pending()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Unroutable);
    assert!(refused.to_string().contains("work.note") && refused.to_string().contains("note"), "{refused}");
}

#[tokio::test]
async fn two_workers_share_a_queue_and_every_job_is_done_once() {
    const JOBS: u32 = 200;
    let queue = in_memory().await;
    let done: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let worker = || {
        Worker::new(queue.clone(), done.clone()).concurrency(4).handle(
            async |task: Note, job: JobContext<Arc<Mutex<HashMap<String, u32>>>>| {
                *job.state.lock().unwrap().entry(task.text).or_default() += 1;
                Ok::<_, TaskError>(String::new())
            },
        )
    };
    let (one, other) = (start(worker()), start(worker()));

    let jobs = queue.enqueue_many((0..JOBS).map(|number| note(&number.to_string()))).await.unwrap();
    for job in &jobs {
        ended(&queue, job).await;
    }
    one.stop().await;
    other.stop().await;

    let done = done.lock().unwrap();
    assert_eq!((done.len(), done.values().all(|times| *times == 1)), (JOBS as usize, true));
}

#[tokio::test]
async fn a_dropped_worker_takes_nothing_more() {
    let queue = in_memory().await;
    let first = queue.enqueue(note("first")).await.unwrap();
    {
        let mut running =
            std::pin::pin!(Worker::new(queue.clone(), ()).handle(echo).run_until(std::future::pending()));
        tokio::select! {
            _ = &mut running => panic!("nobody asked it to stop"),
            _ = ended(&queue, &first) => {}
        }
    }
    // The dropped worker may still be going away.
    eventually("nobody takes jobs any more", async || {
        let waits = queue.enqueue(note("waits")).await.unwrap();
        tokio::time::timeout(QUIET, waits.result()).await.is_err().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_closed_queue_says_so() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let waiting = tokio::spawn({
        let (queue, id) = (queue.clone(), job.id());
        async move { queue.wait(id).await }
    });
    let mut watch = job.watch().await.unwrap();
    watch.next().await.unwrap().unwrap();

    queue.close().await;

    assert_eq!(queue.enqueue(note("y")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(job.status().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(job.cancel().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(queue.depth("work").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(job.watch().await.map(drop).unwrap_err().kind(), ErrorKind::Closed);
    assert!(soon("the watch ends", watch.next()).await.is_none());
    assert_eq!(soon("waiting ends", waiting).await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
}
