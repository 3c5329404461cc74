//! The listening socket and the connections on it, all of them limited and all of them told about the shutdown.
//!
//! Connections are served by hyper itself: the server of the framework has no time-out for headers, takes any number
//! of connections and does not pause when accepting fails.

mod stall;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    guarded,
    job_events::{WatchLimits, Watchers},
};
use crate::app::App;
use stall::StallGuard;

/// Largest head of a request, in bytes; what is larger is answered with 431.
const MAX_HEADER_BYTES: usize = 16 << 10;

/// How long to wait after a failed accept, so that a lack of file descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much the server lets clients take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time, WebSockets not counted; further ones wait. Default 1024.
    pub connections: usize,
    /// How long a client may take for the head of a request, the time between two requests of a connection included.
    /// Default 15 s.
    pub head: Duration,
    /// How long it may take for the body. Default 30 s.
    pub body: Duration,
    /// How long an endpoint may take. Default 30 s.
    pub answer: Duration,
    /// How long it may take until the client reads on. Default 30 s.
    pub stall: Duration,
    /// WebSockets. Default 512 of them, a ping each 25 s, 10 s to accept a message.
    pub watch: WatchLimits,
    /// How long requests and WebSockets may take to end after the shutdown was announced. Default 8 s, within the 10 s
    /// that Docker gives.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            watch: WatchLimits { sockets: 512, ping: Duration::from_secs(25), send: Duration::from_secs(10) },
            grace: Duration::from_secs(8),
        }
    }
}

/// Binds the configured address and serves until the shutdown is announced and the last request has ended.
///
/// # Errors
///
/// See [`bind`].
pub async fn serve(app: App, shutdown: CancellationToken) -> anyhow::Result<()> {
    bind(app.config.server.address()).await?.serve(app, shutdown).await;
    Ok(())
}

/// Starts listening; connections wait until [`Bound::serve`] is called.
///
/// # Errors
///
/// The address is taken or not this machine's; the text says what to do.
pub async fn bind(address: SocketAddr) -> anyhow::Result<Bound> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program listens there: stop it, or choose another port in USM_PORT (0 for any free one)"
            }
            std::io::ErrorKind::PermissionDenied => {
                "this user may not listen on that port: choose one above 1023 in USM_PORT"
            }
            _ => "check USM_HOST and USM_PORT",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address}: {advice}"))
    })?;
    let address = listener.local_addr().context("the listening socket has no address")?;
    Ok(Bound { listener, address, limits: Limits::default() })
}

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

impl Bound {
    /// The address it listens on, with the port that was chosen when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Other limits than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until the shutdown is announced and then until the last request and WebSocket has ended, or until they
    /// have had their time.
    pub async fn serve(self, app: App, shutdown: CancellationToken) {
        let Self { listener, address, limits } = self;
        let watchers = Watchers::new(limits.watch, shutdown.clone());
        let endpoint = Arc::new(guarded(app, &limits, watchers.clone()));
        let free = Arc::new(Semaphore::new(limits.connections));
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        loop {
            let (stream, peer, permit) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &free) => accepted,
            };
            // An answer is small and complete: waiting for more of it only delays it.
            let _ = stream.set_nodelay(true);
            let stream = StallGuard::new(stream, limits.stall);
            let connection =
                serve_connection(stream, peer, address, endpoint.clone(), limits.head, shutdown.clone());
            connections.spawn(cut.clone().run_until_cancelled_owned(async move {
                connection.await;
                drop(permit);
            }));
        }
        drop(listener);
        connections.close();
        let ended = async { tokio::join!(connections.wait(), watchers.closed()) };
        if tokio::time::timeout(limits.grace, ended).await.is_err() {
            tracing::warn!("connections that did not end within {:?} are cut", limits.grace);
            cut.cancel();
            connections.wait().await;
        }
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let permit = free.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection<E: Endpoint<Output = Response> + 'static>(
    stream: StallGuard,
    peer: SocketAddr,
    local: SocketAddr,
    endpoint: Arc<E>,
    head: Duration,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let endpoint = endpoint.clone();
        let request =
            Request::from((request, LocalAddr(local.into()), RemoteAddr(peer.into()), Scheme::HTTP));
        async move { Ok::<_, Infallible>(hyper::Response::from(endpoint.get_response(request).await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_header_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
