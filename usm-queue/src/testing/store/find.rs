//! Finding records: by each of the filters and by several, in both orders and page by page.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::story::{LONG, Story, new_job, now, retry};
use crate::{
    backend::{Cursor, JobFilter, JobStore, JobUpdate, NewJob},
    job::{Job, JobId, JobState, JobStatus, Owner},
    testing::{eventually, unique},
};

async fn listed(store: &dyn JobStore, filter: &JobFilter) -> Vec<JobId> {
    store.list(filter).await.unwrap().into_iter().map(|job| job.id).collect()
}

/// All pages, one after the other.
async fn all(store: &dyn JobStore, filter: JobFilter) -> Vec<JobId> {
    let (mut filter, mut found) = (filter, Vec::new());
    loop {
        let page = store.list(&filter).await.unwrap();
        found.extend(page.jobs.iter().map(|job| job.id));
        let Some(next) = page.next else { return found };
        // As a program does that keeps it outside.
        filter = filter.after(next.to_string().parse().unwrap());
    }
}

async fn insert(store: &dyn JobStore, jobs: &[Job]) {
    store.insert(&jobs.iter().cloned().map(NewJob::from).collect::<Vec<_>>()).await.unwrap();
}

/// So many jobs of one task, a millisecond apart.
fn jobs_of(task: &str, begun: DateTime<Utc>, count: i64) -> Vec<Job> {
    let job = |number| {
        let mut job = new_job();
        task.clone_into(&mut job.task);
        job.created_at = begun + chrono::Duration::milliseconds(number);
        job
    };
    (0..count).map(job).collect()
}

fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

/// 50 by default; of both orders each job once.
pub async fn jobs_are_listed_page_by_page_in_both_orders(store: &dyn JobStore) {
    let task = unique("listed");
    let jobs = jobs_of(&task, now(), 60);
    insert(store, &jobs).await;
    let oldest_first = ids(&jobs);
    let newest_first: Vec<_> = oldest_first.iter().rev().copied().collect();
    let of_task = JobFilter::new().task(&task);

    assert_eq!(listed(store, &of_task).await, newest_first[..50]);
    assert_eq!(listed(store, &of_task.clone().limit(usize::MAX)).await, newest_first);
    assert_eq!(listed(store, &of_task.clone().limit(0)).await, []);
    for size in [1, 7, 59, 60, 61] {
        assert_eq!(all(store, of_task.clone().limit(size)).await, newest_first, "pages of {size}");
        assert_eq!(
            all(store, of_task.clone().oldest_first().limit(size)).await,
            oldest_first,
            "pages of {size}"
        );
    }
    let last = store.list(&of_task.limit(60).after(Cursor::of(&jobs[0]))).await.unwrap();
    assert_eq!((last.jobs, last.next), (Vec::new(), None));
}

/// What comes behind the position is found, what comes before it is not, and nothing twice.
pub async fn a_cursor_stays_right_while_jobs_come_change_and_go(store: &dyn JobStore) {
    let task = unique("listed");
    let jobs = jobs_of(&task, now(), 9);
    let (first, later): (Vec<_>, Vec<_>) =
        jobs.iter().cloned().partition(|job| job.id != jobs[2].id && job.id != jobs[7].id);
    insert(store, &first).await;
    let filter = JobFilter::new().task(&task).limit(3);
    let page = store.list(&filter).await.unwrap();
    assert_eq!(ids(&page.jobs), [8, 6, 5].map(|place: usize| jobs[place].id));

    // One comes before the position and one behind it; the last one shown and the next one change.
    insert(store, &later).await;
    for place in [5, 4] {
        store.cancel(jobs[place].id).await.unwrap();
    }

    let rest = all(store, filter.after(page.next.unwrap())).await;
    assert_eq!(rest, [4, 3, 2, 1, 0].map(|place: usize| jobs[place].id));
}

/// Of jobs made in one moment each is shown once, by their ids.
pub async fn jobs_of_one_moment_are_listed_by_their_ids(store: &dyn JobStore) {
    let task = unique("listed");
    let mut jobs = jobs_of(&task, now(), 25);
    let moment = jobs[0].created_at;
    for job in &mut jobs {
        (job.id, job.created_at) = (JobId(uuid::Uuid::new_v4()), moment);
    }
    insert(store, &jobs).await;
    jobs.sort_by_key(|job| job.id);
    let oldest_first = ids(&jobs);

    for size in [1, 2, 10, 25] {
        let filter = JobFilter::new().task(&task).limit(size);
        assert_eq!(all(store, filter.clone().oldest_first()).await, oldest_first);
        let newest_first: Vec<_> = oldest_first.iter().rev().copied().collect();
        assert_eq!(all(store, filter).await, newest_first);
    }
}

/// Of other services and of replays: an id tells nothing.
pub async fn jobs_are_listed_by_when_they_were_made_whatever_their_ids(store: &dyn JobStore) {
    let (task, owner) = (unique("listed"), Owner::Name(unique("owner")));
    let begun = now();
    // In the order of their ids, with the number of milliseconds after which each was made.
    let made = [40, 10, 30, 10, 50, 20];
    let mut ids: Vec<_> = made.iter().map(|_| JobId(uuid::Uuid::new_v4())).collect();
    ids.sort();
    let jobs = ids.iter().zip(made).map(|(id, after)| {
        let mut job = new_job();
        (job.id, job.task, job.owner) = (*id, task.clone(), Some(owner.clone()));
        job.created_at = begun + chrono::Duration::milliseconds(after);
        job
    });
    insert(store, &jobs.collect::<Vec<_>>()).await;
    store.cancel(ids[0]).await.unwrap();
    store.cancel(ids[3]).await.unwrap();
    let newest_first = [4, 0, 2, 5, 3, 1].map(|place| ids[place]);

    assert_eq!(all(store, JobFilter::new().task(&task)).await, newest_first);
    assert_eq!(all(store, JobFilter::new().owner(owner)).await, newest_first);
    let waiting = JobFilter::new().task(&task).status(JobStatus::Pending);
    assert_eq!(all(store, waiting).await, [4, 2, 5, 1].map(|place| ids[place]));
}

/// One job in each state, all of one queue and one task.
async fn one_in_each_state(store: &dyn JobStore, queue: &str, task: &str) -> Vec<(JobState, JobId)> {
    let mut found = Vec::new();
    for state in JobState::ALL {
        let mut job = new_job();
        (job.queue, job.task) = (Some(queue.to_owned()), task.to_owned());
        if state == JobState::Scheduled {
            job.next_attempt_at = Some(now() + LONG);
        }
        let story = Story { store, job };
        store.insert(&[story.job.clone().into()]).await.unwrap();
        match state {
            JobState::Waiting | JobState::Scheduled => {}
            JobState::Running => drop(story.claim(LONG).await),
            JobState::Retrying => {
                let (_, lease) = story.claim(LONG).await;
                let error = "HTTP 429".to_owned();
                story.update(lease, JobUpdate::Retry { error, delay: LONG, counted: true }).await;
            }
            ended => drop(story.end(ended.status()).await),
        }
        found.push((state, story.id()));
    }
    found
}

/// Scheduled, retrying and due ones are told apart; several states are listed together.
pub async fn jobs_are_listed_by_state(store: &dyn JobStore) {
    let (queue, task) = (unique("queue"), unique("listed"));
    let jobs = one_in_each_state(store, &queue, &task).await;
    let of_queue = JobFilter::new().queue(&queue);

    for (state, id) in &jobs {
        assert_eq!(all(store, of_queue.clone().state(*state)).await, [*id], "{state}");
        let job = store.get(*id).await.unwrap().unwrap();
        assert_eq!((job.state(Utc::now()), job.queue.as_deref()), (*state, Some(queue.as_str())));
        let page = store.list(&of_queue.clone().state(*state)).await.unwrap();
        assert_eq!(page.jobs, [job], "a list shows whole records");
    }
    let at = |places: &[usize]| places.iter().rev().map(|place| jobs[*place].1).collect::<Vec<_>>();
    assert_eq!(all(store, of_queue.clone().status(JobStatus::Pending)).await, at(&[0, 1, 2]));
    let ended = of_queue.clone().state(JobState::Failed).state(JobState::Completed);
    assert_eq!(all(store, ended).await, at(&[4, 5]));
    assert_eq!(all(store, of_queue).await, at(&[0, 1, 2, 3, 4, 5, 6]));
}

/// Within about a second.
pub async fn a_scheduled_job_is_listed_as_waiting_once_it_is_due(store: &dyn JobStore) {
    let mut job = new_job();
    let queue = unique("queue");
    (job.queue, job.next_attempt_at) =
        (Some(queue.clone()), Some(job.created_at + Duration::from_millis(300)));
    insert(store, &[job.clone()]).await;
    let in_state = |state| JobFilter::new().queue(&queue).state(state);

    eventually("it waits", async || {
        (all(store, in_state(JobState::Waiting)).await == [job.id]).then_some(())
    })
    .await;

    assert_eq!(all(store, in_state(JobState::Scheduled)).await, []);
    let story = Story { store, job };
    let (_, lease) = story.claim(LONG).await;
    assert_eq!(all(store, in_state(JobState::Waiting)).await, []);
    story.update(lease, retry(true)).await;
    assert_eq!(all(store, in_state(JobState::Waiting)).await, [story.id()], "a retry without delay is due");
}

/// Alone and with others; nothing else is shown.
pub async fn jobs_are_listed_by_owner_queue_task_and_tag(store: &dyn JobStore) {
    let (queue, task) = (unique("queue"), unique("listed"));
    let (owner, tag) = (Owner::Name(unique("owner")), unique("tag \"ж\":"));
    let mut jobs = jobs_of(&task, now(), 5);
    for (place, job) in jobs.iter_mut().enumerate() {
        job.queue = Some(queue.clone());
        if place != 0 {
            job.owner = Some(owner.clone());
        }
        if place != 1 {
            job.tags = vec!["common".to_owned(), tag.clone()];
        }
        if place == 2 {
            job.task = unique("another");
        }
        if place == 3 {
            job.queue = Some(unique("another"));
        }
    }
    insert(store, &jobs).await;
    let story = Story { store, job: jobs[4].clone() };
    story.end(JobStatus::Failed).await;
    let at = |places: &[usize]| places.iter().map(|place| jobs[*place].id).collect::<Vec<_>>();
    let new = JobFilter::new;

    for (filter, places) in [
        (new().owner(owner.clone()), &[4, 3, 2, 1][..]),
        (new().queue(&queue), &[4, 2, 1, 0]),
        (new().task(&task), &[4, 3, 1, 0]),
        (new().tag(&tag), &[4, 3, 2, 0]),
        (new().tag(&tag).owner(owner.clone()), &[4, 3, 2]),
        (new().tag(&tag).owner(owner.clone()).task(&task), &[4, 3]),
        (new().tag(&tag).owner(owner.clone()).task(&task).queue(&queue), &[4]),
        (new().queue(&queue).task(&task), &[4, 1, 0]),
        (new().queue(&queue).owner(owner.clone()).state(JobState::Failed), &[4]),
        (new().owner(owner.clone()).state(JobState::Waiting), &[3, 2, 1]),
        (new().tag(&tag).state(JobState::Waiting).task(&task), &[3, 0]),
        (new().tag(unique("nothing")), &[]),
        (new().queue(unique("nothing")), &[]),
        (new().owner(Owner::Name(unique("nobody"))), &[]),
    ] {
        assert_eq!(all(store, filter.clone()).await, at(places), "{filter:?}");
        let backwards: Vec<_> = at(places).into_iter().rev().collect();
        assert_eq!(all(store, filter.clone().oldest_first().limit(2)).await, backwards, "{filter:?}");
    }
}

/// From one moment on, and before another.
pub async fn jobs_are_listed_by_when_they_were_made(store: &dyn JobStore) {
    let (task, tag) = (unique("listed"), unique("tag"));
    let mut jobs = jobs_of(&task, now(), 6);
    jobs.iter_mut().for_each(|job| job.tags.push(tag.clone()));
    insert(store, &jobs).await;
    let newest_first =
        |places: &[usize]| places.iter().rev().map(|place| jobs[*place].id).collect::<Vec<_>>();
    let made = |place: usize| jobs[place].created_at;

    for filter in [JobFilter::new().task(&task), JobFilter::new().tag(&tag)] {
        assert_eq!(all(store, filter.clone().since(made(4))).await, newest_first(&[4, 5]));
        assert_eq!(all(store, filter.clone().until(made(2))).await, newest_first(&[0, 1]));
        let between = filter.since(made(1)).until(made(5));
        assert_eq!(all(store, between.clone().limit(3)).await, newest_first(&[1, 2, 3, 4]));
        assert_eq!(
            all(store, between.oldest_first().limit(3)).await,
            [1, 2, 3, 4].map(|place: usize| jobs[place].id)
        );
    }
}

/// In upper or lower case, of whatever language, as long as the record has the error.
pub async fn jobs_are_listed_by_a_text_in_their_error(store: &dyn JobStore) {
    let text = unique("Ошибка 429");
    let failing = |places: usize| (0..places).map(|_| Story { store, job: new_job() });
    let mut found = Vec::new();
    for (place, story) in failing(4).enumerate() {
        let (_, lease) = story.claim(LONG).await;
        let error = format!("HTTP: {text}!");
        let update = match place {
            0 => JobUpdate::Failed(error),
            1 => JobUpdate::Retry { error, delay: LONG, counted: true },
            2 => JobUpdate::Retry { error, delay: Duration::ZERO, counted: true },
            _ => JobUpdate::Failed("HTTP 500".to_owned()),
        };
        story.update(lease, update).await;
        found.push(story);
    }
    let filter = JobFilter::new().error(text.to_uppercase());
    let at = |places: &[usize]| places.iter().map(|place| found[*place].id()).collect::<Vec<_>>();
    assert_eq!(all(store, filter.clone()).await, at(&[2, 1, 0]));
    assert_eq!(all(store, filter.clone().state(JobState::Failed)).await, at(&[0]));
    assert_eq!(all(store, filter.clone().task(&found[1].job.task)).await, at(&[1]));

    // What has completed keeps no error.
    found[2].end(JobStatus::Completed).await;
    assert_eq!(all(store, filter.oldest_first()).await, at(&[0, 1]));
}

/// Also of one that was lost and came back with its message.
pub async fn a_withdrawn_job_is_not_listed(store: &dyn JobStore) {
    let mut job = new_job();
    (job.queue, job.tags) = (Some(unique("queue")), vec![unique("tag")]);
    let queue = JobFilter::new().queue(job.queue.clone().unwrap());
    let tag = JobFilter::new().tag(&job.tags[0]);
    store.insert_unconfirmed(&[job.clone().into()]).await.unwrap();
    assert_eq!(all(store, queue.clone()).await, [job.id]);

    store.withdraw(&[job.id]).await.unwrap();
    assert_eq!(all(store, queue.clone()).await, []);
    assert_eq!(all(store, tag.clone()).await, []);

    let story = Story { store, job };
    story.claim(LONG).await;
    assert_eq!(all(store, queue.state(JobState::Running)).await, [story.id()]);
    assert_eq!(all(store, tag).await, [story.id()]);
}
