//! An open connection, watched for what the broker says about it.

use std::{fmt, ops::Deref, time::Duration};

use futures_util::StreamExt;
use lapin::{Connection, Event};
use tokio::{sync::watch, task::AbortHandle};

use crate::{backend::rabbitmq::endpoint::Endpoint, error::chain};

/// Closed when dropped.
pub(crate) struct OpenConnection {
    connection: Connection,
    /// Why the broker is refusing publishes, if it is.
    blocked: watch::Receiver<Option<String>>,
    events: AbortHandle,
}

impl OpenConnection {
    pub(super) fn new(connection: Connection, endpoint: Endpoint) -> Self {
        let (set_blocked, blocked) =
            watch::channel(connection.status().blocked().then(|| "no reason given".to_owned()));
        // There must be no second listener: it would take events away from this one.
        let events = connection.events_listener();
        let events = tokio::spawn(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Event::ConnectionBlocked(reason) => {
                        tracing::warn!(server = %endpoint, reason, "the broker refuses publishes");
                        set_blocked.send_replace(Some(reason));
                    }
                    Event::ConnectionUnblocked => {
                        tracing::info!(server = %endpoint, "the broker accepts publishes again");
                        set_blocked.send_replace(None);
                    }
                    Event::Error(error) => {
                        tracing::debug!(server = %endpoint, error = chain(&error), "the connection or a channel of it ended");
                    }
                    _ => {}
                }
            }
        });
        Self { connection, blocked, events: events.abort_handle() }
    }

    /// Whether it can be used. Not after the end of the runtime on which it was opened: its events task has ended then.
    pub(crate) fn is_alive(&self) -> bool {
        self.status().connected() && self.blocked.has_changed().is_ok()
    }

    pub(crate) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.clone()
    }

    pub(crate) async fn close(&self, timeout: Duration) {
        let closing = Connection::close(self, 200, "closed by the application".into());
        if let Ok(Err(error)) = tokio::time::timeout(timeout, closing).await {
            tracing::debug!(error = chain(&error), "the connection was lost before it was closed");
        }
    }
}

impl Deref for OpenConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection").field("alive", &self.is_alive()).finish_non_exhaustive()
    }
}
