//! Workers that die with several jobs at once: whose crash it was, and how soon the others are at work again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc};
use usm_queue::{
    EnqueueOptions, JobContext, JobHandle, JobStatus, Worker,
    backend::Claimed,
    testing::{eventually, soon},
};

use crate::{
    backends::{Place, on_every_backend},
    shared::{HOUR, Note, ended, note, start, with_worker},
};

on_every_backend! {
    the_jobs_of_a_killed_worker_are_at_work_again_within_its_lease_and_5_s
    a_job_that_is_never_retried_survives_a_killed_worker
    a_job_that_kills_every_worker_is_given_up
    suspects_are_tried_one_at_a_time_and_hold_up_nobody
}

const LEASE: Duration = Duration::from_millis(20);

/// A worker claims the job and dies.
async fn die_with(place: &Place, job: &JobHandle<Note>, lease: Duration) {
    let record = job.status().await.unwrap();
    eventually("a worker takes it and dies", async || {
        match place.store.claim(record.clone().into(), "dies", lease).await.unwrap() {
            Claimed::Run(..) => Some(()),
            Claimed::Suspect(_) => {
                let alone =
                    place.store.claim_suspect(record.clone().into(), "dies", lease, HOUR).await.unwrap();
                assert!(matches!(alone, Claimed::Run(..)), "{alone:?}");
                Some(())
            }
            Claimed::Busy(_) => None,
            other => panic!("it can be claimed, but it is {other:?}"),
        }
    })
    .await;
}

#[derive(Clone)]
struct Gate {
    begun: mpsc::UnboundedSender<String>,
    open: Arc<Semaphore>,
}

/// Says which job begins; those called `held` wait for the gate.
fn gated(place: &Place) -> (Worker<Gate>, mpsc::UnboundedReceiver<String>, Arc<Semaphore>) {
    let (begun, heard) = mpsc::unbounded_channel();
    let open = Arc::new(Semaphore::new(0));
    let worker = Worker::new(place.queue.clone(), Gate { begun, open: open.clone() }).handle(
        async |task: Note, job: JobContext<Gate>| {
            job.state.begun.send(task.text.clone()).unwrap();
            if task.text.starts_with("held") {
                job.state.open.acquire().await?.forget();
            }
            Ok::<_, usm_queue::TaskError>(job.attempt().to_string())
        },
    );
    (worker, heard, open)
}

async fn the_jobs_of_a_killed_worker_are_at_work_again_within_its_lease_and_5_s(place: &Place) {
    const JOBS: usize = 50;
    let lease = Duration::from_secs(2);
    let jobs =
        place.queue.enqueue_many((0..JOBS).map(|number| note(&format!("held {number}")))).await.unwrap();
    for job in &jobs {
        die_with(place, job, lease).await;
    }
    let killed = Instant::now();
    let (worker, mut heard, open) = gated(place);
    let worker = start(worker.concurrency(JOBS + 1));
    let new = place.queue.enqueue(note("new")).await.unwrap();

    assert_eq!(
        ended(&place.queue, &new).await.status,
        JobStatus::Completed,
        "new work does not wait behind them"
    );
    for _ in 0..=JOBS {
        soon("all are at work", heard.recv()).await.unwrap();
    }

    let took = killed.elapsed();
    println!("{JOBS} jobs are at work again {took:?} after the kill, lease {lease:?}");
    assert!(took < lease + Duration::from_secs(5), "{took:?}");
    open.add_permits(JOBS);
    for job in &jobs {
        assert_eq!(job.result().await.unwrap(), "1", "the crash costs no attempt");
    }
    worker.stop().await;
}

async fn a_job_that_is_never_retried_survives_a_killed_worker(place: &Place) {
    let options = EnqueueOptions::new().max_attempts(1);
    let job = place.queue.enqueue_with(note("x"), options).await.unwrap();
    die_with(place, &job, LEASE).await;

    let record = with_worker(gated(place).0, ended(&place.queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1), "{record:#?}");
}

async fn a_job_that_kills_every_worker_is_given_up(place: &Place) {
    let options = EnqueueOptions::new().max_attempts(2);
    let job = place.queue.enqueue_with(note("poison"), options).await.unwrap();
    // Twice in company, then once for each attempt.
    for _ in 0..4 {
        die_with(place, &job, LEASE).await;
    }
    let (worker, mut heard, _open) = gated(place);

    let record = with_worker(worker, ended(&place.queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 2));
    assert!(record.error.unwrap().contains("worker dies died"), "it says that its workers died");
    assert!(heard.try_recv().is_err(), "it was not begun again");
    let letter = eventually("the dead letter is there", async || {
        place.queue.dead_letters().get(&job.id().to_string()).await.ok()
    })
    .await;
    assert_eq!(letter.reason, "attempts used up");
}

async fn suspects_are_tried_one_at_a_time_and_hold_up_nobody(place: &Place) {
    let suspects = place.queue.enqueue_many(["held 1", "held 2", "held 3"].map(note)).await.unwrap();
    for job in &suspects {
        die_with(place, job, LEASE).await;
        die_with(place, job, LEASE).await;
    }
    let (worker, mut heard, open) = gated(place);
    let worker = start(worker.concurrency(2));
    let begun = Instant::now();
    let first = soon("a suspect is tried", heard.recv()).await.unwrap();

    let healthy = place.queue.enqueue_many(["a", "b", "c", "d"].map(note)).await.unwrap();
    for job in &healthy {
        assert_eq!(ended(&place.queue, job).await.status, JobStatus::Completed);
    }
    for _ in 0..4 {
        let other = heard.recv().await.unwrap();
        assert!(
            !other.starts_with("held") || begun.elapsed() >= Duration::from_secs(2),
            "{first} and {other}"
        );
    }

    open.add_permits(3);
    for job in &suspects {
        assert_eq!(ended(&place.queue, job).await.attempt, 1);
    }
    worker.stop().await;
}
