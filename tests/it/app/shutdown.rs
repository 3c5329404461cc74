//! Servers and workers asked to end by SIGTERM (fault case 28).

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio_tungstenite::{connect_async, tungstenite::Message};
use usm_queue::testing::soon;

use super::site::{Site, TEXT};
use crate::processes::Signal;

/// Requests and sockets may take ten seconds to end; nothing here takes so long.
const IN_TIME: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asked_to_end_closes_its_websockets_and_ends() {
    let site = Site::new();
    let mut server = site.serve(&["--no-workers"]);
    let client = server.client();
    let id = client.post_map(TEXT).await;
    let (mut socket, _) = connect_async(client.websocket(&id)).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(_)))), "the present state");
    let asked = Instant::now();

    server.process.signal(Signal::TERM);

    let Some(Ok(Message::Close(Some(frame)))) = soon("the socket is closed", socket.next()).await else {
        panic!("the socket is closed with a code");
    };
    assert_eq!(u16::from(frame.code), 1001);
    // The answer to the close, which the server waits for.
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    assert_eq!(server.process.end_within(IN_TIME).code(), Some(0), "{:?}", server.process.errors());
    println!("the server ended {:?} after it was asked", asked.elapsed());

    let again = site.serve(&[]);
    again.client().completed(&id).await;
    drop(again);
    site.audit(&BTreeSet::from([id])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_and_workers_asked_to_end_under_load_end_in_time_and_lose_nothing() {
    let site = Site::new();
    let mut accepted = BTreeSet::new();
    for _ in 0..2 {
        let mut server = site.serve(&[]);
        let mut worker = site.worker();
        let client = server.client();
        for _ in 0..15 {
            accepted.insert(client.post_map(TEXT).await);
        }
        let asked = Instant::now();

        server.process.signal(Signal::TERM);
        worker.signal(Signal::TERM);

        assert_eq!(server.process.end_within(IN_TIME).code(), Some(0), "{:?}", server.process.errors());
        assert_eq!(worker.end_within(IN_TIME).code(), Some(0), "{:?}", worker.errors());
        println!("server and worker ended {:?} after they were asked", asked.elapsed());
    }

    let server = site.serve(&[]);
    let client = server.client();
    for id in &accepted {
        assert_eq!(client.completed(id).await["attempt"], 1, "what was handed back did not count");
    }
    drop(server);
    assert_eq!(site.audit(&accepted).await.len(), 30);
}
