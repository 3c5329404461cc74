//! Closing a store.

use super::story::{LONG, Story};
use crate::{
    backend::{JobFilter, JobStore, JobUpdate},
    error::ErrorKind,
    testing::soon,
};

/// Also those that nobody reads at the time.
pub async fn closing_ends_watches(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut watch = store.watch(story.id()).await.unwrap();
    soon("a watch shows the present state", watch.next()).await.unwrap().unwrap();

    store.close().await;

    assert!(soon("the watch ends", watch.next()).await.is_none());
}

/// And may be closed again.
pub async fn a_closed_store_says_so(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    store.close().await;
    store.close().await;

    let refused = [
        store.insert(&[story.job.clone().into()]).await.err(),
        store.get(story.id()).await.err(),
        store.list(&JobFilter::default()).await.err(),
        store.claim(story.job.clone().into(), "late", LONG).await.err(),
        store.renew(&[lease], LONG).await.err(),
        store.update(lease, JobUpdate::Completed(1.into())).await.err(),
        store.fail_unclaimed(story.job.clone().into(), "late".to_owned()).await.err(),
        store.cancel(story.id()).await.err(),
        store.watch(story.id()).await.err(),
        store.controls().await.err(),
        store.workers().await.err(),
        store.retire("late").await.err(),
    ];
    for (call, error) in refused.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Closed), "call {call}");
    }
}
