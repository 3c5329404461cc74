//! Accepting jobs: what is known already, and what the broker has not confirmed.

use super::story::{LONG, Story, new_job};
use crate::{
    backend::{Inserted, JobStore, JobUpdate, NewJob},
    job::{JobId, JobStatus},
};

fn with_payload(digest: u64) -> NewJob {
    NewJob::from(new_job()).digest(Some(digest))
}

async fn insert(store: &dyn JobStore, new: &NewJob) -> Inserted {
    store.insert_unconfirmed(std::slice::from_ref(new)).await.unwrap().remove(0)
}

/// With its status, and whether it was confirmed; in the order given.
pub async fn a_new_job_is_told_from_a_known_one(store: &dyn JobStore) {
    let (confirmed, unconfirmed, ended, new) =
        (with_payload(1), with_payload(2), with_payload(3), with_payload(4));
    store.insert_unconfirmed(&[confirmed.clone(), unconfirmed.clone(), ended.clone()]).await.unwrap();
    store.confirm(&[confirmed.clone(), ended.clone()]).await.unwrap();
    Story { store, job: ended.job.clone() }.end(JobStatus::Completed).await;

    let inserted = store.insert_unconfirmed(&[confirmed, new, ended, unconfirmed]).await.unwrap();

    let known = |status, confirmed| Inserted::Known { status, confirmed, same_payload: true };
    use JobStatus::{Completed, Pending};
    assert_eq!(
        inserted,
        [known(Pending, true), Inserted::New, known(Completed, true), known(Pending, false)]
    );
}

/// Whether the first job waits or has ended. One whose payload nobody told passes for the same.
pub async fn another_payload_under_a_known_id_is_told(store: &dyn JobStore) {
    for ended in [false, true] {
        let first = with_payload(u64::MAX);
        assert_eq!(insert(store, &first).await, Inserted::New);
        let story = Story { store, job: first.job.clone() };
        if ended {
            story.end(JobStatus::Failed).await;
        }
        let kept = story.now().await;

        for (digest, same) in [(Some(u64::MAX), true), (Some(7), false), (None, true)] {
            let again = insert(store, &first.clone().digest(digest)).await;
            assert!(
                matches!(again, Inserted::Known { same_payload, .. } if same_payload == same),
                "{again:?}"
            );
        }
        assert_eq!(story.now().await, kept, "the first stands");
    }
}

/// At once.
pub async fn an_unconfirmed_record_is_withdrawn_and_a_confirmed_one_stays(store: &dyn JobStore) {
    let (confirmed, unconfirmed) = (NewJob::from(new_job()), NewJob::from(new_job()));
    store.insert_unconfirmed(&[confirmed.clone(), unconfirmed.clone()]).await.unwrap();
    store.confirm(std::slice::from_ref(&confirmed)).await.unwrap();

    store.withdraw(&[confirmed.job.id, unconfirmed.job.id, JobId::new()]).await.unwrap();

    assert!(store.get(confirmed.job.id).await.unwrap().is_some());
    assert!(store.get(unconfirmed.job.id).await.unwrap().is_none());
}

/// Its message had arrived, or somebody was told of it.
pub async fn an_unconfirmed_record_that_is_claimed_or_cancelled_is_not_withdrawn(store: &dyn JobStore) {
    let [claimed, cancelled] = [new_job(), new_job()].map(|job| Story { store, job });
    store.insert_unconfirmed(&[claimed.job.clone().into(), cancelled.job.clone().into()]).await.unwrap();
    let (running, _) = claimed.claim(LONG).await;
    store.cancel(cancelled.id()).await.unwrap();
    let ended = cancelled.now().await;

    store.withdraw(&[claimed.id(), cancelled.id()]).await.unwrap();

    assert_eq!(claimed.now().await, running);
    assert_eq!(cancelled.now().await, ended);
}

/// The process that enqueues it may have been frozen; the job is accepted all the same.
pub async fn a_record_that_is_gone_when_it_is_confirmed_is_stored_again(store: &dyn JobStore) {
    let new = with_payload(1);
    insert(store, &new).await;
    store.withdraw(&[new.job.id]).await.unwrap();

    store.confirm(std::slice::from_ref(&new)).await.unwrap();

    let again = insert(store, &new).await;
    assert_eq!(again, Inserted::Known { status: JobStatus::Pending, confirmed: true, same_payload: true });
    assert_eq!(store.get(new.job.id).await.unwrap().unwrap().status, JobStatus::Pending);
}

/// A worker may have claimed and even ended the job before its record comes: it changes nothing then.
pub async fn a_record_that_comes_after_its_worker_changes_nothing(store: &dyn JobStore) {
    for ended in [false, true] {
        let story = Story { store, job: new_job() };
        let (_, lease) = story.claim(LONG).await;
        if ended {
            story.update(lease, JobUpdate::Completed(1.into())).await;
        }
        let kept = story.now().await;

        store.insert(&[story.job.clone().into()]).await.unwrap();
        store.withdraw(&[story.id()]).await.unwrap();

        assert_eq!(story.now().await, kept);
    }
}

/// It was published before.
pub async fn a_record_of_a_published_job_is_never_unconfirmed(store: &dyn JobStore) {
    let new = NewJob::from(new_job());
    store.insert(std::slice::from_ref(&new)).await.unwrap();

    let again = insert(store, &new).await;

    assert_eq!(again, Inserted::Known { status: JobStatus::Pending, confirmed: true, same_payload: true });
}
