//! What operators want of a queue while workers run, and the workers they see.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use usm_queue::{
    DeadLetterFilter, ErrorKind, JobContext, JobStatus, TaskError, TaskQueue, Topology, Worker,
    testing::{QUIET, eventually, soon},
};

use crate::{
    flaky::Flaky,
    shared::{HOUR, Note, ended, in_memory, note, start, with_worker},
};

/// What handlers of these tests share.
#[derive(Clone)]
struct Gate {
    begun: mpsc::UnboundedSender<String>,
    open: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

/// A worker whose handlers tell when they begin and go on when they may.
fn gated(queue: &TaskQueue) -> (Worker<Gate>, mpsc::UnboundedReceiver<String>, Gate) {
    let (begun, heard) = mpsc::unbounded_channel();
    let gate = Gate { begun, open: Arc::new(Semaphore::new(0)), running: Arc::default() };
    let worker = Worker::new(queue.clone(), gate.clone()).handle(
        async |task: Note, JobContext { state: gate, .. }: JobContext<Gate>| {
            gate.running.fetch_add(1, Ordering::SeqCst);
            gate.begun.send(task.text.clone()).unwrap();
            gate.open.acquire().await?.forget();
            gate.running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, TaskError>(task.text)
        },
    );
    (worker, heard, gate)
}

async fn echo(task: Note, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(task.text)
}

async fn next(begun: &mut mpsc::UnboundedReceiver<String>) -> String {
    soon("a job begins", begun.recv()).await.unwrap()
}

async fn none_begins(begun: &mut mpsc::UnboundedReceiver<String>) {
    tokio::time::timeout(QUIET, begun.recv()).await.unwrap_err();
}

async fn shown<S>(worker: &Worker<S>) -> impl AsyncFn(bool) + use<S>
where
    S: Clone + Send + Sync + 'static,
{
    let health = worker.health();
    async move |paused| {
        eventually("the worker shows it", async || {
            let queues = health.queues();
            let now =
                queues.first().filter(|queue| queue.consuming != paused && queue.paused.is_some() == paused);
            now?;
            assert!(health.is_consuming(), "a paused queue is well");
            Some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_paused_queue_hands_nothing_out_and_goes_on_where_it_was() {
    let queue = in_memory().await;
    queue.pause("work", "Ada").await.unwrap();
    let (worker, mut begun, gate) = gated(&queue);
    let becomes_paused = shown(&worker).await;
    let running = start(worker.concurrency(2));

    becomes_paused(true).await;
    let jobs = queue.enqueue_many(["1", "2", "3"].map(note)).await.unwrap();
    none_begins(&mut begun).await;
    assert_eq!(queue.depth("work").await.unwrap().ready, 3);
    let paused = queue.controls().await.unwrap().remove(0);
    assert_eq!((paused.queue.as_str(), paused.paused.unwrap().by.as_str()), ("work", "Ada"));

    queue.resume("work").await.unwrap();
    becomes_paused(false).await;
    gate.open.add_permits(3);
    for expected in ["1", "2", "3"] {
        assert_eq!(next(&mut begun).await, expected);
    }
    for job in &jobs {
        assert_eq!(ended(&queue, job).await.attempt, 1);
    }
    assert_eq!(queue.controls().await.unwrap(), []);
    running.stop().await;
}

#[tokio::test]
async fn running_jobs_of_a_paused_queue_go_on() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many(["1", "2"].map(note)).await.unwrap();
    let (worker, mut begun, gate) = gated(&queue);
    let becomes_paused = shown(&worker).await;
    let running = start(worker);
    next(&mut begun).await;

    queue.pause("work", "Ada").await.unwrap();
    becomes_paused(true).await;
    gate.open.add_permits(9);

    assert_eq!(ended(&queue, &jobs[0]).await.status, JobStatus::Completed);
    none_begins(&mut begun).await;
    let waiting = jobs[1].status().await.unwrap();
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Pending, 0));
    queue.resume("work").await.unwrap();
    assert_eq!(ended(&queue, &jobs[1]).await.attempt, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_pause_by_one_process_holds_in_others_and_outlives_all() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.db");
    let open = async || TaskQueue::open(&path, Topology::single("work").unwrap()).await.unwrap();
    let (a, b) = (open().await, open().await);
    let worker = Worker::new(b.clone(), ()).handle(echo);
    let becomes_paused = shown(&worker).await;
    let running = start(worker);
    becomes_paused(false).await;

    a.pause("work", "Ada").await.unwrap();
    becomes_paused(true).await;
    let job = a.enqueue(note("x")).await.unwrap();
    running.stop().await;
    a.close().await;
    b.close().await;

    let c = open().await;
    let worker = Worker::new(c.clone(), ()).handle(echo);
    let becomes_paused = shown(&worker).await;
    let running = start(worker);
    becomes_paused(true).await;
    let d = open().await;
    assert_eq!(d.job(job.id()).await.unwrap().attempt, 0);
    d.resume("work").await.unwrap();
    assert_eq!(soon("the job ends", d.wait(job.id())).await.unwrap().status, JobStatus::Completed);
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_taken_before_the_store_tells_what_is_paused() {
    let flaky = Flaky::new().await;
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.queue.pause("work", "Ada").await.unwrap();
    flaky.store_switch.set(true);
    let worker = Worker::new(flaky.queue.clone(), ()).handle(echo);
    let (health, becomes_paused) = (worker.health(), shown(&worker).await);
    let running = start(worker.lease(Duration::from_secs(1)));

    eventually("the worker says what it waits for", async || {
        let reason = health.queues().first()?.reason.clone()?;
        reason.contains("the job store does not tell").then_some(())
    })
    .await;
    assert!(!health.is_consuming());
    flaky.store_switch.set(false);

    becomes_paused(true).await;
    assert_eq!(flaky.store.get(job.id()).await.unwrap().unwrap().attempt, 0);
    running.stop().await;
}

#[tokio::test]
async fn jobs_at_once_change_while_a_worker_runs_and_running_ones_are_left_alone() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many((0..12).map(|number| note(&number.to_string()))).await.unwrap();
    let (worker, mut begun, gate) = gated(&queue);
    let running = start(worker.concurrency(3));
    for _ in 0..3 {
        next(&mut begun).await;
    }
    none_begins(&mut begun).await;

    queue.set_concurrency("work", Some(5)).await.unwrap();
    for _ in 0..2 {
        next(&mut begun).await;
    }
    none_begins(&mut begun).await;
    queue.set_concurrency("work", Some(2)).await.unwrap();
    eventually("the worker has heard", async || {
        let worker = queue.workers().await.unwrap().pop()?;
        (worker.queues[0].concurrency == 2).then_some(())
    })
    .await;
    // Of the five that run, three end: two go on, which is enough.
    gate.open.add_permits(3);
    none_begins(&mut begun).await;
    assert_eq!(gate.running.load(Ordering::SeqCst), 2);
    gate.open.add_permits(1);
    next(&mut begun).await;
    none_begins(&mut begun).await;

    queue.set_concurrency("work", None).await.unwrap();
    next(&mut begun).await;
    none_begins(&mut begun).await;
    assert_eq!(gate.running.load(Ordering::SeqCst), 3);
    gate.open.add_permits(99);
    for job in &jobs {
        assert_eq!(ended(&queue, job).await.attempt, 1);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_queue_has_jobs_at_once_of_its_own_and_another_queue_is_refused() {
    let queue = in_memory().await;
    queue.enqueue_many((0..4).map(|number| note(&number.to_string()))).await.unwrap();
    let (worker, mut begun, gate) = gated(&queue);
    let running = start(worker.concurrency(9).queue_concurrency("work", 2));

    next(&mut begun).await;
    next(&mut begun).await;
    none_begins(&mut begun).await;
    gate.open.add_permits(99);
    running.stop().await;

    let (worker, ..) = gated(&queue);
    let refused = worker.queue_concurrency("wrok", 2).run_until(std::future::pending()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("`wrok`") && refused.to_string().contains("work"), "{refused}");
    for refused in [queue.pause("wrok", "Ada").await, queue.set_concurrency("wrok", None).await] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_worker_is_seen_with_what_it_does_until_it_ends() {
    let queue = in_memory().await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let (worker, mut begun, gate) = gated(&queue);
    let worker = worker.name("the worker").version("1.2").lease(Duration::from_secs(1));
    let running = start(worker.queue_concurrency("work", 3));
    next(&mut begun).await;

    let seen = eventually("the worker shows its job", async || {
        let mut workers = queue.workers().await.unwrap();
        (workers.first()?.running == [job.id()]).then(|| workers.remove(0))
    })
    .await;

    assert_eq!((seen.name.as_str(), seen.version.as_deref()), ("the worker", Some("1.2")));
    assert_eq!((seen.process_id, seen.running_count), (std::process::id(), 1));
    assert_eq!(seen.tasks, ["note"]);
    assert_eq!((seen.queues[0].queue.as_str(), seen.queues[0].concurrency), ("work", 3));
    assert!(seen.started_at <= seen.heartbeat_at && seen.host.is_some_and(|host| !host.is_empty()));
    gate.open.add_permits(1);
    ended(&queue, &job).await;
    running.stop().await;
    assert_eq!(queue.workers().await.unwrap(), []);
}

#[tokio::test]
async fn a_shutdown_tells_what_became_of_the_jobs() {
    let queue = in_memory().await;
    let jobs = queue.enqueue_many(["ends", "stays", "stays"].map(note)).await.unwrap();
    let (told, mut begun) = mpsc::unbounded_channel();
    let worker = Worker::new(queue.clone(), told).handle(
        async |task: Note, job: JobContext<mpsc::UnboundedSender<String>>| {
            job.state.send(task.text.clone()).unwrap();
            job.stopping().await;
            if task.text == "stays" {
                std::future::pending::<()>().await;
            }
            Ok::<_, TaskError>(task.text)
        },
    );
    let running = start(worker.concurrency(3).grace_period(QUIET).stop_grace(Duration::ZERO));
    for _ in 0..3 {
        next(&mut begun).await;
    }

    let ended = running.stop().await;

    assert_eq!((ended.finished, ended.handed_back, ended.abandoned), (1, 2, 0));
    let mut attempts = Vec::new();
    for job in &jobs {
        attempts.push(job.status().await.unwrap().attempt);
    }
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 0, 1]);
    let idle = start(Worker::new(queue.clone(), ()).handle(echo).grace_period(HOUR));
    for job in &jobs {
        soon("the job ends", queue.wait(job.id())).await.unwrap();
    }
    let ended = idle.stop().await;
    assert_eq!((ended.handed_back, ended.abandoned), (0, 0));
}

#[tokio::test]
async fn dead_letters_are_grouped_by_what_they_died_of_and_a_group_is_acted_on_alone() {
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).handle(async |task: Note, job: JobContext<()>| {
        let error = format!("{} of job {}, try {} s later", task.text, job.id(), job.attempt());
        Err::<String, _>(TaskError::permanent(error))
    });
    let texts = ["timeout", "no account", "timeout", "timeout", "no account", "bad"];
    let jobs = queue.enqueue_many(texts.map(note)).await.unwrap();
    with_worker(worker, async {
        for job in &jobs {
            ended(&queue, job).await;
        }
    })
    .await;
    let (dead, any) = (queue.dead_letters(), DeadLetterFilter::default());

    let groups = dead.groups(&any).await.unwrap();

    let told: Vec<_> = groups.iter().map(|group| (group.cause.as_str(), group.count)).collect();
    let of = |text: &str| format!("{text} of job <id>, try <n> s later");
    assert_eq!(told, [(&*of("timeout"), 3), (&*of("no account"), 2), (&*of("bad"), 1)]);
    let most = &groups[0];
    assert_eq!((most.task.as_deref(), most.reason.as_str()), (Some("note"), "permanent error"));
    assert!(most.first <= most.last);
    assert_eq!(most.sample.job_id, Some(jobs[3].id()));
    assert_eq!(dead.groups(&any.clone().task("other")).await.unwrap(), []);

    let of_group = |at: usize| DeadLetterFilter::default().group(&groups[at].id);
    assert_eq!(dead.list(&of_group(0), 1, 9).await.unwrap().len(), 2);
    assert_eq!(dead.remove_all(&of_group(0)).await.unwrap(), 3);
    assert_eq!(dead.replay_all(&of_group(1)).await.unwrap().jobs.len(), 2);
    let left: Vec<_> = dead.list(&any, 0, 9).await.unwrap().into_iter().map(|letter| letter.job_id).collect();
    assert_eq!(left, [Some(jobs[5].id())]);
}
