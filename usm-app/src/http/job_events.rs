//! The WebSocket that sends a job's state and then every change until the job is final.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use poem::{
    Endpoint, FromRequest, IntoResponse, Request, Response,
    http::StatusCode,
    web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream},
};
use poem_openapi::types::ToJSON;
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    time::{Instant, interval_at, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use usm_queue::{Job, JobId, JobWatch, TaskQueue};

use super::{
    jobs::{JobView, owned},
    problem::Problem,
};
use crate::app::App;

/// Largest message a client may send, in bytes. Nothing it could say needs more.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// How the sockets are kept in bounds.
#[derive(Debug, Clone, Copy)]
pub struct WatchLimits {
    /// Open sockets in all.
    pub sockets: usize,
    /// Time between two pings; a client that has not answered the one before is dropped.
    pub ping: Duration,
    /// How long a client may take to accept one message, or to answer the closing one.
    pub send: Duration,
}

/// All open sockets: their number is limited, and the shutdown tells and awaits them.
#[derive(Debug, Clone)]
pub(super) struct Watchers {
    limits: WatchLimits,
    free: Arc<Semaphore>,
    open: TaskTracker,
    shutdown: CancellationToken,
}

impl Watchers {
    /// None open yet.
    pub(super) fn new(limits: WatchLimits, shutdown: CancellationToken) -> Self {
        let free = Arc::new(Semaphore::new(limits.sockets));
        Self { limits, free, open: TaskTracker::new(), shutdown }
    }

    /// Waits until the last socket is closed. To be called after the shutdown was announced.
    pub(super) async fn closed(&self) {
        self.open.close();
        self.open.wait().await;
    }
}

/// `GET /ws/jobs/{job_id}`. A parameter `token` is accepted and not looked at: there is no authentication yet.
#[derive(Debug)]
pub(super) struct JobEvents {
    pub(super) app: App,
    pub(super) watchers: Watchers,
}

impl Endpoint for JobEvents {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let job_id: String = request.path_params()?;
        let id = owned(&self.app, &job_id).await?.id;
        let Ok(socket) = WebSocket::from_request_without_body(&request).await else {
            return Err(upgrade_required().into());
        };
        let Ok(permit) = self.watchers.free.clone().try_acquire_owned() else {
            let detail = "too many WebSockets are open; close some or ask GET /job/{job_id} instead";
            return Err(Problem::unavailable(detail, Duration::from_secs(5)).into());
        };
        let limits = self.watchers.limits;
        let shutdown = self.watchers.shutdown.clone();
        let open = self.watchers.open.token();
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let queue = self.app.queue.clone();
        let upgraded = socket.config(config).on_upgrade(move |socket| async move {
            let _counted = (permit, open);
            serve(socket, queue, id, limits, shutdown).await;
        });
        Ok(upgraded.into_response())
    }
}

fn upgrade_required() -> Problem {
    let detail = "this path speaks WebSocket; open it with ws://, or ask GET /job/{job_id} for the state";
    Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", detail)
}

/// Why a socket is closed from this side.
enum End {
    /// The last state was sent.
    JobEnded,
    /// This process stops; the client may connect again.
    Shutdown,
    /// The changes cannot be read.
    Failed,
    /// The client has gone, or does not read or answer.
    Gone,
}

async fn serve(
    mut socket: WebSocketStream,
    queue: TaskQueue,
    id: JobId,
    limits: WatchLimits,
    shutdown: CancellationToken,
) {
    let end = match queue.watch(id).await {
        Ok(changes) => send_changes(&mut socket, changes, limits, shutdown).await,
        Err(error) => failed(&error),
    };
    let (code, reason) = match end {
        End::JobEnded => (CloseCode::Normal, "the job has ended"),
        End::Shutdown => (CloseCode::Away, "the server stops; connect again later"),
        End::Failed => (CloseCode::Error, "the job cannot be watched; ask again later"),
        End::Gone => return,
    };
    // Without waiting for the client's own closing message the connection might be reset before the last state is
    // read.
    let close = async {
        if socket.send(Message::close_with(code, reason)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A client that does not answer is gone; there is nobody to tell.
    let _ = timeout(limits.send, close).await;
}

async fn send_changes(
    socket: &mut WebSocketStream,
    mut changes: JobWatch,
    limits: WatchLimits,
    shutdown: CancellationToken,
) -> End {
    let mut ping = interval_at(Instant::now() + limits.ping, limits.ping);
    let mut answered = true;
    loop {
        let message = tokio::select! {
            () = shutdown.cancelled() => return End::Shutdown,
            change = changes.next() => match change {
                Some(Ok(job)) => Message::text(status_changed(job)),
                Some(Err(error)) => return failed(&error),
                None => return End::JobEnded,
            },
            received = socket.next() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(Message::Pong(_))) => {
                    answered = true;
                    continue;
                }
                Some(Ok(_)) => continue,
            },
            _ = ping.tick() => {
                if !answered {
                    return End::Gone;
                }
                answered = false;
                Message::ping(Vec::new())
            }
        };
        if !matches!(timeout(limits.send, socket.send(message)).await, Ok(Ok(()))) {
            return End::Gone;
        }
    }
}

fn failed(error: &usm_queue::Error) -> End {
    tracing::warn!(error = %error, "a job cannot be watched");
    End::Failed
}

/// The guide's message: `type`, and the fields of the job as in `GET /job/{job_id}`.
fn status_changed(job: Job) -> String {
    let mut message = JobView::from(job).to_json().unwrap_or_else(|| json!({}));
    if let Value::Object(fields) = &mut message {
        fields.insert("type".to_owned(), json!("status_changed"));
    }
    message.to_string()
}
