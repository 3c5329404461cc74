//! Keys that the version before wrote are read, and work goes on from them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use usm_queue::{
    CancelOutcome, Job, JobFilter, JobStatus,
    backend::{Claimed, Inserted, JobStore, JobUpdate, Updated},
};

use super::{LONG, Server, now};

/// What the last program of version 1 left, which died while it was at work, with one job in each state: a command a line.
/// Its clock was two years slow, as what was due then must be due on whatever machine reads it.
const KEYS: &str = include_str!("../fixtures/version-1.redis.jsonl");

/// A server with the keys of version 1.
pub(crate) async fn server_of_version_1() -> Option<Server> {
    let server = Server::start().await?;
    let mut raw = server.raw().await;
    for line in KEYS.lines() {
        let words: Vec<Value> = serde_json::from_str(line).unwrap();
        raw.run_bytes(words.iter().map(bytes).collect()).await;
    }
    Some(server)
}

/// Of a word that is a text, or an object that holds what is none in hexadecimal.
fn bytes(word: &Value) -> Vec<u8> {
    let Some(hex) = word["hex"].as_str() else { return word.as_str().unwrap().into() };
    let digits = |at| &hex[at..at + 2];
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(digits(at), 16).unwrap()).collect()
}

/// By the state that each job says it is in, in its metadata.
pub(crate) async fn jobs(store: &dyn JobStore) -> BTreeMap<String, Job> {
    let jobs = store.list(&JobFilter::default()).await.unwrap().jobs;
    jobs.into_iter().map(|job| (job.metadata["state"].as_str().unwrap().to_owned(), job)).collect()
}

async fn listed(store: &dyn JobStore, filter: JobFilter) -> usize {
    store.list(&filter).await.unwrap().jobs.len()
}

#[tokio::test]
async fn everything_that_version_1_left_in_redis_is_read_and_worked_on() {
    use JobStatus::{Cancelled, Completed, Failed, Pending, Processing};
    let Some(server) = server_of_version_1().await else { return };
    let store = server.store().await;
    let jobs = jobs(&*store).await;
    let status = |state: &str| jobs[state].status;
    assert_eq!(
        jobs.keys().collect::<Vec<_>>(),
        ["asked", "cancelled", "completed", "delayed", "failed", "pending", "processing", "retrying"]
    );
    assert_eq!(["cancelled", "completed", "failed"].map(status), [Cancelled, Completed, Failed]);
    assert_eq!(["asked", "processing"].map(status), [Processing; 2]);
    assert_eq!(["delayed", "pending", "retrying"].map(status), [Pending; 3]);
    let completed = &jobs["completed"];
    assert_eq!(completed.partial_results, [json!({"part": 1}), json!([2])]);
    assert_eq!((&completed.result, completed.progress.as_ref().unwrap().current), (&Some(json!("done")), 2));
    assert_eq!(completed.metadata["list"], json!([1, {"a": []}]));
    assert_eq!(completed.correlation_id.as_deref(), Some("request-completed"));
    assert_eq!((&completed.owner, &jobs["processing"].owner), (&Some(7.into()), &Some("ann".into())));
    assert_eq!((jobs["processing"].priority, jobs["failed"].error.as_deref()), (9, Some("broken")));
    assert!(jobs["asked"].cancel_requested);
    assert_eq!(listed(&*store, JobFilter::new().owner("ann")).await, 1);
    assert_eq!(listed(&*store, JobFilter::new().status(Pending)).await, 3);
    assert_eq!(listed(&*store, JobFilter::new().task("note")).await, 8);

    // What had ended has ended.
    for (state, status) in [("cancelled", Cancelled), ("completed", Completed), ("failed", Failed)] {
        let job = jobs[state].clone();
        assert_eq!(store.cancel(job.id).await.unwrap(), CancelOutcome::AlreadyFinal(status));
        assert_eq!(store.claim(job.into(), "late", LONG).await.unwrap(), Claimed::Final(status));
    }
    // What waited can be cancelled, and then never runs.
    let pending = jobs["pending"].clone();
    assert_eq!(store.cancel(pending.id).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(store.claim(pending.into(), "late", LONG).await.unwrap(), Claimed::Final(Cancelled));
    // The rest is taken up where it was left, ends, and never runs again.
    for (state, attempt, partials) in
        [("delayed", 1, vec![]), ("retrying", 2, vec![]), ("processing", 1, vec![json!("begun")])]
    {
        let job = jobs[state].clone();
        let known = store.insert_unconfirmed(&[job.clone().into()]).await.unwrap();
        assert!(matches!(known[..], [Inserted::Known { .. }]), "{known:?}");
        let Claimed::Run(run, lease) = store.claim(job.clone().into(), "new", LONG).await.unwrap() else {
            panic!("{state} can be claimed")
        };
        assert_eq!((run.attempt, &run.partial_results), (attempt, &partials), "{state}");
        assert_eq!((&run.metadata, &run.owner), (&job.metadata, &job.owner));
        store.update(lease, JobUpdate::Partial(json!("more"))).await.unwrap();
        assert_eq!(store.update(lease, JobUpdate::Completed(json!(state))).await.unwrap(), Updated::Applied);
        let ended = now(&*store, job.id).await;
        assert_eq!((ended.status, ended.partial_results.len()), (Completed, partials.len() + 1));
        assert_eq!(
            store.claim(job.into(), "late", Duration::from_secs(1)).await.unwrap(),
            Claimed::Final(Completed)
        );
    }
    let Claimed::Run(asked, _) = store.claim(jobs["asked"].clone().into(), "new", LONG).await.unwrap() else {
        panic!("its worker died")
    };
    assert!(asked.cancel_requested);
    assert_eq!(listed(&*store, JobFilter::new().status(Completed)).await, 4);
}
