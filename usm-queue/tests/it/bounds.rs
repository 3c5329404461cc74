//! What is accepted fits in every later form, and whatever comes can be settled, on every backend.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use serde_json::{Value, json};
use usm_queue::{
    DeadLetter, DeadLetterFilter, EnqueueOptions, ErrorKind, JobContext, JobFilter, JobStatus, SqliteOptions,
    TaskError, TaskQueue, Topology, Worker,
    backend::{Broker, Message},
    testing::{self, eventually, unique},
};

use crate::shared::{Note, ended, note, with_worker};

/// A queue and its broker.
struct Bench {
    queue: TaskQueue,
    broker: Arc<dyn Broker>,
    name: String,
}

impl Bench {
    async fn on(broker: Arc<dyn Broker>, ttl: Option<Duration>) -> Self {
        let name = unique("bounds");
        let (_, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
        let queue = usm_queue::QueueSpec::new(&name).bind(format!("{name}.tasks"), "#");
        let queue = queue.dead_letter_exchange(format!("{name}.dead"));
        let queue = if let Some(ttl) = ttl { queue.message_ttl(ttl) } else { queue };
        let topology = Topology::builder(format!("{name}.tasks"))
            .dead_letters(format!("{name}.dead"), format!("{name}.failed"))
            .queue(queue)
            .build()
            .unwrap();
        let queue = TaskQueue::new(broker.clone(), store, topology).await.unwrap();
        Self { queue, broker, name }
    }

    fn foreign(&self, id: &str, body: &str) -> Message {
        Message::new(format!("{}.tasks", self.name), "work.note", id, body.as_bytes().to_vec())
    }

    fn dead(&self, id: &str, body: &str) -> Message {
        Message::new(format!("{}.dead", self.name), "work.note", id, body.as_bytes().to_vec())
    }

    async fn letters(&self, count: usize) -> Vec<DeadLetter> {
        eventually("the dead letters are there", async || {
            let letters =
                self.queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
            (letters.len() == count).then_some(letters)
        })
        .await
    }
}

/// Runs a test on each backend that is there.
macro_rules! on_each {
    ($ttl:expr, $($test:ident)*) => {
        mod in_memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (broker, _) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
                super::$test(Bench::on(broker, $ttl).await).await;
            })*
        }
        #[cfg(feature = "rabbitmq")]
        mod on_rabbitmq {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                // Removes what it declares.
                let Some(cleaner) = crate::rabbitmq::open().await else { return };
                let broker = usm_queue::RabbitMqOptions::new(crate::rabbitmq::url()).connect().await.unwrap();
                let bench = Bench::on(broker, $ttl).await;
                cleaner.declare(&bench.queue.topology()).await.unwrap();
                super::$test(bench).await;
            })*
        }
    };
}

on_each! {
    None,
    the_largest_metadata_that_are_accepted_fit_in_every_later_form
    many_long_errors_become_a_dead_letter_of_bounded_size
    large_headers_of_others_are_left_out_and_the_body_is_kept
    a_body_that_is_no_json_in_spite_of_its_headers_becomes_a_dead_letter
    thousands_of_letters_that_do_not_match_end_no_replay
    equal_dead_letters_without_ids_are_replayed_as_so_many_jobs
    different_dead_letters_with_the_same_id_are_replayed_as_different_jobs
    a_dropped_look_hides_nothing_and_locks_nobody_out
}

fn metadata(size: usize) -> EnqueueOptions {
    EnqueueOptions::new().metadata("big", "m".repeat(size)).max_attempts(2)
}

async fn the_largest_metadata_that_are_accepted_fit_in_every_later_form(bench: Bench) {
    let queue = &bench.queue;
    let refused = queue.enqueue_with(note("x"), metadata(48 << 10)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert!(refused.to_string().contains("metadata"), "{refused}");
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let refused =
        queue.enqueue_with(note("x"), EnqueueOptions::new().metadata("deep", deep)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    let refused = queue.enqueue_with(note("x"), EnqueueOptions::new().correlation_id("c".repeat(256))).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.is_empty(), "nothing is stored");

    let mut size = 48 << 10;
    let job = loop {
        match queue.enqueue_with(note("x"), metadata(size)).await {
            Ok(job) => break job,
            Err(_) => size -= 1,
        }
    };
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Note, _: JobContext<()>| {
        Err::<String, _>(TaskError::retry_after(Duration::from_millis(1), "e".repeat(10_000)))
    });
    with_worker(worker, ended(queue, &job)).await;
    let letter = bench.letters(1).await.remove(0);
    assert_eq!((letter.attempts, letter.errors.len()), (2, 2));

    let again = queue.dead_letters().replay(&letter.id).await.unwrap();
    assert_eq!(queue.job(again).await.unwrap().metadata["big"], "m".repeat(size));
}

async fn many_long_errors_become_a_dead_letter_of_bounded_size(bench: Bench) {
    let queue = &bench.queue;
    let options = EnqueueOptions::new().metadata("note", "m".repeat(40 << 10)).max_attempts(20);
    let job = queue.enqueue_with(note("x"), options).await.unwrap();
    let worker = Worker::new(queue.clone(), ()).handle(async |_: Note, context: JobContext<()>| {
        let text = format!("{} {}", context.attempt(), "ж".repeat(90_000));
        Err::<String, _>(TaskError::retry_after(Duration::ZERO, text))
    });

    with_worker(worker, async {
        ended(queue, &job).await;
        let letter = bench.letters(1).await.remove(0);
        assert_eq!((letter.attempts, letter.errors.len()), (20, 16));
        assert!(letter.errors[0].starts_with("1 ") && letter.errors[15].starts_with("20 "));
        assert_eq!(letter.errors[5], "… 5 errors left out …");
        assert!(letter.errors.iter().all(|error| error.len() <= 2000));
    })
    .await;
}

async fn large_headers_of_others_are_left_out_and_the_body_is_kept(bench: Bench) {
    let mut garbage = bench.foreign("garbage", "no JSON");
    let mut fails_once = bench.foreign("fails once", r#"{"text": "once"}"#);
    for message in [&mut garbage, &mut fails_once] {
        message.headers.insert("x-theirs".to_owned(), "h".repeat(94 << 10).into());
        message.headers.insert("x-small".to_owned(), "kept".into());
    }
    bench.broker.publish(vec![garbage, fails_once]).await.unwrap();
    let worker =
        Worker::new(bench.queue.clone(), ()).handle(
            async |task: Note, context: JobContext<()>| match context.attempt() {
                1 => Err(TaskError::retry_after(Duration::from_millis(1), "e".repeat(9000))),
                _ => Ok(task.text),
            },
        );

    with_worker(worker, async {
        let letter = bench.letters(1).await.remove(0);
        assert_eq!((letter.id.as_str(), letter.raw.as_slice()), ("garbage", &b"no JSON"[..]));
        eventually("the other is worked", async || {
            let jobs = bench.queue.jobs(&JobFilter::default()).await.unwrap().jobs;
            jobs.iter().any(|job| job.status == JobStatus::Completed && job.attempt == 2).then_some(())
        })
        .await;
    })
    .await;
    assert!(bench.queue.depth(&bench.name).await.unwrap().ready == 0);
}

async fn a_body_that_is_no_json_in_spite_of_its_headers_becomes_a_dead_letter(bench: Bench) {
    let mut message = bench.foreign("m1", "no JSON");
    message.headers.insert("x-usm-task".to_owned(), "note".into());
    bench.broker.publish(vec![message]).await.unwrap();
    let worker = Worker::new(bench.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));

    with_worker(worker, async {
        let letter = bench.letters(1).await.remove(0);
        assert_eq!((letter.reason.as_str(), letter.raw.as_slice()), ("undecodable", &b"no JSON"[..]));
    })
    .await;
}

async fn thousands_of_letters_that_do_not_match_end_no_replay(bench: Bench) {
    const OTHERS: usize = 4000;
    let others = (0..OTHERS).map(|number| bench.dead(&format!("other {number}"), "{}"));
    bench.broker.publish(others.collect()).await.unwrap();
    let mut wanted = bench.dead("wanted", r#"{"text": "x"}"#);
    wanted.headers.insert("x-usm-task".to_owned(), "note".into());
    bench.broker.publish(vec![wanted]).await.unwrap();

    let notes = DeadLetterFilter::default().task("note");
    let rate = NonZeroU32::new(100).unwrap();
    let replayed = bench.queue.dead_letters().replay_all_at(&notes, rate).await.unwrap();

    assert_eq!((replayed.jobs.len(), replayed.stayed.len()), (1, 0));
    assert!(replayed.interrupted.is_none(), "{:?}", replayed.interrupted);
    let left = bench.letters(OTHERS).await;
    assert_eq!((left[0].id.as_str(), left[OTHERS - 1].id.as_str()), ("other 0", "other 3999"));
}

/// How many jobs complete with each text.
async fn texts(bench: &Bench, count: usize) -> Vec<Value> {
    let worker = Worker::new(bench.queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, TaskError>(task.text));
    with_worker(
        worker,
        eventually("all are worked", async || {
            let done = bench.queue.jobs(&JobFilter::default()).await.unwrap().jobs;
            let mut done: Vec<_> = done.into_iter().filter_map(|job| job.result).collect();
            done.sort_by_key(Value::to_string);
            (done.len() == count).then_some(done)
        }),
    )
    .await
}

async fn equal_dead_letters_without_ids_are_replayed_as_so_many_jobs(bench: Bench) {
    let bare = || bench.dead("", r#"{"text": "equal"}"#);
    let other = bench.dead("", r#"{"text": "other"}"#);
    bench.broker.publish(vec![bare(), bare(), other, bare(), bare()]).await.unwrap();
    let (dead, letters) = (bench.queue.dead_letters(), bench.letters(5).await);
    assert_eq!(letters[0].id, letters[1].id);
    assert_ne!(letters[0].id, letters[2].id);
    assert_eq!(dead.get(&letters[2].id).await.unwrap(), letters[2]);

    let first = dead.replay(&letters[0].id).await.unwrap();
    assert!(dead.remove(&letters[0].id).await.unwrap());
    assert_eq!(bench.letters(3).await.iter().filter(|letter| letter.id == letters[0].id).count(), 2);
    let mut replayed = dead.replay_all(&DeadLetterFilter::default()).await.unwrap().jobs;
    replayed.push(first);
    replayed.sort();
    replayed.dedup();

    assert_eq!(replayed.len(), 4, "no two share an id");
    assert_eq!(texts(&bench, 4).await, ["equal", "equal", "equal", "other"]);
}

async fn different_dead_letters_with_the_same_id_are_replayed_as_different_jobs(bench: Bench) {
    let letters = ["one", "two"].map(|text| bench.dead("1", &json!({"text": text}).to_string()));
    bench.broker.publish(letters.to_vec()).await.unwrap();
    bench.letters(2).await;

    let first = bench.queue.dead_letters().replay("1").await.unwrap();
    let second = bench.queue.dead_letters().replay("1").await.unwrap();

    assert_ne!(first, second);
    assert_eq!(texts(&bench, 2).await, ["one", "two"]);
}

async fn a_dropped_look_hides_nothing_and_locks_nobody_out(bench: Bench) {
    const LETTERS: usize = 2000;
    let letters = (0..LETTERS).map(|number| bench.dead(&number.to_string(), "{}"));
    bench.broker.publish(letters.collect()).await.unwrap();
    bench.letters(LETTERS).await;
    let (dead, any) = (bench.queue.dead_letters(), DeadLetterFilter::default());

    for millis in [1, 3, 10, 30] {
        let look = dead.list(&any, 0, usize::MAX);
        let _ = tokio::time::timeout(Duration::from_millis(millis), look).await;
        bench.letters(LETTERS).await;
    }
}
