//! Taking a job: leases and fencing tokens.

use chrono::Utc;
use futures_util::future::join_all;

use super::story::{LONG, SHORT, Story, every_update, is_busy_for, new_job, now, retry};
use crate::{
    backend::{Claimed, JobStore, JobUpdate, Lease, LeaseState, Updated},
    job::{JobEvent, JobId, JobStatus},
    testing::eventually,
};

/// And tells it with the record.
pub async fn a_claim_begins_an_attempt_under_a_lease(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let before = Utc::now();

    let (job, lease) = story.claim(LONG).await;

    assert_eq!((job.status, job.attempt, job.version), (JobStatus::Processing, 1, 2));
    assert_eq!(job.worker.as_deref(), Some("worker"));
    // A backend with a clock of its own may be a little off.
    let scatter = chrono::Duration::seconds(60);
    let until = job.lease_until.unwrap() - LONG;
    assert!(until > before - scatter && until < Utc::now() + scatter, "the lease counts from now");
    assert_eq!(lease.id, story.id());
    assert_eq!(story.now().await, job);
    assert!(!job.is_stalled(Utc::now()));
}

/// So that the newest can be told.
pub async fn tokens_grow_with_every_claim(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut tokens = Vec::new();

    for attempt in 1..=3 {
        let (job, lease) = story.claim(LONG).await;
        assert_eq!(job.attempt, attempt);
        story.update(lease, retry(true)).await;
        tokens.push(lease.token);
    }
    let (old, new) = story.take_over().await;
    tokens.extend([old.token, new.token]);

    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

/// Even for the worker that holds it.
pub async fn a_leased_job_is_busy(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (job, _) = story.claim(LONG).await;

    for worker in ["worker", "other"] {
        let claimed = store.claim(story.job.clone().into(), worker, LONG).await.unwrap();
        is_busy_for(&claimed, LONG);
    }
    assert_eq!(story.now().await, job);
}

/// A second message of a job does not cut a delay short: neither the first one nor that of a retry.
pub async fn a_job_whose_next_attempt_is_not_due_is_busy(store: &dyn JobStore) {
    let due = now() + LONG;
    let mut delayed = new_job();
    delayed.next_attempt_at = Some(due);
    let delayed = Story { store, job: delayed };
    store.insert(&[delayed.job.clone().into()]).await.unwrap();
    let retried = Story::begin(store).await;
    let (_, lease) = retried.claim(LONG).await;
    let update = JobUpdate::Retry { error: "not yet".into(), delay: LONG, counted: true };
    retried.update(lease, update).await;

    for story in [delayed, retried] {
        let before = story.now().await;
        let claimed = store.claim(story.job.clone().into(), "early", LONG).await.unwrap();
        is_busy_for(&claimed, LONG);
        assert_eq!(story.now().await, before);
    }

    let due_soon = Story::begin(store).await;
    let (_, lease) = due_soon.claim(LONG).await;
    due_soon.update(lease, JobUpdate::Retry { error: "soon".into(), delay: SHORT, counted: true }).await;
    eventually("the job becomes due", async || {
        let claimed = store.claim(due_soon.job.clone().into(), "in time", LONG).await.unwrap();
        matches!(claimed, Claimed::Run(..)).then_some(())
    })
    .await;
}

/// A record that was lost is made anew, and its delay is not cut short.
pub async fn an_unknown_job_that_is_not_due_is_stored_and_busy(store: &dyn JobStore) {
    let due = now() + LONG;
    let mut job = new_job();
    job.next_attempt_at = Some(due);
    let story = Story { store, job };

    let claimed = store.claim(story.job.clone().into(), "early", LONG).await.unwrap();

    is_busy_for(&claimed, LONG);
    let known = story.now().await;
    assert_eq!((known.status, known.attempt), (JobStatus::Pending, 0));
    let early = due - known.next_attempt_at.unwrap();
    assert!(
        early.abs() < chrono::Duration::seconds(60),
        "a backend with a clock of its own may be a little off"
    );
}

/// By another worker, which begins the attempt again: the crash costs none.
pub async fn a_lapsed_lease_can_be_taken_over(store: &dyn JobStore) {
    let story = Story::begin(store).await;

    let (old, new) = story.take_over().await;

    let job = story.now().await;
    assert_eq!((job.status, job.attempt, job.worker.as_deref()), (JobStatus::Processing, 1, Some("other")));
    assert!(new.token > old.token);
    story.refused(old).await;
    story.update(new, JobUpdate::Completed("done".into())).await;
}

/// It is not taken by a claim that does not promise to try it alone, and no attempt is counted yet.
pub async fn a_job_whose_workers_died_twice_in_one_attempt_is_a_suspect(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, old) = story.take_over_within(SHORT).await;

    assert_eq!(story.lapsed("becomes a suspect").await, Claimed::Suspect(2));

    let before = story.now().await;
    assert_eq!(before.status, JobStatus::Processing);
    let (job, lease) = story.try_alone(LONG, LONG).await;
    assert_eq!((job.attempt, job.status), (1, JobStatus::Processing));
    story.refused(old).await;
    story.update(lease, JobUpdate::Completed("innocent".into())).await;
}

/// And a crash after it does not.
pub async fn a_crash_counts_when_the_job_was_tried_alone(store: &dyn JobStore) {
    let guilty = Story::begin(store).await;
    guilty.take_over_within(SHORT).await;
    guilty.try_alone(SHORT, LONG).await;
    assert_eq!(guilty.lapsed("its worker dies in the trial").await, Claimed::Suspect(3));
    assert_eq!(guilty.try_alone(LONG, LONG).await.0.attempt, 2);

    let innocent = Story::begin(store).await;
    innocent.take_over_within(SHORT).await;
    let (_, lease) = innocent.try_alone(SHORT, SHORT).await;
    let alone = innocent.now().await.lease_until.unwrap() + SHORT;
    eventually("the trial is over", async || (Utc::now() > alone).then_some(())).await;
    assert_eq!(store.renew(&[lease], SHORT).await.unwrap(), [LeaseState::Held]);
    assert_eq!(innocent.lapsed("its worker dies later").await, Claimed::Suspect(3));
    assert_eq!(innocent.try_alone(LONG, LONG).await.0.attempt, 1);
}

/// Its next crash is the first one again.
pub async fn an_attempt_that_ends_in_order_clears_a_suspect(store: &dyn JobStore) {
    for ending in [retry(true), retry(false), JobUpdate::Released] {
        let story = Story::begin(store).await;
        story.take_over_within(SHORT).await;
        let (_, lease) = story.try_alone(LONG, LONG).await;
        story.update(lease, ending).await;

        let (old, _) = story.take_over().await;

        story.refused(old).await;
    }
}

/// There is nothing to try: whoever takes it ends it.
pub async fn a_suspect_that_should_stop_is_taken_at_once(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.take_over().await;
    assert_eq!(store.cancel(story.id()).await.unwrap(), crate::CancelOutcome::Requested);
    assert_eq!(store.renew(&[lease], SHORT).await.unwrap(), [LeaseState::CancelRequested]);

    let claimed = story.lapsed("the lease lapses").await;

    assert!(matches!(claimed, Claimed::Run(ref job, _) if job.cancel_requested), "{claimed:?}");
}

/// It is taken all the same, to be ended: whoever took it knows what it was, and the dead worker can change nothing.
pub async fn a_job_whose_worker_died_while_it_was_tried_alone_in_its_last_attempt_is_taken_only_to_end_it(
    store: &dyn JobStore,
) {
    let mut job = new_job();
    job.max_attempts = 1;
    store.insert(&[job.clone().into()]).await.unwrap();
    let story = Story { store, job };
    story.take_over_within(SHORT).await;
    let (_, first) = story.try_alone(SHORT, LONG).await;
    let attempt = story.now().await;

    let Claimed::End(job, lease) = story.lapsed("the lease of the last attempt lapses").await else {
        panic!("no attempt is left")
    };

    assert_eq!((job.status, job.attempt, job.worker.as_deref()), (JobStatus::Processing, 1, Some("alone")));
    assert_eq!((&job.timeline, job.version), (&attempt.timeline, attempt.version + 1));
    assert_eq!(story.now().await, *job);
    assert!(lease.token > first.token);
    story.refused(first).await;

    // If that worker dies too, the next takes it, and so on.
    assert_eq!(store.renew(&[lease], SHORT).await.unwrap(), [LeaseState::Held]);
    let Claimed::End(_, newest) = story.lapsed("the lease lapses").await else {
        panic!("no attempt is left")
    };
    story.refused(lease).await;
    story.update(newest, JobUpdate::Failed("it kills its workers".into())).await;
    assert_eq!(story.now().await.attempt, 1);
}

/// A slow worker that is still alone with its job goes on.
pub async fn a_lapsed_lease_that_nobody_took_over_still_holds(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let lease = story.stall().await;
    assert!(story.now().await.is_stalled(Utc::now()));

    assert_eq!(store.renew(&[lease], LONG).await.unwrap(), [LeaseState::Held]);

    let claimed = store.claim(story.job.clone().into(), "other", LONG).await.unwrap();
    assert!(matches!(claimed, Claimed::Busy(_)), "{claimed:?}");
    story.update(lease, JobUpdate::Completed("late".into())).await;

    let slow = Story::begin(store).await;
    let lease = slow.stall().await;
    slow.update(lease, JobUpdate::Completed("late".into())).await;
    assert_eq!(slow.now().await.status, JobStatus::Completed);
}

/// A record that was lost is made anew from what the message tells.
pub async fn a_claim_stores_an_unknown_job(store: &dyn JobStore) {
    let mut job = new_job();
    job.attempt = 2;
    job.owner = Some(7.into());
    job.timeline[0].event = JobEvent::Rebuilt;
    job.timeline[0].attempt = 2;
    let story = Story { store, job };

    let (job, lease) = story.claim(LONG).await;

    assert_eq!(
        (job.attempt, job.status, &job.task, &job.owner),
        (3, JobStatus::Processing, &story.job.task, &story.job.owner)
    );
    assert_eq!(super::story::events(&job), [(JobEvent::Rebuilt, 2), (JobEvent::Started, 3)]);
    story.update(lease, JobUpdate::Completed("done".into())).await;
}

/// It says how the job ended.
pub async fn a_final_job_is_not_claimed(store: &dyn JobStore) {
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let story = Story::begin(store).await;
        let ended = story.end(status).await;

        let claimed = store.claim(story.job.clone().into(), "worker", LONG).await.unwrap();

        assert_eq!(claimed, Claimed::Final(status));
        assert_eq!(story.now().await, ended);
    }
}

/// Whether the job is known or not.
pub async fn of_claims_at_once_exactly_one_wins(store: &dyn JobStore) {
    for known in [true, false] {
        for _ in 0..10 {
            let job = new_job();
            if known {
                store.insert(&[job.clone().into()]).await.unwrap();
            }

            let claims = (0..8).map(|worker| {
                let job = job.clone();
                async move { store.claim(job.into(), &format!("worker {worker}"), LONG).await.unwrap() }
            });
            let claimed = join_all(claims).await;

            let won = claimed.iter().filter(|claimed| matches!(claimed, Claimed::Run(..))).count();
            let busy = claimed.iter().filter(|claimed| matches!(claimed, Claimed::Busy(_))).count();
            assert_eq!((won, busy), (1, 7), "{claimed:?}");
            assert_eq!(store.get(job.id).await.unwrap().unwrap().attempt, 1);
        }
    }
}

/// In the order asked.
pub async fn renewing_prolongs_a_lease_and_tells_of_lost_ones(store: &dyn JobStore) {
    let (held, stopping, lost) =
        (Story::begin(store).await, Story::begin(store).await, Story::begin(store).await);
    let (before, held_lease) = held.claim(SHORT).await;
    let (_, stopping_lease) = stopping.claim(LONG).await;
    store.cancel(stopping.id()).await.unwrap();
    let (lost_lease, _) = lost.take_over().await;
    let unknown = Lease { id: JobId::new(), token: 1 };

    let states = store.renew(&[stopping_lease, lost_lease, held_lease, unknown], LONG).await.unwrap();

    use LeaseState::{CancelRequested, Held, Lost};
    assert_eq!(states, [CancelRequested, Lost, Held, Lost]);
    assert!(held.now().await.lease_until > before.lease_until);
    let claimed = store.claim(held.job.clone().into(), "other", LONG).await.unwrap();
    assert!(matches!(claimed, Claimed::Busy(_)), "{claimed:?}");
    assert_eq!(store.renew(&[], LONG).await.unwrap(), []);
}

/// Neither reports nor outcomes: the newer attempt alone counts.
pub async fn after_a_takeover_nothing_of_the_old_lease_is_accepted(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (old, new) = story.take_over().await;

    story.refused(old).await;

    story.update(new, JobUpdate::Failed("no use".into())).await;
    story.refused(old).await;
}

/// Whatever its outcome was, it counts once.
pub async fn after_an_attempt_ended_nothing_of_its_lease_is_accepted(store: &dyn JobStore) {
    let endings = every_update()
        .into_iter()
        .filter(|update| !matches!(update, JobUpdate::Progress(_) | JobUpdate::Partial(_)));
    for ending in endings {
        let story = Story::begin(store).await;
        let (_, lease) = story.claim(LONG).await;
        story.update(lease, ending).await;

        story.refused(lease).await;
    }

    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let completions = (0..8).map(|n: i32| store.update(lease, JobUpdate::Completed(n.into())));
    let applied = join_all(completions)
        .await
        .into_iter()
        .filter(|updated| *updated.as_ref().unwrap() == Updated::Applied);
    assert_eq!(applied.count(), 1, "of outcomes at once one counts");
    eventually("the job is completed", async || {
        (story.now().await.status == JobStatus::Completed).then_some(())
    })
    .await;
}

/// Then its message must be given back: it is not for somebody else to have run it.
pub async fn an_attempt_that_the_store_does_not_know_is_lost(store: &dyn JobStore) {
    let unknown = Lease { id: JobId::new(), token: 1 };
    let story = Story::begin(store).await;
    let (_, known) = story.claim(LONG).await;
    // As of a claim that the store has forgotten.
    let later = Lease { token: known.token + 1, ..known };

    for lease in [unknown, later] {
        for update in every_update() {
            // Progress may be answered before it is written.
            if !matches!(update, JobUpdate::Progress(_)) {
                assert_eq!(store.update(lease, update.clone()).await.unwrap(), Updated::Lost, "{update:?}");
            }
        }
        assert_eq!(store.renew(&[lease], LONG).await.unwrap(), [LeaseState::Lost]);
    }
    story.update(known, JobUpdate::Completed("done".into())).await;
}

/// It stays pending, tells why, and is nobody's until it is due.
pub async fn a_waiting_job_can_be_put_off(store: &dyn JobStore) {
    let known = Story::begin(store).await;
    let unknown = Story { store, job: new_job() };
    for story in [known, unknown] {
        let before = now();

        let status = store.postpone(story.job.clone().into(), "waits".to_owned(), LONG).await.unwrap();

        let job = story.now().await;
        assert_eq!((status, job.status, job.attempt), (Some(JobStatus::Pending), JobStatus::Pending, 0));
        assert_eq!((job.error.as_deref(), job.version), (Some("waits"), 2));
        assert!(job.next_attempt_at > Some(before + LONG / 2));
        let claimed = store.claim(story.job.clone().into(), "early", LONG).await.unwrap();
        assert!(matches!(claimed, Claimed::Busy(_)), "{claimed:?}");
        // A second message of it changes nothing.
        store.postpone(story.job.clone().into(), "again".to_owned(), LONG).await.unwrap();
        assert_eq!(story.now().await, job);
    }

    let soon = Story::begin(store).await;
    store.postpone(soon.job.clone().into(), "waits".to_owned(), SHORT).await.unwrap();
    eventually("it is due", async || {
        let claimed = store.claim(soon.job.clone().into(), "in time", LONG).await.unwrap();
        matches!(claimed, Claimed::Run(ref job, _) if job.attempt == 1).then_some(())
    })
    .await;
}

/// It stays as it is, and its status is told.
pub async fn a_running_or_ended_job_cannot_be_put_off(store: &dyn JobStore) {
    let running = Story::begin(store).await;
    running.claim(LONG).await;
    let ended = Story::begin(store).await;
    ended.end(JobStatus::Cancelled).await;

    for (story, expected) in [(running, JobStatus::Processing), (ended, JobStatus::Cancelled)] {
        let before = story.now().await;
        let status = store.postpone(story.job.clone().into(), "waits".to_owned(), LONG).await.unwrap();
        assert_eq!((status, story.now().await), (Some(expected), before));
    }
}
