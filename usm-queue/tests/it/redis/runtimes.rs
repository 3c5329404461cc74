//! A store outlives the runtime it was connected on.

use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use usm_queue::{
    JobStatus,
    backend::{JobUpdate, Updated},
    testing::{eventually, soon},
};

use super::{LONG, Server, claim, new_job, now};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_store_goes_on_where_the_runtime_it_was_connected_on_has_ended() {
    let (first, second, third) = (runtime(), runtime(), runtime());
    let Some(server) = first.block_on(Server::start()) else { return };
    let (watched, job) = (new_job(), new_job());
    let (store, mut watch) = first.block_on(async {
        let store = server.store().await;
        store.insert(&[watched.clone().into()]).await.unwrap();
        let watch = store.watch(watched.id).await.unwrap();
        (store, watch)
    });
    // Waits on a runtime that goes on, for what is told on one that does not.
    let watching = third.spawn(async move {
        let mut last = None;
        while let Some(state) = watch.next().await {
            last = Some(state.unwrap().status);
        }
        last
    });

    drop(first);

    second.block_on(async {
        store.insert(&[job.clone().into()]).await.unwrap();
        let mut watch = store.watch(job.id).await.unwrap();
        for job in [&job, &watched] {
            let (_, lease) = claim(&*store, job, LONG).await;
            assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);
        }
        while let Some(state) = soon("the watch ends", watch.next()).await {
            state.unwrap();
        }
        assert_eq!(now(&*store, job.id).await.status, JobStatus::Completed);
        let last = soon("the watcher of the first runtime sees the end", watching).await.unwrap();
        assert_eq!(last, Some(JobStatus::Completed));
    });
}

/// While the connection is being made, too.
#[test]
fn a_runtime_that_ends_while_it_connects_does_not_keep_others_waiting() {
    let (first, second) = (runtime(), runtime());
    let Some(mut server) = first.block_on(Server::start()) else { return };
    let (store, job) = (first.block_on(server.store()), new_job());
    server.stop();
    // Begins to connect anew, again and again.
    first.block_on(store.get(job.id)).unwrap_err();

    drop(first);

    second.block_on(async {
        server.start_again().await;
        eventually("it answers again", async || store.insert(&[job.clone().into()]).await.ok()).await;
        assert_eq!(now(&*store, job.id).await.status, JobStatus::Pending);
    });
}
