//! Storing and reading records.

use serde_json::json;

use super::story::{LONG, Story, new_job, now};
use crate::{
    backend::{CancelOutcome, Claimed, Inserted, JobStore, JobUpdate},
    error::ErrorKind,
    job::{Job, JobId, JobStatus, Owner, Progress},
    testing::{
        unique,
        values::{assert_same, values},
    },
    trace_context::TraceContext,
};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Over attempts and whoever reads it, also where only the message told.
pub async fn a_job_belongs_to_its_trace_to_the_end(store: &dyn JobStore) {
    for is_stored in [true, false] {
        let mut job = new_job();
        job.trace = TraceContext::parse(TRACEPARENT, None);
        assert!(job.trace.is_some());
        if is_stored {
            store.insert(&[job.clone().into()]).await.unwrap();
        }
        let story = Story { store, job: job.clone() };

        let (claimed, lease) = story.claim(LONG).await;
        assert_eq!(claimed.trace, job.trace);
        let retry = JobUpdate::Retry { error: "no".into(), delay: std::time::Duration::ZERO, counted: true };
        story.update(lease, retry).await;
        assert_eq!(story.now().await.trace, job.trace);
        let (_, lease) = story.claim(LONG).await;
        story.update(lease, JobUpdate::Completed(json!(1))).await;

        assert_eq!(story.now().await.trace, job.trace);
    }
}

/// Every field the caller sets.
pub async fn a_record_comes_back_as_it_was_stored(store: &dyn JobStore) {
    for owner in [None, Some(Owner::Id(-42)), Some(Owner::Name("Анна \"42\"".to_owned()))] {
        let mut job = new_job();
        job.owner = owner;
        (job.queue, job.tags) = (Some("mail \"ж\":".to_owned()), vec!["a".to_owned(), "b \"ж\",".to_owned()]);
        job.priority = 255;
        job.max_attempts = u32::MAX;
        job.correlation_id = Some("request-7\n".to_owned());
        job.trace = TraceContext::parse(TRACEPARENT, Some("vendor=a value,other=1"));
        job.next_attempt_at = Some(now() + chrono::Duration::seconds(5));
        job.metadata = json!({"nested": {"list": [1, 2.5, null, "Привет\u{0}"]}, "": true, "big": u64::MAX})
            .as_object()
            .unwrap()
            .clone();

        store.insert(&[job.clone().into()]).await.unwrap();

        let known = store.get(job.id).await.unwrap().unwrap();
        let off = known.next_attempt_at.unwrap() - job.next_attempt_at.unwrap();
        assert!(
            off.abs() < chrono::Duration::seconds(60),
            "a backend with a clock of its own may be a little off"
        );
        job.next_attempt_at = known.next_attempt_at;
        assert_eq!(known, job);
    }
}

/// As metadata, partial result and result, to the last bit.
pub async fn any_json_value_comes_back_as_it_was(store: &dyn JobStore) {
    for value in values() {
        let mut job = new_job();
        job.metadata.insert("value".to_owned(), value.clone());
        store.insert(&[job.clone().into()]).await.unwrap();
        let story = Story { store, job };
        let (claimed, lease) = story.claim(LONG).await;
        assert_same(&claimed.metadata["value"], &value);

        story.update(lease, JobUpdate::Partial(value.clone())).await;
        let progress = Progress { current: u64::MAX, total: u64::MAX - 1, message: value.to_string() };
        story.update(lease, JobUpdate::Progress(progress.clone())).await;
        story.update(lease, JobUpdate::Completed(value.clone())).await;

        let ended = story.now().await;
        assert_same(&ended.metadata["value"], &value);
        assert_same(&ended.partial_results[0], &value);
        assert_same(ended.result.as_ref().expect("it has a result"), &value);
        assert_eq!(ended.progress, Some(progress));
    }
}

/// Also within one call, and whatever happened to it since.
pub async fn of_two_records_with_one_id_the_first_is_kept(store: &dyn JobStore) {
    let first = new_job();
    let mut second = first.clone();
    second.task = "another".to_owned();
    second.priority = 9;

    store.insert(&[first.clone().into(), second.clone().into()]).await.unwrap();
    store.insert(&[second.clone().into()]).await.unwrap();
    assert_eq!(store.get(first.id).await.unwrap(), Some(first));

    let story = Story::begin(store).await;
    let ended = story.end(JobStatus::Completed).await;
    store.insert(&[story.job.clone().into()]).await.unwrap();
    assert_eq!(story.now().await, ended);
}

/// Not an error.
pub async fn an_unknown_job_is_none(store: &dyn JobStore) {
    assert_eq!(store.get(JobId::new()).await.unwrap(), None);
}

/// A job of another service, whose id is `alias` there.
fn named(alias: &str) -> Job {
    let mut job = new_job();
    (job.id, job.alias) = (alias.parse().unwrap(), Some(alias.to_owned()));
    job
}

/// As by our own id.
pub async fn a_job_is_found_by_what_another_service_calls_it(store: &dyn JobStore) {
    let upper = JobId::new().to_string().to_uppercase();
    let awkward = format!("\"{}\" \\ / ж", unique("job"));
    for alias in [unique("test-job"), upper, awkward] {
        let job = named(&alias);
        let story = Story { store, job: job.clone() };

        let (claimed, _) = story.claim(LONG).await;

        assert_eq!((claimed.id, claimed.alias.as_ref()), (job.id, Some(&alias)));
        let found = store.resolve(&alias).await.unwrap();
        assert_eq!(found, job.id);
        assert_eq!(store.get(found).await.unwrap().unwrap().alias, Some(alias.clone()));
        let mut watch = store.watch(found).await.unwrap();
        assert_eq!(watch.next().await.unwrap().unwrap().alias, Some(alias));
        assert_eq!(store.cancel(found).await.unwrap(), CancelOutcome::Requested);
    }
    let own = new_job();
    assert_eq!(store.resolve(&own.id.to_string()).await.unwrap(), own.id);
    assert_eq!(store.resolve("\n").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// As a replay is: a job of its own, that another service knows by the old id. Each has its own course.
pub async fn of_jobs_that_another_service_calls_the_same_the_newest_is_found(store: &dyn JobStore) {
    for alias in [unique("test-job"), uuid::Uuid::new_v4().to_string()] {
        let mut first = new_job();
        first.id = alias.parse().unwrap();
        first.alias = (first.id.to_string() != alias).then(|| alias.clone());
        let first = Story { store, job: first };
        let (_, lease) = first.claim(LONG).await;
        store.update(lease, JobUpdate::Failed("once".into())).await.unwrap();
        let replay = |seconds| {
            let mut job = new_job();
            job.alias = Some(alias.clone());
            job.created_at = now() + chrono::Duration::seconds(seconds);
            Story { store, job }
        };
        let (second, third) = (replay(1), replay(2));
        for story in [&second, &third] {
            let inserted = store.insert_unconfirmed(&[story.job.clone().into()]).await.unwrap();
            assert_eq!(inserted, [Inserted::New]);
            assert_eq!(store.resolve(&alias).await.unwrap(), story.job.id);
        }

        for story in [&second, &third] {
            assert_eq!(story.now().await.status, JobStatus::Pending);
            let (_, lease) = story.claim(LONG).await;
            store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
            assert_eq!(story.now().await.status, JobStatus::Completed);
        }

        assert_eq!(second.now().await.status, JobStatus::Completed);
        assert_eq!(
            store.claim(first.job.clone().into(), "late", LONG).await.unwrap(),
            Claimed::Final(JobStatus::Failed)
        );
    }
}
