//! Watching a job: the present state, then everything.

use futures_util::future::join_all;

use super::story::{LONG, Story, new_job, now, retry};
use crate::{
    backend::{JobStore, JobUpdate, JobWatch},
    error::ErrorKind,
    job::{Job, JobId, JobStatus, Progress},
    testing::soon,
};

async fn next(watch: &mut JobWatch) -> Job {
    let state = soon("a watch shows a state", watch.next()).await;
    state.expect("the watch goes on").expect("the watch does not fail")
}

/// Everything until the end.
async fn rest(mut watch: JobWatch) -> Vec<Job> {
    let mut states = Vec::new();
    while let Some(state) = soon("a watch shows a state or ends", watch.next()).await {
        states.push(state.expect("the watch does not fail"));
    }
    states
}

fn statuses(states: &[Job]) -> Vec<JobStatus> {
    states.iter().map(|job| job.status).collect()
}

/// Then it waits for the next one.
pub async fn a_watch_begins_with_the_present_state(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut watch = store.watch(story.id()).await.unwrap();
    assert_eq!(next(&mut watch).await, story.now().await);

    let (state, (claimed, _)) = tokio::join!(next(&mut watch), story.claim(LONG));
    assert_eq!(state, claimed);

    let mut later = store.watch(story.id()).await.unwrap();
    assert_eq!(next(&mut later).await, claimed);
}

use JobStatus::{Completed, Pending, Processing};

/// Each in its order with growing versions; it ends after the final one.
pub async fn a_watch_that_reads_late_misses_no_transition(store: &dyn JobStore) {
    let mut delayed = new_job();
    delayed.next_attempt_at = Some(now());
    let story = Story { store, job: delayed };
    store.insert(&[story.job.clone().into()]).await.unwrap();
    let watch = store.watch(story.id()).await.unwrap();
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Progress(Progress { current: 1, total: 0, message: String::new() })).await;
    story.update(lease, retry(true)).await;
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Released).await;
    let (_, lease) = story.claim(LONG).await;
    story.update(lease, JobUpdate::Completed("done".into())).await;

    let states = rest(watch).await;

    // Progress that nobody read in time may be left out, and may be shown.
    let mut shown = statuses(&states);
    shown.dedup();
    assert_eq!(shown, [Pending, Processing, Pending, Processing, Pending, Processing, Completed]);
    assert!(states.is_sorted_by(|a, b| a.version < b.version));
    assert_eq!(states.last(), Some(&story.now().await));
    for state in states.iter().filter(|state| state.status == Processing) {
        assert_eq!(state.next_attempt_at, None, "what runs is not due again");
    }
    for state in states.iter().filter(|state| state.status != Processing) {
        assert_eq!(state.lease_until, None, "only what runs is leased");
    }
}

/// To one who reads in time, every report.
pub async fn a_watch_sees_progress(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let mut watch = store.watch(story.id()).await.unwrap();
    next(&mut watch).await;

    for current in 1..=5 {
        let progress = Progress { current, total: 5, message: format!("step {current}") };
        story.update(lease, JobUpdate::Progress(progress.clone())).await;
        assert_eq!(next(&mut watch).await.progress, Some(progress));
    }
    story.update(lease, JobUpdate::Partial("part".into())).await;
    assert_eq!(next(&mut watch).await.partial_results, ["part"]);
}

/// And ends.
pub async fn a_watch_of_an_ended_job_shows_it_once(store: &dyn JobStore) {
    for status in [Completed, JobStatus::Failed, JobStatus::Cancelled] {
        let story = Story::begin(store).await;
        let ended = story.end(status).await;

        let watch = store.watch(story.id()).await.unwrap();

        assert_eq!(rest(watch).await, [ended]);
    }
}

/// With `NotFound`, naming the job.
pub async fn a_watch_of_an_unknown_job_is_refused(store: &dyn JobStore) {
    let id = JobId::new();

    let refused = store.watch(id).await.map(drop).unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.to_string().contains(&id.to_string()), "{refused}");
}

/// Whenever they begin, and however fast the job changes.
pub async fn many_watches_at_once_all_see_every_transition(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let first = store.watch(story.id()).await.unwrap();

    let work = async {
        for _ in 0..20 {
            let (_, lease) = story.claim(LONG).await;
            story.update(lease, retry(false)).await;
        }
        story.end(Completed).await
    };
    let watchers = join_all((0..30).map(|nth| {
        let id = story.id();
        async move {
            // Spread over the job's life.
            for _ in 0..nth {
                store.get(id).await.unwrap();
            }
            rest(store.watch(id).await.unwrap()).await
        }
    }));
    let all = async { tokio::join!(work, watchers, rest(first)) };
    let (ended, watched, from_the_beginning) = soon("all watches end", all).await;

    for states in watched.into_iter().chain([from_the_beginning]) {
        assert_eq!(states.last(), Some(&ended));
        for pair in states.windows(2) {
            assert!(pair[0].version < pair[1].version, "versions grow");
            assert!(pair[1].timeline.len() <= pair[0].timeline.len() + 1, "no transition is left out");
        }
    }
}
