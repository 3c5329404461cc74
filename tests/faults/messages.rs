//! Messages that come twice, cannot be read, belong to nobody, or are too large (cases 8, 10, 11 and 12).

use std::collections::BTreeMap;

use lapin::BasicProperties;
use usm_queue::{DeadLetter, ErrorKind, JobFilter, limits::MAX_BODY_BYTES, testing::eventually};
use usm_tests::{Chore, Kind, QUEUE, processes::Process};

use crate::{
    raw::Raw,
    stage::{PATIENCE, Stage, chore, letters, only, runs},
};

/// The exchange that chores are published to.
const EXCHANGE: &str = "chores.tasks";

/// A worker that takes more memory than this keeps something it should not.
const MEMORY_KIB: u64 = 512 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn case_08_a_message_that_comes_several_times_runs_nothing_twice() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let raw = Raw::connect(&stage).await;
    let mut jobs = BTreeMap::new();
    for kind in [Kind::Quick, Kind::Slow(300), Kind::FailsAlways, Kind::Panics] {
        jobs.extend(only(&chore(&queue, kind.clone()).await, kind));
    }
    let mut messages = Vec::new();
    while let Some(message) = raw.take(QUEUE).await {
        messages.push(message.delivery);
    }
    assert_eq!(messages.len(), jobs.len());
    let publish_all = async |times: usize| {
        for message in messages.iter().cycle().take(messages.len() * times) {
            let (exchange, key) = (message.exchange.as_str(), message.routing_key.as_str());
            raw.publish(exchange, key, &message.data, message.properties.clone()).await;
        }
    };
    publish_all(4).await;

    let workers = [stage.worker(), stage.worker()];
    stage.audit(&jobs).await;
    // And once more now that all have ended.
    publish_all(1).await;

    let ended = stage.audit(&jobs).await;
    assert_eq!((ended.completed, ended.failed, ended.died), (2, 2, 0));
    // A retry waits for its turn in the record; a duplicate may begin it earlier, and never once more.
    let starts = runs(&workers);
    let mut attempts = starts.clone();
    attempts.sort();
    attempts.dedup();
    assert_eq!(attempts.len(), starts.len(), "every attempt ran once: {starts:?}");
    assert_eq!(starts.len(), 2 + 2 * 3, "{starts:?}");
    let letters = letters(&queue).await;
    assert_eq!(letters.len(), 2, "each failed job was buried once: {letters:#?}");
}

/// A worker that soon gives up what workers of other versions might know.
fn impatient(stage: &Stage) -> Process {
    let mut work = stage.work();
    work.patience_ms = Some(500);
    stage.worker_that(work)
}

/// Waits until so many dead letters are there and nothing else is left.
async fn buried(stage: &Stage, count: usize) -> Vec<DeadLetter> {
    let queue = stage.observer().await;
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let (letters, unfinished) = (letters(&queue).await, stage.unfinished());
        if letters.len() >= count && unfinished.is_empty() {
            assert_eq!(letters.len(), count, "{letters:#?}");
            return letters;
        }
        assert!(std::time::Instant::now() < deadline, "{} dead letters, {unfinished:?}", letters.len());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_10_what_cannot_be_read_is_dead_lettered_byte_by_byte() {
    let Some(stage) = Stage::shared().await else { return };
    let worker = impatient(&stage);
    let raw = Raw::connect(&stage).await;
    let deep = format!("{{\"key\": {}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let deep_elsewhere =
        format!(r#"{{"key":1,"kind":"quick","text":"","more":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    let bodies: [&[u8]; 12] = [
        b"",
        b"no json",
        b"\xff\xfe\x00\x01",
        br#"{"key":1,"kind":"quick","text":"tru"#,
        br#"{"key":1,"kind":"quick","text":"bad \ud800 surrogate"}"#,
        b"{\"key\":1,\"kind\":\"quick\",\"text\":\"raw \x00 NUL\"}",
        b"null",
        b"[1,2,3]",
        br#"{"key":1e400,"kind":"quick","text":"huge"}"#,
        br#"{"key":123456789012345678901234567890,"kind":"quick","text":"huge"}"#,
        deep.as_bytes(),
        deep_elsewhere.as_bytes(),
    ];

    for (number, body) in bodies.iter().enumerate() {
        let properties = BasicProperties::default().with_message_id(format!("garbage-{number}").into());
        raw.publish(EXCHANGE, "chore.any", body, properties).await;
    }
    let queue = stage.observer().await;
    // A NUL that JSON escapes is a character like any other.
    let fine = Chore { text: "a \0 b".to_owned(), ..Chore::new(1, Kind::Quick) };
    let job = queue.enqueue(fine.clone()).await.unwrap();
    job.result().await.unwrap();

    let letters = buried(&stage, bodies.len()).await;
    for (number, body) in bodies.iter().enumerate() {
        let id = format!("garbage-{number}");
        let letter =
            letters.iter().find(|letter| letter.id == id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(letter.raw, *body, "{letter:#?}");
        assert_eq!((letter.reason.as_str(), letter.attempts), ("undecodable", 0), "{letter:#?}");
        assert!(!letter.errors.is_empty() && letter.queue == QUEUE, "{letter:#?}");
    }
    assert_eq!(runs([&worker]).len(), 1, "only the sound one ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_10_messages_without_any_property_are_worked_or_dead_lettered() {
    let Some(stage) = Stage::shared().await else { return };
    let worker = stage.worker();
    let raw = Raw::connect(&stage).await;

    raw.publish(EXCHANGE, "chore.any", br#"{"key":1,"kind":"quick","text":""}"#, BasicProperties::default())
        .await;
    raw.publish(EXCHANGE, "chore.any", b"nothing at all", BasicProperties::default()).await;

    let letters = buried(&stage, 1).await;
    assert_eq!(letters[0].raw, b"nothing at all");
    worker.line("started ");
    assert_eq!(runs([&worker]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_11_a_task_nobody_knows_is_dead_lettered_once_and_can_be_replayed() {
    let Some(stage) = Stage::shared().await else { return };
    let worker = impatient(&stage);
    let raw = Raw::connect(&stage).await;
    let queue = stage.observer().await;
    let known = chore(&queue, Kind::Quick).await;
    known.result().await.unwrap();
    let body = serde_json::to_vec(&Chore::new(7, Kind::Quick)).unwrap();
    let mut headers = lapin::types::FieldTable::default();
    headers.insert("x-usm-task".into(), lapin::types::AMQPValue::LongString("chore_of_tomorrow".into()));
    let id = usm_queue::JobId::new().to_string();
    let properties = BasicProperties::default().with_message_id(id.clone().into()).with_headers(headers);

    raw.publish(EXCHANGE, "chore.any", &body, properties).await;
    // And one whose payload a newer release wrote.
    let newer = br#"{"key":1,"kind":{"teleports":3},"text":"","since":"2.0"}"#;
    raw.publish(EXCHANGE, "chore.any", newer, BasicProperties::default().with_message_id("newer".into()))
        .await;

    let letters = buried(&stage, 2).await;
    let unknown = letters.iter().find(|letter| letter.id == id).unwrap();
    assert_eq!((unknown.reason.as_str(), unknown.attempts), ("unknown task", 0), "{unknown:#?}");
    assert!(unknown.errors[0].contains("chore_of_tomorrow"), "{unknown:#?}");
    let newer = letters.iter().find(|letter| letter.id == "newer").unwrap();
    assert_eq!(newer.reason, "undecodable", "{newer:#?}");
    assert_eq!(runs([&worker]).len(), 1, "neither ran");
    // Mended by hand, the newer one is worked.
    let payload = serde_json::to_value(Chore::new(1, Kind::Quick)).unwrap();
    let replayed = queue.dead_letters().replay_with("newer", payload).await.unwrap();
    let done = tokio::time::timeout(PATIENCE, queue.wait(replayed)).await.unwrap().unwrap();
    assert_eq!(done.status, usm_queue::JobStatus::Completed, "{done:#?}");
    assert_eq!(buried(&stage, 1).await[0].id, id);
    let again = queue.dead_letters().replay(&id).await.unwrap();
    eventually("it is dead again: still nobody knows it", async || {
        let job = queue.job(again).await.ok()?;
        (job.status == usm_queue::JobStatus::Failed).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_12_what_is_too_large_is_refused_before_anything_is_stored() {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let worker = stage.worker();
    let large = Chore { text: "x".repeat(MAX_BODY_BYTES), ..Chore::new(1, Kind::Quick) };

    let error = queue.enqueue(large).await.expect_err("it is too large");

    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(queue.jobs(&JobFilter::default()).await.unwrap().jobs.is_empty(), "nothing was stored");
    // The largest that is allowed is worked.
    let chore = Chore { text: "x".repeat(MAX_BODY_BYTES - 1_000), ..Chore::new(1, Kind::Quick) };
    let job = queue.enqueue(chore.clone()).await.unwrap();
    let ended = stage.audit(&BTreeMap::from([(job.id(), chore)])).await;
    assert_eq!(ended.completed, 1);
    // Somebody else's giant, and rubbish as large: neither takes the worker down.
    let raw = Raw::connect(&stage).await;
    let rubbish = vec![b'x'; 2 * MAX_BODY_BYTES];
    raw.publish(
        EXCHANGE,
        "chore.any",
        &rubbish,
        BasicProperties::default().with_message_id("rubbish".into()),
    )
    .await;
    let giant = Chore { text: "x".repeat(2 * MAX_BODY_BYTES), ..Chore::new(1, Kind::Quick) };
    let giant = serde_json::to_vec(&giant).unwrap();
    raw.publish(EXCHANGE, "chore.any", &giant, BasicProperties::default()).await;
    let letters = buried(&stage, 1).await;
    assert_eq!((letters[0].id.as_str(), letters[0].raw.len()), ("rubbish", rubbish.len()));
    let memory = worker.memory_kib("VmHWM");
    println!("the worker's memory at its largest: {memory} KiB");
    assert!(memory < MEMORY_KIB, "{memory} KiB");
    assert_eq!(runs([&worker]).len(), 2);
}
