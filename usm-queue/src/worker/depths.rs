//! How many messages wait, measured now and then.

use std::{convert::Infallible, time::Duration};

use super::shared::Shared;
use crate::error::chain;

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
            for queue in queues {
                self.measure_depth(queue, "ready").await;
            }
            self.measure_depth(self.queue.wanted().failed_queue(), "dead").await;
        }
    }

    async fn measure_depth(&self, queue: &str, waiting: &'static str) {
        match self.queue.broker().depth(queue).await {
            Ok(depth) => {
                let others = [("delayed", depth.delayed), ("running", depth.unsettled)];
                let told = others.into_iter().filter_map(|(state, messages)| Some((state, messages?)));
                for (state, messages) in [(waiting, depth.ready)].into_iter().chain(told) {
                    self.queue.metrics().depth(queue, state, messages);
                }
            }
            Err(error) => tracing::debug!(queue, error = chain(&error), "a queue cannot be measured now"),
        }
    }
}
