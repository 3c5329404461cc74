//! A WebSocket client that looks on while a worker is killed.

use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt;
use serde_json::Value;
use tokio_tungstenite::{connect_async, tungstenite::Message};
use usm_queue::testing::soon;

use super::site::{Site, TEXT, is_final};

/// The states a WebSocket sends until it is closed, and the close code.
pub(crate) async fn states(url: String) -> (Vec<Value>, Option<u16>) {
    let (mut socket, _) = connect_async(url).await.unwrap();
    let mut states = Vec::new();
    while let Some(message) = socket.next().await {
        match message.unwrap() {
            Message::Text(text) => states.push(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => return (states, frame.map(|frame| frame.code.into())),
            _ => {}
        }
    }
    (states, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_client_sees_the_end_though_the_worker_is_killed() {
    let site = Site::new();
    let server = site.serve(&["--no-workers"]);
    let client = server.client();
    let id = client.post_map(TEXT).await;
    let watching = tokio::spawn(states(client.websocket(&id)));
    let lock = super::settling::lock(&site.database_file());
    let mut worker = site.worker();
    client.job_when(&id, "the map is ready to be saved", |job| !job["partial_results"][0].is_null()).await;

    worker.kill();
    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);
    let next = site.worker();

    let (states, code) = soon("the socket is closed after the last state", watching).await.unwrap();
    assert_eq!(code, Some(1000), "{states:#?}");
    let first = &states[0];
    assert_eq!((first["status"].as_str(), first["type"].as_str()), (Some("pending"), Some("status_changed")));
    let last = states.last().unwrap();
    assert_eq!((last["status"].as_str(), last["attempt"].as_u64()), (Some("completed"), Some(1)));
    assert_eq!(states.iter().filter(|state| is_final(state)).count(), 1, "one end");
    let versions: Vec<_> = states.iter().map(|state| state["version"].as_u64().unwrap()).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "versions only grow: {versions:?}");
    assert!(
        states.iter().any(|state| state["status"] == "processing" && state["attempt"] == 1),
        "{states:#?}"
    );

    // Who comes later gets the end at once.
    let (late, code) =
        tokio::time::timeout(Duration::from_secs(10), self::states(client.websocket(&id))).await.unwrap();
    assert_eq!((late.len(), code), (1, Some(1000)));
    assert_eq!(late[0]["status"], "completed");
    drop((server, next));
    site.audit(&BTreeSet::from([id])).await;
}
