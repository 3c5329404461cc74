//! Workers that die, freeze or come back too late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc};
use usm_queue::{
    ErrorKind, JobContext, JobHandle, JobStatus, Worker,
    backend::{Claimed, JobUpdate, Lease, Updated},
    testing::{eventually, soon},
};

use crate::{
    flaky::Flaky,
    shared::{HOUR, Note, ended, note, start, with_worker},
};

const LEASE: Duration = Duration::from_millis(150);

/// Claims the job as soon as its present lease lapses.
async fn take_over(flaky: &Flaky, job: &JobHandle<Note>, lease: Duration) -> Lease {
    let record = job.status().await.unwrap();
    eventually("the lease lapses", async || {
        match flaky.store.claim(record.clone().into(), "another", lease).await.unwrap() {
            Claimed::Run(_, lease) => Some(lease),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn a_handler_that_lost_its_lease_cannot_change_the_job() {
    let flaky = Flaky::new().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::new(flaky.queue.clone(), (told, gate.clone())).lease(LEASE).handle(
        async |_: Note, job: JobContext<(mpsc::UnboundedSender<_>, Arc<Semaphore>)>| {
            job.state.0.send(None).unwrap();
            job.state.1.acquire().await?.forget();
            job.state.0.send(job.progress(1, 1, "mine").await.err().map(|error| error.kind())).unwrap();
            Ok::<_, usm_queue::TaskError>("mine".to_owned())
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.renew_switch.set(true);
    let running = start(worker);
    heard.recv().await.unwrap();

    let newer = take_over(&flaky, &job, HOUR).await;
    gate.add_permits(1);

    assert_eq!(heard.recv().await.unwrap(), Some(ErrorKind::Closed), "the handler is told to stop");
    running.stop().await;
    let now = job.status().await.unwrap();
    assert_eq!((now.status, now.attempt, now.worker.as_deref()), (JobStatus::Processing, 1, Some("another")));
    assert_eq!((now.progress, now.result), (None, None));
    let done = flaky.store.update(newer, JobUpdate::Completed("theirs".into())).await.unwrap();
    assert_eq!((done, job.result().await.unwrap().as_str()), (Updated::Applied, "theirs"));
}

#[tokio::test]
async fn a_handler_is_told_that_its_lease_is_lost() {
    let flaky = Flaky::new().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let worker = Worker::new(flaky.queue.clone(), told).lease(LEASE).stop_grace(HOUR).handle(
        async |_: Note, job: JobContext<mpsc::UnboundedSender<&str>>| {
            job.state.send("begun").unwrap();
            let dropped = scopeguard(job.state.clone());
            std::future::pending::<()>().await;
            drop(dropped);
            Ok::<_, usm_queue::TaskError>(String::new())
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    flaky.renew_switch.set(true);
    let running = start(worker);
    assert_eq!(heard.recv().await, Some("begun"));
    let newer = take_over(&flaky, &job, HOUR).await;

    flaky.renew_switch.set(false);

    assert_eq!(soon("the handler is dropped at once", heard.recv()).await, Some("dropped"));
    flaky.store.update(newer, JobUpdate::Completed("theirs".into())).await.unwrap();
    running.stop().await;
}

/// Says when it is dropped.
fn scopeguard(told: mpsc::UnboundedSender<&'static str>) -> impl Send {
    struct Guard(mpsc::UnboundedSender<&'static str>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    Guard(told)
}

#[tokio::test]
async fn a_long_job_keeps_its_lease() {
    let flaky = Flaky::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::new(flaky.queue.clone(), gate.clone()).lease(LEASE).handle(
        async |_: Note, job: JobContext<Arc<Semaphore>>| {
            job.state.acquire().await?.forget();
            Ok::<_, usm_queue::TaskError>(String::new())
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();

    let record = with_worker(worker, async {
        let until = eventually("it runs", async || job.status().await.unwrap().lease_until).await;
        // Three leases later it is still held.
        eventually("the lease is prolonged", async || {
            let now = job.status().await.unwrap();
            (now.lease_until? > until + 3 * LEASE).then_some(())
        })
        .await;
        gate.add_permits(1);
        ended(&flaky.queue, &job).await
    })
    .await;

    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1));
}

#[tokio::test]
async fn a_job_of_a_dead_worker_is_taken_over_when_its_lease_has_lapsed() {
    let flaky = Flaky::new().await;
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    take_over(&flaky, &job, 2 * LEASE).await;
    let worker = Worker::new(flaky.queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        Ok::<_, usm_queue::TaskError>(job.attempt().to_string())
    });

    let record = with_worker(worker, ended(&flaky.queue, &job)).await;

    assert_eq!(record.result, Some("1".into()), "the crash costs no attempt");
    let started: Vec<_> = record.timeline[1..3].iter().map(|entry| entry.at).collect();
    assert!(
        started[1] - started[0] >= chrono::Duration::from_std(2 * LEASE).unwrap(),
        "not while it was leased"
    );
}

#[tokio::test]
async fn a_job_that_should_stop_is_not_begun_again_after_its_worker_died() {
    let flaky = Flaky::new().await;
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    take_over(&flaky, &job, 2 * LEASE).await;
    job.cancel().await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::new(flaky.queue.clone(), runs.clone()).handle(
        async |_: Note, job: JobContext<Arc<AtomicU32>>| {
            job.state.fetch_add(1, Ordering::SeqCst);
            Ok::<_, usm_queue::TaskError>(String::new())
        },
    );

    let record = with_worker(worker, ended(&flaky.queue, &job)).await;

    assert_eq!((record.status, runs.load(Ordering::SeqCst)), (JobStatus::Cancelled, 0));
}

#[tokio::test]
async fn a_worker_that_takes_its_own_job_over_keeps_the_newer_lease() {
    let flaky = Flaky::new().await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let gates = [Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0))];
    let begun = AtomicU32::new(0);
    let worker = Worker::new(flaky.queue.clone(), (told, gates.clone())).lease(LEASE).concurrency(2).handle(
        move |_: Note, job: JobContext<(mpsc::UnboundedSender<u32>, [Arc<Semaphore>; 2])>| {
            let time = begun.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                job.state.0.send(time).unwrap();
                job.state.1[time as usize - 1].acquire().await?.forget();
                Ok::<_, usm_queue::TaskError>(time.to_string())
            }
        },
    );
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    let again = flaky.broker.browse("work", 0, 1).await.unwrap();
    flaky.renew_switch.set(true);
    let running = start(worker);
    assert_eq!(heard.recv().await, Some(1));
    // The same message, as a broker sends it that lost sight of the worker.
    flaky.broker.publish(again).await.unwrap();
    assert_eq!(heard.recv().await, Some(2));
    gates[0].add_permits(1);
    eventually("the first attempt is over", async || {
        (flaky.broker.depth("work").await.unwrap().unsettled == Some(1)).then_some(())
    })
    .await;

    flaky.renew_switch.set(false);

    let until = job.status().await.unwrap().lease_until.unwrap();
    eventually("the second attempt's lease is prolonged", async || {
        (job.status().await.unwrap().lease_until? > until + 2 * LEASE).then_some(())
    })
    .await;
    gates[1].add_permits(1);
    assert_eq!(ended(&flaky.queue, &job).await.result, Some("2".into()));
    running.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_between_record_and_dead_letter_leaves_the_dead_letter_to_the_next() {
    let flaky = Flaky::new().await;
    let job = flaky.queue.enqueue(note("precious")).await.unwrap();
    let mut consumer = flaky.broker.consume("work", 1).await.unwrap();
    let delivery = soon("the message is delivered", consumer.next()).await.unwrap().unwrap();
    let lease = take_over(&flaky, &job, HOUR).await;
    flaky.store.update(lease, JobUpdate::Failed("no use".to_owned())).await.unwrap();
    drop((delivery, consumer));
    let worker = Worker::new(flaky.queue.clone(), ())
        .handle(async |_: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>("not again".to_owned()));

    let letter = with_worker(
        worker,
        eventually("the dead letter is there", async || {
            flaky.queue.dead_letters().get(&job.id().to_string()).await.ok()
        }),
    )
    .await;

    assert_eq!((letter.reason.as_str(), letter.errors), ("permanent error", vec!["no use".to_owned()]));
    assert_eq!((letter.payload, letter.attempts), (Some(serde_json::json!({"text": "precious"})), 1));
    assert_eq!(job.status().await.unwrap().attempt, 1);
}
