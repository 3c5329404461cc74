//! Editing waiting jobs: which of a job's messages counts.

use std::time::Duration;

use super::story::{LONG, Story, is_busy_for, new_job, retry};
use crate::{
    backend::{
        CancelOutcome, Claimed, EditCommit, FailOutcome, Inserted, JobStore, JobUpdate, NewJob, NotEdited,
        Reservation,
    },
    job::{Job, JobStatus},
};

/// The record as a message of this generation tells it.
fn told(story: &Story<'_>, generation: u64) -> NewJob {
    let mut job = story.job.clone();
    job.generation = generation;
    job.into()
}

async fn reserve(story: &Story<'_>) -> Reservation {
    story.store.reserve_edit(story.id()).await.unwrap().expect("the job waits")
}

async fn commit(story: &Story<'_>, generation: u64) -> Result<(), NotEdited> {
    let commit = EditCommit::new().generation(generation);
    story.store.commit_edit(story.id(), commit).await.unwrap()
}

async fn run(story: &Story<'_>, generation: u64) -> (Job, crate::backend::Lease) {
    match story.store.claim(told(story, generation), "worker", LONG).await.unwrap() {
        Claimed::Run(job, lease) => (*job, lease),
        other => panic!("message {generation} counts, but it is {other:?}"),
    }
}

async fn superseded(story: &Story<'_>, generation: u64) {
    let before = story.now().await;
    let claimed = story.store.claim(told(story, generation), "late", LONG).await.unwrap();
    assert_eq!(claimed, Claimed::Superseded, "message {generation}");
    assert_eq!(story.now().await, before);
}

/// Its message of before takes, postpones and fails nothing any more.
pub async fn an_edited_job_goes_on_with_its_new_message(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let reserved = reserve(&story).await;
    assert_eq!((reserved.generation, reserved.wait), (1, Duration::ZERO));
    assert_eq!(*reserved.job, story.now().await);
    assert_eq!(commit(&story, 1).await, Ok(()));

    superseded(&story, 0).await;
    let edited = story.now().await;
    assert_eq!((edited.generation, edited.version), (1, 2));
    let failed = store.fail_unclaimed(told(&story, 0), "expired".to_owned()).await.unwrap();
    assert_eq!(failed, FailOutcome::Superseded);
    assert_eq!(store.postpone(told(&story, 0), "unknown task".to_owned(), LONG).await.unwrap(), None);
    assert_eq!(story.now().await, edited);

    let (job, lease) = run(&story, 1).await;
    assert_eq!((job.generation, job.attempt), (1, 1));
    superseded(&story, 0).await;
    story.update(lease, retry(true)).await;
    superseded(&story, 0).await;
    let (_, lease) = run(&story, 1).await;
    story.update(lease, JobUpdate::Completed("done".into())).await;
    let late = store.claim(told(&story, 0), "late", LONG).await.unwrap();
    assert_eq!(late, Claimed::Final(JobStatus::Completed), "the end outlives every message");
}

/// The other one has to begin anew, and then comes after it.
pub async fn of_edits_at_once_the_first_to_commit_counts(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (one, two) = (reserve(&story).await.generation, reserve(&story).await.generation);

    assert_eq!(commit(&story, two).await, Ok(()));
    assert_eq!(commit(&story, one).await, Err(NotEdited::Superseded));

    superseded(&story, one).await;
    let three = reserve(&story).await.generation;
    assert!(three > two);
    assert_eq!(commit(&story, three).await, Ok(()));
    superseded(&story, two).await;
    run(&story, three).await;
}

/// Its editor finds it done, also after the end of the job. A message that is due is taken whatever the record says.
pub async fn a_message_that_is_taken_before_its_edit_is_committed_counts(store: &dyn JobStore) {
    let mut job = new_job();
    job.next_attempt_at = Some(job.created_at + LONG);
    store.insert(&[job.clone().into()]).await.unwrap();
    let story = Story { store, job };
    let reserved = reserve(&story).await;
    assert!(reserved.wait > LONG / 2);
    is_busy_for(&store.claim(told(&story, 0), "early", LONG).await.unwrap(), LONG);

    let (job, lease) = run(&story, reserved.generation).await;

    assert_eq!((job.generation, job.next_attempt_at), (reserved.generation, None));
    assert_eq!(commit(&story, reserved.generation).await, Ok(()));
    superseded(&story, 0).await;
    story.update(lease, JobUpdate::Completed("done".into())).await;
    let ended = story.now().await;
    assert_eq!(commit(&story, reserved.generation).await, Ok(()));
    assert_eq!(story.now().await, ended);
}

/// The edit is refused and its message never runs, whatever becomes of the attempt.
pub async fn a_claim_voids_the_edits_that_are_not_committed(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let reserved = reserve(&story).await.generation;
    let (_, lease) = run(&story, 0).await;

    assert_eq!(commit(&story, reserved).await, Err(NotEdited::Running));
    superseded(&story, reserved).await;
    story.update(lease, retry(true)).await;

    assert_eq!(commit(&story, reserved).await, Err(NotEdited::Superseded));
    superseded(&story, reserved).await;
    run(&story, 0).await;
}

/// It says why.
pub async fn a_job_that_does_not_wait_is_not_edited(store: &dyn JobStore) {
    let refused = async |story: &Story<'_>, expected| {
        let before = story.now().await;
        assert_eq!(store.reserve_edit(story.id()).await.unwrap().unwrap_err(), expected);
        let later = EditCommit::new().delay(Some(LONG));
        assert_eq!(store.commit_edit(story.id(), later).await.unwrap(), Err(expected));
        assert_eq!(story.now().await, before);
    };
    let running = Story::begin(store).await;
    let (_, lease) = running.claim(LONG).await;
    refused(&running, NotEdited::Running).await;
    assert_eq!(store.cancel(running.id()).await.unwrap(), CancelOutcome::Requested);
    running.update(lease, retry(true)).await;
    refused(&running, NotEdited::CancelRequested).await;

    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let ended = Story::begin(store).await;
        ended.end(status).await;
        refused(&ended, NotEdited::Final(status)).await;
    }

    let unaccepted = Story { store, job: new_job() };
    assert_eq!(store.reserve_edit(unaccepted.id()).await.unwrap().unwrap_err(), NotEdited::Unknown);
    store.insert_unconfirmed(&[unaccepted.job.clone().into()]).await.unwrap();
    refused(&unaccepted, NotEdited::Unknown).await;
}

/// Its message, which may come earlier, neither runs it nor fails it before.
pub async fn a_job_that_is_due_later_is_nobodys_until_then(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let later = EditCommit::new().delay(Some(LONG));
    assert_eq!(store.commit_edit(story.id(), later).await.unwrap(), Ok(()));

    is_busy_for(&store.claim(told(&story, 0), "early", LONG).await.unwrap(), LONG);
    let failed = store.fail_unclaimed(told(&story, 0), "expired".to_owned()).await.unwrap();
    assert!(matches!(failed, FailOutcome::NotDue(wait) if wait > LONG / 2), "{failed:?}");
    assert_eq!(story.now().await.status, JobStatus::Pending);

    let now = EditCommit::new().delay(Some(Duration::ZERO));
    assert_eq!(store.commit_edit(story.id(), now).await.unwrap(), Ok(()));
    run(&story, 0).await;
}

/// Repeating the enqueue of before is told that another payload stands.
pub async fn an_edited_payload_is_told_from_the_one_before(store: &dyn JobStore) {
    let new = |digest| NewJob::from(new_job()).digest(Some(digest));
    let first = new(1);
    store.insert_unconfirmed(std::slice::from_ref(&first)).await.unwrap();
    store.confirm(std::slice::from_ref(&first)).await.unwrap();
    let reserved = store.reserve_edit(first.job.id).await.unwrap().unwrap();
    let commit = EditCommit::new().generation(reserved.generation).digest(Some(2));
    assert_eq!(store.commit_edit(first.job.id, commit).await.unwrap(), Ok(()));

    for (digest, expected) in [(1, false), (2, true)] {
        let again = first.clone().digest(Some(digest));
        let found = store.insert_unconfirmed(&[again]).await.unwrap().remove(0);
        assert!(
            matches!(found, Inserted::Known { same_payload, .. } if same_payload == expected),
            "{found:?}"
        );
    }
}
