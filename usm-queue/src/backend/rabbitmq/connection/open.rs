//! An open connection, watched for what the broker says about it.

use std::{fmt, ops::Deref, time::Duration};

use futures_util::StreamExt;
use lapin::{Connection, Event};
use tokio::{sync::watch, task::AbortHandle};

use crate::{backend::rabbitmq::endpoint::Place, error::chain};

/// An open connection, with what the broker says about it. Closed when dropped.
pub(crate) struct Held {
    connection: Connection,
    /// Why the broker takes no publishes at present.
    blocked: watch::Receiver<Option<String>>,
    events: AbortHandle,
}

impl Held {
    pub(super) fn new(connection: Connection, place: Place) -> Self {
        let (tell, blocked) =
            watch::channel(connection.status().blocked().then(|| "no reason was told".to_owned()));
        // The only listener: a second one would take events away from this.
        let events = connection.events_listener();
        let events = tokio::spawn(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Event::ConnectionBlocked(reason) => {
                        tracing::warn!(%place, reason, "the broker refuses publishes");
                        tell.send_replace(Some(reason));
                    }
                    Event::ConnectionUnblocked => {
                        tracing::info!(%place, "the broker takes publishes again");
                        tell.send_replace(None);
                    }
                    Event::Error(error) => {
                        tracing::debug!(%place, error = chain(&error), "the connection or a channel of it ended");
                    }
                    _ => {}
                }
            }
        });
        Self { connection, blocked, events: events.abort_handle() }
    }

    /// Whether it can be used. Not once the runtime has ended that it was made on: that moved its frames, and has ended the
    /// task that hears its events.
    pub(crate) fn is_alive(&self) -> bool {
        self.status().connected() && self.blocked.has_changed().is_ok()
    }

    pub(crate) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.clone()
    }

    /// Tells the broker that it is over.
    pub(crate) async fn close(&self, patience: Duration) {
        let closing = Connection::close(self, 200, "closed by the application".into());
        if let Ok(Err(error)) = tokio::time::timeout(patience, closing).await {
            tracing::debug!(error = chain(&error), "the connection was lost before it was closed");
        }
    }
}

impl Deref for Held {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("alive", &self.is_alive()).finish_non_exhaustive()
    }
}
