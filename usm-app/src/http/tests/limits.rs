//! What a client can do to a real socket, and how the server ends.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{SOON, TEXT, TestApp, read_all};
use crate::http::{Limits, bind};

const GET: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /generate-map-async HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Connection: close\r\n{headers}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_request_over_a_socket_is_answered() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let body = format!("{{\"text\": \"{TEXT}\"}}");

    let whole = server.raw(&post(&format!("Content-Length: {}", body.len()), &body)).await;
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = server.raw(&post("Transfer-Encoding: chunked", &chunk)).await;

    assert!(whole.starts_with("HTTP/1.1 202"), "{whole}");
    assert!(chunked.starts_with("HTTP/1.1 202"), "{chunked}");
    timeout(SOON, server.stop()).await.unwrap();
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_is_sent() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;

    let refused = timeout(SOON, server.raw(&post("Content-Length: 1048577", ""))).await.unwrap();

    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
    assert!(refused.contains("application/problem+json"), "{refused}");
}

#[tokio::test]
async fn a_body_that_does_not_say_how_large_it_is_is_cut_at_the_limit() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));

    // Never ends, so that the answer can only come from the limit.
    let sending = async {
        writer.write_all(&post("Transfer-Encoding: chunked", "")).await.unwrap();
        while writer.write_all(chunk.as_bytes()).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let answer = async {
        let mut first = [0; 12];
        reader.read_exact(&mut first).await.unwrap();
        String::from_utf8_lossy(&first).into_owned()
    };
    let answer = timeout(SOON, async {
        tokio::select! { answer = answer => answer, () = sending => "".into() }
    });

    assert_eq!(answer.await.unwrap(), "HTTP/1.1 413");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let app = TestApp::new().await;
    let server = app.serve(Limits { head: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut drip = tokio::time::interval(Duration::from_millis(5));

    let dripping = async {
        while writer.write_all(b"h").await.is_ok() {
            drip.tick().await;
        }
    };
    let mut received = Vec::new();
    let cut = async {
        tokio::select! { read = reader.read_to_end(&mut received) => drop(read), () = dripping => {} }
    };

    timeout(SOON, cut).await.unwrap();
}

#[tokio::test]
async fn a_connection_without_a_request_is_cut() {
    let app = TestApp::new().await;
    let server = app.serve(Limits { head: Duration::from_millis(50), ..Limits::default() }).await;

    let silent = timeout(SOON, server.raw(b"")).await.unwrap();
    let kept_alive = timeout(SOON, server.raw(GET)).await.unwrap();

    assert_eq!(silent, "");
    assert!(kept_alive.starts_with("HTTP/1.1 200"), "{kept_alive}");
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let app = TestApp::new().await;
    let server = app.serve(Limits { body: Duration::from_millis(50), ..Limits::default() }).await;

    let refused = timeout(SOON, server.raw(&post("Content-Length: 100", "{\"text\": "))).await.unwrap();

    assert!(refused.starts_with("HTTP/1.1 408"), "{refused}");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;
    let large = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: {}\r\n\r\n", "x".repeat(30_000));

    let refused = timeout(SOON, server.raw(large.as_bytes())).await.unwrap();

    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
}

#[tokio::test]
async fn a_request_without_one_host_of_this_machine_is_refused() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;

    for head in [
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost",
    ] {
        let answer = server.raw(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{head}: {answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let app = TestApp::new().await;
    let server = app.serve(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(GET).await.unwrap();
    first.read_u8().await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(GET).await.unwrap();

    let early = timeout(Duration::from_millis(50), second.read_u8()).await;
    drop(first);
    let in_turn = timeout(SOON, second.read_u8()).await.unwrap();

    assert!(early.is_err());
    assert_eq!(in_turn.unwrap(), b'H');
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_read_is_cut() {
    let app = TestApp::new().await;
    let limits = Limits { connections: 1, stall: Duration::from_millis(100), ..Limits::default() };
    let server = app.serve(limits).await;
    let mut greedy = TcpStream::connect(server.address).await.unwrap();
    // More than the buffers of both ends hold.
    greedy.write_all(&b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(30)).await.unwrap();

    let answered =
        timeout(SOON, server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));

    assert!(answered.await.unwrap().starts_with("HTTP/1.1 200"));
    drop(greedy);
}

#[tokio::test]
async fn the_shutdown_ends_idle_connections_at_once_and_stuck_ones_after_the_grace() {
    let app = TestApp::new().await;
    let idle = app.serve(Limits { grace: 2 * SOON, ..Limits::default() }).await;
    let stuck = app.serve(Limits { grace: Duration::from_millis(100), ..Limits::default() }).await;
    let mut kept = TcpStream::connect(idle.address).await.unwrap();
    kept.write_all(GET).await.unwrap();
    kept.read_u8().await.unwrap();
    let mut half = TcpStream::connect(stuck.address).await.unwrap();
    half.write_all(&post("Content-Length: 100\r\nExpect: 100-continue", "")).await.unwrap();
    half.read_u8().await.unwrap();

    timeout(SOON, idle.stop()).await.unwrap();
    timeout(SOON, stuck.stop()).await.unwrap();

    assert!(read_all(&mut kept).await.ends_with("{\"status\":\"ok\"}"));
    assert!(read_all(&mut half).await.starts_with("TTP/1.1 100"));
}

#[tokio::test]
async fn a_taken_port_is_told_with_what_to_do() {
    let app = TestApp::new().await;
    let server = app.serve(Limits::default()).await;

    let text = format!("{:#}", bind(server.address).await.unwrap_err());

    assert!(text.contains(&server.address.to_string()) && text.contains("USM_PORT"), "{text}");
}
