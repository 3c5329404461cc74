//! Workers that give signs of life, and what operators want of queues. Others may use the same server.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::story::LONG;
use crate::{
    backend::{ControlChange, JobStore, Pause, QueueControl, WorkerInfo, WorkerQueue},
    job::JobId,
    testing::{eventually, soon, unique},
};

/// Of any length that passes in a test.
const SHORT: Duration = Duration::from_millis(100);

fn worker(name: &str) -> WorkerInfo {
    let now: DateTime<Utc> = Utc::now().trunc_subsecs(6);
    WorkerInfo {
        id: unique("worker"),
        name: name.to_owned(),
        host: Some("host".to_owned()),
        process_id: 7,
        version: Some("1.2 \"three\"".to_owned()),
        library_version: "0".to_owned(),
        tasks: vec!["note".to_owned()],
        queues: vec![WorkerQueue { queue: "work".to_owned(), concurrency: 4, paused: false }],
        running: vec![JobId::new()],
        running_count: 1,
        started_at: now,
        heartbeat_at: now,
    }
}

async fn listed(store: &dyn JobStore, id: &str) -> Option<WorkerInfo> {
    store.workers().await.unwrap().into_iter().find(|worker| worker.id == id)
}

async fn set(store: &dyn JobStore, queue: &str) -> Option<QueueControl> {
    store.controls().await.unwrap().into_iter().find(|control| control.queue == queue)
}

fn pause(by: &str) -> ControlChange {
    ControlChange::Pause(Pause { by: by.to_owned(), since: Utc::now().trunc_subsecs(6) })
}

/// With what it told last.
pub async fn a_worker_is_listed_until_it_retires(store: &dyn JobStore) {
    let (mut one, other) = (worker("one"), worker("other"));
    store.heartbeat(&one, LONG).await.unwrap();
    store.heartbeat(&other, LONG).await.unwrap();
    assert_eq!(listed(store, &one.id).await.as_ref(), Some(&one));

    (one.running, one.running_count) = (Vec::new(), 0);
    store.heartbeat(&one, LONG).await.unwrap();
    assert_eq!(listed(store, &one.id).await.as_ref(), Some(&one));
    store.retire(&one.id).await.unwrap();
    store.retire(&one.id).await.unwrap();

    assert_eq!(listed(store, &one.id).await, None);
    assert_eq!(listed(store, &other.id).await, Some(other.clone()));
    store.retire(&other.id).await.unwrap();
}

/// By itself.
pub async fn a_worker_without_a_sign_of_life_is_gone(store: &dyn JobStore) {
    let (short, long) = (worker("short"), worker("long"));
    store.heartbeat(&long, SHORT).await.unwrap();
    store.heartbeat(&long, LONG).await.unwrap();
    store.heartbeat(&short, SHORT).await.unwrap();

    let gone = async || listed(store, &short.id).await.is_none().then_some(());
    eventually("the silent worker is gone", gone).await;

    assert!(listed(store, &long.id).await.is_some(), "its last heartbeat counts");
    store.retire(&long.id).await.unwrap();
}

/// So that a worker needs one call for both.
pub async fn a_heartbeat_answers_what_is_set_for_queues(store: &dyn JobStore) {
    let (queue, worker) = (unique("queue"), worker("one"));
    store.control(&queue, pause("me")).await.unwrap();

    let told = store.heartbeat(&worker, LONG).await.unwrap();

    let told = told.into_iter().find(|control| control.queue == queue);
    assert!(told.is_some());
    assert_eq!(told, set(store, &queue).await);
    store.control(&queue, ControlChange::Resume).await.unwrap();
    let told = store.heartbeat(&worker, LONG).await.unwrap();
    assert!(told.iter().all(|control| control.queue != queue));
    store.retire(&worker.id).await.unwrap();
}

/// And says who and since when.
pub async fn a_pause_stays_with_whoever_was_first_until_it_is_lifted(store: &dyn JobStore) {
    let queue = unique("queue \"of\" Ада");
    let first = pause("Ada \"the first\"");
    store.control(&queue, first.clone()).await.unwrap();
    store.control(&queue, pause("Bob")).await.unwrap();

    let paused = set(store, &queue).await.unwrap().paused.unwrap();
    assert_eq!(ControlChange::Pause(paused), first);

    store.control(&queue, ControlChange::Resume).await.unwrap();
    store.control(&queue, ControlChange::Resume).await.unwrap();
    assert_eq!(set(store, &queue).await, None);
    store.control(&queue, pause("Bob")).await.unwrap();
    assert_eq!(set(store, &queue).await.unwrap().paused.unwrap().by, "Bob");
    store.control(&queue, ControlChange::Resume).await.unwrap();
}

/// Nor is a pause touched by a number, or a number by a pause.
pub async fn what_is_set_for_one_queue_is_set_for_no_other(store: &dyn JobStore) {
    let [queue, other] = ["queue", "other"].map(unique);
    store.control(&queue, ControlChange::Concurrency(Some(65_535))).await.unwrap();
    store.control(&other, ControlChange::Concurrency(Some(1))).await.unwrap();
    store.control(&queue, pause("me")).await.unwrap();
    let both = set(store, &queue).await.unwrap();
    assert_eq!((both.concurrency, both.paused.map(|pause| pause.by)), (Some(65_535), Some("me".to_owned())));
    let one = set(store, &other).await.unwrap();
    assert_eq!((one.concurrency, one.paused), (Some(1), None));

    store.control(&queue, ControlChange::Resume).await.unwrap();
    store.control(&other, ControlChange::Concurrency(None)).await.unwrap();

    assert_eq!(set(store, &queue).await.unwrap().concurrency, Some(65_535));
    assert_eq!(set(store, &other).await, None);
    store.control(&queue, ControlChange::Concurrency(None)).await.unwrap();
    assert_eq!(set(store, &queue).await, None);
}

/// At once, or nearly.
pub async fn a_change_of_what_is_set_is_told(store: &dyn JobStore) {
    let (queue, mut changes) = (unique("queue"), store.control_changes());

    store.control(&queue, pause("me")).await.unwrap();

    soon("the change is told", async {
        while set(store, &queue).await.is_none() {
            changes.changed().await.unwrap();
        }
        changes.changed().await.unwrap();
    })
    .await;
    store.control(&queue, ControlChange::Resume).await.unwrap();
}
