//! Consumes one queue for as long as the worker runs.

use std::sync::Arc;

use super::shared::Shared;
use crate::{
    backend::recovering::{Happened, Recovering},
    error::{Error, chain},
};

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// Consumes one queue; returns only when that cannot work any more, with the reason.
    pub(super) async fn consume(self: Arc<Self>, queue: String, prefetch: usize) -> Error {
        let mut consumer = Recovering::new(self.queue.broker(), &queue, prefetch);
        let _at_once = self.queue.metrics().at_once(&queue, prefetch);
        let mut consuming = None;
        loop {
            match consumer.next().await {
                Ok(Happened::Consuming) => {
                    drop(consuming.replace(self.queue.metrics().consuming(&queue)));
                    self.health.consuming(&queue);
                }
                Ok(Happened::Delivered(delivery)) => drop(self.jobs.spawn(self.clone().process(delivery))),
                Ok(Happened::Lost(why)) => {
                    drop(consuming.take());
                    self.health.lost(&queue, &chain(&why));
                }
                Err(closed) => return closed,
            }
        }
    }
}
