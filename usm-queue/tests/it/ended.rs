//! A final state outlives every message of its job, even where its record does not.

use std::time::Duration;

use usm_queue::{
    CancelOutcome, Job, JobId, JobStatus, SqliteOptions,
    backend::{Claimed, FailOutcome, Inserted, JobStore, JobUpdate, NewJob},
    testing::{self, eventually},
};

use crate::shared::HOUR;

fn new_job() -> NewJob {
    Job::new(JobId::new(), "note", chrono::Utc::now()).into()
}

/// On a store that keeps records of ended jobs for as short as it can.
async fn what_has_ended_never_runs(store: &dyn JobStore) {
    let mut delayed = Job::new(JobId::new(), "note", chrono::Utc::now());
    delayed.next_attempt_at = Some(delayed.created_at + chrono::Duration::days(30));
    let delayed = NewJob::from(delayed);
    let [completed, failed, cancelled, forgotten] = [(); 4].map(|()| new_job());
    let completed = completed.digest(Some(7));
    let forgotten = forgotten.remember(Duration::ZERO);
    let all = [&completed, &failed, &cancelled, &delayed, &forgotten];
    store.insert_unconfirmed(&all.map(Clone::clone)).await.unwrap();
    for new in [&completed, &forgotten] {
        let Claimed::Run(_, lease) = store.claim(new.clone(), "worker", HOUR).await.unwrap() else {
            panic!("it waits")
        };
        store.update(lease, JobUpdate::Completed(1.into())).await.unwrap();
    }
    assert_eq!(store.fail_unclaimed(failed.clone(), "no use".into()).await.unwrap(), FailOutcome::Failed);
    for new in [&cancelled, &delayed] {
        assert_eq!(store.cancel(new.job.id).await.unwrap(), CancelOutcome::Cancelled);
    }
    for new in all {
        eventually("the record is gone", async || {
            store.get(new.job.id).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    use JobStatus::{Cancelled, Completed, Failed};
    for (new, status) in
        [(&completed, Completed), (&failed, Failed), (&cancelled, Cancelled), (&delayed, Cancelled)]
    {
        let late = store.claim(new.clone(), "late", HOUR).await.unwrap();
        assert_eq!(late, Claimed::Final(status));
        assert_ne!(store.fail_unclaimed(new.clone(), "expired".into()).await.unwrap(), FailOutcome::Failed);
        assert_eq!(store.cancel(new.job.id).await.unwrap(), CancelOutcome::AlreadyFinal(status));
        assert!(store.get(new.job.id).await.unwrap().is_none(), "nothing makes the record anew");
    }
    let again = |digest| completed.clone().digest(Some(digest));
    let known = |same_payload| Inserted::Known { status: Completed, confirmed: true, same_payload };
    // It was claimed before it was confirmed, which its worker has made up for.
    store.confirm(std::slice::from_ref(&completed)).await.unwrap();
    assert_eq!(store.insert_unconfirmed(&[again(7), again(8)]).await.unwrap(), [known(true), known(false)]);

    // What nobody needs to remember is forgotten.
    let run = eventually("it is forgotten", async || {
        match store.claim(forgotten.clone(), "late", HOUR).await.unwrap() {
            Claimed::Run(job, _) => Some(job),
            _ => None,
        }
    });
    assert_eq!(run.await.attempt, 1);
}

#[tokio::test]
async fn a_job_that_has_ended_is_known_to_have_ended_when_its_record_is_gone() {
    let options = SqliteOptions::default().lease(Duration::from_millis(30)).keep_ended(Duration::ZERO);
    let (_, sqlite) = testing::sqlite_pair(None, options).await.unwrap();
    what_has_ended_never_runs(&*sqlite).await;

    #[cfg(feature = "redis")]
    if let Some(server) = crate::redis::Server::start().await {
        let options = server.options().keep_ended(Duration::from_secs(1));
        let store = testing::redis_store(options).await.unwrap();
        what_has_ended_never_runs(&*store).await;
    }
}
