//! Redis comes back older than it was: running jobs go on or run again, and none waits for ever.

use usm_queue::{
    JobStatus,
    backend::{Claimed, JobUpdate, LeaseState, Updated},
};

use super::{LONG, Server, claim, new_job, now};

#[tokio::test]
async fn a_job_that_runs_over_a_restored_snapshot_is_not_lost() {
    let Some(mut server) = Server::start_with(&["--dbfilename", "snapshot.rdb"]).await else { return };
    let (worker, dead) = (server.store().await, server.store().await);
    let [completes, renews, retries, abandoned] = [(); 4].map(|()| new_job());
    let all = [&completes, &renews, &retries, &abandoned];
    worker.insert(&all.map(|job| job.clone().into())).await.unwrap();
    server.raw().await.run::<()>("SAVE").await;
    let (_, completing) = claim(&*worker, &completes, LONG).await;
    let (_, renewing) = claim(&*worker, &renews, LONG).await;
    let (_, retrying) = claim(&*worker, &retries, LONG).await;
    let (_, abandoning) = claim(&*dead, &abandoned, LONG).await;

    server.stop();
    server.start_again().await;

    // The worker knows what it runs, and writes it anew.
    assert_eq!(now(&*worker, completes.id).await.status, JobStatus::Pending, "Redis is older than it was");
    assert_eq!(worker.update(completing, JobUpdate::Completed(1.into())).await.unwrap(), Updated::Applied);
    assert_eq!(now(&*worker, completes.id).await.status, JobStatus::Completed);
    assert_eq!(worker.renew(&[renewing], LONG).await.unwrap(), [LeaseState::Held]);
    let running = now(&*worker, renews.id).await;
    assert_eq!((running.status, running.attempt), (JobStatus::Processing, 1));
    let retry = JobUpdate::Retry { error: "not yet".into(), delay: LONG, counted: true };
    assert_eq!(worker.update(retrying, retry).await.unwrap(), Updated::Applied);
    assert_eq!(now(&*worker, retries.id).await.error.as_deref(), Some("not yet"));

    // One that does not gives the message back.
    let forgetful = server.store().await;
    let lost = forgetful.update(abandoning, JobUpdate::Completed(1.into())).await.unwrap();
    assert_eq!(lost, Updated::Lost);
    assert_eq!(forgetful.renew(&[abandoning], LONG).await.unwrap(), [LeaseState::Lost]);
    let again = forgetful.claim(abandoned.clone().into(), "another", LONG).await.unwrap();
    assert!(matches!(again, Claimed::Run(job, _) if job.attempt == 1));
}
