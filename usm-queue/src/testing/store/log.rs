//! The log of a job's changes: numbered, bounded, added to and not rewritten.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{LONG, Story, retry};
use crate::{
    backend::{JobChanges, JobStore, JobUpdate},
    error::ErrorKind,
    job::{Change, JobChange, JobEvent, JobStatus, Progress},
    testing::soon,
};

/// In seconds, not minutes.
pub async fn thousands_of_partial_results_are_recorded(store: &dyn JobStore) {
    const PARTS: usize = 4000;
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let part = |number: usize| json!({ "number": number, "text": "part ".repeat(40) });

    let begun = Instant::now();
    for number in 0..PARTS {
        story.update(lease, JobUpdate::Partial(part(number))).await;
    }
    println!("{PARTS} partial results took {:?}", begun.elapsed());

    let recorded = story.now().await.partial_results;
    assert!(recorded == (0..PARTS).map(part).collect::<Vec<Value>>(), "{} were recorded", recorded.len());
}

/// The changes after this number, until the final one.
async fn rest(mut changes: JobChanges) -> Vec<JobChange> {
    let mut all = Vec::new();
    while let Some(change) = soon("a change comes or the log ends", changes.next()).await {
        all.push(change.expect("the log does not fail"));
    }
    all
}

async fn next(changes: &mut JobChanges) -> JobChange {
    let change = soon("a change comes", changes.next()).await;
    change.expect("the log goes on").expect("the log does not fail")
}

fn progress(current: u64) -> Progress {
    Progress { current, total: 3, message: format!("step {current}") }
}

fn partials(changes: &[JobChange]) -> Vec<&Value> {
    changes
        .iter()
        .filter_map(|change| match &change.change {
            Change::Partial { value } => Some(value),
            _ => None,
        })
        .collect()
}

/// Numbered by the versions of the record, whoever reads them and when.
pub async fn a_log_goes_on_after_any_number(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut live = store.changes(story.id(), 0).await.unwrap();
    let mut seen = vec![next(&mut live).await];
    let (_, lease) = story.claim(LONG).await;
    seen.push(next(&mut live).await);
    for update in [
        JobUpdate::Progress(progress(1)),
        JobUpdate::Partial("one".into()),
        JobUpdate::Progress(progress(2)),
        JobUpdate::Partial("two".into()),
        retry(true),
    ] {
        story.update(lease, update).await;
        seen.push(next(&mut live).await);
    }
    let (_, lease) = story.claim(LONG).await;
    seen.push(next(&mut live).await);
    for update in [JobUpdate::Partial(json!(null)), JobUpdate::Completed(json!({"done": true}))] {
        story.update(lease, update).await;
        seen.push(next(&mut live).await);
    }
    assert_eq!(rest(live).await, []);

    let numbers: Vec<_> = seen.iter().map(|change| change.number).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(partials(&seen), [&json!("one"), &json!("two"), &json!(null)]);
    assert_eq!(seen[2].change, Change::Progress { progress: progress(1) });
    let Change::Transition { entry, result, .. } = &seen[9].change else { panic!("{:?}", seen[9]) };
    assert_eq!((entry.event, result), (JobEvent::Completed, &Some(json!({"done": true}))));

    for after in 0..=10 {
        // Progress of an attempt that is over is not kept, and what was due is not any more.
        let kept =
            |change: &&JobChange| change.number > after && !matches!(change.change, Change::Progress { .. });
        let told = rest(store.changes(story.id(), after).await.unwrap()).await;
        let numbers = |changes: &[JobChange]| changes.iter().map(|change| change.number).collect::<Vec<_>>();
        let wanted: Vec<_> = seen.iter().filter(kept).cloned().collect();
        assert_eq!(numbers(&told), numbers(&wanted), "after {after}");
        assert_eq!(partials(&told), partials(&wanted), "after {after}");
    }
}

/// Of progress the newest.
pub async fn a_log_keeps_the_newest_progress(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    for current in 1..=3 {
        story.update(lease, JobUpdate::Progress(progress(current))).await;
    }

    let mut changes = store.changes(story.id(), 2).await.unwrap();

    let newest = JobChange { number: 5, change: Change::Progress { progress: progress(3) } };
    assert_eq!(next(&mut changes).await, newest);
}

/// Who goes away and comes back, again and again, while they are written.
pub async fn each_partial_result_is_told_once_and_in_order(store: &dyn JobStore) {
    const PARTS: usize = 300;
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let begun = story.now().await.version;
    let work = async {
        for part in 0..PARTS {
            story.update(lease, JobUpdate::Partial(json!(part))).await;
        }
        story.update(lease, JobUpdate::Completed(json!("done"))).await;
    };
    let watch = async {
        let (mut seen, mut after) = (Vec::new(), begun);
        loop {
            let mut changes = store.changes(story.id(), after).await.unwrap();
            for _ in 0..7 {
                let change = next(&mut changes).await;
                after = change.number;
                let ended = change.is_final();
                seen.push(change);
                if ended {
                    return seen;
                }
            }
        }
    };
    let to_the_end = async { rest(store.changes(story.id(), begun).await.unwrap()).await };

    let (_, seen, all) = soon("the job ends", async { tokio::join!(work, watch, to_the_end) }).await;

    let parts: Vec<Value> = (0..PARTS).map(|part| json!(part)).collect();
    for seen in [&seen, &all] {
        assert!(partials(seen).into_iter().eq(&parts), "{:?}", partials(seen));
        assert_eq!(seen.len(), PARTS + 1);
        assert!(seen.is_sorted_by(|one, next| one.number < next.number));
    }
}

/// A change that is none of the others is told by the record.
pub async fn a_log_tells_what_is_no_transition_by_the_record(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut changes = store.changes(story.id(), 1).await.unwrap();

    store.postpone(story.job.clone().into(), "no such task".into(), LONG).await.unwrap();

    let change = next(&mut changes).await;
    let Change::Record { job } = change.change else { panic!("{change:?}") };
    assert_eq!((change.number, job.error.as_deref()), (2, Some("no such task")));
}

/// With the beginning and the end, and how many entries there were.
pub async fn the_history_of_a_job_that_waits_hundreds_of_times_is_bounded(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let mut watch = store.watch(story.id()).await.unwrap();
    let error = "Too many requests: \\\"quoted\\\", {\"at\":\"then\"} ".repeat(3);
    for _ in 0..500 {
        let (_, lease) = story.claim(LONG).await;
        let retry = JobUpdate::Retry { error: error.clone(), delay: Duration::ZERO, counted: false };
        story.update(lease, retry).await;
    }

    let job = story.now().await;
    let told = job.timeline.len();
    assert!((60..=82).contains(&told), "{told}");
    assert_eq!(job.timeline_left_out + u64::try_from(told).unwrap(), 1001);
    let numbers: Vec<_> = job.timeline.iter().map(|entry| entry.version).collect();
    let last = (1002 - u64::try_from(told - 10).unwrap())..=1001;
    assert_eq!(numbers, (1..=10).chain(last).collect::<Vec<_>>());
    assert_eq!(job.timeline[0].event, JobEvent::Enqueued);
    assert!(job.timeline[1..].iter().all(|entry| entry.error.as_ref().is_none_or(|told| *told == error)));

    let mut late = store.changes(story.id(), 20).await.unwrap();
    let change = next(&mut late).await;
    assert_eq!((change.number, matches!(change.change, Change::Record { .. })), (1001, true));
    let mut newer = store.changes(story.id(), 970).await.unwrap();
    assert_eq!(next(&mut newer).await.number, 971);

    story.end(JobStatus::Completed).await;
    while let Some(state) = soon("the watch ends", watch.next()).await {
        state.expect("the watch does not fail");
    }
}

/// And the job goes on.
pub async fn more_partial_results_than_are_kept_are_refused(store: &dyn JobStore) {
    let story = Story::begin(store).await;
    let (_, lease) = story.claim(LONG).await;
    let large = json!("p".repeat(1024 * 1024));
    for _ in 0..15 {
        story.update(lease, JobUpdate::Partial(large.clone())).await;
    }

    let refused = store.update(lease, JobUpdate::Partial(large)).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("partial results"), "{refused}");
    story.update(lease, JobUpdate::Partial("small".into())).await;
    story.update(lease, JobUpdate::Completed("done".into())).await;
    assert_eq!(story.now().await.partial_results.len(), 16);
}
