//! Tasks that change between two versions of a program while jobs wait: what `docs/deploying-and-changing-tasks.md` advises.

use serde::{Deserialize, Serialize};
use usm_queue::{
    JobContext, QueueSpec, SqliteOptions, Task, TaskError, TaskQueue, Topology, Worker,
    backend::{Broker, JobStore},
    testing,
};

use crate::shared::{Note, note, with_worker};

async fn echo(task: Note, _: JobContext<()>) -> Result<String, TaskError> {
    Ok(task.text)
}

#[tokio::test]
async fn jobs_of_a_renamed_task_are_run_under_both_names() {
    #[derive(Serialize, Deserialize)]
    struct Letter {
        text: String,
    }
    impl Task for Letter {
        const NAME: &'static str = "letter";
        const ROUTING_KEY: &'static str = "work.letter";
        type Output = String;
    }
    let queue = crate::shared::in_memory().await;
    let old = queue.enqueue(note("old")).await.unwrap();
    let new = queue.enqueue(Letter { text: "new".to_owned() }).await.unwrap();
    async fn write(task: Letter, _: JobContext<()>) -> Result<String, TaskError> {
        Ok(task.text)
    }
    let worker = Worker::new(queue, ())
        .handle(write)
        .handle(async |task: Note, job: JobContext<()>| write(Letter { text: task.text }, job).await);

    with_worker(worker, async {
        assert_eq!(old.result().await.unwrap(), "old");
        assert_eq!(new.result().await.unwrap(), "new");
    })
    .await;
}

#[tokio::test]
async fn a_new_field_with_a_default_is_read_from_old_jobs_and_ignored_by_old_workers() {
    #[derive(Serialize, Deserialize)]
    struct Newer {
        text: String,
        #[serde(default)]
        urgent: bool,
    }
    impl Task for Newer {
        const NAME: &'static str = Note::NAME;
        const ROUTING_KEY: &'static str = Note::ROUTING_KEY;
        type Output = String;
    }
    let queue = crate::shared::in_memory().await;

    let of_old = queue.enqueue(note("old")).await.unwrap();
    let new_worker = Worker::new(queue.clone(), ()).handle(async |task: Newer, _: JobContext<()>| {
        Ok::<_, TaskError>(format!("{} {}", task.text, task.urgent))
    });
    with_worker(new_worker, async { assert_eq!(of_old.result().await.unwrap(), "old false") }).await;

    let of_new = queue.enqueue(Newer { text: "new".to_owned(), urgent: true }).await.unwrap();
    let old_worker = Worker::new(queue, ()).handle(echo);
    with_worker(old_worker, async { assert_eq!(of_new.result().await.unwrap(), "new") }).await;
}

/// Jobs stay in the queue that they were published to. Their task is found by its name, and the old queue is consumed as
/// long as the routing key of some handler leads there.
#[tokio::test]
async fn what_waits_under_an_old_routing_key_is_run_while_a_handler_has_that_key() {
    #[derive(Serialize, Deserialize)]
    struct Moved {
        text: String,
    }
    impl Task for Moved {
        const NAME: &'static str = Note::NAME;
        const ROUTING_KEY: &'static str = "fast.note";
        type Output = String;
    }
    #[derive(Serialize, Deserialize)]
    struct LeftBehind {}
    impl Task for LeftBehind {
        const NAME: &'static str = "left_behind";
        const ROUTING_KEY: &'static str = Note::ROUTING_KEY;
        type Output = ();
    }
    let (broker, store): (std::sync::Arc<dyn Broker>, std::sync::Arc<dyn JobStore>) =
        testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
    let of =
        |name: &str| QueueSpec::new(name).bind("tasks", format!("{name}.#")).dead_letter_exchange("dead");
    let topology =
        Topology::builder("tasks").dead_letters("dead", "failed").queue(of("work")).queue(of("fast"));
    let queue = TaskQueue::new(broker, store, topology.build().unwrap()).await.unwrap();
    let old = queue.enqueue(note("old")).await.unwrap();
    let new = queue.enqueue(Moved { text: "new".to_owned() }).await.unwrap();
    let worker = Worker::new(queue, ())
        .handle(async |task: Moved, _: JobContext<()>| Ok::<_, TaskError>(task.text))
        .handle(async |_: LeftBehind, _: JobContext<()>| Ok::<_, TaskError>(()));

    with_worker(worker, async {
        assert_eq!(new.result().await.unwrap(), "new");
        assert_eq!(old.result().await.unwrap(), "old");
    })
    .await;
}
