//! What a worker says when it starts: what it works on, with what, and what may go wrong.

use std::collections::BTreeMap;

use super::Worker;

impl<S: Send + 'static> Worker<S> {
    pub(super) fn announce(&self, queues: &BTreeMap<String, usize>) {
        let tasks: Vec<_> = self.registry.handlers().map(|handler| handler.task).collect();
        for task in &tasks {
            self.queue.metrics().knows(task);
        }
        tracing::info!(
            worker = self.name,
            ?queues,
            ?tasks,
            lease = ?self.lease,
            grace_period = ?self.grace,
            broker = %self.queue.broker().describe(),
            store = %self.queue.store().describe(),
            "the worker starts"
        );
    }

    /// A job that runs longer than the broker waits for its acknowledgement would be given to another worker.
    pub(super) fn warn_of_long_tasks(&self) {
        let Some(limit) = self.queue.broker().settle_within() else { return };
        for handler in self.registry.handlers() {
            let longest = handler.policy.timeout.saturating_add(self.stop_grace);
            if longest >= limit {
                tracing::warn!(
                    task.name = handler.task,
                    task.longest = ?longest,
                    limit = ?limit,
                    "this task may run longer than the broker waits for an acknowledgement and would be delivered again; shorten `TaskPolicy::timeout` or raise the broker's consumer time-out"
                );
            }
        }
    }
}
