//! RabbitMQ as hosting companies and administrators set it up: limits, another default queue type, users with few rights.

use std::{process::Command, time::Duration};

use serde_json::json;
use usm_queue::{EnqueueOptions, ErrorKind, JobStatus, RabbitMqOptions, TaskQueue, testing::eventually};
use usm_tests::{Chore, Kind, processes::Process, redis};

use crate::stage::{CONSUMING, PATIENCE, Stage, chore, letters};

fn limit(stage: &Stage, limits: &serde_json::Value) {
    stage.rabbit.control(&["set_vhost_limits", "-p", &stage.vhost, &limits.to_string()]);
}

fn usm(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usm-under-test"));
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("USM_DATA_DIR", stage.file("data"))
        .current_dir(stage.file(""))
        .envs([("USM_PORT", "0"), ("LOG_LEVEL", "INFO"), ("RABBITMQ_ENABLED", "true")])
        .envs([("RABBITMQ_URL", stage.amqp()), ("REDIS_URL", redis::url(stage.to_redis.address()))]);
    command
}

/// Runs a command to its end and returns what it printed.
fn run(stage: &Stage, arguments: &[&str]) -> String {
    let output = usm(stage, arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "usm {arguments:?}: {out}{err}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_three_workers_and_every_command_fit_into_5_connections_and_20_queues() {
    let Some(stage) = Stage::shared().await else { return };
    limit(&stage, &json!({"max-connections": 5, "max-queues": 20}));
    std::fs::write(stage.file("text.md"), "A reader finds a book and reserves it.").unwrap();
    let server = Process::start(&mut usm(&stage, &["serve"]));
    server.line("  page ");
    server.complains(CONSUMING);
    let workers: Vec<Process> =
        (0..3).map(|_| Process::start(&mut usm(&stage, &["worker", "all"]))).collect();
    workers.iter().for_each(|worker| drop(worker.complains(CONSUMING)));
    assert_eq!(stage.to_rabbit.counts().open, 4, "one each");

    run(&stage, &["generate", "text.md", "--no-enhancement"]);
    for command in [&["topology", "plan"][..], &["topology", "apply"], &["dead-letter", "list"]] {
        run(&stage, command);
    }
    run(&stage, &["dead-letter", "replay", "--all"]);
    run(&stage, &["dead-letter", "purge", "--yes"]);
    let queues = stage.rabbit.queues(&stage.vhost, &["name"]);
    assert!(queues.len() <= 20, "{queues:?}");

    // These need no message.
    let before = stage.to_rabbit.counts().accepted;
    let jobs = run(&stage, &["job", "list", "--json"]);
    let job: serde_json::Value = serde_json::from_str(jobs.lines().next().unwrap()).unwrap();
    let id = job["job_id"].as_str().unwrap();
    run(&stage, &["job", "show", id]);
    run(&stage, &["job", "watch", id]);
    let cancelled = usm(&stage, &["job", "cancel", id]).output().unwrap();
    assert!(String::from_utf8_lossy(&cancelled.stderr).contains("it has ended"), "{cancelled:?}");
    run(&stage, &["topology", "export"]);
    assert_eq!(stage.to_rabbit.counts().accepted, before);
    assert!(stage.to_rabbit.counts().open <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_is_named() {
    let Some(stage) = Stage::shared().await else { return };
    let topology = usm_app::app::topology().unwrap();
    let connect = async || TaskQueue::connect(stage.amqp(), stage.redis.url(), topology.clone()).await;

    limit(&stage, &json!({"max-queues": 9}));
    let error = connect().await.expect_err("more queues than are allowed");
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(error.to_string().contains("queue limit") && error.to_string().contains('9'), "{error}");

    limit(&stage, &json!({"max-connections": 1}));
    let held = eventually("the failed one is closed", async || {
        RabbitMqOptions::new(stage.amqp()).connect().await.ok()
    })
    .await;
    let error = RabbitMqOptions::new(stage.amqp()).connect().await.expect_err("a second connection");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("connection limit (1)"), "{error}");
    assert!(!error.to_string().contains("fix the URL"), "{error}");
    held.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_given_back_and_their_limit_is_named() {
    let Some(stage) = Stage::shared().await else { return };
    // Enough that no number comes again: lapin lets the next channel under a number fail by the last one's refusal.
    let url = format!("{}?channel_max=40", stage.amqp());
    let amqp = RabbitMqOptions::new(url).share_connection(true);
    let queue = TaskQueue::connect(amqp, stage.redis.url(), usm_tests::topology().unwrap()).await.unwrap();
    let broker_side = queue.topology();
    let worker = stage.worker();
    let failing = chore(&queue, Kind::FailsAlways).await;
    queue.wait(failing.id()).await.unwrap();

    for _ in 0..2 {
        assert!(broker_side.plan().await.unwrap().is_empty());
    }
    drop(worker);
    let looks = (0..80).map(|_| queue.depth(usm_tests::QUEUE));
    let mut refused = futures_util::future::join_all(looks).await.into_iter().filter_map(Result::err);
    assert!(refused.any(|error| error.to_string().contains("channel_max")), "eighty at once are too many");
    eventually("they are free again", async || queue.depth(usm_tests::QUEUE).await.ok()).await;
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_host_whose_default_queue_type_is_quorum_works() {
    let Some(mut stage) = Stage::shared().await else { return };
    stage.vhost = format!("{}-quorum", stage.vhost);
    stage.rabbit.control(&["add_vhost", &stage.vhost, "--default-queue-type", "quorum"]);
    stage.rabbit.control(&["set_permissions", "-p", &stage.vhost, "guest", ".*", ".*", ".*"]);
    let guide = usm_app::app::topology().unwrap();
    let queue = TaskQueue::connect(stage.amqp(), stage.redis.url(), guide).await.unwrap();
    assert!(queue.topology().plan().await.unwrap().is_empty());
    queue.close().await;

    works(&stage.open().await, &stage).await;
}

/// A job that is delayed, one that fails, and a look at its dead letter.
async fn works(queue: &TaskQueue, stage: &Stage) {
    let delay = EnqueueOptions::new().delay(Duration::from_millis(300));
    let delayed = queue.enqueue_with(Chore::new(1, Kind::Quick), delay).await.unwrap();
    let failing = chore(queue, Kind::FailsAlways).await;
    let _worker = stage.worker();
    let ended = async |id| tokio::time::timeout(PATIENCE, queue.wait(id)).await.unwrap().unwrap().status;
    assert_eq!(ended(delayed.id()).await, JobStatus::Completed);
    assert_eq!(ended(failing.id()).await, JobStatus::Failed);
    eventually("it is buried", async || (letters(queue).await.len() == 1).then_some(())).await;
    queue.close().await;
}

/// It may read queues and write to exchanges, and create the lock for looking at dead letters, but no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_the_right_to_configure_works_on_what_an_administrator_made() {
    let Some(stage) = Stage::shared().await else { return };
    let user = format!("worker-{}", stage.vhost);
    stage.rabbit.control(&["add_user", &user, "pw"]);
    let write = "^(chores\\..*|usm\\.delay\\..*|amq\\.default)$";
    stage.rabbit.control(&[
        "set_permissions",
        "-p",
        &stage.vhost,
        &user,
        "^usm\\.browse\\.",
        write,
        "^[^.]*$|failed$|usm\\..*",
    ]);
    let amqp = stage.amqp().replace("guest:guest", &format!("{user}:pw"));
    let topology = usm_tests::topology().unwrap();
    let connect = async || TaskQueue::connect(amqp.as_str(), stage.redis.url(), topology.clone()).await;

    let error = connect().await.expect_err("nobody has made it");
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(
        error.to_string().contains("does not exist") && error.to_string().contains("configure"),
        "{error}"
    );

    stage.observer().await.close().await;
    let queue = connect().await.unwrap();
    works(&queue, &stage).await;
}

/// As an operator finds it who has set it up before.
#[tokio::test(flavor = "multi_thread")]
async fn levels_that_an_earlier_setting_left_are_removed_by_apply_and_told_before() {
    let Some(stage) = Stage::shared().await else { return };
    let deep = RabbitMqOptions::new(stage.amqp()).delay_levels(18);
    let topology = usm_app::app::topology().unwrap();
    TaskQueue::connect(deep, stage.redis.url(), topology).await.unwrap().close().await;
    assert_eq!(stage.rabbit.queues(&stage.vhost, &["name"]).len(), 24);

    assert!(run(&stage, &["topology", "plan"]).contains("- queue    usm.delay.32768000"));
    run(&stage, &["topology", "apply"]);

    assert_eq!(stage.rabbit.queues(&stage.vhost, &["name"]).len(), 19);
    assert!(run(&stage, &["topology", "plan"]).contains("as wanted"));
}
