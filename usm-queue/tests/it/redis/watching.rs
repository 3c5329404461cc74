//! Watching over one subscription connection, across outages too.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use usm_queue::{
    CancelOutcome, Change, ErrorKind, Job, JobStatus, JobWatch, Progress, Result,
    backend::{JobStore, JobUpdate},
    testing::{eventually, soon},
};

use super::{LONG, Server, as_new, claim, new_job};

/// Everything until the end, which comes; versions grow.
async fn rest(mut watch: JobWatch) -> Vec<Result<Job>> {
    let mut states: Vec<Result<Job>> = Vec::new();
    while let Some(state) = soon("a watch shows a state or ends", watch.next()).await {
        let last = states.last().and_then(|last| last.as_ref().ok()).map(|job| job.version);
        if let (Ok(state), Some(last)) = (&state, last) {
            assert!(state.version > last, "{} after {last}", state.version);
        }
        states.push(state);
    }
    states
}

async fn last(watch: JobWatch) -> Job {
    rest(watch).await.pop().unwrap().unwrap()
}

async fn next(watch: &mut JobWatch) -> Job {
    soon("a watch shows a state", watch.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_watchers_share_one_connection() {
    let Some(server) = Server::start().await else { return };
    let (store, worker, mut raw) = (server.store().await, server.store().await, server.raw().await);
    let jobs: Vec<_> = (0..50).map(|_| new_job()).collect();
    store.insert(&as_new(&jobs)).await.unwrap();

    let watches = join_all((0..200).map(|nth| store.watch(jobs[nth % jobs.len()].id))).await;
    let subscribers: String = raw.run("CLIENT LIST TYPE pubsub").await;
    assert_eq!(subscribers.lines().count(), 1, "{subscribers}");
    let all: String = raw.run("CLIENT LIST").await;
    assert_eq!(all.lines().count(), 4, "two stores, one subscription, this test: {all}");
    let channels: Vec<String> = raw.run("PUBSUB CHANNELS usm:changed:*").await;
    assert_eq!(channels.len(), jobs.len());

    let work = join_all(jobs.iter().map(|job| async {
        let (_, lease) = claim(&*worker, job, LONG).await;
        for current in 0..5 {
            let progress = Progress { current, total: 5, message: String::new() };
            worker.update(lease, JobUpdate::Progress(progress)).await.unwrap();
        }
        worker.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
    }));
    let watched = join_all(watches.into_iter().map(|watch| last(watch.unwrap())));
    let (watched, _) = tokio::join!(watched, work);

    assert!(watched.iter().all(|job| job.status == JobStatus::Completed));
    eventually("channels that nobody watches are left", async || {
        let channels: Vec<String> = raw.run("PUBSUB CHANNELS usm:changed:*").await;
        channels.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_the_final_state_across_a_restart() {
    let Some(mut server) = Server::start().await else { return };
    let (store, worker) = (server.store().await, server.store().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let watch = tokio::spawn(last(store.watch(job.id).await.unwrap()));
    let (_, lease) = claim(&*worker, &job, LONG).await;

    server.stop();
    worker.update(lease, JobUpdate::Completed(json!(1))).await.unwrap_err();
    server.start_again().await;
    eventually("the outcome is written", async || {
        worker.update(lease, JobUpdate::Completed(json!(1))).await.ok()
    })
    .await;

    let job = soon("the watch ends", watch).await.unwrap();
    assert_eq!((job.status, job.result), (JobStatus::Completed, Some(json!(1))));
}

/// A message that was published meanwhile is lost; the record is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_misses_nothing_while_its_subscription_is_cut() {
    let Some(server) = Server::start().await else { return };
    // The record is read again because of the cut, not because it is time to.
    let options = server.options().check_interval(Duration::from_secs(3600));
    let store = usm_queue::testing::redis_store(options).await.unwrap();
    let (worker, mut raw) = (server.store().await, server.raw().await);
    for _ in 0..5 {
        let job = new_job();
        store.insert(&[job.clone().into()]).await.unwrap();
        let watch = tokio::spawn(rest(store.watch(job.id).await.unwrap()));
        raw.run::<i64>("CLIENT KILL TYPE pubsub").await;
        let (_, lease) = claim(&*worker, &job, LONG).await;
        raw.run::<i64>("CLIENT KILL TYPE pubsub").await;
        worker.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();

        let states = soon("the watch ends", watch).await.unwrap();
        let statuses: Vec<_> = states.into_iter().map(|state| state.unwrap().status).collect();
        assert_eq!(statuses, [JobStatus::Pending, JobStatus::Processing, JobStatus::Completed]);
    }
}

#[tokio::test]
async fn a_watch_of_a_flushed_job_ends_with_an_error() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let watch = store.watch(job.id).await.unwrap();
    raw.run::<()>("FLUSHALL").await;

    let mut states = rest(watch).await;

    let error = states.pop().unwrap().unwrap_err();
    assert_eq!((error.kind(), states.len()), (ErrorKind::NotFound, 1));
    assert!(error.to_string().contains(&job.id.to_string()), "{error}");
}

/// Its worker makes the record anew with the next renewal.
#[tokio::test]
async fn a_watch_of_a_flushed_job_that_runs_goes_on() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    let mut watch = store.watch(job.id).await.unwrap();
    let seen = next(&mut watch).await;
    raw.run::<()>("FLUSHALL").await;
    store.renew(&[lease], LONG).await.unwrap();

    let anew = next(&mut watch).await;

    assert!(anew.version > seen.version && anew.status == JobStatus::Processing);
    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
    assert_eq!(last(watch).await.status, JobStatus::Completed);
}

/// In another process at once.
#[tokio::test]
async fn a_cancellation_is_told_to_the_workers_of_other_processes() {
    let Some(server) = Server::start().await else { return };
    let (store, worker, mut raw) = (server.store().await, server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    claim(&*worker, &job, LONG).await;
    let mut cancellations = worker.cancellations();
    eventually("the worker listens", async || {
        let listeners: (String, u32) = raw.run("PUBSUB NUMSUB usm:cancel").await;
        (listeners.1 == 1).then_some(())
    })
    .await;

    assert_eq!(store.cancel(job.id).await.unwrap(), CancelOutcome::Requested);

    assert_eq!(soon("it is told", cancellations.recv()).await.unwrap(), job.id);
}

/// Nothing of a store outlives it: neither its connections nor watches.
#[tokio::test]
async fn a_dropped_store_closes_its_connections() {
    let Some(server) = Server::start().await else { return };
    let (store, watch) = watched(&server).await;

    drop(store);

    all_is_let_go(&server, watch).await;
}

#[tokio::test]
async fn a_closed_store_closes_its_connections_whoever_still_holds_it() {
    let Some(server) = Server::start().await else { return };
    let (store, watch) = watched(&server).await;

    store.close().await;

    all_is_let_go(&server, watch).await;
    drop(store);
}

/// A store with both its connections.
async fn watched(server: &Server) -> (Arc<dyn JobStore>, JobWatch) {
    let (store, job) = (server.store().await, new_job());
    store.insert(&[job.clone().into()]).await.unwrap();
    let mut watch = store.watch(job.id).await.unwrap();
    next(&mut watch).await;
    (store, watch)
}

async fn all_is_let_go(server: &Server, mut watch: JobWatch) {
    let mut raw = server.raw().await;
    assert!(soon("the watch ends", watch.next()).await.is_none());
    drop(watch);
    eventually("the connections are closed", async || {
        let all: String = raw.run("CLIENT LIST").await;
        (all.lines().count() == 1).then_some(())
    })
    .await;
}

/// The subscription and the other connection are cut again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_followed_across_cuts_and_each_partial_result_comes_once() {
    const PARTS: usize = 400;
    let Some(server) = Server::start().await else { return };
    let (store, worker, mut raw) = (server.store().await, server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let mut changes = store.changes(job.id, 0).await.unwrap();

    let work = async {
        let (_, lease) = claim(&*worker, &job, LONG).await;
        for part in 0..PARTS {
            if part % 50 == 25 {
                raw.run::<i64>("CLIENT KILL TYPE pubsub").await;
            }
            worker.update(lease, JobUpdate::Partial(json!(part))).await.unwrap();
        }
        worker.update(lease, JobUpdate::Completed(json!("done"))).await.unwrap();
    };
    let watch = async {
        let mut seen = Vec::new();
        while let Some(change) = soon("a change comes", changes.next()).await {
            seen.push(change.unwrap());
        }
        seen
    };
    let (_, seen) = tokio::join!(work, watch);

    let numbers: Vec<_> = seen.iter().map(|change| change.number).collect();
    assert!(numbers.iter().copied().eq(1..=u64::try_from(PARTS).unwrap() + 3), "{numbers:?}");
    let partials = seen.iter().filter_map(|change| match &change.change {
        Change::Partial { value } => value.as_u64(),
        _ => None,
    });
    assert!(partials.eq(0..u64::try_from(PARTS).unwrap()));
}

/// Whoever has read only the one goes on with the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_that_is_written_with_another_change_has_a_number_of_its_own() {
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    for current in 1..=30 {
        let progress = Progress { current, total: 30, message: String::new() };
        store.update(lease, JobUpdate::Progress(progress)).await.unwrap();
    }
    store.update(lease, JobUpdate::Partial(json!("part"))).await.unwrap();

    let job = store.get(job.id).await.unwrap().unwrap();
    let changes = job.changes_since(2);

    let [progress, part] = &changes[..] else { panic!("{changes:?}") };
    assert!(
        matches!(&progress.change, Change::Progress { progress } if progress.current == 30),
        "{progress:?}"
    );
    assert_eq!(part.change, Change::Partial { value: json!("part") });
    assert!(progress.number < part.number && part.number == job.version, "{changes:?}");
}

/// They are in the record, whose log begins with the first change that is written now.
#[tokio::test]
async fn a_job_that_an_earlier_version_began_keeps_its_partial_results() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    let as_before = r#"
        local f = {cmsgpack.unpack(redis.call('GET', KEYS[2]))}
        f[13], f[14] = '"one","two"', string.gsub(f[14], ',"version":%d+', '')
        redis.call('SET', KEYS[2], cmsgpack.pack(unpack(f, 1, 25)))
        local text = string.gsub(redis.call('GET', KEYS[1]), ',"partials":0', '', 1)
        text = string.gsub(text, '"partial_results":%[%]', '"partial_results":["one","two"]')
        return redis.call('SET', KEYS[1], (string.gsub(text, ',"attempt":(%d),"version":%d+', ',"attempt":%1')))"#;
    let keys = [format!("job:{}", job.id), format!("usm:job:{}", job.id)];
    raw.run_args::<String>(&["EVAL", as_before, "2", &keys[0], &keys[1]]).await;
    assert_eq!(store.get(job.id).await.unwrap().unwrap().partial_results, ["one", "two"]);

    let mut live = store.changes(job.id, 2).await.unwrap();
    store.update(lease, JobUpdate::Partial(json!("three"))).await.unwrap();

    let change = soon("a change comes", live.next()).await.unwrap().unwrap();
    assert_eq!((change.number, change.change), (3, Change::Partial { value: json!("three") }));
    let now = store.get(job.id).await.unwrap().unwrap();
    assert_eq!(now.partial_results, ["one", "two", "three"]);
    assert_eq!(now.partial_versions, [0, 0, 3]);
    let mut late = store.changes(job.id, 1).await.unwrap();
    let change = soon("a change comes", late.next()).await.unwrap().unwrap();
    assert_eq!(change.change, Change::Record { job: Box::new(now) });
}
