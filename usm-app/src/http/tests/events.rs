//! The WebSocket of a job, on a real socket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, future::join_all};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};
use usm_queue::{EnqueueOptions, JobId};

use super::{SOON, TestApp, TestServer, map_ready, task};
use crate::http::Limits;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl TestServer {
    async fn watch(&self, id: &str) -> Socket {
        self.try_watch(id, None).await.unwrap()
    }

    async fn try_watch(&self, id: &str, origin: Option<&str>) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{}/ws/jobs/{id}?token=none", self.address).into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| socket)
    }

    /// Status and kind of the problem that an attempt to watch is answered with.
    async fn refused(&self, id: &str, origin: Option<&str>) -> (u16, Value) {
        let Err(tungstenite::Error::Http(response)) = self.try_watch(id, origin).await else {
            panic!("the upgrade was not refused");
        };
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
        (response.status().as_u16(), body["type"].clone())
    }
}

/// The next state, or the code with which the server closes.
async fn next(socket: &mut Socket) -> Result<Value, CloseCode> {
    loop {
        match timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => return Err(frame.unwrap().code),
            _ => {}
        }
    }
}

/// All further states, and the code with which the server closes.
async fn all(mut socket: Socket) -> (Vec<Value>, CloseCode) {
    let mut states = Vec::new();
    loop {
        match next(&mut socket).await {
            Ok(state) => states.push(state),
            Err(code) => return (states, code),
        }
    }
}

#[tokio::test]
async fn the_present_state_comes_first_and_then_every_change_until_the_end() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let mut socket = server.watch(&id).await;
    let first = next(&mut socket).await.unwrap();
    let _worker = app.work(async |_, job| {
        job.progress(1, 2, "one").await?;
        job.progress(2, 2, "two").await?;
        Ok(map_ready(456))
    });

    let (changes, code) = all(socket).await;

    assert_eq!((&first["type"], &first["status"]), (&"status_changed".into(), &"pending".into()));
    assert_eq!(first["job_id"], id);
    assert!(changes.iter().all(|change| change["type"] == "status_changed"));
    // Progress that nobody waits for may be merged, states never are.
    let mut states: Vec<_> = changes.iter().map(|change| &change["status"]).collect();
    states.dedup();
    assert_eq!(states, ["processing", "completed"]);
    let last = changes.last().unwrap();
    assert_eq!((&last["status"], &last["result"]["project_id"]), (&"completed".into(), &456.into()));
    let versions: Vec<u64> = changes.iter().map(|change| change["version"].as_u64().unwrap()).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    assert_eq!(code, CloseCode::Normal);
}

#[tokio::test]
async fn each_change_that_is_waited_for_is_told() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let mut socket = server.watch(&id).await;
    let (go_on, steps) = tokio::sync::mpsc::channel::<()>(1);
    let steps = std::sync::Arc::new(tokio::sync::Mutex::new(steps));
    let _worker = app.work(move |_, job| {
        let steps = steps.clone();
        async move {
            for step in 1..=3 {
                job.progress(step, 3, "step").await?;
                steps.lock().await.recv().await;
            }
            Ok(map_ready(1))
        }
    });

    for step in 1..=3_u64 {
        while next(&mut socket).await.unwrap()["progress"]["current"] != step {}
        go_on.send(()).await.unwrap();
    }

    assert_eq!(all(socket).await.1, CloseCode::Normal);
}

#[tokio::test]
async fn a_finished_job_is_told_once_and_the_socket_closed() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    app.app.queue.cancel(id.parse().unwrap()).await.unwrap();

    let (states, code) = all(server.watch(&id).await).await;

    assert_eq!((states.len(), &states[0]["status"], code), (1, &"cancelled".into(), CloseCode::Normal));
}

#[tokio::test]
async fn a_failed_attempt_and_its_retry_are_told() {
    let app = TestApp::with(|name| (name == "WORKER_RETRY_DELAY").then(|| "0".into())).await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let socket = server.watch(&id).await;
    let _worker = app.work(async |_, job| match job.attempt() {
        1 => Err(std::io::Error::other("the first attempt fails").into()),
        _ => Ok(map_ready(1)),
    });

    let (states, _) = all(socket).await;

    let retry = states.iter().find(|state| state["error"] == "the first attempt fails").unwrap();
    assert_eq!((&retry["status"], &states.last().unwrap()["attempt"]), (&"pending".into(), &2.into()));
}

#[tokio::test]
async fn jobs_that_are_unknown_or_anothers_are_refused_before_the_upgrade() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let others = app.app.queue.enqueue_with(task(), EnqueueOptions::new().owner(2)).await.unwrap().id();
    let not_found = (404, "urn:usm:problem:not-found".into());

    assert_eq!(server.refused(&JobId::new().to_string(), None).await, not_found);
    assert_eq!(server.refused(&others.to_string(), None).await, not_found);
    assert_eq!(server.refused(&"x".repeat(201), None).await.0, 400);
}

#[tokio::test]
async fn pages_of_foreign_origins_cannot_watch() {
    let app = TestApp::with(|name| (name == "ALLOWED_ORIGINS").then(|| "https://maps.example".into())).await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let own = format!("http://{}", server.address);

    for foreign in ["http://evil.example", "null", "http://localhost:1"] {
        assert_eq!(server.refused(&id, Some(foreign)).await.0, 403, "{foreign}");
    }
    for allowed in [own.as_str(), "https://maps.example"] {
        let mut socket = server.try_watch(&id, Some(allowed)).await.unwrap();
        assert!(next(&mut socket).await.is_ok(), "{allowed}");
    }
}

#[tokio::test]
async fn a_plain_request_is_told_to_upgrade() {
    let app = TestApp::new().await;
    let id = app.start_map().await;

    let refused = app.get(&format!("/ws/jobs/{id}")).await;

    refused.problem(426);
    assert_eq!(refused.header("upgrade"), "websocket");
}

#[tokio::test]
async fn fifty_watchers_all_see_the_end() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let mut sockets = join_all((0..50).map(|_| server.watch(&id))).await;
    for first in join_all(sockets.iter_mut().map(next)).await {
        assert_eq!(first.unwrap()["status"], "pending");
    }
    let _worker = app.work(async |_, job| {
        for step in 1..=10 {
            job.progress(step, 10, format!("step {step}")).await?;
        }
        Ok(map_ready(7))
    });

    let ends = join_all(sockets.into_iter().map(all)).await;

    for (states, code) in ends {
        assert_eq!(states.last().unwrap()["result"]["project_id"], 7);
        assert_eq!(code, CloseCode::Normal);
    }
}

#[tokio::test]
async fn the_shutdown_closes_open_sockets_and_waits_for_them() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let mut socket = server.watch(&id).await;
    next(&mut socket).await.unwrap();

    server.shutdown.cancel();
    let code = next(&mut socket).await;
    assert!(!server.served.is_finished(), "the server did not wait for the answer to its closing message");
    while let Some(Ok(_)) = socket.next().await {}

    assert_eq!(code, Err(CloseCode::Away));
    timeout(SOON, server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_dropped() {
    let app = TestApp::new().await;
    let mut limits = Limits::default();
    limits.watch.ping = Duration::from_millis(20);
    let server = app.serve(limits).await;
    let id = app.start_map().await;
    let handshake = format!(
        "GET /ws/jobs/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );

    // Reads everything and says nothing, until the server gives up.
    let received = timeout(SOON, server.raw(handshake.as_bytes())).await.unwrap();

    assert!(received.starts_with("HTTP/1.1 101"), "{received}");
    assert!(received.contains("status_changed"));
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let app = TestApp::new().await;
    let mut limits = Limits::default();
    limits.watch.ping = Duration::from_millis(300);
    let server = app.serve(limits).await;
    let id = app.start_map().await;
    let mut socket = server.watch(&id).await;

    // Reading answers pings. An unanswered one is followed by no other.
    let mut pings = 0;
    while pings < 2 {
        pings += usize::from(timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap().is_ping());
    }
    app.app.queue.cancel(id.parse().unwrap()).await.unwrap();

    let (states, code) = all(socket).await;
    assert_eq!((&states.last().unwrap()["status"], code), (&"cancelled".into(), CloseCode::Normal));
}

#[tokio::test]
async fn what_a_client_says_is_ignored_unless_it_is_too_much() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let id = app.start_map().await;
    let mut talker = server.watch(&id).await;
    let mut shouter = server.watch(&id).await;
    next(&mut talker).await.unwrap();
    next(&mut shouter).await.unwrap();

    talker.send(Message::text("{\"action\": \"ping\"}")).await.unwrap();
    shouter.send(Message::text("x".repeat(65 << 10))).await.unwrap();

    // The job goes on, so only the message can be the reason.
    let dropped = async { while let Some(Ok(_)) = shouter.next().await {} };
    timeout(SOON, dropped).await.unwrap();
    app.app.queue.cancel(id.parse().unwrap()).await.unwrap();
    assert_eq!(next(&mut talker).await.unwrap()["status"], "cancelled");
}

#[tokio::test]
async fn sockets_beyond_the_limit_are_refused_until_one_is_closed() {
    let app = TestApp::new().await;
    let mut limits = Limits::default();
    limits.watch.sockets = 1;
    let server = app.serve(limits).await;
    let id = app.start_map().await;
    let mut first = server.watch(&id).await;
    next(&mut first).await.unwrap();

    let (status, _) = server.refused(&id, None).await;
    app.app.queue.cancel(id.parse().unwrap()).await.unwrap();
    let (_, code) = all(first).await;
    let freed = async {
        while server.try_watch(&id, None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };

    assert_eq!((status, code), (503, CloseCode::Normal));
    timeout(SOON, freed).await.unwrap();
}
