//! Workers killed in the middle of a map, and between saving it and settling the job (fault cases 1 and 2).

use std::{collections::BTreeSet, io::Read, net::TcpListener, thread, time::Duration};

use rusqlite::Connection;
use serde_json::json;

use super::site::{Site, TEXT};
use crate::processes::{PATIENCE, Process, until};

/// An AI service that takes every request and never answers; tells of the first.
fn silent_service() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (asked, heard) = std::sync::mpsc::channel();
    // Ends with the test process; it holds every connection open until then.
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = [0; 16];
            if stream.read_exact(&mut first).is_ok() && asked.send(()).is_err() {
                return;
            }
            open.push(stream);
        }
    });
    (url, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_whose_worker_is_killed_is_made_by_another() {
    let site = Site::new();
    let server = site.serve(&["--no-workers"]);
    let client = server.client();
    let (url, asked) = silent_service();
    let mut waiting_for_ai = Process::start(site.usm(&["worker", "map"]).envs([
        ("OPENAI_BASE_URL", url.as_str()),
        ("OPENAI_MODEL", "silent"),
        ("API_PROVIDER", "openai"),
    ]));
    let id = client.post_map(TEXT).await;
    asked.recv_timeout(PATIENCE).unwrap();
    let running = client.get(&format!("/job/{id}")).await;
    assert_eq!((&running["status"], &running["attempt"]), (&json!("processing"), &json!(1)));

    waiting_for_ai.kill();
    let offline = site.worker();

    let job = client.completed(&id).await;
    assert_eq!(job["attempt"], 1, "the crash costs no attempt: {job:#}");
    drop((server, offline));
    site.audit(&BTreeSet::from([id])).await;
}

/// The first attempt is held between the two commits by locks on the two files: it cannot save while the one is locked,
/// and cannot settle while the other is.
#[tokio::test(flavor = "multi_thread")]
async fn a_map_saved_by_a_worker_killed_before_it_settled_is_not_saved_again() {
    let site = Site::new();
    let server = site.serve(&["--no-workers"]);
    let client = server.client();
    let database = lock(&site.database_file());
    let mut worker = site.worker();
    let id = client.post_map(TEXT).await;
    let saving = client
        .job_when(&id, "the map is ready to be saved", |job| job["progress"]["message"] == "saving the map")
        .await;
    assert_eq!(saving["attempt"], 1);

    let queue = lock(&site.queue_file());
    database.execute_batch("ROLLBACK").unwrap();
    until(PATIENCE, "the project is saved", || (!site.projects().is_empty()).then_some(()));
    worker.kill();
    queue.execute_batch("ROLLBACK").unwrap();
    drop((database, queue));

    let after = client.get(&format!("/job/{id}")).await;
    assert_eq!(after["status"], "processing", "it was killed in time: {after:#}");
    let next = site.worker();
    let job = client.completed(&id).await;
    assert_eq!(job["attempt"], 1, "the crash costs no attempt");
    let project = client.get(&format!("/project/{}", job["result"]["project_id"])).await;
    assert!(!project["activities"].as_array().unwrap().is_empty());
    drop((server, next));
    site.audit(&BTreeSet::from([id])).await;
}

/// Nobody else writes to the file until it is given up.
pub(super) fn lock(file: &std::path::Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}
