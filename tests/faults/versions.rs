//! Programs of another commit beside those of this one, as during a deploy (`USM_TEST_OLD_WORKER` names the other).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use usm_queue::{JobContext, JobStatus, Task, Worker, testing::eventually};
use usm_tests::{
    Enqueue,
    ledger::check_runs,
    processes::{Process, Signal, old_worker},
};

use crate::stage::{PATIENCE, Stage, accepted, letters, record};

const JOBS: u64 = 300;
const KILLS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_workers_and_producers_share_a_queue_and_are_killed_and_nothing_is_lost() {
    let Some(old) = old_worker() else { return };
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut enqueue = Enqueue::new(stage.backend(), JOBS);
    (enqueue.seed, enqueue.over_ms, enqueue.attempts) = (Some(7), 16_000, 8);
    let order = usm_tests::Order::Enqueue(enqueue.clone());
    let old_enqueuer = Process::start(&mut stage.command_of(&old, &order));
    let new_enqueuer = stage.enqueuer(enqueue.clone());
    let mut workers = [stage.worker_of(&old), stage.worker_of(&old), stage.worker(), stage.worker()];
    let mut said = Vec::new();

    for kill in 0..KILLS {
        let enough = usize::try_from((kill + 1) * JOBS / (KILLS + 2)).unwrap();
        eventually("jobs come in", async || {
            (accepted(&old_enqueuer, &enqueue).len() >= enough).then_some(())
        })
        .await;
        // In turn an old and a new one.
        let one = [0, 2, 1, 3][usize::try_from(kill).unwrap() % 4];
        let next = if one < 2 { stage.worker_of(&old) } else { stage.worker() };
        let mut killed = std::mem::replace(&mut workers[one], next);
        killed.kill();
        said.extend(killed.last_words());
    }

    let mut jobs = BTreeMap::new();
    for mut enqueuer in [old_enqueuer, new_enqueuer] {
        enqueuer.line("all tried");
        assert!(enqueuer.end().success(), "{:?}", enqueuer.errors());
        jobs.extend(accepted(&enqueuer, &enqueue));
    }
    assert_eq!(jobs.len() as u64, 2 * JOBS, "nothing was refused");
    let ended = stage.audit(&jobs).await;
    let mut shares = Vec::new();
    for mut worker in workers {
        worker.signal(Signal::TERM);
        assert_eq!(worker.end().code(), Some(0), "{:?}", worker.errors());
        let words = worker.last_words();
        shares.push(words.iter().filter(|line| line.starts_with("started ")).count());
        said.extend(words);
    }
    let mut records = Vec::new();
    for id in jobs.keys() {
        records.push(record(&queue, *id).await.unwrap());
    }
    let runs = check_runs(&records, &said);
    println!(
        "{} jobs of both, {KILLS} kills: {ended:?}; {runs} runs; the last workers began {shares:?}",
        jobs.len()
    );
    assert!(shares.iter().all(|share| *share > 0), "all took part: {shares:?}");
}

/// What no program of the other commit knows.
#[derive(Debug, Serialize, Deserialize)]
struct Novelty {
    number: u32,
}

impl Task for Novelty {
    const NAME: &'static str = "novelty";
    const ROUTING_KEY: &'static str = "chore.novelty";
    type Output = u32;
}

/// Workers of the commit before this rule fail it for good at once, those since wait; either way nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_task_that_old_workers_do_not_know_are_worked_or_can_be_replayed_when_those_are_gone() {
    let Some(old) = old_worker() else { return };
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let mut old_worker = stage.worker_of(&old);
    let new = Worker::new(queue.clone(), ())
        .handle(async |task: Novelty, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.number));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(new.run_until(async { drop(stopped.await) }));
    let jobs = queue.enqueue_many((0..40).map(|number| Novelty { number })).await.unwrap();
    let mut failed = 0;
    for job in &jobs {
        let job = tokio::time::timeout(PATIENCE, queue.wait(job.id())).await.unwrap().unwrap();
        failed += usize::from(job.status == JobStatus::Failed);
    }
    println!("of 40 jobs the old worker failed {failed} for good");
    eventually("each failed job has its dead letter", async || {
        (letters(&queue).await.len() == failed).then_some(())
    })
    .await;

    old_worker.signal(Signal::TERM);
    assert_eq!(old_worker.end().code(), Some(0), "{:?}", old_worker.errors());
    let replayed = queue.dead_letters().replay_all(&usm_queue::DeadLetterFilter::default()).await.unwrap();

    assert_eq!(replayed.jobs.len(), failed, "{replayed:?}");
    for job in replayed.jobs {
        let job = tokio::time::timeout(PATIENCE, queue.wait(job)).await.unwrap().unwrap();
        assert_eq!(job.status, JobStatus::Completed, "{job:#?}");
    }
    drop(stop);
    working.await.unwrap().unwrap();
}
