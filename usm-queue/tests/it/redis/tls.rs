//! `rediss://`: TLS with the roots the system trusts.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use usm_queue::{ErrorKind, JobStatus, backend::JobUpdate, testing};

use crate::certificates;

use super::{
    LONG, claim, new_job, now,
    server::{Server, free_port},
};

/// Tells this test, run as a process of its own, where the server is.
const URL: &str = "USM_TEST_REDIS_TLS_URL";

/// In a process of its own, because the system's roots are named by an environment variable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_works_over_tls_with_the_systems_roots() {
    if let Ok(url) = std::env::var(URL) {
        return work(&url).await;
    }
    if !certificates::can_be_made() {
        return;
    }
    let dir = TempDir::new().unwrap();
    certificates::make(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let port = free_port();
    let arguments = [
        ["--port", "0"],
        ["--tls-port", &port.to_string()],
        ["--tls-cert-file", &path("server.pem")],
        ["--tls-key-file", &path("server.key")],
        ["--tls-ca-cert-file", &path("root.pem")],
        ["--tls-auth-clients", "no"],
    ];
    let Some(_server) = Server::start_on(port, arguments.as_flattened()).await else { return };
    let url = format!("rediss://localhost:{port}");

    let refused = testing::redis_store(url.as_str()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "nobody trusts its root: {refused:?}");
    assert!(format!("{refused:?}").contains("certificate"), "{refused:?}");

    let program = std::env::current_exe().unwrap();
    let name = "redis::tls::a_store_works_over_tls_with_the_systems_roots";
    let child = Command::new(program)
        .args(["--exact", name])
        .env("SSL_CERT_FILE", path("root.pem"))
        .env_remove("SSL_CERT_DIR")
        .env(URL, &url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

async fn work(url: &str) {
    let store = testing::redis_store(url).await.unwrap();
    let job = new_job();
    store.insert(&[job.clone().into()]).await.unwrap();
    let mut watch = store.watch(job.id).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap();
    assert_eq!(now(&*store, job.id).await.status, JobStatus::Completed);
    while let Some(state) = testing::soon("the watch ends", watch.next()).await {
        assert_eq!(state.unwrap().id, job.id);
    }
}
