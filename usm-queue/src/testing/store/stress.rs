//! Many tasks do anything to a few jobs at once; then everything must add up.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use futures_util::future::join_all;

use super::story::{LONG, every_update, new_job};
use crate::{
    backend::{CancelOutcome, Claimed, FailOutcome, JobStore, JobUpdate, Lease, Updated},
    job::{Job, JobEvent, JobId, JobStatus},
    testing::{seed, soon},
};

const JOBS: usize = 6;
const TASKS: u64 = 6;
const STEPS: usize = 80;

/// What one task did to one job and saw of it.
#[derive(Default)]
struct Ledger {
    /// Tokens of won claims, in order.
    tokens: Vec<u64>,
    applied: Vec<(u64, JobUpdate)>,
    /// Jobs ended from outside.
    ended: usize,
    /// Claims won of jobs that were only to be ended.
    taken_to_end: usize,
    seen: Vec<Job>,
}

/// The seed is printed; `USM_CONTRACT_SEED` repeats its operations, though not their interleaving.
pub async fn random_operations_from_many_tasks_break_no_invariant(store: &dyn JobStore) {
    let seed = seed();
    let jobs: Vec<Job> = (0..JOBS).map(|_| new_job()).collect();
    // Half of them are known only once they are claimed or failed.
    store
        .insert(&jobs[..JOBS / 2].iter().cloned().map(crate::backend::NewJob::from).collect::<Vec<_>>())
        .await
        .unwrap();

    let tasks = (0..TASKS).map(|task| play(store, &jobs, Rng::with_seed(seed.wrapping_add(task))));
    let ledgers = soon("all operations return", join_all(tasks)).await;

    for job in &jobs {
        let of_job: Vec<&Ledger> = ledgers.iter().filter_map(|ledger| ledger.get(&job.id)).collect();
        if let Some(now) = store.get(job.id).await.unwrap() {
            check(&now, &of_job);
        }
    }
}

async fn play(store: &dyn JobStore, jobs: &[Job], mut rng: Rng) -> BTreeMap<JobId, Ledger> {
    let mut ledgers: BTreeMap<JobId, Ledger> = BTreeMap::new();
    for _ in 0..STEPS {
        let job = &jobs[rng.usize(..jobs.len())];
        let ledger = ledgers.entry(job.id).or_default();
        let lease = rng.choice(&ledger.tokens).map(|token| Lease { id: job.id, token: *token });
        match (rng.u8(..100), lease) {
            (0..30, _) => {
                let lapses = Duration::from_millis(rng.u64(1..10));
                let lease = if rng.u8(..3) == 0 { LONG } else { lapses };
                let claimed = if rng.bool() {
                    store.claim(job.clone().into(), "worker", lease).await.unwrap()
                } else {
                    let alone = Duration::from_millis(rng.u64(..10));
                    store.claim_suspect(job.clone().into(), "worker", lease, alone).await.unwrap()
                };
                match claimed {
                    Claimed::Run(job, lease) => {
                        ledger.tokens.push(lease.token);
                        ledger.seen.push(*job);
                    }
                    Claimed::End(job, _) => {
                        ledger.taken_to_end += 1;
                        ledger.seen.push(*job);
                    }
                    Claimed::Final(_) | Claimed::Busy(_) | Claimed::Suspect(_) | Claimed::Superseded => {}
                }
            }
            (30..70, Some(lease)) => {
                let update = reports_more_than_endings(&mut rng);
                if store.update(lease, update.clone()).await.unwrap() == Updated::Applied {
                    ledger.applied.push((lease.token, update));
                }
            }
            (70..75, Some(lease)) => drop(store.renew(&[lease], Duration::from_millis(5)).await.unwrap()),
            (75..77, _) => {
                let failed =
                    store.fail_unclaimed(job.clone().into(), "from outside".to_owned()).await.unwrap();
                ledger.ended += usize::from(failed == FailOutcome::Failed);
            }
            (77..79, _) => {
                let cancelled = store.cancel(job.id).await.unwrap() == CancelOutcome::Cancelled;
                ledger.ended += usize::from(cancelled);
            }
            (79..82, _) => tokio::time::sleep(Duration::from_millis(rng.u64(1..5))).await,
            _ => ledger.seen.extend(store.get(job.id).await.unwrap()),
        }
    }
    ledgers
}

fn reports_more_than_endings(rng: &mut Rng) -> JobUpdate {
    let updates = every_update();
    let (reports, endings) = updates.split_at(2);
    let waits = &endings[..3];
    let from = match rng.u8(..20) {
        0..8 => reports,
        8..19 => waits,
        _ => endings,
    };
    from[rng.usize(..from.len())].clone()
}

fn check(now: &Job, ledgers: &[&Ledger]) {
    for ledger in ledgers {
        assert!(ledger.tokens.is_sorted_by(|a, b| a < b), "tokens grow: {:?}", ledger.tokens);
        assert!(ledger.seen.is_sorted_by_key(|job| job.version), "no observer sees an older version");
        for seen in &ledger.seen {
            assert!(now.timeline.starts_with(&seen.timeline), "history is only added to");
            assert!(!seen.status.is_final() || seen == now, "an ended job does not change");
        }
    }
    let mut tokens: Vec<u64> = ledgers.iter().flat_map(|ledger| &ledger.tokens).copied().collect();
    tokens.sort_unstable();
    assert!(tokens.is_sorted_by(|a, b| a < b), "no token is given twice");

    let applied: Vec<&(u64, JobUpdate)> = ledgers.iter().flat_map(|ledger| &ledger.applied).collect();
    let ends_attempt = |update: &JobUpdate| !matches!(update, JobUpdate::Progress(_) | JobUpdate::Partial(_));
    let mut ended: Vec<u64> =
        applied.iter().filter(|(_, update)| ends_attempt(update)).map(|(token, _)| *token).collect();
    ended.sort_unstable();
    assert!(ended.is_sorted_by(|a, b| a < b), "no attempt ends twice");

    let finals = applied.iter().filter(|(_, update)| update.is_final()).count()
        + ledgers.iter().map(|ledger| ledger.ended).sum::<usize>();
    assert_eq!(finals, usize::from(now.status.is_final()), "a job ends once, or not yet");

    let asked = now.timeline.iter().filter(|entry| entry.event == JobEvent::CancelRequested).count();
    let others = ledgers.iter().map(|ledger| ledger.ended + ledger.taken_to_end).sum::<usize>();
    let writes = 1 + tokens.len() + applied.len() + asked + others;
    // Reports of progress that follow each other fast may be written as one.
    let reports = applied.iter().filter(|(_, update)| matches!(update, JobUpdate::Progress(_))).count();
    let versions = (writes - reports) as u64..=writes as u64;
    assert!(versions.contains(&now.version), "every write made one version: {} of {versions:?}", now.version);

    let uncounted = |(_, update): &&&(u64, JobUpdate)| {
        matches!(update, JobUpdate::Released | JobUpdate::Retry { counted: false, .. })
    };
    let steps: Vec<_> =
        now.timeline.iter().filter(|entry| entry.event != JobEvent::CancelRequested).collect();
    let begun_again = |pair: &&[&crate::TimelineEntry]| {
        pair.iter().all(|entry| entry.event == JobEvent::Started) && pair[0].attempt == pair[1].attempt
    };
    let crashes = steps.windows(2).filter(begun_again).count();
    let attempts = tokens.len() - applied.iter().filter(uncounted).count() - crashes;
    assert_eq!(now.attempt as usize, attempts, "attempts are counted");
    let parts = applied.iter().filter(|(_, update)| matches!(update, JobUpdate::Partial(_))).count();
    assert_eq!(now.partial_results.len(), parts, "no partial result is lost");
    check_history(now);
}

/// Every step of the timeline is one that a job may take.
fn check_history(job: &Job) {
    let mut status: Option<JobStatus> = None;
    for entry in &job.timeline {
        use JobEvent::{
            CancelRequested, Cancelled, Completed, Enqueued, Failed, Rebuilt, Released, RetryScheduled,
            Started,
        };
        let allowed = match entry.event {
            Enqueued | Rebuilt => status.is_none(),
            // A lapsed lease is taken over without another step.
            Started | Failed | Cancelled => {
                matches!(status, Some(JobStatus::Pending | JobStatus::Processing))
            }
            RetryScheduled | Released | CancelRequested | Completed => status == Some(JobStatus::Processing),
        };
        assert!(allowed, "{:?} does not follow {status:?}: {:?}", entry.event, job.timeline);
        status = entry.event.status().or(status);
    }
    assert_eq!(status, Some(job.status), "the timeline ends where the job stands");
}
