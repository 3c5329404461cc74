//! Enqueues that fail or are given up: what the caller is told is true, and repeating them is right.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use usm_queue::{
    Acceptance, DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobId, JobStatus, TaskError, Worker,
    backend::JobStore,
    testing::{self, eventually},
};

use crate::{
    flaky::Flaky,
    shared::{HOUR, Note, ended, in_memory, note, with_worker},
};

fn echo(flaky: &Flaky) -> Worker<()> {
    Worker::new(flaky.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text))
}

#[tokio::test]
async fn a_job_that_was_not_published_is_not_accepted_and_repeating_it_runs_it_once() {
    let flaky = Flaky::new().await;
    flaky.publish_switch.set(true);

    let refused = flaky.queue.enqueue(note("x")).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let [(id, Acceptance::NotAccepted)] = *refused.jobs() else { panic!("{refused:?}") };
    assert_eq!(flaky.queue.job(id).await.unwrap_err().kind(), ErrorKind::NotFound, "nothing is left");
    flaky.publish_switch.set(false);
    let job = flaky.queue.enqueue_with(note("x"), EnqueueOptions::new().id(id)).await.unwrap();
    assert!(!job.was_known());
    assert_eq!(with_worker(echo(&flaky), ended(&flaky.queue, &job)).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn a_job_whose_record_cannot_be_stored_may_have_been_accepted_and_is_named() {
    let flaky = Flaky::new().await;
    flaky.store_switch.set(true);

    let doubtful = flaky.queue.enqueue(note("x")).await.unwrap_err();

    let [(id, Acceptance::Unknown)] = *doubtful.jobs() else { panic!("{doubtful:?}") };
    assert!(doubtful.to_string().contains(&id.to_string()), "{doubtful}");
    flaky.store_switch.set(false);
    let job = flaky.queue.enqueue_with(note("x"), EnqueueOptions::new().id(id)).await.unwrap();
    let record = with_worker(echo(&flaky), ended(&flaky.queue, &job)).await;
    assert_eq!((record.status, record.attempt), (JobStatus::Completed, 1));
}

#[tokio::test]
async fn a_replay_that_was_not_published_keeps_its_dead_letter_and_repeating_it_runs_it() {
    let flaky = Flaky::new().await;
    let fails = Worker::new(flaky.queue.clone(), ())
        .handle(async |_: Note, _: JobContext<()>| Err::<String, _>(TaskError::permanent("no use")));
    let job = flaky.queue.enqueue(note("x")).await.unwrap();
    with_worker(fails, ended(&flaky.queue, &job)).await;
    let letters = flaky.queue.dead_letters();
    let letter = eventually("it is a dead letter", async || {
        letters.list(&DeadLetterFilter::default(), 0, 9).await.unwrap().pop()
    })
    .await;

    flaky.publish_switch.set(true);
    assert!(letters.replay(&letter.id).await.is_err());
    let all = letters.replay_all(&DeadLetterFilter::default()).await.unwrap();
    assert_eq!(all.jobs, []);
    flaky.publish_switch.set(false);
    assert_eq!(letters.list(&DeadLetterFilter::default(), 0, 9).await.unwrap().len(), 1);

    let replayed = flaky.queue.handle::<Note>(letters.replay(&letter.id).await.unwrap());
    assert_eq!(with_worker(echo(&flaky), ended(&flaky.queue, &replayed)).await.status, JobStatus::Completed);
    assert!(letters.list(&DeadLetterFilter::default(), 0, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn repeating_an_enqueue_that_succeeded_needs_no_broker_and_changes_nothing() {
    let flaky = Flaky::new().await;
    let options = EnqueueOptions::new().id(JobId::new());
    let job = flaky.queue.enqueue_with(note("x"), options.clone()).await.unwrap();

    flaky.publish_switch.set(true);
    let again = flaky.queue.enqueue_with(note("x"), options).await.unwrap();
    flaky.publish_switch.set(false);

    assert!(again.was_known());
    assert_eq!(with_worker(echo(&flaky), ended(&flaky.queue, &job)).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn of_a_batch_that_is_not_accepted_every_job_is_told() {
    let flaky = Flaky::new().await;
    flaky.publish_switch.set(true);

    let refused = flaky.queue.enqueue_many((0..1200).map(|n| note(&n.to_string()))).await.unwrap_err();

    assert_eq!(refused.jobs().len(), 1200);
    assert!(refused.jobs().iter().all(|(_, acceptance)| *acceptance == Acceptance::NotAccepted));
}

#[tokio::test]
async fn accepting_goes_on_when_the_caller_goes_away() {
    // In memory nothing takes time.
    let dir = tempfile::TempDir::new().unwrap();
    let flaky = Flaky::on(Some(&dir.path().join("queue.db"))).await;
    let id = JobId::new();

    // Polled once: it has begun.
    assert!(flaky.queue.enqueue_with(note("x"), EnqueueOptions::new().id(id)).now_or_never().is_none());

    let job = flaky.queue.handle::<Note>(id);
    eventually("the job is accepted", async || {
        flaky.store.remove_unconfirmed(Duration::ZERO).await.unwrap();
        (flaky.broker.depth("work").await.unwrap().ready == 1 && job.status().await.is_ok()).then_some(())
    })
    .await;
    assert_eq!(with_worker(echo(&flaky), ended(&flaky.queue, &job)).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn the_first_job_of_an_id_stands_and_the_caller_hears_of_it() {
    for shared in [true, false] {
        let flaky = Flaky::new().await;
        let queue = if shared { in_memory().await } else { flaky.queue.clone() };
        let options = EnqueueOptions::new().id(JobId::new());
        let first = queue.enqueue_with(note("first"), options.clone().priority(3)).await.unwrap();

        let again = queue.enqueue_with(note("first"), options.clone().priority(9)).await.unwrap();
        let other = queue.enqueue_with(note("other"), options.clone()).await.unwrap_err();

        assert_eq!((first.was_known(), again.was_known()), (false, true));
        assert_eq!(other.kind(), ErrorKind::Conflict, "{other}");
        assert_eq!(other.jobs(), [(first.id(), Acceptance::NotAccepted)]);
        assert_eq!(queue.depth("work").await.unwrap().ready, 1);
        let worker = Worker::new(queue.clone(), ())
            .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
        let record = with_worker(worker, ended(&queue, &first)).await;
        assert_eq!((record.result, record.priority), (Some("first".into()), 3));

        let late = queue.enqueue_with(note("first"), options.clone()).await.unwrap();
        let late_other = queue.enqueue_with(note("other"), options).await.unwrap_err();
        assert!(late.was_known());
        assert_eq!(late_other.kind(), ErrorKind::Conflict);
        assert_eq!(queue.depth("work").await.unwrap().ready, 0, "it is not run again");
    }
}

async fn unconfirmed_records_are_removed(store: &dyn JobStore) {
    let new = |text: &str| {
        usm_queue::backend::NewJob::from(usm_queue::Job::new(JobId::new(), text, chrono::Utc::now()))
    };
    let [confirmed, unconfirmed, claimed] = ["confirmed", "unconfirmed", "claimed"].map(new);
    store.insert_unconfirmed(&[confirmed.clone(), unconfirmed.clone(), claimed.clone()]).await.unwrap();
    store.confirm(std::slice::from_ref(&confirmed)).await.unwrap();
    store.claim(claimed.clone(), "worker", HOUR).await.unwrap();

    assert_eq!(store.remove_unconfirmed(HOUR).await.unwrap(), [], "none is so old");
    assert_eq!(store.remove_unconfirmed(Duration::ZERO).await.unwrap(), [unconfirmed.job.id]);

    assert!(store.get(unconfirmed.job.id).await.unwrap().is_none());
    for kept in [&confirmed, &claimed] {
        assert!(store.get(kept.job.id).await.unwrap().is_some());
    }
    assert_eq!(store.remove_unconfirmed(Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn the_record_of_a_process_that_ended_while_it_enqueued_is_removed() {
    let (_, sqlite) = testing::sqlite_pair(None, usm_queue::SqliteOptions::default()).await.unwrap();
    let sqlite: Arc<dyn JobStore> = sqlite;
    unconfirmed_records_are_removed(&*sqlite).await;

    #[cfg(feature = "redis")]
    if let Some(server) = crate::redis::Server::start().await {
        unconfirmed_records_are_removed(&*server.store().await).await;
    }
}

#[cfg(all(feature = "rabbitmq", feature = "redis"))]
mod servers {
    use usm_queue::{QueueSpec, RabbitMqOptions, TaskQueue, Topology, topology::Overflow};

    use super::*;

    /// A queue that refuses when it holds so many.
    async fn limited(length: u32) -> Option<(testing::RabbitMq, TaskQueue, String)> {
        let (removes_its_queues, store) =
            (crate::rabbitmq::open().await?, crate::redis::shared_store().await?);
        let name = testing::unique("full");
        let dead = format!("{name}.dead");
        let spec = QueueSpec::new(&name)
            .bind(format!("{name}.tasks"), "work.#")
            .dead_letter_exchange(&dead)
            .max_length(length)
            .overflow(Overflow::RejectPublish);
        let topology = Topology::builder(format!("{name}.tasks"))
            .dead_letters(&dead, format!("{name}.failed"))
            .queue(spec)
            .build()
            .unwrap();
        removes_its_queues.declare(&topology).await.unwrap();
        let broker = RabbitMqOptions::new(crate::rabbitmq::url()).connect().await.unwrap();
        let queue = TaskQueue::new(broker, store, topology).await.unwrap();
        Some((removes_its_queues, queue, name))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_a_batch_that_fills_its_queue_every_job_is_told_and_the_rest_can_be_repeated() {
        let Some((_broker, queue, name)) = limited(5).await else { return };
        let tasks: Vec<_> = (0..20).map(|n| note(&n.to_string())).collect();

        let error = queue.enqueue_many(tasks.clone()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::QueueFull, "{error}");
        let told = error.jobs().to_vec();
        let accepted = |wanted| told.iter().filter(|(_, acceptance)| *acceptance == wanted).count();
        let ready = queue.depth(&name).await.unwrap().ready;
        assert_eq!((told.len(), accepted(Acceptance::Unknown)), (20, 0));
        assert_eq!(accepted(Acceptance::Accepted) as u64, ready, "{told:?}");
        for (id, acceptance) in &told {
            let known = queue.job(*id).await.is_ok();
            assert_eq!(known, *acceptance == Acceptance::Accepted, "what is not accepted leaves nothing");
        }

        let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let worker = Worker::new(queue.clone(), runs.clone()).concurrency(4).handle(
            async |task: Note, job: JobContext<Arc<std::sync::atomic::AtomicUsize>>| {
                job.state.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Ok::<_, TaskError>(task.text)
            },
        );
        with_worker(worker, async {
            for ((id, _), task) in told.iter().zip(&tasks) {
                let options = EnqueueOptions::new().id(*id);
                let job = eventually("it is accepted", async || {
                    queue.enqueue_with(task.clone(), options.clone()).await.ok()
                })
                .await;
                assert_eq!(ended(&queue, &job).await.result, Some(task.text.clone().into()));
            }
        })
        .await;
        assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 20, "each once");
        queue.close().await;
    }

    /// More than one call of Redis could take within its time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_batch_of_thousands_is_accepted() {
        let Some(place) = crate::backends::servers().await else { return };

        let jobs = place.queue.enqueue_many((0..10_000).map(|n| note(&n.to_string()))).await.unwrap();

        assert_eq!(jobs.len(), 10_000);
        eventually("all messages are there", async || {
            (place.broker.depth(&place.name).await.unwrap().ready == 10_000).then_some(())
        })
        .await;
        assert!(jobs.last().unwrap().status().await.is_ok());
        place.broker.purge(&place.name).await.unwrap();
        place.queue.close().await;
    }
}
