//! The API as a client sees it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod document;
mod events;
mod exports;
mod limits;
mod problems;
mod reads;
mod revisions;
mod submits;

use std::{net::SocketAddr, time::Duration};

use poem::{
    http::{Method, StatusCode, header},
    test::TestClient,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use usm_queue::{JobContext, TaskError, Worker};

use super::{Limits, bind, job_events::Watchers, openapi};
use crate::{
    app::App,
    config::Config,
    entities::{
        project::{self, LoadedProject},
        user::LOCAL_USER_ID,
    },
    tasks::{GenerateMap, MapReady},
};
use story_map::{Activity, Release, Story, StoryMap, UserTask, VERSION};

/// Longer than anything here takes; whoever waits longer waits for ever.
const SOON: Duration = Duration::from_secs(30);

const TEXT: &str = "A customer orders food and pays by card. A courier delivers it.";

/// The application on files of its own.
struct TestApp {
    app: App,
    directory: TempDir,
}

impl TestApp {
    async fn new() -> Self {
        Self::with(|_| None).await
    }

    async fn with(setting: impl Fn(&str) -> Option<String>) -> Self {
        let directory = TempDir::new().unwrap();
        let app = open(directory.path(), setting).await;
        Self { app, directory }
    }

    /// One request that does not leave the process. Checks that the answer is what the OpenAPI document declares.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = Request::new(method, path);
        if let Some(body) = body {
            request.body = body.to_string().into_bytes();
            request.headers.push(("content-type", "application/json".into()));
        }
        self.send(request).await
    }

    async fn send(&self, request: Request) -> Reply {
        let watchers = Watchers::new(Limits::default().watch, CancellationToken::new());
        let client = TestClient::new(super::guarded(self.app.clone(), &Limits::default(), watchers));
        let mut sending = client.request(request.method.clone(), &request.path).body(request.body);
        if !request.headers.iter().any(|(name, _)| *name == "host") {
            sending = sending.header("host", "localhost:8000");
        }
        for (name, value) in &request.headers {
            sending = sending.header(*name, value);
        }
        let response = sending.send().await.0;
        let status = response.status();
        let (parts, body) = response.into_parts();
        let bytes = body.into_vec().await.unwrap();
        let reply = Reply { status, headers: parts.headers, bytes };
        document::check_declared(&openapi::document(&self.app), &request.method, &request.path, &reply);
        reply
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Starts a map job and returns its id.
    async fn start_map(&self) -> String {
        let started = self.post("/generate-map-async", json!({ "text": TEXT })).await;
        started.json()["job_id"].as_str().unwrap().to_owned()
    }

    /// A saved map of the user with two stories in one task.
    async fn save_map(&self, user_id: i64) -> LoadedProject {
        if user_id != LOCAL_USER_ID {
            let sql = format!(
                "INSERT INTO users (id, email, hashed_password, is_active, created_at) \
                 VALUES ({user_id}, 'user{user_id}@example.com', 'none', 1, '2026-01-01T00:00:00+00:00')"
            );
            sea_orm::ConnectionTrait::execute_unprepared(&self.app.db, &sql).await.unwrap();
        }
        let job_id = uuid::Uuid::now_v7();
        let saved =
            project::save_map(&self.app.db, job_id, user_id, TEXT, &story_map(), "offline").await.unwrap();
        project::load_map(&self.app.db, saved.id).await.unwrap().unwrap()
    }

    /// Serves on a free port until dropped.
    async fn serve(&self, limits: Limits) -> TestServer {
        let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap().limits(limits);
        let (address, shutdown) = (bound.address(), CancellationToken::new());
        let served = tokio::spawn(bound.serve(self.app.clone(), shutdown.clone()));
        TestServer { address, shutdown, served }
    }

    /// Works map jobs with this handler until the guard is dropped.
    fn work<F, Fut>(&self, handler: F) -> DropGuard
    where
        F: Fn(GenerateMap, JobContext<()>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<MapReady, TaskError>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let worker = Worker::new(self.app.queue.clone(), ()).handle(handler);
        tokio::spawn(worker.run_until(stop.clone().cancelled_owned()));
        stop.drop_guard()
    }
}

async fn open(directory: &std::path::Path, setting: impl Fn(&str) -> Option<String>) -> App {
    let directory = directory.to_str().unwrap().to_owned();
    let lookup = |name: &str| match name {
        "USM_DATA_DIR" => Some(directory.clone()),
        other => setting(other),
    };
    App::open(Config::from_lookup(lookup).unwrap()).await.unwrap()
}

struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }
}

struct Reply {
    status: StatusCode,
    headers: poem::http::HeaderMap,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem with this status, and returns its detail.
    fn problem(&self, status: u16) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{text}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:usm:problem:"), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// A server on a real socket.
struct TestServer {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl TestServer {
    /// Sends these bytes and returns all that comes back until the server closes the connection.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_all(&mut stream).await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.served.await.unwrap();
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer does not take away what was read.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn story_map() -> StoryMap {
    let story = |title: &str, release| Story {
        title: title.into(),
        description: format!("As a customer I want to {title}"),
        persona: "Customer".into(),
        release,
        acceptance_criteria: vec![format!("{title} works")],
        source: None,
    };
    let task = UserTask {
        title: "Choose".into(),
        stories: vec![story("see the menu", Release::Mvp), story("search by dish", Release::Later)],
    };
    StoryMap {
        version: VERSION,
        name: "Food delivery".into(),
        personas: vec!["Customer".into()],
        releases: Release::all(),
        activities: vec![Activity { title: "Order food".into(), tasks: vec![task] }],
        notes: vec!["made by a test".into()],
        questions: Vec::new(),
        unmapped: Vec::new(),
    }
}

fn task() -> GenerateMap {
    GenerateMap::new(TEXT, false)
}

fn map_ready(project_id: i64) -> MapReady {
    MapReady {
        project_id,
        project_name: "Food delivery".into(),
        activities_count: 1,
        stories_count: 2,
        processing_time: 0.1,
        used_enhancement: false,
        made_by: "test".into(),
        failed_count: 0,
        failures: Vec::new(),
        enhancement: None,
    }
}
