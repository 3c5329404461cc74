//! What is declared, imported and fits; queues that are not what they should be, and dead-letter exchanges that are gone
//! (cases 13 and 14).

use std::{collections::BTreeSet, time::Duration};

use lapin::types::FieldTable;
use usm_queue::{ErrorKind, RabbitMqOptions, TaskQueue};
use usm_tests::{Kind, Order, QUEUE, processes::Process};

use crate::{
    raw::Raw,
    stage::{Stage, chore, letters, only},
};

#[tokio::test(flavor = "multi_thread")]
async fn case_13_a_queue_with_other_arguments_ends_the_start_with_one_clear_line() {
    let Some(stage) = Stage::shared().await else { return };
    let raw = Raw::connect(&stage).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-priority".into(), 3i32.into());
    arguments
        .insert("x-dead-letter-exchange".into(), lapin::types::AMQPValue::LongString("chores.dead".into()));
    raw.declare_queue(QUEUE, arguments).await;

    let mut worker = Process::start(&mut stage.command(&Order::Work(stage.work())));

    let code = worker.end_within(Duration::from_secs(30)).code();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    let errors = worker.last_complaints();
    let line = errors.iter().find(|line| line.contains("`chores`")).unwrap_or_else(|| panic!("{errors:#?}"));
    for word in ["x-max-priority", "10", "3"] {
        assert!(line.contains(word), "{word} is missing: {line}");
    }
    assert!(stage.to_rabbit.counts().accepted <= 4, "it does not storm: {:?}", stage.to_rabbit.counts());
    // The same for a program that only enqueues, as a typed error.
    let error = usm_tests::open(&stage.backend(), Duration::from_secs(2)).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::TopologyMismatch, "{error}");
    // And the queue is as it was.
    let queues = stage.rabbit.queues(&stage.vhost, &["name", "arguments"]);
    let arguments = queues.iter().find(|row| row[0] == QUEUE).map(|row| row[1].as_str()).unwrap_or_default();
    assert!(arguments.contains("\"x-max-priority\",3"), "{queues:?}");
}

/// A job fails for good although what keeps dead letters was deleted under the worker's feet.
async fn buried_all_the_same(delete: impl AsyncFnOnce(&Raw)) {
    let Some(stage) = Stage::shared().await else { return };
    let queue = stage.observer().await;
    let _worker = stage.worker();
    let raw = Raw::connect(&stage).await;
    let before = chore(&queue, Kind::FailsAlways).await;
    queue.wait(before.id()).await.unwrap();
    stage.audit(&only(&before, Kind::FailsAlways)).await;

    delete(&raw).await;

    let job = chore(&queue, Kind::FailsAlways).await;
    stage.audit(&only(&job, Kind::FailsAlways)).await;
    let letters = letters(&queue).await;
    assert!(letters.iter().any(|letter| letter.job_id == Some(job.id())), "{letters:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_14_a_failed_job_is_buried_though_the_dead_letter_exchange_was_deleted() {
    buried_all_the_same(async |raw| raw.delete_exchange("chores.dead").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_14_a_failed_job_is_buried_though_the_queue_of_dead_letters_was_deleted() {
    // With the letter that was in it; that is what deleting means.
    buried_all_the_same(async |raw| raw.delete_queue("chores.failed").await).await;
}

/// All that a virtual host has, as RabbitMQ lists it.
fn everything(stage: &Stage, vhost: &str) -> BTreeSet<String> {
    let lists: [&[&str]; 3] = [
        &["list_exchanges", "name", "type", "durable", "auto_delete", "internal", "arguments"],
        &["list_queues", "name", "durable", "auto_delete", "arguments"],
        &["list_bindings", "source_name", "destination_name", "destination_kind", "routing_key", "arguments"],
    ];
    let list = |list: &&[&str]| stage.rabbit.control(&[&["--no-table-headers", "-p", vhost], *list].concat());
    lists.iter().flat_map(|one| list(one).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_from_exported_definitions_is_what_would_be_declared() {
    let Some(stage) = Stage::shared().await else { return };
    let topology = usm_app::app::topology().unwrap();
    let (file, elsewhere) = (stage.file("definitions.json"), stage.rabbit.new_vhost());
    std::fs::write(&file, RabbitMqOptions::new("").definitions(&topology, &elsewhere)).unwrap();

    stage.rabbit.control(&["import_definitions", file.to_str().unwrap()]);
    let queue = TaskQueue::connect(stage.rabbit.url(&stage.vhost), stage.redis.url(), topology.clone())
        .await
        .unwrap();

    assert_eq!(everything(&stage, &elsewhere), everything(&stage, &stage.vhost));
    queue.close().await;
    let there = TaskQueue::connect(stage.rabbit.url(&elsewhere), stage.redis.url(), topology).await;
    there.expect("no argument is of another type").close().await;
}
