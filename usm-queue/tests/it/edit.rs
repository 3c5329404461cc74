//! Waiting jobs that get another payload or another time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use usm_queue::{
    CancelOutcome, DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobHandle, JobId, JobState,
    JobStatus, Task, TaskError, Worker,
    testing::{eventually, soon},
};

use crate::{
    backends::{Place, on_every_backend},
    flaky::Flaky,
    shared::{HOUR, Note, ended, note, start, with_worker},
};

on_every_backend! {
    an_edited_job_runs_with_its_new_payload_only
    a_scheduled_job_runs_at_once_when_it_is_rescheduled
    a_waiting_job_that_is_put_off_runs_when_it_is_called_back
    a_retrying_job_goes_on_with_its_new_payload_and_its_attempts
    an_edited_job_that_is_cancelled_never_runs
    only_waiting_jobs_of_the_same_task_are_edited
    of_edits_at_once_one_payload_runs_and_it_is_one_that_succeeded
    of_edits_while_workers_take_the_job_one_payload_runs_and_it_is_the_one_told
    a_job_that_was_put_off_does_not_expire_before_it_is_due
    a_replay_of_an_edited_job_begins_anew
    a_superseded_message_that_nobody_can_read_is_no_dead_letter
}

/// What ran, by job.
type Ran = Arc<Mutex<BTreeMap<JobId, Vec<String>>>>;

/// Fails a text with `fails` in it, to be tried again in an hour; notes all that run.
fn worker(queue: &usm_queue::TaskQueue, ran: &Ran) -> Worker<Ran> {
    Worker::new(queue.clone(), ran.clone()).concurrency(4).handle(async |task: Note, job: JobContext<Ran>| {
        job.state.lock().unwrap().entry(job.id()).or_default().push(task.text.clone());
        match task.text.as_str() {
            text if text.contains("for good") => Err(TaskError::permanent("as it was told")),
            text if text.contains("fails") => Err(TaskError::retry_after(HOUR, "as it was told")),
            _ => Ok(task.text),
        }
    })
}

fn texts(ran: &Ran, job: &JobHandle<Note>) -> Vec<String> {
    ran.lock().unwrap().get(&job.id()).cloned().unwrap_or_default()
}

async fn state(job: &JobHandle<Note>) -> JobState {
    job.status().await.unwrap().state(chrono::Utc::now())
}

/// Until no message is left that could run anything.
async fn drained(place: &Place) {
    eventually("the queue is empty", async || {
        place.queue.depth(&place.name).await.unwrap().is_empty().then_some(())
    })
    .await;
}

async fn an_edited_job_runs_with_its_new_payload_only(place: &Place) {
    let ran = Ran::default();
    let options = EnqueueOptions::new().priority(0).owner(42).tag("kept").metadata("kept", 1);
    let job = place.queue.enqueue_with(note("old"), options).await.unwrap();

    job.edit(note("new")).await.unwrap();

    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(job.result().await.unwrap(), "new");
        drained(place).await;
    })
    .await;
    assert_eq!(texts(&ran, &job), ["new"]);
    let record = job.status().await.unwrap();
    assert_eq!((record.attempt, record.owner, record.tags), (1, Some(42.into()), vec!["kept".to_owned()]));
    assert_eq!(record.metadata["kept"], 1);
}

async fn a_scheduled_job_runs_at_once_when_it_is_rescheduled(place: &Place) {
    let ran = Ran::default();
    let later = EnqueueOptions::new().delay(HOUR);
    let job = place.queue.enqueue_with(note("later"), later).await.unwrap();
    let nearer = EnqueueOptions::new().delay(2 * HOUR);
    let nearer = place.queue.enqueue_with(note("nearer"), nearer).await.unwrap();

    job.reschedule(Duration::ZERO).await.unwrap();
    nearer.reschedule(HOUR).await.unwrap();

    assert_eq!((state(&job).await, state(&nearer).await), (JobState::Waiting, JobState::Scheduled));
    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(job.result().await.unwrap(), "later");
        nearer.reschedule(Duration::from_millis(300)).await.unwrap();
        assert_eq!(nearer.result().await.unwrap(), "nearer");
    })
    .await;
    assert_eq!(texts(&ran, &job), ["later"]);
}

async fn a_waiting_job_that_is_put_off_runs_when_it_is_called_back(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("x")).await.unwrap();
    let after = place.queue.enqueue(note("after")).await.unwrap();

    job.reschedule(HOUR).await.unwrap();

    assert_eq!(state(&job).await, JobState::Scheduled);
    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(after.result().await.unwrap(), "after");
        assert_eq!(texts(&ran, &job), [""; 0]);
        job.reschedule(Duration::ZERO).await.unwrap();
        assert_eq!(job.result().await.unwrap(), "x");
    })
    .await;
    assert_eq!(texts(&ran, &job), ["x"]);
}

async fn a_retrying_job_goes_on_with_its_new_payload_and_its_attempts(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("fails")).await.unwrap();
    with_worker(worker(&place.queue, &ran), async {
        eventually("it retries", async || (state(&job).await == JobState::Retrying).then_some(())).await;

        job.edit(note("new")).await.unwrap();
        assert_eq!(state(&job).await, JobState::Retrying, "it is due when it was");
        job.reschedule(Duration::ZERO).await.unwrap();

        assert_eq!(job.result().await.unwrap(), "new");
        drained(place).await;
    })
    .await;
    assert_eq!(texts(&ran, &job), ["fails", "new"]);
    assert_eq!(job.status().await.unwrap().attempt, 2);
}

async fn an_edited_job_that_is_cancelled_never_runs(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("old")).await.unwrap();
    job.edit(note("new")).await.unwrap();

    assert_eq!(job.cancel().await.unwrap(), CancelOutcome::Cancelled);

    let refused = job.edit(note("newer")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotWaiting);
    with_worker(worker(&place.queue, &ran), drained(place)).await;
    assert_eq!(texts(&ran, &job), [""; 0]);
}

#[derive(Debug, Serialize, Deserialize)]
struct Other;

impl Task for Other {
    const NAME: &'static str = "other";
    const ROUTING_KEY: &'static str = Note::ROUTING_KEY;
    type Output = ();
}

async fn only_waiting_jobs_of_the_same_task_are_edited(place: &Place) {
    let job = place.queue.enqueue(note("x")).await.unwrap();
    let other = place.queue.edit(job.id(), Other).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidInput);
    assert!(other.to_string().contains("task `note`"), "{other}");
    let unknown = place.queue.reschedule(JobId::new(), HOUR).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);

    let worker = Worker::new(place.queue.clone(), ()).handle(async |_: Note, job: JobContext<()>| {
        job.cancelled().await;
        Err::<String, _>(TaskError::retry("stopped"))
    });
    with_worker(worker, async {
        eventually("it runs", async || (state(&job).await == JobState::Running).then_some(())).await;
        for (refused, why) in
            [(job.edit(note("y")).await, "is running"), (job.reschedule(HOUR).await, "is running")]
        {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotWaiting);
            assert!(refused.to_string().contains(why), "{refused}");
        }
        job.cancel().await.unwrap();
        ended(&place.queue, &job).await;
    })
    .await;
    let refused = job.reschedule(HOUR).await.unwrap_err();
    assert!(refused.to_string().contains("has ended (cancelled)"), "{refused}");
}

async fn of_edits_at_once_one_payload_runs_and_it_is_one_that_succeeded(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("old")).await.unwrap();
    let edits = (0..6).map(|number| job.edit(Note { text: number.to_string() }));

    for edited in join_all(edits).await {
        edited.unwrap();
    }
    job.edit(note("last")).await.unwrap();

    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(job.result().await.unwrap(), "last");
        drained(place).await;
    })
    .await;
    assert_eq!(texts(&ran, &job), ["last"]);
}

async fn of_edits_while_workers_take_the_job_one_payload_runs_and_it_is_the_one_told(place: &Place) {
    let ran = Ran::default();
    let running = start(worker(&place.queue, &ran));
    for round in 0..15 {
        let delay = Duration::from_millis(round % 3);
        let options = EnqueueOptions::new().delay(delay);
        let job = place.queue.enqueue_with(note("old"), options).await.unwrap();
        let edits = ["a", "b"].map(|text| {
            let job = job.clone();
            async move { (text, job.edit(note(text)).await) }
        });

        let edited = join_all(edits).await;
        let result = soon("the job ends", job.result()).await.unwrap();

        let texts = texts(&ran, &job);
        assert_eq!(texts, [result.as_str()], "round {round}: {edited:?}");
        let succeeded: Vec<_> =
            edited.iter().filter(|(_, edited)| edited.is_ok()).map(|(text, _)| *text).collect();
        let expected = if succeeded.is_empty() { vec!["old"] } else { succeeded };
        assert!(expected.contains(&result.as_str()), "round {round}: {result} ran, {edited:?}");
        for (_, edited) in edited {
            assert!(
                edited.is_ok() || edited.as_ref().unwrap_err().kind() == ErrorKind::NotWaiting,
                "{edited:?}"
            );
        }
    }
    drained(place).await;
    running.stop().await;
    assert!(ran.lock().unwrap().values().all(|texts| texts.len() == 1));
}

/// Nor does the message expire for the job that an edit has superseded.
async fn a_job_that_was_put_off_does_not_expire_before_it_is_due(place: &Place) {
    for edited in [false, true] {
        let ran = Ran::default();
        let options = EnqueueOptions::new().ttl(Duration::from_secs(2));
        let job = place.queue.enqueue_with(note("old"), options).await.unwrap();
        if edited {
            job.edit(note("new")).await.unwrap();
        }
        job.reschedule(HOUR).await.unwrap();
        let id = job.id().to_string();
        eventually("its messages have expired", async || {
            place.broker.find(&place.name, &id).await.unwrap().is_none().then_some(())
        })
        .await;
        let letters = place.queue.dead_letters();
        eventually("none is a dead letter", async || {
            let generation = u64::from(edited);
            let waits = place.broker.find_waiting(&place.name, job.id(), generation).await.unwrap();
            let listed = letters.list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
            (waits.is_some() && listed.is_empty()).then_some(())
        })
        .await;

        job.reschedule(Duration::ZERO).await.unwrap();

        let expected = if edited { "new" } else { "old" };
        with_worker(worker(&place.queue, &ran), async {
            assert_eq!(job.result().await.unwrap(), expected);
        })
        .await;
        assert_eq!(texts(&ran, &job), [expected]);
    }
}

async fn a_replay_of_an_edited_job_begins_anew(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("old")).await.unwrap();
    job.edit(note("fails for good")).await.unwrap();
    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(ended(&place.queue, &job).await.status, JobStatus::Failed);
        let replay = eventually("its dead letter is there", async || {
            place.queue.dead_letters().replay(&job.id().to_string()).await.ok()
        });
        let replay = place.queue.handle::<Note>(replay.await);

        let record = ended(&place.queue, &replay).await;

        assert_eq!((record.status, record.generation), (JobStatus::Failed, 0));
        assert_eq!(texts(&ran, &replay), ["fails for good"]);
    })
    .await;
    let left = place.queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
    assert_eq!(left.len(), 1, "one of the replay, none of the message that was superseded");
}

async fn a_superseded_message_that_nobody_can_read_is_no_dead_letter(place: &Place) {
    let ran = Ran::default();
    let job = place.queue.enqueue(note("old")).await.unwrap();
    job.edit(note("fails for good")).await.unwrap();
    let letters = async || place.queue.dead_letters().list(&DeadLetterFilter::default(), 0, 9).await.unwrap();
    with_worker(worker(&place.queue, &ran), async {
        assert_eq!(ended(&place.queue, &job).await.status, JobStatus::Failed);
        eventually("its dead letter is there", async || (letters().await.len() == 1).then_some(())).await;
        let mut late = place.foreign("late", "no JSON");
        late.headers.insert("x-usm-task".to_owned(), Note::NAME.into());
        late.headers.insert("x-usm-job-id".to_owned(), job.id().to_string().into());
        place.broker.publish(vec![late]).await.unwrap();
        drained(place).await;
    })
    .await;
    assert_eq!(letters().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_edit_whose_message_is_not_published_changes_nothing() {
    let (flaky, ran) = (Flaky::new().await, Ran::default());
    let job = flaky.queue.enqueue(note("old")).await.unwrap();
    let scheduled = flaky.queue.enqueue_with(note("later"), EnqueueOptions::new().delay(HOUR)).await.unwrap();
    let before = (job.status().await.unwrap(), scheduled.status().await.unwrap());
    flaky.publish_switch.set(true);

    let refused = [job.edit(note("new")).await, scheduled.reschedule(Duration::ZERO).await];

    for refused in refused.map(Result::unwrap_err) {
        assert_eq!((refused.kind(), refused.is_in_doubt()), (ErrorKind::Unavailable, false));
    }
    assert_eq!((job.status().await.unwrap(), scheduled.status().await.unwrap()), before);
    flaky.publish_switch.set(false);
    with_worker(worker(&flaky.queue, &ran), async { assert_eq!(job.result().await.unwrap(), "old") }).await;
}

/// Its message is there, and counts when it comes first.
#[tokio::test(start_paused = true)]
async fn an_edit_that_cannot_be_committed_is_in_doubt_and_one_payload_runs() {
    let (flaky, ran) = (Flaky::new().await, Ran::default());
    let job = flaky.queue.enqueue(note("old")).await.unwrap();
    let scheduled = flaky.queue.enqueue_with(note("later"), EnqueueOptions::new().delay(HOUR)).await.unwrap();
    flaky.commit_switch.set(true);

    let doubtful = [job.edit(note("new")).await, scheduled.reschedule(Duration::ZERO).await];

    for doubtful in doubtful.map(Result::unwrap_err) {
        assert!(
            doubtful.is_in_doubt() && doubtful.to_string().contains("may have been edited"),
            "{doubtful}"
        );
    }
    flaky.commit_switch.set(false);
    with_worker(worker(&flaky.queue, &ran), async {
        let result = job.result().await.unwrap();
        assert!(["old", "new"].contains(&result.as_str()));
        assert_eq!(scheduled.result().await.unwrap(), "later", "it came at once");
        // The message of before still waits for its hour.
        eventually("no message is ready", async || {
            let depth = flaky.queue.depth("work").await.unwrap();
            (depth.ready == 0 && depth.unsettled == Some(0)).then_some(())
        })
        .await;
    })
    .await;
    assert!(ran.lock().unwrap().values().all(|texts| texts.len() == 1));
}
