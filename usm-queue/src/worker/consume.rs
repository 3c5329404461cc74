//! Consumes one queue for as long as the worker runs, as far as operators want it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{shared::Shared, steering::Intake};
use crate::{
    backend::recovering::{Happened, Recovering},
    error::{Error, chain},
};

/// How often jobs that earlier consumers delivered are counted, while they hold places of the present one.
const RECOUNT: Duration = Duration::from_millis(250);

impl<S: Clone + Send + Sync + 'static> Shared<S> {
    /// Consumes one queue; returns only when that cannot work any more, with the reason.
    pub(super) async fn consume(self: Arc<Self>, queue: String) -> Error {
        let mut intake = self.steering.follow(&queue);
        let mut earlier = Earlier::default();
        loop {
            let now = intake.borrow_and_update().clone();
            let ended = match now {
                Intake::AtOnce(jobs) => self.consume_so_many(&queue, jobs, &mut intake, &mut earlier).await,
                nothing => {
                    if let Intake::Paused(pause) = nothing {
                        self.health.paused(&queue, Some(pause));
                    }
                    intake.changed().await.map_err(|_| Error::closed())
                }
            };
            if let Err(error) = ended {
                return error;
            }
        }
    }

    /// Until something else is wanted.
    async fn consume_so_many(
        self: &Arc<Self>,
        queue: &str,
        jobs: usize,
        intake: &mut watch::Receiver<Intake>,
        earlier: &mut Earlier,
    ) -> Result<(), Error> {
        self.health.paused(queue, None);
        let _at_once = self.queue.metrics().at_once(queue, jobs);
        let changed = intake.changed();
        tokio::pin!(changed);
        let mut recount = tokio::time::interval(RECOUNT);
        loop {
            // Jobs that were begun before go on, and count.
            let prefetch = jobs.saturating_sub(earlier.running());
            let has_more = |earlier: &mut Earlier| jobs.saturating_sub(earlier.running()) > prefetch;
            let mut consumer = (prefetch > 0).then(|| Recovering::new(self.queue.broker(), queue, prefetch));
            let place = Arc::new(());
            let mut consuming = None;
            let ended = loop {
                tokio::select! {
                    biased;
                    _ = &mut changed => break Some(Ok(())),
                    _ = recount.tick(), if prefetch < jobs => if has_more(earlier) { break None },
                    happened = next(&mut consumer) => match happened {
                        Ok(Happened::Consuming) => {
                            drop(consuming.replace(self.queue.metrics().consuming(queue)));
                            self.health.consuming(queue);
                        }
                        Ok(Happened::Delivered(delivery)) => {
                            let (shared, place) = (self.clone(), place.clone());
                            drop(self.jobs.spawn(async move {
                                shared.process(delivery).await;
                                shared.count(&shared.ended);
                                drop(place);
                            }));
                        }
                        Ok(Happened::Lost(why)) => {
                            drop(consuming.take());
                            self.health.lost(queue, &chain(&why));
                        }
                        Err(closed) => break Some(Err(closed)),
                    },
                }
            };
            // What was prefetched goes back.
            drop(consumer);
            earlier.0.push(place);
            if let Some(ended) = ended {
                return ended;
            }
        }
    }
}

async fn next(consumer: &mut Option<Recovering<'_>>) -> Result<Happened, Error> {
    match consumer {
        Some(consumer) => consumer.next().await,
        None => std::future::pending().await,
    }
}

/// Jobs of consumers that are gone: each job holds a clone of its consumer's.
#[derive(Default)]
struct Earlier(Vec<Arc<()>>);

impl Earlier {
    fn running(&mut self) -> usize {
        self.0.retain(|place| Arc::strong_count(place) > 1);
        self.0.iter().map(|place| Arc::strong_count(place) - 1).sum()
    }
}
