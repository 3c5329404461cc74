//! The same message more than once (fault case 8).

use std::collections::BTreeMap;

use usm_queue::{SqliteOptions, testing::sqlite_pair};
use usm_tests::{Chore, Kind, QUEUE};

use super::{
    audit::audit,
    place::{Place, chore, drained},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_published_again_runs_nothing_twice() {
    let place = Place::new();
    let queue = place.open().await;
    let (broker, _) = sqlite_pair(Some(&place.file()), SqliteOptions::default()).await.unwrap();
    broker.declare(&usm_tests::topology().unwrap()).await.unwrap();
    let mut jobs = BTreeMap::new();
    for kind in [Kind::Quick, Kind::Slow(300), Kind::FailsAlways, Kind::Panics] {
        jobs.insert(chore(&queue, kind.clone()).await.id(), Chore::new(1, kind));
    }
    let messages = broker.browse(QUEUE, 0, 10).await.unwrap();
    assert_eq!(messages.len(), jobs.len());
    for _ in 0..3 {
        broker.publish(messages.clone()).await.unwrap();
    }

    let workers = [place.worker(place.work()), place.worker(place.work())];
    drained(&queue).await;
    // And once more now that all have ended.
    broker.publish(messages).await.unwrap();
    drained(&queue).await;
    broker.close().await;

    let starts: Vec<String> = workers
        .iter()
        .flat_map(|worker| worker.lines())
        .filter(|line| line.starts_with("started "))
        .collect();
    drop(workers);
    let ended = audit(queue, &place.file(), &jobs).await;
    assert_eq!((ended.completed, ended.failed, ended.died), (2, 2, 0));
    // A retry waits for its turn in the record; a duplicate may begin it earlier, and never once more.
    let mut attempts = starts.clone();
    attempts.sort();
    attempts.dedup();
    assert_eq!(attempts.len(), starts.len(), "every attempt ran once: {starts:?}");
    assert_eq!(starts.len(), 2 + 2 * 3, "{starts:?}");
}
