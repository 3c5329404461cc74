//! A pause, a number and the list of workers while workers are killed, on RabbitMQ and Redis.

use std::collections::{BTreeMap, BTreeSet};

use usm_queue::{JobId, TaskQueue, testing::eventually};
use usm_tests::{Chore, Kind, Order, QUEUE, processes::Process};

use crate::stage::{LEASE, Stage};

/// Workers that live, as they are listed: of these processes, and all of them so.
async fn listed(queue: &TaskQueue, workers: &[Process], so: impl Fn(&usm_queue::WorkerInfo) -> bool) {
    eventually("the workers are listed so", async || {
        let listed = queue.workers().await.unwrap();
        let of = |worker: &Process| listed.iter().find(|listed| listed.process_id == worker.id());
        workers.iter().all(|worker| of(worker).is_some_and(&so)).then_some(())
    })
    .await;
}

async fn enqueued(queue: &TaskQueue, kinds: impl IntoIterator<Item = Kind>) -> BTreeMap<JobId, Chore> {
    let chores: Vec<_> = (0..).zip(kinds).map(|(key, kind)| Chore::new(key, kind)).collect();
    let jobs = queue.enqueue_many(chores.clone()).await.unwrap();
    jobs.iter().map(|job| job.id()).zip(chores).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_stays_paused_while_workers_are_killed_and_nothing_is_lost() {
    let Some(place) = Stage::shared().await else { return };
    let queue = place.observer().await;
    let accepted = enqueued(&queue, (0..40).map(|_| Kind::Slow(100))).await;
    let start = || Process::start(&mut place.command(&Order::Work(place.work())));
    let mut workers = [start(), start()];
    workers.iter().for_each(|worker| drop(worker.line("started")));

    queue.pause(QUEUE, "the test").await.unwrap();
    listed(&queue, &workers, |worker| worker.queues[0].paused && worker.running_count == 0).await;
    let begun: usize = workers.iter().map(runs).sum();
    assert!(begun < 40, "it came too late to show anything");
    for _ in 0..3 {
        for worker in &mut workers {
            worker.kill();
            *worker = start();
            worker.complains("the queue is paused");
        }
    }
    // What the dead held is back by then, to be taken if anybody did.
    tokio::time::sleep(2 * LEASE).await;
    assert!(workers.iter().all(|worker| runs(worker) == 0), "nothing is begun");

    queue.resume(QUEUE).await.unwrap();
    let ended = place.audit(&accepted).await;
    assert_eq!(ended.completed, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_goes_off_the_list_and_the_next_begins_as_many_jobs_as_was_set() {
    let Some(place) = Stage::shared().await else { return };
    let queue = place.observer().await;
    queue.set_concurrency(QUEUE, Some(2)).await.unwrap();
    let accepted =
        enqueued(&queue, [Kind::Holds, Kind::Holds].into_iter().chain((0..6).map(|_| Kind::Slow(200)))).await;
    let mut workers = [Process::start(&mut place.command(&Order::Work(place.work())))];
    listed(&queue, &workers, |worker| worker.running_count == 2 && worker.queues[0].concurrency == 2).await;
    let killed = workers[0].id();

    workers[0].kill();
    workers[0] = Process::start(&mut place.command(&Order::Work(place.work())));

    listed(&queue, &workers, |worker| worker.queues[0].concurrency == 2).await;
    eventually("the dead one is off the list", async || {
        let listed: BTreeSet<_> =
            queue.workers().await.unwrap().iter().map(|worker| worker.process_id).collect();
        (!listed.contains(&killed)).then_some(())
    })
    .await;
    queue.set_concurrency(QUEUE, None).await.unwrap();
    listed(&queue, &workers, |worker| worker.queues[0].concurrency == 4).await;
    let ended = place.audit(&accepted).await;
    assert_eq!(ended.completed, 8);
}

fn runs(worker: &Process) -> usize {
    worker.lines().iter().filter(|line| line.starts_with("started ")).count()
}
