//! Tags, queues and counts, from enqueueing to the end.

use usm_queue::{
    DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobFilter, JobState, OpenTask, Task, TaskError,
    Worker,
    testing::{eventually, unique},
};

use crate::{
    backends::{Place, on_every_backend},
    shared::{Note, note, with_worker},
};

on_every_backend! {
    a_job_is_found_and_counted_by_the_queue_it_was_enqueued_to
    tags_stay_with_a_job_and_its_replay
}

async fn a_job_is_found_and_counted_by_the_queue_it_was_enqueued_to(place: &Place) {
    let job = place.queue.enqueue(note("x")).await.unwrap();
    let counts = async || {
        let counts = place.queue.counts().await.unwrap();
        counts.into_iter().find(|counts| counts.queue.as_ref() == Some(&place.name)).unwrap()
    };
    let found = place.queue.jobs(&JobFilter::new().queue(&place.name)).await.unwrap().jobs;
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [job.id()]);
    assert_eq!((counts().await.waiting, counts().await.oldest_waiting), (1, Some(found[0].created_at)));
    let open = place.queue.open_tasks().await.unwrap();
    assert!(open.contains(&OpenTask::new(Some(place.name.clone()), Note::NAME.to_owned(), 1)), "{open:?}");

    let worker = Worker::new(place.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    with_worker(worker, async { job.result().await.unwrap() }).await;

    assert_eq!(
        (counts().await.open(), counts().await.completed, counts().await.oldest_waiting),
        (0, 1, None)
    );
    let open = place.queue.open_tasks().await.unwrap();
    assert!(open.iter().all(|open| open.queue.as_ref() != Some(&place.name)), "{open:?}");
}

async fn tags_stay_with_a_job_and_its_replay(place: &Place) {
    let tag = unique("Kampagne \"ж\"");
    let options = EnqueueOptions::new().tag(&tag).tag("daily").tag(&tag);
    let job = place.queue.enqueue_with(note("x"), options).await.unwrap();
    let tagged = JobFilter::new().tag(&tag);
    let worker = Worker::new(place.queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        if job.attempt() == 1 { Err(TaskError::permanent("no")) } else { Ok(String::new()) }
    });
    let replay = with_worker(worker, async {
        let letter = eventually("it is a dead letter", async || {
            place.queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap().pop()
        });
        let replay = place.queue.dead_letters().replay(&letter.await.id).await.unwrap();
        place.queue.wait(replay).await.unwrap();
        replay
    })
    .await;

    let found = place.queue.jobs(&tagged).await.unwrap().jobs;

    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [replay, job.id()]);
    assert!(found.iter().all(|job| job.tags == [tag.clone(), "daily".to_owned()]), "{found:?}");
    assert!(found.iter().all(|job| job.queue.as_ref() == Some(&place.name)), "{found:?}");
    let failed = place.queue.jobs(&tagged.state(JobState::Failed).error("NO")).await.unwrap().jobs;
    assert_eq!(failed.len(), 2);
}

#[tokio::test]
async fn more_and_longer_tags_than_are_kept_are_refused() {
    let place = crate::backends::embedded().await.unwrap();
    let many = (0..11).fold(EnqueueOptions::new(), |options, number| options.tag(number.to_string()));
    for options in [many, EnqueueOptions::new().tag(""), EnqueueOptions::new().tag("x".repeat(101))] {
        let refused = place.queue.enqueue_with(note("x"), options).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("tag"), "{refused}");
    }
    assert!(place.queue.jobs(&JobFilter::new()).await.unwrap().jobs.is_empty());
}
