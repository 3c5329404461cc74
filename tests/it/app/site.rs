//! A data directory, the processes on it, and a client of its API.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use usm_queue::{Job, JobFilter, JobStatus, TaskQueue};

use crate::processes::{PATIENCE, Process};

/// `USM_LEASE_SECONDS`: how soon a silent worker's job goes to another.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// A small text: drafted offline in a moment.
pub(crate) const TEXT: &str =
    "Library: a reader finds a book and reserves it. A librarian lends books. Later reminders by e-mail.";

/// A data directory of its own, gone with it.
pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// The queue file.
    pub(crate) fn queue_file(&self) -> PathBuf {
        self.dir.path().join("data/queue.db")
    }

    /// The file of the projects.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.dir.path().join("data/usm.db")
    }

    /// The command with these arguments: offline, with a short lease, any free port, and nothing of this process's
    /// environment that it could take for a setting.
    pub(crate) fn usm(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usm-under-test"));
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([("USM_DATA_DIR", "data"), ("USM_PORT", "0"), ("LOG_LEVEL", "WARNING")])
            .envs([("WORKER_MAX_RETRIES", "10"), ("WORKER_RETRY_DELAY", "0"), ("WORKER_CONCURRENCY", "2")])
            .env("USM_LEASE_SECONDS", LEASE.as_secs().to_string())
            .current_dir(self.dir.path());
        command
    }

    /// A server that is ready.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        let process = Process::start(self.usm(&["serve"]).args(arguments));
        let url = process.line("  page ").trim_end_matches('/').to_owned();
        Server { process, url }
    }

    /// A worker for everything.
    pub(crate) fn worker(&self) -> Process {
        Process::start(&mut self.usm(&["worker", "all"]))
    }

    /// The queue, opened by this process as one more.
    pub(crate) async fn queue(&self) -> TaskQueue {
        TaskQueue::open(self.queue_file(), usm_app::app::topology().unwrap()).await.unwrap()
    }

    /// The jobs that have a project, one entry for each project.
    pub(crate) fn projects(&self) -> Vec<String> {
        let connection = Connection::open(self.database_file()).unwrap();
        let mut select = connection.prepare("SELECT job_id FROM projects ORDER BY job_id").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Checks what must be true when no process is left: every accepted job completed once, with one whole project, and
    /// both files are sound. Returns the jobs.
    pub(crate) async fn audit(&self, accepted: &BTreeSet<String>) -> Vec<Job> {
        for file in [self.queue_file(), self.database_file()] {
            let connection = Connection::open(file).unwrap();
            let found: String =
                connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
            assert_eq!(found, "ok");
        }
        let queue = self.queue().await;
        let mut filter = JobFilter::default();
        filter.limit = usize::MAX;
        let jobs = queue.jobs(&filter).await.unwrap().jobs;
        queue.close().await;
        for job in &jobs {
            assert_eq!(job.status, JobStatus::Completed, "{job:#?}");
            assert!(job.attempt <= job.max_attempts, "{job:#?}");
        }
        let known: BTreeSet<String> = jobs.iter().map(|job| job.id.to_string()).collect();
        assert!(known.is_superset(accepted), "accepted and lost: {:?}", accepted - &known);
        let projects = self.projects();
        assert_eq!(projects, known.into_iter().collect::<Vec<_>>(), "one project for each job");
        jobs
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    url: String,
}

impl Server {
    /// A client of its own connections.
    pub(crate) fn client(&self) -> Client {
        Client { http: http(), url: self.url.clone() }
    }
}

/// Asks the API.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the provider is installed, and a test's own client needs no limits"
)]
fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap()
}

impl Client {
    /// Asks for a map; the id of the accepted job.
    pub(crate) async fn post_map(&self, text: &str) -> String {
        self.post(&json!({ "text": text })).await
    }

    /// Asks for a map of the text as it is.
    pub(crate) async fn post_map_as_it_is(&self, text: &str) -> String {
        self.post(&json!({ "text": text, "skip_enhancement": true })).await
    }

    async fn post(&self, body: &Value) -> String {
        let request = self.http.post(format!("{}/generate-map-async", self.url)).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 202, "{body}");
        body["job_id"].as_str().unwrap().to_owned()
    }

    /// What the API has there; it must have it.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The job once `wanted` of it is true.
    pub(crate) async fn job_when(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let job = self.get(&format!("/job/{id}")).await;
            if wanted(&job) {
                return job;
            }
            assert!(Instant::now() < deadline, "it did not happen that {what}: {job:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The completed job.
    pub(crate) async fn completed(&self, id: &str) -> Value {
        let job = self.job_when(id, "the job ends", is_final).await;
        assert_eq!(job["status"], "completed", "{job:#}");
        job
    }

    /// The URL of the WebSocket of a job.
    pub(crate) fn websocket(&self, id: &str) -> String {
        format!("{}/ws/jobs/{id}", self.url.replacen("http", "ws", 1))
    }
}

/// Whether a job, as the API shows it, has ended.
pub(crate) fn is_final(job: &Value) -> bool {
    ["completed", "failed", "cancelled"].contains(&job["status"].as_str().unwrap())
}
