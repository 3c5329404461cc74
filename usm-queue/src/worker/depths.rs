//! How many jobs wait and since when, measured now and then.

use std::{convert::Infallible, time::Duration};

use super::shared::Shared;
use crate::{
    backend::{QueueCounts, QueueDepth},
    clock,
    error::{Result, chain},
};

/// How often queues are measured.
const EVERY: Duration = Duration::from_secs(15);

impl<S> Shared<S> {
    /// Measures what waits in these queues, for as long as it is polled. Nothing without feature `metrics`.
    pub(super) async fn measure_depths(&self, queues: &[String]) -> Infallible {
        if !cfg!(feature = "metrics") {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(EVERY).await;
            if self.queue.store().counts_at_will() {
                self.tell_failure("all", self.measure_by_counts(queues).await);
            } else {
                for queue in queues {
                    self.tell_failure(queue, self.measure_by_depth(queue).await);
                }
            }
            let failed = self.queue.wanted().failed_queue();
            let dead = self.queue.broker().depth(failed).await;
            self.tell_failure(failed, dead.map(|depth| self.measure(failed, "dead", depth)));
        }
    }

    /// One read for all queues: the broker would count its messages.
    async fn measure_by_counts(&self, queues: &[String]) -> Result<()> {
        let counts = self.queue.store().counts().await?;
        for queue in queues {
            let none = QueueCounts::new(Some(queue.clone()));
            let of_queue = counts.iter().find(|of| of.queue.as_ref() == Some(queue)).unwrap_or(&none);
            let depth = QueueDepth {
                ready: of_queue.waiting,
                delayed: Some(of_queue.scheduled + of_queue.retrying),
                unsettled: Some(of_queue.running),
            };
            self.measure(queue, "ready", depth);
            self.measure_oldest(queue, of_queue);
        }
        Ok(())
    }

    /// The broker tells of messages that no record is made of yet. The store, whose commands may be counted, is asked only
    /// where something waits.
    async fn measure_by_depth(&self, queue: &str) -> Result<()> {
        let depth = self.queue.broker().depth(queue).await?;
        self.measure(queue, "ready", depth);
        let counts = match depth.ready {
            0 => QueueCounts::new(None),
            _ => self.queue.store().counts_of(queue).await?,
        };
        self.measure_oldest(queue, &counts);
        Ok(())
    }

    fn measure(&self, queue: &str, waiting: &'static str, depth: QueueDepth) {
        let others = [("delayed", depth.delayed), ("running", depth.unsettled)];
        let told = others.into_iter().filter_map(|(state, messages)| Some((state, messages?)));
        for (state, messages) in [(waiting, depth.ready)].into_iter().chain(told) {
            self.queue.metrics().depth(queue, state, messages);
        }
    }

    fn measure_oldest(&self, queue: &str, counts: &QueueCounts) {
        let since = counts.oldest_waiting.and_then(|oldest| (clock::now() - oldest).to_std().ok());
        self.queue.metrics().oldest_waiting(queue, since.unwrap_or_default());
    }

    fn tell_failure(&self, queue: &str, measured: Result<()>) {
        if let Err(error) = measured {
            tracing::debug!(queue, error = chain(&error), "a queue cannot be measured now");
        }
    }
}
