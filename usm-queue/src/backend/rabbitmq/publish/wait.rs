//! Waiting for the broker while it publishes, within its time and as long as it takes publishes.

use std::{pin::Pin, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, Sleep},
};

use super::confirm_channel::Live;
use crate::{
    backend::rabbitmq::connection::timed_out,
    error::{Error, ErrorKind, Result},
};

/// Waits for the broker, within its time and as long as it takes publishes.
pub(super) struct Wait<'a> {
    live: &'a Live,
    blocked: watch::Receiver<Option<String>>,
    blocked_wait: Duration,
    call_timeout: Duration,
    patience: Pin<Box<Sleep>>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(live: &'a Live, blocked_wait: Duration, call_timeout: Duration) -> Self {
        Self {
            live,
            blocked: live.connection.blocked(),
            blocked_wait,
            call_timeout,
            patience: Box::pin(tokio::time::sleep(call_timeout)),
        }
    }

    pub(super) async fn until_unblocked(self: Pin<&mut Self>) -> Result<()> {
        let this = self.get_mut();
        if this.blocked.borrow().is_none() {
            return Ok(());
        }
        let freed = async { drop(this.blocked.wait_for(Option::is_none).await) };
        if tokio::time::timeout(this.blocked_wait, freed).await.is_ok() {
            return Ok(());
        }
        Err(refuses(&this.blocked.borrow().clone().unwrap_or_default(), "nothing was published"))
    }

    pub(super) async fn on<T>(self: Pin<&mut Self>, event: impl Future<Output = T>) -> Result<T> {
        let this = self.get_mut();
        this.patience.as_mut().reset(Instant::now() + this.call_timeout);
        tokio::select! {
            value = event => Ok(value),
            reason = blocked_longer(this.blocked.clone(), this.blocked_wait) => {
                Err(refuses(&reason, "the message may still arrive when it takes them again"))
            }
            () = this.patience.as_mut() => {
                // A half-open connection looks like this until the heartbeat notices.
                this.live.given_up.store(true, Ordering::Relaxed);
                Err(timed_out("confirm a message, which it may have or not,", this.call_timeout))
            }
        }
    }
}

fn refuses(reason: &str, consequence: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the broker is short of memory or disk and refuses publishes ({reason}); {consequence}"),
    )
}

/// Returns the reason once the broker has refused publishes for this long at a stretch.
async fn blocked_longer(mut blocked: watch::Receiver<Option<String>>, wait: Duration) -> String {
    loop {
        // When the connection has ended its confirmations tell.
        if blocked.wait_for(Option::is_some).await.is_err() {
            return std::future::pending().await;
        }
        let Ok(freed) =
            tokio::time::timeout(wait, async { blocked.wait_for(Option::is_none).await.is_ok() }).await
        else {
            return blocked.borrow().clone().unwrap_or_default();
        };
        if !freed {
            return std::future::pending().await;
        }
    }
}
