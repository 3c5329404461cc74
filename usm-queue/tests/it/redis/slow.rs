//! Redis does not answer in time, or its answer is lost.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};
use usm_queue::{
    ErrorKind, JobFilter, JobStatus, Result,
    backend::{Claimed, JobStore, JobUpdate, Updated},
    testing::{PATIENCE, eventually, redis_store},
};

use super::{LONG, Server, as_new, claim, new_job, now, server::Front};

/// Enough for an answer on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Well below the pause, which is 9 s.
const AT_MOST: Duration = Duration::from_secs(6);

async fn gives_up<T: std::fmt::Debug>(what: &str, call: impl Future<Output = Result<T>>) {
    let begun = Instant::now();
    let error = timeout(AT_MOST, call).await.unwrap_or_else(|_| panic!("{what} waits on")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
    assert!(begun.elapsed() < AT_MOST, "{what}");
}

/// So that Redis knows them when an answer is lost: that it does not is an answer too.
async fn know_scripts(store: &dyn JobStore) {
    let job = new_job();
    let (_, lease) = claim(store, &job, LONG).await;
    store.update(lease, JobUpdate::Released).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_longer_than_its_time_out() {
    let Some(server) = Server::start().await else { return };
    let store = redis_store(server.options().response_timeout(TIMEOUT)).await.unwrap();
    let mut raw = server.raw().await;
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;

    let (all, leases, new) = (JobFilter::default(), [lease], [new_job().into()]);
    raw.run::<()>("CLIENT PAUSE 9000 ALL").await;
    let calls = async {
        tokio::join!(
            gives_up("insert", store.insert(&new)),
            gives_up("get", store.get(job.id)),
            gives_up("list", store.list(&all)),
            gives_up("claim", store.claim(new_job().into(), "worker", LONG)),
            gives_up("renew", store.renew(&leases, LONG)),
            gives_up("update", store.update(lease, JobUpdate::Partial(json!(1)))),
            gives_up("fail", store.fail_unclaimed(new_job().into(), "expired".into())),
            gives_up("cancel", store.cancel(job.id)),
            gives_up("watch", store.watch(job.id)),
        )
    };
    calls.await;
    gives_up("a second get", store.get(job.id)).await;

    eventually("it answers again", async || store.get(job.id).await.ok()).await;
    assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);
}

/// Its worker tries again, and must not find the job busy with itself.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_can_be_repeated() {
    let Some(server) = Server::start().await else { return };
    let front = Front::before(&server).await;
    let store = redis_store(front.options().response_timeout(TIMEOUT)).await.unwrap();
    let reader = server.store().await;
    know_scripts(&*reader).await;
    let mut last_attempt = new_job();
    last_attempt.max_attempts = 1;
    let jobs = [new_job(), last_attempt];
    store.insert(&as_new(&jobs)).await.unwrap();
    // Its worker died.
    claim(&*store, &jobs[1], Duration::from_millis(1)).await;
    let begun = now(&*store, jobs[1].id).await;
    eventually("the lease lapses", async || begun.is_stalled(chrono::Utc::now()).then_some(())).await;

    for (job, attempt) in jobs.iter().zip([1, 1]) {
        let before = now(&*store, job.id).await;
        front.mute(true);
        gives_up("claim", store.claim(job.clone().into(), "worker", LONG)).await;
        front.mute(false);
        let taken = eventually("it was applied all the same", async || {
            Some(now(&*reader, job.id).await).filter(|job| job.version > before.version)
        });
        let taken = taken.await;

        let again = store.claim(job.clone().into(), "worker", LONG).await.unwrap();

        let (Claimed::Run(claimed, lease) | Claimed::End(claimed, lease)) = again else {
            panic!("the worker has it already: {again:?}")
        };
        assert_eq!(
            (claimed.attempt, claimed.version, &claimed.timeline),
            (attempt, taken.version, &taken.timeline)
        );
        assert!(
            matches!(store.claim(job.clone().into(), "worker", LONG).await.unwrap(), Claimed::Busy(_)),
            "once only"
        );
        assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);
    }
}

/// Once another has taken the job over, the lost claim is over too.
#[tokio::test]
async fn a_lost_claim_that_was_taken_over_is_not_given_back() {
    let Some(server) = Server::start().await else { return };
    let front = Front::before(&server).await;
    let store = redis_store(front.options().response_timeout(TIMEOUT)).await.unwrap();
    let other = server.store().await;
    know_scripts(&*other).await;
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    front.mute(true);
    gives_up("claim", store.claim(job.clone().into(), "worker", Duration::from_millis(1))).await;
    front.mute(false);
    eventually("the other takes over", async || {
        match other.claim(job.clone().into(), "other", LONG).await.unwrap() {
            Claimed::Run(job, _) if job.worker.as_deref() == Some("other") => Some(()),
            Claimed::Busy(_) => None,
            found => panic!("{found:?}"),
        }
    })
    .await;

    assert!(matches!(store.claim(job.into(), "worker", LONG).await.unwrap(), Claimed::Busy(_)));
}

/// Repeated, each takes effect once; a stale one would let the worker throw the message away.
#[tokio::test]
async fn an_update_whose_answer_was_lost_can_be_repeated() {
    let Some(server) = Server::start().await else { return };
    let front = Front::before(&server).await;
    let store = redis_store(front.options().response_timeout(TIMEOUT)).await.unwrap();
    let reader = server.store().await;
    know_scripts(&*reader).await;
    let updates = [
        JobUpdate::Partial(json!("part")),
        JobUpdate::Retry { error: "not yet".into(), delay: Duration::ZERO, counted: false },
        JobUpdate::Released,
        JobUpdate::Completed(json!("done")),
        JobUpdate::Failed("no use".into()),
        JobUpdate::Cancelled,
    ];
    for update in updates {
        let job = new_job();
        store.insert(&[job.clone().into()]).await.unwrap();
        let (_, lease) = claim(&*store, &job, LONG).await;
        front.mute(true);
        gives_up("update", store.update(lease, update.clone())).await;
        front.mute(false);
        let applied = eventually("it was applied all the same", async || {
            Some(now(&*reader, job.id).await).filter(|job| job.version == 3)
        });
        let applied = applied.await;

        assert_eq!(store.update(lease, update.clone()).await.unwrap(), Updated::Applied, "{update:?}");

        assert_eq!(now(&*store, job.id).await, applied, "{update:?}");
        if applied.status != JobStatus::Processing {
            let third = store.update(lease, update.clone()).await.unwrap();
            assert_eq!(third, Updated::Stale, "what was answered is over: {update:?}");
        }
    }
}

/// A connection that is open and gives no answers is replaced.
#[tokio::test]
async fn a_dead_connection_is_replaced() {
    let Some(server) = Server::start().await else { return };
    let front = Front::before(&server).await;
    let store = redis_store(front.options().response_timeout(TIMEOUT)).await.unwrap();
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();

    front.mute(true);
    gives_up("get", store.get(job.id)).await;
    front.mute(false);

    let found = timeout(PATIENCE, store.get(job.id)).await.unwrap();
    assert_eq!(found.unwrap(), Some(job));
}

/// Redis closes the connection on it, which looks like an outage: no use trying again.
#[tokio::test]
async fn a_result_too_large_for_redis_is_refused_and_the_job_can_be_failed() {
    let Some(server) = Server::start_with(&["--proto-max-bulk-len", "1mb"]).await else { return };
    let (store, job) = (server.store().await, new_job());
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;

    for update in [JobUpdate::Partial, JobUpdate::Completed] {
        let error = store.update(lease, update(json!("x".repeat(2 << 20)))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("accepts at most 1048576"), "{error}");
    }

    let failed = JobUpdate::Failed("its result is too large".into());
    assert_eq!(store.update(lease, failed).await.unwrap(), Updated::Applied);
}

/// Instead of being recorded again and again in vain.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_job_whose_result_redis_does_not_take_fails_and_says_so() {
    let Some(server) = Server::start_with(&["--proto-max-bulk-len", "1mb"]).await else { return };
    let (broker, _) = usm_queue::testing::sqlite_pair(None, Default::default()).await.unwrap();
    let topology = usm_queue::Topology::single("work").unwrap();
    let queue = usm_queue::TaskQueue::new(broker, server.store().await, topology).await.unwrap();
    let job = queue.enqueue(crate::shared::note("large")).await.unwrap();
    let worker = usm_queue::Worker::new(queue.clone(), ()).handle(
        async |_: crate::shared::Note, _: usm_queue::JobContext<()>| {
            Ok::<_, usm_queue::TaskError>("x".repeat(2 << 20))
        },
    );

    let record = crate::shared::with_worker(worker, crate::shared::ended(&queue, &job)).await;

    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    let error = record.error.unwrap();
    assert!(error.contains("the handler of task `note` has ended"), "{error}");
    assert!(error.contains("accepts at most 1048576"), "{error}");
}
