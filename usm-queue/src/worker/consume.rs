//! Consumes one queue for as long as the worker runs, anew after every loss.

use std::{sync::Arc, time::Duration};

use super::shared::{Shared, pause};
use crate::{
    backend::Consumer,
    error::{Error, ErrorKind, chain},
};

/// How long a consumer must last after a loss before its queue counts as consumed again.
const PROOF: Duration = Duration::from_secs(1);

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// Consumes one queue; returns only when that cannot work any more, with the reason.
    pub(super) async fn consume(self: Arc<Self>, queue: String, prefetch: usize) -> Error {
        let mut failures = 0u32;
        loop {
            let why = match self.queue.broker().consume(&queue, prefetch).await {
                Ok(consumer) => self.deliver(&queue, consumer, &mut failures).await,
                Err(error) if error.kind() == ErrorKind::Closed => return error,
                Err(error) => chain(&error),
            };
            failures = failures.saturating_add(1);
            self.health.lost(&queue, &why);
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// Begins whatever a consumer delivers; returns why it ended.
    async fn deliver(self: &Arc<Self>, queue: &str, mut consumer: Consumer, failures: &mut u32) -> String {
        if *failures == 0 {
            self.health.consuming(queue);
        }
        // One that fails at once has not recovered.
        let mut proof = std::pin::pin!(tokio::time::sleep(PROOF));
        loop {
            let next = tokio::select! {
                next = consumer.next() => next,
                () = proof.as_mut(), if *failures > 0 => {
                    *failures = 0;
                    self.health.consuming(queue);
                    continue;
                }
            };
            match next {
                Some(Ok(delivery)) => {
                    if *failures > 0 {
                        *failures = 0;
                        self.health.consuming(queue);
                    }
                    drop(self.jobs.spawn(self.clone().process(delivery)));
                }
                Some(Err(error)) => return chain(&error),
                None => return "the consumer ended".to_owned(),
            }
        }
    }
}
