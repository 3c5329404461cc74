//! A consumer that is opened again after every loss.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Broker, Consumer, Delivery};
use crate::{
    backoff::Backoff,
    error::{Error, ErrorKind, Result},
    metrics,
};

/// How long a consumer must last after a loss, from when it is open, before its queue counts as consumed again: one that fails
/// at once has not recovered.
const PROOF: Duration = Duration::from_secs(1);

/// Consumes one queue for as long as it is polled.
pub(crate) struct Recovering<'a> {
    broker: &'a dyn Broker,
    queue: &'a str,
    prefetch: usize,
    consumer: Option<Consumer>,
    backoff: Backoff,
    /// How long to wait before the next consumer is opened.
    pause: Option<Duration>,
    /// How long the next consumer must last before its queue counts as consumed.
    proof: Duration,
    /// When the present one has.
    proven_at: Option<Instant>,
    /// Why the last one was lost, while none is proven in its place.
    lost_by: Option<&'static str>,
    /// Came while its consumer was still to prove itself.
    held: Option<Delivery>,
}

/// What happens to a consumer.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The queue is consumed, for the first time or again.
    Consuming,
    Delivered(Delivery),
    /// Nothing comes until it is consumed again.
    Lost(Error),
}

impl<'a> Recovering<'a> {
    pub(crate) fn new(broker: &'a dyn Broker, queue: &'a str, prefetch: usize) -> Self {
        Self {
            broker,
            queue,
            prefetch,
            consumer: None,
            backoff: Backoff::of_writes(),
            pause: None,
            proof: Duration::ZERO,
            proven_at: None,
            lost_by: None,
            held: None,
        }
    }

    /// What happens next.
    ///
    /// # Errors
    ///
    /// `Closed` only.
    pub(crate) async fn next(&mut self) -> Result<Happened> {
        if let Some(delivery) = self.held.take() {
            return Ok(Happened::Delivered(delivery));
        }
        if let Some(pause) = self.pause {
            sleep(pause).await;
            self.pause = None;
        }
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => match self.broker.consume(self.queue, self.prefetch).await {
                Ok(consumer) => {
                    self.proven_at = Some(Instant::now() + self.proof);
                    none.insert(consumer)
                }
                Err(error) => return self.lose(error),
            },
        };
        let next = match self.proven_at {
            None => consumer.next().await,
            Some(at) => tokio::select! {
                biased;
                () = sleep_until(at) => {
                    self.recovered();
                    return Ok(Happened::Consuming);
                }
                next = consumer.next() => next,
            },
        };
        match next {
            Some(Ok(delivery)) if self.proven_at.is_some() => {
                self.recovered();
                self.held = Some(delivery);
                Ok(Happened::Consuming)
            }
            Some(Ok(delivery)) => Ok(Happened::Delivered(delivery)),
            Some(Err(error)) => self.lose(error),
            None => self.lose(Error::new(ErrorKind::Unavailable, "the consumer ended")),
        }
    }

    /// Gives the consumer up; another is opened after a pause.
    pub(crate) fn lose(&mut self, error: Error) -> Result<Happened> {
        self.consumer = None;
        if error.kind() == ErrorKind::Closed {
            return Err(error);
        }
        (self.pause, self.proof) = (Some(self.backoff.pause()), PROOF);
        self.lost_by.get_or_insert(error.label());
        Ok(Happened::Lost(error))
    }

    fn recovered(&mut self) {
        self.proven_at = None;
        self.backoff.reset();
        if let Some(cause) = self.lost_by.take() {
            metrics::reconnected("consumer", cause);
        }
    }
}
