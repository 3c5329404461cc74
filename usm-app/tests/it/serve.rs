//! `usm serve` with workers in its process, and beside one.

use std::net::TcpListener;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use usm_app::tasks::{GenerateMap, MapReady};
use usm_queue::{JobHandle, JobId};

use crate::support::{Place, RUSSIAN, Running, soon};

/// Serves on a free port and says where.
async fn serve(place: &Place, args: &[&str]) -> (Running, String) {
    let mut server = place.start(args);
    let line = server.out_line("http://").await;
    let address = line.trim().trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    (server, address)
}

/// Status line and body of an answer.
async fn request(address: &str, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Enqueues a map over HTTP, waits for it in this process, and tells who made it.
async fn made_over_http(place: &Place, address: &str) -> (MapReady, String) {
    let body = serde_json::json!({ "text": RUSSIAN }).to_string();
    let (status, body) = request(address, "POST /generate-map-async", &body).await;
    assert!(status.contains("202"), "{status} {body}");
    let accepted: serde_json::Value =
        serde_json::from_str(body.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    let id: JobId = accepted["job_id"].as_str().unwrap().parse().unwrap();
    let app = place.app().await;
    let job: JobHandle<GenerateMap> = app.queue.handle(id);
    let ready = soon(job.result()).await.unwrap();
    (ready, job.status().await.unwrap().worker.unwrap())
}

#[tokio::test]
async fn without_a_subcommand_it_serves_and_works() {
    let place = Place::new().with("USM_PORT", "0");
    let (server, address) = serve(&place, &[]).await;

    let (ready, worker) = made_over_http(&place, &address).await;

    assert!(worker.starts_with(&server.worker_name()), "{worker}");
    assert_eq!((ready.project_name.as_str(), ready.made_by.as_str()), ("Горячо", "offline"));
    server.signal("TERM").await;
    let (code, err) = server.ended().await;
    assert_eq!(code, Some(0), "{err}");
}

#[tokio::test]
async fn a_server_without_workers_leaves_the_work_to_another_process() {
    let place = Place::new().with("USM_PORT", "0");
    let (server, address) = serve(&place, &["serve", "--no-workers"]).await;
    let worker = place.start(&["worker", "map"]);

    let (ready, by) = made_over_http(&place, &address).await;

    assert_eq!(ready.project_name, "Горячо");
    assert!(by.starts_with(&worker.worker_name()), "{by}");
    for process in [server, worker] {
        process.signal("INT").await;
        assert_eq!(process.ended().await.0, Some(0));
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let place = Place::new().with("USM_PORT", port.clone());

    let said = place.run(&["serve"]).await;

    assert_eq!(said.code, Some(1));
    for part in ["error: ", port.as_str(), "USM_PORT"] {
        assert!(said.err.contains(part), "{part} in {}", said.err);
    }
    assert!(!place.path("data").exists(), "nothing was started");
}
