//! The server of the application, when Redis does not answer (case 6).

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use usm_queue::testing::eventually;
use usm_tests::{processes::Process, proxy::Flow, redis};

use crate::stage::Stage;

/// What the server needs itself until it gives up on a part is 2 s; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(12);

/// A running `usm serve` with its workers, and a client of it.
struct Server {
    process: Process,
    url: String,
    http: reqwest::Client,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "the provider is installed, and a test's own client needs no limits"
    )]
    fn start(stage: &Stage) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usm-under-test"));
        command
            .arg("serve")
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("USM_DATA_DIR", stage.file("data"))
            .envs([("USM_PORT", "0"), ("LOG_LEVEL", "WARNING"), ("RABBITMQ_ENABLED", "true")])
            .envs([("RABBITMQ_URL", stage.amqp()), ("REDIS_URL", redis::url(stage.to_redis.address()))]);
        let process = Process::start(&mut command);
        let url = process.line("  page ").trim_end_matches('/').to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(IN_TIME).no_proxy().build().unwrap();
        Self { process, url, http }
    }

    async fn asked(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let asked = Instant::now();
        let answer = request.send().await.unwrap_or_else(|error| {
            panic!("no answer after {:?}: {error}: {:#?}", asked.elapsed(), self.process.errors())
        });
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.asked(self.http.get(format!("{}{path}", self.url))).await
    }

    async fn post_map(&self) -> (u16, Value) {
        let body = json!({"text": "A reader finds a book and reserves it.", "skip_enhancement": true});
        self.asked(self.http.post(format!("{}/generate-map-async", self.url)).json(&body)).await
    }

    async fn until_ready(&self) {
        eventually("it is ready", async || (self.get("/health/ready").await.0 == 200).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_a_server_says_in_time_that_it_is_not_ready_while_redis_does_not_answer() {
    let Some(stage) = Stage::shared().await else { return };
    let server = Server::start(&stage);
    server.until_ready().await;
    let (status, accepted) = server.post_map().await;
    assert_eq!(status, 202, "{accepted}");
    let job = format!("/job/{}", accepted["job_id"].as_str().unwrap());

    let slow = Flow::delayed(Duration::from_secs(5));
    for (what, harm) in [
        ("away", None),
        ("cut off without a word", Some((Flow::FROZEN, Flow::FROZEN))),
        ("slow", Some((Flow::default(), slow))),
    ] {
        match harm {
            None => stage.to_redis.refuse(),
            Some((to_server, to_client)) => stage.to_redis.flow(to_server, to_client),
        }
        let (status, ready) = server.get("/health/ready").await;
        assert_eq!((status, &ready["errors"][0]["pointer"]), (503, &json!("queue")), "{what}: {ready}");
        assert_eq!(server.get("/health/live").await.0, 200, "{what}");
        for (status, body) in [server.get(&job).await, server.post_map().await] {
            assert_eq!(status, 503, "{what}: {body}");
        }
        stage.to_redis.heal();
        server.until_ready().await;
    }

    eventually("the job completes", async || {
        (server.get(&job).await.1["status"] == "completed").then_some(())
    })
    .await;
}
