//! How long a publish waits for the broker.

use std::{pin::Pin, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, Sleep},
};

use super::confirm_channel::ConfirmChannel;
use crate::{
    backend::rabbitmq::connection::timed_out,
    error::{Error, ErrorKind, Result},
};

/// Gives up when the broker does not answer in time, or refuses publishes for too long.
pub(super) struct PublishWait<'a> {
    channel: &'a ConfirmChannel,
    blocked: watch::Receiver<Option<String>>,
    blocked_wait: Duration,
    call_timeout: Duration,
    timeout: Pin<Box<Sleep>>,
}

impl<'a> PublishWait<'a> {
    pub(super) fn new(channel: &'a ConfirmChannel, blocked_wait: Duration, call_timeout: Duration) -> Self {
        Self {
            channel,
            blocked: channel.connection.blocked(),
            blocked_wait,
            call_timeout,
            timeout: Box::pin(tokio::time::sleep(call_timeout)),
        }
    }

    pub(super) async fn until_unblocked(self: Pin<&mut Self>) -> Result<()> {
        let this = self.get_mut();
        if this.blocked.borrow().is_none() {
            return Ok(());
        }
        let unblocked = async { drop(this.blocked.wait_for(Option::is_none).await) };
        if tokio::time::timeout(this.blocked_wait, unblocked).await.is_ok() {
            return Ok(());
        }
        Err(refuses(&this.blocked.borrow().clone().unwrap_or_default(), "nothing was published"))
    }

    pub(super) async fn on<T>(self: Pin<&mut Self>, event: impl Future<Output = T>) -> Result<T> {
        let this = self.get_mut();
        this.timeout.as_mut().reset(Instant::now() + this.call_timeout);
        tokio::select! {
            value = event => Ok(value),
            reason = blocked_longer(this.blocked.clone(), this.blocked_wait) => {
                Err(refuses(&reason, "the message may still arrive when it takes them again"))
            }
            () = this.timeout.as_mut() => {
                // A half-open connection looks like this until the heartbeat notices.
                this.channel.given_up.store(true, Ordering::Relaxed);
                Err(timed_out("confirm a message, which it may or may not have,", this.call_timeout))
            }
        }
    }
}

fn refuses(reason: &str, consequence: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the broker is short of memory or disk and refuses publishes ({reason}); {consequence}"),
    )
    .because("blocked")
}

/// Returns the reason once the broker has refused publishes for this long without a break.
async fn blocked_longer(mut blocked: watch::Receiver<Option<String>>, wait: Duration) -> String {
    loop {
        // The connection has ended; the confirmations will say so.
        if blocked.wait_for(Option::is_some).await.is_err() {
            return std::future::pending().await;
        }
        let Ok(unblocked) =
            tokio::time::timeout(wait, async { blocked.wait_for(Option::is_none).await.is_ok() }).await
        else {
            return blocked.borrow().clone().unwrap_or_default();
        };
        if !unblocked {
            return std::future::pending().await;
        }
    }
}
